"""An endpoint holds what its peers have ended, and now and then closes all of it at the same moment.

## What it sees
Connections of one endpoint get the peer's FIN one by one, stay in CLOSE-WAIT, and leave it together: by its own FIN or
RST, in a burst that is much shorter than the times for which they were held. Some were held long and some only just,
so it is no time-out of the single connection, and hardly any is left over, so it is not only the old ones that go.
The number of held sockets over time is a sawtooth. The endpoint is a server's address and port, or a client's
address and the server that it talks to.

## Why it matters
Connections that have nothing in common but the moment of their release were waiting for the same thing: a lock, a
pool, a call that is tried again until its time-out. For that long the endpoint did no work, its peers gave up, and
each of them left a descriptor behind.

## What it cannot know
What they waited for: only a stack dump tells. A single release can be the end of the process; it is told of a server
only, as a notice, since every client that exits closes what it has. A sweep that closes dead connections at a fixed
interval looks the same; where the connections had been answered before their peers ended them nobody was kept
waiting, and the finding is a notice. Connections that were held before the capture began are not counted; those that
the peer's RST removed were not released. What they asked for: it does not read payload.

## Thresholds
| name | default | source |
|---|---|---|
| hold_s | 1 | shorter stays are not looked at: a socket that is read again within a second is served |
| count_min | 5 | as close-wait-leak: fewer that close together are a coincidence or one client's |
| burst_max | 0.05 | spread of a release as a share of its median stay: independent closes take all of it |
| vary_min | 0.25 | spread (quartiles) of the stays by their median: 1 for a common release, 0 for a time-out |
| clear_min | 0.75 | share of those held that a release ends: a sweep after a time-out leaves the younger ones |
| cohorts_min | 2 | releases that show a period; one alone can be the end of the process |
| single_min | 10 | connections in a release that stands alone: twice count_min, as nothing confirms it |

## RFC
RFC 9293 section 3.3.2 (CLOSE-WAIT: waiting for the local user), section 3.6 (closing a connection).

## Speaks
Two teeth of 10 s, six connections each, none of them answered:
```packets
repeat 6 every 1.5
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+1.00 > F. 101:101(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 102 win 65535
end
+0.50 .
repeat 6 every 0.001
+0.00 < F. 1:1(0) ack 102 win 65535
+0.00 > . 102:102(0) ack 2 win 65535
end
+0.50 .
repeat 6 every 1.5
+0.00 >40100 S 0:0(0) win 65535
+0.01 <40100 S. 0:0(0) ack 1 win 65535
+0.01 >40100 P. 1:101(100) ack 1 win 65535
+0.01 <40100 . 1:1(0) ack 101 win 65535
+1.00 >40100 F. 101:101(0) ack 1 win 65535
+0.01 <40100 . 1:1(0) ack 102 win 65535
end
+0.50 .
repeat 6 every 0.001
+0.00 <40100 F. 1:1(0) ack 102 win 65535
+0.00 >40100 . 102:102(0) ack 2 win 65535
end
finding: close-wait-sawtooth warning height=6 answered=0
```
A single release of twelve, each of which had its answer:
```packets
repeat 12 every 1.0
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < P. 1:51(50) ack 101 win 65535
+0.10 > F. 101:101(0) ack 51 win 65535
+0.01 < . 51:51(0) ack 102 win 65535
end
+0.50 .
repeat 12 every 0.001
+0.00 < F. 51:51(0) ack 102 win 65535
+0.00 > . 102:102(0) ack 52 win 65535
end
finding: close-wait-sawtooth notice height=12 answered=12
```

## Stays silent
Each connection has its own time-out of 8 s, so the FINs go out as they came in:
```packets
repeat 12 every 0.5
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > F. 1:1(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 2 win 65535
+8.00 < F. 1:1(0) ack 2 win 65535
+0.00 > . 2:2(0) ack 2 win 65535
end
```
The peers ended them all at once, so the same time-out ends all at once:
```packets
repeat 12 every 0.001
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > F. 1:1(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 2 win 65535
+8.00 < F. 1:1(0) ack 2 win 65535
+0.00 > . 2:2(0) ack 2 win 65535
end
```
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Finding, Severity
from ..rfc import Rfc
from ..sets import among
from ..units import NS, duration
from .base import Diagnosis, Scope
from .confidence import NOT_UNIQUE
from .groups import GROUPS_MAX, by_endpoint, by_host_and_endpoint
from .growth import growth
from .held import End, stays
from .releases import Window, cohorts, same_holder
from .teeth import Teeth, causes, common, evidence, listed, refutations, settled_by, story
from .view import View

ENDPOINTS_MAX: Final = 1_000
"""Endpoints that are judged, those with the most connections in CLOSE-WAIT first."""

BURSTS_MAX: Final = 1_000
"""Bursts of one endpoint that are judged."""

LISTED_MAX: Final = 100
"""Releases that `data` lists."""


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    hold_s: float = 1
    count_min: float = 5
    burst_max: float = 0.05
    vary_min: float = 0.25
    clear_min: float = 0.75
    cohorts_min: float = 2
    single_min: float = 10


class CloseWaitSawtooth(Diagnosis):
    """Ended connections are held, and all released at the same moment: period, height."""

    kind = "close-wait-sawtooth"
    scope = Scope.HOST
    events = (EventKind.STATE,)
    references = (Rfc(9293, "3.3.2"), Rfc(9293, "3.6"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        """Of the GROUPS_MAX largest; their connections are marked in the view, so that close-wait-stuck is silent."""
        held = stays(view, int(limits.hold_s * NS))
        if np.count_nonzero(held["end"] == End.CLOSED_BY_ITSELF) < limits.count_min:
            return
        found = [
            (windows, int(rows["flow"][0]), int(rows["side"][0]))
            for by_client in (False, True)
            for rows in _by_holder(view, held, by_client)
            if enough(windows := releases(rows, limits), limits, by_client)
            and not np.any(among(2 * rows["flow"] + rows["side"], view.leaked))
        ]
        if not found:
            return
        everything = stays(view, 0)
        for windows, flow, side in found[:GROUPS_MAX]:
            sides = same_holder(view, flow, side)
            rows = everything[sides[everything["flow"]] == everything["side"]]
            view.leaked = np.append(view.leaked, 2 * rows["flow"] + rows["side"])
            if told := cohorts(view, rows, windows, sides):
                yield self._sawtooth(view, Teeth(view, rows, told), limits, len(found) - 1)

    def _sawtooth(self, view: View, teeth: Teeth, limits: Thresholds, others: int) -> Finding:
        held, events, period_ns = teeth.held, teeth.events, teeth.period_ns
        repeated = len(teeth.told) >= limits.cohorts_min
        server = int(1 - view.client[teeth.flow])
        return self.finding(
            view,
            Severity.WARNING if repeated and 2 * teeth.replied < len(held) else Severity.NOTICE,
            f"The {teeth.role} held {len(held):,} ended connections and closed all at once"
            if period_ns is None
            else f"The {teeth.role} closes ended connections only all at once, every {duration(period_ns)}",
            tuple(story(teeth, others)),
            streams=events["flow"],
            frames=np.concatenate([held["fin_frame"], events["frame"]]),
            span=(int(held["since_ns"].min()), int(events["ts_ns"].max())),
            doubts=() if repeated else (NOT_UNIQUE,),
            evidence=tuple(evidence(teeth)),
            endpoint=teeth.label,
            peer=view.label(teeth.flow, server) if teeth.role == "client" else None,
            causes=causes(teeth),
            next_steps=(
                f"look for a time-out or interval {teeth.clock} in the configuration of the process on "
                f"{view.host(teeth.flow, teeth.side)}; give the call behind it a much shorter one, and hold no lock "
                "across it",
            ),
            refutations=refutations(teeth),
            settled_by=settled_by(teeth),
            data={
                "role": teeth.role,
                "period_s": None if period_ns is None else round(period_ns / NS, 3),
                "height": max(cohort.height for cohort in teeth.told),
                "heights": [cohort.height for cohort in teeth.told[:LISTED_MAX]],
                "count": len(held),
                "answered": teeth.replied,
                "still_open": len(events) - len(held),
                "longest_s": round(int((held["until_ns"] - held["since_ns"]).max()) / NS, 3),
                "held_at_end": teeth.left,
                "other_endpoints": others,
                "releases": len(teeth.told),
                "likely_timeout_s": None if period_ns is None else round(period_ns / NS, 3),
                "common": common(teeth),
                "series": growth(teeth.rows, view.last_ts_ns).listed(),
                "cohorts": [listed(cohort) for cohort in teeth.told[:LISTED_MAX]],
            },
        )


def _by_holder(view: View, held: np.ndarray, by_client: bool) -> Iterator[np.ndarray]:
    """HELD rows of one holder each: the holders are all servers, or all clients."""
    rows = held[(held["side"] == view.client[held["flow"]]) == by_client]
    group_by = by_host_and_endpoint if by_client else by_endpoint
    for group in group_by(view, rows["flow"], rows["side"], ENDPOINTS_MAX).large:
        yield rows[group]


def enough(windows: list[Window], limits: Thresholds, by_client: bool) -> bool:
    """Several releases; one alone must be large, and a server's."""
    if len(windows) >= limits.cohorts_min:
        return True
    return any(window.size >= limits.single_min for window in windows) and not by_client


