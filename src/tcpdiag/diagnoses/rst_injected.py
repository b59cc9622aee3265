"""A reset that its supposed sender did not send.

## What it sees
A RST that its receiver obeys, after which the side that it claims to come from goes on: new data from the RST's number
on, or anything at all when no segment can still be on its way. Who has reset a connection has forgotten it. TTL, IP ID,
window, options and the moment are compared with the other packets of that side. A RST that nobody contradicts, but
whose TTL is unlike all others of its side, is told as a notice.

## Why it matters
One side believes the reset and drops the connection, the other finds out at its next segment. Somebody on the path can
see the connection, or shares the address: a firewall, a load balancer, an attacker.

## What it cannot know
Who sent it. Two hosts behind one address (a NAT, a load balancer with two members) look like an injection. A forged
RST that looks like the host's own, and behind which nothing more is sent, cannot be told from a real one. A RST that
is not obeyed is a rst-off-sequence.

## Thresholds
| name | default | source |
|---|---|---|
| settle_ms | 150 | segments already under way: below the smallest RTO of common stacks (Linux 200 ms) |
| near_bytes | 16777216 | RFC 6528: the numbers of a new connection are random; one in 128 would come so near |
| packets_min | 3 | the handshake and one more: fewer do not show which TTL that side has |

## RFC
RFC 9293 section 3.10.7.4 (a RST ends the connection), RFC 5961 section 3, RFC 3360 (resets sent by middleboxes)

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+0.50 > R 101:101(0) win 0 [ttl 41]
+0.50 > P. 101:201(100) ack 1 win 65535
+0.01 < R 1:1(0) win 0
finding: rst-injected critical obeyed=true ttl_differs=true
```

It refuses a SYN that is accepted none the less:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < R. 0:0(0) ack 1 win 0 [ttl 46]
+0.20 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
finding: rst-injected warning obeyed=false ttl_differs=true
```
Nobody goes on, but the RST has come another way than everything else from that host:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+0.50 > R 101:101(0) win 0 [ttl 250]
+5.00 .
finding: rst-injected notice obeyed=true ttl_differs=true
```

## Stays silent
The sender of the RST is silent afterwards:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+0.50 > R. 101:101(0) ack 1 win 0
+5.00 .
```
An ACK that was sent before the RST and captured after it:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 < P. 1:101(100) ack 1 win 65535
+0.01 > R. 1:1(0) ack 101 win 0
+0.005 > . 1:1(0) ack 101 win 65535
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventBit, EventKind, RstClass
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.flow import EndpointBit
from ..model.states import State
from ..rfc import Rfc
from ..seqnum import diff
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .reset_origin import Header, header, timed
from .resets import EXACT, OFF_SEQUENCE, answered, distance, place, resets_of_class
from .sentences import said
from .together import together, widened
from .view import View

_TO_SYN = [int(RstClass.SYN_SENT_GOOD), int(RstClass.SYN_SENT_BAD)]
_FINISHED = int(EndpointBit.FIN_SENT)


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    settle_ms: float = 150
    near_bytes: float = 1 << 24
    packets_min: float = 3


class _Injected(NamedTuple):
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


class RstInjected(Diagnosis):
    """RST after which its supposed sender goes on."""

    kind = "rst-injected"
    scope = Scope.FLOW
    events = (EventKind.RST, EventKind.ALIVE_AFTER_RST, EventKind.REACTIVE)
    references = (Rfc(9293, "3.10.7.4"), Rfc(5961, "3"), Rfc(3360))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        alive = view.by_kind(EventKind.ALIVE_AFTER_RST)
        flows = [alive["flow"][alive["detail"] == 1], _from_elsewhere(view, limits), _refused_and_accepted(view)]
        found: dict[int, _Injected] = {}
        for flow, events in view.by_flow(np.concatenate(flows).astype(np.int64)):
            for side in (0, 1):
                injected = _injected(view, flow, side, events, limits)
                if injected is not None and (flow not in found or injected.severity > found[flow].severity):
                    found[flow] = injected
        told = list(found)
        for group in together(view, told):
            same = [found[told[index]] for index in group.tolist()]
            finding = self._told(view, max(same, key=lambda each: each.severity))
            if len(same) > 1:
                finding = widened(
                    view,
                    finding,
                    f"{len(same):,} connections got a reset that their peer did not send",
                    f"So did {plural(len(same) - 1, 'more connection')} of that server.",
                    [each.flow for each in same],
                    [int(each.key["frame"]) for each in same],
                )
            yield finding

    def _told(self, view: View, it: _Injected) -> Finding:
        flow, side, key = it.flow, it.side, it.key
        last = it.answers[0] if len(it.answers) else it.sign if it.sign is not None else key
        after = () if it.sign is None else (int(it.sign["frame"]),)
        host, victim = view.host(flow, side), view.host(flow, 1 - side)
        return self.finding(
            view,
            it.severity,
            _title(it),
            list(_story(view, it)),
            streams=[flow],
            frames=[*it.resets["frame"].tolist(), *after, *it.answers["frame"][:1].tolist(), *it.looks.frames,
                    *([int(it.answer["ref"])] if it.answer is not None else [])],
            span=(int(it.resets[0]["ts_ns"]), int(last["ts_ns"])),
            doubts=() if it.sign is not None and it.looks.differs else (NOT_UNIQUE,),
            evidence=_evidence(view, it),
            endpoint=view.label(flow, 1 - side),
            peer=view.label(flow, side),
            causes=_causes(view, it),
            next_steps=(
                f"look for firewalls, intrusion prevention and load balancers between {host} and {victim} that reset "
                "connections, and for their logs of that moment",
            ),
            refutations=_refutations(view, it),
            settled_by=(
                f"on {host}: tcpdump 'host {victim} and tcp port {view.port(flow, side)}' at the same time: a RST that "
                "is missing there was sent by somebody else",
                f"on {host}: nstat -az TcpOutRsts, before and after: its own RSTs are counted",
            ),
            data={
                "obeyed": it.obeyed,
                "contradicted": it.sign is not None,
                "ttl": it.looks.ttl,
                "ttl_others": int((view.tables.endpoint(flow, side) if it.sign is None else it.sign)["ttl"]),
                "ttl_differs": it.looks.ttl_differs,
                "ip_id": it.looks.ip_id,
                "ip_id_fits": it.looks.id_fits,
                "ip_id_after": None if it.sign is None else int(it.sign["ip_id"]),
                "bare": it.looks.bare,
                "reactive_to": None if it.answer is None else int(it.answer["ref"]),
                "resets": len(it.resets),
                "goes_on_after_s": (
                    None if it.sign is None else round(int(it.sign["ts_ns"] - key["ts_ns"]) / NS, 6)
                ),
            },
        )  # fmt: skip


def _from_elsewhere(view: View, limits: Thresholds) -> np.ndarray:
    """Flows with a RST that ended the connection, and whose TTL is unlike all other packets of its side."""
    rows = resets_of_class(view, EXACT)
    flows, senders = view.event_flow[rows].astype(np.int64), view.events["sender"][rows]
    ttl = view.events["ttl"][rows]
    low, high = view.side("ttl_min")[flows, senders], view.side("ttl_max")[flows, senders]
    others = view.side("packets")[flows, senders].astype(np.int64) - view.side("resets")[flows, senders]
    found: np.ndarray = flows[((ttl < low) | (ttl > high)) & (others >= limits.packets_min)]
    return found


def _refused_and_accepted(view: View) -> np.ndarray:
    """Flows in which one and the same SYN was answered by a RST and by a SYN-ACK."""
    rows = resets_of_class(view, _TO_SYN)
    flows, servers = view.event_flow[rows].astype(np.int64), view.events["sender"][rows]
    syns = view.side("syns")
    found: np.ndarray = flows[(syns[flows, servers] > 0) & (syns[flows, 1 - servers] == 1)]
    return found


def _injected(view: View, flow: int, side: int, events: np.ndarray, limits: Thresholds) -> _Injected | None:
    """The RSTs that `side` cannot have sent, and the segment that shows it."""
    victim = 1 - side
    resets = events[(events["kind"] == EventKind.RST) & (events["sender"] == side)]
    expected = (resets["bits"] & int(EventBit.OBEY_EXPECTED)) != 0
    exact = np.isin(resets["detail"], EXACT)
    answers = events[(events["kind"] == EventKind.RST) & (events["sender"] == victim)]
    signs = events[(events["kind"] == EventKind.ALIVE_AFTER_RST) & (events["side"] == side) & (events["detail"] == 1)]
    for sign in signs:
        after = answers[answers["ts_ns"] >= sign["ts_ns"]]
        off = np.isin(resets["detail"], OFF_SEQUENCE) & expected & (len(after) > 0)
        mine = resets[(exact | off) & (resets["ts_ns"] <= sign["ts_ns"])]
        if len(mine) and _goes_on(mine[-1], sign, limits):
            after = answers[answers["ts_ns"] >= mine[-1]["ts_ns"]]
            obeyed = bool(len(after)) or view.state(flow, victim) is State.CLOSED
            looks = header(view, flow, side, events, mine[-1])
            return _Injected(flow, side, mine, sign, after, obeyed, looks, answered(events, mine[-1]))
    accepted = _accepted(view, flow, side, events, resets)
    if accepted is not None:
        mine, looks, ttl = resets[:1], header(view, flow, side, events, resets[0]), int(accepted["ttl"])
        # That RST was its first packet: the others begin with the SYN-ACK.
        looks = looks._replace(ttl_differs=looks.ttl != ttl, ttl_others=str(ttl))
        return _Injected(flow, side, mine, accepted, answers[:0], False, looks, None)
    mine = resets[exact]
    if not len(mine) or len(signs):
        return None
    looks = header(view, flow, side, events, mine[-1])
    end = view.tables.endpoint(flow, side)
    alone = int(end["packets"]) - int(end["resets"]) >= limits.packets_min and not int(end["bits"]) & _FINISHED
    if not looks.ttl_differs or not alone:
        return None
    return _Injected(flow, side, mine, None, answers[:0], True, looks, answered(events, mine[-1]))


def _accepted(view: View, flow: int, side: int, events: np.ndarray, resets: np.ndarray) -> np.void | None:
    """The SYN-ACK of `side`, when it first refused that very SYN, and its peer went on."""
    if not len(resets) or resets["detail"][0] not in _TO_SYN or view.side("syns")[flow, 1 - side] > 1:
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


def _title(it: _Injected) -> str:
    if it.sign is None:
        return "A reset did not come the way of its sender's other packets"
    if it.obeyed:
        return "A reset ended a connection that its sender never reset"
    return "A forged reset was not obeyed"


def _story(view: View, it: _Injected) -> Iterator[Sentence]:
    sender, receiver = view.role(it.flow, it.side), view.role(it.flow, 1 - it.side)
    resets = frame_list(it.resets["frame"])
    where = distance(it.key) + (f" ({more})" if (more := place(view, it.key)) else "")
    if int(it.key["detail"]) in _TO_SYN:
        good = int(it.key["detail"]) == RstClass.SYN_SENT_GOOD
        where = f"an answer to the SYN, which it {'acknowledges' if good else 'does not even acknowledge'}"
    if it.sign is None:
        yield said(
            f"The RST {resets} in the {sender}'s name ended the connection, but its TTL is {it.looks.ttl}; all other "
            f"packets of the {sender} have {it.looks.ttl_others}: another machine sent it.",
            it.resets["frame"],
            int(it.key["ts_ns"]),
        )
    else:
        yield said(
            f"The {sender} did not send the RST {resets} that has its address: {_since(it)} later it goes on "
            f"[{it.sign['frame']}]. It is {where}.",
            (*it.resets["frame"].tolist(), int(it.sign["frame"])),
            int(it.key["ts_ns"]),
        )
        yield _fate(it, receiver)
    told = it.looks.told(sender)
    if it.sign is not None or it.looks.id_fits is False:
        yield said(told, it.looks.frames if it.looks.id_fits is False else ())
    if it.answer is not None:
        moment = timed(view, sender, receiver, it.answer)
        meant = "so that it answers nothing" if moment.weight < 0 else "as who has no such connection answers"
        yield said(f"{moment.text[0].upper()}{moment.text[1:]}, {meant}.", (int(it.answer["ref"]),))


def _since(it: _Injected) -> str:
    return "" if it.sign is None else duration(int(it.sign["ts_ns"] - it.key["ts_ns"]))


def _fate(it: _Injected, receiver: str) -> Sentence:
    if len(it.answers):
        first = it.answers[0]
        text = f"The {receiver} had believed it, and answers with a RST [{first['frame']}]."
        return said(text, (int(first["frame"]),), int(first["ts_ns"]))
    if it.obeyed:
        return said(f"The {receiver} believed it and sent nothing more.")
    return said(f"The {receiver} kept the connection nevertheless.")


def _evidence(view: View, it: _Injected) -> Iterator[Evidence]:
    yield view.evidence(it.key, f"TTL {it.key['ttl']}, IP ID {it.key['ip_id']}")
    if it.sign is not None:
        note = f"its supposed sender goes on; TTL {it.sign['ttl']}, IP ID {it.sign['ip_id']}"
        yield view.evidence(it.sign, note)
    for answer in it.answers[:1]:
        yield view.evidence(answer, f"the {view.role(it.flow, 1 - it.side)} has no such connection any more")


def _causes(view: View, it: _Injected) -> tuple[Cause, ...]:
    """Ranked: a device sees the connection and may answer its segments; a forger has to guess or to see it too."""
    sender, receiver = view.role(it.flow, it.side), view.role(it.flow, 1 - it.side)
    points = list(it.looks.points(sender))
    differs = tuple(point.text for point in points if point.weight < 0)
    alike = tuple(point.text for point in points if point.weight > 0)
    moment = None if it.answer is None else timed(view, sender, receiver, it.answer)
    sees = (moment.text,) if moment is not None and moment.weight > 0 else ()
    blind = (moment.text,) if moment is not None and moment.weight < 0 else ()
    bare = ("it has no ACK, no window and no options: its sender has no such connection",) if it.looks.bare else ()
    device = Cause(
        "a device on the path reset it (firewall, intrusion prevention, load balancer)", (*differs, *sees), alike
    )
    forged = Cause(
        "somebody who sees the connection, or guessed its numbers, forged it",
        (*differs, *blind, *((f"{len(it.resets)} RSTs with the right number",) if len(it.resets) > 1 else ())),
    )
    member = Cause(f"another host with the {sender}'s address answered (two members behind one address)",
                   (*differs, *sees, *bare))  # fmt: skip
    own = Cause(f"the {sender} itself, and what follows it sent before", (), ("that would have come at once",))
    return (device, member, forged) if it.sign is not None else (device, member, forged, own)


def _refutations(view: View, it: _Injected) -> Iterator[Refutation]:
    sender = view.role(it.flow, it.side)
    if it.sign is not None:
        yield Refutation(
            f"what the {sender} sent afterwards was on its way before the RST, and only came late",
            f"not so: {_since(it)} lie between [{it.key['frame']}] and [{it.sign['frame']}]",
            (int(it.key["frame"]), int(it.sign["frame"])),
        )
    else:
        yield Refutation(
            f"the {sender} sends anything after the RST: then it is proved that it did not send it",
            "not found: its last packet is the RST",
        )
    yield Refutation(f"the {sender}'s host sent that RST", None)
