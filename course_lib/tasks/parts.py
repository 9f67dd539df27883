"""What a gradient or a value is made of: so many times this part, so many times that one.

Where an answer is wrong in a way that nobody listed, this says more than its entries do: "the generator moved
along the discriminator's loss" in place of "expected 0.32037, got 0.36311".
"""

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor


def made_of(target: Tensor, parts: Mapping[str, Tensor], tolerance: float = 1e-3) -> dict[str, float] | None:
    """The factors of those parts that add up to ``target``: of as few parts as can be; None if none do.

    All have as many entries as ``target``. A part that is zero, or of which there is next to nothing, is not
    named; a ``target`` of zeros is made of nothing.
    """
    goal = target.detach().double().flatten()
    columns = {name: part.detach().double().flatten() for name, part in parts.items() if bool(part.any())}
    if not bool(goal.any()):
        return {}
    for size in range(1, min(len(columns), len(goal) - 1) + 1):
        for names in combinations(columns, size):
            matrix = torch.stack([columns[name] for name in names], dim=1)
            factors = torch.linalg.lstsq(matrix, goal, driver="gelsd").solution
            if (matrix @ factors - goal).norm() <= tolerance * goal.norm():
                return dict(zip(names, factors.tolist(), strict=True))
    return None


def in_words(factors: Mapping[str, float]) -> str:
    """A sum such as ``2 × the KL minus 0.5 × fool``; a factor of one isn't said. The part named ``1`` is a
    constant."""
    text = ""
    for name, factor in factors.items():
        sign = ("minus " if factor < 0 else "") if not text else (" minus " if factor < 0 else " plus ")
        size = f"{abs(factor):.3g}"
        text += sign + (size if name == "1" else name if size == "1" else f"{size} × {name}")
    return text or "nothing"
