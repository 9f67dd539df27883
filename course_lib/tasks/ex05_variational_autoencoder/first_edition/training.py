r"""A small VAE, trained on handwritten digits. What comes back are its parameters; the ELBO is measured here.

The threshold: over 20 secrets the reference reaches a -ELBO of 23.6 to 23.9 nats per test image (the mean is 23.75), a
decoder that ignores the code 27.1. Half the weight on the KL gives 24.4, twice the weight 25.2, half the steps 24.4.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.data import binarize, load
from course_lib.models import MLPVAE, reparameterize
from course_lib.objectives import elbo, kl_standard_normal
from course_lib.probes.ex05 import drawn, trained_vae
from course_lib.probes.training import NUM_SHOWN, Process, split
from course_lib.tasks.core import Case, Mistake, Outputs, Task, Verdict, generator
from course_lib.tasks.training import NO_GRADIENT, UNCLEARED, in_numbers

THRESHOLD = 24.2  # nats per test image
NUM_STEPS = 400
_NUM_PIXELS, _HIDDEN_DIM, _LATENT_DIM = 64, 128, 8
_FEW_ARE_OFF = 0.01  # squared grey levels between the means; 300 of the 1,200 images are 0.015 off, 128 are 0.04
_NUM_DRAWS = 4  # of binarisation and code for each test image

_OTHER_NETWORK = (
    f"another network came back. Make it with MLPVAE({_NUM_PIXELS}, {_HIDDEN_DIM}, {_LATENT_DIM}), and return the "
    "model itself."
)
_NOT_FINITE = (
    "training ran off to infinity or nan. A smaller learning rate helps; so does a stable likelihood (task 3)."
)
_NO_STEP = (
    "no optimiser took a step. Each step needs zero_grad(), backward() and optimizer.step(), with parentheses."
)
_NOT_TRAINED = (
    "the network knows no more than an untrained one, though an optimiser took steps. It needs the parameters of the "
    "very model that you return: make the model once, before the loop."
)
_GREY = (
    "the network was given grey levels. The likelihood is that of zeros and ones: draw a binary image from the grey "
    "one, by binarize, and give it to the encoder and to the loss."
)
_CUT_AT_HALF = (
    "the images were cut at a threshold: binary, but always the same ones. A grey level is the probability of a 1: "
    "binarize draws the pixels anew in each step."
)
_ONE_DRAW = (
    "each image was made binary once, and then used again and again: one fixed draw in place of the grey levels. Call "
    "binarize inside the loop, on each batch."
)
_FEW_IMAGES = "the network was given only a few of the images in x. Draw each batch at random from all of them."
_MORE_STEPS = (
    "it took far more steps than num_steps asks for, so what came out can't be compared. Count the steps, not the "
    "epochs."
)
_SUMMED = (
    "the loss was summed over the batch. negative_elbo is a mean over images: only then do learning rate and loss not "
    "depend on the batch size."
)
_PIXEL_MEAN = (
    "the reconstruction was averaged over pixels, so that its 44 nats at the start became 0.7 and the KL outweighs it. "
    "Both are sums, over pixels and over latent dimensions; only images are averaged."
)
_OTHER_BETA = (
    "the KL was weighted by a factor (beta) that isn't 1. Then the loss is no bound on log p(x), and the network is a "
    "different one. In minus the ELBO both parts count once."
)
_UPHILL = "the loss was pushed up instead of down. Is a sign turned round, or was the ELBO itself minimised?"
_NO_NOISE = (
    "codes came to the decoder without noise: the mean of the posterior in place of a sample. In every step, draw one "
    "by reparameterize, with noise from torch.randn_like(mu)."
)
_ONE_NOISE = (
    "every step used the same noise. The decoder then learns to undo it, and samples of the prior are strange to it: "
    "draw the noise anew, inside the loop."
)
_SHARED_NOISE = (
    "all latent dimensions got the same noise. Each needs its own: torch.randn_like(mu) has mu's shape, (B, 8)."
)
_OTHER_SCALE = (
    "the noise in the codes hasn't the scale that mu and logvar say: it should be exp(0.5 * logvar). Use your "
    "reparameterize, with standard normal noise."
)
_CUT = (
    "codes came to the decoder without a gradient, so the encoder learns nothing from the image. Something cuts the "
    "path (detach(), no_grad, .data, .sample()), or the code isn't made of mu and logvar at all."
)
_MANY_OPTIMIZERS = (
    "a new optimiser took every step or so. Adam's running averages then start anew each time: make it once, before "
    "the loop."
)
_COLLAPSED = (
    "the KL outweighs the image: the encoder says nothing, its KL is 0, and the decoder draws the same for all. Does "
    "the KL count once, and is the reconstruction a sum over pixels?"
)
_SQUASHED = (
    "drawn codes decode much worse than the posterior's mean: the likelihood got something else than logits of these "
    "codes. No sigmoid before it."
)
_NO_KL = (
    "the KL plays no part in the loss: the codes say as much as they like, and nothing draws them to the prior."
)
_LITTLE_KL = (
    "the KL counts too little: codes cost more than they save. Is it averaged over latent dimensions, or multiplied by "
    "a beta?"
)
_FEW_STEPS = "it took fewer steps than num_steps asks for: it learned, but not far enough."
_SMALL_STEPS = "the steps are too small: it learned, but not far enough. Adam with about 3e-3 was asked for."
_LARGE_STEPS = (
    "the steps are too large: the loss jumps about. Adam with a learning rate of about 3e-3 was asked for."
)
_TOO_SHORT = (
    "it learns, but not far enough, and batches, steps and learning rate aren't the reason. Does the loss get the "
    "logits (no sigmoid before it) and the batch that was encoded? Is the noise drawn anew in each step, with scale "
    "exp(0.5 * logvar)? Is the optimiser Adam, made once, before the loop?"
)
_NOT_SHOWN = (
    "the parameters are good, but the model that came back can't be used as the last cell does, or draws something "
    "else than they make. Return the MLPVAE itself, on the CPU and in float32."
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
    draw: Callable[[Tensor], Tensor] = binarize,
    once: Callable[[Tensor], Tensor] = lambda x: x,
    reduction: Callable[[Tensor], Tensor] = torch.mean,
    pixels: float = 1.0,
    clear: str = "first",
    same_noise: bool = False,
) -> MLPVAE:
    """A VAE by the book; what the names after the star change are the mistakes."""
    torch.manual_seed(seed)
    model = MLPVAE(_NUM_PIXELS, _HIDDEN_DIM, _LATENT_DIM)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    x = once(x)
    eps = torch.randn(128, _LATENT_DIM)
    for _ in range(num_steps):
        batch = draw(x[torch.randint(len(x), (128,))])
        mu, logvar = model.encode(batch)
        eps = eps if same_noise else torch.randn_like(mu)
        z = sample(reparameterize(mu, logvar, noise * eps))
        bits = F.binary_cross_entropy_with_logits(model.decode(z), batch, reduction="none").sum(1)
        loss = sign * reduction(kl_weight * kl_standard_normal(mu, logvar) + pixels * bits)
        if clear == "first":
            optimizer.zero_grad()
        loss.backward()
        if clear == "late":
            optimizer.zero_grad()
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


def _without_a_step(x: Tensor, num_steps: int, seed: int) -> MLPVAE:
    torch.manual_seed(seed)
    model = MLPVAE(_NUM_PIXELS, _HIDDEN_DIM, _LATENT_DIM)
    model.encode(binarize(x))
    return model


def _other_returned(x: Tensor, num_steps: int, seed: int) -> MLPVAE:
    train(x, num_steps, seed)
    return MLPVAE(_NUM_PIXELS, _HIDDEN_DIM, _LATENT_DIM)


class _Loud(MLPVAE):
    """The same parameters, other pictures."""

    def __init__(self, model: MLPVAE) -> None:
        super().__init__(_NUM_PIXELS, _HIDDEN_DIM, _LATENT_DIM)
        self.load_state_dict(model.state_dict())

    def decode(self, z: Tensor) -> Tensor:
        return 10 * super().decode(z)


def _nan(x: Tensor, num_steps: int, seed: int) -> MLPVAE:
    model = MLPVAE(_NUM_PIXELS, _HIDDEN_DIM, _LATENT_DIM)
    torch.nn.init.constant_(next(model.parameters()), float("nan"))
    return model


def measure(case: Case, outputs: Outputs) -> Verdict:
    """Passes a network whose -ELBO on the test digits is at most ``THRESHOLD``, trained as it was asked for."""
    own, process, shown = split(outputs, _NUM_PIXELS)
    model = MLPVAE(_NUM_PIXELS, _HIDDEN_DIM, _LATENT_DIM)
    wanted = model.state_dict()
    if {name: x.shape for name, x in own.items()} != {name: x.shape for name, x in wanted.items()}:
        return Verdict("wrong", "The parameters that came back don't fit the network.", _OTHER_NETWORK)
    seen = f"\n{in_numbers(process)}" if process else ""
    if not all(x.is_floating_point() and bool(x.isfinite().all()) for x in own.values()):
        return Verdict("wrong", f"There are parameters that aren't finite numbers.{seen}", _NOT_FINITE)
    model.load_state_dict(own)
    x, seed = case["x"], int(case["seed"])
    assert isinstance(x, Tensor)
    test = nats(model, digits("test"), seed)
    loss = test.reconstruction + test.kl
    message = (
        f"-ELBO is {loss:.2f} nats per test image ({test.reconstruction:.2f} for the image, {test.kl:.2f} for the "
        f"code; {len(digits('test'))} images, {_NUM_DRAWS} draws each). It should be at most {THRESHOLD:g}"
        f"{', and is' if loss <= THRESHOLD else ''}.{seen}"
    )
    training = nats(model, x, seed)
    if loss <= THRESHOLD:
        otherwise = trained_otherwise(case, process) or other_loss(process, training)
        if not otherwise and (shown is None or not _as_drawn(model, x, shown)):
            otherwise = _NOT_SHOWN
        return Verdict("wrong", message, otherwise) if otherwise else Verdict("right")
    return Verdict("wrong", message, _diagnosis(case, process, test, training))


@dataclass(frozen=True)
class Nats:
    """Per image: -log p(x|z) at a sampled code and at the posterior's mean, and the KL."""

    reconstruction: float
    at_the_mean: float
    kl: float


