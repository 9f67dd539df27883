r"""A conditional VAE whose decoder forgot the label, repaired. Its parameters come back and are measured.

The bound is that of :math:`\log p(x|y)` with N(0, I) as prior for every label (Sohn et al. 2015, "Learning structured
output representation using deep conditional generative models"). The friend's training has two faults: labels of other
images, so that they say nothing, and a KL that is averaged over the code's numbers, so that the code may say the class,
and the label needn't.

Over 4 seeds the reference at 600 steps reaches a -ELBO of 20.7 to 21.0 nats per test image, and all but 1 % of its
pictures are of the class that was asked for. Codes that say nothing leave 22.0. Labels of other images: 23.7, and 2 %
are of the class. A KL that is averaged over 8 numbers: 27, and a third to 60 %.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import binarize, load
from course_lib.models import mlp, reparameterize
from course_lib.objectives import kl_standard_normal
from course_lib.probes.ex06 import CODES, LATENT_DIM, NUM_CLASSES, NUM_PIXELS, trained_with_labels
from course_lib.probes.training import Process, split
from course_lib.tasks.core import Case, Mistake, Outputs, Task, Verdict, generator
from course_lib.tasks.training import NO_GRADIENT, UNCLEARED

NUM_STEPS = 600
ASKED = 0.9  # of the swapped pictures must be read as the class that was asked for
THRESHOLD = 21.5  # nats per test image
_NUM_DRAWS = 4
_CHANCE = 35.0  # nats of an image, which an untrained network leaves 44 of

_OTHER_NETWORK = "another network came back. Make it with new_label_vae(seed), and return the model itself."
_NOT_FINITE = (
    "training ran off to infinity or nan. A smaller learning rate helps, and logits in a stable cross-entropy."
)
_NO_STEP = (
    "no optimiser took a step. Each step needs zero_grad(), backward() and optimizer.step(), with parentheses."
)
_NOT_TRAINED = (
    "the network knows no more than an untrained one, though an optimiser took steps. It needs the parameters of the "
    "very "
    "model that you return: make the model once, before the loop."
)
_UPHILL = "the loss was pushed up instead of down: a sign is turned round."
_BOTH = (
    "both faults are still there: the labels belong to other images than those of the batch, and the codes are too "
    "cheap. Look at how a batch is picked, then at each sum and mean."
)
_PAIRS = (
    "one fault is left: the labels belong to other images than those of the batch. To a decoder they are noise then, "
    "and "
    "it learns to pay no attention. One index picks both."
)
_CHEAP = (
    "one fault is left: the codes are too cheap, so they say the class too, and the label needn't. Each number of a "
    "code "
    "adds to the KL: sum over them, and take the mean over images only."
)
_DEAR = (
    "the codes are too dear, or cut off: they say next to nothing, so that all pictures of a class are alike. Pixels "
    "and "
    "the numbers of a code are added up; only images are averaged."
)
_DECODER_LABELS = (
    "the encoder gets the right labels, and still the decoder pays them no attention: it was given others, or always "
    "the "
    "same ones. Both get the labels of the batch."
)
_ENCODER_LABELS = (
    "the encoder was given other labels than the batch has. Without them it can't leave out of the code what the label "
    "says: both get the labels of the batch."
)
_CUT = (
    "codes came to the decoder without a gradient, so the encoder learns nothing from the image. Something cuts the "
    "path: "
    "detach(), no_grad, .data or .sample()."
)
_NO_NOISE = (
    "codes came to the decoder without noise, the mean in place of a draw: codes from the prior are strange to it. "
    "Draw "
    "with noise from torch.randn_like(mu)."
)
_OTHER_SCALE = (
    "the noise in the codes hasn't the scale that mu and logvar say: it should be exp(0.5 * logvar), the standard "
    "deviation, times standard normal noise."
)
_ONE_NOISE = "every step used the same noise. Draw it anew, inside the loop."
_GREY = (
    "the network was given grey pixels. The likelihood is a Bernoulli's, so images are drawn black and white, anew "
    "in each "
    "step: torch.bernoulli(x[index])."
)
_ONCE = (
    "the images were made black and white once, before the training. Draw them anew in each step, inside the loop: "
    "only then does a grey pixel count as a probability."
)
_FEW_IMAGES = "the network was given only a few of the images in x. Draw each batch at random from all of them."
_FEW_STEPS = "it took fewer steps than num_steps asks for: it learned, but not far enough."
_MORE_STEPS = "it took far more steps than num_steps asks for, so what came out can't be compared."
_SMALL_STEPS = "the steps are too small: it learned, but not far enough. Adam with about 3e-3 was asked for."
_LARGE_STEPS = "the steps are too large: the loss jumps about. Adam with about 3e-3 was asked for."
_SMALL_BATCH = "the batches are small, so the gradients are noisy. About 128 images in each step were asked for."
_NOT_YET = (
    "it learns, but not far enough, and number of steps, learning rate, batches and noise aren't the reason. Is the "
    "loss "
    "the cross-entropy summed over pixels plus the KL summed over the code, the mean over images?"
)


class LabelVAE(nn.Module):
    """The network that the exercise hands out: binary images (B, 64) with labels to codes (B, 8) and back to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = mlp([NUM_PIXELS + NUM_CLASSES, 128, 2 * LATENT_DIM])
        self.decoder = mlp([LATENT_DIM + NUM_CLASSES, 128, NUM_PIXELS])

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """mu and logvar of q(z|x, y)."""
        mu, logvar = self.encoder(torch.cat([x, F.one_hot(y, NUM_CLASSES).float()], 1)).chunk(2, 1)
        return mu, logvar

    def decode(self, z: Tensor, y: Tensor) -> Tensor:
        """The logits of p(x|z, y)."""
        logits: Tensor = self.decoder(torch.cat([z, F.one_hot(y, NUM_CLASSES).float()], 1))
        return logits


