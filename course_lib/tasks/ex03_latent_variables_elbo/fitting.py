r"""A Gaussian for each image, fitted to a decoder by gradient steps: what an encoder loses by being fast.

The amortisation gap is the difference between the ELBO of the best :math:`q` of a family and that of the encoder's
(Cremer, Li & Duvenaud 2018, arXiv:1801.03558). The images here are digits with a sixth of their pixels flipped, which
the encoder has never seen: over 20 secrets it loses 2 to 4 nats on them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import binarize, load
from course_lib.models import MLPVAE, reparameterize
from course_lib.objectives import elbo, kl_standard_normal
from course_lib.probes.ex03 import PROCESS, WEIGHTS, decoder_of, fitted_posterior
from course_lib.tasks.core import Case, Mistake, Outputs, Task, Verdict, generator

SHARE, SHARE_OF_ONE = (
    0.9,
    0.75,
)  # of what the best Gaussians gain, for a batch and for one image, which is chancier
_WORSE = 0.2  # nats by which an image's bound may fall, of which chance is about 0.05
_FLIPPED = 1 / 6
_NUM_DRAWS = 1000
Fit = Callable[[nn.Module, Tensor, Tensor, Tensor], Any]

_NOT_FINITE = (
    "the fit ran off to infinity or nan. Smaller steps help; so does logvar in place of a sigma of its own."
)
_NOT_ASKED = (
    "the encoder's own q came back, and the decoder was never called. Each step draws codes, decodes them and weighs "
    "them against the image."
)
_NO_STEP = (
    "the encoder's own q came back. The optimiser needs the very tensors that you return: copies of mu and logvar, "
    "made once, before the loop, which want gradients."
)
_MU_FIXED = "logvar was fitted and mu wasn't: both numbers of each cloud belong to the optimiser."
_LOGVAR_FIXED = "mu was fitted and logvar wasn't: both numbers of each cloud belong to the optimiser."
_SWAPPED = "mu and logvar changed places: return mu first."
_SIGMA = "what came back as logvar is sigma. Return the logarithm of the variance."
_VARIANCE = "what came back as logvar is the variance. Return its logarithm."
_LOG_SIGMA = "what came back as logvar is log sigma, half of what was asked for: the variance is sigma squared."
_SHARED = "all images got the same q. Each has its own row of mu and logvar, and its own steps."
_NO_NOISE = (
    "codes came to the decoder without noise: mu in place of a draw. Then nothing but the KL asks for a width, and the "
    "clouds come out as wide as the prior. Draw z = mu + sigma * eps in each step."
)
_ONE_NOISE = (
    "each step used the same few draws. The clouds then fit these, and no others: draw eps anew, inside the loop."
)
_SHARED_NOISE = (
    "all dimensions of a code got the same noise. Then codes lie on a line, and not in a cloud: each dimension needs "
    "noise of its own, of the shape of mu."
)
_OTHER_SCALE = (
    "the first codes weren't as far from the given mu as the given logvar says. Start there: the noise is standard "
    "normal (torch.randn, not rand), and sigma is exp(0.5 * logvar), the root of the variance."
)
_UNCLEARED = (
    "old gradients are never cleared: each step takes along those of all steps before it. Call optimizer.zero_grad() "
    "in each step, or put fresh gradients into mu.grad and logvar.grad."
)
_MIXED = (
    "some images gained and others lost. Is each one weighed against draws of its own cloud? Where draws are put "
    "into one long batch, images and clouds must be repeated in the same order."
)
_CUT = (
    "no gradient goes through the decoder, so mu and logvar learn of nothing but the KL. Something cuts the "
    "path: no_grad, detach(), .data, .sample()."
)
_UPHILL = (
    "the bound went down without end: is the loss the ELBO itself? An optimiser minimises, so the loss is minus the "
    "ELBO."
)
_NO_KL = (
    "the KL counts too little beside the image, or not at all: the clouds have shrunk and run away from the prior. In "
    "minus the ELBO the KL, summed over dimensions, counts once against the *mean* of the reconstruction over your "
    "draws. A sum over K draws counts the image K times."
)
_PRIOR = (
    "the clouds are nearly the prior: the KL outweighs the image. Is the reconstruction averaged over pixels, or made "
    "of logits that a sigmoid has squashed? Both parts are sums, over pixels and over dimensions."
)
_WIDER = (
    "the clouds are wider than those of the best ELBO, and that is what counts here. Is sigma exp(0.5 * logvar)? Do "
    "your draws stand inside of a logsumexp? That bound, of several weights, wants wider clouds: average the "
    "logarithms."
)
_LARGE_STEPS = (
    "the steps are too large: the clouds jump about the best place. With Adam, 0.01 to 0.05 suits; several draws for "
    "each image make a step less noisy."
)
_SMALL_STEPS = "the steps are too small to get there. With Adam, 0.01 to 0.05 suits, for some hundred steps."
_FEW_STEPS = "the fit went the right way and ended too early. Take some hundred steps."
_SOME_WORSE = (
    "on average the bound rises, and for some images it is lower than the encoder's, where you started. Steps from "
    "single draws are noisy: take several draws, or smaller steps; or compare at the end and keep the better q of each "
    "image."
)
_NOT_YET = (
    "the bound rises, but not far enough. Print it every 50 steps: while it rises, go on; where it jumps about, take "
    "several draws for each image, or end with smaller steps. Is it log p(x|z), summed over pixels, minus the KL?"
)
_NOT_BETTER = (
    "the bound is no higher than the encoder's. Is the loss minus the ELBO of these very images: log p(x|z), summed "
    "over pixels, from logits, minus the KL, summed over dimensions?"
)


@cache
def trained() -> MLPVAE:
    """A VAE of 8 numbers, trained on the 8x8 digits for 400 steps; about a second."""
    x = load("digits", "train").x.flatten(1)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        model = MLPVAE(64, 128, 8)
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(400):
            batch = binarize(x[torch.randint(len(x), (128,))])
            logits, mu, logvar = model(batch)
            optimizer.zero_grad()
            elbo(logits, batch, mu, logvar).loss.backward()
            optimizer.step()
    return model.requires_grad_(False)


def _bound(decoder: nn.Module, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The ELBO of each image, (B,), the mean over many draws that are the same for every q."""
    with torch.no_grad():
        eps = torch.randn(_NUM_DRAWS, *mu.shape, generator=generator(1))
        logits = decoder(reparameterize(mu, logvar, eps))
        bits = F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)
        return -bits.mean(0) - kl_standard_normal(mu, logvar)


