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
from ..model.finding import Cause, Evidence, Finding, Severity
from ..rfc import Rfc
from ..units import NS, plural
from .aftermath import Aftermath, aftermath
from .base import Diagnosis, Scope, frame_list
from .resets import EXACT, OFF_SEQUENCE, distinct_guesses, resets_of_class
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    spray_min: float = 5
    settle_ms: float = 150
    silence_s: float = 1


class _Spray(NamedTuple):
    """The RSTs of one spray, and what became of them. Of more than RST_ROWS only the first are kept."""

    wrong: np.ndarray
    exact: np.ndarray
    guesses: int
    after: Aftermath

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
        for flow, events in view.by_flow(view.event_flow[resets_of_class(view, OFF_SEQUENCE)]):
            for side in (0, 1):
                mine = events[(events["kind"] == EventKind.RST) & (events["side"] == side)]
                wrong = mine[np.isin(mine["detail"], OFF_SEQUENCE)]
                guesses = distinct_guesses(wrong)
                if len(wrong) and guesses and guesses >= limits.spray_min:
                    settle, silence = int(limits.settle_ms * 1e6), int(limits.silence_s * NS)
                    begin, end = wrong["ts_ns"][0], wrong["ts_ns"][-1] + settle
                    exact = mine[np.isin(mine["detail"], EXACT) & (mine["ts_ns"] >= begin) & (mine["ts_ns"] <= end)]
                    after = aftermath(view, flow, side, events, wrong, settle, silence)
                    yield self._sprayed(view, flow, side, events, _Spray(wrong, exact, guesses, after))

    def _sprayed(self, view: View, flow: int, side: int, events: np.ndarray, spray: _Spray) -> Finding:
        wrong, after = spray.wrong, spray.after
        sender, receiver = view.role(flow, 1 - side), view.role(flow, side)
        own = view.tables.endpoint(flow, 1 - side)
        total = int(own["resets"])
        answers = events[
            (events["kind"] == EventKind.CHALLENGE_ACK)
            & (events["side"] == side)
            & np.isin(events["ref"], wrong["frame"])
        ]
        ttls = sorted(set(wrong["ttl"].tolist()))
        return self.finding(
            view,
            Severity.CRITICAL if spray.hit else Severity.WARNING,
            "Guessed resets ended a connection" if spray.hit else "Somebody tries to reset a connection by guessing",
            f"{plural(total, 'RST')} with {spray.guesses} different sequence numbers reached the {receiver} in the "
            f"{sender}'s name {frame_list(wrong['frame'])}, spread over {spray.span:,} numbers. {spray.in_window} fell "
            f"into the receive window, {len(spray.challenged)} were challenged {frame_list(answers['frame'])}, "
            f"{len(spray.exact)} had the exact number. {_fate(spray, receiver)}",
            streams=[flow],
            frames=[*wrong["frame"].tolist(), *spray.exact["frame"].tolist(), *answers["frame"].tolist()],
            span=(int(wrong["ts_ns"][0]), int(wrong["ts_ns"][-1])),
            evidence=_evidence(view, spray, answers),
            endpoint=view.label(flow, side),
            peer=view.label(flow, 1 - side),
            causes=_causes(sender, ttls, int(own["ttl"])),
            next_steps=(
                "drop packets with this source address at the border where they cannot come from (RFC 2827)",
                f"on {view.host(flow, side)}: nstat -az TcpExtTCPChallengeACK counts such attempts; keep the stack on "
                "RFC 5961",
                "long-lived connections of known peers (BGP): TCP-AO (RFC 5925), or a TTL check (RFC 5082)",
            ),
            data={
                "resets": total,
                "guesses": spray.guesses,
                "span": spray.span,
                "in_window": spray.in_window,
                "challenged": len(spray.challenged),
                "exact": len(spray.exact),
                "reaction": after.reaction,
                "survived": not spray.hit,
                "ttls": ttls,
                "ttl_others": int(own["ttl"]),
            },
        )


def _fate(spray: _Spray, receiver: str) -> str:
    if spray.hit:
        return f"The {receiver} obeyed it: the connection is gone."
    if spray.after.reaction in {"challenged", "ignored"}:
        return f"The {receiver} kept the connection."
    return f"What the {receiver} made of them the capture does not show."


def _evidence(view: View, spray: _Spray, answers: np.ndarray) -> list[Evidence]:
    inside = spray.wrong[spray.wrong["detail"] == RstClass.IN_WINDOW][:2]
    outside = spray.wrong[spray.wrong["detail"] != RstClass.IN_WINDOW][:2]
    lines = [
        *(view.evidence(event, f"{abs(int(event['value'])):,} off: outside the window") for event in outside),
        *(view.evidence(event, f"{int(event['value']):,} above RCV.NXT: in the window") for event in inside),
        *(view.evidence(event, "challenge ACK (RFC 5961)") for event in answers[:2]),
        *(view.evidence(event, "exactly RCV.NXT") for event in spray.exact[:1]),
    ]
    return sorted(lines, key=lambda line: (line.ts_ns or 0, line.frame or 0))


def _causes(sender: str, ttls: list[int], usual: int) -> tuple[Cause, ...]:
    listed = ", ".join(map(str, ttls[:4]))
    differs = ttls != [usual]
    told = f"their TTL is {listed}; other packets of the {sender} have {usual}"
    alike = f"their TTL is {usual}, as in other packets of the {sender}"
    return (
        Cause(
            "somebody who does not see the connection attacks it",
            (told,) if differs else (),
            () if differs else (alike,),
        ),
        Cause("a broken middlebox that makes up sequence numbers", (told,) if differs else ()),
    )
