"""The sandbox holds; where a part of it is broken, the probe says which escape works."""

import asyncio
import ctypes
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import psutil
import pytest
import zmq
from conftest import needs_bubblewrap

from course_lib.exercises.catalogue import catalogue_of
from course_lib.grading.sandbox import Limits, Sandbox, SandboxError, bubblewrap, jail, require
from course_lib.grading.sandbox import probe as probing
from course_lib.grading.sandbox.inside import seccomp
from course_lib.grading.sandbox.jail import Jail
from course_lib.grading.sandbox.probe import probe
from course_lib.grading.sandbox.staging import FLOORS, stage
from course_lib.lessons import doctor

GAN = catalogue_of().exercise("07_gan")
INSIDE = Path(jail.__file__).with_name("inside")


@pytest.fixture
def empty(tmp_path):
    """A library with nothing in it, in a folder that everybody may pass through."""
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    return tmp_path


@needs_bubblewrap
@pytest.mark.parametrize("preload", [(), ("torch",)], ids=["afresh", "forked"])
def test_no_known_escape_works(preload, empty):
    with Jail(empty, preload) as one:
        probe(one)


@needs_bubblewrap
@pytest.mark.parametrize(
    ("file", "line", "instead", "escapes"),
    [
        ("confine.py", "    seccomp.install()\n", "", "new user namespace, tracing, host of a virtual machine"),
        ("confine.py", "    drop_capabilities()\n    set_limits", "    set_limits", "having capabilities"),
        ("confine.py", "    set_limits(limits)\n", "", "allocating memory, starting processes"),
        ("seccomp.py", "_FAMILIES = (1, 2, 10)", "_FAMILIES = (1, 2, 10, 40)", "host of a virtual machine"),
        ("confine.py", "| 0x20000000 |", "|", "seeing processes"),
        ("confine.py", 'f"size={tmp_mb}m,nr_inodes=20000', '"nr_inodes=20000', "filling the disk"),
    ],
)
def test_a_broken_wall_is_noticed(file, line, instead, escapes, empty, monkeypatch):
    broken = empty / "inside"
    shutil.copytree(INSIDE, broken)
    text = (broken / file).read_text()
    assert text.count(line) == 1, f"{file} has changed; this test no longer breaks it"
    (broken / file).write_text(text.replace(line, instead))
    monkeypatch.setattr(jail, "_INSIDE", broken)
    with Jail(empty) as one, pytest.raises(SandboxError, match="doesn't hold") as refusal:
        probe(one)
    for escape in escapes.split(", "):
        assert escape in str(refusal.value)


EACH = """
import escapes, json, os
worked = []
for attempt in escapes.ATTEMPTS:  # in a process of its own: what one changes would spoil the next
    escapes.ATTEMPTS = [attempt]
    pid = os.fork()
    if pid == 0:
        os._exit(bool(escapes.found(json.loads(os.environ["ORDER"]))))
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        worked.append(attempt.__name__)
print(json.dumps(worked))
"""


