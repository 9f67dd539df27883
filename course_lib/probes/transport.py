"""Tensors as text: safetensors in base64, for the way into a learner's process and back.

What comes back was written by a stranger. So nothing is unpickled, and what a file declares about itself is checked
against its true size before anything is allocated.
"""

import base64
import binascii
import json
import math
from collections.abc import Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

MIME = "application/vnd.course.outputs+json"

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_TYPES = (*_FLOATS, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)
_MAX_HEADER = 1 << 20


class TransportError(ValueError):
    """Text that doesn't hold tensors; the message says what is wrong with it."""


def pack(tensors: Mapping[str, Tensor]) -> str:
    """Tensors of any layout and device, as text. Raises ``TransportError`` for a type that has no plain form."""
    for name, x in tensors.items():
        if x.dtype not in _TYPES:
            raise TransportError(f"{name} is {x.dtype}; floats, integers and booleans are taken")
    plain = {name: torch.empty(x.shape, dtype=x.dtype).copy_(x.detach()) for name, x in tensors.items()}
    return base64.b64encode(save(plain)).decode("ascii")


def unpack(text: object, *, max_bytes: int = 16 << 20, max_tensors: int = 512) -> dict[str, Tensor]:
    """The tensors in ``text``. Raises ``TransportError`` for anything else, and for more than it may hold."""
    if not isinstance(text, str):
        raise TransportError(f"text was expected, got a {type(text).__name__}")
    if len(text) > max_bytes // 3 * 4 + 4:
        raise TransportError(f"more than the {max_bytes >> 20} MB allowed came")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise TransportError(f"not base64: {error}") from None
    _check_declared(data, max_tensors)
    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise TransportError(f"not safetensors: {error}") from None


def _check_declared(data: bytes, max_tensors: int) -> None:
    """Every tensor's shape and place must fit the bytes that are there."""
    if len(data) < 8:
        raise TransportError("too short for safetensors")
    header_size = int.from_bytes(data[:8], "little")
    if header_size > min(_MAX_HEADER, len(data) - 8):
        raise TransportError(f"a header of {header_size} bytes is declared, more than there is or may be")
    try:
        header = json.loads(data[8 : 8 + header_size])
    except (ValueError, RecursionError):
        raise TransportError("the header is not JSON") from None
    if not isinstance(header, dict) or len(header) > max_tensors:
        raise TransportError(f"the header must list at most {max_tensors} tensors")
    available = len(data) - 8 - header_size
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        except (TypeError, KeyError, ValueError):
            raise TransportError("an entry of the header lacks dtype, shape or place") from None
        numbers = [begin, end, *shape] if isinstance(shape, list) and len(shape) <= 8 else [-1]
        if any(type(n) is not int or not 0 <= n <= len(data) for n in numbers):
            raise TransportError("a shape or place in the header is not one")
        if dtype not in _BYTES or end > available or end - begin != math.prod(shape) * _BYTES[dtype]:
            raise TransportError("a declared size does not fit the bytes that came")
