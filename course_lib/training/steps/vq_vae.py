"""Training a VQ-VAE; the parts are in nats per image, and in squared distances between vectors and their codes."""

import torch
from torch import Tensor

from course_lib.checks import check_size
from course_lib.data import binarize
from course_lib.models import VQVAE
from course_lib.objectives import Schedule, perplexity, vq_loss
from course_lib.training.steps.core import ObjectiveStep


@torch.no_grad()
def revive_codes(codebook: Tensor, z_e: Tensor, codes: Tensor) -> None:
    """Put each code that nothing in a batch chose on one of the batch's vectors, drawn at random, in place.

    A code far from all vectors is never chosen, and so never trained: without this a codebook soon lives on a
    single code (random restarts: Dhariwal et al. 2020, arXiv:2005.00341, section 3.1).

    ``codebook``: (K, D); ``z_e``: (B, D, ...); ``codes``: their indices, int64 (B, ...).
    """
    vectors = z_e.movedim(1, -1).flatten(0, -2)
    drawn = vectors[torch.randint(len(vectors), (len(codebook),), device=vectors.device)]
    unused = torch.bincount(codes.flatten(), minlength=len(codebook)) == 0
    codebook.copy_(torch.where(unused.unsqueeze(1), drawn, codebook))


class VQVAEStep(ObjectiveStep):
    """One step of encoder, decoder and codebook on images binarised afresh (``x``: grey levels in [0, 1]).

    ``beta``: the weight of the commitment loss. After the first step, and every ``revive_every`` from there on,
    codes that the batch left unused are given a new place. Raises ``ValueError`` for ``revive_every`` below 1.
    """

    def __init__(
        self, model: VQVAE, lr: float | Schedule = 1e-3, beta: float = 0.25, revive_every: int = 10
    ) -> None:
        check_size(revive_every, "revive_every")
        super().__init__(model, lr)
        self.beta = beta
        self.revive_every = revive_every

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        revive = self.steps % self.revive_every == 0
        x = binarize(x)
        logits, z_e, z_q, codes = self.model(x)
        parts = self.improve(vq_loss(logits, x, z_e, z_q, self.beta))
        if revive:
            revive_codes(self.model.codebook, z_e, codes)
        return parts | {"perplexity": perplexity(codes, len(self.model.codebook))}
