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
host or the path died, unless something was sent to it afterwards. Where nothing else was captured during the silence,
the tap itself may have been blind: that lowers the confidence.

## Thresholds
| name | default | source |
|---|---|---|
| gaps_min | 3 | fewer gaps of one length are chance; twice as many are asked for where both sides speak |
| warning_gaps | 5 | fewer may be a few messages of one job that came at an even pace: a notice |
| periods | 3 | RFC 4271 section 10: the hold time is three keepalive times; one or two lost beats are forgiven |
| period_min_s | 1 | RFC 4271 section 4.4: keepalives are not sent more often than once a second |

## RFC
RFC 9293 section 3.8.4 (keepalives), RFC 9293 section 3.5.1 (half-open connections), RFC 4271 section 4.4 (interval),
section 10 (hold time)

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
finding: keepalive-stopped warning came_back=nothing peer_sent_since=0
```
The client noticed only when it sent something: the server had restarted.
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+60.0 < P. 1:9(8) ack 1 win 65535
+60.0 < P. 9:17(8) ack 1 win 65535
+60.0 < P. 17:25(8) ack 1 win 65535
+60.0 < P. 25:33(8) ack 1 win 65535
+60.0 < P. 33:41(8) ack 1 win 65535
+60.0 < P. 41:49(8) ack 1 win 65535
+0.01 > . 1:1(0) ack 49 win 65535
+600 > P. 1:16(15) ack 49 win 65535
+0.01 < R 49:49(0) win 0
finding: keepalive-stopped warning came_back=rst silent_for_s=600.02
finding: half-open warning
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
The heartbeat becomes slower, and goes on:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+10.0 < P. 1:9(8) ack 1 win 65535
+10.0 < P. 9:17(8) ack 1 win 65535
+10.0 < P. 17:25(8) ack 1 win 65535
+10.0 < P. 25:33(8) ack 1 win 65535
+10.0 < P. 33:41(8) ack 1 win 65535
+60.0 < P. 41:49(8) ack 1 win 65535
+60.0 < P. 49:57(8) ack 1 win 65535
+0.01 > . 1:1(0) ack 57 win 65535
+60.0 .
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

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..rfc import Rfc
from ..sets import among
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .confidence import FEW_BEATS, NOT_UNIQUE, TAP_UNPROVED
from .elsewhere import Heard, Watch, heard, watch
from .heartbeat import Heartbeat, learned
from .sentences import said
from .silence import Silence, after
from .together import together, widened
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    gaps_min: float = 3
    warning_gaps: float = 5
    periods: float = 3
    period_min_s: float = 1


class KeepaliveStopped(Diagnosis):
    """A learned heartbeat stopped, the connection did not."""

    kind = "keepalive-stopped"
    scope = Scope.FLOW
    events = (EventKind.BEAT, EventKind.KEEPALIVE_PROBE, EventKind.RST)
    references = (Rfc(9293, "3.8.4"), Rfc(9293, "3.5.1"), Rfc(4271, "10"), Rfc(4271, "4.4"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        beats = [
            beat
            for beat in learned(view, limits.gaps_min, int(limits.period_min_s * NS))
            if view.last_ts_ns - beat.last_ns >= limits.periods * beat.most_ns
        ]
        events = dict(view.by_flow(beat.flow for beat in beats))
        stopped: dict[int, tuple[Heartbeat, Silence]] = {}
        for beat in beats:
            silence = after(view, beat, events[beat.flow])
            if silence is not None and silence.until_ns - beat.last_ns >= limits.periods * beat.most_ns:
                stopped[beat.flow] = min(stopped.get(beat.flow, (beat, silence)), (beat, silence), key=_asks)
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
        other = view.role(flow, 1 - side)
        silent_ns = silence.until_ns - beat.last_ns
        seen = watch(view, flow, beat.last_ns, silence.until_ns)
        elsewhere = heard(view, flow, side, beat.last_ns)
        probes = _keepalives(view, flow)
        return self.finding(
            view,
            Severity.NOTICE if beat.exchanged or beat.beats <= limits.warning_gaps else Severity.WARNING,
            _title(view.role(flow, side), beat, silent_ns),
            tuple(_story(view, beat, silence, seen, probes)),
            streams=[flow],
            frames=[*beat.frames, *silence.sent_frames, silence.reset_frame, silence.reply_frame],
            span=(beat.first_ns, silence.until_ns),
            doubts=[
                *((FEW_BEATS,) if beat.beats < 10 else ()),
                *((NOT_UNIQUE,) if beat.exchanged else ()),
                *(() if seen.flows or silence.sent_frames or silence.closed else (TAP_UNPROVED,)),
            ],
            evidence=_evidence(view, beat, silence, silent_ns, events),
            endpoint=view.label(flow, side),
            peer=view.label(flow, 1 - side),
            causes=_causes(view.role(flow, side), beat, silence, elsewhere),
            next_steps=(
                f"let the {other} close and connect again when nothing was received for about "
                f"{duration(int(3 * beat.period_ns))} (three periods)"
                + ("" if probes else ", or switch on SO_KEEPALIVE with a short TCP_KEEPIDLE"),
                f"on {view.host(flow, side)}: uptime; restarts and suspends of the process at "
                "the time of the last beat",
            ),
            refutations=_refutations(view, beat, silence, seen, elsewhere),
            settled_by=(
                f"on {view.host(flow, 1 - side)}: ss -tinpo dst {view.host(flow, side)}: still ESTABLISHED, with a "
                "timer, lastrcv of about the silence",
                f"on {view.host(flow, side)}: ss -tinp dst {view.host(flow, 1 - side)}: if it still has the "
                "connection, and data in its send queue, the path is cut; if it has not, it is gone",
            ),
            data={
                "heartbeat": "tcp" if beat.probes else "application",
                "payload_len": beat.payload_len,
                "period_s": round(beat.period_ns / NS, 3),
                "period_min_s": round(beat.least_ns / NS, 3),
                "period_max_s": round(beat.most_ns / NS, 3),
                "jitter_s": round(beat.jitter_ns / NS, 3),
                "beats": beat.beats,
                "last_beat_frame": beat.frames[-1],
                "silent_for_s": round(silent_ns / NS, 3),
                "periods_missed": round(silent_ns / beat.period_ns, 1),
                "peer_sent_since": len(silence.sent_frames),
                "came_back": silence.came_back,
                "tcp_keepalive_probes": probes,
                "others_captured_meanwhile": seen.flows,
                "longest_blind_s": round(seen.blind_ns / NS, 3),
                "host_heard_on_others": elsewhere.flows,
            },
        )


def _asks(told: tuple[Heartbeat, Silence]) -> tuple[bool, int]:
    """Of two that exchange messages, the one that begins is missed, not the one that answers."""
    return told[0].exchanged, told[0].first_ns


def _plainest(told: tuple[Heartbeat, Silence]) -> tuple[bool, int]:
    """Which of several heartbeats leaves the least doubt."""
    return not told[0].exchanged, told[0].beats


def _keepalives(view: View, flow: int) -> int:
    return sum(int(detail["keepalives"]) for side in (0, 1) if (detail := view.detail(flow, side)) is not None)


def _title(who: str, beat: Heartbeat, silent_ns: int) -> str:
    period, silence = duration(beat.period_ns), duration(silent_ns)
    return f"The {who}'s {period} heartbeat stopped for {silence}; nobody closed"


def _story(view: View, beat: Heartbeat, silence: Silence, seen: Watch, probes: int) -> Iterator[Sentence]:
    who, other = view.role(beat.flow, beat.side), view.role(beat.flow, 1 - beat.side)
    silent_ns = silence.until_ns - beat.last_ns
    end = "the connection ended" if silence.closed else "the capture ends"
    yield said(
        f"The {who} sent {beat.what} every {beat.every}, {plural(beat.beats, 'time')} {frame_list(beat.frames)}, and "
        f"then nothing for {duration(silent_ns)}, {silent_ns / beat.period_ns:.3g} periods, until {end}; no FIN and no "
        "RST announced that.",
        beat.frames,
        beat.first_ns,
    )
    yield _noticed(other, who, silence)
    if seen.alive:
        yield said(
            f"The tap was alive all that time: it captured packets of {plural(seen.flows, 'other connection')}.",
            (),
            silence.until_ns,
        )
    unnoticed = "" if silence.sent_frames else ", so the kernel will not notice either"
    none = f"No TCP keepalive was seen on this connection{unnoticed}."
    in_use = f"TCP keepalives are in use on this connection: {plural(probes, 'probe')}."
    yield said(in_use if probes else none, (), silence.until_ns)


def _noticed(other: str, who: str, silence: Silence) -> Sentence:
    if not silence.sent_frames:
        return said(
            f"The {other} did not notice: it has sent nothing since, and only that would tell it.",
            (),
            silence.until_ns,
        )
    back, frame = {
        "rst": (f"a RST came back [{silence.reset_frame}]", silence.reset_frame),
        "ack": (f"the {who}'s TCP still answered [{silence.reply_frame}]", silence.reply_frame),
        "nothing": ("nothing came back", 0),
    }[silence.came_back]
    frames = (*silence.sent_frames, *((frame,) if frame else ()))
    return said(
        f"The {other} sent something since {frame_list(silence.sent_frames)}: {back}.", frames, silence.sent_ns or None
    )


def _causes(who: str, beat: Heartbeat, silence: Silence, elsewhere: Heard) -> tuple[Cause, ...]:
    alive = (f"its TCP still answered [{silence.reply_frame}]",) if silence.reply_frame else ()
    reset = (f"a RST answered later [{silence.reset_frame}]",) if silence.reset_frame else ()
    silent = ("what was sent to it got no answer",) if silence.sent_frames and not alive and not reset else ()
    host = (f"its host was alive: {plural(elsewhere.flows, 'other connection')}",) if elsewhere.flows else ()
    gone = Cause(
        f"the {who} is gone: host down, restarted or suspended, and no FIN said so", (*reset, *silent), (*alive, *host)
    )
    path = Cause(
        "a NAT, firewall or the path between drops the connection's packets",
        (*silent, *(host if silent else ())),
        alive,
    )
    stuck = Cause(
        f"the {who}'s application is stuck, or has stopped its heartbeat",
        (*alive, *(() if silent or reset else host)),
        (*silent, *reset),
    )
    ended = Cause("the two only stopped asking each other: a poll that ended", ("both sides sent small messages",))
    if beat.probes:  # the kernel sends them, whatever the application does
        return (gone, path)
    if alive:
        return (stuck, gone, path)
    return (ended, gone, path) if beat.exchanged else (gone, path, stuck)


def _refutations(view: View, beat: Heartbeat, silence: Silence, seen: Watch, elsewhere: Heard) -> Iterator[Refutation]:
    who = view.role(beat.flow, beat.side)
    yield Refutation(
        f"the {who} sends anything on this connection after its last beat [{beat.frames[-1]}]",
        f"found, but no beat: its TCP answered [{silence.reply_frame}]" if silence.reply_frame
        else f"found, but no beat: the RST [{silence.reset_frame}]" if silence.reset_frame
        else "not found",
        tuple(frame for frame in (beat.frames[-1], silence.reply_frame, silence.reset_frame) if frame),
    )  # fmt: skip
    yield Refutation("the tap itself was blind during the silence", seen.outcome())
    yield Refutation(
        f"the {who}'s host is alive, so that it is not the host that is gone",
        elsewhere.outcome(f"{view.host(beat.flow, beat.side)}"),
        (elsewhere.last_frame,) if elsewhere.flows else (),
    )
    yield Refutation("the two had agreed that the heartbeat would end here", None)


def _evidence(view: View, beat: Heartbeat, silence: Silence, silent_ns: int, events: np.ndarray) -> Iterator[Evidence]:
    rows = events[among(events["frame"], beat.frames) & among(events["kind"], _BEATS)]
    shown = rows if len(rows) <= 3 else np.concatenate([rows[:1], rows[-1:]])
    note = f"heartbeat of the {view.role(beat.flow, beat.side)}"
    if not len(shown) or int(shown["frame"][0]) != beat.frames[0]:
        yield view.frame(beat.flow, beat.frames[0], f"the first {note}", beat.first_ns)
    yield from (view.evidence(event, note) for event in shown)
    yield view.absence(beat.last_ns, f"no heartbeat for {duration(silent_ns)}", beat.flow)
    for frame in silence.sent_frames[:2]:
        yield from (view.evidence(event, "sent since") for event in events[events["frame"] == frame][:1])
    resets = events[(events["frame"] == silence.reset_frame) & (events["kind"] == EventKind.RST)]
    yield from (view.evidence(event, "what came back") for event in resets[:1])


_BEATS = [int(EventKind.BEAT), int(EventKind.KEEPALIVE_PROBE)]
