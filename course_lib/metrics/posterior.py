r"""What an encoder's :math:`q(z|x)` is worth: how many of its draws count, how far one encoder for all images falls
short of the best Gaussian for each, and what all its answers together say of the images and of the prior.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.checks import check_size
from course_lib.metrics.distances import in_float64
from course_lib.models import VAE, VAEGAN, bounded_logvar, evaluating, reparameterize
from course_lib.objectives import elbo


def effective_sample_size(log_w: Tensor) -> Tensor:
    r"""How many of K weighted draws count, :math:`(\sum_k w_k)^2 / \sum_k w_k^2` (Kong 1992, "A note on importance
    sampling using standardized weights"): K for equal weights, 1 if one draw is the whole sum.

    ``log_w``: (K, ...), the logarithms of the weights; a factor common to all of them changes nothing, and no weight
    overflows. Returns (...). NaN where no draw has any weight. Raises ``ValueError`` for no draws.
    """
    if log_w.ndim == 0 or len(log_w) == 0:
        raise ValueError(f"log_w must have shape (num_samples, ...), got {tuple(log_w.shape)}")
    return 1 / torch.softmax(log_w, dim=0).square().sum(0)


@dataclass(frozen=True)
class ELBOSurgery:
    """The two parts of the KL, one value per image (N,), in nats, on the CPU; the estimates are their means."""

    mutual_information: Tensor
    marginal_kl: Tensor

    @property
    def kl(self) -> Tensor:
        """(N,), log q(z|x) - log p(z) of the same draws: q(z) cancels in the sum."""
        return self.mutual_information + self.marginal_kl


def elbo_surgery(
    mu: Tensor,
    logvar: Tensor,
    *,
    num_samples: int = 1,
    generator: torch.Generator | None = None,
    chunk: int = 1000,
) -> ELBOSurgery:
    r"""The KL of a set of images cut in two (Hoffman & Johnson 2016, "ELBO surgery: yet another way to carve up the
    variational evidence lower bound", eq. 6). With :math:`q(z) = \frac1N \sum_m q(z|x_m)`, the aggregate posterior,

    .. math:: \frac1N \sum_n D_{KL}(q(z|x_n) \| p(z)) = \frac1N \sum_n E_{q(z|x_n)}\Big[\log \frac{q(z|x_n)}{q(z)}
              \Big] + D_{KL}(q(z) \| p(z)).

    The first part is the mutual information of code and image, at most :math:`\log N`; the second, how far the codes
    of all images together are from the prior, a standard normal. q(z) is summed over all images given, with nothing
    left out, so more images give a larger first part. What :func:`~course_lib.objectives.kl_decomposition` says of
    the whole set in one batch, without its table of all pairs and dimensions.

    ``mu`` and ``logvar``: (N, D), of every image. ``num_samples``: codes drawn for each image, whose mean is taken.
    ``generator``: a CPU one. ``chunk``: codes compared with all images at once. Computed in float64.
    Raises ``ValueError`` for shapes that differ or hold no image, or sizes below 1.
    """
    if mu.shape != logvar.shape or mu.ndim != 2 or len(mu) == 0:
        raise ValueError(
            "mu and logvar must both have shape (num_images, latent_dim), "
            f"got {tuple(mu.shape)} and {tuple(logvar.shape)}"
        )
    check_size(num_samples, "num_samples")
    check_size(chunk, "chunk")
    mu, logvar = in_float64(mu), in_float64(logvar)
    totals = [torch.zeros(len(mu), dtype=mu.dtype) for _ in range(2)]
    for _ in range(num_samples):
        eps = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
        z = reparameterize(mu, logvar, eps)
        log_own = -0.5 * (eps.square() + logvar + math.log(2 * math.pi)).sum(1)
        log_all = torch.cat([_log_aggregate(part, mu, logvar) for part in z.split(chunk)])
        log_prior = -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)
        totals[0] += log_own - log_all
        totals[1] += log_all - log_prior
    return ELBOSurgery(*(total / num_samples for total in totals))


def _log_aggregate(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The log-density of codes (M, D) under the mixture of all posteriors (N, D), from products of matrices: (M,)."""
    precision = torch.exp(-logvar)
    squares = z.square() @ precision.T - 2 * z @ (mu * precision).T + (mu.square() * precision).sum(1)
    log_q = -0.5 * (squares + logvar.sum(1) + mu.shape[1] * math.log(2 * math.pi))
    return torch.logsumexp(log_q, dim=1) - math.log(len(mu))


def fit_posterior(
    model: VAE | VAEGAN,
    x: Tensor,
    *,
    num_steps: int = 300,
    num_samples: int = 4,
    lr: float = 0.03,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    r"""The best diagonal Gaussian q for each image by itself, with the decoder as it is: mean and log-variance of the
    largest ELBO, found by Adam from the encoder's answer on, with a learning rate that falls to 0.

    The ELBO gained over the encoder's answer is the *amortisation gap* of an encoder that serves all images at once;
    what is then left below log p(x) is the approximation gap of the Gaussian family (Cremer et al. 2018,
    arXiv:1801.03558). Measure both with draws of their own: those of the search favour what was found.

    ``x``: (N, ...), as the model's likelihood takes it. ``num_samples``: draws of z per image and step. ``generator``:
    on the device of x. Returns ``mu`` and ``logvar``, (N, latent_dim) each, without gradient; the model's weights,
    gradients and modes stay as they are.
    Raises ``TypeError`` for another model, ``ValueError`` for sizes below 1, an lr that isn't positive, or grey levels
    under a Bernoulli likelihood.
    """
    vae = model.vae if isinstance(model, VAEGAN) else model
    if not isinstance(vae, VAE):
        raise TypeError(f"model must be a VAE or a VAEGAN to fit its posterior, got a {type(model).__name__}")
    check_size(num_steps, "num_steps")
    check_size(num_samples, "num_samples")
    if not lr > 0:
        raise ValueError(f"lr must be above 0, got {lr}")
    repeated = x.expand(num_samples, *x.shape).flatten(0, 1)
    logvar_x = None if vae.logvar_x is None else vae.logvar_x.detach()
    with evaluating(vae):
        mu, logvar = (t.clone().requires_grad_() for t in vae.encode(x))
        optimizer = torch.optim.Adam([mu, logvar], lr=lr)
        for step in range(num_steps):
            optimizer.param_groups[0]["lr"] = lr * (1 - step / num_steps)
            eps = torch.randn((num_samples, *mu.shape), generator=generator, dtype=mu.dtype, device=mu.device)
            with torch.enable_grad():
                means, logvars = (t.expand_as(eps).flatten(0, 1) for t in (mu, bounded_logvar(logvar)))
                out = vae.decode(reparameterize(means, logvars, eps.flatten(0, 1)))
                loss = -elbo(out, repeated, means, logvars, logvar_x=logvar_x).elbo.sum() / num_samples
                mu.grad, logvar.grad = torch.autograd.grad(loss, (mu, logvar))
            optimizer.step()
        return mu.detach(), bounded_logvar(logvar.detach())
