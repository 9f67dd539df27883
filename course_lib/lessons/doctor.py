"""What this machine has for the course, what it lacks, and what to do about that: one line each."""

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib import __version__, device
from course_lib.grading.sandbox import SandboxError, require
from course_lib.lessons.find import FOLDERS, notebooks_in
from course_lib.lessons.kernels import foreign_python
from course_lib.lessons.workspace import WORKSPACE

LOWEST_PYTHON, HIGHEST_PYTHON = (3, 11), (3, 14)


@dataclass(frozen=True)
class Finding:
    """`needed`: nothing works without it; what isn't needed has its use said in `remedy`."""

    topic: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = False


def examine(root: Path) -> Iterator[Finding]:
    """Every finding, in the order to read them. A check that breaks is a finding too, never an exception."""
    for look, topic, needed in CHECKS:
        yield _examined(root, look, topic, needed)


def _examined(root: Path, look: Callable[[Path], Finding], topic: str, needed: bool) -> Finding:
    try:
        return look(root)
    except Exception as error:
        return Finding(topic, False, f"{type(error).__name__}: {error}", "make setup", needed)


def advice(root: Path) -> str:
    """What a notebook needs, one line each, and what to do about what is missing. No line names a folder of this
    machine unless it is at fault: a notebook is shown to others."""
    lines = []
    for look, topic, needed in CHECKS:
        if not needed and look is not kernel:
            continue
        finding = _examined(root, look, topic, needed)
        if finding.ok and topic != "device":
            lines.append(f"✓ {topic}")
        else:
            lines.append(f"{'✓' if finding.ok else '✗'} {topic}: {finding.found}")
            lines += [f"    → {finding.remedy}"] if finding.remedy else []
    return "\n".join(lines)


def python(_: Path) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    lowest, highest = (".".join(map(str, wanted)) for wanted in (LOWEST_PYTHON, HIGHEST_PYTHON))
    fine = LOWEST_PYTHON <= sys.version_info[:2] <= HIGHEST_PYTHON
    remedy = "" if fine else f"install Python {lowest} to {highest}, then: make clean; make PYTHON=python{lowest}"
    return Finding("python", fine, f"{version} in {sys.prefix}", remedy, True)


def packages(root: Path) -> Finding:
    """Are the packages that the library asks for installed, in the versions of ``constraints.txt``?"""
    lines = (root / "constraints.txt").read_text().split()
    pins = {_plain(name): pin for name, _, pin in (line.partition("==") for line in lines)}
    wanted = [line for line in importlib.metadata.requires("course-lib") or [] if "extra ==" not in line]
    names = [_plain(re.split(r"[<>=!~\[; (]", line)[0]) for line in wanted]
    absent, other = [], []
    for name in names:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            absent.append(name)
            continue
        if name in pins and version.split("+")[0] != pins[name]:
            other.append(f"{name} {version} instead of {pins[name]}")
    found = f"course_lib {__version__}, torch {importlib.metadata.version('torch')}"
    found += f", {len(names) - len(absent) - len(other)} of {len(names)} packages as pinned"
    if absent:
        found += f"; missing: {', '.join(absent)}"
    if other:
        found += f"; {', '.join(other)}"
    return Finding("packages", not absent, found, "make setup" if absent or other else "", True)


def compute(_: Path) -> Finding:
    import torch

    chosen = device()
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else chosen.type
    found = f"{name}; {torch.get_num_threads()} of {os.cpu_count()} CPU cores used"
    return Finding("device", True, found, _no_accelerator() if chosen.type == "cpu" else "", True)


def _no_accelerator() -> str:
    """What to do about a machine on which PyTorch finds none: mostly nothing."""
    import torch

    if torch.version.cuda is None and shutil.which("nvidia-smi"):
        return "for the NVIDIA GPU that is here, PyTorch's CUDA build: make clean; make lab, without TORCH=cpu"
    return "no accelerator, and none is needed: the lessons are made for two CPU cores"


