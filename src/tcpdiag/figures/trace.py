"""The segments of one flow as arrays: what every plot of a flow is drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np

from ..model.event import EventBit
from ..model.finding import Finding
from ..model.segment import Flag
from ..model.tables import Tables
from ..model.verdict import Fact
from ..second_look import bases_of, judged_segments, relative_numbers, sender_of, window_bytes
from ..units import endpoint

NONE = -1
"""In `ack` and `window_bytes`: the segment carries none, or it cannot be known."""


class SegmentClass(IntEnum):
    """What a segment with text, or a probe, is among those of its direction."""

    NEW = 0  # also every segment without text
    RETRANSMISSION = 1
    OUT_OF_ORDER = 2
    KEEPALIVE = 3
    ZERO_WINDOW_PROBE = 4
    COPY = 5  # made by the capture: not sent twice


@dataclass(frozen=True)
class Trace:
    """One row a segment, in capture order. Sides are 0 for the client and 1 for the server.

    Numbers are relative to the first one of their direction and go on past 2**32. All arrays have one dimension and
    the same length, i8 where nothing else is said.
    """

    stream: int
    client: str  # "ip:port"
    server: str
    origin_ns: int  # first packet of the capture: what relative times count from
    ts_ns: np.ndarray
    frame: np.ndarray
    side: np.ndarray  # of the sender
    seq: np.ndarray
    ack: np.ndarray  # NONE without the ACK flag
    payload_len: np.ndarray
    window_bytes: np.ndarray  # NONE while the scale is not known
    flags: np.ndarray  # u2, Flag bits
    sack: np.ndarray  # (rows, 4, 2): edges relative as `ack`; left == right where there is no block
    segment_class: np.ndarray  # u1, SegmentClass
    events: np.ndarray  # EVENT rows of the flow, withdrawn ones left out
    findings: tuple[Finding, ...]  # those that are about this flow

    @cached_property
    def end(self) -> np.ndarray:
        """Right edge of each segment: SEG.SEQ + SEG.LEN, SYN and FIN counted."""
        return _right_edges(self.seq, self.payload_len, self.flags)

    @property
    def label(self) -> str:
        """`stream 3: 10.0.0.1:40000 > 10.0.0.2:80`"""
        return f"stream {self.stream}: {self.client} > {self.server}"

    @cached_property
    def finding_frames(self) -> dict[int, str]:
        """Evidence frames of findings in this flow, with the kind that they prove."""
        found: dict[int, str] = {}
        for finding in self.findings:
            for item in finding.evidence:
                if item.frame is not None and item.frame in finding.frames:
                    found.setdefault(item.frame, finding.kind)
        return found


def trace(tables: Tables, stream: int, paths: Sequence[str], findings: Sequence[Finding] = ()) -> Trace:
    """The trace of one flow, read from the capture again. Raises as `second_look.raw_segments` does."""
    rows, judgements = judged_segments(tables, stream, paths)
    side = sender_of(rows, tables.flows[stream])
    bases = bases_of(tables, stream, rows, side)
    windows, unknown = window_bytes(tables, stream, rows, side)
    has_ack = (rows["flags"] & Flag.ACK) != 0
    seq = relative_numbers(rows["seq"], side, bases)
    ack = np.where(has_ack, relative_numbers(rows["ack"], 1 - side, bases), NONE)
    events = tables.events_of(stream)
    client_side = int(tables.client_side[stream])
    labels = _labels(tables, stream)
    payload = rows["payload_len"].astype(np.int64)
    role = side ^ client_side
    windows = np.where(unknown, NONE, windows)
    return Trace(
        stream=stream,
        client=labels[client_side],
        server=labels[1 - client_side],
        origin_ns=tables.first_ts_ns,
        ts_ns=rows["ts_ns"].astype(np.int64),
        frame=rows["frame"].astype(np.int64),
        side=role,
        seq=seq,
        ack=ack,
        payload_len=payload,
        window_bytes=windows,
        flags=rows["flags"].copy(),
        sack=_sack(rows, ack),
        segment_class=_classes(judgements["facts"], payload),
        events=events[(events["bits"] & EventBit.WITHDRAWN) == 0],
        findings=tuple(finding for finding in findings if stream in finding.streams),
    )


def _right_edges(seq: np.ndarray, payload_len: np.ndarray, flags: np.ndarray) -> np.ndarray:
    edges: np.ndarray = seq + payload_len + ((flags & Flag.SYN) != 0) + ((flags & Flag.FIN) != 0)
    return edges


def _labels(tables: Tables, stream: int) -> tuple[str, str]:

    row = tables.flows[stream]
    first, second = (
        endpoint(int(row["family"]), int(row["addr_hi"][n]), int(row["addr_lo"][n]), int(row["port"][n]))
        for n in (0, 1)
    )
    return first, second


def _sack(rows: np.ndarray, ack: np.ndarray) -> np.ndarray:
    """SACK edges, relative: a block lies within half the sequence space of the ACK that it comes with."""
    edges = rows["sack"].astype(np.int64).reshape(len(rows), 4, 2)
    distance = (edges - rows["ack"].astype(np.int64)[:, None, None]).astype(np.uint32).astype(np.int32)
    there = np.arange(4)[None, :] < rows["n_sack"][:, None]
    return np.where(there[:, :, None], ack[:, None, None] + distance, 0)


def _classes(facts: np.ndarray, payload: np.ndarray) -> np.ndarray:
    """SegmentClass of each row, by its verdict."""
    found = np.full(len(facts), SegmentClass.NEW, np.uint8)
    for fact, segment_class in _CLASSES:
        found[(facts & fact) != 0] = segment_class
    found[(payload == 0) & (found < SegmentClass.KEEPALIVE)] = SegmentClass.NEW
    return found


_CLASSES = (
    (Fact.RETRANSMISSION, SegmentClass.RETRANSMISSION),
    (Fact.OUT_OF_ORDER, SegmentClass.OUT_OF_ORDER),
    (Fact.KEEP_ALIVE, SegmentClass.KEEPALIVE),
    (Fact.ZERO_WINDOW_PROBE, SegmentClass.ZERO_WINDOW_PROBE),
    (Fact.COPY, SegmentClass.COPY),
)
