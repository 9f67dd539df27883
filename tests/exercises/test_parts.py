"""What a gap is told to be made of: the fewest parts that add up to it, in words."""

import pytest
import torch

from course_lib.tasks.parts import in_words, made_of

PARTS = {name: torch.randn(8, generator=torch.Generator().manual_seed(i)) for i, name in enumerate("abc")}


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ({"a": 1.0}, "a"),
        ({"a": -0.5, "c": 1.0}, "minus 0.5 × a plus c"),
        ({"a": 2.0, "b": -1.0, "c": 0.02}, "2 × a minus b plus 0.02 × c"),
        ({}, "nothing"),
    ],
)
def test_the_factors_are_found_and_told(factors: dict[str, float], words: str) -> None:
    target = sum((factor * PARTS[name] for name, factor in factors.items()), torch.zeros(8))
    found = made_of(target, PARTS)
    assert found == pytest.approx(factors, abs=1e-5)
    assert in_words(found) == words


def test_fewest_parts_win_although_others_fit_too() -> None:
    both = PARTS | {"a plus b": PARTS["a"] + PARTS["b"]}
    assert made_of(2 * (PARTS["a"] + PARTS["b"]), both) == pytest.approx({"a plus b": 2.0})


def test_what_is_made_of_something_else_is_not_forced_into_parts() -> None:
    other = torch.randn(8, generator=torch.Generator().manual_seed(9))
    assert made_of(other, PARTS) is None
    assert made_of(PARTS["a"] + 0.1 * other, PARTS) is None


def test_as_many_parts_as_entries_say_nothing() -> None:
    short = {name: part[:2] for name, part in PARTS.items()}
    assert made_of(torch.tensor([1.0, 2.0]), short) is None


def test_a_constant_is_told_as_a_number() -> None:
    found = made_of(3 * PARTS["a"] - 2, PARTS | {"1": torch.ones(8)})
    assert found is not None
    assert in_words(found) == "3 × a minus 2"
