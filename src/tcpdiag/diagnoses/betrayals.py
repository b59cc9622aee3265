"""Connects that an ACK answers which is not theirs: it betrays a connection that is older than the capture."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Evidence, Sentence
from ..model.flow import EndpointBit
from ..model.states import State
from ..sets import among
from ..units import duration
from .base import frame_list
from .view import RAW, View

_NOTES: Final = {
    EventKind.SYN_IN_CONNECTION: ("no SYN-ACK, but an ACK: numbers of an older connection", True),
    EventKind.CHALLENGE_ACK: ("challenge ACK: numbers of an older connection", True),
    EventKind.BAD_ACK_RST: ("the client resets that older connection", True),
    EventKind.SYN_REPEATED: ("the SYN again", False),
}
"""Notes for the evidence, and whether the segment's numbers are those of a connection that was not captured."""


class Betrayed(NamedTuple):
    """A connect that was answered by an ACK of a connection that is older than the capture."""

    flow: int
    server: int  # side
    syn_frame: int
    syn_ts_ns: int
    ack_frame: int
    ack_off: int  # SEG.ACK - (ISN + 1)
    age_ns: int | None  # since the server last heard on the old connection; None without timestamps
    parts: np.ndarray  # events until the connect was done
    succeeded: bool
    done_frame: int
    done_ns: int
    time_wait: int  # the stream on this 4-tuple that the server held in TIME-WAIT; -1: none in this capture
    time_wait_frame: int

    @classmethod
    def of(cls, view: View, flow: int, events: np.ndarray) -> "Betrayed":
        """Reads the flow's events."""
        betrayal = events[(events["kind"] == EventKind.SYN_IN_CONNECTION) & (events["value"] < 0)][0]
        client = 1 - int(betrayal["side"])
        end = view.tables.endpoint(flow, client)
        good = events[
            (events["kind"] == EventKind.STATE) & (events["side"] == client) & (events["state"] == State.ESTABLISHED)
        ]
        succeeded = bool(int(end["bits"]) & EndpointBit.SYN_ACKED) and len(good) > 0
        done_ns = int(good["ts_ns"][0]) if succeeded else int(end["last_ts_ns"])
        echoes = events[events["kind"] == EventKind.STALE_ECHO]
        off = (int(betrayal["ack"]) - int(end["isn"]) - 1) & 0xFFFFFFFF
        before, closed = _in_time_wait(view, flow, 1 - client)
        return cls(
            flow=flow,
            server=1 - client,
            syn_frame=int(end["first_frame"]),
            syn_ts_ns=int(end["first_ts_ns"]),
            ack_frame=int(betrayal["frame"]),
            ack_off=off - (1 << 32) if off >> 31 else off,
            age_ns=int(echoes["value"][0]) * 1_000_000 if len(echoes) else None,
            parts=events[(events["ts_ns"] <= done_ns) & among(events["kind"], list(_NOTES))],
            succeeded=succeeded,
            done_frame=int(good["frame"][0]) if succeeded else 0,
            done_ns=done_ns,
            time_wait=before,
            time_wait_frame=closed,
        )

    @property
    def took_ns(self) -> int:
        """From the SYN to the success, or to the last sign of the attempt."""
        return self.done_ns - self.syn_ts_ns

    @property
    def frames(self) -> tuple[int, ...]:
        """All that prove it."""
        return (self.syn_frame, self.ack_frame, *self.parts["frame"].tolist(), self.done_frame, self.time_wait_frame)

    def story(self, view: View) -> Iterator[Sentence]:
        """What happened."""
        age = "" if self.age_ns is None else f", last heard {duration(self.age_ns)} before (timestamps)"
        yield Sentence(
            f"SYN [{self.syn_frame}] to {view.label(self.flow, self.server)} was answered by a challenge ACK "
            f"[{self.ack_frame}] that does not acknowledge it: the server still holds an older connection on this "
            f"4-tuple{age}.",
            (self.syn_frame, self.ack_frame),
            self.syn_ts_ns,
        )
        resets = self.parts["frame"][self.parts["kind"] == EventKind.BAD_ACK_RST]
        repeats = self.parts["frame"][self.parts["kind"] == EventKind.SYN_REPEATED]
        steps = [f"The client reset it {frame_list(resets)}"] if len(resets) else ["The client did not reset it"]
        steps += [f"repeated its SYN {frame_list(repeats)}"] if len(repeats) else []
        end = f"was answered [{self.done_frame}] after" if self.succeeded else "got no further in"
        yield Sentence(
            f"{' and '.join(steps)}; the connect {end} {duration(self.took_ns)}.",
            (*resets.tolist(), *repeats.tolist(), *((self.done_frame,) if self.succeeded else ())),
            self.done_ns,
        )
        if self.time_wait < 0:
            yield Sentence("That older connection is not in the capture, so its state is not known.")
            return
        yield Sentence(
            f"It is stream {self.time_wait}, which the server has in TIME-WAIT [{self.time_wait_frame}]: there a SYN "
            "opens a new connection at once only if its sequence number or its timestamp is newer (RFC 9293 section "
            "3.6.1, RFC 6191), and this one was not taken as such.",
            (self.time_wait_frame,),
        )

    def evidence(self, view: View) -> Iterator[Evidence]:
        """The SYN, what answered it, what followed."""
        yield view.frame(self.flow, self.syn_frame, "SYN", self.syn_ts_ns)
        shown = {self.syn_frame}
        for event in self.parts:
            if int(event["frame"]) not in shown:
                shown.add(int(event["frame"]))
                note, raw = _NOTES[EventKind(int(event["kind"]))]
                yield view.evidence(event, note, RAW if raw else self.flow)
        if self.succeeded and self.done_frame not in shown:
            yield view.frame(self.flow, self.done_frame, "the connect succeeds", self.done_ns)


def _in_time_wait(view: View, flow: int, server: int) -> tuple[int, int]:
    """The flow before on this 4-tuple and the frame in which the server came to TIME-WAIT; (-1, 0) if it did not."""
    before = int(view.flows["previous"][flow])
    if before < 0:
        return -1, 0
    port = view.port(flow, server)
    for side in (0, 1):
        end = view.tables.endpoint(before, side)
        if view.port(before, side) == port and State(int(end["state"])) is State.TIME_WAIT:
            return before, int(end["state_frame"])
    return -1, 0
