"""Connections of which only one direction was captured.

## What it sees
Connections in which one side acknowledges and goes on, while not a single packet of the other side is in the capture.
The ACK numbers prove that the other side spoke.

## Why it matters
Half of every such connection is missing: whether a segment was answered, how long that took, and what state the silent
side was in. Nothing about it should be concluded from its silence.

## What it cannot know
What the missing side sent, beyond how many bytes of it were acknowledged. Whether the way of the packets (asymmetric
routing), the mirror port or the capture filter leaves it out.

## Thresholds
| name | default | source |
|---|---|---|
| warning_share | 0.5 | a majority: then the capture as a whole cannot answer what it was taken for |

## RFC
RFC 9293 section 3.4 (an ACK proves what was received)

## Speaks
```packets
+0.00 < S. 0:0(0) ack 1 win 65535
+0.01 < P. 1:1001(1000) ack 101 win 65535
+0.01 < P. 1001:2001(1000) ack 101 win 65535
+0.50 < F. 2001:2001(0) ack 102 win 65535
finding: capture-one-sided warning connections=1
```

## Stays silent
SYNs that nobody answers:
```packets
+0.00 > S 0:0(0) win 65535 *4 every 1.0
+3.00 .
```
Answers to a connect that somebody else made in the client's name:
```packets
+0.00 < S. 0:0(0) ack 1 win 65535 *4 every 1.0
+3.00 .
```
An old connection in which one side has died:
```packets
+0.00 > P. 1:101(100) ack 1 win 65535 *5 every 0.5
```
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..model.finding import Cause, Finding, Refutation, Severity
from ..model.flow import EndpointBit
from ..rfc import Rfc
from ..units import percent, plural, size
from .base import FRAMES_MAX, Diagnosis, Scope, frame_list
from .sentences import said
from .view import View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    warning_share: float = 0.5


class CaptureOneSided(Diagnosis):
    """Connections of which only one direction is in the capture."""

    kind = "capture-one-sided"
    scope = Scope.CAPTURE
    references = (Rfc(9293, "3.4"),)
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        flows, sides = _halves(view)
        if len(flows):
            opened = int(np.count_nonzero(np.any(_spoke(view.tables.endpoints).reshape(-1, 2), axis=1)))
            share = len(flows) / max(1, opened)
            severity = Severity.WARNING if share >= limits.warning_share else Severity.NOTICE
            yield self._one_sided(view, flows, sides, share, severity)

    def _one_sided(self, view: View, flows: np.ndarray, sides: np.ndarray, share: float, severity: Severity) -> Finding:
        rows = view.flows[flows]
        acknowledged = int(_acknowledged(view.tables.endpoints[2 * flows + 1 - sides]).sum())
        last_acks = view.side("last_ack_frame")[flows, sides]
        shown = range(min(3, len(flows)))
        hosts = sorted({view.host(int(flow), int(side)) for flow, side in zip(flows[:1000], sides[:1000], strict=True)})
        named = ", ".join(hosts[:3]) + (f" and {len(hosts) - 3} more" if len(hosts) > 3 else "")
        return self.finding(
            view,
            severity,
            "Only one direction was captured",
            (
                said(
                    f"Only the packets of {named} are in the capture {frame_list(rows['first_frame'])}, in "
                    f"{plural(len(flows), 'connection')}: {percent(share)} of all that got beyond their SYNs.",
                    rows["first_frame"],
                    rows["first_ts_ns"].min(),
                ),
                said(
                    f"They acknowledge {size(acknowledged)} from the other side {frame_list(last_acks[:3])}, which "
                    "therefore spoke, out of sight.",
                    last_acks[:3],
                ),
            ),
            streams=flows,
            frames=np.concatenate([rows["first_frame"][:FRAMES_MAX], last_acks[:3]]),
            span=(int(rows["first_ts_ns"].min()), int(rows["last_ts_ns"].max())),
            evidence=[
                line
                for i in shown
                for line in (
                    view.frame(
                        int(flows[i]),
                        int(rows["first_frame"][i]),
                        f"from {view.label(int(flows[i]), int(sides[i]))}; no packet comes back from "
                        f"{view.label(int(flows[i]), 1 - int(sides[i]))}",
                        int(rows["first_ts_ns"][i]),
                    ),
                    view.frame(int(flows[i]), int(last_acks[i]), "the last ACK for what was not captured"),
                )
            ],
            causes=(
                Cause("the other direction takes another way, past the tap (asymmetric routing)"),
                Cause("the mirror port copies one direction only"),
                Cause("the capture filter lets only one direction through (src or dst instead of host)"),
            ),
            next_steps=(
                "capture on one of the two hosts, where both directions have to pass",
                "check the filter, and that the mirror session copies rx and tx",
                "take nothing here for an unanswered segment",
            ),
            refutations=(
                Refutation(
                    "the other side is silent because it is gone",
                    f"not so: {size(acknowledged)} of it are acknowledged {frame_list(last_acks[:3])}"
                    if acknowledged
                    else "not so: its sequence numbers are acknowledged from the first segment on "
                    f"{frame_list(last_acks[:3])}",
                    tuple(last_acks[:3].tolist()),
                ),
                Refutation(
                    "the tap sees both directions of these hosts' other connections",
                    _others(view, flows),
                ),
            ),
            settled_by=("a capture on one of the two hosts: tcpdump -i any host " + hosts[0],),
            data={"connections": len(flows), "share": round(share, 6), "acknowledged_bytes": acknowledged},
        )


def _others(view: View, flows: np.ndarray) -> str:
    """Connections of which both directions are there."""
    whole = np.all(view.side("packets") > 0, axis=1)
    whole[flows] = False
    count = int(np.count_nonzero(whole))
    return (
        f"found: both directions of {plural(count, 'connection')}: the filter lets them through"
        if count
        else ("not found: no connection has both")
    )


def _spoke(ends: np.ndarray) -> np.ndarray:
    """Which endpoints sent more than SYNs and RSTs."""
    spoke: np.ndarray = ends["packets"] > ends["syns"].astype(np.int64) + ends["resets"]
    return spoke


def _acknowledged(ends: np.ndarray) -> np.ndarray:
    """Bytes of these endpoints that their peers acknowledged in sight."""
    counted = (ends["snd_una"] - ends["isn"] - np.uint32(1)).astype(np.int64)
    needed = int(EndpointBit.BASE_SET | EndpointBit.SND_KNOWN)
    return np.where((ends["bits"] & needed) == needed, counted, 0)


def _halves(view: View) -> tuple[np.ndarray, np.ndarray]:
    """The flows with one side missing although it proved to speak, and the side that is there."""
    there = (view.side("packets")[:, ::-1] == 0) & view.has(EndpointBit.ACKED)
    flows, sides = np.nonzero(there)
    ends, missing = view.tables.endpoints[2 * flows + sides], view.tables.endpoints[2 * flows + 1 - sides]
    there = _spoke(ends) & (((ends["bits"] & int(EndpointBit.ISN_KNOWN)) != 0) | (_acknowledged(missing) > 0))
    return flows[there], sides[there]
