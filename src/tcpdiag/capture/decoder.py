"""The second step of the pipeline: batches of packets in, TCP segments out."""

from typing import Final

import numpy as np

from ..kernels import arrays, load
from ..kernels.decode_layers import ANSWER, COUNTS, FRAGMENT, LAYER, MAX_LAYERS, WALK, Reason
from ..model.segment import RECORD, SEGMENT, Origin
from ..model.tables import Tunnel
from .fragments import Reassembler
from .reader import Batch
from .reasons import in_words
from .tunnels import TunnelTable

ROTATION: Final = 6
RAW_IP: Final = 101


class Decoder:
    """Finds the TCP segment of each packet: link layers, tunnels, IP, fragments, ICMP errors that quote one.

    State is kept across batches and files: unfinished fragments and the table of tunnels, both bounded.
    `answers`: the DNS answers over UDP of the batch decoded last (ANSWER rows), fragmented ones left out.
    keep_joined: whether `joined` gets the datagrams put together from fragments, whose payload a second look wants.
    reassembler: one that remembers more than the decoder needs.
    """

    def __init__(self, *, keep_joined: bool = False, reassembler: Reassembler | None = None) -> None:
        self._kernel = load("decode")
        self._table = TunnelTable()
        self._reassembler = reassembler or Reassembler()
        self._outputs = [np.empty(0, SEGMENT) for _ in range(ROTATION)]
        self._turn = 0
        self._fragments = np.empty(0, FRAGMENT)
        self._answers = self.answers = np.empty(0, ANSWER)
        self._walk = np.zeros(1, WALK)
        self._layers = np.zeros(MAX_LAYERS, LAYER)
        self._counts: dict[int, np.ndarray] = {}
        self._tcp: dict[int, int] = {}
        self._keep_joined = keep_joined
        self.joined: list[np.ndarray] = []
        """Bytes (u1) that go on where the buffer of the batch decoded last ends; empty without `keep_joined`."""
        self._joined_bytes = 0

    def decode(self, batch: Batch) -> np.ndarray:
        """SEGMENT rows of the batch in frame order; valid until four more calls.

        A segment put together from fragments has `Origin.REASSEMBLED`, the frame of the fragment that completed it,
        and no payload in the buffer: `captured_len` 0, or, with `keep_joined`, one in `joined`, its `payload_offset`
        counted on from the end of the buffer.
        """
        self.joined, self._joined_bytes = [], 0
        n = len(batch.records)
        self._turn = (self._turn + 1) % ROTATION
        if len(self._outputs[self._turn]) < n:
            self._outputs[self._turn] = np.empty(n, SEGMENT)
        if len(self._fragments) < n:
            self._fragments = np.empty(n, FRAGMENT)
            self._answers = np.empty(n, ANSWER)
        segments = self._outputs[self._turn]
        if batch.file not in self._counts:
            self._counts[batch.file] = np.zeros(COUNTS, np.int64)
        counts = self._counts[batch.file]
        outputs = (segments, self._fragments, counts, self._answers)
        found, fragments, answers = self._run(batch.buffer, batch.records, *outputs, tunnel=0)
        rows, self.answers = segments[:found], self._answers[:answers]
        if fragments:
            joined = self._reassemble(batch, self._fragments[:fragments], counts)
            if joined:
                rows = np.concatenate([rows, *joined])
                rows = rows[np.argsort(rows["frame"], kind="stable")]
        self._tcp[batch.file] = self._tcp.get(batch.file, 0) + len(rows)
        return rows

    def _run(
        self,
        buffer: np.ndarray,
        records: np.ndarray,
        segments: np.ndarray,
        fragments: np.ndarray,
        counts: np.ndarray,
        answers: np.ndarray,
        *,
        tunnel: int,
    ) -> tuple[int, int, int]:
        """One call of the kernel; how many rows, fragments and answers it wrote."""
        found = np.zeros(3, np.int64)
        self._walk["tunnel"] = tunnel
        state = (self._walk, self._layers, self._table.rows, self._table.slots)
        outputs = (segments, fragments, counts, *state, answers, found)
        self._kernel.decode(*arrays(self._kernel, buffer, records, *outputs))
        return int(found[0]), int(found[1]), int(found[2])

    def _reassemble(self, batch: Batch, fragments: np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
        """Rows of the datagrams that these fragments complete."""
        rows: list[np.ndarray] = []
        for fragment in fragments:
            record = batch.records[int(fragment["record"])]
            buffer, row = batch.buffer, np.empty(1, SEGMENT)
            again = np.array([fragment], FRAGMENT)
            for _ in range(MAX_LAYERS):  # a datagram put together may itself be a fragment, one tunnel further in
                whole = self._reassembler.add(again[0], buffer, int(record["frame"]), batch.file)
                if whole is None:
                    break
                buffer = np.frombuffer(whole, np.uint8)
                tunnel, pkttype = int(again[0]["tunnel"]), int(again[0]["pkttype"])
                outputs = (row, again, counts, self._answers[:0])
                found, more, _ = self._run(buffer, _record(record, len(whole)), *outputs, tunnel=tunnel)
                if found:
                    row["origin"] |= np.uint8(Origin.REASSEMBLED)
                    row["pkttype"] = pkttype
                    self._place(row, buffer, len(batch.buffer))
                    rows.append(row)
                if not more:
                    break
                again["pkttype"] = pkttype
            else:
                counts[Reason.TOO_DEEP] += 1
        return rows

    def _place(self, row: np.ndarray, whole: np.ndarray, end: int) -> None:
        """Where the payload is of a segment in a datagram put together, which is in no buffer."""
        if self._keep_joined:
            row["payload_offset"] += end + self._joined_bytes
            self.joined.append(whole)
            self._joined_bytes += len(whole)
        else:
            row["captured_len"] = row["payload_offset"] = 0

    @property
    def tunnels(self) -> tuple[Tunnel, ...]:
        """What the `tunnel` column of the rows means; row 0 is no tunnel."""
        return self._table.tunnels()

    def undecoded(self, file: int) -> dict[str, int]:
        """Packets of the file that gave no row, for each reason, the most frequent first.

        Fragments still waiting for others count as unfinished.
        """
        counts = self._counts.get(file, np.zeros(COUNTS, np.int64)).copy()
        counts[Reason.FRAGMENT_JOINED] += self._reassembler.joined.get(file, 0)
        counts[Reason.FRAGMENT_OVERLAP] += self._reassembler.overlapping.get(file, 0)
        counts[Reason.FRAGMENT_DROPPED] += self._reassembler.dropped.get(file, 0)
        counts[Reason.FRAGMENT_UNFINISHED] += self._reassembler.unfinished.get(file, 0)
        return in_words(counts)

    def tcp_packets(self, file: int) -> int:
        """Packets of the file that gave a row, ICMP errors that quote TCP included."""
        return self._tcp.get(file, 0)


def _record(record: np.void, size: int) -> np.ndarray:
    """A RECORD of the whole datagram in a buffer of its own."""
    copy = np.array([record], RECORD)
    copy["offset"] = 0
    copy["captured_len"] = copy["wire_len"] = size
    copy["link_type"] = RAW_IP
    return copy
