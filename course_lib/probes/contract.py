"""What an answer leaves behind besides its value: what it was given is afterwards as it was before."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, isclose, nn


class AnswerError(Exception):
    """The answer ran but did or gave something that can't be taken; the message says what and what to do."""


@contextmanager
def kept(given: Mapping[str, object], *, gradients: bool = False, weights: bool = False) -> Iterator[None]:
    """Watch the tensors and networks in ``given`` while an answer runs; numbers are passed over.

    ``gradients``: networks may have others than before; ``weights``: theirs may change too. Raises ``AnswerError`` that
    names what was changed, and how not to.
    """
    tensors = {name: x for name, x in given.items() if isinstance(x, Tensor)}
    networks = {name: network for name, network in given.items() if isinstance(network, nn.Module)}
    values = {name: x.detach().clone() for name, x in tensors.items()}
    flags = {name: x.requires_grad for name, x in tensors.items()}
    before = {name: _state(network, gradients, weights) for name, network in networks.items()}
    yield
    for name, x in tensors.items():
        if not _same(x.detach(), values[name]):
            raise AnswerError(
                f"It changed {name} in place: whoever called it has another {name} now. Make a new tensor, as in "
                f"{name} = {name} - m in place of {name} -= m."
            )
        if x.requires_grad != flags[name]:
            raise AnswerError(
                f"It switched requires_grad of {name}, the caller's own tensor. Take a copy first: "
                f"{name} = {name}.detach().requires_grad_()."
            )
        if x.is_leaf and x.grad is not None:
            raise AnswerError(
                f"It left a gradient in {name}.grad, where the caller's next backward() adds to it. "
                "torch.autograd.grad returns gradients and leaves none."
            )
    for name, network in networks.items():
        after = _state(network, gradients, weights)
        for (key, told), old, new in zip(_TOLD.items(), before[name], after, strict=True):
            if not _same(old, new):
                raise AnswerError(f"It {told.format(name=name)} {_REMEDY[key].format(name=name)}")


# in the order of _state: what is said of a network that isn't as it was
_TOLD = {
    "mode": "left the {name} in another mode than it found it in.",
    "flags": "left weights of the {name} frozen, or thawed.",
    "weights": "changed the weights of the {name}.",
    "gradients": "left gradients in the weights of the {name}; a step that doesn't clear them first takes them along.",
}
_REMEDY = {
    "mode": "Put train() or eval() back, or leave the mode alone.",
    "flags": "Put requires_grad back, or use detach() or torch.no_grad().",
    "weights": "Only an optimiser's step may.",
    "gradients": "Detach what came from it, or ask for one gradient only: torch.autograd.grad(value, x) leaves none.",
}


def _state(network: nn.Module, gradients: bool, weights: bool) -> tuple[object, ...]:
    """Modes, flags, weights and gradients; None for what may change."""
    parameters = list(network.parameters())
    return (
        [module.training for module in network.modules()],
        [p.requires_grad for p in parameters],
        None if weights else [x.detach().clone() for x in network.state_dict().values()],
        None if gradients else [None if p.grad is None else p.grad.clone() for p in parameters],
    )


def _same(a: object, b: object) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.shape == b.shape and a.dtype == b.dtype and bool(isclose(a, b, 0, 0, equal_nan=True).all())
    return a == b if not (isinstance(a, Tensor) or isinstance(b, Tensor)) else False