def fit_posterior(
    decoder: nn.Module,
    x: Tensor,
    mu: Tensor,
    logvar: Tensor,
    *,
    num_steps: int = 400,
    lr: float = 0.03,
    num_draws: int = 8,
    sign: float = 1.0,
    pixels: float = 1.0,
    kl_weight: float = 1.0,
    noise: Callable[[Tensor], Tensor] = lambda eps: eps,
    sample: Callable[[Tensor], Tensor] = lambda z: z,
    same_noise: bool = False,
    accumulated: bool = False,
    target: Callable[[Tensor, Tensor], Tensor] = Tensor.expand_as,
    fitted: tuple[bool, bool] = (True, True),
    draws: Callable[[Tensor], Tensor] = lambda log_w: log_w.mean(0),
    images: Callable[[Tensor], Tensor] = torch.sum,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    returned: Callable[[Tensor, Tensor], Any] = lambda mu, logvar: (mu, logvar),
) -> Any:
    """Means and log-variances (B, D), fitted from those given; what the names after the star change are mistakes."""
    mu, logvar = mu.detach().clone().requires_grad_(), logvar.detach().clone().requires_grad_()
    steps = optimizer([p for p, chosen in zip((mu, logvar), fitted, strict=True) if chosen], lr=lr)
    eps = torch.randn(num_draws, *mu.shape)
    wanted = [p for group in steps.param_groups for p in group["params"]]
    for _ in range(num_steps):
        eps = eps if same_noise else torch.randn_like(eps)
        logits = decoder(sample(reparameterize(mu, logvar, noise(eps))))
        bits = F.binary_cross_entropy_with_logits(logits, target(x, logits), reduction="none").sum(-1)
        loss = -sign * images(draws(-pixels * bits) - kl_weight * kl_standard_normal(mu, logvar))
        gradients = torch.autograd.grad(loss, wanted, allow_unused=True)
        for p, gradient in zip(wanted, gradients, strict=True):
            p.grad = gradient if p.grad is None or not accumulated else p.grad + gradient
        steps.step()
    return returned(mu.detach(), logvar.detach())


