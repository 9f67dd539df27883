"""A speed run: the best test NLL on dynamically binarised MNIST that a minute of two CPU cores buys.

    COURSE_DATA=... python benchmarks/speedrun.py [--seconds 60] [--seeds 3] [--num-samples 500] [--num-images 10000]

Rules. By the clock, from before the network is built until after the last step; two cores, idle, and no data but the
60,000 training images. Judged is the mean of three seeds over all 10,000 test images, each binarised once, by
importance sampling with K = 500 from the posterior widened by 1.2. What comes in stays short: a gain that costs more
lines than it is worth in nats is refused as ugly. The code below is the present record, and its judge.

| date | NLL | the same, small | what changed | lines added |
|---|---|---|---|---|
| 2026-11-21 | – | 90.18 | a patch VAE (48 channels, 32 latent numbers), Adam, batches of 64, warm-up, cosine | – |
| 2026-11-21 | – | 89.62 | products in bf16 where the CPU has them | 2 |
| 2026-11-21 | 88.60 | 89.26 | the last quarter climbs the bound of IWAE with 3 samples, nearer to what is asked | 4 |
| 2026-11-27 | – | 85.81 | a learned prior: each latent number is normal given those before it | 18 |
| 2026-11-27 | 85.54 | 85.56 | the encoder's gradient through z alone, which has less noise | 2 |

"Small": seed 0, every fifth test image, K = 100; the last two by a count of steps (6,742 and 6,607; by the
clock there were 5,202 to 5,489). What was tried and lost stands in RESULTS.md.
Rows go to benchmarks/results/speedrun.csv as they are made; what is there isn't run again.
"""

import argparse
import math
import time
from pathlib import Path

import torch
from machine import machine
from resume import Rows
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn import functional as F

from course_lib.data import binarize, load
from course_lib.models import PatchVAE
from course_lib.objectives import importance_weighted_bound, log_likelihood
from course_lib.training.accelerate import InBFloat16
from course_lib.training.run import Shuffle

RESULTS = Path(__file__).parent / "results" / "speedrun.csv"
FIGURES = ("nll", "standard_error", "minus_elbo", "steps", "seconds")
LATENT_DIM, BATCH_SIZE, PEAK, LAST, NUM_SAMPLES, WIDER = 32, 64, 4e-3, 0.75, 3, 1.2


class Autoregressive(nn.Module):
    r"""The prior :math:`p(z) = \prod_j \mathcal N(z_j; m_j(z_{<j}), s_j(z_{<j})^2)`: masks see to it that outputs j
    depend on the numbers before j alone (MADE: Germain et al. 2015, arXiv:1502.03509). It does what an inverse
    autoregressive flow in the encoder would do (Chen et al. 2017, arXiv:1611.02731, section 3.2)."""

    def __init__(self, latent_dim: int, hidden: int = 256) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(latent_dim, hidden), nn.Linear(hidden, 2 * latent_dim)
        nn.init.zeros_(self.second.weight)  # at first N(0, I)
        nn.init.zeros_(self.second.bias)
        place, seen = torch.arange(latent_dim), torch.arange(hidden) % max(1, latent_dim - 1)
        self.sees = (place <= seen[:, None]).float()
        self.speaks = (seen < place[:, None]).float().repeat(2, 1)

    def log_prob(self, z: Tensor) -> Tensor:
        """(..., latent_dim) to (...), in nats."""
        hidden = F.relu(F.linear(z, self.first.weight * self.sees, self.first.bias))
        mean, log_scale = F.linear(hidden, self.second.weight * self.speaks, self.second.bias).chunk(2, dim=-1)
        return Normal(mean, log_scale.exp(), validate_args=False).log_prob(z).sum(-1)


