r"""The VQ-VAE (van den Oord et al. 2017, arXiv:1711.00937): a code that is a picture of indices into a codebook.

The encoder's vector at each place is replaced by the nearest of K learned ones, so q(z|x) is certain and
discrete. Such a step has no gradient of its own; the decoder's is handed on as if it had not been there.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_image_shape, check_input, check_size
from course_lib.models.layers import evaluating


def nearest_code(z_e: Tensor, codebook: Tensor) -> Tensor:
    """The index of the nearest code by Euclidean distance, eq. 1; the lowest of equally near ones.

    ``z_e``: (B, D, ...); ``codebook``: (K, D). Returns int64 (B, ...). Raises ``ValueError`` if D differs.
    """
    if z_e.shape[1] != codebook.shape[1]:
        raise ValueError(f"z_e must have shape (batch, {codebook.shape[1]}, ...), got {tuple(z_e.shape)}")
    # far from the origin a distance from a product of matrices would be rounded away
    center = codebook.mean(0)
    return torch.cdist(z_e.movedim(1, -1) - center, codebook - center).argmin(-1)


def straight_through(z_e: Tensor, z_q: Tensor) -> Tensor:
    """The value of ``z_q`` with the gradient of ``z_e`` (section 3.2), both of one shape."""
    return z_e + (z_q - z_e).detach()


class VQPass(NamedTuple):
    """One pass: logits of p(x|z_q), the encoder's output ``z_e`` and its codes ``z_q``, (B, D, ...), and their
    indices ``codes``, int64 (B, ...). ``z_q`` has its gradient to the codebook alone."""

    logits: Tensor
    z_e: Tensor
    z_q: Tensor
    codes: Tensor


class VQVAE(nn.Module):
    """``encoder``: x to (B, code_dim, ...); ``decoder``: that shape to logits shaped like x. The codebook holds
    ``num_codes`` vectors. Raises ``ValueError`` for sizes below 1."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, num_codes: int, code_dim: int) -> None:
        super().__init__()
        check_size(num_codes, "num_codes")
        check_size(code_dim, "code_dim")
        self.encoder = encoder
        self.decoder = decoder
        self.codebook = nn.Parameter(torch.randn(num_codes, code_dim))

    def embed(self, codes: Tensor) -> Tensor:
        """The vectors of codes: int64 (B, ...) to (B, code_dim, ...). Raises ``IndexError`` outside 0 to K - 1."""
        return F.embedding(codes, self.codebook).movedim(-1, 1)

    def decode(self, codes: Tensor) -> Tensor:
        """The logits of p(x|z) for indices (B, ...)."""
        return self.decoder(self.embed(codes))

    def forward(self, x: Tensor) -> VQPass:
        """All that the loss is computed from; the logits carry the straight-through gradient to the encoder."""
        z_e = self.encoder(x)
        codes = nearest_code(z_e, self.codebook)
        z_q = self.embed(codes)
        return VQPass(self.decoder(straight_through(z_e, z_q)), z_e, z_q, codes)

    def encode(self, x: Tensor) -> Tensor:
        """The indices of x: (B, ...), int64."""
        with evaluating(self):
            return nearest_code(self.encoder(x), self.codebook)

    def reconstruct(self, x: Tensor) -> Tensor:
        """The means of p(x|z) at the codes of x: grey levels in [0, 1], shaped like x."""
        with evaluating(self):
            return torch.sigmoid(self.decode(self.encode(x)))


class _AnySize(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        first = self[0]
        assert isinstance(first, nn.Conv2d)
        num_channels = first.in_channels
        remedy = f"give images of {num_channels} channels, or build the model with another num_channels"
        check_input(x, (num_channels, "H", "W"), next(self.parameters(), x), remedy)
        check_image_shape((num_channels, *x.shape[2:]))
        return super().forward(x)


class ConvVQVAE(VQVAE):
    """For images (B, num_channels, H, W) with sides that are multiples of 4: (H / 4) x (W / 4) codes each.

    Raises ``ValueError`` for other images, and sizes below 1.
    """

    def __init__(
        self,
        num_codes: int = 64,
        code_dim: int = 16,
        channels: tuple[int, int] = (16, 32),
        num_channels: int = 1,
    ) -> None:
        check_size(code_dim, "code_dim")
        check_size(num_channels, "num_channels")
        first, second = channels
        encoder = _AnySize(
            nn.Conv2d(num_channels, first, 4, stride=2, padding=1),  # (B, first, 14, 14)
            nn.ReLU(),
            nn.Conv2d(first, second, 4, stride=2, padding=1),  # (B, second, 7, 7)
            nn.ReLU(),
            nn.Conv2d(second, code_dim, 1),
        )
        decoder = nn.Sequential(
            nn.Conv2d(code_dim, second, 3, padding=1),  # (B, second, 7, 7)
            nn.ReLU(),
            nn.ConvTranspose2d(second, first, 4, stride=2, padding=1),  # (B, first, 14, 14)
            nn.ReLU(),
            nn.ConvTranspose2d(first, num_channels, 4, stride=2, padding=1),  # (B, 1, 28, 28)
        )
        super().__init__(encoder, decoder, num_codes, code_dim)
