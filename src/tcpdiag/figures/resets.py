"""RST map: how far from RCV.NXT every RST of the capture was, and what was expected of its receiver."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..model.event import EventBit, EventKind, RstClass
from ..model.tables import Tables
from ..units import plural
from . import palette
from .axes import in_time, label_frames, seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GROUPS: Final = {
    "exactly RCV.NXT": (RstClass.EXACT, RstClass.EXACT_UNACKED),
    "refuses a SYN": (RstClass.SYN_SENT_GOOD, RstClass.SYN_SENT_BAD),
    "after the close": (RstClass.AFTER_CLOSE,),
    "one below, after a FIN": (RstClass.FIN_MINUS_ONE,),
    "in the window": (RstClass.IN_WINDOW, RstClass.LAST_ACK, RstClass.SACK_EDGE),
    "outside the window": (RstClass.BELOW, RstClass.ABOVE),
}
"""Name -> classes; RCV.NXT unknown is left out: there is no distance."""

LOOK: Final = {
    "exactly RCV.NXT": (palette.GREEN, "o"),
    "refuses a SYN": (palette.GREY, "s"),
    "after the close": (palette.SKY, "v"),
    "one below, after a FIN": (palette.VERMILION, "D"),
    "in the window": (palette.ORANGE, "^"),
    "outside the window": (palette.PURPLE, "X"),
}
DRAWN_MAX: Final = 5_000
NAMED: Final = ("one below, after a FIN", "in the window", "outside the window")


@dataclass(frozen=True)
class ResetsSpec:
    """Points by group."""

    title: str
    origin_ns: int
    points: dict[str, np.ndarray]  # (n, 2): seconds since origin_ns, SEG.SEQ - RCV.NXT
    frames: dict[str, np.ndarray]
    left_out: int


def spec(tables: Tables, streams: np.ndarray) -> ResetsSpec:
    """All RSTs in these flows."""
    events = tables.whole("RSTs").events_by(EventKind.RST)
    events = events[np.isin(events["flow"], streams) & ((events["bits"] & EventBit.WITHDRAWN) == 0)]
    points, frames, left = {}, {}, 0
    for name, classes in GROUPS.items():
        mine = events[np.isin(events["detail"], [int(each) for each in classes])]
        left += max(0, len(mine) - DRAWN_MAX)
        mine = mine[np.linspace(0, len(mine) - 1, min(len(mine), DRAWN_MAX)).astype(np.int64)]
        distance = np.zeros(len(mine)) if name == "refuses a SYN" else mine["value"].astype(np.float64)
        points[name] = np.column_stack((seconds(mine["ts_ns"], tables.first_ts_ns), distance))
        frames[name] = mine["frame"].astype(np.int64)
    return ResetsSpec(f"{plural(len(events), 'RST')}: how far from RCV.NXT", tables.first_ts_ns, points, frames, left)


def draw(spec: ResetsSpec, axes: "Axes", *, absolute: bool = False) -> "Axes":
    """Draw it; returns the axes. The y axis is linear around 0 and logarithmic beyond."""
    for name, points in spec.points.items():
        if not len(points):
            continue
        color, marker = LOOK[name]
        axes.plot(points[:, 0], points[:, 1], marker, color=color, markersize=5, label=f"{name} ({len(points):,})")
        if name in NAMED:
            rows = zip(points.tolist(), spec.frames[name].tolist(), strict=True)
            label_frames(axes, [(x, y, frame, f"{y:+.0f}") for (x, y), frame in rows], color)
    axes.axhline(0, color=palette.BLACK, linewidth=0.8)
    axes.set_yscale("symlog", linthresh=2)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low * 2, -4), max(high * 2, 4))
    axes.set_ylabel("SEG.SEQ - RCV.NXT")
    axes.set_title(spec.title, loc="left")
    in_time(axes, spec.origin_ns, absolute=absolute)
    if any(len(points) for points in spec.points.values()):
        axes.legend(loc="best")
    return axes
