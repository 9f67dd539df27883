"""Toy densities in the plane, in closed form: Gaussians on a ring, a grid, two moons, a spiral.

The ring and the grid are the usual tests of mode coverage (Metz et al., 2017; Lin et al., 2018, PacGAN):
eight Gaussians on a circle, 25 on a square. Moons and spiral are dense mixtures along a curve, so that their
density is exact as well.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class GaussianMixture2D:
    r"""An equal mixture of round Gaussians, :math:`p(x) = \frac1M \sum_m N(x; c_m, \sigma^2 I)`.

    ``centers``: float (M, 2); ``std``: their common standard deviation, above 0, in the units of the plane.
    Raises ``ValueError`` for other shapes, of points as of centres, or another ``std``.
    """

    centers: Tensor
    std: float
    name: str = "mixture"

    def __post_init__(self) -> None:
        if self.centers.ndim != 2 or self.centers.shape[1] != 2 or len(self.centers) == 0:
            raise ValueError(f"centers must have shape (M, 2) with M >= 1, got {tuple(self.centers.shape)}")
        if not self.std > 0:
            raise ValueError(f"std must be above 0, got {self.std}")

    def __repr__(self) -> str:
        return f"GaussianMixture2D({self.name!r}, {len(self.centers)} modes, std={self.std})"

    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent draws (num_samples, 2) on the device of ``centers``; ``generator`` is a CPU one."""
        mode = torch.randint(len(self.centers), (num_samples,), generator=generator)
        eps = torch.randn(num_samples, 2, generator=generator).to(self.centers)
        return self.centers[mode.to(self.centers.device)] + self.std * eps

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density in nats at points (N, 2) -> (N,)."""
        if x.ndim != 2 or x.shape[1] != 2:
            raise ValueError(f"x must have shape (N, 2), got {tuple(x.shape)}")
        squared = ((x[:, None, :] - self.centers.to(x)[None]) / self.std).square().sum(dim=2)  # (N, M)
        log_normal = -0.5 * squared - math.log(2 * math.pi) - 2 * math.log(self.std)
        return torch.logsumexp(log_normal, dim=1) - math.log(len(self.centers))


def ring(num_modes: int = 8, radius: float = 1.0, std: float = 0.01) -> GaussianMixture2D:
    """``num_modes`` Gaussians at equal angles on a circle; the first one at (radius, 0)."""
    angle = 2 * math.pi * torch.arange(num_modes) / num_modes
    return GaussianMixture2D(radius * torch.stack([torch.cos(angle), torch.sin(angle)], dim=1), std, "ring")


def grid(side: int = 5, spacing: float = 2.0, std: float = 0.05) -> GaussianMixture2D:
    """``side`` x ``side`` Gaussians, ``spacing`` apart, centred on the origin."""
    ticks = spacing * (torch.arange(side) - (side - 1) / 2)
    return GaussianMixture2D(torch.cartesian_prod(ticks, ticks), std, "grid")


def moons(std: float = 0.08, centers_per_moon: int = 64) -> GaussianMixture2D:
    """Two interleaved half circles of radius 1, centred on the origin; each a dense mixture along its arc."""
    angle = torch.linspace(0, math.pi, centers_per_moon)
    upper = torch.stack([torch.cos(angle) - 0.5, torch.sin(angle) - 0.25], dim=1)
    return GaussianMixture2D(torch.cat([upper, -upper]), std, "moons")


def spiral(
    turns: float = 1.5, radius: float = 1.0, std: float = 0.03, num_centers: int = 128
) -> GaussianMixture2D:
    """An Archimedean spiral from near the origin out to ``radius``, centres at about equal arc length."""
    # Arc length grows like the square of the angle, so equal steps of arc length are square roots in angle.
    fraction = torch.linspace(0.05, 1, num_centers).sqrt()
    angle = 2 * math.pi * turns * fraction
    curve = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
    return GaussianMixture2D(radius * fraction[:, None] * curve, std, "spiral")
