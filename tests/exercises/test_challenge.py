"""The open challenge: figures come from the layers that came back, whatever is claimed; nothing breaks the judge."""

import pytest
import torch
from torch import Tensor, nn

from course_lib.probes.contract import AnswerError
from course_lib.probes.ex10_challenge import LAYERS, STEPS, layers_of, trained_generator
from course_lib.tasks.core import Verdict
from course_lib.tasks.ex10_which_model.challenge import MAX_WEIGHTS, TRAIN_GENERATOR, measure, rebuilt

CASE = {"num_steps": 500, "max_weights": MAX_WEIGHTS, "data_seed": 7}


def network(*last: nn.Module, hidden: int = 20) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, hidden), nn.LeakyReLU(0.3), nn.Linear(hidden, 784), *last)


def outputs(made: nn.Module, handed_out: float = 500, steps: float = 500) -> dict[str, Tensor]:
    return layers_of(made) | {STEPS: torch.tensor([handed_out, steps], dtype=torch.float64)}


def test_the_layers_make_the_same_images_elsewhere() -> None:
    made = nn.Sequential(nn.Flatten(), network(nn.GELU()), nn.Dropout(), nn.ELU(0.7)).eval()
    again = rebuilt(outputs(made))
    z = torch.randn(5, 3)
    assert again is not None
    assert torch.allclose(again(z), made(z), atol=1e-6)


def test_figures_are_measured_and_not_taken_from_what_came() -> None:
    honest = outputs(network(nn.Sigmoid()))
    claims = {"figures": torch.zeros(4), "Fréchet distance": torch.zeros(()), "weights": torch.ones(())}
    verdicts = [measure(CASE, honest), measure(CASE, honest | claims)]
    assert verdicts[0] == verdicts[1]
    figures = dict(verdicts[0].figures)
    assert not verdicts[0].passed
    assert figures["Fréchet distance"] > 300
    assert figures["weights"] == 3 * 20 + 20 + 20 * 784 + 784
    assert all(isinstance(name, str) and isinstance(x, float) for name, x in figures.items())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({LAYERS: torch.tensor([[99.0, 0.0]])}, "don't fit together"),
        ({LAYERS: torch.full((3, 2), float("nan"))}, "don't fit together"),
        ({LAYERS: torch.zeros(0, 2)}, "don't fit together"),
        ({LAYERS: torch.zeros(3)}, "don't fit together"),
        ({"0.weight": torch.zeros(0, 3)}, "don't fit together"),
        ({"0.weight": torch.zeros(20, 3, 1)}, "don't fit together"),
        ({"2.weight": torch.zeros(784, 21)}, "don't fit together"),
        ({"0.bias": torch.zeros(3)}, "don't fit together"),
        ({"0.weight": torch.zeros(20, 3, dtype=torch.complex64)}, "don't fit together"),
        ({"0.weight": torch.full((20, 3), float("inf"))}, "aren't finite"),
        ({STEPS: torch.zeros(0)}, "no batch was used"),
        ({STEPS: torch.tensor([float("nan")] * 2)}, "no batch was used"),
        ({STEPS: torch.tensor([500.0, 501.0])}, "more steps than there were batches"),
        ({STEPS: torch.tensor([1e300, 500.0], dtype=torch.float64)}, "more steps than there were batches"),
        ({STEPS: torch.tensor([500.0, -3.0])}, "no batch was used"),
    ],
    ids=str,
)
def test_whatever_comes_is_a_verdict_with_a_reason(changed: dict[str, Tensor], told: str) -> None:
    verdict = measure(CASE, outputs(network(nn.Sigmoid())) | changed)
    assert (verdict.outcome, verdict.figures) == ("wrong", ())
    assert told in verdict.hint


def test_weights_are_counted_here() -> None:
    assert "more weights" in measure(CASE, outputs(network(nn.Sigmoid(), hidden=250))).hint


@pytest.mark.parametrize("made", [nn.Sequential(nn.Linear(3, 784), nn.BatchNorm1d(784)), None, nn.Conv2d(1, 1, 3)])
def test_other_parts_are_named(made: object) -> None:
    with pytest.raises(AnswerError, match=r"holds a|was expected"):
        layers_of(made)


def test_batches_and_steps_are_counted() -> None:
    def greedy(batches: object, max_weights: int) -> nn.Module:
        made = network(nn.Sigmoid())
        optimizer = torch.optim.SGD(made.parameters(), lr=1e-3)
        for x in batches:  # type: ignore[attr-defined]
            for _ in range(2):
                optimizer.zero_grad()
                (made(torch.randn(128, 3)) - x).square().mean().backward()
                optimizer.step()
        assert not list(batches)  # type: ignore[call-overload]
        return made

    assert trained_generator(greedy, CASE | {"num_steps": 4})[STEPS].tolist() == [4, 8]


def test_a_verdict_without_figures_is_as_it_was() -> None:
    assert Verdict("right") == Verdict("right", figures=())
    assert TRAIN_GENERATOR.measure is measure
