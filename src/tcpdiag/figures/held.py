"""Connections held over time by state, for one endpoint: a leak climbs, a sawtooth climbs and drops."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..flow_columns import StateIndex
from ..model.finding import Finding
from ..model.states import State
from ..model.tables import Tables
from ..units import duration, endpoint, parse_address
from . import palette
from .axes import in_time, seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN: Final = (
    State.CLOSE_WAIT,
    State.LAST_ACK,
    State.ESTABLISHED,
    State.SYN_RECEIVED,
    State.SYN_SENT,
    State.FIN_WAIT_1,
    State.FIN_WAIT_2,
    State.CLOSING,
)
"""From the bottom to the top of the pile: what an application holds open first."""

STEPS: Final = 2_000


@dataclass(frozen=True)
class HeldSpec:
    """Counts by state at each time."""

    title: str
    origin_ns: int
    times: np.ndarray  # seconds since origin_ns, ascending
    counts: dict[State, np.ndarray]  # as many as times each; states that never occur are left out
    releases: tuple[float, ...]  # seconds at which a finding saw many released together
    note: str


def spec(tables: Tables, states: StateIndex, where: str, findings: Sequence[Finding] = ()) -> HeldSpec:
    """`where`: the endpoint `10.0.0.1:80`, or a host `10.0.0.1`: its own ends of connections. Raises UsageError."""
    ends = _ends(tables, where)
    rows, bounds = states.rows_of(ends)
    events = tables.events[rows]
    origin_ns, end_ns = tables.first_ts_ns, tables.last_ts_ns
    times = np.linspace(origin_ns, max(end_ns, origin_ns + 1), STEPS).astype(np.int64)
    last = np.zeros(len(events), bool)
    last[bounds[1:][np.diff(bounds) > 0] - 1] = True
    leaves = np.append(events["ts_ns"][1:], 0)
    leaves[last] = np.iinfo(np.int64).max
    counts = {}
    for state in SHOWN:
        mine = events["state"] == int(state)
        entered, left = np.sort(events["ts_ns"][mine]), np.sort(leaves[mine])
        held = np.searchsorted(entered, times, side="right") - np.searchsorted(left, times, side="right")
        if held.any():
            counts[state] = held
    changes = _changes(counts, len(times))
    releases, note = _releases(where, findings, origin_ns)
    return HeldSpec(
        title=f"{where}: connections held, by state",
        origin_ns=origin_ns,
        times=seconds(times[changes], origin_ns),
        counts={state: held[changes] for state, held in counts.items()},
        releases=releases,
        note=note,
    )


def _changes(counts: dict[State, np.ndarray], length: int) -> np.ndarray:
    """Where any count is another than before, and both ends: a line of steps needs no more."""
    found = np.zeros(length, bool)
    found[[0, -1]] = True
    for held in counts.values():
        found[1:] |= np.diff(held) != 0
    return np.flatnonzero(found)


def _ends(tables: Tables, where: str) -> np.ndarray:
    """Rows of the endpoint table that are this endpoint, or on this host."""
    host, colon, port = where.rpartition(":")
    named = bool(colon) and (host.startswith("[") or ":" not in host)
    family, hi, lo = parse_address(host if named else where)
    flows = tables.flows
    mine = (flows["family"] == family)[:, None] & (flows["addr_hi"] == hi) & (flows["addr_lo"] == lo)
    if named:
        mine &= flows["port"] == (int(port) if port.isdigit() else -1)
    return np.flatnonzero(mine.ravel())


def _releases(where: str, findings: Sequence[Finding], origin_ns: int) -> tuple[tuple[float, ...], str]:
    for finding in findings:
        if finding.kind == "close-wait-sawtooth" and finding.endpoint == where:
            frames = [item for item in finding.evidence if item.ts_ns and item.note.startswith("release")]
            at = tuple(sorted({float(seconds(np.array(item.ts_ns), origin_ns)) for item in frames}))
            period = finding.data.get("period_s")
            return at, f"released together, every {duration(round(period * 1e9))}" if period else "released together"
    return (), ""


def busiest(tables: Tables) -> str | None:
    """The endpoint with most connections, which is shown when none is named; None without any."""
    if not len(tables.flows):
        return None
    server = 1 - tables.client_side.astype(np.int64)
    index = (np.arange(len(server)), server)
    columns = [tables.flows[name][index] for name in ("addr_hi", "addr_lo", "port")]
    keys, first, counts = np.unique(np.column_stack(columns), axis=0, return_index=True, return_counts=True)
    best = int(np.argmax(counts))
    hi, lo, port = (int(value) for value in keys[best])
    return endpoint(int(tables.flows["family"][first[best]]), hi, lo, port)


def draw(spec: HeldSpec, axes: "Axes", *, absolute: bool = False) -> "Axes":
    """Draw it; returns the axes."""
    from matplotlib.ticker import MaxNLocator

    bottom = np.zeros(len(spec.times))
    for state, counts in spec.counts.items():
        top = bottom + counts
        axes.fill_between(
            spec.times,
            bottom,
            top,
            step="post",
            facecolor=palette.STATES[state],
            edgecolor="#555555",
            hatch=palette.HATCHES.get(state),
            linewidth=0.4,
            label=f"{state} (at most {int(counts.max()):,})",
        )
        bottom = top
    for index, at in enumerate(spec.releases):
        axes.axvline(at, color=palette.BLACK, linestyle=":", linewidth=1, label=spec.note if not index else None)
    axes.set_ylim(bottom=0)
    axes.set_title(spec.title, loc="left")
    axes.set_ylabel("connections")
    axes.yaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    in_time(axes, spec.origin_ns, absolute=absolute)
    if spec.counts:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return axes
