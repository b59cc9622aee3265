"""What followed after the last beat of a heartbeat: who still sent something, and what ended it."""

from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventBit, EventKind
from ..model.flow import EndpointBit
from ..model.segment import Flag
from .heartbeat import Heartbeat
from .view import View

_DELAYED_ACK_NS: Final = 500_000_000  # RFC 9293 section 3.8.6.3: what is later is not the ACK of the last beat


class Silence(NamedTuple):
    """The time from the last beat to what ended it."""

    until_ns: int  # the capture's end, or what ended the connection
    reply_frame: int  # last packet that the beating side still sent, 0: none
    reset_frame: int  # RST of the beating side
    sent_frames: tuple[int, ...]  # what the listening side sent of itself
    sent_ns: int  # the first of these, as far as its time is known; 0: none
    closed: bool

    @property
    def came_back(self) -> str:
        """`rst`, `ack` or `nothing`."""
        return "rst" if self.reset_frame else "ack" if self.reply_frame else "nothing"


def after(view: View, beat: Heartbeat, events: np.ndarray) -> Silence | None:
    """What came after the last beat; None where the beating side closed in order, said something else, or where bytes
    of it were not captured. events: those of its flow."""
    flow, side = beat.flow, beat.side
    own, peer = view.tables.endpoint(flow, side), view.tables.endpoint(flow, 1 - side)
    waiting = view.detail(flow, 1 - side)
    if waiting is None or _spoke(view, beat):
        return None
    events = events[(events["ts_ns"] > beat.last_ns) & ((events["bits"] & int(EventBit.WITHDRAWN)) == 0)]
    if np.any((events["kind"] == EventKind.ACK_UNSEEN) & (events["sender"] != side)):
        return None
    resets = events[events["kind"] == EventKind.RST]
    fins = events[(events["kind"] == EventKind.STATE) & ((events["flags"] & int(Flag.FIN)) != 0)]
    ends = [*resets["ts_ns"].tolist(), *fins["ts_ns"].tolist()]
    if reopened_ns := int(view.once(_opened_again)[flow]):
        ends.append(reopened_ns)
    since_ns = beat.last_ns + _DELAYED_ACK_NS
    mine = events[(events["sender"] == 1 - side) & (events["frame"] > 0) & (events["ts_ns"] > since_ns)]
    sent = dict(zip(mine["frame"].tolist(), mine["ts_ns"].tolist(), strict=True))
    if int(waiting["last_new_ts_ns"]) > since_ns:
        sent[int(waiting["last_new_frame"])] = int(waiting["last_new_ts_ns"])
    if int(peer["last_ts_ns"]) > since_ns:
        sent[int(peer["last_frame"])] = int(peer["last_ts_ns"])
    reset = resets["frame"][resets["sender"] == side]
    replied = int(own["last_ts_ns"]) > since_ns and int(own["last_frame"]) not in reset
    return Silence(
        min(ends, default=view.last_ts_ns),
        int(own["last_frame"]) if replied else 0,
        int(reset[0]) if len(reset) else 0,
        tuple(sorted(sent)),
        min(sent.values(), default=0),
        bool(ends),
    )


def _spoke(view: View, beat: Heartbeat) -> bool:
    """Whether the beating side closed in order, or said something else after its last beat."""
    detail = view.detail(beat.flow, beat.side)
    closed = int(view.tables.endpoint(beat.flow, beat.side)["bits"]) & EndpointBit.FIN_SENT
    return detail is None or bool(closed) or int(detail["last_text_ts_ns"]) > beat.last_ns


def _opened_again(view: View) -> np.ndarray:
    """When the next connection on the 4-tuple of each flow began; 0: never."""
    later = np.zeros(len(view.flows), np.int64)
    again = view.flows["previous"] >= 0
    later[view.flows["previous"][again]] = view.flows["first_ts_ns"][again]
    return later
