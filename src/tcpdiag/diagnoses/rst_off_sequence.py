"""A RST whose sequence number is not the one that the receiver expects.

## What it sees
RSTs towards one side of a connection whose SEG.SEQ is not RCV.NXT: by how much, which frame had established
RCV.NXT, and what the receiver did then. `data.reaction` is `challenged` (it answered with an ACK), `ignored` (it went
on as if nothing had come), `obeyed` (it fell silent, although it had unacknowledged data or was being probed) or
`unknown`.

## Why it matters
Since RFC 5961 a RST ends a connection only if SEG.SEQ is exactly RCV.NXT. One number off, and one side, or the
firewall between, has forgotten the connection while the other keeps it, retransmitting to nobody for minutes.

## What it cannot know
Which stack received the RST: Linux since 4.10 obeys RCV.NXT-1 once it has a FIN, strict stacks do not. So what
follows decides, not the number. One below RCV.NXT also happens without any middlebox: a RST copies the ACK number of
data that was sent before the FIN arrived. Behind the tap a RST may be changed or lost.

## Thresholds
| name | default | source |
|---|---|---|
| settle_ms | 150 | segments already under way: below the smallest RTO (Linux 200 ms, RFC 6298 section 2.4: 1 s) |
| silence_s | 1 | RFC 6298 section 2: initial RTO; one that lives would have sent its unacknowledged data again |
| spray_min | 5 | as many different guesses are a rst-spray |

## RFC
RFC 9293 section 3.10.7.4, RFC 5961 section 3.2

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:276(275) ack 1 win 65535
+0.01 < . 1:1(0) ack 276 win 65535
+0.10 < P. 1:1001(1000) ack 276 win 65535
+0.01 > . 276:276(0) ack 1001 win 65535
+0.50 < P. 1001:2001(1000) ack 276 win 65535
+0.01 > F. 276:276(0) ack 1001 win 65535
+0.01 < . 2001:2001(0) ack 277 win 65535
+0.01 > R 276:276(0) win 0 [ttl 255]
+0.40 < P. 1001:2001(1000) ack 277 win 65535 *5 every 0.8
finding: rst-off-sequence critical reaction=ignored
```
In the window, and challenged; the challenge is never answered:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.50 < P. 1:1001(1000) ack 1 win 65535
+0.01 > . 1:1(0) ack 1001 win 65535
+0.50 > R 2:2(0) win 0
+0.001 < . 1001:1001(0) ack 1 win 65535
+0.50 < P. 1001:2001(1000) ack 1 win 65535 *5 every 0.8
finding: rst-off-sequence critical reaction=challenged
```

## Stays silent
The RST is exact:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.50 < P. 1:1001(1000) ack 1 win 65535
+0.01 > . 1:1(0) ack 1001 win 65535
+0.50 > R 1:1(0) win 0
+5.00 .
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventBit, EventKind, RstClass
from ..model.finding import Finding, Severity
from ..rfc import Rfc
from ..tcp.profiles import PROFILES, RstAction
from ..units import NS
from .base import Diagnosis, Scope, frame_list
from .confidence import RCV_NXT_PRESUMED, SHORT_WATCH, Doubt
from .resets import OFF_SEQUENCE, Aftermath, aftermath, distinct_guesses, origin, resets_of_class
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    settle_ms: float = 150
    silence_s: float = 1
    spray_min: float = 5


class RstOffSequence(Diagnosis):
    """RST not at RCV.NXT: by how much, and what the receiver did then."""

    kind = "rst-off-sequence"
    scope = Scope.FLOW
    events = (EventKind.RST, EventKind.CHALLENGE_ACK, EventKind.ALIVE_AFTER_RST, EventKind.RETRANSMISSION)
    references = (Rfc(5961, "3.2"), Rfc(9293, "3.10.7.4"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        for flow, events in view.by_flow(view.event_flow[resets_of_class(view, OFF_SEQUENCE)]):
            for side in (0, 1):
                mine = events[(events["kind"] == EventKind.RST) & (events["side"] == side)]
                wrong = mine[np.isin(mine["detail"], OFF_SEQUENCE)]
                if len(wrong) and distinct_guesses(wrong) < limits.spray_min:
                    yield self._off(view, flow, side, events, wrong, limits)

    def _off(
        self, view: View, flow: int, side: int, events: np.ndarray, wrong: np.ndarray, limits: Thresholds
    ) -> Finding:
        after = aftermath(view, flow, side, events, wrong, int(limits.settle_ms * 1e6), int(limits.silence_s * NS))
        key = after.decisive
        delta, rcv_frame = int(key["value"]), int(key["ref"])
        rcv_nxt = (int(key["seq"]) - delta) & 0xFFFFFFFF
        receiver, sender = view.role(flow, side), view.role(flow, 1 - side)
        shown = view.relative(flow, 1 - side, rcv_nxt)
        who = origin(view, flow, 1 - side, key)
        frames = [*wrong["frame"].tolist(), rcv_frame, *after.frames]
        where = f"{abs(delta)} {'above' if delta > 0 else 'below'}"
        return self.finding(
            view,
            _severity(after),
            _title(after.reaction, delta),
            f"The {receiver} expects {shown} (RCV.NXT, frame {rcv_frame}). The RST {frame_list(wrong['frame'])} "
            f"from the {sender}'s address carries {shown + delta}, {where} RCV.NXT; a RST that is not exactly RCV.NXT "
            f"must not end the connection (RFC 5961 section 3.2). {after.told(receiver)}{_elsewhere(key, after)}",
            streams=[flow],
            frames=frames,
            span=(int(wrong["ts_ns"][0]), after.last_ts_ns),
            doubts=_doubts(key, after),
            evidence=[
                view.frame(flow, rcv_frame, f"the {receiver} expects {shown}"),
                view.evidence(key, f"{where} RCV.NXT: {after.reaction}"),
                *after.evidence,
            ],
            endpoint=view.label(flow, side),
            peer=view.label(flow, 1 - side),
            causes=who.causes,
            next_steps=(
                "find the device that sends this RST (compare TTL and IP ID with the other packets of that address), "
                "and capture on its other side",
                f"on {view.host(flow, side)}: set TCP_USER_TIMEOUT or a shorter send time-out (SO_SNDTIMEO), so that "
                "a lost peer is noticed in seconds",
                f"on {view.host(flow, side)}: ss -tinpo dst {view.host(flow, 1 - side)}; "
                "nstat -az TcpExtTCPChallengeACK",
            ),
            data={
                "reaction": after.reaction,
                "delta": delta,
                "rst_seq": int(key["seq"]),
                "rcv_nxt": rcv_nxt,
                "rcv_nxt_frame": rcv_frame,
                "class": RstClass(int(key["detail"])).name.lower().replace("_", "-"),
                "state": after.state,
                "resets": len(wrong),
                "unanswered_s": round(after.alone_ns / NS, 3),
                "retransmissions_after": after.retransmissions,
                "stacks": {p.name: p.rst[RstClass(int(key["detail"]))].name.lower() for p in PROFILES},
                **who.data,
            },
        )


def _elsewhere(key: np.void, after: Aftermath) -> str:
    """What other stacks would have done, where they would not agree with this one."""
    where = RstClass(int(key["detail"]))
    obeying = [p.title for p in PROFILES if p.rst[where] is RstAction.OBEY]
    if after.reaction in {"ignored", "challenged"} and obeying:
        return f" {' and '.join(obeying)} would have obeyed it; this host did not."
    if after.reaction == "obeyed":
        return " A stack that follows RFC 5961 to the letter would have kept the connection."
    return ""


def _severity(after: Aftermath) -> Severity:
    """Grave only while the receiver goes on alone: the RST was meant to end a connection that it did not end."""
    if after.reaction in {"obeyed", "unknown"} or after.closed or not after.alone:
        return Severity.NOTICE
    return Severity.CRITICAL if after.retransmissions >= 3 else Severity.WARNING


def _title(reaction: str, delta: int) -> str:
    where = {-1: "one too low", 1: "one too high"}.get(delta, "too low" if delta < 0 else "too high")
    fate = {
        "challenged": "A reset was challenged, not obeyed",
        "ignored": "A reset was not obeyed",
        "obeyed": "A reset was obeyed",
        "unknown": "A reset is off",
    }[reaction]
    return f"{fate}: its sequence number is {where}"


def _doubts(key: np.void, after: Aftermath) -> Iterator[Doubt]:
    if not int(key["bits"]) & EventBit.CERTAIN:
        yield RCV_NXT_PRESUMED
    if after.reaction == "unknown":
        yield SHORT_WATCH
