"""A connect runs into the same 4-tuple's earlier connection, which the other end still holds in CLOSE-WAIT.

## What it sees
A SYN for a 4-tuple whose earlier connection got the client's FIN while the server never sent its own. Current stacks
answer such a SYN with a challenge ACK that carries the OLD connection's numbers; the client answers that with a RST,
which removes the stale socket, and repeats its SYN. Old stacks, and a firewall that drops the challenge or the RST,
leave the SYNs unanswered until connect() times out. Counted with it: how many more 4-tuples of that endpoint are
held in the same way, each of them a mine for a later connect.

## Why it matters
The leak shows far from its cause: a client, often a proxy, sees connects that take a second too long or time out,
once in thousands, on a healthy network, to a server that is up and whose accept queue is empty.

## What it cannot know
Whether the server closed in the meantime where the capture has holes. What eats the challenge ACK or the RST when
the SYNs stay unanswered.

## Thresholds
| name | default | source |
|---|---|---|
| slow_ms | 500 | half of the initial RTO (RFC 6298 section 2): a connect that lost a SYN takes at least 1 s |

## RFC
RFC 9293 section 3.10.7.4 (SYN in a synchronized state), RFC 5961 section 4.2, RFC 9293 section 3.5.1

## Speaks
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
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Severity
from ..model.states import State
from ..rfc import Rfc
from ..units import NS, duration, plural
from .base import Diagnosis, Scope
from .collisions import Collision, collisions
from .groups import by_endpoint
from .held import close_wait
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    slow_ms: float = 500


class SynIntoCloseWait(Diagnosis):
    """SYN unanswered, or challenged, because the peer still holds the 4-tuple in CLOSE-WAIT."""

    kind = "syn-into-close-wait"
    scope = Scope.TUPLE
    events = (EventKind.SYN_IN_CONNECTION, EventKind.SYN_REPEATED, EventKind.CHALLENGE_ACK, EventKind.BAD_ACK_RST)
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
        failed = [c for c in met if c.outcome(view) == "failed"]
        slow = [c for c in met if c.outcome(view) == "delayed" and c.delay_ns >= limits.slow_ms * 1e6]
        worst = (failed or slow or met)[0]
        flow, holder = worst.flow, worst.holder
        endpoint = view.label(flow, holder)
        mines = _other_mines(view, met)
        held_ns = worst.syn_ts_ns - worst.since_ns
        severity = Severity.CRITICAL if failed else Severity.WARNING
        many = f" The same happened to {plural(len(met) - 1, 'more connect')}." if len(met) > 1 else ""
        return self.finding(
            view,
            severity,
            "A connect fails: the server still holds that 4-tuple in CLOSE-WAIT"
            if failed
            else "A connect is held up by a socket left in CLOSE-WAIT",
            f"SYN [{worst.syn_frame}] to {endpoint} {worst.told()}. The earlier connection of this 4-tuple "
            f"(stream {worst.held}) got the client's FIN [{worst.held_frame}] {duration(held_ns)} before, and the "
            f"server never sent its own: its socket is still in CLOSE-WAIT.{many}{_told(mines)}",
            streams=[stream for c in met for stream in (c.held, c.flow)],
            frames=[frame for c in met for frame in (*c.frames, c.held_frame)],
            span=(min(c.syn_ts_ns for c in met), max(c.last_ts_ns for c in met)),
            evidence=_evidence(view, worst),
            endpoint=endpoint,
            peer=view.label(flow, 1 - holder) if len(met) == 1 else None,
            causes=(
                Cause(
                    "the server's application leaks sockets: it never closes connections that its clients have ended",
                    (
                        f"FIN [{worst.held_frame}] received, no FIN in return for {duration(held_ns)}",
                        *(
                            (f"{plural(mines, 'other connection')} of this endpoint in the same state",)
                            if mines
                            else ()
                        ),
                    ),
                ),
                Cause(
                    "besides, something between drops the challenge ACK or the client's RST",
                    ("the connect did not recover by itself",) if failed else (),
                    () if failed else ("the stale socket was removed as it should be",),
                ),
            ),
            next_steps=(
                f"on {view.host(flow, holder)}: ss -tanpo state close-wait '( sport = :{view.port(flow, holder)} )'; "
                "fix the process that holds them: close() when read() returns 0",
                "nstat -az TcpExtTCPSYNChallenge TcpExtTCPTimeouts",
                "until then: restart that process; more source ports or addresses on the client make it rarer",
            ),
            data={
                "outcome": worst.outcome(view),
                "collisions": len(met),
                "failed": len(failed),
                "delay_s": round(max(c.delay_ns for c in met) / NS, 6),
                "held_s": round(held_ns / NS, 3),
                "held_stream": worst.held,
                "challenged": sum(c.challenged for c in met),
                "other_tuples_held": mines,
            },
        )


def _told(mines: int) -> str:
    if not mines:
        return ""
    return f" The server holds {plural(mines, 'more 4-tuple')} in the same way, each in wait for a later connect."


def _other_mines(view: View, met: list[Collision]) -> int:
    """4-tuples of the same endpoint in CLOSE-WAIT that no SYN has run into."""
    held = close_wait(view, NS)
    flow, side = met[0].flow, met[0].holder
    rows, mine = view.flows[held["flow"]], view.flows[flow]
    index = np.arange(len(held))
    same = held["syn_frame"] == 0
    for column in ("addr_hi", "addr_lo", "port"):
        same &= rows[column][index, held["side"]] == mine[column][side]
    return int(np.count_nonzero(same))


def _evidence(view: View, met: Collision) -> Iterator[Evidence]:
    for event in view.at(met.held, met.held_frame, EventKind.STATE)[:1]:
        yield view.evidence(event, f"stream {met.held}: the client's FIN; CLOSE-WAIT from here on")
    yield from met.evidence(view)
