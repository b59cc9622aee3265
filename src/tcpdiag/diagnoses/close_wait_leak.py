"""One endpoint collects connections that it never closes.

## What it sees
Many 4-tuples of one endpoint in CLOSE-WAIT at the end of the capture, each silent for long, entered one after the
other, and hardly any such connection released. The endpoint is a server's address and port, or, when the client is the
one that does not close, the client's address and the server that it talks to. The finding has their number over time
and the time left until a limit of descriptors will be met; of a client also whether it stopped reading on others of its
connections (its receive window is closed), and whether its connects, which came at a pace, have stopped.

## Why it matters
Each of them keeps a descriptor and a 4-tuple until the process ends. The count only grows, so the process stalls when
it reaches its limit (often 1,024 descriptors), and later connects of the same clients run into the stale sockets.

## What it cannot know
How many were held before the capture began, and the limit of the process. Releases that come later: endpoints that
let all go at once from time to time are a sawtooth, not a leak; a capture shorter than one tooth shows only its rise.
What is not read but fits into the receive buffer: an open window does not prove that the application reads.

## Thresholds
| name | default | source |
|---|---|---|
| hold_s | 5 | as close-wait-stuck: longer than any timer between close() and the FIN on the wire |
| count_min | 5 | fewer are told one by one (close-wait-stuck) |
| released_max | 0.25 | share of long-held ones released after all: above it the endpoint does close, only late |
| burst_max | 0.75 | a count that was reached in the first half of the time already does not grow |
| descriptors | 1024 | usual soft limit of open descriptors: Linux' INR_OPEN_CUR, systemd's DefaultLimitNOFILE |
| critical_count | 512 | half of the usual limit of open descriptors (RLIMIT_NOFILE soft limit 1,024) |

## RFC
RFC 9293 section 3.3.2 (CLOSE-WAIT), section 3.6 (closing a connection).

## Speaks
```packets
repeat 12 every 5.0
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > F. 1:1(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 2 win 65535
end
+10.0 .
finding: close-wait-leak warning count=12 role=server
```
A client that checks a server every 60 s, reads the answer, and keeps the connection when the server ends it. After
the last one it connects no more: the process hangs.
```packets
repeat 8 every 60.0
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < P. 1:801(800) ack 101 win 65535
+0.01 > . 101:101(0) ack 801 win 65535
+0.01 < F. 801:801(0) ack 101 win 65535
+0.04 > . 101:101(0) ack 802 win 65535
end
+400 .
finding: close-wait-leak warning count=8 role=client per_minute=1.0 connects_stopped=true
```

## Stays silent
The server closes all of them, if late:
```packets
repeat 12 every 5.0
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > F. 1:1(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 2 win 65535
+8.00 < F. 1:1(0) ack 2 win 65535
+0.01 > . 2:2(0) ack 2 win 65535
end
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.flow import EndpointBit
from ..rfc import Rfc
from ..units import NS, duration, plural, size
from .base import Diagnosis, Scope, frame_list
from .confidence import PRESUMED
from .elsewhere import watch
from .groups import GROUPS_MAX, Groups, by_endpoint, by_host_and_endpoint
from .growth import growth
from .held import End, close_wait
from .leak import Leak, leak_of, never_closed
from .sentences import said
from .view import View

ENDPOINTS_MAX = 1_000
"""Endpoints that are judged, those with the most connections in CLOSE-WAIT first."""


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    hold_s: float = 5
    count_min: float = 5
    released_max: float = 0.25
    burst_max: float = 0.75
    descriptors: float = 1024
    critical_count: float = 512


class CloseWaitLeak(Diagnosis):
    """One endpoint collects connections that it never closes: count, slope."""

    kind = "close-wait-leak"
    scope = Scope.HOST
    events = (EventKind.STATE,)
    references = (Rfc(9293, "3.3.2"), Rfc(9293, "3.6"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        """The leaks; their connections are marked in the view, so that close-wait-stuck does not repeat them."""
        held = close_wait(view, int(limits.hold_s * NS))
        by_server = held["side"] != view.client[held["flow"]]
        for chosen, group_by in ((by_server, by_endpoint), (~by_server, by_host_and_endpoint)):
            rows = held[chosen]
            groups: Groups = group_by(view, rows["flow"], rows["side"], ENDPOINTS_MAX)
            large = [np.sort(group) for group in groups.large if len(group) >= limits.count_min]
            leaking = [group for group in large if leaks(rows[group], limits)]
            for group in leaking:
                view.leaked = np.append(view.leaked, 2 * rows["flow"][group] + rows["side"][group])
            if len(leaking) > GROUPS_MAX:
                yield self._many(view, rows[np.sort(np.concatenate(leaking))], limits, len(leaking))
            else:
                for group in leaking:
                    yield self._one(view, leak_of(view, rows[group]), limits)

    def _one(self, view: View, leak: Leak, limits: Thresholds) -> Finding:
        kept, ends = leak.kept, view.tables.endpoints[2 * leak.kept["flow"] + leak.kept["side"]]
        flow, side = int(kept["flow"][0]), int(kept["side"][0])
        left_ns = leak.growth.left_ns(limits.descriptors)
        proved = (ends["bits"] & int(EndpointBit.FIN_PROVED)) != 0
        stopped = (leak.connects.last_frame,) if leak.connects and leak.connects.stopped else ()
        return self.finding(
            view,
            Severity.CRITICAL if len(kept) >= limits.critical_count else Severity.WARNING,
            f"The {leak.role} never closes: {len(kept):,} connections, {leak.growth.per_minute:.3g} more each minute",
            tuple(_story(view, leak, limits)),
            streams=kept["flow"],
            frames=np.concatenate(
                [kept["fin_frame"], ends["last_ack_frame"][proved], kept["syn_frame"], [*stopped, *leak.unread.frames]]
            ),
            span=(leak.growth.since_ns, view.last_ts_ns),
            doubts=() if np.all(proved) else (PRESUMED,),
            evidence=tuple(_evidence(view, kept)),
            endpoint=leak.holder,
            peer=view.label(flow, 1 - side) if leak.role == "client" else None,
            causes=_causes(view, leak, ends),
            next_steps=(
                "look where that process reads the end of the stream and forgets the socket"
                if leak.role == "server"
                else "close each connection, also where the answer is not read to its end or is thrown away",
                "until it is fixed: restart the process before it reaches its limit of descriptors",
            ),
            refutations=_refutations(view, leak),
            settled_by=_settled_by(view, flow, side),
            data={
                "holder": leak.holder,
                "endpoints": 1,
                "role": leak.role,
                "count": len(kept),
                "per_minute": round(leak.growth.per_minute, 3),
                "series": leak.growth.listed(),
                "descriptor_limit": int(limits.descriptors),
                "limit_in_s": None if left_ns is None else round(left_ns / NS, 3),
                "released_late": leak.released,
                "oldest_s": round((view.last_ts_ns - leak.growth.since_ns) / NS, 3),
                "answered": int(np.count_nonzero(ends["bits"] & int(EndpointBit.SENT_TEXT))),
                "wanted_again": int(np.count_nonzero(kept["end"] == End.WANTED)),
                "stopped_reading": leak.unread.connections,
                "smallest_window": int(ends["window"].min()),
                "connects_stopped": bool(stopped),
            },
        )

    def _many(self, view: View, rows: np.ndarray, limits: Thresholds, endpoints: int) -> Finding:
        """One finding for a leak that many endpoints have alike."""
        kept = never_closed(rows)
        flow, side = int(kept["flow"][0]), int(kept["side"][0])
        role, grown = view.role(flow, side), growth(rows, view.last_ts_ns)
        label = view.label(flow, side) if role == "server" else view.host(flow, side)
        ends = view.tables.endpoints[2 * kept["flow"] + kept["side"]]
        proved = (ends["bits"] & int(EndpointBit.FIN_PROVED)) != 0
        first = said(
            f"{endpoints:,} {role}s, {label} among them, got the peer's FIN on {len(kept):,} connections and never "
            f"closed their side {frame_list(kept['fin_frame'])}; {grown.per_minute:.3g} more come each minute.",
            kept["fin_frame"],
            grown.since_ns,
        )
        rest = said(f"Together they held {grown.told()}; {_released(len(rows) - len(kept))}.", (), view.last_ts_ns)
        return self.finding(
            view,
            Severity.CRITICAL if len(kept) >= limits.critical_count * endpoints else Severity.WARNING,
            f"{endpoints:,} {role}s leak connections: {len(kept):,} in CLOSE-WAIT, and growing",
            (first, rest),
            streams=kept["flow"],
            frames=np.concatenate([kept["fin_frame"], ends["last_ack_frame"][proved], kept["syn_frame"]]),
            span=(grown.since_ns, view.last_ts_ns),
            doubts=() if np.all(proved) else (PRESUMED,),
            evidence=tuple(_evidence(view, kept)),
            causes=(_FORGETS, _BLOCKED),
            next_steps=("look for what these hosts have in common: one program, one library, one release of it",),
            refutations=(
                Refutation("they close them in a capture that goes on for longer", None),
                Refutation(f"a FIN or RST of their own on one of the {len(kept):,}", "not found"),
            ),
            settled_by=_settled_by(view, flow, side),
            data={
                "holder": None,
                "endpoints": endpoints,
                "role": role,
                "count": len(kept),
                "per_minute": round(grown.per_minute, 3),
                "series": grown.listed(),
                "released_late": len(rows) - len(kept),
                "oldest_s": round((view.last_ts_ns - grown.since_ns) / NS, 3),
                "answered": int(np.count_nonzero(ends["bits"] & int(EndpointBit.SENT_TEXT))),
                "wanted_again": int(np.count_nonzero(kept["end"] == End.WANTED)),
            },
        )


_FORGETS = Cause(
    "the application does not close a connection that its peer has ended: a missing close() on the path where read() "
    "returns 0"
)
_BLOCKED = Cause("all its workers are blocked: a lock, a pool, a call without a time-out")


def leaks(rows: np.ndarray, limits: Thresholds) -> bool:
    """Many are held, few were ever released, and the count went on growing in the second half of the time."""
    kept = rows[rows["end"] != End.CLOSED_BY_ITSELF]
    if len(kept) < limits.count_min or len(rows) - len(kept) > limits.released_max * len(rows):
        return False
    begin_ns, last_ns = int(kept["since_ns"].min()), int(kept["since_ns"].max())
    if last_ns - begin_ns < NS:
        return False
    early = np.count_nonzero(kept["since_ns"] <= begin_ns + (last_ns - begin_ns) // 2)
    return bool(early <= limits.burst_max * len(kept))


def _story(view: View, leak: Leak, limits: Thresholds) -> Iterator[Sentence]:
    kept, grown = leak.kept, leak.growth
    flow, side = int(kept["flow"][0]), int(kept["side"][0])
    to = f" to {view.label(flow, 1 - side)}" if leak.role == "client" else ""
    peers = "client" if leak.role == "server" else "server"
    yield said(
        f"{leak.holder} got the {peers}'s FIN on {len(kept):,} connections{to} and never closed its side "
        f"{frame_list(kept['fin_frame'])}; {grown.per_minute:.3g} more come each minute{_reading(leak)}.",
        [*leak.unread.frames[:1], *kept["fin_frame"].tolist()],
        grown.since_ns,
    )
    yield said(
        f"It held {grown.told()}; {_released(leak.released)}. " + grown.limit_told(limits.descriptors),
        (),
        view.last_ts_ns,
    )
    if leak.connects:
        frames = (leak.connects.last_frame,) if leak.connects.stopped else ()
        watched = watch(view, -1, leak.connects.last_ns, view.last_ts_ns).flows > 0
        yield said(f"It {leak.connects.told(watched)}.", frames, leak.connects.last_ns)
    if leak.connects and leak.connects.stopped:
        yield said(
            f"The process still lives: had it ended, its host would have closed the {len(kept):,} connections.",
            (),
            view.last_ts_ns,
        )


def _reading(leak: Leak) -> str:
    """Whether it stopped reading, which may be why it does not close; a server's requests are small."""
    if not leak.unread.connections:
        just = ", and it did not stop reading (none of its windows is closed): it just does not close"
        return just if leak.role == "client" else ""
    return (
        f", and it stopped reading on {plural(leak.unread.connections, 'connection')} (window closed since "
        f"[{leak.unread.frames[0]}], after {size(leak.unread.bytes_read)})"
    )


