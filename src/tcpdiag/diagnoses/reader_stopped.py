"""An application stopped reading: its window closed and never opened again.

## What it sees
An endpoint whose window is 0 from some moment to the end of the connection or of the capture, while its peer probes
it: data waits. Since which frame, at which byte, for how long, how many of the probes it answered (then its host and
the path are well) and how it ended. The connections of one reader with one endpoint share one finding.

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
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.flow import EndpointBit
from ..rfc import Rfc
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .elsewhere import watch
from .groups import by_host_and_endpoint
from .growth import Connects, connects
from .releases import same_holder
from .sentences import said
from .view import View
from .windows import Closure, alive, at_byte, closure, ending, own_hand, share_of_life, wanted_more

_GROWS = 5  # fewer connections have no rate; as close-wait-leak


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    notice_s: float = 5
    warning_s: float = 60
    probes_min: float = 2


class _Stop(NamedTuple):
    """Readers that stopped alike. `closures` stand in the order of `flows`, `longest` is the place of one of them."""

    flows: np.ndarray
    closures: list[Closure]
    longest: int
    readers: int  # hosts that share this finding
    open_still: int  # of these connections the reader has not closed so many
    per_minute: float
    unanswered: int  # probes after everything that the reader of the longest one sent
    connects: Connects | None  # of one client that is the reader

    @property
    def worst(self) -> Closure:
        """The connection that stands still for longest."""
        return self.closures[self.longest]

    @property
    def probes(self) -> np.ndarray:
        """All probes of the closed windows."""
        return np.concatenate([row.probes for row in self.closures])


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
            yield self._stopped(view, _stop(view, flows[np.sort(group)], sides[np.sort(group)], 1), limits)
        if len(groups.rest):
            yield self._stopped(
                view, _stop(view, flows[groups.rest], sides[groups.rest], groups.rest_endpoints), limits
            )

    def _stopped(self, view: View, stop: _Stop, limits: Thresholds) -> Finding:
        worst, flows, one = stop.worst, stop.flows, len(stop.flows) == 1
        flow, side, closed_ns = worst.flow, worst.side, worst.until_ns - worst.since_ns
        who = view.role(flow, side)
        host, peer_host = view.host(flow, side), view.host(flow, 1 - side)
        ended, last_frames = ending(view, flow)
        frames = [row.closed["frame"] for row in stop.closures if row.closed is not None]
        return self.finding(
            view,
            Severity.WARNING if closed_ns >= limits.warning_s * NS else Severity.NOTICE,
            f"The {who} stopped reading" + (", and its window never opened again" if one else
                                            f" on {len(flows):,} connections, for good"),
            list(_story(view, stop, (ended, last_frames))),
            streams=flows,
            frames=np.concatenate([frames, _closed_frames(view, stop), stop.probes["frame"], last_frames,
                                   [stop.connects.last_frame] if stop.connects and stop.connects.stopped else [],
                                   *(row.answers["frame"] for row in stop.closures)]),
            span=(min(row.since_ns for row in stop.closures), max(row.until_ns for row in stop.closures)),
            doubts=(NOT_UNIQUE,) if stop.unanswered > 1 else (),
            evidence=_evidence(view, stop),
            endpoint=view.label(flow, side) if one else host if stop.readers == 1 else None,
            peer=view.label(flow, 1 - side),
            causes=(
                Cause("the application never reads the rest: it took what it wanted, and neither reads on nor closes "
                      "(a response body that is not read to its end)",
                      ("its TCP goes on answering: host and path are well",) if not stop.unanswered else ()),
                Cause("the application is blocked: a lock, a full queue behind it, a debugger, a stopped process"),
                *((Cause(f"the {who} is gone", (f"the last {plural(stop.unanswered, 'probe')} got no answer",)),)
                  if stop.unanswered else ()),
            ),
            next_steps=(
                f"in the application on {host}: read each response to its end or close it; set a time limit on the "
                "whole request",
                f"on {peer_host}: a write time-out (SO_SNDTIMEO, TCP_USER_TIMEOUT) frees the worker",
            ),
            refutations=(
                alive(view, worst, stop.unanswered),
                wanted_more(view, worst, None),
                own_hand(view, worst),
                Refutation("the application reads on later, after the end of the capture", None),
            ),
            settled_by=(
                f"on {host}: ss -tmnp dst {peer_host}: a Recv-Q that stays full names the process",
                f"on {peer_host}: ss -tino dst {host}: timer:(persist,...), and the Send-Q that waits",
            ),
            data={
                "count": len(flows),
                "reader": host,
                "role": who,
                "closed_for_s": round(closed_ns / NS, 3),
                "bytes_taken": worst.taken,
                "probes": len(stop.probes),
                "answered": sum(len(row.answers) for row in stop.closures),
                "last_probes_unanswered": stop.unanswered,
                "not_closed": stop.open_still,
                "per_minute": round(stop.per_minute, 3),
                "connects_stopped": bool(stop.connects and stop.connects.stopped),
                "ended": ended,
            },
        )  # fmt: skip


def _stop(view: View, flows: np.ndarray, sides: np.ndarray, readers: int) -> _Stop:
    since_ns = _details(view, flows, sides)["closed_since_ns"]
    until_ns = _until(view, flows)
    places = {flow: place for place, flow in enumerate(flows.tolist())}
    closures: list[Closure] = [None] * len(flows)  # type: ignore[list-item]
    for flow, events in view.by_flow(flows):
        place = places[flow]
        closures[place] = closure(events, flow, int(sides[place]), int(since_ns[place]), view.last_ts_ns)._replace(
            until_ns=int(until_ns[place])
        )
    longest = int(np.argmax(until_ns - since_ns))
    ends = view.tables.endpoints[2 * flows + sides]
    span_ns = int(since_ns.max() - since_ns.min())
    return _Stop(
        flows,
        closures,
        longest,
        readers,
        int(np.count_nonzero((ends["bits"] & int(EndpointBit.FIN_SENT | EndpointBit.RST_SENT)) == 0)),
        (len(flows) - 1) * 60 * NS / span_ns if len(flows) >= _GROWS and span_ns >= NS else 0.0,
        _unanswered(view, closures[longest]),
        _connects(view, int(flows[longest]), int(sides[longest])) if readers == 1 and len(flows) > 1 else None,
    )


def _connects(view: View, flow: int, side: int) -> Connects | None:
    """When the reader, if it is a client, connected to that server."""
    return connects(view, same_holder(view, flow, side)) if side == int(view.client[flow]) else None


def _story(view: View, stop: _Stop, ended: tuple[str, tuple[int, ...]]) -> Iterator[Sentence]:
    worst, one = stop.worst, len(stop.flows) == 1
    who, other = view.role(worst.flow, worst.side), view.role(worst.flow, 1 - worst.side)
    reader = view.label(worst.flow, worst.side) if one else view.host(worst.flow, worst.side)
    closed_frames = _closed_frames(view, stop)
    lasted = duration(worst.until_ns - worst.since_ns)
    yield said(
        f"The {who}'s application stopped reading: {reader}"
        + (f" and {stop.readers - 1:,} more readers" if stop.readers > 1 else "")
        + (" closed its receive window" if one else f" closed the receive windows of {len(stop.flows):,} connections")
        + f" to {view.label(worst.flow, 1 - worst.side)}"
        + (at_byte(worst) if one else f",{at_byte(worst)} on the longest one" if worst.taken is not None else "")
        + f" {frame_list(closed_frames)}, and never opened {'it' if one else 'them'} again"
        + (
            f": for {lasted}, to the end."
            if one
            else f"{_not_closed(stop)}: for {lasted} on the longest one, to the end; {_growing(stop)}."
        ),
        closed_frames,
        worst.since_ns,
    )
    told = f"The {other} has more to send: it probed the closed window {plural(len(worst.probes), 'time')} " \
           f"{frame_list(worst.probes['frame'])}; "  # fmt: skip
    if stop.unanswered:
        told += f"the last {plural(stop.unanswered, 'probe')} got no answer."
    else:
        told += f"{plural(len(worst.answers), 'answer')} said that there was still no room."
    yield said(told, worst.probes["frame"], worst.probes["ts_ns"][0] if len(worst.probes) else None)
    until_ns = np.array([row.until_ns for row in stop.closures], np.int64)
    closed_ns = until_ns - [row.since_ns for row in stop.closures]
    yield said(f"The window was closed for {share_of_life(view, stop.flows, closed_ns, until_ns)}.")
    frames = f" {frame_list(ended[1])}" if ended[1] else ""
    if one:
        yield said(f"{ended[0][0].upper()}{ended[0][1:]}{frames}.", ended[1], worst.until_ns)
    if stop.connects is not None and stop.connects.stopped:
        seen = watch(view, -1, stop.connects.last_ns, view.last_ts_ns).flows > 0
        yield said(f"It {stop.connects.told(seen)}.", [stop.connects.last_frame], stop.connects.last_ns)


def _not_closed(stop: _Stop) -> str:
    """Which of several connections the reader keeps."""
    if stop.open_still == len(stop.flows):
        return " nor closed one of the connections"
    return f", nor closed {stop.open_still:,} of the connections"


def _growing(stop: _Stop) -> str:
    """How fast they become more."""
    if stop.per_minute:
        return f"{stop.per_minute:.3g} more come each minute"
    since_ns = [row.since_ns for row in stop.closures]
    return f"all {len(stop.flows):,} came within {duration(max(since_ns) - min(since_ns))}"


def _details(view: View, flows: np.ndarray, sides: np.ndarray) -> np.ndarray:
    rows: np.ndarray = view.tables.details[view.flows["detail"][flows].astype(np.int64) + sides]
    return rows


def _closed_frames(view: View, stop: _Stop) -> np.ndarray:
    sides = np.array([row.side for row in stop.closures], np.int64)
    frames: np.ndarray = np.sort(_details(view, stop.flows, sides)["closed_frame"].astype(np.int64))
    return frames


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


def _unanswered(view: View, stall: Closure) -> int:
    """Probes after everything that the reader sent."""
    heard_ns = int(view.tables.endpoint(stall.flow, stall.side)["last_ts_ns"])
    return int(np.count_nonzero(stall.probes["ts_ns"] > heard_ns))


def _evidence(view: View, stop: _Stop) -> Iterator[Evidence]:
    for row in stop.closures[:2]:
        if row.closed is not None:
            yield view.evidence(row.closed, "window closed")
        yield from (view.evidence(event, "probes the closed window") for event in row.probes[-1:])
        yield from (view.evidence(event, "still no room") for event in row.answers[-1:])
    yield view.absence(view.last_ts_ns, "the window did not open again")
