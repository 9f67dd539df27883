"""The `course` command: a thin layer over the floors below, which are imported only when their command is called.

Exit codes, for scripts: 0 all well; 1 the command ran and found something wrong (a lesson failed, exercises have
drifted, a check didn't pass, something needed is missing); 2 it could not run as asked; 130 interrupted.
"""

import sys
from typing import Annotated

import typer

from course_lib import __version__
from course_lib.cli import grade, lessons, marks, report  # noqa: F401  (their commands register themselves)
from course_lib.cli.common import app, complain, console, print_anything
from course_lib.cli.home import give_home
from course_lib.lessons.find import LessonError, absolute_course_data


def show_version(wanted: bool) -> None:
    if wanted:
        console.print(__version__)
        raise typer.Exit


@app.callback()
def before_every_command(
    version: Annotated[bool, typer.Option("--version", callback=show_version, is_eager=True)] = False,
) -> None:
    absolute_course_data()


def join_parameters(arguments: list[str]) -> list[str]:
    """``-p NAME VALUE`` → ``-p NAME=VALUE``: the command-line library takes one value an option."""
    joined: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        joined.append(argument)
        if argument in ("-p", "--parameter"):
            name = next(rest, None)
            if name is None:
                break
            value = next(rest, None) if name.isidentifier() else None
            joined.append(name if value is None else f"{name}={value}")
    return joined


def main() -> None:
    print_anything()
    if home := give_home():
        complain(f"your home folder can't be written to: settings and caches go to {home}; set HOME to keep them")
    try:
        app(join_parameters(sys.argv[1:]))
    except LessonError as error:
        complain(error)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
