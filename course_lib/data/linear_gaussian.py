r"""The linear Gaussian model :math:`x = W z + b + \sigma\epsilon`, in which everything is known in closed form.

With z and :math:`\epsilon` standard normal this is probabilistic PCA (Tipping & Bishop 1999, "Probabilistic principal
component analysis", JRSS B 61): what an ELBO or an importance-weighted bound should come to can be looked up.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal


@dataclass(frozen=True)
class LinearGaussian:
    """``weight``: W, (data_dim, latent_dim). ``bias``: b, (data_dim,). ``std``: sigma, above 0.

    Results are in the dtype and on the device of x. Raises ``ValueError`` for shapes that don't fit or a ``std`` not
    above 0.
    """

    weight: Tensor
    bias: Tensor
    std: float

    def __post_init__(self) -> None:
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[:1]:
            raise ValueError(
                "weight and bias must have shapes (data_dim, latent_dim) and (data_dim,), got "
                f"{tuple(self.weight.shape)} and {tuple(self.bias.shape)}"
            )
        if not self.std > 0:
            raise ValueError(f"std must be above 0, got {self.std}")

    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent draws of x, (num_samples, data_dim); ``generator`` is a CPU one."""
        data_dim, latent_dim = self.weight.shape
        z = torch.randn(num_samples, latent_dim, generator=generator).to(self.weight)
        eps = torch.randn(num_samples, data_dim, generator=generator).to(self.weight)
        return z @ self.weight.T + self.bias + self.std * eps

    def log_prob(self, x: Tensor) -> Tensor:
        r"""The log-density in nats under the marginal :math:`\mathcal N(b, W W^\top + \sigma^2 I)`:
        (N, data_dim) to (N,)."""
        weight, bias = self._parameters(x)
        noise = self.std**2 * torch.eye(len(weight), dtype=x.dtype, device=x.device)
        return MultivariateNormal(bias, weight @ weight.T + noise).log_prob(x)

    def posterior(self, x: Tensor) -> MultivariateNormal:
        r"""p(z|x) for x (N, data_dim): means (N, latent_dim), one covariance for all,
        :math:`\mathcal N(M^{-1} W^\top (x - b),\, \sigma^2 M^{-1})` with :math:`M = W^\top W + \sigma^2 I`."""
        weight, bias = self._parameters(x)
        m = weight.T @ weight + self.std**2 * torch.eye(weight.shape[1], dtype=x.dtype, device=x.device)
        mean = torch.linalg.solve(m, (x - bias) @ weight, left=False)
        return MultivariateNormal(mean, precision_matrix=m / self.std**2)

    def _parameters(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.ndim != 2 or x.shape[1] != len(self.bias):
            raise ValueError(f"x must have shape (N, {len(self.bias)}), got {tuple(x.shape)}")
        return self.weight.to(x), self.bias.to(x)


def linear_gaussian(data_dim: int = 8, latent_dim: int = 2, std: float = 0.5, seed: int = 0) -> LinearGaussian:
    r"""A :class:`LinearGaussian` with random W and b; the same seed gives the same one, in float32.

    Entries of W are :math:`\mathcal N(0, 1/\text{latent\_dim})`, so that every x has a variance of about 1 from z, and
    those of b standard normal. Its posterior is correlated: a diagonal Gaussian can't reach it, which leaves a gap
    below log p(x). Raises ``ValueError`` for sizes below 1.
    """
    if data_dim < 1 or latent_dim < 1:
        raise ValueError(f"data_dim and latent_dim must be at least 1, got {data_dim} and {latent_dim}")
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(data_dim, latent_dim, generator=generator) / math.sqrt(latent_dim)
    return LinearGaussian(weight, torch.randn(data_dim, generator=generator), std)