def lessons(root: Path) -> Finding:
    counts = {folder: len(notebooks_in(root / folder)) for folder in FOLDERS}
    copies = sum(1 for _ in (root / WORKSPACE).glob("*/*.ipynb"))
    found = ", ".join(f"{count} in {folder}/" for folder, count in counts.items())
    found += f", {copies} copies in {WORKSPACE}/" if copies else ""
    remedy = (
        "the clone is incomplete; clone it again" if not counts["notebooks"] else "" if copies else "course start"
    )
    return Finding("lessons", counts["notebooks"] > 0, found, remedy, True)


def kernel(_: Path) -> Finding:
    """Does ``python3`` mean this environment to whoever opens a lesson without ``course lab``?"""
    foreign = foreign_python()
    if foreign is None:
        return Finding("kernel", True, "python3 is this environment's")
    program, folder = foreign
    found = (
        f"python3 is {program} for JupyterLab, says {folder}; 'course lab' and 'course run' use this environment"
    )
    return Finding("kernel", False, found, f"open lessons with 'course lab', or delete {folder}")


def glyphs(_: Path) -> Finding:
    from course_lib.data import load

    shape = tuple(load("glyphs", num_images=4).x.shape[1:])
    return Finding("glyphs", True, f"rendered here, {shape[-1]} x {shape[-2]}; nothing to download", "", True)


def weights(_: Path) -> Finding:
    """Do the shipped files have the hashes that are printed beside the figures made with them?"""
    from course_lib.models.weights import SHIPPED, shipped_hashes

    def is_whole(path: Path, digest: str) -> bool:
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest

    hashes = shipped_hashes() if (SHIPPED / "SHA256").is_file() else {}
    wrong = [name for name, digest in hashes.items() if not is_whole(SHIPPED / name, digest)]
    found = f"{len(hashes) - len(wrong)} of {len(hashes)} files whole"
    found += f"; not: {', '.join(wrong)}" if wrong else ""
    fine = bool(hashes) and not wrong
    return Finding("weights", fine, found, "" if fine else "git checkout course_lib/weights", True)


def downloadable(name: str) -> Finding:
    """Are the files of a set that the course doesn't ship on this machine already?"""
    from course_lib.data.idx import FILES, places

    files = [file for pair in FILES.values() for file in pair]
    there = [path for file in files if (path := next(filter(Path.is_file, places(name, file)), None))]
    folder = os.environ.get("COURSE_DATA")
    looked = f"COURSE_DATA={folder} and the cache" if folder else "the cache; COURSE_DATA is not set"
    if len(there) == len(files):
        return Finding(name, True, f"in {there[0].parent}")
    remedy = "only for -p DATASET " + name + ": downloaded then, or set COURSE_DATA to a folder that holds it"
    return Finding(name, False, f"{len(there)} of {len(files)} files in {looked}", remedy)


def sandbox(_: Path) -> Finding:
    """Does the grader's own sandbox start and hold here? Containers often forbid it."""
    remedy = "only for grading other people's notebooks, on Linux: sudo apt install bubblewrap"
    program = shutil.which("bwrap")
    if program is None:
        return Finding("sandbox", False, "no bwrap", remedy)
    try:
        require("forked")
    except SandboxError as error:
        return Finding("sandbox", False, str(error).splitlines()[0], "'course grade' says what to do")
    return Finding("sandbox", True, f"{program} holds what the grader shuts in")


def chromium() -> str | None:
    """The browser that the browser tests drive, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


def browser(_: Path) -> Finding:
    driver = importlib.util.find_spec("playwright") is not None
    found = f"{chromium() or 'no Chromium'}, {'playwright' if driver else 'no playwright'}"
    fine = driver and chromium() is not None
    remedy = "" if fine else "only for the browser tests: sudo apt install chromium; make setup-test"
    return Finding("browser", fine, found, remedy)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


CHECKS: list[tuple[Callable[[Path], Finding], str, bool]] = [
    (python, "python", True),
    (packages, "packages", True),
    (compute, "device", True),
    (lessons, "lessons", True),
    (kernel, "kernel", False),
    (glyphs, "glyphs", True),
    (weights, "weights", True),
    (lambda _: downloadable("mnist"), "mnist", False),
    (lambda _: downloadable("fashion_mnist"), "fashion_mnist", False),
    (sandbox, "sandbox", False),
    (browser, "browser", False),
]
