"""A null floor: what real scores against real, at the same number, over random splits."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_lib.probes.ex10 import splits
from course_lib.tasks.core import Case, Mistake, Task, away_from_zero, generator, normal

Both = tuple[Tensor, Tensor]
Draw = Callable[[int, int, int, torch.Generator], tuple[Tensor, Tensor]]


def _cases(seed: int) -> list[Case]:
    """More rows than two clouds need, an odd number of them, and just as many."""
    source = generator(seed)
    return [
        {
            "features": normal((num, d), source, dtype),
            "values": away_from_zero((num_splits,), source, 0.5, 4.0, torch.float64).abs(),
            "n": n,
            "seed": seed % 1000,
        }
        for num, d, n, num_splits, dtype in (
            (47, 3, 9, 5, torch.float32),
            (33, 2, 12, 4, torch.float64),
            (16, 4, 8, 6, torch.float32),
        )
    ]


def _drawn(num: int, n: int, split: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The rows of both clouds, without replacement and disjoint."""
    index = torch.randperm(num, generator=generator)
    return index[:n], index[n : 2 * n]


def null_floor(
    distance: Any,
    features: Tensor,
    n: int,
    num_splits: int,
    generator: torch.Generator,
    *,
    draw: Draw = _drawn,
    spread: Callable[[Tensor], Tensor] = lambda values: values.std(),
    mean: Callable[[Tensor], Tensor] = lambda values: values.mean(),
    refuse: bool = True,
    number: Callable[[int], int] = lambda num_splits: num_splits,
) -> Both:
    """Mean and spread of the distance between two random clouds of n rows; after the star what mistakes change."""
    if refuse and len(features) < 2 * n:
        raise ValueError(f"features must have at least 2 n = {2 * n} rows, got {len(features)}")
    found = []
    for split in range(number(num_splits)):
        first, second = draw(len(features), n, split, generator)
        found.append(torch.as_tensor(distance(features[first], features[second])))
    values = torch.stack(found)
    return mean(values), spread(values)


def _by_chunks(distance: Any, features: Tensor, n: int, num_splits: int, generator: torch.Generator) -> Any:
    """Another style: floats, chosen rows, a written-out spread."""
    if 2 * n > len(features):
        raise ValueError("too few rows")
    found = []
    for _ in range(num_splits):
        order = torch.rand(len(features), generator=generator).argsort()[: 2 * n]
        found.append(float(distance(*features[order].chunk(2))))
    mean = sum(found) / len(found)
    return mean, (sum((x - mean) ** 2 for x in found) / (len(found) - 1)) ** 0.5


def _with(**changed: Any) -> Callable[..., Both]:
    return lambda distance, features, n, num_splits, generator: null_floor(
        distance, features, n, num_splits, generator, **changed
    )


def _draw(choose: Draw) -> Callable[..., Both]:
    return _with(draw=choose)


