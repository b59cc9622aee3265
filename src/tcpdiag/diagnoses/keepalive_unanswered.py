"""Keepalive probes get no answer.

## What it sees
TCP keepalive probes (one below SND.NXT, no data, while the peer's window is open) without any answer since the last
one that was answered. Zero-window probes look the same on the wire and are told apart by the peer's window.

## Why it matters
The peer or the path is gone, and the keepalive is about to find out: after its last probe the stack resets the
connection, and the application gets ETIMEDOUT.

## What it cannot know
Whether the probe or its answer was lost on the way. A receiver may limit its answers to one in 500 ms (Linux), so
probes in quick succession are left out.

## Thresholds
| name | default | source |
|---|---|---|
| probes_min | 2 | RFC 9293 section 3.8.4: a single lost probe must not be taken for a dead connection |
| wait_s | 1 | RFC 6298 section 2: the initial RTO; the last probe may still be answered within it |

## RFC
RFC 9293 section 3.8.4

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+60.0 > . 100:100(0) ack 1 win 65535 *4 every 10
+10.0 > R. 101:101(0) ack 1 win 65535
finding: keepalive-unanswered warning
```

## Stays silent
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+60.0 > . 100:100(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+60.0 > . 100:100(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+5.00 .
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Finding, Severity
from ..model.flow import EndpointBit
from ..rfc import Rfc
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    probes_min: float = 2
    wait_s: float = 1


class KeepaliveUnanswered(Diagnosis):
    """TCP keepalive probes without answers."""

    kind = "keepalive-unanswered"
    scope = Scope.FLOW
    events = (EventKind.KEEPALIVE_PROBE, EventKind.KEEPALIVE_ACK)
    references = (Rfc(9293, "3.8.4"),)
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        probes = view.by_kind(EventKind.KEEPALIVE_PROBE)
        peers = 2 * probes["flow"].astype(np.int64) + 1 - probes["side"]
        late = probes["ts_ns"] > view.tables.endpoints["last_ts_ns"][peers]
        flows = probes["flow"][late]
        for flow, events in view.by_flow(flows[~view.one_sided[flows]]):
            for side in (0, 1):
                run = _unanswered(view, flow, side, events)
                if len(run) >= limits.probes_min and _watched(view, flow, side, run) >= limits.wait_s * NS:
                    yield self._unanswered(view, flow, side, run)

    def _unanswered(self, view: View, flow: int, side: int, run: np.ndarray) -> Finding:
        own, peer = view.tables.endpoint(flow, side), view.tables.endpoint(flow, 1 - side)
        who, other = view.role(flow, side), view.role(flow, 1 - side)
        reset = bool(int(own["bits"]) & EndpointBit.RST_SENT)
        silence = int(run["ts_ns"][-1]) - int(peer["last_ts_ns"])
        gap = int(np.median(np.diff(run["ts_ns"])))
        end = (
            f"Then it gave up and reset the connection [{own['last_frame']}]."
            if reset
            else ("No RST of the prober was captured.")
        )
        return self.finding(
            view,
            Severity.WARNING,
            f"Keepalive probes of the {who} get no answer",
            f"The {who} sent {plural(len(run), 'keepalive probe')} {frame_list(run['frame'])}, one each "
            f"{duration(gap)}, and none was answered. The {other} was last heard of {duration(silence)} before the "
            f"last probe [{peer['last_frame']}]. {end}",
            streams=[flow],
            frames=[int(peer["last_frame"]), *run["frame"].tolist(), *([int(own["last_frame"])] if reset else [])],
            span=(int(run["ts_ns"][0]), int(own["last_ts_ns"])),
            doubts=(NOT_UNIQUE,),
            evidence=[
                view.frame(flow, int(peer["last_frame"]), f"last packet of the {other}", int(peer["last_ts_ns"])),
                *(view.evidence(event, "keepalive probe, not answered") for event in run),
            ],
            endpoint=view.label(flow, side),
            peer=view.label(flow, 1 - side),
            causes=(
                Cause(f"the {other} is gone: host down, restarted, suspended, or cut off"),
                Cause(
                    "a NAT or firewall forgot the idle connection and drops the probes",
                    (f"{duration(silence)} without a packet from the {other}",),
                ),
            ),
            next_steps=(
                f"on {view.host(flow, 1 - side)}: ss -tanp dst {view.host(flow, side)}: does it still have it?",
                "compare the keepalive interval (TCP_KEEPIDLE) with the idle time-out of firewalls on the path",
            ),
            data={
                "probes": len(run),
                "interval_s": round(gap / NS, 3),
                "silence_s": round(silence / NS, 3),
                "gave_up": reset,
            },
        )


def _unanswered(view: View, flow: int, side: int, events: np.ndarray) -> np.ndarray:
    """The probes of `side` after everything that its peer sent."""
    heard_ns = int(view.tables.endpoint(flow, 1 - side)["last_ts_ns"])
    mine = events[(events["kind"] == EventKind.KEEPALIVE_PROBE) & (events["side"] == side)]
    run: np.ndarray = mine[mine["ts_ns"] > heard_ns]
    return run


def _watched(view: View, flow: int, side: int, run: np.ndarray) -> int:
    """How long the capture went on after the first of these probes."""
    return view.last_ts_ns - int(run["ts_ns"][0])
