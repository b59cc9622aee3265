"""A RST whose sequence number is not the one that the receiver expects.

## What it sees
RSTs towards one side of a connection whose SEG.SEQ is not RCV.NXT: by how much, which of the receiver's ACKs had
established RCV.NXT, and what the receiver did then. `data.reaction` is `challenged` (it answered with an ACK),
`ignored` (it went on as if nothing had come), `obeyed` (it fell silent although it had unacknowledged data, or answers
with RSTs from then on) or `unknown`.

`data.class` says where the number stands, which decides in which stacks it is obeyed. `fin-minus-one` is RCV.NXT - 1,
the number of the FIN that the receiver has: Linux since 4.10 and macOS obey it. `last-ack` is what the receiver
acknowledged last, while more is under way to it: FreeBSD and macOS obey it. `sack-edge` is the right edge of its newest
SACK block: Linux since 4.5 obeys it. `in-window` is challenged under RFC 5961; Linux before 3.6 obeys it. `below` and
`above` are outside the window, and no stack obeys them.

Who may have sent it is weighed by TTL, IP ID, window, options, the moment, and whether the number is an ACK number that
its alleged sender can just have received: a host without the connection copies that one (RFC 9293 section 3.10.7.1).

## Why it matters
Since RFC 5961 a RST ends a connection only if SEG.SEQ is exactly RCV.NXT. One number off, and one side, or the
firewall between, has forgotten the connection while the other keeps it, retransmitting to nobody for minutes.

## What it cannot know
Which stack received the RST: its SYN tells a family at best. So what follows decides, not the number. One below
RCV.NXT also happens without any middlebox: a RST copies the ACK number of data that was sent before the FIN arrived.
Behind the tap a RST may be changed or lost. Many different numbers are a rst-spray, RSTs and challenge ACKs that answer
each other without end a reset-loop.

## Thresholds
| name | default | source |
|---|---|---|
| settle_ms | 150 | segments already under way: below the smallest RTO (Linux 200 ms, RFC 6298 section 2.4: 1 s) |
| silence_s | 1 | RFC 6298 section 2: initial RTO; one that lives would have sent its unacknowledged data again |
| spray_min | 5 | as many different guesses are a rst-spray |

## RFC
RFC 9293 section 3.10.7.4, RFC 9293 section 3.10.7.1, RFC 5961 section 3.2

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:276(275) ack 1 win 65535
+0.01 < . 1:1(0) ack 276 win 65535
+0.10 < P. 1:1001(1000) ack 276 win 65535
+0.01 > . 276:276(0) ack 1001 win 65535
+0.50 < P. 1001:2001(1000) ack 276 win 65535
+0.01 > F. 276:276(0) ack 1001 win 65535
+0.01 < . 2001:2001(0) ack 277 win 65535
+0.01 > R 276:276(0) win 0 [ttl 255]
+0.40 < P. 1001:2001(1000) ack 277 win 65535 *5 every 0.8
finding: rst-off-sequence critical reaction=ignored
```
In the window, and challenged; the challenge is never answered:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.50 < P. 1:1001(1000) ack 1 win 65535
+0.01 > . 1:1(0) ack 1001 win 65535
+0.50 > R 2:2(0) win 0
+0.001 < . 1001:1001(0) ack 1 win 65535
+0.50 < P. 1001:2001(1000) ack 1 win 65535 *5 every 0.8
finding: rst-off-sequence critical reaction=challenged
```

A client that closes while data is under way to it: its host copies the older ACK number, and this server is one of
those that obey it:
```packets
+0.00 > S 0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
+0.01 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
+0.01 > . 1:1(0) ack 1 win 502
+0.10 > P. 1:101(100) ack 1 win 502
+0.01 < P. 1:1001(1000) ack 101 win 509
+0.01 > F. 101:101(0) ack 1001 win 502
+0.001 < P. 1001:2001(1000) ack 101 win 509
+0.005 < . 2001:2001(0) ack 102 win 509
+0.005 > R 101:101(0) win 0
+3.00 .
finding: rst-off-sequence notice reaction=obeyed class=fin-minus-one likeliest=host
```

## Stays silent
The RST is exact:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.50 < P. 1:1001(1000) ack 1 win 65535
+0.01 > . 1:1(0) ack 1001 win 65535
+0.50 > R 1:1(0) win 0
+5.00 .
```
Data comes late to a host that has closed: each segment is answered with its own ACK number, which is exact:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.50 > F. 1:1(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 2 win 65535
+0.50 < P. 1:1001(1000) ack 2 win 65535
+0.01 > R 2:2(0) win 0
+0.001 < P. 1001:2001(1000) ack 2 win 65535
+0.01 > R 2:2(0) win 0
```
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind, RstClass
from ..model.finding import Finding, Refutation, Sentence, Severity
from ..rfc import Rfc
from ..sets import among, distinct
from ..tcp.profiles import PROFILES, STRICT, Profile, RstAction
from ..units import NS, duration, number, plural
from .aftermath import Aftermath, aftermath
from .base import Diagnosis, Scope, frame_list
from .confidence import RCV_NXT_PRESUMED, SHORT_WATCH, Doubt
from .neighbours import SAMPLE
from .reset_loop import looping
from .reset_origin import Origin, origin
from .resets import (
    OFF_SEQUENCE,
    class_name,
    distance,
    distinct_guesses,
    established_by,
    expectation_proved,
    place,
    rcv_nxt,
    repeated,
    resets_of_class,
    several,
)
from .sentences import said
from .together import together, widened
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    settle_ms: float = 150
    silence_s: float = 1
    spray_min: float = 5


class _Off(NamedTuple):
    """RSTs towards one side of one connection, and what followed."""

    flow: int
    side: int
    events: np.ndarray
    wrong: np.ndarray
    after: Aftermath

    @property
    def severity(self) -> Severity:
        """Grave only while the receiver goes on alone: the RST was meant to end a connection that it did not end."""
        if not self.after.kept or self.after.closed or not self.after.alone:
            return Severity.NOTICE
        return Severity.CRITICAL if self.after.retransmissions >= 3 else Severity.WARNING


class RstOffSequence(Diagnosis):
    """RST not at RCV.NXT: by how much, and what the receiver did then."""

    kind = "rst-off-sequence"
    scope = Scope.FLOW
    events = (EventKind.RST, EventKind.CHALLENGE_ACK, EventKind.ALIVE_AFTER_RST, EventKind.RETRANSMISSION)
    references = (Rfc(5961, "3.2"), Rfc(9293, "3.10.7.4"), Rfc(9293, "3.10.7.1"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        rows = resets_of_class(view, OFF_SEQUENCE)
        flows = distinct(view.event_flow[rows])
        flows = flows[~among(flows, view.once(looping))]
        for group in together(view, flows.tolist()):
            sample = flows[group[:: max(1, len(group) // SAMPLE)]]
            found = [off for flow, events in view.by_flow(sample) for off in _judged(view, flow, events, limits)]
            if len(group) == 1:
                yield from (self._off(view, off) for off in found)
            elif found:
                yield self._many(view, flows[group], found)

    def _many(self, view: View, flows: np.ndarray, found: list[_Off]) -> Finding:
        worst = max(found, key=lambda off: (off.severity, off.after.held_ns))
        counts = {word: sum(off.after.reaction == word for off in found) for word in _FATES}
        told = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
        finding = self._off(view, worst)
        title = f"{plural(len(flows), 'connection')} got a reset with a wrong sequence number"
        more = (
            f"So did {plural(len(flows) - 1, 'more connection')} of that server; of {plural(len(found), 'such reset')} "
            f"looked at one by one: {told}."
        )
        firsts = [int(off.wrong["frame"][0]) for off in found]
        return widened(view, finding, title, more, flows.tolist(), firsts)

    def _off(self, view: View, off: _Off) -> Finding:
        flow, side, wrong, after = off.flow, off.side, off.wrong, off.after
        key = after.decisive
        delta, rcv_frame = int(key["value"]), int(key["ref"])
        receiver, peer = view.role(flow, side), 1 - side
        shown = view.relative(flow, peer, rcv_nxt(key))
        who = origin(view, flow, off.events, key, after.peer_frame)
        set_by = established_by(view, key)[1]
        return self.finding(
            view,
            off.severity,
            _title(after.reaction, delta),
            list(_story(view, off, who)),
            streams=[flow],
            frames=[*wrong["frame"].tolist(), rcv_frame, *set_by, *after.frames, *who.frames, *who.sentence.frames,
                    after.last_frame],
            span=(int(wrong["ts_ns"][0]), after.last_ts_ns),
            doubts=_doubts(view, off),
            evidence=[
                *(view.frame(flow, frame, f"the {view.role(flow, peer)}'s FIN") for frame in set_by[:-1]),
                view.frame(flow, rcv_frame, f"the {receiver} expects {shown}"),
                view.evidence(key, f"{distance(key)}: {after.reaction}"),
                *after.evidence(view),
            ],
            endpoint=view.label(flow, side),
            peer=view.label(flow, peer),
            causes=who.causes,
            next_steps=_next_steps(view, off, who),
            refutations=_refutations(view, off),
            settled_by=_settled_by(view, off),
            data={
                "reaction": after.reaction,
                "delta": delta,
                "rst_seq": int(key["seq"]),
                "rcv_nxt": rcv_nxt(key),
                "rcv_nxt_frame": rcv_frame,
                "class": class_name(key),
                "state": after.state,
                "resets": len(wrong),
                "duplicates": repeated(wrong),
                "profile": _profile(view, off).name,
                "rule": _profile(view, off).rule(RstClass(int(key["detail"]))),
                "expected": _profile(view, off).rst[RstClass(int(key["detail"]))].name.lower(),
                "held_s": round(after.held_ns / NS, 3),
                "unanswered_s": round(after.alone_ns / NS, 3),
                "retransmissions_after": after.retransmissions,
                "new_text_until": after.new_text_frame or None,
                "stacks": {p.name: p.rst[RstClass(int(key["detail"]))].name.lower() for p in PROFILES},
                **who.data,
            },
        )  # fmt: skip


def _judged(view: View, flow: int, events: np.ndarray, limits: Thresholds) -> Iterator[_Off]:
    """Both sides of one connection: the RSTs that were off, and fewer guesses than a spray."""
    for side in (0, 1):
        mine = events[(events["kind"] == EventKind.RST) & (events["side"] == side)]
        wrong = mine[among(mine["detail"], OFF_SEQUENCE)]
        if len(wrong) and distinct_guesses(wrong) < limits.spray_min:
            after = aftermath(view, flow, side, events, wrong, int(limits.settle_ms * 1e6), int(limits.silence_s * NS))
            yield _Off(flow, side, events, wrong, after)


def _story(view: View, off: _Off, who: Origin) -> Iterator[Sentence]:
    flow, side, key = off.flow, off.side, off.after.decisive
    receiver, sender = view.role(flow, side), view.role(flow, 1 - side)
    delta = int(key["value"])
    shown = view.relative(flow, 1 - side, rcv_nxt(key))
    set_by, set_frames = established_by(view, key)
    listed = frame_list(off.wrong["frame"])
    verb = "did not end" if off.after.kept else "ended" if off.after.reaction == "obeyed" else "should not end"
    yield said(
        f"{several(off.wrong, listed)} in the {sender}'s name {verb} the connection: SEQ {shown + delta} is "
        f"{number(abs(delta))} {'above' if delta > 0 else 'below'} the {shown} that the {receiver} expects (RCV.NXT) "
        f"{set_by}.{_where(view, key)}",
        (*off.wrong["frame"].tolist(), *set_frames),
        int(off.wrong["ts_ns"][0]),
    )
    yield from off.after.told(view)
    yield who.sentence
    yield said(_rule(view, off))


def _where(view: View, reset: np.void) -> str:
    """What else there is about that number."""
    more = place(view, reset)
    return f" It is {more}." if more else ""


def _profile(view: View, off: _Off) -> Profile:
    """The receiver's: named by the user, or guessed from its SYN."""
    return PROFILES[int(view.tables.endpoint(off.flow, off.side)["profile"])]


