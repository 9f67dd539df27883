r"""Images with lost pixels, completed by PCA: the code is fitted to the pixels that are known.

:math:`z = \arg\min_z \| V_K z - (x - m)_K \|^2`, where K are the known pixels and :math:`V_K` their rows of V. The
columns of :math:`V_K` are neither of unit length nor orthogonal, so this is no projection (Everson & Sirovich 1995, J.
Opt. Soc. Am. A 12(8), "gappy" data).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator
from course_lib.tasks.ex01_autoencoders.pca import pca_reconstruct

_F32, _F64 = torch.float32, torch.float64


def _cases(seed: int) -> list[Case]:
    """Several images, one, float64; lost pixels read 0, in places that are no block; fewer directions than known
    pixels, and spreads that fall by a third each."""
    source = generator(seed)
    cases: list[Case] = []
    for num_train, num_pixels, num_known, num_new, num_directions, dtype in [
        (13, 10, 6, 4, 2, _F32),
        (14, 11, 7, 1, 3, _F32),
        (12, 9, 5, 3, 2, _F64),
    ]:
        codes = torch.linalg.qr(torch.randn(num_train, num_pixels, generator=source, dtype=_F64))[0]
        codes = torch.linalg.qr(codes - codes.mean(0))[0]
        axes = torch.linalg.qr(torch.randn(num_pixels, num_pixels, generator=source, dtype=_F64))[0]
        spread = 3 * (2 / 3) ** torch.arange(num_pixels, dtype=_F64)
        mean = away_from_zero((num_pixels,), source, 0.6, 1.4, _F64)
        known = torch.zeros(num_pixels, dtype=torch.bool)
        known[torch.randperm(num_pixels, generator=source)[:num_known]] = True
        x = (mean + away_from_zero((num_new, num_pixels), source, 0.3, 1.5, _F64)) * known
        x_train = mean + codes * spread @ axes.T
        cases.append(
            {"x_train": x_train.to(dtype), "x": x.to(dtype), "known": known, "num_directions": num_directions}
        )
    return cases


def _fitted(x_train: Tensor, num_directions: int) -> tuple[Tensor, Tensor]:
    """The mean image (P,), and the first principal directions, (k, P)."""
    mean = x_train.mean(0)
    return mean, torch.linalg.svd(x_train - mean, full_matrices=False).Vh[:num_directions]


def fill_in(x_train: Tensor, x: Tensor, known: Tensor, num_directions: int) -> Tensor:
    """The images x (M, P), their lost pixels taken from the reconstruction that is nearest in the known ones (P,)."""
    mean, directions = _fitted(x_train, num_directions)
    code = torch.linalg.lstsq(directions[:, known].T, (x - mean)[:, known].T).solution.T
    return torch.where(known, x, mean + code @ directions)


def _by_normal_equations(x_train: Tensor, x: Tensor, known: Tensor, num_directions: int) -> Tensor:
    mean, directions = _fitted(x_train, num_directions)
    weighted = directions * known
    code = torch.linalg.solve(weighted @ directions.T, weighted @ (x - mean).T).T
    return x * known + (mean + code @ directions) * ~known


def _one_by_one(x_train: Tensor, x: Tensor, known: Tensor, num_directions: int) -> Tensor:
    mean, directions = _fitted(x_train, num_directions)
    filled = x.clone()
    for image in filled:
        code = torch.linalg.pinv(directions[:, known].T) @ (image - mean)[known]
        image[~known] = mean[~known] + directions[:, ~known].T @ code
    return filled


Answer = Callable[[Tensor, Tensor, Tensor, int], Tensor]


def _with(
    code: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda d, v, known: (
        torch.linalg.lstsq(v[:, known].T, d[:, known].T).solution.T
    ),
    decode: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda mean, z, v: mean + z @ v,
    put: Callable[[Tensor, Tensor, Tensor], Tensor] = torch.where,
) -> Answer:
    """The completion with one part changed: the code of x - mean, its image, and what is put where."""

    def answer(x_train: Tensor, x: Tensor, known: Tensor, num_directions: int) -> Tensor:
        mean, directions = _fitted(x_train, num_directions)
        return put(known, x, decode(mean, code(x - mean, directions, known), directions))

    return answer


def _fit_elsewhere(fitted_to: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Answer:
    """Mean and directions of other images than x_train."""
    return lambda x_train, x, known, num_directions: fill_in(
        fitted_to(x_train, x, known), x, known, num_directions
    )


def _uncentred(x_train: Tensor, x: Tensor, known: Tensor, num_directions: int) -> Tensor:
    directions = torch.linalg.svd(x_train, full_matrices=False).Vh[:num_directions]
    code = torch.linalg.lstsq(directions[:, known].T, x[:, known].T).solution.T
    return torch.where(known, x, code @ directions)


def _uncentred_code(x_train: Tensor, x: Tensor, known: Tensor, num_directions: int) -> Tensor:
    mean, directions = _fitted(x_train, num_directions)
    code = torch.linalg.lstsq(directions[:, known].T, x[:, known].T).solution.T
    return torch.where(known, x, mean + code @ directions)


def _smallest(x_train: Tensor, x: Tensor, known: Tensor, num_directions: int) -> Tensor:
    mean = x_train.mean(0)
    directions = torch.linalg.svd(x_train - mean, full_matrices=False).Vh[-num_directions:]
    code = torch.linalg.lstsq(directions[:, known].T, (x - mean)[:, known].T).solution.T
    return torch.where(known, x, mean + code @ directions)


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """Whether the known pixels are kept, and what the lost ones would need."""
    x, known, came = case["x"], case["known"], got["the value"]
    assert isinstance(x, Tensor)
    assert isinstance(known, Tensor)
    if not torch.allclose(came[:, known], x[:, known], rtol=1e-4, atol=1e-5):
        return "pixels that are known came back changed. Take only the lost ones from the reconstruction."
    return (
        "the known pixels are kept; the lost ones aren't those of the nearest reconstruction. Test: a reconstruction "
        "m + V z, whose pixels you then lose, has to come back exactly."
    )


FILL_IN = Task(
    name="fill_in",
    points=3,
    cases=_cases,
    reference=fill_in,
    alternatives=(_by_normal_equations, _one_by_one),
    explain=_told,
    rtol=2e-3,
    atol=2e-4,
    mistakes=(
        Mistake(
            _with(code=lambda d, v, known: d[:, known] @ v[:, known].T),
            "the code is a projection onto directions of which pixels are missing. With those pixels gone they are "
            "neither of unit length nor at right angles, so products with them are no coordinates: the codes come out "
            "too small. (Lost pixels set to the mean do the same.) Which z is nearest in the *known* pixels?",
        ),
        Mistake(
            lambda x_train, x, known, num_directions: torch.where(
                known, x, pca_reconstruct(x_train, x, num_directions)
            ),
            "the zeros of lost pixels were taken for grey levels, and drew the code towards black. They say nothing: "
            "only known pixels may enter the code.",
        ),
        Mistake(
            lambda x_train, x, known, num_directions: pca_reconstruct(x_train, x, num_directions),
            "this is the reconstruction of x with its zeros, in all pixels. Only known pixels may enter the code, and "
            "they are kept as they are.",
        ),
        Mistake(
            _with(put=lambda known, x, x_hat: x_hat),
            "the reconstruction is right, but it replaced the known pixels too. Keep what is known.",
        ),
        Mistake(
            _with(put=lambda known, x, x_hat: torch.where(known, x_hat, x)),
            "known and lost changed places: the known pixels were replaced, and the lost ones kept.",
        ),
        Mistake(
            _with(code=lambda d, v, known: torch.linalg.lstsq(v[:, ~known].T, d[:, ~known].T).solution.T),
            "the code was fitted to the lost pixels. It has to be fitted to those that are known.",
        ),
        Mistake(
            _with(decode=lambda mean, z, v: z @ v),
            "the mean is missing from the lost pixels: it was subtracted for the code and never added back.",
        ),
        Mistake(
            _with(code=lambda d, v, known: torch.zeros(len(d), len(v), dtype=d.dtype)),
            "the lost pixels are those of the mean image: the known ones weren't asked.",
        ),
        Mistake(
            _uncentred,
            "nothing is centred: subtract the training images' mean before the decomposition and from x, and add it "
            "at the end.",
        ),
        Mistake(
            _fit_elsewhere(lambda x_train, x, known: x_train - x_train.mean(0)),
            "the mean plays no part in x: it was neither subtracted for the code nor added to the lost pixels.",
        ),
        Mistake(
            _uncentred_code,
            "x wasn't centred: the code was fitted to x itself instead of x minus the mean.",
        ),
        Mistake(
            _smallest,
            "these are the directions of *smallest* variance. svd sorts its singular values from large to small.",
        ),
        Mistake(
            lambda x_train, x, known, num_directions: fill_in(x_train, x, known, num_directions + 1),
            "there is one direction too many.",
        ),
        Mistake(
            lambda x_train, x, known, num_directions: x.clone(),
            "nothing was filled in: the lost pixels still read 0.",
        ),
        Mistake(
            lambda x_train, x, known, num_directions: fill_in(x_train, x, known, num_directions)[:, ~known],
            "these are the lost pixels alone. Whole images were asked for, (M, P).",
        ),
    ),
)
