r"""The evidence lower bound, and the tighter bound of several weighted samples.

ELBO: :math:`\log p(x) \ge E_{q(z|x)}[\log p(x|z)] - \beta\, D_{KL}(q(z|x) \| p(z))`, a bound for
:math:`\beta = 1` (Kingma & Welling 2014, arXiv:1312.6114, eq. 3; beta: Higgins et al. 2017).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.objectives.kl import kl_standard_normal
from course_lib.objectives.reconstruction import bernoulli_log_prob


@dataclass(frozen=True)
class ELBO:
    """The bound and its two parts, one value per image, in nats.

    ``reconstruction``: (B,), the log-likelihood of x given one sample of z. ``kl``: (B,).
    """

    reconstruction: Tensor
    kl: Tensor
    beta: float = 1.0

    @property
    def elbo(self) -> Tensor:
        """(B,), to be maximised. With ``beta`` other than 1 it is an objective, not a bound on log p(x)."""
        return self.reconstruction - self.beta * self.kl

    @property
    def loss(self) -> Tensor:
        """Scalar to be minimised: minus the mean of the ELBO over the batch, nats per image."""
        return -self.elbo.mean()


def elbo(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor, beta: float = 1.0) -> ELBO:
    """The ELBO of a VAE with a Bernoulli decoder, with one sample of z behind ``logits``.

    ``logits`` and ``x`` (zeros and ones): (B, ...); ``mu`` and ``logvar``: (B, D).
    Raises ``ValueError`` for grey levels in ``x`` or shapes that don't fit.
    """
    return ELBO(bernoulli_log_prob(logits, x), kl_standard_normal(mu, logvar), beta)


def importance_weighted_bound(log_w: Tensor) -> Tensor:
    r"""The bound :math:`\log \frac1K \sum_k w_k` of K samples (Burda et al. 2016, arXiv:1509.00519, eq. 8).

    ``log_w``: (K, B), the log-weights :math:`\log p(x|z_k) + \log p(z_k) - \log q(z_k|x)` with z_k drawn from q.
    Returns (B,), in nats: the ELBO for K = 1, log p(x) as K grows. Raises ``ValueError`` unless (K, B).
    """
    if log_w.ndim != 2 or log_w.shape[0] == 0:
        raise ValueError(f"log_w must have shape (num_samples, batch), got {tuple(log_w.shape)}")
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])
