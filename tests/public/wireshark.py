"""What tshark sees in a capture: its segments and its streams."""

import re
import shutil
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

FIELDS = (
    "frame.number",
    "frame.protocols",
    "tcp.stream",
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "tcp.seq_raw",
    "tcp.len",
)
TIMEOUT_S = 60
ERROR_PROTOCOLS = {"icmp", "icmpv6"}
MAY_HOLD_TCP = re.compile(rb"[\x45-\x4f].{8}\x06|\x60.{5}\x06", re.DOTALL)


@dataclass
class Stream:
    """One `tcp.stream`: its frames, and who sent how many."""

    frames: list[int] = field(default_factory=list)
    senders: Counter[tuple[str, str]] = field(default_factory=Counter)  # in order of appearance

    @property
    def packets(self) -> list[int]:
        """By the sender of the first, then by the other."""
        counts = list(self.senders.values())
        return [*counts, 0, 0][: max(2, len(counts))]


@dataclass(frozen=True)
class Seen:
    """All that tshark makes of one capture."""

    streams: dict[int, Stream]
    segments: list[tuple[int, int, int]]  # frame, raw sequence number, payload length
    unread: set[int]  # frames whose length it does not tell


def installed() -> bool:
    """Whether there is a tshark to ask."""
    return shutil.which("tshark") is not None


def may_hold_tcp(path: Path) -> bool:
    """Whether any bytes look like an IP header with TCP after it. Cheap, and independent of our decoder."""
    return MAY_HOLD_TCP.search(path.read_bytes()) is not None


def read(path: Path) -> Seen | None:
    """The innermost TCP of each packet; None for a file that tshark refuses. Headers quoted in ICMP are left out."""
    wanted = [argument for name in FIELDS for argument in ("-e", name)]
    done = subprocess.run(
        ["tshark", "-n", "-r", path, "-Y", "tcp", "-T", "fields", "-E", "occurrence=a", *wanted],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0 and "cut short" not in done.stderr and "damaged" not in done.stderr:
        return None
    streams: dict[int, Stream] = defaultdict(Stream)
    segments, unread = [], set()
    for line in done.stdout.splitlines():
        columns = dict(zip(FIELDS, line.split("\t"), strict=True))
        layers = columns["frame.protocols"].split(":")
        below = layers[: len(layers) - layers[::-1].index("tcp") - 1]
        if not columns["tcp.stream"] or ERROR_PROTOCOLS & set(below):
            continue
        frame, last = int(columns["frame.number"]), {name: values.split(",")[-1] for name, values in columns.items()}
        stream = streams[int(last["tcp.stream"])]
        stream.frames.append(frame)
        stream.senders[(_source(columns, below), last["tcp.srcport"])] += 1
        if last["tcp.seq_raw"] and last["tcp.len"]:
            segments.append((frame, int(last["tcp.seq_raw"]), int(last["tcp.len"])))
        else:
            unread.add(frame)
    return Seen(dict(streams), segments, unread)


def _source(columns: dict[str, str], below: list[str]) -> str:
    """The source address next below the innermost TCP; what an application carries inside comes after it."""
    innermost = next(layer for layer in reversed(below) if layer in ("ip", "ipv6"))
    return columns[f"{innermost}.src"].split(",")[below.count(innermost) - 1]
