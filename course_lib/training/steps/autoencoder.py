"""Training an autoencoder; the parts are in squared grey levels per image.

The denoising autoencoder differs by a ``corrupt``, the sparse and the contractive one by a ``penalty``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.checks import check_grey_levels
from course_lib.models import Autoencoder
from course_lib.objectives import Schedule, squared_error
from course_lib.training.steps.core import ObjectiveStep


@dataclass(frozen=True)
class AutoencoderLoss:
    """The named parts, one value per image (B,), or one for a batch; their means are added."""

    parts: dict[str, Tensor]

    @property
    def loss(self) -> Tensor:
        """Scalar to be minimised, squared grey levels per image."""
        return torch.stack([part.mean() for part in self.parts.values()]).sum()


class AutoencoderStep(ObjectiveStep):
    """Squared error, summed over pixels. ``model``: x (B, ...) to x_hat of the same shape.

    ``corrupt``: what is done to x before the model sees it; the target stays clean (denoising: Vincent et al. 2010),
    e.g. ``lambda x: mask_pixels(x, 0.3)``. ``penalty``: a function of the encoder's input and of its code, to be added
    per image, (B,), or per batch, e.g. ``lambda x, z: 0.1 * contractive_penalty(x, z)``.
    Raises ``TypeError`` for a penalty without an :class:`~course_lib.models.Autoencoder`, and in a step ``ValueError``
    for images (B, C, H, W) whose grey levels lie outside [0, 1].
    """

    def __init__(
        self,
        model: nn.Module,
        lr: float | Schedule = 1e-3,
        *,
        corrupt: Callable[[Tensor], Tensor] | None = None,
        penalty: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        if penalty is not None and not isinstance(model, Autoencoder):
            raise TypeError(
                f"model must be an Autoencoder to have a penalty on its code, got a {type(model).__name__}"
            )
        super().__init__(model, lr)
        self.corrupt = corrupt
        self.penalty = penalty

    def objective(self, x: Tensor) -> AutoencoderLoss:
        if x.ndim == 4:
            check_grey_levels(x)
        x_in = x if self.corrupt is None else self.corrupt(x)
        if self.penalty is None:
            return AutoencoderLoss({"squared error": squared_error(self.model(x_in), x)})
        x_in = x_in.detach().requires_grad_()  # so that a penalty may ask how the code moves with the image
        z = self.model.encode(x_in)
        error = squared_error(self.model.decode(z), x)
        return AutoencoderLoss({"squared error": error, "penalty": self.penalty(x_in, z)})
