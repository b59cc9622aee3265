"""The first bytes of connections, collected in a second look at the capture.

Where they begin is known from the first pass. Only those packets are decoded; where a direction wants more bytes, the
packets behind are decoded too, until it has them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from ..capture.again import reader_again
from ..capture.decoder import Decoder
from ..capture.reader import Batch
from ..model.flow import EndpointBit, FlowBit
from ..model.segment import Flag, Option, Origin
from ..model.tables import Tables
from ..sets import among, distinct
from ..units import size
from .recognise import wants_more

BYTES_MAX: Final = 4096
"""Of a direction: a ClientHello with post-quantum key shares takes 1,800, a request with cookies 2,000."""
AHEAD_MAX: Final = 65_536
"""Frames after the first text in which the rest of a beginning is looked for: a retransmission comes within seconds."""
CHUNK: Final = 256
"""Records that are decoded at once in search of the rest."""
AGAIN_MAX: Final = 8_000_000_000
"""Bytes of packets that are read again: what a disk gives in a few seconds."""
SEQUENCE: Final = 1 << 32
SYN, QUOTED = int(Flag.SYN), int(Origin.QUOTED)
KEY: Final = ("src_hi", "src_lo", "dst_hi", "dst_lo", "sport", "dport", "tunnel", "family")


class Side(NamedTuple):
    """A direction of a flow: its sender's side."""

    flow: int
    side: int


class Place(NamedTuple):
    """Where a direction's first bytes are."""

    who: Side
    frame: int  # of its first text
    base: int  # sequence number of its first byte
    last_frame: int  # of its flow


class Beginning(NamedTuple):
    """The first bytes of a direction, as far as they are there without a hole."""

    data: bytes
    frames: tuple[int, ...]
    ts_ns: int


class Found(NamedTuple):
    """What the second look gave."""

    beginnings: dict[Side, Beginning]
    answers: list[bytes]  # DNS messages
    missed: int  # places that were not come to
    why: str  # and why


def places(tables: Tables, flows: Sequence[int]) -> list[Place]:
    """Where the directions of these flows begin; none of a flow that is older than the capture."""
    chosen = np.asarray(flows, np.int64)
    rows = tables.flows[chosen]
    whole = (rows["detail"] >= 0) & ((rows["bits"] & int(FlowBit.MIDSTREAM)) == 0)
    chosen, rows = chosen[whole], rows[whole]
    found = []
    for side in (0, 1):
        ends = tables.endpoints[2 * chosen + side]
        frames = tables.details["text_frame"][rows["detail"] + side]
        in_syn = (ends["bytes"] > 0) & ((frames == 0) | ((ends["options"] & int(Option.FAST_OPEN)) != 0))
        frames = np.where(in_syn, ends["first_frame"], frames)  # text in a SYN is not counted as text yet
        known = np.flatnonzero((frames > 0) & ((ends["bits"] & int(EndpointBit.BASE_SET)) != 0))
        columns = (chosen[known], frames[known], ends["isn"][known], rows["last_frame"][known])
        for flow, frame, isn, last_frame in zip(*(column.tolist() for column in columns), strict=True):
            found.append(Place(Side(flow, side), frame, (isn + 1) % SEQUENCE, last_frame))
    return found


def read(
    paths: Sequence[str],
    wanted: Sequence[Place],
    answer_frames: np.ndarray,
    stop: Callable[[], bool] = lambda: False,
) -> Found:
    """Look for these beginnings and for the DNS answers in these frames; no further than the last of them.

    stop: asked after each batch. Raises UsageError and UnreadableInput as `reader_again` does.
    """
    search = _Search(wanted, answer_frames)
    why = "what can be read again ends before them"
    if search.last_frame:
        with reader_again(paths) as reader:
            for batch in reader:
                search.take(batch)
                if search.done:
                    break
                if stop():
                    why = "reading was interrupted"
                    break
                if search.bytes_read > AGAIN_MAX:
                    why = f"only the first {size(AGAIN_MAX)} are read again"
                    break
    return search.found(why)


