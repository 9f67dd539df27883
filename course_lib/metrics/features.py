"""The feature space of the course's distances: the last hidden layer of a small classifier of glyphs, shipped with it.

The papers (Heusel et al. 2017; Bińkowski et al. 2018) take an Inception network's. Such features of upscaled digits say
little about digits, and a classifier retrained at every run gives distances that mean nothing across runs. This one is
fixed: name it, and its hash, beside every distance.
"""

from functools import cache

import torch
from torch import Tensor

from course_lib.checks import check_images, check_size
from course_lib.metrics.distances import in_float64
from course_lib.models import Classifier, evaluating
from course_lib.models.weights import load_weights


@cache
def feature_classifier() -> Classifier:
    """The shipped classifier of the ten digits, in eval mode and without gradient; ``.hash`` names its weights."""
    classifier = Classifier()
    classifier.hash = load_weights("classifier", classifier)
    classifier.eval().requires_grad_(False)
    return classifier


def extract_features(x: Tensor, classifier: Classifier | None = None, chunk: int = 2000) -> Tensor:
    """Features (N, feature_dim) of images (N, 1, 28, 28): float64 on the CPU, whatever the device of either.

    ``classifier``: that of :func:`feature_classifier`, with 64 features, if not given; it works in eval mode, without
    gradient, on ``chunk`` images at a time, on its own device and in its own precision. Raises ``ValueError`` for a
    chunk below 1, other shapes, or grey levels outside [0, 1], ``TypeError`` for integers.
    """
    check_size(chunk, "chunk")
    check_images(x, num_channels=None)
    network = feature_classifier() if classifier is None else classifier
    weight = next(network.parameters(), x)
    with evaluating(network):
        features = torch.cat([network.features(batch.to(weight)) for batch in x.split(chunk)])
    return in_float64(features)
