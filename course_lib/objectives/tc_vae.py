r"""The three parts of a VAE's KL, and the beta-TCVAE, which weighs one of them (Chen et al. 2018,
arXiv:1802.04942).

Averaged over the N images of a data set, with the aggregate posterior :math:`q(z) = \frac1N \sum_n q(z|x_n)`,

.. math:: \frac1N \sum_n D_{KL}(q(z|x_n) \| p(z)) = I_q(z; n) + D_{KL}(q(z) \| \textstyle\prod_d q(z_d))
          + \sum_d D_{KL}(q(z_d) \| p(z_d))

(eq. 2): mutual information, total correlation, and the divergence of each dimension from the prior. A large beta
on the whole KL also pays for forgetting the image; a large beta on the total correlation alone doesn't.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.distributions import Normal

from course_lib.objectives.elbo import ELBO
from course_lib.objectives.kl import kl_standard_normal

Estimator = Literal["stratified", "weighted"]


@dataclass(frozen=True)
class KLDecomposition:
    """The three parts of the KL, one value per image (B,), in nats; the estimates are their means."""

    mutual_information: Tensor
    total_correlation: Tensor
    dimension_wise: Tensor

    @property
    def kl(self) -> Tensor:
        """(B,), log q(z|x) - log p(z): the parts telescope, so this is free of the estimate of q(z)."""
        return self.mutual_information + self.total_correlation + self.dimension_wise


@dataclass(frozen=True, kw_only=True)
class TCELBO(ELBO):
    r"""Loss: minus the ELBO plus :math:`(\beta - 1)` times the total correlation, eq. 4 with alpha = gamma = 1.

    The KL holds the total correlation once already, so it keeps its closed form. ``total_correlation``: (B,);
    ``tc_weight``: the paper's beta. ``elbo`` stays a bound on log p(x).
    """

    total_correlation: Tensor
    tc_weight: float

    @property
    def loss(self) -> Tensor:
        """Scalar to be minimised, nats per image."""
        return (self.tc_weight - 1) * self.total_correlation.mean() - self.elbo.mean()

    @property
    def parts(self) -> dict[str, Tensor]:
        """The values that a training step records."""
        return super().parts | {"TC": self.total_correlation}


def pair_log_weights(batch_size: int, num_images: int, estimator: Estimator = "stratified") -> Tensor:
    r"""The logarithm of how much each posterior of a batch counts in the estimate of q(z) at each code.

    ``stratified``: a code's own posterior stands for itself, 1/N, and the B - 1 others for the rest of the data,
    :math:`\frac{N-1}{N(B-1)}` each. Averaged over batches this is q(z), and with the whole data set in one batch
    it is q(z) exactly. These are the weights of the paper's appendix C.2, which gives one of the others an odd
    weight by its place in the batch, averaged over all orders of the batch.
    ``weighted``: 1/(NB) for all (eq. 3). They sum to 1/N, not 1, so log q(z) comes out too low by about log N; of
    the total correlation, that is too high by (D - 1) log N. The gradient doesn't see a constant.

    Returns (B, B), rows for codes. Raises ``ValueError`` unless 1 <= B <= N (2 <= B if stratified), and for
    another name.
    """
    shape = (batch_size, batch_size)
    smallest = 2 if estimator == "stratified" else 1
    if not smallest <= batch_size <= num_images:
        raise ValueError(
            f"the {estimator} estimate needs a batch of {smallest} to num_images = {num_images} images, "
            f"got {batch_size}; num_images counts the whole training set"
        )
    if estimator == "weighted":
        return torch.full(shape, -math.log(num_images * batch_size), dtype=torch.float64)
    if estimator != "stratified":
        raise ValueError(f"estimator must be 'stratified' or 'weighted', got {estimator!r}")
    others = (num_images - 1) / (num_images * (batch_size - 1))
    return torch.full(shape, math.log(others), dtype=torch.float64).fill_diagonal_(-math.log(num_images))


def kl_decomposition(
    z: Tensor, mu: Tensor, logvar: Tensor, num_images: int, estimator: Estimator = "stratified"
) -> KLDecomposition:
    r"""The three parts of the KL, estimated from one code of each image in a batch.

    The widely copied code of the stratified weights fills a column of the table in place of its diagonal, so its
    numbers differ from these, which averaged over all batches of a small set give the exact q(z).

    ``z``: (B, D), drawn from the posteriors with ``mu`` and ``logvar``, (B, D) each. ``num_images``: of the data
    set that the batch is drawn from. Raises ``ValueError`` for shapes that don't fit, and as
    :func:`pair_log_weights`.
    """
    if z.ndim != 2 or not z.shape == mu.shape == logvar.shape:
        shapes = [tuple(t.shape) for t in (z, mu, logvar)]
        raise ValueError(f"z, mu and logvar must all have shape (batch, latent_dim), got {shapes}")
    # (B, B, D): the log-density of code i under posterior j, per dimension. The weight of a pair stands beside the
    # whole pair: once for the joint density, once for each marginal.
    # Unchecked: NaN parameters give a NaN loss, for the training loop to report with its step.
    log_q = Normal(mu, torch.exp(0.5 * logvar), validate_args=False).log_prob(z.unsqueeze(1))
    log_w = pair_log_weights(len(z), num_images, estimator).to(z)
    log_q_given_x = log_q.diagonal().sum(0)
    log_q_joint = torch.logsumexp(log_w + log_q.sum(2), dim=1)
    log_q_marginals = torch.logsumexp(log_w.unsqueeze(2) + log_q, dim=1).sum(1)
    log_prior = Normal(0.0, 1.0, validate_args=False).log_prob(z).sum(1)
    return KLDecomposition(
        mutual_information=log_q_given_x - log_q_joint,
        total_correlation=log_q_joint - log_q_marginals,
        dimension_wise=log_q_marginals - log_prior,
    )


def tc_elbo(
    reconstruction: Tensor,
    z: Tensor,
    mu: Tensor,
    logvar: Tensor,
    num_images: int,
    beta: float = 6.0,
    estimator: Estimator = "stratified",
) -> TCELBO:
    """The objective of the beta-TCVAE.

    ``reconstruction``: (B,), the log-likelihood of x given ``z``, a code from the posteriors with ``mu`` and
    ``logvar``, (B, D) each; ``num_images``: of the whole training set. Raises as :func:`kl_decomposition`.
    """
    tc = kl_decomposition(z, mu, logvar, num_images, estimator).total_correlation
    return TCELBO(reconstruction, kl_standard_normal(mu, logvar), total_correlation=tc, tc_weight=beta)
