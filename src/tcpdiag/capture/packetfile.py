"""One capture file being read: buffers of it indexed into packet records, what is wrong with it kept."""

from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np

from ..errors import UnreadableInput
from ..kernels.cursor import Status
from ..model.capture import CaptureFile, Damage, Interface
from ..model.segment import RECORD
from .pcap import FILE_HEADER, Pcap, byte_order
from .pcapng import Pcapng, is_pcapng
from .source import Source

SMALLEST_BUFFER: Final = 4096
DAMAGE_ROWS: Final = 64
"""Damaged places of a file that are told one by one; the rest is counted."""
DAMAGE_LIMIT: Final = 10_000
"""Damaged places after which a file is given up: what is left is not worth the search."""
HEAD: Final = 64


class Format(Protocol):
    """What `Pcap` and `Pcapng` have in common. `cursor` is one CURSOR row, `skip` bytes to leave out beyond the
    buffer, `ended_ts_ns` when the capture ended, where the file says so. The `data` of the questions are the first
    bytes at the cursor."""

    @property
    def name(self) -> str: ...
    @property
    def header_size(self) -> int: ...
    @property
    def ended_ts_ns(self) -> int | None: ...

    cursor: np.ndarray
    skip: int
    interfaces: list[Interface]
    warnings: list[str]

    def index(self, buffer: np.ndarray, records: np.ndarray) -> Status: ...
    def find(self, buffer: np.ndarray, final: bool) -> bool: ...
    def step_over(self, buffer: np.ndarray) -> bool: ...
    def complaint(self, data: bytes) -> str: ...
    def wanted(self, data: bytes) -> int: ...
    def is_cut(self, data: bytes) -> bool: ...


class Ring:
    """Buffers and record arrays that are used again after `slots` others were handed out."""

    def __init__(self, batch_bytes: int, batch_records: int, slots: int) -> None:
        self.size = max(batch_bytes, SMALLEST_BUFFER)
        self._rows = max(batch_records, 1)
        self._buffers: list[np.ndarray | None] = [None] * slots
        self._records: list[np.ndarray | None] = [None] * slots
        self._buffer = self._record = 0

    def buffer(self, size: int) -> np.ndarray:
        """A buffer of `size` bytes or, when that is less, of the usual size."""
        self._buffer = (self._buffer + 1) % len(self._buffers)
        buffer = self._buffers[self._buffer]
        wanted = max(size, self.size)
        if buffer is None or len(buffer) != wanted:
            buffer = self._buffers[self._buffer] = np.empty(wanted, np.uint8)
        return buffer

    def records(self) -> np.ndarray:
        """An array of RECORD rows."""
        self._record = (self._record + 1) % len(self._records)
        records = self._records[self._record]
        if records is None:
            records = self._records[self._record] = np.empty(self._rows, RECORD)
        return records