def attempts_that_work(*shut_in: str) -> set[str]:
    order = {**Limits(memory_mb=64, processes=2, tmp_mb=1).order(), "witness": "/etc/passwd"}
    python = {"PYTHONPATH": str(INSIDE), "PYTHONDONTWRITEBYTECODE": "1", "ORDER": json.dumps(order)}
    done = subprocess.run(
        ["bwrap", "--dev-bind", "/", "/", *shut_in, sys.executable, "-c", EACH],
        cwd=INSIDE,
        env=os.environ | python,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


@needs_bubblewrap
def test_the_escapes_work_where_nothing_holds_them():
    """With mounts of its own, which vanish, and all else as it is outside: else an attempt could never fail."""
    anybody = {
        "reading_a_file_outside",
        "reading_passwords",
        "seeing_processes",
        "writing_beside_other_kernels",
        "filling_the_disk",
        "allocating_memory",
        "starting_processes",
        "tracing",
    }
    root = {
        "being_root",
        "becoming_root",
        "having_capabilities",
        "signalling_processes",
        "writing_outside_tmp",
        "new_user_namespace",
        "cloning_into_a_namespace",
        "mounting",
        "key_rings",
        "raw_packets",
    }
    is_root = os.geteuid() == 0
    neighbours = ["--tmpfs", "/run", "--dir", "/run/course/k1", "--dir", "/run/course/k2"]
    worked = attempts_that_work(*neighbours, *(["--cap-add", "ALL"] if is_root else []))
    assert worked >= (anybody | root if is_root else anybody)
    # bubblewrap always forbids new privileges
    plain = [sys.executable, "-c", "import escapes; print(escapes.gaining_privileges({}))"]
    done = subprocess.run(plain, cwd=INSIDE, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def run_filter(
    program: bytes, number: int, arguments: tuple[int, ...] = (), architecture: int = 0xC000003E
) -> int:
    """What a classic BPF program returns for a call: the few instructions that the filter uses."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    code = [struct.unpack_from("=HBBI", program, i) for i in range(0, len(program), 8)]
    at = value = 0
    while True:
        operation, yes, no, k = code[at]
        at += 1
        match operation:
            case 0x20:
                (value,) = struct.unpack_from("=I", data, k)
            case 0x54:
                value &= k
            case 0x15:
                at += yes if value == k else no
            case 0x35:
                at += yes if value >= k else no
            case 0x06:
                return k


ALLOW, EPERM, KILL = 0x7FFF0000, 0x00050001, 0x80000000


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ((0,), ALLOW),  # read
        ((59,), ALLOW),  # execve
        ((101,), EPERM),  # ptrace
        ((272, (0x10000000,)), EPERM),  # unshare
        ((155,), EPERM),  # pivot_root
        ((435,), 0x00050000 + 38),  # clone3: not implemented
        ((56, (0x003D0F00,)), ALLOW),  # clone: a thread
        ((56, (0x01200011,)), ALLOW),  # fork
        ((56, (0x10000011,)), EPERM),  # a user namespace
        ((56, (0x00020011,)), EPERM),  # a mount namespace
        ((56, (0x00000091,)), EPERM),  # a time namespace
        ((41, (1, 1)), ALLOW),  # socket: unix
        ((41, (2, 1)), ALLOW),
        ((41, (10, 1)), ALLOW),
        ((41, (16, 3)), 0x00050000 + 95),  # netlink
        ((41, (40, 1)), 0x00050000 + 95),  # vsock
        ((53, (1, 1)), ALLOW),  # socketpair
        ((53, (30, 1)), 0x00050000 + 95),  # TIPC
        ((319,), EPERM),  # memfd_create
        ((301,), EPERM),  # fanotify_mark, the last on the list
        ((16, (0, 0x5412)), EPERM),  # ioctl: TIOCSTI
        ((16, (0, 0x541C)), EPERM),
        ((16, (0, 0x5401)), ALLOW),
        ((0x40000000 + 101,), KILL),  # x32
    ],
)
def test_the_filter_of_system_calls(call, expected):
    assert run_filter(seccomp.program("x86_64"), *call) == expected


def test_the_filter_of_the_other_architecture():
    arm = seccomp.program("aarch64")
    assert run_filter(arm, 63, architecture=0xC00000B7) == ALLOW  # read
    assert run_filter(arm, 117, architecture=0xC00000B7) == EPERM  # ptrace
    assert run_filter(arm, 220, (0x10000011,), architecture=0xC00000B7) == EPERM  # clone
    assert run_filter(arm, 198, (40,), architecture=0xC00000B7) == 0x00050000 + 95  # socket
    assert run_filter(arm, 63) == KILL
    assert run_filter(seccomp.program("x86_64"), 0, architecture=0x40000003) == KILL  # 32 bit
    with pytest.raises(OSError, match="no list of system calls for riscv64"):
        seccomp.program("riscv64")


def numbers_of(machine: str) -> dict[str, int | None]:
    """The filter's own numbers by the call's name; ``None`` where the machine has no such call."""
    column, _ = seccomp._MACHINES[machine]
    named = {"clone": seccomp._CLONE, "clone3": seccomp._CLONE3, "ioctl": seccomp._IOCTL}
    named |= dict(zip(("socket", "socketpair"), seccomp._SOCKETS, strict=True))
    return {name: pair[column] for name, pair in (seccomp._REFUSED | named).items()}


def numbers_of_libseccomp(machine: str) -> dict[str, int | None]:
    """What libseccomp, which has the kernel's table, says of these names; those it is too old to know are left out."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return {}
    _, architecture = seccomp._MACHINES[machine]
    resolve = library.seccomp_syscall_resolve_name_arch
    resolve.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    numbers = {name: resolve(architecture, name.encode()) for name in numbers_of(machine)}
    # -1: it doesn't know the name; below: it does, but this machine has no such call
    return {name: number if number >= 0 else None for name, number in numbers.items() if number != -1}


def numbers_of_headers(machine: str) -> dict[str, int | None]:
    """What the headers of this machine's kernel say of the same names; those they are too old to know are left out."""
    if machine == "x86_64":
        paths = [
            *Path("/usr/include").glob("x86_64-linux-gnu/asm/unistd_64.h"),
            Path("/usr/include/asm/unistd_64.h"),
        ]
    else:
        paths = [Path("/usr/include/asm-generic/unistd.h")]  # 64-bit ARM's numbers, with others behind conditions
    text = next((path.read_text() for path in paths if path.is_file()), "")
    found = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)\s", text)}
    return {name: found[name] for name in numbers_of(machine) if name in found}


@pytest.mark.parametrize("oracle", [numbers_of_libseccomp, numbers_of_headers])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_numbers_of_system_calls_are_the_kernels(oracle, machine):
    ours, theirs = numbers_of(machine), oracle(machine)
    if not theirs:
        pytest.skip(
            f"{'no kernel headers' if oracle is numbers_of_headers else 'no libseccomp.so.2'} on this machine"
        )
    assert len(theirs) > 0.8 * len([number for number in ours.values() if number is not None])
    assert {name: ours[name] for name in theirs} == theirs


@pytest.mark.parametrize("exercise", catalogue_of().names)
def test_the_library_inside_has_no_answers(exercise, tmp_path):
    withheld = catalogue_of().exercise(exercise).withheld
    stage(tmp_path, withheld)
    left = {path.relative_to(tmp_path / "course_lib").as_posix() for path in tmp_path.rglob("*.py")}
    floors = {name.split("/")[0] for name in left}
    assert floors == {"__init__.py", "withheld.py", "tasks", *(f for f in FLOORS if f != "weights")}
    assert [name for name in left if name.startswith("tasks/")] == ["tasks/__init__.py"]
    functions = [place.split(":") for place, instead in withheld.items() if ":" in place and not instead]
    whole = [[place, "anything"] for place in withheld if ":" not in place]
    script = f"""
import importlib
from course_lib.tasks import check
from course_lib import data, models, training, objectives, viz, metrics
check("anything", None)
for module, name in {functions + whole!r}:
    thing = getattr(importlib.import_module("course_lib." + module), name)
    try:
        thing(*[None] * thing.__code__.co_argcount if hasattr(thing, "__code__") else ())
    except RuntimeError as error:
        assert name in str(error) and "asks you to write" in str(error), error
    else:
        raise SystemExit(name + " is still there")
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, env={"OMP_NUM_THREADS": "1"})


def test_a_model_can_be_called_without_reparameterize(tmp_path):
    stage(tmp_path, catalogue_of().exercise("05_variational_autoencoder").withheld)
    script = """
import torch
from course_lib.models import MLPVAE
torch.manual_seed(0)
model = MLPVAE(6, 5, 3)
x = torch.rand(4000, 6)
logits, mu, logvar = model(x)
again, *_ = model(x)
assert logits.shape == (4000, 6) and mu.shape == logvar.shape == (4000, 3)
assert not torch.equal(logits, again)  # it draws
logits.sum().backward()
assert all(p.grad.abs().sum() > 0 for p in model.parameters())
model.decoder = torch.nn.Identity()
z, mu, logvar = model(x)
noise = (z - mu) / torch.exp(0.5 * logvar)
assert abs(noise.mean()) < 0.05 and abs(noise.std() - 1) < 0.05
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, env={"OMP_NUM_THREADS": "1"})