def _rule(view: View, off: _Off) -> str:
    """By which rule it was judged, and which stacks go by another one."""
    where, reaction = RstClass(int(off.after.decisive["detail"])), off.after.reaction
    clause = f"The rule: {PROFILES[STRICT].rule(where)}."
    obeying = " and ".join(p.title for p in PROFILES if p.rst[where] is RstAction.OBEY)
    if not obeying:
        return clause
    if off.after.kept:
        return f"{clause} {obeying} would have obeyed it; this host did not."
    guessed = _profile(view, off)
    if reaction == "unknown" and guessed.rst[where] is RstAction.OBEY:
        return f"{clause} {obeying} obey it, and by its SYN this host may be one of them."
    return f"{clause} {obeying} obey it."


def _title(reaction: str, delta: int) -> str:
    where = {-1: "one too low", 1: "one too high"}.get(delta, "too low" if delta < 0 else "too high")
    return f"{_FATES[reaction]}: its sequence number is {where}"


_FATES: Final = {
    "challenged": "A reset was challenged, not obeyed",
    "ignored": "A reset was not obeyed",
    "obeyed": "A reset was obeyed",
    "unknown": "A reset is off",
}


def _doubts(view: View, off: _Off) -> Iterator[Doubt]:
    if not expectation_proved(view, off.events, off.after.decisive):
        yield RCV_NXT_PRESUMED
    if off.after.reaction == "unknown":
        yield SHORT_WATCH


