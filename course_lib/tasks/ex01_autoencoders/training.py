"""A small autoencoder of handwritten digits, trained by the learner and measured here on digits it hasn't seen."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn

from course_lib.data import load
from course_lib.models import Autoencoder, mlp
from course_lib.objectives import squared_error
from course_lib.probes.ex01 import trained_autoencoder
from course_lib.probes.training import NUM_SHOWN, Process, split
from course_lib.tasks.core import Case, Mistake, Outputs, Task, Verdict, generator
from course_lib.tasks.training import NO_GRADIENT, UNCLEARED, UPHILL, in_numbers

NUM_PIXELS, HIDDEN_DIM, LATENT_DIM = 64, 64, 4
NUM_TRAIN = 1200
THRESHOLD = 2.0
"""Squared grey levels per test image. PCA with four directions leaves 2.4, the mean image 4.7; a plain training loop
of some 2,000 steps leaves 1.6."""

Train = Callable[[Tensor, int], nn.Module]


def new_autoencoder(seed: int) -> Autoencoder:
    """The network that the exercise hands out: 64 pixels, 64 hidden units, 4 numbers, and back."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        encoder, decoder = mlp([NUM_PIXELS, HIDDEN_DIM, LATENT_DIM]), mlp([LATENT_DIM, HIDDEN_DIM, NUM_PIXELS])
    return Autoencoder(encoder, decoder)


@cache
def _digits(split: str) -> Tensor:
    return load("digits", split).x.flatten(1)


def _cases(seed: int) -> list[Case]:
    """Most of the training digits, in an order that depends on the seed."""
    chosen = torch.randperm(len(_digits("train")), generator=generator(seed))[:NUM_TRAIN]
    return [{"x": _digits("train")[chosen], "seed": seed % 1000}]


def _error(network: Callable[[Tensor], Tensor], x: Tensor) -> float:
    with torch.no_grad():
        return squared_error(network(x), x).mean().item()


_OTHER_NETWORK = (
    "this isn't the network that new_autoencoder makes. Return that one itself, encoder and decoder together, with its "
    "sizes unchanged."
)
_NOT_FINITE = "the learning rate is too large: the loss grew without end. Divide it by ten and print the loss."
_NO_STEP = (
    "no parameter has changed since new_autoencoder(seed), and no optimiser took a step. Each step needs backward() "
    "and optimizer.step(), both with their parentheses."
)
_OTHER_MOVED = (
    "no parameter of this network has changed since new_autoencoder(seed), though an optimiser took steps: it held the "
    "parameters of another network. Make the network once, give the optimiser its parameters, return the same one."
)
_ENCODER_FIXED = (
    "the encoder is as new_autoencoder(seed) made it: only the decoder was trained. Give the optimiser the parameters "
    "of both, and let the gradient pass through the code."
)
_DECODER_FIXED = "the decoder is as new_autoencoder(seed) made it: only the encoder was trained."
_SQUASHED = (
    "with a sigmoid behind it this network would pass, so it was trained with one. The judge takes x_hat as the "
    "network returns it: nothing squashes at the end."
)
_CENTERED = (
    "this network reconstructs images from which the mean was subtracted. The judge gives it x as it is; the biases "
    "can learn the mean."
)
_RESCALED = (
    "this network was trained on images on another scale. The judge gives it grey levels in [0, 1], like x."
)
_FEW_IMAGES = (
    "the network was given only a few of the images in x, and learned those. Every step should take a fresh batch from "
    "all of x."
)
_TEST_IMAGES = (
    "the network was trained on the images that it is judged on. Then the error says nothing about new images: train "
    "on x alone."
)
_PIXEL_MEAN = (
    "the loss was averaged over pixels as well: its gradients are 64 times smaller, and plain gradient descent feels "
    "that. Use your reconstruction_loss."
)
_SUMMED = (
    "the loss was summed over the batch: its gradients are as many times larger as there are images in a batch, and so "
    "are the steps. Use your reconstruction_loss."
)
_FEW_STEPS = (
    "training went the right way and ended too early. Take some thousand steps; watch the loss, and go on while it "
    "falls."
)
_SMALL_STEPS = (
    "the steps are too small: the loss still falls, slowly. A learning rate between 1e-3 and 1e-2 suits Adam here."
)
_LARGE_STEPS = (
    "the steps are too large: the loss jumps about and doesn't come down. A learning rate between 1e-3 and 1e-2 suits "
    "Adam here."
)
_MEAN_IMAGE = (
    "every image comes back as nearly the mean image, so nothing of its own gets through. Is the target the very batch "
    "that went in? One that was drawn anew, or another order of it, has no more than the mean in common with it."
)
_NOT_YET = (
    "it learns, but not far enough. Print the loss every hundred steps: while it falls, take more steps; where it has "
    "stopped, take smaller ones; and see that the loss is the squared error of the batch and nothing else."
)
_NOT_SHOWN = (
    "the parameters are good, but called on images the network that came back gives something else than they make, or "
    "fails; the last cell draws just that. Return new_autoencoder's network itself, on the CPU and in float32."
)


