"""Throughput of both directions: bytes a second in even spans, what was sent again apart."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..flow_columns import SIDES
from ..units import duration, size
from . import palette
from .axes import in_time, seconds
from .trace import SegmentClass, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPANS: Final = 120


@dataclass(frozen=True)
class ThroughputSpec:
    """Rates by side, in bytes a second, one value a span."""

    title: str
    origin_ns: int
    edges: np.ndarray  # seconds since origin_ns, one more than spans
    rates: tuple[np.ndarray, np.ndarray]  # new payload of the client, of the server
    again: tuple[np.ndarray, np.ndarray]  # what each sent again
    average: tuple[float, float]


def spec(trace: Trace) -> ThroughputSpec:
    """Payload by span; headers do not count."""
    x = seconds(trace.ts_ns, trace.origin_ns)
    begin, end = (float(x.min()), float(x.max())) if len(x) else (0.0, 0.0)
    length = max(end - begin, 1e-6)
    edges = np.linspace(begin, begin + length, SPANS + 1)
    repeated = trace.segment_class == SegmentClass.RETRANSMISSION
    new = ~repeated & (trace.segment_class != SegmentClass.COPY)
    rates: list[np.ndarray] = []
    again: list[np.ndarray] = []
    average: list[float] = []
    for side in (0, 1):
        for rows, target in (((trace.side == side) & new, rates), ((trace.side == side) & repeated, again)):
            count, _ = np.histogram(x[rows], bins=edges, weights=trace.payload_len[rows].astype(np.float64))
            target.append(count / (length / SPANS))
        average.append(float(trace.payload_len[(trace.side == side) & new].sum() / length))
    return ThroughputSpec(
        title=f"{trace.label}: throughput in spans of {duration(round(length / SPANS * 1e9))}",
        origin_ns=trace.origin_ns,
        edges=edges,
        rates=(rates[0], rates[1]),
        again=(again[0], again[1]),
        average=(average[0], average[1]),
    )


def draw(spec: ThroughputSpec, axes: "Axes", *, absolute: bool = False) -> "Axes":
    """Draw it; returns the axes."""
    from matplotlib.ticker import FuncFormatter

    for side, style in enumerate(("--", "-")):
        name = f"{SIDES[side]}: {size(spec.average[side])}/s on average"
        axes.stairs(spec.rates[side], spec.edges, color=palette.SIDES[side], linestyle=style, label=name, linewidth=1.2)
        if spec.again[side].any():
            axes.stairs(
                spec.again[side],
                spec.edges,
                color=palette.SIDES[side],
                fill=True,
                alpha=0.35,
                hatch="xx",
                label=f"{SIDES[side]}: sent again",
            )
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{size(value)}/s"))
    axes.set_ylim(bottom=0)
    axes.set_title(spec.title, loc="left")
    in_time(axes, spec.origin_ns, absolute=absolute)
    axes.legend(loc="best")
    return axes
