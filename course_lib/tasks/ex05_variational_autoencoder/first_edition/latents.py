r"""The posterior's side of the VAE: its divergence from the prior, and a sample that gradients pass through.

Kingma & Welling 2014, arXiv:1312.6114, appendix B and section 2.4.
"""

import torch
from torch.distributions import Independent, Normal, kl_divergence

from course_lib.models import reparameterize
from course_lib.objectives import kl_per_dimension, kl_standard_normal
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator, normal

_F32, _F64 = torch.float32, torch.float64


def _posterior_cases(seed: int) -> list[Case]:
    """Means and log-variances: four images, one image, and float64."""
    source = generator(seed)
    return [
        {name: away_from_zero(shape, source, dtype=dtype).requires_grad_() for name in ("mu", "logvar")}
        for shape, dtype in [((4, 3), _F32), ((1, 5), _F32), ((6, 2), _F64)]
    ]


def _terms(case: Case, expected: Outputs, got: Outputs) -> str:
    """How often mu², the variance, 1 and log variance enter, if the answer is made of these four."""
    mu, logvar = (case[name].detach().double() for name in ("mu", "logvar"))  # type: ignore[union-attr]
    by_mu, by_logvar = (
        got[f"the gradient of the sum of the value with respect to {name}"].double() for name in ("mu", "logvar")
    )
    square = (by_mu / (2 * mu)).mean().item()
    both = torch.stack([logvar.exp().flatten(), torch.ones(logvar.numel()).double()], 1)
    variance, log = torch.linalg.lstsq(both, by_logvar.reshape(-1, 1)).solution.flatten().tolist()
    made = square * mu.square() + variance * logvar.exp() + log * logvar
    one = ((got["the value"].double() - made.sum(1)) / mu.shape[1]).mean().item()
    fits = torch.allclose(by_mu, 2 * square * mu, atol=1e-3)
    fits &= torch.allclose(by_logvar, variance * logvar.exp() + log, atol=1e-3)
    fits &= torch.allclose(got["the value"].double(), (made + one).sum(1), atol=1e-3)
    names = {"the square of the mean": (square, 0.5), "the variance exp(logvar)": (variance, 0.5)}
    names |= {"the 1 of each dimension": (one, -0.5), "logvar": (log, -0.5)}
    off = [
        f"{name} enters with factor {factor:.3g}, where {should:g} is right"
        for name, (factor, should) in names.items()
        if abs(factor - should) > 1e-3
    ]
    told = f"{'; '.join(off)}. The one half stands before the whole bracket, and in it signs are +, +, -, -."
    return told if fits and off else ""


KL_DIVERGENCE = Task(
    name="kl_divergence",
    explain=_terms,
    points=2,
    cases=_posterior_cases,
    reference=kl_standard_normal,
    alternatives=(
        lambda mu, logvar: kl_divergence(
            Independent(Normal(mu, torch.exp(logvar / 2)), 1),
            Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1),
        ),
        lambda mu, logvar: -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=-1),
    ),
    mistakes=(
        Mistake(
            lambda mu, logvar: kl_standard_normal(mu, logvar).mean(),
            "you averaged over the batch as well. One divergence per image was asked for, shape (B,); the mean over "
            "the batch comes later, in the loss.",
        ),
        Mistake(
            lambda mu, logvar: kl_standard_normal(mu, logvar).sum(),
            "you summed over the batch as well. Sum over the latent dimensions only, so that shape (B,) is left.",
        ),
        Mistake(
            lambda mu, logvar: kl_per_dimension(mu, logvar).mean(dim=1),
            "you averaged over the latent dimensions. The divergence of independent dimensions adds up, so it is a "
            "sum. A mean would shrink the KL as the latent space grows.",
        ),
        Mistake(
            lambda mu, logvar: kl_per_dimension(mu, logvar).sum(dim=0),
            "you summed over the batch (dimension 0) where the latent dimensions (dimension 1) were meant.",
        ),
        Mistake(
            kl_per_dimension,
            "you have one value per latent dimension. The divergence of the whole posterior is their sum.",
        ),
        Mistake(
            lambda mu, logvar: 2 * kl_standard_normal(mu, logvar),
            "the factor one half is missing. It comes from the exponent of the Gaussian density.",
        ),
        Mistake(
            lambda mu, logvar: -kl_standard_normal(mu, logvar),
            "the sign is turned round. A divergence is never below 0; you have what is *added* in the ELBO.",
        ),
        Mistake(
            lambda mu, logvar: 0.5 * (mu**2 + logvar**2 - 1 - (logvar**2).log()).sum(1),
            "you took logvar for the standard deviation. It is the logarithm of the variance.",
        ),
        Mistake(
            lambda mu, logvar: 0.5 * (mu**2 + logvar - 1 - logvar.log()).sum(1),
            "you took logvar for the variance itself, and took its logarithm once more.",
        ),
        Mistake(
            lambda mu, logvar: 0.5 * (mu**2 + torch.exp(2 * logvar) - 1 - 2 * logvar).sum(1),
            "you took logvar for the logarithm of the standard deviation. It is that of the variance: no factor 2. (Or "
            "the variance was given to Normal, which takes the standard deviation.)",
        ),
        Mistake(
            lambda mu, logvar: 0.5 * (mu**2 + torch.exp(0.5 * logvar) - 1 - logvar).sum(1),
            "the standard deviation stands where the variance belongs. Which of the two is exp(logvar)?",
        ),
        Mistake(
            lambda mu, logvar: 0.5 * (mu**2 + logvar.exp() - logvar).sum(1),
            "the 1 is missing. Test: at mu = 0 and logvar = 0 posterior and prior agree, and the KL must be 0.",
        ),
        Mistake(
            lambda mu, logvar: 0.5 * (logvar.exp() - 1 - logvar).sum(1),
            "the mean plays no part. A posterior that sits far from 0 has to pay for it.",
        ),
        Mistake(
            lambda mu, logvar: 0.5 * (mu.abs() + logvar.exp() - 1 - logvar).sum(1),
            "the mean enters as |mu|. The exponent of a Gaussian holds its square.",
        ),
        Mistake(
            lambda mu, logvar: 0.5 * (mu + logvar.exp() - 1 - logvar).sum(1),
            "the mean enters without its square.",
        ),
        Mistake(
            lambda mu, logvar: kl_standard_normal(logvar, mu),
            "mu and logvar changed places.",
        ),
        Mistake(
            lambda mu, logvar: 0.5 * ((1 + mu**2) * torch.exp(-logvar) - 1 + logvar).sum(1),
            "this is the divergence in the other direction, from the prior to the posterior. KL isn't symmetric.",
        ),
    ),
)


