"""The model of one latent number, computed in node as front ends compute it, against torch's distributions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import needs_node
from test_viz_widgets_js import node
from torch.distributions import Normal, kl_divergence

from course_lib.viz import one_latent
from course_lib.viz.widgets.one_latent import _still

pytestmark = needs_node
NOISE = 0.5
Z = torch.linspace(-14, 14, 28_001, dtype=torch.float64)  # another grid than the module's
CASES = [(1.5, -0.4, 0.9), (4.0, 1.96, 0.13), (-0.5, 0.0, 0.5), (6.0, -3.0, 1.5), (0.3, 0.8, 0.05)]
LIMITS = {"narrowest": 0.05, "widest": 1.5}


def integral(values: torch.Tensor) -> float:
    return float(torch.trapezoid(values, Z))


def expected(x: float, mean: float, width: float) -> dict[str, float]:
    prior, q = Normal(0.0, 1.0), Normal(mean, width)
    log_likelihood = Normal(Z.square(), NOISE).log_prob(torch.tensor(x, dtype=torch.float64))
    evidence = float(np.log(integral((prior.log_prob(Z) + log_likelihood).exp())))
    # E[(x - z^2)^2] of a Gaussian z, from its second and fourth moments
    second, fourth = mean**2 + width**2, mean**4 + 6 * mean**2 * width**2 + 3 * width**4
    square = x**2 - 2 * x * second + fourth
    reconstruction = -square / (2 * NOISE**2) - np.log(NOISE) - 0.5 * np.log(2 * np.pi)
    to_prior = float(kl_divergence(q, prior))
    log_posterior = prior.log_prob(Z) + log_likelihood - evidence
    density = q.log_prob(Z).exp()
    to_posterior = integral(torch.where(density > 0, density * (q.log_prob(Z) - log_posterior), 0.0))
    return {
        "evidence": evidence,
        "reconstruction": reconstruction,
        "toPrior": to_prior,
        "elbo": reconstruction - to_prior,
        "toPosterior": to_posterior,
    }


@pytest.mark.parametrize("case", CASES)
def test_every_number_is_torchs_and_the_two_add_up_to_the_evidence(
    tmp_path: Path, case: tuple[float, ...]
) -> None:
    expression = """(it, { x, noise, mean, width }) => {
      const seen = it.observed(x, noise);
      return { evidence: seen.evidence, ...it.guessed(seen, mean, width), peak: it.posterior(seen, mean) };
    }"""
    x, mean, width = case
    found: dict[str, Any] = node(
        tmp_path, "latent_number.js", expression, {"x": x, "noise": NOISE, "mean": mean, "width": width}
    )
    wanted = expected(x, mean, width)
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=1e-4, rel=1e-5), name
    assert found["elbo"] + found["toPosterior"] == pytest.approx(found["evidence"], abs=1e-6)
    at = torch.tensor(mean, dtype=torch.float64)
    density = (
        Normal(0.0, 1.0).log_prob(at) + Normal(at.square(), NOISE).log_prob(torch.tensor(x)) - wanted["evidence"]
    )
    assert found["peak"] == pytest.approx(float(density.exp()), rel=1e-4)


@pytest.mark.parametrize(("x", "start"), [(4.0, 1.0), (4.0, -2.5), (-0.5, 0.7), (1.5, 0.4)])
def test_climbing_ends_where_no_other_guess_nearby_is_better(tmp_path: Path, x: float, start: float) -> None:
    expression = "(it, g) => it.climbed(it.observed(g.x, g.noise), g.start, 0.5, g.limits)"
    given = {"x": x, "noise": NOISE, "start": start, "limits": LIMITS}
    mean, width = node(tmp_path, "latent_number.js", expression, given)
    top = expected(x, mean, width)["elbo"]
    for dm, dw in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01), (0.3, 0.2)):
        assert expected(x, mean + dm, width + dw)["elbo"] < top
    assert mean * start > 0 or x < 0, "the hill on which it stood"
    if x == 4.0:  # two posterior peaks that hardly touch: the best q covers one of two
        assert expected(x, mean, width)["toPosterior"] == pytest.approx(np.log(2), abs=0.01)


def test_the_still_shows_sums_that_hold() -> None:
    axes = _still(one_latent().data).axes
    titles = [panel.get_title(loc="left") for panel in axes[:3]]
    guesses = ((-0.5, 0.0, 0.5), (1.5, 0.0, 1.0), (4.0, 1.955, 0.128))
    for title, bar, (x, mean, width) in zip(titles, axes[3:], guesses, strict=True):
        wanted = expected(x, mean, width)
        green, orange = bar.patches
        assert green.get_x() + green.get_width() == pytest.approx(wanted["elbo"], abs=2e-3)
        assert orange.get_x() == pytest.approx(wanted["elbo"], abs=2e-3)
        assert orange.get_width() == pytest.approx(wanted["toPosterior"], abs=2e-3)
        assert bar.lines[0].get_xdata()[0] == pytest.approx(wanted["evidence"], abs=2e-3)
        for name in ("elbo", "toPosterior", "evidence"):
            assert f"{wanted[name]:.2f}" in title
