"""The classifier whose last hidden layer is the feature space of the course's distances between sets of images, as an
Inception network's is elsewhere (Heusel et al. 2017, arXiv:1706.08500)."""

import torch
from torch import Tensor, nn

from course_lib.checks import check_image_shape
from course_lib.models.layers import MNIST_SHAPE, ImageShape, check_fit


class Classifier(nn.Module):
    """Images (B, *image_shape) to logits (B, num_classes), through ``feature_dim`` features.

    ``hash`` names the weights, where they were loaded from a file. Raises ``ValueError`` for sides that aren't
    multiples of 4, and for images of another shape.
    """

    hash: str = ""

    def __init__(
        self, num_classes: int = 10, feature_dim: int = 64, image_shape: ImageShape = MNIST_SHAPE
    ) -> None:
        super().__init__()
        check_image_shape(image_shape)
        in_channels, height, width = image_shape
        self.image_shape = image_shape
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, 16, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * (height // 4) * (width // 4), feature_dim),
            nn.ReLU(),
        )
        self.head = nn.Linear(feature_dim, num_classes)

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, (B, feature_dim)."""
        check_fit(x, self.image_shape, self)
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes)."""
        return self.head(self.features(x))

    def probabilities(self, x: Tensor) -> Tensor:
        """Class probabilities (B, num_classes)."""
        return torch.softmax(self(x), dim=1)
