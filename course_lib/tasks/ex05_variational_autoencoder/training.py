r"""A small VAE of grey levels with a prior for each digit. Its parameters come back; the ELBO is measured here.

The bound is that of :math:`\log p(x|y)`: a code from the prior of the digit y (Kingma et al. 2014, arXiv:1406.5298,
without the label in encoder and decoder).

The threshold: over 16 secrets the reference reaches a -ELBO of 93.7 to 94.4 nats per test image. Priors that are never
trained give 95.8, labels of other images 96.0, half the weight on the codes 96.7, four tenths of the steps 98.3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from course_lib.data import load
from course_lib.models import mlp, reparameterize
from course_lib.probes.ex05 import NUM_LEVELS, drawn_in_grey, trained_grey_vae
from course_lib.probes.training import NUM_SHOWN, Process, split
from course_lib.tasks.core import Case, Mistake, Outputs, Task, Verdict, generator
from course_lib.tasks.ex05_variational_autoencoder.divergence import gaussian_kl
from course_lib.tasks.ex05_variational_autoencoder.likelihood import grey_log_likelihood
from course_lib.tasks.training import NO_GRADIENT, UNCLEARED, in_numbers

THRESHOLD = 95.0  # nats per test image
NUM_STEPS, BETA, FREE_NATS = 500, 1.0, 0.1
NUM_PIXELS, HIDDEN_DIM, LATENT_DIM, NUM_DIGITS = 64, 128, 8, 10
_NUM_DRAWS = 4  # of the code, for each test image
_CHANCE = 181.3  # nats: 64 log 17
_HALF_WAY = 100.0  # nats: with the labels of other images 96 are left, after 150 steps 103
_FEW, _OTHER, _FLOOR = 20, 3.0, 2.0  # steps, beta and free nats of the second training: its codes cost 48 nats


_OTHER_NETWORK = (
    "another network came back. Make it with new_grey_vae(seed), and return the model itself, its priors included."
)
_NOT_FINITE = (
    "training ran off to infinity or nan. A smaller learning rate helps; so does a stable likelihood (task 2)."
)
_NO_STEP = (
    "no optimiser took a step. Each step needs zero_grad(), backward() and optimizer.step(), with parentheses."
)
_NOT_TRAINED = (
    "the network knows no more than an untrained one, though an optimiser took steps. It needs the parameters "
    "of the very model that you return: make the model once, before the loop."
)
_PRIOR_FIXED = (
    "the priors are as new_grey_vae(seed) made them: they were never trained. The loss needs mu_p and logvar_p "
    "from model.prior(...), with their gradient, and the optimiser all of model.parameters()."
)
_LABELS = (
    "the priors know nothing of their digits: another digit's prior would do as well. Every image goes with "
    "its own label, so the index that picks the batch from x has to pick the labels from y."
)
_SCALED = (
    "the network was given levels that were divided by 16 before. model.encode takes the levels 0 to 16 as "
    "they are, and scales them itself."
)
_FEW_IMAGES = "the network was given only a few of the images in x. Draw each batch at random from all of them."
_MORE_STEPS = (
    "it took far more steps than num_steps asks for, so what came out can't be compared. Count the steps, not the "
    "epochs."
)
_SUMMED = (
    "the loss was summed over the batch. grey_loss is a mean over images: only then do learning rate and loss not "
    "depend on the batch size."
)
_PIXEL_MEAN = (
    "the image's part of the loss was averaged over pixels, so that its 181 nats at the start became 2.8 and "
    "the codes outweigh it. It is a sum over pixels; only images are averaged."
)
_OTHER_BETA = (
    "the codes were weighted by another beta than the one that was given. It is the weight of the codes' "
    "price, and stands before nothing else."
)
_UPHILL = "the loss was pushed up instead of down: a sign is turned round."
_NO_NOISE = (
    "codes came to the decoder without noise: the mean of the posterior in place of a sample. Draw one in "
    "every step, with noise from torch.randn_like(mu)."
)
_ONE_NOISE = (
    "every step used the same noise. The decoder then learns to undo it, and codes from the prior are strange "
    "to it: draw the noise anew, inside the loop."
)
_SHARED_NOISE = (
    "all latent dimensions got the same noise. Each needs its own: torch.randn_like(mu) has mu's shape, (B, 8)."
)
_OTHER_SCALE = (
    "the noise in the codes hasn't the scale that mu and logvar say: it should be exp(0.5 * logvar), the standard "
    "deviation, times standard normal noise."
)
_CUT = (
    "codes came to the decoder without a gradient, so the encoder learns nothing from the image. Something "
    "cuts the path (detach(), no_grad, .data, .sample()), or the code isn't made of mu and logvar at all."
)
_MANY_OPTIMIZERS = (
    "a new optimiser took every step or so. Adam's running averages then start anew each time: make it once, "
    "before the loop."
)
_NOT_OF_IMAGE = (
    "the codes that the decoder was given aren't made of mu and logvar of the images: priors belong into the loss "
    "only. Draw z from the posterior, or the decoder never learns which code is which image."
)
_NOT_ITS_MEAN = (
    "the codes that the decoder was given don't have the posterior's mean: no gradient comes through them to mu_q. "
    "A code is made of mu_q and logvar_q of its image; priors belong into the loss only."
)
_NOT_ITS_WIDTH = (
    "the codes that the decoder was given get no width from logvar_q: no gradient comes through them to it. It "
    "is another one's width, as the prior's, or it is cut off."
)
_BATCH_NOISE = (
    "all images of a batch got the same noise. Each needs its own: torch.randn_like(mu) has mu's shape, (B, 8)."
)
_EXCHANGED = (
    "posterior and prior changed places in the loss: grey_loss takes mu_q and logvar_q, of the encoder, before mu_p "
    "and logvar_p, of the prior."
)
_OTHER_LEVELS = (
    "the loss was given other levels than the images have: whole numbers from 0 to 16, as they are in x. Divided by "
    "16 nearly all of them are 0."
)
_OTHER_GIVEN = (
    "the loss went down, but the network that came back leaves far more on the same images: the loss was given "
    "something else than the logits of this network's codes and the levels as they are in x."
)
_SMALL_BATCH = (
    "the batches are small: as many steps have then seen fewer images, and the gradients are noisier. About 128 "
    "images in each step were asked for."
)
_LARGE_BATCH = "the batches are large: about 128 random images in each step were asked for."
_STEPS_FIXED = (
    "num_steps plays no part, or not alone: a second training, with another num_steps, took another number of steps "
    "than that."
)
_SEED_FIXED = (
    "seed plays no part: a second training, with another seed, didn't begin with the weights of "
    "new_grey_vae(seed). Make the network by just that call."
)
_BETA_FIXED = (
    "beta plays no part: in a second training, with another beta, the codes' price had the weight 1. Give the loss "
    "the argument, not a number."
)
_FREE_FIXED = (
    "free_nats plays no part: in a second training, with more of them, the codes' price lay below its floor. Give "
    "the loss the argument, not a number."
)
_OTHER_PRICE = (
    "the codes' price in a second training, with another beta and other free nats, isn't what these make of it. "
    "Give both to grey_loss as they are, each once."
)
_COLLAPSED = (
    "the codes say no more than the digit does. Either their price outweighs the image (does beta count once, "
    "and is the image's part a sum over pixels?), or the decoder has no use for them: z has to be made of the "
    "very images that the loss is given."
)
_SQUASHED = (
    "the network is sure of wrong levels, though its loss went down: the likelihood was given something else "
    "than the logits of these codes. No softmax before it."
)
_NO_KL = (
    "the price of the codes plays no part in the loss: they say as much as they like, and nothing draws them "
    "to their prior."
)
_FEW_STEPS = "it took fewer steps than num_steps asks for: it learned, but not far enough."
_SMALL_STEPS = "the steps are too small: it learned, but not far enough. Adam with about 3e-3 was asked for."
_LARGE_STEPS = (
    "the steps are too large: the loss jumps about. Adam with a learning rate of about 3e-3 was asked for."
)
_TOO_SHORT = (
    "it learns, but not far enough, and number of steps, learning rate and the size of batches aren't the reason. "
    "Does the loss get the logits and the levels of the images that were encoded? Is the optimiser Adam, made once, "
    "before the loop?"
)
_NOT_SHOWN = (
    "the parameters are good, but the model that came back can't be used as the last cell does, or draws "
    "something else than they make. Return new_grey_vae's model itself, on the CPU and in float32."
)


class GreyVAE(nn.Module):
    """The network that the exercise hands out: levels (B, 64) to codes (B, 8) to logits (B, 17, 64)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = mlp([NUM_PIXELS, HIDDEN_DIM, 2 * LATENT_DIM])
        self.decoder = mlp([LATENT_DIM, HIDDEN_DIM, NUM_LEVELS * NUM_PIXELS])
        self.prior_mu = nn.Parameter(0.1 * torch.randn(NUM_DIGITS, LATENT_DIM))
        self.prior_logvar = nn.Parameter(torch.zeros(NUM_DIGITS, LATENT_DIM))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """mu and logvar of q(z|x)."""
        mu, logvar = self.encoder(x / (NUM_LEVELS - 1)).chunk(2, dim=1)
        return mu, logvar

    def prior(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """mu and logvar of p(z|y)."""
        return self.prior_mu[y], self.prior_logvar[y]

    def decode(self, z: Tensor) -> Tensor:
        """The logits of p(x|z)."""
        logits: Tensor = self.decoder(z).unflatten(1, (NUM_LEVELS, NUM_PIXELS))
        return logits


def new_grey_vae(seed: int) -> GreyVAE:
    """The untrained network of a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return GreyVAE()


@cache
def digits(split: str) -> tuple[Tensor, Tensor]:
    """The real 8x8 digits as integer grey levels 0 to 16, (N, 64), and their labels, (N,)."""
    data = load("digits", split)
    assert data.y is not None
    return (data.x.flatten(1) * (NUM_LEVELS - 1)).round().long(), data.y


def _cases(seed: int) -> list[Case]:
    """Twelve hundred of the training images, in an order of their own; and the same for a few steps, with other
    numbers."""
    x, y = digits("train")
    chosen = torch.randperm(len(x), generator=generator(seed))[:1200]
    given: dict[str, Tensor | int | float] = {"x": x[chosen], "y": y[chosen], "num_steps": NUM_STEPS}
    other = {"num_steps": _FEW, "seed": 1 + (seed + 500) % 1000, "beta": _OTHER, "free_nats": _FLOOR}
    return [given | {"seed": seed % 1000, "beta": BETA, "free_nats": FREE_NATS}, given | other]


Change = Callable[[Tensor], Tensor]


def _as_it_is(x: Tensor) -> Tensor:
    return x


def train(
    x: Tensor,
    y: Tensor,
    num_steps: int,
    seed: int,
    beta: float,
    free_nats: float,
    *,
    lr: float = 3e-3,
    sign: float = 1.0,
    noise: float = 1.0,
    pixels: float = 1.0,
    images: Change = _as_it_is,
    labels: Change = _as_it_is,
    encoded: Change = _as_it_is,
    prior: Change = _as_it_is,
    sample: Change = _as_it_is,
    decoded: Change = _as_it_is,
    reduction: Callable[[Tensor], Tensor] = torch.mean,
    clear: str = "first",
    same_noise: bool = False,
    share: Change = _as_it_is,
    targets: Change = _as_it_is,
    new_optimizers: bool = False,
    batch: int = 128,
    swapped: bool = False,
    codes: Callable[..., tuple[Tensor, Tensor]] = lambda mu_q, logvar_q, mu_p, logvar_p: (mu_q, logvar_q),
) -> GreyVAE:
    """A VAE by the book; what the names after the star change are the mistakes."""
    model = new_grey_vae(seed)
    torch.manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    x = images(x)
    eps = torch.randn(batch, LATENT_DIM)
    for _ in range(num_steps):
        if new_optimizers:
            optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        index = torch.randint(len(x), (batch,))
        q = model.encode(encoded(x[index]))
        p = tuple(map(prior, model.prior(labels(y[index]))))
        eps = eps if same_noise else torch.randn_like(q[0])
        z = sample(reparameterize(*codes(*q, *p), noise * share(eps)))
        log_p = pixels * grey_log_likelihood(decoded(model.decode(z)), targets(x[index]))
        price = gaussian_kl(*(p + q if swapped else q + p)).mean(0).clamp(min=free_nats).sum()
        loss = sign * reduction(beta * price - log_p)
        if clear == "first":
            optimizer.zero_grad()
        loss.backward()
        if clear == "late":
            optimizer.zero_grad()
        optimizer.step()
    return model


def _by_epochs(x: Tensor, y: Tensor, num_steps: int, seed: int, beta: float, free_nats: float) -> GreyVAE:
    """The same in another style: shuffled epochs, PyTorch's distributions and cross-entropy."""
    source = generator(seed)
    model = new_grey_vae(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    batches = [b for _ in range(num_steps // 10 + 1) for b in torch.randperm(len(x), generator=source).split(120)]
    for index in batches[:num_steps]:
        mu, logvar = model.encode(x[index])
        mu_p, logvar_p = model.prior(y[index])
        q, p = Normal(mu, logvar.mul(0.5).exp()), Normal(mu_p, logvar_p.mul(0.5).exp())
        bits = F.cross_entropy(model.decode(q.rsample()), x[index], reduction="sum")
        loss = bits / len(index) + beta * kl_divergence(q, p).mean(0).clamp(min=free_nats).sum()
        model.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def _without_a_step(x: Tensor, y: Tensor, num_steps: int, seed: int, beta: float, free_nats: float) -> GreyVAE:
    model = new_grey_vae(seed)
    model.encode(x)
    return model


def _ignoring(**fixed: float) -> Callable[..., GreyVAE]:
    """A training in which these arguments have one value, whatever comes."""
    names = ("num_steps", "seed", "beta", "free_nats")
    return lambda x, y, *given: train(x, y, **(dict(zip(names, given, strict=True)) | fixed))


def _other_returned(x: Tensor, y: Tensor, num_steps: int, seed: int, beta: float, free_nats: float) -> GreyVAE:
    train(x, y, 20, seed, beta, free_nats)
    return new_grey_vae(seed)


def _steps(factor: float, sign: float = 1.0) -> Callable[..., GreyVAE]:
    """A training of so many times as many steps."""
    return lambda x, y, num_steps, seed, beta, free_nats: train(
        x, y, round(factor * num_steps), seed, beta, free_nats, sign=sign
    )


def _weighted(factor: float) -> Callable[..., GreyVAE]:
    """A training with so many times the weight on the codes."""
    return lambda x, y, num_steps, seed, beta, free_nats: train(x, y, num_steps, seed, factor * beta, free_nats)


class _Loud(GreyVAE):
    """The same parameters, other pictures."""

    def __init__(self, model: GreyVAE) -> None:
        super().__init__()
        self.load_state_dict(model.state_dict())

    def decode(self, z: Tensor) -> Tensor:
        return 10 * super().decode(z)


def _nan(x: Tensor, y: Tensor, num_steps: int, seed: int, beta: float, free_nats: float) -> GreyVAE:
    model = new_grey_vae(seed)
    nn.init.constant_(next(model.parameters()), float("nan"))
    return model


def measure(case: Case, outputs: Outputs) -> Verdict:
    """Passes a network whose -ELBO on the test digits is at most ``THRESHOLD``, trained as it was asked for."""
    own, process, shown = split(outputs, NUM_PIXELS)
    model = new_grey_vae(0)
    if {name: x.shape for name, x in own.items()} != {name: x.shape for name, x in model.state_dict().items()}:
        return Verdict("wrong", "The parameters that came back don't fit the network.", _OTHER_NETWORK)
    seen = f"\n{in_numbers(process)}" if process else ""
    if not all(x.is_floating_point() and bool(x.isfinite().all()) for x in own.values()):
        return Verdict("wrong", f"There are parameters that aren't finite numbers.{seen}", _NOT_FINITE)
    model.load_state_dict(own)
    if case["num_steps"] == _FEW:
        hint = _by_arguments(case, model, process)
        numbers = f"num_steps={_FEW}, seed={case['seed']}, beta={_OTHER:g}, free_nats={_FLOOR:g}"
        return (
            Verdict("wrong", f"The second training was called with {numbers}.{seen}", hint)
            if hint
            else Verdict("right")
        )
    x, y, seed = case["x"], case["y"], int(case["seed"])
    assert isinstance(x, Tensor)
    assert isinstance(y, Tensor)
    test = nats(model, *digits("test"), seed)
    loss = test.image + test.code
    message = (
        f"-ELBO is {loss:.2f} nats per test image ({test.image:.2f} for the image, {test.code:.2f} for the code; "
        f"{len(digits('test')[0])} images, {_NUM_DRAWS} draws each). It should be at most {THRESHOLD:g}"
        f"{', and is' if loss <= THRESHOLD else ''}.{seen}"
    )
    training = nats(model, x, y, seed)
    if loss <= THRESHOLD:
        otherwise = trained_otherwise(case, process) or other_loss(case, process, training)
        if not otherwise and (shown is None or not _as_drawn(model, x, shown)):
            otherwise = _NOT_SHOWN
        return Verdict("wrong", message, otherwise) if otherwise else Verdict("right")
    return Verdict("wrong", message, _diagnosis(case, model, process, test, training))


def _by_arguments(case: Case, model: GreyVAE, process: Process | None) -> str:
    """Which argument plays no part in a training of a few steps; empty if all do, or it can't be told.

    The network hardly moves in so few steps, so it resembles the one that it began with. No dimension's price has
    reached the floor in the first step: there all codes cost beta D free_nats, and the image chance.
    """
    steps, x = case["num_steps"], case["x"]
    assert isinstance(x, Tensor)
    fresh = new_grey_vae(int(case["seed"]))
    first, now = (nn.utils.parameters_to_vector(m.parameters()) for m in (fresh, model))
    if torch.equal(first, now) or (process and process.num_steps and not 0.5 < process.num_steps / steps < 1.5):
        return _STEPS_FIXED
    if F.cosine_similarity(first, now, dim=0) < 0.1:
        return _SEED_FIXED
    if process is None or not len(process.losses):
        return ""
    with torch.no_grad():
        image = -grey_log_likelihood(fresh.decode(fresh.encode(x)[0]), x).mean().item()
    passes = _passes(process)
    price, free = process.losses[:passes].sum().item() - image, LATENT_DIM * float(case["free_nats"])
    right = float(case["beta"]) * free
    if price < -2 or abs(price - right) < 0.15 * right or (passes > 1 and price > right):
        return ""
    if abs(price - free) < 0.15 * free:
        return _BETA_FIXED
    return _FREE_FIXED if price < 0.5 * free else _OTHER_PRICE


@dataclass(frozen=True)
class Nats:
    """Per image: -log p(x|z) at a drawn code, and what the code costs; with another digit's prior; with the price
    of every dimension at least the free nats; and with posterior and prior exchanged."""

    image: float
    code: float
    elsewhere: float
    floored: float
    exchanged: float


@torch.no_grad()
def nats(model: GreyVAE, x: Tensor, y: Tensor, seed: int) -> Nats:
    """What a model leaves on images x of the digits y."""
    q, p = model.encode(x), model.prior(y)
    price = gaussian_kl(*q, *p).double().mean(0)
    other = gaussian_kl(*q, *model.prior((y + 1) % NUM_DIGITS)).double().mean(0)
    exchanged = gaussian_kl(*p, *q).double().mean(0)
    floored = price.clamp(min=FREE_NATS).sum().item()
    image = _of_images(model, x, seed)
    return Nats(image, price.sum().item(), other.sum().item(), floored, exchanged.sum().item())


@torch.no_grad()
def _of_images(
    model: GreyVAE, x: Tensor, seed: int, decoded: Change = _as_it_is, targets: Change = _as_it_is
) -> float:
    """-log p(x|z) per image, at drawn codes; of changed logits or levels."""
    source = generator(seed)
    mu, logvar = model.encode(x)
    image = 0.0
    for _ in range(_NUM_DRAWS):
        z = reparameterize(mu, logvar, torch.randn(mu.shape, generator=source))
        image -= grey_log_likelihood(decoded(model.decode(z)), targets(x)).double().mean().item()
    return image / _NUM_DRAWS


def trained_otherwise(case: Case, process: Process | None) -> str:
    """What the exercise doesn't allow, whatever comes of it: other images, other steps; empty if nothing was seen."""
    x = case["x"]
    assert isinstance(x, Tensor)
    if process is None:
        return ""
    if process.rows.max() < 0.1:
        return _SCALED
    if process.num_distinct < 0.25 * len(x) and process.num_rows > 2 * process.num_distinct:
        return _FEW_IMAGES
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
    if process.from_mu < 0.5:
        return _NOT_OF_IMAGE if process.from_logvar < 0.5 else _NOT_ITS_MEAN
    if len(noise) < 20 or not bool(noise.isfinite().all()):
        return ""
    if noise.square().mean() < 1e-4:
        return _NO_NOISE
    if process.from_logvar < 0.5:
        return _NOT_ITS_WIDTH
    if noise.std(0).mean() < 0.05 * noise.abs().mean():
        return _ONE_NOISE
    if noise.std(1).mean() < 0.05:
        return _SHARED_NOISE
    if process.alike > 0.5:
        return _BATCH_NOISE
    return "" if 0.85 < noise.std() < 1.15 else _OTHER_SCALE


def _passes(process: Process) -> int:
    """The number of backward passes in a step: parts of a batch, or terms of the loss; their losses add up."""
    return max(1, round(len(process.losses) / max(process.num_steps, 1)))


def _last_loss(process: Process) -> float:
    """The loss of a step, over the last of them."""
    return process.losses[-40:].mean().item() * _passes(process)


def other_loss(case: Case, process: Process | None, training: Nats) -> str:
    """Which loss went downhill, read off its last values and what the network leaves on the training images.

    Empty if it was the one asked for, or can't be told: no loss was seen, or the code says nothing.
    """
    if process is None or len(process.losses) < 100 or training.code < 1:
        return ""
    loss, b = _last_loss(process), process.batch_size
    image, price = training.image, float(case["beta"]) * training.floored
    if _passes(process) > 1 and loss > 1.2 * (image + price):
        return ""
    for value, hint in (
        (b * (image + price), _SUMMED),
        (image / NUM_PIXELS + price, _PIXEL_MEAN),
        (image / NUM_PIXELS + price / LATENT_DIM, _PIXEL_MEAN),
    ):
        if abs(loss - value) < 0.05 * value and b > 2:
            return hint
    if training.exchanged < 1.2 * training.code and training.elsewhere > 2 * training.code:  # else 5 times as much
        return _EXCHANGED
    beta = (loss - image) / price
    if beta < 0.05:
        return _NO_KL
    return _OTHER_BETA if not 0.7 < beta < 1.4 and 0 < beta < 50 else ""


def _diagnosis(case: Case, model: GreyVAE, process: Process | None, test: Nats, training: Nats) -> str:
    """The first cause that the numbers allow. Chance, the same probability for every level, is 181.3 nats."""
    steps = process.num_steps if process else 0
    if process and not steps and test.image > 0.9 * _CHANCE:
        return _NO_STEP
    if process and process.empty > 0.9:
        return _NOT_TRAINED if process.left else NO_GRADIENT
    losses = process.losses if process and len(process.losses) else torch.full((1,), _CHANCE)
    last = losses[-20:].mean()
    if (last < 0 or last > 1.2 * losses[0]) and (not process or process.lr < 0.015):
        return _UPHILL
    if test.image > 0.9 * _CHANCE and last < 0.8 * _CHANCE and steps and _as_made(case, model):
        return _NOT_TRAINED
    if otherwise := trained_otherwise(case, process):
        return otherwise
    if process and steps < 0.75 * case["num_steps"]:
        return _FEW_STEPS
    if test.code > 40:
        return _NO_KL
    if test.image < 0.9 * _CHANCE and torch.equal(model.prior_mu, new_grey_vae(int(case["seed"])).prior_mu):
        return _PRIOR_FIXED
    if process and process.lr > 0.015:
        return _LARGE_STEPS
    if process and process.lr < 1e-3:
        return _SMALL_STEPS
    if given := _given_to_the_loss(case, model, process, training):
        return given
    if loss := other_loss(case, process, training):
        return loss
    if test.image + test.code < _HALF_WAY and training.elsewhere < 1.05 * training.code:
        return _LABELS
    if test.code < 1.2:
        return _COLLAPSED if losses[0] > 30 else _PIXEL_MEAN
    if process and not 64 <= process.batch_size <= 256:
        return _SMALL_BATCH if process.batch_size < 64 else _LARGE_BATCH
    return _TOO_SHORT


def _given_to_the_loss(case: Case, model: GreyVAE, process: Process | None, training: Nats) -> str:
    """What went into a loss that isn't this network's on these images: it fell further than the network leaves."""
    x, seed = case["x"], int(case["seed"])
    assert isinstance(x, Tensor)
    if process is None or len(process.losses) < 100:
        return ""
    loss, price = _last_loss(process), float(case["beta"]) * training.floored
    if loss > 0.8 * (training.image + price):
        return ""
    if not model.prior_logvar.any() and training.image > 0.9 * _CHANCE:
        return _NOT_TRAINED
    squashed = _of_images(model, x, seed, decoded=lambda logits: logits.softmax(1))
    divided = _of_images(model, x, seed, targets=lambda levels: levels // (NUM_LEVELS - 1))
    for image, hint in ((squashed, _SQUASHED), (divided, _OTHER_LEVELS)):
        if abs(loss - image - price) < 0.05 * loss + 0.5:
            return hint
    # below what the images alone leave: less than that a smaller beta explains
    return _OTHER_GIVEN if 5 < loss < 0.95 * training.image else ""


def _as_made(case: Case, model: GreyVAE) -> bool:
    """Whether these are the parameters of the untrained network."""
    fresh = new_grey_vae(int(case["seed"])).state_dict()
    return all(torch.equal(x, fresh[name]) for name, x in model.state_dict().items())


def _as_drawn(model: GreyVAE, x: Tensor, shown: Tensor) -> bool:
    """Whether the last cell's pictures are what these parameters make."""
    with torch.no_grad():
        made = drawn_in_grey(model, x[:NUM_SHOWN])
    return shown.shape == made.shape and torch.allclose(shown.double(), made.double(), rtol=1e-3, atol=1e-4)


TRAIN_GREY_VAE = Task(
    name="train_grey_vae",
    points=4,
    cases=_cases,
    probe=trained_grey_vae,
    reference=train,
    alternatives=(_by_epochs,),
    measure=measure,
    public_in_grading=False,
    mistakes=(
        Mistake(lambda x, y, num_steps, seed, beta, free_nats: new_grey_vae(seed).encoder, _OTHER_NETWORK),
        Mistake(_nan, _NOT_FINITE),
        Mistake(_without_a_step, _NO_STEP),
        Mistake(_other_returned, _NOT_TRAINED),
        Mistake(partial(train, images=lambda x: x[:128]), _FEW_IMAGES),
        Mistake(partial(train, encoded=lambda x: x / (NUM_LEVELS - 1)), _SCALED),
        Mistake(partial(train, labels=lambda y: y.roll(1)), _LABELS),
        Mistake(partial(train, prior=Tensor.detach), _PRIOR_FIXED),
        Mistake(partial(train, clear="never"), UNCLEARED),
        Mistake(partial(train, new_optimizers=True), _MANY_OPTIMIZERS),
        Mistake(_steps(2), _MORE_STEPS),
        Mistake(partial(train, reduction=torch.sum), _SUMMED),
        Mistake(partial(train, pixels=1 / NUM_PIXELS), _PIXEL_MEAN),
        Mistake(_weighted(0.5), _OTHER_BETA),
        Mistake(_steps(0.25, sign=-1), _UPHILL),
        Mistake(partial(train, noise=0.0), _NO_NOISE),
        Mistake(partial(train, sample=Tensor.detach), _CUT),
        Mistake(_weighted(30.0), _COLLAPSED),
        Mistake(partial(train, noise=2.0), _OTHER_SCALE),
        Mistake(partial(train, same_noise=True), _ONE_NOISE),
        Mistake(partial(train, share=lambda eps: eps[:, :1]), _SHARED_NOISE),
        Mistake(partial(train, share=lambda eps: eps[:1]), _BATCH_NOISE),
        Mistake(partial(train, codes=lambda mu_q, logvar_q, mu_p, logvar_p: (mu_p, logvar_p)), _NOT_OF_IMAGE),
        Mistake(partial(train, codes=lambda mu_q, logvar_q, mu_p, logvar_p: (mu_p, logvar_q)), _NOT_ITS_MEAN),
        Mistake(partial(train, codes=lambda mu_q, logvar_q, mu_p, logvar_p: (mu_q, logvar_p)), _NOT_ITS_WIDTH),
        Mistake(partial(train, swapped=True), _EXCHANGED),
        Mistake(partial(train, targets=lambda x: x // (NUM_LEVELS - 1)), _OTHER_LEVELS),
        Mistake(partial(train, batch=16), _SMALL_BATCH),
        Mistake(partial(train, batch=1000), _LARGE_BATCH),
        Mistake(_ignoring(num_steps=NUM_STEPS), _STEPS_FIXED),
        Mistake(_ignoring(seed=0), _SEED_FIXED),
        Mistake(_ignoring(beta=BETA), _BETA_FIXED),
        Mistake(_ignoring(free_nats=FREE_NATS), _FREE_FIXED),
        Mistake(
            lambda x, y, num_steps, seed, beta, free: train(x, y, num_steps, seed, beta**2, free), _OTHER_PRICE
        ),
        Mistake(partial(train, clear="late"), NO_GRADIENT),
        Mistake(_weighted(0.0), _NO_KL),
        Mistake(partial(train, decoded=lambda logits: logits.softmax(1)), _SQUASHED),
        Mistake(_steps(0.4), _FEW_STEPS),
        Mistake(partial(train, lr=3e-4), _SMALL_STEPS),
        Mistake(partial(train, lr=0.05), _LARGE_STEPS),
        Mistake(lambda *given: _Loud(train(*given)), _NOT_SHOWN),
    ),
)
