"""A SYN arrives for a connection that the receiver has already.

## What it sees
A SYN that reaches an endpoint in a synchronized state other than CLOSE-WAIT or TIME-WAIT: inside the connection that
it knows, or on the 4-tuple of an earlier one that it still holds. And a connect that is answered by an ACK for
something else, without a SYN-ACK: a challenge ACK (RFC 5961 section 4) that betrays a connection which is older than
the capture. Its timestamp echo tells the age of that connection: TSval of the SYN - TSecr of the ACK is how long ago
the server last heard of its old peer, in ticks of the client's clock (Linux: milliseconds).

## Why it matters
Either the other side lost the connection (it restarted, or a NAT gave its port to somebody else) and connects again:
then connects take longer or fail. Or somebody who does not see the connection guesses.

## What it cannot know
Who sent it. What the receiver's state is, when its connection is older than the capture: CLOSE-WAIT is likely, since
a client's kernel takes a port again only when its own side is closed, but not seen.

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

The alleged sender goes on with the old connection: it was not its SYN.
```packets
+0.00 > S 0:0(0) win 64240 <mss 1460,sackOK>
+0.01 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK>
+0.01 > . 1:1(0) ack 1 win 64240
+0.10 > P. 1:101(100) ack 1 win 64240
+0.01 < . 1:1(0) ack 101 win 65160
+1.00 > S 500:500(0) win 1024
+0.001 < . 1:1(0) ack 101 win 65160
+1.00 > P. 101:201(100) ack 1 win 64240
+0.01 < . 1:1(0) ack 201 win 65160
finding: syn-in-connection notice goes_on=true
```

## Stays silent
A repeated SYN, before the handshake is done:
```packets
+0.00 > S 0:0(0) win 65535
+1.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
```
The earlier connection is over on both sides, and the 4-tuple is used again:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > F. 1:1(0) ack 1 win 65535
+0.01 < F. 1:1(0) ack 2 win 65535
+0.01 > . 2:2(0) ack 2 win 65535
+9.00 > S 7000000:7000000(0) win 65535
+0.01 < S. 8000000:8000000(0) ack 7000001 win 65535
+0.01 > . 7000001:7000001(0) ack 8000001 win 65535
```
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Finding, Refutation, Sentence, Severity
from ..model.states import State
from ..rfc import Rfc
from ..sets import among
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .betrayals import Betrayed
from .collisions import Collision, collisions
from .confidence import PRESUMED
from .together import together, widened
from .view import View

_LEGAL: Final = {State.CLOSE_WAIT, State.TIME_WAIT, State.SYN_RECEIVED}


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
        met = collisions(view)
        known = [c for c in met if c.state not in _LEGAL or (c.held == c.flow and c.state is State.CLOSE_WAIT)]
        for group in together(view, [c.flow for c in known]):
            mine = [known[i] for i in group.tolist()]
            worst = max(mine, key=lambda c: (not c.answered_frame, c.delay_ns))
            title = f"SYNs arrive inside {len(mine):,} connections that the other side has"
            yield _alike(view, self._known(view, worst, limits), title, [(c.flow, c.syn_frame) for c in mine])
        explained = {c.flow for c in met}
        betrayed = view.by_kind(EventKind.SYN_IN_CONNECTION)
        betrayed = betrayed[(betrayed["value"] < 0) & ~among(betrayed["flow"], list(explained))]
        unknown = list(view.by_flow(betrayed["flow"].astype(np.int64)))
        for group in together(view, [flow for flow, _ in unknown]):
            connects = [Betrayed.of(view, *unknown[i]) for i in group.tolist()]
            worst = max(connects, key=lambda c: (not c.succeeded, c.took_ns))
            title = f"The server still has older connections on {len(connects):,} 4-tuples"
            yield _alike(view, self._unknown(view, worst, limits), title, [(c.flow, c.ack_frame) for c in connects])

    def _known(self, view: View, met: Collision, limits: Thresholds) -> Finding:
        inside = met.held == met.flow or met.resumed_frame > 0
        back = _goes_on(view, met) if inside else 0
        quick = met.answered_frame > 0 and met.delay_ns < limits.slow_ms * 1e6
        harmless = back > 0 if inside else quick
        return self.finding(
            view,
            Severity.NOTICE if harmless else Severity.WARNING,
            "A SYN arrives inside an open connection"
            if inside
            else "A connect meets a connection that the other side still has",
            list(_known_story(view, met, inside, back)),
            streams=[met.held, met.flow],
            frames=[*met.frames, met.held_frame, met.syn_frame, back, met.last_ack_frame],
            span=(met.syn_ts_ns, met.last_ts_ns),
            evidence=met.evidence(view),
            endpoint=view.label(met.flow, met.holder),
            peer=view.label(met.flow, 1 - met.holder),
            causes=_causes(view, met, inside, back),
            next_steps=_next_steps(view, met.flow, met.holder, inside),
            refutations=_known_refutations(view, met, inside, back),
            settled_by=_settled_by(view, met.flow, met.holder),
            data={
                "state": str(met.state),
                "challenged": len(met.challenges) > 0,
                "inside": inside,
                "goes_on": back > 0,
                "outcome": None if inside else met.outcome,
            },
        )

    def _unknown(self, view: View, met: Betrayed, limits: Thresholds) -> Finding:
        grave = not met.succeeded or met.took_ns >= limits.slow_ms * 1e6
        server = view.label(met.flow, met.server)
        return self.finding(
            view,
            Severity.WARNING if grave else Severity.NOTICE,
            "A connect meets an older connection that the other side still has",
            list(met.story(view)),
            streams=[met.flow] if met.time_wait < 0 else [met.time_wait, met.flow],
            frames=met.frames,
            span=(met.syn_ts_ns, met.done_ns),
            doubts=(PRESUMED,),
            evidence=met.evidence(view),
            endpoint=server,
            peer=view.label(met.flow, 1 - met.server),
            causes=_older(met),
            next_steps=_next_steps(view, met.flow, met.server, inside=False),
            refutations=(
                Refutation(
                    f"the ACK [{met.ack_frame}] acknowledges the SYN [{met.syn_frame}], so that there is no older one",
                    f"not so: it is off by {met.ack_off:,}",
                    (met.ack_frame, met.syn_frame),
                ),
                Refutation("the older connection was closed by both sides", None if met.time_wait < 0 else "it was"),
            ),
            settled_by=_settled_by(view, met.flow, met.server),
            data={
                "state": None if met.time_wait < 0 else str(State.TIME_WAIT),
                "challenged": True,
                "inside": False,
                "outcome": "delayed" if met.succeeded else "failed",
                "delay_s": round(met.took_ns / NS, 6),
                "old_connection_heard_s": None if met.age_ns is None else round(met.age_ns / NS, 3),
            },
        )


def _older(met: Betrayed) -> tuple[Cause, ...]:
    """What the older connection may be."""
    if met.time_wait >= 0:
        return (
            Cause(
                "the port is used again too soon: the client picks it while the server is in TIME-WAIT, and its "
                "numbers are not newer (a NAT, a restart, sequence numbers that a firewall changes)",
                (f"the server closed stream {met.time_wait} and is in TIME-WAIT [{met.time_wait_frame}]",),
            ),
        )
    leak = Cause(
        "the server's application leaks sockets: the older connection sits in CLOSE-WAIT",
        (
            "a client's kernel only takes a port again when its own side is closed",
            *((f"nothing was heard on it for {duration(met.age_ns)}",) if met.age_ns else ()),
        ),
        ("the older connection was not captured",),
    )
    return leak, Cause("the client's host restarted, or a NAT gave the port to another client")


def _alike(view: View, finding: Finding, title: str, each: list[tuple[int, int]]) -> Finding:
    """The finding about the worst of several connects of one server, as one about all: (flow, frame) of each."""
    if len(each) == 1:
        return finding
    frames = [frame for _, frame in each]
    more = f"The same goes for {plural(len(each) - 1, 'more connect')} {frame_list(frames)}."
    return widened(view, finding, title, more, [flow for flow, _ in each], frames)


def _goes_on(view: View, met: Collision) -> int:
    """The frame in which the side that the SYN claims to come from went on with the old connection; 0: it did not."""
    if met.resumed_frame:
        return met.resumed_frame
    last = int(view.tables.endpoint(met.flow, 1 - met.holder)["last_frame"])
    return last if last > max(met.frames, default=met.syn_frame) else 0


def _known_story(view: View, met: Collision, inside: bool, back: int) -> Iterator[Sentence]:
    holder = view.role(met.flow, met.holder)
    challenges = met.challenges
    where = "an open connection" if inside else "the connection that it still has on the same 4-tuple"
    answer = f"a challenge ACK {frame_list(challenges)} (RFC 5961 section 4)" if len(challenges) else "nothing"
    yield Sentence(
        f"SYN [{met.syn_frame}] reached the {holder} in {met.state}, inside {where} (stream {met.held}); it answered "
        f"with {answer}.",
        (met.syn_frame, *challenges.tolist()),
        met.syn_ts_ns,
    )
    if back:
        yield Sentence(
            f"The side that the SYN claims to come from went on with the old connection [{back}]: no harm was done.",
            (back,),
        )
    elif inside:
        yield Sentence("Nothing came from the side that the SYN claims to come from after it.", (), met.last_ts_ns)
    else:
        yield Sentence(f"The SYN {met.told()}.", (met.syn_frame, *met.frames), met.last_ts_ns)


def _causes(view: View, met: Collision, inside: bool, back: int) -> tuple[Cause, ...]:
    goes_on = f"that side goes on with the old connection [{back}]"
    syn = view.at(met.flow, met.syn_frame, EventKind.SYN_IN_CONNECTION)
    client = view.tables.endpoint(met.held, 1 - met.held_side)
    ttl = int(syn["ttl"][0]) if len(syn) else int(client["ttl"])
    strange = f"its TTL is {ttl}, that of the client's other packets {int(client['ttl'])}"
    odd = (strange,) if ttl and ttl != int(client["ttl"]) else ()
    lost = Cause(
        "the connecting side lost the connection (restart, NAT, port reuse) and connects again",
        (),
        ((goes_on,) if back else ()) + odd,
    )
    forged = Cause("the SYN is forged: somebody tries to disturb the connection", ((goes_on,) if back else ()) + odd)
    return (forged, lost) if back else (lost, forged) if inside else (lost,)


def _known_refutations(view: View, met: Collision, inside: bool, back: int) -> Iterator[Refutation]:
    if inside:
        yield Refutation(
            "the SYN belongs to a new connection: its sender says nothing more on the old one",
            f"not so: it goes on [{back}]" if back else "true as far as was captured: nothing more came",
            (back,) if back else (),
        )
        return
    detail = view.detail(met.held, met.held_side)
    unseen = 0 if detail is None else int(detail["unseen_bytes"])
    yield Refutation(
        f"the {view.role(met.flow, met.holder)} ended stream {met.held} before the SYN [{met.syn_frame}]",
        "not found, and no byte of its direction is missing"
        if not unseen
        else f"not found, but {plural(unseen, 'byte')} of its direction were not captured",
        (met.syn_frame,),
    )


def _next_steps(view: View, flow: int, holder: int, inside: bool) -> Iterator[str]:
    if inside:
        yield "find out who sent the SYN: compare its TTL and options with the other packets of that address"
        return
    yield (
        f"on {view.host(flow, holder)}: let the process notice lost peers and close: SO_KEEPALIVE or TCP_USER_TIMEOUT, "
        "close() when read() returns 0"
    )
    yield f"on {view.host(flow, 1 - holder)}: look for a restart, or a NAT that gave the port away, before the SYN"


def _settled_by(view: View, flow: int, holder: int) -> Iterator[str]:
    host, port, peer = view.host(flow, holder), view.port(flow, holder), view.host(flow, 1 - holder)
    yield f"on {host}: ss -tanpo '( sport = :{port} )' dst {peer} shows the old socket and its state"
    yield f"on {host}: nstat -az TcpExtTCPSYNChallenge TcpExtTCPChallengeACK"
