"""A reset that its supposed sender did not send.

## What it sees
A RST with exactly the number that ends the connection, after which the side that it claims to come from goes on: new
data from the RST's number on, or anything at all when no segment can still be on its way. Who has reset a connection
has forgotten it. TTL and IP ID are compared with the other packets of that side.

## Why it matters
One side believes the reset and drops the connection, the other finds out at its next segment. Somebody on the path can
see the connection, or shares the address: a firewall, a load balancer, an attacker.

## What it cannot know
Who sent it. Two hosts behind one address (a NAT, a load balancer with two members) look like an injection. A forged
RST behind which nothing more is sent cannot be told from a real one. A RST beside RCV.NXT is a rst-off-sequence.

## Thresholds
| name | default | source |
|---|---|---|
| settle_ms | 150 | segments already under way: below the smallest RTO of common stacks (Linux 200 ms) |
| near_bytes | 16777216 | RFC 6528: the numbers of a new connection are random; one in 128 would come so near |

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

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Severity
from ..model.states import State
from ..rfc import Rfc
from ..seqnum import diff
from ..units import NS, duration
from .base import Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .resets import EXACT
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    settle_ms: float = 150
    near_bytes: float = 1 << 24


class RstInjected(Diagnosis):
    """RST after which its supposed sender goes on."""

    kind = "rst-injected"
    scope = Scope.FLOW
    events = (EventKind.RST, EventKind.ALIVE_AFTER_RST)
    references = (Rfc(9293, "3.10.7.4"), Rfc(5961, "3"), Rfc(3360))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        alive = view.by_kind(EventKind.ALIVE_AFTER_RST)
        alive = alive[alive["detail"] == 1]
        for flow, events in view.by_flow(alive["flow"].astype(np.int64)):
            for side in (0, 1):
                found = _forged(events, side, limits)
                if found:
                    yield self._injected(view, flow, side, events, *found)

    def _injected(
        self, view: View, flow: int, side: int, events: np.ndarray, resets: np.ndarray, sign: np.void
    ) -> Finding:
        key, victim = resets[-1], 1 - side
        sender, receiver = view.role(flow, side), view.role(flow, victim)
        own = view.tables.endpoint(flow, side)
        answers = events[
            (events["kind"] == EventKind.RST) & (events["sender"] == victim) & (events["ts_ns"] >= key["ts_ns"])
        ]
        obeyed = bool(len(answers)) or view.state(flow, victim) is State.CLOSED
        differs = int(key["ttl"]) != int(own["ttl"])
        told = [
            f"The RST {frame_list(resets['frame'])} has exactly the number that the {receiver} expects. "
            f"{duration(int(sign['ts_ns'] - key['ts_ns']))} later the {sender}, which it claims to come from, goes on "
            f"as if it had sent none [{sign['frame']}]."
        ]
        if len(answers):
            told.append(f"The {receiver} had believed it, and answers with a RST [{answers[0]['frame']}].")
        elif obeyed:
            told.append(f"The {receiver} believed it and sent nothing more.")
        else:
            told.append(f"The {receiver} kept the connection nevertheless.")
        if differs:
            told.append(f"The RST has TTL {key['ttl']}, the {sender}'s other packets have {own['ttl']}.")
        return self.finding(
            view,
            Severity.CRITICAL if obeyed else Severity.WARNING,
            "A reset ended a connection that its sender never reset" if obeyed else "A forged reset was not obeyed",
            " ".join(told),
            streams=[flow],
            frames=[*resets["frame"].tolist(), int(sign["frame"]), *answers["frame"][:1].tolist()],
            span=(int(resets[0]["ts_ns"]), int((answers[0] if len(answers) else sign)["ts_ns"])),
            doubts=() if differs else (NOT_UNIQUE,),
            evidence=_evidence(view, resets, sign, answers, receiver),
            endpoint=view.label(flow, victim),
            peer=view.label(flow, side),
            causes=_causes(sender, int(key["ttl"]), int(own["ttl"]), len(resets)),
            next_steps=(
                f"find who sends as {view.host(flow, side)}: the same filter on both hosts at once; the RST is missing "
                "in the capture of its supposed sender",
                "look for firewalls, intrusion prevention and load balancers on the path that reset connections",
            ),
            data={
                "obeyed": obeyed,
                "ttl": int(key["ttl"]),
                "ttl_others": int(own["ttl"]),
                "ttl_differs": differs,
                "ip_id": int(key["ip_id"]),
                "ip_id_after": int(sign["ip_id"]),
                "resets": len(resets),
                "goes_on_after_s": round(int(sign["ts_ns"] - key["ts_ns"]) / NS, 6),
            },
        )


def _forged(events: np.ndarray, side: int, limits: Thresholds) -> tuple[np.ndarray, np.void] | None:
    """The RSTs that `side` cannot have sent, and the segment that shows it."""
    resets = events[(events["kind"] == EventKind.RST) & (events["sender"] == side) & np.isin(events["detail"], EXACT)]
    signs = events[(events["kind"] == EventKind.ALIVE_AFTER_RST) & (events["side"] == side) & (events["detail"] == 1)]
    for sign in signs:
        mine = resets[resets["ts_ns"] <= sign["ts_ns"]]
        if not len(mine):
            continue
        ahead = diff(int(sign["seq"]), int(mine[-1]["seq"]))
        new_text = ahead >= 0 and int(sign["payload_len"]) > 0
        settled = int(sign["ts_ns"] - mine[-1]["ts_ns"]) >= limits.settle_ms * 1e6
        if abs(ahead) < limits.near_bytes and (new_text or settled):
            return mine, sign
    return None


def _evidence(view: View, resets: np.ndarray, sign: np.void, answers: np.ndarray, receiver: str) -> Iterator[Evidence]:
    yield view.evidence(resets[-1], f"exactly RCV.NXT; TTL {resets[-1]['ttl']}, IP ID {resets[-1]['ip_id']}")
    yield view.evidence(sign, f"its supposed sender goes on; TTL {sign['ttl']}, IP ID {sign['ip_id']}")
    for answer in answers[:1]:
        yield view.evidence(answer, f"the {receiver} has no such connection any more")


def _causes(sender: str, ttl: int, usual: int, count: int) -> tuple[Cause, ...]:
    other = (f"its TTL is {ttl}; other packets of the {sender} have {usual}",) if ttl != usual else ()
    same = () if other else (f"its TTL is {ttl}, as in other packets of the {sender}",)
    return (
        Cause("a device on the path reset it (firewall, intrusion prevention, load balancer)", other, same),
        Cause(
            "somebody who sees the connection, or guessed its numbers, forged it",
            (f"{count} RSTs with the right number",) if count > 1 else (),
        ),
        Cause(f"another host with the {sender}'s address answered (two members behind one address)", other, ()),
    )
