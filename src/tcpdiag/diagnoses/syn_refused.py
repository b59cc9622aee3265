"""SYNs that are answered by a RST.

## What it sees
Connects that got a RST instead of a SYN-ACK; one finding for each endpoint that refused.

## Why it matters
Nobody listens there, or a firewall rejects: the client gets ECONNREFUSED at once. Many of them at one moment mean that
a service was down.

## What it cannot know
Whether the host sent the RST or a firewall in its name. A refusal may be intended.

## Thresholds
| name | default | source |
|---|---|---|
| warning_min | 3 | one refusal may be a service that restarts; a client that comes back thrice was meant to be served |

## RFC
RFC 9293 section 3.5.2 (reset generation: the connection does not exist), section 3.10.7.1

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.001 < R. 0:0(0) ack 1 win 0
+1.00 .
finding: syn-refused notice
```

## Stays silent
The connection is opened, and reset later:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+1.00 < R. 1:1(0) ack 1 win 0
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Severity
from ..rfc import Rfc
from ..units import percent, plural
from .base import FRAMES_MAX, Diagnosis, Scope, frame_list
from .groups import by_endpoint
from .neighbours import Neighbours, Seen
from .view import View

SERVICES_MIN = 0.5
"""Majority: where most of many endpoints accept other connects, they are services and not the targets of a scan."""


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    warning_min: float = 3


class SynRefused(Diagnosis):
    """RST answers the SYN."""

    kind = "syn-refused"
    scope = Scope.HOST
    events = (EventKind.REFUSED,)
    references = (Rfc(9293, "3.5.2"), Rfc(9293, "3.10.7.1"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        rows = view.rows_of(EventKind.REFUSED)
        if not len(rows):
            return
        flows, sides = view.event_flow[rows].astype(np.int64), view.events["side"][rows].astype(np.int64)
        groups = by_endpoint(view, flows, sides)
        neighbours = view.once(Neighbours)
        for group in groups.large:
            seen = neighbours.of(int(flows[group[0]]), int(sides[group[0]]), flows[group])
            yield self._endpoint(view, rows[group], seen, limits)
        if len(groups.rest):
            listening = neighbours.share_listening(flows[groups.rest_first], sides[groups.rest_first])
            yield self._many(view, rows[groups.rest], groups.rest_endpoints, listening, len(groups.large) > 0)

    def _endpoint(self, view: View, rows: np.ndarray, seen: Seen, limits: Thresholds) -> Finding:
        first, last = view.events[rows[0]], view.events[rows[-1]]
        flow, side = int(first["flow"]), int(first["side"])
        label, one = view.label(flow, side), len(rows) == 1
        many = len(rows) >= limits.warning_min
        ttls = np.flatnonzero(np.bincount(view.events["ttl"][rows])).tolist()
        return self.finding(
            view,
            Severity.WARNING if many else Severity.NOTICE,
            "A connect is refused" if one else f"{len(rows):,} connects to one endpoint are refused",
            f"{label} answered {plural(len(rows), 'SYN')} with a RST {_told(view, rows)}. "
            + (
                f"It accepted {plural(seen.port_answered, 'other connect')} in this capture."
                if seen.port_answered
                else "It accepted no connect in this capture: nobody seems to listen there."
            ),
            streams=view.event_flow[rows],
            frames=_frames(view, rows),
            span=(int(first["ts_ns"]), int(last["ts_ns"])),
            evidence=_evidence(view, rows),
            endpoint=label,
            peer=view.label(flow, 1 - side) if one else None,
            causes=(
                Cause(
                    "no process listens on that port",
                    () if seen.port_answered else ("no connect to it succeeded",),
                    ("other connects succeeded",) if seen.port_answered else (),
                ),
                Cause(
                    "a firewall rejects with a RST in the host's name",
                    (f"RSTs with different TTLs: {ttls}",) if len(ttls) > 1 else (),
                ),
            ),
            next_steps=(
                f"on {view.host(flow, side)}: ss -ltnp '( sport = :{view.port(flow, side)} )'",
                "if the process listens: look for firewall rules with reject-with tcp-reset",
            ),
            data={"count": len(rows), "port_answered_others": seen.port_answered, "ttls": ttls},
        )

    def _many(self, view: View, rows: np.ndarray, endpoints: int, listening: float, further: bool) -> Finding:
        services = listening >= SERVICES_MIN
        return self.finding(
            view,
            Severity.NOTICE,
            f"Connects to {endpoints:,} {'more ' if further else ''}endpoints are refused",
            f"{plural(len(rows), 'connect')} to {endpoints:,} {'more ' if further else ''}endpoints were answered with "
            f"a RST {_told(view, rows)}. "
            + (
                f"{percent(listening)} of these endpoints accepted other connects: services that refuse now and then."
                if services
                else "So many targets that accept nothing look like a scan."
            ),
            streams=view.event_flow[rows],
            frames=_frames(view, rows),
            span=(int(view.events["ts_ns"][rows[0]]), int(view.events["ts_ns"][rows[-1]])),
            evidence=_evidence(view, rows),
            causes=(
                Cause("something that they share refuses: a load balancer, a firewall, a limit of connections"),
                Cause("each of them was restarting, or had no process listening, for a moment"),
            )
            if services
            else (Cause("a scan of closed ports"),),
            next_steps=(
                "see whether the refusals fall together in time, and compare with the logs of restarts and deployments",
            )
            if services
            else ("find out who owns the address that these connects come from, and whether it may scan",),
            data={"count": len(rows), "endpoints": endpoints, "listening_share": round(listening, 3)},
        )


def _frames(view: View, rows: np.ndarray) -> np.ndarray:
    """Of the SYNs and the RSTs, bounded."""
    events = view.events[rows[:FRAMES_MAX]]
    return np.concatenate([events["ref"], events["frame"]])


def _told(view: View, rows: np.ndarray) -> str:
    """The RSTs' frames for a summary, without a look at all of a million."""
    shown = rows if len(rows) <= FRAMES_MAX else np.append(rows[:FRAMES_MAX], rows[-1])
    return frame_list(view.events["frame"][shown])


def _evidence(view: View, rows: np.ndarray) -> Iterator[Evidence]:
    for event in view.events[rows[:4]]:
        flow = int(event["flow"])
        yield view.frame(flow, int(event["ref"]), f"SYN from {view.label(flow, 1 - int(event['side']))}")
        yield view.evidence(event, "refused")
