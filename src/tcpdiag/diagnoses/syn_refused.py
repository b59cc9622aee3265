"""SYNs that are answered by a RST, or by an ICMP error that says no.

## What it sees
Connects that got a RST instead of a SYN-ACK, or nothing but an ICMP error that refuses: port or protocol unreachable,
or administratively prohibited. Both are a firewall's answer: a kernel where nobody listens answers TCP with a RST.
One finding for each endpoint that refused, with what the capture tells of who refused: whether the RSTs' TTL is that
of the host's other packets, whether they came sooner than that host can answer, and whether the port accepted others.

## Why it matters
Nobody listens there, or a firewall rejects: the client gets ECONNREFUSED at once. Many of them at one moment mean that
a service was down.

## What it cannot know
Whether the host sent the RST or a firewall in its name, where TTL and times agree with both. A refusal may be intended.

## Thresholds
| name | default | source |
|---|---|---|
| warning_min | 3 | one refusal may be a service that restarts; a client that comes back thrice was meant to be served |
| sooner_max | 0.5 | of the host's shortest round trip, which no answer of its own undercuts; half: room for jitter |

## RFC
RFC 9293 section 3.5.2 (reset generation: the connection does not exist), section 3.10.7.1, section 3.9.2.2 (ICMP)

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.001 < R. 0:0(0) ack 1 win 0
+1.00 .
finding: syn-refused notice count=1
```
The service stopped: its port had answered, and now refuses; a RST with a TTL of its own would be a firewall's.
```packets
+0.00 > S 0:0(0) win 65535
+0.02 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > F. 1:1(0) ack 1 win 65535
+0.02 < F. 1:1(0) ack 2 win 65535
+0.01 > . 2:2(0) ack 2 win 65535
repeat 3 every 1.0
+1.00 >40001 S 0:0(0) win 65535
+0.02 <40001 R. 0:0(0) ack 1 win 0
end
+1.00 .
finding: syn-refused warning count=3 accepted_before=1 ttl_differs=false
```

## Stays silent
The connection is opened, and reset later:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+1.00 < R. 1:1(0) ack 1 win 0
```
The client takes its SYN back:
```packets
+0.00 > S 0:0(0) win 65535
+0.50 > R 1:1(0) win 0
+1.00 .
```
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.states import State
from ..rfc import Rfc
from ..units import duration, percent, plural
from . import icmp
from .base import FRAMES_MAX, Diagnosis, Scope, frame_list
from .groups import by_endpoint
from .neighbours import Host, Neighbours, Seen
from .view import View

SERVICES_MIN: Final = 0.5
"""Majority: where most of many endpoints accept other connects, they are services and not the targets of a scan."""


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    warning_min: float = 3
    sooner_max: float = 0.5


class SynRefused(Diagnosis):
    """RST, or an ICMP error that refuses, answers the SYN."""

    kind = "syn-refused"
    scope = Scope.HOST
    events = (EventKind.REFUSED, EventKind.ICMP_ERROR)
    references = (Rfc(9293, "3.5.2"), Rfc(9293, "3.10.7.1"), Rfc(9293, "3.9.2.2"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        rows, sides = _refusals(view)
        if not len(rows):
            return
        flows = view.event_flow[rows].astype(np.int64)
        groups = by_endpoint(view, flows, sides)
        neighbours = view.once(Neighbours)
        for group in groups.large:
            yield self._endpoint(view, rows[group], _Refuser.of(view, neighbours, rows[group], sides[group]), limits)
        if len(groups.rest):
            listening = neighbours.share_listening(flows[groups.rest_first], sides[groups.rest_first])
            yield self._many(view, rows[groups.rest], groups.rest_endpoints, listening, len(groups.large) > 0)

    def _endpoint(self, view: View, rows: np.ndarray, who: "_Refuser", limits: Thresholds) -> Finding:
        first, last = view.events[rows[0]], view.events[rows[-1]]
        flow, side = int(first["flow"]), who.side
        label, one = view.label(flow, side), len(rows) == 1
        return self.finding(
            view,
            Severity.WARNING if len(rows) >= limits.warning_min else Severity.NOTICE,
            "A connect is refused" if one else f"One endpoint refuses {len(rows):,} connects",
            list(_story(view, rows, label, who, limits)),
            streams=view.event_flow[rows],
            frames=np.concatenate([_frames(view, rows), np.array(who.seen.frames, np.int64)]),
            span=(int(first["ts_ns"]), int(last["ts_ns"])),
            evidence=_evidence(view, rows),
            endpoint=label,
            peer=view.label(flow, 1 - side) if one else None,
            causes=_causes(who, limits),
            next_steps=_next_steps(view, flow, side, who),
            refutations=_refutations(label, who, limits),
            settled_by=(
                f"on {view.host(flow, side)}: ss -ltnp '( sport = :{view.port(flow, side)} )', and nft list ruleset or "
                "iptables -vnL for a reject rule that counts",
                f"tcpdump on {view.host(flow, side)}: if the SYNs do not arrive there, something before it refuses",
            ),
            data={"count": len(rows), "port_answered_others": who.seen.answered, **who.data(limits)},
        )

    def _many(self, view: View, rows: np.ndarray, endpoints: int, listening: float, further: bool) -> Finding:
        services = listening >= SERVICES_MIN
        more = "more " if further else ""
        shown = tuple(_frames(view, rows)[:20].tolist())
        begin_ns = int(view.events["ts_ns"][rows[0]])
        share = f"{percent(listening)} of these endpoints accepted other connects"
        return self.finding(
            view,
            Severity.NOTICE,
            f"Connects to {endpoints:,} {more}endpoints are refused",
            [
                Sentence(
                    f"{plural(len(rows), 'connect')} to {endpoints:,} {more}endpoints were refused "
                    f"{_told(view, rows)}.",
                    shown,
                    begin_ns,
                ),
                Sentence(
                    f"{share}: services that refuse now and then."
                    if services
                    else "So many targets that accept nothing look like a scan."
                ),
            ],
            streams=view.event_flow[rows],
            frames=_frames(view, rows),
            span=(begin_ns, int(view.events["ts_ns"][rows[-1]])),
            evidence=_evidence(view, rows),
            causes=(
                Cause("something that they share refuses: a load balancer, a firewall, a limit of connections"),
                Cause("each of them was restarting, or had no process listening, for a moment"),
            )
            if services
            else (Cause("a scan of closed ports"),),
            next_steps=(
                "see whether the refusals fall together in time, and compare with the logs of restarts and deployments",
            )
            if services
            else ("find out who owns the address that these connects come from, and whether it may scan",),
            refutations=(Refutation("these endpoints accept other connects, so that it is no scan", f"{share}"),),
            settled_by=("on one of these hosts: ss -ltn, and its log of restarts at these moments",),
            data={"count": len(rows), "endpoints": endpoints, "listening_share": round(listening, 3)},
        )


class _Refuser(NamedTuple):
    """What the capture tells of whoever refused."""

    side: int
    seen: Seen  # the control group
    host: Host
    ttls: tuple[int, ...]  # of the RSTs
    soonest_ns: int | None  # from the SYN to the RST
    resets: int
    errors: tuple[str, ...]  # names of the ICMP errors
    prohibited: bool  # one of them says that a firewall refused

    @classmethod
    def of(cls, view: View, neighbours: Neighbours, rows: np.ndarray, sides: np.ndarray) -> "_Refuser":
        """Reads the refusals of one endpoint."""
        events, side = view.events[rows], int(sides[0])
        flows = events["flow"].astype(np.int64)
        resets = events[events["kind"] == EventKind.REFUSED]
        to_first = resets["ref"] == view.flows["first_frame"][resets["flow"].astype(np.int64)]
        waits = resets["ts_ns"] - view.flows["first_ts_ns"][resets["flow"].astype(np.int64)]
        errors = events[events["kind"] == EventKind.ICMP_ERROR]
        family = int(view.flows["family"][flows[0]])
        return cls(
            side=side,
            seen=neighbours.of(int(flows[0]), side, flows),
            host=neighbours.host(int(flows[0]), side),
            ttls=tuple(np.flatnonzero(np.bincount(resets["ttl"])).tolist()) if len(resets) else (),
            soonest_ns=int(waits[to_first].min()) if np.any(to_first) else None,
            resets=len(resets),
            errors=tuple(dict.fromkeys(icmp.name(family, int(e["detail"]), int(e["value"])) for e in errors[:100])),
            prohibited=any(icmp.prohibited(family, int(e["detail"]), int(e["value"])) for e in errors[:100]),
        )

    @property
    def ttl_differs(self) -> bool:
        """No other packet of the host has the RSTs' TTL."""
        return bool(self.ttls and self.host.ttls) and not set(self.ttls) & set(self.host.ttls)

    def sooner(self, limits: Thresholds) -> bool:
        """A RST came sooner than the host can answer."""
        rtt_ns = self.host.rtt_min_ns
        return self.soonest_ns is not None and rtt_ns is not None and self.soonest_ns < limits.sooner_max * rtt_ns

    def data(self, limits: Thresholds) -> dict[str, Any]:
        """For programs."""
        return {
            "resets": self.resets,
            "icmp": list(self.errors),
            "ttls": list(self.ttls),
            "ttls_host": list(self.host.ttls),
            "ttl_differs": self.ttl_differs,
            "sooner_than_host": self.sooner(limits),
            "accepted_before": self.seen.before,
            "accepted_meanwhile": self.seen.meanwhile,
            "accepted_after": self.seen.after,
        }


