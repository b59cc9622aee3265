"""Tables for pandas: flows, events, findings and timelines as DataFrames, with every column told.

Text is `string`, what is one of a few words `category`, a number that may be unknown `Int64` with <NA>, a time
`datetime64[ns, UTC]`. Frames and streams are Wireshark's `frame.number` and `tcp.stream`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .flow_columns import SIDES, UNKNOWN
from .model.event import EventBit, EventKind
from .model.finding import Finding, Severity
from .model.notation import flag_letters
from .model.states import State
from .model.tables import Tables

if TYPE_CHECKING:
    import pandas as pd

    from .timeline import Moment

STATES = [str(state) for state in State]


def flows_frame(columns: Mapping[str, np.ndarray]) -> "pd.DataFrame":
    """One row a connection, by its stream. columns: of `FlowTable.columns`.

    | column | dtype | meaning |
    |---|---|---|
    | `stream` (index) | int64 | Wireshark's `tcp.stream` |
    | `client`, `server` | string | `ip:port` of who opened the connection, and of the other end |
    | `roles_known` | bool | a SYN told who opened it; otherwise it is guessed from the ports |
    | `midstream` | bool | the connection is older than the capture |
    | `first_frame`, `last_frame` | int64 | its first and last frame |
    | `first_ts`, `last_ts` | datetime64[ns, UTC] | their times |
    | `previous` | Int64 | stream before it on the same pair of endpoints |
    | `client_state`, `server_state` | category | last state of that end, as in RFC 9293; `UNSEEN`: nothing of it |
    | `client_packets`, `server_packets` | Int64 | segments that this end sent |
    | `client_bytes`, `server_bytes` | Int64 | payload bytes that it sent, repetitions included |
    | `client_syns`, `server_syns` | Int64 | SYNs and SYN-ACKs that it sent |
    | `client_resets`, `server_resets` | Int64 | RSTs that it sent |
    | `client_new_bytes`, `server_new_bytes` | Int64 | payload bytes without repetitions |
    | `client_retransmissions`, `server_retransmissions` | Int64 | segments with payload or FIN that it sent again |
    | `client_retransmitted_bytes`, `server_retransmitted_bytes` | Int64 | payload bytes of these |
    | `client_out_of_order`, `server_out_of_order` | Int64 | segments that came late, and were not sent again |
    | `client_duplicate_acks`, `server_duplicate_acks` | Int64 | duplicate ACKs (RFC 5681 section 2) |
    | `client_zero_windows`, `server_zero_windows` | Int64 | segments in which it offered a window of 0 |
    | `client_zero_window_probes`, `server_zero_window_probes` | Int64 | its probes of the peer's closed window |
    | `client_keepalives`, `server_keepalives` | Int64 | TCP keepalive probes that it sent |
    | `client_challenge_acks`, `server_challenge_acks` | Int64 | ACKs with which it answered what it did not accept |
    | `client_unacceptable`, `server_unacceptable` | Int64 | segments outside of its window that reached it |
    | `client_bytes_not_captured`, `server_bytes_not_captured` | Int64 | acknowledged, and not in the capture |
    | `client_bad_checksums`, `server_bad_checksums` | Int64 | segments that it sent whose checksum is wrong |
    | `client_rtt_samples`, `server_rtt_samples` | Int64 | round trips measured between the tap and this end |
    | `client_rtt_min_ns`, `server_rtt_min_ns` | Int64 | the shortest of them, nanoseconds |
    | `client_rtt_mean_ns`, `server_rtt_mean_ns` | Int64 | their mean, nanoseconds |
    | `client_rtt_max_ns`, `server_rtt_max_ns` | Int64 | the longest, nanoseconds |
    """
    import pandas as pd

    return pd.DataFrame(series(columns)).set_index("stream")


def series(columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Columns of `FlowTable.columns` as those of a DataFrame, by its names of them."""
    import pandas as pd

    data: dict[str, Any] = {}
    for name, column in columns.items():
        if name in ("first_ts_ns", "last_ts_ns"):
            data[name.removesuffix("_ns")] = times(column)
        elif name in ("first_frame", "last_frame", "stream") or column.dtype == np.bool_:
            data[name] = column
        elif column.dtype == np.int64:
            data[name] = numbers(column, column == UNKNOWN)
        elif name.endswith("_state"):
            data[name] = pd.Categorical(column, categories=STATES)
        else:
            data[name] = pd.array(column, dtype="string")
    return data


