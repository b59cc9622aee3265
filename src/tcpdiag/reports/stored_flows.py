"""Connections from their JSON: columns again, as far as the document fills them. The client is on side 0."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from ..errors import UsageError
from ..flow_columns import DETAIL_COUNTS, ENDPOINT_COUNTS, RARE_ENDPOINT_COUNTS, RTT, SIDES
from ..model.capture import CaptureFile
from ..model.event import EVENT, EventBit, EventKind
from ..model.flow import DETAIL, ENDPOINT, FLOW, FlowBit
from ..model.states import State
from ..model.tables import Tables, Tunnel
from ..units import parse_address
from .fields import Fields, nanoseconds, wrong

CONNECTIONS_MAX: Final = 20_000_000
STATES: Final = {str(state): state for state in State}
PLACE: Final = "$.flows"


class Flows(NamedTuple):
    """Tables with these connections, and their streams where a filter has left only some."""

    tables: Tables
    chosen: np.ndarray | None


def read(document: Fields, files: tuple[CaptureFile, ...]) -> Flows:
    """The connections of the document. Raises UsageError for what is none."""
    rows = document.list("flows")
    if not all(isinstance(row, dict) for row in rows):
        wrong(PLACE, "an array of objects")
    streams = _column(rows, "stream", np.int64)
    last = int(streams.max(initial=-1))
    count = document.number("connections", last + 1) if "connections" in document else last + 1
    if count > CONNECTIONS_MAX or np.any(np.diff(streams) <= 0) or np.any(streams < 0):
        wrong(PLACE, f"in ascending order, at most {CONNECTIONS_MAX:,}")
    tunnels, tunnel = _tunnels(rows)
    flows, endpoints, details = np.zeros(count, FLOW), np.zeros(2 * count, ENDPOINT), np.zeros(2 * len(rows), DETAIL)
    flows["previous"] = flows["detail"] = -1
    flows["family"] = 4
    flows["detail"][streams] = 2 * np.arange(len(rows))
    flows["tunnel"][streams] = tunnel
    _fill_flows(flows, rows, streams)
    sides = (2 * streams[:, None] + np.arange(2)).reshape(-1)
    for name, source in (ENDPOINT_COUNTS | RARE_ENDPOINT_COUNTS).items():
        endpoints[source][sides] = _pairs(rows, name, ENDPOINT[source])
    for name, source in DETAIL_COUNTS.items():
        details[source] = _pairs(rows, name, DETAIL[source])
    _fill_rtt(details, rows)
    events = _events(rows, streams)
    endpoints["state"][sides] = _last_states(rows)
    chosen = None if len(rows) == count and document.raw("filter") is None else streams
    return Flows(Tables(files, flows, endpoints, details, events, tunnels, stored=True), chosen)


def _fill_flows(flows: np.ndarray, rows: list[Any], streams: np.ndarray) -> None:
    for side, name in enumerate(SIDES):
        ends = [_end(row.get(name)) for row in rows]
        for column, values in zip(("family", "addr_hi", "addr_lo", "port"), zip(*ends, strict=True), strict=False):
            array = np.array(values, np.uint64)
            if column == "family":
                flows["family"][streams] = array
            else:
                flows[column][streams, side] = array
    for name, source in (("capture_copies", "copies"), ("icmp_errors", "icmp_errors")):
        flows[source][streams] = _column(rows, name, FLOW[source])
    for name in ("first_frame", "last_frame"):
        flows[name][streams] = _column(rows, name, FLOW[name])
    for name in ("first_ts", "last_ts"):
        flows[f"{name}_ns"][streams] = _taken(rows, name, nanoseconds)
    for name, bit in (("roles_known", FlowBit.ROLES_KNOWN), ("midstream", FlowBit.MIDSTREAM)):
        flows["bits"][streams] |= np.where(_taken(rows, name, _flag).astype(bool), int(bit), 0).astype(np.uint8)
    previous = _taken(rows, "lineage", _previous)
    if np.any(previous >= streams):
        wrong(f"{PLACE}[].lineage", "an earlier stream")
    flows["previous"][streams] = previous


def _fill_rtt(details: np.ndarray, rows: list[Any]) -> None:
    low, mean, high, samples = (_pairs(rows, name, np.dtype("i8"), null=0) for name in RTT)
    if samples.max(initial=0) > np.iinfo(np.uint32).max or (mean.astype(float) * samples).max(initial=0) > 2.0**62:
        wrong(f"{PLACE}[].rtt_samples", "a possible number")
    details["rtt_min_ns"], details["rtt_max_ns"], details["rtt_count"] = low, high, samples
    details["rtt_sum_ns"] = mean * samples


def _events(rows: list[Any], streams: np.ndarray) -> np.ndarray:
    """STATE events only, in the order of their connections."""
    entries: list[Any] = []
    counts = np.zeros((len(rows), 2), np.int64)
    for index, row in enumerate(rows):
        states = row.get("states")
        for side, name in enumerate(SIDES):
            mine = states.get(name) if isinstance(states, dict) else None
            if not isinstance(mine, list):
                wrong(f"{PLACE}[].states", "an object of two arrays")
            counts[index, side] = len(mine)
            entries += mine
    if not all(isinstance(entry, dict) for entry in entries):
        wrong(f"{PLACE}[].states", "arrays of objects")
    events = np.zeros(len(entries), EVENT)
    events["kind"] = EventKind.STATE
    events["flow"] = np.repeat(streams, counts.sum(axis=1))
    events["side"] = np.repeat(np.tile([0, 1], len(rows)), counts.reshape(-1))
    events["ts_ns"] = _taken(entries, "ts", nanoseconds)
    events["state"] = _taken(entries, "state", _state)
    events["frame"] = _bounded("frame", [e.get("frame", "") or 0 for e in entries], EVENT["frame"], (len(entries),))
    events["bits"] = np.where(_taken(entries, "certain", _flag) == 1, int(EventBit.CERTAIN), 0)
    return events


def _last_states(rows: list[Any]) -> np.ndarray:
    """Of each endpoint; UNSEEN where the document does not tell."""
    found = []
    for row in rows:
        pair = row.get("state", [str(State.UNSEEN)] * 2)
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(s, str) and s in STATES for s in pair):
            wrong(f"{PLACE}[].state", "two states")
        found += [int(STATES[state]) for state in pair]
    return np.array(found, np.uint8)


def _tunnels(rows: list[Any]) -> tuple[tuple[Tunnel, ...], np.ndarray]:
    """The table of tunnels, and the row of each connection's. Only their text is known."""
    texts: dict[str, int] = {}
    numbers = []
    for row in rows:
        text = row.get("tunnel")
        if text is not None and not isinstance(text, str):
            wrong(f"{PLACE}[].tunnel", "a string or null")
        numbers.append(0 if text is None else texts.setdefault(text, len(texts) + 1))
    return (Tunnel(()), *(Tunnel(((text, "", "", ""),)) for text in texts)), np.array(numbers, np.uint32)


