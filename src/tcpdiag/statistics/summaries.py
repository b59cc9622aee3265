"""Connections added up: by host, and by pair of hosts. From the tables of the first pass; nothing is read again."""

import numpy as np

from ..flow_columns import SIDES, UNKNOWN, by_side, endpoint_rows
from ..model.event import EventBit, EventKind
from ..model.flow import FlowBit
from ..model.states import State
from ..model.tables import Tables
from ..units import address

SUMS = ("packets", "bytes", "retransmissions", "out_of_order", "zero_windows", "resets")


def hosts(tables: Tables, streams: np.ndarray) -> dict[str, np.ndarray]:
    """Name -> column, a host each, the one with the most payload first. `frames.hosts_frame` tells the columns."""
    ends = _Ends(tables, streams)
    n, client, server = len(ends.addresses), ends.host[0], ends.host[1]
    both = np.concatenate((client, server))
    pairs = np.unique(both * n + np.concatenate((server, client)))
    found = {
        "host": ends.words(np.arange(n)),
        "flows": np.bincount(both, minlength=n) - np.bincount(client[client == server], minlength=n),
        "as_client": np.bincount(client, minlength=n),
        "as_server": np.bincount(server, minlength=n),
        "peers": np.bincount(pairs // max(n, 1), minlength=n),
    }
    for name in ("packets", "bytes"):
        values = ends.columns[name]
        found[f"{name}_sent"] = _total(both, np.concatenate(values), n)
        found[f"{name}_received"] = _total(both, np.concatenate(values[::-1]), n)
    for name in ("retransmissions", "out_of_order", "zero_windows"):
        found[name] = _total(both, np.concatenate(ends.columns[name]), n)
        if name == "retransmissions":
            again = _total(both, np.concatenate(ends.columns["retransmitted_bytes"]), n)
            found["retransmission_rate"] = _share(again, found["bytes_sent"])
    resets = ends.columns["resets"]
    found["resets_sent"] = _total(both, np.concatenate(resets), n)
    found["resets_received"] = _total(both, np.concatenate(resets[::-1]), n)
    for name, rows in (("client", client), ("server", server)):
        found[f"failed_handshakes_as_{name}"] = _total(rows, ends.failed, n)
    found |= _round_trips(both, [np.concatenate(ends.rtt[name]) for name in ends.rtt], n)
    found |= _seen(both, np.tile(ends.flows, 2), n)
    return _sorted(found, found["bytes_sent"] + found["bytes_received"])


def paths(tables: Tables, streams: np.ndarray) -> dict[str, np.ndarray]:
    """Name -> column, a pair of hosts each, the one with the most payload first. `frames.paths_frame` tells them."""
    ends = _Ends(tables, streams)
    low, high = np.minimum(*ends.host), np.maximum(*ends.host)
    _, first, path = np.unique(low * len(ends.addresses) + high, return_index=True, return_inverse=True)
    path, n = path.reshape(-1), len(first)
    opener = ends.host[0][first]
    same = ends.host[0] == opener[path]
    found = {
        "client": ends.words(opener),
        "server": ends.words(ends.host[1][first]),
        "flows": np.bincount(path, minlength=n),
        "failed_handshakes": _total(path, ends.failed, n),
    }
    for name in SUMS:
        for side, values in zip(SIDES, _turned(ends.columns[name], same), strict=True):
            found[f"{side}_{name}"] = _total(path, values, n)
        if name == "retransmissions":
            for side, values in zip(SIDES, _turned(ends.columns["retransmitted_bytes"], same), strict=True):
                found[f"{side}_retransmission_rate"] = _share(_total(path, values, n), found[f"{side}_bytes"])
    for index, side in enumerate(SIDES):
        trips = _round_trips(path, [_turned(ends.rtt[name], same)[index] for name in ends.rtt], n)
        found |= {f"{side}_{name}": column for name, column in trips.items()}
    found |= _seen(path, ends.flows, n)
    return _sorted(found, found["client_bytes"] + found["server_bytes"])


class _Ends:
    """Both ends of every connection: (client, server) columns, and which row of `addresses` each one's host is."""

    def __init__(self, tables: Tables, streams: np.ndarray) -> None:
        rows = endpoint_rows(tables, streams)
        self.flows = flows = tables.flows[streams]
        n = np.arange(len(streams))
        family = np.tile(flows["family"], 2)
        hi, lo = (np.concatenate([flows[name][n, row & 1] for row in rows]) for name in ("addr_hi", "addr_lo"))
        order = np.lexsort((lo, hi, family))
        another = np.ones(len(order), np.bool_)
        another[1:] = False
        for column in (family, hi, lo):
            another[1:] |= np.diff(column[order]) != 0
        place = np.zeros(len(order), np.int64)
        place[order] = np.cumsum(another) - 1
        self.host = place.reshape(2, -1)
        first = order[another]
        self.addresses = list(zip(family[first].tolist(), hi[first].tolist(), lo[first].tolist(), strict=True))
        columns = by_side(tables, streams)
        self.columns = {name: columns[name] for name in (*SUMS, "retransmitted_bytes")}
        self.rtt = {name: columns[name] for name in ("rtt_samples", "rtt_min_ns", "rtt_mean_ns", "rtt_max_ns")}
        self.failed = _failed(tables, streams, rows[1])

    def words(self, hosts: np.ndarray) -> np.ndarray:
        return np.array([address(*self.addresses[row]) for row in hosts.tolist()], dtype=object)


def _failed(tables: Tables, streams: np.ndarray, servers: np.ndarray) -> np.ndarray:
    """Whether a SYN opened it and its server was never established."""
    events = tables.events
    mine = (events["kind"] == EventKind.STATE) & (events["state"] >= State.ESTABLISHED) & (events["flow"] >= 0)
    mine &= (events["bits"] & EventBit.WITHDRAWN) == 0
    reached = np.zeros(len(tables.endpoints), np.bool_)
    reached[2 * events["flow"][mine].astype(np.int64) + events["side"][mine]] = True
    bits = tables.flows["bits"][streams]
    opened = ((bits & FlowBit.ROLES_KNOWN) != 0) & ((bits & FlowBit.MIDSTREAM) == 0)
    found: np.ndarray = opened & ~reached[servers]
    return found.astype(np.int64)


def _turned(pair: tuple[np.ndarray, np.ndarray], same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(client, server) of the path instead of the connection's."""
    return np.where(same, *pair), np.where(same, *pair[::-1])


def _total(groups: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    found = np.zeros(n, np.int64)
    np.add.at(found, groups, values)
    return found


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    found = np.full(len(whole), np.nan)
    np.divide(part.astype(np.float64), whole.astype(np.float64), out=found, where=whole > 0)
    return found


def _round_trips(groups: np.ndarray, columns: list[np.ndarray], n: int) -> dict[str, np.ndarray]:
    """columns: samples, shortest, mean, longest of each."""
    known = columns[0] > 0
    groups, (samples, low, mean, high) = groups[known], (column[known] for column in columns)
    total = _total(groups, samples, n)
    least, most = np.full(n, np.iinfo(np.int64).max), np.zeros(n, np.int64)
    np.minimum.at(least, groups, low)
    np.maximum.at(most, groups, high)
    weighted = np.zeros(n)
    np.add.at(weighted, groups, mean.astype(np.float64) * samples)
    some = total > 0
    average = np.rint(weighted / np.maximum(total, 1)).astype(np.int64)
    return {
        "rtt_samples": total,
        "rtt_min_ns": np.where(some, least, UNKNOWN),
        "rtt_mean_ns": np.where(some, average, UNKNOWN),
        "rtt_max_ns": np.where(some, most, UNKNOWN),
    }


def _seen(groups: np.ndarray, flows: np.ndarray, n: int) -> dict[str, np.ndarray]:
    first, last = np.full(n, np.iinfo(np.int64).max), np.full(n, np.iinfo(np.int64).min)
    np.minimum.at(first, groups, flows["first_ts_ns"])
    np.maximum.at(last, groups, flows["last_ts_ns"])
    return {"first_ts_ns": first, "last_ts_ns": last}


def _sorted(columns: dict[str, np.ndarray], weight: np.ndarray) -> dict[str, np.ndarray]:
    order = np.argsort(-weight, kind="stable")
    return {name: column[order] for name, column in columns.items()}
