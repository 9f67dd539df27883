r"""The loss of the VQ-VAE (van den Oord et al. 2017, arXiv:1711.00937, eq. 3) and how many codes are in use.

.. math:: -\log p(x|z_q) + \|\mathrm{sg}[z_e] - z_q\|^2 + \beta \|z_e - \mathrm{sg}[z_q]\|^2

The first term trains decoder and encoder, the second moves the codes to what the encoder gives, the third keeps
the encoder near its codes; sg stops the gradient. With a uniform prior over codes the KL is log K for each of
them, a constant, and so isn't in the loss.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.objectives.reconstruction import bernoulli_log_prob, squared_error


@dataclass(frozen=True)
class VQLoss:
    """The three parts, one value per image (B,): nats, and squared distances summed over places and dimensions."""

    reconstruction: Tensor
    codebook: Tensor
    commitment: Tensor
    beta: float

    @property
    def loss(self) -> Tensor:
        """Scalar to be minimised."""
        return (self.codebook + self.beta * self.commitment - self.reconstruction).mean()

    @property
    def parts(self) -> dict[str, Tensor]:
        """The values that a training step records. Codebook and commitment loss differ in their gradient alone."""
        return {"loss": self.loss, "-reconstruction": -self.reconstruction, "commitment": self.commitment}


def vq_loss(logits: Tensor, x: Tensor, z_e: Tensor, z_q: Tensor, beta: float = 0.25) -> VQLoss:
    """The parts of the loss of a VQ-VAE with a Bernoulli decoder.

    ``logits`` and ``x`` (zeros and ones): (B, ...), the logits with a straight-through gradient; ``z_e`` of the
    encoder and its codes ``z_q``: (B, D, ...). Raises ``ValueError`` for grey levels in ``x`` or shapes that
    don't fit.
    """
    return VQLoss(
        reconstruction=bernoulli_log_prob(logits, x),
        codebook=squared_error(z_q, z_e.detach()),
        commitment=squared_error(z_e, z_q.detach()),
        beta=beta,
    )


def perplexity(codes: Tensor, num_codes: int) -> Tensor:
    r"""How many codes are in use: :math:`e^H` of their shares, from 1 to ``num_codes`` if all are used alike.

    ``codes``: int64 of any shape, at least one. Returns a scalar. Raises ``ValueError`` for none, or for one
    outside 0 to ``num_codes`` - 1.
    """
    if codes.numel() == 0 or codes.min() < 0 or codes.max() >= num_codes:
        span = f"{codes.min().item()} to {codes.max().item()}" if codes.numel() else "none"
        raise ValueError(f"codes must lie in 0 to {num_codes - 1}, got {span}")
    shares = torch.bincount(codes.flatten()) / codes.numel()
    return torch.exp(torch.special.entr(shares).sum())
