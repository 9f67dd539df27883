"""Forks kernels off a process that has imported what they need; the first program in the jail that bubblewrap made.

    zygote.py SETTINGS

SETTINGS is JSON: ``base`` (the folder of all kernels), ``path`` (where the library lies), ``preload`` (modules),
``uid`` (whose rights to take, if not this one's), ``control`` (the descriptor of a socket). For each kernel a message
comes on ``control``: JSON, and the descriptor of a socket of its own, on which all else is said (see ``watch.py``). No
answer and no secret is ever in this process: a fork copies memory.
"""

import gc
import importlib
import json
import os
import socket
import sys
from pathlib import Path

import confine
import watch


def become(uid: int) -> None:
    """Give up root for good."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    confine.call("prctl", 4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: its own /proc/self stays its own


def num_threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def main() -> None:
    settings = json.loads(sys.argv[1])
    if settings["uid"] is not None:
        become(settings["uid"])
    confine.drop_capabilities()
    sys.path[0] = settings["path"]  # in place of this script's folder
    control = socket.socket(fileno=settings["control"])
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # no debugger: it takes most of a kernel's start
    for name in settings["preload"]:
        importlib.import_module(name)
    if "torch" in settings["preload"]:
        watch.warm_up()
    if num_threads() != 1:
        control.send(json.dumps({"error": f"{num_threads()} threads run; a fork copies one"}).encode())
        return
    gc.collect()
    gc.freeze()
    control.send(b'{"ready": true}')
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 1)
        if not message:
            return
        while True:  # those that ended
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        if os.fork() == 0:
            control.close()
            watch.main(json.loads(message), settings["base"], socket.socket(fileno=descriptors[0]))
        for descriptor in descriptors:
            os.close(descriptor)


if __name__ == "__main__":
    main()