def nats(model: MLPVAE, x: Tensor, seed: int) -> Nats:
    """What a model leaves on binary draws of the grey images x."""
    source = generator(seed)
    total = torch.zeros(3, dtype=torch.float64)
    with torch.no_grad():
        for _ in range(_NUM_DRAWS):
            batch = binarize(x, source)
            mu, logvar = model.encode(batch)
            z = reparameterize(mu, logvar, torch.randn(mu.shape, generator=source))
            sampled = elbo(model.decode(z), batch, mu, logvar)
            mean = elbo(model.decode(mu), batch, mu, logvar)
            total += torch.stack([-sampled.reconstruction, -mean.reconstruction, sampled.kl]).double().mean(1)
    return Nats(*(total / _NUM_DRAWS).tolist())


def trained_otherwise(case: Case, process: Process | None) -> str:
    """What the exercise doesn't allow, whatever comes of it: other images, other steps; empty if nothing was seen."""
    x = case["x"]
    assert isinstance(x, Tensor)
    if process is None:
        return ""
    if process.binary < 0.5:
        return _GREY
    grey = x.double()
    cut = torch.cdist(process.rows, torch.cat([(grey > 0.5).double(), (grey >= 0.5).double()])).amin(1) < 1e-6
    if cut.double().mean() > 0.9:
        return _CUT_AT_HALF
    # all images of x have x's mean, up to the draws; few of them have another one
    off = (process.mean - grey.mean(0)).square().sum().item()
    by_chance = grey.mean(0).mul(1 - grey.mean(0)).sum().item() / process.num_rows
    if max(_FEW_ARE_OFF, 20 * by_chance) < off < 1.5:
        return _FEW_IMAGES
    if process.num_rows > 4 * len(x) and process.num_distinct < 0.3 * process.num_rows:
        return _ONE_DRAW
    if process.uncleared > 0.5:
        return UNCLEARED
    if process.num_steps > 20 and process.num_optimizers > 0.1 * process.num_steps:
        return _MANY_OPTIMIZERS
    if codes := _other_codes(process):
        return codes
    return _MORE_STEPS if process.num_steps > 1.5 * case["num_steps"] else ""


