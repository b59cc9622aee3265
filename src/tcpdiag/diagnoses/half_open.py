"""One side still has the connection, the other has not.

## What it sees
An endpoint that took part in a connection, never closed it, and then answers a segment with the RST of a host that
knows no such connection: no ACK flag, and SEG.SEQ copied from the ACK number of the segment that it answers. The
finding tells what each of the two believed and for how long they disagreed: at most from the last sign of life of the
one that lost the connection to its RST.

## Why it matters
The side that lost it restarted, or dropped it in silence; the other side went on believing in it, maybe for hours,
and everything that it waited for was lost. Keepalives or an idle time-out would have told it earlier.

## What it cannot know
Whether the host sent the RST, or a firewall or NAT that forgot the connection. When it was lost: only that it was
after that side's last packet.

## Thresholds
| name | default | source |
|---|---|---|
| answer_s | 1 | RFC 6298 section 2: the initial RTO; a RST that answers a segment comes within a round trip |

## RFC
RFC 9293 section 3.5.1 (half-open connections, Figure 10), section 3.10.7.1 (a RST takes its number from SEG.ACK)

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 < P. 1:101(100) ack 1 win 65535
+0.01 > . 1:1(0) ack 101 win 65535
+60.0 > P. 1:11(10) ack 101 win 65535
+0.01 < R 101:101(0) win 0
finding: half-open warning bytes_lost=10
```

## Stays silent
The application aborts: RST with ACK.
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:11(10) ack 1 win 65535
+0.01 < R. 1:1(0) ack 11 win 65535
```
The side that resets had closed before:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 < F. 1:1(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 2 win 65535
+0.50 > P. 1:11(10) ack 2 win 65535
+0.01 < R 2:2(0) win 0
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.flow import EndpointBit
from ..model.segment import Flag
from ..model.states import SYNCHRONIZED, State
from ..rfc import Rfc
from ..sets import among
from ..units import NS, duration, epoch, plural
from .base import Diagnosis, Scope
from .heartbeat import Heartbeat, learned
from .middleboxes import ESTABLISHED, HALF_CLOSED, Candidates, forgetting
from .resets import EXACT, resets_of_class
from .sentences import said
from .together import together, widened
from .view import View

_LIVE = [int(state) for state in SYNCHRONIZED - {State.TIME_WAIT}]


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    answer_s: float = 1


class Disagreement(NamedTuple):
    """One side lost the connection, and a RST betrays it."""

    event: np.void  # the RST
    asked_frame: int  # the segment that it answers
    asked_ns: int
    alive_frame: int  # last sign of life of the side that lost it, 0: not known
    alive_ns: int
    beat: Heartbeat | None  # of the side that lost it

    @property
    def flow(self) -> int:
        """Row of the flow table."""
        return int(self.event["flow"])

    @property
    def believer(self) -> int:
        """The side that still had the connection."""
        return int(self.event["side"])

    @property
    def until_ns(self) -> int:
        """When the two agreed again."""
        return int(self.event["ts_ns"])

    @property
    def silence_ns(self) -> int:
        """For how long they disagreed at most."""
        return self.until_ns - self.alive_ns if self.alive_frame else 0


class HalfOpen(Diagnosis):
    """One side has the connection, the other has not."""

    kind = "half-open"
    scope = Scope.FLOW
    events = (EventKind.REACTIVE, EventKind.ALIVE_AFTER_RST)
    references = (Rfc(9293, "3.5.1"), Rfc(9293, "3.10.7.1"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        resets = view.events[resets_of_class(view, EXACT)]
        resets = resets[((resets["flags"] & int(Flag.ACK)) == 0) & among(resets["state"], _LIVE)]
        answers = view.by_kind(EventKind.BAD_ACK_RST)  # to the challenge of its SYN: that is a syn-in-connection
        resets = resets[~among(resets["frame"], answers["frame"])]
        sender = 2 * resets["flow"].astype(np.int64) + resets["sender"]
        ends = view.tables.endpoints[sender]
        closed = (ends["bits"] & int(EndpointBit.FIN_SENT)) != 0
        spoke = ends["packets"] > ends["resets"]
        first: dict[int, np.void] = {}
        for event in resets[~closed & spoke]:
            first.setdefault(int(event["flow"]), event)
        found = {
            flow: disagreement
            for flow, events in view.by_flow(list(first))
            if (disagreement := _disagreement(view, first[flow], events, limits)) is not None
        }
        told = list(found)
        for group in together(view, told):
            same = [found[told[index]] for index in group.tolist()]
            longest = max(same, key=lambda each: each.silence_ns)
            finding = self._half_open(view, longest)
            if len(same) > 1:
                lost = view.role(longest.flow, 1 - longest.believer)
                finding = widened(
                    view,
                    finding,
                    f"{len(same):,} connections: the {lost} no longer knows them",
                    f"So it is with {plural(len(same) - 1, 'more connection')}.",
                    [each.flow for each in same],
                    [int(each.event["frame"]) for each in same],
                )
            yield finding

    def _half_open(self, view: View, found: Disagreement) -> Finding:
        flow, side, event = found.flow, found.believer, found.event
        lost, believer = view.role(flow, 1 - side), view.role(flow, side)
        host, other = view.host(flow, 1 - side), view.host(flow, side)
        return self.finding(
            view,
            Severity.WARNING,
            f"The {lost} no longer knows a connection that the {believer} still uses",
            tuple(_story(view, found)),
            streams=[flow],
            frames=[found.alive_frame, found.asked_frame, int(event["frame"])],
            span=(found.alive_ns or found.asked_ns, found.until_ns),
            evidence=tuple(_evidence(view, found)),
            endpoint=view.label(flow, 1 - side),
            peer=view.label(flow, side),
            causes=_causes(view, found),
            next_steps=(
                f"on {host}: uptime; restarts and crashes of the process that had port {view.port(flow, 1 - side)}, "
                "in that interval",
                f"on {other}: switch on keepalives (SO_KEEPALIVE with TCP_KEEPIDLE below the idle time-out of the "
                "path) or application heartbeats, so that it is noticed before data is sent",
            ),
            refutations=_refutations(view, found),
            settled_by=(
                f"on {host}: journalctl, last -x reboot: was the host or the process restarted in that interval?",
                f"capture at {host}: if the RST is not sent there, a box on the path sends it",
            ),
            data={
                "lost_by": view.label(flow, 1 - side),
                "silence_s": round(found.silence_ns / NS, 3),
                "last_alive_frame": found.alive_frame or None,
                "ttl": int(event["ttl"]),
                "ttl_others": int(view.tables.endpoint(flow, 1 - side)["ttl"]),
                "bytes_lost": _unacknowledged(view, found),
                "beliefs": _beliefs(view, found),
                "candidates": _boxes(view, found).listed(),
            },
        )


def _disagreement(view: View, event: np.void, events: np.ndarray, limits: Thresholds) -> Disagreement | None:
    """Whether this RST answers a segment as a host without the connection does, and its sender does not go on: then
    it was somebody else's RST."""
    flow, sender = int(event["flow"]), int(event["sender"])
    alive = (events["kind"] == EventKind.ALIVE_AFTER_RST) & (events["side"] == sender) & (events["detail"] == 1)
    answers = events[(events["kind"] == EventKind.REACTIVE) & (events["frame"] == event["frame"])]
    if np.any(alive) or not len(answers) or int(answers["value"][0]) > limits.answer_s * NS:
        return None
    signs = [(0, 0)]
    earlier = events[(events["sender"] == sender) & (events["frame"] > 0) & (events["frame"] < event["frame"])]
    signs += zip(earlier["ts_ns"][-1:].tolist(), earlier["frame"][-1:].tolist(), strict=True)
    detail = view.detail(flow, sender)
    if detail is not None and int(detail["last_new_frame"]) < int(event["frame"]):
        signs.append((int(detail["last_new_ts_ns"]), int(detail["last_new_frame"])))
    alive_ns, alive_frame = max(signs)
    beats = learned(view, 3, NS, np.asarray([flow]))
    return Disagreement(
        event,
        int(answers["ref"][0]),
        int(event["ts_ns"]) - int(answers["value"][0]),
        alive_frame,
        alive_ns,
        next((beat for beat in beats if beat.side == sender), None),
    )


