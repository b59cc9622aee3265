"""What `tshark -z follow,tcp,raw` makes of the connections of a capture, and what we make of them."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import tcpdiag
from tcpdiag.again import parts
from tcpdiag.model.tables import Tables
from tcpdiag.streams.chunk import Lost
from tcpdiag.streams.pieces import Run
from tcpdiag.streams.reassembly import Item, Reassembly, reassembly_of

TIMEOUT_S = 300
AT_ONCE = 100
"""Streams that one tshark is asked for."""
LEFT_OUT = [word for name in ("bgp", "openflow", "rpkirtr") for word in ("--disable-protocol", name)]
"""Dissectors that spoil what tshark follows: one that fails hides its segment, one that dissects a packet inside its
messages turns the direction (tshark 4.0 takes the addresses that were dissected last)."""
MISSING = re.compile(rb"\[(-?\d+) bytes missing in capture file\]\0?")


Record = tuple[int, bytes | str]
"""Side, and bytes or why they are missing."""


@dataclass
class Followed:
    """One connection, in the order of a Follow window; side 0 is the sender of its first segment."""

    records: list[Record] = field(default_factory=list)

    def text(self, side: int) -> bytes:
        """All bytes of a direction."""
        return b"".join(data for sender, data in self.records if sender == side and isinstance(data, bytes))

    def turns(self) -> list[tuple[int, bytes]]:
        """The bytes of both, those of one side that follow each other together."""
        found: list[tuple[int, bytes]] = []
        for side, data in self.records:
            if isinstance(data, str) or not data:
                continue
            if found and found[-1][0] == side:
                found[-1] = (side, found[-1][1] + data)
            else:
                found.append((side, data))
        return found

    def acknowledged(self) -> "Followed":
        """Without what comes after a gap that the receiver did not acknowledge."""
        records: list[Record] = []
        ended = set()
        for side, data in self.records:
            if data in (Lost.NEVER_ACKNOWLEDGED, Lost.UNKNOWN):
                ended.add(side)
            if side not in ended:
                records.append((side, data))
        return Followed(records)


def by_tshark(path: Path, streams: Sequence[int]) -> dict[int, Followed]:
    """As tshark follows them."""
    found: dict[int, Followed] = {}
    for start in range(0, len(streams), AT_ONCE):
        some = streams[start : start + AT_ONCE]
        wanted = [argument for stream in some for argument in ("-z", f"follow,tcp,raw,{stream}")]
        command = ["tshark", "-n", "-q", *LEFT_OUT, "-r", str(path), *wanted]
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S)
        found |= _parsed(done.stdout)
    return found


def _parsed(output: bytes) -> dict[int, Followed]:
    found: dict[int, Followed] = {}
    current: Followed | None = None
    for line in output.splitlines():
        if line.startswith(b"Filter: tcp.stream eq "):
            current = found[int(line.split()[-1])] = Followed()
        elif line.startswith((b"===", b"Follow:", b"Node ")) or current is None:
            continue
        else:
            data = bytes.fromhex(line.strip().decode())
            side = int(line.startswith(b"\t"))
            current.records.append((side, "missing" if MISSING.fullmatch(data) else data))
    return found


def ours(path: Path) -> tuple[Tables, dict[int, Followed]]:
    """As we do, every connection in one second look."""
    tables = tcpdiag.analyze(path, hints=False, only=["capture-loss"]).tables
    running: dict[int, Reassembly] = {}
    found: dict[int, Followed] = {}
    for part in parts(tables, [str(path)]):
        if not len(part.rows):
            continue
        order = np.argsort(part.streams, kind="stable")
        rows, sides, streams = part.rows[order], part.sides[order], part.streams[order]
        starts = np.flatnonzero(np.diff(streams, prepend=-1))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(streams)], strict=True):
            stream = int(streams[start])
            reassembly = running.get(stream) or running.setdefault(stream, reassembly_of(tables, stream))
            items = reassembly.feed(rows[start:end], sides[start:end], part.batch.buffer)
            found.setdefault(stream, Followed()).records += _records(items)
    for stream, reassembly in running.items():
        found[stream].records += _records(reassembly.finish())
    return tables, found


def _records(items: Sequence[Item]) -> Iterator[Record]:
    for item in items:
        if not isinstance(item, Run):
            yield item.side, item.data if item.data is not None else str(item.why)
            continue
        for _, _, at, length, captured, _, side in item.rows.tolist():
            yield side, item.text[at : at + captured]
            if captured < length:
                yield side, str(Lost.SNAPPED)
