"""Many RSTs that guess at the sequence number of a connection.

## What it sees
RSTs towards one side of a connection with many different sequence numbers, some above RCV.NXT: how many, over which
span, how many fell into the window and were challenged, whether one was exact, and whether the receiver survived.

## Why it matters
This is the blind reset attack of RFC 5961: who does not see the connection tries numbers until one ends it. A stack
that follows the RFC only obeys the one exact number in four billion; older ones obey any number inside the window.

## What it cannot know
Who sends them: the source address is that of the peer in any case. Guesses that the path lost before the tap. A broken
middlebox that makes up numbers looks the same.

## Thresholds
| name | default | source |
|---|---|---|
| spray_min | 5 | as in rst-off-sequence, which reports fewer: a lost socket answers each segment under way |
| settle_ms | 150 | segments already under way: below the smallest RTO of common stacks (Linux 200 ms) |
| silence_s | 1 | RFC 6298 section 2: initial RTO; a living endpoint sends unacknowledged data again |

## RFC
RFC 5961 section 3 (blind reset attack), RFC 9293 section 3.10.7.4

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > R 1000001:1000001(0) win 0
+0.01 > R 3000001:3000001(0) win 0
+0.01 > R 50001:50001(0) win 0
+0.001 < . 1:1(0) ack 1 win 65535
+0.01 > R 7000001:7000001(0) win 0
+0.01 > R 9000001:9000001(0) win 0
+0.01 > R 11000001:11000001(0) win 0
+0.50 > P. 1:11(10) ack 1 win 65535
+0.01 < . 1:1(0) ack 11 win 65535
finding: rst-spray warning guesses=6 in_window=1 exact=0
```

## Stays silent
A host without a socket answers each segment with that segment's ACK number:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:1001(1000) ack 1 win 65535
+0.01 < . 1:1(0) ack 1001 win 65535
+0.10 < P. 1:101(100) ack 1001 win 65535
+0.01 > R 1001:1001(0) win 0 *6 every 0.1
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventBit, EventKind, RstClass
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..rfc import Rfc
from ..sets import among
from ..units import NS, duration, number, plural
from .aftermath import Aftermath, aftermath
from .base import Diagnosis, Scope, frame_list
from .reset_origin import Header, header
from .resets import EXACT, OFF_SEQUENCE, distance, distinct_guesses, rcv_nxt, resets_of_class
from .sentences import said
from .together import together, widened
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    spray_min: float = 5
    settle_ms: float = 150
    silence_s: float = 1


class _Spray(NamedTuple):
    """The RSTs of one spray, and what became of them. Of more than RST_ROWS only the first are kept."""

    flow: int
    side: int  # whom they are meant for
    wrong: np.ndarray
    exact: np.ndarray
    answers: np.ndarray  # challenge ACKs
    guesses: int
    total: int  # RSTs of that side, those that were not kept included
    after: Aftermath
    looks: Header  # of the first one

    @property
    def in_window(self) -> int:
        """Guesses that RFC 5961 has challenged."""
        return int(np.count_nonzero(self.wrong["detail"] == RstClass.IN_WINDOW))

    @property
    def challenged(self) -> np.ndarray:
        """Guesses that were answered by an ACK."""
        found: np.ndarray = self.wrong[(self.wrong["bits"] & int(EventBit.CHALLENGED)) != 0]
        return found

    @property
    def span(self) -> int:
        """From the lowest to the highest guess, relative to RCV.NXT."""
        return int(self.wrong["value"].max() - self.wrong["value"].min())

    @property
    def lasted_ns(self) -> int:
        """From the first to the last of them."""
        return int(self.wrong["ts_ns"][-1] - self.wrong["ts_ns"][0])

    @property
    def per_second(self) -> float:
        """How fast they come."""
        return round((len(self.wrong) - 1) * NS / max(1, self.lasted_ns), 1)

    @property
    def hit(self) -> bool:
        """One was right, and the connection did not survive it."""
        return bool(len(self.exact)) and self.after.reaction != "ignored"


class RstSpray(Diagnosis):
    """Many RSTs guessing sequence numbers."""

    kind = "rst-spray"
    scope = Scope.FLOW
    events = (EventKind.RST, EventKind.CHALLENGE_ACK)
    references = (Rfc(5961, "3"), Rfc(9293, "3.10.7.4"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        found = {
            spray.flow: spray
            for flow, events in view.by_flow(view.event_flow[resets_of_class(view, OFF_SEQUENCE)])
            for side in (0, 1)
            if (spray := _spray(view, flow, side, events, limits)) is not None
        }
        told = list(found)
        for group in together(view, told):
            same = [found[told[index]] for index in group.tolist()]
            finding = self._sprayed(view, max(same, key=lambda each: (each.hit, each.guesses)))
            if len(same) > 1:
                ended = sum(each.hit for each in same)
                finding = widened(
                    view,
                    finding,
                    f"Somebody tries to reset {len(same):,} connections by guessing",
                    f"So it is with {plural(len(same) - 1, 'more connection')} of that server; {number(ended)} of all "
                    "ended by it.",
                    [each.flow for each in same],
                    [int(each.wrong["frame"][0]) for each in same],
                )
            yield finding

    def _sprayed(self, view: View, it: _Spray) -> Finding:
        flow, side, wrong = it.flow, it.side, it.wrong
        sender = view.role(flow, 1 - side)
        host, other = view.host(flow, side), view.host(flow, 1 - side)
        ttls = sorted(set(wrong["ttl"].tolist()))
        return self.finding(
            view,
            Severity.CRITICAL if it.hit else Severity.WARNING,
            "Guessed resets ended a connection" if it.hit else "Somebody tries to reset a connection by guessing",
            list(_story(view, it)),
            streams=[flow],
            frames=[*wrong["frame"].tolist(), *it.exact["frame"].tolist(), *it.answers["frame"].tolist(),
                    *it.looks.frames, it.after.peer_frame],
            span=(int(wrong["ts_ns"][0]), int(wrong["ts_ns"][-1])),
            evidence=_evidence(view, it),
            endpoint=view.label(flow, side),
            peer=view.label(flow, 1 - side),
            causes=_causes(it, sender),
            next_steps=(
                f"drop packets with the address {other} at the border where they cannot come from (RFC 2827)",
                f"keep the stack of {host} on RFC 5961: older ones obey any number inside the window",
                "long-lived connections of known peers (BGP): TCP-AO (RFC 5925), or a TTL check (RFC 5082)",
            ),
            refutations=_refutations(view, it, sender),
            settled_by=(
                f"on {other}: tcpdump 'tcp[tcpflags] & tcp-rst != 0 and host {host}' at the same time: RSTs that are "
                "missing there come from somebody else",
                f"on {host}: nstat -az TcpExtTCPChallengeACK TcpEstabResets, before and after",
            ),
            data={
                "resets": it.total,
                "guesses": it.guesses,
                "span": it.span,
                "in_window": it.in_window,
                "challenged": len(it.challenged),
                "exact": len(it.exact),
                "per_second": it.per_second,
                "reaction": it.after.reaction,
                "survived": not it.hit,
                "ttls": ttls,
                "ttl_others": int(view.tables.endpoint(flow, 1 - side)["ttl"]),
            },
        )  # fmt: skip


def _spray(view: View, flow: int, side: int, events: np.ndarray, limits: Thresholds) -> _Spray | None:
    mine = events[(events["kind"] == EventKind.RST) & (events["side"] == side)]
    wrong = mine[among(mine["detail"], OFF_SEQUENCE)]
    guesses = distinct_guesses(wrong)
    if not len(wrong) or not guesses or guesses < limits.spray_min:
        return None
    settle, silence = int(limits.settle_ms * 1e6), int(limits.silence_s * NS)
    begin, end = wrong["ts_ns"][0], wrong["ts_ns"][-1] + settle
    exact = mine[among(mine["detail"], EXACT) & (mine["ts_ns"] >= begin) & (mine["ts_ns"] <= end)]
    answers = events[
        (events["kind"] == EventKind.CHALLENGE_ACK) & (events["side"] == side) & among(events["ref"], wrong["frame"])
    ]
    total = int(view.tables.endpoint(flow, 1 - side)["resets"])
    after = aftermath(view, flow, side, events, wrong, settle, silence)
    looks = header(view, flow, 1 - side, events, wrong[0])
    return _Spray(flow, side, wrong, exact, answers, guesses, total, after, looks)


def _story(view: View, it: _Spray) -> Iterator[Sentence]:
    sender, receiver = view.role(it.flow, 1 - it.side), view.role(it.flow, it.side)
    wrong = it.wrong
    expected = view.relative(it.flow, 1 - it.side, rcv_nxt(wrong[0]))
    yield said(
        f"Somebody guesses: {plural(it.total, 'RST')} with {number(it.guesses)} different numbers reached the "
        f"{receiver} in the {sender}'s name in {duration(it.lasted_ns)} {frame_list(wrong['frame'])}, spread over "
        f"{number(it.span)} numbers; it expected {expected}.",
        wrong["frame"],
        int(wrong["ts_ns"][0]),
    )
    frames = f" {frame_list(it.answers['frame'])}" if len(it.answers) else ""
    yield said(
        f"{number(it.in_window)} fell into the window and {number(len(it.challenged))} were challenged{frames}; "
        f"{number(len(it.exact))} had the exact number. {_fate(it, receiver)}",
        it.answers["frame"],
    )
    if it.after.peer_frame and not it.hit:
        yield said(
            f"The {sender} itself went on all the while [{it.after.peer_frame}]: it did not send them.",
            (it.after.peer_frame,),
        )
    yield said(it.looks.told(sender, len(wrong)), it.looks.frames if it.looks.id_fits is False else ())


def _fate(it: _Spray, receiver: str) -> str:
    if it.hit:
        return f"The {receiver} obeyed it: the connection is gone."
    if it.after.kept:
        return f"The {receiver} kept the connection."
    return f"What the {receiver} made of them the capture does not show."


def _evidence(view: View, it: _Spray) -> list[Evidence]:
    inside = it.wrong[it.wrong["detail"] == RstClass.IN_WINDOW][:2]
    outside = it.wrong[it.wrong["detail"] != RstClass.IN_WINDOW][:2]
    lines = [
        *(view.evidence(event, f"{distance(event)}: outside the window") for event in outside),
        *(view.evidence(event, f"{distance(event)}: in the window") for event in inside),
        *(view.evidence(event, "challenge ACK (RFC 5961)") for event in it.answers[:2]),
        *(view.evidence(event, "exactly RCV.NXT") for event in it.exact[:1]),
    ]
    return sorted(lines, key=lambda line: (line.ts_ns or 0, line.frame or 0))


def _causes(it: _Spray, sender: str) -> tuple[Cause, ...]:
    points = list(it.looks.points(sender))
    differs = tuple(point.text for point in points if point.weight < 0)
    alike = tuple(point.text for point in points if point.weight > 0)
    on = (f"the {sender} goes on [{it.after.peer_frame}]",) if it.after.peer_frame else ()
    spread = (f"{number(it.guesses)} different numbers over {number(it.span)}: who sees the connection needs one",)
    return (
        Cause("somebody who does not see the connection attacks it", (*spread, *on, *differs), alike),
        Cause("a broken middlebox that makes up sequence numbers", differs, alike),
        Cause(f"the {sender} itself: a stack that forgot its numbers", alike, (*on, *differs)),
    )


def _refutations(view: View, it: _Spray, sender: str) -> Iterator[Refutation]:
    answering = int(np.count_nonzero(it.wrong["value"] <= 0))
    yield Refutation(
        "a host that lost its socket answers segments: then all numbers are at or below RCV.NXT",
        f"not so: {number(len(it.wrong) - answering)} of them are above",
    )
    found = it.after.peer_frame
    yield Refutation(
        f"the {sender} is silent from the first of them on: then they may be its own",
        f"not so: it goes on [{found}]" if found else "found: nothing else comes from it",
        (found,) if found else (),
    )
    yield Refutation(f"the {sender}'s host sent them", None)