@pytest.mark.parametrize(
    "place",
    ["objectives.nowhere:elbo", "objectives.elbo:nothing", "models.vae:VAE.nothing", "models.vae:No.forward"],
)
def test_what_is_withheld_must_be_there(place, tmp_path):
    with pytest.raises(ValueError, match="is withheld, but"):
        stage(tmp_path, {place: ""})


def test_nothing_is_graded_without_bubblewrap(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SandboxError, match="apt install bubblewrap"):
        require("auto")
    require("none")
    with pytest.raises(ValueError, match="the sandbox can be auto, forked, plain, none, got 'yes'"):
        Sandbox("yes")


@pytest.fixture
def environment_below_tmp(monkeypatch):
    """An environment of its own below /tmp, taken for the one that runs this."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        place = Path(folder, "clone", ".venv")
        venv.create(place, symlinks=True)
        monkeypatch.setattr(sys, "prefix", str(place))
        monkeypatch.setattr(sys, "executable", str(place / "bin" / "python"))
        yield place


def in_jail(code: str, empty: Path) -> str:
    """What this environment's Python prints in the jail, as whoever bubblewrap makes it."""
    command = bubblewrap.bubblewrap(empty, empty, INSIDE, root=os.geteuid() == 0)
    done = subprocess.run([*command, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@needs_bubblewrap
@pytest.mark.situation(
    "Laptops", "a clone and its environment below /tmp", "graded: the sandbox shows it in another place"
)
def test_an_environment_below_tmp_is_in_the_jail(environment_below_tmp, empty):
    packages = next(environment_below_tmp.glob("lib/python3*/site-packages"))
    (packages / "only_here.py").write_text("answer = 42")
    code = "import only_here, sys, os; print(only_here.answer, sys.prefix, os.listdir('/tmp'))"
    assert in_jail(code, empty).strip() == f"42 {bubblewrap.PYTHON} []"


def test_a_python_below_tmp_is_said_for_what_it_is(monkeypatch, environment_below_tmp):
    monkeypatch.setattr(sys, "base_prefix", "/tmp/python-3.11")
    with pytest.raises(
        SandboxError, match=r"must lie outside /tmp.*got /tmp/python-3.11; make the environment with"
    ):
        bubblewrap.interpreter()


@needs_bubblewrap
@pytest.mark.situation(
    "Laptops",
    "the course installed without `-e`, or cloned into the environment",
    "the sandbox hides the course's own files",
)
def test_the_course_is_hidden_however_it_was_installed(environment_below_tmp, empty, monkeypatch):
    installed = next(environment_below_tmp.glob("lib/python3*/site-packages")) / "course_lib"
    clone = environment_below_tmp / "src" / "course"
    for file in (installed / "objectives.py", clone / "pyproject.toml", clone / "solutions" / "05.ipynb"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("the_answer = 42")
    monkeypatch.setattr(bubblewrap, "_PACKAGE", clone / "course_lib")
    read = "import os, sys; print([n for _, _, names in os.walk(sys.prefix) for n in names if n in WANTED])"
    wanted = "WANTED = ['objectives.py', 'pyproject.toml', '05.ipynb', 'pyvenv.cfg']\n"
    assert in_jail(wanted + read, empty).strip() == "['pyvenv.cfg']"


@pytest.mark.situation(
    "Laptops",
    "packages that lie in another environment (a `.pth` file, PYTHONPATH, a user's own folder) or behind links",
    "`course doctor` and `course grade` name the package, its place, and what to do",
)
@pytest.mark.parametrize("kind", ["elsewhere", "links"])
def test_packages_that_the_jail_does_not_show_are_named(kind, tmp_path, monkeypatch):
    package = tmp_path / "other" / "lib" / "needed_by_kernels"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setattr(bubblewrap, "interpreter", lambda: {tmp_path / "mine": tmp_path / "mine"})
    if kind == "links":  # as an installer makes them that keeps one copy for all environments
        (tmp_path / "mine" / "needed_by_kernels").mkdir(parents=True)
        (tmp_path / "mine" / "needed_by_kernels" / "__init__.py").symlink_to(package / "__init__.py")
    monkeypatch.syspath_prepend(tmp_path / "mine" if kind == "links" else package.parent)
    says = rf"needed_by_kernels must lie in this environment, .*, got {package}, which the sandbox doesn't show; .*make"
    with pytest.raises(SandboxError, match=says):
        bubblewrap.check_packages(["needed_by_kernels"])
    monkeypatch.setattr(probing, "check_packages", lambda: bubblewrap.check_packages(["needed_by_kernels"]))
    finding = doctor.sandbox(tmp_path)
    if shutil.which("bwrap") and sys.platform == "linux":
        assert (finding.ok, "needed_by_kernels must lie in" in finding.found) == (False, True)
    with pytest.raises(SandboxError, match="nowhere_at_all isn't installed"):
        bubblewrap.check_packages(["nowhere_at_all"])


def test_this_environments_packages_are_in_the_jail(tmp_path, monkeypatch):
    bubblewrap.check_packages()
    place = tmp_path / "real" / "needed_by_kernels"
    place.mkdir(parents=True)
    (place / "__init__.py").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setattr(bubblewrap, "interpreter", lambda: {tmp_path / "link": tmp_path / "link"})
    monkeypatch.syspath_prepend(tmp_path / "link")
    bubblewrap.check_packages(["needed_by_kernels"])


@needs_bubblewrap
def test_a_python_that_stops_is_not_told_of_apparmor(empty):
    with pytest.raises(SandboxError, match="No module named 'nowhere_at_all'") as stopped:
        Jail(empty, ["nowhere_at_all"])
    assert "AppArmor" not in str(stopped.value)


@needs_bubblewrap
def test_advice_on_bubblewrap_is_given_where_it_was_refused(empty, monkeypatch):
    monkeypatch.setattr(jail, "bubblewrap", lambda *_: ["sh", "-c", "echo setting up uid map: denied >&2; exit 1"])
    with pytest.raises(SandboxError, match=r"uid map: denied\nWhere bubblewrap is refused:\n.*AppArmor"):
        Jail(empty)


@needs_bubblewrap
def test_the_channels_have_limits(plain):
    with plain.kernel(GAN, Limits()) as kernel:
        kernel.manager.context.setsockopt(zmq.MAXMSGSIZE, 12345)

        async def talk() -> list[int]:
            await kernel.manager.start_kernel()
            client = kernel.manager.client()
            client.start_channels()
            sockets = [c.socket for c in (client.shell_channel, client.iopub_channel, client.control_channel)]
            sizes = [s.getsockopt(zmq.MAXMSGSIZE) for s in sockets]
            assert client._stdin_channel is None
            client.stop_channels()
            await kernel.manager.shutdown_kernel(now=True)
            return sizes

        assert asyncio.run(talk()) == [12345] * 3


def ask(manager, code: str) -> str:
    """What ``code`` prints in a manager's kernel."""

    async def talk() -> str:
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=60)
            said: list[str] = []
            asking = asyncio.ensure_future(
                client.execute_interactive(
                    code, output_hook=lambda m: said.append(m["content"].get("text", "")), timeout=60
                )
            )
            while not asking.done():
                await asyncio.wait([asking], timeout=0.5)
                if not asking.done() and not await manager.is_alive():
                    asking.cancel()
                    raise RuntimeError("the kernel died")
            await asking
            return "".join(said).strip()
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)

    return asyncio.run(talk())


@pytest.fixture(scope="module")
def plain():
    with Sandbox("plain") as sandbox:
        yield sandbox


@needs_bubblewrap
def test_a_kernel_sees_nothing_and_leaves_nothing(plain, monkeypatch):
    monkeypatch.setenv("COURSE_TOKEN", "secret of whoever grades")
    code = """
import os, socket
from pathlib import Path
home = os.getcwd()
sockets = list(Path("/run/course").iterdir())
try:
    sockets[0].joinpath("more").write_text("x")
    sealed = "open"
except OSError as error:
    sealed = error.strerror
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        import time; time.sleep(600)
    os._exit(0)
print([home, len(sockets), len(list(sockets[0].iterdir())), sealed, "COURSE_TOKEN" in os.environ, os.getpid()])
"""
    with plain.kernel(GAN, Limits()) as kernel:
        assert ask(kernel.manager, code) == str(["/tmp/home", 1, 5, "Read-only file system", False, 1])
        base = kernel.manager.jail.base
        assert not list(base.iterdir())  # of this kernel
    assert not base.exists()
    for _ in range(50):
        if not any("zygote.py" in " ".join(p.info["cmdline"] or []) and str(base) in str(p.environ)
                   for p in psutil.process_iter(["cmdline"])):  # fmt: skip
            break
        time.sleep(0.1)


@needs_bubblewrap
@pytest.mark.parametrize(
    ("code", "limits", "reason"),
    [
        ("x = [bytearray(60 << 20) for _ in range(3)]", Limits(memory_mb=150), ""),
        (
            "import os\nfor _ in range(3):\n    if os.fork() == 0:\n        x = b'x' * (70 << 20)\n        "
            "import time; time.sleep(60)\nimport time; time.sleep(20)",
            Limits(memory_mb=250),
            "memory",
        ),
        (
            "import os, time\nfor _ in range(9):\n    os.fork() or time.sleep(60)\ntime.sleep(20)",
            Limits(processes=5),
            "processes",
        ),
        ("while True: pass", Limits(seconds_per_submission=1), "cpu"),
    ],
    ids=["an allocation fails", "memory of all processes", "processes", "processor time"],
)  # fmt: skip
def test_limits_bind(code, limits, reason, plain):
    with plain.kernel(GAN, limits) as kernel:
        if not reason:
            assert "done" in ask(kernel.manager, f"try:\n    {code}\nexcept MemoryError:\n    print('done')")
        else:
            with pytest.raises((RuntimeError, TimeoutError), match=r"died|Timeout|dead"):
                ask(kernel.manager, code)
        assert kernel.reason() == reason
