"""What comes out: two tables for the instructor, a page for each learner.

Names and messages hold learners' text. In the page everything is escaped, no script is allowed, and nothing hidden is
in it; in the tables a cell can't be read as a formula by a spreadsheet.
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from course_lib.grading.results import Result, TaskVerdict

_WORDS = {
    "right": ("✓", "right"),
    "wrong": ("✗", "not right yet"),
    "error": ("✗", "stopped with an error"),
    "untouched": ("○", "not answered"),
    "missing": ("○", "no result"),
}
_HINT = "It looks like this mistake: "

_PAGE = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}: feedback</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: #f5f6f7; margin: 0; }
main { max-width: 46rem; margin: 2.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } .who { color: #57606a; margin: .2rem 0 1.2rem; overflow-wrap: anywhere; }
.score { font-size: 2rem; font-weight: 600; } .score small { font-size: 1rem; font-weight: 400; color: #57606a; }
.bar { height: .6rem; background: #d9dde1; border-radius: .3rem; overflow: hidden; margin: .4rem 0 1.5rem; }
.bar div { height: 100%; background: #0072b2; }
section, .note { background: #fff; border: 1px solid #d9dde1; border-left: .35rem solid #8c959f; border-radius: .4rem;
  padding: .8rem 1.1rem; margin: 0 0 1rem; }
section.right { border-left-color: #0072b2; } section.wrong, section.error { border-left-color: #d55e00; }
.note { border-left-color: #e69f00; } .note p { margin: .2rem 0; }
h2 { font-size: 1.05rem; margin: 0; display: flex; gap: .6rem; align-items: baseline; flex-wrap: wrap; }
h2 .points { margin-left: auto; font-weight: 400; color: #57606a; white-space: nowrap; }
.verdict { font-weight: 400; color: #57606a; }
.right .verdict { color: #0072b2; } .wrong .verdict, .error .verdict { color: #b34700; }
.message { white-space: pre-wrap; overflow-wrap: anywhere; margin: .6rem 0 0; }
.hint { background: #fdf4e3; border-radius: .3rem; padding: .5rem .7rem; margin: .7rem 0 0; }
details { margin-top: .7rem; } summary { cursor: pointer; color: #57606a; }
pre { background: #f5f6f7; border-radius: .3rem; padding: .7rem; overflow-x: auto; font-size: .85rem;
  margin: .5rem 0 0; }
footer { color: #57606a; font-size: .85rem; margin: 1.5rem 0; }
</style></head><body><main>
<h1>{{ title }}</h1><p class="who">{{ learner }}</p>
<div class="score">{{ score }} <small>of {{ max_score }} points</small></div>
<div class="bar"><div style="width: {{ percent }}%"></div></div>
{% if notes %}<div class="note">{% for note in notes %}<p>{{ note }}</p>{% endfor %}</div>{% endif %}
{% for task in tasks %}
<section class="{{ task.verdict }}">
<h2><code>{{ task.name }}</code> <span class="verdict">{{ task.sign }} {{ task.word }}</span>
<span class="points">{{ task.points }} of {{ task.max_points }} points</span></h2>
{% if task.message %}<p class="message">{{ task.message }}</p>{% endif %}
{% if task.hint %}<p class="hint"><strong>It looks like this mistake:</strong> {{ task.hint }}</p>{% endif %}
{% if task.code %}<details><summary>Your code</summary><pre>{{ task.code }}</pre></details>{% endif %}
</section>
{% endfor %}
{% if run %}<footer>Your functions were run on the inputs of the public checks and on others that are not shown. Where
entries are compared number by number, the inputs are public: your check cell tells the same.</footer>{% endif %}
</main></body></html>
"""
)


def feedback_html(result: Result, answers: Mapping[str, str]) -> str:
    """The page for a learner. ``answers``: their code by task."""
    tasks = []
    for verdict in result.verdicts:
        message, _, hint = verdict.message.partition(_HINT)
        sign, word = _WORDS[verdict.verdict]
        tasks.append(
            {
                "name": verdict.task,
                "verdict": verdict.verdict,
                "sign": sign,
                "word": word,
                "points": f"{verdict.points:g}",
                "max_points": f"{verdict.max_points:g}",
                "message": message.strip() if result.status not in ("rejected", "failed") else "",
                "hint": hint,
                "code": answers.get(verdict.task, "").strip(),
            }
        )
    return _PAGE.render(
        title="Exercise " + result.exercise.replace("_", " ") if result.exercise else "An exercise",
        learner=result.learner,
        score=f"{result.score:g}",
        max_score=f"{result.max_score:g}",
        percent=f"{100 * result.score / result.max_score if result.max_score else 0:.0f}",
        notes=[note for note in (result.reason, *result.notes) if note],
        tasks=tasks,
        run=result.status in ("graded", "stopped"),
    )


def feedback_path(out: Path, result: Result) -> Path:
    """Where a learner's page goes: below ``out``, whatever the names are."""
    return out / "feedback" / _safe(result.learner) / f"{_safe(result.exercise or 'unknown')}.html"


def write_tables(out: Path, results: Sequence[Result]) -> None:
    """``gradebook.csv``, a row per submission, and ``tasks.csv``, a row per task (one without a task if unknown)."""
    _write(
        out / "gradebook.csv",
        ("learner", "exercise", "score", "max_score", "status", "seconds"),
        (
            (r.learner, r.exercise, f"{r.score:g}", f"{r.max_score:g}", r.status, f"{r.seconds:.1f}")
            for r in results
        ),
    )
    _write(
        out / "tasks.csv",
        ("learner", "exercise", "task", "points", "max_points", "verdict", "message"),
        (
            (r.learner, r.exercise, v.task, f"{v.points:g}", f"{v.max_points:g}", v.verdict, v.message)
            for r in results
            for v in r.verdicts or (TaskVerdict("", 0, 0, "missing", r.reason),)
        ),
    )


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table in one go, so that nobody finds half of it."""
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows([_cell(text) for text in row] for row in rows)
    unfinished.replace(path)


def _cell(text: str) -> str:
    """A spreadsheet takes what starts like this for a formula, and a learner chose the text."""
    clean = text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return "'" + clean if clean.startswith(("=", "+", "-", "@", "\t", "\r")) else clean


def _safe(name: str) -> str:
    """A file name: the name itself if it is plain, else what is plain of it and a hash of the whole."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.@ -]{0,79}(?<![. ])", name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '_', name)[:40]}-{digest}"
