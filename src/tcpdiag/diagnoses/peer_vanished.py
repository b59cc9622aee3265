"""Data is sent again and again, and the peer never answers any more.

## What it sees
An endpoint repeats the same data (or FIN), and from the first repetition to the end nothing valid comes from its
peer, which had been there before. RSTs that the endpoint did not obey do not count as an answer. The distances of the
repetitions tell which rule made the sender stop, if it did.

## Why it matters
The peer, or the path to it, is gone. The sender keeps the connection until its stack gives up: on Linux about 15
minutes (tcp_retries2), and in silence, so that the end of the repetitions does not mean that it is over.

## What it cannot know
Beside the sender: whether the peer is gone, or only the path. Other connections of the peer's host in the same
capture tell whether the host lives. Whether the sender has given up: most stacks do so without a word; it is told
when the next repetition was due and did not come.

## Thresholds
| name | default | source |
|---|---|---|
| repeats_min | 3 | RFC 9293 section 3.8.3: R1 is at least 3 retransmissions before a stack doubts the path |
| alone_s | 1 | RFC 6298 section 2: the initial RTO; a burst of losses is shorter |
| critical_s | 100 | RFC 9293 section 3.8.3: R2, at least 100 s, when a stack should give up |

## RFC
RFC 9293 section 3.8.3, RFC 6298 section 5

## Speaks
Still trying when the capture ends:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+5.00 > P. 101:201(100) ack 1 win 65535 *6 every 0.8
finding: peer-vanished warning gave_up=false repeats=5
```
Distances that double, and then nothing: Linux with tcp_retries2 = 5.
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+1.00 > P. 101:201(100) ack 1 win 65535
+0.20 > P. 101:201(100) ack 1 win 65535
+0.40 > P. 101:201(100) ack 1 win 65535
+0.80 > P. 101:201(100) ack 1 win 65535
+1.60 > P. 101:201(100) ack 1 win 65535
+3.20 > P. 101:201(100) ack 1 win 65535
+60.0 .
finding: peer-vanished warning gave_up=true repeats=5
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
The peer is there, and has no room: zero-window probes are no repetitions.
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 100
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 0
+0.20 > . 100:100(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 0
+0.40 > . 100:100(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 0
+0.80 > . 100:100(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 0
+1.60 > . 100:100(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 0
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.flow import EndpointBit
from ..rfc import Rfc
from ..sets import among
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .black_holes import black_holes
from .confidence import NOT_UNIQUE
from .elsewhere import Heard, heard
from .giving_up import Repeats, repeats, rules_of, verdict
from .heartbeat import learned
from .middleboxes import ESTABLISHED, HALF_CLOSED, forgetting
from .sentences import said
from .together import together, widened
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    repeats_min: float = 3
    alone_s: float = 1
    critical_s: float = 100


class Vanished(NamedTuple):
    """One endpoint's repetitions, and when its peer was last heard."""

    flow: int
    side: int
    run: Repeats
    heard_ns: int
    heard_frame: int
    resets: int  # RSTs of the peer that were not obeyed

    @property
    def idle_ns(self) -> int:
        """How long the peer had been silent when the data that is repeated was first sent."""
        return max(0, self.run.sent_ns - self.heard_ns)


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
        too_large = [hole.flow for hole in view.once(black_holes)]  # small segments reach the peer
        candidates = candidates[~among(candidates, too_large)]
        found: dict[int, Vanished] = {}
        for flow, events in view.by_flow(candidates):
            for side in (0, 1):
                vanished = _vanished(view, flow, side, events, limits)
                if vanished is not None:
                    found.setdefault(flow, vanished)
        told = list(found)
        for group in together(view, told):
            same = [found[told[index]] for index in group.tolist()]
            longest = max(same, key=lambda each: each.run.alone_ns)
            finding = self._finding(view, longest, limits)
            if len(same) > 1:
                others = f"So it is with {plural(len(same) - 1, 'more connection')}, for a shorter time."
                title = f"{len(same):,} connections: what is sent again and again gets no answer"
                flows = [each.flow for each in same]
                finding = widened(view, finding, title, others, flows, [each.run.frames[0] for each in same])
            yield finding

    def _finding(self, view: View, lost: Vanished, limits: Thresholds) -> Finding:
        flow, side, run = lost.flow, lost.side, lost.run
        own = view.tables.endpoint(flow, side)
        host, peer = view.host(flow, side), view.host(flow, 1 - side)
        elsewhere = heard(view, flow, 1 - side, run.sent_ns)
        return self.finding(
            view,
            Severity.CRITICAL if run.alone_ns >= limits.critical_s * NS else Severity.WARNING,
            f"The {view.role(flow, 1 - side)} fell silent: {plural(run.times, 'repetition')} in "
            f"{duration(run.alone_ns)} got no answer",
            tuple(_story(view, lost, elsewhere)),
            streams=[flow],
            frames=[lost.heard_frame, run.sent_frame, *run.frames, int(own["last_frame"]), run.reset_frame],
            span=(lost.heard_ns, int(own["last_ts_ns"])),
            doubts=() if lost.resets else (NOT_UNIQUE,),
            evidence=tuple(_evidence(view, lost)),
            endpoint=view.label(flow, side),
            peer=view.label(flow, 1 - side),
            causes=_causes(view, lost, elsewhere),
            next_steps=(
                f"on {host}: set TCP_USER_TIMEOUT, so that a lost peer is noticed in seconds",
                f"on {peer}: uptime; restarts of the process that had port {view.port(flow, 1 - side)}",
            ),
            refutations=_refutations(view, lost, elsewhere),
            settled_by=(
                *(
                    (f"on {peer}: nstat -az TcpExtListenOverflows TcpExtSyncookiesSent; ss -ltn (Recv-Q above Send-Q)",)
                    if _never_spoke(view, lost)
                    else ()
                ),
                f"on {host}: ss -tinpo dst {peer} (timer, backoff, unacked); sysctl net.ipv4.tcp_retries2",
                f"capture at {peer} at the same time: do the packets arrive, and what does it answer?",
            ),
            data={
                "repeats": run.times,
                "alone_s": round(run.alone_ns / NS, 3),
                "idle_before_s": round(lost.idle_ns / NS, 3),
                "last_heard_frame": lost.heard_frame,
                "first_sent_frame": run.sent_frame,
                "unacknowledged_bytes": _unacknowledged(view, lost),
                "gaps_s": [round(gap / NS, 3) for gap in run.gaps_ns],
                "doubling": run.doubling,
                "gave_up": run.over or bool(run.reset_frame),
                "rules": rules_of(view, flow, side, run),
                "host_heard_on_others": elsewhere.flows,
            },
        )


