"""Data is sent again and again, and the peer never answers any more.

## What it sees
An endpoint repeats the same data (or FIN), and from the first repetition to the end nothing valid comes from its
peer, which had been there before. RSTs that the endpoint did not obey do not count as an answer.

## Why it matters
The peer, or the path to it, is gone. The sender keeps the connection until its stack gives up: on Linux about 15
minutes (tcp_retries2), and in silence, so that the end of the repetitions does not mean that it is over.

## What it cannot know
Beside the sender: whether the peer is gone, or only the path. Whether the sender has given up: most stacks do so
without a word.

## Thresholds
| name | default | source |
|---|---|---|
| repeats_min | 3 | RFC 9293 section 3.8.3: R1 is at least 3 retransmissions before a stack doubts the path |
| alone_s | 1 | RFC 6298 section 2: the initial RTO; a burst of losses is shorter |
| critical_s | 100 | RFC 9293 section 3.8.3: R2, at least 100 s, when a stack should give up |

## RFC
RFC 9293 section 3.8.3, RFC 6298 section 5

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+5.00 > P. 101:201(100) ack 1 win 65535 *6 every 0.8
finding: peer-vanished warning
```

## Stays silent
Two losses, then the ACK:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535 *3 every 0.4
+0.01 < . 1:1(0) ack 101 win 65535
+5.00 .
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Severity
from ..rfc import Rfc
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    repeats_min: float = 3
    alone_s: float = 1
    critical_s: float = 100


class PeerVanished(Diagnosis):
    """Retransmissions unanswered until the end, or until the sender gives up."""

    kind = "peer-vanished"
    scope = Scope.FLOW
    events = (EventKind.RETRANSMISSION, EventKind.RST)
    references = (Rfc(9293, "3.8.3"), Rfc(6298, "5"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        runs = view.detail_column("retrans_run") >= limits.repeats_min
        candidates = view.with_details[np.any(runs, axis=1)]
        candidates = candidates[~view.one_sided[candidates]]
        for flow, events in view.by_flow(candidates):
            for side in (0, 1):
                detail = view.detail(flow, side)
                if detail is not None and int(detail["retrans_run"]) >= limits.repeats_min:
                    yield from self._side(view, flow, side, events, limits)

    def _side(self, view: View, flow: int, side: int, events: np.ndarray, limits: Thresholds) -> Iterator[Finding]:
        detail = view.detail(flow, side)
        own, peer = view.tables.endpoint(flow, side), view.tables.endpoint(flow, 1 - side)
        if detail is None or not int(peer["packets"]):
            return
        heard_ns, heard_frame, rsts = _last_heard(events, 1 - side, peer, int(detail["retrans_first_ts_ns"]))
        rows = events[(events["kind"] == EventKind.RETRANSMISSION) & (events["side"] == side)]
        run = rows[(rows["frame"] >= detail["retrans_run_frame"]) & (rows["ts_ns"] > heard_ns)]
        last_ns = int(own["last_ts_ns"])
        alone_ns = last_ns - int(run["ts_ns"][0]) if len(run) else 0
        if len(run) < limits.repeats_min or alone_ns < limits.alone_s * NS:
            return
        repeats = max(len(run), int(detail["retrans_run"]) if detail["events_full"] else 0)
        quiet_ns = view.last_ts_ns - last_ns
        who, label = view.role(flow, side), view.label(flow, side)
        idle_ns = _idle_before(detail, run, heard_ns)
        other = view.label(flow, 1 - side)
        yield self.finding(
            view,
            Severity.CRITICAL if alone_ns >= limits.critical_s * NS else Severity.WARNING,
            f"The {who} sends the same data again and again to a silent peer",
            f"The {who} repeated what it had sent {plural(repeats, 'time')} in {duration(alone_ns)} "
            f"{frame_list(run['frame'])}; since frame {heard_frame} nothing "
            f"{'but RSTs that it did not obey ' if rsts else ''}came from {other}. "
            + (
                f"Then it stopped, {duration(quiet_ns)} before the capture ends: it may have given up, which stacks do "
                "in silence."
                if quiet_ns > 4 * alone_ns
                else "It is still at it when the capture ends."
            ),
            streams=[flow],
            frames=[heard_frame, *run["frame"].tolist(), int(own["last_frame"]), int(detail["last_retrans_frame"])],
            span=(heard_ns, last_ns),
            doubts=() if rsts else (NOT_UNIQUE,),
            evidence=_evidence(view, flow, run, heard_ns, heard_frame),
            endpoint=label,
            peer=other,
            causes=(
                Cause(
                    "the peer's host is down or was restarted, or its application is gone without a FIN",
                    ("its last packets were RSTs",) if rsts else (),
                ),
                Cause(
                    "a NAT or firewall forgot the connection and drops the packets",
                    (f"the connection was idle for {duration(idle_ns)} before",) if idle_ns > NS else (),
                    () if idle_ns > NS else ("the connection was not idle",),
                ),
                Cause("the packets, or the ACKs, are lost on the path from here on"),
            ),
            next_steps=(
                f"on {view.host(flow, side)}: ss -tinpo dst {view.host(flow, 1 - side)} (timer, backoff, unacked)",
                f"on {view.host(flow, side)}: set TCP_USER_TIMEOUT, so that a lost peer is noticed in seconds",
                f"capture at {view.host(flow, 1 - side)} at the same time: do the packets arrive?",
            ),
            data={
                "repeats": repeats,
                "alone_s": round(alone_ns / NS, 3),
                "idle_before_s": round(idle_ns / NS, 3),
                "last_heard_frame": heard_frame,
                "unacknowledged_bytes": (int(own["snd_nxt"]) - int(own["snd_una"])) & 0xFFFFFFFF,
            },
        )


def _last_heard(events: np.ndarray, peer: int, end: np.void, before_ns: int) -> tuple[int, int, int]:
    """Time and frame of the peer's last packet, RSTs at the end of its life left out where they came during the
    repetitions; and how many of those there were."""
    resets = events[(events["kind"] == EventKind.RST) & (events["sender"] == peer)]
    if int(end["last_frame"]) not in resets["frame"]:
        return int(end["last_ts_ns"]), int(end["last_frame"]), 0
    late = resets[resets["ts_ns"] > before_ns]
    if not len(late):
        return int(end["last_ts_ns"]), int(end["last_frame"]), len(resets)
    earlier = events[(events["sender"] == peer) & (events["ts_ns"] <= before_ns)]
    last = earlier[-1] if len(earlier) else late[0]
    return int(last["ts_ns"]), int(last["frame"]), len(late)


def _idle_before(detail: np.void, run: np.ndarray, heard_ns: int) -> int:
    """How long the peer had been silent when the data that is repeated was first sent."""
    sent_ns = int(detail["last_new_ts_ns"])
    return max(0, min(sent_ns, int(run["ts_ns"][0])) - heard_ns)


def _evidence(view: View, flow: int, run: np.ndarray, heard_ns: int, heard_frame: int) -> Iterator[Evidence]:
    yield view.frame(flow, heard_frame, "the peer's last sign of life", heard_ns)
    shown = [run[0], run[len(run) // 2], run[-1]] if len(run) > 3 else list(run)
    yield from (view.evidence(event, "sent again, not answered") for event in shown)
