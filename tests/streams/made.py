"""Connections in which one side sends text: SEGMENT rows without a capture file."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tcpdiag.model.segment import SEGMENT, Checksum, Flag
from tcpdiag.streams.chunk import Conflict, Gap
from tcpdiag.streams.direction import Direction
from tcpdiag.streams.keeping import UNKNOWN_RULE, Keeping
from tcpdiag.streams.pieces import Run
from tcpdiag.streams.reassembly import Reassembly

U32 = 1 << 32
MS = 1_000_000


@dataclass
class Sent:
    """Segments of side 0, or ACKs of side 1, in capture order, one a millisecond. `seq`: offset from `base`."""

    base: int = 1001  # sequence number of the first byte
    rows: list[dict[str, int]] = field(default_factory=list)
    sides: list[int] = field(default_factory=list)
    text: bytearray = field(default_factory=bytearray)

    def data(self, at: int, text: bytes, **columns: int) -> "Sent":
        """Side 0 sends text."""
        columns.setdefault("payload_len", len(text))
        return self._add(0, seq=(self.base + at) % U32, text=text, **columns)

    def ack(self, at: int, **columns: int) -> "Sent":
        """Side 1 acknowledges all before `at`."""
        return self._add(1, seq=5001, ack=(self.base + at) % U32, **columns)

    def answer(self, at: int, text: bytes) -> "Sent":
        """Side 1 acknowledges and sends text."""
        return self._add(1, seq=5001, ack=(self.base + at) % U32, text=text, payload_len=len(text))

    def _add(self, side: int, *, text: bytes = b"", **columns: int) -> "Sent":
        number = len(self.rows)
        given = {"flags": int(Flag.ACK), "checksum": int(Checksum.GOOD), "ts_ns": number * MS, "frame": number + 1}
        self.rows.append({**given, "payload_offset": len(self.text), "captured_len": len(text), **columns})
        self.sides.append(side)
        self.text += text
        return self

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows, sides and buffer, as a batch has them."""
        rows = np.zeros(len(self.rows), SEGMENT)
        for row, columns in zip(rows, self.rows, strict=True):
            for name, value in columns.items():
                row[name] = value
        return rows, np.array(self.sides, np.uint8), np.frombuffer(bytes(self.text), np.uint8)


@dataclass
class Got:
    """The stream of one side. pieces: offset, bytes or None, length, frame."""

    pieces: list[tuple[int, bytes | None, int, int]]
    gaps: tuple[Gap, ...]
    conflicts: list[Conflict]
    left_out: dict[str, int]
    direction: Direction

    @property
    def text(self) -> bytes:
        return b"".join(data for _, data, _, _ in self.pieces if data is not None)

    @property
    def shown(self) -> bytes:
        """Bytes, a dot for each one that is missing."""
        return b"".join(data if data is not None else b"." * length for _, data, length, _ in self.pieces)


def received(
    sent: Sent,
    *,
    keeping: Keeping = UNKNOWN_RULE,
    midstream: bool = False,
    checks: bool = False,
    batches: Sequence[int] = (),
) -> Got:
    """What is made of it. midstream: no SYN told where it begins. batches: where the capture's batches end."""
    first_bytes = (None, None) if midstream else (sent.base % U32, 5001)
    directions = [
        Direction(side, first_byte=first, checks=checks, keeping=keeping, wanted=True)
        for side, first in enumerate(first_bytes)
    ]
    reassembly = Reassembly(*directions)
    rows, sides, buffer = sent.arrays()
    pieces: list[tuple[int, bytes | None, int, int]] = []
    edges = [0, *batches, len(rows)]
    for start, end in itertools.pairwise(edges):
        pieces += _of_side(0, reassembly.feed(rows[start:end], sides[start:end], buffer))
    pieces += _of_side(0, reassembly.finish())
    sender = directions[0]
    return Got(pieces, sender.gaps.merged(), sender.conflicts, sender.left_out, sender)


def _of_side(side: int, items: Sequence[object]) -> list[tuple[int, bytes | None, int, int]]:
    found: list[tuple[int, bytes | None, int, int]] = []
    for item in items:
        if not isinstance(item, Run):
            if item.side == side:
                found.append((item.begin, item.data, item.end - item.begin, item.frame))
            continue
        for offset, _, at, length, captured, frame, sender in item.rows.tolist():
            if sender == side and captured:
                found.append((offset, item.text[at : at + captured], captured, frame))
            if sender == side and captured < length:
                found.append((offset + captured, None, length - captured, frame))
    return found
