r"""The open challenge: the best generator of glyphs within a budget of steps and weights.

What comes back are layers. They are built again here and asked for images of noise that is drawn here, which are
compared with test glyphs that follow from the seed. So figures are no claim but for the number of steps, which is
counted beside the learner's code.

The reference is a VAE whose codes are weighted by 0.3, and whose decoder is then given the codes' own mean and
covariance in place of the standard normal ones (Ghosh et al. 2020, arXiv:1903.12436, fit them after training, too).

The thresholds: the reference reached a distance of 146 with the public seed and of 103 to 124 with secrets, and covers
36 to 40 %; an autoencoder with a fitted Gaussian 135 and 105 to 137, and 35 to 42 %. In 500 to 800 steps a VAE as it
comes reaches 163 or more, a GAN of as many weights 270 and 26 %. Two sets of real glyphs are at about 20 and 97 %.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import load
from course_lib.metrics import density_coverage, extract_features, frechet_distance
from course_lib.probes.ex10_challenge import (
    ACTIVATIONS,
    LAYERS,
    LINEAR,
    NUM_PIXELS,
    STEPS,
    trained_generator,
)
from course_lib.tasks.core import Case, Mistake, Outputs, Task, Verdict, generator

NUM_STEPS, MAX_WEIGHTS = 500, 160_000
DISTANCE, COVERAGE = 155.0, 0.3
_NUM, _K = 2000, 5  # images on each side; neighbours
_MAX_LATENT = 2000

_OTHER_LAYERS = (
    "the layers that came back don't fit together: a generator takes noise (B, k) to images (B, 784), each nn.Linear "
    "as wide as the one before."
)
_TOO_MANY = (
    "the generator has more weights than max_weights, biases included. A hidden layer of fewer units costs less: "
    "nearly all weights lie between the last hidden layer and the 784 pixels."
)
_NOT_FINITE = "there are weights that aren't finite numbers: training ran off. Smaller rates help."
_LOGITS = "the images have grey levels outside [0, 1]. If your network gives logits, end it with nn.Sigmoid()."
_NO_STEP = "no batch was used, or no optimiser took a step: the generator came back as it was made."
_MORE_STEPS = (
    "an optimiser took more steps than there were batches. A batch is a step, and each network has one turn with it; "
    "more turns are another budget."
)
_FEW_STEPS = "only a part of the batches was used. There are num_steps of them: go through all."
_ONE_IMAGE = (
    "the generator makes nearly the same image whatever the noise. Is the noise used, and does training see more than "
    "one value of it?"
)
_NOT_LIKE = (
    "the images are far from glyphs. Is the network that came back the one that was trained, does it expect noise of "
    "mean 0 and variance 1, and did the loss go down?"
)
_NOT_YET = (
    "it makes glyphs, but not yet well enough. Look at them: where codes of a decoder aren't normal, noise lands "
    "between them, and a Gaussian fitted to the codes, folded into the first layer, mends that; a GAN wants longer "
    "training than this budget; too strong a price for the codes blurs, too weak a one leaves holes."
)
_NARROW = (
    "the images are near glyphs, but cover too few of the real ones. Some kinds are missing: copies of a few training "
    "images, a collapsed game, or a decoder fed with noise of too little variance."
)


def _cases(seed: int) -> list[Case]:
    """One training; images to train with and to be measured against follow from the seed."""
    return [
        {
            "num_steps": NUM_STEPS,
            "max_weights": MAX_WEIGHTS,
            "data_seed": int(torch.randint(1 << 30, (), generator=generator(seed))),
        }
    ]


def train_generator(
    batches: Iterable[Tensor],
    max_weights: int,
    *,
    latent_dim: int = 16,
    hidden_dim: int = 192,
    beta: float = 0.3,
    variational: bool = True,
    fold: bool = True,
    lr: float = 2e-3,
    last: Callable[[], nn.Module] = nn.Sigmoid,
    turns: int = 1,
    of_batches: Callable[[Iterable[Tensor]], Iterable[Tensor]] = lambda batches: batches,
    returned: Callable[[nn.Sequential], nn.Sequential] = lambda made: made,
) -> nn.Sequential:
    """The decoder of a VAE, with the codes' mean and covariance in its first layer; after the star mistakes."""
    decoder: Any = nn.Sequential(
        nn.Linear(latent_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, NUM_PIXELS), nn.Sigmoid()
    )
    encoder = nn.Sequential(nn.Linear(NUM_PIXELS, 256), nn.ReLU(), nn.Linear(256, 2 * latent_dim))
    optimizer = torch.optim.Adam([*decoder.parameters(), *encoder.parameters()], lr=lr)
    codes: list[Tensor] = []
    for x in of_batches(batches):
        for _ in range(turns):
            mu, logvar = encoder(x).chunk(2, dim=1)
            z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu) if variational else mu
            price = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1).mean() if variational else 0.0
            error = F.binary_cross_entropy_with_logits(decoder[:-1](z), x, reduction="sum") / len(x)
            optimizer.zero_grad()
            (error + beta * price).backward()
            optimizer.step()
        codes = [*codes[-49:], z.detach()]
    if fold and codes:
        _fold(decoder[0], torch.cat(codes))
    return returned(nn.Sequential(*decoder[:-1], last()))


