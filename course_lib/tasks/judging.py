"""Compares what an answer gave with what it should have given, and names the gap and the likely mistake.

Runs where the learner's code doesn't. What an answer should give is computed here from the task's reference.
"""

import builtins
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from course_lib.probes.calls import DRAWS, observe
from course_lib.tasks.core import Case, Observation, Outputs, Task, Verdict
from course_lib.tasks.errors import explained

_MAX_GAPS = 3


def judge(task: Task, cases: Sequence[Case], observations: Sequence[Observation], *, reveal: bool) -> Verdict:
    """The verdict on what an answer gave for ``cases``. ``reveal``: numbers may be shown (public inputs only)."""
    return Judge(task, cases).verdict(observations, reveal=reveal)


def kind_of(error: str) -> str:
    """Which of Python's exceptions an error's text names, and nothing more of it: the text may hold the input."""
    names = [n for n in re.findall(r"\w+", error) if isinstance(getattr(builtins, n, None), type)]
    kinds = [name for name in names if issubclass(getattr(builtins, name), Exception)]
    return f"it stopped with {kinds[0]}" if kinds else "it gave back something that can't be taken"


class Judge:
    """Judges answers to one task on given cases; what right and wrong ones give there is computed once."""

    def __init__(self, task: Task, cases: Sequence[Case]) -> None:
        self.task, self.cases = task, cases
        self._by_answer: dict[tuple[int, int], Observation] = {}

    def verdict(self, observations: Sequence[Observation], *, reveal: bool) -> Verdict:
        """The verdict on one observation per case. ``reveal``: numbers may be shown."""
        for i, observation in enumerate(observations):
            if observation.untouched:
                return Verdict("untouched", f"{self.task.name} is not written yet. {observation.error}".strip())
            if observation.error:
                return Verdict("error", self._failed(observation.error, reveal), case=i)
        if self.task.measure is not None:
            verdict = Verdict("right")
            for i, (case, observation) in enumerate(zip(self.cases, observations, strict=True)):
                verdict = self.task.measure(case, observation.outputs)
                if not verdict.passed:
                    return replace(verdict, case=i)
            return Verdict("right", figures=verdict.figures)
        for i, observation in enumerate(observations):
            gaps = _gaps(self.task, self._expected(i), observation.outputs, reveal)
            if gaps:
                where = (
                    f"public case {i + 1} of {len(observations)}: {_inputs(self.cases[i])}"
                    if reveal
                    else "on a hidden input"
                )
                hint = self._likely_mistake(observations)
                gap = "" if hint or not reveal else self._in_words(i, observation.outputs)
                first = f": {gap}\nNumbers ({where}):" if gap else f" ({where})."
                lines = [
                    f"{self.task.name} is not right yet{first}",
                    *("- " + gap for gap in gaps[:_MAX_GAPS]),
                ]
                return Verdict("wrong", "\n".join(lines), hint, i)
        return Verdict("right")

    def _failed(self, error: str, reveal: bool) -> str:
        """What to say of an answer that gave nothing: what that means first, then what Python says."""
        if not reveal:
            return f"{self.task.name} could not be used. On a hidden input {kind_of(error)}."
        meaning = (
            explained(error) if error.startswith("It stopped") else ""
        )  # else the probe has said what it means
        said = f": {meaning}\n" if meaning else ". "
        return f"{self.task.name} could not be used{said}{error}"

    def _in_words(self, i: int, got: Outputs) -> str:
        """The gap of an answer that is no listed mistake, as the task tells it, or as any task's is told."""
        if DRAWS in got and DRAWS not in self._expected(i):
            return (
                "it draws random numbers, so its value is an estimate, or depends on chance. What was asked for "
                "follows from the inputs alone."
            )
        expected, got = _compared(self._expected(i)), _compared(got)
        if set(expected) != set(got) or any(x.shape != got[name].shape for name, x in expected.items()):
            return ""
        if not all(bool(x.isfinite().all()) for x in got.values()):
            return ""
        pairs = [(x, got[name]) for name, x in expected.items()]
        if any(x.dtype != y.dtype and not (x.is_floating_point() and y.is_floating_point()) for x, y in pairs):
            return ""  # the gap says so; floats of another size are compared as they are meant
        got = {name: got[name].to(x.dtype) for name, x in expected.items()}
        told = self.task.explain(self.cases[i], expected, got) if self.task.explain else ""
        return told or _which_part(self.task, expected, got)

    def _expected(self, i: int) -> Outputs:
        observation = self._observe(self.task.reference, i)
        if observation.error:
            raise RuntimeError(f"the reference of {self.task.name} fails: {observation.error}")
        return observation.outputs

    def _likely_mistake(self, observations: Sequence[Observation]) -> str:
        """The hint of the first listed mistake that gives the same outputs in every case, or nothing."""
        for mistake in self.task.mistakes:
            for i, observation in enumerate(observations):
                wrong = self._observe(mistake.answer, i)
                if wrong.error or _gaps(self.task, wrong.outputs, observation.outputs, reveal=False):
                    break
            else:
                return mistake.hint
        return ""

    def _observe(self, answer: Callable[..., Any], i: int) -> Observation:
        """What an answer of ours gives for the case with index i."""
        key = (id(answer), i)
        if key not in self._by_answer:
            self._by_answer[key] = observe(self.task.probe, answer, self.cases[i])
        return self._by_answer[key]


