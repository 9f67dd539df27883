"""A GAN for a class: both players of Goodfellow's game get the label as well.

By concatenation (Mirza & Osindero 2014, arXiv:1411.1784) the networks stay as they are and get more inputs; by
projection (Miyato & Koyama 2018, arXiv:1802.05637) the discriminator gets one vector for each class.
"""

from torch import Tensor, nn

from course_lib.checks import check_size
from course_lib.models.gan import Discriminator, Generator, ToyGenerator
from course_lib.models.labels import append_labels, check_labels
from course_lib.models.layers import codes_or_noise


class ConditionalGenerator(nn.Module):
    """Noise (B, latent_dim) and labels (B,) to what ``generator`` makes of both in one vector.

    ``generator``: takes vectors of latent_dim + num_classes numbers. Raises ``ValueError`` if that leaves none for
    the noise.
    """

    def __init__(self, generator: Generator | ToyGenerator, num_classes: int) -> None:
        check_size(num_classes, "num_classes")
        super().__init__()
        self.generator = generator
        self.num_classes = num_classes
        self.latent_dim = generator.latent_dim - num_classes
        check_size(self.latent_dim, "what num_classes leaves of the generator's latent_dim")

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """``z``: (B, latent_dim), ``y``: int64 (B,). Raises ``ValueError`` for a label outside the classes."""
        return self.generator(append_labels(z, y, self.num_classes))

    def sample(self, y: Tensor, z: Tensor | None = None) -> Tensor:
        """One sample for each label, as the generator draws them, from noise of N(0, I) or the ``z`` given."""
        z = codes_or_noise(self, len(y), self.latent_dim, z)
        return self.generator.sample(len(y), append_labels(z, y, self.num_classes))


class ConcatenationDiscriminator(nn.Module):
    """A discriminator that sees the one-hot label behind the coordinates of a point, or as pictures of ones and zeros
    behind the channels of an image.

    ``discriminator``: takes num_classes coordinates or channels more than the data has. Raises ``ValueError`` for no
    classes.
    """

    def __init__(self, discriminator: nn.Module, num_classes: int) -> None:
        check_size(num_classes, "num_classes")
        super().__init__()
        self.discriminator = discriminator
        self.num_classes = num_classes

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(B,) logits. Raises ``ValueError`` for a label outside the classes."""
        return self.discriminator(append_labels(x, y, self.num_classes))


class ProjectionDiscriminator(nn.Module):
    r""":math:`l(x, y) = v_y \cdot \phi(x) + \psi(\phi(x))` (Miyato & Koyama, section 3).

    :math:`\phi` are the features of ``discriminator`` and :math:`\psi` its head: the logit of an image without a
    label, and what the label adds to it. Raises ``ValueError`` for no classes.
    """

    def __init__(self, discriminator: Discriminator, num_classes: int) -> None:
        check_size(num_classes, "num_classes")
        super().__init__()
        self.discriminator = discriminator
        self.num_classes = num_classes
        self.v = nn.Embedding(num_classes, discriminator.head.in_features)
        nn.init.xavier_uniform_(self.v.weight)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(B,) logits. Raises ``ValueError`` for a label outside the classes."""
        check_labels(y, len(x), self.num_classes)
        features = self.discriminator.features(x)
        return (self.v(y) * features).sum(1) + self.discriminator.head(features).squeeze(1)
