"""Something on the path removes TCP options: timestamps, SACK, window scaling.

## What it sees
Options that the two SYNs, as they came to the tap, do not tell of rightly:
- a host that uses timestamps or SACK although the SYNs here had not agreed on it: its own view of them was another one;
- a host that never uses timestamps although both SYNs here had them: the other's SYN reached it without;
- a server whose SYN-ACK came without a window scale, and whose windows then are a small part of that in its SYN-ACK:
  they make sense only when multiplied, and the client does not multiply;
- a host to which a server never gives an option that it offers, while it gives it to all others that offer the same.

## Why it matters
Without window scaling no more than 64 kB are in flight, and where only one side believes in it, a few hundred bytes:
the transfer crawls. Without SACK each loss costs more, without timestamps so do long fast paths. Such a change is
invisible to both hosts.

## What it cannot know
Which device does it: a firewall that normalises, a load balancer, a proxy, an old NAT. Options that are removed in the
same way from every SYN leave nothing to compare with. A host that simply lacks an option is no finding.

## Thresholds
| name | default | source |
|---|---|---|
| alike_min | 3 | the least that a habit needs: three connections of one host without it, none with it |
| shrink_min | 4 | RFC 7323 section 2.2: a SYN's window is not scaled; no buffer falls to a quarter with the first ACK |
| windows_min | 10 | so many whole windows sent one after the other show that the window is what limits |
| warning_s | 10 | a user's patience: 10 s is the limit for keeping attention (Nielsen, Usability Engineering, 1993) |

## RFC
RFC 7323 section 2.2 (window scale), section 3.2 (timestamps), RFC 2018 section 2 (SACK permitted)

## Speaks
The SYN-ACK lost its timestamps between the server and the tap: the server uses them:
```packets
+0.00 > S 0:0(0) win 64240 <mss 1460,TS val 5 ecr 0>
+0.01 < S. 0:0(0) ack 1 win 65160 <mss 1460>
+0.01 > . 1:1(0) ack 1 win 64240
+0.01 > P. 1:101(100) ack 1 win 64240
+0.01 < . 1:1(0) ack 101 win 65160 <TS val 900 ecr 5>
+0.01 < P. 1:201(200) ack 101 win 65160 <TS val 900 ecr 5>
+0.01 > . 101:101(0) ack 201 win 64240
finding: options-stripped notice
```
The SYN-ACK lost its window scale: the server's 509 are meant to be 65,152 bytes:
```packets
+0.00 > S 0:0(0) win 64240 <mss 1460,wscale 7>
+0.01 < S. 0:0(0) ack 1 win 65160 <mss 1460>
+0.01 > . 1:1(0) ack 1 win 64240
+0.01 > P. 1:510(509) ack 1 win 64240
+0.01 < . 1:1(0) ack 510 win 509
+0.01 > P. 510:1019(509) ack 1 win 64240
+0.01 < . 1:1(0) ack 1019 win 509
finding: options-stripped notice
```

## Stays silent
An old host without options:
```packets
+0.00 > S 0:0(0) win 64240 <mss 1460,sackOK,wscale 7,TS val 5 ecr 0>
+0.01 < S. 0:0(0) ack 1 win 8192 <mss 1460>
+0.01 > . 1:1(0) ack 1 win 64240
+0.01 > P. 1:101(100) ack 1 win 64240
+0.01 < P. 1:201(200) ack 101 win 8092
+0.01 > . 101:101(0) ack 201 win 64240
```
Everything agreed on and used:
```packets
+0.00 > S 0:0(0) win 64240 <mss 1460,sackOK,wscale 7,TS val 5 ecr 0>
+0.01 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7,TS val 900 ecr 5>
+0.01 > . 1:1(0) ack 1 win 502 <TS val 6 ecr 900>
+0.01 > P. 1:101(100) ack 1 win 502 <TS val 6 ecr 900>
+0.01 < . 1:1(0) ack 101 win 509 <TS val 901 ecr 6>
```
No SYN was captured:
```packets
+0.01 > P. 1:101(100) ack 1 win 502 <TS val 6 ecr 900>
+0.01 < . 1:1(0) ack 101 win 509
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.segment import Option
from ..rfc import Rfc
from ..sets import distinct
from ..units import NS, duration, plural, rate
from .base import FRAMES_MAX, Diagnosis, Scope, frame_list
from .groups import by_host_and_endpoint
from .sentences import said
from .stripped import NAMES, NO_SCALE, Sign, Stripped, stripped
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    alike_min: float = 3
    shrink_min: float = 4
    windows_min: float = 10
    warning_s: float = 10


class OptionsStripped(Diagnosis):
    """Something on the path removes TCP options."""

    kind = "options-stripped"
    scope = Scope.HOST
    events = (EventKind.OPTION_UNAGREED,)
    references = (Rfc(7323, "2.2"), Rfc(7323, "3.2"), Rfc(2018, "2"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        for case in stripped(view, limits.alike_min, limits.shrink_min):
            for group, alone in by_host_and_endpoint(view, case.flows, case.sides).findings():
                flows, sides, frames = (column[group] for column in (case.flows, case.sides, case.frames))
                yield self._stripped(view, case._replace(flows=flows, sides=sides, frames=frames), alone, limits)

    def _stripped(self, view: View, case: Stripped, alone: bool, limits: Thresholds) -> Finding:
        flow, side = int(case.flows[0]), int(case.sides[0])
        slow = _slow(view, case, limits)
        host, other = view.host(flow, side), view.host(flow, 1 - side)
        client = int(view.client[flow])
        return self.finding(
            view,
            Severity.WARNING if slow is not None else Severity.NOTICE,
            f"Something on the path removes TCP options: {NAMES[case.option]}",
            list(_story(view, case, slow)),
            streams=distinct(case.flows),
            frames=_frames(view, case, slow),
            span=(int(view.flows["first_ts_ns"][case.flows].min()), int(view.flows["last_ts_ns"][case.flows].max())),
            evidence=_evidence(view, case),
            endpoint=(view.label(flow, side) if len(case.flows) == 1 else host) if alone else None,
            peer=view.label(flow, 1 - side) if alone else None,
            causes=(
                Cause("a firewall or NAT that normalises TCP rewrites the SYNs (Cisco ASA: tcp-map; PAN-OS: TCP "
                      "options; scrub)"),
                Cause("a load balancer or proxy between answers in the server's name, with the options of its own TCP"),
                *((Cause(f"{host} uses timestamps without leave: a fault of its TCP",),)
                  if case.sign is Sign.UNAGREED else ()),
            ),
            next_steps=(
                f"look for the device between {host} and {other}: let it pass TCP options unchanged",
                f"until then, on {view.host(flow, client)}: switch the option off (sysctl "
                f"{_SYSCTLS[case.option]}=0), so that both sides believe the same",
            ),
            refutations=_refutations(view, case),
            settled_by=(
                f"captures of one handshake on {host} and on {other}: in which of them does the SYN, or the SYN-ACK, "
                "lack the option?",
                f"on {host}: ss -tino dst {other} (ts, sack, wscale: what its TCP believes)",
            ),
            data={
                "option": NAMES[case.option],
                "sign": str(case.sign),
                "connections": len(distinct(case.flows)),
                "controls": len(case.controls),
                "slow": slow is not None,
            },
        )  # fmt: skip


_SYSCTLS = {
    Option.TIMESTAMPS: "net.ipv4.tcp_timestamps",
    Option.SACK_PERMITTED: "net.ipv4.tcp_sack",
    Option.WSCALE: "net.ipv4.tcp_window_scaling",
}


def _slow(view: View, case: Stripped, limits: Thresholds) -> int | None:
    """Place of the connection that a window of a few hundred bytes slows down most; None where none suffers visibly."""
    if case.sign is not Sign.SCALED:
        return None
    rows = view.flows["detail"][case.flows].astype(np.int64)
    details = view.tables.details
    window = details["max_window"][rows + case.sides].astype(np.int64)
    sent = details["new_bytes"][rows + 1 - case.sides]
    lived_ns = view.flows["last_ts_ns"][case.flows] - view.flows["first_ts_ns"][case.flows]
    slow = (
        (sent >= limits.windows_min * window)
        & (details["max_payload"][rows + 1 - case.sides] <= window)
        & (lived_ns >= limits.warning_s * NS)
    )
    return int(np.argmax(np.where(slow, lived_ns, -1))) if np.any(slow) else None


def _handshake(view: View, flow: int) -> tuple[int, int]:
    """Frames of the SYN and of the answer."""
    client = int(view.client[flow])
    frames = view.side("first_frame")[flow]
    return int(frames[client]), int(frames[1 - client])


def _frames(view: View, case: Stripped, slow: int | None) -> np.ndarray:
    flows = np.concatenate([case.flows[: FRAMES_MAX // 4], case.controls[: FRAMES_MAX // 4]])
    told = [*case.frames[: FRAMES_MAX // 4], *([] if slow is None else [case.frames[slow]])]
    return np.concatenate([view.side("first_frame")[flows].reshape(-1), np.asarray(told, np.int64)])


def _story(view: View, case: Stripped, slow: int | None) -> Iterator[Sentence]:
    place = slow or 0
    flow, side = int(case.flows[place]), int(case.sides[place])
    syn, answer = _handshake(view, flow)
    name, who, host = NAMES[case.option], view.role(flow, side), view.host(flow, side)
    frame, count = int(case.frames[place]), len(distinct(case.flows))
    ts_ns = int(view.flows["first_ts_ns"][flow])
    if case.sign is Sign.UNAGREED:
        lacking = [text for text, with_it in _with(view, flow, case.option) if not with_it]
        yield said(
            f"The {who} {host} uses {name} [{frame}] although the handshake at the tap does not allow it: "
            f"{' and '.join(lacking)} came without [{syn}, {answer}]. So the {who} saw another handshake.",
            (syn, answer, frame), ts_ns,
        )  # fmt: skip
    elif case.sign is Sign.UNUSED:
        yield said(
            f"The {who} {host} never uses {name} [{frame}] although both the SYN and the SYN-ACK had them here "
            f"[{syn}, {answer}]: the {'SYN-ACK' if who == 'client' else 'SYN'} reached it without, or something "
            "removes them from all that it sends.",
            (syn, answer, frame), ts_ns,
        )  # fmt: skip
    elif case.sign is Sign.SCALED:
        end, detail = view.tables.endpoint(flow, side), view.detail(flow, side)
        largest = 0 if detail is None else int(detail["max_window"])
        yield said(
            f"The SYN-ACK of {host} came without a window scale [{answer}], though the SYN offered one [{syn}]; its "
            f"window of {int(end['syn_window']):,} bytes there fell to {largest:,} at most in what followed [{frame}], "
            "which makes sense only if the server scales it: the client does not know.",
            (syn, answer, frame), ts_ns,
        )  # fmt: skip
    else:
        clients = distinct(view.flows["addr_lo"][case.controls, view.client[case.controls]])
        shown = [_handshake(view, int(other))[1] for other in case.controls[:3]]
        yield said(
            f"{view.label(flow, 1 - side)} never gives {name} to {host}, which offers it each time "
            f"{frame_list(case.frames)}; in the same seconds it gave it to {plural(len(clients), 'other host')} that "
            f"offered the same {frame_list(shown)}.",
            [*case.frames[:8], *shown], ts_ns,
        )  # fmt: skip
    if count > 1:
        yield said(f"It is so on {plural(count, 'connection')}.")
    if slow is not None:
        detail = view.detail(flow, 1 - side)
        lived_ns = int(view.flows["last_ts_ns"][flow] - view.flows["first_ts_ns"][flow])
        sent = 0 if detail is None else int(detail["new_bytes"])
        yield said(f"It crawls: {rate(sent, lived_ns)} over {duration(lived_ns)}, one tiny window after the other.")


def _with(view: View, flow: int, option: Option) -> Iterator[tuple[str, bool]]:
    client = int(view.client[flow])
    for text, side in (("the SYN", client), ("the SYN-ACK", 1 - client)):
        yield text, bool(int(view.tables.endpoint(flow, side)["options"]) & option)


def _refutations(view: View, case: Stripped) -> Iterator[Refutation]:
    flow, side = int(case.flows[0]), int(case.sides[0])
    who = view.role(flow, side)
    if case.sign is Sign.CONTROL:
        yield Refutation(
            f"the server gave the option to {view.host(flow, side)} at another time, or refused it to others: then it "
            "is the server's own doing",
            f"not found: {plural(len(case.flows), 'connection')} of this host all without, "
            f"{plural(len(case.controls), 'connection')} of others meanwhile all with it",
        )
    elif case.sign is Sign.SCALED:
        scale = int(view.tables.endpoint(flow, side)["wscale"])
        yield Refutation(
            "the window is really that small, because the server does not read",
            "not found: it is small from the first ACK on" if scale == NO_SCALE else None,
        )
    else:
        end = view.tables.endpoint(flow, side)
        low, high = int(end["ttl_min"]), int(end["ttl_max"])
        yield Refutation(
            f"the segments are not the {who}'s own (forged, or of another host)",
            f"not found: all its segments have TTL {low}"
            if low == high
            else f"possible: their TTLs are {low} to {high}",
        )
    yield Refutation("the tap itself cut the options", "not found: no packet is cut short of its headers")
    yield Refutation("the device is between the tap and the client, or between the tap and the server", None)


def _evidence(view: View, case: Stripped) -> Iterator[Evidence]:
    flow = int(case.flows[0])
    syn, answer = _handshake(view, flow)
    name = NAMES[case.option]
    lines = []
    for (text, with_it), frame in zip(_with(view, flow, case.option), (syn, answer), strict=True):
        lines.append(view.frame(flow, frame, f"{text} {'with' if with_it else 'without'} {name}"))
    if int(case.frames[0]) not in {syn, answer}:
        lines.append(view.frame(flow, int(case.frames[0]), str(case.sign)))
    yield from sorted(lines, key=lambda line: line.frame or 0)