def _unacknowledged(view: View, found: Disagreement) -> int:
    own = view.tables.endpoint(found.flow, found.believer)
    return (int(own["snd_nxt"]) - int(own["snd_una"])) & 0xFFFFFFFF


def _story(view: View, found: Disagreement) -> Iterator[Sentence]:
    flow, side, event = found.flow, found.believer, found.event
    lost, believer = view.role(flow, 1 - side), view.role(flow, side)
    count = _unacknowledged(view, found)
    what = f"{plural(count, 'byte')}" if count else "segment"
    yield said(
        f"The {lost} answered the {believer}'s {what} [{found.asked_frame}] with the RST of a host that has no such "
        f"connection [{event['frame']}]: no ACK, and its sequence number is the ACK number of that segment.",
        (found.asked_frame, int(event["frame"])),
        found.asked_ns,
    )
    state = State(int(event["state"]))
    if found.alive_frame:
        yield said(
            f"It had never closed the connection; its last sign of life was [{found.alive_frame}], "
            f"{duration(found.silence_ns)} before. In that time it lost the connection while the {believer} stayed in "
            f"{state}: for up to {duration(found.silence_ns)} the two disagreed, until [{event['frame']}].",
            (found.alive_frame, int(event["frame"])),
            found.alive_ns,
        )
    else:
        yield said(f"It had never closed the connection, and the {believer} was in {state}.", (), found.asked_ns)
    if found.beat is not None and found.silence_ns > 2 * found.beat.most_ns:
        yield said(
            f"It had sent {found.beat.what} every {found.beat.every} until then, so it was gone or cut off within "
            f"{duration(found.beat.most_ns)} of [{found.alive_frame}], and the {believer} did not notice the silence.",
            (found.alive_frame,),
            found.alive_ns,
        )


