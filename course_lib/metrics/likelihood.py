r"""The likelihood that a VAE gives to new images, in nats per image, or in bits per pixel: the ELBO (Kingma & Welling
2014, arXiv:1312.6114), the likelihood by importance sampling, and their unit where sizes of images differ.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal

from course_lib.checks import check_size
from course_lib.models import VAEGAN, ConditionalVAE, LadderVAE, evaluating, reparameterize
from course_lib.objectives import (
    ELBO,
    Density,
    elbo,
    importance_weighted_bound,
    ladder_elbo,
    log_likelihood,
    log_weights,
)

Model = Any
"""A VAE, a ConditionalVAE (with the labels ``y`` of the images), a LadderVAE, or a VAEGAN, of which it is the VAE."""


def evaluate_elbo(
    model: Model,
    x: Tensor,
    *,
    y: Tensor | None = None,
    generator: torch.Generator | None = None,
    chunk: int = 1000,
) -> ELBO:
    """The ELBO of every image, with one sample of z each.

    ``model``: a VAE of any kind. ``x``: (N, ...), binary for a Bernoulli decoder; ``y``: int64 (N,), labels for a
    conditional model, whose bound is on log p(x|y). Returns parts of shape (N,), without gradient, computed ``chunk``
    images at a time in eval mode. ``generator``: on the device of x; what it draws depends on ``chunk``.
    Raises ``ValueError`` for a chunk below 1, or grey levels under a Bernoulli likelihood, ``TypeError`` for another
    model, or labels where there should be none and none where there should be some.
    """
    check_size(chunk, "chunk")
    model = _checked(model, x, y)
    parts: list[ELBO] = []
    with evaluating(model):
        for start in range(0, max(1, len(x)), chunk):
            batch, labels = x[start : start + chunk], () if y is None else (y[start : start + chunk],)
            parts.append(_elbo(model, batch, labels, generator))
    return ELBO(torch.cat([p.reconstruction for p in parts]), torch.cat([p.kl for p in parts]))


def _elbo(model: Model, x: Tensor, labels: tuple[Tensor, ...], generator: torch.Generator | None) -> ELBO:
    if isinstance(model, LadderVAE):
        bottom, top = model.latent_dims
        logits, q_top, q_bottom, p_bottom = model(
            x, _noise((len(x), top), generator, x), _noise((len(x), bottom), generator, x)
        )
        return ladder_elbo(logits, x, q_top, q_bottom, p_bottom)
    mu, logvar = model.encode(x, *labels)
    out = model.decode(reparameterize(mu, logvar, _noise(mu.shape, generator, mu)), *labels)
    return elbo(out, x, mu, logvar, logvar_x=getattr(model, "logvar_x", None))


def importance_nll(
    model: Model,
    x: Tensor,
    num_samples: int,
    *,
    y: Tensor | None = None,
    generator: torch.Generator | None = None,
    eps: Tensor | None = None,
    prior: Density | None = None,
    proposal_scale: float = 1.0,
    max_decoded: int = 2_000,
) -> Tensor:
    r"""The negative log-likelihood by importance sampling,
    :math:`-\log \frac1K \sum_k p(x|z_k) p(z_k) / q(z_k|x)` (Burda et al. 2016, arXiv:1509.00519).

    It overestimates in expectation, less and less as K grows: state K beside the figure.

    ``model``: a VAE of any kind. ``x``: (N, ...), binary for a Bernoulli decoder; ``y``: int64 (N,), labels for a
    conditional model, whose likelihood is p(x|y). ``num_samples``: K, used exactly. ``eps``: the noise, (K, N,
    latent_dim), if given (of a ladder that of z2 and then that of z1); else ``generator`` draws it, on the device of x
    and in an order that depends on ``max_decoded``. ``prior``: p(z) if it isn't N(0, I), such as a ``MixturePrior``; of
    a ladder p(z2). ``proposal_scale``: the samples are drawn from q with its standard deviations times this.
    Any proposal gives a bound; a q trained by the ELBO tends to be narrower than the posterior it stands for, and a
    wider one can then give a tighter bound at the same K. At most ``max_decoded`` images are decoded at once; each
    image is encoded once. Returns (N,), in nats, without gradient.

    Raises ``ValueError`` for K or ``max_decoded`` below 1, a scale that isn't positive, noise of another shape, or
    grey levels under a Bernoulli likelihood; ``TypeError`` as :func:`evaluate_elbo` does.
    """
    check_size(num_samples, "num_samples")
    check_size(max_decoded, "max_decoded")
    if not proposal_scale > 0:
        raise ValueError(f"proposal_scale must be above 0, got {proposal_scale}")
    model = _checked(model, x, y)
    latent_dim = sum(model.latent_dims) if isinstance(model, LadderVAE) else model.latent_dim
    if eps is not None and eps.shape != (num_samples, len(x), latent_dim):
        raise ValueError(f"eps must have shape ({num_samples}, {len(x)}, {latent_dim}), got {tuple(eps.shape)}")
    if len(x) == 0:
        return x.new_zeros(0)
    num_images = max(1, max_decoded // num_samples)
    wider = 2 * math.log(proposal_scale)
    nll: list[Tensor] = []
    with evaluating(model):
        for start in range(0, len(x), num_images):
            some = slice(start, start + num_images)
            batch, labels = x[some], () if y is None else (y[some],)
            if eps is None:
                noise = _noise((num_samples, len(batch), latent_dim), generator, next(model.parameters()))
            else:
                noise = eps[:, some]
            parts = noise.split(max_decoded)  # more than one part only where the batch is one image
            if isinstance(model, LadderVAE):
                features = model.features(batch)
                log_w = torch.cat(
                    [_ladder_log_weights(model, batch, features, wider, part, prior) for part in parts]
                )
            else:
                mu, logvar = model.encode(batch, *labels)
                log_w = torch.cat(
                    [_log_weights(model, batch, labels, mu, logvar + wider, part, prior) for part in parts]
                )
            nll.append(-importance_weighted_bound(log_w))
    return torch.cat(nll)


def _log_weights(
    model: Model,
    x: Tensor,
    labels: tuple[Tensor, ...],
    mu: Tensor,
    logvar: Tensor,
    eps: Tensor,
    prior: Density | None,
) -> Tensor:
    """The log-weights (K, B) of K samples each, from their noise (K, B, latent_dim)."""
    z = reparameterize(mu, logvar, eps)
    out = model.decode(z.flatten(0, 1), *(_repeated(y, len(eps)) for y in labels))
    log_p_x = log_likelihood(out, _repeated(x, len(eps)), getattr(model, "logvar_x", None))
    return log_weights(log_p_x.unflatten(0, eps.shape[:2]), z, mu, logvar, prior)


def _ladder_log_weights(
    model: LadderVAE, x: Tensor, features: Tensor, wider: float, eps: Tensor, prior: Density | None
) -> Tensor:
    """The log-weights (K, B) of K samples of both layers, :math:`p(x|z_1) p(z_1|z_2) p(z_2) / (q(z_2|x)
    q(z_1|z_2, x))`, from the noise of z2 and z1, (K, B, D2 + D1)."""
    eps2, eps1 = eps.split([model.latent_dims[1], model.latent_dims[0]], dim=2)
    mu, logvar = model.posterior_top(features)
    z2 = reparameterize(mu, logvar + wider, eps2)
    p_bottom = model.prior_bottom(z2.flatten(0, 1))
    mu1, logvar1 = model.posterior_bottom(_repeated(features, len(eps)), p_bottom)
    z1 = reparameterize(mu1, logvar1 + wider, eps1.flatten(0, 1))
    log_p = log_likelihood(model.decode(z1), _repeated(x, len(eps)))
    log_ratio = _log_density(z1, *p_bottom) - _log_density(z1, mu1, logvar1 + wider)
    return log_weights((log_p + log_ratio).unflatten(0, eps.shape[:2]), z2, mu, logvar + wider, prior)


def _log_density(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    return Normal(mu, torch.exp(0.5 * logvar), validate_args=False).log_prob(z).sum(1)


def _repeated(x: Tensor, num_samples: int) -> Tensor:
    """(B, ...) to (num_samples * B, ...), the whole batch again and again."""
    return x.expand(num_samples, *x.shape).flatten(0, 1)


def _noise(shape: tuple[int, ...] | torch.Size, generator: torch.Generator | None, like: Tensor) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)


def _checked(model: Model, x: Tensor, y: Tensor | None) -> Model:
    """The VAE whose likelihood is asked for; ``TypeError`` if there is none, or for labels that don't go with it."""
    if isinstance(model, VAEGAN):
        return _checked(model.vae, x, y)
    if not (hasattr(model, "encode") and hasattr(model, "latent_dim")) and not isinstance(model, LadderVAE):
        raise TypeError(
            "model must be a VAE, a ConditionalVAE, a LadderVAE or a VAEGAN to have a likelihood, got a "
            f"{type(model).__name__}"
        )
    if isinstance(model, ConditionalVAE) != (y is not None):
        wanted = "needs the labels of the images, y=" if y is None else "takes no labels; leave out y"
        raise TypeError(f"a {type(model).__name__} {wanted}")
    if y is not None and len(y) != len(x):
        raise ValueError(f"y must hold one label for each of the {len(x)} images, got {len(y)}")
    return model


def bits_per_dimension(nll: Tensor, num_dims: int, bin_width: float = 1.0) -> Tensor:
    r"""Nats per image as bits per pixel, :math:`\mathrm{nll} / (D \ln 2) - \log_2 w`.

    For a probability of discrete pixels (Bernoulli on binary images) leave ``bin_width`` at 1. A *density* depends on
    the unit of the grey levels: a probability of each of 256 levels spread over [0, 1] follows with the width w = 1/256
    of a level, for images to which uniform noise of that width was added (Theis et al. 2016, arXiv:1511.01844).
    Without it the number can be negative and compares with nothing.

    ``nll``: any shape, in nats per image; ``num_dims``: D, pixels times channels. Returns the shape of ``nll``.
    Raises ``ValueError`` for a D below 1 or a width that isn't positive.
    """
    check_size(num_dims, "num_dims")
    if not bin_width > 0:
        raise ValueError(f"bin_width must be above 0, got {bin_width}")
    return nll / (num_dims * math.log(2)) - math.log2(bin_width)
