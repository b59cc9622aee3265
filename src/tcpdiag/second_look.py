"""The second look: one flow's segments, read from the capture again. The first pass keeps none of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .again import parts
from .capture.reader import Progress
from .flow_columns import SIDES
from .model.event import EventBit, EventKind
from .model.flow import EndpointBit
from .model.notation import flag_letters
from .model.segment import SEGMENT, Checksum, Flag, Option, Origin
from .model.tables import Tables
from .model.verdict import VERDICT
from .verdicts import verdicts
from .verdicts.collected import prove_needless
from .verdicts.columns import verdict_columns

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


def judged_segments(
    tables: Tables, stream: int, paths: Sequence[str], *, wireshark: bool = False, on_progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The SEGMENT rows of one stream, and a VERDICT row for each: ours, or Wireshark's. Raises as `raw_segments`."""
    judged_parts = verdicts(tables, paths, np.array([stream]), wireshark=wireshark, on_progress=on_progress)
    found = [
        (judged.part.rows.copy(), judged.part.streams, judged.verdicts)
        for judged in judged_parts
        if len(judged.verdicts)
    ]
    if not found:
        return np.zeros(0, SEGMENT), np.zeros(0, VERDICT)
    rows, streams, judgements = (np.concatenate(columns) for columns in zip(*found, strict=True))
    prove_needless(rows["frame"], streams, judgements)
    return rows, judgements


def segments(
    tables: Tables, stream: int, paths: Sequence[str], *, wireshark: bool = False, on_progress: Progress | None = None
) -> "pd.DataFrame":
    """One row a segment, by its frame. SEQ and ACK count from the beginning of the connection, as in Wireshark.

    From `retransmission` on the columns are verdicts, in Wireshark's names (`tcp.analysis.*`): by our rules, or, with
    `wireshark`, by Wireshark 4.0's, without the columns that it has not got: `challenge_ack`, `copy`, and those from
    `retransmission_kind` on. Where the two differ, and why: `help(tcpdiag.verdicts)`.

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
    | `retransmission` | bool | it sends again what was sent before |
    | `fast_retransmission` | bool | because duplicate ACKs or SACK asked for it |
    | `spurious_retransmission` | bool | of what had arrived |
    | `out_of_order` | bool | it is late, and was not sent again |
    | `lost_segment` | bool | what was sent before it is not in the capture |
    | `ack_lost_segment` | bool | what it acknowledges is not in the capture |
    | `duplicate_ack` | bool | it repeats an ACK while something is outstanding |
    | `keep_alive` | bool | a keepalive probe (RFC 9293 section 3.8.4) |
    | `keep_alive_ack` | bool | the answer to one |
    | `zero_window` | bool | its sender's window is closed |
    | `window_full` | bool | it fills the peer's window |
    | `window_update` | bool | it does nothing but change the window |
    | `zero_window_probe` | bool | a probe of a closed window (RFC 9293 section 3.8.6.1) |
    | `zero_window_probe_ack` | bool | the answer to one: still closed |
    | `reused_ports` | bool | it opens a connection on a pair of endpoints that had one before |
    | `challenge_ack` | bool | it answers what its sender did not accept (RFC 5961); see `cause_frame` |
    | `copy` | bool | the capture has this packet twice; see `cause_frame` |
    | `duplicate_ack_num` | Int64 | 1, 2, ... of those that repeat one ACK |
    | `duplicate_ack_frame` | Int64 | the ACK that it repeats |
    | `acks_frame` | Int64 | the segment whose end it acknowledges |
    | `ack_rtt_ns` | Int64 | time since that, nanoseconds; <NA>: it was sent more than once (Karn) |
    | `initial_rtt_ns` | Int64 | of the handshake, nanoseconds |
    | `rto_ns` | Int64 | time since what it repeats, nanoseconds |
    | `rto_frame` | Int64 | the segment that it repeats; <NA>: not captured |
    | `bytes_in_flight` | Int64 | payload of its sender that is neither acknowledged nor SACKed, after it |
    | `completeness` | int64 | what the capture has until here: SYN 1, SYN-ACK 2, ACK 4, data 8, FIN 16, RST 32 |
    | `retransmission_kind` | category | `timeout`, `fast`, `sack`, `tail loss probe`, `unknown` |
    | `loss` | category | where its first copy was lost: `before the tap`, `after the tap`, `nowhere`, `unknown` |
    | `dsacked` | bool | the receiver told later that it had it twice (RFC 2883) |
    | `cause_frame` | Int64 | what a challenge ACK or the answer to a probe answers, what a copy copies |
    """
    import pandas as pd

    rows, judgements = judged_segments(tables, stream, paths, wireshark=wireshark, on_progress=on_progress)
    flow = tables.flows[stream]
    side = sender_of(rows, flow)
    bases = bases_of(tables, stream, rows, side)
    flags = rows["flags"]
    data: dict[str, Any] = {
        "frame": rows["frame"].astype(np.int64),
        "ts": pd.to_datetime(rows["ts_ns"], unit="ns", utc=True),
        "side": pd.Categorical(np.where(side == int(tables.client_side[stream]), *SIDES), categories=list(SIDES)),
        "flags": pd.array(_letters(flags), dtype="string"),
        "seq": relative_numbers(rows["seq"], side, bases),
        "ack": pd.arrays.IntegerArray(relative_numbers(rows["ack"], 1 - side, bases), (flags & Flag.ACK) == 0),
        "payload_len": rows["payload_len"].astype(np.int64),
        "window_bytes": pd.arrays.IntegerArray(*window_bytes(tables, stream, rows, side)),
    }
    for name, option in (("mss", Option.MSS), ("wscale", Option.WSCALE)):
        data[name] = _optional(rows, name, option)
    for name in ("tsval", "tsecr"):
        data[name] = _optional(rows, name, Option.TIMESTAMPS)
    data["sack"] = pd.Series(_sacks(rows, side, bases), dtype=object).array
    data["ttl"] = rows["ttl"].astype(np.int64)
    data["ip_id"] = rows["ip_id"].astype(np.int64)
    data["checksum"] = pd.Categorical.from_codes(rows["checksum"], categories=[each.name.lower() for each in Checksum])
    data["truncated"] = (rows["origin"] & Origin.TRUNCATED) != 0
    data["events"] = pd.array(_event_names(tables, stream, rows["frame"]), dtype="string")
    data |= verdict_columns(judgements, wireshark=wireshark)
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
        end = tables.endpoint(stream, sender)
        unread = end["options"] & Option.UNPARSABLE and end["wscale"] == NO_SCALE
        if unread or not end["bits"] & EndpointBit.SCALE_KNOWN:
            unknown |= mine
        elif NO_SCALE not in scales:
            window[mine] <<= min(scales[sender], 14)
    return window, unknown


