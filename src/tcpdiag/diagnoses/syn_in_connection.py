"""A SYN arrives for a connection that the receiver has already.

## What it sees
A SYN that reaches an endpoint in a synchronized state other than CLOSE-WAIT or TIME-WAIT: inside the connection that
it knows, or on the 4-tuple of an earlier one that it still holds. And a connect that is answered by an ACK for
something else, without a SYN-ACK: the receiver holds a connection that is older than the capture.

## Why it matters
Either the other side lost the connection (it restarted, or a NAT gave its port to somebody else) and connects again:
then connects take longer or fail. Or somebody who does not see the connection guesses.

## What it cannot know
Who sent it. What the receiver's state is, when its connection is older than the capture.

## Thresholds
| name | default | source |
|---|---|---|
| slow_ms | 500 | half of the initial RTO (RFC 6298 section 2): a connect that lost a SYN takes at least 1 s |

## RFC
RFC 9293 section 3.10.7.4, RFC 5961 section 4.2, RFC 9293 section 3.5.1 (half-open connections)

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+9.00 > S 7000000:7000000(0) win 65535
+0.001 < . 1:1(0) ack 101 win 65535
+1.00 > P. 101:201(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 201 win 65535
finding: syn-in-connection
```
The older connection is not in the capture:
```packets
+0.00 > S 0:0(0) win 65535
+0.001 < . 80001:80001(0) ack 70001 win 65535
+0.001 > R 70001:70001(0) win 0
+1.00 > S 0:0(0) win 65535
+0.001 < S. 900000:900000(0) ack 1 win 65535
+0.001 > . 1:1(0) ack 900001 win 65535
finding: syn-in-connection
```

## Stays silent
A repeated SYN, before the handshake is done:
```packets
+0.00 > S 0:0(0) win 65535
+1.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
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
from ..units import NS, duration
from .base import Diagnosis, Scope, frame_list
from .collisions import Collision, collisions
from .confidence import PRESUMED
from .view import RAW, View

_LEGAL = {State.CLOSE_WAIT, State.TIME_WAIT, State.SYN_RECEIVED}


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    slow_ms: float = 500


class SynInConnection(Diagnosis):
    """SYN inside a synchronized connection (RFC 5961 section 4)."""

    kind = "syn-in-connection"
    scope = Scope.FLOW
    events = (EventKind.SYN_IN_CONNECTION, EventKind.CHALLENGE_ACK, EventKind.BAD_ACK_RST, EventKind.SYN_REPEATED)
    references = (Rfc(5961, "4.2"), Rfc(9293, "3.10.7.4"), Rfc(9293, "3.5.1"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        known = collisions(view)
        for met in known:
            if met.state not in _LEGAL or (met.held == met.flow and met.state is State.CLOSE_WAIT):
                yield self._known(view, met)
        explained = {met.flow for met in known}
        betrayed = view.by_kind(EventKind.SYN_IN_CONNECTION)
        for flow, events in view.by_flow(betrayed["flow"][betrayed["value"] < 0].astype(np.int64)):
            if flow not in explained:
                yield self._unknown(view, flow, events, limits)

    def _known(self, view: View, met: Collision) -> Finding:
        holder = view.role(met.flow, met.holder)
        inside = met.held == met.flow
        back = _goes_on(view, met) if inside else False
        where = "an open connection" if inside else f"stream {met.held} on the same 4-tuple, which it still holds"
        harmless = back if inside else met.answered_frame > 0
        return self.finding(
            view,
            Severity.NOTICE if harmless else Severity.WARNING,
            "A SYN arrives inside an open connection"
            if inside
            else "A connect meets a connection that the other side still has",
            f"SYN [{met.syn_frame}] reached the {holder} in {met.state}: {where}. "
            + ("It answered with a challenge ACK (RFC 5961 section 4). " if met.challenged else "It did not answer. ")
            + ("The connection went on unharmed." if harmless and inside else "")
            + (f"The connect {met.told()}." if not inside else ""),
            streams=[met.held, met.flow],
            frames=[*met.frames, met.held_frame],
            span=(met.syn_ts_ns, met.last_ts_ns),
            evidence=met.evidence(view),
            endpoint=view.label(met.flow, met.holder),
            peer=view.label(met.flow, 1 - met.holder),
            causes=_causes(inside, back),
            next_steps=_next_steps(view, met.flow, met.holder),
            data={
                "state": str(met.state),
                "challenged": met.challenged,
                "inside": inside,
                "goes_on": back,
                "outcome": None if inside else met.outcome(view),
            },
        )

    def _unknown(self, view: View, flow: int, events: np.ndarray, limits: Thresholds) -> Finding:
        betrayal = events[(events["kind"] == EventKind.SYN_IN_CONNECTION) & (events["value"] < 0)][0]
        client = 1 - int(betrayal["side"])
        end = view.tables.endpoint(flow, client)
        first_frame, begin_ns = int(end["first_frame"]), int(end["first_ts_ns"])
        good = events[
            (events["kind"] == EventKind.STATE) & (events["side"] == client) & (events["state"] == State.ESTABLISHED)
        ]
        succeeded = bool(int(end["bits"]) & EndpointBit.SYN_ACKED) and len(good) > 0
        done_ns = int(good["ts_ns"][0]) if succeeded else int(end["last_ts_ns"])
        took = done_ns - begin_ns
        grave = not succeeded or took >= limits.slow_ms * 1e6
        parts = events[events["ts_ns"] <= done_ns]
        parts = parts[np.isin(parts["kind"], [int(kind) for kind in self.events])]
        repeats = parts[parts["kind"] == EventKind.SYN_REPEATED]
        end_text = f"after {duration(took)} the connect succeeded" if succeeded else "the connect never succeeded"
        server = view.label(flow, 1 - client)
        return self.finding(
            view,
            Severity.WARNING if grave else Severity.NOTICE,
            "A connect meets an older connection that the other side still has",
            f"SYN [{first_frame}] to {server} was answered by an ACK [{betrayal['frame']}] that does not acknowledge "
            "it: a challenge ACK with the numbers of an older connection on this 4-tuple. What that connection was "
            "is not in the capture; "
            + (f"the SYN was repeated {frame_list(repeats['frame'])}, and " if len(repeats) else "")
            + f"{end_text}.",
            streams=[flow],
            frames=[first_frame, *parts["frame"].tolist(), *good["frame"][:1].tolist()],
            span=(begin_ns, done_ns),
            doubts=(PRESUMED,),
            evidence=_unknown_evidence(view, flow, first_frame, begin_ns, parts),
            endpoint=server,
            peer=view.label(flow, client),
            causes=(
                Cause(
                    "the server's application leaks sockets: the older connection sits in CLOSE-WAIT",
                    ("a client's kernel only takes a port again when its own side is closed",),
                    ("the older connection was not captured",),
                ),
                *_causes(False, False),
            ),
            next_steps=_next_steps(view, flow, 1 - client),
            data={
                "state": None,
                "challenged": True,
                "inside": False,
                "outcome": "delayed" if succeeded else "failed",
                "delay_s": round(took / NS, 6),
            },
        )


def _goes_on(view: View, met: Collision) -> bool:
    """The side that the SYN claims to come from went on with the old connection."""
    end = view.tables.endpoint(met.flow, 1 - met.holder)
    return int(end["last_frame"]) > max(met.frames, default=met.syn_frame)


def _causes(inside: bool, back: bool) -> tuple[Cause, ...]:
    lost = Cause(
        "the connecting side lost the connection (restart, NAT, port reuse) and connects again",
        (),
        ("that side goes on with the old connection",) if back else (),
    )
    forged = Cause(
        "the SYN is forged: somebody tries to disturb the connection",
        ("the side that it claims to come from goes on with the connection",) if back else (),
    )
    return (forged, lost) if inside and back else (lost, forged) if inside else (lost,)


def _next_steps(view: View, flow: int, holder: int) -> tuple[str, ...]:
    return (
        f"on {view.host(flow, holder)}: ss -tanpo '( sport = :{view.port(flow, holder)} )' "
        f"dst {view.host(flow, 1 - holder)}",
        "nstat -az TcpExtTCPSYNChallenge TcpExtTCPChallengeACK",
    )


def _unknown_evidence(view: View, flow: int, first_frame: int, begin_ns: int, parts: np.ndarray) -> Iterator[Evidence]:
    yield view.frame(flow, first_frame, "SYN", begin_ns)
    older = "numbers of an older connection"
    notes = {
        EventKind.SYN_IN_CONNECTION: (f"no SYN-ACK, but an ACK: {older}", RAW),
        EventKind.CHALLENGE_ACK: (f"challenge ACK: {older}", RAW),
        EventKind.BAD_ACK_RST: ("the client resets that older connection", RAW),
        EventKind.SYN_REPEATED: ("the SYN again", flow),
    }
    shown = {first_frame}
    for event in parts:
        if int(event["frame"]) not in shown:
            shown.add(int(event["frame"]))
            yield view.evidence(event, *notes[EventKind(int(event["kind"]))])
