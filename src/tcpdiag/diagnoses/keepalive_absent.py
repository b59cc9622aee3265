"""Idle connections on which nobody would notice that the peer is gone.

## What it sees
Connections that are open and silent in both directions from some moment to the end of the capture, for longer than
the idle time-out of common middleboxes, with nothing in flight and no keepalive of any kind: no TCP keepalive probe,
no heartbeat of the application. Those of one server endpoint share one finding.

## Why it matters
Such a connection cannot tell a quiet peer from a dead one. A NAT, firewall or load balancer forgets it in silence;
the next request then hangs until it is given up, and a side that only listens waits for ever.

## What it cannot know
Whether keepalives are switched on with a longer time: Linux' default first probe comes after 7,200 s. Whether the
application has an idle time-out of its own, or checks a connection before it uses it again.

## Thresholds
| name | default | source |
|---|---|---|
| idle_s | 240 | idle time-out of common load balancers: Azure 4 min, AWS NLB 350 s, Google Cloud 10 min |
| notice_s | 7200 | RFC 9293 section 3.8.4: keepalive defaults to two hours at least (Linux: 7,200 s) |

## RFC
RFC 9293 section 3.8.4, RFC 5382 section 5 (REQ-5: a NAT may forget an idle connection, after 2 h 4 min at least)

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < P. 1:101(100) ack 101 win 65535
+0.01 > . 101:101(0) ack 101 win 65535
+7300 .
finding: keepalive-absent notice
```

## Stays silent
Keepalives are in use:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+300 > . 100:100(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+299 .
```
The connection is closed:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > F. 1:1(0) ack 1 win 65535
+0.01 < F. 1:1(0) ack 2 win 65535
+0.01 > . 2:2(0) ack 2 win 65535
+900 .
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.states import State
from ..rfc import Rfc
from ..sets import among
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .groups import by_endpoint
from .middleboxes import forgetting
from .sentences import said
from .view import View

_OPEN = [int(State.ESTABLISHED), int(State.MIDSTREAM)]
_RHYTHM = 4  # beats: three gaps of one length, as keepalive-stopped learns them


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    idle_s: float = 240
    notice_s: float = 7200


class KeepaliveAbsent(Diagnosis):
    """Long idle, no keepalive of any kind, so that a dead peer would not be noticed."""

    kind = "keepalive-absent"
    scope = Scope.FLOW
    events = (EventKind.KEEPALIVE_PROBE, EventKind.BEAT)
    references = (Rfc(9293, "3.8.4"), Rfc(5382, "5"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        flows = _idle(view, int(limits.idle_s * NS))
        groups = by_endpoint(view, flows, 1 - view.client[flows])
        for group in groups.large:
            yield self._absent(view, flows[np.sort(group)], limits)
        if len(groups.rest):
            yield self._absent(view, flows[groups.rest], limits, groups.rest_endpoints)

    def _absent(self, view: View, flows: np.ndarray, limits: Thresholds, endpoints: int = 1) -> Finding:
        idle_ns = view.last_ts_ns - view.flows["last_ts_ns"][flows]
        longest = int(np.argmax(idle_ns))
        flow, idle = int(flows[longest]), int(idle_ns[longest])
        one, server = len(flows) == 1, 1 - int(view.client[flow])
        label = view.label(flow, server) if endpoints == 1 else f"{endpoints:,} further endpoints"
        past_default, boxes = idle >= limits.notice_s * NS, forgetting(idle)
        longer = ("idle for longer than the default of two hours",) if past_default else ()
        return self.finding(
            view,
            Severity.NOTICE if past_default else Severity.INFO,
            "An idle connection has no keepalive: a dead peer would go unnoticed"
            if one
            else f"{len(flows):,} idle connections without keepalive: death unnoticed",
            tuple(_story(view, flows, label, idle)),
            streams=flows,
            frames=np.sort(view.flows["last_frame"][flows]),
            span=(int(view.flows["last_ts_ns"][flows].min()), view.last_ts_ns),
            doubts=() if past_default else (NOT_UNIQUE,),
            evidence=_evidence(view, flows),
            endpoint=view.label(flow, server) if endpoints == 1 else None,
            peer=view.label(flow, 1 - server) if one else None,
            causes=(
                Cause("SO_KEEPALIVE is not set", longer),
                Cause("SO_KEEPALIVE is set, with a first probe that comes later than this (Linux: tcp_keepalive_time)",
                      (), longer),
            ),
            next_steps=(
                "set SO_KEEPALIVE with TCP_KEEPIDLE below the idle time-out of every NAT, firewall and load balancer "
                "on the path, or close idle connections first",
            ),
            refutations=(
                Refutation("a TCP keepalive probe or a heartbeat of either side", f"not found in {duration(idle)}"),
                Refutation("a first probe that comes later (Linux' default: after 7,200 s)",
                           f"not found in {duration(idle)}" if past_default else None),
            ),
            settled_by=(
                f"on {view.host(flow, server)} and its clients: ss -tnpo state established '( sport = "
                f":{view.port(flow, server)} or dport = :{view.port(flow, server)} )': without timer:(keepalive,...) "
                "there is none",
            ),
            data={
                "count": len(flows),
                "longest_idle_s": round(idle / NS, 3),
                "shortest_idle_s": round(int(idle_ns.min()) / NS, 3),
                "endpoints": endpoints,
                "candidates": boxes.listed(),
            },
        )  # fmt: skip


def _story(view: View, flows: np.ndarray, label: str, longest_ns: int) -> Iterator[Sentence]:
    one, frames = len(flows) == 1, np.sort(view.flows["last_frame"][flows])
    since_ns = int(view.flows["last_ts_ns"][flows].min())
    yield said(
        f"{plural(len(flows), 'connection')} to {label} {'is' if one else 'are'} open and silent in both directions to "
        f"the capture's end, for {'' if one else 'up to '}{duration(longest_ns)} {frame_list(frames)}, without a TCP "
        f"keepalive or a heartbeat: if the peer died, neither side would know.",
        frames,
        since_ns,
    )
    if closest := forgetting(longest_ns).support()[:1]:
        yield said(f"That is {closest[0]}, which would have forgotten it by then.", (), view.last_ts_ns)


def _idle(view: View, least_ns: int) -> np.ndarray:
    """Flows that are open, quiet for long, with nothing in flight and nothing that would test them."""
    chosen = view.with_details
    quiet = view.last_ts_ns - view.flows["last_ts_ns"][chosen] >= least_ns
    quiet &= ~np.any((view.detail_column("keepalives") > 0) | (view.detail_column("beats") >= _RHYTHM), axis=1)
    chosen = chosen[quiet]
    settled = among(view.side("state")[chosen], _OPEN)
    settled &= view.side("packets")[chosen] > 0
    chosen = chosen[np.all(settled, axis=1)]
    if not len(chosen):
        return np.zeros(0, np.int64)
    ends = view.tables.endpoints[np.stack([2 * chosen, 2 * chosen + 1], axis=1)]
    chosen = chosen[np.all((ends["snd_una"] == ends["snd_nxt"]) & (ends["resets"] == 0), axis=1)]
    latest = np.ones(len(view.flows) + 1, bool)
    latest[view.flows["previous"]] = False  # -1, no flow, is the last
    current: np.ndarray = chosen[latest[chosen]]
    return current


def _evidence(view: View, flows: np.ndarray) -> Iterator[Evidence]:
    for flow in flows[:3].tolist():
        row = view.flows[flow]
        yield view.frame(flow, int(row["last_frame"]), "last packet of the connection", int(row["last_ts_ns"]))
        yield view.absence(
            int(row["last_ts_ns"]), f"silence for {duration(view.last_ts_ns - int(row['last_ts_ns']))}", flow
        )
