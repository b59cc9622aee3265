"""One run of a command: wall time, CPU time and peak memory, by wait4. Standard library only.

A child's peak is at least that of the process that started it (Linux carries it over an exec), so this one stays small:
the captures are made in a process of their own.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tool:
    """`{f}` in the command is the capture, `{out}` an empty folder."""

    name: str
    command: tuple[str, ...]

    @property
    def installed(self) -> bool:
        return shutil.which(self.command[0]) is not None


@dataclass(frozen=True)
class Run:
    """What one run took."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    status: int


OURS = Tool("tcpdiag", (sys.executable, "-m", "tcpdiag", "analyze", "{f}"))
TOOLS = (
    OURS,
    Tool("tcpdiag json", (*OURS.command, "--format", "json")),
    Tool("tcptrace", ("tcptrace", "-n", "{f}")),
    Tool("tshark conv", ("tshark", "-n", "-q", "-z", "conv,tcp", "-r", "{f}")),
    Tool("tcpdump -w", ("tcpdump", "-r", "{f}", "-w", "/dev/null")),
    Tool("tcpflow", ("tcpflow", "-q", "-r", "{f}", "-o", "{out}", "-S", "enable_report=NO")),
)


def run(tool: Tool, capture: Path) -> Run:
    """Run it once, its output thrown away."""
    with tempfile.TemporaryDirectory(prefix="bench-") as out:
        argv = [part.replace("{f}", str(capture)).replace("{out}", out) for part in tool.command]
        null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        began = time.perf_counter()
        child = os.posix_spawnp(argv[0], argv, os.environ, file_actions=null)
        _, status, usage = os.wait4(child, 0)
        wall = time.perf_counter() - began
    peak = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)
    return Run(wall, usage.ru_utime + usage.ru_stime, peak, os.waitstatus_to_exitcode(status))


def turns(tools: list[Tool], capture: Path, rounds: int) -> dict[str, list[Run]]:
    """Each tool once, then each again: what the machine does meanwhile hits all alike."""
    _warm(capture)
    runs: dict[str, list[Run]] = {tool.name: [] for tool in tools}
    for _ in range(rounds):
        for tool in tools:
            runs[tool.name].append(run(tool, capture))
    return runs


def median(runs: list[Run], what: str) -> float:
    """Median of one figure over the rounds."""
    return statistics.median(getattr(one, what) for one in runs)


def ratio(runs: list[Run], reference: list[Run]) -> float:
    """Median over the rounds of the wall time divided by the reference's in the same round."""
    return statistics.median(ours.wall_s / theirs.wall_s for ours, theirs in zip(runs, reference, strict=True))


def _warm(capture: Path) -> None:
    with capture.open("rb", 0) as file:
        while file.read(1 << 20):
            pass