def _noise_cases(seed: int) -> list[Case]:
    source = generator(seed + 1)
    return [
        case | {"eps": normal(tuple(case["mu"].shape), source, case["mu"].dtype)}  # type: ignore[union-attr]
        for case in map(dict, _posterior_cases(seed))
    ]


REPARAMETERIZE = Task(
    name="reparameterize",
    points=2,
    cases=_noise_cases,
    reference=reparameterize,
    alternatives=(
        lambda mu, logvar, eps: mu + logvar.exp().sqrt() * eps,
        lambda mu, logvar, eps: torch.addcmul(mu, torch.exp(logvar / 2), eps),
    ),
    mistakes=(
        Mistake(
            lambda mu, logvar, eps: mu + logvar * eps,
            "you scaled the noise with logvar. That is the logarithm of the variance; the scale of a Gaussian is its "
            "standard deviation.",
        ),
        Mistake(
            lambda mu, logvar, eps: mu + logvar.exp() * eps,
            "you scaled the noise with exp(logvar), the variance. The scale is its square root, which is "
            "cheap to write inside the exp.",
        ),
        Mistake(
            lambda mu, logvar, eps: mu + 0.5 * logvar.exp() * eps,
            "the scale is half of the variance. The one half belongs inside the exp, where it takes the root.",
        ),
        Mistake(
            lambda mu, logvar, eps: mu + torch.exp(0.25 * logvar) * eps,
            "there is a root too many: exp(0.5 * logvar) is the standard deviation already.",
        ),
        Mistake(
            lambda mu, logvar, eps: mu + 0.5 * logvar * eps,
            "the exp is missing: 0.5 * logvar is the logarithm of the standard deviation.",
        ),
        Mistake(
            lambda mu, logvar, eps: (mu + eps) * torch.exp(0.5 * logvar),
            "the mean was scaled too. First the noise is scaled, then the mean is added.",
        ),
        Mistake(
            lambda mu, logvar, eps: mu + torch.exp(2 * logvar) * eps,
            "you squared the variance, where its square root was needed.",
        ),
        Mistake(
            lambda mu, logvar, eps: mu + torch.exp(-0.5 * logvar) * eps,
            "the sign inside the exp is turned round: a large variance now gives little noise.",
        ),
        Mistake(
            lambda mu, logvar, eps: mu + logvar.sqrt() * eps,
            "you took the square root of logvar. First comes the exp, which makes a variance of it.",
        ),
        Mistake(
            lambda mu, logvar, eps: (mu + torch.exp(0.5 * logvar) * eps).detach(),
            "the sample is right, but no gradient reaches mu and logvar: something like .detach(), .data, no_grad or "
            ".sample() cuts it off. Then the encoder can't learn from the reconstruction.",
        ),
        Mistake(
            lambda mu, logvar, eps: mu + torch.exp(0.5 * logvar).detach() * eps,
            "the sample is right, but no gradient reaches logvar: the scale is cut off, and the encoder can't learn "
            "how much noise to use.",
        ),
        Mistake(
            lambda mu, logvar, eps: mu.detach() + torch.exp(0.5 * logvar) * eps,
            "the sample is right, but no gradient reaches mu.",
        ),
        Mistake(
            lambda mu, logvar, eps: Normal(mu, torch.exp(0.5 * logvar)).sample(),
            "you drew a sample without using eps, and without a gradient. Build z out of mu, logvar and the "
            "noise that was given.",
        ),
        Mistake(
            lambda mu, logvar, eps: mu + torch.exp(0.5 * logvar) * torch.randn_like(mu),
            "you drew noise of your own. Use the eps that was given: only so can a sampler be tested exactly.",
        ),
        Mistake(
            lambda mu, logvar, eps: mu + torch.exp(0.5 * logvar) * eps[:1],
            "every image gets the noise of the first one. Each needs its own.",
        ),
        Mistake(
            lambda mu, logvar, eps: mu + torch.exp(0.5 * logvar) * eps[:, :1],
            "every latent dimension gets the noise of the first one. Each needs its own.",
        ),
        Mistake(lambda mu, logvar, eps: mu + eps, "the noise has scale 1 always; logvar plays no part."),
        Mistake(lambda mu, logvar, eps: mu + 0 * logvar, "there is no noise: this is the mean of the posterior."),
        Mistake(
            lambda mu, logvar, eps: mu * eps + torch.exp(0.5 * logvar),
            "mean and standard deviation changed places: the noise is scaled, then shifted by the mean.",
        ),
        Mistake(
            lambda mu, logvar, eps: mu - torch.exp(0.5 * logvar) * eps,
            "the noise is subtracted. That draws from the same Gaussian, but it isn't the z of this eps; the "
            "convention is mean plus scale times noise.",
        ),
    ),
)