class PacketFile:
    """Reads `source` from its beginning.

    `frame` is the number of the last frame before this file, `row` that of its first interface in the capture's
    interface table. Raises UnreadableInput when it is no capture.
    """

    def __init__(self, source: Source, ring: Ring, *, frame: int = 0, row: int = 0) -> None:
        self._source = source
        self._ring = ring
        self._buffer = ring.buffer(0)
        self._base = 0  # of the buffer in the file
        self._first_frame = frame + 1
        self._damage: list[Damage] = []
        self._damaged_places = 0
        end = source.readinto(self._buffer.data)
        self._at_end = end < len(self._buffer)
        self._format = _recognise(source, bytes(self._buffer[: min(end, HEAD)]), row)
        self._cursor = self._format.cursor
        self._cursor[0]["position"] = self._format.header_size
        self._cursor[0]["end"] = end
        self._cursor[0]["frame"] = frame
        self.complete = False

    @property
    def frame(self) -> int:
        """Number of the last frame so far."""
        return int(self._cursor[0]["frame"])

    @property
    def interface_count(self) -> int:
        """Interfaces described so far."""
        return len(self._format.interfaces)

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Buffers with the records (RECORD rows) that lie in them."""
        while True:
            records = self._ring.records()
            status = self._format.index(self._buffer, records)
            filled = int(self._cursor[0]["filled"])
            if filled:
                yield self._buffer, records[:filled]
            if status is Status.MORE:
                if not self._at_end:
                    self._refill()
                elif not self._go_on_after_end():
                    break
            elif status is Status.BAD and not self._go_on_after(self._format.complaint(self._data())):
                break
        self.complete = True

    def _data(self) -> bytes:
        at, end = int(self._cursor[0]["position"]), int(self._cursor[0]["end"])
        return bytes(self._buffer[at : min(end, at + HEAD)])

    def _refill(self) -> None:
        """Carry the incomplete record over to the next buffer and fill that up.

        A record that is longer than a buffer gets a larger one, which grows only as the file really holds the bytes.
        """
        at, end = int(self._cursor[0]["position"]), int(self._cursor[0]["end"])
        rest = end - at
        size = self._ring.size
        if rest > size // 2 and self._format.wanted(self._data()) > size:
            size = max(size, min(2 * rest, self._format.wanted(self._data())))
        new = self._ring.buffer(size)
        new[:rest] = self._buffer[at:end]
        self._base += at
        self._buffer = new
        self._skip(new)
        count = self._source.readinto(new.data[rest:])
        self._at_end = rest + count < len(new)
        self._cursor[0]["position"] = 0
        self._cursor[0]["end"] = rest + count

    def _skip(self, scratch: np.ndarray) -> None:
        while self._format.skip:
            wanted = min(self._format.skip, len(scratch))
            count = self._source.readinto(scratch.data[:wanted])
            self._base += count
            self._format.skip -= count
            if count < wanted:
                break

    def _go_on_after_end(self) -> bool:
        """The input has ended: note an incomplete record. True when that was none and records follow after all."""
        cursor = self._cursor[0]
        offset = self._base + int(cursor["position"])
        rest = int(cursor["end"] - cursor["position"])
        fault = self._source.fault
        if rest and not fault and not self._format.is_cut(self._data()):
            return self._go_on_after(self._format.complaint(self._data()))
        if rest:
            wanted = self._format.wanted(self._data())
            cause = f"last record incomplete: {rest} of {wanted} bytes"
            self._note(offset, f"{fault}; {cause}" if fault else cause, resynchronised=False)
        elif self._format.skip:
            self._note(offset, f"last block incomplete: {self._format.skip} bytes are missing", resynchronised=False)
        elif fault:
            self._note(offset, fault, resynchronised=False)
        return False

    def _go_on_after(self, cause: str) -> bool:
        """Note damage at the cursor and find where records go on. False: nowhere."""
        offset = self._base + int(self._cursor[0]["position"])
        found = self._format.step_over(self._buffer)
        if not found:
            self._cursor[0]["position"] += 1
            found = self._format.find(self._buffer, self._at_end)
        while not found and not self._at_end:
            self._refill()
            found = self._format.find(self._buffer, self._at_end)
        if found and self._damaged_places >= DAMAGE_LIMIT:
            self._note(offset, f"given up after {DAMAGE_LIMIT} damaged places", resynchronised=False, is_last=True)
            return False
        self._note(offset, cause, resynchronised=found)
        return found

    def _note(self, offset: int, cause: str, *, resynchronised: bool, is_last: bool = False) -> None:
        self._damaged_places += 1
        if is_last or not resynchronised or len(self._damage) < DAMAGE_ROWS:
            self._damage.append(Damage(offset, self.frame, cause, resynchronised))

    def _all_damage(self) -> tuple[Damage, ...]:
        damage = list(self._damage)
        more = self._damaged_places - len(damage)
        if more:
            last = damage[-1]
            damage.append(Damage(last.offset, last.frame, f"{more} more damaged places", True))
        clamped = int(self._cursor[0]["clamped"])
        if clamped:
            damage.append(Damage(0, 0, f"{clamped} packet times are beyond 64 bits of nanoseconds (year 2262)", True))
        damage += [Damage(0, 0, warning, True) for warning in self._format.warnings[:DAMAGE_ROWS]]
        return tuple(damage)

    def summary(self) -> CaptureFile:
        """The file as read so far. What the decoder knows (`tcp_packets`, `undecoded`) is left for it to fill in."""
        cursor = self._cursor[0]
        packets, last_ts_ns = int(cursor["packets"]), int(cursor["last_ts_ns"])
        return CaptureFile(
            path=self._source.path,
            format=self._format.name,
            compression=self._source.compression,
            interfaces=tuple(self._format.interfaces),
            packets=packets,
            tcp_packets=0,
            first_ts_ns=int(cursor["first_ts_ns"]) if packets else None,
            last_ts_ns=max(last_ts_ns, self._format.ended_ts_ns or last_ts_ns) if packets else None,
            first_frame=self._first_frame,
            truncated_packets=int(cursor["truncated"]),
            backward_steps=int(cursor["backward_steps"]),
            largest_backward_step_ns=int(cursor["largest_step_ns"]),
            damage=self._all_damage(),
            bytes_read=self._base + int(cursor["end"] if self.complete else cursor["position"]),
            complete=self.complete,
        )


def _recognise(source: Source, head: bytes, row: int) -> Format:
    """The format that the first bytes tell. Raises UnreadableInput."""
    try:
        if byte_order(head):
            if len(head) < FILE_HEADER:
                raise UnreadableInput(f"ends within the pcap file header ({len(head)} of {FILE_HEADER} bytes)")
            return Pcap(head, row)
        if is_pcapng(head):
            return Pcapng(head, row)
        if source.fault:
            raise UnreadableInput(source.fault)
        if not head:
            raise UnreadableInput("is empty")
        raise UnreadableInput("is not a pcap or pcapng capture")
    except UnreadableInput as error:
        raise UnreadableInput(f"{source.name}: {error}") from None
