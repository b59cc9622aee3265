"""One side still has the connection, the other has not.

## What it sees
An endpoint that took part in a connection, never closed it, and then answers a segment with the RST of a host that
knows no such connection: no ACK flag, and SEG.SEQ copied from the ACK number of the segment that it answers.

## Why it matters
The side that lost it restarted, or dropped it in silence; the other side went on believing in it, maybe for hours,
and everything that it waited for was lost. Keepalives or an idle time-out would have told it earlier.

## What it cannot know
Whether the host sent the RST, or a firewall or NAT that forgot the connection. When it was lost: only that it was
after that side's last packet.

## Thresholds
| name | default | source |
|---|---|---|
| answer_s | 1 | RFC 6298 section 2: the initial RTO; a RST that answers a segment comes within a round trip |

## RFC
RFC 9293 section 3.5.1 (half-open connections, Figure 10), section 3.10.7.1 (a RST takes its number from SEG.ACK)

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 < P. 1:101(100) ack 1 win 65535
+0.01 > . 1:1(0) ack 101 win 65535
+60.0 > P. 1:11(10) ack 101 win 65535
+0.01 < R 101:101(0) win 0
finding: half-open warning
```

## Stays silent
The application aborts: RST with ACK.
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:11(10) ack 1 win 65535
+0.01 < R. 1:1(0) ack 11 win 65535
```
The side that resets had closed before:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 < F. 1:1(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 2 win 65535
+0.50 > P. 1:11(10) ack 2 win 65535
+0.01 < R 2:2(0) win 0
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Finding, Severity
from ..model.flow import EndpointBit
from ..model.segment import Flag
from ..model.states import SYNCHRONIZED, State
from ..rfc import Rfc
from ..units import NS, duration
from .base import Diagnosis, Scope
from .resets import EXACT, resets_of_class
from .view import View

_LIVE = [int(state) for state in SYNCHRONIZED - {State.TIME_WAIT}]


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    answer_s: float = 1


class HalfOpen(Diagnosis):
    """One side has the connection, the other has not."""

    kind = "half-open"
    scope = Scope.FLOW
    events = (EventKind.RST, EventKind.ALIVE_AFTER_RST)
    references = (Rfc(9293, "3.5.1"), Rfc(9293, "3.10.7.1"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        resets = view.events[resets_of_class(view, EXACT)]
        resets = resets[((resets["flags"] & int(Flag.ACK)) == 0) & np.isin(resets["state"], _LIVE)]
        sender = 2 * resets["flow"].astype(np.int64) + resets["sender"]
        ends = view.tables.endpoints[sender]
        closed = (ends["bits"] & int(EndpointBit.FIN_SENT)) != 0
        spoke = ends["packets"] > ends["resets"]
        seen = set()
        for event in resets[~closed & spoke]:
            flow = int(event["flow"])
            if flow not in seen and not _goes_on(view, event) and _answers(view, event, limits):
                seen.add(flow)
                yield self._half_open(view, event)

    def _half_open(self, view: View, event: np.void) -> Finding:
        flow, side = int(event["flow"]), int(event["side"])
        lost = view.role(flow, 1 - side)
        believer = view.role(flow, side)
        own = view.tables.endpoint(flow, side)
        before_ns = _last_before(view, event)
        silence = int(event["ts_ns"]) - before_ns if before_ns else 0
        asked, asked_ns = _asked(view, event)
        return self.finding(
            view,
            Severity.WARNING,
            f"The {lost} no longer knows a connection that the {believer} still uses",
            f"The {believer} was in {State(int(event['state']))} and sent [{asked}]. The {lost} answered "
            f"[{event['frame']}] with the RST of a host that has no such connection: its sequence number is the ACK "
            f"number of that segment. It had never closed the connection"
            + (f"; its last sign of life was {duration(silence)} before." if silence > NS else "."),
            streams=[flow],
            frames=[asked, int(event["frame"])],
            span=(asked_ns, int(event["ts_ns"])),
            evidence=(
                view.frame(flow, asked, f"the {believer} uses the connection", asked_ns),
                view.evidence(event, f"the {lost} has no such connection"),
            ),
            endpoint=view.label(flow, 1 - side),
            peer=view.label(flow, side),
            causes=(
                Cause(
                    f"the {lost} lost it: the host or the process restarted, or it gave up in silence",
                    (f"{duration(silence)} without a packet from it",) if silence > NS else (),
                ),
                Cause(
                    "a NAT, firewall or load balancer between forgot the idle connection and answers for the host",
                    (f"the connection was idle for {duration(silence)}",) if silence > NS else (),
                    ("the connection was not idle",) if silence <= NS else (),
                ),
            ),
            next_steps=(
                f"on {view.host(flow, 1 - side)}: uptime; journalctl around that time; restarts of the process",
                f"on {view.host(flow, side)}: switch on keepalives (SO_KEEPALIVE with TCP_KEEPIDLE below the idle "
                "time-out of the path) or application heartbeats",
            ),
            data={
                "lost_by": view.label(flow, 1 - side),
                "silence_s": round(silence / NS, 3),
                "ttl": int(event["ttl"]),
                "ttl_others": int(view.tables.endpoint(flow, 1 - side)["ttl"]),
                "bytes_lost": int((int(own["snd_nxt"]) - int(own["snd_una"])) & 0xFFFFFFFF),
            },
        )


def _asked(view: View, event: np.void) -> tuple[int, int]:
    """Frame and time of the last segment that the believing side sent before the RST; 0 when it sent more later."""
    own = view.tables.endpoint(int(event["flow"]), int(event["side"]))
    if int(own["last_frame"]) < int(event["frame"]):
        return int(own["last_frame"]), int(own["last_ts_ns"])
    return 0, 0


def _answers(view: View, event: np.void, limits: Thresholds) -> bool:
    """The RST follows a segment at once and carries that segment's ACK number (RFC 9293 section 3.10.7.1)."""
    own = view.tables.endpoint(int(event["flow"]), int(event["side"]))
    asked, asked_ns = _asked(view, event)
    copied = int(own["bits"]) & EndpointBit.ACKED and int(own["last_ack"]) == int(event["seq"])
    return bool(asked and copied) and int(event["ts_ns"]) - asked_ns <= limits.answer_s * NS


def _goes_on(view: View, event: np.void) -> bool:
    """The side that the RST claims to come from goes on with the connection: it was somebody else's RST."""
    for _, events in view.by_flow([int(event["flow"])]):
        alive = (events["kind"] == EventKind.ALIVE_AFTER_RST) & (events["side"] == event["sender"])
        return bool(np.any(alive & (events["detail"] == 1)))
    return False


def _last_before(view: View, event: np.void) -> int:
    """When the resetting side was last heard of, as far as kept: its last text, ACK of text, or event."""
    flow, sender = int(event["flow"]), int(event["sender"])
    times = [0]
    for _, events in view.by_flow([flow]):
        earlier = events[(events["sender"] == sender) & (events["ts_ns"] < event["ts_ns"])]
        times += earlier["ts_ns"][-1:].tolist()
    detail = view.detail(flow, sender)
    if detail is not None and int(detail["last_text_ts_ns"]) < int(event["ts_ns"]):
        times.append(int(detail["last_text_ts_ns"]))
    return max(times)
