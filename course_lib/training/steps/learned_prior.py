"""Training a VAE together with its prior; the parts are in nats per image."""

from typing import Any

from torch import Tensor, nn

from course_lib.models import VAE, reparameterize
from course_lib.objectives import ELBO, Schedule, log_likelihood, sampled_kl, value_at
from course_lib.training.steps.core import adam
from course_lib.training.steps.vae import VAEStep


class LearnedPriorStep(VAEStep):
    """A VAE's step with a prior that learns as well (Tomczak & Welling 2018, arXiv:1705.07120): the KL is that of one
    draw, and Adam moves the prior's parameters with the model's.

    ``prior``: a module with ``log_prob``, codes (B, D) to (B,), such as a ``MixturePrior``. ``lr``, ``beta``: as of
    :class:`VAEStep`. Raises ``ValueError`` in a step as :func:`~course_lib.objectives.sampled_kl` does.
    """

    def __init__(
        self, model: VAE, prior: nn.Module, lr: float | Schedule = 1e-3, beta: float | Schedule = 1.0
    ) -> None:
        super().__init__(model, lr, beta)
        self.prior: Any = prior
        self.parameters += list(prior.parameters())
        self.optimizer = adam(self.parameters, lr)

    def objective(self, x: Tensor) -> ELBO:
        mu, logvar = self.model.encode(x)
        z = reparameterize(mu, logvar)
        reconstruction = log_likelihood(self.model.decode(z), x, self.model.logvar_x)
        return ELBO(reconstruction, sampled_kl(z, mu, logvar, self.prior), value_at(self.steps, self.beta))
