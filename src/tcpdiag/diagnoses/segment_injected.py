"""Data or a FIN with the right numbers that its supposed sender did not send.

## What it sees
One side of a connection does not know of a segment in its name that its peer has accepted: its ACKs stand at the
number before that segment although they are newer; it sends data behind a FIN, or answers data with the number before
the FIN; or it sends the range with another content and another TTL. TTL and content of the segment are compared with
that side's other packets, and what became of the connection is told.

## Why it matters
The peer has taken in what was never said to it. From then on the two disagree about the numbers: real data is thrown
away as old, ACKs are for what was never sent, and the connection stands still until one side gives up.

## What it cannot know
Who sent it. A segment that was injected and whose numbers its supposed sender then happens to use alike, with the same
length and content, looks like a retransmission. Connections of which the capture lacks the beginning, or anything
else, are not judged.

## Thresholds
| name | default | source |
|---|---|---|
| stuck_min | 2 | retransmissions without progress: one more than a lost segment needs (RFC 9293 section 3.8.1) |

## RFC
RFC 9293 section 3.10.7.4 (what is in the window is accepted), RFC 5961 section 5 (blind data injection)

## Speaks
The server takes 13 bytes from somebody else; the client's ACK and its own data stand where they were before:
```packets
+0.00 > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1000 ecr 0>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 5000 ecr 1000>
+0.01 > . 1:1(0) ack 1 win 65535 <TS val 1020 ecr 5000>
+0.10 > P. 1:7(6) ack 1 win 65535 <TS val 1120 ecr 5000>
+0.01 < P. 1:101(100) ack 7 win 65535 <TS val 5130 ecr 1120>
+0.01 > . 7:7(0) ack 101 win 65535 <TS val 1140 ecr 5130>
+0.20 > P. 7:20(13) ack 101 win 65535 <TS val 1145 ecr 5130> [ttl 41]
+0.01 < P. 101:201(100) ack 20 win 65535 <TS val 5350 ecr 1145>
+0.001 > . 7:7(0) ack 101 win 65535 <TS val 1351 ecr 5130>
+0.20 < P. 101:201(100) ack 20 win 65535 <TS val 5550 ecr 1145>
+0.01 > P. 7:13(6) ack 101 win 65535 <TS val 1561 ecr 5130>
+0.40 < P. 101:201(100) ack 20 win 65535 <TS val 5961 ecr 1145>
finding: segment-injected critical bytes=13 ttl_differs=true
```
A FIN that its sender does not know of:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:7(6) ack 1 win 65535
+0.01 < P. 1:101(100) ack 7 win 65535
+0.01 > . 7:7(0) ack 101 win 65535
+0.20 > F. 7:7(0) ack 101 win 65535 [ttl 41]
+0.01 < . 101:101(0) ack 8 win 65535
+0.50 > P. 7:27(20) ack 101 win 65535
+0.01 < . 101:101(0) ack 27 win 65535
finding: segment-injected warning fin=true ttl_differs=true
```

## Stays silent
An ACK that data has overtaken on the way to the tap:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 < P. 1:101(100) ack 1 win 65535
+0.01 > P. 1:14(13) ack 101 win 65535
+0.001 > . 1:1(0) ack 101 win 65535
+0.01 < . 101:101(0) ack 14 win 65535
+0.10 > P. 14:20(6) ack 101 win 65535
```
The same content again, on a path with another TTL:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:14(13) ack 1 win 65535 [ttl 60]
+0.40 > P. 1:14(13) ack 1 win 65535
+0.01 < . 1:1(0) ack 14 win 65535
```
Keepalives of a side that has closed its half:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > F. 1:1(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 2 win 65535
+10.0 > . 1:1(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 2 win 65535
+10.0 > . 1:1(0) ack 1 win 65535
+0.01 < . 1:1(0) ack 2 win 65535
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..rfc import Rfc
from ..sets import distinct
from ..units import plural
from .base import Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .forgeries import Forged, forgeries
from .sentences import said
from .together import together, widened
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    stuck_min: float = 2


class _Stuck(NamedTuple):
    """Retransmissions without progress when the capture ended, by side, and their last frames."""

    counts: tuple[int, int]
    frames: tuple[int, int]

    @property
    def most(self) -> int:
        """Of the side that has more of them."""
        return max(self.counts)


class SegmentInjected(Diagnosis):
    """Data or FIN that its supposed sender did not send."""

    kind = "segment-injected"
    scope = Scope.FLOW
    events = (EventKind.RETRANSMISSION,)
    references = (Rfc(9293, "3.10.7.4"), Rfc(5961, "5"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        found = {forged.flow: forged for forged in view.once(forgeries)}
        told = list(found)
        for group in together(view, told):
            same = [found[told[index]] for index in group.tolist()]
            forged = max(same, key=lambda each: (_stuck(view, each.flow).most, each.ttl_differs))
            finding = self._told(view, forged, limits)
            if len(same) > 1:
                finding = widened(
                    view,
                    finding,
                    f"Somebody sent segments in the name of the peers of {len(same):,} connections",
                    f"So it is with {plural(len(same) - 1, 'more connection')} of that server.",
                    [each.flow for each in same],
                    [each.frame for each in same],
                )
            yield finding

    def _told(self, view: View, it: Forged, limits: Thresholds) -> Finding:
        flow, side = it.flow, it.side
        sender, victim = view.role(flow, side), view.role(flow, 1 - side)
        stuck = _stuck(view, flow)
        ended = int(view.tables.endpoint(flow, 1 - side)["rst_frame"])
        grave = stuck.most >= limits.stuck_min
        host, other = view.host(flow, side), view.host(flow, 1 - side)
        return self.finding(
            view,
            Severity.CRITICAL if grave or ended else Severity.WARNING,
            f"Somebody sent {'a FIN' if it.fin else 'data'} in the {sender}'s name",
            list(_story(view, it, stuck, grave, ended)),
            streams=[flow],
            frames=[
                *it.frames,
                _accepted(view, it),
                *it.others["ref"].tolist(),
                *(stuck.frames if grave else ()),
                ended,
            ],
            span=_span(view, it),
            doubts=() if it.ttl_differs or len(it.others) or len(it.signs) > 1 else (NOT_UNIQUE,),
            evidence=_evidence(view, it),
            endpoint=view.label(flow, 1 - side),
            peer=view.label(flow, side),
            causes=_causes(it, sender),
            next_steps=(
                f"look for proxies, filters and load balancers between {host} and {other} that write into connections",
                f"look for a second host with the address {host}: a failed-over member, a cloned machine",
                "let both ends use TLS: what is injected then fails its check, and says so",
            ),
            refutations=_refutations(view, it),
            settled_by=(
                f"on {host}: tcpdump 'host {other} and tcp port {view.port(flow, side)}' at the same time: a segment "
                "that is missing there was sent by somebody else",
                f"on {other}: ip neigh show {host}, and the link-layer source of that frame against the others",
            ),
            data={
                "victim": victim,
                "fin": it.fin,
                "bytes": it.length,
                "injected_frame": it.frame,
                "ttl": it.ttl,
                "ttl_others": it.usual_ttl,
                "ttl_differs": it.ttl_differs,
                "other_content": len(it.others) > 0,
                "signs": len(it.signs),
                "stuck": grave,
                "ended": ended > 0,
            },
        )


def _stuck(view: View, flow: int) -> _Stuck:
    details = [view.detail(flow, side) for side in (0, 1)]
    counts = [0 if detail is None else int(detail["retrans_run"]) for detail in details]
    lasts = [0 if detail is None else int(detail["last_retrans_frame"]) for detail in details]
    return _Stuck((counts[0], counts[1]), (lasts[0] if counts[0] else 0, lasts[1] if counts[1] else 0))


def _accepted(view: View, it: Forged) -> int:
    """The victim's segment that acknowledges the forged one first, where it is still known; or 0."""
    peer = view.tables.endpoint(it.flow, 1 - it.side)
    right = (it.seq + it.length + it.fin) & 0xFFFFFFFF
    return int(peer["last_ack_frame"]) if int(peer["last_ack"]) == right else 0