@torch.no_grad()
def _fold(layer: Any, codes: Tensor) -> None:
    """Standard normal noise comes to this layer as if it had the codes' mean and covariance."""
    root = torch.linalg.cholesky(codes.T.cov())
    layer.bias += layer.weight @ codes.mean(0)
    layer.weight.copy_(layer.weight @ root)


def rebuilt(outputs: Outputs) -> nn.Sequential | None:
    """The generator that these layers make; None if they don't fit together."""
    codes = outputs.get(LAYERS)
    if (
        any(x.is_complex() for x in outputs.values())
        or codes is None
        or codes.ndim != 2
        or codes.shape[1] != 2
        or not 1 <= len(codes) <= 64
    ):
        return None
    network, width = nn.Sequential(), 0
    for place, (code, slope) in enumerate(codes.double().tolist()):
        if code != LINEAR:
            if code not in range(1, len(ACTIVATIONS) + 1):
                return None
            kind: Any = ACTIVATIONS[int(code) - 1]
            network.append(kind(slope) if kind in (nn.LeakyReLU, nn.ELU) else kind())
            continue
        weight, bias = outputs.get(f"{place}.weight"), outputs.get(f"{place}.bias")
        if (
            weight is None
            or weight.ndim != 2
            or not weight.numel()
            or weight.shape[1] != (width or weight.shape[1])
        ):
            return None
        width = len(weight)
        if bias is not None and bias.shape != (width,):
            return None
        layer = nn.Linear(weight.shape[1], width, bias=bias is not None)
        layer.weight.data = weight.float()
        if bias is not None:
            layer.bias.data = bias.float()
        network.append(layer)
    return network if width == NUM_PIXELS else None


def drawn(network: nn.Sequential, num: int, seed: int) -> Tensor:
    """Images of noise that is drawn here, (num, 784)."""
    first = next(layer for layer in network if isinstance(layer, nn.Linear))
    with torch.no_grad():
        images: Tensor = network(torch.randn(num, first.in_features, generator=generator(seed)))
    return images


@cache
def _features(seed: int) -> Tensor:
    """Those of the hidden test glyphs."""
    return extract_features(load("glyphs", "test", _NUM, seed=seed).x)


