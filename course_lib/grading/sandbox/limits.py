"""What one submission may use."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """Seconds are of the wall clock (those of a submission also of the processor); memory and processes are those of
    a submission's processes together; ``tmp_mb`` is the size of each of its two folders in memory, /tmp and /dev/shm;
    ``output_bytes`` is what its cells may put out."""

    seconds_per_cell: float = 60.0
    seconds_per_submission: float = 300.0
    memory_mb: int = 2048
    output_bytes: int = 24 << 20
    processes: int = 64
    tmp_mb: int = 256

    def order(self) -> dict[str, Any]:
        """As the jail takes them. ``NPROC`` counts threads too; a kernel has some ten of its own."""
        cpu = int(self.seconds_per_submission) + 1
        kernel = {
            "DATA": self.memory_mb << 20,
            "FSIZE": self.tmp_mb << 20,
            "NPROC": 2 * self.processes + 32,
            "NOFILE": 512,
            "CPU": cpu + 5,
            "CORE": 0,
            "MEMLOCK": 1 << 20,
            "MSGQUEUE": 0,
        }
        return {
            "limits": kernel,
            "memory_mb": self.memory_mb,
            "processes": self.processes,
            "cpu_seconds": cpu,
            "tmp_mb": self.tmp_mb,
        }
