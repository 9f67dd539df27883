r"""Two ways to keep the KL from vanishing, each one line away from the ELBO: a floor under it, and a target for it.

Free bits (Kingma et al. 2016, arXiv:1606.04934): a latent dimension, or a group of them, is charged at least
``free_bits``; below that it has no gradient, so nothing is won by switching it off. Capacity (Burgess et al. 2018,
arXiv:1804.03599): the KL is held at a target, which grows during training. Both speak of the *expected*
KL, so the mean over the batch comes before the floor or the absolute value. Both keep the KL itself to report.
"""

from dataclasses import dataclass

from torch import Tensor

from course_lib.objectives.elbo import ELBO


@dataclass(frozen=True, kw_only=True)
class FreeBitsELBO(ELBO):
    r"""Loss: minus reconstruction plus :math:`\beta \sum_j \max(\lambda, \overline{KL}_j)`.

    ``kl_groups``: (B, J), the KL of each dimension, group or layer, to be :math:`KL_j` averaged over the batch;
    ``free_bits``: :math:`\lambda`, in nats for each of them. ``kl`` and ``elbo`` are without the floor.
    """

    kl_groups: Tensor
    free_bits: float

    @property
    def loss(self) -> Tensor:
        """Scalar to be minimised, nats per image."""
        floored = self.kl_groups.mean(0).clamp(min=self.free_bits)
        return self.beta * floored.sum() - self.reconstruction.mean()


@dataclass(frozen=True, kw_only=True)
class CapacityELBO(ELBO):
    r"""Loss: minus reconstruction plus :math:`\gamma\,|\overline{KL} - C|`, with the KL averaged over the batch.

    ``capacity``: C, in nats per image. ``gamma`` stands in beta's place.
    """

    capacity: float
    gamma: float

    @property
    def loss(self) -> Tensor:
        """Scalar to be minimised, nats per image."""
        return self.gamma * (self.kl.mean() - self.capacity).abs() - self.reconstruction.mean()


def free_bits_elbo(reconstruction: Tensor, kl_groups: Tensor, free_bits: float, beta: float = 1.0) -> FreeBitsELBO:
    """The ELBO's parts from a ``reconstruction`` (B,) and the KL of each latent dimension or group, (B, J).

    Raises ``ValueError`` for other shapes or ``free_bits`` below 0.
    """
    if reconstruction.ndim != 1 or kl_groups.ndim != 2 or len(kl_groups) != len(reconstruction):
        raise ValueError(
            "reconstruction and kl_groups must have shapes (batch,) and (batch, groups), "
            f"got {tuple(reconstruction.shape)} and {tuple(kl_groups.shape)}"
        )
    if free_bits < 0:
        raise ValueError(f"free_bits must be at least 0, got {free_bits}")
    return FreeBitsELBO(reconstruction, kl_groups.sum(1), beta, kl_groups=kl_groups, free_bits=free_bits)


def capacity_elbo(reconstruction: Tensor, kl: Tensor, capacity: float, gamma: float) -> CapacityELBO:
    """The ELBO's parts, (B,) each, with the KL pulled towards ``capacity``, in nats per image.

    Raises ``ValueError`` for a ``capacity`` below 0, which no KL can have.
    """
    if capacity < 0:
        raise ValueError(f"capacity must be at least 0, as every KL is, got {capacity}")
    return CapacityELBO(reconstruction, kl, capacity=capacity, gamma=gamma)