def _seeded(num: int, n: int, split: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return _drawn(num, n, split, generator.manual_seed(0))


def _seeded_split(num: int, n: int, split: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return _drawn(num, n, split, torch.Generator().manual_seed(split))


def _global(num: int, n: int, split: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    index = torch.randperm(num)
    return index[:n], index[n : 2 * n]


def _global_seeded(num: int, n: int, split: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    torch.manual_seed(split)
    return _global(num, n, split, generator)


def _halves(num: int, n: int, split: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """All rows, in two halves, whatever n."""
    index = torch.randperm(num, generator=generator)
    return index[: num // 2], index[num // 2 : 2 * (num // 2)]


def _once(distance: Any, features: Tensor, n: int, num_splits: int, generator: torch.Generator) -> Both:
    """One split, measured again and again."""
    order = torch.randperm(len(features), generator=generator)
    return null_floor(
        distance, features, n, num_splits, generator, draw=lambda num, n, *_: (order[:n], order[n : 2 * n])
    )


def _fixed_first(distance: Any, features: Tensor, n: int, num_splits: int, generator: torch.Generator) -> Both:
    """One reference, and new rows against it."""
    order = torch.randperm(len(features), generator=generator)

    def draw(num: int, n: int, split: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
        rest = order[n:]
        return order[:n], rest[torch.randperm(len(rest), generator=source)[:n]]

    return null_floor(distance, features, n, num_splits, generator, draw=draw)


def _from_halves(num: int, n: int, split: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    half = num // 2
    return (
        torch.randperm(half, generator=generator)[:n],
        half + torch.randperm(num - half, generator=generator)[:n],
    )


NULL_FLOOR = Task(
    name="null_floor",
    points=2,
    cases=_cases,
    reference=null_floor,
    alternatives=(
        _by_chunks,
        _draw(lambda num, n, s, g: tuple(torch.randperm(num, generator=g)[: 2 * n].view(2, n))),
    ),
    probe=splits,
    mistakes=(
        Mistake(
            _draw(
                lambda num, n, s, g: (torch.randint(num, (n,), generator=g), torch.randint(num, (n,), generator=g))
            ),
            "rows were drawn with replacement: one may come twice, and stand in both clouds, which brings them nearer. "
            "torch.randperm gives each row once.",
        ),
        Mistake(
            _draw(
                lambda num, n, s, g: (
                    torch.randperm(num, generator=g)[:n],
                    torch.randperm(num, generator=g)[:n],
                )
            ),
            "the two clouds were drawn each for itself, so they share rows. Cut both from one permutation.",
        ),
        Mistake(
            _draw(lambda num, n, s, g: 2 * (torch.randperm(num, generator=g)[:n],)),
            "a cloud was measured against itself. Its floor is 0 and says nothing.",
        ),
        Mistake(
            _draw(lambda num, n, s, g: (torch.randperm(num, generator=g)[:n], torch.arange(num))),
            "a cloud was measured against all features, itself among them. The other cloud has n rows, and none of "
            "these.",
        ),
        Mistake(
            _draw(lambda num, n, s, g: (lambda order: (order[:n], order[n:]))(torch.randperm(num, generator=g))),
            "the second cloud has all rows that were left over. Distances depend on the number of rows: both have n.",
        ),
        Mistake(
            _draw(_halves),
            "the features were cut into halves, whatever n. The floor is wanted at n rows a cloud: at another number "
            "the distance has another bias.",
        ),
        Mistake(
            _draw(lambda num, n, s, g: (lambda o: (o[: n // 2], o[n // 2 : n]))(torch.randperm(num, generator=g))),
            "each cloud has n / 2 rows: n were cut in two. A cloud has n rows, and a split needs 2 n.",
        ),
        Mistake(
            _draw(lambda num, n, s, g: (torch.arange(n), torch.arange(n, 2 * n))),
            "the clouds are the first n rows and the next n, in every split, and the generator plays no part. Draw the "
            "rows anew in each.",
        ),
        Mistake(
            _draw(lambda num, n, s, g: (lambda o: (o[:n], o[n:]))(torch.randperm(2 * n, generator=g))),
            "only the first 2 n rows are ever used. Draw from all: randperm of the number of rows.",
        ),
        Mistake(
            _once,
            "one split was drawn and measured again and again. Its values differ by nothing but chance in the "
            "distance: draw anew in each split.",
        ),
        Mistake(
            _fixed_first,
            "the first cloud is the same in every split. A floor over splits draws both anew.",
        ),
        Mistake(
            _draw(_from_halves),
            "the first cloud always comes from the first half of the rows, the second from the rest. Draw both from "
            "one permutation of all rows.",
        ),
        Mistake(
            _draw(_seeded),
            "the generator was set to a seed of your own in each split, so all splits are one. It comes with a state, "
            "and goes on from it.",
        ),
        Mistake(
            _draw(_seeded_split),
            "a generator of your own was seeded, and the one that was given plays no part. Pass generator= on.",
        ),
        Mistake(
            _draw(_global),
            "torch's own random numbers were drawn, and the generator plays no part. Whoever calls this has other "
            "random numbers afterwards: torch.randperm(..., generator=generator) leaves them alone.",
        ),
        Mistake(
            _draw(_global_seeded),
            "torch.manual_seed was called: all random numbers of whoever calls this begin again from your seed. Draw "
            "from the generator that is given.",
        ),
        Mistake(
            _with(spread=lambda values: values.std(correction=0)),
            "the spread has num_splits below. A standard deviation over a few splits is the unbiased one, with "
            "num_splits - 1, as values.std() has it.",
        ),
        Mistake(
            _with(spread=lambda values: values.var()),
            "the variance came. The spread is a standard deviation.",
        ),
        Mistake(
            _with(spread=lambda values: values.std() / len(values) ** 0.5),
            "the standard error of the mean came. Asked for was the spread of one split: what a single comparison may "
            "be off by.",
        ),
        Mistake(
            _with(spread=lambda values: values.amax() - values.amin()),
            "the range came. The spread is the standard deviation over splits.",
        ),
        Mistake(
            _with(mean=lambda values: values.median()), "the median came. Asked for was the mean over splits."
        ),
        Mistake(
            _with(mean=lambda values: values.amin()),
            "the smallest value came. Asked for was the mean over splits.",
        ),
        Mistake(_with(mean=lambda values: values.sum()), "the sum came. Asked for was the mean over splits."),
        Mistake(
            _with(number=lambda num_splits: num_splits - 1),
            "one split too few was measured.",
        ),
        Mistake(
            _with(refuse=False),
            "with fewer than 2 n rows it goes on, and a cloud comes out too small: another number, another bias. Raise "
            "a ValueError that says so.",
        ),
    ),
)
