"""The time-sequence graph with tcptrace's semantics: one direction's sequence space over time.

A vertical line is a segment, from its first to its last number; the green staircase what the receiver has
acknowledged, the yellow one how far its window lets the sender go; purple what it has selectively acknowledged. Sent
again is red with an R, late at the tap pink with an O, a keepalive K, a probe of a closed window P, a closed window Z;
SYN, FIN and RST stand in words. What a finding stands on is circled, with its frame.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..flow_columns import SIDES
from ..model.segment import Flag
from . import palette
from .axes import in_time, label_frames, seconds, thinned
from .trace import NONE, SegmentClass, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRAWN_MAX: Final = 3_000
"""Segments, and steps of a staircase, that are drawn: more than any screen has columns."""


@dataclass(frozen=True)
class Marks:
    """Points of one kind: seconds, relative sequence number, frame."""

    name: str
    x: np.ndarray
    y: np.ndarray
    frames: np.ndarray


@dataclass(frozen=True)
class SequenceSpec:
    """What is drawn of one direction. Times are seconds since `origin_ns`, numbers relative."""

    title: str
    sender: str
    origin_ns: int
    segments: dict[SegmentClass, np.ndarray]  # float (n, 3): time, first and last number
    segments_left_out: int
    acks: np.ndarray  # float (n, 2): time, ACK of the receiver
    window_edge: np.ndarray  # float (n, 2): time, ACK + window
    sack: np.ndarray  # float (n, 3): time, left and right edge
    marks: tuple[Marks, ...]  # SYN, FIN, RST, zero window
    findings: tuple[tuple[float, float, int, str], ...]  # time, number, frame, kind


def spec(trace: Trace, side: int | None = None) -> SequenceSpec:
    """One direction of a flow; side: 0 for what the client sent, 1 for the server. None: whoever sent more."""
    if side is None:
        sent = [int(trace.payload_len[trace.side == each].sum()) for each in (0, 1)]
        side = int(sent[1] > sent[0])
    x = seconds(trace.ts_ns, trace.origin_ns)
    mine, theirs = trace.side == side, (trace.side != side) & (trace.ack != NONE)
    told = np.isin(trace.frame, list(trace.finding_frames))
    drawn = np.flatnonzero(mine & ((trace.payload_len > 0) | (trace.segment_class != SegmentClass.NEW)))
    kept = drawn[thinned(x[drawn], trace.seq[drawn], _notable(trace, drawn) | told[drawn], DRAWN_MAX)]
    acks = np.flatnonzero(theirs)
    acks = acks[thinned(x[acks], trace.ack[acks], told[acks], DRAWN_MAX)]
    edges = acks[trace.window_bytes[acks] != NONE]
    blocks = theirs[:, None] & (trace.sack[:, :, 0] != trace.sack[:, :, 1])
    rows, block = np.nonzero(blocks)
    return SequenceSpec(
        title=f"{trace.label}: what the {SIDES[side]} sent",
        sender=SIDES[side],
        origin_ns=trace.origin_ns,
        segments={each: _lines(trace, x, kept[trace.segment_class[kept] == each]) for each in SegmentClass},
        segments_left_out=len(drawn) - len(kept),
        acks=np.column_stack((x[acks], trace.ack[acks])),
        window_edge=np.column_stack((x[edges], trace.ack[edges] + trace.window_bytes[edges])),
        sack=np.column_stack((x[rows], trace.sack[rows, block, 0], trace.sack[rows, block, 1])),
        marks=_marks(trace, x, mine, theirs),
        findings=_findings(trace, x, side),
    )


def _notable(trace: Trace, rows: np.ndarray) -> np.ndarray:
    found: np.ndarray = trace.segment_class[rows] != SegmentClass.NEW
    return found


def _lines(trace: Trace, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.column_stack((x[rows], trace.seq[rows], trace.end[rows]))


def _marks(trace: Trace, x: np.ndarray, mine: np.ndarray, theirs: np.ndarray) -> tuple[Marks, ...]:
    closed = theirs & (trace.window_bytes == 0) & ((trace.flags & (Flag.SYN | Flag.RST)) == 0)
    once = mine & (trace.segment_class != SegmentClass.COPY)
    rows = [(name, np.flatnonzero(once & ((trace.flags & flag) != 0)), trace.seq) for name, flag in _WORDS]
    rows.append(("Z", np.flatnonzero(closed), trace.ack))
    return tuple(Marks(name, x[at], y[at].astype(np.float64), trace.frame[at]) for name, at, y in rows)


_WORDS: Final = (("SYN", Flag.SYN), ("FIN", Flag.FIN), ("RST", Flag.RST))


def _findings(trace: Trace, x: np.ndarray, side: int) -> tuple[tuple[float, float, int, str], ...]:
    rows = np.flatnonzero(np.isin(trace.frame, list(trace.finding_frames)))
    y = np.where(trace.side == side, trace.seq, trace.ack)
    return tuple(
        (float(x[row]), float(y[row]), int(trace.frame[row]), trace.finding_frames[int(trace.frame[row])])
        for row in rows.tolist()
        if y[row] != NONE
    )


_LOOK: Final = {
    SegmentClass.NEW: ("segment", palette.BLACK, ""),
    SegmentClass.RETRANSMISSION: ("sent again", palette.VERMILION, "R"),
    SegmentClass.OUT_OF_ORDER: ("late at the tap", palette.PURPLE, "O"),
    SegmentClass.KEEPALIVE: ("keepalive", palette.BLUE, "K"),
    SegmentClass.ZERO_WINDOW_PROBE: ("probe of a closed window", palette.ORANGE, "P"),
    SegmentClass.COPY: ("captured twice", palette.GREY, "C"),
}
LETTERS_MAX: Final = 80
"""Letters of one kind: more of them cover the lines, whose colour says it too."""


def draw(spec: SequenceSpec, axes: "Axes", *, absolute: bool = False) -> "Axes":
    """Draw it; returns the axes."""
    _staircases(spec, axes)
    for each, rows in spec.segments.items():
        name, color, letter = _LOOK[each]
        if len(rows):
            axes.vlines(rows[:, 0], rows[:, 1], rows[:, 2], colors=color, linewidth=1.3, label=name)
            axes.scatter(rows[:, 0], rows[:, 2], s=5, color=color, marker="_" if not letter else "^", linewidths=0.8)
            for x, _, top in rows if letter and len(rows) <= LETTERS_MAX else ():
                axes.annotate(
                    letter, (x, top), xytext=(0, 4), textcoords="offset points", color=color, ha="center", fontsize=7
                )
    if len(spec.sack):
        axes.vlines(
            spec.sack[:, 0],
            spec.sack[:, 1],
            spec.sack[:, 2],
            colors=palette.PURPLE,
            linewidth=1,
            alpha=0.6,
            label="SACK",
        )
    for marks in spec.marks:
        color = palette.VERMILION if marks.name in ("RST", "Z") else palette.ORANGE
        points = zip(marks.x.tolist(), marks.y.tolist(), marks.frames.tolist(), strict=True)
        axes.scatter(marks.x, marks.y, s=22, color=color, marker="X" if marks.name == "RST" else "D", zorder=4)
        label_frames(axes, [(x, y, frame, marks.name) for x, y, frame in points], color)
    if spec.findings:
        x, y = ([each[part] for each in spec.findings] for part in (0, 1))
        axes.scatter(x, y, s=90, facecolors="none", edgecolors=palette.BLUE, label="a finding stands on it", zorder=5)
        label_frames(axes, [(x, y, frame, "") for x, y, frame, _ in spec.findings], palette.BLUE)
    axes.margins(y=0.1)
    axes.set_title(spec.title, loc="left")
    axes.set_ylabel(f"relative sequence number of the {spec.sender}")
    in_time(axes, spec.origin_ns, absolute=absolute)
    axes.legend(loc="best", ncols=2)
    return axes


def _staircases(spec: SequenceSpec, axes: "Axes") -> None:
    for rows, color, name, style in (
        (spec.acks, palette.GREEN, "acknowledged", "-"),
        (spec.window_edge, palette.ORANGE, "right edge of the window", "--"),
    ):
        if len(rows):
            axes.step(
                rows[:, 0], rows[:, 1], where="post", color=color, linewidth=1.2, linestyle=style, label=name, zorder=1
            )
