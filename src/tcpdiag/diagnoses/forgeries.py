"""Segments with the right numbers that their supposed sender did not send: what gives them away."""

from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind, LossPlace
from ..model.flow import EndpointBit, FlowBit
from ..seqnum import diff
from ..sets import distinct
from .view import View

NEAR: Final = 1 << 20
"""Bytes behind a FIN that can belong to the same connection: more than a full default window of common stacks."""

MUTE_MIN: Final = 2
"""Answers that do not move: one may have crossed the data on its way."""


class Forged(NamedTuple):
    """One segment in the name of `side`, and what shows that it is not its own."""

    flow: int
    side: int
    frame: int
    seq: int  # raw
    length: int
    fin: bool
    ttl: int | None  # None: no longer known
    usual_ttl: int
    signs: np.ndarray  # segments that `side` sends with its own, lower numbers
    others: np.ndarray  # OTHER_CONTENT: it sends that range itself
    after_fin_frame: int  # new data behind the FIN; 0: none

    @property
    def ttl_differs(self) -> bool:
        """It came another way than the other packets of its side."""
        return self.ttl is not None and self.ttl != self.usual_ttl

    @property
    def frames(self) -> tuple[int, ...]:
        """All that show it."""
        signs = (*self.signs["frame"].tolist(), *self.others["frame"].tolist())
        return (self.frame, *signs, *((self.after_fin_frame,) if self.after_fin_frame else ()))


def forgeries(view: View) -> list[Forged]:
    """All of them, in order of flow: the first of each side."""
    events = np.append(
        view.event_flow[view.rows_of(EventKind.SEQ_BACK, EventKind.OTHER_CONTENT)], _text_after_fin(view)
    )
    events = np.append(events, _mute(view))
    flows = distinct(events.astype(np.int64))
    return [
        forged
        for flow, rows in view.by_flow(flows[_whole(view, flows)])
        for side in (0, 1)
        if (forged := _forged(view, flow, side, rows)) is not None
    ]


def _whole(view: View, flows: np.ndarray) -> np.ndarray:
    """Where the capture has the connection from its beginning, with nothing missing and nothing twice."""
    bits = view.flow_bits[flows]
    complete = ((bits & int(FlowBit.ROLES_KNOWN)) != 0) & ((bits & int(FlowBit.MIDSTREAM)) == 0)
    complete &= (view.flows["copies"][flows] == 0) & ~view.one_sided[flows]
    rows = view.flows["detail"][flows].astype(np.int64)
    complete &= rows >= 0
    unseen = view.tables.details["unseen_bytes"]
    if len(unseen):
        at = np.maximum(rows, 0)
        complete &= (unseen[at] == 0) & (unseen[at + 1] == 0)
    found: np.ndarray = complete
    return found


