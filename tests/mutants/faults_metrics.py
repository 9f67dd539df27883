"""Faults in the metrics code."""

from fault import Fault

FAULTS = [
    Fault(
        "a covariance forgotten",
        "metrics/frechet.py",
        "cov_a.trace() + cov_b.trace() - 2 * cross",
        "cov_a.trace() + cov_b.trace() - cross",
        "test_metrics.py",
    ),
    Fault(
        "importance weights without the posterior",
        "metrics/likelihood.py",
        "log_likelihood + log_prior - log_posterior",
        "log_likelihood + log_prior",
        "test_metrics.py",
    ),
]
