"""A listener whose accept queue is full: handshakes that the client has finished and the server has not.

## What it sees
SYN-ACKs that a server repeats although the client's ACK for them, and often its request, was captured before: the
server got the ACK and dropped it. One finding for each listening endpoint.

## Why it matters
The client believes it is connected and sends its request again and again. The application is too slow to accept(), or
hangs; every new client waits for seconds, then fails.

## What it cannot know
Whether the ACK reached the server, unless the capture was taken there: beside the client, a path that loses it looks
the same. With SYN cookies the server does not even repeat the SYN-ACK: that is a peer-vanished. SYNs that a full queue
drops are a syn-unanswered.

## Thresholds
| name | default | source |
|---|---|---|
| repeats_min | 2 | one repetition can cross the ACK, or one ACK can be lost; RFC 6298 section 2: 1 s apart at first |

## RFC
RFC 9293 section 3.10.7.4 (SYN-RECEIVED becomes ESTABLISHED with the ACK)

## Speaks
```packets
+0.0000 > S 0:0(0) win 65535
+0.0001 < S. 0:0(0) ack 1 win 65535
+0.0100 > . 1:1(0) ack 1 win 65535
+0.0010 > P. 1:11(10) ack 1 win 65535
+0.3000 > P. 1:11(10) ack 1 win 65535
+0.7000 < S. 0:0(0) ack 1 win 65535
+0.0100 > . 11:11(0) ack 1 win 65535
+2.0000 < S. 0:0(0) ack 1 win 65535
+0.0100 > . 11:11(0) ack 1 win 65535
finding: accept-queue-overflow warning connections=1
```

## Stays silent
The SYN-ACK was lost, and repeated before any ACK came:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+1.00 < S. 0:0(0) ack 1 win 65535
+2.00 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:11(10) ack 1 win 65535
+0.01 < . 1:1(0) ack 11 win 65535
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..flows.vantage import vantage
from ..model.event import EventKind
from ..model.finding import Cause, Finding, Severity
from ..model.flow import EndpointBit
from ..rfc import Rfc
from ..units import plural
from .base import FRAMES_MAX, Diagnosis, Scope, frame_list
from .columns import distinct
from .confidence import NOT_UNIQUE
from .groups import by_endpoint
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    repeats_min: float = 2


class AcceptQueueOverflow(Diagnosis):
    """SYN-ACKs repeated although the client's ACK had come."""

    kind = "accept-queue-overflow"
    scope = Scope.HOST
    events = (EventKind.SYN_REPEATED,)
    references = (Rfc(9293, "3.10.7.4"),)
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        rows = view.rows_of(EventKind.SYN_REPEATED)
        sides = view.events["side"][rows].astype(np.int64)
        flows = view.event_flow[rows].astype(np.int64)
        doubted = view.has(EndpointBit.DOUBTED)[flows, sides] & (sides != view.client[flows])
        repeats, flows = view.events[rows[doubted]], flows[doubted]
        many = distinct(flows)
        many = many[np.bincount(np.searchsorted(many, flows), minlength=len(many)) >= limits.repeats_min]
        groups = by_endpoint(view, many, 1 - view.client[many])
        for group in groups.large:
            yield self._overflow(view, many[group], repeats[np.isin(flows, many[group])])
        if len(groups.rest):
            told = plural(groups.rest_endpoints, "more endpoint")
            yield self._overflow(view, many[groups.rest], repeats[np.isin(flows, many[groups.rest])], told)

    def _overflow(self, view: View, flows: np.ndarray, repeats: np.ndarray, others: str | None = None) -> Finding:
        flow = int(flows[0])
        server = 1 - int(view.client[flow])
        place = vantage(view.tables).place
        acks = view.side("last_ack_frame")[flows, view.client[flows]]
        label, port = view.label(flow, server), view.port(flow, server)
        beside = place in {"server", "loopback"}
        return self.finding(
            view,
            Severity.NOTICE if place == "client" else Severity.WARNING,
            "A server drops the ACKs that finish its handshakes",
            f"{others or label} repeated the SYN-ACK of {plural(len(flows), 'connection')} "
            f"{frame_list(repeats['frame'])} although the ACK for it had been captured. The client believes that it is "
            f"connected; the server does not.",
            streams=flows,
            frames=np.concatenate([repeats["ref"], repeats["frame"], acks])[:FRAMES_MAX],
            span=(int(view.flows["first_ts_ns"][flows].min()), int(repeats["ts_ns"].max())),
            doubts=() if beside else (NOT_UNIQUE,),
            evidence=[view.evidence(event, "the SYN-ACK again, after the ACK for it") for event in repeats],
            endpoint=None if others else label,
            causes=(
                Cause(
                    "the application does not accept(): its accept queue is full, and the kernel drops the ACKs",
                    ("the capture was taken beside the server: the ACKs had arrived",) if beside else (),
                ),
                Cause(
                    "the path behind the tap loses the ACKs",
                    ("the capture was taken beside the client",) if place == "client" else (),
                    ("the capture was taken beside the server",) if beside else (),
                ),
            ),
            next_steps=(
                f"on {view.host(flow, server)}: ss -ltn '( sport = :{port} )' (Recv-Q against Send-Q), and "
                "nstat -az TcpExtListenOverflows TcpExtListenDrops",
                "see why the application does not call accept(); then raise its backlog and net.core.somaxconn",
            ),
            data={"connections": len(flows), "repeats": len(repeats), "vantage": place},
        )
