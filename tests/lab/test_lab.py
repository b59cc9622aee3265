"""Real kernels, fresh traffic: every fault is found, nothing else is alarming, the states are those of the kernels."""

from collections.abc import Iterable

import pytest

from lab.agreement import Stretch
from lab.laboratory import Laboratory
from lab.scenario import SCENARIOS

pytestmark = pytest.mark.lab


def _told(laboratory: Laboratory, name: str) -> str:
    return f"--lab-seed {laboratory.seed}, capture in {laboratory.folder / name}"


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_scenario(laboratory: Laboratory, name: str) -> None:
    verdict = laboratory.verdict(name)
    outcome, told = verdict.outcome, _told(laboratory, name)
    assert not outcome.problems, f"{told}\nthe scenario itself failed:\n" + "\n".join(outcome.problems)
    assert not outcome.missed_packets, f"{told}\ntcpdump missed {outcome.missed_packets} packets"
    assert outcome.ss_agrees, f"{told}\nss does not agree with the truth"
    assert not verdict.missed, f"{told}\nmissed: " + "\n".join(verdict.missed)
    assert not verdict.alarms, f"{told}\nfalse alarms: " + "\n".join(verdict.alarms)
    assert verdict.first is None, f"{told}\n{verdict.first}"


def test_states_agree_with_the_kernels(laboratory: Laboratory) -> None:
    rows = {verdict.outcome.scenario: verdict.states for verdict in laboratory.verdicts()}
    everything = [stretch for states in rows.values() for stretch in states]
    wrong = [str(stretch) for stretch in everything if stretch.decided and not stretch.agrees]
    table = [f"{'':42} {'known':>9} {'ours':>8} {'agree':>9}"]
    for name, states in [*rows.items(), ("all", everything)]:
        known, ours, agree = (
            _seconds(states),
            _seconds(s for s in states if s.decided),
            _seconds(s for s in states if s.agrees),
        )
        table.append(f"{name:42} {known:7.1f} s {_percent(ours, known):6.1f} % {_percent(agree, ours):7.2f} %")
    print("\n".join(table))
    told = f"--lab-seed {laboratory.seed}\n" + "\n".join([*table, *wrong])
    assert _percent(agree, ours) >= 99, told
    assert _percent(ours, known) >= 90, told


def _seconds(states: Iterable[Stretch]) -> float:
    return sum(stretch.seconds for stretch in states)


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 100.0
