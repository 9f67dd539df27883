"""All hostile and broken submissions. ``python tests/grading/hostile/corpus.py`` prints them as a table."""

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hostile import cells, exhausting, files, leaving, messages, reaching, reading, values
from hostile.submission import GAN, GAN_TASKS, RIGHT, Place, Submission, contents

FAMILIES = (values, messages, cells, files, leaving, reading, reaching, exhausting)
CORPUS = tuple(submission for family in FAMILIES for submission in family.submissions())
# graded in every batch, and right: what an attack on a neighbour would spoil. The comment is what it would read.
NEIGHBOURS = tuple(
    Submission(name, "nothing", "an honest answer", RIGHT, earned=GAN_TASKS, kept=GAN_TASKS)
    for name in ("a-neighbour", "z-neighbour")
)
# one or two of each kind; all of them take as long as a course of a few hundred learners
SHORT = frozenset(
    f"{family}-{name}"
    for family, names in {
        "returns": "equal-object equal-tensor nan empty overwrites-inputs huge-view complex meta broken-sparse "
        "quantised nested huge-integer surrogates deep-list pickle-in-npz sly-mapping mutant-of-first",
        "gradient": "nan",
        "step": "nan-weights no-weights",
        "model": "nan own-methods",
        "meddles": "all-true replays-first first-for-all nan-tensors huge-header deep-header huge-shape",
        "forges": "earlier from-a-thread at-exit",
        "raw": "execute-reply-ok early-idle own-frontend",
        "patches": "own-check safetensors base64 json torch-comparisons builtins course-modules import-hook",
        "notebook": "checks-pass doubled forged-outputs tag-skip-execution tag-raises-exception other-kernel",
        "rewrites": "input-transformer cleanup-transformer pre-run-event run-cell",
        "unreadable": "not-utf8 deep wrong-types large",
        "innocent": "crlf bom old-major empty-cells syntax-error own-cells-fail noisy",
        "odd-file": "pipe link-to-classmate",
        "leaves": "sys-exit os-exit kill quit segmentation-fault exits-at-exit",
        "second": "every-other-call under-the-check",
        "raises": "huge-message str-raises surrogate-message html-message own-traceback",
        "hooks": "settrace audit gc-swaps dispatch-mode threads-rewrite-names",
        "reads": "secret out-folder classmate repository above-the-library solutions-anywhere task-objects "
        "other-environments proc-root fork-server-memory own-notebook gift-taken",
        "reads-reference": "source alive",
        "leaves-gift": "",
        "imports-reference": "",
        "writes-everywhere": "",
        "links-everywhere": "",
        "reaches": "tcp udp dns abstract-socket parent-memory ptrace mount-namespace capabilities new-privileges "
        "keyctl",
        "detaches": "double-fork holds-the-pipes",
        "signals": "parent-kill everyone-kill grader",
        "uses": "heap shared-memory-files many-children disk many-files processes threads fork-bomb",
        "loops": "python regular-expression in-c-signals-blocked stopped in-repr at-exit",
        "floods": "stdout huge-message many-displays updates comms returned from-a-thread",
    }.items()
    for name in names.split() or [""]
)
SHORT = frozenset(name.rstrip("-") for name in SHORT)


def short(submissions: Iterable[Submission]) -> list[Submission]:
    """Those of ``SHORT``."""
    return [submission for submission in submissions if submission.name in SHORT]


def write(folder: Path, submissions: Iterable[Submission], place: Place) -> None:
    """LEARNER/EXERCISE/EXERCISE.ipynb for each of ``submissions``."""
    for submission in submissions:
        path = folder / submission.name / submission.exercise / f"{submission.exercise}.ipynb"
        path.parent.mkdir(parents=True)
        if submission.file:
            submission.file(path, place)
        else:
            path.write_bytes(contents(submission, place))


def table() -> str:
    """What is attacked, by which channel, by how many submissions."""
    counts = Counter((one.attacks, one.channel) for one in CORPUS)
    rows = [f"| {attacks} | {channel} | {count} |" for (attacks, channel), count in counts.items()]
    return "\n".join(["| attacked | by | submissions |", "|---|---|--:|", *rows])


names = [one.name for one in CORPUS]
assert len(names) == len(set(names)), [name for name, count in Counter(names).items() if count > 1]
assert set(names) >= SHORT, SHORT - set(names)
assert GAN in {one.exercise for one in CORPUS}

if __name__ == "__main__":
    print(table())
    print(f"\n{len(CORPUS)} submissions, {len(SHORT)} of them in `make test`.")
