"""An application stopped reading: its window closed and never opened again.

## What it sees
An endpoint whose window is 0 from some moment to the end of the connection or of the capture, while its peer probes
it: data waits. It answers the probes, so its host and the path are well. The connections of one reader with one
endpoint share one finding.

## Why it matters
TCP holds such a connection as long as the probes are answered: for ever. Buffers, descriptors and the sender's worker
stay taken. A client that never reads a response to its end, and never closes, leaks a connection with each request.

## What it cannot know
Whether the application will read again after the capture. What the sender still has in its buffers, its FIN included.

## Thresholds
| name | default | source |
|---|---|---|
| notice_s | 5 | a busy reader's pause is shorter; as close-wait-stuck |
| warning_s | 60 | servers give up on a client that takes no data after 60 s (nginx: send_timeout) |
| probes_min | 2 | RFC 9293 section 3.8.6.1: the first probe comes after one RTO: a pause; the next ones back off |

## RFC
RFC 9293 section 3.8.6.1 (zero-window probing), RFC 6429 section 3 (a connection may persist for ever)

## Speaks
```packets
+0.00 > S 0:0(0) win 8000
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 8000
+0.10 > P. 1:101(100) ack 1 win 8000
+0.01 < . 1:8001(8000) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 0
+1.00 < . 8000:8000(0) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 0
+30.0 < . 8000:8000(0) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 0
+60.0 < . 8000:8000(0) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 0
finding: reader-stopped warning
```

## Stays silent
The window opens again:
```packets
+0.00 > S 0:0(0) win 8000
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 8000
+0.10 > P. 1:101(100) ack 1 win 8000
+0.01 < . 1:8001(8000) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 0
+1.00 < . 8000:8000(0) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 0
+30.0 < . 8000:8000(0) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 8000
+0.01 < P. 8001:9001(1000) ack 101 win 65535
+0.01 > . 101:101(0) ack 9001 win 7000
+90.0 .
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Severity
from ..model.flow import EndpointBit
from ..rfc import Rfc
from ..units import NS, duration, plural, size
from .base import Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .groups import by_host_and_endpoint
from .view import View

_GROWS = 5  # fewer connections have no rate; as close-wait-leak
_PROBES = [int(EventKind.ZERO_WINDOW_PROBE), int(EventKind.ZERO_WINDOW_PROBE_ACK)]


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    notice_s: float = 5
    warning_s: float = 60
    probes_min: float = 2


class ReaderStopped(Diagnosis):
    """Window closed and never opened again: the application stopped reading."""

    kind = "reader-stopped"
    scope = Scope.FLOW
    events = (EventKind.WINDOW_CLOSED, EventKind.ZERO_WINDOW_PROBE, EventKind.ZERO_WINDOW_PROBE_ACK)
    references = (Rfc(9293, "3.8.6.1"), Rfc(6429, "3"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        flows, sides = _closed(view, limits)
        groups = by_host_and_endpoint(view, flows, sides)
        for group in groups.large:
            yield self._stopped(view, flows[np.sort(group)], sides[np.sort(group)], limits)
        if len(groups.rest):
            yield self._stopped(view, flows[groups.rest], sides[groups.rest], limits, groups.rest_endpoints)

    def _stopped(
        self, view: View, flows: np.ndarray, sides: np.ndarray, limits: Thresholds, readers: int = 1
    ) -> Finding:
        rows = view.flows["detail"][flows].astype(np.int64) + sides
        details = view.tables.details[rows]
        since_ns = details["closed_since_ns"]
        until_ns = _until(view, flows)
        longest = int(np.argmax(until_ns - since_ns))
        flow, side, closed_ns = int(flows[longest]), int(sides[longest]), int((until_ns - since_ns)[longest])
        who, other = view.role(flow, side), view.role(flow, 1 - side)
        closed, probes = _rows(view, flows, sides)
        taken = closed["value"][closed["flow"] == flow]
        lost = _unanswered(view, flow, side, probes)
        one = len(flows) == 1
        ends = view.tables.endpoints[2 * flows + sides]
        open_still = int(np.count_nonzero((ends["bits"] & int(EndpointBit.FIN_SENT | EndpointBit.RST_SENT)) == 0))
        span_ns = int(since_ns.max() - since_ns.min())
        per_minute = (len(flows) - 1) * 60 * NS / span_ns if len(flows) >= _GROWS and span_ns >= NS else 0.0
        return self.finding(
            view,
            Severity.WARNING if closed_ns >= limits.warning_s * NS else Severity.NOTICE,
            f"The {who} stopped reading" + (", and its window never opened again" if one else
                                            f" on {len(flows):,} connections, for good"),
            (f"The {who} {view.host(flow, side)} closed its receive window" if readers == 1 else
             f"{readers:,} readers, {view.host(flow, side)} among them, closed their receive windows")
            + ("" if one else f" on {len(flows):,} connections")
            + (f", {'' if one else 'on the longest one '}after {size(int(taken[-1]))}" if len(taken) else "")
            + f" {frame_list(details['closed_frame'])}, and never opened {'it' if readers == 1 else 'them'} again: "
            f"for {duration(closed_ns)}, to the end. The {other} has more to send and keeps probing "
            f"{frame_list(_of(probes, EventKind.ZERO_WINDOW_PROBE)['frame'])}; "
            + (f"the last {plural(lost, 'probe')} got no answer." if lost else
               "the answers say that there is still no room.")
            + ("" if one else f" {open_still:,} of these connections are still not closed by the {who}"
               + (f", {per_minute:.3g} more come each minute." if per_minute else ".")),
            streams=flows,
            frames=np.concatenate([details["closed_frame"], closed["frame"], probes["frame"]]),
            span=(int(since_ns.min()), int(until_ns.max())),
            doubts=(NOT_UNIQUE,) if lost > 1 else (),
            evidence=_evidence(view, flows, closed, probes),
            endpoint=view.label(flow, side) if one else view.host(flow, side) if readers == 1 else None,
            peer=view.label(flow, 1 - side) if readers == 1 else None,
            causes=(
                Cause("the application never reads the rest: it took what it wanted, and neither reads on nor closes "
                      "(a response body that is not read to its end)",
                      ("its TCP goes on answering: host and path are well",) if not lost else ()),
                Cause("the application is blocked: a lock, a full queue behind it, a debugger, a stopped process"),
                *((Cause(f"the {who} is gone", (f"the last {plural(lost, 'probe')} got no answer",)),) if lost else ()),
            ),
            next_steps=(
                f"on {view.host(flow, side)}: ss -tmnp dst {view.host(flow, 1 - side)}: a Recv-Q that stays full names "
                "the process",
                "read each response to its end or close it; set a time limit on the whole request",
                f"on {view.host(flow, 1 - side)}: a write time-out (SO_SNDTIMEO, TCP_USER_TIMEOUT) frees the worker",
            ),
            data={
                "count": len(flows),
                "reader": view.host(flow, side),
                "role": who,
                "closed_for_s": round(closed_ns / NS, 3),
                "bytes_taken": int(taken[-1]) if len(taken) else None,
                "probes": int(np.count_nonzero(probes["kind"] == EventKind.ZERO_WINDOW_PROBE)),
                "last_probes_unanswered": lost,
                "not_closed": open_still,
                "per_minute": round(per_minute, 3),
            },
        )  # fmt: skip


def _closed(view: View, limits: Thresholds) -> tuple[np.ndarray, np.ndarray]:
    """Flows and sides whose window is closed at the end while the peer has more to send."""
    closed = view.detail_column("closed_since_ns") > 0
    closed &= view.detail_column("probes")[:, ::-1] >= limits.probes_min
    if not np.any(closed):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    index, sides = np.nonzero(closed)
    flows = view.with_details[index]
    since_ns = view.detail_column("closed_since_ns")[index, sides]
    long = _until(view, flows) - since_ns >= limits.notice_s * NS
    return flows[long], sides[long].astype(np.int64)


def _until(view: View, flows: np.ndarray) -> np.ndarray:
    """To the end of the capture; of a connection that was reset or closed, to its last packet."""
    over = np.any(view.side("bits")[flows] & int(EndpointBit.RST_SENT | EndpointBit.FIN_SENT) != 0, axis=1)
    until: np.ndarray = np.where(over, view.flows["last_ts_ns"][flows], view.last_ts_ns)
    return until


def _rows(view: View, flows: np.ndarray, sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last WINDOW_CLOSED of each, and the probes and answers since then."""
    reader = dict(zip(flows.tolist(), sides.tolist(), strict=True))
    closed, probes = [view.events[:0]], [view.events[:0]]
    for flow, events in view.by_flow(flows):
        last = events[(events["kind"] == EventKind.WINDOW_CLOSED) & (events["side"] == reader[flow])][-1:]
        closed.append(last)
        since_ns = int(last["ts_ns"][0]) if len(last) else 0
        probes.append(events[np.isin(events["kind"], _PROBES) & (events["ts_ns"] >= since_ns)])
    return np.concatenate(closed), np.concatenate(probes)


