"""The pcap file format (draft-ietf-opsawg-pcap), its nanosecond and its modified (Kuznetzov) variant."""

import struct
from typing import Final

import numpy as np

from .. import kernels
from ..kernels.cursor import CURSOR, LINK, Status, SwapLengths, Unit
from ..model.capture import Interface
from .linktypes import link_name, max_packet_len

FILE_HEADER: Final = 24
MICROSECONDS: Final = 0xA1B2C3D4
NANOSECONDS: Final = 0xA1B23C4D
MODIFIED: Final = 0xA1B2CD34
"""Patched Linux libpcaps of about 2000: each record header carries 8 more bytes (interface, protocol, type)."""

RECORD_HEADER: Final = {MICROSECONDS: 16, NANOSECONDS: 16, MODIFIED: 24}


def byte_order(head: bytes) -> str | None:
    """`<` or `>` when `head` begins with a pcap magic number."""
    if len(head) < 4:
        return None
    return next((order for order in "<>" if struct.unpack_from(f"{order}I", head)[0] in RECORD_HEADER), None)


class Pcap:
    """The state of one pcap file: header read, records to come."""

    name = "pcap"
    header_size = FILE_HEADER
    ended_ts_ns = None

    def __init__(self, head: bytes, first_row: int) -> None:
        order = byte_order(head)
        magic, major, minor, _, _, snaplen, network = struct.unpack_from(f"{order}IHHiIII", head)
        # Bits 16-31 hold flags and the length of the frame check sequence.
        link_type = network & 0xFFFF
        self.warnings: list[str] = []
        self.interfaces = [Interface(link_type, link_name(link_type), snaplen or None)]
        self.links = np.zeros(1, LINK)
        self.links[0]["factor"] = 1 if magic == NANOSECONDS else 1000
        self.links[0]["unit"] = Unit.MULTIPLY
        self.links[0]["max_len"] = max_packet_len(link_type, snaplen)
        self.links[0]["row"] = first_row
        self.links[0]["link_type"] = link_type
        self.snaplen = snaplen
        self.cursor = np.zeros(1, CURSOR)
        self.cursor[0]["links"] = 1
        self.cursor[0]["swapped"] = order == ">"
        self.cursor[0]["header_size"] = RECORD_HEADER[magic]
        self.cursor[0]["swap_lengths"] = _swap_lengths(major, minor)
        self.skip = 0
        self._index = kernels.load("index")

    def index(self, buffer: np.ndarray, records: np.ndarray) -> Status:
        """Index what the buffer holds from the cursor on."""
        return Status(self._index.index_pcap(*kernels.arrays(self._index, buffer, self.cursor, self.links, records)))

    def find(self, buffer: np.ndarray, final: bool) -> bool:
        """Move the cursor to where records go on after damage; False: not in this buffer."""
        search = kernels.load("index_search")
        return bool(search.find_pcap(*kernels.arrays(search, buffer, self.cursor, self.links), final))

    def complaint(self, data: bytes) -> str:
        """Why the record that `data` begins with cannot be one."""
        captured, wire = self._lengths(data)
        return f"a record of {captured} captured and {wire} original bytes, beyond any packet of this link type"

    def wanted(self, data: bytes) -> int:
        """Bytes of the record that `data` begins with; of its header when that is cut."""
        header_size = int(self.cursor[0]["header_size"])
        return header_size + self._lengths(data)[0] if len(data) >= header_size else header_size

    def is_cut(self, data: bytes) -> bool:
        """Whether an incomplete record at the end just lost its rest; False: its lengths cannot be true."""
        if len(data) < int(self.cursor[0]["header_size"]):
            return True
        captured, wire = self._lengths(data)
        return captured <= wire and (not self.snaplen or captured <= self.snaplen)

    def step_over(self, buffer: np.ndarray) -> bool:
        """Never: nothing in the file confirms the length of a damaged record."""
        return False

    def _lengths(self, data: bytes) -> tuple[int, int]:
        captured, wire = struct.unpack_from(">II" if self.cursor[0]["swapped"] else "<II", data, 8)
        mode = self.cursor[0]["swap_lengths"]
        if mode == SwapLengths.YES or (mode == SwapLengths.WHEN_LARGER and captured > wire):
            captured, wire = wire, captured
        return captured, wire


def _swap_lengths(major: int, minor: int) -> SwapLengths:
    if (major, minor) == (2, 3):
        return SwapLengths.WHEN_LARGER
    return SwapLengths.YES if (major, minor) < (2, 3) or major == 543 else SwapLengths.NO
