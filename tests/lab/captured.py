"""tcpdump's files, read without tcpdiag: which frame holds what."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.outcome import Pick
from lab.segments import PSH, Segment, flags_of, parse

LINK_HEADERS: Final = {1: 14, 12: 0, 101: 0, 276: 20}
"""Link type -> bytes before the IP packet: Ethernet, raw IP (two numbers), Linux cooked v2."""

PER_SECOND: Final = {0xA1B2C3D4: 1_000_000, 0xA1B23C4D: 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Frame:
    """One captured TCP segment; `number` as in Wireshark."""

    number: int
    time: float
    segment: Segment

    def fits(self, pick: Pick) -> bool:
        """Whether it is what `pick` describes."""
        segment = self.segment
        return (
            pick.src in (None, segment.src)
            and pick.dst in (None, segment.dst)
            and (pick.flags is None or segment.flags & ~PSH == flags_of(pick.flags))
            and pick.seq in (None, segment.seq)
            and pick.window in (None, segment.window)
            and pick.payload in (None, segment.payload_len > 0)
            and (pick.since is None or self.time >= pick.since)
            and (pick.until is None or self.time <= pick.until)
        )


def frames_of(path: Path) -> Iterator[Frame]:
    """The TCP segments of a capture."""
    data = path.read_bytes()
    magic, _, _, _, _, _, link = struct.unpack_from("=IHHiIII", data)
    offset, number, skip = 24, 0, LINK_HEADERS[link]
    while offset < len(data):
        seconds, fraction, length, _ = struct.unpack_from("=IIII", data, offset)
        number += 1
        offset += 16
        packet = data[offset + skip : offset + length]
        offset += length
        if packet and packet[0] >> 4 in (4, 6) and (segment := parse(packet)):
            yield Frame(number, seconds + fraction / PER_SECOND[magic], segment)