def _gaps(task: Task, expected: Outputs, got: Outputs, reveal: bool) -> list[str]:
    """What is wrong with each output, in words; empty if all is right."""
    expected, got = _compared(expected), _compared(got)
    if set(expected) != set(got):
        return [_other_outputs(expected, got)]
    gaps = [_gap(task, name, expected[name], got[name], reveal) for name in expected]
    return [gap for gap in gaps if gap]


def _compared(outputs: Outputs) -> Outputs:
    """All but what is only noted."""
    return {name: x for name, x in outputs.items() if not name.startswith("note: ")}


def _other_outputs(expected: Outputs, got: Outputs) -> str:
    """One line on an answer that gave other things than asked for."""
    given = [name for name in got if not name.startswith("the gradient of")]
    if "the value" not in expected or "the value" in given or not given:
        return f"{', '.join(expected)} was expected; {', '.join(got) or 'nothing'} came."
    if not given[0].startswith("value 1 of "):
        return (
            f"One tensor was expected; a dictionary or record of {', '.join(given)} came: return the tensor alone."
        )
    comma = " Is there a comma at the end of the return line?" if len(given) == 1 else ""
    return f"One tensor was expected; a tuple or list of {len(given)} came: return the tensor alone.{comma}"


def _which_part(task: Task, expected: Outputs, got: Outputs) -> str:
    """What is right and what isn't, where an answer's value is told apart from its gradients; or nothing."""
    gradients = {name for name in expected if name.startswith("the gradient of")}
    off = {name for name in expected if _gap(task, name, expected[name], got[name], reveal=False)}
    if off and off <= gradients:
        wrt = ", ".join(sorted({name.rsplit(" ", 1)[-1] for name in off}))
        return (
            f"the value is right, but not its gradient with respect to {wrt}. Something between stands outside of the "
            "graph (.detach(), .data, .item(), no_grad, a new tensor made of numbers), or has another derivative."
        )
    return ""


def _shapes(expected: Tensor, got: Tensor) -> str:
    """What a wrong shape says about an answer; or nothing."""
    if got.ndim == 0:
        return " One number for everything came: what should be left is one for each entry of that shape."
    if expected.ndim == 0:
        return " A scalar was expected: something is left to be added up or averaged."
    if got.numel() == expected.numel():
        same = got.ndim == 2 and got.shape == expected.shape[::-1]
        turned = (
            " It is transposed." if same else " As many numbers, in another shape: see keepdim, squeeze, flatten."
        )
        return turned
    return ""


def _gap(task: Task, name: str, expected: Tensor, got: Tensor, reveal: bool) -> str:
    if expected.shape != got.shape:
        return f"{name}: expected shape {tuple(expected.shape)}, got {tuple(got.shape)}.{_shapes(expected, got)}"
    if expected.dtype != got.dtype:
        return f"{name}: expected {_dtype(expected)}, got {_dtype(got)}. Keep the inputs' type."
    right, came = expected.double(), got.double()
    scale = 0.01 if expected.dtype == torch.float64 else 1.0
    close = torch.isclose(came, right, rtol=scale * task.rtol, atol=scale * task.atol, equal_nan=True)
    if bool(close.all()):
        return ""
    if not bool(came.isfinite().all()):
        where = _index((~came.isfinite()).flatten(), expected)
        value = came[~came.isfinite()].flatten()[0].item()
        return f"{name}: {value} came{where}. Look for log(0), 0/0, or an exp that overflows."
    if not bool(came.any()):
        if "gradient" in name:
            wrt = name.rsplit(" ", 1)[-1]
            return f"{name}: zero everywhere. Nothing flows back to {wrt}."
        return f"{name}: zero everywhere."
    if not reveal:
        return f"{name}: {int((~close).sum())} of {close.numel()} entries are wrong."
    return f"{name}: {_numbers(right, came, ~close)}"


def _numbers(right: Tensor, came: Tensor, wrong: Tensor) -> str:
    first = int(wrong.flatten().int().argmax())
    text = (
        f"expected {right.flatten()[first].item():.5g}, got {came.flatten()[first].item():.5g}"
        f"{_index(wrong.flatten(), right)}"
    )
    if right.numel() > 1:
        error = (came - right).abs()
        text += (
            f"; {int(wrong.sum())} of {wrong.numel()} entries are wrong, the largest error is {error.max():.3g}"
        )
    if bool((right != 0).all()):
        ratio = (came / right).flatten()
        is_plain = right.numel() > 1 or min(abs(ratio.item() - r) for r in (-1, 0.5, 2)) < 1e-3
        if is_plain and bool(torch.isclose(ratio, ratio[0], rtol=1e-3).all()):
            text += f". What came is {ratio[0].item():.4g} times what was expected"
            text += ", everywhere" if right.numel() > 1 else ""
    return text + "."


def _index(wrong: Tensor, like: Tensor) -> str:
    """Where the first wrong entry is, as `` at [i, j]``; nothing for a scalar."""
    if like.ndim == 0:
        return ""
    place = torch.unravel_index(wrong.int().argmax(), like.shape)
    return f" at [{', '.join(str(int(i)) for i in place)}]"


def _dtype(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")


def _inputs(case: Case) -> str:
    return ", ".join(
        f"{name} {_dtype(x)} {tuple(x.shape)}" if isinstance(x, Tensor) else f"{name} {x}"
        for name, x in case.items()
    )
