"""Keepalive probes get no answer.

## What it sees
TCP keepalive probes (one below SND.NXT, no data, while the peer's window is open) without any answer since the last
one that was answered. Zero-window probes look the same on the wire and are told apart by the peer's window. From the
times of the probes it reads how the keepalive is set: the idle time before the first one, the interval, the number.

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
finding: keepalive-unanswered warning probes=4 gave_up=true interval_s=10.0
```

## Stays silent
Each probe is answered:
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
One probe is lost, the next is answered:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+60.0 > . 100:100(0) ack 1 win 65535
+10.0 > . 100:100(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+60.0 .
```
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.flow import EndpointBit
from ..rfc import Rfc
from ..units import NS, duration, plural, utc
from .base import Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .elsewhere import Heard, heard
from .middleboxes import Candidates, forgetting
from .sentences import said
from .together import together, widened
from .view import View

_DEFAULTS: Final = (
    ("Linux", 75, 9),  # tcp_keepalive_intvl, tcp_keepalive_probes
    ("FreeBSD and macOS", 75, 8),  # net.inet.tcp.keepintvl, keepcnt
    ("Windows", 1, 10),  # KeepAliveInterval, TcpMaxDataRetransmissions
)
"""Interval in seconds, and number of probes."""
_ROUND: Final = 0.05  # share by which timers are late


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    probes_min: float = 2
    wait_s: float = 1


class Run(NamedTuple):
    """Probes of one endpoint that got no answer."""

    flow: int
    side: int
    probes: np.ndarray  # KEEPALIVE_PROBE events, in order of time
    heard_ns: int  # the peer's last packet
    heard_frame: int
    reset_frame: int  # RST with which the prober ended it, 0: none
    last_ns: int  # the prober's last packet

    @property
    def interval_ns(self) -> int:
        """Median of the time between two probes."""
        return int(np.median(np.diff(self.probes["ts_ns"])))

    @property
    def idle_ns(self) -> int:
        """From the last sign of life to the first probe."""
        return int(self.probes["ts_ns"][0]) - self.heard_ns

    @property
    def silence_ns(self) -> int:
        """From the last sign of life to the prober's last packet."""
        return self.last_ns - self.heard_ns

    @property
    def settings(self) -> str:
        """How the keepalive is set, as far as it shows."""
        count = f", TCP_KEEPCNT {len(self.probes)}" if self.reset_frame else ""
        idle, interval = (duration(value) for value in (self.idle_ns, self.interval_ns))
        return f"TCP_KEEPIDLE {idle}, TCP_KEEPINTVL {interval}{count}"

    @property
    def default_of(self) -> str | None:
        """Whose defaults these are."""
        for name, seconds, count in _DEFAULTS:
            near = abs(self.interval_ns - seconds * NS) <= _ROUND * seconds * NS
            if near and self.reset_frame and len(self.probes) == count:
                return name
        return None


class KeepaliveUnanswered(Diagnosis):
    """TCP keepalive probes without answers."""

    kind = "keepalive-unanswered"
    scope = Scope.FLOW
    events = (EventKind.KEEPALIVE_PROBE,)
    references = (Rfc(9293, "3.8.4"),)
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        probes = view.by_kind(EventKind.KEEPALIVE_PROBE)
        peers = 2 * probes["flow"].astype(np.int64) + 1 - probes["side"]
        late = probes["ts_ns"] > view.tables.endpoints["last_ts_ns"][peers]
        flows = probes["flow"][late]
        found: dict[int, Run] = {}
        for flow, events in view.by_flow(flows[~view.one_sided[flows]]):
            for side in (0, 1):
                run = _run(view, flow, side, events)
                watched_ns = view.last_ts_ns - int(run.probes["ts_ns"][0]) if len(run.probes) else 0
                if len(run.probes) >= limits.probes_min and watched_ns >= limits.wait_s * NS:
                    found.setdefault(flow, run)
        told = list(found)
        for group in together(view, told):
            same = [found[told[index]] for index in group.tolist()]
            finding = self._unanswered(view, max(same, key=lambda run: run.silence_ns))
            if len(same) > 1:
                title = f"{len(same):,} connections: keepalive probes get no answer"
                more = f"So it is with {plural(len(same) - 1, 'more connection')}."
                frames = [int(run.probes["frame"][0]) for run in same]
                finding = widened(view, finding, title, more, [run.flow for run in same], frames)
            yield finding

    def _unanswered(self, view: View, run: Run) -> Finding:
        flow, side, frames = run.flow, run.side, run.probes["frame"].tolist()
        who, other = view.role(flow, side), view.role(flow, 1 - side)
        host, peer = view.host(flow, side), view.host(flow, 1 - side)
        elsewhere = heard(view, flow, 1 - side, int(run.probes["ts_ns"][0]))
        boxes = forgetting(run.idle_ns)
        return self.finding(
            view,
            Severity.WARNING,
            f"Keepalive: {plural(len(frames), 'probe')} of the {who} got no answer"
            + (", and it gave up" if run.reset_frame else ""),
            tuple(_story(view, run, elsewhere)),
            streams=[flow],
            frames=[run.heard_frame, *frames, run.reset_frame],
            span=(int(run.probes["ts_ns"][0]), run.last_ns),
            doubts=() if elsewhere.flows else (NOT_UNIQUE,),
            evidence=tuple(_evidence(view, run)),
            endpoint=view.label(flow, side),
            peer=view.label(flow, 1 - side),
            causes=_causes(other, run, elsewhere, boxes),
            next_steps=(
                f"compare the idle time of the keepalive ({duration(run.idle_ns)}) with the idle time-out of firewalls "
                "and load balancers on the path: it must be shorter",
                f"on {peer}: uptime; restarts and suspends at {utc(run.heard_ns)} or soon after",
            ),
            refutations=(
                Refutation(
                    f"the {other} sends anything after [{run.heard_frame}]", "not found", (run.heard_frame,)
                ),
                Refutation(
                    "its host is alive, so that only this connection is lost",
                    elsewhere.outcome(peer),
                    (elsewhere.last_frame,) if elsewhere.flows else (),
                ),
                Refutation(
                    "the answers were left out by a rate limit (Linux: one in 500 ms)",
                    f"not so: the probes are {duration(run.interval_ns)} apart"
                    if run.interval_ns > NS // 2
                    else "possible: the probes come faster than that",
                ),
            ),
            settled_by=(
                f"on {peer}: ss -tanp dst {host}: does it still have the connection?",
                f"capture at {peer} at the same time: do the probes arrive?",
            ),
            data={
                "probes": len(run.probes),
                "idle_s": round(run.idle_ns / NS, 3),
                "interval_s": round(run.interval_ns / NS, 3),
                "silence_s": round(run.silence_ns / NS, 3),
                "gave_up": bool(run.reset_frame),
                "defaults_of": run.default_of,
                "host_heard_on_others": elsewhere.flows,
                "candidates": boxes.listed(),
            },
        )  # fmt: skip


