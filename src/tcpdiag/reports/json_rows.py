"""Flows as JSON, straight from the columns: one line a flow, no Python object for any of them."""

import re
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import orjson

from .. import flow_columns, kernels, units
from ..flow_columns import COUNTS, RTT, SIDES, UNKNOWN, StateIndex
from ..model.event import EventBit
from ..model.flow import FlowBit
from ..model.states import State
from ..model.tables import Tables

FLOWS_A_CHUNK = 4096
LONGEST = {"n": 20, "t": 24, "b": 5, "s": 4}
"""Bytes that a slot takes at most; a span comes on top with its own length."""

KINDS = {"n": 0, "t": 1, "b": 2, "s": 3}  # kernels.text_rows: NUMBER, TIME, BOOLEAN, SPAN

STATE_ROW = '{"state":"<state:s>","ts":<ts:t>,"frame":<frame:n>,"certain":<certain:b>},'

FLOW_ROW = (
    '{"stream":<stream:n>,"client":"<client_host:s>:<client_port:n>","server":"<server_host:s>:<server_port:n>",'
    '"roles_known":<roles_known:b>,"midstream":<midstream:b>,"tunnel":<tunnel:s>,'
    '"first_frame":<first_frame:n>,"last_frame":<last_frame:n>,"first_ts":<first_ts:t>,"last_ts":<last_ts:t>,'
    + "".join(f'"{name}":[<client_{name}:n>,<server_{name}:n>],' for name in COUNTS)
    + "".join(f'"{name}":[<client_{name}:n>,<server_{name}:n>],' for name in RTT)
    + '"capture_copies":<copies:n>,"icmp_errors":<icmp_errors:n>,"state":["<client_state:s>","<server_state:s>"],'
    '"state":["<client_state:s>","<server_state:s>"],'
    '"states":{"client":[<client_states:s>],"server":[<server_states:s>]},"lineage":{"previous":<previous:n>}},\n'
)


def flow_lines(tables: Tables, states: StateIndex, streams: np.ndarray) -> Iterator[bytes]:
    """JSON objects of these streams in chunks of bytes, each object followed by a comma and a newline."""
    for start in range(0, len(streams), FLOWS_A_CHUNK):
        chunk = streams[start : start + FLOWS_A_CHUNK]
        yield _write(FLOW_ROW, *_flow_cells(tables, states, chunk))[0]


def _flow_cells(tables: Tables, states: StateIndex, streams: np.ndarray) -> tuple[dict[str, np.ndarray], "Spans"]:
    flows = tables.flows[streams]
    clients, servers = flow_columns.endpoint_rows(tables, streams)
    spans = Spans()
    tunnel_words = [b"null", *(orjson.dumps(units.printable(str(tunnel))) for tunnel in tables.tunnels[1:])]
    cells: dict[str, np.ndarray] = {
        "stream": streams,
        "tunnel": spans.add(tunnel_words)[np.minimum(flows["tunnel"], len(tunnel_words) - 1)],
        "roles_known": flow_columns.flag(tables, streams, FlowBit.ROLES_KNOWN),
        "midstream": flow_columns.flag(tables, streams, FlowBit.MIDSTREAM),
        "previous": _or_null(flows["previous"], flows["previous"] < 0),
        "first_ts": flows["first_ts_ns"],
        "last_ts": flows["last_ts_ns"],
    }
    cells |= {name: flows[name] for name in ("first_frame", "last_frame", "copies", "icmp_errors")}
    for name, columns in flow_columns.by_side(tables, streams).items():
        cells |= {f"{side}_{name}": column for side, column in zip(SIDES, columns, strict=True)}
    picked, words = np.arange(len(streams)), spans.add([str(state).encode() for state in State])
    for side, rows in zip(SIDES, (clients, servers), strict=True):
        index = (picked, rows & 1)
        cells[f"{side}_host"] = _hosts(spans, flows["family"], flows["addr_hi"][index], flows["addr_lo"][index])
        cells[f"{side}_port"] = flows["port"][index]
        cells[f"{side}_state"] = words[np.minimum(tables.endpoints["state"][rows], len(words) - 1)]
        cells[f"{side}_states"] = _state_spans(spans, tables, states, rows)
    return cells, spans


