r"""A prior with several bumps for the code of a VAE, in place of :math:`\mathcal N(0, I)`.

The prior under which the ELBO is largest, with encoder and decoder as they are, is the aggregate posterior
:math:`q(z) = \frac1N \sum_n q(z|x_n)` (Hoffman & Johnson 2016; Tomczak & Welling 2018, arXiv:1705.07120, eq. 4), a
mixture of as many Gaussians as there are images. One of few components stands in for it: fitted to codes after
training, or learned together with the VAE, as the mixture is that the second paper compares its own prior with.
"""

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from course_lib.checks import check_size


class MixturePrior(nn.Module):
    r""":math:`p(z) = \sum_k \pi_k\, \mathcal N(z; \mu_k, L_k L_k^\top)`, with parameters that a step can learn.

    ``num_components``: K; ``latent_dim``: D. At first every component has weight 1/K and unit covariance, and its mean
    is drawn from N(0, I); a single one starts as N(0, I) itself. Raises ``ValueError`` for sizes below 1.
    """

    def __init__(self, num_components: int, latent_dim: int) -> None:
        super().__init__()
        check_size(num_components, "num_components")
        check_size(latent_dim, "latent_dim")
        self.latent_dim = latent_dim
        self.logits = nn.Parameter(torch.zeros(num_components))
        self.means = nn.Parameter(torch.randn(num_components, latent_dim) * (num_components > 1))
        self.factors = nn.Parameter(torch.zeros(num_components, latent_dim, latent_dim))
        """L_k with the logarithms of its diagonal; what is above the diagonal is never read."""

    @property
    def weights(self) -> Tensor:
        """The share of each component, (K,)."""
        return torch.softmax(self.logits, dim=0)

    @property
    def scale_tril(self) -> Tensor:
        """The L_k, (K, D, D), lower triangular with a diagonal above 0."""
        diagonal = self.factors.diagonal(dim1=1, dim2=2).exp()
        return self.factors.tril(-1) + torch.diag_embed(diagonal)

    def distribution(self) -> MixtureSameFamily:
        """p(z) over (D,)."""
        # unchecked: NaN parameters give a NaN loss, for the training loop to report with its step
        components = MultivariateNormal(self.means, scale_tril=self.scale_tril, validate_args=False)
        return MixtureSameFamily(
            Categorical(logits=self.logits, validate_args=False), components, validate_args=False
        )

    def log_prob(self, z: Tensor) -> Tensor:
        """The log-density of codes (..., D): (...), in nats. Raises ``ValueError`` for codes of another size."""
        if z.ndim == 0 or z.shape[-1] != self.latent_dim:
            raise ValueError(f"z must have shape (..., {self.latent_dim}), got {tuple(z.shape)}")
        return self.distribution().log_prob(z)

    @torch.no_grad()
    def sample(self, num_samples: int) -> Tensor:
        """Codes (num_samples, D), without gradient. Raises ``ValueError`` for a number below 1."""
        check_size(num_samples, "num_samples")
        return self.distribution().sample((num_samples,))

    @classmethod
    def fitted(cls, codes: Tensor, num_components: int, *, seed: int = 0) -> "MixturePrior":
        """The mixture under which ``codes`` (N, D) are about the likeliest, by expectation-maximisation from the
        clusters of k-means (scikit-learn's ``GaussianMixture``), in float64. On the device and in the dtype of the
        codes.

        Take codes *drawn* from q(z|x), one for each image, and it comes close to the aggregate posterior; means alone
        leave out the width of q. Raises ``ValueError`` for another shape, codes that aren't finite, or fewer of them
        than components.
        """
        from sklearn.mixture import GaussianMixture

        check_size(num_components, "num_components")
        if codes.ndim != 2 or len(codes) < max(2, num_components):
            raise ValueError(
                f"codes must have shape (N, D) with at least {max(2, num_components)} codes for {num_components} "
                f"components, got {tuple(codes.shape)}"
            )
        if not codes.isfinite().all():
            raise ValueError("codes must be finite, got infinity or NaN; look at the network that they come from")
        mixture = GaussianMixture(num_components, random_state=seed).fit(codes.detach().cpu().double().numpy())
        with torch.random.fork_rng(devices=[]):  # the means that it starts with are replaced
            prior = cls(num_components, codes.shape[1])
        scale_tril = torch.linalg.cholesky(torch.from_numpy(mixture.covariances_))
        logarithms = torch.diag_embed(scale_tril.diagonal(dim1=1, dim2=2).log())
        with torch.no_grad():
            prior.logits.copy_(torch.from_numpy(mixture.weights_).log())
            prior.means.copy_(torch.from_numpy(mixture.means_))
            prior.factors.copy_(scale_tril.tril(-1) + logarithms)
        return prior.to(codes)
