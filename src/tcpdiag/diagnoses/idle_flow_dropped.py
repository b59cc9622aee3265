"""A connection worked, was idle, and from then on nothing gets through.

## What it sees
A connection that was used, then silent for long. The first data after that is sent again and again, and nothing comes
back to the end. A peer whose heartbeat had stopped before is left out: then the silence was the fault, not the idling.
Where a RST answers the data instead, see half-open. The length of the silence is compared with the idle time-outs that
makers of NATs, firewalls and load balancers document, those for half-closed connections where a FIN was seen.

## Why it matters
NATs, firewalls and load balancers keep a table of connections and forget the idle ones, mostly in silence. Both ends
believe in the connection; the next request hangs until its sender gives up, on Linux after about 15 minutes.

## What it cannot know
Whether a middlebox forgot the connection, or the peer died during the silence: from beside the sender both look the
same. Other connections to that host tell whether it lives, and a short silence speaks against a middlebox. Which box it
was: most of their time-outs can be configured, so that those named are candidates.

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
finding: idle-flow-dropped warning repeats=5 gave_up=false
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
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.flow import EndpointBit
from ..rfc import Rfc
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .elsewhere import Heard, heard
from .giving_up import Repeats, repeats, verdict
from .heartbeat import learned
from .middleboxes import ESTABLISHED, HALF_CLOSED, Candidates, forgetting
from .sentences import said
from .together import together, widened
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    idle_s: float = 10
    repeats_min: float = 3
    alone_s: float = 1


class Dropped(NamedTuple):
    """A connection that was idle, and what `side` sends since then in vain."""

    flow: int
    side: int
    run: Repeats
    heard_ns: int  # the peer's last packet
    heard_frame: int
    used_ns: int  # the last packet of either side before the silence

    @property
    def idle_ns(self) -> int:
        """For how long neither side sent anything."""
        return self.run.sent_ns - self.used_ns


class IdleFlowDropped(Diagnosis):
    """Silence, then retransmissions into the void: a NAT or firewall forgot the flow."""

    kind = "idle-flow-dropped"
    scope = Scope.FLOW
    events = (EventKind.RETRANSMISSION,)
    references = (Rfc(5382, "5"), Rfc(9293, "3.8.4"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        runs = np.any(view.detail_column("retrans_run") >= limits.repeats_min, axis=1)
        flows = view.with_details[runs]
        flows = flows[~view.one_sided[flows]]
        if not len(flows):
            return
        beating = {(beat.flow, beat.side) for beat in learned(view, 3, NS, flows)}
        found: dict[int, Dropped] = {}
        for flow, events in view.by_flow(flows):
            for side in (0, 1):
                dropped = _dropped(view, flow, side, events, limits)
                if dropped is not None and (flow, 1 - side) not in beating:
                    found[flow] = dropped
        told = list(found)
        for group in together(view, told):
            same = [found[told[index]] for index in group.tolist()]
            shortest = min(same, key=lambda each: each.idle_ns)  # it says most about the time-out
            finding = self._finding(view, shortest)
            if len(same) > 1:
                finding = widened(
                    view,
                    finding,
                    f"{len(same):,} connections were idle, and since then nothing gets through",
                    f"So it is with {plural(len(same) - 1, 'more connection')}, which had been idle for up to "
                    f"{duration(max(each.idle_ns for each in same))}.",
                    [each.flow for each in same],
                    [each.run.sent_frame for each in same],
                )
            yield finding

    def _finding(self, view: View, lost: Dropped) -> Finding:
        flow, side, run = lost.flow, lost.side, lost.run
        elsewhere = heard(view, flow, 1 - side, run.sent_ns)
        fins = view.side("bits")[flow] & int(EndpointBit.FIN_SENT | EndpointBit.FIN_RECEIVED)
        boxes = forgetting(lost.idle_ns, HALF_CLOSED if np.any(fins) else ESTABLISHED)
        host, peer = view.host(flow, side), view.host(flow, 1 - side)
        return self.finding(
            view,
            Severity.WARNING,
            f"Idle for {duration(lost.idle_ns)}, and since then nothing gets through",
            tuple(_story(view, lost, elsewhere, boxes)),
            streams=[flow],
            frames=[lost.heard_frame, run.sent_frame, *run.frames, run.reset_frame],
            span=(lost.used_ns, int(view.tables.endpoint(flow, side)["last_ts_ns"])),
            doubts=() if elsewhere.flows else (NOT_UNIQUE,),
            evidence=tuple(_evidence(view, lost)),
            endpoint=view.label(flow, side),
            peer=view.label(flow, 1 - side),
            causes=_causes(view.role(flow, 1 - side), elsewhere, boxes),
            next_steps=(
                "find the NAT, firewall or load balancer between the two and its idle time-out for TCP; compare it "
                f"with {duration(lost.idle_ns)}",
                f"switch on keepalives with TCP_KEEPIDLE below that time-out (half of it: {_half(lost, boxes)}), or "
                "close idle connections of the pool earlier",
            ),
            refutations=_refutations(view, lost, elsewhere),
            settled_by=(
                f"on {peer}: ss -tanp dst {host}: if it still has the connection, the path lost it",
                f"capture at {peer} at the same time: if the data does not arrive there, a box on the path drops it",
            ),
            data={
                "idle_s": round(lost.idle_ns / NS, 3),
                "repeats": run.times,
                "alone_s": round(run.alone_ns / NS, 3),
                "last_heard_frame": lost.heard_frame,
                "gave_up": run.over or bool(run.reset_frame),
                "host_heard_on_others": elsewhere.flows,
                "candidates": boxes.listed(),
            },
        )


def _dropped(view: View, flow: int, side: int, events: np.ndarray, limits: Thresholds) -> Dropped | None:
    """Whether a long silence came before data that is repeated for long enough, on a connection that had worked."""
    peer, detail = view.tables.endpoint(flow, 1 - side), view.detail(flow, side)
    heard_ns = int(peer["last_ts_ns"])
    run = repeats(view, flow, side, events, heard_ns)
    if run is None or detail is None or len(run.frames) < limits.repeats_min or run.alone_ns < limits.alone_s * NS:
        return None
    if int(peer["packets"]) < 2 or run.sent_ns - heard_ns < limits.idle_s * NS:
        return None
    mine = events[(events["sender"] == side) & (events["frame"] > 0) & (events["frame"] < run.sent_frame)]
    used_ns = max(heard_ns, int(mine["ts_ns"].max(initial=0)))
    if run.sent_ns - used_ns < limits.idle_s * NS:
        return None
    return Dropped(flow, side, run, heard_ns, int(peer["last_frame"]), used_ns)


def _half(lost: Dropped, boxes: Candidates) -> str:
    """Half of the time-out that is likely, or of the silence."""
    return duration(boxes.boxes[0].seconds * NS // 2 if boxes.boxes else lost.idle_ns // 2)


def _story(view: View, lost: Dropped, elsewhere: Heard, boxes: Candidates) -> Iterator[Sentence]:
    run, who, other = lost.run, view.role(lost.flow, lost.side), view.role(lost.flow, 1 - lost.side)
    yield said(
        f"The connection worked until [{lost.heard_frame}] and was idle for {duration(lost.idle_ns)}; what the {who} "
        f"sent then [{run.sent_frame}] got no answer, and neither did {plural(run.times, 'repetition')} in "
        f"{duration(run.alone_ns)} {frame_list(run.frames)}.",
        (lost.heard_frame, run.sent_frame, *run.frames),
        lost.heard_ns,
    )
    yield said(verdict(view, lost.flow, lost.side, run), (run.reset_frame,) if run.reset_frame else (), run.last_ns)
    yield said(
        "A NAT, firewall or load balancer that forgot the idle connection looks like this"
        + (f"; the {other}'s host was alive: it answered on other connections meanwhile." if elsewhere.flows else
           f"; so does a {other} that died meanwhile."),
        (),
        run.sent_ns,
    )  # fmt: skip
    if closest := boxes.support()[:1]:
        yield said(f"{duration(lost.idle_ns)} is {closest[0]}.", (), run.sent_ns)


def _causes(other: str, elsewhere: Heard, boxes: Candidates) -> tuple[Cause, ...]:
    alive = (f"its host answered on {plural(elsewhere.flows, 'other connection')} since",) if elsewhere.flows else ()
    return (
        Cause(
            "a NAT, firewall or load balancer on the path forgot the idle connection",
            (*boxes.support(), *alive),
            () if boxes.boxes else ("shorter than the default idle time-outs of common middleboxes",),
        ),
        Cause(f"the {other} died or lost its network during the silence", (), alive),
    )


def _refutations(view: View, lost: Dropped, elsewhere: Heard) -> tuple[Refutation, ...]:
    who, peer = view.label(lost.flow, lost.side), view.label(lost.flow, 1 - lost.side)
    return (
        Refutation(f"{peer} answers anything after [{lost.run.sent_frame}]", "not found", (lost.run.sent_frame,)),
        Refutation(
            f"a packet of either side shortened the silence before [{lost.run.sent_frame}]",
            f"not found: the last before it is of {duration(lost.idle_ns)} earlier, and {who} had nothing in flight",
        ),
        Refutation(
            "the host is silent on every connection, so that it died and no box forgot anything",
            elsewhere.outcome(view.host(lost.flow, 1 - lost.side)) if elsewhere.flows else None,
            (elsewhere.last_frame,) if elsewhere.flows else (),
        ),
    )


def _evidence(view: View, lost: Dropped) -> Iterator[Evidence]:
    run = lost.run
    yield view.frame(lost.flow, lost.heard_frame, "the peer's last packet: it worked", lost.heard_ns)
    yield view.absence(lost.used_ns, f"idle for {duration(lost.idle_ns)}", lost.flow)
    yield view.frame(lost.flow, run.sent_frame, "the first data after it", run.sent_ns)
    yield from (view.frame(lost.flow, frame, "sent again, not answered") for frame in (run.frames[0], run.frames[-1]))
