"""What every command shares: the application, where it prints, how it stops."""

import codecs
import os
import sys
import unicodedata
from typing import NoReturn

import typer
from rich.console import Console
from rich.markup import escape

app = typer.Typer(
    help="Deep generative models by hand: open the lessons, run them, check and grade the exercises.",
    epilog="Exit codes: 0 all well; 1 it ran and found something wrong; 2 it could not run as asked; 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# where there is no terminal (a log, a pipe) nothing says how wide a line may be: wide enough for a table of lessons
_WIDTH = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
console = Console(highlight=False, width=_WIDTH)
errors = Console(stderr=True, highlight=False, width=_WIDTH)


_NEAREST = {"→": "->", "×": "x", "–": "-", "—": "-", "•": "*", "“": '"', "”": '"', "‘": "'", "’": "'"}


def print_anything() -> None:
    """Let every text through, whatever encoding the terminal or the pipe has: what it lacks gets a substitute."""
    codecs.register_error("course-nearest", _nearest)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="course-nearest")


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """ASCII for what can't be encoded: an arrow of two characters, a letter without its accent, or ``?``."""
    assert isinstance(error, UnicodeEncodeError)
    unknown = error.object[error.start : error.end]
    plain = (unicodedata.normalize("NFKD", c).encode("ascii", "ignore").decode() for c in unknown)
    return "".join(_NEAREST.get(c) or p or "?" for c, p in zip(unknown, plain, strict=True)), error.end


def complain(message: object) -> None:
    errors.print(f"[bold red]course:[/] {escape(str(message))}", soft_wrap=True)


def safe(text: str) -> str:
    """Strangers' text for a terminal: no markup, and no control character but tab and line break."""
    shown = (c if c.isprintable() or c in "\t\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
    return escape("".join(shown))


def stop(message: object) -> NoReturn:
    """End with exit code 2 and one sentence on stderr."""
    complain(message)
    raise typer.Exit(2)
