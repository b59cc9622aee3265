"""Findings over time: one line a finding, as long as it lasted, the gravest incident on top."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..model.finding import Finding, Severity
from ..units import plural, printable
from . import palette
from .axes import in_time, seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES_MAX: Final = 40
TITLE_MAX: Final = 58


@dataclass(frozen=True)
class Bar:
    """One finding. Times are seconds since the spec's origin_ns."""

    name: str
    severity: Severity
    begin: float
    end: float
    evidence: tuple[tuple[float, int], ...]  # time and frame


@dataclass(frozen=True)
class FindingsSpec:
    """Bars from top to bottom in rank order."""

    title: str
    origin_ns: int
    bars: tuple[Bar, ...]
    end: float


def spec(findings: Sequence[Finding], origin_ns: int, end_ns: int) -> FindingsSpec:
    """The first LINES_MAX findings that have a time."""
    timed = [finding for finding in findings if finding.first_ts_ns is not None]
    return FindingsSpec(
        title=plural(len(timed), "finding") + (f", the first {LINES_MAX} drawn" if len(timed) > LINES_MAX else ""),
        origin_ns=origin_ns,
        bars=tuple(_bar(finding, origin_ns) for finding in timed[:LINES_MAX]),
        end=_at(end_ns, origin_ns),
    )


def _bar(finding: Finding, origin_ns: int) -> Bar:
    first = finding.first_ts_ns or origin_ns
    last = first if finding.last_ts_ns is None else finding.last_ts_ns
    title = finding.title if len(finding.title) <= TITLE_MAX else finding.title[: TITLE_MAX - 1] + "…"
    return Bar(
        name=f"{printable(title)}\n{finding.id}",
        severity=finding.severity,
        begin=_at(first, origin_ns),
        end=_at(last, origin_ns),
        evidence=tuple(
            (_at(item.ts_ns, origin_ns), item.frame) for item in finding.evidence if item.frame and item.ts_ns
        ),
    )


def _at(ts_ns: int, origin_ns: int) -> float:
    return float(seconds(np.array(ts_ns), origin_ns))


def height_inches(spec: FindingsSpec) -> float:
    """What the bars need."""
    return 1.0 + 0.42 * max(len(spec.bars), 2)


def draw(spec: FindingsSpec, axes: "Axes", *, absolute: bool = False) -> "Axes":
    """Draw it; returns the axes."""
    count = len(spec.bars)
    seen: set[Severity] = set()
    for index, bar in enumerate(spec.bars):
        y, color = count - 1 - index, palette.SEVERITIES[bar.severity]
        axes.hlines(
            y, bar.begin, bar.end, color=color, linewidth=7, label="" if bar.severity in seen else str(bar.severity)
        )
        seen.add(bar.severity)
        axes.plot([bar.begin], [y], "|", color=palette.BLACK, markersize=9)
        axes.plot([at for at, _ in bar.evidence], [y] * len(bar.evidence), ".", color=palette.BLACK, markersize=4)
    axes.set_yticks(range(count), [bar.name for bar in reversed(spec.bars)], fontsize=7)
    axes.set_ylim(-0.7, max(count, 1) - 0.3)
    axes.set_xlim(right=spec.end * 1.01 if spec.end > 0 else None)
    axes.grid(axis="y", visible=False)
    axes.set_title(f"{spec.title} (dots: frames of evidence)", loc="left")
    in_time(axes, spec.origin_ns, absolute=absolute)
    if count:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return axes
