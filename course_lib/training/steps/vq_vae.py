"""Training a VQ-VAE; the parts are in nats per image, and in squared distances between vectors and their codes."""

from torch import Tensor

from course_lib.data import binarize
from course_lib.models import VQVAE
from course_lib.objectives import perplexity, vq_loss
from course_lib.training.steps.core import TrainingStep, adam, descend


class VQVAEStep(TrainingStep):
    """One step of encoder, decoder and codebook on images binarised afresh (``x``: grey levels in [0, 1]).

    ``beta``: the weight of the commitment loss.
    """

    def __init__(self, model: VQVAE, lr: float = 1e-3, beta: float = 0.25) -> None:
        self.model = model
        self.beta = beta
        self.parameters = list(model.parameters())
        self.optimizer = adam(self.parameters, lr)

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        x = binarize(x)
        logits, z_e, z_q, codes = self.model(x)
        objective = vq_loss(logits, x, z_e, z_q, self.beta)
        descend(self.optimizer, objective.loss, self.parameters)
        self.steps += 1
        parts = {name: part.detach().mean() for name, part in objective.parts.items()}
        return parts | {"perplexity": perplexity(codes, len(self.model.codebook))}
