"""RSTs that their supposed sender did not send: what shows it."""

from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventBit, EventKind, RstClass
from ..model.finding import Severity
from ..model.flow import EndpointBit
from ..model.states import State
from ..seqnum import diff
from ..sets import among
from .reset_origin import Header, header
from .resets import EXACT, OFF_SEQUENCE, answered, resets_of_class
from .view import View

TO_SYN: Final = [int(RstClass.SYN_SENT_GOOD), int(RstClass.SYN_SENT_BAD)]
_FINISHED: Final = int(EndpointBit.FIN_SENT)


class Thresholds(NamedTuple):
    """Of rst-injected; defaults are explained in its manual."""

    settle_ms: float = 150
    near_bytes: float = 1 << 24
    packets_min: float = 3


class InjectedReset(NamedTuple):
    """RSTs in the name of `side`, and what shows that it did not send them."""

    flow: int
    side: int
    resets: np.ndarray
    sign: np.void | None  # `side` goes on; None: nobody contradicts, but the header differs
    answers: np.ndarray  # the victim's RSTs afterwards
    obeyed: bool
    looks: Header
    answer: np.void | None  # REACTIVE event of the last of these RSTs

    @property
    def key(self) -> np.void:
        """The one that was obeyed."""
        row: np.void = self.resets[-1]
        return row

    @property
    def severity(self) -> Severity:
        """Without contradiction a TTL alone is worth a look, no more; so is one that no stack would obey."""
        if self.sign is None or self.key["detail"] == RstClass.SYN_SENT_BAD:
            return Severity.NOTICE
        return Severity.CRITICAL if self.obeyed else Severity.WARNING


def from_elsewhere(view: View, limits: Thresholds) -> np.ndarray:
    """Flows with a RST that ended the connection, and whose TTL is unlike all other packets of its side."""
    rows = resets_of_class(view, EXACT)
    flows, senders = view.event_flow[rows].astype(np.int64), view.events["sender"][rows]
    ttl = view.events["ttl"][rows]
    ends, at = view.tables.endpoints, 2 * flows + senders
    others = ends["packets"][at].astype(np.int64) - ends["resets"][at]
    alien = (ttl < ends["ttl_min"][at]) | (ttl > ends["ttl_max"][at])
    found: np.ndarray = flows[alien & (others >= limits.packets_min)]
    return found


def refused_and_accepted(view: View) -> np.ndarray:
    """Flows in which one and the same SYN was answered by a RST and by a SYN-ACK."""
    rows = resets_of_class(view, TO_SYN)
    flows, servers = view.event_flow[rows].astype(np.int64), view.events["sender"][rows]
    syns = view.side("syns")
    found: np.ndarray = flows[(syns[flows, servers] > 0) & (syns[flows, 1 - servers] == 1)]
    return found


def judged(view: View, flow: int, side: int, events: np.ndarray, limits: Thresholds) -> InjectedReset | None:
    """The RSTs that `side` cannot have sent, and the segment that shows it."""
    victim = 1 - side
    resets = events[(events["kind"] == EventKind.RST) & (events["sender"] == side)]
    expected = (resets["bits"] & int(EventBit.OBEY_EXPECTED)) != 0
    exact = among(resets["detail"], EXACT)
    answers = events[(events["kind"] == EventKind.RST) & (events["sender"] == victim)]
    signs = events[(events["kind"] == EventKind.ALIVE_AFTER_RST) & (events["side"] == side) & (events["detail"] == 1)]
    for sign in signs:
        after = answers[answers["ts_ns"] >= sign["ts_ns"]]
        off = among(resets["detail"], OFF_SEQUENCE) & expected & (len(after) > 0)
        mine = resets[(exact | off) & (resets["ts_ns"] <= sign["ts_ns"])]
        if len(mine) and _goes_on(mine[-1], sign, limits):
            after = answers[answers["ts_ns"] >= mine[-1]["ts_ns"]]
            obeyed = bool(len(after)) or view.state(flow, victim) is State.CLOSED
            looks = header(view, flow, side, events, mine[-1])
            return InjectedReset(flow, side, mine, sign, after, obeyed, looks, answered(events, mine[-1]))
    accepted = _accepted(view, flow, side, events, resets)
    if accepted is not None:
        mine, looks, ttl = resets[:1], header(view, flow, side, events, resets[0]), int(accepted["ttl"])
        # That RST was its first packet: the others begin with the SYN-ACK.
        looks = looks._replace(ttl_differs=looks.ttl != ttl, ttl_others=str(ttl))
        return InjectedReset(flow, side, mine, accepted, answers[:0], False, looks, None)
    mine = resets[exact]
    if not len(mine) or len(signs):
        return None
    looks = header(view, flow, side, events, mine[-1])
    end = view.tables.endpoint(flow, side)
    alone = int(end["packets"]) - int(end["resets"]) >= limits.packets_min and not int(end["bits"]) & _FINISHED
    if not looks.ttl_differs or not alone:
        return None
    return InjectedReset(flow, side, mine, None, answers[:0], True, looks, answered(events, mine[-1]))


def _accepted(view: View, flow: int, side: int, events: np.ndarray, resets: np.ndarray) -> np.void | None:
    """The SYN-ACK of `side`, when it first refused that very SYN, and its peer went on."""
    if not len(resets) or resets["detail"][0] not in TO_SYN or view.side("syns")[flow, 1 - side] > 1:
        return None
    later = events[(events["frame"] > resets["frame"][0]) & (events["side"] == side)]
    states = later["state"][later["kind"] == EventKind.STATE]
    if State.SYN_RECEIVED in states and State.ESTABLISHED in states:
        row: np.void = later[later["kind"] == EventKind.STATE][0]
        return row
    alive = later[(later["kind"] == EventKind.ALIVE_AFTER_RST) & (later["detail"] == 1)]
    return alive[0] if len(alive) and view.side("syns")[flow, side] else None


def _goes_on(reset: np.void, sign: np.void, limits: Thresholds) -> bool:
    """New data from the RST's number on, or anything at all when nothing can be on its way any more."""
    ahead = diff(int(sign["seq"]), int(reset["seq"]))
    new_text = ahead >= 0 and int(sign["payload_len"]) > 0
    settled = int(sign["ts_ns"] - reset["ts_ns"]) >= limits.settle_ms * 1e6
    return abs(ahead) < limits.near_bytes and (new_text or settled)
