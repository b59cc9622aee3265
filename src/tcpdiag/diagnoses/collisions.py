"""SYNs that met a connection which the other end still holds: one object for each flow that such a SYN opened."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventBit, EventKind
from ..model.finding import Evidence
from ..model.states import State
from ..sets import among, distinct
from ..units import duration, plural
from .base import frame_list
from .view import View

_PART: tuple[EventKind, ...] = (
    EventKind.SYN_IN_CONNECTION,
    EventKind.SYN_REPEATED,
    EventKind.CHALLENGE_ACK,
    EventKind.BAD_ACK,
    EventKind.BAD_ACK_RST,
    EventKind.STALE_ECHO,
)
_CHALLENGE = [int(kind) for kind in (EventKind.CHALLENGE_ACK, EventKind.BAD_ACK, EventKind.STALE_ECHO)]


class Collision(NamedTuple):
    """A SYN of `flow` reached `holder` (a side), which holds `held` (a flow, maybe the same) in `state`."""

    flow: int
    holder: int
    held: int
    held_side: int  # the holder's side in `held`
    state: State
    held_frame: int  # in which the holder entered that state; 0: unknown
    since_ns: int
    last_ack_frame: int  # in which it acknowledged the most of the old connection; in CLOSE-WAIT: the FIN
    syn_frame: int
    syn_ts_ns: int
    last_ts_ns: int
    frames: tuple[int, ...]
    answered_frame: int  # first sign that the connect succeeded; 0: none
    answered_ts_ns: int
    resumed_frame: int  # in which the SYN's alleged sender goes on with the old connection; 0: it does not
    events: np.ndarray

    @property
    def delay_ns(self) -> int:
        """From the first SYN to the success; to the last sign of the attempt when there was none."""
        return (self.answered_ts_ns if self.answered_frame else self.last_ts_ns) - self.syn_ts_ns

    @property
    def outcome(self) -> str:
        """`delayed` (it succeeded in the end) or `failed`."""
        return "delayed" if self.answered_frame else "failed"

    @property
    def challenges(self) -> np.ndarray:
        """Frames of the ACKs with the old connection's numbers that answered the SYNs."""
        return distinct(self.events["frame"][among(self.events["kind"], _CHALLENGE)])

    @property
    def resets(self) -> np.ndarray:
        """Frames of the RSTs with which the client answered these ACKs."""
        return distinct(self.events["frame"][self.events["kind"] == EventKind.BAD_ACK_RST])

    @property
    def repeats(self) -> np.ndarray:
        """SYN_REPEATED events."""
        repeated: np.ndarray = self.events[self.events["kind"] == EventKind.SYN_REPEATED]
        return repeated

    @property
    def echo_ns(self) -> int | None:
        """How long ago the holder had last heard of its connection, told by the timestamp that it echoes; in
        milliseconds of the peer's clock, which is Linux's tick. None without timestamps."""
        echoes = self.events[self.events["kind"] == EventKind.STALE_ECHO]
        return int(echoes["value"][0]) * 1_000_000 if len(echoes) else None

    def told(self) -> str:
        """What became of the SYN."""
        repeats = self.repeats["frame"]
        again = f", nor were its {plural(len(repeats), 'repetition')} {frame_list(repeats)}" if len(repeats) else ""
        how = ""
        if len(self.challenges):
            how = f"was answered by a challenge ACK {frame_list(self.challenges)} with the old connection's numbers"
        if self.answered_frame:
            return f"{how or 'was not answered at first'}; the connect took {duration(self.delay_ns)}"
        return f"{how}, and the connect never succeeded" if how else f"was not answered{again}"

    def evidence(self, view: View) -> Iterator[Evidence]:
        """The SYN, what answered it, and what the client made of that."""
        shown = set()
        for event in self.events:
            frame, kind = int(event["frame"]), EventKind(int(event["kind"]))
            if frame in shown:
                continue
            shown.add(frame)
            challenge = (f"challenge ACK, numbers of stream {self.held}", self.held)
            note, base = {
                EventKind.SYN_IN_CONNECTION: (f"SYN for a new connection, stream {self.flow}", self.flow),
                EventKind.SYN_REPEATED: ("the SYN again", self.flow),
                EventKind.CHALLENGE_ACK: challenge,
                EventKind.STALE_ECHO: challenge,
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
    old, new = view.flows[held], view.flows[flow]
    turned = old["port"][0] != new["port"][0] or old["addr_lo"][0] != new["addr_lo"][0]
    held_side = 1 - holder if turned else holder
    entered = view.at(held, int(first["ref"]), EventKind.STATE)
    since_ns = int(entered["ts_ns"][0] if len(entered) else first["ts_ns"])
    part = events[among(events["kind"], [int(kind) for kind in _PART]) & (events["ts_ns"] >= first["ts_ns"])]
    answered, resumed = _after(events, first) if held != flow else (None, None)
    if answered is not None:
        part = part[part["ts_ns"] <= answered["ts_ns"]]
    last_ns = int(view.tables.endpoint(flow, client)["last_ts_ns"])
    return Collision(
        flow=flow,
        holder=holder,
        held=held,
        held_side=held_side,
        state=State(int(first["state"])),
        held_frame=int(first["ref"]),
        since_ns=since_ns,
        last_ack_frame=int(view.tables.endpoint(held, held_side)["last_ack_frame"]),
        syn_frame=int(first["frame"]),
        syn_ts_ns=int(first["ts_ns"]),
        last_ts_ns=last_ns if answered is None else int(answered["ts_ns"]),
        frames=tuple(distinct(part["frame"]).tolist()) + (() if answered is None else (int(answered["frame"]),)),
        answered_frame=0 if answered is None else int(answered["frame"]),
        answered_ts_ns=0 if answered is None else int(answered["ts_ns"]),
        resumed_frame=0 if resumed is None else int(resumed["frame"]),
        events=part,
    )


def _after(events: np.ndarray, first: np.void) -> tuple[np.void | None, np.void | None]:
    """The event that shows the connect's success, and the one that shows the SYN's sender in the old connection."""
    client = 1 - int(first["side"])
    entered = events[
        (events["kind"] == EventKind.STATE)
        & (events["ts_ns"] >= first["ts_ns"])
        & (events["side"] == client)
        & ((events["bits"] & int(EventBit.WITHDRAWN)) == 0)
    ]
    carried = (entered["bits"] & int(EventBit.CARRIED)) != 0
    if np.any(carried):
        return None, entered[carried][0]
    opened = entered[entered["state"] == State.ESTABLISHED]
    return (opened[0] if len(opened) else None), None