def events_frame(tables: Tables, events: np.ndarray) -> "pd.DataFrame":
    """One row an event, in capture order: what the segments brought about, withdrawn events included. events: rows of
    the event table. `tcpdiag.model.event.EventKind` tells what `value`, `ref` and `detail` are of each kind.

    | column | dtype | meaning |
    |---|---|---|
    | `ts` | datetime64[ns, UTC] | when |
    | `stream` | Int64 | Wireshark's `tcp.stream`; <NA>: the capture itself |
    | `frame` | Int64 | the segment that made it true; <NA>: a timer did |
    | `kind` | category | name of the EventKind |
    | `side` | category | whom it is about: `client` or `server` |
    | `sender` | category | who sent the segment |
    | `state` | category | state of `side` after it; of a RST or SYN, before it |
    | `value` | int64 | its meaning depends on the kind, as do those of the next two |
    | `ref` | Int64 | a frame that belongs to it |
    | `detail` | uint8 | a code |
    | `flags` | string | flags of the segment, as in `S`, `.`, `P.`, `F.` |
    | `seq`, `ack` | uint32 | its SEQ and ACK as on the wire |
    | `payload_len` | uint32 | its payload, bytes |
    | `window` | uint32 | its window, bytes; unscaled where the scale is not known |
    | `ip_id` | uint16 | its IP ID |
    | `ttl` | uint8 | its TTL or hop limit |
    | `options` | uint8 | bits of `tcpdiag.model.segment.Option` |
    | `certain` | bool | proved; of a state: otherwise it is presumed |
    | `withdrawn` | bool | a state that later segments contradict: it did not happen |
    | `challenged` | bool | an unacceptable segment that was answered by an ACK |
    | `obey_expected` | bool | a RST that the receiver's stack is known to obey |
    | `challenge_expected` | bool | a segment that the receiver's stack is known to answer with an ACK |
    | `carried` | bool | a state that the earlier connection on this pair of endpoints left |
    | `timer` | bool | a state that a timer brought |
    """
    import pandas as pd

    flow = events["flow"].astype(np.int64)
    client = np.append(tables.client_side, 0)[flow]  # -1 picks the last, which stands for no flow
    flags, place = np.unique(events["flags"], return_inverse=True)
    letters = np.array([flag_letters(int(value)) for value in flags], dtype=object)
    data: dict[str, Any] = {
        "ts": times(events["ts_ns"]),
        "stream": numbers(flow, flow < 0),
        "frame": numbers(events["frame"], events["frame"] == 0),
        "kind": words(events["kind"], {kind: kind.name for kind in EventKind}),
    }
    for name in ("side", "sender"):
        data[name] = pd.Categorical.from_codes(np.where(flow < 0, -1, events[name] != client), list(SIDES))
    data["state"] = words(events["state"], {state: str(state) for state in State})
    data["value"] = events["value"].copy()
    data["ref"] = numbers(events["ref"], events["ref"] == 0)
    data["detail"] = events["detail"].copy()
    data["flags"] = pd.array(letters[place.reshape(-1)], dtype="string")
    data |= {name: events[name].copy() for name in ("seq", "ack", "payload_len", "window", "ip_id", "ttl", "options")}
    data |= {(bit.name or "").lower(): (events["bits"] & bit) != 0 for bit in EventBit}
    return pd.DataFrame(data)


