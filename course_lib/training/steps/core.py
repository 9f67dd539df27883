"""The parts that the training steps of all models share: Adam, one step down a loss, and a state that can be saved."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

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
    :meth:`state_dict` finds them; ``steps`` counts the calls.
    """

    steps: int = 0

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


def adam(parameters: Iterable[nn.Parameter], lr: float = 1e-3, betas: Betas = (0.9, 0.999)) -> torch.optim.Adam:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980) with its update in one fused kernel."""
    return torch.optim.Adam(parameters, lr=lr, betas=betas, fused=True)


def descend(optimizer: torch.optim.Optimizer, loss: Tensor, parameters: Sequence[nn.Parameter]) -> None:
    """One step down ``loss``, for these parameters and no others.

    ``inputs`` keeps the gradient away from every other network, so a step can't leak into the other player.
    """
    optimizer.zero_grad()
    loss.backward(inputs=list(parameters))
    optimizer.step()
    optimizer.zero_grad()


class ObjectiveStep(TrainingStep):
    """A step of one model down one objective, by Adam. A subclass says which, in :meth:`objective`; one that doesn't
    raises ``NotImplementedError`` in its first step.

    ``parameters``: those that Adam moves (None: all of the model's).
    """

    def __init__(
        self, model: nn.Module, lr: float = 1e-3, parameters: Sequence[nn.Parameter] | None = None
    ) -> None:
        self.model: Any = model  # subclasses know what it is
        self.parameters = list(model.parameters() if parameters is None else parameters)
        self.optimizer = adam(self.parameters, lr)

    def objective(self, batch: Any) -> Objective:
        """The objective on a batch, tensors (B, ...) as the model takes them."""
        raise NotImplementedError(f"{type(self).__name__} must say what it descends, in its objective(batch)")

    def __call__(self, batch: Any) -> dict[str, Tensor]:
        return self.improve(self.objective(batch))

    def improve(self, objective: Objective) -> dict[str, Tensor]:
        """Descend, count the step, and return the mean of each part, a scalar."""
        descend(self.optimizer, objective.loss, self.parameters)
        self.steps += 1
        return {name: part.detach().mean() for name, part in objective.parts.items()}
