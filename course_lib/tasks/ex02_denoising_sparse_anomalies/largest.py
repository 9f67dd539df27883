r"""The k entries of each row that are largest in size; all others are set to 0.

It is the k-sparse autoencoder's activation (Makhzani & Frey 2014, arXiv:1312.5663) for codes of either sign, and the
projection onto vectors with at most k entries (Blumensath & Davies 2009, "Iterative hard thresholding for compressed
sensing"). Where two entries are of equal size, either may be kept, but k are.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.probes.ex02 import kept_entries
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
_TIED = "how many entries are kept in each row"
Answer = Callable[[Tensor, int], Tensor]


def _cases(seed: int) -> list[Case]:
    """Several rows on unlike scales, a single row, float64; and rows in which sizes are equal where it counts.

    In every row the k entries of largest value aren't those of largest size.
    """
    source = generator(seed)
    cases: list[Case] = []
    for batch, width, k, dtype in [(5, 8, 3, _F32), (1, 6, 2, _F32), (4, 7, 5, _F64)]:
        steps = (
            0.3 + torch.arange(width, dtype=_F64) + 0.5 * torch.rand(batch, width, generator=source, dtype=_F64)
        )
        order = torch.rand(batch, width, generator=source).argsort(1)
        sign = torch.where(torch.rand(batch, width, generator=source) < 0.5, -1.0, 1.0).double()
        sign[:, width - 1], sign[:, width - k] = -1, 1  # of those to be kept, one of each sign
        if 2 * k > width:
            sign[:, 1], sign[:, width - 2] = -1, -1  # fewer than k are positive
        scale = away_from_zero((batch, 1), source, 0.1, 1.5, _F64).abs()
        scale[batch // 2] *= 20
        cases.append({"z": (scale * sign * steps).gather(1, order).to(dtype).requires_grad_(), "k": k})
    sizes = torch.tensor([2.0, 1.5, 1.5, 1.5, 0.5, 0.25]).repeat(3, 1)
    sizes = sizes * torch.tensor([[1.0], [1.5], [0.5]])
    sign = torch.where(torch.rand(sizes.shape, generator=source) < 0.5, -1.0, 1.0)
    sign[:, :4] = torch.tensor([1.0, 1.0, 1.0, -1.0])
    order = torch.rand(sizes.shape, generator=source).argsort(1)
    cases.append({"z": (sizes * sign).gather(1, order).requires_grad_(), "k": 2})
    return cases


def _mask(z: Tensor, index: Tensor) -> Tensor:
    return torch.zeros_like(z, dtype=torch.bool).scatter(1, index, True)


def _largest(z: Tensor, k: int) -> Tensor:
    """Which entries are kept, (B, D)."""
    return _mask(z, z.detach().abs().topk(k, dim=1).indices)


def keep_largest(z: Tensor, k: int) -> Tensor:
    """z (B, D) with all but the k entries of largest size in each row set to 0."""
    return torch.where(_largest(z, k), z, 0.0)


def _by_ranks(z: Tensor, k: int) -> Tensor:
    ranks = z.abs().argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return z * (ranks < k)


def _by_scatter(z: Tensor, k: int) -> Tensor:
    index = z.abs().topk(k, dim=1).indices
    return torch.zeros_like(z).scatter(1, index, z.gather(1, index))


def _with(
    chosen: Callable[[Tensor, int], Tensor] = _largest, kept: Callable[[Tensor], Tensor] = lambda z: z
) -> Answer:
    """The activation with one part changed: which entries are kept, and what is kept of them."""
    return lambda z, k: torch.where(chosen(z.detach(), k), kept(z), 0.0)


def _of_batch(count: Callable[[Tensor, int], int]) -> Answer:
    return _with(
        lambda z, k: (
            torch.zeros(z.numel(), dtype=torch.bool)
            .scatter(0, z.abs().flatten().topk(count(z, k)).indices, True)
            .reshape(z.shape)
        )
    )


def _threshold(z: Tensor, k: int) -> Tensor:
    return z.abs().topk(k, dim=1).values[:, -1:]


def _soft(z: Tensor, k: int) -> Tensor:
    return z.sign() * (z.abs() - _threshold(z, k + 1 if k < z.shape[1] else k)).relu()


def _columns(z: Tensor, k: int) -> Tensor:
    index = z.abs().topk(min(k, len(z)), dim=0).indices
    return torch.zeros_like(z, dtype=torch.bool).scatter(0, index, True)


def _shifted(z: Tensor, k: int) -> Tensor:
    return torch.cat([z.gather(1, z.abs().topk(k, dim=1).indices), torch.zeros_like(z[:, k:])], 1)


_SOFT = (
    "the kept entries have shrunk by the k-th largest size, which makes the k-th itself 0: this is soft thresholding. "
    "What is kept stays as it is."
)


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """How many entries are kept in a row, where that isn't k; else whether they are the right ones."""
    k = case["k"]
    if _TIED in expected:
        counts = got[_TIED]
        if bool((counts != expected[_TIED]).any()):
            return (
                f"where several entries of a row are of equal size, {int(counts.max())} are kept in place of {k}. "
                "Exactly k of them are asked for, whichever of the equal ones these are."
            )
        return (
            ""
            if torch.equal(got["z where it isn't 0"], expected["z where it isn't 0"])
            else ("in rows where several entries are of equal size, what is kept isn't z.")
        )
    value, right = got["the value"], expected["the value"]
    off, on = value != 0, right != 0
    counts = off.sum(1)
    z = case["z"]
    assert isinstance(z, Tensor)
    if torch.allclose(value, (z.sign() * (z.abs() - _threshold(z, int(k))).relu()).detach(), rtol=1e-4, atol=1e-5):
        return _SOFT
    sizes, right_sizes = (x.abs().sort(dim=1).values for x in (value, right))
    moved = torch.allclose(sizes, right_sizes, rtol=1e-4, atol=1e-5)
    if moved and not torch.equal(off, on):
        return (
            "in each row the right entries are kept, and stand at other places than in z. Each stays at its own."
        )
    if bool((counts != k).any()):
        few, many = int(counts.min()), int(counts.max())
        seen = f"{few}" if few == many else f"between {few} and {many}"
        return f"it keeps {seen} entries in a row; k is {k}."
    if not torch.equal(off, on):
        return "it keeps k entries in each row, but not always those of largest size, whatever their sign."
    if not torch.allclose(value, right, rtol=1e-4, atol=1e-5):
        return "the right entries are kept, but not as they are: what is kept is z itself."
    return ""


