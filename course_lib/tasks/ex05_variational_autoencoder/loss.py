r"""Both sides together: the loss with a weight on the KL and a price that nothing is won below.

:math:`L = -\frac1B \sum_b \log p(x_b|z_b) + \beta \sum_d \max\big(\lambda, \frac1B \sum_b KL_{bd}\big)`: free bits
per latent dimension, with the mean over the batch inside (Kingma et al. 2016, arXiv:1606.04934, appendix C); the
weight is that of Higgins et al. 2017 (beta-VAE).
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from course_lib.objectives import free_bits_elbo
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator
from course_lib.tasks.ex05_variational_autoencoder.divergence import GAUSSIANS, gaussian_kl, gaussians
from course_lib.tasks.ex05_variational_autoencoder.likelihood import grey_log_likelihood, levels

_F32, _F64 = torch.float32, torch.float64


def _between(values: Tensor) -> float:
    """A number in the widest gap of the lower half of these values."""
    ordered = values.sort().values[: len(values) // 2 + 1].tolist()
    low, high = max(pairwise(ordered), key=lambda pair: pair[1] - pair[0])
    return round((low + high) / 2, 3)


def _cases(seed: int) -> list[Case]:
    """Several images, of whose dimensions some lie below the free nats and some above; one image that has them all
    free; float64."""
    source = generator(seed)
    cases: list[Case] = []
    for batch, num_levels, pixels, latents, beta, dtype in [
        (5, 4, 6, 4, 2.5, _F32),
        (1, 3, 5, 3, 0.4, _F32),
        (3, 5, 4, 5, 1.5, _F64),
    ]:
        logits = away_from_zero((batch, num_levels, pixels), source, 0.3, 3.0, dtype)
        x = levels((batch, pixels), num_levels, source)
        both = gaussians((batch, latents), source, dtype)
        price = gaussian_kl(*both.values()).detach().mean(0)
        free = _between(price) if batch > 1 else round(price.sum().item() + 0.5, 3)
        case = {"logits": logits.requires_grad_(), "x": x, **both}
        cases.append({**case, "beta": beta, "free_nats": free})
    return cases


def grey_loss(
    logits: Tensor,
    x: Tensor,
    mu_q: Tensor,
    logvar_q: Tensor,
    mu_p: Tensor,
    logvar_p: Tensor,
    beta: float,
    free_nats: float,
) -> Tensor:
    """Minus the log-likelihood, and beta times the price of each dimension, but at least free_nats for each."""
    price = gaussian_kl(mu_q, logvar_q, mu_p, logvar_p)
    return free_bits_elbo(grey_log_likelihood(logits, x), price, free_nats, beta).loss


Both = tuple[Tensor, Tensor, Tensor, Tensor]
Prices = Callable[[Tensor, float, float], Tensor]


def _with(
    price: Prices = lambda kl, beta, free: beta * kl.mean(0).clamp(min=free).sum(),
    image: Callable[[Tensor, float], Tensor] = lambda log_p, beta: log_p.mean(),
) -> Callable[..., Tensor]:
    """The loss with another price of the codes (B, D), or another weight of the images' log-likelihoods (B,)."""

    def answer(logits: Tensor, x: Tensor, *rest: Any) -> Tensor:
        *gaussians, beta, free_nats = rest
        return price(gaussian_kl(*gaussians), beta, free_nats) - image(grey_log_likelihood(logits, x), beta)

    return answer


def _by_hand(
    logits: Tensor,
    x: Tensor,
    mu_q: Tensor,
    logvar_q: Tensor,
    mu_p: Tensor,
    logvar_p: Tensor,
    beta: float,
    free_nats: float,
) -> Tensor:
    total = -grey_log_likelihood(logits, x).sum() / len(x)
    for d in range(mu_q.shape[1]):
        one = gaussian_kl(*(t[:, d : d + 1] for t in (mu_q, logvar_q, mu_p, logvar_p))).mean()
        total = total + beta * (one if one > free_nats else free_nats)
    return total


