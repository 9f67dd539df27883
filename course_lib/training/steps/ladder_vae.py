"""Training a ladder VAE: up the ELBO of two layers; the parts are in nats per image."""

from torch import Tensor

from course_lib.data import binarize
from course_lib.models import LadderVAE
from course_lib.objectives import LadderELBO, Schedule, ladder_elbo, value_at
from course_lib.training.steps.core import ObjectiveStep


class LadderVAEStep(ObjectiveStep):
    """Minus the ELBO on images binarised afresh at every step (``x``: grey levels in [0, 1]).

    ``beta``: the weight of both KLs, or its schedule over the steps (warm-up).
    """

    def __init__(self, model: LadderVAE, lr: float | Schedule = 1e-3, beta: float | Schedule = 1.0) -> None:
        super().__init__(model, lr)
        self.beta = beta

    def objective(self, x: Tensor) -> LadderELBO:
        x = binarize(x)
        logits, q_top, q_bottom, p_bottom = self.model(x)
        return ladder_elbo(logits, x, q_top, q_bottom, p_bottom, value_at(self.steps, self.beta))
