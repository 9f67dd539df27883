"""The item analysis: statistics against numbers worked out by hand, and a page that runs and loads nothing."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from course_lib.grading.reports.items import items_html
from course_lib.grading.reports.pages import feedback_html
from course_lib.grading.reports.statistics import discrimination, error_line, statistics
from course_lib.grading.results import Adjustment, Record, Result, TaskVerdict
from course_lib.tasks.core import Verdict

EVIL = "<script>document.title='run'</script><img src=x onerror=alert(1)>$\\frac{}$"
VAE = "05_variational_autoencoder"


def record(learner: str, points: tuple[float, ...], message: str = "", **changes) -> Record:
    """Tasks a, b, … of 2 points each; ``message`` and ``hint`` are the first task's."""
    hint = changes.get("hint", "")
    said = str(Verdict("wrong", message, hint))
    verdicts = tuple(
        TaskVerdict(
            name,
            p,
            2,
            changes.get("verdict", "right" if p == 2 else "wrong"),
            "" if i else said,
            "" if i else hint,
        )
        for i, (name, p) in enumerate(zip("abcd", points, strict=False))
    )
    result = Result(learner, VAE, changes.get("status", "graded"), verdicts, changes.get("seconds", 1.0))
    return Record(result, {}, "", changes.get("attempt", 1), "", changes.get("adjustments", ()))


def test_difficulty_and_discrimination_are_those_worked_out_by_hand() -> None:
    table = [(2, 2, 2), (2, 2, 0), (2, 0, 0), (0, 0, 2)]
    (one,) = statistics([record(f"s{i}", points) for i, points in enumerate(table)])
    a, b, c = one.tasks
    assert [task.difficulty for task in one.tasks] == [0.75, 0.5, 0.5]
    # a: (2, 2, 2, 0) with b + c: (4, 2, 0, 2): covariance 0
    assert a.discrimination == pytest.approx(0, abs=1e-12)
    # b: (2, 2, 0, 0) with a + c: (4, 2, 2, 2): deviations 1, 1, -1, -1 and 1.5, -.5, -.5, -.5: 2 / sqrt(4 * 3)
    assert b.discrimination == pytest.approx(2 / 12**0.5)
    # c: (2, 0, 0, 2) with a + b: (4, 4, 2, 0): 1, -1, -1, 1 and 1.5, 1.5, -.5, -2.5: -2 / sqrt(4 * 11)
    assert c.discrimination == pytest.approx(-2 / 44**0.5)


@pytest.mark.parametrize(
    ("points", "others"),
    [([2, 2, 2], [1, 2, 3]), ([0, 1, 2], [4, 4, 4]), ([0, 1], [0, 1]), ([], []), ([0.1] * 9, [0, 1, 2] * 3)],
)
def test_discrimination_is_undefined_where_it_means_nothing(points: list[float], others: list[float]) -> None:
    assert discrimination(points, others) is None


def test_marks_by_hand_count_and_what_was_not_run_does_not() -> None:
    manual = (Adjustment("manual", "a", 2, "", "", ""), Adjustment("late", "", 1, "", "", ""))
    records = [
        record("ada", (0, 2), adjustments=manual, attempt=3),
        record("bob", (0, 0), status="rejected"),
        record("cy", (0, 0), status="failed"),
        record("dee", (0, 0), status="stopped", seconds=9),
    ]
    (one,) = statistics(records)
    assert (one.scores, one.max_score, one.seconds, one.attempts) == ([3, 0], 4, [1, 9], [3, 1])
    assert (one.rejected, one.failed) == (1, 1)
    assert [task.difficulty for task in one.tasks] == [0.5, 0.5]


def test_misconceptions_and_errors_are_counted() -> None:
    errors = [
        f"It stopped at line {n} of the cell:\n    y = x\nNameError: name 'x1' is {n}x3 (2.5)" for n in (1, 2)
    ]
    hints = ["a sign.", "half of it.", "a sign.", ""]
    records = [record(f"s{i}", (0, 2), "Off.", hint=hint) for i, hint in enumerate(hints)]
    records += [record(f"e{i}", (0, 2), text, verdict="error") for i, text in enumerate(errors)]
    (one,) = statistics(records)
    assert one.tasks[0].misconceptions == [("a sign.", 2), ("half of it.", 1)]
    assert one.tasks[0].errors == [("NameError: name 'x1' is …x… (…)", 2)]
    assert one.tasks[0].outcomes == {"wrong": 4, "error": 2}


FORGED = "ValueError: x\n\nIt looks like this mistake: none. The tutor gave full marks"


@pytest.mark.situation("Names", "an error's text that forges the grader's hint", "it stays an error's text")
def test_a_hint_is_never_taken_out_of_text() -> None:
    records = [record(f"s{i}", (0, 2), FORGED, verdict="error") for i in range(3)]
    records += [record(f"t{i}", (0, 2), FORGED, hint="a sign.") for i in range(2)]
    (one,) = statistics(records)
    assert one.tasks[0].misconceptions == [("a sign.", 2)]
    page = items_html(records)
    assert (
        "full marks" not in page[page.index("Most frequent misconceptions") : page.index("Most frequent errors")]
    )
    for each, hints in ((records[0], 0), (records[-1], 1)):
        page = feedback_html(each)
        assert page.count('<p class="hint">') == hints
        assert "full marks" in page.partition('<p class="hint">')[0]
    assert "a sign." in feedback_html(records[-1]).partition('<p class="hint">')[2]


def test_the_line_of_an_error_is_short_whatever_it_was() -> None:
    assert error_line("") == ""
    assert error_line("It took longer than 60 s.") == "It took longer than … s."
    own = (
        "f could not be used. There is no function f.\nThe cell itself: It stopped with SyntaxError: expected ':'"
    )
    assert error_line(own) == "SyntaxError: expected ':'"
    assert len(error_line("x" * 10_000 + "\n" + "ValueError: " + "y" * 10_000)) == 160


def test_a_page_says_what_is_undefined_and_holds_no_name() -> None:
    page = items_html([record("ada-lovelace", (2, 0)), record("bob", (0, 2), EVIL, verdict="error")])
    assert page.count("undefined</td>") == 2
    assert "ada" not in page.replace("adaptive", "")
    assert page.count("<svg") == 3
    for tag in ("<script", "<img", "<metadata", 'http-equiv="refresh'):
        assert tag not in page
    assert "default-src 'none'" in page


@pytest.mark.parametrize(
    "records", [[], [record("a", ())], [record("a", (0,), status="rejected")], [record("a", (0,))]]
)
def test_a_page_is_made_of_the_least_there_is(records: list[Record]) -> None:
    assert "Item analysis" in items_html(records)


def test_the_same_records_give_the_same_page() -> None:
    records = [record(f"s{i}", (2, i % 3)) for i in range(9)]
    assert items_html(records) == items_html(records)


@pytest.mark.browser
def test_a_browser_shows_the_page_and_runs_nothing(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "items.html"
    path.write_text(items_html([record(f"s{i}", (2, i % 3), EVIL, verdict="error") for i in range(9)]))
    asked: list[str] = []
    page = browser.new_page(viewport={"width": 420, "height": 900})
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    assert page.title() == "Item analysis"
    assert page.locator("svg").count() == 3
    assert all(box["width"] > 200 for box in (one.bounding_box() for one in page.locator("svg").all()) if box)
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    page.close()
    assert asked == [path.as_uri()]
    assert re.search("&lt;script&gt;", path.read_text())
