"""Segments were lost between two hosts, and where: before the tap, behind it.

## What it sees
What had to be sent again, for each pair of hosts and each direction. A segment that comes to the tap again and fills a
hole there was lost before it: upstream. One that the tap had seen before, and that its receiver had not acknowledged,
was lost after it: downstream. Told apart: retransmissions that were needless, because the receiver had it all (its ACK
or its DSACK says so); segments that came late, but came; bytes that only the capture lacks (capture-loss); segments too
large for the path (mtu-black-hole), or beyond a window that was taken back (window-shrunk); and what stays unanswered
to the end (peer-vanished). Then what it cost: how often a sender stood still until its retransmission timer went off,
and for how long; and whether other paths lost anything in the same seconds.

## Why it matters
TCP repairs losses, and pays in time: a fast retransmission costs a round trip, one by the timer 200 ms to minutes. It
also takes each loss for congestion and slows down. Where the loss is seen from the tap tells where to look next.

## What it cannot know
Lost ACKs: later ones make up for them, and where they do not, a lost ACK looks like a loss behind the tap. Whether a
queue overflowed, a link is bad or a duplex setting wrong. A segment that is lost again on its way back to the tap is
counted once for each time that it is sent. TCP fills every bottleneck until it drops: losses in one burst are how it
finds its speed, and no fault.

## Thresholds
| name | default | source |
|---|---|---|
| notice_share | 0.001 | ITU-T Y.1541: IP packet loss ratio of at most 10^-3 in all classes of service with a bound |
| warning_share | 0.01 | Mathis 1997, window = 1.22 / sqrt(loss): at 1 % TCP keeps no more than 12 segments in flight |
| events_min | 5 | Poisson: 5 counted events mean at least 2 expected ones, 19 times out of 20; fewer may be chance |
| warning_s | 10 | a user's patience: 10 s is the limit for keeping attention (Nielsen, Usability Engineering, 1993) |

A warning needs a rate of loss events, not of segments: all that one connection loses within a round trip is one event,
as in the equation for TCP's throughput (RFC 5348 section 5.2). And the rate must be that high 19 times out of 20, given
how few events were counted. One event alone is `info`.

## RFC
RFC 9293 section 3.8.3, RFC 6298 section 5, RFC 2883 section 4, RFC 5348 section 5.2

## Speaks
The path is lossy, and the tap stands before the loss:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+0.50 > P. 101:201(100) ack 1 win 65535
+0.40 > P. 101:201(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 201 win 65535
finding: path-loss notice lost_after=1 lost_before=0
```
The receiver's side of it: what comes again fills a hole, at once:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 < . 1:1001(1000) ack 1 win 65535
+0.00 < . 2001:3001(1000) ack 1 win 65535
+0.00 > . 1:1(0) ack 1001 win 65535
+0.00 < . 3001:4001(1000) ack 1 win 65535
+0.00 > . 1:1(0) ack 1001 win 65535
+0.05 < . 1001:2001(1000) ack 1 win 65535
+0.00 > . 1:1(0) ack 4001 win 65535
finding: path-loss info lost_before=1 lost_after=0
```
The path was dead for a while, and came back:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+0.50 > P. 101:201(100) ack 1 win 65535
+0.40 > P. 101:201(100) ack 1 win 65535
+0.80 > P. 101:201(100) ack 1 win 65535
+1.60 > P. 101:201(100) ack 1 win 65535
+3.20 > P. 101:201(100) ack 1 win 65535
+6.40 > P. 101:201(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 201 win 65535
finding: path-loss warning lost_after=5
```

## Stays silent
The receiver had it already, and says so (needless):
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+0.40 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
```
Late, not lost:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 < . 1:1001(1000) ack 1 win 65535
+0.00 < . 2001:3001(1000) ack 1 win 65535
+0.001 < . 1001:2001(1000) ack 1 win 65535
+0.00 > . 1:1(0) ack 3001 win 65535
```
Lost by the capture alone:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:1001(1000) ack 1 win 65535
+0.01 > P. 2001:3001(1000) ack 1 win 65535
+0.01 < . 1:1(0) ack 3001 win 65535
+0.01 > P. 3001:4001(1000) ack 1 win 65535
+0.01 < . 1:1(0) ack 4001 win 65535
```
Never answered again (peer-vanished):
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+5.00 > P. 101:201(100) ack 1 win 65535 *6 every 0.8
```
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..model.event import EventKind, LossPlace
from ..model.finding import Cause, Evidence, Finding, Refutation, Severity
from ..rfc import Rfc
from ..sets import distinct
from ..units import NS, duration, percent, plural
from .base import FRAMES_MAX, Diagnosis, Scope, frame_list
from .black_holes import black_holes
from .confidence import NOT_UNIQUE, ROWS_CAPPED
from .controls import controls
from .late_handshakes import late_handshakes
from .loss_story import Place, causes, refutations, story
from .losses import Grave, Path, Way, losses, paths
from .sentences import said
from .view import View
from .windows import sent_again

_EVERYWHERE = ("compare the hosts: a loss that most of them share is near the tap, or near the host that they share",)


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    notice_share: float = 0.001
    warning_share: float = 0.01
    events_min: float = 5
    warning_s: float = 10


class PathLoss(Diagnosis):
    """Loss located: before the tap, behind it, or merely not captured."""

    kind = "path-loss"
    scope = Scope.HOST
    events = (EventKind.RETRANSMISSION,)
    references = (Rfc(9293, "3.8.3"), Rfc(6298, "5"), Rfc(2883, "4"), Rfc(5348, "5.2"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        found = view.once(losses)
        too_large = np.array([hole.flow for hole in view.once(black_holes)], np.int64)
        spared = np.concatenate([too_large, view.once(sent_again)["flow"].astype(np.int64)])
        for path in paths(view, found, spared, Grave(limits.events_min, limits.warning_s * NS)):
            yield self._loss(view, path, limits)
        late = late_handshakes(view)
        if len(late):
            yield self._late(view, late)

    def _loss(self, view: View, path: Path, limits: Thresholds) -> Finding:
        worse = path.worse
        rows = np.concatenate([way.rows for way in path.ways])
        rows = rows[np.argsort(rows["frame"], kind="stable")]
        lost = sum(way.lost for way in path.ways)
        span = _span(view, path, rows)
        place = Place(view, worse)
        control = controls(view, worse.flow, worse.side, span) if path.pairs == 1 else []
        hosts = view.host(worse.flow, worse.side), view.host(worse.flow, 1 - worse.side)
        return self.finding(
            view,
            _severity(path, limits),
            _title(path, limits),
            list(story(view, path, rows, control)),
            streams=path.flows,
            frames=_frames(path, rows),
            span=span,
            doubts=(ROWS_CAPPED,) if len(rows) < lost else (),
            evidence=_evidence(view, worse, rows),
            endpoint=hosts[0] if path.pairs == 1 else None,
            peer=hosts[1] if path.pairs == 1 else None,
            causes=causes(path, hosts, place, control),
            next_steps=place.next_steps if path.pairs == 1 else _EVERYWHERE,
            refutations=refutations(path),
            settled_by=(
                f"captures on both ends, as {hosts[0]} and {hosts[1]}, at the same time: which of them lacks the first "
                "copies?",
                f"on {hosts[0]}: ss -tino dst {hosts[1]} (retrans, lost, reord_seen, dsack_dups), and "
                "nstat -az TcpRetransSegs TcpExtTCPTimeouts TcpExtTCPSpuriousRTOs",
            ),
            data={
                "paths": path.pairs,
                "connections": len(path.flows),
                "lost": lost,
                "lost_before": sum(way.before for way in path.ways),
                "lost_after": sum(way.after for way in path.ways),
                "needless": sum(way.needless for way in path.ways),
                "unseen_bytes": sum(way.unseen for way in path.ways),
                "stalls": sum(len(way.stalls.ns) for way in path.ways),
                "stalled_s": round(sum(int(way.stalls.ns.sum()) for way in path.ways) / NS, 3),
                "longest_stall_s": round(max(way.stalls.longest for way in path.ways) / NS, 3),
                "directions": [_direction(view, path, way) for way in path.ways],
                "other_paths": [group.data for group in control],
            },
        )

    def _late(self, view: View, late: np.ndarray) -> Finding:
        flows = distinct(late["flow"].astype(np.int64))
        server = 1 - view.client[flows]
        answers = view.side("first_frame")[flows, server].astype(np.int64)
        waited_ns = view.side("first_ts_ns")[flows, server] - view.side("first_ts_ns")[flows, 1 - server]
        worst = int(np.argmax(waited_ns))
        label = view.label(int(flows[worst]), int(server[worst]))
        client = view.host(int(flows[worst]), 1 - int(server[worst]))
        one = len(flows) == 1
        return self.finding(
            view,
            Severity.NOTICE,
            "A SYN was lost, and the connect had to wait" if one else "SYNs were lost, and connects had to wait",
            [
                said(
                    f"{plural(len(late), 'SYN')} of {plural(len(flows), 'connection')} got no answer and had to be "
                    f"sent again {frame_list(late['frame'])}; then the server answered {frame_list(answers)}.",
                    [*late["frame"][:8], *answers[:8]],
                    late["ts_ns"][0],
                ),
                said(f"Connecting to {label} took {duration(int(waited_ns[worst]))}."),
            ],
            streams=flows,
            frames=np.concatenate([late["frame"], answers])[:FRAMES_MAX],
            span=(int(view.flows["first_ts_ns"][flows].min()), int(late["ts_ns"].max())),
            doubts=(NOT_UNIQUE,),
            evidence=[view.evidence(event, "SYN again: no answer so far") for event in late],
            endpoint=client,
            peer=label if one else None,
            causes=(
                Cause("the SYNs, or their answers before the tap, were lost on the path"),
                Cause("a listener dropped them: its queues were full for a moment", (),
                      ("no other SYN to this server stayed without an answer",)),
            ),
            next_steps=("look for loss on the path first: the same two hosts' other connections",),
            refutations=(
                Refutation("the server drops SYNs and ACKs at other times, too",
                           "not found: each SYN to it was answered in the end, and no SYN-ACK repeated in spite of "
                           "its ACK"),
                Refutation("the SYNs reached the server's host", None),
            ),
            settled_by=(
                f"on the server {label}: nstat -az TcpExtListenOverflows TcpExtListenDrops TcpExtTCPReqQFullDrop: "
                "0 means that the path lost them",
            ),
            data={"connections": len(flows), "syns_lost": len(late),
                  "longest_s": round(int(waited_ns[worst]) / NS, 3)},
        )  # fmt: skip


def _severity(path: Path, limits: Thresholds) -> Severity:
    """By the effect: who had to wait how long, and what the rate of loss events does to TCP's speed."""
    if any(_stood_still(way, limits) or _slowed(way, limits) for way in path.ways):
        return Severity.WARNING
    for way in path.ways:
        if len(way.stalls.ns) or (way.events > 1 and way.share >= limits.notice_share):
            return Severity.NOTICE
    return Severity.INFO


