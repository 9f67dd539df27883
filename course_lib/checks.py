"""What every floor asks of sizes, shapes and values before it computes with them."""

from typing import SupportsIndex

import torch
from torch import Tensor


def is_size(value: object) -> bool:
    """Whether ``value`` is a size, an integer above zero; NumPy's integers are integers."""
    return isinstance(value, SupportsIndex) and not isinstance(value, bool | Tensor) and value.__index__() >= 1


def check_tensor(x: object, name: str) -> None:
    """Raises ``TypeError`` unless ``x`` is a tensor: NumPy's arrays aren't."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got a {type(x).__name__}; use torch.as_tensor({name})")


def check_size(value: SupportsIndex, name: str) -> None:
    """Raises ``ValueError`` unless ``value`` is a size, as :func:`is_size` has it."""
    if not is_size(value):
        raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")


def check_codes(z: Tensor, latent_dim: int) -> None:
    """Raises ``ValueError`` unless ``z`` has shape (B, latent_dim)."""
    if z.ndim != 2 or z.shape[1] != latent_dim:
        raise ValueError(f"z must have shape (batch, {latent_dim}), got {tuple(z.shape)}")


def check_grey_levels(x: Tensor, name: str = "x") -> None:
    """Refuse what isn't grey levels: floats of any shape, every one finite and in [0, 1].

    Raises ``TypeError`` for the wrong type, ``ValueError`` for the wrong values.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor of images, got a {type(x).__name__}; use torch.as_tensor")
    if not x.is_floating_point():
        raise TypeError(f"{name} must hold floats in [0, 1], got {x.dtype}; use {name}.float() / 255 for bytes")
    if x.numel() == 0:
        return
    low, high = torch.aminmax(x.detach())
    if low >= 0 and high <= 1:
        return
    if torch.isnan(low):
        raise ValueError(f"{name} must hold grey levels in [0, 1], got {int(torch.isnan(x).sum())} NaN values")
    if high > 2:
        hint = "divide bytes by 255"
    elif -1 <= low < 0 and high <= 1:
        hint = f"scale what lies in [-1, 1] by ({name} + 1) / 2, apply torch.sigmoid to logits"
    else:
        hint = "apply torch.sigmoid to logits"
    raise ValueError(f"{name} must hold grey levels in [0, 1], got {low.item():.4g} to {high.item():.4g}; {hint}")


def check_images(x: Tensor, name: str = "x", num_channels: int | None = 1) -> None:
    """Refuse what is not a batch of images: float (N, C, H, W), every value finite and in [0, 1].

    ``num_channels``: C, 1 for grey-level images; None for any. Raises ``TypeError`` for the wrong type, ``ValueError``
    for the wrong shape or values.
    """
    channels = "C" if num_channels is None else num_channels
    if isinstance(x, Tensor) and (x.ndim != 4 or (num_channels is not None and x.shape[1] != num_channels)):
        raise ValueError(
            f"{name} must have shape (N, {channels}, H, W), got {tuple(x.shape)}; add the missing dimension, "
            f"e.g. {name}.reshape(-1, 1, 28, 28)"
        )
    check_grey_levels(x, name)


def check_image_shape(image_shape: tuple[int, int, int]) -> None:
    """Raises ``ValueError`` unless ``image_shape`` is (channels, height, width) for two strides of 2: height and width
    are multiples of 4."""
    if len(image_shape) != 3:
        raise ValueError(f"image_shape must be (channels, height, width), got {image_shape}")
    for size, name in zip(image_shape, ("channels", "height", "width"), strict=True):
        check_size(size, f"the {name} of image_shape")
    if image_shape[1] % 4 or image_shape[2] % 4:
        up = tuple(-(-size // 4) * 4 for size in image_shape[1:])
        raise ValueError(
            f"height and width of image_shape must be multiples of 4, got {image_shape[1:]}; pad the images to {up}"
        )


def check_input(x: Tensor, wanted: tuple[int | str, ...], weight: Tensor, remedy: str) -> None:
    """Raises ``ValueError`` unless a network's input ``x`` has shape (N, *wanted), where a word stands for any size,
    and the type of the network's ``weight``, ``TypeError`` unless it is a tensor; ``remedy``: what to do about another
    shape."""
    check_tensor(x, "x")
    fits = len(x.shape) == len(wanted) + 1 and all(
        a == b for a, b in zip(x.shape[1:], wanted, strict=True) if not isinstance(b, str)
    )
    if not fits:
        shape = ", ".join(str(size) for size in ("N", *wanted))
        raise ValueError(f"x must have shape ({shape}), got {tuple(x.shape)}; {remedy}")
    if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        raise ValueError(f"x must be {weight.dtype} as the weights are, got {x.dtype}; use x.to({weight.dtype})")
