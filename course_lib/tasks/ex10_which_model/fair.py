"""A comparison made fair: as many images for each model, held-out ones as the reference, the mean over seeds.

The friend's comparison has three faults. It makes whole batches only, so a model with large batches is measured at a
smaller n, where the Fréchet distance is larger; its reference are training images, so who copies them wins; and it
keeps the best seed, so who was trained more often wins.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from torch import Tensor

from course_lib.probes.ex10_fair import CALLS, MADE, REFERENCE, SCORES, TRAINING, compared
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

Scores = dict[str, Tensor]


def _cases(seed: int) -> list[Case]:
    """Models with other batch sizes, of which none divides num_samples, and other numbers of seeds."""
    source = generator(seed)
    cases: list[Case] = []
    for num_samples, seeds, batch_sizes, latent_dims in (
        (23, (5, 2, 3), (5, 9, 14), (3, 2, 4)),
        (17, (2, 4, 3, 6), (17, 6, 12, 4), (2, 5, 1, 3)),
    ):
        rows = torch.arange(2.0 * num_samples + 5)
        real = [torch.stack([torch.full_like(rows, kind), rows, rows + 0.5], dim=1) for kind in (-1.0, -2.0)]
        values = away_from_zero((len(seeds), max(seeds)), source, 0.5, 4.0, torch.float64).abs()
        given: dict[str, Tensor | int | float] = {"values": values, "train": real[0], "test": real[1]}
        given |= {"num_samples": num_samples, "seeds": torch.tensor(seeds)}
        given |= {"batch_sizes": torch.tensor(batch_sizes), "latent_dims": torch.tensor(latent_dims)}
        cases.append(given)
    return cases


def _exactly(num_samples: int, generators: Any, models: Any) -> int:
    return num_samples


def _whole_batches(num_samples: int, generators: Any, models: Any) -> int:
    return num_samples // generators[0].batch_size * generators[0].batch_size


def _rounded_up(num_samples: int, generators: Any, models: Any) -> int:
    return -(-num_samples // generators[0].batch_size) * generators[0].batch_size


def _smallest(num_samples: int, generators: Any, models: Any) -> int:
    """What the model with the fewest whole batches makes."""
    return min(_whole_batches(num_samples, g, models) for g in models.values())


Number = Callable[[int, Any, Any], int]
Reference = Callable[[Tensor, Tensor, int, int], Tensor]


def fair_comparison(
    models: dict[str, list[Any]],
    network: Any,
    train: Tensor,
    test: Tensor,
    num_samples: int,
    distance: Any,
    *,
    number: Number = _exactly,
    reference: Reference = lambda train, test, asked, made: test[:asked],
    score: Callable[[Tensor], Tensor] = lambda values: values.mean(),
    seeds: Callable[[list[Any], Any], list[Any]] = lambda generators, models: generators,
    anew: bool = False,
) -> Scores:
    """The comparison by the book; what stands after the star is changed by mistakes."""
    scores = {}
    for name, generators in models.items():
        found = []
        for i, player in enumerate(seeds(generators, models)):
            source, parts = torch.Generator().manual_seed(i), []
            wanted = number(num_samples, generators, models)
            for start in range(0, wanted, player.batch_size):
                size = min(player.batch_size, wanted - start)
                source = source.manual_seed(i) if anew else source
                parts.append(network(player(torch.randn(size, player.latent_dim, generator=source))))
            real = network(reference(train, test, num_samples, wanted))
            found.append(distance(torch.cat(parts), real))
        scores[name] = score(torch.stack(found))
    return scores


def _cut(
    models: Any, network: Any, train: Tensor, test: Tensor, num_samples: int, distance: Any
) -> dict[str, float]:
    """Another style: whole batches, cut to the number wanted; floats."""
    reference = network(test[:num_samples])
    scores = {}
    for name, generators in models.items():
        total = 0.0
        for player in generators:
            parts: list[Tensor] = []
            while sum(map(len, parts)) < num_samples:
                parts.append(player(torch.randn(player.batch_size, player.latent_dim)))
            total += float(distance(network(torch.cat(parts)[:num_samples]), reference))
        scores[name] = total / len(generators)
    return scores


def _with(**changed: Any) -> Callable[..., Scores]:
    return lambda *given: fair_comparison(*given, **changed)


def _fewest(generators: list[Any], models: Any) -> list[Any]:
    return generators[: min(map(len, models.values()))]


def _from_train(train: Tensor, test: Tensor, asked: int, made: int) -> Tensor:
    return train[:asked]


_LEFT = {
    "number": (
        _whole_batches,
        "some models are measured with fewer images than num_samples: whole batches only, so the remainder is missing. "
        "The Fréchet distance grows as n falls, and the large batches pay for it.",
    ),
    "reference": (
        _from_train,
        "the reference still is training images: who copies them wins. Measure against images that no model has seen.",
    ),
    "score": (
        torch.amin,
        "the best seed still stands for a model. Who was trained more often has more tries: take the mean over seeds.",
    ),
}


def _faults_left() -> list[Mistake]:
    """Every choice of the three faults but none."""
    mistakes = []
    for left in product((True, False), repeat=3):
        names = [name for name, there in zip(_LEFT, left, strict=True) if there]
        if names:
            told = " And ".join(_LEFT[name][1] for name in names)
            more = {1: "Two faults are mended. One is left: ", 2: "One fault is mended. Two are left: "}
            said = more.get(len(names), "This is the friend's comparison, with its three faults: ") + told
            mistakes.append(Mistake(_with(**{name: _LEFT[name][0] for name in names}), said))
    return mistakes


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """What of the comparison is off, where several things are."""
    off = [name for name in expected if not torch.allclose(expected[name], got[name], rtol=1e-4)]
    said = {
        MADE: "models are measured with other numbers of images than num_samples",
        REFERENCE: "the reference isn't the first num_samples test images",
        TRAINING: "there are training images in the reference",
        CALLS: "not every generator was measured",
        SCORES: "a score isn't the mean over the model's seeds",
    }
    told = [said[name] for name in said if name in off]
    return "; ".join(told) + "." if told else ""


FAIR_COMPARISON = Task(
    name="fair_comparison",
    points=3,
    cases=_cases,
    reference=fair_comparison,
    alternatives=(_cut,),
    probe=compared,
    explain=_told,
    mistakes=(
        *_faults_left(),
        Mistake(
            _with(number=_smallest),
            "all models have as many images now, but fewer than num_samples: the number of the one with the fewest. "
            "That is fair, and noisier than asked for: let the last batch be shorter.",
        ),
        Mistake(
            _with(number=_rounded_up),
            "the last batch is whole, so some models are measured with more than num_samples images. Cut them.",
        ),
        Mistake(
            _with(number=lambda n, generators, models: min(n, generators[0].batch_size)),
            "one batch alone is measured: the number of images is a model's batch size still.",
        ),
        Mistake(
            _with(number=_whole_batches, reference=lambda train, test, asked, made: test[:made]),
            "the reference was cut to as many images as the model makes. Then model and reference have one n, but each "
            "model another: all need num_samples.",
        ),
        Mistake(
            _with(reference=lambda train, test, asked, made: test),
            "the reference is all test images. The first num_samples of them were asked for, as many as are generated.",
        ),
        Mistake(
            _with(reference=lambda train, test, asked, made: torch.cat([train, test])),
            "the reference holds training images beside test images. A copier still gains by them.",
        ),
        Mistake(
            _with(reference=lambda train, test, asked, made: test[-asked:]),
            "the reference is the last num_samples test images. The first were asked for, so that comparisons of "
            "different people agree.",
        ),
        Mistake(
            _with(seeds=_fewest, score=torch.amin),
            "each model has as many tries now, and the best of them counts still. The best of two says little about a "
            "model; seeds were thrown away for it. Take the mean over all.",
        ),
        Mistake(
            _with(seeds=_fewest),
            "seeds were thrown away so that all models have as many. A mean needs no equal numbers: take all.",
        ),
        Mistake(
            _with(seeds=lambda generators, models: generators[:1]),
            "only the first seed of each model is measured. One seed is chance: take the mean over all.",
        ),
        Mistake(_with(score=torch.median), "the median over seeds came. The mean was asked for."),
        Mistake(_with(score=torch.amax), "the worst seed stands for a model. The mean was asked for."),
        Mistake(_with(score=torch.sum), "the distances of all seeds were added up: more seeds, a worse score."),
        Mistake(
            _with(score=lambda values: values[-1]),
            "only the last seed counts: each overwrites the score before.",
        ),
        Mistake(
            _with(score=lambda values: values[0]),
            "only the first seed counts. The mean over all was asked for.",
        ),
        Mistake(_with(score=torch.std), "the spread over seeds came. The mean was asked for."),
        Mistake(
            _with(anew=True),
            "each batch begins from the same seed, so its noise is that of the batch before: the same images again. "
            "Make the source of noise once for each generator, before its batches.",
        ),
    ),
)
