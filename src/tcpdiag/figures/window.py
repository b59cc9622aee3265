"""Bytes in flight under the receiver's window: what limited the sender, and when the window was closed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..flow_columns import SIDES
from . import palette
from .axes import in_time, label_frames, seconds, thinned
from .trace import NONE, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRAWN_MAX: Final = 3_000


@dataclass(frozen=True)
class WindowSpec:
    """One direction. Times in seconds since `origin_ns`, the rest in bytes."""

    title: str
    origin_ns: int
    receiver: str
    flight: np.ndarray  # (n, 2): time, bytes sent and not yet acknowledged
    window: np.ndarray  # (n, 2): time, bytes that the receiver had room for
    closed: tuple[tuple[float, float, int], ...]  # from, until, frame that closed it


def spec(trace: Trace, side: int | None = None) -> WindowSpec:
    """One direction of a flow; side: 0 for what the client sent, 1 for the server. None: whoever sent more."""
    if side is None:
        sent = [int(trace.payload_len[trace.side == each].sum()) for each in (0, 1)]
        side = int(sent[1] > sent[0])
    x = seconds(trace.ts_ns, trace.origin_ns)
    mine, theirs = trace.side == side, (trace.side != side) & (trace.ack != NONE)
    low = np.iinfo(np.int64).min
    highest = np.maximum.accumulate(np.where(mine, trace.end, low))
    acked = np.maximum.accumulate(np.where(theirs, trace.ack, low))
    known = np.flatnonzero((highest > low) & (acked > low))
    flight = np.maximum(highest[known] - acked[known], 0)
    kept = thinned(x[known], flight, np.zeros(len(known), bool), DRAWN_MAX)
    shown = np.flatnonzero(theirs & (trace.window_bytes != NONE))
    shown = shown[thinned(x[shown], trace.window_bytes[shown], trace.window_bytes[shown] == 0, DRAWN_MAX)]
    return WindowSpec(
        title=f"{trace.label}: bytes of the {SIDES[side]} in flight",
        origin_ns=trace.origin_ns,
        receiver=SIDES[1 - side],
        flight=np.column_stack((x[known][kept], flight[kept])),
        window=np.column_stack((x[shown], trace.window_bytes[shown])),
        closed=_closed(x, trace, np.flatnonzero(theirs & (trace.window_bytes != NONE))),
    )


def _closed(x: np.ndarray, trace: Trace, rows: np.ndarray) -> tuple[tuple[float, float, int], ...]:
    zero = (trace.window_bytes[rows] == 0).astype(np.int8)
    edges = np.flatnonzero(np.diff(zero, prepend=0, append=0))
    end = float(x[-1]) if len(x) else 0.0
    return tuple(
        (float(x[rows[a]]), float(x[rows[b]]) if b < len(rows) else end, int(trace.frame[rows[a]]))
        for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    )


def draw(spec: WindowSpec, axes: "Axes", *, absolute: bool = False) -> "Axes":
    """Draw it; returns the axes."""
    for rows, name, color, style in (
        (spec.window, f"window of the {spec.receiver}", palette.ORANGE, "--"),
        (spec.flight, "in flight", palette.BLUE, "-"),
    ):
        axes.step(rows[:, 0], rows[:, 1], where="post", color=color, linestyle=style, linewidth=1.2, label=name)
    for index, (begin, end, _) in enumerate(spec.closed):
        axes.axvspan(
            begin, end, color=palette.VERMILION, alpha=0.15, hatch="//", label="window closed" if not index else None
        )
    label_frames(axes, [(begin, 0.0, frame, "closed") for begin, _, frame in spec.closed], palette.VERMILION)
    axes.set_ylim(bottom=0)
    axes.set_title(spec.title, loc="left")
    axes.set_ylabel("bytes")
    in_time(axes, spec.origin_ns, absolute=absolute)
    axes.legend(loc="best")
    return axes
