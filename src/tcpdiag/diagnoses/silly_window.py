"""A receiver opens its window in crumbs, and the sender fills it with tiny segments.

## What it sees
An endpoint that opens its window, again and again, by less than a segment and less than half of what it once offered,
while its peer fills these offers with segments cut short: the silly window syndrome. Since which frame, for how long,
how often, how many segments ended where the window did. The connections of one receiver with one endpoint share one
finding.

## Why it matters
Each crumb costs a packet with 40 bytes of headers and an ACK: the transfer crawls, whatever the link can carry, and
stays so once it is there.

## What it cannot know
Which of the two is to blame alone: a receiver should not offer crumbs, and a sender should not take them.

## Thresholds
| name | default | source |
|---|---|---|
| times_min | 8 | a habit, not one moment: a full buffer on its way to 0 and back gives one or two small windows |
| crumb_share | 0.5 | RFC 9293 section 3.8.6.2.1: a sender that waits for a full segment takes few of the crumbs |
| warning_s | 10 | a user's patience: 10 s is the limit for keeping attention (Nielsen, Usability Engineering, 1993) |

## RFC
RFC 9293 section 3.8.6.2.1 (sender), section 3.8.6.2.2 (receiver)

## Speaks
```packets
+0.00 > S 0:0(0) win 8000 <mss 1000>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1000>
+0.01 > . 1:1(0) ack 1 win 8000
+0.01 > P. 1:101(100) ack 1 win 8000
+0.01 < . 1:1001(1000) ack 101 win 65535
+0.01 > . 101:101(0) ack 1001 win 7000
+0.01 < . 1001:8001(7000) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 0
+0.30 > . 101:101(0) ack 8001 win 50
+0.01 < . 8001:8051(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8051 win 50
+0.01 < . 8051:8101(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8101 win 50
+0.01 < . 8101:8151(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8151 win 50
+0.01 < . 8151:8201(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8201 win 50
+0.01 < . 8201:8251(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8251 win 50
+0.01 < . 8251:8301(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8301 win 50
+0.01 < . 8301:8351(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8351 win 50
+0.01 < . 8351:8401(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8401 win 50
+0.01 < . 8401:8451(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8451 win 50
+0.01 < . 8451:8501(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8501 win 50
+0.01 < . 8501:8551(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8551 win 50
+0.01 < . 8551:8601(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8601 win 50
+0.01 < . 8601:8651(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8651 win 50
+0.01 < . 8651:8701(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8701 win 50
+0.01 < . 8701:8751(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8751 win 50
+0.01 < . 8751:8801(50) ack 101 win 65535
+0.10 > . 101:101(0) ack 8801 win 50
finding: silly-window notice
```

## Stays silent
The buffer fills and empties: small only on its way to 0:
```packets
+0.00 > S 0:0(0) win 4000 <mss 1000>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1000>
+0.01 > . 1:1(0) ack 1 win 4000
+0.01 < . 1:1001(1000) ack 1 win 65535
+0.01 > . 1:1(0) ack 1001 win 3000
+0.01 < . 1001:3501(2500) ack 1 win 65535
+0.01 > . 1:1(0) ack 3501 win 500
+0.01 < . 3501:4001(500) ack 1 win 65535
+0.01 > . 1:1(0) ack 4001 win 0
+0.50 > . 1:1(0) ack 4001 win 4000
```
A small buffer by configuration: it never offered more:
```packets
+0.00 > S 0:0(0) win 500 <mss 1000>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1000>
+0.01 > . 1:1(0) ack 1 win 500
+0.01 < . 1:501(500) ack 1 win 65535
+0.01 > . 1:1(0) ack 501 win 500
+0.01 < . 501:1001(500) ack 1 win 65535
+0.01 > . 1:1(0) ack 1001 win 500
```
Typing: the segments are small, the window is not:
```packets
+0.00 > S 0:0(0) win 65535 <mss 1000>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1000>
+0.01 > . 1:1(0) ack 1 win 65535
+0.20 > P. 1:2(1) ack 1 win 65535
+0.01 < P. 1:2(1) ack 2 win 65535
+0.20 > P. 2:3(1) ack 2 win 65535
+0.01 < P. 2:3(1) ack 3 win 65535
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.finding import Cause, Finding, Refutation, Sentence, Severity
from ..model.segment import Option
from ..rfc import Rfc
from ..units import NS, duration, plural, size
from .base import Diagnosis, Scope, frame_list
from .groups import by_host_and_endpoint
from .sentences import said
from .view import View

_DEFAULT_MSS = 536  # RFC 9293 section 3.7.1, where a SYN offers none


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    times_min: float = 8
    crumb_share: float = 0.5
    warning_s: float = 10


class _Crumbs(NamedTuple):
    """Receivers that offer crumbs; arrays in one order."""

    flows: np.ndarray
    sides: np.ndarray  # of the receivers
    times: np.ndarray  # that they opened the window by a crumb
    filled: np.ndarray  # segments of the sender that end where the window does, and are shorter than others
    lasted_ns: np.ndarray  # from the first crumb to the last
    segment: np.ndarray  # what it might have sent at a time


class SillyWindow(Diagnosis):
    """Windows of less than a segment, again and again, and tiny segments in them."""

    kind = "silly-window"
    scope = Scope.FLOW
    references = (Rfc(9293, "3.8.6.2.1"), Rfc(9293, "3.8.6.2.2"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        crumbs = _crumbs(view, limits)
        for group, alone in by_host_and_endpoint(view, crumbs.flows, crumbs.sides).findings():
            yield self._silly(view, _Crumbs(*(column[group] for column in crumbs)), alone, limits)

    def _silly(self, view: View, crumbs: _Crumbs, alone: bool, limits: Thresholds) -> Finding:
        worst = int(np.argmax(crumbs.times))
        flow, side = int(crumbs.flows[worst]), int(crumbs.sides[worst])
        who, other, host = view.role(flow, side), view.role(flow, 1 - side), view.host(flow, side)
        rows = view.tables.details[view.flows["detail"][crumbs.flows].astype(np.int64) + crumbs.sides]
        longest_ns = int(crumbs.lasted_ns.max())
        return self.finding(
            view,
            Severity.WARNING if longest_ns >= limits.warning_s * NS else Severity.NOTICE,
            f"The {who} opens its window in crumbs, so the {other} sends crumbs",
            list(_story(view, crumbs, worst, rows[worst])),
            streams=crumbs.flows,
            frames=np.concatenate([rows["small_window_frame"], [rows[worst]["right_edge_frame"]]]),
            span=(int(rows["small_first_ts_ns"].min()), int(rows["small_last_ts_ns"].max())),
            evidence=[view.frame(flow, int(rows[worst]["small_window_frame"]), "the first crumb of window"),
                      view.frame(flow, int(rows[worst]["right_edge_frame"]), "its last window")],
            endpoint=(view.label(flow, side) if len(crumbs.flows) == 1 else host) if alone else None,
            peer=view.label(flow, 1 - side) if alone else None,
            causes=(
                Cause(f"the {who}'s application reads a few bytes at a time, and its TCP offers each of them at once "
                      "(no silly window avoidance)"),
                Cause(f"the {other} sends as soon as there is any room (no silly window avoidance, TCP_NODELAY)"),
            ),
            next_steps=(
                f"let the application on {host} read in large pieces (a buffer of at least one segment)",
                f"update the TCP of {host}: RFC 1122 has asked for silly window avoidance since 1989",
            ),
            refutations=_refutations(view, flow, side, rows[worst]),
            settled_by=(f"on {host}: strace -fe trace=read,recvfrom,recv -p PID: how much does it read at a time?",
                        f"on {host}: ss -tmin dst {view.host(flow, 1 - side)} (rcv_space, skmem)"),
            data={
                "connections": len(crumbs.flows),
                "small_windows": int(crumbs.times.sum()),
                "cut_short": int(crumbs.filled.sum()),
                "lasted_s": round(longest_ns / NS, 3),
                "segment": int(crumbs.segment[worst]),
                "largest_window": int(rows[worst]["max_window"]),
            },
        )  # fmt: skip


def _crumbs(view: View, limits: Thresholds) -> _Crumbs:
    index, sides = np.nonzero(view.detail_column("small_windows") >= limits.times_min)
    flows = view.with_details[index]
    rows = view.flows["detail"][flows].astype(np.int64)
    details = view.tables.details
    own = view.tables.endpoints[2 * flows + sides]
    mss = np.where(own["options"] & int(Option.MSS) != 0, own["mss"], _DEFAULT_MSS).astype(np.int64)
    segment = np.minimum(mss, details["max_payload"][rows + 1 - sides])
    times = details["small_windows"][rows + sides].astype(np.int64)
    filled = details["cut_short"][rows + 1 - sides].astype(np.int64)
    lasted_ns = details["small_last_ts_ns"][rows + sides] - details["small_first_ts_ns"][rows + sides]
    found = filled >= limits.crumb_share * times
    return _Crumbs(flows[found], sides[found], times[found], filled[found], lasted_ns[found], segment[found])


def _story(view: View, crumbs: _Crumbs, worst: int, row: np.void) -> Iterator[Sentence]:
    flow, side = int(crumbs.flows[worst]), int(crumbs.sides[worst])
    who, other = view.role(flow, side), view.role(flow, 1 - side)
    first = int(row["small_window_frame"])
    yield said(
        f"The {who} opened its window by less than a segment {plural(int(crumbs.times[worst]), 'time')} in "
        f"{duration(int(crumbs.lasted_ns[worst]))}, first in {frame_list([first])}, although it had once offered "
        f"{plural(int(row['max_window']), 'byte')}.",
        (first,),
        row["small_first_ts_ns"],
    )
    sent = view.detail(flow, 1 - side)
    if sent is not None:
        yield said(
            f"The {other} took what was offered: {plural(int(crumbs.filled[worst]), 'segment')} ended where the window "
            f"did, although {plural(int(crumbs.segment[worst]), 'byte')} fit into one; it sent "
            f"{size(int(sent['new_bytes']))} in all."
        )
    if len(crumbs.flows) > 1:
        yield said(f"It is so on {plural(len(crumbs.flows), 'connection')}.")


def _refutations(view: View, flow: int, side: int, row: np.void) -> Iterator[Refutation]:
    other = view.role(flow, 1 - side)
    longest = int(view.tables.detail(flow, 1 - side)["max_payload"])  # type: ignore[index]
    yield Refutation(
        "the window is small only while a full buffer runs to 0",
        f"not so: counted is only where it was opened, {plural(int(row['small_windows']), 'time')}",
    )
    yield Refutation(
        "its receive buffer is that small by configuration",
        f"not so: it offered up to {plural(int(row['max_window']), 'byte')}",
    )
    yield Refutation(
        f"the {other} has nothing but small messages to send",
        f"not so: it sent {plural(longest, 'byte')} at a time while there was room",
    )
