"""A listener whose accept queue is full: it drops SYNs, or the ACKs that finish handshakes.

## What it sees
The application does not call accept() fast enough, so the connections that the kernel has opened for it fill the
listener's accept queue. What the kernel does then depends on how far a handshake has come, and each of these is a
sign; one finding tells all signs of one endpoint:

SYN-ACKs repeated: the ACK that finishes the handshake is dropped. The server repeats its SYN-ACK after 1, 2, 4 s
although the client's ACK, often with its request, was captured before.

SYNs dropped in silence, while connections that were let in before wait for their first byte.

SYN cookies: the handshake looks complete, but the server kept no state and drops the ACK. Then it neither acknowledges
the client's data nor repeats its SYN-ACK: just like a dead peer. It is told apart by the other connections to the
port, whose requests the kernel does acknowledge.

A RST for the ACK that finishes the handshake (Linux with tcp_abort_on_overflow = 1).

SYNs dropped now and then: many connects get their SYN-ACK only when they repeat their SYN, and far fewer of the other
segments to that endpoint are lost. The queue is full and drains again, too slowly.

All but the first and the last count only where the capture shows the application at rest: requests acknowledged by
the kernel, and none of that endpoint ever answered. How many connections wait like that is the length of the queue;
Linux lets in one more than the backlog.

## Why it matters
The client believes it is connected and sends its request again and again, or waits for an answer to its SYN. The
application is too slow to accept(), or hangs; every new client waits for seconds, then fails.

## What it cannot know
Whether the ACK reached the server, unless the capture was taken there: beside the client, a path that loses it looks
the same. Whether SYNs that are dropped now and then meet a full queue, or a firewall that limits new connections.

## Thresholds
| name | default | source |
|---|---|---|
| repeats_min | 2 | one repetition can cross the ACK, or one ACK can be lost; RFC 6298 section 2: 1 s apart at first |
| dropped_min | 5 | connects whose SYNs are dropped now and then: fewer are everyday loss, at 1 % one in a hundred |
| patience_s | 10 | the longest for which people wait (Nielsen, Usability Engineering, 1993, section 5.5) |
| critical_min | 10 | connections that waited longer than that: no longer a single user's misfortune |

## RFC
RFC 9293 section 3.10.7.4 (SYN-RECEIVED becomes ESTABLISHED with the ACK), RFC 4987 section 3.6 (SYN cookies)

## Speaks
The final ACK is dropped:
```packets
+0.0000 > S 0:0(0) win 65535
+0.0001 < S. 0:0(0) ack 1 win 65535
+0.0100 > . 1:1(0) ack 1 win 65535
+0.0010 > P. 1:11(10) ack 1 win 65535
+0.3000 > P. 1:11(10) ack 1 win 65535
+0.7000 < S. 0:0(0) ack 1 win 65535
+0.0100 > . 11:11(0) ack 1 win 65535
+2.0000 < S. 0:0(0) ack 1 win 65535
+0.0100 > . 11:11(0) ack 1 win 65535
finding: accept-queue-overflow warning connections=1 acks_dropped=1
```
SYNs are dropped, and the two that were let in get no answer to their requests:
```packets
repeat 2 every 0.5
+0.0000 > S 0:0(0) win 65535
+0.0001 < S. 0:0(0) ack 1 win 65535
+0.0100 > P. 1:11(10) ack 1 win 65535
+0.0001 < . 1:1(0) ack 11 win 65535
end
repeat 2 every 0.5
+1.0000 >41000 S 0:0(0) win 65535 *4 every 1.0
end
+2.00 .
finding: accept-queue-overflow warning connections=2 syns_dropped=2 waiting=2
```
SYN cookies: the second client's data is never acknowledged, the first one's was:
```packets
+0.0000 > S 0:0(0) win 65535
+0.0001 < S. 0:0(0) ack 1 win 65535
+0.0100 > P. 1:11(10) ack 1 win 65535
+0.0001 < . 1:1(0) ack 11 win 65535
+0.0100 >40001 S 0:0(0) win 65535
+0.0001 <40001 S. 0:0(0) ack 1 win 65535
+0.0100 >40001 . 1:1(0) ack 1 win 65535
+0.0010 >40001 P. 1:11(10) ack 1 win 65535 *6 every 0.8
finding: accept-queue-overflow warning connections=1 cookies=1
```

## Stays silent
The SYN-ACK was lost, and repeated before any ACK came:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+1.00 < S. 0:0(0) ack 1 win 65535
+2.00 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:11(10) ack 1 win 65535
+0.01 < . 1:1(0) ack 11 win 65535
```
The server vanishes after its SYN-ACK, and nothing else shows it alive: a peer-vanished.
```packets
+0.0000 > S 0:0(0) win 65535
+0.0001 < S. 0:0(0) ack 1 win 65535
+0.0100 > . 1:1(0) ack 1 win 65535
+0.0010 > P. 1:11(10) ack 1 win 65535 *6 every 0.8
```
A SYN is lost twice, and the connection is served:
```packets
+0.00 > S 0:0(0) win 65535 *3 every 1.0
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > P. 1:11(10) ack 1 win 65535
+0.01 < P. 1:11(10) ack 11 win 65535
+0.01 > . 11:11(0) ack 11 win 65535
```
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..flows.vantage import vantage
from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..rfc import Rfc
from ..sets import among
from ..units import NS, duration, plural
from .base import FRAMES_MAX, Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .queues import Queue, longest_ns, queues, rest_of
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    repeats_min: float = 2
    dropped_min: float = 5
    patience_s: float = 10
    critical_min: float = 10


class AcceptQueueOverflow(Diagnosis):
    """Handshakes dropped, or SYN-ACKs repeated, because the listener does not accept."""

    kind = "accept-queue-overflow"
    scope = Scope.HOST
    events = (EventKind.SYN_REPEATED,)
    references = (Rfc(9293, "3.10.7.4"), Rfc(4987, "3.6"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        told: list[int] = []
        for queue in queues(view, int(limits.repeats_min), int(limits.dropped_min)):
            told += queue.flows.tolist()
            yield self._overflow(view, queue, limits)
        rest = rest_of(view, np.array(told, np.int64), int(limits.repeats_min))
        if len(rest):
            yield self._many(view, rest)

    def _overflow(self, view: View, queue: Queue, limits: Thresholds) -> Finding:
        flows = queue.flows
        flow, place = int(flows[0]), vantage(view.tables).place
        label, host, port = view.label(flow, queue.side), view.host(flow, queue.side), view.port(flow, queue.side)
        sure = queue.stuck or place in {"server", "loopback"}
        waited_ns = longest_ns(view, queue)
        grave = len(flows) >= limits.critical_min and waited_ns >= limits.patience_s * NS
        return self.finding(
            view,
            Severity.CRITICAL
            if grave and sure
            else Severity.NOTICE
            if place == "client" and not sure
            else Severity.WARNING,
            _title(queue),
            list(_story(view, queue, label)),
            streams=flows,
            frames=_frames(view, queue),
            span=(int(view.flows["first_ts_ns"][flows].min()), int(view.flows["last_ts_ns"][flows].max())),
            doubts=() if sure else (NOT_UNIQUE,),
            evidence=sorted(_evidence(view, queue), key=lambda line: (line.ts_ns or 0, line.frame or 0)),
            endpoint=label,
            peer=view.label(flow, 1 - queue.side) if len(flows) == 1 else None,
            causes=_causes(queue, place),
            next_steps=(
                f"on {host}: see why the process behind port {port} does not call accept(): its stack "
                "(py-spy, jstack, gdb), its CPU, its limit of descriptors",
                "then raise its backlog and net.core.somaxconn, for bursts: a longer queue only hides a stuck process",
            ),
            refutations=_refutations(queue, label, place),
            settled_by=(
                f"on {host}: ss -ltn '( sport = :{port} )': Recv-Q (waiting for accept) above Send-Q (the backlog)",
                f"on {host}: nstat -z TcpExtListenOverflows TcpExtListenDrops TcpExtSyncookiesSent, now and again",
            ),
            data=_data(queue, place, waited_ns),
        )

    def _many(self, view: View, flows: np.ndarray) -> Finding:
        """Dropped ACKs at so many endpoints that none stands alone."""
        repeats = _repeats(view, flows)
        place = vantage(view.tables).place
        begin_ns = int(view.flows["first_ts_ns"][flows].min())
        return self.finding(
            view,
            Severity.NOTICE if place == "client" else Severity.WARNING,
            "Servers drop the ACKs that finish their handshakes",
            [
                Sentence(
                    f"The SYN-ACKs of {plural(len(flows), 'connection')} to different servers were repeated "
                    f"{frame_list(repeats['frame'])} although the ACKs for them had been captured.",
                    tuple(repeats["frame"][:20].tolist()),
                    begin_ns,
                )
            ],
            streams=flows,
            frames=np.concatenate([repeats["ref"], repeats["frame"]])[:FRAMES_MAX],
            span=(begin_ns, int(repeats["ts_ns"].max())),
            doubts=() if place in {"server", "loopback"} else (NOT_UNIQUE,),
            evidence=[view.evidence(event, "the SYN-ACK again, after the ACK for it") for event in repeats],
            causes=(
                Cause("the path behind the tap loses the ACKs", ("it happens to many servers at once",)),
                Cause("their applications do not accept(): the accept queues are full"),
            ),
            next_steps=("see what these servers share: a load balancer, a host, a link",),
            refutations=(Refutation("the ACKs reached the servers", None if place != "server" else "they did"),),
            settled_by=("on one of them: nstat -az TcpExtListenOverflows TcpExtListenDrops",),
            data={"connections": len(flows), "repeats": len(repeats), "vantage": place},
        )


def _title(queue: Queue) -> str:
    if queue.stuck:
        return "A server does not accept: its accept queue is full"
    if len(queue.acks):
        return "A server drops the ACKs that finish its handshakes"
    return "A server drops SYNs now and then: its accept queue overflows"


def _story(view: View, queue: Queue, label: str) -> Iterator[Sentence]:
    for text, flows, frames in _signs(view, queue, label):
        yield Sentence(text, tuple(frames[:20]), int(view.flows["first_ts_ns"][flows].min()))
    seen = queue.seen
    if queue.stuck:
        asked = "their requests" if seen.mute == seen.waiting else f"the requests of {seen.mute:,} of them"
        yield Sentence(
            f"{plural(seen.waiting, 'connection')} had been let in before: the kernel acknowledged {asked} "
            f"{frame_list(seen.mute_frames)}, and the application answered none. They fill the queue: its backlog is "
            f"{max(0, seen.waiting - 1):,} (Linux lets in one more), unless some are older than the capture.",
            seen.mute_frames,
            int(view.flows["first_ts_ns"][queue.flows].min()),
        )


def _signs(view: View, queue: Queue, label: str) -> Iterator[tuple[str, np.ndarray, list[int]]]:
    """A sentence for each sign, with its flows and its frames; the surest first."""
    if len(queue.acks):
        repeats = _repeats(view, queue.acks)["frame"]
        acks = view.side("last_ack_frame")[queue.acks, view.client[queue.acks]]
        yield (
            f"{label} repeated the SYN-ACK of {plural(len(queue.acks), 'connection')} {frame_list(repeats)} although "
            "the ACK for it had been captured: its accept queue is full, and it drops the ACKs that finish handshakes. "
            "The client believes that it is connected; the server does not.",
            queue.acks,
            [*repeats.tolist(), *acks.tolist()],
        )
    if len(queue.cookies):
        offers = np.sort(view.side("last_frame")[queue.cookies, 1 - view.client[queue.cookies]])
        last = np.sort(view.side("last_frame")[queue.cookies, view.client[queue.cookies]])
        yield (
            f"{label} never acknowledged what {plural(len(queue.cookies), 'client')} sent again and again "
            f"{frame_list(last)} after a handshake that looks complete {frame_list(offers)}, and never repeated its "
            "SYN-ACK: these were SYN cookies, and a full accept queue dropped the ACKs.",
            queue.cookies,
            [*offers.tolist(), *last.tolist()],
        )
    if len(queue.resets):
        resets = view.side("rst_frame")[queue.resets, 1 - view.client[queue.resets]]
        yield (
            f"{label} answered the ACK that finishes the handshake with a RST on "
            f"{plural(len(queue.resets), 'connection')} {frame_list(resets)}, as tcp_abort_on_overflow has it.",
            queue.resets,
            resets.tolist(),
        )
    if len(queue.silent) or len(queue.late):
        flows = np.sort(np.concatenate([queue.silent, queue.late]))
        syns = view.flows["first_frame"][flows]
        tried = int(view.side("syns")[flows, view.client[flows]].sum())
        waited, count = duration(longest_ns(view, queue)), plural(len(flows), "connect")
        what = f"{tried - len(queue.late):,} SYNs of {count} {frame_list(syns)}: "
        if not len(queue.late):
            what = f"all {tried:,} SYNs of {count} {frame_list(syns)} in up to {waited}"
        elif not len(queue.silent):
            what += f"they were answered only when the SYN was repeated, after up to {waited}"
        else:
            what += (
                f"{len(queue.late):,} were answered when the SYN was repeated, {len(queue.silent):,} never in {waited}"
            )
        loss = ""
        if not queue.stuck:
            loss = f"; of the clients' {queue.sent:,} other segments {queue.lost:,} had to be repeated"
        yield (
            f"{label} dropped {what}{loss}. Its accept queue is full.",
            flows,
            syns.tolist(),
        )


def _causes(queue: Queue, place: str) -> Iterator[Cause]:
    seen, arrived = queue.seen, place in {"server", "loopback"}
    beside = ("the capture was taken beside the server: the segments had arrived",) if arrived else ()
    mute = f"{plural(seen.mute, 'request')} acknowledged by the kernel, none answered {frame_list(seen.mute_frames)}"
    yield Cause(
        "the application does not accept(), or too slowly: its accept queue is full, and the kernel drops handshakes",
        (*((mute,) if queue.stuck else ()), *beside),
    )
    if len(queue.acks) or len(queue.cookies):
        yield Cause(
            "the path behind the tap loses the ACKs",
            ("the capture was taken beside the client",) if place == "client" else (),
            (*beside, *(("other clients' requests are acknowledged",) if seen.mute else ())),
        )
    if len(queue.silent) or len(queue.late):
        yield Cause(
            "a firewall or the host limits new connections (hashlimit, connlimit, SYN proxy)",
            ("other segments are not lost",) if queue.only_syns_lost else (),
            ("the connections that were let in are not served either",) if queue.stuck else (),
        )


def _refutations(queue: Queue, label: str, place: str) -> Iterator[Refutation]:
    seen = queue.seen
    yield Refutation(
        f"the application behind {label} answers requests in these seconds",
        f"it does, on {plural(seen.served, 'connection')}: it is slow, not stuck"
        if seen.served
        else f"not found: {plural(seen.mute, 'request waits', 'requests wait')}"
        if seen.mute
        else None,
    )
    yield Refutation(
        "the segments that are said to be dropped never reached the server",
        {
            "server": "not so: the capture was taken beside it",
            "loopback": "not so: on loopback nothing is lost on the way",
        }.get(place),
    )


def _data(queue: Queue, place: str, waited_ns: int) -> dict[str, Any]:
    return {
        "connections": len(queue.flows),
        "acks_dropped": len(queue.acks),
        "cookies": len(queue.cookies),
        "resets": len(queue.resets),
        "syns_dropped": len(queue.silent),
        "answered_late": len(queue.late),
        "waiting": queue.seen.waiting,
        "stuck": queue.stuck,
        "longest_s": round(waited_ns / NS, 3),
        "vantage": place,
    }


def _repeats(view: View, flows: np.ndarray) -> np.ndarray:
    """The repeated SYN-ACKs of these flows."""
    rows = view.rows_of(EventKind.SYN_REPEATED)
    mine = view.events[rows[among(view.event_flow[rows], flows)]]
    found: np.ndarray = mine[mine["side"] != view.client[mine["flow"].astype(np.int64)]]
    return found


def _frames(view: View, queue: Queue) -> np.ndarray:
    signs = [frame for _, _, frames in _signs(view, queue, "") for frame in frames]
    rows = view.rows_of(EventKind.SYN_REPEATED)
    again = view.events["frame"][rows[among(view.event_flow[rows], queue.flows)]]
    firsts = view.flows["first_frame"][queue.flows]
    shown = [*queue.seen.mute_frames, *(line.frame or 0 for line in _evidence(view, queue))]
    parts = [np.array([*signs, *shown], np.int64), firsts.astype(np.int64), again.astype(np.int64)]
    return np.concatenate(parts)[: 2 * FRAMES_MAX]


def _evidence(view: View, queue: Queue) -> Iterator[Evidence]:
    for event in _repeats(view, queue.acks)[:6]:
        yield view.evidence(event, "the SYN-ACK again, after the ACK for it")
    for flow in queue.cookies[:3].tolist():
        client = view.tables.endpoint(flow, int(view.client[flow]))
        server = view.tables.endpoint(flow, 1 - int(view.client[flow]))
        yield view.frame(
            flow, int(server["last_frame"]), "its SYN-ACK, and nothing after it", int(server["last_ts_ns"])
        )
        yield view.frame(flow, int(client["last_frame"]), "the client's data, still again", int(client["last_ts_ns"]))
    for flow in queue.resets[:2].tolist():
        server = view.tables.endpoint(flow, 1 - int(view.client[flow]))
        yield view.frame(flow, int(server["rst_frame"]), "RST for the ACK of its SYN-ACK", int(server["last_ts_ns"]))
    for flow in np.concatenate([queue.silent, queue.late])[:3].tolist():
        row = view.flows[flow]
        yield view.frame(flow, int(row["first_frame"]), "a SYN that is not answered", int(row["first_ts_ns"]))
