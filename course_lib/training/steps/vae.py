"""Training a VAE: up the ELBO; the parts are in nats per image."""

from torch import Tensor

from course_lib.data import binarize
from course_lib.models import VAE
from course_lib.objectives import elbo
from course_lib.training.steps.core import TrainingStep, adam, descend


class VAEStep(TrainingStep):
    """Minus the ELBO on images binarised afresh at every step (``x``: grey levels in [0, 1])."""

    def __init__(self, model: VAE, lr: float = 1e-3, beta: float = 1.0) -> None:
        self.model = model
        self.beta = beta
        self.parameters = list(model.parameters())
        self.optimizer = adam(self.parameters, lr)

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        x = binarize(x)
        logits, mu, logvar = self.model(x)
        bound = elbo(logits, x, mu, logvar, self.beta)
        descend(self.optimizer, bound.loss, self.parameters)
        self.steps += 1
        return {
            "loss": bound.loss.detach(),
            "-reconstruction": -bound.reconstruction.detach().mean(),
            "KL": bound.kl.detach().mean(),
        }
