"""Numbers that say how good a model is, each with what it is measured on."""

from course_lib.metrics.coverage import ModeCoverage, class_shares, mode_coverage
from course_lib.metrics.detection import alarm_threshold, precision_at_alarms, roc_auc, roc_curve
from course_lib.metrics.disentanglement import DCI, MutualInformationGap, dci, mutual_information_gap
from course_lib.metrics.features import extract_features, feature_classifier
from course_lib.metrics.frechet import FrechetDistance, frechet_distance, frechet_with_floor
from course_lib.metrics.kernel import KernelDistance, kernel_distance, kernel_with_floor
from course_lib.metrics.latent import active_units
from course_lib.metrics.likelihood import bits_per_dimension, evaluate_elbo, importance_nll
from course_lib.metrics.manifold import DensityCoverage, PrecisionRecall, density_coverage, precision_recall
from course_lib.metrics.memorization import Memorization, memorization
from course_lib.metrics.posterior import ELBOSurgery, effective_sample_size, elbo_surgery, fit_posterior
from course_lib.metrics.sharpness import sharpness, sharpness_distance