@dataclass
class _Stream:
    """One direction being collected."""

    place: Place
    key: tuple[int, ...] = ()  # of its segments; () before the first one
    pieces: dict[int, tuple[bytes, int, int]] = field(default_factory=dict)  # offset -> bytes, frame, ts_ns
    ends: bool = False  # the capture holds only a part of some segment

    def add(self, row: np.void, buffer: np.ndarray) -> None:
        """Keep the segment's text, as far as it is among the first BYTES_MAX."""
        text_at = int(row["seq"]) + (1 if row["flags"] & SYN else 0)
        offset = (text_at - self.place.base) % SEQUENCE
        size = min(int(row["captured_len"]), BYTES_MAX - offset)
        if offset >= BYTES_MAX:
            return
        self.ends |= bool(row["captured_len"] < row["payload_len"])
        if not size:
            return
        start = int(row["payload_offset"])
        text = buffer[start : start + size].tobytes()
        known = self.pieces.get(offset)
        if known is None or len(known[0]) < len(text):
            self.pieces[offset] = (text, int(row["frame"]), int(row["ts_ns"]))

    def beginning(self) -> Beginning | None:
        """What there is without a hole; where segments overlap, the bytes of the one that begins first."""
        data, frames, ts_ns = b"", [], 0
        for offset, (text, frame, ts) in sorted(self.pieces.items()):
            if offset > len(data):
                break
            if offset + len(text) > len(data):
                data += text[len(data) - offset :]
                frames.append(frame)
                ts_ns = ts_ns or ts
        return Beginning(data, tuple(frames), ts_ns) if data else None

    def is_complete(self) -> bool:
        """Whether more segments would add nothing."""
        found = self.beginning()
        data = found.data if found else b""
        return self.ends or len(data) >= BYTES_MAX or (bool(data) and not wants_more(data))


class _Search:
    """Takes the batches of a capture one by one."""

    def __init__(self, wanted: Sequence[Place], answer_frames: np.ndarray) -> None:
        self._streams = {place.frame: _Stream(place) for place in wanted}
        frames = np.fromiter(self._streams, np.int64, len(self._streams))
        self._frames = distinct(np.concatenate([frames, answer_frames.astype(np.int64)]))
        self.last_frame = int(self._frames.max(initial=0))
        self._open: list[_Stream] = []
        self._answers: list[bytes] = []
        self._decoder = Decoder()
        self._read_to = 0  # last frame that was there
        self.bytes_read = 0

    @property
    def done(self) -> bool:
        """Nothing further is wanted."""
        return self._read_to >= self.last_frame and not self._open

    def found(self, why: str) -> Found:
        """All that was collected."""
        beginnings = {stream.place.who: stream.beginning() for stream in self._streams.values()}
        missed = sum(frame > self._read_to for frame in self._streams)
        return Found({who: start for who, start in beginnings.items() if start}, self._answers, missed, why)

    def take(self, batch: Batch) -> None:
        """Collect from one batch."""
        frames = batch.records["frame"]
        follow_from = 0 if self._open else len(frames)
        self._read_to = int(frames[-1])
        self.bytes_read += len(batch.buffer)
        low, high = np.searchsorted(self._frames, (int(frames[0]), self._read_to + 1))
        if low < high:
            at = np.searchsorted(frames, self._frames[low:high])
            at = at[frames[at] == self._frames[low:high]]
            opened = self._first_texts(batch, batch.records[at])
            if opened:
                follow_from = min(follow_from, int(np.searchsorted(frames, opened, side="right")))
        while self._open and follow_from < len(frames):
            self._follow(batch, batch.records[follow_from : follow_from + CHUNK])
            follow_from += CHUNK

    def _first_texts(self, batch: Batch, records: np.ndarray) -> int:
        """Take the packets that were asked for; the first frame of a direction that wants more, or 0."""
        segments = self._decoder.decode(batch._replace(records=records))
        answers, data = self._decoder.answers, batch.buffer.data
        for start, length in zip(answers["offset"].tolist(), answers["length"].tolist(), strict=True):
            self._answers.append(bytes(data[start : start + length]))
        opened = 0
        for row in segments:
            stream = self._streams.get(int(row["frame"]))
            if stream is None or row["origin"] & QUOTED:
                continue
            stream.add(row, batch.buffer)
            if not stream.is_complete():
                stream.key = _key(row)
                self._open.append(stream)
                opened = opened or int(row["frame"])
        return opened

    def _follow(self, batch: Batch, records: np.ndarray) -> None:
        """Add to the open directions what these packets hold for them."""
        segments = self._decoder.decode(batch._replace(records=records))
        by_key: dict[tuple[int, ...], list[_Stream]] = {}
        for stream in self._open:  # connections after each other may have one key
            by_key.setdefault(stream.key, []).append(stream)
        ports = distinct(np.array([stream.key[KEY.index("sport")] for stream in self._open]))
        for row in segments[among(segments["sport"], ports) & (segments["captured_len"] > 0)]:
            for stream in by_key.get(_key(row), ()):
                if stream.place.frame < row["frame"] <= stream.place.last_frame and not row["origin"] & QUOTED:
                    stream.add(row, batch.buffer)
        end = int(records["frame"][-1])
        self._open = [
            stream
            for stream in self._open
            if end < min(stream.place.last_frame, stream.place.frame + AHEAD_MAX) and not stream.is_complete()
        ]


def _key(row: np.void) -> tuple[int, ...]:
    return tuple(int(row[name]) for name in KEY)
