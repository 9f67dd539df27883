"""The feature space of the course's distances: the last hidden layer of a small classifier of glyphs, shipped with it.

The papers (Heusel et al. 2017; Bińkowski et al. 2018) take an Inception network's. Such features of upscaled digits say
little about digits, and a classifier retrained at every run gives distances that mean nothing across runs. This one is
fixed: name it, and its hash, beside every distance.
"""

from functools import cache

import torch
from torch import Tensor

from course_lib.checks import check_size
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
    """Features (N, feature_dim), in float64, of images (N, 1, 28, 28) on the device of the classifier.

    ``classifier``: that of :func:`feature_classifier`, with 64 features, if not given; it works in eval mode, without
    gradient, on ``chunk`` images at a time. Raises ``ValueError`` for a chunk below 1.
    """
    check_size(chunk, "chunk")
    network = feature_classifier() if classifier is None else classifier
    with evaluating(network):
        return torch.cat([network.features(batch) for batch in x.split(chunk)]).double()