def _run(view: View, flow: int, side: int, events: np.ndarray) -> Run:
    """The probes of `side` after everything that its peer sent."""
    own, peer = view.tables.endpoint(flow, side), view.tables.endpoint(flow, 1 - side)
    mine = events[(events["kind"] == EventKind.KEEPALIVE_PROBE) & (events["side"] == side)]
    mine = mine[mine["ts_ns"] > int(peer["last_ts_ns"])]
    gave_up = bool(int(own["bits"]) & EndpointBit.RST_SENT) and len(mine) > 0
    return Run(
        flow,
        side,
        mine,
        int(peer["last_ts_ns"]),
        int(peer["last_frame"]),
        int(own["rst_frame"]) if gave_up and int(own["rst_frame"]) > int(mine["frame"][-1]) else 0,
        int(own["last_ts_ns"]),
    )


def _story(view: View, run: Run, elsewhere: Heard) -> Iterator[Sentence]:
    who, other = view.role(run.flow, run.side), view.role(run.flow, 1 - run.side)
    frames = run.probes["frame"].tolist()
    until = f"the RST with which it gave up [{run.reset_frame}]" if run.reset_frame else "its last packet"
    yield said(
        f"The {who} sent {plural(len(frames), 'keepalive probe')} {frame_list(frames)}, one every "
        f"{duration(run.interval_ns)}, and none was answered: the {other} was last heard of at [{run.heard_frame}], "
        f"{duration(run.silence_ns)} before {until}.",
        (run.heard_frame, *frames, *((run.reset_frame,) if run.reset_frame else ())),
        int(run.probes["ts_ns"][0]),
    )
    if run.reset_frame:
        yield said(
            f"With that RST [{run.reset_frame}] the {who}'s application gets ETIMEDOUT.",
            (run.reset_frame,),
            run.last_ns,
        )
    else:
        yield said("No RST of the prober was captured: it has not given up yet.", (), run.last_ns)
    whose = f", the defaults of {run.default_of}" if run.default_of else ""
    yield said(f"So its keepalive is set to {run.settings}{whose}.", (), int(run.probes["ts_ns"][0]))
    if elsewhere.flows:
        yield said(
            f"The {other}'s host was alive: it sent packets on {plural(elsewhere.flows, 'other connection')} since.",
            (),
            elsewhere.last_ns,
        )


def _causes(other: str, run: Run, elsewhere: Heard, boxes: Candidates) -> tuple[Cause, ...]:
    host = f"its host sent packets on {plural(elsewhere.flows, 'other connection')} since"
    alive = (host,) if elsewhere.flows else ()
    gone = Cause(f"the {other} is gone: host down, restarted, suspended, or cut off", (), alive)
    box = Cause(
        "a NAT or firewall forgot the idle connection and drops the probes",
        (f"{duration(run.idle_ns)} without a packet before the first of them", *boxes.support(), *alive),
        () if boxes.boxes else ("shorter than the default idle time-outs of common middleboxes",),
    )
    return (box, gone) if alive else (gone, box)


def _evidence(view: View, run: Run) -> Iterator[Evidence]:
    other = view.role(run.flow, 1 - run.side)
    yield view.frame(run.flow, run.heard_frame, f"last packet of the {other}", run.heard_ns)
    yield from (view.evidence(event, "keepalive probe, not answered") for event in run.probes)
    if run.reset_frame:
        yield view.frame(run.flow, run.reset_frame, "it gave up", run.last_ns)
