"""Retransmission schedules of SYNs: whose stack this is, what it will do next, and whether it gave up early.

Every stack repeats a SYN at times of its own. The gaps tell stacks apart; where two share them, the SYN itself does:
Windows starts with TTL 128, FreeBSD and macOS offer a window of 65535.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from ..units import NS, duration

REPEATS_MIN: Final = 2
"""Gaps that must fit before a schedule is named: with one, all that begin with a second are alike."""

TOLERANCE: Final = 0.1
"""Share by which a gap may differ: kernels round their timers up (Linux measured: 2 to 7 % late)."""

SLACK_NS: Final = 60_000_000
"""And so much besides: a coarse clock tick, and the jitter between a timer and the tap."""

QUICK_NS: Final = 50_000_000
"""A repetition so soon is not the timer's: Linux since 5.7 repeats its SYN at once (2 jiffies, 8 to 12 ms) when it has
answered a wrong ACK with a RST (commit 9603d47bad46)."""


class Schedule(NamedTuple):
    """How one family of stacks repeats its SYN."""

    name: str
    gaps_s: tuple[int, ...]
    gives_up_s: float  # after the first SYN, by default
    ttl_initial: int = 64
    window: int | None = None  # that its SYN offers; None: any but 65535


SCHEDULES: Final = (
    # tcp_syn_linear_timeouts = 4, tcp_syn_retries = 6 (the kernel's ip-sysctl.rst); measured on 6.18: 133.7 s
    Schedule("Linux 6.5 or later", (1, 1, 1, 1, 1, 2, 4, 8, 16, 32), 134),
    # initial RTO 1 s since 3.1 (RFC 6298), tcp_syn_retries = 6 since 3.7; tcp(7): "approximately 127 seconds"
    Schedule("Linux 3.1 to 6.4", (1, 2, 4, 8, 16, 32), 127),
    # initial RTO 3 s (RFC 1122 section 4.2.3.1), tcp_syn_retries = 5
    Schedule("Linux before 3.1", (3, 6, 12, 24, 48), 189),
    # tcp_syn_backoff of tcp_timer.c, ended by net.inet.tcp.keepinit
    Schedule("FreeBSD or macOS", (1, 1, 1, 1, 1, 2, 4, 8, 16, 32), 75, window=65535),
    # InitialRto 1000 ms, and 3000 ms with MaxSynRetransmissions 2 before Windows 10
    Schedule("Windows 10 or later", (1, 2, 4, 8), 21, ttl_initial=128),
    Schedule("Windows before 10", (3, 6), 21, ttl_initial=128),
)


class Match(NamedTuple):
    """A schedule that the SYNs of one connect fit."""

    schedule: Schedule
    gaps_s: tuple[int, ...]  # between the SYNs seen
    next_ns: int  # when the next one is due, after the last; when it gives up, where none is left
    gives_up_ns: int  # after the first SYN, by default
    gave_up: bool  # the next one was due, and did not come

    def told(self) -> str:
        """A sentence: whose schedule this is, and how it goes on."""
        *most, last = map(str, self.gaps_s)
        text = f"The repetitions after {', '.join(most)} and {last} s match {self.schedule.name}"
        if not self.gave_up:
            return f"{text}, which by default gives up {duration(self.gives_up_ns)} after the first SYN."
        if self.next_ns == 0 or self.gaps_s[-1] == self.schedule.gaps_s[-1]:
            return f"{text}; it has given up."
        return (
            f"{text}; the next, due {duration(self.next_ns)} after the last, did not come: the client gave up, sooner "
            f"than that stack does by default ({duration(self.gives_up_ns)})."
        )


def match(times_ns: Sequence[int], until_ns: int, ttl: int, window: int) -> Match | None:
    """The schedule that the SYNs of one connect fit, sent at `times_ns` and watched until `until_ns`.

    `ttl`, `window`: of the SYN as captured. None where they are too few, fit none, or fit several that the SYN does
    not tell apart. A repetition sooner than QUICK_NS is not a timer's: it takes the place of the schedule's first gap.
    """
    gaps = [later - earlier for earlier, later in pairwise(times_ns)]
    quick = bool(gaps) and gaps[0] < QUICK_NS
    gaps = gaps[quick:]
    if len(gaps) < REPEATS_MIN:
        return None
    fitting = [s for s in SCHEDULES if _fits(s.gaps_s[quick:], gaps) and _is(s, ttl, window)]
    if len(fitting) != 1:
        return None
    schedule, waits = fitting[0], fitting[0].gaps_s[quick:]
    gives_up_ns = round(schedule.gives_up_s * NS)
    left_ns = max(0, gives_up_ns - (times_ns[-1] - times_ns[0]))
    next_ns = min(waits[len(gaps)] * NS, left_ns) if len(gaps) < len(waits) else left_ns
    return Match(schedule, waits[: len(gaps)], next_ns, gives_up_ns, until_ns - times_ns[-1] > _latest(next_ns))


def _fits(waits_s: Sequence[int], gaps_ns: Sequence[int]) -> bool:
    return len(gaps_ns) <= len(waits_s) and all(
        wait_s * NS * (1 - TOLERANCE) - SLACK_NS <= gap_ns <= _latest(wait_s * NS)
        for wait_s, gap_ns in zip(waits_s, gaps_ns, strict=False)
    )


def _latest(gap_ns: int) -> float:
    return gap_ns * (1 + TOLERANCE) + SLACK_NS


def _is(schedule: Schedule, ttl: int, window: int) -> bool:
    """Whether the SYN is one that such a stack sends: routers only lower the TTL."""
    lowest = schedule.ttl_initial // 2
    if not lowest < ttl <= schedule.ttl_initial:
        return False
    return window == schedule.window if schedule.window is not None else window != 65535 or schedule.ttl_initial > 64
