"""The parts that the training steps of all models share: Adam, one step down a loss, and a state that can be saved."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from course_lib.objectives import Schedule, value_at

Betas = tuple[float, float]


class Objective(Protocol):
    """An objective that a step can descend: a scalar that is minimised, and the named parts that are recorded."""

    @property
    def loss(self) -> Tensor: ...

    @property
    def parts(self) -> dict[str, Tensor]: ...


@runtime_checkable
class Stateful(Protocol):
    """A part that can hand out its state and take it back: a network, an optimiser, an average."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...


class TrainingStep:
    """A callable that takes a batch and returns named scalars, detached.

    Its networks, optimisers and averages are attributes (or stand in a dict that is one), and that is how
    :meth:`state_dict` finds them; ``steps`` counts the calls. A learning rate may be a schedule over them.

    ``max_norm``: set it, ``step.max_norm = 1.0``, to have each network's gradient scaled down to at most this Euclidean
    norm before its optimiser's step (gradient clipping: Pascanu et al. 2013, arXiv:1211.5063). None: as it is.
    """

    steps: int = 0
    max_norm: float | None = None

    def parts(self) -> dict[str, Stateful]:
        """The networks, optimisers and averages, by the names of their attributes."""
        parts: dict[str, Stateful] = {}
        for name, value in vars(self).items():
            if isinstance(value, dict):
                parts |= {f"{name}.{key}": part for key, part in value.items() if isinstance(part, Stateful)}
            elif isinstance(value, Stateful):
                parts[name] = value
        return parts

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs from this step: weights, buffers, optimiser moments, averages, counter."""
        return {"steps": self.steps} | {name: part.state_dict() for name, part in self.parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`state_dict` of a step with the same networks gave; ``ValueError`` for others."""
        parts = self.parts()
        if state.keys() != {"steps", *parts}:
            raise ValueError(
                f"the state must be of {sorted(parts)} for this {type(self).__name__}, got {sorted(state)}; "
                "build the step as it was when the state was saved"
            )
        for name, part in parts.items():
            try:
                part.load_state_dict(state[name])
            except (RuntimeError, ValueError) as error:
                raise ValueError(
                    f"{name} of this {type(self).__name__} differs from the one that was saved: {error}"
                ) from error
        self.steps = int(state["steps"])


def learning_rates(step: TrainingStep) -> dict[str, list[float]]:
    """The learning rate of each optimiser of a step, for each of its groups of parameters."""
    return {name: [group["lr"] for group in optimizer.param_groups] for name, optimizer in _optimizers(step)}


def set_learning_rates(step: TrainingStep, rates: dict[str, list[float]]) -> None:
    """Set what :func:`learning_rates` gave."""
    for name, optimizer in _optimizers(step):
        for group, lr in zip(optimizer.param_groups, rates[name], strict=True):
            group["lr"] = lr


def _optimizers(step: TrainingStep) -> list[tuple[str, torch.optim.Optimizer]]:
    return [(name, part) for name, part in step.parts().items() if isinstance(part, torch.optim.Optimizer)]


def adam(
    parameters: Iterable[nn.Parameter], lr: float | Schedule = 1e-3, betas: Betas = (0.9, 0.999)
) -> torch.optim.Adam:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980) with its update in one fused kernel; at the rate of step 0."""
    return torch.optim.Adam(parameters, lr=value_at(0, lr), betas=betas, fused=True)


def follow(optimizer: torch.optim.Optimizer, lr: float | Schedule, step: int) -> None:
    """Set the learning rate to what its schedule has for this step; a constant one stays as the optimiser has it."""
    if callable(lr):
        for group in optimizer.param_groups:
            group["lr"] = lr(step)


def descend(
    optimizer: torch.optim.Optimizer,
    loss: Tensor,
    parameters: Sequence[nn.Parameter],
    max_norm: float | None = None,
) -> None:
    """One step down ``loss``, for these parameters and no others; ``max_norm``: of their gradient.

    ``inputs`` keeps the gradient away from every other network, so a step can't leak into the other player.
    """
    optimizer.zero_grad()
    loss.backward(inputs=list(parameters))
    clip(parameters, max_norm)
    optimizer.step()
    optimizer.zero_grad()


def clip(parameters: Sequence[nn.Parameter], max_norm: float | None) -> None:
    """Scale the gradient of all these parameters together down to a norm of at most ``max_norm``, in place."""
    if max_norm is not None:
        if not max_norm > 0:
            raise ValueError(f"max_norm must be above 0, got {max_norm}")
        torch.nn.utils.clip_grad_norm_(parameters, max_norm)


class ObjectiveStep(TrainingStep):
    """A step of one model down one objective, by Adam. A subclass says which, in :meth:`objective`; one that doesn't
    raises ``NotImplementedError`` in its first step.

    ``lr``: the learning rate, or its schedule over the steps. ``parameters``: those that Adam moves (None: all of the
    model's).
    """

    def __init__(
        self, model: nn.Module, lr: float | Schedule, parameters: Sequence[nn.Parameter] | None = None
    ) -> None:
        self.model: Any = model  # subclasses know what it is
        self.parameters = list(model.parameters() if parameters is None else parameters)
        self.lr = lr
        self.optimizer = adam(self.parameters, lr)

    def objective(self, batch: Any) -> Objective:
        """The objective on a batch, tensors (B, ...) as the model takes them."""
        raise NotImplementedError(f"{type(self).__name__} must say what it descends, in its objective(batch)")

    def __call__(self, batch: Any) -> dict[str, Tensor]:
        return self.improve(self.objective(batch))

    def improve(self, objective: Objective) -> dict[str, Tensor]:
        """Descend, count the step, and return the mean of each part, a scalar. ``ValueError`` for a batch of none."""
        parts = objective.parts
        if any(part.numel() == 0 for part in parts.values()):
            raise ValueError("a batch must hold at least one image, got none")
        follow(self.optimizer, self.lr, self.steps)
        descend(self.optimizer, objective.loss, self.parameters, self.max_norm)
        self.steps += 1
        return {name: part.detach().mean() for name, part in parts.items()}
