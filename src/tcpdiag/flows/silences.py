"""What silence tells: a sender whose next retransmission did not come has given up; FIN-WAIT-2 may be forgotten.

No segment marks these moments, so they are presumed (`EventBit.TIMER`, frame 0) and stand at the end of the event
table.

- Giving up is silent on most stacks (Linux: tcp_retries2, tcp_syn_retries, orphans). Retransmissions are spaced at
  least twice as far each time (RFC 6298 section 5.5), so the next one was due twice the last gap after the last.
- A FIN-WAIT-2 whose process has closed is forgotten after a time that the administrator chose (Linux: tcp_fin_timeout).
  A host that opens a 4-tuple again on which it was in FIN-WAIT-2 has shown that it forgets; how long it holds one it
  does not show, so on that host FIN-WAIT-2 is known only up to the endpoint's last segment.
"""

import numpy as np

from ..model.event import EVENT, EventBit, EventKind
from ..model.flow import EndpointBit
from ..model.states import State
from ..model.tables import Tables
from ..sets import among

__all__ = ["silent_events"]

_LONGEST_RTO_NS = 120_000_000_000  # Linux TCP_RTO_MAX
_LEAST_REPEATS = 2


def silent_events(tables: Tables) -> np.ndarray:
    """STATE events (EVENT rows) that silence brought, to be appended to the event table."""
    parts = (_gave_up_opening(tables), _gave_up_sending(tables), _forgotten(tables))
    return np.concatenate(parts)


def _rows(rows: np.ndarray, ts_ns: np.ndarray, state: State) -> np.ndarray:
    """One presumed STATE event for each endpoint row."""
    events = np.zeros(len(rows), EVENT)
    events["ts_ns"] = ts_ns
    events["flow"] = rows // 2
    events["side"] = events["sender"] = rows % 2
    events["kind"] = EventKind.STATE
    events["state"] = state
    events["bits"] = EventBit.TIMER
    return events


def _due(tables: Tables, rows: np.ndarray, last_ns: np.ndarray, gap_ns: np.ndarray) -> np.ndarray:
    """CLOSED for those whose next retransmission was due before the capture ended."""
    due = last_ns + np.minimum(2 * gap_ns, _LONGEST_RTO_NS)
    over = (due < tables.last_ts_ns) & (gap_ns > 0)
    return _rows(rows[over], due[over], State.CLOSED)


def _gave_up_opening(tables: Tables) -> np.ndarray:
    repeats = tables.events_by(EventKind.SYN_REPEATED)
    rows = 2 * repeats["flow"].astype(np.int64) + repeats["side"]
    order = np.argsort(rows, kind="stable")
    rows, repeats = rows[order], repeats[order]
    last = np.flatnonzero(np.r_[rows[1:] != rows[:-1], True]) if len(rows) else np.zeros(0, np.int64)
    still = tables.endpoints["state"][rows[last]] == State.SYN_SENT
    last = last[still]
    before = np.where((last > 0) & (rows[last - 1] == rows[last]), repeats["value"][last - 1], 0)
    return _due(tables, rows[last], repeats["ts_ns"][last], repeats["value"][last] - before)


def _gave_up_sending(tables: Tables) -> np.ndarray:
    """Only the few candidates are copied: the detail table is the largest of all."""
    repeated = np.flatnonzero(tables.details["retrans_run"] >= _LEAST_REPEATS)
    owner = np.full(len(tables.details) // 2, -1, np.int64)
    flows = np.flatnonzero(tables.flows["detail"] >= 0)
    owner[tables.flows["detail"][flows] // 2] = flows
    rows = 2 * owner[repeated // 2] + repeated % 2
    details, ends = tables.details[repeated], tables.endpoints[rows]
    waiting = (
        (ends["last_frame"] == details["last_retrans_frame"])
        & (ends["snd_una"] != ends["snd_nxt"])
        & (ends["state"] != State.CLOSED)
        & ((ends["bits"] & (EndpointBit.RST_SENT | EndpointBit.RST_OBEYED)) == 0)
    )
    details, ends, rows = details[waiting], ends[waiting], rows[waiting]
    # Of n retransmissions that double their distance, the last gap is about half of the whole run and a bit.
    count = np.minimum(details["retrans_run"].astype(np.float64), 40)
    run_ns = (ends["last_ts_ns"] - details["retrans_first_ts_ns"]).astype(np.float64)
    gap_ns = run_ns * 2 ** (count - 2) / (2 ** (count - 1) - 1)
    return _due(tables, rows, ends["last_ts_ns"], gap_ns.astype(np.int64))


def _forgotten(tables: Tables) -> np.ndarray:
    ends, flows = tables.endpoints, tables.flows
    held = np.flatnonzero(ends["state"] == State.FIN_WAIT_2)
    hosts = np.stack([flows["addr_hi"][held // 2, held % 2], flows["addr_lo"][held // 2, held % 2]], axis=1)
    reused = flows["previous"][(flows["previous"] >= 0)]
    proofs = among(held // 2, reused) & _opened_again(tables, held)
    known = {tuple(host) for host in hosts[proofs].tolist()}
    if not known:
        return np.zeros(0, EVENT)
    forgetful = np.array([tuple(host) in known for host in hosts.tolist()], bool)
    rows = held[forgetful]
    entered = tables.events["ts_ns"][ends["state_event"][rows]]
    return _rows(rows, np.maximum(entered, ends["last_ts_ns"][rows]), State.UNSEEN)


def _opened_again(tables: Tables, rows: np.ndarray) -> np.ndarray:
    """Whether the endpoint sent the SYN of the next flow on its 4-tuple."""
    flows = tables.flows
    later = np.full(len(flows), -1, np.int64)
    reused = np.flatnonzero(flows["previous"] >= 0)
    later[flows["previous"][reused]] = reused
    after = later[rows // 2]
    opener = tables.client_side[after]
    same = (flows["port"][rows // 2, rows % 2] == flows["port"][after, opener]) & (
        flows["addr_lo"][rows // 2, rows % 2] == flows["addr_lo"][after, opener]
    )
    found: np.ndarray = (after >= 0) & same
    return found
