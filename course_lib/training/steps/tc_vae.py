"""Training a beta-TCVAE: a VAE whose total correlation costs more; the parts are in nats per image."""

from torch import Tensor

from course_lib.models import VAE, reparameterize
from course_lib.objectives import TCELBO, Schedule, log_likelihood, tc_elbo
from course_lib.objectives.tc_vae import Estimator
from course_lib.training.steps.vae import VAEStep


class TCVAEStep(VAEStep):
    """A VAE's step with the total correlation weighed by ``beta`` (Chen et al. 2018, arXiv:1802.04942).

    ``num_images``: how many images the whole training set holds; the estimate of q(z) depends on it.
    Raises ``ValueError`` in a step with fewer than 2 images or more than ``num_images``, and for an ``estimator``
    other than ``"stratified"`` or ``"weighted"``.
    """

    def __init__(
        self,
        model: VAE,
        num_images: int,
        beta: float = 6.0,
        lr: float | Schedule = 1e-3,
        estimator: Estimator = "stratified",
    ) -> None:
        super().__init__(model, lr)
        self.num_images = num_images
        self.tc_weight = beta
        self.estimator = estimator

    def objective(self, x: Tensor) -> TCELBO:
        mu, logvar = self.model.encode(x)
        z = reparameterize(mu, logvar)
        out = self.model.decode(z)
        reconstruction = log_likelihood(out, x, self.model.logvar_x)
        return tc_elbo(reconstruction, z, mu, logvar, self.num_images, self.tc_weight, self.estimator)
