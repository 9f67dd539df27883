r"""The ELBO of a VAE with two layers of codes (Sonderby et al. 2016, arXiv:1602.02282).

.. math:: E_q[\log p(x|z_1)] - D_{KL}(q(z_2|x) \| p(z_2)) - E_{q(z_2|x)} D_{KL}(q(z_1|z_2,x) \| p(z_1|z_2))

With the KL in closed form at a sampled z2, one pass estimates it without bias. ``beta`` below 1 early in training
(the paper's warm-up) keeps the upper layer from being switched off before it is of use.
"""

from dataclasses import dataclass

from torch import Tensor

from course_lib.objectives.elbo import ELBO
from course_lib.objectives.kl import kl_gaussians, kl_standard_normal
from course_lib.objectives.reconstruction import bernoulli_log_prob


@dataclass(frozen=True, kw_only=True)
class LadderELBO(ELBO):
    """The bound, whose ``kl`` is the sum of those of both layers, ``kl_top`` and ``kl_bottom``: (B,), in nats."""

    kl_top: Tensor
    kl_bottom: Tensor

    @property
    def parts(self) -> dict[str, Tensor]:
        """The values that a training step records."""
        return super().parts | {"KL(z2)": self.kl_top, "KL(z1|z2)": self.kl_bottom}


Parameters = tuple[Tensor, Tensor]  # mean and log-variance


def ladder_elbo(
    logits: Tensor, x: Tensor, q_top: Parameters, q_bottom: Parameters, p_bottom: Parameters, beta: float = 1.0
) -> LadderELBO:
    """The ELBO of a two-layer VAE with a Bernoulli decoder, with one sample of z2 and z1 behind the logits.

    ``logits`` and ``x`` (zeros and ones): (B, ...). Mean and log-variance of ``q_top`` q(z2|x): (B, D2) each, of
    ``q_bottom`` q(z1|z2, x) and ``p_bottom`` p(z1|z2): (B, D1) each.
    Raises ``ValueError`` for grey levels in ``x`` or shapes that don't fit.
    """
    kl_top = kl_standard_normal(*q_top)
    kl_bottom = kl_gaussians(*q_bottom, *p_bottom)
    reconstruction = bernoulli_log_prob(logits, x)
    return LadderELBO(reconstruction, kl_top + kl_bottom, beta, kl_top=kl_top, kl_bottom=kl_bottom)
