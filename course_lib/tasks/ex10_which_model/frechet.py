r"""The Fréchet distance of two clouds that come in chunks, each once.

:math:`d^2 = \|\mu_a - \mu_b\|^2 + \mathrm{tr}(\Sigma_a + \Sigma_b - 2 (\Sigma_a \Sigma_b)^{1/2})` (Dowson & Landau
1982; Heusel et al. 2017, arXiv:1706.08500). Means and scatters of chunks are merged as Chan, Golub and LeVeque do
(1983, The American Statistician 37): never by the difference of two large numbers.
"""

from collections.abc import Callable, Iterable
from itertools import islice

import torch
from torch import Tensor

from course_lib.probes.ex10 import from_chunks
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator, normal

Chunks = Iterable[Tensor]
Moments = tuple[Tensor, Tensor]  # mean (d,) and covariance (d, d)
_FAR = 3e7  # from zero, with a spread of 1: a square holds 9e14, of which float64 knows 0.1
_SIZES = (
    ((9, 1, 14, 30, 3, 17), (21, 6, 2, 33, 8)),
    ((2, 1, 2), (25, 4, 13)),
    ((12, 5, 1, 28, 9), (7, 31, 2, 16, 11)),
)


def _cloud(num: int, d: int, far: float, source: torch.Generator, dtype: torch.dtype) -> Tensor:
    """Rows with a covariance that isn't diagonal, drifting from chunk to chunk."""
    mixing = away_from_zero((d, d), source, 0.2, 0.7, torch.float64)
    x = normal((num, d), source, torch.float64) @ mixing + 0.5 * away_from_zero((d,), source, dtype=torch.float64)
    drift = torch.linspace(-1, 1, num, dtype=torch.float64)[:, None]
    return (x + drift * away_from_zero((d,), source, 0.3, 0.6, torch.float64) + far).to(dtype)


def _cases(seed: int) -> list[Case]:
    """Unequal chunks, a cloud with fewer rows than features, and features far from zero in float64."""
    source = generator(seed)
    cases: list[Case] = []
    for (sizes_a, sizes_b), d, far, dtype in zip(
        _SIZES, (3, 5, 4), (2.0, 0.0, _FAR), (torch.float32, torch.float32, torch.float64), strict=True
    ):
        a, b = (_cloud(sum(sizes), d, far, source, dtype) for sizes in (sizes_a, sizes_b))
        cases.append({"a": a, "sizes_a": torch.tensor(sizes_a), "b": b, "sizes_b": torch.tensor(sizes_b)})
    return cases


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def _merged(batches: Chunks) -> tuple[int, Tensor, Tensor]:
    """Rows, mean, and scatter about the mean."""
    num, mean, scatter = 0, torch.zeros(()), torch.zeros(())
    for x in batches:
        x = x.double()
        centred = x - x.mean(0)
        gap, total = x.mean(0) - mean, num + len(x)
        scatter = scatter + centred.T @ centred + num * len(x) / total * torch.outer(gap, gap) * (num > 0)
        mean, num = mean + gap * len(x) / total, total
    return num, mean, scatter


def moments(batches: Chunks) -> Moments:
    """Mean and unbiased covariance in one pass."""
    num, mean, scatter = _merged(batches)
    return mean, scatter / (num - 1)


def _cross(cov_a: Tensor, cov_b: Tensor) -> Tensor:
    """The trace of the root of the product."""
    root = _root(cov_a)
    return torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()


def _with(
    of: Callable[[Chunks], Moments] = moments,
    cross: Callable[[Tensor, Tensor], Tensor] = _cross,
    means: Callable[[Tensor, Tensor], Tensor] = lambda a, b: (a - b).square().sum(),
    traces: Callable[[Tensor, Tensor], Tensor] = lambda a, b: a.trace() + b.trace(),
    times: float = 2.0,
    end: Callable[[Tensor], Tensor] = lambda d: d,
) -> Callable[[Chunks, Chunks], Tensor]:
    """The distance with a part changed."""

    def answer(batches_a: Chunks, batches_b: Chunks) -> Tensor:
        (mean_a, cov_a), (mean_b, cov_b) = of(batches_a), of(batches_b)
        return end(means(mean_a, mean_b) + traces(cov_a, cov_b) - times * cross(cov_a, cov_b))

    return answer


frechet_from_batches = _with()


