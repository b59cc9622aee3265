"""Capture files, written: pcapng with comments, or pcap.

pcapng: draft-ietf-opsawg-pcapng. Times are in nanoseconds; numbers are little-endian.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import BinaryIO, Final, Protocol

import numpy as np

from ..errors import UsageError
from ..model.capture import Interface
from ..units import NS

SECTION_HEADER: Final = 0x0A0D0D0A
BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
INTERFACE_DESCRIPTION: Final = 1
INTERFACE_STATISTICS: Final = 5
ENHANCED_PACKET: Final = 6
COMMENT: Final = 1
SHB_USERAPPL: Final = 4
IF_NAME, IF_DESCRIPTION, IF_TSRESOL, IF_FILTER, IF_OS, IF_TSOFFSET = 2, 3, 9, 11, 12, 14
ISB_ENDTIME, ISB_IFRECV, ISB_IFDROP, ISB_FILTERACCEPT, ISB_OSDROP = 3, 4, 5, 6, 7
NANOSECONDS: Final = 9
END: Final = bytes(4)  # of options

PCAP_MAGIC: Final = 0xA1B23C4D
PCAP_SNAPLEN: Final = 262_144
U64: Final = (1 << 64) - 1
U32: Final = 0xFFFFFFFF
OPTION_MAX: Final = 32_767
"""Bytes of an option's text; Wireshark shows no longer ones whole."""


class Container(Protocol):
    """A capture file being written."""

    def packets(self, buffer: np.ndarray, records: np.ndarray, comments: Sequence[Sequence[str]] | None) -> None:
        """Write packets (RECORD) that lie in the buffer, with a list of comments each."""
        ...

    def finish(self) -> None:
        """Write what stands at the end."""
        ...


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    total = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + total + body + total


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _text(code: int, text: str | None) -> bytes:
    """An option of text, cut where it is too long, at a whole character."""
    if not text:
        return b""
    value = text.encode("utf-8", "backslashreplace")
    return _option(code, value[:OPTION_MAX].decode("utf-8", "ignore").encode())


@lru_cache(maxsize=4096)
def _comment(text: str) -> bytes:
    return _text(COMMENT, text)


def _options(parts: Iterable[bytes]) -> bytes:
    found = b"".join(parts)
    return found + END if found else b""


class PcapngFile:
    """interfaces: the rows that the packets name. first_ts_ns: of the earliest packet; it may lie before 1970.

    ended_ts_ns: until when the capture went on; who looks for what did not come has to know. None: not to be said.
    """

    def __init__(
        self,
        stream: BinaryIO,
        interfaces: Sequence[Interface],
        *,
        application: str,
        comments: Sequence[str] = (),
        first_ts_ns: int = 0,
        ended_ts_ns: int | None = None,
    ) -> None:
        self._stream = stream
        self._interfaces = interfaces
        self._offset_ns = min(0, first_ts_ns // NS * NS)
        self._last_ts_ns = first_ts_ns
        self._ended_ts_ns = ended_ts_ns
        head = struct.pack("<IHHq", BYTE_ORDER_MAGIC, 1, 0, -1)
        texts = (*(_text(COMMENT, text) for text in comments), _text(SHB_USERAPPL, application))
        stream.write(_block(SECTION_HEADER, head + _options(texts)))
        for interface in interfaces:
            stream.write(self._description(interface))

    def packets(self, buffer: np.ndarray, records: np.ndarray, comments: Sequence[Sequence[str]] | None) -> None:
        """See `Container`."""
        parts: list[bytes | memoryview] = []
        data = buffer.data
        columns = (records[name].tolist() for name in ("ts_ns", "offset", "captured_len", "wire_len", "interface"))
        for index, (ts_ns, at, captured, wire, interface) in enumerate(zip(*columns, strict=True)):
            options = b"".join(map(_comment, comments[index])) + END if comments else b""
            padding = -captured % 4
            total = 32 + captured + padding + len(options)
            ticks = self._ticks(ts_ns)
            head = (ENHANCED_PACKET, total, interface, ticks >> 32, ticks & U32, captured, wire)
            parts.append(struct.pack("<7I", *head))
            parts.append(data[at : at + captured])
            parts.append(bytes(padding) + options + struct.pack("<I", total))
        self._stream.write(b"".join(parts))
        if len(records):
            self._last_ts_ns = max(self._last_ts_ns, int(records["ts_ns"].max()))

    def finish(self) -> None:
        """The counters of the interfaces, where the original had any, and the end of the capture."""
        end = b"" if self._ended_ts_ns is None else _option(ISB_ENDTIME, self._time(self._ended_ts_ns))
        for number, each in enumerate(self._interfaces):
            counters = (
                (ISB_IFRECV, each.received),
                (ISB_IFDROP, each.dropped_interface),
                (ISB_FILTERACCEPT, each.accepted),
                (ISB_OSDROP, each.dropped_os),
            )
            options = _options([end, *(_option(code, struct.pack("<Q", n)) for code, n in counters if n is not None)])
            if options:
                head = struct.pack("<I", number) + self._time(self._last_ts_ns)
                self._stream.write(_block(INTERFACE_STATISTICS, head + options))

    def _ticks(self, ts_ns: int) -> int:
        """As the format counts them; what it cannot hold, in the year 1677 or 2262, is the next that it can."""
        return min(max(ts_ns - self._offset_ns, 0), U64)

    def _time(self, ts_ns: int) -> bytes:
        ticks = self._ticks(ts_ns)
        return struct.pack("<II", ticks >> 32, ticks & U32)

    def _description(self, each: Interface) -> bytes:
        options = [
            _text(IF_NAME, each.name),
            _text(IF_DESCRIPTION, each.description),
            _text(IF_OS, each.os),
            _option(IF_TSRESOL, bytes([NANOSECONDS])),
        ]
        if each.filter:
            options.append(_option(IF_FILTER, b"\0" + each.filter.encode()))
        if self._offset_ns:
            options.append(_option(IF_TSOFFSET, struct.pack("<q", self._offset_ns // NS)))
        body = struct.pack("<HHI", each.link_type, 0, each.snaplen or 0)
        return _block(INTERFACE_DESCRIPTION, body + _options(options))


class PcapFile:
    """One link type, no comments. Raises UsageError for times that the format cannot hold."""

    def __init__(self, stream: BinaryIO, link_type: int, snaplen: int | None) -> None:
        self._stream = stream
        stream.write(struct.pack("<IHHiIII", PCAP_MAGIC, 2, 4, 0, 0, snaplen or PCAP_SNAPLEN, link_type))

    def packets(self, buffer: np.ndarray, records: np.ndarray, comments: Sequence[Sequence[str]] | None) -> None:
        """See `Container`. Comments are left out."""
        parts: list[bytes | memoryview] = []
        data = buffer.data
        columns = (records[name].tolist() for name in ("ts_ns", "offset", "captured_len", "wire_len"))
        for ts_ns, at, captured, wire in zip(*columns, strict=True):
            seconds, rest = divmod(ts_ns, NS)
            if not 0 <= seconds <= U32:
                raise UsageError("a .pcap file cannot hold the times of these packets: write a .pcapng file")
            parts.append(struct.pack("<4I", seconds, rest, captured, wire))
            parts.append(data[at : at + captured])
        self._stream.write(b"".join(parts))

    def finish(self) -> None:
        """Nothing."""
