"""Columns of flows as people and programs get them: the client first, whichever side of the table it is.

One list of counts serves the JSON, the DataFrame and the `flows` command.
"""

from typing import NamedTuple

import numpy as np

from .model.event import EventBit, EventKind
from .model.flow import FlowBit
from .model.tables import Tables

UNKNOWN = np.iinfo(np.int64).min
"""Stands for null in an i8 column of this module."""

ENDPOINT_COUNTS = {"packets": "packets", "bytes": "bytes"}
"""Reported name -> column of the endpoint table. Sent by that side."""

RARE_ENDPOINT_COUNTS = {"syns": "syns", "resets": "resets"}

DETAIL_COUNTS = {
    "new_bytes": "new_bytes",
    "retransmissions": "retransmissions",
    "retransmitted_bytes": "retrans_bytes",
    "out_of_order": "out_of_order",
    "duplicate_acks": "dup_acks",
    "zero_windows": "zero_windows",
    "zero_window_probes": "probes",
    "keepalives": "keepalives",
    "challenge_acks": "challenge_acks",
    "unacceptable": "unacceptable",
    "bytes_not_captured": "unseen_bytes",
    "bad_checksums": "bad_checksums",
}
"""Reported name -> column of the detail table. A flow without details never got beyond SYN and RST: all are 0."""

COUNTS = (*ENDPOINT_COUNTS, *RARE_ENDPOINT_COUNTS, *DETAIL_COUNTS)
RTT = ("rtt_min_ns", "rtt_mean_ns", "rtt_max_ns", "rtt_samples")
SIDES = ("client", "server")
SORT_KEYS = ("stream", "client", "server", "first_ts", "duration", *COUNTS)


def endpoint_rows(tables: Tables, streams: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the endpoint table: (clients, servers), i8."""
    client = 2 * streams.astype(np.int64) + tables.client_side[streams]
    return client, client ^ 1


def by_side(tables: Tables, streams: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Every count and RTT of these streams as (client, server) columns, i8; UNKNOWN where nothing was measured."""
    rows = endpoint_rows(tables, streams)
    columns: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name, source in (ENDPOINT_COUNTS | RARE_ENDPOINT_COUNTS).items():
        client, server = (tables.endpoints[source][side].astype(np.int64) for side in rows)
        columns[name] = client, server
    details = [_DetailRows(tables, streams, side & 1) for side in rows]
    for name, source in DETAIL_COUNTS.items():
        columns[name] = details[0][source], details[1][source]
    samples = [part["rtt_count"] for part in details]
    columns["rtt_samples"] = samples[0], samples[1]
    for name, source in (("rtt_min_ns", "rtt_min_ns"), ("rtt_mean_ns", "rtt_sum_ns"), ("rtt_max_ns", "rtt_max_ns")):
        values = [part[source] for part in details]
        if name == "rtt_mean_ns":
            values = [value // np.maximum(n, 1) for value, n in zip(values, samples, strict=True)]
        client, server = (np.where(n > 0, value, UNKNOWN) for value, n in zip(values, samples, strict=True))
        columns[name] = client, server
    return columns


def sort_order(tables: Tables, streams: np.ndarray, key: str) -> np.ndarray:
    """Positions of `streams` in the order of one of SORT_KEYS. Counts are of both sides, the largest first, as is
    `duration`; the others ascend. Equal ones stay in the order of their streams."""
    flows = tables.flows[streams]
    if key == "stream":
        return np.argsort(streams, kind="stable")
    if key == "first_ts":
        return np.argsort(flows["first_ts_ns"], kind="stable")
    if key == "duration":
        return np.argsort(flows["first_ts_ns"] - flows["last_ts_ns"], kind="stable")
    if key in SIDES:
        side = endpoint_rows(tables, streams)[SIDES.index(key)] & 1
        index = (np.arange(len(streams)), side)
        return np.lexsort((flows["port"][index], flows["addr_lo"][index], flows["addr_hi"][index], flows["family"]))
    client, server = by_side(tables, streams)[key]
    return np.argsort(-(client + server), kind="stable")


def flag(tables: Tables, streams: np.ndarray, bit: FlowBit) -> np.ndarray:
    """One bit of each flow, as i8 0 or 1."""
    found: np.ndarray = (tables.flows["bits"][streams] & bit) != 0
    return found.astype(np.int64)


class StateIndex(NamedTuple):
    """Where the states of each endpoint stand in the event table: withdrawn ones left out, in order of time.

    The states of row `e` of the endpoint table are `tables.events[rows[bounds[e] : bounds[e + 1]]]`.
    """

    rows: np.ndarray
    bounds: np.ndarray

    @classmethod
    def of(cls, tables: Tables) -> "StateIndex":
        events = tables.events
        is_state = (events["kind"] == EventKind.STATE) & ((events["bits"] & EventBit.WITHDRAWN) == 0)
        rows = np.flatnonzero(is_state & (events["flow"] >= 0))
        owner = 2 * events["flow"][rows].astype(np.int64) + events["side"][rows]
        order = np.argsort(owner, kind="stable")
        rows, owner = rows[order], owner[order]
        ts_ns = events["ts_ns"][rows]
        if np.any((np.diff(ts_ns) < 0) & (np.diff(owner) == 0)):
            order = np.lexsort((ts_ns, owner))
            rows, owner = rows[order], owner[order]
        return cls(rows, np.searchsorted(owner, np.arange(len(tables.endpoints) + 1)))

    def rows_of(self, endpoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Event rows of several endpoints, one after the other, and where each endpoint's begin and end there
        (n + 1 bounds)."""
        start = self.bounds[endpoints]
        length = self.bounds[endpoints + 1] - start
        bounds = np.concatenate(([0], np.cumsum(length)))
        return self.rows[np.repeat(start - bounds[:-1], length) + np.arange(bounds[-1])], bounds


class _DetailRows:
    """Columns of the detail table for one side of each flow, as i8; 0 for a flow that has no details."""

    def __init__(self, tables: Tables, streams: np.ndarray, side: np.ndarray) -> None:
        first = tables.flows["detail"][streams].astype(np.int64)
        self._present = first >= 0
        self._rows = (first + side)[self._present]
        self._table = tables.details

    def __getitem__(self, name: str) -> np.ndarray:
        column = np.zeros(len(self._present), np.int64)
        column[self._present] = self._table[name][self._rows]
        return column
