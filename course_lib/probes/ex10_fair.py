"""How a comparison of generators is looked at: who was compared with which images, how many of them, and what became of
the values. No right answer is known here."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.probes.calls import Case
from course_lib.probes.contract import AnswerError, kept
from course_lib.probes.meaning import explained

NAMES = ("copier", "smooth", "sharp", "wide")
SCORES, MADE, REFERENCE = "the scores", "generated images in each comparison", "test images in each reference"
TRAINING, STRANGERS, CALLS = (
    "training images in a reference",
    "other rows in a reference",
    "comparisons of each model",
)
TWICE = "rows of noise that come twice in a comparison"
_WIDTH = 3


class _Generator(nn.Module):
    """Noise (B, latent_dim) to images (B, 3) that say whose they are; at most ``batch_size`` at a time."""

    def __init__(self, model: int, seed: int, latent_dim: int, batch_size: int) -> None:
        super().__init__()
        self.model, self.seed, self.latent_dim, self.batch_size = model, seed, latent_dim, batch_size

    def forward(self, z: Tensor) -> Tensor:
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise AnswerError(
                f"A generator takes noise (B, {self.latent_dim}), its latent_dim; it was given {tuple(z.shape)}."
            )
        if len(z) > self.batch_size:
            raise AnswerError(
                f"A generator was asked for {len(z)} images at a time, and makes at most {self.batch_size}, its "
                "batch_size. Make them in batches, the last one shorter."
            )
        mark = torch.tensor([float(self.model), float(self.seed)]).expand(len(z), 2)
        return torch.cat([mark, z[:, :1]], dim=1)


class _Network(nn.Module):
    """Images to features, from which the images can be read again."""

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 2 or x.shape[1] != _WIDTH:
            raise AnswerError(f"network takes images (B, {_WIDTH}) here; it was given {tuple(x.shape)}.")
        return 2 * x + 1


class _Distance:
    """Gives the value of the model and seed whose features it is given, and notes what it was given."""

    def __init__(self, values: Tensor) -> None:
        self.values = values
        self.calls: list[tuple[int, int, int, int]] = []  # model, seed, generated rows, rows of noise twice there
        self.references: list[Tensor] = []

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        for x in (a, b):
            if not isinstance(x, Tensor) or x.ndim != 2 or x.shape[1] != _WIDTH or not len(x):
                raise AnswerError("distance takes two clouds of features, (n, d) each, from network.")
        a, b = ((x.double() - 1) / 2 for x in (a, b))
        generated, real = (a, b) if float(a[0, 0]) >= 0 else (b, a)
        if float(real[0, 0]) >= 0 or bool((generated[:, 0] < 0).any()):
            raise AnswerError(
                "distance was given two clouds of generated, or of real, images. It compares one of each."
            )
        marks = generated[:, :2].unique(dim=0)
        if len(marks) > 1:
            raise AnswerError(
                "Images of several generators were put into one cloud. Each generator has a comparison of its own; "
                "what is averaged are the distances."
            )
        model, seed = (int(i) for i in marks[0])
        self.calls.append((model, seed, len(generated), len(generated) - len(generated[:, 2].unique())))
        self.references.append(real)
        return self.values[model, seed].clone()


_ERRORS = {
    "'dict' object has no attribute": "models is a dictionary: a name, and a list of generators trained with other "
    "seeds.",
    "'list' object has no attribute": "Each name has a list of generators, trained with other seeds.",
    "'list' object is not callable": "Each name has a list of generators, trained with other seeds.",
}


def compared(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The scores by name, and how each came about.

    ``case``: ``values`` (models, most seeds), the distances; ``seeds``, ``batch_sizes`` and ``latent_dims`` of each
    model, ``train`` and ``test`` images with -1 and -2 in their first column, and ``num_samples``.
    """
    tensors = {name: x for name, x in case.items() if isinstance(x, Tensor)}
    columns = [tensors[name].tolist() for name in ("seeds", "latent_dims", "batch_sizes")]
    models = {
        NAMES[i]: [_Generator(i, seed, latent_dim, batch_size) for seed in range(seeds)]
        for i, (seeds, latent_dim, batch_size) in enumerate(zip(*columns, strict=True))
    }
    network, distance = _Network(), _Distance(tensors["values"])
    for module in (network, *(g for generators in models.values() for g in generators)):
        module.eval()
    given = {name: list(generators) for name, generators in models.items()}
    watched: dict[str, object] = {"train": tensors["train"], "test": tensors["test"], "network": network}
    with kept(watched), explained(_ERRORS):
        result = answer(given, network, tensors["train"], tensors["test"], case["num_samples"], distance)
    if not isinstance(result, dict) or set(result) != set(models):
        came = (
            f"a dictionary of {', '.join(map(str, result))}" if isinstance(result, dict) else type(result).__name__
        )
        raise AnswerError(f"A dictionary was expected, a score for each of {', '.join(models)}; {came} came.")
    scores = []
    for name in models:
        score = torch.as_tensor(result[name], dtype=torch.float64) if not isinstance(result[name], tuple) else None
        if score is None or score.ndim:
            raise AnswerError(f"The score of {name} should be one number.")
        scores.append(score)
    return {SCORES: torch.stack(scores)} | _facts(distance, len(models), tensors)


def _facts(distance: _Distance, num_models: int, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Numbers of each model's comparisons, the smallest and the largest."""

    def of(model: int, values: list[int]) -> list[int]:
        return [value for call, value in zip(distance.calls, values, strict=True) if call[0] == model] or [-1]

    made = [n for _, _, n, _ in distance.calls]
    tests = [len(set(real[real[:, 0] == -2][:, 1].tolist())) for real in distance.references]
    firsts = [
        int(real[real[:, 0] == -2][:, 1].max()) + 1 if t else 0
        for real, t in zip(distance.references, tests, strict=True)
    ]
    training = [int((real[:, 0] == -1).sum()) for real in distance.references]
    facts = {
        MADE: [[min(of(m, made)), max(of(m, made))] for m in range(num_models)],
        REFERENCE: [[min(of(m, x)), max(of(m, x))] for m in range(num_models) for x in (tests, firsts)],
        TRAINING: [max(of(m, training)) for m in range(num_models)],
        STRANGERS: [max([len(r) for r in distance.references] or [0]) - max([*tests, *training, 0])],
        CALLS: [len({call[1] for call in distance.calls if call[0] == m}) for m in range(num_models)],
        TWICE: [max((twice for *_, twice in distance.calls), default=0)],
    }
    return {name: torch.tensor(x, dtype=torch.float64) for name, x in facts.items()}