def _text_after_fin(view: View) -> np.ndarray:
    """Flows in which a side sent new text behind its own FIN."""
    ends = view.tables.endpoints
    behind = ends["snd_nxt"] - ends["fin_seq"] - np.uint32(1)
    chosen = np.flatnonzero(view.has(EndpointBit.FIN_SENT).ravel() & (behind > 0) & (behind < NEAR))
    rows = view.flows["detail"][chosen // 2].astype(np.int64)
    chosen, rows = chosen[rows >= 0], rows[rows >= 0]
    later = view.tables.details["last_new_frame"][rows + chosen % 2] > ends["fin_frame"][chosen]
    return np.asarray(chosen[later] // 2)


def _mute(view: View) -> np.ndarray:
    """Flows with what looks like keepalive probes of a side that has sent a FIN, and whose peer repeats its data: it
    may not know of that FIN."""
    rows = view.rows_of(EventKind.KEEPALIVE_PROBE)
    flows, senders = view.event_flow[rows].astype(np.int64), view.events["sender"][rows]
    closed = view.has(EndpointBit.FIN_SENT)[flows, senders]
    flows, senders = flows[closed], senders[closed]
    peers = view.flows["detail"][flows].astype(np.int64) + 1 - senders
    found: np.ndarray = flows[view.tables.details["retransmissions"][peers] >= MUTE_MIN]
    return found


def _forged(view: View, flow: int, side: int, events: np.ndarray) -> Forged | None:
    for detect in (_sequence_back, _unknown_fin, _another_way):
        found = detect(view, flow, side, events)
        if found is not None:
            return found
    return None


def _of(events: np.ndarray, kind: EventKind, side: int) -> np.ndarray:
    rows: np.ndarray = events[(events["kind"] == kind) & (events["sender"] == side)]
    return rows


def _sequence_back(view: View, flow: int, side: int, events: np.ndarray) -> Forged | None:
    """`side` acknowledges with the number that it had before that text, although its peer has acknowledged the text.

    Not when it sends the same content itself: then it only spoke with an old number.
    """
    signs = _of(events, EventKind.SEQ_BACK, side)
    peer = view.tables.endpoint(flow, 1 - side)
    signs = signs[[diff(int(peer["last_ack"]), int(sign["seq"])) >= -int(sign["value"]) for sign in signs]]
    if not len(signs):
        return None
    frame, seq, length = int(signs["ref"][0]), int(signs["seq"][0]), -int(signs["value"][0])
    others = _of(events, EventKind.OTHER_CONTENT, side)
    others = others[others["seq"] == seq]
    again = _of(events, EventKind.RETRANSMISSION, side)
    again = again[(again["seq"] == seq) & (again["payload_len"] == length) & (again["frame"] > frame)]
    if len(again) and not len(others):
        return None
    ttl = _ttl(view, flow, side, frame, events)
    return Forged(flow, side, frame, seq, length, False, ttl, int(signs["ttl"][0]), signs, others, 0)


def _unknown_fin(view: View, flow: int, side: int, events: np.ndarray) -> Forged | None:
    """`side` does not know of its own FIN: it sends text behind it, or answers data with the number before it."""
    own, peer = view.tables.endpoint(flow, side), view.tables.endpoint(flow, 1 - side)
    detail = view.detail(flow, side)
    if detail is None or not int(own["bits"]) & EndpointBit.FIN_SENT:
        return None
    fin_frame, fin_seq = int(own["fin_frame"]), int(own["fin_seq"])
    behind = diff(int(own["snd_nxt"]), fin_seq) - 1
    text = int(detail["last_new_frame"]) if 0 < behind < NEAR and int(detail["last_new_frame"]) > fin_frame else 0
    waiting = _of(events, EventKind.RETRANSMISSION, 1 - side)
    begun = int(waiting["frame"][0]) if len(waiting) else 0
    probes = _of(events, EventKind.KEEPALIVE_PROBE, side)
    mute = probes[(probes["frame"] > max(fin_frame, begun)) & (probes["ack"] == own["last_ack"])]
    refuses = begun and int(peer["snd_nxt"]) != int(own["last_ack"]) and len(mute) >= MUTE_MIN
    fin = events[(events["frame"] == fin_frame) & (events["sender"] == side)]
    if not (text or refuses) or not len(fin):
        return None
    none = events[:0]
    return Forged(
        flow, side, fin_frame, fin_seq, 0, True, int(fin["ttl"][0]), int(own["ttl"]),
        mute if refuses else none, none, text,
    )  # fmt: skip


def _another_way(view: View, flow: int, side: int, events: np.ndarray) -> Forged | None:
    """One range, two contents, and one of them did not come the way of that side's other packets."""
    usual = int(view.tables.endpoint(flow, side)["ttl"])
    for other in _of(events, EventKind.OTHER_CONTENT, side):
        first, second = int(other["value"]), int(other["ttl"])
        if (first == usual) != (second == usual):
            frame, ttl = (int(other["ref"]), first) if first != usual else (int(other["frame"]), second)
            seq, length, rows = int(other["seq"]), int(other["payload_len"]), other.reshape(1)
            return Forged(flow, side, frame, seq, length, False, ttl, usual, events[:0], rows, 0)
    return None


def _ttl(view: View, flow: int, side: int, frame: int, events: np.ndarray) -> int | None:
    """TTL of a segment with text: of the latest ones it is kept, and of what brought an event."""
    detail = view.detail(flow, side)
    if detail is not None:
        at = np.flatnonzero(detail["recent_frame"] == frame)
        if len(at):
            return int(detail["recent_ttl"][at[0]])
    rows = events[(events["frame"] == frame) & (events["sender"] == side)]
    if len(rows):
        return int(rows["ttl"][0])
    named = events[(events["kind"] == EventKind.OTHER_CONTENT) & (events["ref"] == frame)]
    return int(named["value"][0]) if len(named) else None


def kept_first(events: np.ndarray, conflict: np.void) -> bool:
    """Whether the first content had been acknowledged when the second one came: then the receiver has the first."""
    again = events[(events["kind"] == EventKind.RETRANSMISSION) & (events["frame"] == conflict["frame"])]
    return len(again) > 0 and int(again["detail"][0]) == LossPlace.NOWHERE
