"""What RSTs were, who may have sent them, and what their receivers did afterwards."""

from typing import Any, Final, NamedTuple

import numpy as np

from ..model.event import EventKind, RstClass
from ..model.finding import Cause, Evidence
from ..model.flow import EndpointBit
from ..model.states import State
from ..units import duration
from .base import frame_list
from .columns import distinct
from .view import View

OFF_SEQUENCE: Final = [
    int(c)
    for c in (
        RstClass.LAST_ACK,
        RstClass.FIN_MINUS_ONE,
        RstClass.SACK_EDGE,
        RstClass.IN_WINDOW,
        RstClass.BELOW,
        RstClass.ABOVE,
    )
]
EXACT: Final = [int(RstClass.EXACT), int(RstClass.EXACT_UNACKED)]
_AT_WORK: Final = (
    EventKind.RETRANSMISSION,
    EventKind.KEEPALIVE_PROBE,
    EventKind.ZERO_WINDOW_PROBE,
    EventKind.BEAT,
)


def resets_of_class(view: View, classes: list[int]) -> np.ndarray:
    """Rows in the event table of all RSTs of these classes, ascending."""
    wanted = np.zeros(256, bool)
    wanted[classes] = True
    rows = view.rows_of(EventKind.RST)
    found: np.ndarray = rows[wanted[view.event_detail[rows]]]
    return found


def distinct_guesses(resets: np.ndarray) -> int:
    """How many different sequence numbers above RCV.NXT or far below were tried.

    A host that lost its socket answers each segment with that segment's ACK number: these stand at or below RCV.NXT,
    and none of them is a guess.
    """
    above = np.count_nonzero(resets["value"] > 0)
    return len(distinct(resets["seq"])) if above >= 2 else 0


class Origin(NamedTuple):
    """Who sent a RST, as far as headers tell."""

    causes: tuple[Cause, ...]
    data: dict[str, Any]


def origin(view: View, flow: int, side: int, reset: np.void) -> Origin:
    """Compares the RST with the other packets of the side that it claims to come from."""
    end = view.tables.endpoint(flow, side)
    ttl, usual = int(reset["ttl"]), int(end["ttl"])
    role = view.role(flow, side)
    differs = ttl != usual
    support = [f"its TTL is {ttl}; other packets of the {role} have {usual}"] if differs else []
    against = [] if differs else [f"its TTL is {ttl}, as in other packets of the {role}"]
    delta = int(reset["value"])
    box = Cause(
        "a middlebox (firewall, load balancer, NAT) sent it for the peer, from numbers that it remembered",
        tuple(support),
        tuple(against),
    )
    peer = Cause(
        f"the {role} itself: its socket was gone, and it copied the ACK number of a segment that was under way",
        () if differs or delta > 0 else ("the number is at or below RCV.NXT, as in a RST that copies an old ACK",),
        tuple(support) or (("a RST that copies an ACK cannot be above RCV.NXT",) if delta > 0 else ()),
    )
    forged = Cause(
        "somebody who does not see the connection guessed it",
        ("the number is inside the window",) if delta > 1 else (),
        ("it is only one off: a guess would hardly come so near",) if abs(delta) == 1 else (),
    )
    ranked = (box, peer, forged) if differs or abs(delta) == 1 else (forged, box, peer)
    data = {"ttl": ttl, "ttl_others": usual, "ttl_differs": differs, "ip_id": int(reset["ip_id"])}
    return Origin(ranked, data)


class Aftermath(NamedTuple):
    """What the receiver of RSTs did: see `rst_off_sequence` for the words of `reaction`."""

    reaction: str
    decisive: np.void  # the RST that shows it best
    state: str  # of the receiver when that RST came
    evidence: tuple[Evidence, ...]
    frames: tuple[int, ...]
    last_ts_ns: int
    alone_ns: int  # for how long the receiver went on after its peer's last packet
    retransmissions: int  # of these
    closed: bool  # the connection ended properly afterwards
    peer_goes_on: bool

    @property
    def alone(self) -> bool:
        """The receiver went on, and its peer never came back."""
        return not self.peer_goes_on

    def told(self, receiver: str) -> str:
        """A sentence or two for the summary."""
        first = {
            "challenged": f"The {receiver} answered with a challenge ACK and kept the connection",
            "ignored": f"The {receiver} kept the connection and went on",
            "obeyed": f"The {receiver} fell silent although it had unacknowledged data: it obeyed",
            "unknown": f"The capture does not show what the {receiver} made of it",
        }[self.reaction]
        if self.reaction in {"challenged", "ignored"} and self.retransmissions and self.alone:
            repeats = frame_list(self.frames[-self.retransmissions :])
            return (
                f"{first}, in {self.state}. It sent the same data {self.retransmissions} times in "
                f"{duration(self.alone_ns)} to a peer that never answered {repeats}."
            )
        return f"{first}, in {self.state}."


