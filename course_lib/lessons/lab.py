"""JupyterLab on the learner's copy of a lesson."""

import os
from pathlib import Path
from urllib.parse import quote

from course_lib.lessons.workspace import WORKSPACE

SETTINGS = Path(__file__).with_name("lab_settings")  # no news, no look for updates; the reader may ask for them


def lab_arguments(root: Path, lesson: Path | None, *, browser: bool, port: int | None) -> list[str]:
    """The command line of JupyterLab that opens `lesson` in ``workspace/``; nothing there asks the network."""
    arguments = [
        f"--ServerApp.root_dir={root / WORKSPACE}",
        f"--LabApp.app_settings_dir={SETTINGS}",
        "--ServerApp.kernel_spec_manager_class=course_lib.lessons.kernels.OwnPython",
        "--LabApp.extension_manager=readonly",
    ]
    if lesson is not None:
        arguments.append(f"--LabApp.default_url=/lab/tree/{quote(f'{lesson.parent.name}/{lesson.name}')}")
    if not browser:
        arguments.append("--no-browser")
    if port is not None:
        arguments.append(f"--ServerApp.port={port}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")  # in a container there is often no other user
    return arguments


def serve(arguments: list[str]) -> None:
    """Run JupyterLab in this process until it is stopped."""
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(argv=arguments)
