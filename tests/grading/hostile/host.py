"""The host as a payload sees it: planted files, listeners, and what was found there afterwards."""

import contextlib
import hashlib
import os
import socket
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from hostile.submission import Place

REPOSITORY = Path(__file__).resolve().parents[3]
HONEST = uuid.uuid4().hex[:16]  # stands in the neighbours' notebooks, and in no payload
SYSTEM = ("/", "/etc", "/usr", "/usr/local/bin", "/opt", "/home", "/root", "/var/tmp", "/run", "/dev/shm", "/tmp")
SYSTEM += ("/etc/cron.d", "/etc/profile.d", "/var/spool/cron", "/run/lock")


@dataclass
class Host:
    """Files and listeners under ``folder``; payloads of the run ``run`` leave marks with that name in them."""

    folder: Path
    run: str = field(default_factory=lambda: f"hostile{uuid.uuid4().hex[:8]}")
    received: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.canary = self.folder / "canary"
        self.submissions = self.folder / "submissions"
        self.out = self.folder / "out"
        self.secret = self.folder / "secret"
        for made in (self.canary, self.submissions):
            made.mkdir()
            made.chmod(0o777)
        (self.canary / "readable.txt").write_text("a file of the host")
        (self.canary / "victim.txt").write_text("unchanged")
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        tcp.bind(("0.0.0.0", 0))
        self.port = tcp.getsockname()[1]
        udp.bind(("0.0.0.0", self.port))
        threading.Thread(target=self._answer, args=(udp,), daemon=True).start()
        for kind in (tcp, self._unix(f"\0{self.run}"), self._unix(str(self.canary / "socket"))):
            kind.listen()
            threading.Thread(target=self._listen, args=(kind,), daemon=True).start()

    def _unix(self, address: str) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.bind(address)
        return made

    def _listen(self, server: socket.socket) -> None:
        while True:
            connection, _ = server.accept()
            connection.settimeout(3)
            with connection, contextlib.suppress(OSError):
                self.received.append(connection.recv(200).decode(errors="replace") or "a connection")

    def _answer(self, server: socket.socket) -> None:
        while True:
            data, sender = server.recvfrom(200)
            self.received.append(data.decode(errors="replace"))
            server.sendto(b"y", sender)

    def place(self) -> Place:
        """Everything a payload is told about this host."""
        try:
            address = socket.gethostbyname(socket.gethostname())
        except OSError:
            address = "127.0.0.1"
        values = {
            "RUN": self.run,
            "CANARY": str(self.canary),
            "SUBMISSIONS": str(self.submissions),
            "OUT": str(self.out),
            "SECRET": str(self.secret),
            "REPO": str(REPOSITORY),
            "NEIGHBOUR": str(self.submissions / "a-neighbour" / "07_gan" / "07_gan.ipynb"),
            "NEIGHBOURHASH": hashlib.sha256(HONEST.encode()).hexdigest(),
            "PORT": str(self.port),
            "ADDRESS": address,
            "ABSTRACT": self.run,
            "GRADER": str(os.getpid()),
            "HOST": socket.gethostname(),
            "ENVIRONMENT": f"{self.run}-environment",
        }
        return Place(self.run, values)

    def processes(self) -> dict[int, str]:
        """The command lines of processes, still there, that a payload of this run started."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if f"{self.run}-" in words and str(self.folder) not in words:
                    found[int(folder.name)] = words
        return found

    def files(self) -> list[str]:
        """Files that a payload of this run made outside its sandbox."""
        import torch

        import course_lib

        folders = [Path(name) for name in SYSTEM]
        folders += [Path.home(), Path.cwd(), REPOSITORY, REPOSITORY / "solutions", Path(os.__file__).parent]
        folders += [Path(package.__file__).parent for package in (course_lib, torch)]
        folders += [Path(torch.__file__).parents[1], self.folder, self.out, self.canary, self.submissions]
        folders += [Path.home() / ".jupyter", Path.home() / ".ipython/profile_default/startup"]
        found = {str(path) for folder in folders if folder.is_dir() for path in folder.glob(f"*{self.run}-*")}
        if (self.canary / "victim.txt").read_text() != "unchanged":
            found.add(f"{self.canary}/victim.txt")
        return sorted(found)
