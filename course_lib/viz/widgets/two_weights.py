"""The widget of lesson 09's two weights: what nine VAE-GANs draw, alike but for beta and gamma."""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.data import load
from course_lib.metrics import feature_classifier, sharpness_distance
from course_lib.objectives import squared_error
from course_lib.training.hybrid_recipes import (
    HYBRID_BETAS,
    HYBRID_GAMMAS,
    HYBRID_IMAGES,
    DrawnFrom,
    shipped_hybrids,
)
from course_lib.training.recipes import LATENT_DIM
from course_lib.viz.images import image_rows
from course_lib.viz.widgets.host import Widget, packed

_START = {"beta": 1, "gamma": 1}
_STILLS = ((0, 1), (1, 1), (2, 1), (1, 0), (1, 2))
_CAPTION = (
    "Test images and what VAE-GANs that differ in β and γ alone reconstruct: β from 0.002 to 0.5, then at β = 0.02 a "
    "decoder that hears nothing of likeness (γ = 0), and one that hears of it mostly (γ = 5)."
)


class TwoWeights(Widget):
    """What :func:`two_weights` returns; ``value`` holds the places of ``beta`` and ``gamma`` on their sliders."""

    @property
    def weights(self) -> tuple[float, float]:
        """The beta and the gamma that were chosen."""
        return HYBRID_BETAS[self.value["beta"]], HYBRID_GAMMAS[self.value["gamma"]]


def two_weights() -> TwoWeights:
    """Sliders for beta and gamma over nine VAE-GANs that ship with the course: reconstructions, samples, numbers.

    The networks were trained on glyphs. Let it be the last expression of a cell; ``.weights`` are the chosen ones.
    """
    test, networks = load("glyphs", "test", HYBRID_IMAGES), shipped_hybrids()
    first = _one_of_each(test.y)
    z = torch.randn(len(first), LATENT_DIM, generator=torch.Generator().manual_seed(0))
    made = [kept.images(torch.cat([kept.codes[first], z])) for kept in networks.values()]
    data = {
        "betas": list(HYBRID_BETAS),
        "gammas": list(HYBRID_GAMMAS),
        "start": dict(_START),
        "images": packed(_levels(test.x[first])),
        "made": packed(_levels(torch.stack(made))),  # by network: reconstructions, then samples
        "numbers": [_numbers(kept, test.x, test.y) for kept in networks.values()],
    }

    def still() -> Figure:
        rows = {"test images": test.x[first]}
        for beta, gamma in _STILLS:
            weights = HYBRID_BETAS[beta], HYBRID_GAMMAS[gamma]
            kept = networks[weights]
            rows["β = {:g}, γ = {:g}".format(*weights)] = kept.images(kept.codes[first])
        return image_rows(rows)

    return TwoWeights("two_weights", data, dict(_START), still, _CAPTION)


def _numbers(kept: DrawnFrom, x: Tensor, y: Tensor) -> dict[str, float]:
    images = kept.images(kept.codes)
    return {
        "rate": kept.rate.item(),
        "error": squared_error(images, x).mean().item(),
        "sharpness": sharpness_distance(images, x),
        "read": (feature_classifier()(images).argmax(1) == y).float().mean().item(),
    }


def _one_of_each(y: Tensor) -> list[int]:
    return [int((y == label).nonzero()[0]) for label in y.unique()]


def _levels(x: Tensor) -> Tensor:
    """Grey levels in [0, 1] as uint8."""
    return (255 * x.clamp(0, 1)).round().to(torch.uint8)
