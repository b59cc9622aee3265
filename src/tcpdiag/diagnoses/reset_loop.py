"""Two endpoints that answer each other's empty segments without end.

## What it sees
Both sides of a connection send ACKs or RSTs without data that bring nothing new, each at once after the one before,
dozens of times: each is an answer to an answer. How many, how fast, from which frame on, whether RSTs take part, and
whether it was still going on when the capture ended.

## Why it matters
The connection carries nothing, and will not: the two disagree about the sequence numbers. Each segment is answered as
fast as the path allows, so that one such connection can fill a link or a processor core.

## What it cannot know
Which of the two is wrong, or whether a device between them changes the numbers: a capture on the other side of it
shows that. A loop that is slowed down to two segments a second (a stack that limits its challenge ACKs) is not told.

## Thresholds
| name | default | source |
|---|---|---|
| segments_min | 64 | three times as many from each side as RFC 5961 section 7 allows in 5 s (10 challenge ACKs) |
| critical_s | 5 | RFC 5961 section 7: the interval after which its limit should have stopped it |

## RFC
RFC 9293 appendix A.2 (ACK wars), RFC 5961 section 7 (challenge ACKs are to be limited), RFC 9293 section 3.10.7.4

## Speaks
A RST that is one off is challenged, and the answer to the challenge is again one off:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
repeat 50 every 0.01 same port
+0.005 > R 102:102(0) win 0
+0.003 < . 1:1(0) ack 101 win 65535
end
finding: reset-loop warning segments=100 resets=50
```
Two hosts that disagree about the numbers, for ten seconds:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
repeat 1000 every 0.01 same port
+0.005 > . 1:1(0) ack 1 win 65535
+0.003 < . 1:1(0) ack 1 win 65535
end
finding: reset-loop critical resets=0
```

## Stays silent
Duplicate ACKs ask for a lost segment, and are answered by it:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 < P. 1001:2001(1000) ack 1 win 65535
+0.001 > . 1:1(0) ack 1 win 65535 *100 every 0.001
+0.01 < P. 1:1001(1000) ack 1 win 65535
+0.001 > . 1:1(0) ack 2001 win 65535
```
Keepalives, however many:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
repeat 100 every 1.0 same port
+0.00 > . 0:0(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 1 win 65535
end
```
A new connection that is challenged again and again is a syn-into-close-wait or a syn-in-connection:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
repeat 50 every 1.0 same port
+0.00 > S 900000:900000(0) win 65535
+0.01 < . 1:1(0) ack 1 win 65535
end
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import RST_ROWS, EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..rfc import Rfc
from ..sets import among, distinct
from ..units import NS, duration, number, plural, rate
from .base import Diagnosis, Scope
from .resets import distance
from .sentences import said
from .together import together, widened
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    segments_min: float = 64
    critical_s: float = 5


class _Loop(NamedTuple):
    """The longest run of a group of connections."""

    flow: int
    last: np.void  # its last STANDSTILL
    rows: np.ndarray  # its RST and CHALLENGE_ACK events
    segments: int
    counted: bool  # or at least so many
    begin_ns: int
    duration_ns: int
    going_on: bool  # to the last segment of the connection
    last_frame: int
    resets: int

    @property
    def first_frame(self) -> int:
        """Where the run begins."""
        return int(self.last["ref"])

    @property
    def end_ns(self) -> int:
        """When it ended, as far as is known."""
        return self.begin_ns + self.duration_ns


def looping(view: View) -> np.ndarray:
    """The connections with such a run, as the default thresholds have it."""
    rows = view.rows_of(EventKind.STANDSTILL)
    long = 2.0 ** view.event_detail[rows].astype(np.float64) >= Thresholds().segments_min
    found: np.ndarray = distinct(view.event_flow[rows[long]])
    return found


class ResetLoop(Diagnosis):
    """ACKs and RSTs that answer each other without end."""

    kind = "reset-loop"
    scope = Scope.FLOW
    events = (EventKind.STANDSTILL, EventKind.RST)
    references = (Rfc(9293, "A.2"), Rfc(5961, "7"), Rfc(9293, "3.10.7.4"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        runs = view.by_kind(EventKind.STANDSTILL)
        runs = runs[2.0 ** runs["detail"].astype(np.float64) >= limits.segments_min]
        if not len(runs):
            return
        flows = distinct(runs["flow"])
        for group in together(view, flows.tolist()):
            mine = runs[among(runs["flow"], flows[group])]
            longest = mine[int(np.argmax(mine["detail"]))]
            (_, events), *_ = view.by_flow([int(longest["flow"])])
            finding = self._looping(view, _loop(view, events, longest), limits)
            if len(group) > 1:
                finding = widened(
                    view,
                    finding,
                    f"{len(group):,} connections carry only answers to answers, without end",
                    f"So do {plural(len(group) - 1, 'more connection')} of that server.",
                    flows[group].tolist(),
                    distinct(mine["ref"]).tolist(),
                )
            yield finding

    def _looping(self, view: View, loop: _Loop, limits: Thresholds) -> Finding:
        flow, last = loop.flow, loop.last
        one, other = view.role(flow, 0), view.role(flow, 1)
        return self.finding(
            view,
            Severity.CRITICAL if loop.duration_ns >= limits.critical_s * NS else Severity.WARNING,
            "Both sides answer each other's " + ("resets" if loop.resets else "ACKs") + " without end",
            list(_story(view, loop)),
            streams=[flow],
            frames=[loop.first_frame, *loop.rows["frame"].tolist(), int(last["frame"]), loop.last_frame],
            span=(loop.begin_ns, loop.begin_ns + loop.duration_ns),
            evidence=_evidence(view, loop),
            endpoint=view.label(flow, 1 - int(view.client[flow])),
            peer=view.label(flow, int(view.client[flow])),
            causes=_causes(loop),
            next_steps=(
                f"close the connection on one side: on {view.host(flow, 0)} or {view.host(flow, 1)}, ss -K ends a "
                "socket (Linux)",
                "update the stack that does not limit its answers to segments that it cannot accept (RFC 5961 "
                "section 7)",
            ),
            refutations=(
                Refutation(
                    f"data, or an ACK of data, between [{loop.first_frame}] and [{loop.last_frame}]",
                    "not found: a run ends with the first of them",
                    (loop.first_frame, loop.last_frame),
                ),
                Refutation("a timer, not the other side's segment, sends each of them",
                           f"not so: on average {duration(loop.duration_ns // max(1, loop.segments - 1))} lie between "
                           "two, and no timer of TCP is that fast"),
                Refutation(f"the {one} and the {other} sent these numbers as captured: no device changed them", None),
            ),
            settled_by=(
                f"captures on {view.host(flow, 0)} and {view.host(flow, 1)} at the same time: whether the numbers are "
                "the same on both",
                "on both hosts: nstat -az TcpExtTCPChallengeACK TcpExtTCPACKSkippedChallenge, twice: how fast they "
                "answer, and whether they limit it",
            ),
            data={
                "segments": loop.segments,
                "at_least": not loop.counted,
                "resets": loop.resets,
                "per_second": round(loop.segments * NS / max(1, loop.duration_ns), 1),
                "duration_s": round(loop.duration_ns / NS, 3),
                "first_frame": loop.first_frame,
                "last_frame": loop.last_frame,
                "going_on": loop.going_on,
            },
        )  # fmt: skip


def _loop(view: View, events: np.ndarray, last: np.void) -> _Loop:
    """The run that `last` is of: counted to its end where it is the connection's latest, else as far as rows tell."""
    flow = int(last["flow"])
    begin_ns = int(last["ts_ns"] - last["value"])
    details = [view.detail(flow, side) for side in (0, 1)]
    latest = details[0] is not None and int(details[0]["empties_first_frame"]) == int(last["ref"])
    rows = events[(events["ts_ns"] >= begin_ns) & (events["frame"] >= last["ref"])]
    if latest:
        ends = [view.tables.endpoint(flow, side) for side in (0, 1)]
        frames = [int(detail["empties_frame"]) for detail in details if detail is not None]
        last_frame, segments = max(frames), sum(int(d["empties"]) for d in details if d is not None)
        going_on = last_frame == max(int(end["last_frame"]) for end in ends)
        end_ns = max(int(end["last_ts_ns"]) for end in ends) if going_on else int(last["ts_ns"])
    else:
        last_frame, segments, going_on, end_ns = int(last["frame"]), 1 << int(last["detail"]), False, int(last["ts_ns"])
    rows = rows[rows["frame"] <= last_frame]
    shown = rows[among(rows["kind"], [int(EventKind.RST), int(EventKind.CHALLENGE_ACK)])]
    return _Loop(flow, last, shown, segments, latest, begin_ns, end_ns - begin_ns, going_on, last_frame,
                 _resets(view, flow, shown))  # fmt: skip


