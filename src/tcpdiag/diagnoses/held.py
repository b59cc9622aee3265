"""How long endpoints stayed in CLOSE-WAIT: the intervals that several diagnoses judge, by whole columns."""

from enum import IntEnum
from typing import Final

import numpy as np

from ..model.event import EventBit, EventKind
from ..model.flow import EndpointBit
from ..model.states import State
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
    stays = view.once(_stays)
    long = stays[(stays["until_ns"] - stays["since_ns"] >= at_least_ns) | (stays["syn_frame"] > 0)]
    return _silent(view, long, at_least_ns)


def _stays(view: View) -> np.ndarray:
    """HELD rows of the last stay in CLOSE-WAIT of every endpoint that was in it."""
    entered = _entered(view, State.CLOSE_WAIT)
    if not len(entered):
        return np.zeros(0, HELD)
    since, fin_frame = _latest(view, entered)
    left = _entered(view, State.LAST_ACK, State.CLOSED, State.TIME_WAIT)[::-1]
    key = _key(left)
    left, key = left[left["ts_ns"] >= since[key]], key[left["ts_ns"] >= since[key]]
    until, how = np.full(len(since), -1, np.int64), np.zeros(len(since), np.uint8)
    until[key] = left["ts_ns"]  # the earliest is written last
    how[key] = np.where((left["state"] == State.CLOSED) & (left["sender"] != left["side"]), End.RESET, 1)
    held = np.zeros(np.count_nonzero(fin_frame), HELD)
    rows = np.flatnonzero(fin_frame)
    held["flow"], held["side"] = rows >> 1, rows & 1
    held["since_ns"], held["fin_frame"] = since[rows], fin_frame[rows]
    held["end"] = how[rows]
    held["until_ns"] = np.where(until[rows] < 0, view.last_ts_ns, until[rows])
    _collisions(view, held)
    return held


def _entered(view: View, *states: State) -> np.ndarray:
    """The valid events in which an endpoint got into one of these states by itself or by its peer, in capture order."""
    rows = view.rows_entering(*states)
    events: np.ndarray = view.events[rows[(view.events["bits"][rows] & _NOT_VALID) == 0]]
    return events


def _key(events: np.ndarray) -> np.ndarray:
    key: np.ndarray = 2 * events["flow"].astype(np.int64) + events["side"]
    return key


def _latest(view: View, entered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By endpoint: time and frame of the entry into CLOSE-WAIT; frame 0 where there is none."""
    since, frame = np.full(2 * len(view.flows), -1, np.int64), np.zeros(2 * len(view.flows), np.uint32)
    key = _key(entered)
    since[key], frame[key] = entered["ts_ns"], entered["frame"]
    return since, frame


def _collisions(view: View, held: np.ndarray) -> None:
    """Ends a stay where a SYN for a new connection met it."""
    met = view.by_kind(EventKind.SYN_IN_CONNECTION)
    met = met[(met["state"] == State.CLOSE_WAIT) & (met["value"] >= 0)][::-1]
    row = np.full(2 * len(view.flows), -1, np.int64)
    row[2 * held["flow"] + held["side"]] = np.arange(len(held))
    rows = row[2 * met["value"] + met["side"]]
    met, rows = met[rows >= 0], rows[rows >= 0]
    later = held["since_ns"][rows] <= met["ts_ns"]
    met, rows = met[later], rows[later]
    held["end"][rows] = End.WANTED  # the earliest is written last
    held["until_ns"][rows], held["syn_frame"][rows] = met["ts_ns"], met["frame"]


def _silent(view: View, held: np.ndarray, at_least_ns: int) -> np.ndarray:
    """Those that sent no new text for long enough, and have nothing in flight."""
    first = view.flows["detail"][held["flow"]].astype(np.int64)
    known = first >= 0
    last_text = view.tables.details["last_text_ts_ns"][np.where(known, first + held["side"], 0)] if len(
        view.tables.details
    ) else np.zeros(len(held), np.int64)
    begin = np.maximum(held["since_ns"], np.where(known & (last_text <= held["until_ns"]), last_text, 0))
    held["idle_ns"] = held["until_ns"] - begin
    ends = view.tables.endpoints[2 * held["flow"] + held["side"]]
    sent = (ends["bits"] & int(EndpointBit.SND_KNOWN | EndpointBit.SYN_ACKED)) != 0
    in_flight = sent & (ends["snd_nxt"] != ends["snd_una"]) & (held["end"] == End.CAPTURE)
    kept: np.ndarray = held[((held["idle_ns"] >= at_least_ns) | (held["syn_frame"] > 0)) & ~in_flight]
    return kept
