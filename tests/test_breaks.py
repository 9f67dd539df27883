"""Tests of the tests: each of these plausible slips in a formula must make a fast test fail.

A break is a line of ``course_lib`` replaced by another, in a copy of the library, with the tests of that floor run
against the copy.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Break:
    name: str
    file: str
    line: str
    slip: str
    tests: str


BREAKS = [
    Break(
        "sign of the KL",
        "objectives/elbo.py",
        "self.reconstruction - self.beta * self.kl",
        "self.reconstruction + self.beta * self.kl",
        "test_objectives_vae.py",
    ),
    Break(
        "mean over latent dimensions",
        "objectives/kl.py",
        "kl_per_dimension(mu, logvar).sum(1)",
        "kl_per_dimension(mu, logvar).mean(1)",
        "test_objectives_vae.py",
    ),
    Break(
        "log-variance taken for log-deviation in the KL",
        "objectives/kl.py",
        "logvar.exp() - 1 - logvar",
        "(2 * logvar).exp() - 1 - 2 * logvar",
        "test_objectives_vae.py",
    ),
    Break(
        "mean over pixels",
        "objectives/reconstruction.py",
        "(x_hat - x).square().flatten(1).sum(1)",
        "(x_hat - x).square().flatten(1).mean(1)",
        "test_objectives_vae.py",
    ),
    Break(
        "log-variance taken for log-deviation in the sample",
        "models/vae.py",
        "mu + torch.exp(0.5 * logvar) * eps",
        "mu + torch.exp(logvar) * eps",
        "test_objectives_vae.py",
    ),
    Break(
        "no gradient to the deviation",
        "models/vae.py",
        "mu + torch.exp(0.5 * logvar) * eps",
        "mu + torch.exp(0.5 * logvar).detach() * eps",
        "test_objectives_vae.py",
    ),
    Break(
        "a clamp that stops the gradient",
        "models/vae.py",
        "return logvar + (logvar.clamp(low, high) - logvar).detach()",
        "return logvar.clamp(low, high)",
        "test_objectives_vae.py",
    ),
    Break(
        "forgotten division by K",
        "objectives/elbo.py",
        "torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])",
        "torch.logsumexp(log_w, dim=0)",
        "test_objectives_vae.py",
    ),
    Break(
        "saturating loss by default",
        "objectives/adversarial.py",
        "saturating: bool = False",
        "saturating: bool = True",
        "test_objectives_gan.py",
    ),
    Break(
        "real and generated swapped",
        "objectives/adversarial.py",
        "DiscriminatorLoss(F.softplus(-real_logits), F.softplus(fake_logits))",
        "DiscriminatorLoss(F.softplus(real_logits), F.softplus(-fake_logits))",
        "test_objectives_gan.py",
    ),
    Break(
        "logarithm of a probability plus a little",
        "objectives/adversarial.py",
        "else F.softplus(-fake_logits)",
        "else -(fake_logits.sigmoid() + 1e-8).log()",
        "test_objectives_gan.py",
    ),
    Break(
        "R1 without its half",
        "objectives/penalties.py",
        "0.5 * gamma * gradient",
        "gamma * gradient",
        "test_objectives_gan.py",
    ),
    Break(
        "R1 that doesn't train the weights",
        "objectives/penalties.py",
        "0.5 * gamma * gradient",
        "0.5 * gamma * gradient.detach()",
        "test_objectives_gan.py",
    ),
    Break(
        "missing detach, and a gradient for everybody",
        "training/steps/gan.py",
        "self.discriminator(torch.cat([x, x_fake.detach()])).chunk(2)",
        "self.discriminator(torch.cat([x, x_fake])).chunk(2)",
        "test_training_steps.py",
    ),
    Break(
        "the decoder helps the discriminator",
        "training/steps/vae_gan.py",
        "self.gamma * g + f for",
        "self.gamma * g - f for",
        "test_training_steps.py",
    ),
    Break(
        "the adversarial loss reaches the encoder",
        "objectives/vae_gan.py",
        "(self.beta * self.kl + self.feature_error).mean()",
        "(self.beta * self.kl + self.feature_error + self.fool).mean()",
        "test_objectives_gan.py",
    ),
    Break(
        "images not binarised",
        "training/steps/vae.py",
        "x = binarize(x)",
        "x = x.round()",
        "test_training_steps.py",
    ),
    Break(
        "a covariance forgotten",
        "metrics/frechet.py",
        "cov_a.trace() + cov_b.trace() - 2 * cross",
        "cov_a.trace() + cov_b.trace() - cross",
        "test_metrics.py",
    ),
    Break(
        "importance weights without the posterior",
        "metrics/likelihood.py",
        "log_likelihood + log_prior - log_posterior",
        "log_likelihood + log_prior",
        "test_metrics.py",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("slip", BREAKS, ids=lambda b: b.name)
def test_a_break_is_noticed(slip, tmp_path):
    copy = tmp_path / "course_lib"
    shutil.copytree(ROOT / "course_lib", copy, ignore=shutil.ignore_patterns("__pycache__"))
    source = copy / slip.file
    text = source.read_text()
    assert text.count(slip.line) == 1, f"{slip.file} no longer holds {slip.line!r} once; mend this list"
    source.write_text(text.replace(slip.line, slip.slip))
    shutil.copy(ROOT / "tests" / slip.tests, tmp_path)
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            "--rootdir",
            ".",
            slip.tests,
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, f"{slip.name}: the tests did not fail:\n{run.stdout[-2000:]}{run.stderr[-2000:]}"
    assert " failed" in run.stdout
    assert "error" not in run.stdout.splitlines()[-1], run.stdout[-2000:]


def test_the_unbroken_copy_passes(tmp_path):
    """Otherwise the breaks above would be noticed for the wrong reason."""
    shutil.copytree(ROOT / "course_lib", tmp_path / "course_lib", ignore=shutil.ignore_patterns("__pycache__"))
    names = sorted({slip.tests for slip in BREAKS})
    for name in names:
        shutil.copy(ROOT / "tests" / name, tmp_path)
    where = "import course_lib; print(course_lib.__file__)"
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()).is_relative_to(tmp_path)
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            "--rootdir",
            ".",
            *names,
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
