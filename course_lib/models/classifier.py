"""The classifier whose last hidden layer is the feature space of the course's distances between sets of images, as an
Inception network's is elsewhere (Heusel et al. 2017, arXiv:1706.08500)."""

import torch
from torch import Tensor, nn


class Classifier(nn.Module):
    """Images (B, 1, 28, 28) to logits (B, num_classes), through ``feature_dim`` features.

    ``hash`` names the weights, where they were loaded from a file.
    """

    hash: str = ""

    def __init__(self, num_classes: int = 10, feature_dim: int = 64) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, feature_dim),
            nn.ReLU(),
        )
        self.head = nn.Linear(feature_dim, num_classes)

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, (B, feature_dim)."""
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes)."""
        return self.head(self.features(x))

    def probabilities(self, x: Tensor) -> Tensor:
        """Class probabilities (B, num_classes)."""
        return torch.softmax(self(x), dim=1)