def releases(rows: np.ndarray, limits: Thresholds) -> list[Window]:
    """The bursts, the first BURSTS_MAX of them, in which these HELD rows of one endpoint end together."""
    out = rows[rows["end"] == End.CLOSED_BY_ITSELF]
    if len(out) < limits.count_min:
        return []
    out = out[np.argsort(out["until_ns"], kind="stable")]
    hold = out["until_ns"] - out["since_ns"]
    gap_ns = limits.burst_max * float(np.median(hold)) / limits.count_min  # so many fill a burst evenly
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(out["until_ns"]) > gap_ns) + 1, [len(out)]])
    since, until = np.sort(rows["since_ns"]), np.sort(rows["until_ns"])
    found: list[Window] = []
    for place in np.flatnonzero(np.diff(bounds) >= limits.count_min)[:BURSTS_MAX].tolist():
        burst = out[bounds[place] : bounds[place + 1]]
        first_ns, last_ns = int(burst["until_ns"][0]), int(burst["until_ns"][-1])
        times = np.sort(last_ns - burst["since_ns"])
        quarter, middle, three = (int(times[len(times) * part // 4]) for part in (1, 2, 3))
        held = np.searchsorted(since, first_ns, side="right") - np.searchsorted(until, first_ns)
        if (
            last_ns - first_ns <= limits.burst_max * middle
            and three - quarter >= limits.vary_min * middle
            and len(burst) >= limits.clear_min * held
            and (not found or middle <= last_ns - found[-1].last_ns)  # not what the release before it left over
        ):
            found.append(Window(first_ns, last_ns, len(burst)))
    return found