def _vanished(view: View, flow: int, side: int, events: np.ndarray, limits: Thresholds) -> Vanished | None:
    detail, peer = view.detail(flow, side), view.tables.endpoint(flow, 1 - side)
    if detail is None or int(detail["retrans_run"]) < limits.repeats_min or not int(peer["packets"]):
        return None
    heard_ns, heard_frame, resets = _last_heard(events, 1 - side, peer, int(detail["retrans_first_ts_ns"]))
    run = repeats(view, flow, side, events, heard_ns)
    if run is None or len(run.frames) < limits.repeats_min or run.alone_ns < limits.alone_s * NS:
        return None
    return Vanished(flow, side, run, heard_ns, heard_frame, resets)


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


def _unacknowledged(view: View, lost: Vanished) -> int:
    """Sequence numbers that the peer never acknowledged, a FIN among them."""
    own = view.tables.endpoint(lost.flow, lost.side)
    return (int(own["snd_nxt"]) - int(own["snd_una"])) & 0xFFFFFFFF


def _what(view: View, lost: Vanished) -> str:
    own = view.tables.endpoint(lost.flow, lost.side)
    fin, count = bool(int(own["bits"]) & EndpointBit.FIN_SENT), _unacknowledged(view, lost)
    if fin and count == 1:
        return "FIN"
    return plural(count - fin, "byte") + (" and FIN" if fin else "")


