"""A pretended accelerator without float64, as Apple's MPS is: the CPU under another name.

Inside ``Elsewhere()`` whatever is moved to, or made on, the device ``cpu:0`` counts as lying there, and so does all
that is computed from it, until ``.cpu()``. A float64 tensor there is the error that MPS raises.
"""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

DEVICE = torch.device("cpu:0")
TO_THE_CPU = {"cpu", "numpy", "tolist", "item", "__float__", "__int__", "__bool__", "__index__"}


def lies_there(value: Any) -> bool:
    """Whether this is a tensor on the pretended device."""
    return isinstance(value, Tensor) and getattr(value, "lies_elsewhere", False)


class Elsewhere(TorchFunctionMode):
    """The pretence, for what runs inside it."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        leaves = tree_leaves((args, kwargs))
        there = any(lies_there(leaf) for leaf in leaves)
        attribute = getattr(function, "__self__", None)
        if name == "__get__" and attribute is Tensor.device:
            return DEVICE if there else function(*args, **kwargs)
        if name == "__set__":
            if attribute is Tensor.data:  # how a parameter is moved
                args[0].lies_elsewhere = lies_there(args[1])
            return function(*args, **kwargs)
        out = function(*args, **kwargs)
        if name in TO_THE_CPU:
            there = False
        elif name == "to":
            there = _target(args, kwargs)
        elif _is_there(kwargs.get("device")):
            there = True
        if name in ("to", "cpu") and there != lies_there(args[0]) and out is args[0]:
            out = out.clone()
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor):
                tensor.lies_elsewhere = there
                if there and tensor.dtype == torch.float64:
                    raise TypeError("Cannot convert a MPS Tensor to float64: the MPS framework doesn't support it")
        return out


def _is_there(device: Any) -> bool:
    return isinstance(device, str | torch.device) and torch.device(device) == DEVICE


def _target(args: Any, kwargs: Any) -> bool:
    """Whether ``.to`` leads there."""
    for value in (*args[1:], *kwargs.values()):
        if isinstance(value, str | torch.device):
            return _is_there(value)
        if isinstance(value, Tensor):
            return lies_there(value)
    return lies_there(args[0])
