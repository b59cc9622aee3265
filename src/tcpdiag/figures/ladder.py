"""The ladder: who sent what to whom, from top to bottom, with losses and reactions; quiet stretches are folded.

Rows are evenly spaced, not to scale: the times stand beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..flow_columns import SIDES
from ..flow_view import Flow
from ..timeline import Moment
from ..units import plural, relative, size
from . import palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RUNGS_MAX: Final = 70
INCHES_A_RUNG: Final = 0.19


@dataclass(frozen=True)
class Rung:
    """One row: an arrow, or a note between the two lines."""

    time: str
    frame: int | None
    sender: int | None  # 0: the client, 1: the server; None: a note
    text: str
    color: str
    reset: bool
    changes: tuple[str, str]  # states that the client, the server enters; "" for none


@dataclass(frozen=True)
class LadderSpec:
    """Rows from top to bottom."""

    title: str
    labels: tuple[str, str]
    rungs: tuple[Rung, ...]
    left_out: int

    @property
    def height_inches(self) -> float:
        """What the rows need."""
        return 1.2 + INCHES_A_RUNG * len(self.rungs)


def spec(flow: Flow, moments: Sequence[Moment], origin_ns: int) -> LadderSpec:
    """The ladder of a folded timeline; of a long one the beginning and the end."""
    left = max(0, len(moments) - RUNGS_MAX)
    tail = RUNGS_MAX // 3
    shown = moments if not left else [*moments[: RUNGS_MAX - tail], *moments[-tail:]]
    rungs = [_rung(moment, origin_ns) for moment in shown]
    if left:
        rungs.insert(RUNGS_MAX - tail, _note("", f"... {plural(left, 'row')} left out ..."))
    return LadderSpec(
        title=f"stream {flow.number}",
        labels=(f"client {flow.client}", f"server {flow.server}"),
        rungs=tuple(rungs),
        left_out=left,
    )


def _rung(moment: Moment, origin_ns: int) -> Rung:
    when = relative(moment.ts_ns - origin_ns)
    if moment.is_silence:
        return _note("", moment.what)
    if moment.fold:
        fold = moment.fold
        sent = " and ".join(
            f"{size(count)} of the {side}" for side, count in zip(SIDES, fold.payload_bytes, strict=True)
        )
        return _note(when, f"{plural(fold.count, 'segment')}, {', '.join(fold.what) or sent}")
    changes = [", ".join(c.partition(": ")[2] for c in moment.changes if c.startswith(side)) for side in SIDES]
    if moment.segment is None:
        return Rung(when, None, None, "a timer expires", palette.GREY, False, (changes[0], changes[1]))
    numbers = moment.segment.partition("  ")[2].partition(" <")[0]
    judged = [verdict.text for verdict in moment.verdicts] or [fact.partition(",")[0] for fact in moment.facts]
    color = palette.VERMILION if moment.verdicts else palette.PURPLE if moment.facts else palette.BLACK
    return Rung(
        time=when,
        frame=moment.frame,
        sender=SIDES.index(moment.sender or SIDES[0]),
        text="   ".join([numbers, *judged[:1]]),
        color=color,
        reset=any(verdict.text.startswith("RST") for verdict in moment.verdicts),
        changes=(changes[0], changes[1]),
    )


def _note(time: str, text: str) -> Rung:
    return Rung(time, None, None, text, palette.GREY, False, ("", ""))


def draw(spec: LadderSpec, axes: "Axes", *, absolute: bool = False) -> "Axes":
    """Draw it; returns the axes. absolute: not used, the times stand beside the rows."""
    count = len(spec.rungs)
    axes.set_xlim(-0.42, 1.42)
    axes.set_ylim(count + 0.5, -1.5)
    axes.axis("off")
    axes.vlines([0, 1], -0.5, count, colors=palette.GREY, linewidth=1)
    for x, label in enumerate(spec.labels):
        axes.text(x, -1, label, ha="center", va="bottom", fontweight="bold")
    for y, rung in enumerate(spec.rungs):
        axes.text(-0.41, y, rung.time, ha="left", va="center", fontsize=7, color=palette.GREY)
        axes.text(-0.02, y, rung.changes[0], ha="right", va="center", fontsize=7, color=palette.CLIENT)
        axes.text(1.02, y, rung.changes[1], ha="left", va="center", fontsize=7, color=palette.SERVER)
        if rung.sender is None:
            axes.text(0.5, y, rung.text, ha="center", va="center", fontsize=7, color="#555555", style="italic")
            continue
        start, end = (0, 1) if rung.sender == 0 else (1, 0)
        axes.annotate(
            "",
            (end, y + 0.25),
            (start, y - 0.25),
            arrowprops={
                "arrowstyle": "-[, widthB=0.3, lengthB=0" if rung.reset else "->",
                "color": rung.color,
                "linewidth": 0.9,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
        axes.text(
            0.5,
            y,
            f"[{rung.frame}] {rung.text}",
            ha="center",
            va="center",
            fontsize=7,
            color=rung.color,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )
    axes.set_title(spec.title, loc="left")
    return axes
