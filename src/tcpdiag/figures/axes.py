"""What all plots share: a figure of the house's size, axes in time, frame numbers on what is marked."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np

from ..units import NS
from .style import FONT_POINTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES: Final = 9.0
LABELS_MAX: Final = 40
"""Frame numbers on one plot: more of them cover what they name."""


def seconds(ts_ns: np.ndarray, origin_ns: int) -> np.ndarray:
    """Times as float seconds from the origin: exact to the nanosecond over a capture of days."""
    return (ts_ns - origin_ns) / NS


def figure(height_inches: float = 4.5) -> "Figure":
    """An empty figure of the house's width, not known to pyplot: nothing keeps it alive but its user."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")


def new_axes(height_inches: float = 4.5) -> "Axes":
    """The axes of an empty figure. A notebook shows them as a picture."""
    from .shown import ShownAxes

    return figure(height_inches).add_subplot(axes_class=ShownAxes)


def in_time(axes: "Axes", origin_ns: int, *, absolute: bool = False) -> None:
    """Name and format the x axis: seconds since the capture began, or the time of day in UTC."""
    from matplotlib.ticker import FuncFormatter

    if not absolute:
        axes.set_xlabel("seconds since the capture began")
        return
    from ..units import utc

    def moment(value: float, _: object) -> str:
        return utc(origin_ns + round(value * NS)).split()[1]

    axes.xaxis.set_major_formatter(FuncFormatter(moment))
    axes.set_xlabel(f"UTC, {utc(origin_ns).split()[0]}")


def label_frames(axes: "Axes", points: Iterable[tuple[float, float, int, str]], color: str) -> None:
    """Write `[frame] text` beside marks at (x, y); of many only the first ones and the last."""
    rows = list(points)
    if len(rows) > LABELS_MAX:
        rows = [*rows[: LABELS_MAX - 1], rows[-1]]
    for x, y, frame, text in rows:
        axes.annotate(
            f"[{frame}]{' ' + text if text else ''}",
            (x, y),
            xytext=(3, 3),
            textcoords="offset points",
            color=color,
            fontsize=FONT_POINTS - 2,
            annotation_clip=True,
        )


def thinned(x: np.ndarray, y: np.ndarray, keep: np.ndarray, most: int) -> np.ndarray:
    """Rows to draw of a long series, ascending i8: all of `keep`, and of the rest the lowest and highest y in each of
    `most` / 2 spans of x. The line through them looks the same at any width of a page."""
    if len(x) <= most:
        return np.arange(len(x))
    spans = np.clip(((x - x[0]) / max(float(x[-1] - x[0]), 1e-12) * (most // 2)).astype(np.int64), 0, most // 2 - 1)
    order = np.lexsort((y, spans))
    edges = np.flatnonzero(np.diff(spans[order], prepend=-1, append=-1))
    lowest, highest = order[edges[:-1]], order[edges[1:] - 1]
    found: np.ndarray = np.unique(np.concatenate((lowest, highest, np.flatnonzero(keep))))
    return found
