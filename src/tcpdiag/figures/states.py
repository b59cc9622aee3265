"""State lanes: what each end's TCP believed over time, one above the other; where they disagree is shaded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..flow_columns import SIDES
from ..flow_view import Flow, FlowState
from ..model.states import State
from ..units import duration
from . import palette
from .axes import in_time, seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALIVE: Final = frozenset(
    (State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSE_WAIT, State.CLOSING, State.LAST_ACK)
)
"""States in which an end has the connection, RFC 9293 section 3.3.2."""

LABEL_SHARE: Final = 0.11
"""A bar wider than this part of the plot has the name of its state inside."""


@dataclass(frozen=True)
class Stay:
    """One end in one state."""

    lane: int  # 0: the client, 1: the server
    state: State
    begin: float  # seconds since origin_ns
    end: float
    frame: int | None  # in which it began; None: by a timer
    certain: bool
    stream: int


@dataclass(frozen=True)
class StatesSpec:
    """Lanes of a 4-tuple: of the flow, and of those before it on the same pair of endpoints."""

    title: str
    origin_ns: int
    labels: tuple[str, str]
    stays: tuple[Stay, ...]
    disagreements: tuple[tuple[float, float], ...]  # one end has the connection, the other has closed it
    end: float  # of the capture


def spec(flow: Flow, earlier: Sequence[Flow], origin_ns: int, end_ns: int) -> StatesSpec:
    """The lanes of `flow` behind those of `earlier`, the oldest first. `end_ns`: until when the tap was alive."""
    chain = [*earlier, flow]
    stays: list[Stay] = []
    for lane, side in enumerate(SIDES):
        entries = [(each.number, state) for each in chain for state in each.states[side]]
        entries.sort(key=lambda entry: entry[1].ts_ns)
        stays += _lane(lane, entries, origin_ns, end_ns)
    return StatesSpec(
        title=f"stream {flow.number}: what each end believed",
        origin_ns=origin_ns,
        labels=(f"client\n{flow.client}", f"server\n{flow.server}"),
        stays=tuple(stays),
        disagreements=tuple(_disagreements(stays)),
        end=float(seconds(np.array(end_ns), origin_ns)),
    )


def _lane(lane: int, entries: Sequence[tuple[int, FlowState]], origin_ns: int, end_ns: int) -> Iterator[Stay]:
    until = [entry.ts_ns for _, entry in entries[1:]] + [max(end_ns, entries[-1][1].ts_ns) if entries else end_ns]
    for (stream, entry), end in zip(entries, until, strict=True):
        begin, stop = (float(seconds(np.array(at), origin_ns)) for at in (entry.ts_ns, end))
        yield Stay(lane, entry.state, begin, stop, entry.frame, entry.certain, stream)


def _disagreements(stays: Sequence[Stay]) -> Iterator[tuple[float, float]]:
    """Where one end is alive and the other CLOSED; a lane that was never seen disagrees with nothing."""
    lanes = [[stay for stay in stays if stay.lane == lane] for lane in (0, 1)]
    found: list[tuple[float, float]] = []
    for one, other in (lanes, lanes[::-1]):
        for stay in one:
            for gone in other:
                begin, end = max(stay.begin, gone.begin), min(stay.end, gone.end)
                if stay.state in ALIVE and gone.state is State.CLOSED and end > begin:
                    found.append((begin, end))
    yield from _merged(sorted(found))


def _merged(intervals: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    current: tuple[float, float] | None = None
    for begin, end in intervals:
        if current and begin <= current[1]:
            current = current[0], max(current[1], end)
            continue
        if current:
            yield current
        current = begin, end
    if current:
        yield current


def draw(spec: StatesSpec, axes: "Axes", *, absolute: bool = False) -> "Axes":
    """Draw it; returns the axes."""
    begin = min((stay.begin for stay in spec.stays), default=0.0)
    width = max(spec.end - begin, 1e-6)
    for stay in spec.stays:
        y = 1 - stay.lane
        axes.broken_barh(
            [(stay.begin, stay.end - stay.begin)],
            (y - 0.32, 0.64),
            facecolor=palette.STATES[stay.state],
            hatch=palette.HATCHES.get(stay.state),
            edgecolor="#555555",
            linewidth=0.6,
            linestyle="-" if stay.certain else ":",
        )
        if stay.end - stay.begin > LABEL_SHARE * width:
            frame = "by a timer" if stay.frame is None else f"[{stay.frame}]"
            axes.text(
                (stay.begin + stay.end) / 2,
                y,
                f"{stay.state}\n{frame}{'' if stay.certain else ' presumed'}",
                ha="center",
                va="center",
                fontsize=8,
                clip_on=True,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.5},
            )
    for start, end in spec.disagreements:
        axes.axvspan(start, end, ymin=0.46, ymax=0.54, color=palette.BLACK, alpha=0.75, linewidth=0)
        if end - start > LABEL_SHARE * width:
            axes.text(
                (start + end) / 2,
                0.5,
                f"they disagree for {duration(round((end - start) * 1e9))}",
                ha="center",
                va="center",
                fontsize=8,
                color="white",
                clip_on=True,
            )
    axes.set_ylim(-0.55, 1.55)
    axes.set_xlim(begin - 0.01 * width, spec.end + 0.01 * width)
    axes.set_yticks([1, 0], spec.labels)
    axes.grid(axis="y", visible=False)
    axes.set_title(spec.title, loc="left")
    in_time(axes, spec.origin_ns, absolute=absolute)
    return axes
