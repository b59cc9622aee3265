"""The second look: one flow's segments, read from the capture again. The first pass keeps none of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .again import parts
from .flow_columns import SIDES
from .model.event import EventBit, EventKind
from .model.flow import EndpointBit
from .model.notation import flag_letters
from .model.segment import SEGMENT, Checksum, Flag, Option, Origin
from .model.tables import Tables

if TYPE_CHECKING:
    import pandas as pd

NO_SCALE = 255


def raw_segments(tables: Tables, stream: int, paths: Sequence[str]) -> np.ndarray:
    """The SEGMENT rows of one stream, in capture order. Of redacted tables they have the addresses of these.

    Raises UsageError for standard input, which is gone by now, and for a report from JSON; UnreadableInput for a file
    that is gone.
    """
    found = [part.rows.copy() for part in parts(tables, paths, np.array([stream])) if len(part.rows)]
    return np.concatenate(found) if found else np.zeros(0, SEGMENT)


def segments(tables: Tables, stream: int, paths: Sequence[str]) -> "pd.DataFrame":
    """One row a segment, by its frame. SEQ and ACK count from the beginning of the connection, as in Wireshark.

    | column | dtype | meaning |
    |---|---|---|
    | `frame` (index) | int64 | Wireshark's `frame.number` |
    | `ts` | datetime64[ns, UTC] | when it was captured |
    | `side` | category | who sent it: `client` or `server` |
    | `flags` | string | as in `S`, `.`, `P.`, `F.` |
    | `seq` | int64 | first byte of its payload; goes on past 2**32 |
    | `ack` | Int64 | next byte that it expects; <NA> without the ACK flag |
    | `payload_len` | int64 | bytes |
    | `window_bytes` | Int64 | its window; <NA> while the scale is not known |
    | `mss`, `wscale` | Int64 | these options of a SYN; <NA>: absent |
    | `tsval`, `tsecr` | Int64 | timestamps option (RFC 7323); <NA>: absent |
    | `sack` | object | list of (left, right) edges, relative |
    | `ttl` | int64 | TTL or hop limit |
    | `ip_id` | int64 | IP ID; 0 for IPv6 |
    | `checksum` | category | `good`, `bad`, `partial`: left to the network card, `unverifiable`: not all was captured |
    | `truncated` | bool | the capture does not have all of it |
    | `events` | string | what it brought about, separated by commas |
    """
    import pandas as pd

    rows = raw_segments(tables, stream, paths)
    flow = tables.flows[stream]
    side = sender_of(rows, flow)
    bases = bases_of(tables, stream, rows, side)
    flags = rows["flags"]
    data: dict[str, Any] = {
        "frame": rows["frame"].astype(np.int64),
        "ts": pd.to_datetime(rows["ts_ns"], unit="ns", utc=True),
        "side": pd.Categorical(np.where(side == int(tables.client_side[stream]), *SIDES), categories=list(SIDES)),
        "flags": pd.array([flag_letters(int(value)) for value in flags], dtype="string"),
        "seq": relative_numbers(rows["seq"], side, bases),
        "ack": pd.arrays.IntegerArray(relative_numbers(rows["ack"], 1 - side, bases), (flags & Flag.ACK) == 0),
        "payload_len": rows["payload_len"].astype(np.int64),
        "window_bytes": pd.arrays.IntegerArray(*window_bytes(tables, stream, rows, side)),
    }
    for name, option in (("mss", Option.MSS), ("wscale", Option.WSCALE)):
        data[name] = _optional(rows, name, option)
    for name in ("tsval", "tsecr"):
        data[name] = _optional(rows, name, Option.TIMESTAMPS)
    sack = [_sack(row, bases[1 - int(sender)]) for row, sender in zip(rows, side, strict=True)]
    data["sack"] = pd.Series(sack, dtype=object).array
    data["ttl"] = rows["ttl"].astype(np.int64)
    data["ip_id"] = rows["ip_id"].astype(np.int64)
    names = [each.name.lower() for each in Checksum]
    data["checksum"] = pd.Categorical([Checksum(int(value)).name.lower() for value in rows["checksum"]], names)
    data["truncated"] = (rows["origin"] & Origin.TRUNCATED) != 0
    data["events"] = pd.array(_event_names(tables, stream, rows["frame"]), dtype="string")
    return pd.DataFrame(data).set_index("frame")


def _from(segments: np.ndarray, flow: np.void, side: int) -> np.ndarray:
    """Which segments the endpoint on `side` sent to the other one."""
    mask = np.ones(len(segments), np.bool_)
    for sender, prefix, port in ((side, "src", "sport"), (1 - side, "dst", "dport")):
        mask &= segments[f"{prefix}_hi"] == flow["addr_hi"][sender]
        mask &= segments[f"{prefix}_lo"] == flow["addr_lo"][sender]
        mask &= segments[port] == flow["port"][sender]
    return mask


def sender_of(rows: np.ndarray, flow: np.void) -> np.ndarray:
    """Side of the sender of each SEGMENT row of a flow: 0 or 1 (i8)."""
    return np.where(_from(rows, flow, 0), 0, 1)


def bases_of(tables: Tables, stream: int, rows: np.ndarray, side: np.ndarray) -> list[int]:
    """What relative numbers count from, by side: the ISN; without one, the first number seen, as Wireshark does."""
    bases = []
    for sender in (0, 1):
        endpoint = tables.endpoint(stream, sender)
        seen = rows["seq"][side == sender]
        acked = rows["ack"][(side != sender) & ((rows["flags"] & Flag.ACK) != 0)]
        if endpoint["bits"] & EndpointBit.ISN_KNOWN:
            bases.append(int(endpoint["isn"]))
        else:
            bases.append(int(seen[0]) if len(seen) else int(acked[0]) if len(acked) else 0)
    return bases


def relative_numbers(numbers: np.ndarray, side: np.ndarray, bases: list[int]) -> np.ndarray:
    """Sequence numbers of a column counted from the base of their side, past 2**32 too (i8)."""
    found = np.zeros(len(numbers), np.int64)
    for sender in (0, 1):
        mine = np.flatnonzero(side == sender)
        steps = np.diff(numbers[mine], prepend=np.uint32(bases[sender])).astype(np.uint32).view(np.int32)
        found[mine] = np.cumsum(steps.astype(np.int64))
    return found


def window_bytes(tables: Tables, stream: int, rows: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SEG.WND of each row in bytes (i8), and where the scale is not known, so that it is as in the header (bool)."""
    window = rows["window"].astype(np.int64)
    unknown = np.zeros(len(rows), np.bool_)
    is_syn = (rows["flags"] & Flag.SYN) != 0  # the window of a SYN is never scaled, RFC 7323 section 2.2
    scales = [int(tables.endpoint(stream, sender)["wscale"]) for sender in (0, 1)]
    for sender in (0, 1):
        mine = (side == sender) & ~is_syn
        if not tables.endpoint(stream, sender)["bits"] & EndpointBit.SCALE_KNOWN:
            unknown |= mine
        elif NO_SCALE not in scales:
            window[mine] <<= min(scales[sender], 14)
    return window, unknown


def _optional(rows: np.ndarray, name: str, option: Option) -> Any:
    import pandas as pd

    return pd.arrays.IntegerArray(rows[name].astype(np.int64), (rows["options"] & option) == 0)


def _sack(row: np.void, base: int) -> list[tuple[int, int]]:
    edges = [(int(edge) - base) % 2**32 for edge in row["sack"][: 2 * int(row["n_sack"])]]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _event_names(tables: Tables, stream: int, frames: np.ndarray) -> list[str]:
    names: dict[int, list[str]] = {}
    for event in tables.events_of(stream):
        if not event["bits"] & EventBit.WITHDRAWN:
            name = EventKind(int(event["kind"])).name.lower().replace("_", " ")
            names.setdefault(int(event["frame"]), []).append(name)
    return [", ".join(names.get(int(frame), ())) for frame in frames]