def _optional(rows: np.ndarray, name: str, option: Option) -> Any:
    import pandas as pd

    return pd.arrays.IntegerArray(rows[name].astype(np.int64), (rows["options"] & option) == 0)


def _letters(flags: np.ndarray) -> np.ndarray:
    kinds, places = np.unique(flags, return_inverse=True)
    found: np.ndarray = np.array([flag_letters(int(kind)) for kind in kinds], dtype=object)[places.reshape(-1)]
    return found


def _sacks(rows: np.ndarray, side: np.ndarray, bases: list[int]) -> list[list[tuple[int, int]]]:
    """SACK blocks of each row, relative to what its peer sends."""
    found: list[list[tuple[int, int]]] = [[] for _ in range(len(rows))]
    for index in np.flatnonzero(rows["n_sack"]).tolist():
        base, row = bases[1 - int(side[index])], rows[index]
        edges = [(int(edge) - base) % 2**32 for edge in row["sack"][: 2 * int(row["n_sack"])]]
        found[index] = list(zip(edges[::2], edges[1::2], strict=True))
    return found


def _event_names(tables: Tables, stream: int, frames: np.ndarray) -> list[str]:
    names: dict[int, list[str]] = {}
    for event in tables.events_of(stream):
        if not event["bits"] & EventBit.WITHDRAWN:
            name = EventKind(int(event["kind"])).name.lower().replace("_", " ")
            names.setdefault(int(event["frame"]), []).append(name)
    return [", ".join(names.get(int(frame), ())) for frame in frames]
