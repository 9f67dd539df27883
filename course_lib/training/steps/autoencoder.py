"""Training an autoencoder; the parts are in squared grey levels per image."""

from torch import Tensor, nn

from course_lib.objectives import squared_error
from course_lib.training.steps.core import TrainingStep, adam, descend


class AutoencoderStep(TrainingStep):
    """Squared error, summed over pixels. ``model``: x (B, ...) to x_hat of the same shape."""

    def __init__(self, model: nn.Module, lr: float = 1e-3) -> None:
        self.model = model
        self.parameters = list(model.parameters())
        self.optimizer = adam(self.parameters, lr)

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        loss = squared_error(self.model(x), x).mean()
        descend(self.optimizer, loss, self.parameters)
        self.steps += 1
        return {"squared error": loss.detach()}