def _other_codes(process: Process) -> str:
    """Which codes the decoder was given that aren't samples of q(z|x); empty if they are, or too few were seen."""
    noise = process.noise
    if process.cut > 0.5:
        return _CUT
    if len(noise) < 20 or not bool(noise.isfinite().all()):
        return ""
    if noise.square().mean() < 1e-4:
        return _NO_NOISE
    if noise.std(0).mean() < 0.05 * noise.abs().mean():
        return _ONE_NOISE
    if noise.std(1).mean() < 0.05:
        return _SHARED_NOISE
    return "" if 0.85 < noise.std() < 1.15 else _OTHER_SCALE


def other_loss(process: Process | None, training: Nats) -> str:
    """Which loss went downhill, read off its last values and what the network leaves on the training images.

    Empty if it was minus the ELBO, or can't be told: no loss was seen, or the code says nothing.
    """
    if process is None or len(process.losses) < 100 or training.kl < 1:
        return ""
    loss, b = process.losses[-40:].mean().item(), process.batch_size
    rec, kl = training.reconstruction, training.kl
    for value, hint in (
        (b * (rec + kl), _SUMMED),
        (rec / _NUM_PIXELS + kl, _PIXEL_MEAN),
        (rec / _NUM_PIXELS + kl / _LATENT_DIM, _PIXEL_MEAN),
    ):
        if abs(loss - value) < 0.05 * value and b > 2:
            return hint
    beta = (loss - rec) / kl
    if beta < 0.05:
        return _NO_KL
    return _OTHER_BETA if not 0.75 < beta < 1.3 and 0 < beta < 50 else ""