def _by_distributions(decoder: nn.Module, x: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    """Another style: sigma by its logarithm, the KL by draws, plain gradient descent, the better q of each image."""
    centre = mu.clone().requires_grad_()
    log_sigma = (0.5 * logvar).requires_grad_()
    for step in range(300):
        q = torch.distributions.Normal(centre, log_sigma.exp())
        z = q.rsample((8,))
        fits = torch.distributions.Bernoulli(logits=decoder(z)).log_prob(x).sum(-1)
        prior = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1)
        bound = (fits + prior - q.log_prob(z).sum(-1)).mean(0).sum()
        for p, gradient in zip((centre, log_sigma), torch.autograd.grad(bound, (centre, log_sigma)), strict=True):
            p.data += 0.03 * (1 - step / 300) * gradient.clamp(-10, 10)
    new_mu, new_logvar = centre.detach(), 2 * log_sigma.detach()
    better = (_bound(decoder, x, new_mu, new_logvar) > _bound(decoder, x, mu, logvar))[:, None]
    return torch.where(better, new_mu, mu), torch.where(better, new_logvar, logvar)


_BEST: dict[bytes, tuple[Tensor, Tensor]] = {}


def _best(case: Case, decoder: nn.Module) -> tuple[Tensor, Tensor]:
    """The bounds of a careful fit, (B,), and its log-variances, (B, D)."""
    x, mu, logvar = _given(case)
    key = mu.numpy().tobytes()
    if key not in _BEST:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            rough = fit_posterior(decoder, x, mu, logvar)
            fine = fit_posterior(decoder, x, *rough, lr=0.005, num_draws=16, num_steps=200)
        _BEST[key] = _bound(decoder, x, *fine), fine[1]
    return _BEST[key]


def _given(case: Case) -> tuple[Tensor, Tensor, Tensor]:
    x, mu, logvar = (case[name] for name in ("x", "mu", "logvar"))
    assert isinstance(x, Tensor)
    assert isinstance(mu, Tensor)
    assert isinstance(logvar, Tensor)
    return x, mu, logvar


def _cases(seed: int) -> list[Case]:
    """Test digits with a sixth of their pixels flipped; the trained decoder, and the encoder's q.

    A dozen, and one alone: that of the dozen which has most to gain. Chance takes up to 0.2 nats from a good fit, a
    large share of a small gain: of 80 images taken as they came, one had no more than that to gain.
    """
    source, model = generator(seed), trained()
    test = load("digits", "test").x.flatten(1)
    x = binarize(test[torch.randint(len(test), (12,), generator=source)], source)
    x = torch.where(torch.rand(x.shape, generator=source) < _FLIPPED, 1 - x, x)
    mu, logvar = model.encode(x)
    weights = dict(zip(WEIGHTS, (p.clone() for p in model.decoder.parameters()), strict=True))

    def case(x: Tensor, mu: Tensor, logvar: Tensor) -> Case:
        return {"x": x, "mu": mu, "logvar": logvar, **weights}

    dozen = case(x, mu, logvar)
    gains = _best(dozen, model.decoder)[0] - _bound(model.decoder, x, mu, logvar)
    most = gains.argmax()[None]
    return [dozen, case(x[most], mu[most], logvar[most])]


@dataclass(frozen=True)
class _Fit:
    """How it was fitted, as the probe saw it."""

    calls: float
    cut: float
    steps: float
    lr: float
    off: float
    apart: float
    moved: float
    alike: float


