"""What all findings about handshakes keep: sentences with frames of the finding, and what would refute them."""

import re

import pytest

from diagnoses.examples import Example, examples
from tcpdiag.diagnoses import by_kind

KINDS = (
    "syn-into-close-wait",
    "syn-in-connection",
    "syn-refused",
    "syn-unanswered",
    "syn-flood",
    "accept-queue-overflow",
)
SPEAKING = [example for kind in KINDS for example in examples(by_kind(kind)) if example.speaks]

every_example = pytest.mark.parametrize("example", SPEAKING, ids=str)


def _bracketed(text: str) -> set[int]:
    return {int(n) for group in re.findall(r"\[([\d, .]+)\]", text) for n in re.findall(r"\d+", group)}


@every_example
def test_sentences_name_their_frames_which_are_the_findings(example: Example) -> None:
    for finding in example.report().findings:
        if finding.kind in KINDS:
            assert finding.story[0].frames
            for sentence in finding.story:
                assert set(sentence.frames) <= set(finding.frames)
                assert sentence.text.endswith(".")


@every_example
def test_what_would_refute_it_was_looked_for(example: Example) -> None:
    for finding in example.report().findings:
        if finding.kind in KINDS:
            assert finding.refutations
            assert finding.settled_by
            assert not set(finding.settled_by) & set(finding.next_steps)
            for refutation in finding.refutations:
                named = set(refutation.frames) | _bracketed(refutation.what) | _bracketed(refutation.outcome or "")
                assert named <= set(finding.frames), refutation


@every_example
def test_causes_name_frames_of_the_finding(example: Example) -> None:
    for finding in example.report().findings:
        if finding.kind in KINDS:
            for cause in finding.causes:
                assert _bracketed(" ".join((*cause.support, *cause.against))) <= set(finding.frames), cause
