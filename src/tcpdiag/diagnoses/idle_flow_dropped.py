"""A connection worked, was idle, and from then on nothing gets through.

## What it sees
A connection that was used, then silent for long. The first data after that is sent again and again, and nothing comes
back to the end. A peer whose heartbeat had stopped before is left out: then the silence was the fault, not the idling.
Where a RST answers the data instead, see half-open.

## Why it matters
NATs, firewalls and load balancers keep a table of connections and forget the idle ones, mostly in silence. Both ends
believe in the connection; the next request hangs until its sender gives up, on Linux after about 15 minutes.

## What it cannot know
Whether a middlebox forgot the connection, or the peer died during the silence: from beside the sender both look the
same. Other connections to that host tell whether it lives, and a short silence speaks against a middlebox.

## Thresholds
| name | default | source |
|---|---|---|
| idle_s | 10 | less is not idle: ten times the initial RTO (RFC 6298 section 2) |
| repeats_min | 3 | RFC 9293 section 3.8.3: R1 is at least 3 retransmissions before a stack doubts the path |
| alone_s | 1 | RFC 6298 section 2: the initial RTO; a burst of losses is shorter |

## RFC
RFC 5382 section 5 (REQ-5: idle time-out of a NAT), RFC 9293 section 3.8.4 (keepalives)

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < P. 1:101(100) ack 101 win 65535
+0.01 > . 101:101(0) ack 101 win 65535
+400 > P. 101:201(100) ack 101 win 65535 *6 every 0.8
finding: idle-flow-dropped warning
```

## Stays silent
The connection was in use until the peer vanished:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < P. 1:101(100) ack 101 win 65535
+0.01 > . 101:101(0) ack 101 win 65535
+0.40 > P. 101:201(100) ack 101 win 65535 *6 every 0.8
```
The peer answers after the idle time, if late:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < P. 1:101(100) ack 101 win 65535
+0.01 > . 101:101(0) ack 101 win 65535
+400 > P. 101:201(100) ack 101 win 65535 *4 every 0.8
+0.01 < . 101:101(0) ack 201 win 65535
+1.00 .
```
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Severity
from ..rfc import Rfc
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .heartbeat import learned
from .together import together, widened
from .view import View

_TIMEOUTS: Final = (
    (60, "AWS application load balancers (60 s)"),
    (240, "Azure load balancers (4 min)"),
    (350, "AWS network load balancers and NAT gateways (350 s)"),
    (600, "Google Cloud firewalls (10 min)"),
    (3600, "Cisco ASA (1 h)"),
    (7440, "a NAT by RFC 5382 (2 h 4 min at least)"),
)
"""Default idle time-outs for established connections, as their makers document them, in seconds."""


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    idle_s: float = 10
    repeats_min: float = 3
    alone_s: float = 1


class IdleFlowDropped(Diagnosis):
    """Silence, then retransmissions into the void: a NAT or firewall forgot the flow."""

    kind = "idle-flow-dropped"
    scope = Scope.FLOW
    events = (EventKind.RETRANSMISSION, EventKind.BEAT)
    references = (Rfc(5382, "5"), Rfc(9293, "3.8.4"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        runs = np.any(view.detail_column("retrans_run") >= limits.repeats_min, axis=1)
        flows = view.with_details[runs]
        flows = flows[~view.one_sided[flows]]
        if not len(flows):
            return
        beating = {(beat.flow, beat.side) for beat in learned(view, 3, NS)}
        dropped: dict[int, tuple[int, np.ndarray]] = {}
        for flow, events in view.by_flow(flows):
            for side in (0, 1):
                run = _run(view, flow, side, events)
                if (flow, 1 - side) not in beating and _idle_before(view, flow, side, run, limits):
                    dropped[flow] = side, run
        told = list(dropped)
        for group in together(view, told):
            same = [told[index] for index in group.tolist()]
            finding = self._dropped(view, same[0], *dropped[same[0]])
            if len(same) > 1:
                finding = widened(
                    view,
                    finding,
                    f"{len(same):,} connections were idle, and since then nothing gets through",
                    f"So it is with {plural(len(same) - 1, 'more connection')}.",
                    same,
                    [int(dropped[flow][1]["ref"][0]) for flow in same],
                )
            yield finding

    def _dropped(self, view: View, flow: int, side: int, run: np.ndarray) -> Finding:
        own, peer = view.tables.endpoint(flow, side), view.tables.endpoint(flow, 1 - side)
        heard_ns, sent_ns = int(peer["last_ts_ns"]), int(run["ts_ns"][0]) - int(run["value"][0])
        idle_ns, alone_ns = sent_ns - heard_ns, int(own["last_ts_ns"]) - int(run["ts_ns"][0])
        who, other = view.role(flow, side), view.role(flow, 1 - side)
        alive = int(view.once(_host_last_heard)[flow, 1 - side]) > sent_ns
        known = [name for seconds, name in _TIMEOUTS if idle_ns >= seconds * NS]
        first = int(run["ref"][0])
        return self.finding(
            view,
            Severity.WARNING,
            f"Idle for {duration(idle_ns)}, and since then nothing gets through",
            f"The connection worked until [{peer['last_frame']}], then it was idle for {duration(idle_ns)}. What the "
            f"{who} sent next [{first}] got no answer, and neither did {plural(len(run), 'repetition')} in "
            f"{duration(alone_ns)} {frame_list(run['frame'])}. A NAT, firewall or load balancer that forgot the idle "
            f"connection looks like this"
            + (f"; the {other}'s host was alive: it answered on other connections meanwhile." if alive else
               f"; so does a {other} that died meanwhile."),
            streams=[flow],
            frames=[int(peer["last_frame"]), first, *run["frame"].tolist()],
            span=(heard_ns, int(own["last_ts_ns"])),
            doubts=() if alive else (NOT_UNIQUE,),
            evidence=_evidence(view, flow, side, run, idle_ns),
            endpoint=view.label(flow, side),
            peer=view.label(flow, 1 - side),
            causes=(
                Cause("a NAT, firewall or load balancer on the path forgot the idle connection",
                      (*((f"idle for longer than the default of {known[-1]}",) if known else ()),
                       *(("the same host answered on other connections",) if alive else ())),
                      () if known else ("shorter than the default idle time-outs of common middleboxes",)),
                Cause(f"the {other} died or lost its network during the silence", (),
                      ("the same host answered on other connections",) if alive else ()),
            ),
            next_steps=(
                "find the NAT, firewall or load balancer between the two and its idle time-out for TCP; compare it "
                f"with {duration(idle_ns)}",
                "switch on keepalives with TCP_KEEPIDLE below that time-out (half of it), or close idle connections "
                "of the pool earlier",
                f"on {view.host(flow, 1 - side)}: ss -tanp dst {view.host(flow, side)}: if it still has the "
                "connection, the path lost it",
            ),
            data={
                "idle_s": round(idle_ns / NS, 3),
                "repeats": len(run),
                "alone_s": round(alone_ns / NS, 3),
                "last_heard_frame": int(peer["last_frame"]),
                "host_answered_elsewhere": alive,
                "timeouts_exceeded": known,
            },
        )  # fmt: skip


def _run(view: View, flow: int, side: int, events: np.ndarray) -> np.ndarray:
    """The retransmissions of `side` after everything that its peer sent."""
    detail, heard_ns = view.detail(flow, side), int(view.tables.endpoint(flow, 1 - side)["last_ts_ns"])
    rows = events[(events["kind"] == EventKind.RETRANSMISSION) & (events["side"] == side)]
    run: np.ndarray = rows[rows["ts_ns"] > heard_ns]
    return run if detail is not None and int(detail["retrans_run"]) else run[:0]


def _idle_before(view: View, flow: int, side: int, run: np.ndarray, limits: Thresholds) -> bool:
    """Whether a long silence came before data that is repeated for long enough, on a connection that had worked."""
    if len(run) < limits.repeats_min:
        return False
    own, peer = view.tables.endpoint(flow, side), view.tables.endpoint(flow, 1 - side)
    idle_ns = int(run["ts_ns"][0]) - int(run["value"][0]) - int(peer["last_ts_ns"])
    alone_ns = int(own["last_ts_ns"]) - int(run["ts_ns"][0])
    return int(peer["packets"]) > 1 and idle_ns >= limits.idle_s * NS and alone_ns >= limits.alone_s * NS


def _host_last_heard(view: View) -> np.ndarray:
    """When the host of each endpoint sent its last packet on any connection; shape (flows, 2)."""
    hosts = (
        view.flows["addr_lo"].ravel(),
        view.flows["addr_hi"].ravel(),
        np.repeat(view.flows["tunnel"], 2),
    )
    times = np.where(view.side("packets") > 0, view.side("last_ts_ns"), 0).ravel()
    order = np.lexsort(hosts)
    edge = np.zeros(len(order), bool)
    edge[:1] = True
    for column in hosts:
        ordered = column[order]
        edge[1:] |= ordered[1:] != ordered[:-1]
    latest = np.maximum.reduceat(times[order], np.flatnonzero(edge))
    found = np.empty_like(times)
    found[order] = latest[np.cumsum(edge) - 1]
    return found.reshape(-1, 2)


def _evidence(view: View, flow: int, side: int, run: np.ndarray, idle_ns: int) -> Iterator[Evidence]:
    peer = view.tables.endpoint(flow, 1 - side)
    yield view.frame(flow, int(peer["last_frame"]), "the peer's last packet: it worked", int(peer["last_ts_ns"]))
    sent_ns = int(run["ts_ns"][0]) - int(run["value"][0])
    yield view.absence(int(peer["last_ts_ns"]), f"idle for {duration(idle_ns)}", flow)
    yield view.frame(flow, int(run["ref"][0]), "the first data after it", sent_ns)
    yield from (view.evidence(event, "sent again, not answered") for event in (run[0], run[-1]))