def _on(change: Callable[[Tensor, Tensor, Tensor, Tensor], Both]) -> Callable[..., Tensor]:
    """The right loss of inputs of which the posterior and the prior were changed."""

    def answer(logits: Tensor, x: Tensor, *rest: Any) -> Tensor:
        *gaussians, beta, free_nats = rest
        return grey_loss(logits, x, *change(*gaussians), beta, free_nats)

    return answer


def _weights(case: Case, expected: Outputs, got: Outputs) -> str:
    """How often the image, the dimensions above the free nats and those below count, if gradients say so."""
    gradient = "the gradient of the sum of the value with respect to {}".format
    should, came = (outputs[gradient("logits")].double() for outputs in (expected, got))
    image = ((should * came).sum() / should.square().sum()).item()
    if (came - image * should).abs().max() > 1e-3 * should.abs().max():
        return ""
    given = {name: case[name].detach().double().requires_grad_() for name in GAUSSIANS}  # type: ignore[union-attr]
    price = gaussian_kl(*given.values()).mean(0)
    per_dimension = []
    for one, kl in enumerate(price):
        wanted = torch.stack(torch.autograd.grad(kl, list(given.values()), retain_graph=True))[..., one]
        here = torch.stack([got[gradient(name)].double() for name in GAUSSIANS])[..., one]
        factor = ((wanted * here).sum() / wanted.square().sum()).item()
        if (here - factor * wanted).abs().max() > 1e-3 * wanted.abs().max():
            return (
                "the gradient isn't that of a mean over the batch, dimension by dimension. First the mean over "
                "the batch, then the larger of it and free_nats for each dimension, then the sum."
            )
        per_dimension.append(round(factor, 3) + 0)
    beta, free = float(case["beta"]), float(case["free_nats"])
    above = [f for f, kl in zip(per_dimension, price.tolist(), strict=True) if kl > free]
    below = [f for f, kl in zip(per_dimension, price.tolist(), strict=True) if kl <= free]
    told = [] if abs(image - 1) < 1e-3 else [f"the image counts {image:.3g} times, where 1 is right"]
    if above and max(above) - min(above) < 2e-3 and abs(above[0] - beta) > 2e-3:
        told.append(f"a dimension above the free nats counts {above[0]:.3g} times, where beta = {beta:g} is right")
    if any(abs(f) > 1e-3 for f in below):
        told.append("a dimension below the free nats has a gradient, and should have none: its price is fixed")
    return "; ".join(told) + "." if told else ""