def _released(count: int) -> str:
    return f"{count:,} {'was' if count == 1 else 'were'} released late" if count else "none was ever released"


def _causes(view: View, leak: Leak, ends: np.ndarray) -> tuple[Cause, ...]:
    count, rows = len(leak.kept), len(leak.rows)
    never = f"{count:,} of {rows:,} connections were never released"
    got = view.tables.endpoints["bytes"][2 * leak.kept["flow"] + 1 - leak.kept["side"]]
    forgets = Cause(_FORGETS.text, (never,))
    if leak.role == "client":
        closed, fitted = leak.unread.connections, f"all that came fitted: {size(int(got.max()))} at most"
        unconsumed = Cause(
            "it never reads the answer to its end, so that it does not see the end of the stream: a body that nobody "
            "consumes",
            (f"its window is closed on {plural(closed, 'connection')}",) if closed else (),
            () if closed else (f"no window is closed; {fitted}",),
        )
        return (unconsumed, forgets) if closed else (forgets, unconsumed)
    answered = int(np.count_nonzero(ends["bits"] & int(EndpointBit.SENT_TEXT)))
    blocked = Cause(
        _BLOCKED.text,
        () if answered else ("it never sent a byte on these connections",),
        (f"it had answered on {answered:,} of them",) if answered else (),
    )
    return (forgets, blocked) if answered else (blocked, forgets)


