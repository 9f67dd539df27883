r"""A small VAE, trained on handwritten digits. What comes back are its parameters; the ELBO is measured here.

The threshold: over 20 secrets the reference reaches a -ELBO of 23.6 to 23.9 nats per test image (the mean is 23.75), a
decoder that ignores the code 27.1. Half the weight on the KL gives 24.4, twice the weight 25.2, half the steps 24.4.
"""

from collections.abc import Callable
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.data import binarize, load
from course_lib.models import MLPVAE, reparameterize
from course_lib.objectives import elbo
from course_lib.probes.calls import trained_parameters
from course_lib.tasks.core import Case, Mistake, Outputs, Task, Verdict, generator

THRESHOLD = 24.2  # nats per test image
NUM_STEPS = 400
_NUM_PIXELS, _HIDDEN_DIM, _LATENT_DIM = 64, 128, 8
_NUM_DRAWS = 4  # of binarisation and code for each test image

_OTHER_NETWORK = (
    f"another network came back. Make it with MLPVAE({_NUM_PIXELS}, {_HIDDEN_DIM}, {_LATENT_DIM}), and return the "
    "model itself."
)
_NOT_FINITE = (
    "training ran off to infinity or nan. A smaller learning rate helps; so does a stable likelihood (task 3)."
)
_UPHILL = "the loss was pushed up instead of down. Is a sign turned round, or was the ELBO itself minimised?"
_NOT_TRAINED = (
    "the network knows no more than an untrained one. Each step needs zero_grad, backward and the optimiser's step, "
    "and the optimiser needs the parameters of the model that you return."
)
_NO_NOISE = (
    "the decoder can't use codes drawn from the posterior, only its mean. In every step, draw a code by reparameterize "
    "with noise from torch.randn_like, and give the likelihood logits, without a sigmoid before it."
)
_COLLAPSED = (
    "the encoder says nothing about the image: its KL is 0, and the decoder draws the same for all. Either no gradient "
    "reaches the encoder through the sample, or the reconstruction is averaged over pixels and the KL outweighs it."
)
_NO_KL = (
    "the KL plays no part in the loss: the codes say as much as they like, and nothing draws them to the prior."
)
_LITTLE_KL = "the KL counts too little: codes cost more than they save. Is it averaged over latent dimensions?"
_TOO_SHORT = (
    "it learns, but not far enough. Use all the steps, batches of about 128 images drawn from all and binarised anew, "
    "Adam with a learning rate between 2e-3 and 5e-3, and zero_grad in each step. If that is so, check the weight of "
    "the KL and the scale of the noise."
)


@cache
def digits(split: str) -> Tensor:
    """The real 8x8 digits as vectors of grey levels, (N, 64)."""
    return load("digits", split).x.flatten(1)


def _training_cases(seed: int) -> list[Case]:
    """Twelve hundred of the training images, in an order of their own."""
    x = digits("train")
    chosen = torch.randperm(len(x), generator=generator(seed))[:1200]
    return [{"x": x[chosen], "num_steps": NUM_STEPS, "seed": seed % 1000}]


