"""Faults in the VAE code."""

from fault import Fault

FAULTS = [
    Fault(
        "sign of the KL",
        "objectives/elbo.py",
        "self.reconstruction - self.beta * self.kl",
        "self.reconstruction + self.beta * self.kl",
        "test_objectives_vae.py",
    ),
    Fault(
        "mean over latent dimensions",
        "objectives/kl.py",
        "kl_per_dimension(mu, logvar).sum(1)",
        "kl_per_dimension(mu, logvar).mean(1)",
        "test_objectives_vae.py",
    ),
    Fault(
        "log-variance taken for log-deviation in the KL",
        "objectives/kl.py",
        "logvar.exp() - 1 - logvar",
        "(2 * logvar).exp() - 1 - 2 * logvar",
        "test_objectives_vae.py",
    ),
    Fault(
        "mean over pixels",
        "objectives/reconstruction.py",
        "(x_hat - x).square().flatten(1).sum(1)",
        "(x_hat - x).square().flatten(1).mean(1)",
        "test_objectives_vae.py",
    ),
    Fault(
        "log-variance taken for log-deviation in the sample",
        "models/vae.py",
        "mu + torch.exp(0.5 * logvar) * eps",
        "mu + torch.exp(logvar) * eps",
        "test_objectives_vae.py",
    ),
    Fault(
        "no gradient to the deviation",
        "models/vae.py",
        "mu + torch.exp(0.5 * logvar) * eps",
        "mu + torch.exp(0.5 * logvar).detach() * eps",
        "test_objectives_vae.py",
    ),
    Fault(
        "a clamp that stops the gradient",
        "models/vae.py",
        "return logvar + (logvar.clamp(low, high) - logvar).detach()",
        "return logvar.clamp(low, high)",
        "test_objectives_vae.py",
    ),
    Fault(
        "forgotten division by K",
        "objectives/importance.py",
        "torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])",
        "torch.logsumexp(log_w, dim=0)",
        "test_objectives_vae.py",
    ),
    Fault(
        "images not binarised",
        "training/steps/vae.py",
        "x = binarize(x)",
        "x = x.round()",
        "test_training_steps.py",
    ),
]
