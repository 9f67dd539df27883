r"""The importance-weighted bound of K samples, and two ways down it.

:math:`\log p(x) \ge E_{z_1 \ldots z_K \sim q(z|x)}[\log \tfrac1K \sum_k w_k]` with
:math:`w_k = p(x|z_k)\, p(z_k) / q(z_k|x)` (IWAE: Burda et al. 2016, arXiv:1509.00519, eq. 8). The ELBO is K = 1. As
K grows the bound gets tighter, and the encoder's gradient drowns in noise (Rainforth et al. 2018, arXiv:1802.04537);
against that, MIWAE averages M such bounds (same paper), and DReG takes another gradient of the same
bound (Tucker et al. 2019, arXiv:1810.04152).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Normal

from course_lib.objectives.kl import Density, log_density


def log_weights(log_p_x: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, prior: Density | None = None) -> Tensor:
    r"""The log-weights :math:`\log p(x|z_k) + \log p(z_k) - \log q(z_k|x)`.

    ``log_p_x``: (..., K, B), the log-likelihood of x given each sample. ``z``: (..., K, B, D), drawn from
    :math:`q = \mathcal N(\mu, \sigma^2)`. ``mu`` and ``logvar``: (B, D). ``prior``: p(z), if it isn't N(0, I). Returns
    (..., K, B), in nats per image. Raises ``ValueError`` for other shapes.
    """
    if mu.shape != logvar.shape or z.shape[-2:] != mu.shape or log_p_x.shape != z.shape[:-1]:
        raise ValueError(
            "log_p_x, z, mu and logvar must have shapes (K, B), (K, B, D), (B, D) and (B, D), got "
            + ", ".join(str(tuple(t.shape)) for t in (log_p_x, z, mu, logvar))
        )
    # unchecked: NaN parameters give a NaN bound, for the training loop to report with its step
    log_posterior = Normal(mu, torch.exp(0.5 * logvar), validate_args=False).log_prob(z).sum(-1)
    return log_p_x + log_density(z, prior) - log_posterior


def importance_weighted_bound(log_w: Tensor) -> Tensor:
    r"""The bound :math:`\log \frac1K \sum_k w_k` of K samples (Burda et al. 2016, eq. 8).

    ``log_w``: (K, B), the log-weights :math:`\log p(x|z_k) + \log p(z_k) - \log q(z_k|x)` with z_k drawn from q.
    Returns (B,), in nats: the ELBO for K = 1, log p(x) as K grows. Its gradient by :math:`\log w_k` is the share
    :math:`\tilde w_k = w_k / \sum_j w_j` of that sample. Raises ``ValueError`` unless (K, B).
    """
    if log_w.ndim != 2 or log_w.shape[0] == 0:
        raise ValueError(f"log_w must have shape (num_samples, batch), got {tuple(log_w.shape)}")
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])


def double_reparameterization(z: Tensor, log_w: Tensor) -> None:
    r"""Make the gradient that the bound sends back through ``z`` the doubly reparameterised one (DReG):
    :math:`\sum_k \tilde w_k^2\, \frac{\partial \log w_k}{\partial z_k} \frac{\partial z_k}{\partial \phi}`.

    The bound itself weighs sample k by :math:`\tilde w_k`; a hook on z multiplies by the second. Two conditions:
    ``log_w`` was computed from this very z, and with a *detached* ``mu`` and ``logvar`` in :math:`\log q`, whose
    own gradient is what the second weight stands for. The decoder's gradient stays as it is, and so does the value.

    ``z``: (..., K, B, D), with gradient to the encoder. ``log_w``: (..., K, B).
    Raises ``ValueError`` for shapes that don't fit or a z without gradient.
    """
    if z.shape[:-1] != log_w.shape or not z.requires_grad:
        raise ValueError(
            "z must carry a gradient and have shape (K, B, D) for log_w of shape (K, B), "
            f"got {tuple(z.shape)} and {tuple(log_w.shape)}, gradient: {z.requires_grad}"
        )
    weights = torch.softmax(log_w.detach(), dim=-2)[..., None]
    z.register_hook(lambda gradient: weights * gradient)


@dataclass(frozen=True)
class ImportanceWeighted:
    """M bounds of K samples each. ``log_w``: (M, K, B), in nats; M = 1 is IWAE, K = 1 the ELBO with M samples."""

    log_w: Tensor

    @property
    def bound(self) -> Tensor:
        """(B,), to be maximised: the mean of the M bounds (MIWAE)."""
        return torch.stack([importance_weighted_bound(group) for group in self.log_w]).mean(0)

    @property
    def elbo(self) -> Tensor:
        """(B,), what the same samples make of the ELBO: the mean of all log-weights."""
        return self.log_w.mean((0, 1))

    @property
    def loss(self) -> Tensor:
        """Scalar to be minimised: minus the mean of the bound over the batch, nats per image."""
        return -self.bound.mean()

    @property
    def parts(self) -> dict[str, Tensor]:
        """The values that a training step records; their difference is the gain of the weights."""
        return {"loss": self.loss, "-ELBO": -self.elbo}
