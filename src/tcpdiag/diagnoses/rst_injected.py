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

import numpy as np

from ..model.event import EventKind, RstClass
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence
from ..rfc import Rfc
from ..sets import distinct
from ..units import NS, duration, number, plural
from .base import Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .forged_resets import TO_SYN, InjectedReset, Thresholds, from_elsewhere, judged, refused_and_accepted
from .neighbours import SAMPLE
from .reset_origin import timed
from .resets import distance, place
from .sentences import said
from .together import together, widened
from .view import View


class RstInjected(Diagnosis):
    """RST after which its supposed sender goes on."""

    kind = "rst-injected"
    scope = Scope.FLOW
    events = (EventKind.RST, EventKind.ALIVE_AFTER_RST, EventKind.REACTIVE)
    references = (Rfc(9293, "3.10.7.4"), Rfc(5961, "3"), Rfc(3360))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        alive = view.by_kind(EventKind.ALIVE_AFTER_RST)
        chosen = [alive["flow"][alive["detail"] == 1], from_elsewhere(view, limits), refused_and_accepted(view)]
        flows = distinct(np.concatenate(chosen).astype(np.int64))
        for group in together(view, flows.tolist()):
            sample = flows[group[:: max(1, len(group) // SAMPLE)]]
            found = [
                injected
                for flow, events in view.by_flow(sample)
                for side in (0, 1)
                if (injected := judged(view, flow, side, events, limits)) is not None
            ]
            if not found:
                continue
            worst = max(found, key=lambda each: each.severity)
            finding = self._told(view, worst)
            if len(group) > 1:
                finding = widened(
                    view,
                    finding,
                    f"{plural(len(group), 'connection')} got a reset that "
                    + ("came another way" if worst.sign is None else "their peer did not send"),
                    f"So it seems with {plural(len(group) - 1, 'more connection')} of that server; "
                    f"{plural(len(found), 'reset')} of {number(len(sample))} looked at one by one were of that kind.",
                    flows[group].tolist(),
                    [int(each.key["frame"]) for each in found],
                )
            yield finding

    def _told(self, view: View, it: InjectedReset) -> Finding:
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


def _title(it: InjectedReset) -> str:
    if it.sign is None:
        return "A reset did not come the way of its sender's other packets"
    if it.obeyed:
        return "A reset ended a connection that its sender never reset"
    return "A forged reset was not obeyed"


def _story(view: View, it: InjectedReset) -> Iterator[Sentence]:
    sender, receiver = view.role(it.flow, it.side), view.role(it.flow, 1 - it.side)
    resets = frame_list(it.resets["frame"])
    where = distance(it.key) + (f" ({more})" if (more := place(view, it.key)) else "")
    if int(it.key["detail"]) in TO_SYN:
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


def _since(it: InjectedReset) -> str:
    return "" if it.sign is None else duration(int(it.sign["ts_ns"] - it.key["ts_ns"]))


def _fate(it: InjectedReset, receiver: str) -> Sentence:
    if len(it.answers):
        first = it.answers[0]
        text = f"The {receiver} had believed it, and answers with a RST [{first['frame']}]."
        return said(text, (int(first["frame"]),), int(first["ts_ns"]))
    if it.obeyed:
        return said(f"The {receiver} believed it and sent nothing more.")
    return said(f"The {receiver} kept the connection nevertheless.")


def _evidence(view: View, it: InjectedReset) -> Iterator[Evidence]:
    yield view.evidence(it.key, f"TTL {it.key['ttl']}, IP ID {it.key['ip_id']}")
    if it.sign is not None:
        note = f"its supposed sender goes on; TTL {it.sign['ttl']}, IP ID {it.sign['ip_id']}"
        yield view.evidence(it.sign, note)
    for answer in it.answers[:1]:
        yield view.evidence(answer, f"the {view.role(it.flow, 1 - it.side)} has no such connection any more")


def _causes(view: View, it: InjectedReset) -> tuple[Cause, ...]:
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


def _refutations(view: View, it: InjectedReset) -> Iterator[Refutation]:
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
