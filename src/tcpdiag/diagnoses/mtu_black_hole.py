"""Large segments never arrive, small ones do: the path's MTU is smaller than the sender believes.

## What it sees
A segment that is sent three times or more and never arrives whole, although its receiver goes on speaking and smaller
segments of the same sender were acknowledged. A receiver that only waits says nothing more: then a SACK block, or a
repeated ACK, shows that something small arrived from behind the large segments, and nothing large. Whether an ICMP
message said "too large" (type 3 code 4, or packet too big), which MSS the two SYNs had offered, and whether the data
arrived when the sender cut it into smaller pieces. The connections of one sender with one host share one finding.

## Why it matters
The handshake works, small requests work, and every large answer hangs: logins succeed, pages never load. It looks like
a fault of the application. Path MTU discovery needs ICMP messages that a firewall on the way throws away.

## What it cannot know
Which hop has the small MTU, and whether the ICMP message was never sent, or lost before it came to the tap. Behind the
small MTU only the holes can be seen, not the segments. A receiver that is silent, and that told of nothing small, is
peer-vanished. Without SACK a repeated ACK does not say what arrived; that it was the small segment is then likely only.

## Thresholds
| name | default | source |
|---|---|---|
| many_min | 3 | the least that a habit needs: with three connections it is the path, not one transfer |
| warning_s | 10 | a user's patience: 10 s is the limit for keeping attention (Nielsen, Usability Engineering, 1993) |

A segment counts as large from 1,024 bytes of payload on, where RFC 4821 section 7.2 lets the search begin.

## RFC
RFC 2923 section 2.1 (black hole detection), RFC 4821 section 7.2, RFC 1191 section 4, RFC 8899 section 4.3

## Speaks
The end of the answer is small and arrives, its beginning never does:
```packets
+0.00 > S 0:0(0) win 65535 <mss 1460,sackOK>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1461(1460) ack 101 win 65535
+0.00 < P. 1461:1661(200) ack 101 win 65535
+0.01 > . 101:101(0) ack 1 win 65535 <sack 1461:1661>
+0.40 < . 1:1461(1460) ack 101 win 65535
+0.80 < . 1:1461(1460) ack 101 win 65535
+1.60 < . 1:1461(1460) ack 101 win 65535
+10.0 > F. 101:101(0) ack 1 win 65535
+0.01 < . 1661:1661(0) ack 102 win 65535
finding: mtu-black-hole warning size=1460
```
The receiver only waits, and has acknowledged nothing but the small end of it:
```packets
+0.00 > S 0:0(0) win 65535 <mss 1460,sackOK>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1461(1460) ack 101 win 65535
+0.00 < . 1461:2921(1460) ack 101 win 65535
+0.00 < P. 2921:3121(200) ack 101 win 65535
+0.01 > . 101:101(0) ack 1 win 65535 <sack 2921:3121>
+0.40 < . 1:1461(1460) ack 101 win 65535
+0.80 < . 1:1461(1460) ack 101 win 65535
+1.60 < . 1:1461(1460) ack 101 win 65535
finding: mtu-black-hole warning arrived_behind=200
```
The sender finds out by itself:
```packets
+0.00 > S 0:0(0) win 65535 <mss 1460>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1460>
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < P. 1:201(200) ack 101 win 65535
+0.01 > . 101:101(0) ack 201 win 65535
+0.01 < . 201:1661(1460) ack 101 win 65535
+0.40 < . 201:1661(1460) ack 101 win 65535
+0.80 < . 201:1661(1460) ack 101 win 65535
+1.60 < . 201:1225(1024) ack 101 win 65535
+0.01 > . 101:101(0) ack 1225 win 65535
+0.00 < . 1225:1661(436) ack 101 win 65535
+0.01 > . 101:101(0) ack 1661 win 65535
finding: mtu-black-hole notice healed=true
```

## Stays silent
Nothing is acknowledged any more, small segments neither (peer-vanished):
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < P. 1:201(200) ack 101 win 65535
+0.01 > . 101:101(0) ack 201 win 65535
+0.01 < . 201:1661(1460) ack 101 win 65535 *6 every 0.8
```
The first of several large ones was lost, others arrived, then everything is lost (peer-vanished):
```packets
+0.00 > S 0:0(0) win 65535 <mss 1460,sackOK>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1461(1460) ack 101 win 65535
+0.00 < . 1461:2921(1460) ack 101 win 65535
+0.00 < P. 2921:3121(200) ack 101 win 65535
+0.01 > . 101:101(0) ack 1 win 65535 <sack 1461:3121>
+0.40 < . 1:1461(1460) ack 101 win 65535
+0.80 < . 1:1461(1460) ack 101 win 65535
+1.60 < . 1:1461(1460) ack 101 win 65535
```
Lost three times, and then it arrives as large as it is:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < P. 1:1461(1460) ack 101 win 65535 *4 every 0.8
+0.01 > . 101:101(0) ack 1461 win 65535
```
A small segment that is never acknowledged has another cause:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535 *4 every 0.8
+0.80 < P. 1:201(200) ack 1 win 65535
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..model.segment import Option
from ..rfc import Rfc
from ..units import NS, duration, plural
from .base import FRAMES_MAX, Diagnosis, Scope, frame_list
from .black_holes import BlackHole, black_holes
from .confidence import NOT_UNIQUE
from .elsewhere import heard
from .sentences import said
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    many_min: float = 3
    warning_s: float = 10


class MtuBlackHole(Diagnosis):
    """Large segments never arrive, small ones do."""

    kind = "mtu-black-hole"
    scope = Scope.HOST
    events = (EventKind.RETRANSMISSION,)
    references = (Rfc(2923, "2.1"), Rfc(4821, "7.2"), Rfc(1191, "4"), Rfc(8899, "4.3"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        paths: dict[tuple[str, str], list[BlackHole]] = {}
        for hole in view.once(black_holes):
            ends = view.host(hole.flow, hole.side), view.host(hole.flow, 1 - hole.side)
            paths.setdefault(ends, []).append(hole)
        for holes in paths.values():
            yield self._hole(view, holes, limits)

    def _hole(self, view: View, holes: list[BlackHole], limits: Thresholds) -> Finding:
        worst = max(holes, key=lambda hole: (hole.still, hole.until_ns - hole.since_ns))
        sender, receiver = view.host(worst.flow, worst.side), view.host(worst.flow, 1 - worst.side)
        size = min(hole.size for hole in holes)
        healed = not any(hole.still for hole in holes)
        icmp = np.concatenate([hole.icmp["frame"] for hole in holes])
        low, high = _mtu(view, worst)
        elsewhere = _carried_elsewhere(view, worst)
        frames = [hole.large["frame"] for hole in holes] + [hole.small["frame"] for hole in holes]
        return self.finding(
            view,
            _severity(holes, limits),
            "Large segments never arrive, small ones do: the path MTU is too small"
            if not healed
            else "Large segments did not arrive until the sender cut them",
            list(_story(view, holes, worst, (low, high))),
            streams=[hole.flow for hole in holes],
            frames=np.concatenate([*frames, icmp, *_shown(holes)])[:FRAMES_MAX],
            span=(min(hole.since_ns for hole in holes), max(hole.until_ns for hole in holes)),
            doubts=() if any(hole.sign_of_life or hole.behind for hole in holes) else (NOT_UNIQUE,),
            evidence=_evidence(view, worst),
            endpoint=view.label(worst.flow, worst.side) if len(holes) == 1 else sender,
            peer=view.label(worst.flow, 1 - worst.side) if len(holes) == 1 else receiver,
            causes=(
                Cause("a link or tunnel on the way has a smaller MTU, and its ICMP messages are filtered",
                      () if len(icmp) else ("no ICMP message came to the tap",),
                      (f"ICMP messages came {frame_list(icmp)}",) if len(icmp) else ()),
                Cause(f"{sender} does not act on the ICMP messages, or they do not reach it",
                      (f"ICMP messages came {frame_list(icmp)}",) if len(icmp) else (),
                      () if len(icmp) else ("no ICMP message came to the tap",)),
            ),
            next_steps=(
                "let ICMP type 3 code 4 (IPv6: type 2) pass every firewall on the way",
                "clamp the MSS where the small link or tunnel begins (iptables -t mangle ... TCPMSS "
                "--clamp-mss-to-pmtu; ip tcp adjust-mss)",
                f"on {sender}: sysctl net.ipv4.tcp_mtu_probing=1 makes Linux find the size by itself",
            ),
            refutations=_refutations(view, worst, elsewhere),
            settled_by=(
                f"on {sender}: ping -M do -s {max(0, high - 28)} {receiver}, then smaller: the size from which on "
                "answers come is the path MTU less 28",
                f"on {sender}: tracepath -n {receiver} names the hop; ip route get {receiver} shows a learned mtu",
            ),
            data={
                "connections": len(holes),
                "size": size,
                "largest_acknowledged": worst.largest_acked,
                "arrived_behind": max(hole.behind for hole in holes),
                "mtu_at_least": low,
                "mtu_below": high,
                "mss": [_mss(view, worst.flow, worst.side), _mss(view, worst.flow, 1 - worst.side)],
                "icmp_messages": len(icmp),
                "healed": healed,
                "lost_s": round(sum(hole.until_ns - hole.since_ns for hole in holes) / NS, 3),
                "carried_elsewhere": elsewhere,
            },
        )  # fmt: skip


def _severity(holes: list[BlackHole], limits: Thresholds) -> Severity:
    still = sum(hole.still for hole in holes)
    if still >= limits.many_min:
        return Severity.CRITICAL
    longest = max(hole.until_ns - hole.since_ns for hole in holes)
    return Severity.WARNING if still or longest >= limits.warning_s * NS else Severity.NOTICE


def _mss(view: View, flow: int, side: int) -> int | None:
    """What its SYN offered."""
    end = view.tables.endpoint(flow, side)
    return int(end["mss"]) if int(end["options"]) & Option.MSS else None


def _mtu(view: View, hole: BlackHole) -> tuple[int, int]:
    """The path MTU is at least the first, and less than the second, in bytes: payload and headers."""
    headers = 20 + (20 if int(view.flows["family"][hole.flow]) == 4 else 40)
    both = [int(view.tables.endpoint(hole.flow, side)["options"]) & Option.TIMESTAMPS for side in (0, 1)]
    headers += 12 if all(both) else 0  # RFC 7323 appendix A: 10 bytes and two to align them
    arrived = int(hole.small["payload_len"].max(initial=0))
    return max(hole.largest_acked, arrived) + headers, hole.size + headers


def _carried_elsewhere(view: View, hole: BlackHole) -> int:
    """Longest payload that the same host got through to other hosts; the control group."""
    rows = view.flows
    hi, lo = rows["addr_hi"][hole.flow], rows["addr_lo"][hole.flow]
    flows = view.with_details
    most = 0
    for side in (0, 1):
        same = (rows["addr_lo"][flows, side] == lo[hole.side]) & (rows["addr_hi"][flows, side] == hi[hole.side])
        same &= (rows["addr_lo"][flows, 1 - side] != lo[1 - hole.side]) | (
            rows["addr_hi"][flows, 1 - side] != hi[1 - hole.side]
        )
        mine = rows["detail"][flows[same]].astype(np.int64) + side
        most = max(most, int(view.tables.details["largest_acked"][mine].max(initial=0)))
    return most


def _story(view: View, holes: list[BlackHole], worst: BlackHole, mtu: tuple[int, int]) -> Iterator[Sentence]:
    sender, receiver = view.host(worst.flow, worst.side), view.host(worst.flow, 1 - worst.side)
    lasted = duration(worst.until_ns - worst.since_ns)
    yield said(
        f"Segments of {plural(worst.size, 'byte')} from {sender} do not reach {receiver}, smaller ones do: the same "
        f"one was sent again {plural(len(worst.large), 'time')} in {lasted} {frame_list(worst.large['frame'])}, while "
        + (f"up to {plural(worst.largest_acked, 'byte')} at a time were acknowledged." if worst.largest_acked else
           "the handshake and bare ACKs passed."),
        worst.large["frame"],
        worst.since_ns,
    )  # fmt: skip
    if worst.gap is not None:
        yield said(_told(worst), (int(worst.gap["frame"]),), worst.gap["ts_ns"])
    if worst.sign_of_life:
        yield said(
            f"{receiver} is there: it sent frame [{worst.sign_of_life}] after the first repetition.",
            (worst.sign_of_life,),
        )
    else:
        yield said("After that the receiver had nothing to say: nothing more reached it that it could answer.")
    if len(worst.icmp):
        told = "ICMP told the sender that they are too large"
        yield said(f"{told} {frame_list(worst.icmp['frame'])}; it went on.", worst.icmp["frame"])
    else:
        yield said("No ICMP message that they are too large came to the tap.")
    mss = [_mss(view, worst.flow, side) for side in (worst.side, 1 - worst.side)]
    offered = " and ".join("none" if value is None else f"{value:,}" for value in mss)
    yield said(f"The two SYNs offer an MSS of {offered}; the path MTU is at least {mtu[0]:,}, but below {mtu[1]:,}.")
    if len(worst.small):
        piece = worst.small[0]
        yield said(
            f"After {lasted} the sender sent a piece of {plural(int(piece['payload_len']), 'byte')} instead "
            f"[{piece['frame']}], and that arrived (path MTU probing, RFC 4821).",
            (piece["frame"],),
            piece["ts_ns"],
        )
    if len(holes) > 1:
        still = sum(hole.still for hole in holes)
        frames = [int(hole.large["frame"][0]) for hole in holes]
        yield said(
            f"So it is on {len(holes):,} connections between the two hosts {frame_list(frames)}; {still:,} of them "
            "never got on.",
            frames,
        )


def _shown(holes: list[BlackHole]) -> Iterator[list[int]]:
    """The receiver's frames."""
    yield [hole.sign_of_life for hole in holes]
    yield [int(hole.gap["frame"]) for hole in holes if hole.gap is not None]


