"""The divergence between two diagonal Gaussians against torch.distributions and against the standard normal's."""

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from course_lib.objectives import kl_gaussians, kl_standard_normal

B, D = 5, 3


@pytest.fixture
def gaussians():
    source = torch.Generator().manual_seed(1)
    return tuple(
        (shift + 0.8 * torch.randn(B, D, generator=source, dtype=torch.float64)).requires_grad_()
        for shift in (0.5, -0.7, -0.4, 0.6)
    )


def test_kl_of_two_gaussians_equals_torch_distributions_in_value_and_gradient(gaussians):
    mu_q, logvar_q, mu_p, logvar_p = gaussians
    q, p = (Independent(Normal(m, v.exp().sqrt()), 1) for m, v in ((mu_q, logvar_q), (mu_p, logvar_p)))
    expected = kl_divergence(q, p)
    ours = kl_gaussians(*gaussians)
    torch.testing.assert_close(ours, expected)
    weights = torch.linspace(0.5, 2, B, dtype=torch.float64)
    for a, b in zip(
        torch.autograd.grad((weights * ours).sum(), gaussians),
        torch.autograd.grad((weights * expected).sum(), gaussians),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_kl_from_the_standard_normal_is_a_special_case(gaussians):
    mu, logvar, *_ = gaussians
    zero = torch.zeros(B, D, dtype=torch.float64)
    torch.testing.assert_close(kl_gaussians(mu, logvar, zero, zero), kl_standard_normal(mu, logvar))
    torch.testing.assert_close(kl_gaussians(mu, logvar, mu, logvar), zero[:, 0])


@pytest.mark.parametrize("which", range(4))
def test_shapes_that_would_broadcast_are_refused(gaussians, which):
    wrong = [g[:1] if number == which else g for number, g in enumerate(gaussians)]
    with pytest.raises(ValueError, match=r"batch, latent_dim.*\(5, 3\)"):
        kl_gaussians(*wrong)
