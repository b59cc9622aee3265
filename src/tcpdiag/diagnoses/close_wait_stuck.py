"""An endpoint got its peer's FIN and neither closes nor sends anything.

## What it sees
An endpoint that enters CLOSE-WAIT and then sends no FIN, no RST and no new data for long, while nothing of its own
is waiting to be acknowledged. If the peer wants the same 4-tuple for a new connection meanwhile, the peer has given
this one up, and any age counts. More than a few such connections of one endpoint share one finding. Those that a
close-wait-leak tells of are not repeated.

## Why it matters
CLOSE-WAIT has no timer: the socket, its descriptor and its 4-tuple stay taken until the application calls close().
A worker that waits here is usually blocked, or has forgotten the connection.

## What it cannot know
Whether the application already called close() while its kernel still holds data back. Whether a FIN was sent and
only not captured: an endpoint that did not acknowledge the peer's FIN in sight, or of which something was
acknowledged that the capture lacks, is left out. A half-closed connection is legal: a peer that says "I have no more
to send" may wait for an answer as long as it likes.

## Thresholds
| name | default | source |
|---|---|---|
| notice_s | 5 | longer than any timer before a FIN; delayed ACK: 0.5 s at most (RFC 9293 section 3.8.6.3) |
| warning_s | 60 | the peer's FIN-WAIT-2 ends after 60 s on Linux (tcp_fin_timeout) and FreeBSD: nobody waits any more |
| single_max | 10 | more findings of one endpoint than fit a screen are one finding |

## RFC
RFC 9293 section 3.3.2 (CLOSE-WAIT: waiting for the local user), section 3.6 (closing a connection).

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+1.00 > F. 101:101(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 102 win 65535
+90.0 .
finding: close-wait-stuck warning
```

## Stays silent
The server goes on sending in CLOSE-WAIT, as a half-closed connection may:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+1.00 > F. 1:1(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 2 win 65535
+4.00 < P. 1:101(100) ack 2 win 65535
+0.01 > . 2:2(0) ack 101 win 65535
+4.00 < P. 101:201(100) ack 2 win 65535
+0.01 > . 2:2(0) ack 201 win 65535
+4.00 < F. 201:201(0) ack 2 win 65535
+0.01 > . 2:2(0) ack 202 win 65535
+1.00 .
```
The capture lacks what the server sent after the client's FIN:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+1.00 > F. 101:101(0) ack 1 win 65535
+90.0 .
```
It lacks the server's FIN, which the client acknowledges:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1(0) ack 101 win 65535
+1.00 > F. 101:101(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 102 win 65535
+0.50 > . 102:102(0) ack 2 win 65535
+90.0 .
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.flow import EndpointBit
from ..rfc import Rfc
from ..sets import among, distinct
from ..units import NS, duration, plural
from .base import EVIDENCE_MAX, Diagnosis, Scope
from .confidence import PRESUMED
from .groups import by_host_and_endpoint
from .held import End, close_wait
from .sentences import said
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    notice_s: float = 5
    warning_s: float = 60
    single_max: float = 10


class CloseWaitStuck(Diagnosis):
    """FIN received, own FIN not sent for long, no data either."""

    kind = "close-wait-stuck"
    scope = Scope.FLOW
    events = (EventKind.STATE, EventKind.SYN_IN_CONNECTION)
    references = (Rfc(9293, "3.3.2"), Rfc(9293, "3.6"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        held = close_wait(view, int(limits.notice_s * NS))
        closed_late = (held["end"] == End.CLOSED_BY_ITSELF) & (held["idle_ns"] < limits.warning_s * NS)
        held = held[~closed_late & ~among(2 * held["flow"] + held["side"], view.leaked)]
        holders = by_host_and_endpoint(view, held["flow"], held["side"])
        for group in holders.large:
            if len(group) <= limits.single_max:
                for row in group.tolist():
                    yield self._stuck(view, held[row : row + 1], limits)
            else:
                yield self._stuck(view, held[group], limits)
        others = held[holders.rest]
        for client in (False, True):
            same = (others["side"] == view.client[others["flow"]]) == client
            if np.any(same):
                hosts = view.flows["addr_lo"][others["flow"][same], others["side"][same]]
                yield self._stuck(view, others[same], limits, len(distinct(hosts)))

    def _stuck(self, view: View, held: np.ndarray, limits: Thresholds, endpoints: int = 1) -> Finding:
        first = held[int(np.argmax(held["idle_ns"]))]
        flow, side = int(first["flow"]), int(first["side"])
        rows = view.tables.endpoints[2 * held["flow"] + held["side"]]
        proved = (rows["bits"] & int(EndpointBit.FIN_PROVED)) != 0
        role, longest = view.role(flow, side), int(first["idle_ns"])
        still = int(np.count_nonzero(held["end"] == End.CAPTURE))
        long = longest >= limits.warning_s * NS and np.any(held["end"] != End.CLOSED_BY_ITSELF)
        one = len(held) == 1
        return self.finding(
            view,
            Severity.WARNING if long else Severity.NOTICE,
            f"The {role} does not close a connection that its peer has ended"
            if one
            else f"{f'The {role} does' if endpoints == 1 else f'{endpoints:,} {role}s do'} not close {len(held):,} "
            "ended connections",
            tuple(_story(view, first, len(held), still, endpoints)),
            streams=held["flow"],
            frames=np.concatenate([held["fin_frame"], rows["last_ack_frame"][proved], held["syn_frame"]]),
            span=(int(held["since_ns"].min()), int(held["until_ns"].max())),
            doubts=() if np.all(proved) else (PRESUMED,),
            evidence=_evidence(view, held),
            endpoint=_holder(view, held) if endpoints == 1 else None,
            peer=view.label(flow, 1 - side) if one else None,
            causes=(
                Cause(
                    "the application does not call close() when it reads the end of the stream",
                    (f"in CLOSE-WAIT without a byte for {duration(longest)}",),
                ),
                Cause("the application is blocked: a lock, a full pool, a call without a time-out"),
            ),
            next_steps=(
                "in the application: close the connection when read() returns 0, on every path, that of an error too",
                f"on {_hosts(view, held)}: until then a restart of the process is all that frees the sockets",
            ),
            refutations=tuple(_refutations(view, first)),
            settled_by=(
                f"on {view.host(flow, side)}: ss -tanpo state close-wait '( sport = :{view.port(flow, side)} )'"
                if one
                else f"on {_hosts(view, held)}: ss -tanpo state close-wait",
                "a stack dump of the process that holds these sockets (gdb -p PID, jstack PID, py-spy dump --pid PID): "
                "what does the worker wait for?",
            ),
            data={
                "count": len(held),
                "still_held": still,
                "longest_s": round(longest / NS, 3),
                "wanted_again": int(np.count_nonzero(held["end"] == End.WANTED)),
            },
        )


def _story(view: View, first: np.void, count: int, still: int, endpoints: int) -> Iterator[Sentence]:
    """first: the HELD row of the connection that has been silent for longest."""
    flow, side = int(first["flow"]), int(first["side"])
    role, own = view.role(flow, side), view.tables.endpoint(flow, side)
    frames, acknowledged = [int(first["fin_frame"])], ""
    if int(own["bits"]) & EndpointBit.FIN_PROVED and int(own["last_ack_frame"]) > int(first["fin_frame"]):
        frames.append(int(own["last_ack_frame"]))
        acknowledged = f", acknowledged it [{own['last_ack_frame']}],"
    if int(first["end"]) == End.WANTED:
        frames.append(int(first["syn_frame"]))
    yield said(
        f"The {role} got the peer's FIN [{first['fin_frame']}]{acknowledged} and since then has sent neither data nor "
        f"its own FIN for {duration(int(first['idle_ns']))}, {_end(first)}.",
        tuple(frames),
        int(first["since_ns"]),
    )
    yield said("CLOSE-WAIT has no timer: only the application can end it.", (), int(first["until_ns"]))
    if count > 1:
        where = "" if endpoints == 1 else f" of {endpoints:,} {role}s"
        yield said(
            f"The same goes for {plural(count - 1, 'more connection')}{where}; {still:,} are still held at the end.",
            (),
            view.last_ts_ns,
        )


def _end(first: np.void) -> str:
    return {
        End.CAPTURE: "and the capture ends so",
        End.CLOSED_BY_ITSELF: "before it closed",
        End.RESET: "until a RST removed it",
        End.WANTED: f"until the peer wanted the 4-tuple for a new connection [{first['syn_frame']}]",
    }[End(int(first["end"]))]


def _refutations(view: View, first: np.void) -> Iterator[Refutation]:
    flow, side = int(first["flow"]), int(first["side"])
    role, fin = view.role(flow, side), int(first["fin_frame"])
    own, window = view.tables.endpoint(flow, side), int(view.tables.endpoint(flow, 1 - side)["window"])
    idle = ", and nothing is in flight" if int(own["snd_nxt"]) == int(own["snd_una"]) else ""
    yield Refutation(
        f"the {role} sends new data or its FIN after [{fin}]",
        f"found, but only after {duration(int(first['idle_ns']))}"
        if int(first["end"]) == End.CLOSED_BY_ITSELF
        else f"not found in {duration(int(first['until_ns']) - int(first['since_ns']))}",
        (fin,),
    )
    yield Refutation(
        f"the application has closed, and its kernel holds the FIN back behind data for which the {role}'s peer has no "
        "room",
        f"not so: the peer's window is {window:,} bytes{idle}" if window else "possible: the peer's window is closed",
    )
    yield Refutation("the two use a half-closed connection on purpose, and the answer takes that long", None)


def _holder(view: View, held: np.ndarray) -> str:
    """The endpoint that holds them; its address alone where each has another port."""
    flows, sides = held["flow"], held["side"]
    ports = distinct(view.flows["port"][flows, sides])
    name = view.label if len(ports) == 1 else view.host
    return name(int(flows[0]), int(sides[0]))


def _hosts(view: View, held: np.ndarray) -> str:
    """The hosts that hold them, the longest-held first: a few by name."""
    order = np.argsort(-held["idle_ns"], kind="stable")[:1000]
    names = list(dict.fromkeys(view.host(int(row["flow"]), int(row["side"])) for row in held[order]))
    return ", ".join(names[:3]) + (" and the others" if len(names) > 3 else "")


def _evidence(view: View, held: np.ndarray) -> list[Evidence]:
    """Of those held longest, at most EVIDENCE_MAX lines: all of a connection, or nothing of it."""
    lines = []
    longest = np.argsort(-held["idle_ns"], kind="stable")[: EVIDENCE_MAX // 3]
    for row in held[np.sort(longest)]:
        flow, side = int(row["flow"]), int(row["side"])
        fins = view.at(flow, int(row["fin_frame"]), EventKind.STATE)
        lines += [view.evidence(event, "FIN received: CLOSE-WAIT") for event in fins[:1]]
        end = view.tables.endpoint(flow, side)
        if int(end["bits"]) & EndpointBit.FIN_PROVED:
            lines.append(view.frame(flow, int(end["last_ack_frame"]), "the FIN is acknowledged"))
        lines.append(view.absence(int(row["until_ns"]), f"no FIN, no data for {duration(int(row['idle_ns']))}", flow))
    return lines
