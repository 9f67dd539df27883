"""A page for each learner: marks, what went wrong and what it looks like, comments, their own code.

It holds learners' text, which is escaped, and no script may run in it. Nothing hidden is in it.
"""

from pathlib import Path
from typing import Any

from course_lib.grading.reports.style import page
from course_lib.grading.reports.text import clean, safe_name
from course_lib.grading.results import Adjustment, Record, TaskVerdict

HINT = "It looks like this mistake: "
_LONGEST = 20_000  # characters of one learner's text; a page stays one that a browser opens
_WORDS = {
    "right": ("✓", "right"),
    "wrong": ("✗", "not right yet"),
    "error": ("✗", "stopped with an error"),
    "untouched": ("○", "not answered"),
    "missing": ("○", "no result"),
}

_STYLE = """
.who { color: #57606a; margin: .2rem 0 1.2rem; overflow-wrap: anywhere; }
.score { font-size: 2rem; font-weight: 600; } .score small { font-size: 1rem; font-weight: 400; color: #57606a; }
.bar { height: .6rem; background: #d9dde1; border-radius: .3rem; overflow: hidden; margin: .4rem 0 1.5rem; }
.bar div { height: 100%; background: #0072b2; }
section.right { border-left-color: #0072b2; } section.wrong, section.error { border-left-color: #d55e00; }
.note { border-left-color: #e69f00; } .note p { margin: .2rem 0; overflow-wrap: anywhere; }
.note.changes { border-left-color: #009e73; }
h2 { display: flex; gap: .6rem; align-items: baseline; flex-wrap: wrap; }
h2 .points { margin-left: auto; font-weight: 400; color: #57606a; white-space: nowrap; }
.verdict { font-weight: 400; color: #57606a; }
.right .verdict { color: #0072b2; } .wrong .verdict, .error .verdict { color: #b34700; }
.message, .comment { white-space: pre-wrap; overflow-wrap: anywhere; margin: .6rem 0 0; }
.comment { background: #e8f5f0; border-radius: .3rem; padding: .5rem .7rem; }
.hint { background: #fdf4e3; border-radius: .3rem; padding: .5rem .7rem; margin: .7rem 0 0; }
details { margin-top: .7rem; } summary { cursor: pointer; color: #57606a; }
pre { background: #f5f6f7; border-radius: .3rem; padding: .7rem; overflow-x: auto; font-size: .85rem;
  margin: .5rem 0 0; }
"""
_BODY = """<h1>{{ title }}</h1><p class="who"><bdi>{{ learner }}</bdi></p>
<div class="score">{{ score }} <small>of {{ max_score }} points</small></div>
<div class="bar"><div style="width: {{ percent }}%"></div></div>
{% if notes %}<div class="note">{% for note in notes %}<p>{{ note }}</p>{% endfor %}</div>{% endif %}
{% if changes %}<div class="note changes">{% for change in changes %}
<p><strong>{{ change.what }}</strong> {{ change.comment }} <span class="quiet">{{ change.who }}</span></p>
{% endfor %}</div>{% endif %}
{% for task in tasks %}
<section class="{{ task.verdict }}">
<h2><code>{{ task.name }}</code> <span class="verdict">{{ task.sign }} {{ task.word }}</span>
<span class="points">{{ task.points }} of {{ task.max_points }} points</span></h2>
{% for change in task.changes %}
<p class="comment"><strong>{{ change.what }}</strong> {{ change.comment }} <span
class="quiet">{{ change.who }}</span></p>
{% endfor %}
{% if task.message %}<p class="message">{{ task.message }}</p>{% endif %}
{% if task.hint %}<p class="hint"><strong>It looks like this mistake:</strong> {{ task.hint }}</p>{% endif %}
{% if task.code %}<details><summary>Your code</summary><pre>{{ task.code }}</pre></details>{% endif %}
</section>
{% endfor %}
{% if run %}<footer>Your functions were run on the inputs of the public checks and on others that are not shown. Where
entries are compared number by number, the inputs are public: your check cell tells the same.</footer>{% endif %}
"""
_PAGE = page("{{ title }}: feedback", _STYLE, _BODY)


def feedback_html(record: Record) -> str:
    """The page for a learner."""
    result = record.result
    known = {verdict.task for verdict in result.verdicts}
    return _PAGE.render(
        title=exercise_title(record.exercise),
        learner=clean(record.learner, 200),
        score=f"{record.score:g}",
        max_score=f"{record.max_score:g}",
        percent=f"{min(100.0, 100 * record.score / record.max_score) if record.max_score else 0:.0f}",
        notes=[clean(note, _LONGEST) for note in (result.reason, *result.notes) if note],
        changes=[_change(a) for a in record.adjustments if a.task not in known],
        tasks=[_task(record, verdict) for verdict in result.verdicts],
        run=result.status in ("graded", "stopped"),
    )


def feedback_path(out: Path, learner: str, exercise: str) -> Path:
    """Where a learner's page goes: below ``out``, whatever the names are."""
    return out / "feedback" / safe_name(learner) / f"{safe_name(exercise or 'unknown')}.html"


def exercise_title(exercise: str) -> str:
    """``Exercise 05 variational autoencoder``."""
    return clean("Exercise " + exercise.replace("_", " ") if exercise else "An exercise", 200)


def split_hint(message: str) -> tuple[str, str]:
    """What a verdict says, and the misconception that it names (or nothing)."""
    said, _, hint = message.partition(HINT)
    return said.strip(), hint.strip()


def what_changed(adjustment: Adjustment) -> str:
    """An adjustment in words, without its comment."""
    points = f"{abs(adjustment.points):g} {'point' if abs(adjustment.points) == 1 else 'points'}"
    if adjustment.kind == "late":
        return f"Handed in late: {points} taken off."
    if adjustment.kind == "comment":
        return "Comment:"
    if adjustment.task:
        return f"Marked by hand: {points}."
    return f"{points} {'taken off' if adjustment.points < 0 else 'added'} by hand."


def _task(record: Record, verdict: TaskVerdict) -> dict[str, Any]:
    said, hint = split_hint(clean(verdict.message, _LONGEST))
    sign, word = _WORDS[verdict.verdict]
    return {
        "name": verdict.task,
        "verdict": verdict.verdict,
        "sign": sign,
        "word": word,
        "points": f"{record.points[verdict.task]:g}",
        "max_points": f"{verdict.max_points:g}",
        "changes": [_change(a) for a in record.adjustments if a.task == verdict.task],
        "message": said if record.result.status not in ("rejected", "failed") else "",
        "hint": hint,
        "code": clean(record.answers.get(verdict.task, "").strip(), _LONGEST),
    }


def _change(adjustment: Adjustment) -> dict[str, str]:
    who = ", ".join(filter(None, (clean(adjustment.by, 100), clean(adjustment.at[:10]))))
    return {
        "what": what_changed(adjustment),
        "comment": clean(adjustment.comment, _LONGEST),
        "who": who and f"({who})",
    }
