"""A small autoencoder of handwritten digits, trained by the learner and measured here on digits it hasn't seen."""

from collections.abc import Callable, Iterable
from functools import cache

import torch
from torch import Tensor, nn

from course_lib.data import load
from course_lib.models import Autoencoder, mlp
from course_lib.objectives import squared_error
from course_lib.probes.calls import trained_parameters
from course_lib.tasks.core import Case, Mistake, Outputs, Task, Verdict, generator

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
_NOT_FINITE = (
    "a learning rate that is too large lets the loss grow without end. Divide it by ten and print the loss."
)
_NOTHING_MOVED = (
    "no parameter has changed since new_autoencoder(seed). Does the optimiser hold the parameters of the network that "
    "you return, and is its step() called?"
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
_MEMORISED = (
    "on images it was trained with this network is much better than on new ones: it has learned some by heart. Does "
    "every step take a fresh batch from all of x?"
)
_MEAN_IMAGE = (
    "every image comes back as nearly the same one, close to the mean image. Either training has only begun (a loss "
    "averaged over pixels has gradients 64 times smaller, which plain SGD feels), or the steps are too large."
)
_TOO_SHORT = (
    "training went the right way but isn't done. Watch the loss: while it falls, take more steps; where it has "
    "stopped, or jumps about, take smaller ones."
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
    """Passes a network whose error on the test digits is at most ``THRESHOLD``; else says what went wrong."""
    network = _loaded(outputs)
    if network is None:
        return Verdict("wrong", "The parameters that came back don't fit the network.", _OTHER_NETWORK)
    if not all(bool(value.isfinite().all()) for value in outputs.values()):
        return Verdict("wrong", "There are parameters that aren't finite.", _NOT_FINITE)
    test = _digits("test")
    error = _error(network, test)
    if error <= THRESHOLD:
        return Verdict("right")
    message = (
        f"The squared error is {error:.3g} per test image (mean of {len(test)}); it should be at most {THRESHOLD:g}. "
        "PCA with as many numbers leaves 2.43, the mean image 4.68."
    )
    return Verdict("wrong", message, _diagnosis(case, outputs, network, error))


def _diagnosis(case: Case, outputs: Outputs, network: Autoencoder, error: float) -> str:
    x, seed = case["x"], case["seed"]
    assert isinstance(x, Tensor)
    fresh = new_autoencoder(int(seed)).state_dict()
    encoder = [name for name in fresh if name.startswith("encoder")]
    decoder = [name for name in fresh if name.startswith("decoder")]
    if _same(fresh, outputs, fresh):
        return _NOTHING_MOVED
    if _same(encoder, outputs, fresh):
        return _ENCODER_FIXED
    if _same(decoder, outputs, fresh):
        return _DECODER_FIXED
    test, mean = _digits("test"), x.mean(0)
    enough = 0.5 * (THRESHOLD + 2.43)  # some training in the other form, if not all of it
    if _error(lambda images: torch.sigmoid(network(images)), test) <= enough:
        return _SQUASHED
    if _error(lambda images: network(images - mean) + mean, test) <= min(enough, 0.8 * error):
        return _CENTERED
    for scale, shift in ((16.0, 0.0), (2.0, -1.0), (255.0, 0.0)):
        if _error(_on_scale(network, scale, shift), test) <= min(enough, 0.8 * error):
            return _RESCALED
    if _share_by_heart(network, x, error) >= 0.02:
        return _MEMORISED
    return _MEAN_IMAGE if error > 4 else _TOO_SHORT


def _on_scale(network: Autoencoder, scale: float, shift: float) -> Callable[[Tensor], Tensor]:
    """The network between ``scale * x + shift`` and its inverse."""
    return lambda x: (network(scale * x + shift) - shift) / scale


def _share_by_heart(network: Autoencoder, x: Tensor, error: float) -> float:
    """The share of training images with less than a quarter of the mean error on test images."""
    return (squared_error(network(x), x) < 0.25 * error).double().mean().item()


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
) -> Train:
    """A training loop with one part of it changed."""

    def answer(x: Tensor, seed: int) -> nn.Module:
        network = new_autoencoder(seed)
        descent = optimizer(chosen(network).parameters(), lr=lr)
        source = generator(seed)
        images = prepare(x)
        for _ in range(num_steps):
            batch = images[torch.randint(len(images), (64,), generator=source)]
            loss = reduction(squared_error(output(network(batch)), batch))
            descent.zero_grad()
            loss.backward()
            descent.step()
        return returned(network, seed)

    return answer


TRAIN_AUTOENCODER = Task(
    name="train_autoencoder",
    points=3,
    cases=_cases,
    reference=_trained(num_steps=1500, lr=3e-3),
    alternatives=(
        _trained(reduction=lambda errors: errors.mean() / NUM_PIXELS),  # Adam hardly feels the scale of a loss
        _trained(num_steps=1500, lr=0.02, optimizer=lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9)),
    ),
    probe=trained_parameters,
    measure=measure,
    public_in_grading=False,
    mistakes=(
        Mistake(_trained(num_steps=1, returned=lambda network, seed: new_autoencoder(seed)), _NOTHING_MOVED),
        Mistake(_trained(chosen=lambda network: network.decoder, num_steps=50), _ENCODER_FIXED),
        Mistake(_trained(chosen=lambda network: network.encoder, num_steps=50), _DECODER_FIXED),
        Mistake(_trained(num_steps=1, returned=lambda network, seed: network.encoder), _OTHER_NETWORK),
        Mistake(_trained(num_steps=60, lr=1e12, optimizer=torch.optim.SGD), _NOT_FINITE),
        Mistake(_trained(output=torch.sigmoid), _SQUASHED),
        Mistake(_trained(prepare=lambda x: x - x.mean(0)), _CENTERED),
        Mistake(_trained(prepare=lambda x: 16 * x), _RESCALED),
        Mistake(_trained(prepare=lambda x: x[:64], num_steps=600), _MEMORISED),
        Mistake(
            _trained(
                num_steps=200,
                lr=1e-3,
                optimizer=torch.optim.SGD,
                reduction=lambda errors: errors.mean() / NUM_PIXELS,
            ),
            _MEAN_IMAGE,
        ),
        Mistake(_trained(num_steps=100, lr=3e-3), _TOO_SHORT),
    ),
)
