"""Wireshark's verdicts by our kernel against those of the real tshark, segment by segment.

    PYTHONPATH=src:tests python -m verdicts.compare [--ours] CAPTURE_OR_FOLDER...

prints a confusion table: how many segments have a flag by both, by tshark alone, by us alone, with example frames, and
how many numbers are equal. --ours: our own verdicts instead; then the differences are those of `tcpdiag.verdicts`.
"""

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import tcpdiag
from places import capture_files
from tcpdiag.errors import TcpdiagError
from tcpdiag.model.verdict import OURS, VERDICT, Fact, VerdictBit
from tcpdiag.verdicts import verdicts

FLAGS = tuple(str(fact.name).lower() for fact in Fact if not fact & OURS)
COUNTS = ("duplicate_ack_num", "duplicate_ack_frame", "acks_frame", "bytes_in_flight", "rto_frame")
TIMES = ("ack_rtt", "initial_rtt", "rto")
NUMBERS = (*COUNTS, *TIMES, "completeness")
FIELDS = (
    "frame.number",
    "frame.protocols",
    "tcp.stream",
    "tcp.completeness",
    *(f"tcp.analysis.{name}" for name in (*FLAGS, *COUNTS, *TIMES)),
)
ERRORS = {"icmp", "icmpv6"}
TIMEOUT_S = 120
EXAMPLES = 3

Told = dict[str, int]
"""Flags as 0 and 1, numbers; 0 where nothing is shown."""


@dataclass
class Confusion:
    """What came out for some captures."""

    segments: int = 0
    agreed: int = 0  # segments with all flags equal
    alike: int = 0  # segments with all flags and numbers equal
    unseen: int = 0  # segments that only tshark sees
    several: int = 0  # frames with more than one TCP header: tshark does not tell which of them it speaks of
    flags: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # both, theirs, ours
    numbers: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # equal, theirs, ours, other
    examples: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    captures: Counter[str] = field(default_factory=Counter)  # segments that differ

    def add(self, capture: Path, frame: int, theirs: Told, ours: Told) -> None:
        """One segment."""
        self.segments += 1
        differing = [name for name in (*FLAGS, *NUMBERS) if theirs[name] != ours[name]]
        self.agreed += not set(differing) & set(FLAGS)
        self.alike += not differing
        self.captures[capture.as_posix()] += bool(differing)
        for name in FLAGS:
            if theirs[name] or ours[name]:
                how = "both" if theirs[name] and ours[name] else "theirs" if theirs[name] else "ours"
                self._count(self.flags[name], how, name, capture, frame)
        for name in NUMBERS:
            if theirs[name] == ours[name]:
                self.numbers[name]["equal"] += theirs[name] != 0
            else:
                how = "theirs" if not ours[name] else "ours" if not theirs[name] else "other"
                self._count(self.numbers[name], how, name, capture, frame)

    def _count(self, counter: Counter[str], how: str, name: str, capture: Path, frame: int) -> None:
        counter[how] += 1
        if how != "both" and len(self.examples[name, how]) < EXAMPLES:
            self.examples[name, how].append(f"{capture.parent.name}/{capture.name}:{frame}")

    def differing(self) -> list[str]:
        """Captures with a segment that differs."""
        return sorted(name for name, count in self.captures.items() if count)

    def __str__(self) -> str:
        rate = 100 * self.agreed / max(self.segments, 1)
        lines = [f"{self.agreed:,} of {self.segments:,} segments agree in all flags ({rate:.3f} %)"]
        lines.append(
            f"{self.alike:,} in all numbers, too; only tshark sees {self.unseen}; several headers {self.several}"
        )
        lines += _table(("flag", "both", "theirs", "ours"), self.flags, FLAGS, self.examples)
        lines += _table(("number", "equal", "theirs", "ours", "other"), self.numbers, NUMBERS, self.examples)
        return "\n".join(lines)


def _table(
    heads: tuple[str, ...],
    found: dict[str, Counter[str]],
    names: tuple[str, ...],
    examples: dict[tuple[str, str], list[str]],
) -> Iterable[str]:
    yield f"\n{heads[0]:24}" + "".join(f"{head:>9}" for head in heads[1:])
    for name in names:
        frames = [frame for how in heads[2:] for frame in examples[name, how]]
        yield f"{name:24}" + "".join(f"{found[name][how]:9}" for how in heads[1:]) + "  " + " ".join(frames)


