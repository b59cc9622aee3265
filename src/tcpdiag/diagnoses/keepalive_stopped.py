"""A heartbeat stopped, and the connection was not closed.

## What it sees
One endpoint sent small messages of itself, or TCP keepalive probes, with nearly one period, the gaps within a quarter
of each other. Then it sent no message any more for several periods, while the capture went on and nobody closed the
connection. Messages that the peer asked for are answers, not beats. Where both sides exchange small messages, either
may be a ping and its answer or a poll that has ended: that is told as a notice only.

## Why it matters
A peer that died, or that a NAT, firewall or suspended host cut off, says nothing. The side that only listens stays
ESTABLISHED for ever: it waits for messages that cannot come, until it sends something itself.

## What it cannot know
What the beats mean, and what the two have agreed on: an application may stop of its own will. Whether the process, the
host or the path died, unless something was sent to it afterwards.

## Thresholds
| name | default | source |
|---|---|---|
| gaps_min | 3 | fewer gaps of one length are chance; twice as many are asked for where both sides speak |
| warning_gaps | 5 | fewer may be a few messages of one job that came at an even pace: a notice |
| periods | 3 | RFC 4271 section 10: the hold time is three keepalive times; one or two lost beats are forgiven |
| period_min_s | 1 | RFC 4271 section 4.4: keepalives are not sent more often than once a second |

## RFC
RFC 9293 section 3.8.4 (keepalives), RFC 9293 section 3.5.1 (half-open connections), RFC 4271 section 4.4

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:11(10) ack 1 win 65535
+30.0 < P. 1:9(8) ack 11 win 65535
+0.01 > . 11:11(0) ack 9 win 65535
+30.0 < P. 9:17(8) ack 11 win 65535
+0.01 > . 11:11(0) ack 17 win 65535
+30.0 < P. 17:25(8) ack 11 win 65535
+0.01 > . 11:11(0) ack 25 win 65535
+30.0 < P. 25:33(8) ack 11 win 65535
+0.01 > . 11:11(0) ack 33 win 65535
+30.0 < P. 33:41(8) ack 11 win 65535
+0.01 > . 11:11(0) ack 41 win 65535
+30.0 < P. 41:49(8) ack 11 win 65535
+0.01 > . 11:11(0) ack 49 win 65535
+300 .
finding: keepalive-stopped warning
```

## Stays silent
The capture ends with the last beat:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+30.0 < P. 1:9(8) ack 1 win 65535
+30.0 < P. 9:17(8) ack 1 win 65535
+30.0 < P. 17:25(8) ack 1 win 65535
+30.0 < P. 25:33(8) ack 1 win 65535
+30.0 < P. 33:41(8) ack 1 win 65535
+0.01 > . 1:1(0) ack 41 win 65535
+40.0 .
```
The beats end with the connection:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+30.0 < P. 1:9(8) ack 1 win 65535
+30.0 < P. 9:17(8) ack 1 win 65535
+30.0 < P. 17:25(8) ack 1 win 65535
+30.0 < P. 25:33(8) ack 1 win 65535
+30.0 < P. 33:41(8) ack 1 win 65535
+0.01 > . 1:1(0) ack 41 win 65535
+5.00 > F. 1:1(0) ack 41 win 65535
+0.01 < F. 41:41(0) ack 2 win 65535
+0.01 > . 2:2(0) ack 42 win 65535
+300 .
```
Requests and answers of an ordinary size that end:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+10.0 > P. 1:201(200) ack 1 win 65535
+0.02 < P. 1:401(400) ack 201 win 65535
+10.0 > P. 201:401(200) ack 401 win 65535
+0.02 < P. 401:801(400) ack 401 win 65535
+10.0 > P. 401:601(200) ack 801 win 65535
+0.02 < P. 801:1201(400) ack 601 win 65535
+10.0 > P. 601:801(200) ack 1201 win 65535
+0.02 < P. 1201:1601(400) ack 801 win 65535
+10.0 > P. 801:1001(200) ack 1601 win 65535
+0.02 < P. 1601:2001(400) ack 1001 win 65535
+300 .
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventBit, EventKind
from ..model.finding import Cause, Evidence, Finding, Severity
from ..model.flow import EndpointBit
from ..model.segment import Flag
from ..rfc import Rfc
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .confidence import FEW_BEATS, NOT_UNIQUE
from .heartbeat import Heartbeat, learned
from .together import together, widened
from .view import View

_DELAYED_ACK_NS = 500_000_000  # RFC 9293 section 3.8.6.3: what is later is not the ACK of the last beat


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    gaps_min: float = 3
    warning_gaps: float = 5
    periods: float = 3
    period_min_s: float = 1


class Silence(NamedTuple):
    """What followed after the last beat."""

    until_ns: int  # the capture's end, or what ended the connection
    reply_frame: int  # last packet that the beating side still sent, 0: none
    reset_frame: int  # RST of the beating side
    sent_frames: tuple[int, ...]  # what the listening side sent of itself
    closed: bool


class KeepaliveStopped(Diagnosis):
    """A learned heartbeat stopped, the connection did not."""

    kind = "keepalive-stopped"
    scope = Scope.FLOW
    events = (EventKind.BEAT, EventKind.KEEPALIVE_PROBE, EventKind.RST, EventKind.STATE)
    references = (Rfc(9293, "3.8.4"), Rfc(9293, "3.5.1"), Rfc(4271, "4.4"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        beats = [
            beat
            for beat in learned(view, limits.gaps_min, int(limits.period_min_s * NS))
            if view.last_ts_ns - beat.last_ns >= limits.periods * beat.most_ns and not _spoke(view, beat)
        ]
        events = dict(view.by_flow(beat.flow for beat in beats))
        stopped: dict[int, tuple[Heartbeat, Silence]] = {}
        for beat in beats:
            silence = _after(view, beat, events[beat.flow])
            if silence is not None and silence.until_ns - beat.last_ns >= limits.periods * beat.most_ns:
                stopped.setdefault(beat.flow, (beat, silence))
        told = list(stopped.values())
        for group in together(view, list(stopped)):
            beat, silence = max((told[index] for index in group.tolist()), key=_plainest)
            finding = self._stopped(view, beat, silence, events[beat.flow], limits)
            if len(group) > 1:
                same = [told[index][0] for index in group.tolist()]
                finding = widened(
                    view,
                    finding,
                    f"{len(group):,} heartbeats stopped, and the connections were not closed",
                    f"So did the heartbeats of {plural(len(group) - 1, 'more connection')}.",
                    [other.flow for other in same],
                    [other.frames[-1] for other in same],
                )
            yield finding

    def _stopped(
        self, view: View, beat: Heartbeat, silence: Silence, events: np.ndarray, limits: Thresholds
    ) -> Finding:
        flow, side = beat.flow, beat.side
        who, other = view.role(flow, side), view.role(flow, 1 - side)
        silent_ns = silence.until_ns - beat.last_ns
        times = silent_ns / beat.period_ns
        probes = _keepalives(view, flow)
        return self.finding(
            view,
            Severity.NOTICE if beat.exchanged or beat.count <= limits.warning_gaps else Severity.WARNING,
            f"The {who}'s heartbeat stopped, and the connection was not closed",
            f"The {who} sent a {beat.word} every {_period(beat)}, {plural(beat.count, 'time')} "
            f"{frame_list(dict.fromkeys(beat.frames))}, then none for {duration(silent_ns)}, {times:.3g} times as "
            f"long, {'until the connection ended' if silence.closed else 'until the capture ends'}. "
            f"{_noticed(other, who, silence)} "
            + (f"TCP keepalives are in use: {plural(probes, 'probe')}." if probes else "No TCP keepalive was seen."),
            streams=[flow],
            frames=[*beat.frames, *silence.sent_frames, silence.reset_frame],
            span=(beat.first_ns, silence.until_ns),
            doubts=[
                *((FEW_BEATS,) if beat.count < 10 else ()),
                *((NOT_UNIQUE,) if beat.exchanged else ()),
            ],
            evidence=_evidence(view, beat, silence, silent_ns, events),
            endpoint=view.label(flow, side),
            peer=view.label(flow, 1 - side),
            causes=_causes(who, beat, silence),
            next_steps=(
                f"on {view.host(flow, 1 - side)}: ss -tinpo dst {view.host(flow, side)}: is the socket still "
                "ESTABLISHED, with a timer?",
                f"on {view.host(flow, side)}: does it still have this connection? uptime; restarts of the process",
                f"let the {other} close and reconnect when nothing was received for about "
                f"{duration(int(3 * beat.period_ns))} (three periods), or switch on SO_KEEPALIVE with a short "
                "TCP_KEEPIDLE",
            ),
            data={
                "heartbeat": "tcp" if beat.probes else "application",
                "period_s": round(beat.period_ns / NS, 3),
                "period_min_s": round(beat.least_ns / NS, 3),
                "period_max_s": round(beat.most_ns / NS, 3),
                "beats": beat.count,
                "silent_for_s": round(silent_ns / NS, 3),
                "periods_missed": round(times, 1),
                "peer_sent_since": len(silence.sent_frames),
                "came_back": "rst" if silence.reset_frame else "ack" if silence.reply_frame else "nothing",
                "tcp_keepalive_probes": probes,
            },
        )


def _plainest(told: tuple[Heartbeat, Silence]) -> tuple[bool, int]:
    """Which of several heartbeats leaves the least doubt."""
    return not told[0].exchanged, told[0].count


def _spoke(view: View, beat: Heartbeat) -> bool:
    """Whether the beating side closed in order, or said something else after its last beat."""
    detail = view.detail(beat.flow, beat.side)
    closed = int(view.tables.endpoint(beat.flow, beat.side)["bits"]) & EndpointBit.FIN_SENT
    return detail is None or bool(closed) or int(detail["last_text_ts_ns"]) > beat.last_ns


def _after(view: View, beat: Heartbeat, events: np.ndarray) -> Silence | None:
    """What came after the last beat; None where bytes of the beating side were not captured."""
    flow, side = beat.flow, beat.side
    own, peer = view.tables.endpoint(flow, side), view.tables.endpoint(flow, 1 - side)
    waiting = view.detail(flow, 1 - side)
    if waiting is None:
        return None
    events = events[(events["ts_ns"] > beat.last_ns) & ((events["bits"] & int(EventBit.WITHDRAWN)) == 0)]
    if np.any((events["kind"] == EventKind.ACK_UNSEEN) & (events["sender"] != side)):
        return None
    resets = events[events["kind"] == EventKind.RST]
    fins = events[(events["kind"] == EventKind.STATE) & ((events["flags"] & int(Flag.FIN)) != 0)]
    ends = [*resets["ts_ns"].tolist(), *fins["ts_ns"].tolist()]
    if reopened_ns := int(view.once(_opened_again)[flow]):
        ends.append(reopened_ns)
    since_ns = beat.last_ns + _DELAYED_ACK_NS
    sent = events[(events["sender"] == 1 - side) & (events["frame"] > 0) & (events["ts_ns"] > since_ns)]
    frames = set(sent["frame"].tolist())
    if int(waiting["last_new_ts_ns"]) > since_ns:
        frames.add(int(waiting["last_new_frame"]))
    if int(peer["last_ts_ns"]) > since_ns:
        frames.add(int(peer["last_frame"]))
    reset = resets["frame"][resets["sender"] == side]
    replied = int(own["last_ts_ns"]) > since_ns and int(own["last_frame"]) not in reset
    return Silence(
        min(ends, default=view.last_ts_ns),
        int(own["last_frame"]) if replied else 0,
        int(reset[0]) if len(reset) else 0,
        tuple(sorted(frames)),
        bool(ends),
    )


def _opened_again(view: View) -> np.ndarray:
    """When the next connection on the 4-tuple of each flow began; 0: never."""
    later = np.zeros(len(view.flows), np.int64)
    again = view.flows["previous"] >= 0
    later[view.flows["previous"][again]] = view.flows["first_ts_ns"][again]
    return later


def _keepalives(view: View, flow: int) -> int:
    return sum(int(detail["keepalives"]) for side in (0, 1) if (detail := view.detail(flow, side)) is not None)


def _period(beat: Heartbeat) -> str:
    """`2 s`, or `29 s to 33 s` where they differ visibly."""
    least, most = duration(beat.least_ns), duration(beat.most_ns)
    return least if least == most else f"{least} to {most}"


def _noticed(other: str, who: str, silence: Silence) -> str:
    if not silence.sent_frames:
        return f"The {other} did not notice: it sent nothing since."
    back = (
        f"a RST came back [{silence.reset_frame}]" if silence.reset_frame
        else f"the {who}'s TCP still answered [{silence.reply_frame}]" if silence.reply_frame
        else "nothing came back"
    )  # fmt: skip
    return f"The {other} sent something since {frame_list(silence.sent_frames)}: {back}."


def _causes(who: str, beat: Heartbeat, silence: Silence) -> tuple[Cause, ...]:
    alive = (f"its TCP still answered [{silence.reply_frame}]",) if silence.reply_frame else ()
    reset = (f"a RST answered later [{silence.reset_frame}]",) if silence.reset_frame else ()
    silent = ("what was sent to it got no answer",) if silence.sent_frames and not alive and not reset else ()
    gone = Cause(f"the {who} is gone: host down, restarted or suspended, and no FIN said so", (*reset, *silent), alive)
    path = Cause("a NAT, firewall or the path between drops the connection's packets", silent, alive)
    stuck = Cause(f"the {who}'s application is stuck, or has stopped its heartbeat", alive, (*silent, *reset))
    ended = Cause("the two only stopped asking each other: a poll that ended", ("both sides sent small messages",))
    if beat.probes:  # the kernel sends them, whatever the application does
        return (gone, path)
    if alive:
        return (stuck, gone, path)
    return (ended, gone, path) if beat.exchanged else (gone, path, stuck)


def _evidence(view: View, beat: Heartbeat, silence: Silence, silent_ns: int, events: np.ndarray) -> Iterator[Evidence]:
    rows = events[np.isin(events["frame"], beat.frames) & np.isin(events["kind"], _BEATS)]
    shown = rows if len(rows) <= 4 else np.concatenate([rows[:2], rows[-1:]])
    yield from (view.evidence(event, f"heartbeat of the {view.role(beat.flow, beat.side)}") for event in shown)
    yield view.absence(beat.last_ns, f"no heartbeat for {duration(silent_ns)}", beat.flow)
    for frame in silence.sent_frames[:2]:
        yield from (view.evidence(event, "sent since") for event in events[events["frame"] == frame][:1])
    resets = events[(events["frame"] == silence.reset_frame) & (events["kind"] == EventKind.RST)]
    yield from (view.evidence(event, "what came back") for event in resets[:1])


_BEATS = [int(EventKind.BEAT), int(EventKind.KEEPALIVE_PROBE)]
