"""A user whom the system doesn't know, or who has no home to write to, as in containers: tools that ask get one."""

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from getpass import getuser
from pathlib import Path


def give_home() -> str | None:
    """See that ``HOME`` can be written to and that the user has a name, for Jupyter, matplotlib and torch.

    A folder that stands in is removed at the end. Returns its path, or None if the user's own will do.
    """
    if os.name != "posix":
        return None
    try:
        getuser()
    except (KeyError, OSError):  # no entry, and no variable that says
        os.environ["USER"] = str(os.geteuid())
    with suppress(RuntimeError, OSError):
        home = Path.home()
        if home.is_dir() and os.access(home, os.W_OK | os.X_OK):
            return None
    folder = tempfile.mkdtemp(prefix="course-home-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["HOME"] = folder
    return folder