GREY_LOSS = Task(
    name="grey_loss",
    points=2,
    cases=_cases,
    reference=grey_loss,
    alternatives=(_by_hand,),
    explain=_weights,
    mistakes=(
        Mistake(
            _with(lambda kl, beta, free: beta * kl.clamp(min=free).sum(1).mean()),
            "free_nats is held against every image by itself. The *mean over the batch* of a dimension counts: "
            "one image may pay less, as long as the dimension pays on average.",
        ),
        Mistake(
            _with(lambda kl, beta, free: beta * kl.mean(0).sum().clamp(min=free)),
            "free_nats is held against the price of the whole code. It is meant for each dimension, before "
            "they are added up.",
        ),
        Mistake(
            _with(lambda kl, beta, free: beta * kl.mean(0).sum().clamp(min=free * kl.shape[1])),
            "free_nats is held against the price of the whole code, D times. Then one dear dimension pays for "
            "all; each is to be held against it by itself.",
        ),
        Mistake(
            _with(lambda kl, beta, free: beta * kl.mean(0).clamp(max=free).sum()),
            "the smaller of both is taken. What lies *below* free_nats is raised to it: the larger of the two, "
            "max or clamp(min=...).",
        ),
        Mistake(
            _with(lambda kl, beta, free: beta * (kl.mean(0) - free).clamp(min=0).sum()),
            "what is free was subtracted. That has the right gradients, but the value isn't the one asked for: "
            "each dimension costs at least free_nats.",
        ),
        Mistake(
            _with(lambda kl, beta, free: (beta * kl.mean(0)).clamp(min=free).sum()),
            "beta stands inside the max. First the larger of KL and free_nats, then the weight.",
        ),
        Mistake(
            _with(lambda kl, beta, free: beta * kl.mean(0).sum()),
            "free_nats plays no part.",
        ),
        Mistake(
            _with(lambda kl, beta, free: beta * kl.mean(0).add(free).sum()),
            "free_nats was added to the price of each dimension. The larger of the two counts.",
        ),
        Mistake(
            _with(lambda kl, beta, free: beta * (kl.mean(0) * (kl.mean(0) > free)).sum()),
            "a dimension below free_nats costs nothing here. It should cost free_nats.",
        ),
        Mistake(
            _with(lambda kl, beta, free: kl.mean(0).clamp(min=free).sum()),
            "beta plays no part.",
        ),
        Mistake(
            _with(
                lambda kl, beta, free: kl.mean(0).clamp(min=free).sum(), lambda log_p, beta: beta * log_p.mean()
            ),
            "beta weighs the image. It belongs to the price of the code.",
        ),
        Mistake(
            _with(
                lambda kl, beta, free: beta * kl.mean(0).clamp(min=free).sum(),
                lambda log_p, beta: beta * log_p.mean(),
            ),
            "beta weighs all of it. It belongs to the price of the code alone.",
        ),
        Mistake(
            _with(lambda kl, beta, free: kl.mean(0).clamp(min=free).sum() / beta),
            "the price is divided by beta, where it should be multiplied.",
        ),
        Mistake(
            _with(lambda kl, beta, free: beta * kl.mean(0).clamp(min=free).mean()),
            "you averaged over the latent dimensions. Prices of independent dimensions add up.",
        ),
        Mistake(
            _with(lambda kl, beta, free: beta * kl.mean(1).clamp(min=free).sum()),
            "the mean runs over the latent dimensions (1), and free_nats is held against images. The mean over "
            "the batch (0) was meant.",
        ),
        Mistake(
            _with(lambda kl, beta, free: beta * kl.sum(0).clamp(min=free).sum()),
            "the prices were summed over the batch before they were held against free_nats. Take the mean over "
            "images.",
        ),
        Mistake(
            _with(lambda kl, beta, free: beta * kl.sum(0).clamp(min=free).sum(), lambda log_p, beta: log_p.sum()),
            "you summed over the batch. With the mean, loss and learning rate don't depend on the batch size.",
        ),
        Mistake(
            _with(image=lambda log_p, beta: log_p.sum()),
            "the log-likelihood was summed over the batch, and the price averaged: images are averaged in both.",
        ),
        Mistake(
            _with(image=lambda log_p, beta: log_p),
            "one value per image is left. backward() needs a scalar: take the mean over the batch.",
        ),
        Mistake(
            lambda *given: -grey_loss(*given),
            "the sign of all is turned round. An optimiser goes downhill: an image that is explained better "
            "must make the loss smaller.",
        ),
        Mistake(
            _with(lambda kl, beta, free: -beta * kl.mean(0).clamp(min=free).sum()),
            "the price has the wrong sign: this loss rewards a posterior for being far from the prior.",
        ),
        Mistake(
            _with(image=lambda log_p, beta: -log_p.mean()),
            "the log-likelihood has the wrong sign: this loss rewards a decoder for finding the image unlikely.",
        ),
        Mistake(
            _with(lambda kl, beta, free: 0 * kl.sum()),
            "the price of the code is missing.",
        ),
        Mistake(
            _with(image=lambda log_p, beta: 0 * log_p.mean()),
            "the image plays no part: this is the price of the code alone.",
        ),
        Mistake(
            _on(lambda mu_q, logvar_q, mu_p, logvar_p: (mu_p, logvar_p, mu_q, logvar_q)),
            "posterior and prior changed places in gaussian_kl.",
        ),
        Mistake(
            _on(
                lambda mu_q, logvar_q, mu_p, logvar_p: (
                    mu_q,
                    logvar_q,
                    torch.zeros_like(mu_p),
                    torch.zeros_like(mu_p),
                )
            ),
            "the price is that of the prior N(0, 1). The prior that is given has a mean and a variance of its "
            "own.",
        ),
        Mistake(
            _on(lambda mu_q, logvar_q, mu_p, logvar_p: (mu_q, logvar_q, mu_p.detach(), logvar_p.detach())),
            "the value is right, but no gradient reaches the prior, which is to be learned as well: something "
            "like detach() or .data cuts it off.",
        ),
    ),
)
