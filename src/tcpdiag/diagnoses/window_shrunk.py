"""A receiver took back window that it had offered.

## What it sees
The right edge of an endpoint's window, ACK number plus window, that moves to the left: by how many bytes, which frame
had offered them, which frame took them back, and what that did to the sender: whether data beyond the new edge had to
be sent again. The endpoint's window scale is known, and its later segment is surely the later one: a newer ACK or
timestamp. The connections of one receiver with one endpoint share one finding.

## Why it matters
The sender may have used what was offered: such data is on its way, and the receiver throws it away when it comes. Then
the sender waits for its timer and sends it again, perhaps into a window that is still too small.

## What it cannot know
Why the receiver did it: its host is short of memory, its buffer was made smaller, or a device on the way rewrites
windows. Whether data beyond the edge was dropped or kept: only that it was sent again.

## Thresholds
| name | default | source |
|---|---|---|
| warning_s | 1 | RFC 6298 section 2: the initial RTO; who stands still for so long waits for a timer |

Without data sent again it is `info`, with it `notice`. A window scale rounds: less than one unit of it is no step back
(RFC 7323 section 2.4).

## RFC
RFC 9293 section 3.8.6 (SHLD-14: a receiver should not shrink its window), RFC 7323 section 2.4

## Speaks
```packets
+0.00 > S 0:0(0) win 8000 <mss 1000>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1000>
+0.01 > . 1:1(0) ack 1 win 8000
+0.10 > P. 1:101(100) ack 1 win 8000
+0.01 < . 1:1001(1000) ack 101 win 65535
+0.01 > . 101:101(0) ack 1001 win 1000
+0.00 < . 1001:2001(1000) ack 101 win 65535 *3 every 0.5
+0.01 > . 101:101(0) ack 2001 win 4000
finding: window-shrunk info bytes=6000
```
What the sender had sent beyond the new edge is lost:
```packets
+0.00 > S 0:0(0) win 8000 <mss 1000>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1000>
+0.01 > . 1:1(0) ack 1 win 8000
+0.10 > P. 1:101(100) ack 1 win 8000
+0.01 < . 1:1001(1000) ack 101 win 65535
+0.00 < . 1001:2001(1000) ack 101 win 65535
+0.00 < . 2001:3001(1000) ack 101 win 65535
+0.00 < . 3001:4001(1000) ack 101 win 65535
+0.01 > . 101:101(0) ack 2001 win 500
+1.50 < . 3001:4001(1000) ack 101 win 65535
+0.01 > . 101:101(0) ack 4001 win 8000
finding: window-shrunk warning sent_again=1
```

## Stays silent
The buffer fills, and the right edge stays where it is:
```packets
+0.00 > S 0:0(0) win 8000 <mss 1000>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1000>
+0.01 > . 1:1(0) ack 1 win 8000
+0.10 < . 1:1001(1000) ack 1 win 65535
+0.01 > . 1:1(0) ack 1001 win 7000
+0.10 < . 1001:2001(1000) ack 1 win 65535
+0.01 > . 1:1(0) ack 2001 win 6000
```
The window is rounded to its scale:
```packets
+0.00 > S 0:0(0) win 8000 <mss 1000,wscale 7>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1000,wscale 7>
+0.01 > . 1:1(0) ack 1 win 100
+0.10 < . 1:101(100) ack 1 win 500
+0.01 > . 1:1(0) ack 101 win 99
+0.10 < . 101:111(10) ack 1 win 500
+0.01 > . 1:1(0) ack 111 win 99
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..rfc import Rfc
from ..sets import among, distinct
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .groups import by_host_and_endpoint
from .sentences import said
from .view import View
from .windows import same_ttl, sent_again


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    warning_s: float = 1


class WindowShrunk(Diagnosis):
    """The right edge of a receive window moved left."""

    kind = "window-shrunk"
    scope = Scope.FLOW
    events = (EventKind.WINDOW_SHRUNK, EventKind.RETRANSMISSION)
    references = (Rfc(9293, "3.8.6"), Rfc(7323, "2.4"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        rows = view.by_kind(EventKind.WINDOW_SHRUNK)
        flows, sides = rows["flow"].astype(np.int64), rows["side"].astype(np.int64)
        for group, alone in by_host_and_endpoint(view, flows, sides).findings():
            yield self._shrunk(view, rows[group], alone, limits)

    def _shrunk(self, view: View, rows: np.ndarray, alone: bool, limits: Thresholds) -> Finding:
        worst = rows[int(np.argmax(rows["value"]))]
        flow, side = int(worst["flow"]), int(worst["side"])
        flows = distinct(rows["flow"])
        again = view.once(sent_again)
        again = again[among(again["flow"], flows)]
        waited_ns = int(again["value"].max(initial=0))
        who, host = view.role(flow, side), view.host(flow, side)
        return self.finding(
            view,
            _severity(len(again), waited_ns, limits),
            f"The {who} took back window that it had offered",
            list(_story(view, rows, worst, again, waited_ns)),
            streams=flows,
            frames=np.concatenate([rows["ref"], rows["frame"], again["frame"]]),
            span=(int(rows["ts_ns"].min()), int(max(rows["ts_ns"].max(), again["ts_ns"].max(initial=0)))),
            evidence=_evidence(view, worst, again),
            endpoint=(view.label(flow, side) if len(flows) == 1 else host) if alone else None,
            peer=view.label(flow, 1 - side) if alone else None,
            causes=(
                Cause(f"the host of the {who} is short of memory, or its receive buffer was made smaller meanwhile "
                      "(Linux: net.ipv4.tcp_shrink_window)"),
                Cause("its TCP counts its buffer by what segments really cost: many small ones cost more than they "
                      "hold"),
                Cause("a device on the way rewrites windows (a shaper, a proxy)"),
            ),
            next_steps=(f"give the application on {host} a fixed, larger receive buffer, or the host more memory for "
                        "TCP (tcp_mem, tcp_rmem)",),
            refutations=_refutations(view, worst),
            settled_by=(
                f"on {host}: sysctl net.ipv4.tcp_shrink_window; nstat -az TcpExtPruneCalled TcpExtTCPRcvCollapsed "
                "TcpExtBeyondWindow",
                f"a capture on {host} itself: is the window the same there?",
            ),
            data={
                "times": int(view.tables.details["shrunk"][distinct(_receivers(view, rows))].sum()),
                "bytes": int(worst["value"]),
                "sent_again": len(again),
                "waited_s": round(waited_ns / NS, 3),
            },
        )  # fmt: skip


def _receivers(view: View, rows: np.ndarray) -> np.ndarray:
    """Rows of the detail table of those whom the events are about."""
    found: np.ndarray = view.flows["detail"][rows["flow"]].astype(np.int64) + rows["side"]
    return found


def _severity(again: int, waited_ns: int, limits: Thresholds) -> Severity:
    if not again:
        return Severity.INFO
    return Severity.WARNING if waited_ns >= limits.warning_s * NS else Severity.NOTICE


def _story(view: View, rows: np.ndarray, worst: np.void, again: np.ndarray, waited_ns: int) -> Iterator[Sentence]:
    flow, side = int(worst["flow"]), int(worst["side"])
    who, other = view.role(flow, side), view.role(flow, 1 - side)
    edge = (int(worst["ack"]) + int(worst["window"])) & 0xFFFFFFFF
    shown = view.relative(flow, 1 - side, edge)
    times = f", the largest of {len(rows):,} such steps" if len(rows) > 1 else ""
    yield said(
        f"The {who} took back {plural(int(worst['value']), 'byte')} of window{times}: the right edge that it had "
        f"offered [{worst['ref']}] moved left to {shown:,} [{worst['frame']}], which a receiver should not do.",
        (worst["ref"], worst["frame"]),
        worst["ts_ns"],
    )
    if not len(again):
        yield said(f"It did no harm that is to be seen: the {other} sent nothing beyond the new edge again.")
        return
    waited = f", after standing still for {duration(waited_ns)}" if waited_ns >= NS // 5 else ""
    yield said(
        f"The {other} had used what was offered: {plural(len(again), 'segment')} beyond the new edge had to be sent "
        f"again {frame_list(again['frame'])}{waited}.",
        again["frame"],
        again["ts_ns"][0],
    )


def _refutations(view: View, worst: np.void) -> Iterator[Refutation]:
    flow, side = int(worst["flow"]), int(worst["side"])
    frames = (int(worst["ref"]), int(worst["frame"]))
    yield Refutation(
        "the two segments were captured in another order than they were sent",
        f"not so: the later one has the newer ACK or timestamp [{frames[0]}, {frames[1]}]",
        frames,
    )
    scale = int(view.tables.endpoint(flow, side)["wscale"])
    yield Refutation(
        "the window scale is misread",
        "not so: both SYNs were captured; " + ("no scale was agreed on" if scale == 255 else f"its scale is {scale}"),
    )
    yield same_ttl(view, flow, side, worst, f"a device on the path changed the {view.role(flow, side)}'s window")


def _evidence(view: View, worst: np.void, again: np.ndarray) -> Iterator[Evidence]:
    yield view.frame(int(worst["flow"]), int(worst["ref"]), "had offered more")
    yield view.evidence(worst, f"{plural(int(worst['value']), 'byte')} less")
    mine = again[again["flow"] == worst["flow"]]
    yield from (view.evidence(event, "beyond the new edge: sent again") for event in mine[:3])
