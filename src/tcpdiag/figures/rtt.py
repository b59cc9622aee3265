"""Round trips from the tap to each side and back, each by a segment that was sent once (RFC 6298 section 3: Karn)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..flow_columns import SIDES
from . import palette
from .axes import in_time, label_frames, seconds, thinned
from .trace import NONE, SegmentClass, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRAWN_MAX: Final = 3_000
SLOWEST_NAMED: Final = 3


@dataclass(frozen=True)
class RttSpec:
    """Samples by side: the round trip from the tap to it and back, seconds since `origin_ns` and milliseconds."""

    title: str
    origin_ns: int
    samples: tuple[np.ndarray, np.ndarray]  # (n, 2) to the client, to the server
    frames: tuple[np.ndarray, np.ndarray]  # of the ACKs


def samples(trace: Trace, receiver: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of segments towards `receiver` that were sent once, and of the first ACK that covers each (i8).

    An ACK may wait for another segment's loss: the smallest round trips tell of the path, the others of the ends.
    """
    sent = (trace.side != receiver) & (trace.end > trace.seq) & (trace.segment_class == SegmentClass.NEW)
    again = (trace.side != receiver) & (trace.segment_class == SegmentClass.RETRANSMISSION)
    rows = np.flatnonzero(sent & ~np.isin(trace.seq, trace.seq[again]))
    acks = np.flatnonzero((trace.side == receiver) & (trace.ack != NONE))
    if not len(rows) or not len(acks):
        return rows[:0], acks[:0]
    highest = np.maximum.accumulate(trace.ack[acks])
    first = np.searchsorted(highest, trace.end[rows])
    there = first < len(acks)
    rows, answers = rows[there], acks[first[there]]
    later = trace.ts_ns[answers] >= trace.ts_ns[rows]
    return rows[later], answers[later]


def spec(trace: Trace) -> RttSpec:
    """Both sides of the tap."""
    x = seconds(trace.ts_ns, trace.origin_ns)
    points, frames = [], []
    for receiver in (0, 1):
        rows, answers = samples(trace, receiver)
        ms = (trace.ts_ns[answers] - trace.ts_ns[rows]) / 1e6
        kept = thinned(x[answers], ms, np.zeros(len(ms), bool), DRAWN_MAX)
        points.append(np.column_stack((x[answers][kept], ms[kept])))
        frames.append(trace.frame[answers][kept])
    return RttSpec(
        f"{trace.label}: round trips from the tap", trace.origin_ns, (points[0], points[1]), (frames[0], frames[1])
    )


def draw(spec: RttSpec, axes: "Axes", *, absolute: bool = False) -> "Axes":
    """Draw it; returns the axes. The y axis is logarithmic: the two sides differ by orders of magnitude."""
    for side, (points, frames, marker) in enumerate(zip(spec.samples, spec.frames, "os", strict=True)):
        if not len(points):
            continue
        color = palette.SIDES[side]
        name = f"to the {SIDES[side]} and back, median {np.median(points[:, 1]):.3g} ms"
        axes.plot(points[:, 0], np.maximum(points[:, 1], 1e-3), marker, color=color, markersize=3, label=name)
        slowest = np.argsort(points[:, 1])[-SLOWEST_NAMED:]
        label_frames(axes, [(*points[row].tolist(), int(frames[row]), "") for row in slowest.tolist()], color)
    axes.set_yscale("log")
    axes.set_title(spec.title, loc="left")
    axes.set_ylabel("milliseconds")
    in_time(axes, spec.origin_ns, absolute=absolute)
    if any(len(points) for points in spec.samples):
        axes.legend(loc="best")
    return axes
