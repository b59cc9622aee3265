"""Learned heartbeats: what an endpoint sends of itself, again and again, with nearly one period."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..model.event import BEAT_ROWS, EventKind
from ..model.flow import EndpointBit
from ..sets import among
from ..units import duration
from .view import View

_STEADY: Final = 1.25
"""Longest gap over shortest gap of one period, as the tracker takes it for messages."""
_MOSTLY: Final = 0.75
_EXCHANGED: Final = 2
"""Times as many gaps where both sides speak: people who answer each other have a rhythm, too."""
SMALL_BYTES: Final = 160
"""A WebSocket control frame (RFC 6455 section 5.5: 125 bytes and a header) inside a TLS record."""


class Heartbeat(NamedTuple):
    """One endpoint's beats, `beats` of them, gaps from `least_ns` to `most_ns`; the last one at `last_ns`."""

    flow: int
    side: int
    probes: bool  # TCP keepalives; else messages of the application
    exchanged: bool  # each is followed or preceded by a message of the peer: could be a poll and its answer
    beats: int
    least_ns: int
    most_ns: int
    first_ns: int
    last_ns: int
    frames: tuple[int, ...]  # as many as were kept, the first and the last among them
    payload_len: int  # bytes of the last beat

    @property
    def period_ns(self) -> int:
        """Middle of the shortest and the longest gap."""
        return (self.least_ns + self.most_ns) // 2

    @property
    def jitter_ns(self) -> int:
        """How far a gap is from the period at most."""
        return (self.most_ns - self.least_ns + 1) // 2

    @property
    def what(self) -> str:
        """What it is made of, with an article."""
        if self.probes:
            return "a TCP keepalive probe"
        article = "an" if str(self.payload_len).startswith(("8", "11", "18")) else "a"
        return f"{article} {self.payload_len}-byte message"

    @property
    def every(self) -> str:
        """`2 s`, or `29 s to 33 s` where they differ visibly."""
        least, most = duration(self.least_ns), duration(self.most_ns)
        return least if least == most else f"{least} to {most}"


def learned(view: View, gaps_min: float, period_min_ns: int, flows: np.ndarray | None = None) -> Iterator[Heartbeat]:
    """The heartbeats of all flows, or of those in `flows`, whose both directions were captured, by flow and side."""
    beats = view.detail_column("beats") > gaps_min
    probes = view.detail_column("keepalives") > gaps_min
    chosen = view.with_details[np.any(beats | probes, axis=1)]
    if flows is not None:
        chosen = chosen[among(chosen, flows)]
    for flow, events in view.by_flow(chosen[~view.one_sided[chosen]]):
        for side in (0, 1):
            mine = events[events["side"] == side]
            for found in (_messages(view, flow, side, mine), _probes(view, flow, side, mine)):
                if found is None or found.least_ns < period_min_ns:
                    continue
                if found.beats > gaps_min * (_EXCHANGED if found.exchanged else 1):
                    yield found


def _messages(view: View, flow: int, side: int, events: np.ndarray) -> Heartbeat | None:
    own, peer = view.detail(flow, side), view.detail(flow, 1 - side)
    if own is None or peer is None or int(own["beats"]) < 2:
        return None
    first_ns, last_ns = int(own["beat_first_ts_ns"]), int(own["beat_last_ts_ns"])
    rows = events[(events["kind"] == EventKind.BEAT) & (events["ts_ns"] > first_ns)]
    alone = int(peer["last_text_ts_ns"]) <= first_ns
    if len(rows) > 2:  # the ACK number moves on where the peer said something between two beats
        alone |= bool(np.mean(rows["ack"][1:] == rows["ack"][:-1]) >= _MOSTLY)
    if not alone and max(int(own["beat_len"]), int(peer["beat_len"])) > SMALL_BYTES:
        return None
    return Heartbeat(
        flow,
        side,
        False,
        not alone,
        int(own["beats"]),
        int(own["beat_min_ns"]),
        int(own["beat_max_ns"]),
        first_ns,
        last_ns,
        _frames(int(own["beat_first_frame"]), *rows["frame"].tolist()[:BEAT_ROWS], int(own["beat_frame"])),
        int(own["beat_len"]),
    )


def _probes(view: View, flow: int, side: int, events: np.ndarray) -> Heartbeat | None:
    """Keepalive probes that were all answered, with nothing of the prober between them."""
    own = view.detail(flow, side)
    if own is None or int(own["keepalives"]) < 2 or int(own["keepalives_run"]):
        return None
    rows = events[events["kind"] == EventKind.KEEPALIVE_PROBE]
    rows = rows[rows["ts_ns"] > int(own["last_new_ts_ns"])]
    end = view.tables.endpoint(flow, side)
    if len(rows) < 2 or int(end["bits"]) & EndpointBit.FIN_SENT:
        return None
    gaps = np.diff(rows["ts_ns"])
    least, most = int(gaps.min()), int(gaps.max())
    kept = bool(own["events_full"]) and int(own["keepalives"]) > len(rows)
    if most > _STEADY * least or (int(end["last_frame"]) != int(rows["frame"][-1]) and not kept):
        return None
    return Heartbeat(
        flow,
        side,
        True,
        False,
        int(own["keepalives"]) if kept else len(rows),
        least,
        most,
        int(rows["ts_ns"][0]),
        int(end["last_ts_ns"]),
        _frames(*rows["frame"].tolist(), int(end["last_frame"])),
        0,
    )


def _frames(*frames: int) -> tuple[int, ...]:
    """The known ones, each once, ascending."""
    return tuple(sorted({frame for frame in frames if frame}))
