"""The feature space of the course's Fréchet distance: a small classifier of glyphs that ships with the course.

Inception features of upscaled digits say little about digits, and a classifier retrained at every run gives
distances that mean nothing across runs. This one is fixed: name it, and its hash, beside every distance.
"""

from functools import cache

import torch
from torch import Tensor

from course_lib.models import Classifier, evaluating
from course_lib.training.weights import load_weights


@cache
def feature_classifier() -> Classifier:
    """The shipped classifier of the ten digits, in eval mode and without gradient; ``.hash`` names its weights."""
    classifier = Classifier()
    classifier.hash = load_weights("classifier", classifier)
    classifier.eval().requires_grad_(False)
    return classifier


def extract_features(x: Tensor, classifier: Classifier | None = None, chunk: int = 2000) -> Tensor:
    """Features (N, 64) of images (N, 1, 28, 28), in float64, ``chunk`` images at a time."""
    network = feature_classifier() if classifier is None else classifier
    with evaluating(network):
        return torch.cat([network.features(batch) for batch in x.split(chunk)]).double()
