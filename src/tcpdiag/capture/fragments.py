"""Reassembly of IPv4 and IPv6 fragments (RFC 791 section 3.2, RFC 8200 section 4.5).

Fragmented TCP is rare, so this is plain Python. Where fragments overlap the bytes that came first stay. Unfinished
datagrams are bounded in number, bytes and age: a hostile capture loses the oldest, and the loss is counted.
"""

import struct
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

import numpy as np

MAX_DATAGRAMS: Final = 4_096
MAX_BYTES: Final = 32 << 20
MAX_PIECES: Final = 512  # of one datagram: 65,535 bytes in fragments of 128
MAX_AGE_FRAMES: Final = 1_000_000

Key = tuple[int, ...]


@dataclass
class Datagram:
    """The pieces of one datagram that are there so far."""

    first_frame: int
    header: bytes = b""  # IP header of the fragment with offset 0
    proto: int = 0
    pieces: list[tuple[int, bytes]] = field(default_factory=list)  # offset, data; sorted, no overlap
    length: int | None = None  # known once the last fragment is there
    held: int = 0
    waiting: dict[int, int] = field(default_factory=dict)  # file -> fragments that are in no finished datagram

    def add(self, at: int, data: bytes, last: bool) -> bool:
        """Keep what of `data` is new. False: none of it, or it lies beyond the datagram's end."""
        if last and self.length is None:
            self.length = at + len(data)
        new: list[tuple[int, bytes]] = []
        start, end = at, at + len(data)
        if self.length is not None and end > self.length:
            return False
        for piece_at, piece in self.pieces:
            if piece_at >= end or start >= end:
                break
            if start < piece_at:
                new.append((start, data[start - at : piece_at - at]))
            start = max(start, piece_at + len(piece))
        if start < end:
            new.append((start, data[start - at :]))
        self.pieces = sorted(self.pieces + new)
        self.held += sum(len(piece) for _, piece in new)
        return bool(new)

    def whole(self) -> bytes | None:
        """IP header and all data, its lengths put right; None while something is missing."""
        if self.length is None or self.held < self.length or not self.header:
            return None
        data = b"".join(piece for _, piece in self.pieces)[: self.length]
        header = bytearray(self.header)
        if header[0] >> 4 == 4:
            header[6:8] = b"\0\0"
            struct.pack_into(">H", header, 2, min(len(header) + len(data), 65_535))
        else:
            struct.pack_into(">H", header, 4, len(data))
            header[6] = self.proto
        return bytes(header) + data


def key_of(fragment: np.void) -> Key:
    """What the fragments (FRAGMENT) of one datagram have in common."""
    names = ("family", "proto", "id", "tunnel", "src_hi", "src_lo", "dst_hi", "dst_lo")
    key: Key = tuple(int(fragment[name]) for name in names)
    # The first fragment's next header counts, and later ones may differ (RFC 8200 section 4.5).
    return (key[0], 0, *key[2:]) if key[0] == 6 else key


class Reassembler:
    """Fragments in, whole datagrams out. Counts fragments by what became of them, for each file."""

    def __init__(self) -> None:
        self._open: OrderedDict[Key, Datagram] = OrderedDict()
        self._bytes = 0
        self.joined: dict[int, int] = {}
        self.overlapping: dict[int, int] = {}
        self.dropped: dict[int, int] = {}
        self.unfinished: dict[int, int] = {}

    def add(self, fragment: np.void, buffer: np.ndarray, frame: int, file: int) -> bytes | None:
        """Take one fragment (a FRAGMENT row); the datagram, when this one completes it."""
        self._expire(frame)
        key = key_of(fragment)
        datagram = self._open.setdefault(key, Datagram(frame))
        data_at, at = int(fragment["data"]), int(fragment["at"])
        data = buffer[data_at : data_at + int(fragment["length"])].tobytes()
        held = datagram.held
        if len(datagram.pieces) >= MAX_PIECES:
            _count(self.dropped, file)
            return None
        if not datagram.add(at, data, not fragment["more"]):
            _count(self.overlapping, file)
            return None
        if at == 0:
            header_at = int(fragment["header"])
            size = 40 if key[0] == 6 else int(buffer[header_at] & 15) * 4
            datagram.header = buffer[header_at : header_at + size].tobytes()
            datagram.proto = int(fragment["proto"])
        self._bytes += datagram.held - held
        whole = datagram.whole()
        if whole is None:
            _count(datagram.waiting, file)
            _count(self.unfinished, file)
            return None
        self._forget(key, self.joined)
        return whole

    def _expire(self, frame: int) -> None:
        while self._open:
            key, oldest = next(iter(self._open.items()))
            if len(self._open) > MAX_DATAGRAMS or self._bytes > MAX_BYTES:
                self._forget(key, self.dropped)
            elif frame - oldest.first_frame > MAX_AGE_FRAMES:
                self._bytes -= oldest.held  # stays counted as unfinished
                del self._open[key]
            else:
                return

    def _forget(self, key: Key, fate: dict[int, int]) -> None:
        """Let a datagram go, its fragments so far counted under their fate."""
        datagram = self._open.pop(key)
        self._bytes -= datagram.held
        for file, n in datagram.waiting.items():
            _count(fate, file, n)
            _count(self.unfinished, file, -n)


def _count(counts: dict[int, int], file: int, n: int = 1) -> None:
    counts[file] = counts.get(file, 0) + n
