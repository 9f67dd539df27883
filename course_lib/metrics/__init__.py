"""Numbers that say how good a model is, each with what it is measured on."""

from course_lib.metrics.coverage import ModeCoverage, class_shares, mode_coverage
from course_lib.metrics.disentanglement import DCI, MutualInformationGap, dci, mutual_information_gap
from course_lib.metrics.features import extract_features, feature_classifier
from course_lib.metrics.frechet import FrechetDistance, frechet_distance, frechet_with_floor
from course_lib.metrics.likelihood import evaluate_elbo, importance_nll
from course_lib.metrics.sharpness import sharpness, sharpness_distance

__all__ = [
    "DCI",
    "FrechetDistance",
    "ModeCoverage",
    "MutualInformationGap",
    "class_shares",
    "dci",
    "evaluate_elbo",
    "extract_features",
    "feature_classifier",
    "frechet_distance",
    "frechet_with_floor",
    "importance_nll",
    "mode_coverage",
    "mutual_information_gap",
    "sharpness",
    "sharpness_distance",
]