def _diagnosis(case: Case, process: Process | None, test: Nats, training: Nats) -> str:
    """The first cause that the numbers allow. Chance, one half for every pixel, is 44.4 nats."""
    steps = process.num_steps if process else 0
    if process and not steps and test.reconstruction > 40:
        return _NO_STEP
    if process and process.empty > 0.9:
        return _NOT_TRAINED if process.left else NO_GRADIENT
    if test.reconstruction > 60 and test.at_the_mean > 60 and (not process or process.lr < 0.015):
        return _UPHILL
    if otherwise := trained_otherwise(case, process):
        return otherwise
    if process and steps < 0.75 * case["num_steps"]:
        return _FEW_STEPS
    if test.reconstruction > 1.5 * test.at_the_mean:
        return _SQUASHED
    if test.kl > 40:
        return _NO_KL
    if process and process.lr > 0.015:
        return _LARGE_STEPS
    if process and process.lr < 1e-3:
        return _SMALL_STEPS
    if test.reconstruction > 40:
        return _NOT_TRAINED
    if loss := other_loss(process, training):
        return loss
    if test.kl > 7:
        return _LITTLE_KL
    if test.kl < 0.3:
        first = process.losses[0].item() if process and len(process.losses) else 40.0
        return _COLLAPSED if first > 10 else _PIXEL_MEAN
    return _TOO_SHORT


def _as_drawn(model: MLPVAE, x: Tensor, shown: Tensor) -> bool:
    """Whether the last cell's pictures are what these parameters make."""
    with torch.random.fork_rng(devices=[]):
        made = drawn(model, x[:NUM_SHOWN])
    return shown.shape == made.shape and torch.allclose(shown.double(), made.double(), rtol=1e-3, atol=1e-4)


TRAIN_VAE = Task(
    name="train_vae",
    points=4,
    cases=_training_cases,
    probe=trained_vae,
    reference=train,
    alternatives=(_by_epochs,),
    measure=measure,
    public_in_grading=False,
    mistakes=(
        Mistake(lambda x, num_steps, seed: MLPVAE(_NUM_PIXELS, 2 * _HIDDEN_DIM, _LATENT_DIM), _OTHER_NETWORK),
        Mistake(_nan, _NOT_FINITE),
        Mistake(_without_a_step, _NO_STEP),
        Mistake(_other_returned, _NOT_TRAINED),
        Mistake(partial(train, draw=lambda x: x), _GREY),
        Mistake(partial(train, draw=lambda x: (x > 0.5).float()), _CUT_AT_HALF),
        Mistake(partial(train, once=binarize, draw=lambda x: x), _ONE_DRAW),
        Mistake(partial(train, once=lambda x: x[:128]), _FEW_IMAGES),
        Mistake(partial(train, clear="never"), UNCLEARED),
        Mistake(lambda x, num_steps, seed: train(x, 2 * num_steps, seed), _MORE_STEPS),
        Mistake(partial(train, reduction=torch.sum), _SUMMED),
        Mistake(partial(train, pixels=1 / _NUM_PIXELS), _PIXEL_MEAN),
        Mistake(partial(train, kl_weight=0.5), _OTHER_BETA),
        Mistake(lambda x, num_steps, seed: train(x, 150, seed, sign=-1), _UPHILL),
        Mistake(partial(train, noise=0.0), _NO_NOISE),
        Mistake(partial(train, sample=Tensor.detach), _CUT),
        Mistake(partial(train, kl_weight=8.0), _COLLAPSED),
        Mistake(partial(train, noise=2.0), _OTHER_SCALE),
        Mistake(partial(train, same_noise=True), _ONE_NOISE),
        Mistake(lambda x, num_steps, seed: train(x, num_steps, seed, clear="late"), NO_GRADIENT),
        Mistake(partial(train, kl_weight=0.0), _NO_KL),
        Mistake(lambda x, num_steps, seed: train(x, 150, seed), _FEW_STEPS),
        Mistake(partial(train, lr=3e-4), _SMALL_STEPS),
        Mistake(partial(train, lr=0.05), _LARGE_STEPS),
        Mistake(lambda x, num_steps, seed: _Loud(train(x, num_steps, seed)), _NOT_SHOWN),
    ),
)