def _told(hole: BlackHole) -> str:
    """What the receiver says of what was sent behind the segment."""
    assert hole.gap is not None
    frame = int(hole.gap["frame"])
    if hole.behind:
        return (
            f"Of what was sent behind it, it acknowledged {plural(hole.behind, 'byte')} at once [{frame}] (SACK), and "
            "nothing else."
        )
    return (
        f"Something small behind it arrived: the receiver repeated its ACK [{frame}], but not for each of the large "
        "segments."
    )


def _refutations(view: View, hole: BlackHole, elsewhere: int) -> Iterator[Refutation]:
    who = view.role(hole.flow, 1 - hole.side)
    gone = f"the {who} is gone altogether, or the path to it"
    if hole.sign_of_life:
        yield Refutation(gone, f"not so: it sent frame [{hole.sign_of_life}] meanwhile", (hole.sign_of_life,))
    else:
        since = heard(view, hole.flow, 1 - hole.side, int(hole.large["ts_ns"][0]))
        last = (since.last_frame,) if since.flows else ()
        yield Refutation(gone, since.outcome(view.host(hole.flow, 1 - hole.side)), last)
    yield Refutation(
        f"a segment of {plural(hole.size, 'byte')} or more of this sender was acknowledged on this connection",
        f"not found: {plural(hole.largest_acked, 'byte')} is the longest that surely was"
        if hole.largest_acked
        else "not found: no segment with data surely was",
    )
    yield Refutation(
        "the sender's own card or driver drops large segments on every path",
        f"not found: {plural(elsewhere, 'byte')} at a time reached other hosts"
        if elsewhere >= hole.size
        else None
        if not elsewhere
        else f"possible: to other hosts, too, no more than {plural(elsewhere, 'byte')} at a time were acknowledged",
    )


def _evidence(view: View, hole: BlackHole) -> Iterator[Evidence]:
    lines = [view.evidence(event, "again, as large as before: not acknowledged") for event in hole.large[:4]]
    if hole.gap is not None:
        lines.append(view.evidence(hole.gap, "something small from behind it arrived"))
    lines += [view.evidence(event, "a smaller piece, which arrived") for event in hole.small[:1]]
    lines += [view.evidence(event, "ICMP: too large") for event in hole.icmp[:2]]
    yield from sorted(lines, key=lambda line: line.frame or 0)
