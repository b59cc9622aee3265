"""Columns that people read, made from the sums of the counting kernel. `dataframes.wide_flows_frame` defines them."""

import numpy as np

from ..flow_columns import SIDES, UNKNOWN
from ..model.flow import EndpointBit
from ..model.segment import Option
from ..model.statistics import Known, Times
from ..model.tables import Tables
from .endings import conn_states, histories
from .gather import Gathered

NO_SCALE, MOST_SCALE = 255, 14

COUNTS = (
    *("ack_packets", "pure_acks", "sack_packets", "dsack_packets", "max_sack_blocks"),
    *("data_packets", "unique_bytes", "rexmt_packets", "rexmt_bytes", "late_packets", "pushed_packets", "fins"),
    *("closed_window_packets", "closed_window_bytes", "urgent_packets", "urgent_bytes"),
    *("truncated_packets", "truncated_bytes", "hardware_duplicates"),
    *("post_loss_acks", "segments_acked_together", "acks_inside_segments", "repeated_acks", "triple_duplicate_acks"),
)
"""Columns of STATISTIC that are told as they are."""

TIMES = {"ack_rtt": Times.ACKED, "full_rtt": Times.FULL, "ambiguous_rtt": Times.AMBIGUOUS, "rexmt_time": Times.RESENT}
"""What the names of a distribution begin with."""


def columns(tables: Tables, gathered: Gathered) -> dict[str, np.ndarray]:
    """Name -> column, one value a connection of `gathered`. i8 with UNKNOWN, f8 with NaN, words as objects."""
    streams = gathered.streams
    flows = tables.flows[streams]
    duration = np.maximum(flows["last_ts_ns"] - flows["first_ts_ns"], 0)
    found = {
        "duration_ns": duration,
        "conn_state": conn_states(gathered),
        "history": histories(gathered),
        "copies": flows["copies"].astype(np.int64),
    }
    client = 2 * np.arange(len(streams)) + tables.client_side[streams]
    sides = [_Side(tables, gathered, at, duration).columns() for at in (client, client ^ 1)]
    for name in sides[0]:
        found |= {f"{side}_{name}": part[name] for side, part in zip(SIDES, sides, strict=True)}
    return found


