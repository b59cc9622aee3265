"""The pcapng file format (draft-ietf-opsawg-pcapng): sections, interfaces, packets, statistics."""

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from .. import kernels
from ..errors import UnreadableInput
from ..kernels.cursor import CURSOR, LINK, Status, Unit
from ..model.capture import Interface
from ..units import NS
from .linktypes import link_name, max_packet_len

SECTION_HEADER: Final = 0x0A0D0D0A
INTERFACE_DESCRIPTION: Final = 1
INTERFACE_STATISTICS: Final = 5
PACKET_BLOCKS: Final = frozenset({2, 3, 6})
FRAMES_WITHOUT_PACKET: Final = frozenset({9, 0xBAD, 0x40000BAD, 0x204, 0x208, 0x216, 0x217, 0x221, 0x222})
"""Journal entries, custom blocks and system calls: Wireshark numbers them as frames."""

BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
DESCRIPTION_LIMIT: Final = 1 << 20
"""Bytes of a description that are read; no writer comes near it."""
BLOCK_LIMIT: Final = 128 << 20
"""Bytes of a block that is stepped over; Wireshark accepts none that is larger."""
TEXT_LIMIT: Final = 256
INTERFACES_LIMIT: Final = 65_535
I64_MAX: Final = 2**63 - 1
ISB_ENDTIME: Final = 3
"""When the capture ended. Programs that leave packets out, such as editcap, leave these blocks out too."""


def is_pcapng(head: bytes) -> bool:
    """Whether `head` begins with a section header."""
    return _section_order(head) is not None


def _section_order(head: bytes) -> str | None:
    if len(head) < 12 or struct.unpack_from("<I", head)[0] != SECTION_HEADER:
        return None
    return next((order for order in "<>" if struct.unpack_from(f"{order}I", head, 8)[0] == BYTE_ORDER_MAGIC), None)


