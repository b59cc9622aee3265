"""The control group: what else was captured while one connection was silent, of the same host and of all others."""

from typing import NamedTuple

import numpy as np

from ..sets import distinct
from ..units import duration, plural
from .view import View


class Heard(NamedTuple):
    """Other connections of one host that it sent something on during an interval."""

    flows: int
    last_frame: int  # its newest packet on them, 0: none
    last_ns: int
    last_flow: int

    def outcome(self, who: str) -> str:
        """What looking for it gave."""
        if not self.flows:
            return f"not found: nothing else was captured from {who} in that time"
        return (
            f"found: {who} sent packets on {plural(self.flows, 'other connection')} in that time, the last on stream "
            f"{self.last_flow} [{self.last_frame}]"
        )


class Watch(NamedTuple):
    """Signs that the tap captured during an interval: packets of other connections that are known to lie in it."""

    flows: int
    last_ns: int  # the newest of them, 0: none
    blind_ns: int  # longest part of the interval without any of them; all of it where there are none
    length_ns: int

    @property
    def alive(self) -> bool:
        """Whether hardly any part of the interval is without a sign."""
        return self.flows > 0 and 2 * self.blind_ns <= self.length_ns

    def outcome(self) -> str:
        """What looking for a blind tap gave."""
        if not self.flows:
            return "nothing else was captured in that time, so it cannot be excluded"
        return (
            f"not found: {plural(self.flows, 'other connection')} had packets captured in that time, with no pause "
            f"that is known to be longer than {duration(self.blind_ns)}"
        )


def heard(view: View, flow: int, side: int, since_ns: int) -> Heard:
    """What the host that is `side` of `flow` sent on other connections after `since_ns`."""
    mine = view.flows[flow]
    at, sides = np.nonzero(view.once(_hosts) == mine["addr_lo"][side])
    same = view.flows["addr_hi"][at, sides] == mine["addr_hi"][side]
    same &= (view.flows["tunnel"][at] == mine["tunnel"]) & (at != flow)
    at, sides = at[same], sides[same]
    spoke = (view.side("packets")[at, sides] > 0) & (view.side("last_ts_ns")[at, sides] > since_ns)
    at, sides = at[spoke], sides[spoke]
    if not len(at):
        return Heard(0, 0, 0, -1)
    newest = int(np.argmax(view.side("last_ts_ns")[at, sides]))
    end = view.tables.endpoint(int(at[newest]), int(sides[newest]))
    return Heard(len(at), int(end["last_frame"]), int(end["last_ts_ns"]), int(at[newest]))


def watch(view: View, flow: int, since_ns: int, until_ns: int) -> Watch:
    """How the tap is known to have been alive from `since_ns` to `until_ns`, without `flow`."""
    times, owners = view.once(_signs)
    low, high = np.searchsorted(times, since_ns, side="right"), np.searchsorted(times, until_ns, side="right")
    found, whose = times[low:high], owners[low:high]
    found, whose = found[whose != flow], whose[whose != flow]
    marks = np.concatenate([[since_ns], found, [until_ns]])
    blind_ns = int(np.diff(marks).max()) if len(found) else until_ns - since_ns
    return Watch(len(distinct(whose)), int(found[-1]) if len(found) else 0, blind_ns, until_ns - since_ns)


def _hosts(view: View) -> np.ndarray:
    """Low halves of the addresses, shape (flows, 2), in one piece."""
    return np.ascontiguousarray(view.flows["addr_lo"])


def _signs(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Times of packets whose time the tables keep, ascending, and the flow of each."""
    flows = np.arange(len(view.flows))
    spoke = view.side("packets") > 0
    parts = [(view.side(name)[spoke], np.repeat(flows, 2).reshape(-1, 2)[spoke]) for name in _MOMENTS]
    framed = view.events["frame"] > 0
    parts.append((view.events["ts_ns"][framed], view.event_flow[framed]))
    times, owners = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(times, kind="stable")
    return times[order], owners[order]


_MOMENTS = ("first_ts_ns", "last_ts_ns")
