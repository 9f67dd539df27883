"""Reaching out: network, sockets, signals, other processes, namespaces, mounts, links, files of the host."""

from hostile.payloads import table
from hostile.submission import FIRST, SECOND, Submission, reveal, right

CALLS = """
import ctypes, os, platform, signal, socket, struct
X86 = platform.machine() == "x86_64"
libc = ctypes.CDLL(None, use_errno=True)


def in_child(attempt):
    # attempt() in a child that ends by itself: nothing here changes the process that the grader started
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            os.write(writer, b"y" if attempt() else b"n")
        except BaseException:
            os.write(writer, b"n")
        os._exit(0)
    answer = os.read(reader, 1)
    os.waitpid(child, 0)
    return answer == b"y"


"""
PLACES = """
import os, sys, site, course_lib
home = os.path.expanduser("~")
folders = "/ /etc /usr /usr/local/bin /opt /home /root /var/tmp /var/spool/cron /run /dev/shm /tmp /etc/cron.d".split()
folders += "/etc/profile.d @CANARY@ @OUT@ @SUBMISSIONS@ @REPO@ @REPO@/solutions /proc/1/cwd /proc/1/root/tmp".split()
folders += [home, home + "/.jupyter", home + "/.ipython/profile_default/startup", sys.prefix]
folders += [os.path.dirname(package.__file__) for package in (course_lib, torch, os)]
folders += site.getsitepackages() + sys.path
for folder in folders:
    for name in ("@TOKEN@", "@TOKEN@.pth", "@TOKEN@.py"):
        try:
            os.makedirs(folder, exist_ok=True)
            open(os.path.join(folder, name), "w").write("")
        except (OSError, ValueError):
            pass
"""
LINKS = """
import os
# whatever the grader may write or read by name now leads to a file of the host
for folder, _, names in list(os.walk(os.getcwd())) + list(os.walk(os.environ.get("TMPDIR", os.getcwd()))):
    for name in names + ["outputs.json", "answers.safetensors", "07_gan.ipynb", "output.ipynb", "marks.csv"]:
        try:
            if "kernel" not in name and ".ipc" not in name and "socket" not in name:
                if os.path.lexists(os.path.join(folder, name)):
                    os.remove(os.path.join(folder, name))
                os.symlink("@CANARY@/victim.txt", os.path.join(folder, name))
        except OSError:
            pass
"""


def submissions() -> list[Submission]:
    found = [
        Submission(
            f"reaches-{one.name}",
            one.what,
            channel,
            reveal(one.source, CALLS),
            jail="jail" in one.flags,
            bites="bites" in one.flags,
        )
        for name, channel in (("reaching_network", "sockets"), ("reaching_kernel", "system calls"))
        for one in table(name)
    ]
    found.append(
        Submission("writes-everywhere", "files of the host", "opening to write", {FIRST: PLACES}, jail=True)
    )
    found.append(Submission("links-everywhere", "files of the host", "symbolic links", {FIRST: LINKS}, jail=True))
    for one in table("detached"):
        cells = {FIRST: one.source, **right(SECOND)}
        found.append(Submission(f"detaches-{one.name}", "what comes after", "a child", cells, earned=(SECOND,)))
    for one in table("signals"):
        cells = {FIRST: f"import os, signal\n{one.source}\n"}
        found.append(Submission(f"signals-{one.name}", "other processes", "signals", cells, jail=True))
    return found