def _span(view: View, it: Forged) -> tuple[int, int]:
    times = [int(rows["ts_ns"][0]) for rows in (it.signs, it.others) if len(rows)]
    begin = min(times) if times else int(view.flows["first_ts_ns"][it.flow])
    return begin, int(view.flows["last_ts_ns"][it.flow])


def _range(view: View, it: Forged) -> str:
    first = view.relative(it.flow, it.side, it.seq)
    return f"a FIN at {first}" if it.fin else f"{plural(it.length, 'byte')} {first}:{first + it.length}"


def _story(view: View, it: Forged, stuck: _Stuck, grave: bool, ended: int) -> Iterator[Sentence]:
    sender, victim = view.role(it.flow, it.side), view.role(it.flow, 1 - it.side)
    first = view.relative(it.flow, it.side, it.seq)
    shown, frames = _shown(it, sender, first)
    yield said(
        f"The {sender} did not send [{it.frame}], {_range(view, it)} with its address and the right numbers: {shown}.",
        (it.frame, *frames),
        _span(view, it)[0],
    )
    accepted = _accepted(view, it)
    if accepted:
        edge = first + it.length + it.fin
        yield said(f"The {victim} took it for the {sender}'s, and acknowledged {edge} [{accepted}].", (accepted,))
    if it.ttl_differs:
        yield said(
            f"It came another way: its TTL is {it.ttl}, that of the {sender}'s own segments {it.usual_ttl}.",
            (it.frame,),
        )
    elif it.ttl is not None:
        yield said(
            f"Its TTL is {it.ttl}, as in the {sender}'s own segments: that does not tell them apart.", (it.frame,)
        )
    if grave:
        told = [
            f"the {view.role(it.flow, side)} sent the same again {plural(stuck.counts[side], 'time')} until "
            f"[{stuck.frames[side]}]"
            for side in (0, 1)
            if stuck.counts[side]
        ]
        yield said(
            f"Since then the two disagree about the numbers, and nothing gets through: {', '.join(told)}.", stuck.frames
        )
    if ended:
        yield said(f"The {victim} ended the connection with a RST [{ended}].", (ended,))


