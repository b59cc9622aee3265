"""The sum over scenarios, as numbers and as a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.agreement import Stretch
from lab.verdict import Verdict


@dataclass
class Tally:
    """Of one scenario or of many. Times in seconds."""

    found: int = 0
    wanted: int = 0
    alarms: int = 0
    known: float = 0.0  # the kernel's state is known, and a capture can show it
    decided: float = 0.0  # of that: we name a state
    agreed: float = 0.0  # of that: the same one

    @classmethod
    def of(cls, verdicts: Iterable[Verdict]) -> "Tally":
        """Their sum."""
        sum_ = cls()
        for verdict in verdicts:
            sum_.found += len(verdict.found)
            sum_.wanted += len(verdict.found) + len(verdict.missed)
            sum_.alarms += len(verdict.alarms)
            sum_.known += _seconds(verdict.states)
            sum_.decided += _seconds(stretch for stretch in verdict.states if stretch.decided)
            sum_.agreed += _seconds(stretch for stretch in verdict.states if stretch.agrees)
        return sum_

    @property
    def decided_percent(self) -> float:
        return _percent(self.decided, self.known)

    @property
    def agreed_percent(self) -> float:
        return _percent(self.agreed, self.decided)

    def __str__(self) -> str:
        states = f"{self.known:8.1f} s {self.decided_percent:6.1f} % {self.agreed_percent:7.2f} %"
        return f"{f'{self.found}/{self.wanted}':>7} {self.alarms:>6} {states}"


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """A line for each scenario, and the sum."""
    lines = [f"{'':42} {'tap':8} {'found':>7} {'alarms':>6} {'known':>10} {'decided':>8} {'agreed':>9}"]
    lines += [f"{v.outcome.scenario:42} {v.outcome.tap:8} {Tally.of([v])}" for v in verdicts]
    return [*lines, f"{'all':51} {Tally.of(verdicts)}"]


def _seconds(states: Iterable[Stretch]) -> float:
    return sum(stretch.seconds for stretch in states)


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 100.0
