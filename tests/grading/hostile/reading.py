"""Reading what is not theirs: the reference, the repository, the secret, the journal, classmates, other inputs."""

from hostile.payloads import table
from hostile.submission import FIRST, LAST, SECOND, THIRD, Submission, reveal

LIBRARY = {
    SECOND: """
from course_lib.objectives.adversarial import discriminator_loss as theirs


def discriminator_loss(real_logits, fake_logits):
    return theirs(real_logits, fake_logits).loss
""",
    THIRD: """
import course_lib.objectives as library


def generator_loss(fake_logits):
    return library.generator_loss(fake_logits).mean()
""",
    LAST: "from course_lib.objectives import r1_penalty\n",
}
SOURCE = {
    LAST: """
import course_lib.objectives.penalties as penalties
names = {"__name__": "stolen"}
exec(compile(open(penalties.__file__).read(), "stolen", "exec"), names)
r1_penalty = names["r1_penalty"]
""",
}
COMPILED = """
import glob, marshal, os, types, course_lib
for path in glob.glob(os.path.dirname(course_lib.__file__) + "/**/__pycache__/*penalties*.pyc", recursive=True):
    code = marshal.loads(open(path, "rb").read()[16:])
    names = {"__name__": "stolen"}
    exec(code, names)
    r1_penalty = names["r1_penalty"]
"""
GC = """
import gc, types
for f in gc.get_objects():
    if isinstance(f, types.FunctionType) and f.__name__ in ("r1_penalty", "_r1_penalty") and f.__module__ != "__main__":
        r1_penalty = f
"""
IN_CALL = """
import gc, sys


def optimal_discriminator(log_p, log_q):
    # is the expected value anywhere in this process? Then hand it over; else something wrong
    mine = torch.sigmoid(log_p - log_q)
    tensors = [o for o in gc.get_objects() if isinstance(o, torch.Tensor)]
    frame = sys._getframe()
    while frame:
        tensors += [v for v in frame.f_locals.values() if isinstance(v, torch.Tensor)]
        frame = frame.f_back
    for found in tensors:
        if found is not mine and found.shape == mine.shape and torch.allclose(found.to(mine.dtype), mine):
            return found
    return torch.zeros_like(log_p)
"""

GIFT = """
import os
for folder in ("/tmp", "/dev/shm", "/var/tmp", os.path.expanduser("~"), os.getcwd(), "/run", "/run/lock", "/var/lock"):
    try:
        open(f"{folder}/@RUN@-gift-@TOKEN@", "w").write("torch.sigmoid(log_p - log_q)")
    except OSError:
        pass
"""


def submissions() -> list[Submission]:
    found = [
        Submission(f"reads-{one.name}", one.what, channel, reveal(one.source), bites="bites" in one.flags)
        for name, channel in (
            ("reading_host", "the file system"),
            ("reading_memory", "/proc, memory and the library"),
        )
        for one in table(name)
    ]
    found += [
        Submission("imports-reference", "the reference", "the library", LIBRARY),
        Submission("reads-reference-source", "the reference", "the library's source", SOURCE),
        Submission("reads-reference-compiled", "the reference", "the library's bytecode", {LAST: COMPILED}),
        Submission("reads-reference-alive", "the reference", "the garbage collector", {LAST: GC}),
        Submission(
            "reads-expected-values", "expected values", "frames and the garbage collector", {FIRST: IN_CALL}
        ),
        Submission("leaves-gift", "a later submission", "files left behind", {FIRST: GIFT}),
    ]
    return found