def _resets(view: View, flow: int, rows: np.ndarray) -> int:
    """RSTs of the run. Rows are kept of the first ones only: beyond them, those of the whole connection."""
    kept = int(np.count_nonzero(rows["kind"] == EventKind.RST))
    if kept < RST_ROWS:
        return kept
    return sum(int(view.tables.endpoint(flow, side)["resets"]) for side in (0, 1))


def _story(view: View, loop: _Loop) -> Iterator[Sentence]:
    flow, last = loop.flow, loop.last
    one, other = view.role(flow, int(last["sender"])), view.role(flow, 1 - int(last["sender"]))
    what = "RSTs and ACKs" if loop.resets else "empty ACKs"
    count = f"{'at least ' if not loop.counted else ''}{number(loop.segments)}"
    yield said(
        f"The {one} and the {other} answer each other's {what} [{loop.first_frame}, ... {loop.last_frame}]: {count} "
        f"segments in {duration(loop.duration_ns)}, {rate(loop.segments, loop.duration_ns)}, and not one byte.",
        (loop.first_frame, loop.last_frame),
        loop.begin_ns,
    )
    resets = loop.rows[loop.rows["kind"] == EventKind.RST]
    if len(resets):
        first = resets[0]
        sender, receiver = view.role(flow, int(first["sender"])), view.role(flow, int(first["side"]))
        yield said(
            f"The {sender}'s RSTs are {distance(first)} [{first['frame']}]: the {receiver} does not obey, but answers "
            "with an ACK, which the next RST answers.",
            (int(first["frame"]),),
            int(first["ts_ns"]),
        )
    else:
        yield said("Each ACK is one that its receiver cannot use, so that it answers with its own.")
    yield said(
        f"It went on until the {'connection fell silent' if view.last_ts_ns > loop.end_ns + NS else 'capture ended'}."
        if loop.going_on
        else f"It ended after [{loop.last_frame}].",
        () if loop.going_on else (loop.last_frame,),
        loop.end_ns,
    )


def _evidence(view: View, loop: _Loop) -> Iterator[Evidence]:
    yield view.frame(loop.flow, loop.first_frame, "it begins", loop.begin_ns)
    yield from (view.evidence(event, distance(event)) for event in loop.rows[loop.rows["kind"] == EventKind.RST][:2])
    yield view.evidence(loop.last, f"the {1 << int(loop.last['detail']):,}th in a row")


def _causes(loop: _Loop) -> tuple[Cause, ...]:
    box = Cause("a device between them changes sequence numbers in one direction, or in some segments only")
    stack = Cause(
        "a stack answers what it cannot accept with a number that the other cannot accept either",
        ("a RST is the answer to each challenge ACK, and is off each time",) if loop.resets else (),
    )
    forged = Cause("somebody injected data into the connection: since then the two disagree about the numbers")
    return (stack, box, forged) if loop.resets else (forged, box, stack)