def measure(case: Case, outputs: Outputs) -> Verdict:
    """Passes clouds that gain ``SHARE`` of what can be gained, on average, and lose on no image."""
    x, mu, logvar = _given(case)
    try:
        new_mu, new_logvar = (outputs[name].float() for name in ("mu", "logvar"))
        seen = _Fit(*outputs[PROCESS].double().tolist())
    except (KeyError, TypeError):
        return Verdict("wrong", "Means and log-variances were expected; something else came.")
    if new_mu.shape != mu.shape or new_logvar.shape != mu.shape:
        return Verdict("wrong", "The means and log-variances that came don't fit the images.")
    if not bool(new_mu.isfinite().all() and new_logvar.isfinite().all()):
        return Verdict("wrong", "There are numbers that aren't finite.", _NOT_FINITE)
    decoder = decoder_of(case).requires_grad_(False)
    start, came = _bound(decoder, x, mu, logvar), _bound(decoder, x, new_mu, new_logvar)
    best, best_logvar = _best(case, decoder)
    gain, possible = came - start, best - start
    share = SHARE if len(x) > 1 else SHARE_OF_ONE
    enough = bool(gain.mean() >= share * possible.mean())
    below = int((gain < -_WORSE).sum())
    shared = seen.apart < 0.05 * seen.off
    if enough and not below and not shared:
        return Verdict("right")
    message = (
        f"The bound is {came.mean():.2f} nats per image on average, the encoder's {start.mean():.2f}; about "
        f"{best.mean():.2f} can be had, and {share:.0%} of that gain are asked for. {below} of {len(x)} images ended "
        f"more than {_WORSE} nats below the encoder's bound ({_NUM_DRAWS} draws each)."
    )
    numbers = _Numbers(start, came, best)
    hint = _SHARED_NOISE if shared and seen.off > 0.1 else _unmoved(mu, logvar, new_mu, new_logvar, seen)
    hint = hint or _misread(decoder, case, new_mu, new_logvar, numbers)
    hint = hint or (_SOME_WORSE if enough else _diagnosis(best_logvar, new_mu, new_logvar, seen, numbers))
    return Verdict("wrong", message, hint)


@dataclass(frozen=True)
class _Numbers:
    """Bounds of each image, (B,): the encoder's, those that came, and those that can be had."""

    start: Tensor
    came: Tensor
    best: Tensor

    @property
    def gain(self) -> float:
        return (self.came - self.start).mean().item()

    @property
    def possible(self) -> float:
        return (self.best - self.start).mean().item()


def _unmoved(mu: Tensor, logvar: Tensor, new_mu: Tensor, new_logvar: Tensor, seen: _Fit) -> str:
    """Whether one of the two is what it was, or one for all images."""
    same_mu, same_logvar = torch.allclose(mu, new_mu, atol=1e-6), torch.allclose(logvar, new_logvar, atol=1e-6)
    if same_mu and same_logvar:
        return _NO_STEP if seen.calls else _NOT_ASKED
    if same_mu:
        return _MU_FIXED
    if same_logvar:
        return _LOGVAR_FIXED
    spread = (new_mu - new_mu.mean(0)).abs().max()
    return _SHARED if len(mu) > 1 and spread < 1e-4 and not seen.cut > 0.9 else ""


def _misread(decoder: nn.Module, case: Case, mu: Tensor, logvar: Tensor, numbers: _Numbers) -> str:
    """Whether the two are good when they are taken for something else."""
    x = _given(case)[0]
    positive = bool((logvar > 0).all())
    for other, hint in (
        ((logvar, mu), _SWAPPED),
        ((mu, 2 * logvar.clamp(min=1e-6).log()) if positive else None, _SIGMA),
        ((mu, logvar.clamp(min=1e-6).log()) if positive else None, _VARIANCE),
        ((mu, 2 * logvar), _LOG_SIGMA),
    ):
        if other is None:
            continue
        bound = _bound(decoder, x, *other)
        if (bound - numbers.start).mean() >= 0.93 * numbers.possible and (bound - numbers.came).mean() > 0.3:
            return hint
    return ""


def _diagnosis(best_logvar: Tensor, new_mu: Tensor, new_logvar: Tensor, seen: _Fit, numbers: _Numbers) -> str:
    """The first cause that the numbers allow."""
    kl = kl_standard_normal(new_mu, new_logvar).mean().item()
    if seen.cut > 0.9:
        return _CUT
    if seen.off < 1e-3 and seen.moved < 0.5:
        return _NO_NOISE
    if numbers.gain < -150:
        return _UPHILL
    if seen.alike > 0.9 and seen.moved >= 0.5 and seen.steps >= 60 and seen.lr >= 3e-3:
        return _UNCLEARED
    if new_mu.numel() > 50 and not 0.7 < seen.off < 1.4:
        return _OTHER_SCALE
    if kl < 1.0:
        return _PRIOR
    if numbers.gain < -30:
        return _UPHILL
    wider = (new_logvar - best_logvar).mean().item()
    if wider < -1.0 and numbers.gain < 0:
        return _NO_KL
    if seen.moved < 0.5 and seen.steps > 20:
        return _ONE_NOISE
    if seen.lr > 0.15:
        return _LARGE_STEPS
    if 0 < seen.steps < 60:
        return _FEW_STEPS
    if seen.lr < 3e-3:
        return _SMALL_STEPS
    if (numbers.came < numbers.start - _WORSE).sum() >= 0.25 * len(new_mu) and numbers.gain > 0:
        return _MIXED
    if wider > 0.12 and numbers.gain > 0:
        return _WIDER
    return _NOT_YET if numbers.gain > 0 else _NOT_BETTER