KEEP_LARGEST = Task(
    name="keep_largest",
    points=2,
    cases=_cases,
    reference=keep_largest,
    alternatives=(_by_ranks, _by_scatter),
    probe=kept_entries,
    explain=_told,
    mistakes=(
        Mistake(
            _with(lambda z, k: _mask(z, z.topk(k, dim=1).indices)),
            "the largest values are kept. Asked for were the largest in size: -3 is larger in size than 2.",
        ),
        Mistake(
            _with(lambda z, k: _mask(z, z.topk(k, dim=1).indices), torch.relu),
            "the largest values are kept, and negative ones are lost. Asked for were the largest in size, whatever "
            "their sign.",
        ),
        Mistake(
            _with(lambda z, k: _mask(z, z.relu().topk(k, dim=1).indices)),
            "negative entries are set to 0 before the largest are looked for. Asked for were the largest in size, "
            "whatever their sign.",
        ),
        Mistake(
            _with(kept=torch.abs),
            "the right entries are kept, without their signs: the size decides which are kept, and what is kept is z.",
        ),
        Mistake(
            _with(kept=torch.relu),
            "the right entries are chosen, and of these the negative ones are set to 0. Keep them with their sign.",
        ),
        Mistake(
            _with(lambda z, k: z.abs() >= _threshold(z, k)),
            "all entries at least as large as the k-th are kept. Where several are of that size, these are more than "
            "k.",
        ),
        Mistake(
            _with(lambda z, k: z.abs() > _threshold(z, k)),
            "one entry too few is kept in each row. The k-th largest is lost: what is as large as the bound belongs "
            "to the k.",
        ),
        Mistake(
            _with(lambda z, k: z >= z.topk(k, dim=1).values[:, -1:]),
            "all entries at least as large as the k-th value are kept. Asked for were the largest in size, whatever "
            "their sign; and where several are equal, still k of them.",
        ),
        Mistake(
            _with(lambda z, k: z.abs() >= z.topk(k, dim=1).values[:, -1:]),
            "sizes are held against the k-th largest value. The bound has to be a size too; and where several are "
            "equal, still k of them are kept.",
        ),
        Mistake(
            _with(lambda z, k: z.abs() >= _threshold(z.abs().flatten()[None], k)),
            "one bound stands for the whole batch. Every row has its own k entries, however small they are beside "
            "other rows'.",
        ),
        Mistake(
            _of_batch(lambda z, k: k),
            "k entries of the whole batch are kept. Every row has its own k entries.",
        ),
        Mistake(
            _of_batch(lambda z, k: k * len(z)),
            "the largest entries of the whole batch are kept, k times the number of rows. Then a row of large numbers "
            "keeps more than k, and another one fewer: choose in each row.",
        ),
        Mistake(
            _with(lambda z, k: z.abs() >= z.abs().topk(k, dim=1).values[0, -1]),
            "the first row's bound is used for all rows. Each has its own.",
        ),
        Mistake(
            _with(lambda z, k: _mask(z[:1], z[:1].abs().topk(k, dim=1).indices).expand_as(z)),
            "all rows keep the places that the first row keeps. Each row has its own largest entries.",
        ),
        Mistake(
            _with(lambda z, k: _mask(z, z.abs().mean(0, keepdim=True).topk(k, dim=1).indices.expand(len(z), k))),
            "the same units are kept in all rows, those that are largest on average. Each row has its own largest "
            "entries.",
        ),
        Mistake(
            _with(_columns),
            "the largest were looked for along dimension 0, over the rows of the batch. The entries of one row lie "
            "along dimension 1.",
        ),
        Mistake(
            _with(lambda z, k: _mask(z, z.abs().topk(k, dim=1, largest=False).indices)),
            "the k smallest are kept. Sorting goes upwards unless it is told otherwise.",
        ),
        Mistake(
            _with(lambda z, k: _mask(z, z.topk(k, dim=1, largest=False).indices)),
            "the k lowest values are kept. Asked for were the largest in size, whatever their sign.",
        ),
        Mistake(
            _with(lambda z, k: ~_largest(z, k)),
            "the largest are set to 0 and the rest is kept: it is the other way round.",
        ),
        Mistake(
            _with(lambda z, k: ~_mask(z, z.abs().topk(k, dim=1, largest=False).indices)),
            "the k smallest are set to 0, so that D - k are kept. k is how many stay.",
        ),
        Mistake(
            _with(lambda z, k: _largest(z, k + 1)),
            "one entry too many is kept: k + 1 in each row.",
        ),
        Mistake(_with(kept=torch.ones_like), "ones came: this says which entries are kept. Put z there."),
        Mistake(_with(kept=torch.sign), "the signs of the kept entries came. Put z itself there."),
        Mistake(
            lambda z, k: z.gather(1, z.abs().topk(k, dim=1).indices),
            "the kept entries came alone, side by side. A code keeps its width: every entry stays at its place, and "
            "the others become 0.",
        ),
        Mistake(
            lambda z, k: z.abs().topk(k, dim=1).values,
            "the sizes of the kept entries came alone. A code keeps its width: every entry stays at its place, with "
            "its sign, and the others become 0.",
        ),
        Mistake(
            lambda z, k: z.topk(k, dim=1).values,
            "the k largest values came alone. A code keeps its width: every entry stays at its place, and the others "
            "become 0; and it is size that counts, whatever the sign.",
        ),
        Mistake(
            lambda z, k: z.abs().topk(k, dim=1).indices,
            "the places of the kept entries came. Put the entries themselves there, and 0 elsewhere.",
        ),
        Mistake(
            _shifted,
            "the kept entries stand at the front of the row, sorted. Each stays at its own place.",
        ),
        Mistake(
            _soft,
            "the kept entries have shrunk by the size of the largest one that is dropped: this is soft thresholding. "
            "What is kept stays as it is.",
        ),
        Mistake(
            lambda z, k: z.sign() * (z.abs() - _threshold(z, k)).relu(),
            _SOFT,
        ),
        Mistake(
            _with(lambda z, k: z.abs() > z.abs().mean(1, keepdim=True)),
            "what is larger than the row's mean size is kept, whatever k is.",
        ),
        Mistake(
            lambda z, k: torch.where(_largest(z, k), z, -torch.inf),
            "the dropped entries are minus infinity, as before a softmax. Here they become 0.",
        ),
        Mistake(
            lambda z, k: keep_largest(z, k) * z.shape[1] / k,
            "the kept entries are scaled up by D / k, as dropout does it. Here they stay as they are.",
        ),
        Mistake(
            lambda z, k: z + (keep_largest(z, k) - z).detach(),
            "the value is right, but the gradient flows through all entries: a dropped one makes no difference to what "
            "follows, so none may come back to it.",
        ),
        Mistake(
            lambda z, k: keep_largest(z, k).detach(),
            "the value is right, but no gradient comes back: something like .detach(), .data or no_grad cuts it off. "
            "The choice needs no gradient; what is kept is z itself.",
        ),
        Mistake(lambda z, k: z.clone(), "nothing is dropped: z came back as it was."),
    ),
)
