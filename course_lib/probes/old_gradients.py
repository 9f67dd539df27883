"""Whether steps go along gradients that were never cleared. No right answer is known here."""

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer


class OldGradients:
    """Follows the first weight of each optimiser: whether the gradient of a step holds that of the step before."""

    def __init__(self) -> None:
        self._watched: set[int] = set()
        self._stepped: set[int] = set()
        self._old: dict[int, Tensor] = {}  # a gradient that a step has used, and that another was added to
        self._new: dict[int, Tensor] = {}  # what has come since

    def before_step(self, optimizer: Optimizer) -> bool:
        """To be called before each step; says whether its gradient holds an old one."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        first = next((p for p in parameters if p.requires_grad), None)
        if first is None:
            return False
        found = self._holds_old(first)
        if id(first) not in self._watched:
            self._watched.add(id(first))
            first.register_hook(lambda gradient: self._arrives(first, gradient))
        self._stepped |= {id(p) for p in parameters}
        return found

    def _arrives(self, p: Tensor, gradient: Tensor) -> None:
        """Called with a new gradient of ``p``, before it is added to the one that ``p`` has, if it will be."""
        key = id(p)
        if p.grad is None or not bool(p.grad.any()):
            self._old.pop(key, None)
        elif key in self._stepped:
            self._old[key] = p.grad.detach().clone()
            self._new.pop(key, None)
        if key in self._old:
            self._new[key] = gradient.detach().clone() + self._new.get(key, 0)
        self._stepped.discard(key)

    def _holds_old(self, p: Tensor) -> bool:
        """Whether the gradient of ``p`` is the sum of an old and a new one, and not the new one: cleared in between, or
        put there by hand. Directions are compared first, since gradients may have been clipped."""
        old, new = self._old.pop(id(p), None), self._new.pop(id(p), None)
        if p.grad is None or old is None or new is None:
            return False
        held, both, one = (x.flatten().double() for x in (p.grad, old + new, new))
        ahead = torch.cosine_similarity(held, both, dim=0) - torch.cosine_similarity(held, one, dim=0)
        if ahead.abs() < 1e-9:  # old and new point the same way
            return bool((held - both).norm() < (held - one).norm())
        return bool(ahead > 0)
