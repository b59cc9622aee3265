"""SYNs that nothing answers.

## What it sees
Connects of which only the client's SYNs were captured: no SYN-ACK, no RST, no ACK. One finding for each endpoint that
was to be reached. A connect that ran into an earlier connection on its 4-tuple is a syn-into-close-wait or a
syn-in-connection, one that ICMP refuses a syn-refused, and a flood of them a syn-flood.

The possible causes stand in the order of a score: facts for it less facts against it, each worth 4 (decisive), 2
(strong) or 1 (weak). A cause is called likely when it is 2 or more ahead of the next. The facts are control groups,
taken in the same seconds:

How the same port treats other clients and other 4-tuples: answered, answered late, or not; before, meanwhile, after.

Whether connections to that port wait for an answer to requests that the kernel acknowledged: nobody accepts them.

Other ports of that host, and anything else from it; other hosts that the same client wanted.

What the SYNs have that answered ones lack (options, ECN, old timestamps), earlier connections of the 4-tuple, ICMP.

The causes: a firewall drops the SYNs; the accept or SYN queue is full; the host is down or has no route; an older
connection sits on the 4-tuple (and the challenge ACK is dropped, or an old Linux sends none); and where something
speaks for them, the client's own path, a way of the answers that the tap does not see, an option that is dropped,
old timestamps.

The times of the repetitions are compared with the schedules of known stacks: they tell when the client will give up,
or that it has, sooner than its stack would by itself (a time-out of the application).

Told as well: connects that are answered only when the SYN is repeated without an option (or ECN) that it carried.

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
| option_min | 3 | connects answered only without an option: three such losses by chance are one in 10^6 at 1 % |

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
Three connects are answered only without Fast Open:
```packets
repeat 3 every 2.0
+0.00 > S 0:0(0) win 64240 <mss 1460,sackOK,fastopen>
+1.00 > S 0:0(0) win 64240 <mss 1460,sackOK>
+0.01 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK>
+0.01 > . 1:1(0) ack 1 win 64240
end
finding: syn-unanswered warning likely=option
```

## Stays silent
Fast Open is lost once and works otherwise:
```packets
repeat 3 every 2.0
+0.00 > S 0:0(0) win 64240 <mss 1460,sackOK,fastopen>
+1.00 > S 0:0(0) win 64240 <mss 1460,sackOK>
+0.01 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK>
+0.01 > . 1:1(0) ack 1 win 64240
end
+0.00 >41000 S 0:0(0) win 64240 <mss 1460,sackOK,fastopen>
+0.01 <41000 S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK>
+0.01 >41000 . 1:1(0) ack 1 win 64240
```
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
from ..sets import among
from ..units import NS, duration, percent, plural
from . import icmp
from .base import FRAMES_MAX, Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .groups import by_endpoint
from .neighbours import Neighbours
from .syn_causes import Why, clear, ranked
from .syn_clues import Silent, clues, silent
from .syn_options import Dropped, dropped
from .syn_schedules import Match
from .syn_story import (
    frames_of,
    longest,
    next_steps,
    refutations,
    repeats_of,
    schedule_of,
    settled_by,
    story,
    syns_of,
    waited_ns,
)
from .view import View

SERVICES_MIN: Final = 0.5
"""Majority: where most of many endpoints answer other connects, they are services and not the targets of a scan."""


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    wait_s: float = 1
    repeats_min: float = 2
    option_min: float = 3


class SynUnanswered(Diagnosis):
    """No SYN-ACK, with the causes ranked and the evidence for and against each."""

    kind = "syn-unanswered"
    scope = Scope.HOST
    events = (EventKind.SYN_REPEATED, EventKind.SYN_IN_CONNECTION, EventKind.ICMP_ERROR)
    references = (Rfc(9293, "3.5"), Rfc(9293, "3.8.3"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        for each in dropped(view, int(limits.option_min)):
            yield self._option(view, each)
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
        repeats, causes = repeats_of(view, flows), ranked(clues(view, about))
        sure = clear(causes)
        label, one = view.label(flow, about.server), len(flows) == 1
        waited = waited_ns(view, flows)
        return self.finding(
            view,
            Severity.WARNING if about.syns > limits.repeats_min else Severity.NOTICE,
            "A connect is not answered at all" if one else f"One endpoint does not answer {len(flows):,} connects",
            list(story(view, about, causes, repeats)),
            streams=flows,
            frames=[*frames_of(view, flows, repeats).tolist(), *_shown(about)],
            span=(int(view.flows["first_ts_ns"][flows].min()), int(view.flows["last_ts_ns"][flows].max())),
            doubts=() if sure else (NOT_UNIQUE,),
            evidence=_evidence(view, flows, repeats),
            endpoint=label,
            peer=view.label(flow, 1 - about.server) if one else None,
            causes=[each.cause for each in causes],
            next_steps=next_steps(view, about, causes),
            refutations=refutations(view, about),
            settled_by=settled_by(view, about),
            data={
                "count": len(flows),
                "syns": int(syns_of(view, flows).sum()),
                "longest_s": round(waited / NS, 3),
                "likely": causes[0].why.name.lower().replace("_", "-") if sure else None,
                "scores": {each.why.name.lower().replace("_", "-"): each.score for each in causes},
                "port_answered_others": seen.answered,
                "port_answered_meanwhile": seen.meanwhile,
                "host_answered_otherwise": seen.host_answered,
                "client_answered_elsewhere": seen.elsewhere,
                "icmp_errors": len(about.errors),
                **_schedule_data(schedule_of(view, longest(view, flows), repeats)),
            },
        )

    def _option(self, view: View, each: Dropped) -> Finding:
        """SYNs that are answered when they are repeated without something that they carried."""
        flows, frames = each.flows, view.flows["first_frame"][each.flows]
        flow = int(flows[0])
        server = 1 - int(view.client[flow])
        host, count = view.host(flow, server), plural(len(flows), "connect")
        begin_ns = int(view.flows["first_ts_ns"][flows].min())
        lost_ns = int((each.repeats["ts_ns"] - view.flows["first_ts_ns"][flows]).max())
        labels = {view.label(f, 1 - int(view.client[f])) for f in flows[:FRAMES_MAX].tolist()}
        return self.finding(
            view,
            Severity.WARNING,
            "SYNs get no answer for an option that they carry",
            [
                Sentence(
                    f"{host} answered {count} {frame_list(frames)} only when the SYN was repeated without "
                    f"{each.feature} {frame_list(each.repeats['frame'])}, up to {duration(lost_ns)} later; with it "
                    "none was answered.",
                    (*frames[:20].tolist(), *each.repeats["frame"][:20].tolist()),
                    begin_ns,
                )
            ],
            streams=flows,
            frames=np.concatenate([frames, each.repeats["frame"]])[: 2 * FRAMES_MAX],
            span=(begin_ns, int(each.repeats["ts_ns"].max())),
            evidence=[view.evidence(event, f"the SYN again, without {each.feature}") for event in each.repeats[:4]],
            endpoint=labels.pop() if len(labels) == 1 else None,
            causes=(Cause(str(Why.OPTION), (f"{count} so, and none that was answered with it",)),),
            next_steps=(
                f"find the firewall or load balancer before {host} that drops SYNs with {each.feature}",
                "until then switch it off on the clients: each connect loses a retransmission time-out",
            ),
            refutations=(Refutation(f"{host} answers a SYN with {each.feature} at once", "not found"),),
            settled_by=(f"tcpdump on {host} and on a client at once: do the SYNs with {each.feature} arrive?",),
            data={
                "count": len(flows),
                "feature": each.feature,
                "likely": "option",
                "longest_s": round(lost_ns / NS, 3),
            },
        )

    def _many(
        self, view: View, flows: np.ndarray, endpoints: int, listening: float, further: bool, limits: Thresholds
    ) -> Finding:
        services = listening >= SERVICES_MIN
        more = "more " if further else ""
        syns, repeats = syns_of(view, flows), repeats_of(view, flows)
        frames = frames_of(view, flows, repeats)
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
    flows = flows[~among(flows, view.by_kind(EventKind.SYN_IN_CONNECTION)["flow"])]
    errors = view.rows_of(EventKind.ICMP_ERROR)
    if len(errors):  # a connect that ICMP refuses is a syn-refused
        flows = flows[~among(flows, view.event_flow[errors[icmp.refuses(view, errors)]])]
    return flows


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


def _evidence(view: View, flows: np.ndarray, repeats: np.ndarray) -> Iterator[Evidence]:
    for flow in flows[:3].tolist():
        row = view.flows[flow]
        note = f"SYN from {view.label(flow, int(view.client[flow]))}"
        yield view.frame(flow, int(row["first_frame"]), note, int(row["first_ts_ns"]))
        again = repeats[repeats["flow"] == flow]
        yield from (view.evidence(event, "the SYN again") for event in again[-1:])
    yield view.absence(view.last_ts_ns, "no SYN-ACK and no RST until the capture ends")
