"""A receiver closed its window, and the sender had to wait.

## What it sees
An endpoint that advertises a window of 0 while its peer has more to send, which its zero-window probes show, and that
opens the window again later. The stalls of one receiver with one endpoint share one finding. A window that stays
closed to the end is reader-stopped.

## Why it matters
The transfer stands still, and it is neither the network nor the sender: the application that receives does not read.
Whoever looks only at the sender sees a slow or hanging request.

## What it cannot know
Why the application did not read: it may be busy, blocked, or slow on purpose (a player whose buffer is full).

## Thresholds
| name | default | source |
|---|---|---|
| stall_s | 1 | RFC 6298 section 2: the initial RTO; a pause that is shorter than a lost packet costs is no stall |
| warning_s | 10 | a user's patience: 10 s is the limit for keeping attention (Nielsen, Usability Engineering, 1993) |

## RFC
RFC 9293 section 3.8.6 (window), section 3.8.6.1 (zero-window probing)

## Speaks
```packets
+0.00 > S 0:0(0) win 8000
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 8000
+0.10 > P. 1:101(100) ack 1 win 8000
+0.01 < . 1:8001(8000) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 0
+0.30 < . 8000:8000(0) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 0
+3.00 < . 8000:8000(0) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 0
+0.50 > . 101:101(0) ack 8001 win 8000
+0.01 < P. 8001:9001(1000) ack 101 win 65535
+0.01 > . 101:101(0) ack 9001 win 7000
finding: zero-window-stall notice
```

## Stays silent
The window is closed for a moment only:
```packets
+0.00 > S 0:0(0) win 8000
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 8000
+0.10 > P. 1:101(100) ack 1 win 8000
+0.01 < . 1:8001(8000) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 0
+0.20 > . 101:101(0) ack 8001 win 8000
+0.01 < P. 8001:9001(1000) ack 101 win 65535
+0.01 > . 101:101(0) ack 9001 win 7000
```
It is closed for long, but nobody has anything to send:
```packets
+0.00 > S 0:0(0) win 8000
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 8000
+0.10 > P. 1:101(100) ack 1 win 8000
+0.01 < P. 1:8001(8000) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 0
+30.0 > . 101:101(0) ack 8001 win 8000
+1.00 .
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import PROBE_ROWS, EventKind
from ..model.finding import Cause, Evidence, Finding, Severity
from ..rfc import Rfc
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .columns import distinct
from .groups import by_host_and_endpoint
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    stall_s: float = 1
    warning_s: float = 10


class ZeroWindowStall(Diagnosis):
    """Receiver's window closed, the sender waited."""

    kind = "zero-window-stall"
    scope = Scope.FLOW
    events = (EventKind.WINDOW_CLOSED, EventKind.WINDOW_OPENED, EventKind.ZERO_WINDOW_PROBE)
    references = (Rfc(9293, "3.8.6"), Rfc(9293, "3.8.6.1"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        stalls = view.by_kind(EventKind.WINDOW_OPENED)
        stalls = stalls[stalls["value"] >= limits.stall_s * NS]
        if not len(stalls):
            return
        stalls = stalls[_probed(view, stalls)]
        flows, sides = stalls["flow"].astype(np.int64), stalls["side"].astype(np.int64)
        groups = by_host_and_endpoint(view, flows, sides)
        for group in groups.large:
            yield self._stall(view, stalls[np.sort(group)], limits)
        if len(groups.rest):
            yield self._stall(view, stalls[groups.rest], limits)

    def _stall(self, view: View, stalls: np.ndarray, limits: Thresholds) -> Finding:
        worst = stalls[int(np.argmax(stalls["value"]))]
        flow, side = int(worst["flow"]), int(worst["side"])
        flows = distinct(stalls["flow"])
        who, other = view.role(flow, side), view.role(flow, 1 - side)
        longest, total = int(worst["value"]), int(stalls["value"].sum())
        since_ns = stalls["ts_ns"] - stalls["value"]
        probes = _probes(view, stalls)
        several = f" It was the longest of {len(stalls):,} such stalls on {plural(len(flows), 'connection')}, " \
                  f"{duration(total)} in all." if len(stalls) > 1 else ""  # fmt: skip
        return self.finding(
            view,
            Severity.WARNING if longest >= limits.warning_s * NS else Severity.NOTICE,
            f"The {who} did not read for {duration(longest)}, and the {other} had to wait",
            f"The {who} closed its receive window [{worst['ref']}] and opened it again after {duration(longest)} "
            f"[{worst['frame']}]. The {other} had more to send: it probed the closed window "
            f"{frame_list(probes['frame'])}.{several}",
            streams=flows,
            frames=np.concatenate([stalls["ref"], stalls["frame"], probes["frame"]]),
            span=(int(since_ns.min()), int(stalls["ts_ns"].max())),
            evidence=_evidence(view, worst, probes),
            endpoint=view.label(flow, side),
            peer=view.label(flow, 1 - side) if len(flows) == 1 else None,
            causes=(
                Cause(f"the {who}'s application does not read in time: busy, blocked, or slow on purpose",
                      ("its own TCP said that there was no room",)),
                Cause("its receive buffer is too small for what arrives between two reads (SO_RCVBUF, tcp_rmem)"),
            ),
            next_steps=(
                f"on {view.host(flow, side)}: ss -tmnp dst {view.host(flow, 1 - side)}: Recv-Q full means that the "
                "application does not read",
                "take a stack dump or a profile of that process during the next stall",
            ),
            data={
                "stalls": len(stalls),
                "longest_s": round(longest / NS, 3),
                "total_s": round(total / NS, 3),
                "reader": view.label(flow, side),
                "probes": len(probes),
            },
        )  # fmt: skip


def _probed(view: View, stalls: np.ndarray) -> np.ndarray:
    """Where the peer probed the window while it was closed; the first PROBE_ROWS probes of a sender have rows."""
    probes = view.by_kind(EventKind.ZERO_WINDOW_PROBE)
    senders = 2 * probes["flow"].astype(np.int64) + probes["side"]
    order = np.argsort(senders, kind="stable")
    senders, times = senders[order], probes["ts_ns"][order]
    wanted = 2 * stalls["flow"].astype(np.int64) + 1 - stalls["side"]
    first, last = np.searchsorted(senders, wanted), np.searchsorted(senders, wanted, "right")
    found: np.ndarray = last > first
    for index in np.flatnonzero(found).tolist():
        mine, until_ns = times[first[index] : last[index]], int(stalls["ts_ns"][index])
        inside = (mine < until_ns) & (mine >= until_ns - int(stalls["value"][index]))
        found[index] = np.any(inside) or (len(mine) >= PROBE_ROWS and until_ns > int(mine[-1]))
    return found


def _probes(view: View, stalls: np.ndarray) -> np.ndarray:
    """The probes of these connections that came while a window was closed."""
    parts = []
    for flow, events in view.by_flow(stalls["flow"].astype(np.int64)):
        probes = events[events["kind"] == EventKind.ZERO_WINDOW_PROBE]
        inside = np.zeros(len(probes), bool)
        for stall in stalls[stalls["flow"] == flow]:
            inside |= (
                (probes["sender"] != stall["side"])
                & (probes["ts_ns"] < stall["ts_ns"])
                & (probes["ts_ns"] >= stall["ts_ns"] - stall["value"])
            )
        parts.append(probes[inside])
    return np.concatenate(parts)


def _evidence(view: View, worst: np.void, probes: np.ndarray) -> Iterator[Evidence]:
    flow = int(worst["flow"])
    for _, events in view.by_flow([flow]):
        closed = events[(events["frame"] == worst["ref"]) & (events["kind"] == EventKind.WINDOW_CLOSED)]
        yield from (view.evidence(event, "window closed") for event in closed[:1])
    mine = probes[(probes["flow"] == flow) & (probes["ts_ns"] < worst["ts_ns"])]
    yield from (view.evidence(event, "probes the closed window") for event in mine[:2])
    yield view.evidence(worst, f"window open again after {duration(int(worst['value']))}")