def log_weights(model: PatchVAE, prior: Autoregressive, x: Tensor, num_samples: int, wider: float = 1) -> Tensor:
    """log p(x|z) + log p(z) − log q(z|x) for draws from q, its deviations times ``wider``: (num_samples, B), nats.

    q's own parameters get a gradient through z alone, which is 0 where q is the posterior, whatever the draw (Roeder et
    al. 2017, arXiv:1703.09194)."""
    mu, logvar = model.encode(x)
    scale = wider * torch.exp(0.5 * logvar)
    z = mu + scale * torch.randn(num_samples, *mu.shape)
    q = Normal(mu.detach(), scale.detach(), validate_args=False)
    log_p_x = log_likelihood(model.decode(z.flatten(0, 1)), x.repeat(num_samples, 1, 1, 1))
    return log_p_x.unflatten(0, (num_samples, -1)) + prior.log_prob(z) - q.log_prob(z).sum(-1)


def minute(x: Tensor, seconds: float, seed: int) -> tuple[PatchVAE, Autoregressive, int, float]:
    """Train by the clock; returns the model, its prior, the steps taken and the seconds, initialisation included."""
    started = time.perf_counter()
    torch.manual_seed(seed)
    model, prior, steps = PatchVAE(LATENT_DIM), Autoregressive(LATENT_DIM), 0
    with torch.no_grad():
        [layer for layer in model.decoder if isinstance(layer, nn.Conv2d)][-1].bias.fill_(torch.logit(x.mean()))
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        model.encoder, model.decoder = InBFloat16(model.encoder), InBFloat16(model.decoder)
    optimizer = torch.optim.Adam([*model.parameters(), *prior.parameters()], betas=(0.9, 0.99), fused=True)
    shuffle = Shuffle(len(x), BATCH_SIZE, x.device)
    while (part := (time.perf_counter() - started) / seconds) < 1:
        steps += 1
        # without the rise over the first hundred steps some seeds collapse
        optimizer.param_groups[0]["lr"] = PEAK * min(1, steps / 100) * 0.5 * (1 + math.cos(math.pi * part))
        log_w = log_weights(model, prior, binarize(x[next(shuffle)]), 1 if part < LAST else NUM_SAMPLES)
        optimizer.zero_grad()
        (-importance_weighted_bound(log_w).mean()).backward()
        optimizer.step()
    return model, prior, steps, time.perf_counter() - started


@torch.no_grad()
def evaluate(model: PatchVAE, prior: Autoregressive, test: Tensor, num_samples: int) -> dict[str, float]:
    """NLL with its standard error over images, and −ELBO."""
    torch.manual_seed(1)
    batches = test.split(max(1, 2000 // num_samples))
    log_w = [log_weights(model, prior, x, num_samples, WIDER) for x in batches]
    nll = -torch.cat([importance_weighted_bound(w) for w in log_w])
    bound = torch.cat([log_weights(model, prior, x, 1)[0] for x in test.split(1000)])
    error = (nll.std() / math.sqrt(len(nll))).item()
    return {"nll": nll.mean().item(), "standard_error": error, "minus_elbo": -bound.mean().item()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--num-samples", type=int, default=500)
    parser.add_argument("--num-images", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="10 s, 1 seed, K = 50, 1,000 images")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.seeds, options.num_samples, options.num_images = 10, 1, 50, 1_000
    x, test = load("mnist").x, load("mnist", "test").x[:: 10_000 // options.num_images]
    test = binarize(test, torch.Generator().manual_seed(0))
    settings = f"{options.seconds:g} s, {torch.get_num_threads()} threads, K={options.num_samples}, n={len(test)}"
    rows = Rows(RESULTS, FIGURES)
    print(f"{machine()}; MNIST, {settings}\n")
    print("| seed | steps | seconds | −ELBO | NLL | standard error over images |\n|---|---|---|---|---|---|")
    for seed in range(options.seeds):
        if ("record", seed, settings) not in rows:
            model, prior, steps, seconds = minute(x, options.seconds, seed)
            figures = evaluate(model, prior, test, options.num_samples)
            rows.add("record", seed, settings, **figures, steps=steps, seconds=seconds)
        nll, error, bound, steps, seconds = (rows.values("record", settings, figure)[seed] for figure in FIGURES)
        print(f"| {seed} | {steps:.0f} | {seconds:.1f} | {bound:.2f} | {nll:.2f} | {error:.2f} |", flush=True)
    found = rows.values("record", settings, "nll")
    print(f"\nMean NLL over {len(found)} seeds: {sum(found) / len(found):.2f} nats")


if __name__ == "__main__":
    main()