def _refutations(view: View, leak: Leak) -> tuple[Refutation, ...]:
    longest = duration(view.last_ts_ns - leak.growth.since_ns)
    return (
        Refutation(
            f"a FIN or RST of {leak.holder} on one of these connections",
            f"not found in {longest}; {_released(leak.released)}",
        ),
        Refutation(
            "its FINs were sent and only not captured",
            "not found: no peer acknowledges a FIN that is not in the capture",
        ),
        Refutation("it lets all of them go at once, later (a sawtooth)", None),
    )


def _settled_by(view: View, flow: int, side: int) -> tuple[str, ...]:
    host = view.host(flow, side)
    return (
        f"on {host}: ss -tanpo state close-wait: the process, and unread bytes in Recv-Q",
        f"on {host}: ls /proc/PID/fd | wc -l; grep 'open files' /proc/PID/limits, twice, a minute apart",
    )


def _evidence(view: View, kept: np.ndarray) -> Iterator[Evidence]:
    chosen = kept if len(kept) <= 6 else np.concatenate([kept[:4], kept[-2:]])
    for row in chosen:
        flow, held = int(row["flow"]), duration(int(row["until_ns"] - row["since_ns"]))
        for event in view.at(flow, int(row["fin_frame"]), EventKind.STATE)[:1]:
            yield view.evidence(event, f"stream {flow}: FIN received, held for {held}")
    yield view.absence(view.last_ts_ns, "no FIN in return on any of them")
