"""SYNs that met a connection which the other end still holds: one object for each flow that such a SYN opened."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Evidence
from ..model.flow import EndpointBit
from ..model.states import State
from ..units import duration
from .base import frame_list
from .columns import distinct
from .view import View

_PART: tuple[EventKind, ...] = (
    EventKind.SYN_IN_CONNECTION,
    EventKind.SYN_REPEATED,
    EventKind.CHALLENGE_ACK,
    EventKind.BAD_ACK,
    EventKind.BAD_ACK_RST,
)
_CHALLENGE = [int(kind) for kind in (EventKind.CHALLENGE_ACK, EventKind.BAD_ACK, EventKind.BAD_ACK_RST)]


class Collision(NamedTuple):
    """A SYN of `flow` reached `holder` (a side), which holds `held` (a flow, maybe the same) in `state`."""

    flow: int
    holder: int
    held: int
    state: State
    held_frame: int  # in which the holder entered that state; 0: unknown
    since_ns: int
    syn_frame: int
    syn_ts_ns: int
    last_ts_ns: int
    frames: tuple[int, ...]
    challenged: bool
    answered_frame: int  # first sign that the connect succeeded; 0: none
    answered_ts_ns: int
    events: np.ndarray

    @property
    def delay_ns(self) -> int:
        """From the first SYN to the success; to the last sign of the attempt when there was none."""
        return (self.answered_ts_ns if self.answered_frame else self.last_ts_ns) - self.syn_ts_ns

    def outcome(self, view: View) -> str:
        """`delayed` (it succeeded in the end) or `failed`."""
        return "delayed" if self.answered_frame else "failed"

    def told(self) -> str:
        """What became of the SYN."""
        how = "was answered by a challenge ACK that carries the old connection's numbers" if self.challenged else ""
        if self.answered_frame:
            return f"{how or 'was not answered at first'}; the connect took {duration(self.delay_ns)}"
        repeats = frame_list(self.events["frame"][self.events["kind"] == EventKind.SYN_REPEATED])
        again = f", nor were its repetitions {repeats}" if repeats != "[]" else ""
        return f"{how}, and the connect never succeeded" if how else f"was not answered{again}"

    def evidence(self, view: View) -> Iterator[Evidence]:
        """The SYN, what answered it, and what the client made of that."""
        shown = set()
        for event in self.events:
            frame, kind = int(event["frame"]), EventKind(int(event["kind"]))
            if frame in shown:
                continue
            shown.add(frame)
            note, base = {
                EventKind.SYN_IN_CONNECTION: (f"SYN for a new connection, stream {self.flow}", self.flow),
                EventKind.SYN_REPEATED: ("the SYN again", self.flow),
                EventKind.CHALLENGE_ACK: (f"challenge ACK, numbers of stream {self.held}", self.held),
                EventKind.BAD_ACK: (f"an ACK with the numbers of stream {self.held}", self.held),
                EventKind.BAD_ACK_RST: ("the client resets the old connection", self.held),
            }[kind]
            yield view.evidence(event, note, base)
        if self.answered_frame:
            yield view.frame(self.flow, self.answered_frame, "the connect succeeds", self.answered_ts_ns)


def collisions(view: View) -> list[Collision]:
    """All whose held connection was captured, in order of flow."""
    met = view.by_kind(EventKind.SYN_IN_CONNECTION)
    met = met[met["value"] >= 0]
    by_flow = view.by_flow(met["flow"].astype(np.int64))
    return [_of_flow(view, flow, events) for flow, events in by_flow]


def _of_flow(view: View, flow: int, events: np.ndarray) -> Collision:
    first = events[(events["kind"] == EventKind.SYN_IN_CONNECTION) & (events["value"] >= 0)][0]
    holder, held = int(first["side"]), int(first["value"])
    client = 1 - holder
    since_ns = int(first["ts_ns"])
    for _, past in view.by_flow([held]):
        entered = past[(past["frame"] == first["ref"]) & (past["kind"] == EventKind.STATE)]
        since_ns = int(entered["ts_ns"][0]) if len(entered) else since_ns
    part = events[np.isin(events["kind"], [int(kind) for kind in _PART]) & (events["ts_ns"] >= first["ts_ns"])]
    answered = _answered(view, flow, holder, events, first) if held != flow else None
    if answered is not None:
        part = part[part["ts_ns"] <= answered["ts_ns"]]
    last_ns = int(view.tables.endpoint(flow, client)["last_ts_ns"])
    return Collision(
        flow=flow,
        holder=holder,
        held=held,
        state=State(int(first["state"])),
        held_frame=int(first["ref"]),
        since_ns=since_ns,
        syn_frame=int(first["frame"]),
        syn_ts_ns=int(first["ts_ns"]),
        last_ts_ns=last_ns if answered is None else int(answered["ts_ns"]),
        frames=tuple(distinct(part["frame"]).tolist()) + (() if answered is None else (int(answered["frame"]),)),
        challenged=bool(np.any(np.isin(part["kind"], _CHALLENGE))),
        answered_frame=0 if answered is None else int(answered["frame"]),
        answered_ts_ns=0 if answered is None else int(answered["ts_ns"]),
        events=part,
    )


def _answered(view: View, flow: int, holder: int, events: np.ndarray, first: np.void) -> np.void | None:
    """The event that shows the connect's success: one side established after the SYN."""
    client = view.tables.endpoint(flow, 1 - holder)
    if not int(client["bits"]) & EndpointBit.SYN_ACKED:
        return None
    later = events[
        (events["kind"] == EventKind.STATE)
        & (events["ts_ns"] >= first["ts_ns"])
        & np.isin(events["state"], [State.SYN_RECEIVED, State.ESTABLISHED])
    ]
    return later[0] if len(later) else None
