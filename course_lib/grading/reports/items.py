"""The item analysis: a page for the instructor on how hard the tasks were and what went wrong, without any name.

Messages of errors are learners' text, which is escaped; no script may run in the page, and it loads nothing.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from course_lib.grading.reports.pages import exercise_title
from course_lib.grading.reports.plots import outcome_bars, score_histogram, seconds_histogram, svg
from course_lib.grading.reports.statistics import FEWEST, ExerciseStatistics, TaskStatistics, statistics
from course_lib.grading.reports.style import page
from course_lib.grading.results import Record

_STYLE = """
main { max-width: 60rem; }
h1 + p { margin-top: .3rem; }
h2 { font-size: 1.3rem; margin: 2.2rem 0 .8rem; } h3 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
section { border-left: 1px solid #d9dde1; padding: 1.1rem 1.4rem 1.3rem; } section > h2 { margin-top: 0; }
.numbers { display: flex; flex-wrap: wrap; gap: .6rem 2.2rem; margin: 0; }
.numbers div { min-width: 5rem; } .numbers dt { color: #57606a; font-size: .85rem; }
.numbers dd { margin: 0; font-size: 1.35rem; font-weight: 600; }
figure { margin: 0; } figure svg { width: 100%; max-width: 44rem; height: auto; display: block; }
figcaption { color: #57606a; font-size: .88rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th { text-align: left; font-weight: 600; border-bottom: 2px solid #d9dde1; padding: .35rem 1.1rem .35rem 0;
  vertical-align: bottom; }
td { border-bottom: 1px solid #e6e9ec; padding: .45rem 1.1rem .45rem 0; vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.text { overflow-wrap: anywhere; white-space: pre-wrap; min-width: 15rem; }
.low { color: #b34700; font-weight: 600; }
"""
_BODY = """<h1>Item analysis</h1>
<p class="quiet">{{ learners }} learners, {{ submissions }} submissions. No name is on this page.</p>
{% for exercise in exercises %}
<section>
<h2>{{ exercise.title }}</h2>
<dl class="numbers">
{% for name, value in exercise.numbers %}<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>
{% endfor %}</dl>
{% if exercise.scores %}
<h3>Scores</h3>
<figure role="img" aria-label="{{ exercise.scores_alt }}">{{ exercise.scores }}
<figcaption>Scores with late penalties and marks given by hand.</figcaption>
</figure>
<h3>Tasks</h3>
<div class="scroll"><table>
<tr><th>task</th><th class="number">points</th><th class="number">mean share</th>
<th class="number">discrimination</th><th class="number">right</th><th class="number">not answered</th></tr>
{% for task in exercise.tasks %}
<tr><td><code>{{ task.name }}</code></td><td class="number">{{ task.points }}</td>
<td class="number">{{ task.difficulty }}</td>
<td class="number{{ ' low' if task.low }}">{{ task.discrimination }}</td>
<td class="number">{{ task.right }}</td><td class="number">{{ task.untouched }}</td></tr>
{% endfor %}</table></div>
<p class="quiet">Mean share: the mean of the points reached, as a share of those possible (the lower, the harder).
Discrimination: the correlation of a task's points with those of the exercise's other tasks. Below 0.2 (marked) a task
tells little about the rest: look whether it is unclear, or judged wrongly. It is undefined where everybody has the
same points, where there is no other task, and for fewer than {{ fewest }} learners; with few learners it scatters
widely.</p>
<figure role="img" aria-label="{{ exercise.outcomes_alt }}">{{ exercise.outcomes }}
<figcaption>What became of the answers to each task.</figcaption></figure>
<h3>Most frequent misconceptions</h3>
{% if exercise.misconceptions %}
<div class="scroll"><table><tr><th class="number">learners</th><th>task</th><th>what they were told</th></tr>
{% for count, task, text in exercise.misconceptions %}
<tr><td class="number">{{ count }}</td><td><code>{{ task }}</code></td><td class="text">{{ text }}</td></tr>
{% endfor %}</table></div>
{% else %}<p class="quiet">No answer was one of the known mistakes.</p>{% endif %}
<h3>Most frequent errors</h3>
{% if exercise.errors %}
<div class="scroll"><table><tr><th class="number">learners</th><th>task</th><th>error (numbers left out)</th></tr>
{% for count, task, text in exercise.errors %}
<tr><td class="number">{{ count }}</td><td><code>{{ task }}</code></td><td class="text">{{ text }}</td></tr>
{% endfor %}</table></div>
{% else %}<p class="quiet">No answer stopped with an error.</p>{% endif %}
<h3>Time</h3>
<figure role="img" aria-label="{{ exercise.seconds_alt }}">{{ exercise.seconds }}
<figcaption>How long the grader ran each submission, by the wall clock.</figcaption></figure>
{% endif %}
</section>
{% else %}<p>No submission of a known exercise has been graded.</p>
{% endfor %}
"""
_PAGE = page("Item analysis", _STYLE, _BODY)
_SHOWN = 10
_LOW = 0.2


def items_html(records: Sequence[Record]) -> str:
    """The page on all exercises in the records."""
    return _PAGE.render(
        learners=len({record.learner for record in records}),
        submissions=len(records),
        fewest=FEWEST,
        exercises=[_exercise(one) for one in statistics(records)],
    )


def _exercise(one: ExerciseStatistics) -> dict[str, Any]:
    graded = len(one.scores)
    numbers: list[tuple[str, object]] = [
        ("graded", graded),
        ("could not be run", one.rejected),
        ("failed in the grader", one.failed),
    ]
    shown: dict[str, Any] = {"title": exercise_title(one.exercise), "numbers": numbers, "scores": ""}
    if not graded:
        return shown
    mean, median = np.mean(one.scores), np.median(one.scores)
    numbers[1:1] = [
        (f"mean of {one.max_score:g}", f"{mean:.1f}"),
        ("median", f"{median:.1f}"),
        ("attempts, mean", f"{np.mean(one.attempts):.1f}"),
    ]
    seconds = np.median(one.seconds)
    return shown | {
        "scores": _plot(score_histogram(one.scores, one.max_score), f"{one.exercise} scores"),
        "scores_alt": f"Histogram of the scores: mean {mean:.1f}, median {median:.1f} of {one.max_score:g}",
        "tasks": [_task(task) for task in one.tasks],
        "outcomes": _plot(outcome_bars(one.tasks), f"{one.exercise} outcomes"),
        "outcomes_alt": "Bars: for each task of the table above, the share of answers by outcome",
        "misconceptions": _most([(n, task.task, text) for task in one.tasks for text, n in task.misconceptions]),
        "errors": _most([(n, task.task, text) for task in one.tasks for text, n in task.errors]),
        "seconds": _plot(seconds_histogram(one.seconds), f"{one.exercise} seconds"),
        "seconds_alt": f"Histogram of the seconds that submissions ran: median {seconds:.1f}",
    }


def _task(task: TaskStatistics) -> dict[str, Any]:
    number = sum(task.outcomes.values())
    return {
        "name": task.task,
        "points": f"{task.max_points:g}",
        "difficulty": f"{100 * task.difficulty:.0f} %",
        "discrimination": "undefined" if task.discrimination is None else f"{task.discrimination:.2f}",
        "low": task.discrimination is not None and task.discrimination < _LOW,
        "right": f"{task.outcomes.get('right', 0)} of {number}",
        "untouched": task.outcomes.get("untouched", 0),
    }


def _most(rows: list[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    return sorted(rows, key=lambda row: (-row[0], row[1], row[2]))[:_SHOWN]


def _plot(figure: Any, name: str) -> Markup:
    return Markup(svg(figure, name))  # made here of numbers and task names, which matplotlib escapes
