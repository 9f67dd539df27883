"""Training an autoencoder; the parts are in squared grey levels per image.

The denoising autoencoder differs by a ``corrupt``, the sparse and the contractive one by a ``penalty``.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.models import Autoencoder
from course_lib.objectives import squared_error
from course_lib.training.steps.core import TrainingStep, adam, descend


class AutoencoderStep(TrainingStep):
    """Squared error, summed over pixels. ``model``: x (B, ...) to x_hat of the same shape.

    ``corrupt``: what is done to x before the model sees it; the target stays clean (denoising: Vincent et al. 2010),
    e.g. ``lambda x: mask_pixels(x, 0.3)``. ``penalty``: a function of what the encoder saw and of the code it made,
    to be added per image, (B,), or per batch, e.g. ``lambda x, z: 0.1 * contractive_penalty(x, z)``.
    Raises ``TypeError`` for a penalty without an :class:`~course_lib.models.Autoencoder`.
    """

    def __init__(
        self,
        model: nn.Module,
        lr: float = 1e-3,
        *,
        corrupt: Callable[[Tensor], Tensor] | None = None,
        penalty: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        if penalty is not None and not isinstance(model, Autoencoder):
            raise TypeError(f"a penalty needs the code of an Autoencoder, but model is a {type(model).__name__}")
        self.model = model
        self.corrupt = corrupt
        self.penalty = penalty
        self.parameters = list(model.parameters())
        self.optimizer = adam(self.parameters, lr)

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        seen = x if self.corrupt is None else self.corrupt(x)
        if self.penalty is None:
            parts = {"squared error": squared_error(self.model(seen), x).mean()}
        else:
            assert isinstance(self.model, Autoencoder)
            seen = seen.detach().requires_grad_()  # so that a penalty may ask how the code moves with the image
            z = self.model.encode(seen)
            error = squared_error(self.model.decode(z), x).mean()
            parts = {"squared error": error, "penalty": self.penalty(seen, z).mean()}
        descend(self.optimizer, torch.stack(list(parts.values())).sum(), self.parameters)
        self.steps += 1
        return {name: part.detach() for name, part in parts.items()}