def measure(case: Case, outputs: Outputs) -> Verdict:
    """Passes a generator within the budget whose images are near the test glyphs and cover them."""
    network = rebuilt(outputs)
    if network is None or next(iter(network.parameters())).shape[1] > _MAX_LATENT:
        return Verdict("wrong", "No generator can be made of what came back.", _OTHER_LAYERS)
    weights = sum(p.numel() for p in network.parameters())
    asked, most = int(case["num_steps"]), int(case["max_weights"])
    if weights > most:
        return Verdict("wrong", f"It has {weights:,} weights; {most:,} are allowed.", _TOO_MANY)
    if not all(bool(p.isfinite().all()) for p in network.parameters()):
        return Verdict("wrong", "No image can be made with it.", _NOT_FINITE)
    handed_out, steps = _steps(outputs)
    if min(handed_out, steps) < 1:
        return Verdict(
            "wrong", f"{handed_out} of {asked} batches were handed out, and {steps} steps taken.", _NO_STEP
        )
    if steps > asked or handed_out > asked:
        return Verdict("wrong", f"{steps} steps were taken; there are {asked} batches.", _MORE_STEPS)
    seed = int(case["data_seed"]) + 1
    images = drawn(network, _NUM, seed)
    if not bool(images.isfinite().all()) or float(images.min()) < 0 or float(images.max()) > 1:
        low, high = float(images.min()), float(images.max())
        return Verdict("wrong", f"Grey levels go from {low:.3g} to {high:.3g}.", _LOGITS)
    features = extract_features(images.view(-1, 1, 28, 28))
    distance = frechet_distance(features, _features(seed))
    coverage = density_coverage(features, _features(seed), _K).coverage
    figures = (
        ("Fréchet distance", round(distance, 1)),
        ("coverage", round(coverage, 3)),
        ("weights", float(weights)),
        ("steps", float(steps)),
    )
    if distance <= DISTANCE and coverage >= COVERAGE:
        return Verdict("right", figures=figures)
    message = (
        f"Fréchet distance {distance:.0f}, at most {DISTANCE:.0f} is asked for; coverage {coverage:.0%}, at least "
        f"{COVERAGE:.0%}; {weights:,} weights, {steps} steps."
    )
    return Verdict("wrong", message, _reason(images, distance, steps < 0.9 * asked), figures=figures)


def _steps(outputs: Outputs) -> tuple[int, int]:
    """Batches handed out and steps taken, as they were counted beside the learner's code."""
    counts = outputs.get(STEPS, torch.zeros(0)).double().flatten()
    if len(counts) != 2 or not bool(counts.isfinite().all()):
        return 0, 0
    first, second = (int(n) for n in counts.clamp(0, 1e9).tolist())
    return first, second


def _reason(images: Tensor, distance: float, few: bool) -> str:
    """The likeliest reason for images that aren't good enough."""
    if float(images.std(dim=0).mean()) < 0.02:
        return _ONE_IMAGE
    if few:
        return _FEW_STEPS
    if distance <= DISTANCE:
        return _NARROW
    return _NOT_LIKE if distance > 10 * DISTANCE else _NOT_YET


def _first(num: int) -> Callable[[Iterable[Tensor]], Iterator[Tensor]]:
    def some(batches: Iterable[Tensor]) -> Iterator[Tensor]:
        for i, x in enumerate(batches):
            if i == num:
                return
            yield x

    return some


def _with(**changed: Any) -> Callable[..., nn.Sequential]:
    return lambda batches, max_weights: train_generator(batches, max_weights, **changed)


@torch.no_grad()
def _spoilt(value: float) -> Callable[[nn.Sequential], nn.Sequential]:
    def change(made: Any) -> nn.Sequential:
        made[0].weight.data.mul_(value)
        return cast(nn.Sequential, made)

    return change


def _narrowed(made: Any) -> nn.Sequential:
    """Another last layer than 784 pixels."""
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 64), nn.Sigmoid())


def _fresh(made: Any) -> nn.Sequential:
    return nn.Sequential(nn.Linear(16, 192), nn.ReLU(), nn.Linear(192, NUM_PIXELS), nn.Sigmoid())


_short = _first(20)

TRAIN_GENERATOR = Task(
    name="train_generator",
    points=4,
    cases=_cases,
    probe=trained_generator,
    reference=train_generator,
    alternatives=(_with(variational=False),),
    measure=measure,
    public_in_grading=False,
    mistakes=(
        Mistake(_with(of_batches=_short, returned=_narrowed), _OTHER_LAYERS),
        Mistake(_with(of_batches=_short, hidden_dim=400), _TOO_MANY),
        Mistake(_with(of_batches=_short, returned=_spoilt(float("nan"))), _NOT_FINITE),
        Mistake(_with(of_batches=_first(0)), _NO_STEP),
        Mistake(_with(of_batches=_first(251), turns=2), _MORE_STEPS),
        Mistake(_with(of_batches=_short, last=nn.Identity), _LOGITS),
        Mistake(_with(of_batches=_short), _FEW_STEPS),
        Mistake(_with(of_batches=_short, returned=_spoilt(0.0)), _ONE_IMAGE),
        Mistake(_with(returned=_fresh), _NOT_LIKE),
        Mistake(_with(fold=False, beta=0.05), _NOT_YET),
    ),
)
