r"""The best linear reconstruction: PCA through the singular value decomposition.

Eckart & Young 1936: of all rank-k matrices, the one of the k largest singular values is nearest.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.tasks.core import Case, Mistake, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64


def _pca_cases(seed: int) -> list[Case]:
    """Several new images, one new image, float64. The spread falls by a third from each direction to the next, so
    that the order is clear; the mean is far from 0 and unlike in every pixel; V is square, so that its rows and its
    columns can be mistaken for each other."""
    source = generator(seed)
    cases: list[Case] = []
    sizes = [(12, 5, 4, 2, _F32), (8, 6, 3, 3, _F32), (11, 6, 1, 1, _F32), (10, 4, 3, 2, _F64)]
    for num_train, num_pixels, num_new, num_directions, dtype in sizes:
        rank = min(num_train - 1, num_pixels)
        noise = torch.randn(num_train, rank, generator=source, dtype=_F64)
        codes = torch.linalg.qr(noise - noise.mean(0))[0]
        axes = torch.linalg.qr(torch.randn(num_pixels, rank, generator=source, dtype=_F64))[0]
        spread = 3 * (2 / 3) ** torch.arange(rank, dtype=_F64)
        mean = away_from_zero((num_pixels,), source, 0.6, 1.4, _F64)
        x_train = mean + codes * spread @ axes.T
        x = mean + away_from_zero((num_new, num_pixels), source, 0.3, 1.5, _F64)
        cases.append({"x_train": x_train.to(dtype), "x": x.to(dtype), "num_directions": num_directions})
    return cases


def pca_reconstruct(x_train: Tensor, x: Tensor, num_directions: int) -> Tensor:
    """The images x projected onto the first principal directions of x_train, around its mean."""
    mean = x_train.mean(0)
    directions = torch.linalg.svd(x_train - mean, full_matrices=False).Vh[:num_directions]
    return mean + (x - mean) @ directions.T @ directions


def _by_covariance(x_train: Tensor, x: Tensor, num_directions: int) -> Tensor:
    centered = x_train - x_train.mean(0)
    directions = torch.linalg.eigh(centered.T @ centered).eigenvectors[:, -num_directions:]
    return x_train.mean(0) + (x - x_train.mean(0)) @ (directions @ directions.T)


def _by_the_rest(x_train: Tensor, x: Tensor, num_directions: int) -> Tensor:
    """The images minus what the other directions say about them."""
    mean = x_train.mean(0)
    rest = torch.linalg.svd(x_train - mean, full_matrices=True).Vh[num_directions:]
    return x - (x - mean) @ rest.T @ rest


def _with(
    center_fit: Callable[[Tensor, Tensor], Tensor] = lambda train, x: train.mean(0),
    center: Callable[[Tensor, Tensor], Tensor | float] = lambda train, x: train.mean(0),
    back: Callable[[Tensor, Tensor], Tensor | float] = lambda train, x: train.mean(0),
    rows: Callable[[Tensor, int], Tensor] = lambda vh, k: vh[:k],
) -> Callable[[Tensor, Tensor, int], Tensor]:
    """PCA with one part changed: what the fit subtracts, what is subtracted from x, what is added, which rows."""

    def answer(x_train: Tensor, x: Tensor, num_directions: int) -> Tensor:
        vh = torch.linalg.svd(x_train - center_fit(x_train, x), full_matrices=False).Vh
        directions = rows(vh, num_directions)
        code = (x - center(x_train, x)) @ directions.T
        return code @ directions + back(x_train, x)

    return answer


def _zero(x_train: Tensor, x: Tensor) -> Tensor:
    return torch.zeros_like(x_train[0])


def _codes(x_train: Tensor, x: Tensor, num_directions: int) -> Tensor:
    mean = x_train.mean(0)
    return (x - mean) @ torch.linalg.svd(x_train - mean, full_matrices=False).Vh[:num_directions].T


def _scaled(x_train: Tensor, x: Tensor, num_directions: int) -> Tensor:
    mean = x_train.mean(0)
    _, s, vh = torch.linalg.svd(x_train - mean, full_matrices=False)
    return mean + ((x - mean) @ vh[:num_directions].T * s[:num_directions]) @ vh[:num_directions]


def _pixel_mean(x_train: Tensor, x: Tensor, num_directions: int) -> Tensor:
    """Each image's own mean is taken off, and put back."""
    directions = torch.linalg.svd(x_train - x_train.mean(1, keepdim=True), full_matrices=False).Vh[:num_directions]
    return x.mean(1, keepdim=True) + (x - x.mean(1, keepdim=True)) @ directions.T @ directions