def _same(names: Iterable[str], left: Outputs, right: Outputs) -> bool:
    return all(torch.equal(left[name], right[name]) for name in names)


def _loaded(outputs: Outputs) -> Autoencoder | None:
    """The handed-out network with these parameters; None if they are another network's."""
    network = new_autoencoder(0)
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    if {name: value.shape for name, value in outputs.items()} != shapes:
        return None
    network.load_state_dict(dict(outputs))
    return network.requires_grad_(False)


def measure(case: Case, outputs: Outputs) -> Verdict:
    """Passes a network whose error on the test digits is at most ``THRESHOLD``, trained on x with cleared gradients."""
    own, process, shown = split(outputs, NUM_PIXELS)
    network = _loaded(own)
    if network is None:
        return Verdict("wrong", "The parameters that came back don't fit the network.", _OTHER_NETWORK)
    seen = f"\n{in_numbers(process)}" if process else ""
    if not all(bool(value.isfinite().all()) for value in own.values()):
        hint = _SUMMED if process and _size_of_loss(case, process) > 0.5 * process.batch_size else _NOT_FINITE
        return Verdict("wrong", f"There are parameters that aren't finite.{seen}", hint)
    test, x = _digits("test"), case["x"]
    assert isinstance(x, Tensor)
    error = _error(network, test)
    message = (
        f"The squared error is {error:.3g} per test image (mean of {len(test)}); it should be at most {THRESHOLD:g}"
        f"{', and is' if error <= THRESHOLD else ''}. "
        f"PCA with as many numbers leaves 2.43, the mean image 4.68.{seen}"
    )
    hint = UPHILL if process and process.losses[-20:].mean() < 0 else _trained_otherwise(process)
    if error <= THRESHOLD:
        made = network(x[:NUM_SHOWN])
        if not hint and (shown is None or not _equal(shown, made)):
            hint = _NOT_SHOWN
        return Verdict("wrong", message, hint) if hint else Verdict("right")
    return Verdict("wrong", message, _diagnosis(case, own, network, error, process, hint))


def _trained_otherwise(process: Process | None) -> str:
    """What a training may not do, whatever comes of it; empty if nothing was seen of it."""
    if process is None:
        return ""
    if process.uncleared > 0.5:
        return UNCLEARED
    from_test = (torch.cdist(process.rows, _digits("test").double()).amin(1) < 1e-6).double().mean()
    return _TEST_IMAGES if from_test > 0.05 else ""


def _equal(shown: Tensor, made: Tensor) -> bool:
    return shown.shape == made.shape and torch.allclose(shown.double(), made.double(), rtol=1e-3, atol=1e-4)


