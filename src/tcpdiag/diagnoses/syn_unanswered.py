"""SYNs that nothing answers.

## What it sees
Connects of which only the client's SYNs were captured: no SYN-ACK, no RST, no ACK. One finding for each endpoint that
was to be reached. A connect that ran into an earlier connection on its 4-tuple is a syn-into-close-wait or a
syn-in-connection, one that ICMP refuses a syn-refused, and a flood of them a syn-flood.

The possible causes stand in the order of a score: facts for it less facts against it, each worth 4 (decisive), 2
(strong) or 1 (weak). A cause is called likely when it is 2 or more ahead of the next. The facts are control groups,
taken in the same seconds:

- the same port, other clients or other 4-tuples: answered, answered late, or not; before, meanwhile, after
- connections to that port whose requests are acknowledged and never answered: nobody accepts them
- other ports of that host; anything else from that host
- other hosts that the same client wanted
- what the SYNs have that answered ones lack (options, ECN, old timestamps), earlier connections of the 4-tuple, ICMP

The causes: a firewall drops the SYNs; the accept or SYN queue is full; the host is down or has no route; an older
connection sits on the 4-tuple (and the challenge ACK is dropped, or an old Linux sends none); and where something
speaks for them, the client's own path, a way of the answers that the tap does not see, an option that is dropped,
old timestamps.

The times of the repetitions are compared with the schedules of known stacks: they tell when the client will give up,
or that it has, sooner than its stack would by itself (a time-out of the application).

## Why it matters
The client waits for about two minutes (Linux: 127 to 134 s), then its connect() times out.

## What it cannot know
Beside the client: whether the SYN reached the host. Beside the server: whether the kernel dropped it (full queue,
firewall on the host) or had no chance to see it. A firewall and a host that is switched off look the same. A host that
is down on the same link gives no SYNs at all, but unanswered ARP: a SYN on the wire had a next hop that answered.

## Thresholds
| name | default | source |
|---|---|---|
| wait_s | 1 | RFC 6298 section 2: the initial RTO; a SYN younger than this at the end may still be answered |
| repeats_min | 2 | a single lost SYN is everyday life; RFC 9293 section 3.8.3: R1 is at least 3 transmissions |

## RFC
RFC 9293 section 3.5 (establishing a connection), section 3.8.3 (R2 for SYNs: at least 3 minutes)

## Speaks
```packets
+0.00 > S 0:0(0) win 65535 *4 every 1.0
+1.00 .
finding: syn-unanswered warning likely=None
```
Other ports of the same client are answered in the same seconds: this 4-tuple alone is the trouble.
```packets
+0.00 > S 0:0(0) win 64240 <mss 1460,sackOK>
+0.50 >40001 S 0:0(0) win 64240 <mss 1460,sackOK>
+0.01 <40001 S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK>
+0.01 >40001 . 1:1(0) ack 1 win 64240
+0.48 > S 0:0(0) win 64240 <mss 1460,sackOK> *3 every 1.0
+1.00 .
finding: syn-unanswered warning likely=stale
```

## Stays silent
A lost SYN, repeated and answered:
```packets
+0.00 > S 0:0(0) win 65535 *2 every 1.0
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+5.00 .
```
The capture ends too early:
```packets
+0.00 > S 0:0(0) win 65535
+0.20 .
```
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.states import State
from ..rfc import Rfc
from ..units import NS, duration, percent, plural
from . import icmp
from .base import FRAMES_MAX, Diagnosis, Scope, frame_list
from .columns import distinct
from .confidence import NOT_UNIQUE
from .groups import by_endpoint
from .neighbours import Neighbours
from .syn_causes import Ranked, Why, clear, ranked
from .syn_clues import Silent, clues, silent
from .syn_schedules import Match, match
from .view import View

SERVICES_MIN: Final = 0.5
"""Majority: where most of many endpoints answer other connects, they are services and not the targets of a scan."""


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    wait_s: float = 1
    repeats_min: float = 2


class SynUnanswered(Diagnosis):
    """No SYN-ACK, with the causes ranked and the evidence for and against each."""

    kind = "syn-unanswered"
    scope = Scope.HOST
    events = (EventKind.SYN_REPEATED, EventKind.SYN_IN_CONNECTION, EventKind.ICMP_ERROR)
    references = (Rfc(9293, "3.5"), Rfc(9293, "3.8.3"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        flows = _unanswered(view, int(limits.wait_s * NS))
        if not len(flows):
            return
        servers = 1 - view.client[flows]
        groups = by_endpoint(view, flows, servers)
        neighbours = view.once(Neighbours)
        for group in groups.large:
            yield self._endpoint(view, silent(view, neighbours, flows[group], flows), limits)
        if len(groups.rest):
            firsts = flows[groups.rest_first]
            listening = neighbours.share_listening(firsts, 1 - view.client[firsts])
            yield self._many(view, flows[groups.rest], groups.rest_endpoints, listening, len(groups.large) > 0, limits)

    def _endpoint(self, view: View, about: Silent, limits: Thresholds) -> Finding:
        flows, flow, seen = about.flows, int(about.flows[0]), about.seen
        repeats, causes = _repeats(view, flows), ranked(clues(view, about))
        sure = clear(causes)
        label, one = view.label(flow, about.server), len(flows) == 1
        waited = _waited(view, flows)
        return self.finding(
            view,
            Severity.WARNING if about.syns > limits.repeats_min else Severity.NOTICE,
            "A connect is not answered at all" if one else f"One endpoint does not answer {len(flows):,} connects",
            list(_story(view, about, causes, repeats)),
            streams=flows,
            frames=[*_frames(view, flows, repeats).tolist(), *_shown(about)],
            span=(int(view.flows["first_ts_ns"][flows].min()), int(view.flows["last_ts_ns"][flows].max())),
            doubts=() if sure else (NOT_UNIQUE,),
            evidence=_evidence(view, flows, repeats),
            endpoint=label,
            peer=view.label(flow, 1 - about.server) if one else None,
            causes=[each.cause for each in causes],
            next_steps=_next_steps(view, about, causes[0].why),
            refutations=_refutations(view, about),
            settled_by=_settled_by(view, about),
            data={
                "count": len(flows),
                "syns": int(_syns(view, flows).sum()),
                "longest_s": round(waited / NS, 3),
                "likely": causes[0].why.name.lower().replace("_", "-") if sure else None,
                "scores": {each.why.name.lower().replace("_", "-"): each.score for each in causes},
                "port_answered_others": seen.answered,
                "port_answered_meanwhile": seen.meanwhile,
                "host_answered_otherwise": seen.host_answered,
                "client_answered_elsewhere": seen.elsewhere,
                "icmp_errors": len(about.errors),
                **_schedule_data(_schedule(view, _longest(view, flows), repeats)),
            },
        )

    def _many(
        self, view: View, flows: np.ndarray, endpoints: int, listening: float, further: bool, limits: Thresholds
    ) -> Finding:
        services = listening >= SERVICES_MIN
        more = "more " if further else ""
        syns, repeats = _syns(view, flows), _repeats(view, flows)
        frames = _frames(view, flows, repeats)
        begin_ns = int(view.flows["first_ts_ns"][flows].min())
        share = f"{percent(listening)} of these endpoints answered other connects"
        return self.finding(
            view,
            Severity.WARNING if int(syns.max()) > limits.repeats_min else Severity.NOTICE,
            f"Connects to {endpoints:,} {more}endpoints are not answered",
            [
                Sentence(
                    f"{plural(int(syns.sum()), 'SYN')} of {plural(len(flows), 'connect')} to {endpoints:,} {more}"
                    f"endpoints got no answer {frame_list(frames)}.",
                    tuple(frames[:20].tolist()),
                    begin_ns,
                ),
                Sentence(
                    f"{share}."
                    if services
                    else "So many targets that answer nothing look like a scan, or like a network that is gone."
                ),
            ],
            streams=flows,
            frames=frames,
            span=(begin_ns, int(view.flows["last_ts_ns"][flows].max())),
            doubts=(NOT_UNIQUE,),
            evidence=_evidence(view, flows, repeats),
            causes=(
                Cause("SYNs or SYN-ACKs are lost on a part of the path that these connects share", (share,)),
                Cause("their listeners do not accept: the accept queues are full, and the kernels drop SYNs"),
                Cause("a firewall drops some of the SYNs: a limit of rate or of states", (share,)),
            )
            if services
            else (Cause("a scan"), Cause("a network or a firewall between that drops everything")),
            next_steps=(
                "see whether the clients or the moments of these connects have something in common",
                "look for loss on the links that they share, and for firewall limits on new connections",
            )
            if services
            else ("find out who owns the addresses that these connects come from, and whether they may scan",),
            refutations=(Refutation("these endpoints answer other connects, so that it is no scan", share),),
            settled_by=(
                "on one of the servers: nstat -az TcpExtListenOverflows TcpExtListenDrops, and tcpdump for these SYNs",
            ),
            data={
                "count": len(flows),
                "endpoints": endpoints,
                "syns": int(syns.sum()),
                "listening_share": round(listening, 3),
            },
        )


def _unanswered(view: View, wait_ns: int) -> np.ndarray:
    """Connects of which only SYNs were captured, watched for long enough; in order of flow."""
    silent = view.of_server(view.side("packets")) == 0
    waiting = view.of_client(view.side("state")) == State.SYN_SENT
    flows = np.flatnonzero(silent & waiting & ~view.one_sided & ~view.flooding)
    flows = flows[view.last_ts_ns - view.flows["first_ts_ns"][flows] >= wait_ns]
    flows = flows[~np.isin(flows, view.by_kind(EventKind.SYN_IN_CONNECTION)["flow"])]
    errors = view.rows_of(EventKind.ICMP_ERROR)
    if len(errors):  # a connect that ICMP refuses is a syn-refused
        flows = flows[~np.isin(flows, view.event_flow[errors[icmp.refuses(view, errors)]])]
    return flows


def _story(view: View, about: Silent, causes: list[Ranked], repeats: np.ndarray) -> Iterator[Sentence]:
    flows, seen = about.flows, about.seen
    label, frames = view.label(int(flows[0]), about.server), _frames(view, flows, repeats)
    of = f" of {plural(len(flows), 'connect')}" if len(flows) > 1 else ""
    yield Sentence(
        f"{plural(int(_syns(view, flows).sum()), 'SYN')}{of} to {label} got no answer of any kind in "
        f"{duration(_waited(view, flows))} {frame_list(frames)}{_likely(causes)}.",
        tuple(frames[:20].tolist()),
        int(view.flows["first_ts_ns"][flows].min()),
    )
    if seen.answered or not about.loopback:
        yield Sentence(seen.told(), seen.frames if seen.answered else ())
    else:
        yield Sentence("Nothing else was captured on that port; on loopback no packet is lost on the way.")
    if about.seen.elsewhere and not seen.meanwhile:
        yield Sentence(
            f"The client was not cut off: other hosts answered {plural(seen.elsewhere, 'connect')} of it meanwhile."
        )
    longest = _longest(view, flows)
    if schedule := _schedule(view, longest, repeats):
        mine = repeats["frame"][repeats["flow"] == longest]
        last_ns = int(view.flows["last_ts_ns"][longest])
        yield Sentence(schedule.told(), tuple(mine.tolist()), last_ns)


def _likely(causes: list[Ranked]) -> str:
    if not clear(causes):
        return ""
    return {
        Why.FIREWALL: ": most likely a firewall drops them",
        Why.QUEUE: ": most likely the listener's queue is full",
        Why.DOWN: ": most likely the host is down or not reachable",
        Why.STALE: ": most likely the server still holds an older connection on that 4-tuple",
        Why.PATH: ": most likely the client's own path is broken",
        Why.TAP: ": most likely the capture does not see the answers",
        Why.OPTION: ": most likely something drops them for an option that they carry",
        Why.TIME_WAIT: ": most likely the server drops them for their old timestamps",
    }[causes[0].why]


def _waited(view: View, flows: np.ndarray) -> int:
    return int((view.flows["last_ts_ns"][flows] - view.flows["first_ts_ns"][flows]).max())


def _longest(view: View, flows: np.ndarray) -> int:
    """The connect that was tried for longest."""
    return int(flows[np.argmax(view.flows["last_ts_ns"][flows] - view.flows["first_ts_ns"][flows])])


def _schedule(view: View, flow: int, repeats: np.ndarray) -> Match | None:
    client = view.tables.endpoint(flow, int(view.client[flow]))
    times = [int(client["first_ts_ns"]), *repeats["ts_ns"][repeats["flow"] == flow].tolist()]
    return match(times, view.last_ts_ns, int(client["ttl"]), int(client["syn_window"]))


def _schedule_data(schedule: Match | None) -> dict[str, Any]:
    if schedule is None:
        return {"schedule": None}
    return {
        "schedule": schedule.schedule.name,
        "gave_up": schedule.gave_up,
        "gives_up_s": round(schedule.gives_up_ns / NS, 3),
    }


def _shown(about: Silent) -> Iterator[int]:
    """Frames of the control groups and of the witnesses."""
    yield from about.seen.frames
    yield from about.seen.mute_frames
    yield from about.ended
    yield from about.errors["frame"].tolist()


def _next_steps(view: View, about: Silent, likely: Why) -> Iterator[str]:
    flow = int(about.flows[0])
    host, port, client = (
        view.host(flow, about.server),
        view.port(flow, about.server),
        view.host(flow, 1 - about.server),
    )
    if likely is Why.QUEUE:
        yield f"on {host}: see why the process behind port {port} does not call accept()"
    elif likely is Why.STALE:
        yield f"on {host}: look for a process that leaves its sockets in CLOSE-WAIT, and make it close() them"
    elif likely is Why.DOWN:
        yield f"see whether {host} is up and has the address; ping it, and traceroute -T -p {port} {host}"
    elif likely is Why.PATH:
        yield f"on {client}: ip route get {host}; see whether its gateway answers (ip neigh, ping)"
    elif about.loopback:
        yield f"on {host}: check the firewall rules for port {port} (nft list ruleset, iptables -vnL)"
    else:
        yield f"check the firewall rules for port {port} on the path and on {host} (nft list ruleset, iptables -vnL)"
        yield f"on {client}: traceroute -T -p {port} {host} shows how far the SYNs come"


def _settled_by(view: View, about: Silent) -> Iterator[str]:
    flow = int(about.flows[0])
    host, port, client = (
        view.host(flow, about.server),
        view.port(flow, about.server),
        view.host(flow, 1 - about.server),
    )
    if not about.beside:
        yield f"on {host}: tcpdump -ni any 'tcp port {port} and host {client}': do the SYNs arrive, is there an answer?"
    yield (
        f"on {host}: ss -ltn '( sport = :{port} )' (Recv-Q above Send-Q: the accept queue is full) and "
        "nstat -az TcpExtListenOverflows TcpExtListenDrops TcpExtTCPReqQFullDrop"
    )
    yield f"on {host}: ss -tan '( sport = :{port} )' dst {client}: does it hold an old connection on the 4-tuple?"


def _refutations(view: View, about: Silent) -> Iterator[Refutation]:
    yield Refutation(
        "a segment of the client after these SYNs proves that a SYN-ACK came, and only the capture lacks it",
        "not found"
        if not about.one_sided
        else f"not on these connects, but {plural(about.one_sided, 'connection')} with that host lack a direction",
    )
    label = view.label(int(about.flows[0]), about.server)
    seen = about.seen
    yield Refutation(
        f"{label} answers others in the same seconds, so that port and host are well",
        f"it does: {plural(seen.meanwhile, 'connect')} {frame_list(seen.frames)}"
        if seen.meanwhile
        else "not found: nobody else was answered there"
        if not seen.answered
        else f"not in these seconds; {plural(seen.answered, 'connect')} at other times {frame_list(seen.frames)}",
        seen.frames,
    )
    yield Refutation(
        "ICMP says that the host cannot be reached, or that a firewall forbids it",
        f"found {frame_list(about.errors['frame'])}" if len(about.errors) else "not found",
        tuple(about.errors["frame"][:20].tolist()),
    )


def _syns(view: View, flows: np.ndarray) -> np.ndarray:
    syns: np.ndarray = view.side("syns")[flows, view.client[flows]].astype(np.int64)
    return syns


def _repeats(view: View, flows: np.ndarray) -> np.ndarray:
    rows = view.rows_of(EventKind.SYN_REPEATED)
    chosen = np.zeros(len(view.flows), bool)
    chosen[flows] = True
    repeats: np.ndarray = view.events[rows[chosen[view.event_flow[rows]]]]
    return repeats


def _frames(view: View, flows: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    """Of the SYNs and their repetitions, ascending, bounded."""
    frames = np.concatenate([view.flows["first_frame"][flows[:FRAMES_MAX]], repeats["frame"][:FRAMES_MAX]])
    return distinct(frames)[:FRAMES_MAX]


def _evidence(view: View, flows: np.ndarray, repeats: np.ndarray) -> Iterator[Evidence]:
    for flow in flows[:3].tolist():
        row = view.flows[flow]
        note = f"SYN from {view.label(flow, int(view.client[flow]))}"
        yield view.frame(flow, int(row["first_frame"]), note, int(row["first_ts_ns"]))
        again = repeats[repeats["flow"] == flow]
        yield from (view.evidence(event, "the SYN again") for event in again[-1:])
    yield view.absence(view.last_ts_ns, "no SYN-ACK and no RST until the capture ends")
