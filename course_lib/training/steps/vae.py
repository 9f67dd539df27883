"""Training a VAE: up the ELBO; the parts are in nats per image."""

import torch
from torch import Tensor

from course_lib.checks import check_grey_levels
from course_lib.data import binarize
from course_lib.models import VAE, bounded_logvar
from course_lib.objectives import Schedule, elbo, optimal_logvar, value_at
from course_lib.training.steps.core import Objective, ObjectiveStep


class VAEStep(ObjectiveStep):
    """Minus the ELBO. ``x``: grey levels in [0, 1]. A Bernoulli model gets them binarised afresh at every step, a
    Gaussian one as they are; where it is of vectors or signals, not images (B, C, H, W), they may be any numbers.

    ``beta``: the weight of the KL, or its schedule over the steps (warm-up). ``optimal_sigma``: a Gaussian model's
    variance is set to the best for each batch (Rybkin et al. 2021) instead of learned; learning takes its time, as
    Adam moves the log-variance by about ``lr`` in a step, and until then a large variance may drown the code.
    Raises ``ValueError`` for ``optimal_sigma`` without a Gaussian model, and in a step for grey levels outside [0, 1].
    """

    def __init__(
        self, model: VAE, lr: float | Schedule = 1e-3, beta: float | Schedule = 1.0, *, optimal_sigma: bool = False
    ) -> None:
        if optimal_sigma and model.logvar_x is None:
            raise ValueError("optimal_sigma needs a variance; build the model with likelihood='gaussian'")
        super().__init__(model, lr, [p for p in model.parameters() if not (optimal_sigma and p is model.logvar_x)])
        self.beta = beta
        self.optimal_sigma = optimal_sigma

    def logvar_x(self, out: Tensor, x: Tensor) -> Tensor | None:
        """The decoder's log-variance, a scalar, set to the best for this batch first if that is what is wanted."""
        if self.optimal_sigma and self.model.logvar_x is not None:
            self.model.logvar_x.data.copy_(optimal_logvar(out.detach(), x))
        return self.model.logvar_x

    def objective(self, x: Tensor) -> Objective:
        """The objective on images (B, ...) as the likelihood takes them."""
        out, mu, logvar = self.model(x)
        return elbo(out, x, mu, logvar, value_at(self.steps, self.beta), self.logvar_x(out, x))

    def improve(self, objective: Objective) -> dict[str, Tensor]:
        """As of every objective; a variance that was learned stays in the range of :func:`bounded_logvar`. On pixels
        that can be predicted exactly the best variance is 0, and its logarithm would run away."""
        parts = super().improve(objective)
        if self.model.logvar_x is not None:
            with torch.no_grad():
                self.model.logvar_x.copy_(bounded_logvar(self.model.logvar_x))
        return parts

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        if self.model.logvar_x is None:
            x = binarize(x)
        elif x.ndim == 4:
            check_grey_levels(x)
        return super().__call__(x)