def _bounded(decoder: nn.Module, x: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    """Clouds that gain on average, but for one image, which is given those of another."""
    new_mu, new_logvar = fit_posterior(decoder, x, mu, logvar)
    if len(x) > 1:
        worst = (_bound(decoder, x, new_mu, new_logvar) - _bound(decoder, x, mu, logvar)).argmin()
        new_logvar[worst] = new_logvar[worst] + 1.0
        return new_mu, new_logvar
    return new_mu, new_logvar


FIT_POSTERIOR = Task(
    name="fit_posterior",
    points=3,
    cases=_cases,
    reference=fit_posterior,
    alternatives=(
        _by_distributions,
        partial(fit_posterior, num_steps=500, lr=0.01, num_draws=1, images=torch.mean),
    ),
    probe=fitted_posterior,
    measure=measure,
    public_in_grading=False,
    mistakes=(
        Mistake(lambda decoder, x, mu, logvar: (mu, logvar), _NOT_ASKED),
        Mistake(
            partial(fit_posterior, num_steps=1, lr=0.0),
            _NO_STEP,
        ),
        Mistake(partial(fit_posterior, returned=lambda mu, logvar: (mu, logvar * float("nan"))), _NOT_FINITE),
        Mistake(partial(fit_posterior, fitted=(False, True)), _MU_FIXED),
        Mistake(partial(fit_posterior, fitted=(True, False)), _LOGVAR_FIXED),
        Mistake(partial(fit_posterior, returned=lambda mu, logvar: (logvar, mu)), _SWAPPED),
        Mistake(partial(fit_posterior, returned=lambda mu, logvar: (mu, (0.5 * logvar).exp())), _SIGMA),
        Mistake(partial(fit_posterior, returned=lambda mu, logvar: (mu, logvar.exp())), _VARIANCE),
        Mistake(partial(fit_posterior, returned=lambda mu, logvar: (mu, 0.5 * logvar)), _LOG_SIGMA),
        Mistake(
            partial(
                fit_posterior,
                returned=lambda mu, logvar: (mu.mean(0).expand_as(mu), logvar.mean(0).expand_as(mu)),
            ),
            _SHARED,
        ),
        Mistake(partial(fit_posterior, sample=Tensor.detach), _CUT),
        Mistake(partial(fit_posterior, pixels=1 / 64), _PRIOR),
        Mistake(partial(fit_posterior, noise=torch.zeros_like), _NO_NOISE),
        Mistake(partial(fit_posterior, noise=lambda eps: eps[..., :1].expand_as(eps)), _SHARED_NOISE),
        Mistake(partial(fit_posterior, noise=lambda eps: 2 * eps), _OTHER_SCALE),
        Mistake(partial(fit_posterior, accumulated=True), _UNCLEARED),
        Mistake(
            partial(fit_posterior, target=lambda x, to: x.repeat_interleave(len(to), 0).reshape(to.shape)), _MIXED
        ),
        Mistake(partial(fit_posterior, sign=-1.0, num_steps=200), _UPHILL),
        Mistake(partial(fit_posterior, kl_weight=0.0), _NO_KL),
        Mistake(partial(fit_posterior, same_noise=True, num_draws=1), _ONE_NOISE),
        Mistake(partial(fit_posterior, lr=0.5), _LARGE_STEPS),
        Mistake(partial(fit_posterior, num_steps=10, lr=0.01), _FEW_STEPS),
        Mistake(partial(fit_posterior, num_steps=300, lr=1e-4), _SMALL_STEPS),
        Mistake(_bounded, _SOME_WORSE),
    ),
)