def aftermath(
    view: View, flow: int, side: int, events: np.ndarray, wrong: np.ndarray, settle_ns: int, silence_ns: int
) -> Aftermath:
    """Judges what `side` did after the RSTs `wrong`, from all events of the flow."""
    first, last = wrong[0], wrong[-1]
    peer = 1 - side
    own, other = view.tables.endpoint(flow, side), view.tables.endpoint(flow, peer)
    challenges = events[
        (events["kind"] == EventKind.CHALLENGE_ACK) & (events["side"] == side) & np.isin(events["ref"], wrong["frame"])
    ]
    exact = events[
        (events["kind"] == EventKind.RST)
        & (events["side"] == side)
        & np.isin(events["detail"], EXACT)
        & (events["ts_ns"] >= first["ts_ns"])
    ]
    until_ns = int(exact["ts_ns"][0]) if len(exact) else max(view.last_ts_ns, int(own["last_ts_ns"]))
    begin_ns = int(first["ts_ns"]) + settle_ns
    work = events[
        np.isin(events["kind"], [int(kind) for kind in _AT_WORK])
        & (events["sender"] == side)
        & (events["ts_ns"] > begin_ns)
        & (events["ts_ns"] <= until_ns)
    ]
    alive = events[
        (events["kind"] == EventKind.ALIVE_AFTER_RST)
        & (events["side"] == side)
        & (events["detail"] == 0)
        & (events["ts_ns"] > begin_ns)
        & (events["ts_ns"] <= until_ns)
    ]
    went_on = len(work) or len(alive) or (begin_ns < int(own["last_ts_ns"]) <= until_ns and not len(exact))
    if len(challenges):
        reaction = "challenged"
    elif went_on and not _only_resets(events, side, begin_ns, own):
        reaction = "ignored"
    elif _should_have_spoken(view, own, until_ns, last, silence_ns):
        reaction = "obeyed"
    else:
        reaction = "unknown"
    decisive = wrong[np.isin(wrong["frame"], challenges["ref"])][0] if len(challenges) else first
    peer_last = _last_sign(events, peer, other, wrong)
    alone = work[(work["kind"] == EventKind.RETRANSMISSION) & (work["ts_ns"] > peer_last)]
    last_own = max(int(own["last_ts_ns"]), int(last["ts_ns"]))
    shown = [view.evidence(event, "challenge ACK (RFC 5961)") for event in challenges[:1]]
    if len(alone):
        shown.append(view.evidence(alone[0], "sent again, to a peer that does not answer"))
        later = duration(int(alone[-1]["ts_ns"] - first["ts_ns"]))
        shown.append(view.evidence(alone[-1], f"still, {later} after the RST"))
    return Aftermath(
        reaction=reaction,
        decisive=decisive,
        state=str(State(int(decisive["state"]))),
        evidence=tuple(shown),
        frames=(*challenges["frame"].tolist(), *alive["frame"].tolist(), *alone["frame"].tolist()),
        last_ts_ns=last_own,
        alone_ns=max(0, last_own - peer_last) if len(alone) else 0,
        retransmissions=len(alone),
        closed=bool(len(exact)) or State(int(own["state"])) in {State.CLOSED, State.TIME_WAIT},
        peer_goes_on=peer_last > begin_ns,
    )


def _only_resets(events: np.ndarray, side: int, begin_ns: int, own: np.void) -> bool:
    """All that `side` sent after that time are RSTs: a host without a socket does that."""
    sent = events[(events["kind"] == EventKind.RST) & (events["sender"] == side) & (events["ts_ns"] > begin_ns)]
    at_work = events[(events["sender"] == side) & (events["ts_ns"] > begin_ns) & (events["kind"] != EventKind.RST)]
    return len(sent) > 0 and not len(at_work) and int(own["last_frame"]) in sent["frame"]


def _should_have_spoken(view: View, own: np.void, until_ns: int, last: np.void, silence_ns: int) -> bool:
    """It had unacknowledged data, was watched for long enough, and sent nothing."""
    bits = int(own["bits"])
    in_flight = bits & EndpointBit.SND_KNOWN and int(own["snd_nxt"]) != int(own["snd_una"])
    return bool(in_flight) and until_ns - int(last["ts_ns"]) >= silence_ns


def _last_sign(events: np.ndarray, peer: int, other: np.void, wrong: np.ndarray) -> int:
    """When the peer was last heard of, apart from RSTs. The time of the first RST where nothing else is known."""
    resets = events[(events["kind"] == EventKind.RST) & (events["sender"] == peer)]
    if int(other["last_frame"]) not in resets["frame"]:
        return int(other["last_ts_ns"])
    return int(wrong["ts_ns"][0])
