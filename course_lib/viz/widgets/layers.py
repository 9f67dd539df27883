"""A convolutional network as the list of layers that ``nets.js`` runs: batch normalisation folded, weights packed."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from course_lib.viz.widgets.host import packed

Layer = dict[str, Any]


def layers(network: Iterable[nn.Module]) -> list[Layer]:
    """A ``Sequential`` of linear and (transposed) convolutional layers, batch normalisation (as in eval mode), ReLU,
    sigmoid and changes of shape, from images to codes or the other way round.

    Each layer is JSON: its kind, its packed ``weight`` and ``bias``, a convolution's ``stride`` and ``padding``.
    Raises ``ValueError`` for another kind of layer, and for settings that ``nets.js`` doesn't know.
    """
    made: list[Layer] = []
    for module in network:
        if isinstance(module, nn.BatchNorm2d):
            _fold(module, made)
        elif isinstance(module, nn.Linear):
            made.append({"kind": "linear", **_weights(module)})
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            made.append(_convolution(module))
        elif isinstance(module, nn.ReLU | nn.Sigmoid):
            made.append({"kind": type(module).__name__.lower()})
        elif isinstance(module, nn.Unflatten):
            made.append({"kind": "reshape", "shape": list(module.unflattened_size)})
        elif not isinstance(module, nn.Flatten):  # there the values lie in one row anyway
            raise ValueError(f"nets.js has no layer for {module}; write it there, with its test")
    return [{key: packed(v) if isinstance(v, Tensor) else v for key, v in layer.items()} for layer in made]


def _weights(module: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> Layer:
    if module.bias is None:
        raise ValueError(f"nets.js adds a bias, and {module} has none; build it with bias=True")
    return {"weight": module.weight.detach(), "bias": module.bias.detach()}


def _convolution(module: nn.Conv2d | nn.ConvTranspose2d) -> Layer:
    square = module.stride[0] == module.stride[1] and module.padding == (module.padding[0],) * 2
    plain = module.dilation == (1, 1) and module.groups == 1 and module.padding_mode == "zeros"
    if not (square and plain and module.output_padding == (0, 0)):
        raise ValueError(f"nets.js knows no such settings as those of {module}; write them there, with their test")
    kind = "conv2d" if isinstance(module, nn.Conv2d) else "convTranspose2d"
    return {"kind": kind, "stride": module.stride[0], "padding": module.padding[0], **_weights(module)}


def _fold(norm: nn.BatchNorm2d, made: list[Layer]) -> None:
    """Put ``norm`` into the layer before it: y = (x - mean) * scale + shift is linear in x."""
    before = next((layer for layer in reversed(made) if layer["kind"] != "reshape"), None)
    if before is None or "weight" not in before or norm.running_mean is None or norm.running_var is None:
        raise ValueError(f"{norm} must follow a linear or convolutional layer and have running statistics")
    scale = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach()
    shift = (norm.bias - norm.running_mean * scale).detach()
    repeats = len(before["bias"]) // len(scale)  # a linear layer has one output for each pixel of a channel
    scale, shift = scale.repeat_interleave(repeats), shift.repeat_interleave(repeats)
    outputs = 1 if before["kind"] == "convTranspose2d" else 0  # the dimension of the weight
    sizes = [-1 if i == outputs else 1 for i in range(before["weight"].ndim)]
    before["weight"] = before["weight"] * scale.reshape(sizes)
    before["bias"] = before["bias"] * scale + shift