def _shown(it: Forged, sender: str, first: int) -> tuple[str, tuple[int, ...]]:
    """What gives it away."""
    if it.after_fin_frame:
        return f"it goes on behind that FIN [{it.after_fin_frame}]", (it.after_fin_frame,)
    if len(it.signs):
        frames = it.signs["frame"]
        below = f"at {first}" if len(distinct(it.signs["seq"])) == 1 else f"below {first + it.length + it.fin}"
        text = f"its own ACKs still stand {below} {frame_list(frames)}"
        if len(it.others):
            text += f", and it sends that range itself with another content [{it.others['frame'][0]}]"
        return text, (*frames.tolist(), *it.others["frame"][:1].tolist())
    other = it.others[0]
    own = int(other["frame"]) if int(other["ref"]) == it.frame else int(other["ref"])
    return f"the {sender}'s own [{own}] has the same numbers and another content", (own,)


def _evidence(view: View, it: Forged) -> Iterator[Evidence]:
    yield view.frame(
        it.flow, it.frame, f"not the {view.role(it.flow, it.side)}'s" + (f": TTL {it.ttl}" if it.ttl_differs else "")
    )
    rows = np.concatenate([it.signs[:2], it.others[:1]])
    for row in rows[np.argsort(rows["frame"], kind="stable")]:
        note = "the same range, another content" if row["kind"] == EventKind.OTHER_CONTENT else "does not know of it"
        if int(row["frame"]) != it.frame:
            yield view.evidence(row, note)
    if it.after_fin_frame:
        yield view.frame(it.flow, it.after_fin_frame, "new data behind the FIN")


def _causes(it: Forged, sender: str) -> tuple[Cause, ...]:
    other_way = (f"its TTL is {it.ttl}; the {sender}'s own segments have {it.usual_ttl}",) if it.ttl_differs else ()
    same_way = (f"its TTL is {it.ttl}, as in the {sender}'s own segments",) if it.ttl and not other_way else ()
    return (
        Cause("something on the path that sees the connection writes into it (proxy, filter, attacker)", other_way,
              same_way),
        Cause(f"another host with the {sender}'s address (a failed-over member, a cloned machine) has it too",
              other_way),
        Cause(f"the {sender}'s host was set back to an earlier state (snapshot of a virtual machine)", same_way,
              (*other_way, "its ACKs are its newest: it has not lost what it received")),
    )  # fmt: skip


def _refutations(view: View, it: Forged) -> Iterator[Refutation]:
    sender = view.role(it.flow, it.side)
    if not it.fin:
        frames = tuple(it.others["frame"][:1].tolist())
        outcome = f"not so: it sends other ones {frame_list(frames)}" if frames else "not found"
        yield Refutation(f"the {sender} sends the same bytes again itself", outcome, frames)
    if len(it.signs):
        frames = tuple(it.signs["frame"][:4].tolist())
        yield Refutation(
            f"these segments of the {sender} were sent before [{it.frame}], and only came late",
            f"not so: their ACKs or timestamps are newer {frame_list(frames)}",
            frames,
        )
    yield Refutation("the capture lacks segments of this connection", "not so: every byte acknowledged was captured")
    yield Refutation(f"the {sender}'s host sent [{it.frame}]", None, (it.frame,))
