"""How long endpoints stayed in CLOSE-WAIT: the intervals that several diagnoses judge, by whole columns."""

from enum import IntEnum
from typing import Final

import numpy as np

from ..model.event import EventBit, EventKind
from ..model.flow import EndpointBit
from ..model.states import State
from ..sets import among
from .view import View

HELD: Final = np.dtype(
    [
        ("flow", "<i8"),
        ("side", "<i8"),
        ("since_ns", "<i8"),  # the peer's FIN arrived
        ("until_ns", "<i8"),  # it left CLOSE-WAIT, its 4-tuple was wanted again, or the capture ended
        ("idle_ns", "<i8"),  # of that, at the end, without any new text of its own
        ("fin_frame", "<u4"),
        ("syn_frame", "<u4"),  # of the SYN that met it; 0: none
        ("end", "u1"),  # End
    ]
)


_NOT_VALID: Final = int(EventBit.WITHDRAWN | EventBit.CARRIED)
_LEFT: Final = (State.LAST_ACK, State.CLOSED, State.TIME_WAIT)
"""States behind CLOSE-WAIT."""


class End(IntEnum):
    """How a stay in CLOSE-WAIT ended."""

    CAPTURE = 0  # not at all, as far as was captured
    CLOSED_BY_ITSELF = 1  # it sent its FIN or a RST
    RESET = 2  # the peer's RST removed it
    WANTED = 3  # the peer had given it up: it wanted the 4-tuple for a new connection


def close_wait(view: View, at_least_ns: int) -> np.ndarray:
    """HELD rows of the stays in CLOSE-WAIT that were silent for `at_least_ns`, or that a new SYN ran into.

    In order of flow. Endpoints with unacknowledged data are left out: these wait for the peer, not for the
    application.
    """
    return _silent(view, stays(view, at_least_ns), at_least_ns)


def stays(view: View, at_least_ns: int) -> np.ndarray:
    """HELD rows of the stays in CLOSE-WAIT of `at_least_ns`, silent or not, or that a new SYN ran into; `idle_ns` is 0.

    In order of flow.
    """
    entries, met = view.once(_entries), view.once(_met)
    held = _with_ends(view, entries[_candidates(view, entries, met, at_least_ns)])
    _collisions(view, held, met)
    held = held[~_may_have_closed(view, held) | (held["syn_frame"] > 0)]
    found: np.ndarray = held[(held["until_ns"] - held["since_ns"] >= at_least_ns) | (held["syn_frame"] > 0)]
    return found


def _entries(view: View) -> np.ndarray:
    """HELD rows of the last entry of every endpoint into CLOSE-WAIT, in order of flow; their ends not yet known."""
    rows = _entering(view, State.CLOSE_WAIT)
    key = np.sort((_key(view, rows) << 32) | rows)
    key = key[np.append(key[1:] >> 32 != key[:-1] >> 32, True)[: len(key)]]  # the latest entry of each endpoint
    ends, rows = key >> 32, key & 0xFFFFFFFF
    held = np.zeros(len(rows), HELD)
    held["flow"], held["side"] = ends >> 1, ends & 1
    held["since_ns"], held["fin_frame"] = view.events["ts_ns"][rows], view.events["frame"][rows]
    return held


def _candidates(view: View, entries: np.ndarray, met: np.ndarray, at_least_ns: int) -> np.ndarray:
    """Where the stay may have been that long, or a SYN ran into it: all others left before their flow ended."""
    chosen: np.ndarray = view.flows["last_ts_ns"][entries["flow"]] - entries["since_ns"] >= at_least_ns
    chosen |= ~among(view.side("state")[entries["flow"], entries["side"]], _LEFT)
    wanted = np.zeros(len(view.flows), bool)
    wanted[met["value"]] = True
    chosen |= wanted[entries["flow"]]
    return chosen


def _with_ends(view: View, held: np.ndarray) -> np.ndarray:
    """These entries with their ends: the first event after each in which the endpoint left CLOSE-WAIT."""
    rows = _entering(view, *_LEFT, flows=held["flow"])[::-1]
    known, at = _place(held, _key(view, rows))
    left, at = view.events[rows[known]], at[known]
    later = left["ts_ns"] >= held["since_ns"][at]
    left, at = left[later], at[later]
    held["until_ns"] = view.last_ts_ns
    held["until_ns"][at] = left["ts_ns"]  # the earliest is written last
    reset = (left["state"] == State.CLOSED) & (left["sender"] != left["side"])
    held["end"][at] = np.where(reset, End.RESET, End.CLOSED_BY_ITSELF)
    return held


