"""What every floor asks of sizes and shapes before it computes with them."""

from torch import Tensor


def check_size(value: int, name: str) -> None:
    """Raises ``ValueError`` unless ``value`` is a size, an integer above zero."""
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")


def check_codes(z: Tensor, latent_dim: int) -> None:
    """Raises ``ValueError`` unless ``z`` has shape (B, latent_dim)."""
    if z.ndim != 2 or z.shape[1] != latent_dim:
        raise ValueError(f"z must have shape (batch, {latent_dim}), got {tuple(z.shape)}")
