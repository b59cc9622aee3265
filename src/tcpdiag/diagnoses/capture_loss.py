"""Segments that their receiver got and that the capture lacks.

## What it sees
ACKs for bytes that were never captured and never came later either: the receiver has them, so the network delivered
them, and the capture lost them. Beside that, the drop counters that a pcapng file keeps of its interfaces.

## Why it matters
What is missing looks like loss on the path to every tool that counts holes. Nobody should search the network for
segments that only the capture lost; and every other finding about these connections is less certain.

## What it cannot know
Segments without data (ACKs, most RSTs) go missing without a trace. Which bytes a repeated segment stands for: the
number of missing bytes is the least that ACKs and segments allow, the number of segments the least that the sender's
largest one allows. Whether the tap, the mirror port, the kernel's buffer or a filter lost them, unless counters say so.

## Thresholds
| name | default | source |
|---|---|---|
| warning_share | 0.01 | Mathis 1997, window = 1.22 / sqrt(loss): 1 % on the path would leave 12 segments in flight |
| start_s | 1 | RFC 6298 section 2: the initial RTO; what was in flight when the capture began is acknowledged by then |

## RFC
RFC 9293 section 3.4 (an ACK covers all bytes before it)

## Speaks
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:1001(1000) ack 1 win 65535
+0.01 > P. 2001:3001(1000) ack 1 win 65535
+0.01 < . 1:1(0) ack 3001 win 65535
+0.01 > P. 3001:4001(1000) ack 1 win 65535
+0.01 < . 1:1(0) ack 4001 win 65535
finding: capture-loss warning unseen_bytes=1000
```
The file counts what was dropped:
```packets
file: dropped 120
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
finding: capture-loss warning dropped=120
```

## Stays silent
The ACK stands before the segment that it acknowledges, in a tap that reorders:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 2001:3001(1000) ack 1 win 65535
+0.00 < . 1:1(0) ack 3001 win 65535
+0.001 > P. 1:2001(2000) ack 1 win 65535
+0.01 < . 1:1(0) ack 3001 win 65535
```
Lost on the path, before the tap, and sent again:
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1001:2001(1000) ack 1 win 65535
+0.01 < . 1:1(0) ack 1 win 65535
+0.50 > P. 1:1001(1000) ack 1 win 65535
+0.01 < . 1:1(0) ack 2001 win 65535
```
The connection is older than the capture:
```packets
+0.00 < . 1:1(0) ack 5000 win 65535
+0.01 > P. 7000:8000(1000) ack 1 win 65535
+0.01 < . 1:1(0) ack 7000 win 65535
+0.01 < . 1:1(0) ack 8000 win 65535
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Severity
from ..model.flow import EndpointBit, FlowBit
from ..rfc import Rfc
from ..sets import distinct
from ..units import NS, number, percent, plural, size
from .base import EVIDENCE_MAX, FRAMES_MAX, Diagnosis, Scope, frame_list
from .sentences import said
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    warning_share: float = 0.01
    start_s: float = 1


class _Missing(NamedTuple):
    """What was acknowledged and never captured. `proofs`: ACK_UNSEEN events; the sums count also those not kept."""

    proofs: np.ndarray
    bytes: int
    segments: int  # at least
    share: float  # of all payload that was sent


class CaptureLoss(Diagnosis):
    """Acknowledged bytes that the capture does not hold, and packets that it says it dropped."""

    kind = "capture-loss"
    scope = Scope.CAPTURE
    events = (EventKind.ACK_UNSEEN,)
    references = (Rfc(9293, "3.4"),)
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        missing = _missing(view, int(limits.start_s * NS))
        dropped, dropped_share = _dropped(view)
        if len(missing.proofs) or dropped:
            grave = max(missing.share, dropped_share) >= limits.warning_share
            yield self._loss(view, missing, dropped, dropped_share, Severity.WARNING if grave else Severity.NOTICE)

    def _loss(self, view: View, missing: _Missing, dropped: int, dropped_share: float, severity: Severity) -> Finding:
        proofs = missing.proofs
        streams = distinct(proofs["flow"])
        told = []
        if len(proofs):
            told.append(
                said(
                    f"{size(missing.bytes)} (at least {plural(missing.segments, 'segment')}) of "
                    f"{plural(len(streams), 'connection')} are not in the capture although their receivers "
                    f"acknowledged them {frame_list(np.sort(proofs['frame']))}: {percent(missing.share)} of all "
                    "payload.",
                    np.sort(proofs["frame"]),
                    proofs["ts_ns"].min(),
                )
            )
            told.append(said("The network delivered these bytes; only the capture lacks them."))
        if dropped:
            told.append(
                said(f"The file counts {plural(dropped, 'packet')} ({percent(dropped_share)}) dropped while capturing.")
            )
        return self.finding(
            view,
            severity,
            "The capture lacks segments that were received" if len(proofs) else "The capture dropped packets",
            told,
            streams=streams,
            frames=proofs["frame"][:FRAMES_MAX],
            span=(int(proofs["ts_ns"].min()), int(proofs["ts_ns"].max())) if len(proofs) else None,
            evidence=_evidence(view, proofs),
            causes=_causes(view, dropped),
            next_steps=(
                "capture again with a larger buffer and shorter packets: tcpdump -B 65536 -s 128, written to a file",
                "do not take holes in these connections for loss on the path",
            ),
            refutations=_refutations(view, proofs, dropped),
            settled_by=(
                "a second capture at another place (the other host): does it hold the missing segments?",
                "on the capturing host: the line of tcpdump that counts packets dropped by kernel; ethtool -S of its "
                "capture port (rx_missed, rx_no_buffer)",
            ),
            data={
                "unseen_bytes": missing.bytes,
                "unseen_segments": missing.segments,
                "unseen_share": round(missing.share, 6),
                "connections": len(streams),
                "dropped": dropped,
                "dropped_share": round(dropped_share, 6),
            },
        )


def _refutations(view: View, proofs: np.ndarray, dropped: int) -> Iterator[Refutation]:
    if len(proofs):
        resent = int(view.detail_column("retransmissions").sum())
        yield Refutation(
            "the network lost them: then they would have been sent again, later than their first ACK",
            f"not so: the ACKs name them as received {frame_list(np.sort(proofs['frame']))}; of "
            f"{plural(resent, 'retransmission')} in this capture none brought them",
            tuple(np.sort(proofs["frame"])[:20].tolist()),
        )
        yield Refutation("the ACKs are forged, or a proxy acknowledged what nobody sent", None)
    if not dropped:
        counted = any(i.dropped_interface is not None or i.dropped_os is not None
                      for f in view.tables.files for i in f.interfaces)  # fmt: skip
        told = "found: they say 0, so whatever lost them stands before them" if counted else None
        yield Refutation("the capturing interface counted its drops, and there were none", told)


def _missing(view: View, start_ns: int) -> _Missing:
    """What the capture lacks, without what was in flight when the capture of an older connection began."""
    proofs = view.by_kind(EventKind.ACK_UNSEEN)
    if not len(proofs):
        return _Missing(proofs, 0, 0, 0.0)
    flows = proofs["flow"].astype(np.int64)
    older = (view.flow_bits[flows] & int(FlowBit.MIDSTREAM)) != 0
    early = older & (proofs["ts_ns"] < view.flows["first_ts_ns"][flows] + start_ns)
    senders = 2 * flows + 1 - proofs["side"]
    ends = distinct(senders)
    group = np.searchsorted(ends, senders)
    excused = np.bincount(group, weights=np.where(early, proofs["value"], 0), minlength=len(ends)).astype(np.int64)
    details = view.tables.details[view.flows["detail"][ends // 2].astype(np.int64) + ends % 2]
    missing = np.minimum(details["unseen_bytes"], _gap(view, ends, details)) - excused
    lost = missing > 0
    total, sent = int(missing[lost].sum()), int(view.tables.details["new_bytes"].sum())
    most = np.where(details["max_payload"] > 0, details["max_payload"], np.maximum(missing, 1))
    segments = int(np.ceil(missing[lost] / most[lost]).sum())
    return _Missing(proofs[~early & lost[group]], total, segments, total / max(1, total + sent))


def _gap(view: View, ends: np.ndarray, details: np.ndarray) -> np.ndarray:
    """Bytes that were acknowledged of each endpoint, less those captured: no more than these can be missing.

    It keeps segments out that the ACK overtook in a tap which reorders: they come later, as retransmissions.
    """
    rows = view.tables.endpoints[ends]
    closed = (rows["bits"] & int(EndpointBit.FIN_ACKED)) != 0
    span = ((rows["snd_una"].astype(np.int64) - rows["isn"] - 1) & 0xFFFFFFFF) - closed
    captured = details["new_bytes"] + details["retrans_bytes"]
    wraps = np.round((captured + details["unseen_bytes"] - span) / (1 << 32)).astype(np.int64)
    gap: np.ndarray = span + (wraps << 32) - captured
    return gap


def _dropped(view: View) -> tuple[int, float]:
    """Packets that the interfaces say were dropped, and their share of all."""
    files = view.tables.files
    dropped = sum((i.dropped_interface or 0) + (i.dropped_os or 0) for f in files for i in f.interfaces)
    return dropped, dropped / max(1, dropped + sum(f.packets for f in files))


def _evidence(view: View, proofs: np.ndarray) -> Iterator[Evidence]:
    largest = np.sort(np.argsort(-proofs["value"], kind="stable")[:EVIDENCE_MAX])
    for event in proofs[largest]:
        yield view.evidence(event, f"acknowledges {number(int(event['value']))} bytes that are not here")


def _causes(view: View, dropped: int) -> tuple[Cause, ...]:
    buffer = Cause(
        "the capturing host or its buffer was too slow",
        (f"it counted {plural(dropped, 'dropped packet')}",) if dropped else (),
    )
    mirror = Cause("the mirror port or tap was overloaded: it drops without counting here")
    path = Cause("some packets took another way, which the capture does not see")
    corrupted = int(view.tables.details["bad_checksums"].sum())
    if corrupted:
        wrong = Cause("they are here, but damaged", (f"{plural(corrupted, 'segment')} with a wrong checksum",))
        return (wrong, buffer, mirror, path)
    unread = sum(count for f in view.tables.files for why, count in f.undecoded.items() if "ragment" in why)
    if unread:
        pieces = Cause("they are in IP fragments that could not be put together", (plural(unread, "such packet"),))
        return (pieces, buffer, mirror, path)
    return (buffer, mirror, path)
