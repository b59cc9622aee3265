"""One range of sequence numbers, two contents.

## What it sees
A segment that repeats a range which was captured before, with the same length and another content: how often, whether
the first content had been acknowledged when the second one came (then it is what the receiver has), and whether TTL
and IP ID tell the two apart.

## Why it matters
A TCP must send the same bytes for the same number. Two contents mean that somebody between the ends changes or invents
data, or that a host is broken. What a filter has read is then perhaps not what the application got.

## What it cannot know
Which of the two the sender meant. Which one the receiver kept, where neither had been acknowledged: stacks differ.
Only the latest segments of each side are compared, by a 16-bit sum; one in 65,535 changes is not seen, and neither is
one in a segment with other bounds.

## Thresholds
| name | default | source |
|---|---|---|
| conflicts_min | 1 | RFC 9293 section 3.8.1: what is sent again is the same text; no number of exceptions is in order |

## RFC
RFC 9293 section 3.8.1 (retransmission), RFC 9293 section 3.10.7.4 (what was received already is cut off)

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535 [text 4711]
+0.01 < . 1:1(0) ack 101 win 65535
+0.30 > P. 1:101(100) ack 1 win 65535 [text 815]
+0.01 < . 1:1(0) ack 101 win 65535
finding: conflicting-overlap warning conflicts=1 kept=first
```

## Stays silent
The same content:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535 [text 4711]
+0.30 > P. 1:101(100) ack 1 win 65535 [text 4711]
+0.01 < . 1:1(0) ack 101 win 65535
```
A keepalive probe with a byte of garbage:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:2(1) ack 1 win 65535 [text 4711]
+0.01 < . 1:1(0) ack 2 win 65535
+60.0 > . 1:2(1) ack 1 win 65535 [text 0]
+0.01 < . 1:1(0) ack 2 win 65535
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..rfc import Rfc
from ..units import number, plural
from .base import Diagnosis, Scope, frame_list
from .forgeries import forgeries, kept_first
from .sentences import said
from .together import together, widened
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    conflicts_min: float = 1


class _Conflict(NamedTuple):
    """What one side of one connection sent twice, differently."""

    flow: int
    side: int
    rows: np.ndarray
    times: int
    kept: bool  # the first content of the first of them is what the receiver has
    injected: bool  # a segment-injected tells it


class ConflictingOverlap(Diagnosis):
    """One sequence range, two contents."""

    kind = "conflicting-overlap"
    scope = Scope.FLOW
    events = (EventKind.OTHER_CONTENT,)
    references = (Rfc(9293, "3.8.1"), Rfc(9293, "3.10.7.4"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        rows = view.rows_of(EventKind.OTHER_CONTENT)
        if not len(rows):
            return
        injected = {(forged.flow, forged.side) for forged in view.once(forgeries)}
        found: dict[int, _Conflict] = {}
        for flow, events in view.by_flow(view.event_flow[rows]):
            for side in (0, 1):
                mine = events[(events["kind"] == EventKind.OTHER_CONTENT) & (events["side"] == side)]
                detail = view.detail(flow, side)
                count = len(mine) if detail is None else int(detail["conflicts"])
                if len(mine) and count >= limits.conflicts_min:
                    kept = kept_first(events, mine[0])
                    found[flow] = _Conflict(flow, side, mine, count, kept, (flow, side) in injected)
        told = list(found)
        for group in together(view, told):
            same = [found[told[index]] for index in group.tolist()]
            finding = self._told(view, max(same, key=lambda each: each.times))
            if len(same) > 1:
                finding = widened(
                    view,
                    finding,
                    f"{len(same):,} connections carry two contents under the same numbers",
                    f"So do {plural(len(same) - 1, 'more connection')} of that server.",
                    [each.flow for each in same],
                    [int(each.rows["frame"][0]) for each in same],
                )
            yield finding

    def _told(self, view: View, it: _Conflict) -> Finding:
        flow, side = it.flow, it.side
        sender, receiver = view.role(flow, side), view.role(flow, 1 - side)
        host, other = view.host(flow, side), view.host(flow, 1 - side)
        return self.finding(
            view,
            Severity.WARNING,
            f"The {sender}'s data has two contents under the same numbers",
            list(_story(view, it)),
            streams=[flow],
            frames=[*it.rows["ref"].tolist(), *it.rows["frame"].tolist()],
            span=(int(it.rows["ts_ns"][0]), int(it.rows["ts_ns"][-1])),
            evidence=_evidence(view, it),
            endpoint=view.label(flow, side),
            peer=view.label(flow, 1 - side),
            causes=_causes(it, sender),
            next_steps=(
                f"compare the payloads of [{it.rows['ref'][0]}] and [{it.rows['frame'][0]}]: what was changed names "
                "who changes it (addresses and ports: a NAT; headers or scripts: a proxy)",
                f"look for devices between {host} and {other} that change payload",
            ),
            refutations=(
                Refutation("one of the two was damaged on the way",
                           "not so, as far as checksums could be verified: damaged segments are not compared"),
                Refutation(f"the {sender} sent the range with these bounds only once", None),
            ),
            settled_by=(
                f"on {host}: tcpdump 'host {other} and tcp port {view.port(flow, side)}' at the same time: which of "
                "the two contents leaves it",
                f"on {other}: what the application read: which of the two the {receiver} kept",
            ),
            data={
                "conflicts": it.times,
                "kept": "first" if it.kept else "unknown",
                "ttls": sorted({*it.rows["value"].tolist(), *it.rows["ttl"].tolist()}),
                "injected": it.injected,
            },
        )  # fmt: skip


def _story(view: View, it: _Conflict) -> Iterator[Sentence]:
    sender, receiver = view.role(it.flow, it.side), view.role(it.flow, 1 - it.side)
    row = it.rows[0]
    first = view.relative(it.flow, it.side, int(row["seq"]))
    yield said(
        f"The {sender}'s [{row['frame']}] repeats {plural(int(row['payload_len']), 'byte')} {first}:"
        f"{first + int(row['payload_len'])} of [{row['ref']}] with another content; TCP sends the same again.",
        (int(row["ref"]), int(row["frame"])),
        int(row["ts_ns"]),
    )
    if it.kept:
        yield said(
            f"The {receiver} had acknowledged the first: that is what it has, and it throws the second one away.",
            (),
            int(row["ts_ns"]),
        )
    else:
        yield said(f"Neither had been acknowledged: which one the {receiver} kept, its stack and the path decided.")
    if it.times > 1:
        yield said(f"It happened {number(it.times)} times {frame_list(it.rows['frame'])}.", it.rows["frame"])
    if int(row["value"]) != int(row["ttl"]):
        yield said(
            f"The first has TTL {row['value']}, the second {row['ttl']}: they did not come the same way.",
            (int(row["ref"]), int(row["frame"])),
        )


def _evidence(view: View, it: _Conflict) -> Iterator[Evidence]:
    row = it.rows[0]
    yield view.frame(it.flow, int(row["ref"]), f"the first content, TTL {row['value']}")
    yield view.evidence(row, f"the same range, another content, TTL {row['ttl']}")


def _causes(it: _Conflict, sender: str) -> tuple[Cause, ...]:
    row = it.rows[0]
    apart = (f"the two have TTL {row['value']} and {row['ttl']}",) if row["value"] != row["ttl"] else ()
    alike = () if apart else (f"both have TTL {row['ttl']}",)
    return (
        Cause("somebody else sent one of the two in its name", apart, alike),
        Cause("a device on the path changes payload, and not always alike (NAT helper, proxy, filter)", alike),
        Cause(f"the {sender}'s stack or network card is broken, and sends other memory", alike, apart),
    )
