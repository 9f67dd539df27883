"""Training a VAE up a bound of several weighted samples; the parts are in nats per image."""

import torch
from torch import Tensor

from course_lib.checks import check_size
from course_lib.models import VAE, reparameterize
from course_lib.objectives import (
    ImportanceWeighted,
    Schedule,
    double_reparameterization,
    log_likelihood,
    log_weights,
)
from course_lib.training.steps.vae import VAEStep


class IWAEStep(VAEStep):
    """The bound of ``num_samples`` weighted samples in the ELBO's place (IWAE: Burda et al. 2016), or the mean of
    ``num_groups`` such bounds (MIWAE: Rainforth et al. 2018).

    ``estimator``: of the encoder's gradient, ``"iwae"`` for the bound's own or ``"dreg"`` for the doubly
    reparameterised one (Tucker et al. 2019). Raises ``ValueError`` for another, or sizes below 1.
    """

    def __init__(
        self,
        model: VAE,
        lr: float | Schedule = 1e-3,
        *,
        num_samples: int,
        num_groups: int = 1,
        estimator: str = "iwae",
        optimal_sigma: bool = False,
    ) -> None:
        super().__init__(model, lr, optimal_sigma=optimal_sigma)
        check_size(num_samples, "num_samples")
        check_size(num_groups, "num_groups")
        if estimator not in ("iwae", "dreg"):
            raise ValueError(f"estimator must be 'iwae' or 'dreg', got {estimator!r}")
        self.num_samples = num_samples
        self.num_groups = num_groups
        self.estimator = estimator

    def objective(self, x: Tensor) -> ImportanceWeighted:
        mu, logvar = self.model.encode(x)
        leading = (self.num_groups, self.num_samples, len(x))
        eps = torch.randn(*leading, self.model.latent_dim, dtype=mu.dtype, device=mu.device)
        z = reparameterize(mu, logvar, eps)
        out = self.model.decode(z.flatten(0, 2))
        repeated = x.expand(*leading[:2], *x.shape).flatten(0, 2)
        log_p_x = log_likelihood(out, repeated, self.logvar_x(out, repeated)).unflatten(0, leading)
        if self.estimator == "iwae":
            return ImportanceWeighted(log_weights(log_p_x, z, mu, logvar))
        log_w = log_weights(log_p_x, z, mu.detach(), logvar.detach())
        double_reparameterization(z, log_w)
        return ImportanceWeighted(log_w)