def _stood_still(way: Way, limits: Thresholds) -> bool:
    return way.stalls.longest >= limits.warning_s * NS


def _slowed(way: Way, limits: Thresholds) -> bool:
    return way.events >= limits.events_min and way.rate_at_least >= limits.warning_share


def _title(path: Path, limits: Thresholds) -> str:
    worst = max(path.ways, key=lambda way: way.stalls.longest)
    if path.pairs > 1:
        return f"Segments were lost on {path.pairs:,} paths"
    if _stood_still(worst, limits):
        return f"The path lost everything for {duration(worst.stalls.longest)}"
    if any(_slowed(way, limits) for way in path.ways):
        return f"The path loses {percent(path.worse.share)} of the packets"
    return "A segment was lost on the path" if path.worse.lost == 1 else "A few segments were lost on the path"


def _span(view: View, path: Path, rows: np.ndarray) -> tuple[int, int]:
    if len(rows):
        return int((rows["ts_ns"] - rows["value"].clip(0)).min()), int(rows["ts_ns"].max())
    lives = view.flows[path.flows]
    return int(lives["first_ts_ns"].min()), int(lives["last_ts_ns"].max())


def _frames(path: Path, rows: np.ndarray) -> np.ndarray:
    """Those that the story names come first: there may be more than a finding holds."""
    named = [way.stalls.longest_frame for way in path.ways] + [
        int(frame) for way in path.ways for frame in way.rows["frame"][[0, -1] if len(way.rows) else []]
    ]
    return np.concatenate([np.asarray(named, np.int64), rows["frame"][: FRAMES_MAX - 2 * len(named)].astype(np.int64)])


def _evidence(view: View, worse: Way, rows: np.ndarray) -> Iterator[Evidence]:
    longest = worse.stalls.longest_frame
    shown = rows[(np.arange(len(rows)) < 4) | (rows["frame"] == longest)]
    for event in shown:
        before = int(event["detail"]) == LossPlace.BEFORE
        note = "fills a hole: the first copy never came to the tap" if before else "again: the tap had seen it before"
        if int(event["frame"]) == longest:
            note += f", {duration(int(event['value']))} without progress"
        yield view.evidence(event, note)


def _direction(view: View, path: Path, way: Way) -> dict[str, Any]:
    one = path.pairs == 1
    return {
        "sender": view.host(way.flow, way.side) if one else None,
        "receiver": view.host(way.flow, 1 - way.side) if one else None,
        "packets": way.sent,
        "lost_before": way.before,
        "lost_after": way.after,
        "share": round(way.share, 6),
        "loss_events": way.events,
        "needless": way.needless,
        "late": way.late,
        "retransmitted_bytes": int(way.rows["payload_len"].sum(dtype=np.int64)),
    }