def _place(held: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of these endpoints are among the held ones, and in which row."""
    ends = 2 * held["flow"] + held["side"]
    rows = np.searchsorted(ends, keys)
    known = rows < len(ends)
    known[known] = ends[rows[known]] == keys[known]
    return known, rows


def _entering(view: View, *states: State, flows: np.ndarray | None = None) -> np.ndarray:
    """Rows of the valid events in which an endpoint (of these flows) got into one of these states, ascending."""
    rows = view.rows_entering(*states)
    if flows is not None:
        wanted = np.zeros(len(view.flows), bool)
        wanted[flows] = True
        rows = rows[wanted[view.event_flow[rows]]]
    valid: np.ndarray = rows[(view.events["bits"][rows] & _NOT_VALID) == 0]
    return valid


def _key(view: View, rows: np.ndarray) -> np.ndarray:
    """Row in the endpoint table of the endpoint that each event is about."""
    key: np.ndarray = 2 * view.event_flow[rows].astype(np.int64) + view.events["side"][rows]
    return key


def _may_have_closed(view: View, held: np.ndarray) -> np.ndarray:
    """Where the peer acknowledged, after its own FIN, something that was not captured: that can have been the FIN."""
    unseen = view.by_kind(EventKind.ACK_UNSEEN, EventKind.BAD_ACK)
    last = unseen["kind"] == EventKind.BAD_ACK  # one number too high, and no ACK after it to tell more: a FIN
    unseen = unseen[~last | (unseen["value"] == 1)]
    known, at = _place(held, 2 * unseen["flow"].astype(np.int64) + 1 - unseen["sender"])
    unseen, at = unseen[known], at[known]
    found = np.zeros(len(held), bool)
    found[at[unseen["ts_ns"] >= held["since_ns"][at]]] = True
    return found


def _met(view: View) -> np.ndarray:
    """The SYNs that met a captured connection in CLOSE-WAIT."""
    met = view.by_kind(EventKind.SYN_IN_CONNECTION)
    found: np.ndarray = met[(met["state"] == State.CLOSE_WAIT) & (met["value"] >= 0)]
    return found


def _collisions(view: View, held: np.ndarray, met: np.ndarray) -> None:
    """Ends a stay where a SYN for a new connection met it."""
    met = met[::-1]
    known, rows = _place(held, 2 * met["value"] + met["side"])
    met, rows = met[known], rows[known]
    later = held["since_ns"][rows] <= met["ts_ns"]
    met, rows = met[later], rows[later]
    held["end"][rows] = End.WANTED  # the earliest is written last
    held["until_ns"][rows], held["syn_frame"][rows] = met["ts_ns"], met["frame"]


def _silent(view: View, held: np.ndarray, at_least_ns: int) -> np.ndarray:
    """Those that sent no new text for long enough, and have nothing in flight. Fills in `idle_ns`."""
    first = view.flows["detail"][held["flow"]].astype(np.int64)
    known = first >= 0
    last_text = (
        view.tables.details["last_text_ts_ns"][np.where(known, first + held["side"], 0)]
        if len(view.tables.details)
        else np.zeros(len(held), np.int64)
    )
    begin = np.maximum(held["since_ns"], np.where(known & (last_text <= held["until_ns"]), last_text, 0))
    held["idle_ns"] = held["until_ns"] - begin
    silent, met = held["idle_ns"] >= at_least_ns, held["syn_frame"] > 0
    kept: np.ndarray = held[((silent & _proved(view, held)) | met) & ~_in_flight(view, held)]
    return kept


def quiet(view: View, held: np.ndarray) -> np.ndarray:
    """Which of these acknowledged the peer's FIN in sight, and have nothing in flight."""
    found: np.ndarray = _proved(view, held) & ~_in_flight(view, held)
    return found


def _proved(view: View, held: np.ndarray) -> np.ndarray:
    """Without an ACK for the peer's FIN, and no second FIN either, the ACK is what the capture lacks: maybe with a
    FIN of its own."""
    bits = view.tables.endpoints["bits"][2 * held["flow"] + held["side"]]
    found: np.ndarray = (bits & int(EndpointBit.FIN_PROVED)) != 0
    return found


def _in_flight(view: View, held: np.ndarray) -> np.ndarray:
    """Which still wait for an ACK of their peer."""
    ends = view.tables.endpoints[2 * held["flow"] + held["side"]]
    sent = (ends["bits"] & int(EndpointBit.SND_KNOWN | EndpointBit.SYN_ACKED)) != 0
    found: np.ndarray = sent & (ends["snd_nxt"] != ends["snd_una"]) & (held["end"] == End.CAPTURE)
    return found