def _of(rows: np.ndarray, kind: EventKind) -> np.ndarray:
    chosen: np.ndarray = rows[rows["kind"] == kind]
    return chosen


def _unanswered(view: View, flow: int, side: int, probes: np.ndarray) -> int:
    """Probes after everything that the reader sent."""
    heard_ns = int(view.tables.endpoint(flow, side)["last_ts_ns"])
    mine = _of(probes, EventKind.ZERO_WINDOW_PROBE)
    return int(np.count_nonzero((mine["flow"] == flow) & (mine["ts_ns"] > heard_ns)))


def _evidence(view: View, flows: np.ndarray, closed: np.ndarray, probes: np.ndarray) -> Iterator[Evidence]:
    for flow in flows[:2].tolist():
        yield from (view.evidence(event, "window closed") for event in closed[closed["flow"] == flow])
        mine = probes[probes["flow"] == flow]
        yield from (
            view.evidence(event, "probes the closed window") for event in _of(mine, EventKind.ZERO_WINDOW_PROBE)[-1:]
        )
        yield from (view.evidence(event, "still no room") for event in
                    _of(mine, EventKind.ZERO_WINDOW_PROBE_ACK)[-1:])  # fmt: skip
    yield view.absence(view.last_ts_ns, "the window did not open again")
