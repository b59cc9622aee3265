"""What close-wait-leak tells, close-wait-stuck does not repeat."""

import pytest

from diagnoses.examples import examples
from flows.tracked import tracked
from tcpdiag.diagnoses import by_kind, examine_all

LEAK = next(example for example in examples(by_kind("close-wait-leak")) if example.speaks)


@pytest.mark.parametrize(("skip", "expected"), [((), "close-wait-leak"), (("close-wait-leak",), "close-wait-stuck")])
def test_leaked_connections_are_told_once(skip: tuple[str, ...], expected: str) -> None:
    findings, _, _ = examine_all(tracked(LEAK.script), skip=skip)
    assert {finding.kind for finding in findings if finding.kind.startswith("close-wait")} == {expected}
