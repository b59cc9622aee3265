"""Confidence comes from doubts and from nothing else."""

import pytest

from diagnoses.examples import examples
from tcpdiag.diagnoses import DIAGNOSES, confidence
from tcpdiag.diagnoses.confidence import CERTAIN, HOLES, ONE_SIDED, PRESUMED, Doubt

ALL = [value for value in vars(confidence).values() if isinstance(value, Doubt)]


@pytest.mark.parametrize(
    ("doubts", "expected"),
    [((), 0.98), ((HOLES,), 0.73), ((PRESUMED, HOLES), 0.62), ((ONE_SIDED,), 0.49), ((ONE_SIDED, HOLES), 0.37)],
)
def test_each_doubt_multiplies(doubts: tuple[Doubt, ...], expected: float) -> None:
    assert confidence.confidence(doubts) == expected
    assert confidence.confidence(reversed(doubts)) == expected


@pytest.mark.parametrize("doubt", ALL, ids=lambda doubt: doubt.text)
def test_a_doubt_lowers_and_never_denies(doubt: Doubt) -> None:
    assert 0 < confidence.confidence([doubt]) < CERTAIN
    assert not doubt.text.endswith(".")


def test_findings_say_which_doubts_made_their_confidence() -> None:
    weights = {doubt.text: doubt for doubt in ALL}
    assert len(weights) == len(ALL)
    for diagnosis in DIAGNOSES:
        for finding in examples(diagnosis)[0].report().findings:
            doubts = [weights[text] for text in finding.data["doubts"]]
            assert finding.confidence == confidence.confidence(doubts), finding.kind
