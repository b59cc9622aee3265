"""Extracts read back, field by field, without tcpdiag's reader."""

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

COMMENT = 1
NUMBER = re.compile(r"tcpdiag: frame (\d+)(?:, stream (\d+))?(?: \(frame (\d+) of (.*)\))?$")


@dataclass
class Extracted:
    """One pcapng file."""

    section: list[tuple[int, bytes]] = field(default_factory=list)
    interfaces: list[tuple[int, int, dict[int, bytes]]] = field(default_factory=list)  # link type, snaplen, options
    packets: list[tuple[int, int, int, bytes]] = field(default_factory=list)  # interface, ticks, wire length, data
    comments: list[list[str]] = field(default_factory=list)  # of each packet
    statistics: list[tuple[int, dict[int, bytes]]] = field(default_factory=list)

    @property
    def frames(self) -> list[int]:
        """Frame numbers in the original."""
        return [int(match[1]) for texts in self.comments if (match := NUMBER.match(texts[0]))]

    @property
    def said(self) -> list[str]:
        """Comments of the file."""
        return [value.decode() for code, value in self.section if code == COMMENT]


def options(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(data):
        code, length = struct.unpack_from("<HH", data, at)
        if code == 0:
            assert length == 0 and at + 4 == len(data), "the end of options is the end"
            break
        found.append((code, data[at + 4 : at + 4 + length]))
        assert len(found[-1][1]) == length
        at += 4 + (length + 3 & ~3)
    return found


def read(path: Path) -> Extracted:
    """All blocks of a pcapng file, each with its two lengths alike."""
    data, at, found = path.read_bytes(), 0, Extracted()
    while at < len(data):
        kind, total = struct.unpack_from("<II", data, at)
        assert total % 4 == 0 and struct.unpack_from("<I", data, at + total - 4)[0] == total
        body = data[at + 8 : at + total - 4]
        if kind == 0x0A0D0D0A:
            assert at == 0 and body[:16] == struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
            found.section = options(body[16:])
        elif kind == 1:
            link_type, _, snaplen = struct.unpack_from("<HHI", body)
            found.interfaces.append((link_type, snaplen, dict(options(body[8:]))))
        elif kind == 6:
            interface, high, low, captured, wire = struct.unpack_from("<IIIII", body)
            found.packets.append((interface, high << 32 | low, wire, body[20 : 20 + captured]))
            texts = [value.decode() for code, value in options(body[20 + (captured + 3 & ~3) :]) if code == COMMENT]
            found.comments.append(texts)
        else:
            assert kind == 5, f"block type {kind}"
            found.statistics.append((struct.unpack_from("<I", body)[0], dict(options(body[12:]))))
        at += total
    return found