def _refutations(view: View, off: _Off) -> Iterator[Refutation]:
    after, key = off.after, off.after.decisive
    receiver, sender = view.role(off.flow, off.side), view.role(off.flow, 1 - off.side)
    rcv_frame = int(key["ref"])
    if expectation_proved(view, off.events, key):
        proved = f"not so: its own ACK says it [{rcv_frame}]"
    else:
        proved = "it had not acknowledged all that was captured: RCV.NXT is presumed"
    yield Refutation(f"the {receiver} expected another number", proved, (rcv_frame,) if rcv_frame else ())
    if after.kept:
        frames = after.frames[:1] or ((after.last_frame,) if after.last_frame else ())
        yield Refutation(
            f"the {receiver} is silent from the RST on, or answers with RSTs: then it obeyed",
            f"not found: it still speaks {frame_list(frames)}",
            frames,
        )
        yield Refutation(
            f"the {sender} is heard of again: then nobody is gone",
            f"found [{after.peer_frame}]" if after.peer_frame else "not found: after the RST it sends nothing else",
            (after.peer_frame,) if after.peer_frame else (),
        )
    else:
        watched = after.capture_ended_ns
        yield Refutation(
            f"the {receiver} sends data or ACKs after the RST: then it did not obey",
            f"not found in {duration(watched)}, until the capture ends" if watched else None,
        )
    yield Refutation("the RST reached it with another number than the one captured", None)


