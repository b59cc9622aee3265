"""Nothing from a capture becomes markup; the diagram and the figures are of the first incident's connection."""

import re
from pathlib import Path

import pytest

import tcpdiag
from cli.run import tcpdiag as command
from places import FIXTURES
from reports import made
from tcpdiag.errors import UsageError
from tcpdiag.model.finding import Evidence
from tcpdiag.reports.escaping import code, escaped

OFFICE = FIXTURES / "office" / "office.pcap"
HOSTILE = "a|b\n| --- |\n# no `heading` <script>alert(1)</script> ![x](http://evil) $x$ \x1b[31m\u202e"


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
        ("$x$", r"\$x\$"),
        ("\x1b[31m\u202e", r"\\x1b\[31m\\u202e"),
        ("&lt;", r"\&lt;"),
        ("ask @team", "ask @\u2060team"),
    ],
)
def test_escaped(text: str, expected: str) -> None:
    assert escaped(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("a == 1", "`a == 1`"), ("a`b", "`` a`b ``"), ("``", "``` `` ```"), ("\x1b", "`\\x1b`")]
)
def test_code_span_cannot_be_ended_from_inside(text: str, expected: str) -> None:
    assert code(text) == expected


def test_a_hostile_text_stays_in_its_cell() -> None:
    evidence = (Evidence(1, made.START_NS, HOSTILE, HOSTILE),)
    finding = made.finding(evidence=evidence, title=HOSTILE)
    listed = made.finding("syn-unanswered", severity=made.Severity.NOTICE, title=HOSTILE)
    text = made.report(findings=(finding, listed), incidents=()).to_markdown()
    rows = [line for line in text.splitlines() if "no \\`heading" in line and line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [5, 4], "as many bars as the heading has"
    assert "<script" not in text.replace("\\<", "") and "\x1b" not in text and "\u202e" not in text


def test_the_first_incident_has_a_diagram_of_its_connection() -> None:
    text = tcpdiag.analyze(OFFICE).to_markdown()
    assert text.count("```mermaid\n") == 1
    assert "Stream 0, from top to bottom:" in text
    assert "C-xS: +1.000 [98] R 49:49(0)" in text
    assert text.index("Wireshark") < text.index("```mermaid") < text.index("## The capture itself")


def test_without_the_capture_there_is_no_diagram(tmp_path: Path) -> None:
    assert "mermaid" not in made.report().to_markdown(), "it never existed"
    copy = tmp_path / "a.pcap"
    copy.write_bytes(OFFICE.read_bytes())
    report = tcpdiag.analyze(copy)
    copy.unlink()
    assert "mermaid" not in report.to_markdown()
    assert "mermaid" not in command("analyze", "--format", "markdown", "-", stdin=OFFICE.read_bytes()).stdout


def test_figures_are_files_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "a ticket"
    folder.mkdir()
    done = command("analyze", OFFICE, "-o", folder / "our report.md", "--figures")
    assert done.stdout == ""
    text = (folder / "our report.md").read_text()
    links = re.findall(r"^!\[figure 1 \w+\]\((\S+)\)$", text, re.MULTILINE)
    assert links == ["our%20report-1-states.png", "our%20report-1-sequence.png"]
    assert {path.name for path in folder.iterdir()} == {"our report.md", *(link.replace("%20", " ") for link in links)}
    for link in links:
        assert (folder / link.replace("%20", " ")).read_bytes().startswith(b"\x89PNG")


def test_a_missing_figure_is_told(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    made.report().save(path, figures=True)
    assert re.search(r"^No figure: sequence: captures/office\.pcap: No such file", path.read_text(), re.MULTILINE)


def test_figures_of_standard_input_are_drawn(tmp_path: Path) -> None:
    command("analyze", "-", "-o", tmp_path / "report.md", "--figures", stdin=OFFICE.read_bytes())
    assert (tmp_path / "report-1-sequence.png").is_file()


def test_figures_need_a_markdown_file(tmp_path: Path) -> None:
    done = command("analyze", OFFICE, "--figures", check=2)
    assert "--figures stand beside a Markdown report" in done.stderr
    with pytest.raises(UsageError, match="say which"):
        tcpdiag.analyze(OFFICE).to_markdown(figures=True)
    with pytest.raises(UsageError, match="No such file"):
        tcpdiag.analyze(OFFICE).save(tmp_path / "nowhere" / "report.md", figures=True)


def test_a_redacted_report_has_redacted_figures_and_diagram(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    tcpdiag.analyze(OFFICE).redacted(b"k" * 32).save(path, figures=True)
    text = path.read_text()
    assert "```mermaid" in text and "198.51.100" not in text and "office" not in text
    assert {each.name for each in tmp_path.iterdir()} == {"report-1-sequence.png", "report-1-states.png", path.name}
