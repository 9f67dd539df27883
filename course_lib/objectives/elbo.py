r"""The evidence lower bound.

:math:`\log p(x) \ge E_{q(z|x)}[\log p(x|z)] - \beta\, D_{KL}(q(z|x) \| p(z))`, a bound for
:math:`\beta = 1` (Kingma & Welling 2014, arXiv:1312.6114, eq. 3; beta: Higgins et al. 2017).
"""

from dataclasses import dataclass

from torch import Tensor

from course_lib.objectives.kl import kl_standard_normal
from course_lib.objectives.reconstruction import log_likelihood


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

    @property
    def parts(self) -> dict[str, Tensor]:
        """The values that a training step records; each of them gets smaller as its side of the bound gets better."""
        return {"loss": self.loss, "-reconstruction": -self.reconstruction, "KL": self.kl}


def elbo(
    out: Tensor, x: Tensor, mu: Tensor, logvar: Tensor, beta: float = 1.0, logvar_x: Tensor | None = None
) -> ELBO:
    """The ELBO of a VAE, with one sample of z behind the decoder's output ``out``.

    ``out`` and ``x``: (B, ...), Bernoulli logits and zeros and ones; with the log-variance ``logvar_x`` of a
    Gaussian decoder, means and grey levels. ``mu`` and ``logvar``: (B, D).
    Raises ``ValueError`` for grey levels under a Bernoulli likelihood or shapes that don't fit.
    """
    return ELBO(log_likelihood(out, x, logvar_x), kl_standard_normal(mu, logvar), beta)