def _shifted(batches: Chunks) -> Moments:
    """Another style: sums about the mean of the first chunk."""
    num, shift, total, products = 0, None, torch.zeros(()), torch.zeros(())
    for chunk in batches:
        x = chunk.double()
        shift = x.mean(0) if shift is None else shift
        x = x - shift
        num, total, products = num + len(x), total + x.sum(0), products + x.T @ x
    mean = total / num
    return mean + (0 if shift is None else shift), (products - num * torch.outer(mean, mean)) / (num - 1)


def _each(batches: Chunks) -> list[tuple[int, Tensor, Tensor]]:
    """Rows, mean and scatter of each chunk."""
    return [
        (len(x), x.double().mean(0), (x.double() - x.double().mean(0)).T @ (x.double() - x.double().mean(0)))
        for x in batches
    ]


def _mean_of_means(batches: Chunks) -> Moments:
    """The mean of all chunks' means, each as good as another; scatter about it."""
    parts = _each(batches)
    mean = torch.stack([m for _, m, _ in parts]).mean(0)
    scatter = sum((s + n * torch.outer(m - mean, m - mean) for n, m, s in parts), torch.zeros(()))
    return mean, scatter / (sum(n for n, _, _ in parts) - 1)


def _by_chunks(batches: Chunks) -> Moments:
    """The mean so far moves by one over the number of chunks, and gaps are taken from it."""
    num, mean, scatter = 0, torch.zeros(()), torch.zeros(())
    for k, chunk in enumerate(batches, 1):
        x = chunk.double()
        gap, centred, total = x.mean(0) - mean, x - x.mean(0), num + len(x)
        scatter = scatter + centred.T @ centred + num * len(x) / total * torch.outer(gap, gap) * (num > 0)
        mean, num = mean + gap / k, total
    return mean, scatter / (num - 1)


def _mean_alone(batches: Chunks) -> Moments:
    """The same mean, and the right covariance."""
    parts = _each(batches)
    total = sum(n for n, _, _ in parts)
    right = sum((n * m for n, m, _ in parts), torch.zeros(())) / total
    scatter = sum((s + n * torch.outer(m - right, m - right) for n, m, s in parts), torch.zeros(()))
    return torch.stack([m for _, m, _ in parts]).mean(0), scatter / (total - 1)


def _within(batches: Chunks, *, off: str = "one") -> Moments:
    """Scatter of each chunk about its own mean only, over n - 1, n, or n minus the number of chunks."""
    parts = _each(batches)
    total = sum(n for n, _, _ in parts)
    mean = sum((n * m for n, m, _ in parts), torch.zeros(())) / total
    less = {"one": 1, "none": 0, "all": len(parts)}[off]
    return mean, sum((s for _, _, s in parts), torch.zeros(())) / max(total - less, 1)


def _mean_of_covs(batches: Chunks) -> Moments:
    """Covariances of chunks averaged, a chunk of one row as zeros."""
    parts = _each(batches)
    mean = sum((n * m for n, m, _ in parts), torch.zeros(())) / sum(n for n, _, _ in parts)
    return mean, torch.stack([s / max(n - 1, 1) for n, _, s in parts]).mean(0)


def _twice_averaged(batches: Chunks) -> Moments:
    parts = _each(batches)
    covs = torch.stack([s / max(n - 1, 1) for n, _, s in parts]).mean(0)
    return torch.stack([m for _, m, _ in parts]).mean(0), covs


def _some(keep: Callable[[Chunks], Chunks]) -> Callable[[Chunks], Moments]:
    """Moments of some of the chunks only."""
    return lambda batches: moments(keep(batches))


def _but_the_last(batches: Chunks) -> Chunks:
    before = None
    for x in batches:
        if before is not None:
            yield before
        before = x


def _the_last(batches: Chunks) -> Chunks:
    last: list[Tensor] = []
    for x in batches:
        last[:] = [x]
    yield from last


def _before_update(batches: Chunks) -> Moments:
    """The gap is taken from the mean that has already moved."""
    num, mean, scatter = 0, torch.zeros(()), torch.zeros(())
    for chunk in batches:
        x = chunk.double()
        total = num + len(x)
        mean = mean + (x.mean(0) - mean) * len(x) / total
        gap, centred = x.mean(0) - mean, x - x.mean(0)
        scatter = scatter + centred.T @ centred + num * len(x) / total * torch.outer(gap, gap) * (num > 0)
        num = total
    return mean, scatter / (num - 1)


