"""Many half-open handshakes whose senders never finish.

## What it sees
SYNs to one endpoint whose senders send nothing more: no ACK to the SYN-ACK, no second SYN where none comes. Counted
are how many the endpoint has to remember at once, the peak in a second, from how many addresses and how often each
(forged addresses occur once), how alike the SYNs are in TTL, window, options and MSS (one tool makes them alike),
how the server answers them, and how the handshakes of real clients fare meanwhile. All of it is one finding an
endpoint; its connects are no syn-unanswered and no syn-refused besides.

When a SYN-ACK without an answer is never repeated, the server keeps no state for it: SYN cookies have taken over.

It is none of these: a scan (it asks many endpoints once each), connects that are refused or that the sender itself
resets (nothing is held open), clients that wait for an answer (they repeat their SYN), a load test (it finishes its
handshakes), a capture that lacks the clients' direction (the server goes on after its SYN-ACK).

## Why it matters
Each half-open handshake takes a place in the listener's SYN queue for about a minute. When it is full, real clients
get no answer, or, with SYN cookies, connections without their options.

## What it cannot know
Where the SYNs really come from. Whether the server would have more room. A capture filter that lets only SYNs pass
makes all handshakes look half-open: when nothing else is in the file, the finding says so and is a notice.

## Thresholds
| name | default | source |
|---|---|---|
| at_once_min | 128 | least tcp_max_syn_backlog of Linux, and listen() backlogs before 5.4: fewer fit in any SYN queue |
| hold_s | 63 | Linux tcp_synack_retries = 5: 1+2+4+8+16+32 s until a half-open handshake is forgotten |
| wait_s | 1 | RFC 6298 section 2: initial RTO; a client that waits has repeated its SYN by then, or sent its ACK |
| once_min | 0.9 | share of addresses seen once that look forged: a client that is not served comes back |
| alike_min | 0.9 | share of SYNs with one window, option set and MSS that look like one tool's: real clients differ |
| starved_min | 0.1 | share of real clients left without an answer: for a tenth of the users it is an outage |

## RFC
RFC 4987 section 2 (SYN flooding), RFC 4987 section 3.6 (SYN cookies), RFC 9293 section 3.10.7.2

## Speaks
```packets
repeat 200 every 0.01
+0.000 > S 0:0(0) win 1024
+0.001 < S. 0:0(0) ack 1 win 65535
+1.000 < S. 0:0(0) ack 1 win 65535
end
+5.00 .
repeat 1 every 1.0
+0.000 >50000 S 0:0(0) win 64240 <mss 1460>
+0.001 <50000 S. 0:0(0) ack 1 win 65535
+0.001 >50000 . 1:1(0) ack 1 win 64240
end
finding: syn-flood warning half_open=200 cookies=false
```

## Stays silent
A load test: as many, but their handshakes are finished:
```packets
repeat 200 every 0.01
+0.000 > S 0:0(0) win 1024
+0.001 < S. 0:0(0) ack 1 win 65535
+0.001 > . 1:1(0) ack 1 win 1024
+0.100 > R. 1:1(0) ack 1 win 1024
end
+5.00 .
```
A probe that resets what it opened, so that nothing is held:
```packets
repeat 200 every 0.01
+0.000 > S 0:0(0) win 1024
+0.001 < S. 0:0(0) ack 1 win 65535
+0.001 > R 1:1(0) win 0
end
+5.00 .
```
Clients that wait for an answer repeat their SYN: a server that is gone, and no flood.
```packets
repeat 150 every 0.01
+0.000 > S 0:0(0) win 64240 <mss 1460>
+1.000 > S 0:0(0) win 64240 <mss 1460>
+2.000 > S 0:0(0) win 64240 <mss 1460>
end
+5.00 .
```
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..rfc import Rfc
from ..units import NS, duration, percent, plural
from .base import FRAMES_MAX, Diagnosis, Scope, frame_list
from .confidence import NOT_UNIQUE
from .floods import Flood, floods, only_syns
from .view import View

KEPT_MIN: Final = 0.9
"""Share of the unanswered SYN-ACKs that a server without cookies repeats; the rest allows for what the capture lost."""


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    at_once_min: float = 128
    hold_s: float = 63
    wait_s: float = 1
    once_min: float = 0.9
    alike_min: float = 0.9
    starved_min: float = 0.1


class SynFlood(Diagnosis):
    """Many half-open handshakes that their senders never finish."""

    kind = "syn-flood"
    scope = Scope.HOST
    events = (EventKind.STATE,)
    references = (Rfc(4987, "2"), Rfc(4987, "3.6"), Rfc(9293, "3.10.7.2"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        """Its connects are marked in the view, so that syn-refused and syn-unanswered are silent about them."""
        wait_ns, hold_ns = int(limits.wait_s * NS), int(limits.hold_s * NS)
        for flood in floods(view, wait_ns, hold_ns, int(limits.at_once_min)):
            view.flooding[flood.flows] = True
            yield self._finding(view, flood, limits)

    def _finding(self, view: View, flood: Flood, limits: Thresholds) -> Finding:
        flow = int(flood.flows[0])
        label, host, port = view.label(flow, flood.side), view.host(flow, flood.side), view.port(flow, flood.side)
        filtered = flood.kept == 0 and only_syns(view)
        frames = view.flows["first_frame"][np.append(flood.flows[: FRAMES_MAX - 1], flood.flows[-1])]
        forged = flood.once >= limits.once_min
        uniform = flood.alike >= limits.alike_min
        return self.finding(
            view,
            _severity(flood, filtered, limits),
            "A flood of SYNs: their senders never finish the handshake",
            list(_story(flood, label, frames, filtered, limits)),
            streams=flood.flows,
            frames=frames,
            span=(flood.begin_ns, flood.end_ns),
            doubts=(NOT_UNIQUE,) if filtered else (),
            evidence=_evidence(view, flood),
            endpoint=label,
            causes=_causes(flood, forged, uniform),
            next_steps=(
                f"on {host}: sysctl net.ipv4.tcp_syncookies must be 1; raise net.ipv4.tcp_max_syn_backlog and the "
                "listener's backlog",
                *((f"drop them before the server: {_pattern(view, flood)} is what they share",) if uniform else ()),
                "ask the provider for scrubbing where the link itself is full",
            ),
            refutations=_refutations(flood, label, filtered),
            settled_by=(
                f"on {host}: ss -tan state syn-recv '( sport = :{port} )' | wc -l counts the half-open ones",
                f"on {host}: nstat -az TcpExtSyncookiesSent TcpExtTCPReqQFullDoCookies TcpExtTCPReqQFullDrop; "
                "dmesg | grep 'SYN flooding'",
            ),
            data={
                "count": len(flood.flows),
                "at_once": flood.at_once,
                "peak_per_s": flood.peak,
                "half_open": flood.half_open,
                "unanswered": flood.unanswered,
                "refused": flood.refused,
                "reset_by_sender": flood.reset,
                "cookies": _cookies(flood),
                "sources": flood.sources,
                "sources_once_share": round(flood.once, 4),
                "alike_share": round(flood.alike, 4),
                "ttls": list(flood.ttls),
                "completed_meanwhile": flood.completed,
                "starved_meanwhile": flood.starved,
            },
        )


def _severity(flood: Flood, filtered: bool, limits: Thresholds) -> Severity:
    if filtered:
        return Severity.NOTICE
    real = flood.completed + flood.starved
    return Severity.CRITICAL if flood.starved > limits.starved_min * real else Severity.WARNING


def _cookies(flood: Flood) -> bool | None:
    """Whether the server keeps no state for some of them; None where the capture does not tell."""
    return flood.kept < KEPT_MIN * flood.watched if flood.watched else None


def _story(flood: Flood, label: str, frames: np.ndarray, filtered: bool, limits: Thresholds) -> Iterator[Sentence]:
    count, span_ns = len(flood.flows), flood.end_ns - flood.begin_ns
    fates = {
        "answered with a SYN-ACK that nobody acknowledged": flood.half_open,
        "not answered": flood.unanswered,
        "answered with a RST": flood.refused,
        "reset by their senders": flood.reset,
    }
    fate = ", ".join(f"{number:,} were {how}" for how, number in fates.items() if number)
    yield Sentence(
        f"{label} got {plural(count, 'SYN')} in {duration(span_ns)} {frame_list(frames)} whose senders never went on, "
        f"up to {flood.peak:,} in a second: {fate}.",
        tuple(frames[:20].tolist()),
        flood.begin_ns,
    )
    look = []
    if flood.once >= limits.once_min:
        look.append(f"{percent(flood.once)} of them came once, which is what forged ones do")
    if flood.alike >= limits.alike_min:
        look.append(f"{percent(flood.alike)} of the SYNs have the same window, options and MSS, so one tool made them")
    look.append(f"their TTL is {', '.join(map(str, flood.ttls[:4]))}{' and others' if len(flood.ttls) > 4 else ''}")
    yield Sentence(f"They come from about {plural(flood.sources, 'address', 'addresses')}: {'; '.join(look)}.")
    if flood.watched:
        repeated = f"{percent(flood.kept / flood.watched)} of its SYN-ACKs" if flood.kept else "none of its SYN-ACKs"
        state = "it keeps a place in its SYN queue for each"
        if _cookies(flood):
            state = f"{'for the others' if flood.kept else 'for these'} it keeps no state, SYN cookies have taken over"
        yield Sentence(f"The server repeats {repeated} that nobody answers: {state}.")
    real = flood.completed + flood.starved
    if real:
        yield Sentence(
            f"Meanwhile {flood.completed:,} of {plural(real, 'handshake')} of real clients with it "
            f"{'was' if flood.completed == 1 else 'were'} finished.",
            (),
            flood.end_ns,
        )
    if filtered:
        yield Sentence("The whole capture holds nothing but SYNs: if a filter left only these, it need not be a flood.")


def _causes(flood: Flood, forged: bool, uniform: bool) -> tuple[Cause, ...]:
    look = (
        *((f"{percent(flood.once)} of the addresses occur once",) if forged else ()),
        *(
            (f"{percent(flood.alike)} of the SYNs look alike, from about {flood.sources:,} addresses",)
            if uniform
            else ()
        ),
    )
    attack = Cause(
        "an attack with forged source addresses fills the SYN queue",
        look,
        () if forged else (f"only {percent(flood.once)} of the addresses occur once",),
    )
    tool = Cause(
        "a scanner, a monitor or a broken client opens connections and forgets them",
        () if forged else (f"they come from {plural(flood.sources, 'address', 'addresses')} again and again",),
        (f"about {flood.sources:,} addresses",) if forged else (),
    )
    path = Cause(
        "real clients, whose ACKs or whose SYN-ACKs are lost on the way",
        (),
        ("none of them repeats its SYN",) if flood.unanswered else (),
    )
    return (attack, tool, path) if forged else (tool, attack, path)


def _refutations(flood: Flood, label: str, filtered: bool) -> Iterator[Refutation]:
    yield Refutation(
        "their senders go on: an ACK, data, or the SYN again",
        f"not found for any of the {len(flood.flows):,}",
    )
    yield Refutation(
        "the capture lacks the clients' ACKs (a filter, or another way)",
        None
        if filtered
        else f"not so: {plural(flood.kept, 'SYN-ACK')} had to be repeated"
        if flood.kept
        else f"not so: {plural(flood.completed, 'other connect')} to {label} were captured with their ACKs"
        if flood.completed
        else "unlikely: other connections were captured whole",
    )


def _pattern(view: View, flood: Flood) -> str:
    """What a filter can match: the window, and the TTL where there is one only."""
    client = view.tables.endpoint(int(flood.flows[0]), int(view.client[int(flood.flows[0])]))
    ttl = f" and TTL {flood.ttls[0]}" if len(flood.ttls) == 1 else ""
    return f"window {int(client['syn_window'])}{ttl}"


def _evidence(view: View, flood: Flood) -> Iterator[Evidence]:
    for flow in [*flood.flows[:3].tolist(), int(flood.flows[-1])]:
        row = view.flows[flow]
        note = f"SYN from {view.label(flow, int(view.client[flow]))}, and nothing more"
        yield view.frame(flow, int(row["first_frame"]), note, int(row["first_ts_ns"]))