def new_label_vae(seed: int) -> LabelVAE:
    """The untrained network of a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return LabelVAE()


@cache
def digits(split: str) -> tuple[Tensor, Tensor]:
    """The real 8x8 digits, grey levels in [0, 1], (N, 64), and their labels."""
    data = load("digits", split)
    assert data.y is not None
    return data.x.flatten(1), data.y


def _cases(seed: int) -> list[Case]:
    """Twelve hundred of the training images, in an order of their own."""
    x, y = digits("train")
    chosen = torch.randperm(len(x), generator=generator(seed))[:1200]
    return [{"x": x[chosen], "y": y[chosen], "num_steps": NUM_STEPS, "seed": seed % 1000}]


Change = Callable[[Tensor], Tensor]


def _as_it_is(x: Tensor) -> Tensor:
    return x


def train_with_labels(
    x: Tensor,
    y: Tensor,
    num_steps: int,
    seed: int,
    *,
    lr: float = 3e-3,
    batch: int = 128,
    paired: bool = True,
    sign: float = 1.0,
    pixels: float = 1.0,
    kl_weight: float = 1.0,
    images: Change = torch.bernoulli,
    encoder_labels: Change = _as_it_is,
    decoder_labels: Change = _as_it_is,
    noise: Change = _as_it_is,
    sample: Change = _as_it_is,
    same_noise: bool = False,
    clear: str = "first",
    returned: Callable[[LabelVAE], Any] = lambda model: model,
) -> Any:
    """A conditional VAE by the book; what the names after the star change are mistakes."""
    model = new_label_vae(seed)
    torch.manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    eps = torch.randn(batch, LATENT_DIM)
    for _ in range(num_steps):
        index = torch.randint(len(x), (batch,))
        other = index if paired else torch.randint(len(x), (batch,))
        images_now, labels = images(x[index]), y[other]
        mu, logvar = model.encode(images_now, encoder_labels(labels))
        eps = eps if same_noise else torch.randn_like(mu)
        z = sample(reparameterize(mu, logvar, noise(eps)))
        logits = model.decode(z, decoder_labels(labels))
        bits = F.binary_cross_entropy_with_logits(logits, images_now, reduction="none").sum(1)
        loss = sign * (pixels * bits + kl_weight * kl_standard_normal(mu, logvar)).mean()
        if clear == "first":
            optimizer.zero_grad()
        loss.backward()
        if clear == "late":
            optimizer.zero_grad()
        optimizer.step()
    return returned(model)


def _by_epochs(x: Tensor, y: Tensor, num_steps: int, seed: int) -> LabelVAE:
    """Another style: shuffled epochs, PyTorch's distributions."""
    source, model = generator(seed), new_label_vae(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    batches = [b for _ in range(num_steps // 10 + 1) for b in torch.randperm(len(x), generator=source).split(120)]
    for index in batches[:num_steps]:
        image = binarize(x[index])
        mu, logvar = model.encode(image, y[index])
        q = torch.distributions.Normal(mu, logvar.mul(0.5).exp())
        fits = torch.distributions.Bernoulli(logits=model.decode(q.rsample(), y[index])).log_prob(image).sum()
        prior = torch.distributions.Normal(0.0, 1.0)
        loss = (torch.distributions.kl_divergence(q, prior).sum() - fits) / len(index)
        model.zero_grad()
        loss.backward()
        optimizer.step()
    return model


@dataclass(frozen=True)
class Worth:
    """Nats per test image for image and code; the share of pictures, drawn of a test image's code and another label,
    that are read as that label, and the share of the labels in what is drawn of such codes."""

    image: float
    code: float
    asked: float
    share: float

    @property
    def loss(self) -> float:
        """-ELBO of log p(x|y)."""
        return self.image + self.code


def worth(model: LabelVAE) -> Worth:
    """Measured on the test digits; the reader is a vote of the five nearest training digits, right on 98 % of them."""
    x, y = digits("test")
    source = generator(1)
    with torch.no_grad():
        x = x.expand(_NUM_DRAWS, *x.shape).flatten(0, 1)
        y = y.repeat(_NUM_DRAWS)
        images = binarize(x, source)
        mu, logvar = model.encode(images, y)
        z = reparameterize(mu, logvar, torch.randn(mu.shape, generator=source))
        bits = F.binary_cross_entropy_with_logits(model.decode(z, y), images, reduction="none").sum(1).mean()
        code = kl_standard_normal(mu, logvar).mean()
        few = mu[: len(mu) // _NUM_DRAWS]
        other = (y[: len(few)] + 1 + torch.randint(9, (len(few),), generator=source)) % NUM_CLASSES
        asked = (_read(model.decode(few, other).sigmoid()) == other).double().mean()
        labels = [torch.full((len(few),), c) for c in range(NUM_CLASSES)]
        p = torch.stack([model.decode(few, c).sigmoid() for c in labels], dim=1)
        share = p.var(1, correction=0).mean(0).sum() / p.flatten(0, 1).var(0, correction=0).sum()
    return Worth(*(value.item() for value in (bits, code, asked, share)))


def _read(pictures: Tensor) -> Tensor:
    x, y = digits("train")
    return y[torch.cdist(pictures, x).topk(5, largest=False).indices].mode(1).values


def measure(case: Case, outputs: Outputs) -> Verdict:
    """Passes a network that draws what it is asked for, with a -ELBO of at most ``THRESHOLD``, trained as asked."""
    own, process, _ = split(outputs, NUM_PIXELS + NUM_CLASSES)
    model = new_label_vae(0)
    if {name: x.shape for name, x in own.items()} != {name: x.shape for name, x in model.state_dict().items()}:
        return Verdict("wrong", "The parameters that came back don't fit the network.", _OTHER_NETWORK)
    if not all(x.is_floating_point() and bool(x.isfinite().all()) for x in own.values()):
        return Verdict("wrong", "There are parameters that aren't finite numbers.", _NOT_FINITE)
    model.load_state_dict(own)
    test = worth(model)
    enough = test.asked >= ASKED and test.loss <= THRESHOLD
    message = (
        f"Drawn of a test digit's code and another label, {test.asked:.0%} of the pictures are read as that label; at "
        f"least {ASKED:.0%} should be. The label's share is {test.share:.2f}. -ELBO is {test.loss:.2f} nats per test "
        f"image "
        f"({test.image:.2f} for the image, {test.code:.2f} for the code), and should be at most {THRESHOLD:g}."
    )
    codes = outputs.get(CODES, torch.full((4,), float("nan")))
    if codes.shape != (4,):
        codes = torch.full((4,), float("nan"))
    otherwise = _otherwise(case, process, codes)
    if enough and not otherwise and process is not None and _paired(process) < 0.5:
        otherwise = _ENCODER_LABELS
    if enough:
        return Verdict("wrong", message, otherwise) if otherwise else Verdict("right")
    return Verdict("wrong", message, _stopped(process, test) or otherwise or _diagnosis(process, test))


def _paired(process: Process) -> float:
    """The share of the images that the encoder was given which are read as the label beside them."""
    rows = process.rows.float()
    given = rows[:, NUM_PIXELS:].argmax(1)
    return (_read(rows[:, :NUM_PIXELS]) == given).double().mean().item()


def _stopped(process: Process | None, test: Worth) -> str:
    """Why nothing was learned at all; empty if something was."""
    if process is None or not process.num_steps:
        return _NO_STEP
    if process.empty > 0.5:
        return NO_GRADIENT
    if test.loss > 200:
        return _UPHILL
    if test.image > _CHANCE and test.asked < 0.2 and process.uncleared < 0.5 and 5e-4 < process.lr < 0.05:
        return _NOT_TRAINED
    return ""


def _otherwise(case: Case, process: Process | None, codes: Tensor) -> str:
    """What was done otherwise than asked, whatever came of it; empty if nothing was, or nothing was seen."""
    if process is None or not process.num_steps:
        return _NO_STEP
    x, num_steps = case["x"], int(case["num_steps"])
    assert isinstance(x, Tensor)
    _, cut, size, alike = codes.tolist()
    seen = (
        (process.uncleared > 0.5, UNCLEARED),
        (process.lr > 0.05, _LARGE_STEPS),
        (process.num_steps > 1.5 * num_steps, _MORE_STEPS),
        (process.num_steps < 0.6 * num_steps, _FEW_STEPS),
        (process.lr < 5e-4, _SMALL_STEPS),
        (process.binary < 0.5 and process.num_distinct < 0.2 * len(x), _FEW_IMAGES),
        (process.binary < 0.5, _GREY),
        (process.num_rows > 3 * len(x) and process.num_distinct <= 1.05 * len(x), _ONCE),
        (cut > 0.9, _CUT),
        (size < 0.05, _NO_NOISE),
        (alike > 0.9, _ONE_NOISE),
        (size < 0.7 or size > 1.4, _OTHER_SCALE),
        (process.batch_size < 20, _SMALL_BATCH),
    )
    return next((hint for found, hint in seen if found), "")


def _diagnosis(process: Process | None, test: Worth) -> str:
    """The first cause that the numbers allow, of a training that went as asked."""
    cheap = test.code > 8
    if process is not None and _paired(process) < 0.5:
        if test.share > 0.3:
            return _ENCODER_LABELS
        return _BOTH if cheap else _PAIRS
    if test.share < 0.05:
        return _DECODER_LABELS
    if cheap:
        return _CHEAP
    return _DEAR if test.code < 0.6 else _NOT_YET


def _untrained(x: Tensor, y: Tensor, num_steps: int, seed: int) -> LabelVAE:
    train_with_labels(x, y, num_steps, seed)
    return new_label_vae(seed)


def _nan(model: LabelVAE) -> LabelVAE:
    nn.init.constant_(next(model.parameters()), float("nan"))
    return model


def _few(factor: float) -> Callable[..., Any]:
    return lambda x, y, num_steps, seed: train_with_labels(x, y, round(factor * num_steps), seed)


def _drawn_once(x: Tensor, y: Tensor, num_steps: int, seed: int) -> Any:
    torch.manual_seed(seed)
    return train_with_labels(torch.bernoulli(x), y, num_steps, seed, images=_as_it_is)


def _wrong(**parts: Any) -> Callable[..., Any]:
    return partial(train_with_labels, **parts)


TRAIN_WITH_LABELS = Task(
    name="train_with_labels",
    points=3,
    cases=_cases,
    reference=train_with_labels,
    alternatives=(_by_epochs,),
    probe=trained_with_labels,
    measure=measure,
    public_in_grading=False,
    mistakes=(
        Mistake(_wrong(returned=lambda model: model.decoder), _OTHER_NETWORK),
        Mistake(_wrong(returned=_nan), _NOT_FINITE),
        Mistake(lambda x, y, num_steps, seed: new_label_vae(seed), _NO_STEP),
        Mistake(_wrong(clear="late"), NO_GRADIENT),
        Mistake(_untrained, _NOT_TRAINED),
        Mistake(_wrong(sign=-1.0), _UPHILL),
        Mistake(_wrong(clear="never"), UNCLEARED),
        Mistake(_wrong(paired=False, kl_weight=1 / LATENT_DIM), _BOTH),
        Mistake(_wrong(paired=False), _PAIRS),
        Mistake(_wrong(kl_weight=1 / LATENT_DIM), _CHEAP),
        Mistake(_wrong(pixels=1 / NUM_PIXELS), _DEAR),
        Mistake(_wrong(decoder_labels=torch.zeros_like), _DECODER_LABELS),
        Mistake(_wrong(encoder_labels=lambda y: y[torch.randperm(len(y))]), _ENCODER_LABELS),
        Mistake(_wrong(sample=Tensor.detach), _CUT),
        Mistake(_wrong(noise=torch.zeros_like), _NO_NOISE),
        Mistake(_wrong(noise=lambda eps: 2 * eps), _OTHER_SCALE),
        Mistake(_wrong(same_noise=True), _ONE_NOISE),
        Mistake(_wrong(images=_as_it_is), _GREY),
        Mistake(_drawn_once, _ONCE),
        Mistake(
            lambda x, y, num_steps, seed: train_with_labels(x[:64], y[:64], num_steps, seed, images=_as_it_is),
            _FEW_IMAGES,
        ),
        Mistake(_few(0.1), _FEW_STEPS),
        Mistake(_few(3), _MORE_STEPS),
        Mistake(_wrong(lr=1e-4), _SMALL_STEPS),
        Mistake(_wrong(lr=0.2), _LARGE_STEPS),
        Mistake(_wrong(batch=4), _SMALL_BATCH),
    ),
)
