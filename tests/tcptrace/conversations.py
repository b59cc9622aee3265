"""What `tshark -z conv,tcp` says of a capture."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 60
LINE = re.compile(
    r"^(\S+)\s+<->\s+(\S+)\s+(\d+) (\d+) (bytes|kB|MB)\s+(\d+) (\d+) (bytes|kB|MB)\s+(\d+) (\d+) (bytes|kB|MB)"
    r"\s+([\d.,-]+)\s+([\d.,-]+)\s*$"
)
UNITS = {"bytes": 1, "kB": 1000, "MB": 1_000_000}


@dataclass(frozen=True)
class Sent:
    """One direction. Bytes are cut off to the unit."""

    frames: int
    bytes: int
    unit: int

    def has(self, frame_bytes: int) -> bool:
        """Whether it prints so many bytes so."""
        return abs(frame_bytes - self.bytes) < self.unit


@dataclass(frozen=True)
class Conversation:
    """One line: who sent how much, when it began, counted from the first frame, and how long it took."""

    a: str
    b: str
    from_a: Sent
    from_b: Sent
    start_s: float
    duration_s: float


def read(path: Path) -> list[Conversation]:
    """The lines of the table; none for a file that tshark refuses."""
    command = ["tshark", "-n", "-q", "-r", str(path), "-z", "conv,tcp"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    return [_conversation(match) for line in done.stdout.splitlines() if (match := LINE.match(line))]


def _conversation(match: re.Match[str]) -> Conversation:
    back, there = (_sent(*match.groups()[at : at + 3]) for at in (2, 5))  # its first column is b to a
    return Conversation(match[1], match[2], there, back, float(match[12]), float(match[13]))


def _sent(frames: str, count: str, unit: str) -> Sent:
    return Sent(int(frames), int(count) * UNITS[unit], UNITS[unit])
