"""Weights on disk, as safetensors: tensors and a few words, never code."""

import hashlib
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save_file
from torch import nn

SHIPPED = Path(__file__).parent.parent / "weights"


def save_weights(path: str | Path, module: nn.Module, **notes: str) -> str:
    """Write a network's parameters and buffers, with ``notes`` on how they came about. Returns the file's SHA-256.

    Weights that several layers share are written for each of them. Raises ``ValueError`` unless the name ends in
    ``.safetensors``, by which :func:`load_weights` tells a file from the name of shipped weights.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"path must end in .safetensors, got {path.name}; rename it")
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: t.contiguous().clone() for name, t in module.state_dict().items()}, path, metadata=notes)
    return _sha256(path)


def load_weights(source: str | Path, module: nn.Module) -> str:
    """Load weights into ``module`` and return the file's SHA-256, its first 12 characters.

    ``source``: a path, or the name of weights that ship with the course, whose hash is checked.
    Raises ``FileNotFoundError`` for an unknown name or a missing file, ``ValueError`` for a damaged file, a hash that
    differs, another kind of file, or weights of another architecture.
    """
    path = Path(source)
    if path.suffix != ".safetensors":
        if path.suffix or path.is_file() or len(path.parts) > 1:
            raise ValueError(f"a file of weights must end in .safetensors, got {path}; write it with save_weights")
        path = SHIPPED / f"{source}.safetensors"
        if not path.is_file():
            known = sorted(p.stem for p in SHIPPED.glob("*.safetensors"))
            raise FileNotFoundError(f"no weights named {str(source)!r} ship with the course; there are {known}")
        if _sha256(path) != shipped_hashes().get(path.name):
            raise ValueError(f"{path.name} isn't the file that shipped; restore it, or run `make checkpoints`")
    try:
        tensors = load(path.read_bytes())
    except SafetensorError as error:
        raise ValueError(f"{path} isn't a whole safetensors file ({error}); copy or make it again") from error
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(
            f"{path.name} holds the weights of another network than this {type(module).__name__}: {error}"
        ) from error
    return _sha256(path)[:12]


def weights_notes(name: str) -> dict[str, str]:
    """The notes that were made with shipped weights: steps, seed, data."""
    with safe_open(SHIPPED / f"{name}.safetensors", framework="pt") as file:
        return dict(file.metadata() or {})


def shipped_hashes() -> dict[str, str]:
    """The SHA-256 of each shipped file, by its name."""
    lines = (SHIPPED / "SHA256").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines if line.strip())}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
