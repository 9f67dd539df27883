r"""The best denoiser on a line in closed form, and the score of the noisy data.

Clean points come from :math:`\sum_k w_k N(\mu_k, s_k^2)`, seen are :math:`y = x + \sigma \varepsilon`. With
:math:`v_k = s_k^2 + \sigma^2` and :math:`r_k(y) \propto w_k N(y; \mu_k, v_k)`,

.. math:: E[x|y] = \sum_k r_k \frac{\sigma^2 \mu_k + s_k^2 y}{v_k}, \qquad
    \frac{d}{dy} \log p(y) = \sum_k r_k \frac{\mu_k - y}{v_k} = \frac{E[x|y] - y}{\sigma^2}

(Robbins 1956, "An empirical Bayes approach to statistics", which credits Tweedie; Vincent 2011, "A connection between
score matching and denoising autoencoders", Neural Computation 23).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, Normal

from course_lib.probes.ex02 import denoised_and_score
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
_FAR = 20.0
Answer = Callable[[Tensor, Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]


def _cases(seed: int) -> list[Case]:
    """Several points, some of them where every density is 0 in floating point; one point; float64 and little noise."""
    source = generator(seed)
    cases: list[Case] = []
    for num_points, num_components, sigma, dtype in [(7, 3, 0.6, _F32), (1, 2, 1.3, _F32), (9, 4, 0.25, _F64)]:
        logits = away_from_zero((num_components,), source, 0.3, 1.2, _F64)
        mu = torch.linspace(-2, 2, num_components, dtype=_F64) + 0.3 * away_from_zero(
            (num_components,), source, dtype=_F64
        )
        std = 0.35 + 0.3 * torch.arange(num_components) + 0.1 * torch.rand(num_components, generator=source)
        std = std[torch.randperm(num_components, generator=source)].double()
        y = away_from_zero((num_points,), source, 0.3, 2.5, _F64)
        if num_points > 1:
            y[-2:] = away_from_zero((2,), source, 60, 90, _F64).abs() * torch.tensor([1.0, -1.0])
        given = [x.to(dtype) for x in (y, logits, mu, std)]
        cases.append(dict(zip(("y", "logits", "mu", "std"), given, strict=True)) | {"sigma": sigma})
    return cases


_Width = Callable[[Tensor, float], Tensor]
_Log = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def _logs(y: Tensor, logits: Tensor, mu: Tensor, var: Tensor) -> Tensor:
    """log w_k N(y; mu_k, var_k) up to a constant, (N, K)."""
    return logits.log_softmax(0) - 0.5 * var.log() - 0.5 * (y[:, None] - mu) ** 2 / var


def _softmax(logs: Tensor) -> Tensor:
    return logs.softmax(-1)


def _with(
    var: _Width = lambda std, sigma: std**2 + sigma**2,
    logs: _Log = _logs,
    weights: Callable[[Tensor], Tensor] = _softmax,
    mean: Callable[[Tensor, Tensor, Tensor, float], Tensor] = lambda y, mu, std, sigma: (
        (sigma**2 * mu + std**2 * y) / (std**2 + sigma**2)
    ),
    score: Callable[[Tensor, Tensor, float], Tensor] = lambda mean, y, sigma: (mean - y) / sigma**2,
) -> Answer:
    """The denoiser with one part changed: the width under which y is seen, log w_k N(y), what makes probabilities of
    these, the mean inside of a component, and what makes a score of the result."""

    def answer(y: Tensor, logits: Tensor, mu: Tensor, std: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        r = weights(logs(y, logits, mu, var(std, sigma)))
        denoised = (r * mean(y[:, None], mu, std, sigma)).sum(-1)
        return denoised, score(denoised, y, sigma)

    return answer


def denoise(y: Tensor, logits: Tensor, mu: Tensor, std: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """E[x|y] and d log p(y) / dy, (N,) each, for y (N,) and K components; exact far out too."""
    var = std**2 + sigma**2
    r = _logs(y, logits, mu, var).softmax(-1)
    denoised = (r * (sigma**2 * mu + std**2 * y[:, None]) / var).sum(-1)
    return denoised, (r * (mu - y[:, None]) / var).sum(-1)


def _by_autograd(y: Tensor, logits: Tensor, mu: Tensor, std: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    y = y.detach().clone().requires_grad_()
    noisy = MixtureSameFamily(Categorical(logits=logits), Normal(mu, (std**2 + sigma**2).sqrt()))
    score = torch.autograd.grad(noisy.log_prob(y).sum(), y)[0]
    return y.detach() + sigma**2 * score, score


def _then(change: Callable[[Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]) -> Answer:
    """The right two tensors, changed: of mean, score, y, sigma."""
    return lambda y, logits, mu, std, sigma: change(*denoise(y, logits, mu, std, sigma), y, sigma)


def _exp(logs: Tensor) -> Tensor:
    p = logs.exp()
    return p / p.sum(-1, keepdim=True)


def _guarded(logs: Tensor) -> Tensor:
    p = logs.exp()
    return p / (p.sum(-1, keepdim=True) + 1e-8)


def _log_density(y: Tensor, logits: Tensor, mu: Tensor, std: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    var = std**2 + sigma**2
    return denoise(y, logits, mu, std, sigma)[0], _logs(y, logits, mu, var).logsumexp(-1)


def _clean_score(y: Tensor, logits: Tensor, mu: Tensor, std: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    return denoise(y, logits, mu, std, sigma)[0], denoise(y, logits, mu, std, 0.0)[1]


def _clean_less_noise(y: Tensor, logits: Tensor, mu: Tensor, std: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    var = (std**2 - sigma**2).abs()
    denoised = (_logs(y, logits, mu, var).softmax(-1) * (sigma**2 * mu + std**2 * y[:, None]) / var).sum(-1)
    return denoised, (denoised - y) / sigma**2


def _averaged(y: Tensor, logits: Tensor, mu: Tensor, std: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    denoised = denoise(y, logits, mu, std, sigma)[0] / len(mu)
    return denoised, (denoised - y) / sigma**2


def _one_gaussian(y: Tensor, logits: Tensor, mu: Tensor, std: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    w = logits.softmax(0)
    mean = (w * mu).sum()
    var = (w * (std**2 + (mu - mean) ** 2)).sum()
    denoised = (sigma**2 * mean + var * y) / (var + sigma**2)
    return denoised, (denoised - y) / sigma**2


def _right(expected: Outputs, got: Outputs, name: str) -> Tensor:
    return torch.isclose(got[name].double(), expected[name].double(), rtol=2e-3, atol=1e-4)


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """Where it is right: near or far, the mean or the score; and whether the two belong together."""
    y, sigma = case["y"], float(case["sigma"])
    assert isinstance(y, Tensor)
    far = y.abs() > _FAR
    mean, score = (_right(expected, got, name) for name in ("the posterior mean", "the score"))
    if bool((mean & score)[~far].all()) and bool(far.any()) and not bool(far.all()):
        return (
            "it is right near the data and wrong far out, where every density is 0 in floating point. Work with "
            "logarithms of the densities and let softmax make probabilities of them."
        )
    if bool(mean.all()):
        return "the posterior mean is right, and the score isn't."
    if bool(score.all()):
        return "the score is right, and the posterior mean isn't."
    if bool(mean[~far].all()) or bool(score[~far].all()):
        name = "posterior mean" if bool(mean[~far].all()) else "score"
        return f"near the data the {name} is right; far out it isn't, and the other one is wrong everywhere."
    belongs = torch.isclose(got["the posterior mean"], y + sigma**2 * got["the score"], rtol=2e-3, atol=1e-3)
    if bool(belongs.all()):
        return (
            "the two belong together, mean = y + sigma² score, and both are wrong: it is the mean that the fault is "
            "in. See by which width y is weighed, and what each component's own mean is."
        )
    return ""


_AS_LOGS = "the probability of a component given y is proportional to its weight times its density at y"

DENOISE = Task(
    name="denoise",
    points=3,
    cases=_cases,
    reference=denoise,
    alternatives=(_by_autograd, _with()),
    probe=denoised_and_score,
    explain=_told,
    rtol=1e-3,
    atol=1e-4,
    mistakes=(
        Mistake(
            _with(weights=_exp),
            "far out every density is 0 in floating point, and 0 / 0 is nan. Stay with the logarithms, and let softmax "
            "make probabilities of them: it takes off the largest first.",
        ),
        Mistake(
            _with(weights=_guarded),
            "the sum of densities is kept from 0 by a small number that is added, or by a clamp. Far out that sum is "
            "0, so all probabilities are 0 there and the mean is 0, wherever y is. Stay with logarithms and softmax.",
        ),
        Mistake(
            _with(weights=lambda logs: logs.exp()),
            "the weights of the components don't add up to 1: divide by their sum, best by softmax of the logarithms.",
        ),
        Mistake(
            _with(var=lambda std, sigma: std**2),
            "the components were weighed by their clean density. What is seen is y, whose variance under component k "
            "is std² + sigma².",
        ),
        Mistake(
            _with(var=lambda std, sigma: torch.full_like(std, sigma**2)),
            "the components were weighed as if each were one point: std is missing in the variance of y.",
        ),
        Mistake(
            _with(var=lambda std, sigma: (std + sigma) ** 2),
            "standard deviations were added. Independent noises add their variances: std² + sigma².",
        ),
        Mistake(
            _with(var=lambda std, sigma: std + sigma**2),
            "std was taken for a variance. The variance of y under component k is std² + sigma².",
        ),
        Mistake(
            _with(var=lambda std, sigma: std**2 + sigma),
            "sigma was taken for a variance. The variance of y under component k is std² + sigma².",
        ),
        Mistake(
            _with(var=lambda std, sigma: (std**2 + sigma**2) ** 2),
            "a variance was squared once more; Normal and the like take a standard deviation, its root.",
        ),
        Mistake(
            _with(var=lambda std, sigma: (std**2 + sigma**2).sqrt()),
            "a standard deviation stands where a variance belongs.",
        ),
        Mistake(
            _with(
                logs=lambda y, logits, mu, var: (
                    logits.log_softmax(0) - 0.5 * var.log() - (y[:, None] - mu) ** 2 / var
                )
            ),
            "the one half in the exponent is missing: a Gaussian is exp(-(y - mu)² / (2 variance)).",
        ),
        Mistake(
            _with(logs=lambda y, logits, mu, var: logits.log_softmax(0) - 0.5 * (y[:, None] - mu) ** 2 / var),
            "the densities aren't normalised: a wide component is flatter, by one over its standard deviation. With "
            "unlike widths that doesn't cancel.",
        ),
        Mistake(
            _with(
                logs=lambda y, logits, mu, var: (
                    logits.log_softmax(0) + 0.5 * var.log() - 0.5 * (y[:, None] - mu) ** 2 / var
                )
            ),
            "the width has the wrong sign in the logarithm of the density: a wide component is flatter.",
        ),
        Mistake(
            _with(
                logs=lambda y, logits, mu, var: (
                    logits.log_softmax(0) - var.log() - 0.5 * (y[:, None] - mu) ** 2 / var
                )
            ),
            "the density is divided by the variance in place of its root.",
        ),
        Mistake(
            _with(logs=lambda y, logits, mu, var: -0.5 * var.log() - 0.5 * (y[:, None] - mu) ** 2 / var),
            f"the logits play no part: {_AS_LOGS}.",
        ),
        Mistake(
            _with(
                logs=lambda y, logits, mu, var: (
                    logits.abs().log() - 0.5 * var.log() - 0.5 * (y[:, None] - mu) ** 2 / var
                )
            ),
            "the logits were taken for probabilities. softmax makes these of them, log_softmax their logarithms.",
        ),
        Mistake(
            _with(
                logs=lambda y, logits, mu, var: (
                    logits.softmax(0) - 0.5 * var.log() - 0.5 * (y[:, None] - mu) ** 2 / var
                )
            ),
            "a probability was added to the logarithm of a density. Add its logarithm.",
        ),
        Mistake(
            _with(
                logs=lambda y, logits, mu, var: (
                    logits.sigmoid().log() - 0.5 * var.log() - 0.5 * (y[:, None] - mu) ** 2 / var
                )
            ),
            "sigmoid was used on the logits. The components are alternatives: softmax makes their probabilities.",
        ),
        Mistake(
            _with(
                logs=lambda y, logits, mu, var: (
                    logits.softmax(0) * (-0.5 * var.log() - 0.5 * (y[:, None] - mu) ** 2 / var)
                )
            ),
            "a weight was multiplied with the logarithm of a density. The density itself has the weight as a factor, "
            "so its logarithm gets that of the weight as a summand.",
        ),
        Mistake(
            _with(weights=lambda logs: logs / logs.sum(-1, keepdim=True)),
            "logarithms of densities were divided by their sum. It is the densities that make probabilities: softmax "
            "takes the exponentials of the logarithms first.",
        ),
        Mistake(
            _clean_less_noise,
            "the variances were subtracted. Noise widens what is seen: y has the variance std² + sigma².",
        ),
        Mistake(
            _with(
                logs=lambda y, logits, mu, var: (
                    logits.log_softmax(0) - 0.5 * var.log() + 0.5 * (y[:, None] - mu) ** 2 / var
                )
            ),
            "the exponent has the wrong sign: a density falls with the distance, exp(-(y - mu)² / (2 variance)).",
        ),
        Mistake(
            _with(
                logs=lambda y, logits, mu, var: (
                    logits.log_softmax(0) - 0.5 * var.log() - 0.5 * (y[:, None] - mu) ** 2 / var**2
                )
            ),
            "a variance was squared once more in the exponent, which is -(y - mu)² / (2 variance).",
        ),
        Mistake(
            _averaged,
            "the components' means were averaged: the sum over k was divided by K too. The probabilities add up to 1 "
            "already; sum over the components.",
        ),
        Mistake(
            _with(logs=lambda y, logits, mu, var: logits.log_softmax(0).expand(len(y), -1)),
            f"the components have their prior weights, wherever y is: {_AS_LOGS}.",
        ),
        Mistake(
            _with(logs=lambda y, logits, mu, var: torch.zeros(len(y), len(mu), dtype=y.dtype)),
            f"all components count alike, wherever y is: {_AS_LOGS}.",
        ),
        Mistake(
            _with(weights=lambda logs: logs.softmax(0)),
            "softmax runs over the points in place of the components: for each y the probabilities of the components "
            "add up to 1.",
        ),
        Mistake(
            _with(weights=lambda logs: torch.zeros_like(logs).scatter(-1, logs.argmax(-1, keepdim=True), 1.0)),
            "each y was given to its likeliest component alone. The mean counts all of them, by their probabilities.",
        ),
        Mistake(
            _with(mean=lambda y, mu, std, sigma: mu.expand(len(y), -1)),
            "a point was moved to the centres of the components. That is right for components without width; here the "
            "mean of x inside of component k lies between its centre and y.",
        ),
        Mistake(
            _with(mean=lambda y, mu, std, sigma: (sigma**2 * y + std**2 * mu) / (std**2 + sigma**2)),
            "y and mu changed places in a component's own mean: with much noise, what was seen counts little.",
        ),
        Mistake(
            _with(mean=lambda y, mu, std, sigma: (sigma * mu + std * y) / (std + sigma)),
            "in a component's own mean, mu and y are weighed by standard deviations. It is the variances that count.",
        ),
        Mistake(
            _with(mean=lambda y, mu, std, sigma: 0.5 * (mu + y).expand(len(y), len(mu))),
            "a component's own mean is half-way between mu and y. Where between the two it lies, std and sigma say.",
        ),
        Mistake(
            _with(mean=lambda y, mu, std, sigma: sigma**2 * mu + std**2 * y),
            "a component's own mean isn't divided by std² + sigma².",
        ),
        Mistake(
            _then(lambda mean, score, y, sigma: (mean, mean - y)),
            "this is how far the denoiser moves y. The score is that, divided by sigma².",
        ),
        Mistake(
            _then(lambda mean, score, y, sigma: (mean, (mean - y) / sigma)),
            "the way of the denoiser was divided by sigma. The score is that way divided by sigma².",
        ),
        Mistake(
            _then(lambda mean, score, y, sigma: (mean, -score)),
            "the sign of the score is turned round. It points to where the noisy data are denser, as the denoiser's "
            "own step does.",
        ),
        Mistake(
            _then(lambda mean, score, y, sigma: (mean, (mean - y) * sigma**2)),
            "the way of the denoiser was multiplied with sigma². It is divided by it.",
        ),
        Mistake(
            _then(lambda mean, score, y, sigma: (mean, -y / sigma**2 + 0 * mean)),
            "the posterior mean is missing in the score.",
        ),
        Mistake(
            _then(lambda mean, score, y, sigma: (score, mean)), "the two changed places: return the mean first."
        ),
        Mistake(
            _then(lambda mean, score, y, sigma: (mean - y, score)),
            "the score is right. The first tensor is how far y moves: return the mean itself.",
        ),
        Mistake(
            _then(lambda mean, score, y, sigma: (y + score, score)),
            "a whole score was added to y. The denoiser's step is sigma² times the score.",
        ),
        Mistake(
            _then(lambda mean, score, y, sigma: (y - sigma**2 * score, score)),
            "the step goes away from the data: sigma² times the score is added to y.",
        ),
        Mistake(
            _then(lambda mean, score, y, sigma: (y + sigma * score, score)),
            "sigma times the score was added to y. The denoiser's step is sigma² times the score.",
        ),
        Mistake(
            _log_density,
            "the second tensor is the log-density of y. The score is its derivative with respect to y.",
        ),
        Mistake(
            _clean_score,
            "this is the score of the clean points. Asked for is that of the noisy ones, whose components have the "
            "variance std² + sigma².",
        ),
        Mistake(
            _one_gaussian,
            "one Gaussian with the mean and variance of all components stands for the mixture. That gives the best "
            "straight line; the best denoiser bends.",
        ),
        Mistake(
            lambda y, logits, mu, std, sigma: (
                denoise(y, logits, mu, std, sigma)[0],
                denoise(y, logits, mu, std, sigma)[1]
                * torch.exp(_logs(y, logits, mu, std**2 + sigma**2).logsumexp(-1)),
            ),
            "the second tensor is the slope of the density, up to a factor. The score is the slope of its logarithm: "
            "divide by the density.",
        ),
    ),
)