def _beliefs(view: View, found: Disagreement) -> list[dict[str, object]]:
    """What each side held to be true, from when until when."""
    flow, side = found.flow, found.believer
    since = found.alive_ns or found.asked_ns
    return [
        {
            "endpoint": view.label(flow, side),
            "state": str(State(int(found.event["state"]))),
            "until_ts": epoch(found.until_ns),
            "until_frame": int(found.event["frame"]),
        },
        {
            "endpoint": view.label(flow, 1 - side),
            "state": str(State.CLOSED),
            "since_ts_earliest": epoch(since),
            "since_ts_latest": epoch(found.asked_ns),
            "since_frame_earliest": found.alive_frame or None,
        },
    ]


def _boxes(view: View, found: Disagreement) -> Candidates:
    fins = view.side("bits")[found.flow] & int(EndpointBit.FIN_SENT | EndpointBit.FIN_RECEIVED)
    return forgetting(found.silence_ns, HALF_CLOSED if np.any(fins) else ESTABLISHED)


def _ttl(view: View, found: Disagreement) -> tuple[int, int]:
    """TTL of the RST, and of the first packet of the endpoint in whose name it came."""
    return int(found.event["ttl"]), int(view.tables.endpoint(found.flow, 1 - found.believer)["ttl"])


def _causes(view: View, found: Disagreement) -> tuple[Cause, ...]:
    lost, silence = view.role(found.flow, 1 - found.believer), found.silence_ns
    (ttl, usual), idle = _ttl(view, found), silence > NS
    other = f"the RST has TTL {ttl}, where the {lost}'s first packet has {usual}"
    same = f"the RST has TTL {ttl}, as the {lost}'s first packet"
    boxes = _boxes(view, found)
    gone = Cause(
        f"the {lost} lost it: the host or the process restarted, or it gave up in silence",
        (*((f"{duration(silence)} without a packet from it",) if idle else ()), *((same,) if ttl == usual else ())),
        (other,) if ttl != usual else (),
    )
    box = Cause(
        "a NAT, firewall or load balancer between forgot the idle connection and answers for the host",
        (
            *((f"the connection was idle for {duration(silence)}",) if idle else ()),
            *boxes.support(),
            *((other,) if ttl != usual else ()),
        ),
        (
            *(() if idle else ("the connection was not idle",)),
            *(() if boxes.boxes or not idle else ("shorter than the default idle time-outs of common middleboxes",)),
        ),
    )
    return (box, gone) if ttl != usual else (gone, box)


def _refutations(view: View, found: Disagreement) -> tuple[Refutation, ...]:
    lost, frame = view.role(found.flow, 1 - found.believer), int(found.event["frame"])
    ttl, usual = _ttl(view, found)
    return (
        Refutation(f"the {lost} goes on with the connection after its RST [{frame}]", "not found", (frame,)),
        Refutation(f"the {lost} had closed it: a FIN of it before [{frame}]", "not found", (frame,)),
        Refutation(
            f"the RST is not the {lost}'s: its TTL differs",
            f"not found: TTL {ttl} in both" if ttl == usual else f"found: TTL {ttl}, its first packet has {usual}",
            (frame,),
        ),
    )


def _evidence(view: View, found: Disagreement) -> Iterator[Evidence]:
    lost, believer = view.role(found.flow, 1 - found.believer), view.role(found.flow, found.believer)
    if found.alive_frame and found.alive_frame != found.asked_frame:
        yield view.frame(found.flow, found.alive_frame, f"last sign of life of the {lost}", found.alive_ns)
        if found.silence_ns > NS:
            yield view.absence(found.alive_ns, f"nothing from the {lost} for {duration(found.silence_ns)}", found.flow)
    yield view.frame(found.flow, found.asked_frame, f"the {believer} uses the connection", found.asked_ns)
    yield view.evidence(found.event, f"the {lost} has no such connection")
