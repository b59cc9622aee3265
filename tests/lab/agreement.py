"""Our states against the kernels', second by second, where a capture can show them."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lab.captured import Frame
from lab.outcome import Outcome
from lab.segments import FIN
from lab.truth import Life, Stay
from tcpdiag import Report

SLACK_S = 0.05  # around each move of a kernel: the tap is elsewhere, and the truth is looked at from time to time only
VISIBLE = {"FIN-WAIT-1": "ESTABLISHED", "LAST-ACK": "CLOSE-WAIT"}
"""With a FIN that waits behind unsent data the kernel is ahead of everything that a capture can show."""


UNDECIDED = ("UNSEEN", "MIDSTREAM")


@dataclass(frozen=True)
class Stretch:
    """A time in which both are known."""

    scenario: str
    endpoint: str
    remote: str
    since: float
    seconds: float
    kernel: str
    ours: str

    @property
    def decided(self) -> bool:
        """Whether we say anything: what a timer has ended, we may not know."""
        return self.ours not in UNDECIDED

    @property
    def agrees(self) -> bool:
        return self.kernel == self.ours

    def __str__(self) -> str:
        where = f"{self.endpoint} - {self.remote}"
        return (
            f"{self.scenario}: {where} for {self.seconds:.2f} s from {self.since:.3f}: {self.kernel}, we: {self.ours}"
        )


def stretches(outcome: Outcome, report: Report, frames: Sequence[Frame]) -> Iterator[Stretch]:
    """For each endpoint of which the tap sees everything, while the capture lasts."""
    slack = SLACK_S + outcome.lag_s
    for life in outcome.lives:
        own = [frame for frame in frames if {frame.segment.src, frame.segment.dst} == {life.local, life.remote}]
        if life.host not in outcome.near or not own:
            continue
        entries = _ours(report, life)
        fin = next((f.time for f in own if f.segment.src == life.local and f.segment.flags & FIN), float("inf"))
        times = [frame.time for frame in own]
        begin = times[0]
        for stay in _visible(life, times, slack):
            end = min(stay.until, frames[-1].time)
            for since, until, ours in _parts(entries, max(begin, stay.since + slack), end - slack):
                hidden = since < fin and VISIBLE.get(stay.state) == ours
                kernel = ours if hidden else stay.state
                yield Stretch(outcome.scenario, life.local, life.remote, since, until - since, kernel, ours)


def _ours(report: Report, life: Life) -> list[tuple[float, str]]:
    """When we have the endpoint enter which state, over all connections on its 4-tuple."""
    entries = []
    for flow in report.flows:
        for side, own, peer in (("client", flow.client, flow.server), ("server", flow.server, flow.client)):
            if (own, peer) == (life.local, life.remote):
                entries += [(entry.ts_ns / 1e9, str(entry.state)) for entry in flow.states[side]]
    return sorted(entries, key=lambda entry: entry[0])


def _visible(life: Life, times: list[float], slack: float) -> Iterator[Stay]:
    """The stays that some segment of the connection announced; what a timer does, no capture shows."""
    for before, stay in pairwise([None, *life.stays]):
        assert stay is not None
        if before is None:
            yield stay
            continue
        place = bisect_left(times, before.until - slack)
        if place < len(times) and times[place] <= stay.since + slack:
            yield stay


def _parts(entries: list[tuple[float, str]], since: float, until: float) -> Iterator[tuple[float, float, str]]:
    """The pieces of a stretch in which our state is one."""
    edges = [since, *(time for time, _ in entries if since < time < until), until]
    for start, stop in pairwise(edges):
        if stop > start:
            yield start, stop, next((state for time, state in reversed(entries) if time <= start), "not there")
