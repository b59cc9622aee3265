"""A connect runs into the same 4-tuple's earlier connection, which the other end still holds in CLOSE-WAIT.

## What it sees
A SYN for a 4-tuple whose earlier connection got the client's FIN while the server never sent its own. Current stacks
answer such a SYN with a challenge ACK that carries the OLD connection's numbers; the client answers that with a RST,
which removes the stale socket, and repeats its SYN. Old stacks, and a firewall that drops the challenge or the RST,
leave the SYNs unanswered until connect() times out.

Counted with it is the minefield: how many other 4-tuples that endpoint still holds in CLOSE-WAIT, in all and towards
that client. A connect of the client takes one of their ports with the chance

    4-tuples held towards the client / ports that its stack picks from

where the ports are Linux's 32768 to 60999 (28,232, `net.ipv4.ip_local_port_range`) if all ports seen of it are among
them, else IANA's 49152 to 65535 (16,384), else all above 1023. More ports held mean proportionally more collisions:
the number grows with the leak.

## Why it matters
The leak shows far from its cause: a client, often a proxy, sees connects that take a second too long or time out,
once in thousands, on a healthy network, to a server that is up and whose accept queue is empty.

## What it cannot know
Whether the server closed in the meantime where the capture has holes. What eats the challenge ACK or the RST when
the SYNs stay unanswered: an old kernel (Linux 3.8 to 3.17 drops such a SYN without a word) and a firewall behind the
tap look alike. An earlier connection that is older than the capture: that is a syn-in-connection when an ACK betrays
it, and a syn-unanswered when nothing does.

## Thresholds
| name | default | source |
|---|---|---|
| slow_ms | 500 | half of the initial RTO (RFC 6298 section 2): a connect that lost a SYN takes at least 1 s |
| limit_ms | 500 | Linux tcp_invalid_ratelimit: SYNs that come sooner after a challenge ACK are not answered by intent |

## RFC
RFC 9293 section 3.10.7.4 (SYN in a synchronized state), RFC 5961 section 4.2, RFC 9293 section 3.5.1

## Speaks
A challenge ACK, the client's RST, and the SYN again: healed after 1 s.
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > F. 1:1(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 2 win 65535
+70.0 > S 9000000:9000000(0) win 65535
+0.001 < . 1:1(0) ack 2 win 65535
+0.001 > R 2:2(0) win 0
+1.00 > S 9000000:9000000(0) win 65535
+0.001 < S. 70000000:70000000(0) ack 9000001 win 65535
+0.001 > . 9000001:9000001(0) ack 70000001 win 65535
finding: syn-into-close-wait warning outcome=delayed
```
Silence, until the client gives up:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > F. 1:1(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 2 win 65535
+70.0 > S 9000000:9000000(0) win 65535 *5 every 1.0
+5.00 .
finding: syn-into-close-wait critical outcome=failed
```
Challenged again and again, because the client's RST is lost between; and two other 4-tuples are mines:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > F. 1:1(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 2 win 65535
+1.00 >40001 S 0:0(0) win 65535
+0.01 <40001 S. 0:0(0) ack 1 win 65535
+0.01 >40001 . 1:1(0) ack 1 win 65535
+0.10 >40001 F. 1:1(0) ack 1 win 65535
+0.01 <40001 . 1:1(0) ack 2 win 65535
+1.00 >40002 S 0:0(0) win 65535
+0.01 <40002 S. 0:0(0) ack 1 win 65535
+0.01 >40002 . 1:1(0) ack 1 win 65535
+0.10 >40002 F. 1:1(0) ack 1 win 65535
+0.01 <40002 . 1:1(0) ack 2 win 65535
+70.0 > S 9000000:9000000(0) win 65535
+0.001 < . 1:1(0) ack 2 win 65535
+1.00 > S 9000000:9000000(0) win 65535
+0.001 < . 1:1(0) ack 2 win 65535
+1.00 > S 9000000:9000000(0) win 65535
+0.001 < . 1:1(0) ack 2 win 65535
+1.00 .
finding: syn-into-close-wait critical outcome=failed challenged=1 other_tuples_held_towards_client=2
```

## Stays silent
The server had closed as well:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > F. 1:1(0) ack 1 win 65535
+0.01 < F. 1:1(0) ack 2 win 65535
+0.01 > . 2:2(0) ack 2 win 65535
+70.0 > S 9000000:9000000(0) win 65535 *5 every 1.0
+5.00 .
```
The server had reset the connection, and its port is not answered for another reason:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > F. 1:1(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 2 win 65535
+2.00 < R. 1:1(0) ack 2 win 0
+70.0 > S 9000000:9000000(0) win 65535 *5 every 1.0
+5.00 .
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.flow import EndpointBit
from ..model.states import State
from ..rfc import Rfc
from ..sets import among
from ..units import NS, duration, plural
from .base import Diagnosis, Scope, frame_list
from .collisions import Collision, collisions
from .groups import by_endpoint
from .minefield import Minefield, minefield
from .neighbours import Neighbours, Seen
from .syn_schedules import Match, match
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    slow_ms: float = 500
    limit_ms: float = 500


class SynIntoCloseWait(Diagnosis):
    """SYN unanswered, or challenged, because the peer still holds the 4-tuple in CLOSE-WAIT."""

    kind = "syn-into-close-wait"
    scope = Scope.TUPLE
    events = (EventKind.SYN_IN_CONNECTION, EventKind.CHALLENGE_ACK)
    references = (Rfc(5961, "4.2"), Rfc(9293, "3.10.7.4"), Rfc(9293, "3.5.1"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        met = [c for c in collisions(view) if c.state is State.CLOSE_WAIT and c.held != c.flow]
        if not met:
            return
        sides = np.array([c.holder for c in met], np.int64)
        groups = by_endpoint(view, np.array([c.flow for c in met], np.int64), sides)
        for group in [*groups.large, *([groups.rest] if len(groups.rest) else [])]:
            yield self._finding(view, [met[i] for i in group.tolist()], limits)

    def _finding(self, view: View, met: list[Collision], limits: Thresholds) -> Finding:
        failed = [c for c in met if c.outcome == "failed"]
        slow = [c for c in met if c.outcome == "delayed" and c.delay_ns >= limits.slow_ms * 1e6]
        worst = max(failed or slow or met, key=lambda c: c.delay_ns)
        mines = minefield(view, met, worst)
        flow, holder = worst.flow, worst.holder
        seen = view.once(Neighbours).of(flow, holder, np.array([c.flow for c in met]), np.array([c.held for c in met]))
        server = view.host(flow, holder)
        return self.finding(
            view,
            Severity.CRITICAL if failed else Severity.WARNING,
            "A connect fails: the server still holds that 4-tuple in CLOSE-WAIT"
            if failed
            else "A connect is held up by a socket left in CLOSE-WAIT",
            list(_story(view, met, worst, mines, limits)),
            streams=[stream for c in met for stream in (c.held, c.flow)],
            frames=[
                *(frame for c in met for frame in (c.held_frame, c.last_ack_frame, *c.frames)),
                int(view.tables.endpoint(worst.held, 1 - worst.held_side)["last_frame"]),
                *mines.frames,
                *seen.frames,
            ],
            span=(min(c.syn_ts_ns for c in met), max(c.last_ts_ns for c in met)),
            evidence=_evidence(view, worst),
            endpoint=view.label(flow, holder),
            peer=view.label(flow, 1 - holder) if len(met) == 1 else None,
            causes=_causes(view, worst, mines, limits),
            next_steps=(
                f"on {server}: fix the process that holds these sockets: close() when read() returns 0",
                "until then: restart it, or remove the stale sockets at once: "
                f"ss -K state close-wait '( sport = :{view.port(flow, holder)} )'",
                *(("let the challenge ACK and the client's RST pass the firewalls on both hosts",) if failed else ()),
            ),
            refutations=_refutations(view, worst, seen),
            settled_by=(
                f"on {server}: ss -tanpo state close-wait '( sport = :{view.port(flow, holder)} )' names the process",
                f"on {server}: nstat -az TcpExtTCPSYNChallenge TcpExtTCPACKSkippedChallenge",
                *(_where_lost(server, view.host(flow, 1 - holder)) if failed else ()),
            ),
            data={
                "outcome": worst.outcome,
                "collisions": len(met),
                "failed": len(failed),
                "delay_s": round(max(c.delay_ns for c in met) / NS, 6),
                "held_s": round((worst.syn_ts_ns - worst.since_ns) / NS, 3),
                "held_stream": worst.held,
                "challenged": sum(len(c.challenges) > 0 for c in met),
                **mines.data(),
            },
        )


def _story(
    view: View, met: list[Collision], worst: Collision, mines: Minefield, limits: Thresholds
) -> Iterator[Sentence]:
    server = view.label(worst.flow, worst.holder)
    yield _cause(worst, server)
    port = view.port(worst.flow, 1 - worst.holder)
    yield Sentence(
        f"The server acknowledged that FIN [{worst.last_ack_frame}] and never sent its own; the client's side was "
        f"over, and its kernel used port {port} again.",
        (worst.last_ack_frame,),
        worst.since_ns,
    )
    yield from _reaction(worst, limits)
    if len(met) > 1:
        syns = [c.syn_frame for c in met if c is not worst]
        yield Sentence(
            f"The same happened to {plural(len(syns), 'more connect')} {frame_list(syns)}.",
            tuple(syns),
            met[0].syn_ts_ns,
        )
    if text := mines.told(server, view.host(worst.flow, 1 - worst.holder)):
        yield Sentence(text, mines.frames[:20], view.last_ts_ns)
    if worst.outcome == "failed" and (schedule := _schedule(view, worst)):
        yield Sentence(schedule.told(), tuple(worst.repeats["frame"].tolist()), worst.last_ts_ns)


def _cause(met: Collision, server: str) -> Sentence:
    """What happened, and because of what, in one sentence."""
    repeats, challenges = met.repeats["frame"], met.challenges
    syns = f"SYN [{met.syn_frame}]"
    many = f"{syns} and its {plural(len(repeats), 'repetition')} {frame_list(repeats)}" if len(repeats) else syns
    held = (
        f"that 4-tuple's earlier connection (stream {met.held}) in CLOSE-WAIT, "
        f"{duration(met.syn_ts_ns - met.since_ns)} after the client's FIN [{met.held_frame}]"
    )
    if met.answered_frame:
        text = f"{syns} met a stale socket: {server} still holds {held}; the connect took {duration(met.delay_ns)}."
    elif len(challenges):
        text = f"{many} got only challenge ACKs {frame_list(challenges)}: {server} still holds {held}."
    else:
        text = f"{many} got no answer in {duration(met.delay_ns)}: {server} still holds {held}."
    frames = (met.held_frame, met.syn_frame, *repeats.tolist(), *challenges.tolist())
    return Sentence(text, frames, met.syn_ts_ns)


def _reaction(met: Collision, limits: Thresholds) -> Iterator[Sentence]:
    """What a stack does with such a SYN, and what became of it here."""
    challenges, resets = met.challenges, met.resets
    frames = tuple(challenges.tolist())
    if met.answered_frame:
        again = met.repeats["frame"]
        steps = [f"challenge ACK {frame_list(challenges)}" if len(challenges) else "no answer at first"]
        steps += [f"the client's RST {frame_list(resets)}, which removes that socket"] if len(resets) else []
        steps += [f"the SYN again {frame_list(again)}"] if len(again) else []
        yield Sentence(
            f"It healed as RFC 5961 section 4 has it: {', '.join(steps)}, and it is answered [{met.answered_frame}].",
            (*frames, *resets.tolist(), *again.tolist(), met.answered_frame),
            met.answered_ts_ns,
        )
    elif len(challenges):
        lost = f"was sent {frame_list(resets)} and did not get there" if len(resets) else "was not captured"
        yield Sentence(
            "A challenge ACK carries the old connection's numbers; the client's RST for it, which would remove the "
            f"stale socket, {lost}.",
            (*frames, *resets.tolist()),
            met.last_ts_ns,
        )
    else:
        yield Sentence(
            "Current stacks answer such a SYN with a challenge ACK (RFC 5961 section 4), and the client's RST to that "
            "removes the stale socket; here no challenge ACK was captured"
            f"{'' if _within_limit(met, limits) else ', and it is no rate limit: the SYNs are further apart'}.",
            (),
            met.last_ts_ns,
        )


def _within_limit(met: Collision, limits: Thresholds) -> bool:
    """Whether each SYN came so soon after another that a stack may stay silent by intent."""
    times = np.append(met.syn_ts_ns, met.repeats["ts_ns"])
    return bool(np.all(np.diff(times) < limits.limit_ms * 1e6)) if len(times) > 1 else False


def _where_lost(server: str, client: str) -> Iterator[str]:
    yield f"on {server}: nft list ruleset, iptables -vL: does a rule that drops INVALID packets count up with each SYN?"
    if client != server:
        yield f"tcpdump on {server} and on {client} at once: where do the challenge ACK and the RST disappear?"


def _schedule(view: View, met: Collision) -> Match | None:
    client = view.tables.endpoint(met.flow, 1 - met.holder)
    times = [met.syn_ts_ns, *met.repeats["ts_ns"].tolist()]
    return match(times, view.last_ts_ns, int(client["ttl"]), int(client["syn_window"]))


def _causes(view: View, met: Collision, mines: Minefield, limits: Thresholds) -> Iterator[Cause]:
    held_ns = met.syn_ts_ns - met.since_ns
    others = f"{plural(mines.in_all, 'other connection')} of this endpoint in the same state"
    yield Cause(
        "the server's application leaks sockets: it never closes connections that its clients have ended",
        (
            f"FIN [{met.held_frame}] received, no FIN in return for {duration(held_ns)}",
            *((others,) if mines.in_all else ()),
        ),
    )
    if met.answered_frame:
        return
    elsewhere = _challenges_of(view, met)
    if len(met.challenges):
        yield Cause(
            "in addition a firewall drops the client's RST: it does not know the connection that the RST belongs to",
            (f"the challenge ACKs {frame_list(met.challenges)} were captured, and the socket stays",),
        )
        return
    yield Cause(
        "in addition a firewall drops the challenge ACK: it does not fit the connection that it sees opening",
        (f"the host does send challenge ACKs {frame_list(elsewhere)}",) if len(elsewhere) else (),
    )
    yield Cause(
        "in addition the server's kernel is an old Linux (3.8 to 3.17, RHEL 6 and SLE 12 of that time), which drops "
        "such SYNs without a word",
        (),
        (f"the host sent challenge ACKs {frame_list(elsewhere)}",) if len(elsewhere) else (),
    )
    if _within_limit(met, limits):
        yield Cause("in addition the server limits its challenge ACKs to one in 500 ms (Linux tcp_invalid_ratelimit)")


def _challenges_of(view: View, met: Collision) -> np.ndarray:
    """Frames of challenge ACKs that the same address sent, of any connection."""
    events = view.by_kind(EventKind.CHALLENGE_ACK)
    flows, sides = events["flow"].astype(np.int64), events["sender"].astype(np.int64)
    mine = view.flows[met.flow]
    same = np.ones(len(events), bool)
    for column in ("addr_hi", "addr_lo"):
        same &= view.flows[column][flows, sides] == mine[column][met.holder]
    found: np.ndarray = events["frame"][same][:20]
    return found


def _refutations(view: View, met: Collision, seen: Seen) -> Iterator[Refutation]:
    side = met.held_side
    holder = view.tables.endpoint(met.held, side)
    detail = view.detail(met.held, side)
    unseen = 0 if detail is None else int(detail["unseen_bytes"])
    yield Refutation(
        f"the server sends a FIN or RST on stream {met.held} before the SYN [{met.syn_frame}]",
        "not found, and no byte of its direction is missing"
        if not unseen
        else f"not found, but {plural(unseen, 'byte')} of its direction were not captured",
        (met.syn_frame,),
    )
    yield Refutation(
        "the port answers nobody in these seconds, so that it is not this 4-tuple alone",
        f"not so: it answered {plural(seen.meanwhile, 'other connect')} meanwhile {frame_list(seen.frames)}"
        if seen.meanwhile
        else None,
        seen.frames,
    )
    challenges = met.events[among(met.events["kind"], [int(EventKind.CHALLENGE_ACK), int(EventKind.STALE_ECHO)])]
    if len(challenges) and int(holder["bits"]) & EndpointBit.RCV_KNOWN:
        ack, expected = int(challenges[0]["ack"]), int(holder["rcv_nxt"])
        yield Refutation(
            f"the ACK [{int(challenges[0]['frame'])}] carries other numbers than RCV.NXT of stream {met.held}",
            f"{'not so: it acknowledges' if ack == expected else 'it acknowledges'} "
            f"{view.relative(met.held, 1 - side, ack)}, RCV.NXT is {view.relative(met.held, 1 - side, expected)}",
            (int(challenges[0]["frame"]),),
        )
    if met.echo_ns is not None:
        heard = view.tables.endpoint(met.held, 1 - side)
        frame, age_ns = int(heard["last_frame"]), met.syn_ts_ns - int(heard["last_ts_ns"])
        yield Refutation(
            f"the timestamp that the server echoes is not that of the client's last segment [{frame}]",
            f"it is {duration(met.echo_ns)} old, counted in milliseconds; that segment {duration(age_ns)}",
            (frame,),
        )


def _evidence(view: View, met: Collision) -> Iterator[Evidence]:
    for event in view.at(met.held, met.held_frame, EventKind.STATE)[:1]:
        yield view.evidence(event, f"stream {met.held}: the client's FIN; CLOSE-WAIT from here on")
    yield from met.evidence(view)