def _standardised(x_train: Tensor, x: Tensor, num_directions: int) -> Tensor:
    mean, std = x_train.mean(0), x_train.std(0)
    return mean + std * pca_reconstruct((x_train - mean) / std, (x - mean) / std, num_directions)


PCA_RECONSTRUCT = Task(
    name="pca_reconstruct",
    points=3,
    cases=_pca_cases,
    reference=pca_reconstruct,
    alternatives=(_by_covariance, _by_the_rest),
    rtol=5e-4,
    atol=5e-5,
    mistakes=(
        Mistake(
            _with(center_fit=_zero, center=lambda train, x: x.mean(0), back=lambda train, x: x.mean(0)),
            "both faults are still there: the mean is that of the images to be reconstructed, and the directions come "
            "from images that weren't centred.",
        ),
        Mistake(
            _with(center_fit=_zero, center=_zero, back=_zero),
            "the images aren't centred. The first direction is then spent on pointing at the mean image.",
        ),
        Mistake(
            _with(back=_zero),
            "the mean was subtracted and never added back: this is the reconstruction of x minus the mean.",
        ),
        Mistake(
            _with(center=_zero),
            "the directions come from centred images, but x itself was projected without subtracting the mean.",
        ),
        Mistake(
            _with(center=_zero, back=_zero),
            "the directions are right, but x is projected around the origin instead of around the mean.",
        ),
        Mistake(
            _with(center_fit=_zero),
            "the directions come from images that weren't centred. Subtract the mean before the decomposition too.",
        ),
        Mistake(
            _with(
                center_fit=lambda train, x: x.mean(0),
                center=lambda train, x: x.mean(0),
                back=lambda train, x: x.mean(0),
            ),
            "everything is centred with the mean of the new images. An image alone is its own mean: "
            "mean and directions both belong to the training images.",
        ),
        Mistake(
            _standardised,
            "each pixel was divided by its standard deviation. That is another PCA: in it a pixel that hardly varies "
            "weighs as much as any other, and the squared error is no longer the smallest.",
        ),
        Mistake(
            _with(center=lambda train, x: x.mean(0), back=lambda train, x: x.mean(0)),
            "you took the mean of the new images. A compressor must not depend on what else is in the batch: mean and "
            "directions both belong to the training images.",
        ),
        Mistake(
            lambda x_train, x, num_directions: pca_reconstruct(x, x, min(num_directions, len(x))),
            "mean and directions were fitted to the images to be reconstructed. Both belong to the training images.",
        ),
        Mistake(
            lambda x_train, x, num_directions: _with(
                *([lambda train, x: train.mean().expand_as(train[0])] * 3)  # fit, center, back
            )(x_train, x, num_directions),
            "one mean was taken over all pixels together. The mean image has a value for each pixel.",
        ),
        Mistake(
            _pixel_mean,
            "the mean was taken along the wrong axis: over the pixels of each image instead of over the images.",
        ),
        Mistake(
            _with(rows=lambda vh, k: vh[-k:]),
            "these are the directions of *smallest* variance. svd sorts its singular values from large to small, eigh "
            "from small to large.",
        ),
        Mistake(
            lambda x_train, x, num_directions: x - pca_reconstruct(x_train, x, num_directions) + x_train.mean(0),
            "this is what the directions leave out: the residual, around the mean.",
        ),
        Mistake(
            lambda x_train, x, num_directions: x - pca_reconstruct(x_train, x, num_directions),
            "this is the residual. The reconstruction was asked for.",
        ),
        Mistake(
            _codes,
            "these are the codes. Each is still to be turned back into an image, and the mean added.",
        ),
        Mistake(
            _scaled,
            "the codes were multiplied by the singular values. Projecting on unit vectors needs no scale: the singular "
            "values say how much the training images spread, and choose the order.",
        ),
        Mistake(
            lambda x_train, x, num_directions: pca_reconstruct(x_train, x, num_directions + 1),
            "there is one direction too many.",
        ),
        Mistake(
            lambda x_train, x, num_directions: x_train.mean(0).expand_as(x),
            "every image became the mean image: nothing of its own comes through the code.",
        ),
        Mistake(
            lambda x_train, x, num_directions: x.clone(),
            "this gives x back unchanged: all directions were kept.",
        ),
        Mistake(
            _with(rows=lambda vh, k: vh.T[:k]),
            "the directions are the wrong axis of V. torch.linalg.svd returns Vh, V transposed: each of its rows is a "
            "direction in the space of pixels.",
        ),
    ),
)
