"""The heartbeat raster: every small message, keepalive and answer of each side as a tick, and the beats that did not
come as open circles."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..flow_columns import SIDES
from ..units import NS, duration
from . import palette
from .axes import in_time, label_frames, seconds, thinned
from .trace import SegmentClass, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMALL_BYTES: Final = 512
"""A heartbeat fits in so many bytes; larger segments are work."""

BEATS_MIN: Final = 4
MISSED_MAX: Final = 200
TICKS_MAX: Final = 2_000
"""Ticks of a row: closer ones touch."""


@dataclass(frozen=True)
class Row:
    """One line of the raster. Times are seconds since the spec's origin_ns."""

    name: str
    times: np.ndarray
    frames: np.ndarray
    missed: np.ndarray  # when beats of the learned period were due and did not come
    period_ns: int | None
    color: str


@dataclass(frozen=True)
class HeartbeatSpec:
    """Rows from top to bottom: messages, keepalives and other segments of the client, then of the server."""

    title: str
    origin_ns: int
    rows: tuple[Row, ...]
    end: float


def spec(trace: Trace, end_ns: int) -> HeartbeatSpec:
    """end_ns: until when the tap was alive."""
    rows = []
    for side in (0, 1):
        mine = trace.side == side
        small = (
            mine
            & (trace.payload_len > 0)
            & (trace.payload_len <= SMALL_BYTES)
            & (trace.segment_class == SegmentClass.NEW)
        )
        probes = mine & np.isin(trace.segment_class, [SegmentClass.KEEPALIVE, SegmentClass.ZERO_WINDOW_PROBE])
        rows.append(_row(trace, f"{SIDES[side]}: small messages", small, side, end_ns))
        rows.append(_row(trace, f"{SIDES[side]}: probes", probes, side, None))
        rows.append(_row(trace, f"{SIDES[side]}: all else", mine & ~small & ~probes, side, None))
    return HeartbeatSpec(
        f"{trace.label}: signs of life",
        trace.origin_ns,
        tuple(row for row in rows if len(row.times)),
        float(seconds(np.array(end_ns), trace.origin_ns)),
    )


def _row(trace: Trace, name: str, mask: np.ndarray, side: int, end_ns: int | None) -> Row:
    at = trace.ts_ns[mask]
    period_ns = _period(at) if end_ns is not None else None
    missed = np.zeros(0)
    if period_ns and end_ns is not None:
        due = at[-1] + period_ns * np.arange(1, MISSED_MAX + 1)
        missed = seconds(due[due <= end_ns], trace.origin_ns)
    named = f"{name}, every {duration(period_ns)}" if period_ns else name
    x = seconds(at, trace.origin_ns)
    drawn = thinned(x, np.zeros(len(x)), np.zeros(len(x), bool), TICKS_MAX)
    return Row(named, x[drawn], trace.frame[mask][drawn], missed, period_ns, palette.SIDES[side])


def _period(at: np.ndarray) -> int | None:
    """The median gap, where most gaps are near it."""
    if len(at) < BEATS_MIN:
        return None
    gaps = np.diff(at)
    median = int(np.median(gaps))
    near = np.count_nonzero(np.abs(gaps - median) <= median / 4)
    return median if median >= NS // 10 and near >= 0.75 * len(gaps) else None


def draw(spec: HeartbeatSpec, axes: "Axes", *, absolute: bool = False) -> "Axes":
    """Draw it; returns the axes."""
    count = len(spec.rows)
    for index, row in enumerate(spec.rows):
        y = count - 1 - index
        axes.vlines(row.times, y - 0.3, y + 0.3, colors=row.color, linewidth=1)
        if len(row.missed):
            axes.plot(
                row.missed,
                np.full(len(row.missed), y),
                "o",
                fillstyle="none",
                color=palette.BLACK,
                markersize=5,
                label="was due, did not come",
            )
            axes.legend(loc="upper right")
            label_frames(axes, [(float(row.times[-1]), y + 0.3, int(row.frames[-1]), "the last one")], row.color)
    axes.axvline(spec.end, color=palette.GREY, linestyle=":", linewidth=1)
    axes.set_yticks(range(count), [row.name for row in reversed(spec.rows)])
    axes.set_ylim(-0.6, max(count, 1) - 0.2)
    axes.set_title(spec.title, loc="left")
    axes.grid(axis="y", visible=False)
    in_time(axes, spec.origin_ns, absolute=absolute)
    return axes
