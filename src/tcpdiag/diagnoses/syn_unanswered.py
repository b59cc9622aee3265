"""SYNs that nothing answers.

## What it sees
Connects of which only the client's SYNs were captured: no SYN-ACK, no RST, no ACK. One finding for each endpoint that
was to be reached, with the possible causes in the order of what the capture says for and against each. A connect that
ran into an earlier connection on its 4-tuple is a syn-into-close-wait or a syn-in-connection instead.

## Why it matters
The client waits for about two minutes (Linux: 127 to 134 s), then its connect() times out.

## What it cannot know
Beside the client: whether the SYN reached the host. Beside the server: whether the kernel dropped it (full queue,
firewall on the host) or had no chance to see it. A firewall and a host that is switched off look the same.

## Thresholds
| name | default | source |
|---|---|---|
| wait_s | 1 | RFC 6298 section 2: the initial RTO; a SYN younger than this at the end may still be answered |
| repeats_min | 2 | a single lost SYN is everyday life; RFC 9293 section 3.8.3: R1 is at least 3 transmissions |

## RFC
RFC 9293 section 3.5 (establishing a connection), section 3.8.3 (R2 for SYNs: at least 3 minutes)

## Speaks
```packets
+0.00 > S 0:0(0) win 65535 *4 every 1.0
+1.00 .
finding: syn-unanswered warning
```

## Stays silent
A lost SYN, repeated and answered:
```packets
+0.00 > S 0:0(0) win 65535 *2 every 1.0
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+5.00 .
```
The capture ends too early:
```packets
+0.00 > S 0:0(0) win 65535
+0.20 .
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Severity
from ..model.states import State
from ..rfc import Rfc
from ..units import NS, duration, percent, plural
from .base import FRAMES_MAX, Diagnosis, Scope, frame_list
from .columns import distinct
from .confidence import NOT_UNIQUE
from .groups import by_endpoint
from .neighbours import Neighbours
from .view import View

SERVICES_MIN = 0.5
"""Majority: where most of many endpoints answer other connects, they are services and not the targets of a scan."""


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    wait_s: float = 1
    repeats_min: float = 2


class SynUnanswered(Diagnosis):
    """No SYN-ACK, with the causes ranked and the evidence for and against each."""

    kind = "syn-unanswered"
    scope = Scope.HOST
    events = (EventKind.SYN_REPEATED, EventKind.SYN_IN_CONNECTION, EventKind.ICMP_ERROR)
    references = (Rfc(9293, "3.5"), Rfc(9293, "3.8.3"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        silent = view.of_server(view.side("packets")) == 0
        waiting = view.of_client(view.side("state")) == State.SYN_SENT
        flows = np.flatnonzero(silent & waiting & ~view.one_sided)
        flows = flows[view.last_ts_ns - view.flows["first_ts_ns"][flows] >= int(limits.wait_s * NS)]
        flows = flows[~np.isin(flows, view.by_kind(EventKind.SYN_IN_CONNECTION)["flow"])]
        if not len(flows):
            return
        servers = 1 - view.client[flows]
        groups = by_endpoint(view, flows, servers)
        neighbours = view.once(Neighbours)
        for group in groups.large:
            yield self._endpoint(view, flows[group], neighbours, limits)
        if len(groups.rest):
            firsts = flows[groups.rest_first]
            listening = neighbours.share_listening(firsts, 1 - view.client[firsts])
            yield self._many(view, flows[groups.rest], groups.rest_endpoints, listening, len(groups.large) > 0, limits)

    def _endpoint(self, view: View, flows: np.ndarray, neighbours: Neighbours, limits: Thresholds) -> Finding:
        flow, server = int(flows[0]), 1 - int(view.client[int(flows[0])])
        syns = _syns(view, flows)
        repeats = _repeats(view, flows)
        seen = neighbours.of(flow, server, flows)
        label = view.label(flow, server)
        errors = int(view.flows["icmp_errors"][flows].sum())
        waited = int((view.flows["last_ts_ns"][flows] - view.flows["first_ts_ns"][flows]).max())
        severity = Severity.WARNING if int(syns.max()) > limits.repeats_min else Severity.NOTICE
        one = len(flows) == 1
        return self.finding(
            view,
            severity,
            "A connect is not answered at all" if one else f"{len(flows):,} connects to one endpoint are not answered",
            f"{plural(int(syns.sum()), 'SYN')} of {plural(len(flows), 'connect')} to {label} got no answer of any "
            f"kind; the longest attempt went on for {duration(waited)} {frame_list(_frames(view, flows, repeats))}. "
            f"{seen.told()}",
            streams=flows,
            frames=_frames(view, flows, repeats),
            span=(int(view.flows["first_ts_ns"][flows].min()), int(view.flows["last_ts_ns"][flows].max())),
            doubts=(NOT_UNIQUE,),
            evidence=_evidence(view, flows, repeats),
            endpoint=label,
            peer=view.label(flow, 1 - server) if one else None,
            causes=_causes(seen.port_answered, seen.port_answered_meanwhile, seen.host_answered, errors),
            next_steps=(
                f"on {view.host(flow, server)}: ss -ltn '( sport = :{view.port(flow, server)} )' (Recv-Q against "
                "Send-Q) and nstat -az TcpExtListenOverflows TcpExtListenDrops",
                f"on {view.host(flow, server)}: tcpdump -ni any 'tcp port {view.port(flow, server)}' to see whether "
                "the SYNs arrive",
                "check the firewall rules on the path and on the host",
            ),
            data={
                "count": len(flows),
                "syns": int(syns.sum()),
                "longest_s": round(waited / NS, 3),
                "port_answered_others": seen.port_answered,
                "port_answered_meanwhile": seen.port_answered_meanwhile,
                "host_answered_otherwise": seen.host_answered,
                "icmp_errors": errors,
            },
        )

    def _many(
        self, view: View, flows: np.ndarray, endpoints: int, listening: float, further: bool, limits: Thresholds
    ) -> Finding:
        services = listening >= SERVICES_MIN
        syns, repeats = _syns(view, flows), _repeats(view, flows)
        return self.finding(
            view,
            Severity.WARNING if int(syns.max()) > limits.repeats_min else Severity.NOTICE,
            f"Connects to {endpoints:,} {'more ' if further else ''}endpoints are not answered",
            f"{plural(int(syns.sum()), 'SYN')} of {plural(len(flows), 'connect')} to {endpoints:,} "
            f"{'more ' if further else ''}endpoints got no answer {frame_list(_frames(view, flows, repeats))}. "
            + (
                f"{percent(listening)} of these endpoints answered other connects."
                if services
                else "So many targets that answer nothing look like a scan, or like a network that is gone."
            ),
            streams=flows,
            frames=_frames(view, flows, repeats),
            span=(int(view.flows["first_ts_ns"][flows].min()), int(view.flows["last_ts_ns"][flows].max())),
            doubts=(NOT_UNIQUE,),
            evidence=_evidence(view, flows, repeats),
            causes=(
                Cause("SYNs or SYN-ACKs are lost on a part of the path that these connects share"),
                Cause("their listeners do not accept: the accept queues are full, and the kernels drop SYNs"),
                Cause("a firewall drops some of the SYNs: a limit of rate or of states"),
            )
            if services
            else (Cause("a scan"), Cause("a network or a firewall between that drops everything")),
            next_steps=(
                "see whether the clients or the moments of these connects have something in common",
                "on one of the servers: nstat -az TcpExtListenOverflows TcpExtListenDrops, and tcpdump for these SYNs",
            )
            if services
            else ("find out who owns the addresses that these connects come from, and whether they may scan",),
            data={
                "count": len(flows),
                "endpoints": endpoints,
                "syns": int(syns.sum()),
                "listening_share": round(listening, 3),
            },
        )


def _syns(view: View, flows: np.ndarray) -> np.ndarray:
    syns: np.ndarray = view.side("syns")[flows, view.client[flows]].astype(np.int64)
    return syns


def _repeats(view: View, flows: np.ndarray) -> np.ndarray:
    rows = view.rows_of(EventKind.SYN_REPEATED)
    chosen = np.zeros(len(view.flows), bool)
    chosen[flows] = True
    repeats: np.ndarray = view.events[rows[chosen[view.event_flow[rows]]]]
    return repeats


def _frames(view: View, flows: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    """Of the SYNs and their repetitions, ascending, bounded."""
    frames = np.concatenate([view.flows["first_frame"][flows[:FRAMES_MAX]], repeats["frame"][:FRAMES_MAX]])
    return distinct(frames)[:FRAMES_MAX]


def _evidence(view: View, flows: np.ndarray, repeats: np.ndarray) -> Iterator[Evidence]:
    for flow in flows[:3].tolist():
        row = view.flows[flow]
        note = f"SYN from {view.label(flow, int(view.client[flow]))}"
        yield view.frame(flow, int(row["first_frame"]), note, int(row["first_ts_ns"]))
        again = repeats[repeats["flow"] == flow]
        yield from (view.evidence(event, "the SYN again") for event in again[-1:])
    yield view.absence(view.last_ts_ns, "no SYN-ACK and no RST until the capture ends")


def _causes(port: int, meanwhile: int, host: bool, errors: int) -> tuple[Cause, ...]:
    queue = Cause(
        "the listener does not accept: its accept queue is full, and the kernel drops SYNs",
        (f"the same port answered {plural(port, 'other connect')}",) if port else (),
        ("the same port answered others in the same seconds",)
        if meanwhile
        else ()
        if port
        else ("nothing shows that anybody listens there",),
    )
    firewall = Cause(
        "a firewall drops these SYNs",
        (("ICMP errors came back",) if errors else ()) + (() if port else ("no SYN to this port was answered",)),
        ("the same port answered other connects",) if port else (),
    )
    gone = Cause(
        "the host is down, or no route leads there",
        () if host else ("nothing at all came from that address",),
        ("other packets came from that address",) if host else (),
    )
    lost = Cause("the answers took a way that the capture does not see", (), ())
    ranked = (queue, firewall, gone) if port else (firewall, queue, gone) if host else (gone, firewall, queue)
    return (*ranked, lost)
