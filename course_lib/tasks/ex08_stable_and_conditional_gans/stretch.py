r"""The largest singular value by power iteration, and its gradient.

:math:`v \leftarrow W^\top u`, :math:`u \leftarrow W v`, both scaled to length 1, and :math:`\sigma = u^\top W v` with
``u`` and ``v`` constant (Miyato et al. 2018, arXiv:1802.05957, algorithm 1 and equation 13).
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.probes.ex08 import GRAPH, NEW_U, SIGMA, stretch
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
Change = Callable[[Tensor], Tensor]


def _cases(seed: int) -> list[Case]:
    """A matrix, a convolution's weight, float64, and a layer of zeros; no u of length 1, no iteration at its end."""
    source = generator(seed)
    cases: list[Case] = []
    for shape, num_steps, dtype in (
        ((4, 3), 2, _F32),
        ((3, 2, 2, 2), 1, _F32),
        ((3, 5), 3, _F64),
        ((2, 3), 2, _F32),
    ):
        weight = away_from_zero(shape, source, dtype=dtype)
        if len(shape) == 2:  # two stretches that are alike, so that a few steps don't reach the end
            u, s, vh = torch.linalg.svd(weight, full_matrices=False)
            weight = u @ torch.diag(1.3 - 0.25 * torch.arange(len(s), dtype=dtype)) @ vh
        weight = 0 * weight if shape == (2, 3) else weight
        start = away_from_zero(shape[:1], source, dtype=dtype)
        cases.append({"weight": weight.requires_grad_(), "u": start, "num_steps": num_steps})
    return cases


def _unit(x: Tensor) -> Tensor:
    return F.normalize(x, dim=0)


def iterated(
    weight: Tensor,
    u: Tensor,
    num_steps: int,
    *,
    matrix: Change = lambda weight: weight.flatten(1),
    start: Change = lambda u: u,
    unit_v: Change = _unit,
    unit_u: Change = _unit,
    graph: bool = False,
    sigma: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = lambda w, u, v, old: u @ w @ v,
    returned: Callable[[Tensor, Tensor, Tensor, Tensor], Any] = lambda sigma, u, v, weight: (sigma, u),
    steps: Callable[[int], int] = lambda num_steps: num_steps,
) -> Any:
    """Power iteration; what stands after the star is changed by mistakes."""
    w, old, u = matrix(weight), u, start(u)
    v = unit_v(w.T @ u)
    with torch.set_grad_enabled(graph):
        for _ in range(steps(num_steps)):
            v = unit_v(w.T @ u)
            u = unit_u(w @ v)
    return returned(sigma(w, u, v, old), u, v, weight)


def spectral_norm(weight: Tensor, u: Tensor, num_steps: int) -> tuple[Tensor, Tensor]:
    """The largest stretch of a layer, (), and the vector to go on from, (out,)."""
    sigma, u = iterated(weight, u, num_steps)
    return sigma, u


def _by_norm(weight: Tensor, u: Tensor, num_steps: int) -> tuple[Tensor, Tensor]:
    """The stretch as the length of Wv; the iteration on W Wᵀ, scaled once."""
    w = weight.reshape(len(weight), -1)
    fixed = w.detach()
    for _ in range(num_steps):
        v = fixed.mT.mv(u) / fixed.mT.mv(u).norm().clamp(min=1e-12)
        u = fixed.mv(v) / fixed.mv(v).norm().clamp(min=1e-12)
    return torch.dot(u, w.mv(v)), u


def _with(**parts: Any) -> Callable[[Tensor, Tensor, int], Any]:
    return lambda weight, u, num_steps: iterated(weight, u, num_steps, **parts)


def _exact(weight: Tensor, u: Tensor, num_steps: int) -> Any:
    return torch.linalg.matrix_norm(weight.flatten(1), ord=2), iterated(weight, u, num_steps)[1]


def _frobenius(weight: Tensor, u: Tensor, num_steps: int) -> Any:
    return weight.norm(), iterated(weight, u, num_steps)[1]


def _v_in_the_graph(weight: Tensor, u: Tensor, num_steps: int) -> Any:
    w = weight.flatten(1)
    for _ in range(num_steps):
        v = _unit(w.T @ u)
        u = _unit(w @ v).detach()
    return u @ w @ v, u


def _unguarded(x: Tensor) -> Tensor:
    return x / x.norm()


def _positions(weight: Tensor) -> Tensor:
    return weight.flatten(2).sum(2) if weight.ndim > 2 else weight