class Pcapng:
    """The state of one pcapng file: the current section's byte order and interfaces."""

    name = "pcapng"
    header_size = 0

    def __init__(self, head: bytes, first_row: int) -> None:
        order = _section_order(head)
        if order is not None and len(head) >= 14 and struct.unpack_from(f"{order}H", head, 12)[0] != 1:
            raise UnreadableInput(f"pcapng version {struct.unpack_from(f'{order}H', head, 12)[0]} is not known")
        self.warnings: list[str] = []
        self.interfaces: list[Interface] = []
        self.links = np.zeros(4, LINK)
        self.cursor = np.zeros(1, CURSOR)
        self.skip = 0
        self.ended_ts_ns: int | None = None
        self._first_row = first_row
        self._section_rows: list[int] = []
        self._index = kernels.load("index")

    def index(self, buffer: np.ndarray, records: np.ndarray) -> Status:
        """Index what the buffer holds from the cursor on; OTHER never leaves this method."""
        filled = 0
        status = Status.OTHER
        while status is Status.OTHER:
            room = records[filled:]
            status = Status(
                self._index.index_pcapng(*kernels.arrays(self._index, buffer, self.cursor, self.links, room))
            )
            filled += int(self.cursor[0]["filled"])
            if status is Status.OTHER:
                status = self._other_block(buffer)
        self.cursor[0]["filled"] = filled
        return status

    def find(self, buffer: np.ndarray, final: bool) -> bool:
        """Move the cursor to the next block after damage; False: not in this buffer."""
        search = kernels.load("index_search")
        return bool(search.find_pcapng(*kernels.arrays(search, buffer, self.cursor, self.links), final))

    @property
    def _order(self) -> str:
        return ">" if self.cursor[0]["swapped"] else "<"

    def _head(self, data: bytes) -> tuple[int, int]:
        """Type and total length, in the byte order of the section that the block belongs to or begins."""
        order = _section_order(data) or self._order
        kind, total = struct.unpack_from(f"{order}II", data)
        return kind, total

    def _other_block(self, buffer: np.ndarray) -> Status:
        """Take in the block at the cursor, which is not a packet. OTHER: done, go on."""
        cursor = self.cursor[0]
        at, available = int(cursor["position"]), int(cursor["end"] - cursor["position"])
        head = bytes(buffer[at : at + 28])
        kind, total = self._head(head)
        padded = (total + 3) & ~3
        is_section = kind == SECTION_HEADER
        if is_section and _section_order(head) is None and available >= 12:
            return Status.BAD
        if total < (28 if is_section else 12) or total > BLOCK_LIMIT:
            return Status.BAD
        is_read = is_section or kind in (INTERFACE_DESCRIPTION, INTERFACE_STATISTICS)
        if is_read and padded > available and total <= DESCRIPTION_LIMIT:
            return Status.MORE
        if padded <= available:
            order = _section_order(head) or self._order
            if struct.unpack_from(f"{order}I", bytes(buffer[at + padded - 4 : at + padded]))[0] != total:
                return Status.BAD
        elif is_read and not is_section:
            return Status.BAD
        if is_section:
            if struct.unpack_from(f"{_section_order(head)}H", head, 12)[0] != 1:
                return Status.BAD
            self._begin_section(head)
        elif is_read:
            body = bytes(buffer[at + 8 : at + padded - 4])
            if not (self._describe(body) if kind == INTERFACE_DESCRIPTION else self._count(body)):
                return Status.BAD
        elif kind in FRAMES_WITHOUT_PACKET:
            cursor["frame"] += 1
        stepped = min(padded, available)
        self.skip = padded - stepped
        cursor["position"] += stepped
        return Status.OTHER if not self.skip else Status.MORE

    def _begin_section(self, head: bytes) -> None:
        self.cursor[0]["swapped"] = _section_order(head) == ">"
        self.cursor[0]["links"] = 0
        self._section_rows = []

    def _describe(self, body: bytes) -> bool:
        """An Interface Description Block (section 4.2). False: too short, or one interface too many."""
        if len(body) < 8 or self._first_row + len(self.interfaces) >= INTERFACES_LIMIT:
            return False
        link_type, _, snaplen = struct.unpack_from(f"{self._order}HHI", body)
        options = dict(self._options(body[8:]))
        number = len(self._section_rows)
        if number == len(self.links):
            self.links = np.concatenate([self.links, np.zeros(number, LINK)])
        row = self._first_row + len(self.interfaces)
        offset_ns = self._offset_ns(options.get(14, b""))
        unit, factor = _unit(options[9][0] if options.get(9) else 6)
        limit = max_packet_len(link_type, snaplen)
        most_ticks = I64_MAX // max(factor, 1)
        self.links[number] = (0, offset_ns, factor, most_ticks, limit, snaplen, row, link_type, unit, 0, 0)
        self.cursor[0]["links"] = number + 1
        self._section_rows.append(len(self.interfaces))
        self.interfaces.append(
            Interface(
                link_type,
                link_name(link_type),
                snaplen or None,
                name=_text(options.get(2)),
                description=_text(options.get(3)),
                os=_text(options.get(12)),
                filter=_filter(options.get(11)),
            )
        )
        return True

    def _offset_ns(self, value: bytes) -> int:
        if len(value) != 8:
            return 0
        offset_ns = int(struct.unpack(f"{self._order}q", value)[0]) * 1_000_000_000
        if abs(offset_ns) > I64_MAX:
            self.warnings.append("an interface's time offset is beyond what 64 bits of nanoseconds hold")
        return max(-I64_MAX, min(I64_MAX, offset_ns))

    def _count(self, body: bytes) -> bool:
        """An Interface Statistics Block (section 4.6). The last one of an interface holds its totals."""
        if len(body) < 12:
            return False
        number = struct.unpack_from(f"{self._order}I", body)[0]
        if number >= len(self._section_rows):
            return True  # Wireshark, too, lets it pass: no packet depends on it
        options = {code: value for code, value in self._options(body[12:]) if len(value) == 8}
        values = {
            code: int(struct.unpack(f"{self._order}Q", options[code])[0]) for code in (4, 5, 6, 7) if code in options
        }
        if ISB_ENDTIME in options:
            self._end(number, *struct.unpack(f"{self._order}II", options[ISB_ENDTIME]))
        row = self._section_rows[number]
        old = self.interfaces[row]
        self.interfaces[row] = replace(
            old,
            received=values.get(4, old.received),
            dropped_interface=values.get(5, old.dropped_interface),
            accepted=values.get(6, old.accepted),
            dropped_os=values.get(7, old.dropped_os),
        )
        return True

    def _end(self, number: int, high: int, low: int) -> None:
        """The capture on an interface ended: in ticks of its clock. A time that 64 bits do not hold is none."""
        link = self.links[number]
        ticks, factor = high << 32 | low, int(link["factor"])
        match Unit(int(link["unit"])):
            case Unit.MULTIPLY:
                ns = ticks * factor
            case Unit.DIVIDE:
                ns = ticks // factor
            case _:
                ns = ticks * NS >> factor
        ns += int(link["offset_ns"])
        if ns <= I64_MAX:
            self.ended_ts_ns = max(ns, self.ended_ts_ns or ns)

    def _options(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Code and value of each option, up to the first that does not fit (section 3.5)."""
        at = 0
        while at + 4 <= len(data):
            code, length = struct.unpack_from(f"{self._order}HH", data, at)
            if code == 0 or at + 4 + length > len(data):
                return
            yield code, data[at + 4 : at + 4 + length]
            at += 4 + (length + 3 & ~3)

    def complaint(self, data: bytes) -> str:
        """Why the block that `data` begins with cannot be one."""
        kind, total = self._head(data)
        if kind in PACKET_BLOCKS and total >= 32 and len(data) >= 12 and kind != 3:
            number = struct.unpack_from(f"{self._order}{'I' if kind == 6 else 'H'}", data, 8)[0]
            if number >= len(self._section_rows):
                return f"a packet of interface {number}, which the section does not describe"
        return f"a block of type {kind:#x} whose length {total} does not fit what it holds or its second copy"

    def wanted(self, data: bytes) -> int:
        """Bytes of the block that `data` begins with; of its header when that is cut."""
        return (self._head(data)[1] + 3) & ~3 if len(data) >= 12 else 12

    def is_cut(self, data: bytes) -> bool:
        """Whether an incomplete block at the end just lost its rest."""
        return True

    def step_over(self, buffer: np.ndarray) -> bool:
        """Step over the block at the cursor when its two lengths agree, so that only its contents are wrong."""
        at, end = int(self.cursor[0]["position"]), int(self.cursor[0]["end"])
        head = bytes(buffer[at : at + 28])
        total = self._head(head)[1]
        padded = (total + 3) & ~3
        if total < 12 or at + padded > end:
            return False
        order = _section_order(head) or self._order
        if struct.unpack(f"{order}I", bytes(buffer[at + padded - 4 : at + padded]))[0] != total:
            return False
        self.cursor[0]["position"] = at + padded
        return True


def _unit(resolution: int) -> tuple[Unit, int]:
    """if_tsresol (section 4.2) as a Unit and its factor."""
    exponent = resolution & 0x7F
    if resolution & 0x80:
        return Unit.SHIFT, exponent
    if exponent <= 9:
        return Unit.MULTIPLY, int(10 ** (9 - exponent))
    # Beyond 10**-27 s all of 64 bits is less than a nanosecond or two: as good as none.
    return (Unit.DIVIDE, int(10 ** (exponent - 9))) if exponent <= 27 else (Unit.SHIFT, 127)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value[:TEXT_LIMIT].decode("utf-8", "replace").rstrip("\0")


def _filter(value: bytes | None) -> str | None:
    if not value:
        return None
    return _text(value[1:]) if value[0] == 0 else "compiled filter"