def train(
    x: Tensor,
    num_steps: int,
    seed: int,
    *,
    lr: float = 3e-3,
    sign: float = 1.0,
    kl_weight: float = 1.0,
    noise: float = 1.0,
    sample: Callable[[Tensor], Tensor] = lambda z: z,
) -> MLPVAE:
    """A VAE by the book; what the names after the star change are the mistakes."""
    torch.manual_seed(seed)
    model = MLPVAE(_NUM_PIXELS, _HIDDEN_DIM, _LATENT_DIM)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(num_steps):
        batch = binarize(x[torch.randint(len(x), (128,))])
        mu, logvar = model.encode(batch)
        z = sample(reparameterize(mu, logvar, noise * torch.randn_like(mu)))
        loss = sign * elbo(model.decode(z), batch, mu, logvar, beta=kl_weight).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def _by_epochs(x: Tensor, num_steps: int, seed: int) -> MLPVAE:
    """The same in another style: shuffled epochs, the loss written out."""
    source = generator(seed)
    model = MLPVAE(_NUM_PIXELS, _HIDDEN_DIM, _LATENT_DIM)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    batches = [
        batch for _ in range(num_steps // 10 + 1) for batch in torch.randperm(len(x), generator=source).split(120)
    ]
    for index in batches[:num_steps]:
        batch = torch.bernoulli(x[index])
        mu, logvar = model.encode(batch)
        logits = model.decode(mu + logvar.mul(0.5).exp() * torch.randn_like(mu))
        bits = F.binary_cross_entropy_with_logits(logits, batch, reduction="sum")
        loss = (bits + 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()) / len(batch)
        model.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def _nan(x: Tensor, num_steps: int, seed: int) -> MLPVAE:
    model = MLPVAE(_NUM_PIXELS, _HIDDEN_DIM, _LATENT_DIM)
    torch.nn.init.constant_(next(model.parameters()), float("nan"))
    return model


def measure(case: Case, outputs: Outputs) -> Verdict:
    """Passes a network whose -ELBO on the test digits is at most ``THRESHOLD``; else says what went wrong."""
    model = MLPVAE(_NUM_PIXELS, _HIDDEN_DIM, _LATENT_DIM)
    wanted = model.state_dict()
    if {name: x.shape for name, x in outputs.items()} != {name: x.shape for name, x in wanted.items()}:
        return Verdict("wrong", "The parameters that came back don't fit the network.", _OTHER_NETWORK)
    if not all(x.is_floating_point() and bool(x.isfinite().all()) for x in outputs.values()):
        return Verdict("wrong", "There are parameters that aren't finite numbers.", _NOT_FINITE)
    model.load_state_dict(dict(outputs))
    reconstruction, at_the_mean, kl = nats(model, int(case["seed"]))
    loss = reconstruction + kl
    if loss <= THRESHOLD:
        return Verdict("right")
    message = (
        f"-ELBO is {loss:.2f} nats per test image ({reconstruction:.2f} for the image, {kl:.2f} for the code; "
        f"{len(digits('test'))} images, {_NUM_DRAWS} draws each). It should be at most {THRESHOLD:g}."
    )
    return Verdict("wrong", message, _diagnosis(reconstruction, at_the_mean, kl))


def nats(model: MLPVAE, seed: int) -> tuple[float, float, float]:
    """On binary test digits, in nats per image: -log p(x|z) at a sampled code and at the posterior's mean, and KL."""
    source = generator(seed)
    total = torch.zeros(3, dtype=torch.float64)
    with torch.no_grad():
        for _ in range(_NUM_DRAWS):
            x = binarize(digits("test"), source)
            mu, logvar = model.encode(x)
            z = reparameterize(mu, logvar, torch.randn(mu.shape, generator=source))
            sampled = elbo(model.decode(z), x, mu, logvar)
            mean = elbo(model.decode(mu), x, mu, logvar)
            total += torch.stack([-sampled.reconstruction, -mean.reconstruction, sampled.kl]).double().mean(1)
    reconstruction, at_the_mean, kl = (total / _NUM_DRAWS).tolist()
    return reconstruction, at_the_mean, kl


def _diagnosis(reconstruction: float, at_the_mean: float, kl: float) -> str:
    """What the two parts of the loss say about the training. Chance, one half for every pixel, is 44.4 nats."""
    if reconstruction > 60 and at_the_mean > 60:
        return _UPHILL
    if reconstruction > 1.5 * at_the_mean:
        return _NO_NOISE
    if reconstruction > 40:
        return _NOT_TRAINED
    if kl > 40:
        return _NO_KL
    if kl > 7:
        return _LITTLE_KL
    return _COLLAPSED if kl < 0.3 else _TOO_SHORT


TRAIN_VAE = Task(
    name="train_vae",
    points=4,
    cases=_training_cases,
    probe=trained_parameters,
    reference=train,
    alternatives=(_by_epochs,),
    measure=measure,
    public_in_grading=False,
    mistakes=(
        Mistake(lambda x, num_steps, seed: MLPVAE(_NUM_PIXELS, 2 * _HIDDEN_DIM, _LATENT_DIM), _OTHER_NETWORK),
        Mistake(_nan, _NOT_FINITE),
        Mistake(lambda x, num_steps, seed: train(x, 0, seed), _NOT_TRAINED),
        Mistake(lambda x, num_steps, seed: train(x, 150, seed, sign=-1), _UPHILL),
        Mistake(partial(train, noise=0.0), _NO_NOISE),
        Mistake(lambda x, num_steps, seed: train(x, 300, seed, sample=Tensor.detach), _COLLAPSED),
        Mistake(partial(train, kl_weight=0.0), _NO_KL),
        Mistake(partial(train, kl_weight=1 / _LATENT_DIM), _LITTLE_KL),
        Mistake(lambda x, num_steps, seed: train(x, 150, seed), _TOO_SHORT),
    ),
)