_EXACT = (
    "this is the exact largest singular value. Asked for was the estimate that num_steps steps from u give; an "
    "exact decomposition in every forward pass is what the iteration saves."
)


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which of the outputs are right, or whether sigma is the exact one."""
    weight = torch.as_tensor(case["weight"]).detach().double().flatten(1)
    if not bool(weight.any()):
        return (
            "this is the layer of zeros. W v is 0 there and has no direction: divided by a length of at least 1e-12, "
            "as F.normalize does it, the new u is 0. Sigma is 0 and still hangs on the weight."
        )
    if torch.allclose(got[SIGMA].double(), torch.linalg.svdvals(weight)[0], rtol=1e-5):
        return _EXACT
    right = {n: torch.allclose(got[n].double(), expected[n].double(), rtol=1e-4, atol=1e-5) for n in expected}
    if right[SIGMA] and right[NEW_U] and not right[GRAPH]:
        return "sigma and the new u are right, but u has a graph behind it, which grows with each use. Detach it."
    if right[NEW_U] and not right[SIGMA]:
        return (
            "the new u is right, sigma isn't. Sigma is uᵀWv with the u and the v that the last step has made, both of "
            "length 1."
        )
    if right[SIGMA] and not right[NEW_U]:
        length = got[NEW_U].double().norm().item()
        return (
            "sigma is right, the u that came back isn't: it should be that of the last step. Its length is "
            f"{length:.3g}."
        )
    if all(right[name] for name in (SIGMA, NEW_U, GRAPH)):
        return (
            "sigma and the new u are right, the gradient isn't. u and v are constants for it: the whole iteration "
            "stands under torch.no_grad(), and uᵀWv, with the weight itself, does not."
        )
    return ""


SPECTRAL_NORM = Task(
    name="spectral_norm",
    points=3,
    cases=_cases,
    reference=spectral_norm,
    alternatives=(_by_norm, _with(sigma=lambda w, u, v, old: (w @ v).norm())),
    probe=stretch,
    explain=_told,
    mistakes=(
        Mistake(
            _with(graph=True),
            "the numbers are right, but the iteration is part of the graph. u and v are constants for the "
            "gradient, and the u that comes back has no past: iterate under torch.no_grad(), or on "
            "weight.detach().",
        ),
        Mistake(
            lambda weight, u, num_steps: iterated(
                weight, u, num_steps, graph=True, returned=lambda sigma, u, v, weight: (sigma, u.detach())
            ),
            "the new u is detached, but the gradient still flows through the iteration. u and v are "
            "constants for it: iterate under torch.no_grad(), or on weight.detach().",
        ),
        Mistake(
            _v_in_the_graph,
            "u was cut off from the graph, v wasn't, and so the gradient still flows through the iteration. Both are "
            "constants: iterate under torch.no_grad(), or on weight.detach().",
        ),
        Mistake(
            _with(graph=True, unit_u=_unguarded, unit_v=_unguarded),
            "the iteration is part of the graph, and with a layer of zeros it is 0 / 0. Iterate under torch.no_grad(), "
            "and let F.normalize take care of a length of 0.",
        ),
        Mistake(
            _with(sigma=lambda w, u, v, old: (u @ w @ v).detach()),
            "sigma has no gradient with respect to the weight: all of it stands under no_grad, or on a "
            "detached weight. Only u and v are constants; sigma = uᵀWv needs the weight itself.",
        ),
        Mistake(
            _with(steps=lambda num_steps: 1),
            "one step was taken, whatever num_steps says. Repeat both lines num_steps times.",
        ),
        Mistake(
            _with(steps=lambda num_steps: num_steps + 1),
            "one step too many was taken: num_steps of them, each a v and a u.",
        ),
        Mistake(
            _with(start=lambda u: torch.ones_like(u)),
            "the iteration starts from a vector of ones in place of u. u is where the last call stopped, "
            "and so one step is enough while the weight moves slowly.",
        ),
        Mistake(
            _with(start=lambda u: torch.randn_like(u)),
            "the iteration starts from a vector of its own, drawn at random. u is where the last call "
            "stopped, and so one step is enough while the weight moves slowly.",
        ),
        Mistake(
            _with(unit_u=lambda u: u, sigma=lambda w, u, v, old: _unit(u) @ w @ v),
            "the u that came back hasn't length 1. Scale it in each step.",
        ),
        Mistake(
            _with(unit_u=lambda u: u),
            "u was never scaled to length 1, so that uᵀWv is larger than any stretch.",
        ),
        Mistake(
            _with(unit_v=lambda v: v),
            "v was never scaled to length 1, so that uᵀWv isn't a stretch: it depends on how long v is.",
        ),
        Mistake(
            _with(unit_u=lambda u: u, unit_v=lambda v: v),
            "neither u nor v was ever scaled to length 1: the numbers grow with each step.",
        ),
        Mistake(
            _with(unit_u=lambda u: u / u.norm(), unit_v=lambda v: v / v.norm()),
            "with a layer of zeros this is 0 / 0, nan. The length that is divided by must not be 0: "
            "F.normalize takes care of that, or a length of at least 1e-12.",
        ),
        Mistake(
            _with(unit_u=lambda u: F.normalize(u, p=1, dim=0), unit_v=lambda v: F.normalize(v, p=1, dim=0)),
            "the vectors were divided by the sum of their entries' sizes. Their length is the root of the "
            "sum of squares.",
        ),
        Mistake(
            _with(
                unit_u=lambda u: u / u.abs().max().clamp(min=1e-12),
                unit_v=lambda v: v / v.abs().max().clamp(min=1e-12),
            ),
            "the vectors were divided by their largest entry. Their length is the root of the sum of squares.",
        ),
        Mistake(
            _exact,
            _EXACT,
        ),
        Mistake(
            _frobenius,
            "this is the Frobenius norm, the root of the sum of all squares. It bounds the stretch from "
            "above; the stretch itself is uᵀWv.",
        ),
        Mistake(
            _with(sigma=lambda w, u, v, old: (w.T @ u).norm()),
            "sigma is the length of Wᵀu with the *new* u: half a step more than was asked for. It is uᵀWv, "
            "with the v that this u was made of.",
        ),
        Mistake(
            _with(sigma=lambda w, u, v, old: _unit(old) @ w @ v),
            "sigma was made of the u that was given. It is uᵀWv with the u and the v that the last step has made.",
        ),
        Mistake(
            _with(sigma=lambda w, u, v, old: old @ w @ v),
            "sigma was made of the u that was given, which needn't have length 1. It is uᵀWv with the u and "
            "the v that the last step has made.",
        ),
        Mistake(
            _with(sigma=lambda w, u, v, old: u @ w @ (w.T @ u)),
            "this is the square of a stretch: uᵀWWᵀu. Sigma is uᵀWv, with v of length 1.",
        ),
        Mistake(
            _with(sigma=lambda w, u, v, old: (u @ w @ v).square()),
            "sigma is squared.",
        ),
        Mistake(
            _with(sigma=lambda w, u, v, old: (u @ w @ v).abs().sqrt()),
            "there is a root too much: uᵀWv is the singular value itself, not its square.",
        ),
        Mistake(
            _with(returned=lambda sigma, u, v, weight: (u, sigma)),
            "u and sigma came in the other order: sigma first, then the new u.",
        ),
        Mistake(
            _with(returned=lambda sigma, u, v, weight: (sigma, v)),
            "v came back in place of u. The next call starts from u, which has one number for each output.",
        ),
        Mistake(
            _with(returned=lambda sigma, u, v, weight: (sigma, u * sigma)),
            "the u that came back is Wv as it is, with the length sigma. It has length 1.",
        ),
        Mistake(
            lambda weight, u, num_steps: (iterated(weight, u, num_steps)[0], u),
            "the u that was given came back. The next call is to go on where this one stopped: return the new u.",
        ),
        Mistake(
            _with(returned=lambda sigma, u, v, weight: (weight / sigma.clamp(min=1e-12), u)),
            "the weight divided by sigma came back. Sigma itself was asked for, and the new u.",
        ),
        Mistake(
            _with(returned=lambda sigma, u, v, weight: (weight / sigma, u)),
            "the weight divided by sigma came back, nan for a layer of zeros. Sigma itself was asked for, "
            "and the new u.",
        ),
        Mistake(
            _with(matrix=_positions),
            "a convolution's weight was summed over the kernel's places. Each output is one row of all its "
            "inputs and places: weight.flatten(1).",
        ),
        Mistake(
            _with(matrix=lambda weight: weight.flatten(2).mean(2) if weight.ndim > 2 else weight),
            "a convolution's weight was averaged over the kernel's places. Each output is one row of all "
            "its inputs and places: weight.flatten(1).",
        ),
        Mistake(
            _with(matrix=lambda weight: weight.flatten(2)[:, :, 0] if weight.ndim > 2 else weight),
            "only one place of a convolution's kernel was used. Each output is one row of all its inputs "
            "and places: weight.flatten(1).",
        ),
    ),
)