def _hosts(spans: "Spans", family: np.ndarray, hi: np.ndarray, lo: np.ndarray) -> np.ndarray:
    order = np.lexsort((lo, hi, family))
    new = np.ones(len(order), np.bool_)
    new[1:] = np.diff(lo[order]).astype(np.bool_) | np.diff(hi[order]).astype(np.bool_) | (np.diff(family[order]) != 0)
    first = order[new]
    keys = zip(family[first].tolist(), hi[first].tolist(), lo[first].tolist(), strict=True)
    rows = np.empty(len(order), np.int64)
    rows[order] = spans.add([units.host(*key).encode() for key in keys])[np.cumsum(new) - 1]
    return rows


def _state_spans(spans: "Spans", tables: Tables, states: StateIndex, endpoints: np.ndarray) -> np.ndarray:
    rows, bounds = states.rows_of(endpoints)
    state, ts_ns, frame, bits = (tables.events[name][rows] for name in ("state", "ts_ns", "frame", "bits"))
    names = Spans()
    words = names.add([str(state).encode() for state in State])
    cells = {
        "state": words[np.minimum(state, len(words) - 1)],
        "ts": ts_ns,
        "frame": _or_null(frame, frame == 0),
        "certain": (bits & EventBit.CERTAIN) != 0,
    }
    text, row_ends = _write(STATE_ROW, cells, names)
    ends = np.concatenate(([0], row_ends))
    start, end = ends[bounds[:-1]], ends[bounds[1:]]
    return spans.add_text(text, start, np.maximum(end - 1, start))  # without the last comma


def _or_null(column: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    return np.where(unknown, UNKNOWN, column.astype(np.int64))


class Spans:
    """Pieces of text that cells refer to by row."""

    def __init__(self) -> None:
        self._texts: list[bytes] = []
        self._starts: list[np.ndarray] = []
        self._ends: list[np.ndarray] = []
        self._rows = self._length = 0

    def add(self, words: list[bytes]) -> np.ndarray:
        """Rows of these words."""
        ends = np.cumsum([len(word) for word in words], dtype=np.int64)
        return self.add_text(b"".join(words), np.concatenate(([0], ends))[:-1], ends)

    def add_text(self, text: bytes, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Rows of pieces of one text."""
        self._texts.append(text)
        self._starts.append(start + self._length)
        self._ends.append(end + self._length)
        self._length += len(text)
        self._rows += len(start)
        return np.arange(self._rows - len(start), self._rows)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The text as u1, the starts and the ends as i8."""
        if not self._texts:
            return np.zeros(1, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64)
        text = np.frombuffer(bytearray(b"".join(self._texts) or b"\0"), np.uint8)
        return text, np.concatenate(self._starts).astype(np.int64), np.concatenate(self._ends).astype(np.int64)


@lru_cache
def _template(template: str) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, np.ndarray, int]:
    """(slot names, kinds, fixed words, their ends, bytes of a row without its spans) of `...<name:kind>...`."""
    parts = re.split(r"<(\w+):(\w)>", template)
    words = [part.encode() for part in parts[::3]]
    kinds = parts[2::3]
    ends = np.cumsum([len(word) for word in words], dtype=np.int64)
    longest = int(ends[-1]) + sum(LONGEST[kind] for kind in kinds)
    fixed = np.frombuffer(bytearray(b"".join(words)), np.uint8)
    return tuple(parts[1::3]), np.array([KINDS[kind] for kind in kinds], np.uint8), fixed, ends, longest


def _write(template: str, cells: dict[str, np.ndarray], spans: Spans) -> tuple[bytes, np.ndarray]:
    """The rows as text, and where each row ends."""
    names, kinds, fixed, fixed_ends, longest = _template(template)
    count = len(cells[names[0]])
    matrix = np.empty((count, len(names)), np.int64)
    for column, name in enumerate(names):
        matrix[:, column] = cells[name]
    text, starts, ends = spans.arrays()
    lengths = ends - starts
    bound = count * longest + sum(
        int(lengths[matrix[:, column]].sum()) for column in np.flatnonzero(kinds == KINDS["s"])
    )
    out, row_ends = np.empty(max(bound, 1), np.uint8), np.empty(count, np.int64)
    kernel = kernels.load("text_rows")
    arrays = kernels.arrays(kernel, matrix.reshape(-1), kinds, fixed, fixed_ends, text, starts, ends, row_ends, out)
    written = kernel.write(arrays[0], UNKNOWN, *arrays[1:])
    return out[:written].tobytes(), row_ends
