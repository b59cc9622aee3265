"""What the capture predicts of every endpoint at one moment."""

from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from ..flow_columns import StateIndex
from ..model.event import EventBit
from ..model.flow import EndpointBit, FlowBit
from ..model.states import State
from ..model.tables import Tables
from .socket import End

NOTHING: Final = -1


class Prediction(NamedTuple):
    """The state of an endpoint at a moment. `frame` None: no segment brought it."""

    state: State
    since_ns: int | None
    frame: int | None
    certain: bool


class Predictions:
    """All endpoints of a capture, by row of the endpoint table: `2 * flow + side`."""

    def __init__(self, tables: Tables, states: StateIndex) -> None:
        self.tables = tables
        self._states = states
        self.first_ts_ns = tables.first_ts_ns
        self.last_ts_ns = max(tables.last_ts_ns, int(tables.flows["last_ts_ns"].max(initial=0)))

    @cached_property
    def _ts_ns(self) -> np.ndarray:
        found: np.ndarray = self.tables.events["ts_ns"][self._states.rows]
        return found

    def at(self, ts_ns: int) -> np.ndarray:
        """For every endpoint the row of its last STATE event until then, NOTHING before its first; i8."""
        passed = np.concatenate(([0], np.cumsum(self._ts_ns <= ts_ns)))
        bounds = self._states.bounds
        count = passed[bounds[1:]] - passed[bounds[:-1]]
        last = np.full(len(count), NOTHING, np.int64)
        known = count > 0
        last[known] = self._states.rows[bounds[:-1][known] + count[known] - 1]
        return last

    def prediction(self, row: int) -> Prediction:
        """What one of these rows says."""
        if row == NOTHING:
            return Prediction(State.UNSEEN, None, None, False)
        event = self.tables.events[row]
        return Prediction(
            State(int(event["state"])),
            int(event["ts_ns"]),
            int(event["frame"]) or None,
            bool(event["bits"] & EventBit.CERTAIN),
        )

    def states_between(self, endpoint: int, since_ns: int, until_ns: int) -> set[State]:
        """All states that an endpoint was in at some moment of a stretch of time."""
        bounds = slice(int(self._states.bounds[endpoint]), int(self._states.bounds[endpoint + 1]))
        events, ts_ns = self.tables.events[self._states.rows[bounds]], self._ts_ns[bounds]
        first = max(0, int(np.searchsorted(ts_ns, since_ns, "right")) - 1)
        return {State(state) for state in events["state"][first : np.searchsorted(ts_ns, until_ns, "right")].tolist()}

    def flow_of(self, candidates: list[int], ts_ns: int) -> int | None:
        """Of the endpoints on one 4-tuple the one that was there at this time: the youngest that had begun.

        Else the oldest, if it is older than the capture; None when all of them began later.
        """
        flows = self.tables.flows
        begun = [endpoint for endpoint in candidates if flows["first_ts_ns"][endpoint >> 1] <= ts_ns]
        if begun:
            return begun[-1]
        return candidates[0] if flows["bits"][candidates[0] >> 1] & FlowBit.MIDSTREAM else None

    def lineage(self, endpoint: int) -> tuple[int, ...]:
        """The flow of an endpoint, and the flows before it on its 4-tuple whose socket it may still be."""
        found, flow, side = [], endpoint >> 1, endpoint & 1
        end = self._end(flow, side)
        while flow >= 0:
            found.append(flow)
            if not self.tables.endpoints["bits"][2 * flow + side] & EndpointBit.HELD:
                break
            flow = int(self.tables.flows["previous"][flow])
            side = side if self._end(flow, side) == end else 1 - side
        return tuple(found)

    def _end(self, flow: int, side: int) -> End:
        row = self.tables.flows[flow]
        return End(int(row["family"]), *(int(row[name][side]) for name in ("addr_hi", "addr_lo", "port")))

    def end(self, endpoint: int) -> End:
        """Address and port of a row of the endpoint table."""
        return self._end(endpoint >> 1, endpoint & 1)

    def find(self, pairs: dict[tuple[End, End], int]) -> dict[int, list[int]]:
        """For each of these (local, remote), by its number, the endpoints on it, in order of their streams."""
        found: dict[int, list[int]] = {}
        if not pairs or not len(self.tables.flows):
            return found
        ports = self.tables.flows["port"].astype(np.uint32)
        keys = np.stack([ports[:, 0] << 16 | ports[:, 1], ports[:, 1] << 16 | ports[:, 0]], axis=1).reshape(-1)
        wanted = np.array([local.port << 16 | remote.port for local, remote in pairs], np.uint32)
        rows = np.flatnonzero(np.isin(keys, wanted))
        flows, sides = self.tables.flows[rows >> 1], rows & 1
        for row, *numbers in zip(rows.tolist(), *_ends(flows, sides), *_ends(flows, 1 - sides), strict=True):
            number = pairs.get((End(*numbers[:4]), End(*numbers[4:])))
            if number is not None:
                found.setdefault(number, []).append(row)
        return found


def _ends(flows: np.ndarray, sides: np.ndarray) -> list[list[int]]:
    """Family, two halves of the address, and port of one side of each flow."""
    index = np.arange(len(flows))
    return [flows["family"].tolist()] + [flows[name][index, sides].tolist() for name in ("addr_hi", "addr_lo", "port")]
