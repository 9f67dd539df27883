"""Predictions: a question before its answer, the guess kept beside the notebook, and the answer set against it."""

import html
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from traitlets import TraitError

KEPT = Path(".predictions.json")  # in the notebook's folder


class Prediction(widgets.VBox):
    """A question with its fields; each change is kept. ``fields`` maps a part's name (or ``""``) to its widget.

    Where widgets can't be displayed the question alone stands there.
    """

    def __init__(self, name: str, question: str, fields: dict[str, widgets.Widget]) -> None:
        self.name, self.question, self.fields = name, question, fields
        head = widgets.HTML(f"<b>Predict.</b> {html.escape(question)}")
        super().__init__([head, *fields.values()])
        for part, guess in _kept().get(name, {}).items():
            if part in fields:
                with suppress(TraitError):  # the choices are other ones now
                    fields[part].value = guess
        for field in fields.values():
            field.observe(self._keep, names="value")

    def _keep(self, _change: Any = None) -> None:
        guesses = {part: field.value for part, field in self.fields.items() if field.value}
        KEPT.write_text(
            json.dumps(_kept() | {self.name: guesses}, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        still = {"text/plain": f"Predict. {self.question}", "text/markdown": f"**Predict.** {self.question}"}
        return {**bundle, **still}, {}


def predict(name: str, question: str, *, choices: Sequence[str] = (), parts: Sequence[str] = ("",)) -> Prediction:
    """Ask ``question`` before its answer can be seen; ``answer(name, ...)`` sets the guess against what came out.

    ``choices``: one of these is the guess, else it is a number. ``parts``: what a number is asked for, one field each.
    Let it be the last expression of a cell. Raises ``ValueError`` for choices among several parts.
    """
    if choices and tuple(parts) != ("",):
        raise ValueError("a prediction must have choices or parts, got both; ask two questions")
    style = {"description_width": "initial"}
    if choices:
        field = widgets.RadioButtons(options=list(choices), value=None, layout=widgets.Layout(width="auto"))
        return Prediction(name, question, {"": field})
    fields = {
        part: widgets.Text(
            description=part or "my guess", placeholder="a number", continuous_update=False, style=style
        )
        for part in parts
    }
    return Prediction(name, question, fields)


def answer(name: str, result: float | str | Mapping[str, float], unit: str = "") -> None:
    """Print what came out beside the guess that ``predict(name, ...)`` kept, and how far it was.

    ``result``: a number, the right choice, or a number for each part.
    """
    guesses = _kept().get(name, {})
    results = result if isinstance(result, Mapping) else {"": result}
    after = f" {unit}" if unit else ""
    for part, came in results.items():
        head = f"{part}: " if part else ""
        came_out = f"the answer: {came}" if isinstance(came, str) else f"it is {_said(came)}{after}"
        print(f"{head}{came_out}{_beside(guesses.get(part), came)}.")


def _beside(guess: str | None, came: float | str) -> str:
    """The guess, and how far it was from what came; nothing if none was kept."""
    if not guess:
        return ""
    if isinstance(came, str):
        return ", as you said" if guess == came else f"; you said {guess}"
    try:
        number = float(guess.replace(",", ".").rstrip("%x× "))
    except ValueError:
        return f"; your guess, {guess!r}, is no number"
    if came and number and (number > 0) == (came > 0):
        times = max(number / came, came / number)
        far = (
            "as close as one can read"
            if times < 1.05
            else f"{times:.2g} times too {'much' if number > came else 'little'}"
        )
        return f"; you said {_said(number)}: {far}"
    return f"; you said {_said(number)}: off by {_said(abs(number - came))}"


def _said(value: float) -> str:
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def _kept() -> dict[str, dict[str, str]]:
    """All guesses of the notebooks in this folder; none if the file is damaged."""
    try:
        kept = json.loads(KEPT.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
