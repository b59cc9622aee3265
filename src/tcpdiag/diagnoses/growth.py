"""How the number of connections that one endpoint holds grew, and when it meets a limit."""

from typing import Final, NamedTuple

import numpy as np

from ..sets import among
from ..units import NS, duration, plural, utc
from .held import End
from .view import View

POINTS: Final = 24
"""Samples of the number over time."""

_LEFT: Final = (End.CLOSED_BY_ITSELF, End.RESET)  # one that a SYN meets is still there


class Growth(NamedTuple):
    """Connections held over time, from the first peer's FIN to the end of the capture."""

    since_ns: int
    until_ns: int
    held: int  # at the end
    highest: int  # of the samples
    per_minute: float  # new ones, from the first to the last
    times_ns: np.ndarray  # samples: when, and how many were held then
    counts: np.ndarray

    @property
    def quarters(self) -> list[int]:
        """How many were held after each quarter of the time."""
        found: list[int] = self.counts[POINTS // 4 :: POINTS // 4].tolist()
        return found

    def left_ns(self, limit: float) -> int | None:
        """How long it takes at this pace until `limit` are held; None: it has been reached, or nothing grows."""
        missing = limit - self.held
        return int(missing * 60 * NS / self.per_minute) if missing > 0 and self.per_minute > 0 else None

    def told(self) -> str:
        """How it rose, as part of a sentence."""
        numbers = ", ".join(f"{count:,}" for count in self.quarters[:-1])
        return f"{numbers} and {self.held:,} after each quarter of {duration(self.until_ns - self.since_ns)}"

    def limit_told(self, limit: float) -> str:
        """When it meets the limit of descriptors."""
        left_ns = self.left_ns(limit)
        if left_ns is None:
            return f"That is more than {limit:,.0f}, the usual limit of a process (ulimit -n): this one has another."
        return (
            f"At this pace it holds {limit:,.0f} sockets, the usual limit of a process (ulimit -n), in "
            f"{duration(left_ns)}, at {utc(self.until_ns + left_ns)}; what it held before the capture comes on top."
        )

    def listed(self) -> list[list[float]]:
        """For programs: seconds since the first FIN, and the number held then."""
        seconds = (self.times_ns - self.since_ns) / NS
        return [[round(float(s), 3), int(count)] for s, count in zip(seconds, self.counts, strict=True)]


def growth(rows: np.ndarray, until_ns: int) -> Growth:
    """rows: HELD rows of one holder, those that it released among them; at least one."""
    since, left = np.sort(rows["since_ns"]), np.sort(rows["until_ns"][among(rows["end"], _LEFT)])
    first_ns, last_ns = int(since[0]), int(since[-1])
    times = first_ns + np.arange(POINTS + 1) * max(0, until_ns - first_ns) // POINTS
    counts = np.searchsorted(since, times, side="right") - np.searchsorted(left, times, side="right")
    pace = (len(since) - 1) * 60 * NS / (last_ns - first_ns) if last_ns > first_ns else 0.0
    return Growth(first_ns, until_ns, int(counts[-1]), int(counts.max()), pace, times, counts)


class Connects(NamedTuple):
    """When one client opened connections to one server."""

    times: int
    usual_ns: int  # median of the time between two
    longest_ns: int
    last_frame: int  # SYN of the last
    last_ns: int
    silent_ns: int  # from then to the end of the capture

    @property
    def stopped(self) -> bool:
        """Whether the next are overdue: by more than anything that was usual."""
        return self.times >= _CONNECTS_MIN and self.silent_ns >= max(_MISSED * self.longest_ns, NS)

    def told(self, watched: bool) -> str:
        """A sentence without its subject. watched: other packets show that the tap was alive meanwhile."""
        apart = f"every {duration(self.usual_ns)}"
        if self.longest_ns > 2 * self.usual_ns:
            apart = f"about {apart}, at most {duration(self.longest_ns)} apart"
        if not self.stopped:
            return f"connects {apart}, and goes on doing so"
        alive = "although the tap was alive" if watched else "as far as the capture goes, which holds nothing else then"
        return (
            f"connected {apart}, {plural(self.times, 'time')}, the last time at [{self.last_frame}], and then no more "
            f"for {duration(self.silent_ns)}, {alive}: it may have met its limit, or hang"
        )


_CONNECTS_MIN: Final = 5  # as in a leak: fewer have no rhythm
_MISSED: Final = 3  # RFC 4271 section 10: the hold time is three intervals


def connects(view: View, sides: np.ndarray) -> Connects | None:
    """Of the flows in which `sides` names the client's side; -1 elsewhere. None where fewer than two SYNs were seen."""
    flows = np.flatnonzero((sides >= 0) & (view.of_client(view.side("syns")) > 0))
    if len(flows) < 2:
        return None
    begun = view.flows["first_ts_ns"][flows]
    order = np.argsort(begun, kind="stable")
    gaps, last = np.diff(begun[order]), int(order[-1])
    return Connects(
        len(flows),
        int(np.median(gaps)),
        int(gaps.max()),
        int(view.flows["first_frame"][flows[last]]),
        int(begun[last]),
        view.last_ts_ns - int(begun[last]),
    )