def findings_frame(findings: Sequence[Finding]) -> "pd.DataFrame":
    """One row a finding, in rank order, by its id.

    | column | dtype | meaning |
    |---|---|---|
    | `id` (index) | string | `half-open-1` |
    | `kind` | category | `half-open`; `tcpdiag explain KIND` tells what it is |
    | `severity` | category | ordered: `info` < `notice` < `warning` < `critical` |
    | `confidence` | float64 | 0 to 1 |
    | `title` | string | one line |
    | `summary` | string | the whole story |
    | `endpoint` | string | `ip:port` or host that it is about |
    | `peer` | string | the other end |
    | `streams` | object | list of int: its connections |
    | `frames` | object | list of int: all frames that prove it |
    | `first_ts`, `last_ts` | datetime64[ns, UTC] | from when to when |
    """
    import pandas as pd

    data: dict[str, Any] = {
        "kind": pd.Categorical([finding.kind for finding in findings]),
        "severity": pd.Categorical([str(f.severity) for f in findings], [str(each) for each in Severity], ordered=True),
        "confidence": np.array([finding.confidence for finding in findings], np.float64),
    }
    for name in ("title", "summary", "endpoint", "peer"):
        data[name] = pd.array([getattr(finding, name) for finding in findings], dtype="string")
    for name in ("streams", "frames"):
        data[name] = pd.Series([list(getattr(finding, name)) for finding in findings], dtype=object).array
    for name in ("first_ts", "last_ts"):
        data[name] = times(pd.array([getattr(finding, f"{name}_ns") for finding in findings], dtype="Int64"))
    return pd.DataFrame(data, index=pd.Index([finding.id for finding in findings], name="id", dtype="string"))


def timeline_frame(moments: "Sequence[Moment]") -> "pd.DataFrame":
    """One row a moment of `Flow.timeline()`, in order of time. Several things in one cell are separated by `; `.

    | column | dtype | meaning |
    |---|---|---|
    | `ts` | datetime64[ns, UTC] | when |
    | `frame` | Int64 | its frame; of folded segments the first one; <NA>: a timer or a silence |
    | `count` | int64 | segments: 1, more where they are folded, 0 for a timer or a silence |
    | `sender` | category | `client` or `server` |
    | `segment` | string | the segment, what is folded, or how long nothing was captured |
    | `client_state`, `server_state` | category | both ends' states after it |
    | `changes` | string | states that it brought |
    | `verdicts` | string | what its receiver had to make of it, and the clause that says so |
    | `events` | string | what else it was: a retransmission, a probe, ... |
    | `findings` | string | ids of the findings that stand on it |
    """
    import pandas as pd

    data: dict[str, Any] = {
        "ts": times(np.array([moment.ts_ns for moment in moments], np.int64)),
        "frame": pd.array([moment.frame for moment in moments], dtype="Int64"),
        "count": np.array([moment.count for moment in moments], np.int64),
        "sender": pd.Categorical([moment.sender for moment in moments], categories=list(SIDES)),
        "segment": pd.array([moment.what for moment in moments], dtype="string"),
    }
    for index, side in enumerate(SIDES):
        words = [None if (state := moment.states[index]) is None else str(state) for moment in moments]
        data[f"{side}_state"] = pd.Categorical(words, categories=STATES)
    for name, part in (("changes", "changes"), ("verdicts", "verdicts"), ("events", "facts"), ("findings", "findings")):
        data[name] = pd.array(["; ".join(map(str, getattr(moment, part))) for moment in moments], dtype="string")
    return pd.DataFrame(data)


def times(ts_ns: Any) -> Any:
    """Epoch nanoseconds as a column of times."""
    import pandas as pd

    return pd.to_datetime(ts_ns, unit="ns", utc=True)


def words(codes: np.ndarray, names: Mapping[int, str]) -> Any:
    """Codes below 256 as a category of their names."""
    import pandas as pd

    place = np.full(256, -1, np.int8)
    place[list(names)] = np.arange(len(names))
    return pd.Categorical.from_codes(place[codes], list(names.values()))


def numbers(values: np.ndarray, unknown: np.ndarray) -> Any:
    """Whole numbers as a column; <NA> where `unknown`."""
    import pandas as pd

    return pd.arrays.IntegerArray(values.astype(np.int64), unknown)
