"""Training a VAE whose KL is kept from vanishing: free bits, or a capacity; the parts are in nats per image."""

from torch import Tensor

from course_lib.models import VAE
from course_lib.objectives import (
    ELBO,
    Schedule,
    capacity_elbo,
    free_bits_elbo,
    kl_per_dimension,
    kl_standard_normal,
    log_likelihood,
    value_at,
)
from course_lib.training.steps.vae import VAEStep


class FreeBitsStep(VAEStep):
    """The ELBO with at least ``free_bits`` nats charged for each latent dimension (Kingma et al. 2016).

    Raises ``ValueError`` in its first step if ``free_bits`` is below 0.
    """

    def __init__(
        self,
        model: VAE,
        lr: float | Schedule = 1e-3,
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
        lr: float | Schedule = 1e-3,
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