def _about_running(batches: Chunks) -> Moments:
    """Each chunk's products about the mean so far, and never again."""
    num, mean, scatter = 0, torch.zeros(()), torch.zeros(())
    for chunk in batches:
        x = chunk.double()
        mean, num = mean + (x.mean(0) - mean) * len(x) / (num + len(x)), num + len(x)
        scatter = scatter + (x - mean).T @ (x - mean)
    return mean, scatter / (num - 1)


def _count(batches: Chunks) -> Moments:
    num, mean, scatter = _merged(batches)
    return mean, scatter / num


def _scatter(batches: Chunks) -> Moments:
    return _merged(batches)[1:]


def _second(batches: Chunks) -> Moments:
    """Second moments about zero, over n - 1."""
    num, mean, scatter = _merged(batches)
    return mean, (scatter + num * torch.outer(mean, mean)) / (num - 1)


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """What an unlisted gap says: digits lost far from zero, or a part that is missing or twice there."""
    a, b = case["a"], case["b"]
    assert isinstance(a, Tensor)
    assert isinstance(b, Tensor)
    if float(a.double().mean()) > _FAR / 2:
        return (
            "close to zero it is right. Here the features lie at 30,000,000 with a spread of about 1, and a covariance "
            "came out as the small difference of two huge numbers: digits are lost, in float64 too. Take products of "
            "what is left after a mean (the chunk's own, or the first chunk's) has been taken off."
        )
    (mean_a, cov_a), (mean_b, cov_b) = moments([a]), moments([b])
    parts = {
        "the squared gap of the means": (mean_a - mean_b).square().sum(),
        "the two traces": cov_a.trace() + cov_b.trace(),
        "the trace of the root": _cross(cov_a, cov_b),
    }
    came, gap = float(got["the value"]), float(got["the value"] - expected["the value"])
    if abs(came - float(_with(_second)([a], [b]))) < 1e-3 * abs(came):
        return "the covariances are second moments about zero: the mean wasn't taken off, or was added again."
    for name, part in parts.items():
        times = gap / float(part)
        if abs(times - round(times)) < 1e-4 and 0 < abs(round(times)) <= 4:
            return f"what came is off by {round(times)} times {name}."
    return ""


_BETWEEN = (
    "the covariance holds the spread within each chunk only. The chunks' means differ too: n_a n_b / (n_a + n_b) times "
    "the outer product of the gap between the means belongs to what is merged."
)


