"""A receiver closed its window, and the sender had to wait.

## What it sees
An endpoint that advertises a window of 0 while its peer has more to send, which its zero-window probes show, and that
opens the window again later: since which frame, at which byte, for how long, how often, which share of the connection's
life, and how it went on. The stalls of one receiver with one endpoint share one finding. A window that stays closed to
the end is reader-stopped.

## Why it matters
The transfer stands still, and it is neither the network nor the sender: the application that receives does not read.
Whoever looks only at the sender sees a slow or hanging request.

## What it cannot know
Why the application did not read: it may be busy, blocked, or slow on purpose (a player whose buffer is full). How much
the sender still had in its buffers: only what it sent later is seen.

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
It is closed for long, but nobody has anything to send (a paused reader that costs nothing):
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

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..rfc import Rfc
from ..sets import distinct
from ..units import NS, duration, plural, size
from .base import Diagnosis, Scope, frame_list
from .groups import by_host_and_endpoint
from .sentences import said
from .view import View
from .windows import (
    Closure,
    alive,
    at_byte,
    closure,
    ending,
    own_hand,
    probed,
    sent_since,
    share_of_life,
    wanted_more,
)


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
        stalls = stalls[probed(view, stalls)]
        flows, sides = stalls["flow"].astype(np.int64), stalls["side"].astype(np.int64)
        for group, alone in by_host_and_endpoint(view, flows, sides).findings():
            yield self._stall(view, stalls[group], alone, limits)

    def _stall(self, view: View, stalls: np.ndarray, alone: bool, limits: Thresholds) -> Finding:
        worst = stalls[int(np.argmax(stalls["value"]))]
        flow, side = int(worst["flow"]), int(worst["side"])
        flows = distinct(stalls["flow"])
        who, other = view.role(flow, side), view.role(flow, 1 - side)
        longest = int(worst["value"])
        rows = _closures(view, stalls)
        stall = rows[int(np.argmax(stalls["value"]))]
        probes = np.concatenate([row.probes for row in rows])
        closed_ns = _closed_total(view, flows, stalls)
        more = sent_since(view, stall)
        outcome, last_frames = ending(view, flow)
        host, peer_host = view.host(flow, side), view.host(flow, 1 - side)
        return self.finding(
            view,
            Severity.WARNING if longest >= limits.warning_s * NS else Severity.NOTICE,
            f"The {who} did not read for {duration(longest)}, and the {other} had to wait",
            list(_story(view, worst, stall, stalls, flows, closed_ns, more, (outcome, last_frames))),
            streams=flows,
            frames=np.concatenate(
                [stalls["ref"], stalls["frame"], probes["frame"], stall.answers["frame"], last_frames]
            ),
            span=(int((stalls["ts_ns"] - stalls["value"]).min()), int(stalls["ts_ns"].max())),
            evidence=_evidence(view, worst, stall),
            endpoint=(view.label(flow, side) if len(flows) == 1 else host) if alone else None,
            peer=view.label(flow, 1 - side) if alone else None,
            causes=(
                Cause(f"the {who}'s application does not read in time: busy, blocked, or slow on purpose",
                      ("its own TCP said that there was no room",)),
                Cause("its receive buffer is too small for what arrives between two reads (SO_RCVBUF, tcp_rmem)",
                      _often(view, flows, stalls)),
            ),
            next_steps=(
                f"take a stack dump or a profile of the process on {host} during the next stall",
                "let that application read in a thread of its own, or give it a larger receive buffer",
            ),
            refutations=(wanted_more(view, stall, more), alive(view, stall, 0), own_hand(view, stall),
                         Refutation(f"the host of the {who} was short of memory, its application did read", None)),
            settled_by=(
                f"on {host} during a stall: ss -tmnp dst {peer_host}: a full Recv-Q names the process that does not "
                "read",
                f"on {host}: nstat -az TcpExtTCPToZeroWindowAdv TcpExtPruneCalled TcpExtTCPRcvQDrop: pruning means "
                "memory pressure",
            ),
            data={
                "stalls": len(stalls),
                "longest_s": round(longest / NS, 3),
                "total_s": round(int(stalls["value"].sum()) / NS, 3),
                "closed_total_s": round(int(closed_ns.sum()) / NS, 3),
                "reader": view.label(flow, side),
                "closed_frame": int(worst["ref"]),
                "bytes_taken": stall.taken,
                "bytes_sent_after": more,
                "opened_to": int(worst["window"]),
                "probes": len(probes),
                "answered": sum(len(row.answers) for row in rows),
                "ended": outcome,
            },
        )  # fmt: skip


def _closures(view: View, stalls: np.ndarray) -> list[Closure]:
    """What happened during each stall, in their order."""
    found = {}
    for flow, events in view.by_flow(stalls["flow"].astype(np.int64)):
        for index in np.flatnonzero(stalls["flow"] == flow).tolist():
            until_ns, side = int(stalls["ts_ns"][index]), int(stalls["side"][index])
            found[index] = closure(events, flow, side, until_ns - int(stalls["value"][index]), until_ns)
    return [found[index] for index in range(len(stalls))]


def _closed_total(view: View, flows: np.ndarray, stalls: np.ndarray) -> np.ndarray:
    """How long the windows of these connections' readers were closed, short closures included."""
    readers = distinct(2 * stalls["flow"].astype(np.int64) + stalls["side"])
    rows = view.flows["detail"][readers // 2].astype(np.int64) + readers % 2
    total: np.ndarray = np.bincount(np.searchsorted(flows, readers // 2), view.tables.details["closed_total_ns"][rows])
    return total


def _story(
    view: View,
    worst: np.void,
    stall: Closure,
    stalls: np.ndarray,
    flows: np.ndarray,
    closed_ns: np.ndarray,
    more: int | None,
    ended: tuple[str, tuple[int, ...]],
) -> Iterator[Sentence]:
    who, other = view.role(stall.flow, stall.side), view.role(stall.flow, 1 - stall.side)
    yield said(
        f"The {who}'s application did not read: {view.label(stall.flow, stall.side)} closed its receive window"
        f"{at_byte(stall)} [{worst['ref']}] and opened it again only after {duration(int(worst['value']))} "
        f"[{worst['frame']}].",
        (worst["ref"], worst["frame"]),
        stall.since_ns,
    )
    if len(stall.probes):
        yield said(
            f"The {other} had more to send: it probed the closed window {plural(len(stall.probes), 'time')} "
            f"{frame_list(stall.probes['frame'])}, and {len(stall.answers)} of the answers said that there was still "
            "no room.",
            stall.probes["frame"],
            stall.probes["ts_ns"][0],
        )
    worst_of = f"It was the longest of {len(stalls):,} such stalls on {plural(len(flows), 'connection')}; "
    yield said(
        (f"{worst_of}the" if len(stalls) > 1 else "The")
        + f" window was closed for {share_of_life(view, flows, closed_ns)}."
    )
    after = "" if more is None else f", and {size(more)} more came" if more else ", but nothing more came"
    frames = f" {frame_list(ended[1])}" if ended[1] else ""
    yield said(
        f"It opened to {plural(int(worst['window']), 'byte')}{after}; {ended[0]}{frames}.",
        ended[1],
        worst["ts_ns"],
    )


def _often(view: View, flows: np.ndarray, stalls: np.ndarray) -> tuple[str, ...]:
    """A buffer that is too small fills again and again."""
    if len(stalls) < 3 * len(flows):
        return ()
    return (f"it filled {plural(len(stalls), 'time')} on {plural(len(flows), 'connection')}",)


def _evidence(view: View, worst: np.void, stall: Closure) -> Iterator[Evidence]:
    if stall.closed is not None:
        yield view.evidence(stall.closed, "window closed")
    yield from (view.evidence(event, "probes the closed window") for event in stall.probes[:2])
    yield view.evidence(worst, f"window open again after {duration(int(worst['value']))}")
