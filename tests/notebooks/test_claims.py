"""Claims and predictions: what a reader is told, and what a test of the lessons stops at."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from course_lib import predictions
from course_lib.claims import Settings, claim, print_seeds
from course_lib.predictions import answer, predict


@pytest.fixture(autouse=True)
def no_lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "current", None)
    monkeypatch.delenv("COURSE_STRICT", raising=False)


@pytest.mark.parametrize(
    ("value", "bounds", "says"),
    [
        (0.483, {"below": 0.5}, "✓ half of it: 0.483 nats"),
        (0.53, {"below": 0.5}, "✗ half of it: 0.53 nats. Claimed was less than 0.5; it is 0.03 more."),
        (2.0, {"above": 2}, "✗ half of it: 2 nats. Claimed was more than 2; it is 0 less."),
        (float("nan"), {"below": 0.5}, "✗ half of it: nan nats."),
        ([3.0, 5.0, 4.0], {"above": 2, "below": 6}, "✓ half of it: 4 (3, 5, 4) nats"),
        (
            [3.0, 7.0, 5.0],
            {"above": 2, "below": 6},
            "✗ half of it: 5 (3, 7, 5) nats. Claimed was less than 6; it is 1 more.",
        ),
        ({"VAE": 193.4, "GAN": 12345}, {"rising": True}, "✓ half of it: VAE 193, GAN 12345 nats"),
        ([1.0, 2.0, 2.0], {"rising": True}, "each is more than the one before"),
        ([3.0, 2.0, 2.5], {"falling": True}, "each is less than the one before"),
    ],
)
def test_a_claim_says_its_number_and_by_how_much_it_was_missed(
    value: Any, bounds: dict[str, Any], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    claim("half of it", value, unit="nats", **bounds)
    assert says in capsys.readouterr().out


def test_a_claim_that_does_not_hold_stops_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_STRICT", "1")
    claim("fine", 1, below=2)
    with pytest.raises(AssertionError, match=r"a claim doesn't hold. too much: 3. Claimed was less than 2"):
        claim("too much", 3, below=2)


def test_an_example_is_said_and_stops_no_test(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COURSE_STRICT", "1")
    claim("too much", 3, below=2, example=True)
    assert "✗ too much: 3. Claimed was less than 2; it is 1 more." in capsys.readouterr().out


def test_nothing_is_claimed_away_from_the_defaults(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COURSE_STRICT", "1")
    cell = {"SEED": 0, "DIMS": (2, 16), "x": 3, "_X": 4}
    settings = Settings(cell)
    assert settings.defaults == {"SEED": 0, "DIMS": (2, 16)}
    cell["SEED"] = 1  # as papermill does it
    claim("too much", 3, below=2)
    assert "too much: 3 (not claimed at these settings)" in capsys.readouterr().out
    cell["SEED"], cell["x"] = 0, 5
    with pytest.raises(AssertionError):
        claim("too much", 3, below=2)


def test_small_runs_claim_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cell = {"NUM_STEPS": 1000}
    settings = Settings(cell)
    settings.small(NUM_STEPS=5)
    assert cell["NUM_STEPS"] == 1000
    monkeypatch.setenv("COURSE_SMOKE", "1")
    settings.small(NUM_STEPS=5)
    assert cell["NUM_STEPS"] == 5
    claim("too much", 3, below=2)
    assert "not claimed" in capsys.readouterr().out
    with pytest.raises(ValueError, match="STEPS must be a parameter of this lesson, one of NUM_STEPS"):
        settings.small(STEPS=1)


DEFAULTS = {"SEED": 0, "NUM_STEPS": 600, "RATE": 2e-3, "BETA": 0.0, "DATASET": "glyphs", "DIMS": (2, 16)}
DEFAULTS |= {"NUM_TRAIN": None, "FAST": False}
WHOLE, ABOVE_0 = "an integer of at least 1", "a number above 0"
NONSENSE = [
    ("SEED", -1, "an integer of at least 0"),
    *(("NUM_STEPS", value, WHOLE) for value in (0, -600, 600.0, "600", True, None)),
    *(("RATE", value, ABOVE_0) for value in (0, -2e-3, "0.002", float("nan"), float("inf"), True)),
    ("BETA", -0.5, "a number of at least 0"),
    *(("DATASET", value, "a word in quotes") for value in (3, "", None)),
    *(("DIMS", value, f"a list, each of it {WHOLE}") for value in ((), 16, (2, -16), [2, 1.5], "ab")),
    *(("NUM_TRAIN", value, f"None or {WHOLE}") for value in (0, -5, "all")),
    *(("FAST", value, "True or False") for value in (1, "True")),
]


@pytest.mark.situation(
    "Lessons",
    "a parameter of a lesson that makes no sense: a negative size, a word for a number",
    "A sentence names it, what it must be and its default, before anything is computed.",
)
@pytest.mark.parametrize(("name", "value", "asked"), NONSENSE)
def test_a_parameter_that_makes_no_sense_is_named_before_anything_is_computed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any, asked: str
) -> None:
    cell: dict[str, Any] = dict(DEFAULTS)
    settings = Settings(cell)
    cell[name] = value  # as papermill does it
    sentence = f"{name} must be {asked}, got {value!r}; give another one, or its default, {DEFAULTS[name]!r}"
    with pytest.raises(ValueError, match=re.escape(sentence)):
        settings.small()


SENSE = {"SEED": 7, "NUM_STEPS": 1, "RATE": 1, "BETA": 2, "DATASET": "mnist", "DIMS": [4], "NUM_TRAIN": 500}


@pytest.mark.parametrize(("name", "value"), [*SENSE.items(), ("BETA", 0), ("FAST", True)])
def test_a_parameter_that_makes_sense_is_taken(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    cell: dict[str, Any] = dict(DEFAULTS)
    settings = Settings(cell)
    settings.small()
    cell[name] = value
    settings.small()
    assert cell[name] == value


def test_a_claim_must_say_something() -> None:
    with pytest.raises(ValueError, match="must have a bound or an order"):
        claim("it is nice", 3)


def test_numbers_by_seed_stand_in_columns_that_fit_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {"one": [[1.234, 12877.4, 99.96], [3.0, 4.0, 5.0]], "another": [[0.5, 0.25, 0.125], [1, 2, 3]]}
    print_seeds("distance", ["2 numbers", "8 numbers"], rows)
    assert capsys.readouterr().out.splitlines() == [
        "distance                           2 numbers             8 numbers",
        "one                       1.23  12877  99.96    3.00   4.00   5.00",
        "another                   0.50   0.25   0.12    1.00   2.00   3.00",
    ]
    with pytest.raises(ValueError, match="rows must have 1 cells each, as there are columns, got 2"):
        print_seeds("distance", ["2 numbers"], rows)


# predictions


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("guess", "says"),
    [
        ("20", "it is 7 numbers; you said 20: 2.9 times too much."),
        ("3,5", "it is 7 numbers; you said 3.5: 2 times too little."),
        ("7.1", "it is 7 numbers; you said 7.1: as close as one can read."),
        ("-2", "it is 7 numbers; you said -2: off by 9."),
        ("many", "it is 7 numbers; your guess, 'many', is no number."),
        ("", "it is 7 numbers."),
    ],
)
def test_a_guess_is_kept_and_set_against_the_result(
    guess: str, says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = predict("numbers", "How many numbers are enough?")
    asked.fields[""].value = guess
    answer("numbers", 7, "numbers")
    assert capsys.readouterr().out.strip() == says
    assert predict("numbers", "How many numbers are enough?").fields[""].value == guess


def test_choices_and_parts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predict("who", "Whose is better?", choices=["mine", "yours"]).fields[""].value = "mine"
    answer("who", "yours")
    table = predict("errors", "How large?", parts=["2 numbers", "8 numbers"])
    table.fields["8 numbers"].value = "10"
    answer("errors", {"2 numbers": 4.0, "8 numbers": 5.0})
    assert capsys.readouterr().out.splitlines() == [
        "the answer: yours; you said mine.",
        "2 numbers: it is 4.",
        "8 numbers: it is 5; you said 10: 2 times too much.",
    ]
    assert json.loads(predictions.KEPT.read_text()) == {"who": {"": "mine"}, "errors": {"8 numbers": "10"}}
    with pytest.raises(ValueError, match="got both"):
        predict("x", "?", choices=["a"], parts=["b"])


def test_a_damaged_file_and_old_choices_do_no_harm(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predictions.KEPT.write_text("{")
    answer("who", "yours")
    predictions.KEPT.write_text('{"who": {"": "nobody"}}')
    assert predict("who", "?", choices=["mine", "yours"]).fields[""].value is None
    answer("who", "yours")
    # a guess that is no choice any more is still what was said
    assert capsys.readouterr().out.splitlines() == ["the answer: yours.", "the answer: yours; you said nobody."]


def test_without_a_front_end_the_question_stands_there(folder: Path) -> None:
    data, _ = predict("numbers", "How many <b>numbers</b>?")._repr_mimebundle_()
    assert data["text/plain"] == "Predict. How many <b>numbers</b>?"
    assert "application/vnd.jupyter.widget-view+json" in data
