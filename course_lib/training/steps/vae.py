"""Training a VAE: up the ELBO, or up what stands in its place; the parts are in nats per image."""

import torch
from torch import Tensor

from course_lib.data import binarize
from course_lib.models import VAE, reparameterize
from course_lib.models.layers import check_size
from course_lib.objectives import (
    ELBO,
    ImportanceWeighted,
    Schedule,
    capacity_elbo,
    double_reparameterization,
    elbo,
    free_bits_elbo,
    kl_per_dimension,
    kl_standard_normal,
    log_likelihood,
    log_weights,
    optimal_logvar,
    value_at,
)
from course_lib.training.steps.core import TrainingStep, adam, descend


class VAEStep(TrainingStep):
    """Minus the ELBO. ``x``: grey levels in [0, 1], binarised afresh at every step for a Bernoulli model, as they
    are for a Gaussian one.

    ``beta``: the weight of the KL, or its schedule over the steps (warm-up). ``optimal_sigma``: a Gaussian model's
    variance is set to the best for each batch (Rybkin et al. 2021) instead of learned; learning takes its time, as
    Adam moves the log-variance by about ``lr`` in a step, and until then a large variance may drown the code.
    Raises ``ValueError`` for ``optimal_sigma`` without a Gaussian model.
    """

    def __init__(
        self, model: VAE, lr: float = 1e-3, beta: float | Schedule = 1.0, *, optimal_sigma: bool = False
    ) -> None:
        if optimal_sigma and model.logvar_x is None:
            raise ValueError("optimal_sigma needs a variance; build the model with likelihood='gaussian'")
        self.model = model
        self.beta = beta
        self.optimal_sigma = optimal_sigma
        self.parameters = [p for p in model.parameters() if not (optimal_sigma and p is model.logvar_x)]
        self.optimizer = adam(self.parameters, lr)

    def logvar_x(self, out: Tensor, x: Tensor) -> Tensor | None:
        """The decoder's log-variance, a scalar, set to the best for this batch first if that is what is wanted."""
        if self.optimal_sigma and self.model.logvar_x is not None:
            self.model.logvar_x.data.copy_(optimal_logvar(out.detach(), x))
        return self.model.logvar_x

    def objective(self, x: Tensor) -> ELBO | ImportanceWeighted:
        """What the step descends, for images (B, ...) as the likelihood takes them."""
        out, mu, logvar = self.model(x)
        return elbo(out, x, mu, logvar, value_at(self.steps, self.beta), self.logvar_x(out, x))

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        objective = self.objective(binarize(x) if self.model.logvar_x is None else x)
        descend(self.optimizer, objective.loss, self.parameters)
        self.steps += 1
        return {name: part.detach().mean() for name, part in objective.parts.items()}


class FreeBitsStep(VAEStep):
    """The ELBO with at least ``free_bits`` nats charged for each latent dimension (Kingma et al. 2016).

    Raises ``ValueError`` in its first step if ``free_bits`` is below 0.
    """

    def __init__(
        self,
        model: VAE,
        lr: float = 1e-3,
        beta: float | Schedule = 1.0,
        *,
        free_bits: float,
        optimal_sigma: bool = False,
    ) -> None:
        super().__init__(model, lr, beta, optimal_sigma=optimal_sigma)
        self.free_bits = free_bits

    def objective(self, x: Tensor) -> ELBO:
        out, mu, logvar = self.model(x)
        reconstruction = log_likelihood(out, x, self.logvar_x(out, x))
        return free_bits_elbo(
            reconstruction, kl_per_dimension(mu, logvar), self.free_bits, value_at(self.steps, self.beta)
        )


class CapacityStep(VAEStep):
    """The KL pulled by ``gamma`` towards ``capacity``, a number of nats or its schedule (Burgess et al. 2018).

    Raises ``ValueError`` in the step in which ``capacity`` is below 0.
    """

    def __init__(
        self,
        model: VAE,
        lr: float = 1e-3,
        *,
        capacity: float | Schedule,
        gamma: float,
        optimal_sigma: bool = False,
    ) -> None:
        super().__init__(model, lr, optimal_sigma=optimal_sigma)
        self.capacity = capacity
        self.gamma = gamma

    def objective(self, x: Tensor) -> ELBO:
        out, mu, logvar = self.model(x)
        reconstruction = log_likelihood(out, x, self.logvar_x(out, x))
        return capacity_elbo(
            reconstruction, kl_standard_normal(mu, logvar), value_at(self.steps, self.capacity), self.gamma
        )


class IWAEStep(VAEStep):
    """The bound of ``num_samples`` weighted samples in the ELBO's place (IWAE: Burda et al. 2016), or the mean of
    ``num_groups`` such bounds (MIWAE: Rainforth et al. 2018).

    ``estimator``: of the encoder's gradient, ``"iwae"`` for the bound's own or ``"dreg"`` for the doubly
    reparameterised one (Tucker et al. 2019). Raises ``ValueError`` for another, or sizes below 1.
    """

    def __init__(
        self,
        model: VAE,
        lr: float = 1e-3,
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
