"""Training a conditional VAE: up the ELBO of log p(x|y); the parts are in nats per image."""

from torch import Tensor

from course_lib.data import binarize
from course_lib.models import ConditionalVAE
from course_lib.objectives import ELBO, Schedule, elbo
from course_lib.training.steps.core import ObjectiveStep


class ConditionalVAEStep(ObjectiveStep):
    """A VAE's step on a batch (x, y): grey levels in [0, 1], binarised afresh, and labels int64 (B,).

    ``beta``: the weight of the KL. Raises ``TypeError`` or ``ValueError`` for other labels, as the model does.
    """

    def __init__(self, model: ConditionalVAE, lr: float | Schedule = 1e-3, beta: float = 1.0) -> None:
        super().__init__(model, lr)
        self.beta = beta

    def objective(self, batch: tuple[Tensor, Tensor]) -> ELBO:
        x, y = binarize(batch[0]), batch[1]
        logits, mu, logvar = self.model(x, y)
        return elbo(logits, x, mu, logvar, self.beta)
