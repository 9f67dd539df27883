"""How exercise 10 is looked at: clouds that come in chunks, splits, and who was compared with whom. No right answer is
known here."""

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib.probes.calls import Case, call, copied, describe
from course_lib.probes.contract import AnswerError, kept
from course_lib.probes.meaning import explained

PAIR = ("precision", "recall")
MEAN, SPREAD = "the mean", "the spread"
CALLS, NUM_FIRST, NUM_SECOND = "splits", "rows of the first cloud in each split", "rows of the second cloud"
BOTH, TWICE = "most rows that stand in both clouds of a split", "most rows that one cloud holds twice"
FOREIGN, REACHED = "rows that aren't the features'", "whether rows beyond the first 2 n are drawn"
FIRSTS, SECONDS = "first clouds that differ", "second clouds that differ"
SAME, OTHER = "whether the same seed gives the same splits", "whether another seed gives others"
GLOBAL, REFUSED = "whether torch's own random numbers were left alone", "whether too few rows are refused"
_MANY = 4  # chunks, from which on holding all of them is seen


class _Chunks:
    """The rows of a cloud in chunks, once. ``held``: the most earlier chunks that were still there."""

    def __init__(self, x: Tensor, sizes: Tensor, name: str) -> None:
        self._parts = list(x.split(sizes.tolist()))
        self._name, self._ended, self._given = name, False, list[Any]()
        self.num_rows, self.many = len(x), len(sizes) >= _MANY
        self.held = 0

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        if self._ended:
            raise AnswerError(
                f"It went through {self._name} a second time. Chunks come once, as a generator gives them: mean and "
                "covariance have to be gathered on the same way through."
            )
        self.held = max(self.held, sum(chunk() is not None for chunk in self._given))
        if not self._parts:
            self._ended = True
            raise StopIteration
        chunk = self._parts.pop(0).clone()
        self._given.append(weakref.ref(chunk))
        return chunk


class _Rows(TorchDispatchMode):
    """Notes the longest side of any tensor that is made."""

    longest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and made.ndim > 1:
            self.longest = max(self.longest, *made.shape)
        return made


_CHUNK_ERRORS = {
    "failed to converge": "A matrix with nan in it has no eigenvalues. torch.cov of a chunk of one row is nan; so is "
    "the root of an eigenvalue that comes out as -1e-17.",
    "has no len()": "The chunks come one by one, and nobody knows how many. Go through them with for.",
    "is not subscriptable": "The chunks come one by one, so none can be picked by its place. Go through them with for.",
    "has no attribute": "batches_a and batches_b are no tensors: each gives chunks, (n, d), one after the other.",
    "expected np.ndarray": "batches_a and batches_b are no tensors: each gives chunks, (n, d), one after the other.",
    "must be Tensor, not _Chunks": "batches_a and batches_b are no tensors: each gives chunks, (n, d), one by one.",
}


def _number(value: Any, what: str = "The distance") -> Tensor:
    """A number of the answer's, in float64."""
    if isinstance(value, Tensor) and value.is_floating_point() and value.dtype != torch.float64:
        raise AnswerError(
            f"{what} came in {str(value.dtype).removeprefix('torch.')}. Sums over many rows lose digits there: turn "
            "each chunk into float64 first, x.double()."
        )
    if value is None or isinstance(value, tuple | list | dict | str):
        raise AnswerError(f"{what} should be one number, got {'None' if value is None else type(value).__name__}.")
    return torch.as_tensor(value, dtype=torch.float64)


