"""One endpoint collects connections that it never closes.

## What it sees
Many 4-tuples of one endpoint in CLOSE-WAIT at the end of the capture, each silent for long, entered one after the
other, and hardly any such connection released. The endpoint is a server's address and port, or, when the client is
the one that does not close, the client's address and the server that it talks to.

## Why it matters
Each of them keeps a descriptor and a 4-tuple until the process ends. The count only grows, so the process stalls when
it reaches its limit (often 1,024 descriptors), and later connects of the same clients run into the stale sockets.

## What it cannot know
How many were held before the capture began, and the limit of the process. Releases that come later: endpoints that
let all go at once from time to time are a sawtooth, not a leak; a capture shorter than one tooth shows only its rise.

## Thresholds
| name | default | source |
|---|---|---|
| hold_s | 5 | as close-wait-stuck: longer than any timer between close() and the FIN on the wire |
| count_min | 5 | fewer are told one by one (close-wait-stuck) |
| released_max | 0.25 | share of long-held ones released after all: above it the endpoint does close, only late |
| burst_max | 0.75 | a count that was reached in the first half of the time already does not grow |
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
finding: close-wait-leak warning
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
from ..model.finding import Cause, Evidence, Finding, Severity
from ..model.flow import EndpointBit
from ..model.states import State
from ..rfc import Rfc
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .confidence import PRESUMED
from .groups import GROUPS_MAX, Groups, by_endpoint, by_host_and_endpoint
from .held import End, close_wait
from .view import View

ENDPOINTS_MAX = 1_000
"""Endpoints that are judged, those with the most connections in CLOSE-WAIT first."""


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    hold_s: float = 5
    count_min: float = 5
    released_max: float = 0.25
    burst_max: float = 0.75
    critical_count: float = 512


class CloseWaitLeak(Diagnosis):
    """One endpoint collects connections that it never closes: count, slope."""

    kind = "close-wait-leak"
    scope = Scope.HOST
    events = (EventKind.STATE, EventKind.SYN_IN_CONNECTION)
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
                yield self._leak(view, rows[np.sort(np.concatenate(leaking))], limits, len(leaking))
            else:
                for group in leaking:
                    yield self._leak(view, rows[group], limits)

    def _leak(self, view: View, rows: np.ndarray, limits: Thresholds, endpoints: int = 1) -> Finding:
        kept = rows[rows["end"] != End.CLOSED_BY_ITSELF]
        kept = kept[np.argsort(kept["since_ns"], kind="stable")]
        flow, side = int(kept["flow"][0]), int(kept["side"][0])
        role = view.role(flow, side)
        one = endpoints == 1
        label = view.label(flow, side) if role == "server" else view.host(flow, side)
        holder = label if one else f"{endpoints:,} {role}s, {label} among them"
        first_ns = int(kept["since_ns"][0])
        span_ns = max(1, int(kept["since_ns"][-1]) - first_ns)
        per_minute = (len(kept) - 1) * 60 * NS / span_ns
        ends = view.tables.endpoints[2 * kept["flow"] + kept["side"]]
        proved = (ends["bits"] & int(EndpointBit.FIN_PROVED)) != 0
        answered = int(np.count_nonzero(ends["bits"] & int(EndpointBit.SENT_TEXT)))
        younger = _younger(view, kept) if one else 0
        count = f"{len(kept) + younger:,} in CLOSE-WAIT, and growing"
        return self.finding(
            view,
            Severity.CRITICAL if len(kept) >= limits.critical_count * endpoints else Severity.WARNING,
            f"The {role} leaks connections: {count}" if one else f"{endpoints:,} {role}s leak connections: {count}",
            f"{holder}{'' if one else ','} got the peer's FIN on {len(kept):,} connections and never closed "
            f"{'its' if one else 'their'} side "
            f"{frame_list(kept['fin_frame'])}. The oldest has been held for {duration(view.last_ts_ns - first_ns)}; "
            f"{per_minute:.3g} more come each minute; {_released(len(rows) - len(kept))}."
            + (
                f" {plural(younger, 'connection')} more came to CLOSE-WAIT in the last {limits.hold_s:g} s."
                if younger
                else ""
            ),
            streams=kept["flow"],
            frames=np.concatenate([kept["fin_frame"], ends["last_ack_frame"][proved], kept["syn_frame"]]),
            span=(first_ns, view.last_ts_ns),
            doubts=() if np.all(proved) else (PRESUMED,),
            evidence=_evidence(view, kept),
            endpoint=label if one else None,
            peer=view.label(flow, 1 - side) if one and role == "client" else None,
            causes=(
                Cause(
                    "the application does not close a connection that its peer has ended: a missing close() on the "
                    "path where read() returns 0, or a response that is never read to its end",
                    (f"{len(kept):,} of {len(rows):,} long-held connections were never released",),
                ),
                Cause(
                    "all its workers are blocked: a lock, a pool, a call without a time-out",
                    () if answered else ("it never sent a byte on these connections",),
                    (f"it had answered on {answered:,} of them",) if answered else (),
                ),
            ),
            next_steps=(
                f"on {view.host(flow, side)}: ss -tanpo state close-wait; ls /proc/PID/fd | wc -l; "
                "grep 'open files' /proc/PID/limits",
                "look where that process reads the end of the stream and forgets the socket",
                "until it is fixed: restart the process before it reaches its limit of descriptors",
            ),
            data={
                "holder": label if one else None,
                "endpoints": endpoints,
                "role": role,
                "count": len(kept),
                "younger": younger,
                "per_minute": round(per_minute, 3),
                "released_late": len(rows) - len(kept),
                "oldest_s": round((view.last_ts_ns - first_ns) / NS, 3),
                "answered": answered,
                "wanted_again": int(np.count_nonzero(kept["end"] == End.WANTED)),
            },
        )


def _younger(view: View, kept: np.ndarray) -> int:
    """How many more connections of that endpoint are in CLOSE-WAIT when the capture ends, for a shorter time."""
    flow, side = int(kept["flow"][0]), int(kept["side"][0])
    mine, by_server = view.flows[flow], side != int(view.client[flow])
    total = 0
    for other in (0, 1):
        rows = np.flatnonzero(
            (view.side("state")[:, other] == State.CLOSE_WAIT) & ((view.client != other) == by_server)
        )
        flows, at = view.flows[rows], 1 - other
        same = (flows["addr_lo"][:, other] == mine["addr_lo"][side]) & (
            flows["addr_hi"][:, other] == mine["addr_hi"][side]
        )
        if by_server:
            same &= flows["port"][:, other] == mine["port"][side]
        else:
            same &= (flows["addr_lo"][:, at] == mine["addr_lo"][1 - side]) & (
                flows["port"][:, at] == mine["port"][1 - side]
            )
        total += int(np.count_nonzero(same & ~np.isin(rows, kept["flow"])))
    return total


def _released(count: int) -> str:
    return f"{count:,} {'was' if count == 1 else 'were'} released late" if count else "none was ever released"


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


def _evidence(view: View, kept: np.ndarray) -> Iterator[Evidence]:
    chosen = kept if len(kept) <= 6 else np.concatenate([kept[:4], kept[-2:]])
    for row in chosen:
        flow, held = int(row["flow"]), duration(int(row["until_ns"] - row["since_ns"]))
        for event in view.at(flow, int(row["fin_frame"]), EventKind.STATE)[:1]:
            yield view.evidence(event, f"stream {flow}: FIN received, held for {held}")
    yield view.absence(view.last_ts_ns, "no FIN in return on any of them")
