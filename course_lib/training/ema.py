"""An exponential moving average of a network's weights (Yazıcı et al. 2019, arXiv:1806.04498)."""

import copy
from typing import Any

import torch
from torch import nn


class EMA:
    r"""Keeps :attr:`module`, a copy whose weights follow :math:`\bar\theta \leftarrow d\bar\theta + (1-d)\theta`.

    A GAN's generator circles around its solution rather than settling; the average lies nearer to the middle.
    Early in training the decay is :math:`\min(d, (1+t)/(10+t))`, so that the start is soon forgotten.
    Buffers (the statistics of batch normalisation) are copied, not averaged. The average of a network in half precision
    is one in float32: its small steps would be rounded away.

    Raises ``ValueError`` for a decay outside [0, 1).
    """

    def __init__(self, source: nn.Module, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must lie in [0, 1), got {decay}")
        self.decay = decay
        self.updates = 0
        self.module = copy.deepcopy(source).eval().requires_grad_(False)
        if any(p.dtype in (torch.float16, torch.bfloat16) for p in source.parameters()):
            self.module.float()

    @torch.no_grad()
    def update(self, source: nn.Module) -> None:
        """Take one step towards ``source``, a network of the same architecture."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        averages: list[torch.Tensor] = list(self.module.parameters())
        moved = [p.to(mine.dtype) for mine, p in zip(averages, source.parameters(), strict=True)]
        torch._foreach_lerp_(averages, moved, 1 - decay)
        for mine, theirs in zip(self.module.buffers(), source.buffers(), strict=True):
            mine.copy_(theirs)

    def state_dict(self) -> dict[str, Any]:
        """The averaged network and how many steps it has taken."""
        return {"updates": self.updates, "module": self.module.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.module.load_state_dict(state["module"])
        self.updates = int(state["updates"])