FRECHET_FROM_BATCHES = Task(
    name="frechet_from_batches",
    points=3,
    cases=_cases,
    reference=frechet_from_batches,
    alternatives=(
        _with(_shifted),
        _with(cross=lambda a, b: torch.linalg.eigvals(a @ b).real.clamp(min=0).sqrt().sum()),
        _with(cross=lambda a, b: torch.linalg.matrix_norm(_root(a) @ _root(b), ord="nuc")),
    ),
    probe=from_chunks,
    explain=_told,
    rtol=1e-3,
    atol=1e-4,
    mistakes=(
        Mistake(
            _with(_count),
            "the scatter was divided by n. An unbiased covariance has n - 1 below, as torch.cov has.",
        ),
        Mistake(_with(_within), _BETWEEN),
        Mistake(
            _with(lambda batches: _within(batches, off="none")),
            "the covariances of the chunks were averaged, by their rows: the spread within each chunk only, and with n "
            "below. The chunks' means differ too, and that is a part of the whole cloud's covariance.",
        ),
        Mistake(
            _with(lambda batches: _within(batches, off="all")),
            "the covariance holds the spread within chunks only, pooled. The chunks' means differ too: what lies "
            "between them is a part of the whole cloud's covariance.",
        ),
        Mistake(
            _with(_mean_of_covs),
            "the chunks' covariances were averaged. Chunks have other numbers of rows, and the gaps between their "
            "means belong to the covariance of the whole.",
        ),
        Mistake(
            _with(_twice_averaged),
            "means and covariances of the chunks were averaged, each chunk as good as another. Chunks have other "
            "numbers of rows, and the gaps between their means belong to the covariance.",
        ),
        Mistake(
            _with(_mean_of_means),
            "the mean is that of the chunks' means, so a chunk of one row weighs as much as one of thirty. Weigh by "
            "rows.",
        ),
        Mistake(
            _with(_by_chunks),
            "the mean so far moves by one over the number of chunks: it is that of the chunks' means, and a chunk of "
            "one row weighs as much as one of thirty. Weigh by rows.",
        ),
        Mistake(
            _with(_mean_alone),
            "the covariances are right, but the mean is that of the chunks' means: a chunk of one row weighs as much "
            "as one of thirty. Weigh by rows.",
        ),
        Mistake(
            _with(_before_update),
            "the gap between a chunk's mean and the mean so far was taken after that mean had moved. Take it before.",
        ),
        Mistake(
            _with(_about_running),
            "each chunk was centred about the mean so far. That mean moves on afterwards, and nobody comes back to the "
            "products: merging has to add what the move makes.",
        ),
        Mistake(
            _with(_some(_but_the_last)),
            "the last chunk plays no part. It is shorter than others, and counts as well.",
        ),
        Mistake(
            _with(_some(lambda batches: islice(batches, 1))),
            "only the first chunk plays a part: return comes too early.",
        ),
        Mistake(_with(_some(_the_last)), "only the last chunk plays a part: each overwrites the sums."),
        Mistake(
            _with(_some(lambda batches: (x for x in batches if len(x) > 1))),
            "chunks of one row were left out. They have no spread of their own, but a place that counts.",
        ),
        Mistake(
            _with(_second),
            "the covariances are second moments about zero: the mean wasn't taken off.",
        ),
        Mistake(_with(_scatter), "the scatter wasn't divided by anything: a covariance has n - 1 below."),
        Mistake(
            _with(end=lambda d: d.clamp(min=0).sqrt()),
            "the root of the distance came. Asked for was d², as it is reported.",
        ),
        Mistake(
            _with(means=lambda a, b: (a - b).norm()),
            "the gap of the means isn't squared.",
        ),
        Mistake(
            _with(means=lambda a, b: (a - b).square().mean()),
            "the squared gap of the means was averaged over features. It is a sum, as the trace is.",
        ),
        Mistake(_with(means=lambda a, b: torch.zeros(())), "the gap of the means is missing."),
        Mistake(_with(times=1.0), "the trace of the root counts twice: the factor 2 is missing."),
        Mistake(_with(times=0.0), "the trace of the root is missing: without it a cloud is far from itself."),
        Mistake(
            _with(times=-2.0), "the trace of the root was added. It is taken off: a cloud is at 0 from itself."
        ),
        Mistake(
            _with(cross=lambda a, b: (_root(a) @ _root(b)).trace()),
            "the roots were taken first, then the product: tr(Σa^½ Σb^½). That is the trace of the product's root only "
            "where the two commute.",
        ),
        Mistake(
            _with(cross=lambda a, b: (a.diagonal() * b.diagonal()).sqrt().sum()),
            "only variances play a part: this is the distance of clouds whose features don't correlate.",
        ),
        Mistake(
            _with(cross=lambda a, b: (a @ b).trace()),
            "the root is missing: this is the trace of the product.",
        ),
        Mistake(
            _with(cross=lambda a, b: (a @ b).trace().sqrt()),
            "the root of the trace came. Asked for is the trace of the root: root each eigenvalue, then add up.",
        ),
        Mistake(
            _with(cross=lambda a, b: torch.linalg.svdvals(a @ b).sqrt().sum()),
            "singular values of Σa Σb aren't its eigenvalues: the product of two symmetric matrices isn't symmetric. "
            "Σa^½ Σb Σa^½ is, and has the eigenvalues wanted.",
        ),
        Mistake(
            _with(cross=lambda a, b: torch.linalg.eigvalsh(a @ b).clamp(min=0).sqrt().sum()),
            "eigvalsh looks at one half of a matrix and takes it to be symmetric. Σa Σb isn't; Σa^½ Σb Σa^½ is, and "
            "has the eigenvalues wanted.",
        ),
        Mistake(
            _with(cross=lambda a, b: torch.linalg.eigvalsh(a @ b).abs().sqrt().sum()),
            "eigvalsh was given Σa Σb, which isn't symmetric, and abs hides it. Σa^½ Σb Σa^½ is symmetric, and has the "
            "eigenvalues wanted.",
        ),
        Mistake(
            _with(cross=lambda a, b: (a @ b).clamp(min=0).sqrt().trace()),
            "torch.sqrt takes the root of each entry. The root of a matrix comes from its eigenvalues.",
        ),
        Mistake(
            _with(traces=lambda a, b: (a - b).square().sum(), times=0.0),
            "the squared difference of the covariances stands where the traces belong.",
        ),
        Mistake(
            _with(traces=lambda a, b: a.sum() + b.sum()),
            "all entries of the covariances were added up. A trace is the sum of the diagonal.",
        ),
    ),
)