def _column(rows: list[Any], name: str, dtype: Any) -> np.ndarray:
    return _bounded(name, [row.get(name) for row in rows], np.dtype(dtype), (len(rows),))


def _pairs(rows: list[Any], name: str, dtype: np.dtype[Any], null: int | None = None) -> np.ndarray:
    """Client's and server's values, one behind the other. null: what stands for null, where that may be."""
    values = [row.get(name) for row in rows]
    if null is not None:
        values = [[null if v is None else v for v in pair] if isinstance(pair, list) else pair for pair in values]
    return _bounded(name, values, dtype, (len(rows), 2)).reshape(-1)


def _bounded(name: str, values: list[Any], dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray:
    if not values:
        return np.zeros(shape, dtype)
    limits = np.iinfo(dtype)
    try:
        array = np.array(values)
    except (ValueError, OverflowError):
        array = np.zeros(0)
    if array.shape != shape or array.dtype.kind not in "iu" or array.min() < max(0, limits.min):
        wrong(f"{PLACE}[].{name}", "whole numbers" if len(shape) == 1 else "two whole numbers")
    if array.max() > limits.max:
        wrong(f"{PLACE}[].{name}", f"at most {limits.max}")
    return array.astype(dtype)


def _taken(rows: list[Any], name: str, take: Callable[[Any], int | None]) -> np.ndarray:
    values = [take(row.get(name)) for row in rows]
    if None in values:
        wrong(f"{PLACE}[].{name}", "what it should be")
    return np.array(values, np.int64)


def _state(value: Any) -> int | None:
    return STATES.get(value) if isinstance(value, str) else None


def _flag(value: Any) -> int | None:
    return int(value) if isinstance(value, bool) else None


def _previous(value: Any) -> int | None:
    stream = value.get("previous", "") if isinstance(value, dict) else ""
    if stream is None:
        return -1
    if isinstance(stream, int) and not isinstance(stream, bool) and 0 <= stream < CONNECTIONS_MAX:
        return stream
    return None


def _end(value: Any) -> Sequence[int]:
    """Family, two halves of the address, port."""
    if isinstance(value, str) and len(value) <= 64:
        host, _, port = value.rpartition(":")
        try:
            if port.isascii() and port.isdigit() and int(port) <= 0xFFFF:
                return (*parse_address(host), int(port))
        except UsageError:
            pass
    wrong(f"{PLACE}[].client or server", "an address and a port")
