"""Nothing from a capture becomes markup."""

import pytest

from reports import made
from tcpdiag.model.finding import Evidence
from tcpdiag.reports.markdown import code, escaped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words, 10.0.0.1:80", "plain words, 10.0.0.1:80"),
        ("<script>", r"\<script\>"),
        ("*a* _b_ `c`", r"\*a\* \_b\_ \`c\`"),
        ("[x](http://evil)", r"\[x\](http\://evil)"),
        ("www.evil.example", r"www\.evil.example"),
        ("a|b", r"a\|b"),
        ("# no heading\nno second line", r"\# no heading no second line"),
        ("back\\slash", r"back\\slash"),
        ("\x1b[31m\u202e", r"\\x1b\[31m\\u202e"),
        ("&lt;", r"\&lt;"),
    ],
)
def test_escaped(text: str, expected: str) -> None:
    assert escaped(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("a == 1", "`a == 1`"), ("a`b", "`` a`b ``"), ("``", "``` `` ```"), ("\x1b", "`\\x1b`")]
)
def test_code_span_cannot_be_ended_from_inside(text: str, expected: str) -> None:
    assert code(text) == expected


def test_fence_is_longer_than_any_in_the_evidence() -> None:
    evidence = (Evidence(1, made.START_NS, "```\n# heading"),)
    report = made.report(findings=(made.finding(evidence=evidence),), incidents=())
    assert "````text\n" in report.to_markdown()
    assert "\n# heading" not in report.to_markdown()
