"""Does a model make everything there is to make? Modes of a known density, classes of images."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.checks import check_tensor
from course_lib.data import GaussianMixture2D
from course_lib.metrics.distances import in_float64


@dataclass(frozen=True)
class ModeCoverage:
    """``modes``: how many are covered; ``high_quality``: share of samples near a mode; ``reverse_kl``: in nats."""

    modes: int
    high_quality: float
    reverse_kl: float


def mode_coverage(samples: Tensor, mixture: GaussianMixture2D, radius: float = 3.0) -> ModeCoverage:
    """Modes covered, under the protocol of PacGAN (Lin et al. 2018, arXiv:1712.04086), as its authors' program has it.

    A sample is of high quality if it lies within ``radius`` standard deviations of its nearest mode; a mode is
    covered if at least one such sample is nearest to it; the reverse KL is from the histogram of those samples
    over the modes to the uniform one (infinite if there are none).

    ``samples``: (N, 2). Raises ``ValueError`` for another shape, no samples, or values that aren't finite.
    """
    check_tensor(samples, "samples")
    if samples.ndim != 2 or samples.shape[1] != 2 or len(samples) == 0:
        raise ValueError(f"samples must have shape (N, 2) with N of at least 1, got {tuple(samples.shape)}")
    if not bool(torch.isfinite(samples).all()):
        raise ValueError("samples hold values that aren't finite; look at the generator they come from")
    samples = samples.detach().cpu()
    samples = samples.to(torch.promote_types(samples.dtype, torch.float32))
    centers = mixture.centers.to(samples)
    distance, nearest = torch.cdist(samples, centers, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1)
    good = distance <= radius * mixture.std
    counts = torch.bincount(nearest[good]).double()
    if counts.sum() == 0:
        return ModeCoverage(0, 0.0, math.inf)
    shares = counts / counts.sum()
    reverse_kl = torch.xlogy(shares, shares * len(centers)).sum().item()
    return ModeCoverage(int((counts > 0).sum()), good.double().mean().item(), reverse_kl)


def class_shares(probabilities: Tensor, confidence: float = 0.9) -> tuple[Tensor, float]:
    """How confident samples spread over the classes, after the way in which modes of images are counted (Che et al.
    2017, arXiv:1612.02136; Lin et al. 2018): by what a classifier takes them for.

    ``probabilities``: (N, num_classes), from a classifier. Only samples whose largest probability reaches
    ``confidence`` count. Returns their shares per class, (num_classes,), and the share of samples that count.
    Raises ``ValueError`` for no rows, or rows that don't add up to 1 (within 0.0001, or the precision of their type).
    """
    check_tensor(probabilities, "probabilities")
    if probabilities.ndim != 2 or len(probabilities) == 0:
        raise ValueError(
            f"probabilities must have shape (N, num_classes) with N of at least 1, got {tuple(probabilities.shape)}"
        )
    eps = (
        torch.finfo(probabilities.dtype).eps if probabilities.is_floating_point() else 0.0
    )  # whole: a class a row
    tolerance = max(1e-4, eps)
    probabilities = in_float64(probabilities)
    if not bool(((probabilities.sum(1) - 1).abs() < tolerance).all()):
        raise ValueError("rows of probabilities must add up to 1; apply torch.softmax to logits")
    best, label = probabilities.max(dim=1)
    sure = best >= confidence
    counts = torch.bincount(label[sure], minlength=probabilities.shape[1]).double()
    return counts / counts.sum().clamp(min=1), sure.double().mean().item()
