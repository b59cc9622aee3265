"""Real kernels, fresh traffic: every fault is found, nothing else is alarming, the states are those of the kernels."""

import pytest

from lab.laboratory import Laboratory
from lab.scenario import SCENARIOS
from lab.tally import Tally, table

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_scenario(laboratory: Laboratory, name: str) -> None:
    verdict = laboratory.verdict(name)
    outcome = verdict.outcome
    told = f"{SCENARIOS[name].story}\n--lab-seed {laboratory.seed}, capture in {laboratory.folder / name}"
    assert not outcome.problems, f"{told}\nthe scenario itself failed:\n" + "\n".join(outcome.problems)
    assert not outcome.missed_packets, f"{told}\ntcpdump missed {outcome.missed_packets} packets"
    assert outcome.ss_agrees, f"{told}\nss does not agree with the truth"
    assert not verdict.missed, f"{told}\nmissed: " + "\n".join(verdict.missed)
    assert not verdict.alarms, f"{told}\nfalse alarms: " + "\n".join(verdict.alarms)
    assert verdict.first is None, f"{told}\n{verdict.first}"


def test_states_agree_with_the_kernels(laboratory: Laboratory) -> None:
    verdicts = laboratory.verdicts()
    tally = Tally.of(verdicts)
    wrong = [str(stretch) for v in verdicts for stretch in v.states if stretch.decided and not stretch.agrees]
    told = "\n".join([f"--lab-seed {laboratory.seed}", *table(verdicts), *wrong])
    assert tally.agreed_percent >= 99, told
    assert tally.decided_percent >= 90, told