def compare(captures: Iterable[Path], *, wireshark: bool = True) -> Confusion:
    """Every segment of these captures, as tshark and as we see it. Captures that one of us cannot read do not count."""
    found = Confusion()
    for capture in captures:
        told = theirs(capture)
        try:
            seen = ours(capture, wireshark=wireshark) if told else {}
        except TcpdiagError:
            continue
        for frame, segments in told.items():
            if len(segments) > 1:
                found.several += 1
            elif frame in seen:
                found.add(capture, frame, segments[0], seen[frame])
            else:
                found.unseen += 1
                found.captures[capture.as_posix()] += 1
    return found


def theirs(capture: Path) -> dict[int, list[Told]]:
    """What tshark tells of the TCP headers of each frame; those that ICMP errors quote are left out."""
    wanted = [word for name in FIELDS for word in ("-e", name)]
    done = subprocess.run(
        ["tshark", "-n", "-r", capture, "-Y", "tcp", "-T", "fields", "-E", "occurrence=a", *wanted],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0 and "cut short" not in done.stderr and "damaged" not in done.stderr:
        return {}
    found: dict[int, list[Told]] = {}
    for line in done.stdout.splitlines():
        columns = dict(zip(FIELDS, line.split("\t"), strict=True))
        layers = columns["frame.protocols"].split(":")
        below = layers[: len(layers) - layers[::-1].index("tcp")]
        if columns["tcp.stream"] and not ERRORS & set(below):
            count = columns["tcp.stream"].count(",") + 1
            found[int(columns["frame.number"])] = [_told(columns)] if count == 1 else [{}] * count
    return found


def _told(columns: dict[str, str]) -> Told:
    told = {name: int(bool(columns[f"tcp.analysis.{name}"])) for name in FLAGS}
    told |= {name: int(columns[f"tcp.analysis.{name}"] or 0) for name in COUNTS}
    told |= {name: _ns(columns[f"tcp.analysis.{name}"]) for name in TIMES}
    told["completeness"] = int(columns["tcp.completeness"] or 0)
    return told


def _ns(seconds: str) -> int:
    whole, _, fraction = seconds.removeprefix("-").partition(".")
    count = int(whole or 0) * 1_000_000_000 + int(f"{fraction:0<9}"[:9])
    return -count if seconds.startswith("-") else count


def ours(capture: Path, *, wireshark: bool = True) -> dict[int, Told]:
    """What we tell of the segment of each frame."""
    tables = tcpdiag.analyze(capture, hints=False).tables
    found: dict[int, Told] = {}
    for judged in verdicts(tables, [str(capture)], wireshark=wireshark):
        frames = judged.part.rows["frame"].tolist()
        columns = {name: judged.verdicts[name] for name in VERDICT.names or ()}
        shown = ((columns["bits"] & VerdictBit.SHOWN) != 0) | (not wireshark)
        columns["initial_rtt_ns"] = np.where(shown, columns["initial_rtt_ns"], 0)
        columns["rto_frame"] = np.where(columns["rto_ns"] != 0, columns["rto_frame"], 0)
        facts = columns["facts"].tolist()
        numbers = {name: columns[f"{name}_ns" if name in TIMES else name].tolist() for name in NUMBERS}
        for row, frame in enumerate(frames):
            flags = {name: int(bool(facts[row] & Fact[name.upper()])) for name in FLAGS}
            found[frame] = flags | {name: values[row] for name, values in numbers.items()}
    return found


def main(arguments: list[str]) -> None:
    """Compare the captures that are named, or lie in the folders that are."""
    paths = [Path(argument) for argument in arguments if not argument.startswith("--")]
    captures = [file for path in paths for file in (capture_files(path) if path.is_dir() else [path])]
    found = compare(captures, wireshark="--ours" not in arguments)
    print(found)
    print("\ndiffering:", *found.differing(), sep="\n  ")


if __name__ == "__main__":
    main(sys.argv[1:])