class _Side:
    """The columns of one end of every connection. rows: of `gathered.ends`."""

    def __init__(self, tables: Tables, gathered: Gathered, rows: np.ndarray, duration: np.ndarray) -> None:
        self._tables = tables
        self._ends = gathered.ends[rows]
        self._peer_fins = gathered.ends["fins"][rows ^ 1]
        self._frame_bytes = gathered.frame_bytes[rows]
        self._first_pass = 2 * gathered.streams[rows >> 1].astype(np.int64) + (rows & 1)
        self._duration = duration

    def columns(self) -> dict[str, np.ndarray]:
        found = {name: self._ends[name].astype(np.int64) for name in COUNTS}
        found["frame_bytes"] = self._frame_bytes
        return found | self._offers() | self._sizes() | self._windows() | self._stream() | self._times()

    def _known(self, bit: Known) -> np.ndarray:
        mask: np.ndarray = (self._ends["known"] & bit) != 0
        return mask

    def _offers(self) -> dict[str, np.ndarray]:
        """What its SYN had to say."""
        ends, syn = self._ends, self._known(Known.SYN)

        def offered(option: Option) -> np.ndarray:
            mask: np.ndarray = syn & ((ends["syn_options"] & option) != 0)
            return mask

        return {
            "mss": _where(offered(Option.MSS), ends["mss"]),
            "wscale": _where(offered(Option.WSCALE), ends["wscale"]),
            "sack_permitted": _where(syn, offered(Option.SACK_PERMITTED)),
            "timestamps": _where(self._known(Known.SEGMENT), (ends["options"] & Option.TIMESTAMPS) != 0),
        }

    def _sizes(self) -> dict[str, np.ndarray]:
        ends = self._ends
        some, flight = ends["data_packets"] > 0, self._known(Known.FLIGHT)
        syn = self._known(Known.SYN)
        return {
            "max_segment": _where(some, ends["max_segment"]),
            "min_segment": _where(some, ends["min_segment"]),
            "mean_segment": _ratio(ends["data_bytes"], ends["data_packets"]),
            "max_outstanding": _where(flight, ends["flight_max"]),
            "min_outstanding": _where(ends["flight_min"] > 0, ends["flight_min"]),
            "mean_outstanding": _ratio(ends["flight_sum"], ends["flight_samples"]),
            "weighted_outstanding": _ratio(ends["flight_integral"], np.where(flight, self._duration, 0)),
            "initial_window_bytes": _where(syn, ends["initial_bytes"]),
            "initial_window_packets": _where(syn, ends["initial_packets"]),
        }

    def _windows(self) -> dict[str, np.ndarray]:
        """Windows in bytes: those of SYNs are never scaled, and are left out where others are."""
        ends = self._ends
        endpoints, peers = (self._tables.endpoints[rows] for rows in (self._first_pass, self._first_pass ^ 1))
        scaled = (endpoints["wscale"] != NO_SCALE) & (peers["wscale"] != NO_SCALE)
        shift = np.where(scaled, np.minimum(endpoints["wscale"], MOST_SCALE), 0).astype(np.int64)
        later, syns = ends["windows"].astype(np.int64), ends["syn_windows"].astype(np.int64)
        known = (later == 0) | ((endpoints["bits"] & EndpointBit.SCALE_KNOWN) != 0)
        some = known & (later + syns > 0)
        with_syns = ~scaled | (later == 0)
        low, syn_low = (ends[name].astype(np.int64) for name in ("window_min", "syn_window_min"))
        high = np.maximum(ends["window_max"].astype(np.int64) << shift, np.where(with_syns, ends["syn_window_max"], 0))
        lows = np.where(low > 0, low << shift, UNKNOWN), np.where(with_syns & (syn_low > 0), syn_low, UNKNOWN)
        least = np.where(
            (lows[0] == UNKNOWN) | (lows[1] == UNKNOWN), np.maximum(lows[0], lows[1]), np.minimum(lows[0], lows[1])
        )
        total = (ends["window_sum"] << shift) + np.where(with_syns, ends["syn_window_sum"], 0)
        return {
            "max_window": _where(some, high),
            "min_window": _where(some, least),
            "mean_window": _ratio(total, np.where(some, later + np.where(with_syns, syns, 0), 0)),
        }

    def _stream(self) -> dict[str, np.ndarray]:
        ends = self._ends
        whole = self._known(Known.SYN) & self._known(Known.FIN)
        length = ends["fin_pos"] - ends["syn_pos"] - 1
        data = self._known(Known.DATA)
        return {
            "stream_length": _where(whole, length),
            "missed_bytes": _where(whole, length - ends["unique_bytes"]),
            "data_duration_ns": _where(data, np.maximum(ends["last_data_ts_ns"] - ends["first_data_ts_ns"], 0)),
            "max_idle_ns": _where(self._known(Known.SEGMENT), self._idle()),
            "throughput": _ratio(ends["unique_bytes"], self._duration / 1e9),
        }

    def _idle(self) -> np.ndarray:
        """The time to the end of the capture counts where the connection was still open."""
        ends = self._ends
        resets = self._tables.endpoints["resets"]
        closed = (resets[self._first_pass] > 0) | (resets[self._first_pass ^ 1] > 0)
        closed |= (ends["fins"] > 0) & (self._peer_fins > 0)
        silent = np.where(closed, 0, self._tables.last_ts_ns - ends["last_ts_ns"])
        found: np.ndarray = np.maximum(ends["max_idle_ns"], silent)
        return found

    def _times(self) -> dict[str, np.ndarray]:
        ends = self._ends
        found = {"handshake_rtt_ns": _where(self._known(Known.HANDSHAKE), ends["handshake_ns"])}
        found["full_rtt_bytes"] = _where(ends["time_count"][:, Times.FULL] > 0, ends["full_len"])
        for name, which in TIMES.items():
            count = ends["time_count"][:, which].astype(np.int64)
            spread = np.sqrt(ends["time_m2"][:, which] / np.maximum(count - 1, 1))
            found[f"{name}_samples"] = count
            found[f"{name}_min_ns"] = _where(count > 0, ends["time_min_ns"][:, which])
            found[f"{name}_mean_ns"] = _where(count > 0, np.rint(ends["time_mean"][:, which]))
            found[f"{name}_max_ns"] = _where(count > 0, ends["time_max_ns"][:, which])
            found[f"{name}_stdev_ns"] = _where(count > 1, np.rint(spread))
        found["ambiguous_acks"] = found.pop("ambiguous_rtt_samples")
        found["max_retransmissions"] = ends["max_resent"].astype(np.int64)
        return found


def _where(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where(known, values.astype(np.int64), UNKNOWN)


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """f8; NaN for nothing of something."""
    found = np.full(len(total), np.nan)
    np.divide(total.astype(np.float64), count.astype(np.float64), out=found, where=count > 0)
    return found