def _next_steps(view: View, off: _Off, who: Origin) -> Iterator[str]:
    host = view.host(off.flow, off.side)
    if who.data["likeliest"] == "device":
        yield (
            f"look for the firewall, load balancer or NAT between {view.host(off.flow, 1 - off.side)} and {host} that "
            "resets connections or rewrites sequence numbers, and have it send the exact number"
        )
    elif who.data["likeliest"] == "guess":
        yield f"filter packets with the address of {view.host(off.flow, 1 - off.side)} where it cannot be (RFC 2827)"
    else:
        yield (
            f"on {view.host(off.flow, 1 - off.side)}: let the application shut down and read to the end before it "
            "closes, so that its host need not answer with RSTs"
        )
    if off.after.kept and off.after.alone:
        yield (
            f"on {host}: TCP_USER_TIMEOUT or a shorter send time-out (SO_SNDTIMEO), so that a lost peer is noticed in "
            "seconds"
        )


def _settled_by(view: View, off: _Off) -> Iterator[str]:
    host, peer = view.host(off.flow, off.side), view.host(off.flow, 1 - off.side)
    port = view.port(off.flow, 1 - off.side)
    yield (
        f"on {peer}: tcpdump 'host {host} and tcp port {port}' at the same time: a RST that is not in it, or has "
        "another number there, is a device's"
    )
    if off.after.kept:
        yield f"on {host}: ss -tinpo dst {peer}: whether the socket is still there, in which state, and whose it is"
        yield f"on {host}: nstat -az TcpExtTCPChallengeACK TcpExtTCPACKSkippedChallenge, before and after"
    else:
        yield f"on {host}: nstat -az TcpEstabResets: it counts a RST that was obeyed"