def from_chunks(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The distance of two clouds that come in chunks of the case's sizes; twice, and never held as a whole."""
    values = []
    for _ in range(2):
        given = copied(case)
        tensors = {name: x for name, x in given.items() if isinstance(x, Tensor)}
        chunks = [_Chunks(tensors[n], tensors[f"sizes_{n}"], f"batches_{n}") for n in "ab"]
        with _Rows() as rows, explained(_CHUNK_ERRORS):
            value = answer(*chunks)
        if any(c.many and (c.held >= _MANY - 1 or rows.longest >= c.num_rows) for c in chunks):
            raise AnswerError(
                "It holds all chunks of a cloud at once, in a list or a long tensor. A million rows wouldn't fit: keep "
                "count, mean and products of what has come so far, and let each chunk go."
            )
        values.append(_number(value))
    if not bool(values[0].isfinite().all()):
        raise AnswerError(
            f"The distance is {values[0].flatten()[0].item()}. A root of something below zero does that: torch.sqrt "
            "takes the root of each entry, not of the matrix; an eigenvalue that is 0 comes out as -1e-17; and a chunk "
            "of one row has no covariance of its own."
        )
    if not torch.equal(*values):
        raise AnswerError("Called again with the same chunks, it gave something else. Begin anew in each call.")
    return {"the value": values[0]}


_BALL_ERRORS = {
    "selected index k out of range": "topk or kthvalue was asked for more neighbours than there are along that "
    "dimension.",
    "selected number k out of range": "kthvalue was asked for more neighbours than there are along that dimension.",
}


def two_shares(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """Precision and recall."""

    def numbers(*values: Any) -> dict[str, Tensor]:
        result = answer(*values)
        if not (isinstance(result, tuple | list) or hasattr(result, "precision")) or (
            isinstance(result, tuple | list) and len(result) != 2
        ):
            raise AnswerError("Two numbers were expected, precision and recall, separated by a comma.")
        both = result if isinstance(result, tuple | list) else (result.precision, result.recall)
        for name, x in zip(PAIR, both, strict=True):
            if isinstance(x, Tensor) and x.ndim:
                raise AnswerError(
                    f"For {name} one number was expected, got shape {tuple(x.shape)}: a share is the mean of what is "
                    "true and what isn't."
                )
        return {n: torch.as_tensor(x, dtype=torch.float64) for n, x in zip(PAIR, both, strict=True)}

    with explained(_BALL_ERRORS):
        return call(numbers, case)


class _Distance:
    """Stands for a distance: gives the numbers that it was made with, in order, and notes what it was given."""

    def __init__(self, features: Tensor, values: Tensor) -> None:
        self._places = {tuple(row): i for i, row in enumerate(features.tolist())}
        self._values = values.square() + values  # not what the case holds: a mean of that is found anywhere
        self.clouds: list[tuple[list[int], list[int]]] = []

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        for cloud in (a, b):
            if not isinstance(cloud, Tensor) or cloud.ndim != 2:
                raise AnswerError("distance takes two clouds, tensors (n, d) each.")
        i = len(self.clouds)
        first, second = ([self._places.get(tuple(row), -1) for row in x.tolist()] for x in (a, b))
        self.clouds.append((first, second))
        return self._values[i % len(self._values)].clone()


def splits(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """Mean and spread of the values that a distance gave, and what it was given: sizes, and which rows of the
    features, in three runs of which two have the same seed."""
    features, values = case["features"], case["values"]
    assert isinstance(features, Tensor)
    assert isinstance(values, Tensor)
    n, seed = int(case["n"]), int(case["seed"])
    runs: list[list[tuple[list[int], list[int]]]] = []
    alone: list[bool] = []
    found: list[tuple[Tensor, Tensor]] = []
    for source in (seed, seed, seed + 1):
        distance, before = _Distance(features, values), torch.default_generator.get_state()
        generator = torch.Generator().manual_seed(source)
        with kept({"features": features}):
            result = answer(distance, features, n, len(values), generator)
        alone.append(torch.equal(before, torch.default_generator.get_state()))
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise AnswerError("Two numbers were expected, mean and spread, separated by a comma.")
        found.append((torch.as_tensor(result[0]).double(), torch.as_tensor(result[1]).double()))
        runs.append(distance.clouds)
    one, again, other = runs
    rows = [row for pair in one for cloud in pair for row in cloud]
    facts = {
        CALLS: len(one),
        BOTH: max((len(set(a) & set(b)) for a, b in one), default=0),
        TWICE: max((len(cloud) - len(set(cloud)) for pair in one for cloud in pair), default=0),
        FOREIGN: rows.count(-1),
        REACHED: any(row >= 2 * n for row in rows) or len(features) == 2 * n,
        FIRSTS: len({frozenset(a) for a, _ in one}),
        SECONDS: len({frozenset(b) for _, b in one}),
        SAME: one == again,
        OTHER: one != other,
        GLOBAL: all(alone),
        REFUSED: _refused(answer, features[: 2 * n - 1], n, values),
    }
    sizes = {name: [len(pair[i]) for pair in one] for i, name in enumerate((NUM_FIRST, NUM_SECOND))}
    outputs = {MEAN: found[0][0], SPREAD: found[0][1]}
    outputs |= {name: _padded(lengths, len(values)) for name, lengths in sizes.items()}
    return outputs | {name: torch.tensor(float(x), dtype=torch.float64) for name, x in facts.items()}


def _refused(answer: Callable[..., Any], features: Tensor, n: int, values: Tensor) -> bool:
    """Whether too few rows are refused by a ValueError with words."""
    try:
        answer(_Distance(features, values), features.clone(), n, len(values), torch.Generator().manual_seed(0))
    except ValueError as error:
        if not str(error).strip():
            raise AnswerError(
                "With too few rows it raises a ValueError without a word. Say what is wrong."
            ) from error
        return True
    except Exception as error:
        raise AnswerError(
            f"With fewer than 2 n rows it should raise a ValueError that says so. It didn't. {describe(error)}"
        ) from error
    return False


def _padded(numbers: list[int], length: int) -> Tensor:
    return torch.tensor((numbers + [-1] * length)[:length], dtype=torch.float64)