def _refusals(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the events that refuse a connect, ascending, and the side that was to be reached."""
    rows = view.rows_of(EventKind.REFUSED)
    rows = rows[~view.flooding[view.event_flow[rows]]]
    sides = view.events["side"][rows].astype(np.int64)
    errors = view.rows_of(EventKind.ICMP_ERROR)
    if len(errors):
        errors = errors[icmp.refuses(view, errors)]
        flows = view.event_flow[errors].astype(np.int64)
        waiting = view.of_client(view.side("state"))[flows] == State.SYN_SENT
        errors = errors[waiting & (view.of_server(view.side("packets"))[flows] == 0)]
        errors = errors[np.unique(view.event_flow[errors], return_index=True)[1]]  # the first of each connect
        rows = np.append(rows, errors)
        sides = np.append(sides, 1 - view.client[view.event_flow[errors]])
        order = np.argsort(rows)
        rows, sides = rows[order], sides[order]
    return rows, sides


def _story(view: View, rows: np.ndarray, label: str, who: _Refuser, limits: Thresholds) -> Iterator[Sentence]:
    seen, begin_ns = who.seen, int(view.events["ts_ns"][rows[0]])
    with_what = " and ".join([*(("a RST",) if who.resets else ()), *(f"ICMP {name}" for name in who.errors)])
    waited = "" if who.soonest_ns is None else f", the soonest after {duration(who.soonest_ns)}"
    yield Sentence(
        f"{label} refused {plural(len(rows), 'connect')}: {with_what} answered the SYN {_told(view, rows)}{waited}.",
        tuple(_frames(view, rows)[:20].tolist()),
        begin_ns,
    )
    if seen.answered:
        yield Sentence(seen.told(), seen.frames)
    else:
        nobody = "" if who.prohibited else ": nobody seems to listen there"
        yield Sentence(f"It accepted no connect in this capture{nobody}.")
    if who.ttl_differs or who.sooner(limits):
        parts = []
        if who.ttl_differs:
            parts.append(
                f"their TTL is {_numbers(who.ttls)}, that of the host's other packets {_numbers(who.host.ttls)}"
            )
        if who.sooner(limits):
            parts.append(f"the host needs {duration(who.host.rtt_min_ns or 0)} for a round trip")
        yield Sentence(f"Somebody nearer than the host refused: {', and '.join(parts)}.")


def _causes(who: _Refuser, limits: Thresholds) -> tuple[Cause, ...]:
    seen = who.seen
    down, firewall = [], []
    if seen.before and not seen.meanwhile:
        down.append(f"it accepted {plural(seen.before, 'connect')} before {frame_list(seen.frames)}: it stopped")
    elif not seen.answered and not who.prohibited:
        down.append("no connect to it succeeded")
    if who.ttls and who.host.ttls and not who.ttl_differs:
        down.append(f"the RSTs' TTL is that of the host's other packets: {_numbers(who.ttls)}")
    if who.ttl_differs:
        firewall.append(
            f"the RSTs' TTL is {_numbers(who.ttls)}, the host's other packets have {_numbers(who.host.ttls)}"
        )
    if len(who.ttls) > 1:
        firewall.append(f"RSTs with different TTLs: {_numbers(who.ttls)}")
    if who.sooner(limits):
        firewall.append(f"a RST after {duration(who.soonest_ns or 0)}: sooner than the host can answer")
    if who.prohibited:
        why = "a kernel where nobody listens answers TCP with a RST"
        firewall.append(f"ICMP {', '.join(who.errors)}: {why}")
    if seen.meanwhile:
        firewall.append(f"the port accepted {plural(seen.meanwhile, 'other connect')} in the same seconds")
    listens = (f"it accepted {plural(seen.meanwhile, 'other connect')} in the same seconds",) if seen.meanwhile else ()
    closed = Cause(
        "no process listens on that port", tuple(down), (*listens, *(firewall[:1] if who.ttl_differs else ()))
    )
    rejects = Cause("a firewall rejects in the host's name, or a limit of connections does", tuple(firewall))
    return (rejects, closed) if len(firewall) > len(down) else (closed, rejects)


def _refutations(label: str, who: _Refuser, limits: Thresholds) -> Iterator[Refutation]:
    seen = who.seen
    yield Refutation(
        f"{label} accepts other connects in the same seconds, so that somebody listens there",
        f"it does: {plural(seen.meanwhile, 'connect')} {frame_list(seen.frames)}"
        if seen.meanwhile
        else "none was seen",
        seen.frames if seen.meanwhile else (),
    )
    if who.resets:
        compared = f"the RSTs have {_numbers(who.ttls)}, its other packets {_numbers(who.host.ttls)}"
        yield Refutation(
            "the RSTs' TTL is not that of the host's other packets, so that a middlebox sent them",
            (f"so it is: {compared}" if who.ttl_differs else f"not so: {compared}") if who.host.ttls else None,
        )


def _next_steps(view: View, flow: int, side: int, who: _Refuser) -> Iterator[str]:
    host = view.host(flow, side)
    if who.prohibited or who.ttl_differs:
        yield "find the firewall that rejects, and the rule: it names the client, the server or the port"
    else:
        yield f"on {host}: see whether the service runs, and since when (systemctl status, its log, journalctl -k)"
    if who.seen.meanwhile:
        yield f"on {host}: look for a limit of connections (iptables connlimit, a load balancer's maxconn)"


def _numbers(values: tuple[int, ...]) -> str:
    return ", ".join(map(str, values[:6]))


def _frames(view: View, rows: np.ndarray) -> np.ndarray:
    """Of the SYNs and the refusals, bounded."""
    events = view.events[rows[:FRAMES_MAX]]
    syns = np.where(events["ref"] > 0, events["ref"], view.flows["first_frame"][events["flow"].astype(np.int64)])
    return np.concatenate([syns, events["frame"]])


def _told(view: View, rows: np.ndarray) -> str:
    """The refusals' frames for a summary, without a look at all of a million."""
    shown = rows if len(rows) <= FRAMES_MAX else rows[:FRAMES_MAX]
    return frame_list(view.events["frame"][shown])


def _evidence(view: View, rows: np.ndarray) -> Iterator[Evidence]:
    for event in view.events[rows[:4]]:
        flow = int(event["flow"])
        client, row = int(view.client[flow]), view.flows[flow]
        syn = int(event["ref"]) or int(row["first_frame"])
        yield view.frame(flow, syn, f"SYN from {view.label(flow, client)}")
        if event["kind"] == EventKind.REFUSED:
            yield view.evidence(event, "refused")
        else:
            name = icmp.name(int(row["family"]), int(event["detail"]), int(event["value"]))
            yield Evidence(int(event["frame"]), int(event["ts_ns"]), f"ICMP {name}", None, flow)
