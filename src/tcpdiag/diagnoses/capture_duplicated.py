"""Packets that the capture holds twice.

## What it sees
Packets that come again with everything alike, the IP ID included, within the time in which no stack uses an ID again.
They are left out of all other analysis, so no copy is called a retransmission or a duplicate ACK.

## Why it matters
Other tools count each copy as a retransmission: a healthy network looks lossy, and its throughput twice what it was.

## What it cannot know
A network that duplicates a packet on its way looks the same as a capture that records it twice. Bare ACKs and RSTs
without an IP ID (IPv6) may be left uncounted: they can honestly be sent twice.

## Thresholds
| name | default | source |
|---|---|---|
| share_min | 0.01 | RFC 5560 section 1: normally one copy arrives; below one in a hundred other tools hardly err |
| copies_min | 3 | one or two may be a duplicate of the network; a tap that doubles goes on |

## RFC
RFC 6864 section 4 (an IPv4 ID is not used again while the packet may live), RFC 5560 section 1

## Speaks
```packets
+0.000 > S 0:0(0) win 65535 [id 1] *2 every 0.00001
+0.010 < S. 0:0(0) ack 1 win 65535 [id 7] *2 every 0.00001
+0.010 > . 1:1(0) ack 1 win 65535 [id 2] *2 every 0.00001
+0.010 > P. 1:101(100) ack 1 win 65535 [id 3] *2 every 0.00001
finding: capture-duplicated notice copies=4
```

## Stays silent
Sent again by the sender, with a new ID:
```packets
+0.00 > S 0:0(0) win 65535 [id 1]
+0.01 < S. 0:0(0) ack 1 win 65535 [id 7]
+0.01 > . 1:1(0) ack 1 win 65535 [id 2]
+0.01 > P. 1:101(100) ack 1 win 65535 [id 3]
+0.30 > P. 1:101(100) ack 1 win 65535 [id 4]
+0.30 > P. 1:101(100) ack 1 win 65535 [id 5]
+0.60 > P. 1:101(100) ack 1 win 65535 [id 6]
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.finding import Cause, Finding, Refutation, Severity
from ..rfc import Rfc
from ..units import percent, plural
from .base import Diagnosis, Scope
from .sentences import said
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    share_min: float = 0.01
    copies_min: float = 3


class CaptureDuplicated(Diagnosis):
    """Packets that the capture holds more than once."""

    kind = "capture-duplicated"
    scope = Scope.CAPTURE
    references = (Rfc(6864, "4"), Rfc(5560, "1"))
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        copies = view.flows["copies"].astype(np.int64)
        total, packets = int(copies.sum()), int(view.side("packets").sum(dtype=np.int64))
        if total and total >= limits.copies_min and total / packets >= limits.share_min:
            yield self._duplicated(view, copies, total, packets)

    def _duplicated(self, view: View, copies: np.ndarray, total: int, packets: int) -> Finding:
        flows = np.flatnonzero(copies)
        rows = view.flows[flows]
        worst = int(np.argmax(copies))
        first, last = int(view.flows["first_frame"][worst]), int(view.flows["last_frame"][worst])
        all_twice = 2 * total >= packets
        resent = int(view.detail_column("retransmissions").sum())
        return self.finding(
            view,
            Severity.NOTICE,
            "The capture holds packets twice",
            (
                said(
                    f"{plural(total, 'packet')} of {packets:,} ({percent(total / packets)}) in "
                    f"{plural(len(flows), 'connection')} are copies, alike to the IP ID, most of them in the one "
                    f"from frame [{first}] to frame [{last}].",
                    (first, last),
                    view.flows["first_ts_ns"][worst],
                ),
                said("They are left out here; other tools call them retransmissions and duplicate ACKs."),
            ),
            streams=flows,
            frames=(first, last),
            span=(int(rows["first_ts_ns"].min()), int(rows["last_ts_ns"].max())),
            evidence=[
                view.frame(
                    worst,
                    first,
                    f"{plural(int(copies[worst]), 'copy', 'copies')} in the connection that begins here",
                    int(view.flows["first_ts_ns"][worst]),
                )
            ],
            causes=(
                Cause("the capture was taken on all interfaces (-i any), and the packets pass two of them"),
                Cause("a mirror port copies them when they enter and again when they leave"),
                Cause(
                    "the network duplicates them",
                    () if all_twice else ("not every packet has a copy",),
                    ("every packet has a copy",) if all_twice else (),
                ),
            ),
            next_steps=(
                "capture on one interface, or mirror one direction of each port",
                "for other tools: editcap -d (or -w 0.0001) removes the copies",
            ),
            refutations=(
                Refutation(
                    "their senders sent them twice: a retransmission has an IP ID of its own",
                    f"not so: these have the ID of the first one; {plural(resent, 'retransmission')} with one of "
                    f"{'its' if resent == 1 else 'their'} own {'was' if resent == 1 else 'were'} told apart",
                ),
                Refutation("the network itself delivered them twice", None),
            ),
            settled_by=(
                "one capture on each of the two ends: what the network doubles comes twice to the receiver's, too",
                "tcpdump -e, or -i any in SLL2 format: other MAC addresses, another VLAN or interface on the copy mean "
                "that the tap saw one packet at two places",
            ),
            data={"copies": total, "packets": packets, "share": round(total / packets, 6), "connections": len(flows)},
        )