def _diagnosis(
    case: Case, outputs: Outputs, network: Autoencoder, error: float, process: Process | None, otherwise: str
) -> str:
    """The first cause that the numbers allow. ``otherwise``: what :func:`_trained_otherwise` found."""
    x, seed = case["x"], case["seed"]
    assert isinstance(x, Tensor)
    fresh = new_autoencoder(int(seed)).state_dict()
    if _same(fresh, outputs, fresh):
        if not process or not process.num_steps:
            return _NO_STEP
        return NO_GRADIENT if process.empty > 0.9 and not process.left else _OTHER_MOVED
    for part, hint in (("encoder", _ENCODER_FIXED), ("decoder", _DECODER_FIXED)):
        if _same([name for name in fresh if name.startswith(part)], outputs, fresh):
            return hint
    return otherwise or _other_images(x, network, error) or _other_steps(case, network, error, process)


def _other_images(x: Tensor, network: Autoencoder, error: float) -> str:
    """Whether the network is good on images of another kind."""
    test, mean = _digits("test"), x.mean(0)
    enough = 0.5 * (THRESHOLD + 2.43)  # some training in the other form, if not all of it
    if _error(lambda images: torch.sigmoid(network(images)), test) <= enough:
        return _SQUASHED
    if _error(lambda images: network(images - mean) + mean, test) <= min(enough, 0.8 * error):
        return _CENTERED
    for scale, shift in ((16.0, 0.0), (2.0, -1.0), (255.0, 0.0)):
        if _error(_on_scale(network, scale, shift), test) <= min(enough, 0.8 * error):
            return _RESCALED
    return ""


def _size_of_loss(case: Case, process: Process) -> float:
    """The first loss, in squared errors per image that the network had before it was trained; 1 if none was seen."""
    x, seed = case["x"], case["seed"]
    assert isinstance(x, Tensor)
    at_first = _error(new_autoencoder(int(seed)), x)
    return process.losses[0].item() / at_first if len(process.losses) else 1.0


def _other_steps(case: Case, network: Autoencoder, error: float, process: Process | None) -> str:
    """Which part of the loop kept the network from learning more."""
    x = case["x"]
    assert isinstance(x, Tensor)
    mean_error = _error(lambda images: x.mean(0).expand_as(images), _digits("test"))
    images = network(_digits("test"))
    spread = squared_error(images, images.mean(0).expand_as(images)).mean().item()
    only_mean = abs(error - mean_error) < 0.1 * mean_error and spread < 0.1 * mean_error
    if process is None or not process.num_steps:
        return _MEAN_IMAGE if only_mean else _NOT_YET
    if process.num_distinct < 0.25 * len(x) and process.num_rows > 2 * process.num_distinct:
        return _FEW_IMAGES
    lr, size = process.lr, _size_of_loss(case, process)
    if 0.4 < NUM_PIXELS * size < 2.5:
        return _PIXEL_MEAN
    if 0.4 < size / process.batch_size < 2.5 and process.batch_size > 4:
        return _SUMMED
    if lr > 0.025:
        return _LARGE_STEPS
    if process.num_steps < 500:
        return _FEW_STEPS
    if lr < 5e-4:
        return _SMALL_STEPS
    return _MEAN_IMAGE if only_mean else _NOT_YET


def _on_scale(network: Autoencoder, scale: float, shift: float) -> Callable[[Tensor], Tensor]:
    """The network between ``scale * x + shift`` and its inverse."""
    return lambda x: (network(scale * x + shift) - shift) / scale


