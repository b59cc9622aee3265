"""Connection lifetimes: one line a flow, coloured by the state of one side; thousands stay readable."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..flow_columns import SIDES, StateIndex, endpoint_rows
from ..model.finding import Finding
from ..model.states import State
from ..model.tables import Tables
from ..units import plural
from . import palette
from .axes import in_time, seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES_MAX: Final = 2_000
"""More lines than that have no pixel of their own: of more flows an even choice is drawn, those of findings first."""


@dataclass(frozen=True)
class LifetimesSpec:
    """Lines from bottom to top in order of their beginning."""

    title: str
    origin_ns: int
    streams: np.ndarray  # i8, one a line
    stays: dict[State, np.ndarray]  # (n, 3): line, begin, end, seconds since origin_ns
    marked: np.ndarray  # lines of flows that findings name
    left_out: int


def spec(
    tables: Tables, states: StateIndex, streams: np.ndarray, findings: Sequence[Finding] = (), side: int = 1
) -> LifetimesSpec:
    """side: whose states, 0 for the client's and 1 for the server's."""
    named = np.zeros(len(tables.flows) + 1, bool)
    for finding in findings:
        named[list(finding.streams)] = True
    chosen = _chosen(streams, named)
    chosen = chosen[np.argsort(tables.flows["first_ts_ns"][chosen], kind="stable")]
    ends = endpoint_rows(tables, chosen)[side]
    rows, bounds = states.rows_of(ends)
    events = tables.events[rows]
    line = np.repeat(np.arange(len(chosen)), np.diff(bounds))
    until = np.append(events["ts_ns"][1:], 0)
    is_last = np.append(np.diff(line) != 0, True) if len(line) else np.zeros(0, bool)
    until[is_last] = np.where(_over(events["state"][is_last]), events["ts_ns"][is_last], tables.last_ts_ns)
    x0, x1 = seconds(events["ts_ns"], tables.first_ts_ns), seconds(until, tables.first_ts_ns)
    stays = {}
    for state in State:
        mine = (events["state"] == int(state)) & (state not in (State.CLOSED, State.UNSEEN, State.LISTEN))
        if mine.any():
            stays[state] = np.column_stack((line[mine], x0[mine], x1[mine]))
    return LifetimesSpec(
        title=f"{plural(len(streams), 'connection')}, in the state of the {SIDES[side]}",
        origin_ns=tables.first_ts_ns,
        streams=chosen,
        stays=stays,
        marked=np.flatnonzero(named[chosen]),
        left_out=len(streams) - len(chosen),
    )


def _chosen(streams: np.ndarray, named: np.ndarray) -> np.ndarray:
    if len(streams) <= LINES_MAX:
        return streams.copy()
    wanted = streams[named[streams]]
    if len(wanted) > LINES_MAX // 2:
        wanted = wanted[np.linspace(0, len(wanted) - 1, LINES_MAX // 2).astype(np.int64)]
    others = np.setdiff1d(streams, wanted)
    room = min(LINES_MAX - len(wanted), len(others))
    return np.concatenate((wanted, others[np.linspace(0, len(others) - 1, room).astype(np.int64)]))


def _over(state: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.isin(state, [int(State.CLOSED), int(State.TIME_WAIT)])
    return found


def draw(spec: LifetimesSpec, axes: "Axes", *, absolute: bool = False) -> "Axes":
    """Draw it; returns the axes."""
    count = max(len(spec.streams), 1)
    width = max(0.4, min(6.0, 260 / count))
    for state, rows in spec.stays.items():
        axes.hlines(rows[:, 0], rows[:, 1], rows[:, 2], colors=palette.STATES[state], linewidth=width, label=str(state))
    if len(spec.marked):
        axes.plot(
            np.full(len(spec.marked), -0.008),
            spec.marked,
            ">",
            color=palette.BLACK,
            markersize=3,
            transform=axes.get_yaxis_transform(),
            clip_on=False,
            label="named by a finding",
        )
    axes.set_ylim(-1, count)
    axes.grid(axis="y", visible=False)
    axes.set_ylabel("connections in order of their beginning")
    axes.set_title(f"{spec.title}{f' ({len(spec.streams):,} of them drawn)' if spec.left_out else ''}", loc="left")
    in_time(axes, spec.origin_ns, absolute=absolute)
    if spec.stays:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return axes
