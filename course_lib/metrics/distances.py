"""Features checked, and their distances a block at a time: 50,000 against 50,000 at once would fill 20 GB."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course_lib.checks import check_size, check_tensor


def in_float64(x: Tensor) -> Tensor:
    """A tensor in float64, on the CPU and without gradient: not every accelerator has float64 (Apple's hasn't)."""
    return x.detach().cpu().double()


def check_features(name: str, features: Tensor, min_rows: int = 1) -> None:
    """Raises ``ValueError`` unless ``features`` has shape (N, d), at least ``min_rows`` rows and finite values,
    ``TypeError`` unless it is a tensor."""
    check_tensor(features, name)
    if features.ndim != 2 or len(features) < min_rows:
        raise ValueError(
            f"{name} must have shape (N, d) with N of at least {min_rows}, got {tuple(features.shape)}"
        )
    if not bool(torch.isfinite(features).all()):
        raise ValueError(f"{name} holds values that aren't finite; look at the images they come from")


def check_same_width(a: Tensor, b: Tensor) -> None:
    """Raises ``ValueError`` unless the rows of both have as many features."""
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"features differ in number: {a.shape[1]} and {b.shape[1]}; take both from the same network"
        )


def distance_blocks(a: Tensor, b: Tensor, chunk: int) -> Iterator[tuple[slice, slice, Tensor]]:
    """Euclidean distances of rows (N, d) and (M, d) in blocks of at most ``chunk`` x ``chunk``: which rows of a,
    which of b, their distances. From 26 rows on these come from a product of matrices in the dtype given: take float64
    and centred features."""
    check_size(chunk, "chunk")
    for i in range(0, len(a), chunk):
        for j in range(0, len(b), chunk):
            rows, columns = slice(i, i + chunk), slice(j, j + chunk)
            yield rows, columns, torch.cdist(a[rows], b[columns])


def kth_nearest(queries: Tensor, reference: Tensor, k: int, chunk: int) -> Tensor:
    """The distance from each query (N, d) to the k-th nearest of the reference rows (M, d), M at least k: (N,).

    A row that stands in the reference is its own nearest: its k-th *neighbour* is the (k + 1)-th nearest.
    """
    nearest = queries.new_full((len(queries), k), torch.inf)
    for rows, _, distance in distance_blocks(queries, reference, chunk):
        nearest[rows] = torch.cat([nearest[rows], distance], 1).topk(k, largest=False).values
    return nearest[:, -1]


def nearest_distance(queries: Tensor, reference: Tensor, chunk: int) -> Tensor:
    """The distance from each query (N, d) to the nearest of the reference rows (M, d): (N,).

    Which row is nearest comes from a product of matrices, how far it is from the difference: a copy is at 0.
    """
    best = queries.new_full((len(queries),), torch.inf)
    index = torch.zeros(len(queries), dtype=torch.int64, device=queries.device)
    for rows, columns, distance in distance_blocks(queries, reference, chunk):
        nearest = distance.min(1)
        closer = nearest.values < best[rows]
        best[rows] = torch.where(closer, nearest.values, best[rows])
        index[rows] = torch.where(closer, nearest.indices + columns.start, index[rows])
    return torch.linalg.vector_norm(queries - reference[index], dim=1)
