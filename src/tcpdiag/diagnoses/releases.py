"""Releases: the moments at which one endpoint closes many connections together, and what each of them ended."""

from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventBit
from ..model.flow import EndpointBit
from ..model.states import State
from ..sets import among
from .held import End
from .view import View

TOGETHER_NS: Final = 1_000_000
"""What leaves this close to a burst belongs to it, however short the burst is."""

NOT_VALID: Final = int(EventBit.WITHDRAWN | EventBit.CARRIED)


class Window(NamedTuple):
    """When connections that had been held for some time left together, and how many."""

    first_ns: int
    last_ns: int
    size: int


class Cohort(NamedTuple):
    """Connections that one release ended."""

    held: np.ndarray  # HELD rows, in the order of the peers' FINs
    events: np.ndarray  # STATE events of its own FIN or RST, in order of time: also on connections still open
    height: int  # held just before

    @property
    def first_ns(self) -> int:
        """When it began."""
        return int(self.events["ts_ns"].min())

    @property
    def spread_ns(self) -> int:
        """How long it took."""
        return int(self.events["ts_ns"].max()) - self.first_ns

    @property
    def still_open(self) -> int:
        """Connections that were closed with the others, though their peers had not ended them."""
        return len(self.events) - len(self.held)


def cohorts(view: View, rows: np.ndarray, windows: list[Window], sides: np.ndarray) -> list[Cohort]:
    """All that left in these windows, those that had just come and those that were still open among them.

    rows: HELD rows of one holder, all of them. sides: as `same_holder` gives them.
    """
    events = _own(view, sides)
    ended = rows[rows["end"] == End.CLOSED_BY_ITSELF]
    ended = ended[np.argsort(ended["until_ns"], kind="stable")]
    since, until = np.sort(rows["since_ns"]), np.sort(rows["until_ns"])
    begins = [window.first_ns for window in windows[1:]]
    found, after_ns = [], 0
    for window, next_ns in zip(windows, [*begins, view.last_ts_ns + 1], strict=True):
        margin_ns = max(window.last_ns - window.first_ns, TOGETHER_NS)
        low, high = max(window.first_ns - margin_ns, after_ns), min(window.last_ns + margin_ns, next_ns - 1)
        after_ns = high + 1
        own = _between(events, "ts_ns", low, high)
        _, first = np.unique(own["flow"], return_index=True)  # a RST after its own FIN is no second release
        held = _between(ended, "until_ns", low, high)
        height = np.searchsorted(since, high, side="right") - np.searchsorted(until, low)
        if len(own) and len(held):
            held = held[np.argsort(held["since_ns"], kind="stable")]
            found.append(Cohort(held, own[np.sort(first)], int(height)))
    return found


def _own(view: View, sides: np.ndarray) -> np.ndarray:
    """The events in which this holder closed a connection, in order of time."""
    at = view.rows_entering(State.LAST_ACK, State.FIN_WAIT_1, State.CLOSED)
    at = at[sides[view.event_flow[at]] >= 0]
    events = view.events[at]
    own = (events["side"] == sides[events["flow"]]) & ((events["bits"] & NOT_VALID) == 0) & (events["frame"] > 0)
    own &= (events["state"] != State.CLOSED) | (events["sender"] == events["side"])
    found: np.ndarray = events[own]
    return found[np.argsort(found["ts_ns"], kind="stable")]


def _between(rows: np.ndarray, column: str, low: int, high: int) -> np.ndarray:
    """Those of the ordered rows whose time lies in this interval."""
    times = rows[column]
    found: np.ndarray = rows[np.searchsorted(times, low) : np.searchsorted(times, high, side="right")]
    return found


def same_holder(view: View, flow: int, side: int) -> np.ndarray:
    """For each flow the side on which this holder is, -1 where it is not; shape (flows,)."""
    table, like = view.flows, view.flows[flow]
    by_client = int(view.client[flow]) == side
    whole, host = ("port", "addr_lo", "addr_hi"), ("addr_lo", "addr_hi")
    sides = np.full(len(table), -1, np.int64)
    for own in (0, 1):
        same = (view.client == own) == by_client
        same &= table["tunnel"] == like["tunnel"]
        for column in host if by_client else whole:
            same &= table[column][:, own] == like[column][side]
        for column in whole if by_client else ():
            same &= table[column][:, 1 - own] == like[column][1 - side]
        sides[same] = own
    return sides


def answered(view: View, held: np.ndarray) -> int:
    """On how many of these connections the holder had sent anything before the peer's FIN, which acknowledges it."""
    rows = view.rows_entering(State.CLOSE_WAIT)
    rows = rows[among(view.events["frame"][rows], held["fin_frame"])]
    fins = view.events[rows]
    ends = view.tables.endpoints[2 * fins["flow"].astype(np.int64) + fins["side"]]
    known = (ends["bits"] & int(EndpointBit.ISN_KNOWN)) != 0
    sent = (ends["bits"] & int(EndpointBit.SENT_TEXT)) != 0
    before = ((fins["ack"] - ends["isn"]) & np.uint32(0xFFFFFFFF)) > 1
    return int(np.count_nonzero(sent & (before | ~known)))