def _story(view: View, lost: Vanished, elsewhere: Heard) -> Iterator[Sentence]:
    flow, side, run = lost.flow, lost.side, lost.run
    who, other = view.role(flow, side), view.role(flow, 1 - side)
    beat = next((b for b in learned(view, 3, NS, np.asarray([flow])) if b.side != side), None)
    sign = "its heartbeat" if beat is not None and lost.heard_frame == beat.frames[-1] else "frame"
    before = f", {duration(lost.idle_ns)} before that data" if lost.idle_ns >= NS else ""
    but = "but RSTs that it did not obey " if lost.resets else ""
    yield said(
        f"The {who}'s {_what(view, lost)} [{run.sent_frame}] got no answer, and neither did "
        f"{plural(run.times, 'repetition')} in {duration(run.alone_ns)} {frame_list(run.frames)}: nothing {but}has "
        f"come from the {other} since {sign} [{lost.heard_frame}]{before}.",
        (lost.heard_frame, run.sent_frame, *run.frames),
        run.sent_ns,
    )
    if pace := run.pace():
        yield said(f"The repetitions came{pace.removeprefix(',')}.", run.frames, run.first_ns)
    yield said(verdict(view, flow, side, run), (run.reset_frame,) if run.reset_frame else (), run.last_ns)
    if elsewhere.flows:
        yield said(
            f"The {other}'s host was alive: it sent packets on {plural(elsewhere.flows, 'other connection')} since.",
            (),
            elsewhere.last_ns,
        )


def _never_spoke(view: View, lost: Vanished) -> bool:
    """Whether the handshake is all that the peer, a server, ever sent."""
    peer = view.tables.endpoint(lost.flow, 1 - lost.side)
    return bool(lost.side == int(view.client[lost.flow]) and int(peer["packets"]) == int(peer["syns"]) > 0)


def _causes(view: View, lost: Vanished, elsewhere: Heard) -> tuple[Cause, ...]:
    fins = np.any(view.side("bits")[lost.flow] & int(EndpointBit.FIN_SENT | EndpointBit.FIN_RECEIVED) != 0)
    boxes = forgetting(lost.idle_ns, HALF_CLOSED if fins else ESTABLISHED)
    idle = f"the connection was idle for {duration(lost.idle_ns)} before"
    alive = (f"its host answered on {plural(elsewhere.flows, 'other connection')} since",) if elsewhere.flows else ()
    gone = Cause(
        "the peer's host is down or was restarted, or its application is gone without a FIN",
        ("its last packets were RSTs",) if lost.resets else (),
        alive,
    )
    forgot = Cause(
        "a NAT or firewall forgot the connection and drops the packets",
        (*((idle,) if lost.idle_ns > NS else ()), *boxes.support(), *alive),
        () if lost.idle_ns > NS else ("the connection was not idle",),
    )
    path = Cause("the packets, or the ACKs, are lost on the path from here on", (), alive)
    if _never_spoke(view, lost):
        cookie = Cause(
            "the server's accept queue is full: the SYN-ACK carried a SYN cookie, and the connection was never made",
            (f"the SYN-ACK [{lost.heard_frame}] is all that it ever sent",),
        )
        return (cookie, gone, path)
    return (forgot, gone, path) if alive and not lost.resets else (gone, forgot, path)


def _refutations(view: View, lost: Vanished, elsewhere: Heard) -> tuple[Refutation, ...]:
    peer = view.label(lost.flow, 1 - lost.side)
    resets = f"only {plural(lost.resets, 'RST')} that were not obeyed" if lost.resets else "not found"
    return (
        Refutation(f"{peer} sends anything on this connection after [{lost.heard_frame}]", resets, (lost.heard_frame,)),
        Refutation(
            "its host is alive, so that only this connection is lost",
            elsewhere.outcome(view.host(lost.flow, 1 - lost.side)),
            (elsewhere.last_frame,) if elsewhere.flows else (),
        ),
        Refutation("the answers went another way, past the tap", None),
    )


def _evidence(view: View, lost: Vanished) -> Iterator[Evidence]:
    run, flow = lost.run, lost.flow
    heard = view.frame(flow, lost.heard_frame, "the peer's last sign of life", lost.heard_ns)
    sent = view.frame(flow, run.sent_frame, "what it never acknowledges", run.sent_ns)
    yield from (heard, sent) if lost.heard_ns <= run.sent_ns else (sent, heard)
    shown = [run.frames[0], run.frames[len(run.frames) // 2], run.frames[-1]] if len(run.frames) > 3 else run.frames
    yield from (view.frame(flow, frame, "sent again, not answered") for frame in shown)
    if run.reset_frame:
        yield view.frame(flow, run.reset_frame, "it gave up")
