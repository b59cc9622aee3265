"""What the receiver of RSTs did afterwards: the only thing that tells whether it obeyed."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Evidence, Sentence
from ..model.flow import EndpointBit
from ..model.segment import Flag
from ..model.states import State
from ..sets import among, distinct
from ..units import duration, number, plural
from .base import frame_list
from .resets import EXACT
from .sentences import said
from .view import View

_AT_WORK: Final = (
    EventKind.RETRANSMISSION,
    EventKind.KEEPALIVE_PROBE,
    EventKind.ZERO_WINDOW_PROBE,
    EventKind.BEAT,
)


class Aftermath(NamedTuple):
    """`reaction`: `challenged`, `ignored`, `obeyed` or `unknown`, see the manual of rst-off-sequence."""

    reaction: str
    decisive: np.void  # the RST that shows it best
    state: str  # of the receiver when that RST came
    challenges: np.ndarray  # its challenge ACKs
    repeats: np.ndarray  # its RETRANSMISSION rows after the RST and after its peer's last sign of life
    retransmissions: int  # of these, rows that were not kept included
    last_repeat_frame: int
    new_text_frame: int  # its last new text, 0: none after the RST
    own_resets: np.ndarray  # RSTs that it sent afterwards, as a host without the connection
    alive: np.ndarray  # where it speaks although it should have obeyed
    exact_frame: int  # RST that did end it later; 0: none
    peer_frame: int  # first sign of life of the alleged sender; 0: none
    held_ns: int  # for how long it is seen to keep the connection after the first RST
    alone_ns: int  # of that, after the last packet of its peer
    last_ts_ns: int
    last_frame: int
    capture_ended_ns: int  # between its last packet and the end of the capture
    closed: bool  # the connection ended properly afterwards

    @property
    def alone(self) -> bool:
        """The receiver went on, and its peer never came back."""
        return not self.peer_frame

    @property
    def kept(self) -> bool:
        """It kept the connection."""
        return self.reaction in {"challenged", "ignored"}

    @property
    def frames(self) -> tuple[int, ...]:
        """All frames that tell it."""
        shown = (self.challenges, self.repeats, self.own_resets, self.alive)
        single = (self.last_repeat_frame, self.new_text_frame, self.exact_frame, self.peer_frame)
        return (*(frame for rows in shown for frame in rows["frame"].tolist()), *(frame for frame in single if frame))

    def evidence(self, view: View) -> Iterator[Evidence]:
        """Its most telling segments."""
        yield from (view.evidence(event, "challenge ACK (RFC 5961)") for event in self.challenges[:1])
        yield from (view.evidence(event, "has no such connection any more") for event in self.own_resets[:1])
        if len(self.repeats):
            yield view.evidence(self.repeats[0], "sent again, to a peer that does not answer")
        if len(self.repeats) > 1:
            later = duration(int(self.repeats["ts_ns"][-1] - self.decisive["ts_ns"]))
            yield view.evidence(self.repeats[-1], f"still, {later} after the RST")

    def told(self, view: View) -> Iterator[Sentence]:
        """What it did, in a sentence or two."""
        flow, side, first_ns = int(self.decisive["flow"]), int(self.decisive["side"]), int(self.decisive["ts_ns"])
        who, other = view.role(flow, side), view.role(flow, 1 - side)
        if self.reaction == "unknown":
            yield said(f"The {who} was in {self.state}; the capture does not show what it made of it.", (), first_ns)
        elif self.reaction == "obeyed":
            yield self._obeyed(who)
        else:
            yield self._kept(view, who, other)
        if self.kept and self.exact_frame:
            yield said(f"A RST with the exact number then ended the connection [{self.exact_frame}].",
                       (self.exact_frame,))  # fmt: skip
        elif self.kept and self.peer_frame:
            yield said(f"The {other} went on as well [{self.peer_frame}]: it did not mean to reset anything.",
                       (self.peer_frame,))  # fmt: skip

    def _obeyed(self, who: str) -> Sentence:
        if len(self.own_resets):
            frames = self.own_resets["frame"]
            text = f"The {who} obeyed: it answers what still comes with RSTs {frame_list(frames)}."
            return said(text, frames, int(self.own_resets["ts_ns"][0]))
        return said(f"The {who} fell silent although it had unacknowledged data: it obeyed.")

    def _kept(self, view: View, who: str, other: str) -> Sentence:
        if len(self.challenges):
            frames = self.challenges["frame"]
            start, begin_ns = f"sent a challenge ACK {frame_list(frames)} and", int(self.challenges["ts_ns"][0])
        else:
            frames, start, begin_ns = np.zeros(0, np.uint32), "did not answer and", int(self.decisive["ts_ns"])
        stayed = f"The {who} {start} stayed in {self.state}"
        if not self.retransmissions or not self.alone:
            last = 0 if self.last_frame in frames else self.last_frame
            still = f": {duration(self.held_ns)} later it still used the connection [{last}]" if last else ""
            return said(f"{stayed}{still}.", (*frames, last), begin_ns)
        new = f"new data until [{self.new_text_frame}] and " if self.new_text_frame else ""
        text = (
            f"{stayed}: for {duration(self.held_ns)} it sent {new}"
            f"{plural(self.retransmissions, 'retransmission')} {self._repeat_frames()}{self._same(view)}; the {other} "
            "never answered."
        )
        return said(text, (*frames, *self.repeats["frame"], self.last_repeat_frame, self.new_text_frame), begin_ns)

    def _repeat_frames(self) -> str:
        return frame_list(distinct(np.append(self.repeats["frame"], self.last_repeat_frame)))

    def _same(self, view: View) -> str:
        """The segment that was sent again most often."""
        numbers, counts = np.unique(self.repeats["seq"], return_counts=True)
        if len(numbers) < 2 or counts.max() < 3:
            return ""
        rows = self.repeats[self.repeats["seq"] == numbers[int(np.argmax(counts))]]
        first = view.relative(int(rows["flow"][0]), int(rows["sender"][0]), int(rows["seq"][0]))
        length = int(rows["payload_len"][0])
        return f", {number(int(counts.max()))} of them of the same {plural(length, 'byte')} {first}:{first + length}"


def aftermath(
    view: View, flow: int, side: int, events: np.ndarray, wrong: np.ndarray, settle_ns: int, silence_ns: int
) -> Aftermath:
    """Judges what `side` did after the RSTs `wrong`, from all events of the flow."""
    first, last, peer = wrong[0], wrong[-1], 1 - side
    own = view.tables.endpoint(flow, side)
    challenges = events[
        (events["kind"] == EventKind.CHALLENGE_ACK) & (events["side"] == side) & among(events["ref"], wrong["frame"])
    ]
    exact = events[
        (events["kind"] == EventKind.RST)
        & (events["side"] == side)
        & among(events["detail"], EXACT)
        & (events["ts_ns"] >= first["ts_ns"])
    ]
    until_ns = int(exact["ts_ns"][0]) if len(exact) else max(view.last_ts_ns, int(own["last_ts_ns"]))
    begin_ns = int(first["ts_ns"]) + settle_ns
    later = (events["ts_ns"] > begin_ns) & (events["ts_ns"] <= until_ns)
    work = events[later & among(events["kind"], [int(kind) for kind in _AT_WORK]) & (events["sender"] == side)]
    alive = events[
        later & (events["kind"] == EventKind.ALIVE_AFTER_RST) & (events["side"] == side) & (events["detail"] == 0)
    ]
    own_resets = _own_resets(events, side, int(first["ts_ns"]), begin_ns, own)
    went_on = len(work) or len(alive) or (begin_ns < int(own["last_ts_ns"]) <= until_ns and not len(exact))
    if len(challenges):
        reaction = "challenged"
    elif len(own_resets):
        reaction = "obeyed"
    elif went_on:
        reaction = "ignored"
    elif _should_have_spoken(own, until_ns, last, silence_ns):
        reaction = "obeyed"
    else:
        reaction = "unknown"
    decisive = wrong[among(wrong["frame"], challenges["ref"])][0] if len(challenges) else first
    peer_last_ns, peer_frame = _peer(view, flow, peer, events, wrong, begin_ns)
    repeats, count, last_repeat = _repeats(view, flow, side, events, max(int(first["ts_ns"]), peer_last_ns), until_ns)
    last_own_ns = min(max(int(own["last_ts_ns"]), int(last["ts_ns"])), max(until_ns, int(last["ts_ns"])))
    return Aftermath(
        reaction=reaction,
        decisive=decisive,
        state=str(State(int(decisive["state"]))),
        challenges=challenges,
        repeats=repeats,
        retransmissions=count,
        last_repeat_frame=last_repeat,
        new_text_frame=_new_text(view, flow, side, int(first["frame"])),
        own_resets=own_resets,
        alive=alive,
        exact_frame=int(exact["frame"][0]) if len(exact) else 0,
        peer_frame=peer_frame,
        held_ns=max(0, last_own_ns - int(first["ts_ns"])),
        alone_ns=max(0, last_own_ns - peer_last_ns) if count else 0,
        last_ts_ns=last_own_ns,
        last_frame=int(own["last_frame"]) if int(own["last_ts_ns"]) == last_own_ns else 0,
        capture_ended_ns=max(0, view.last_ts_ns - last_own_ns),
        closed=bool(len(exact)) or State(int(own["state"])) in {State.CLOSED, State.TIME_WAIT},
    )


def _own_resets(events: np.ndarray, side: int, since_ns: int, settled_ns: int, own: np.void) -> np.ndarray:
    """RSTs of `side`, when they are all that it still sends: a host without a socket answers like that, without ACK."""
    mine = events[(events["sender"] == side) & (events["ts_ns"] > since_ns) & (events["frame"] > 0)]
    resets = mine[(mine["kind"] == EventKind.RST) & ((mine["flags"] & Flag.ACK) == 0)]
    others = mine[~among(mine["frame"], resets["frame"])]
    only = len(resets) > 0 and not np.any(others["ts_ns"] > settled_ns) and int(own["last_frame"]) in resets["frame"]
    found: np.ndarray = resets if only else resets[:0]
    return found


def _should_have_spoken(own: np.void, until_ns: int, last: np.void, silence_ns: int) -> bool:
    """It had unacknowledged data, was watched for long enough, and sent nothing."""
    bits = int(own["bits"])
    in_flight = bits & EndpointBit.SND_KNOWN and int(own["snd_nxt"]) != int(own["snd_una"])
    return bool(in_flight) and until_ns - int(last["ts_ns"]) >= silence_ns


def _peer(view: View, flow: int, peer: int, events: np.ndarray, wrong: np.ndarray, begin_ns: int) -> tuple[int, int]:
    """When the alleged sender was last heard of, apart from RSTs; and the first frame in which it goes on, or 0."""
    resets = events[(events["kind"] == EventKind.RST) & (events["sender"] == peer)]
    other = view.tables.endpoint(flow, peer)
    if int(other["last_frame"]) in resets["frame"]:
        return int(wrong["ts_ns"][0]), 0
    last_ns = int(other["last_ts_ns"])
    if last_ns <= begin_ns:
        return last_ns, 0
    signs = events[(events["sender"] == peer) & (events["ts_ns"] > begin_ns) & ~among(events["frame"], resets["frame"])]
    return last_ns, int(signs["frame"][0]) if len(signs) else int(other["last_frame"])


def _repeats(
    view: View, flow: int, side: int, events: np.ndarray, since_ns: int, until_ns: int
) -> tuple[np.ndarray, int, int]:
    """The retransmissions of `side` between these times: rows, their number, and the last frame.

    Rows are kept of the first ones only; what was not kept came after the last row.
    """
    rows = events[(events["kind"] == EventKind.RETRANSMISSION) & (events["sender"] == side)]
    found = rows[(rows["ts_ns"] > since_ns) & (rows["ts_ns"] <= until_ns)]
    detail = view.detail(flow, side)
    last = int(found["frame"][-1]) if len(found) else 0
    if detail is None or int(detail["retransmissions"]) <= len(rows):
        return found, len(found), last
    unkept = int(detail["retransmissions"]) - len(rows)
    run = int(detail["retrans_run"]) if int(detail["retrans_first_ts_ns"]) > since_ns else 0
    if len(found) or run:
        return found, max(run, len(found) + (unkept if len(found) else 0)), int(detail["last_retrans_frame"])
    return found, 0, 0


def _new_text(view: View, flow: int, side: int, frame: int) -> int:
    """The last frame with new text of `side`, when it came after this frame."""
    detail = view.detail(flow, side)
    last = 0 if detail is None else int(detail["last_new_frame"])
    return last if last > frame else 0