def _trained(
    *,
    num_steps: int = 800,
    lr: float = 5e-3,
    prepare: Callable[[Tensor], Tensor] = lambda x: x,
    output: Callable[[Tensor], Tensor] = lambda x_hat: x_hat,
    chosen: Callable[[Autoencoder], nn.Module] = lambda network: network,
    reduction: Callable[[Tensor], Tensor] = lambda errors: errors.mean(),
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    returned: Callable[[Autoencoder, int], nn.Module] = lambda network, seed: network,
    clear: Literal["first", "late", "never"] = "first",
    target: Callable[[Tensor], Tensor] = lambda batch: batch,
) -> Train:
    """A training loop with one part of it changed."""

    def answer(x: Tensor, seed: int) -> nn.Module:
        network = new_autoencoder(seed)
        descent = optimizer(chosen(network).parameters(), lr=lr)
        source = generator(seed)
        images = prepare(x)
        for _ in range(num_steps):
            batch = images[torch.randint(len(images), (64,), generator=source)]
            loss = reduction(squared_error(output(network(batch)), target(batch)))
            if clear == "first":
                descent.zero_grad()
            loss.backward()
            if clear == "late":
                descent.zero_grad()
            descent.step()
        return returned(network, seed)

    return answer


class _Squashing(Autoencoder):
    """The same parameters, another output."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(super().forward(x))


TRAIN_AUTOENCODER = Task(
    name="train_autoencoder",
    points=3,
    cases=_cases,
    reference=_trained(num_steps=1500, lr=3e-3),
    alternatives=(
        _trained(reduction=lambda errors: errors.mean() / NUM_PIXELS),  # Adam hardly feels the scale of a loss
        _trained(num_steps=1500, lr=0.02, optimizer=lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9)),
    ),
    probe=trained_autoencoder,
    measure=measure,
    public_in_grading=False,
    mistakes=(
        Mistake(lambda x, seed: new_autoencoder(seed), _NO_STEP),
        Mistake(_trained(num_steps=1, returned=lambda network, seed: new_autoencoder(seed)), _OTHER_MOVED),
        Mistake(_trained(chosen=lambda network: network.decoder, num_steps=50), _ENCODER_FIXED),
        Mistake(_trained(chosen=lambda network: network.encoder, num_steps=50), _DECODER_FIXED),
        Mistake(_trained(num_steps=1, returned=lambda network, seed: network.encoder), _OTHER_NETWORK),
        Mistake(_trained(num_steps=60, lr=1e12, optimizer=torch.optim.SGD), _NOT_FINITE),
        Mistake(_trained(num_steps=100, reduction=lambda errors: -errors.mean()), UPHILL),
        Mistake(_trained(num_steps=50, clear="late"), NO_GRADIENT),
        Mistake(_trained(clear="never"), UNCLEARED),
        Mistake(_trained(output=torch.sigmoid), _SQUASHED),
        Mistake(_trained(prepare=lambda x: x - x.mean(0)), _CENTERED),
        Mistake(_trained(prepare=lambda x: 16 * x), _RESCALED),
        Mistake(_trained(prepare=lambda x: x[:64], num_steps=600), _FEW_IMAGES),
        Mistake(_trained(prepare=lambda x: torch.cat([x, _digits("test")])), _TEST_IMAGES),
        Mistake(
            _trained(
                num_steps=200,
                lr=1e-3,
                optimizer=torch.optim.SGD,
                reduction=lambda errors: errors.mean() / NUM_PIXELS,
            ),
            _PIXEL_MEAN,
        ),
        Mistake(_trained(num_steps=600, lr=3e-3, optimizer=torch.optim.SGD, reduction=torch.sum), _SUMMED),
        Mistake(_trained(num_steps=100, lr=3e-3), _FEW_STEPS),
        Mistake(_trained(num_steps=600, lr=1e-4), _SMALL_STEPS),
        Mistake(_trained(num_steps=600, lr=0.3), _LARGE_STEPS),
        Mistake(_trained(num_steps=600, target=lambda batch: batch.roll(1, 0)), _MEAN_IMAGE),
        Mistake(_trained(num_steps=600, output=lambda x_hat: 2 * x_hat), _NOT_YET),
        Mistake(_trained(returned=lambda network, seed: _Squashing(network.encoder, network.decoder)), _NOT_SHOWN),
    ),
)
