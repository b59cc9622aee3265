"""The manuals of the diagnoses, taken apart: sections, thresholds, references, and the examples that are executed."""

import re
from dataclasses import dataclass
from typing import Any

from flows.tracked import tracked
from tcpdiag.config import Config
from tcpdiag.diagnoses import DIAGNOSES, Diagnosis, examine_all
from tcpdiag.flows.vantage import vantage
from tcpdiag.model.finding import Finding
from tcpdiag.model.script import parse_script
from tcpdiag.report import Report

HEADINGS = (
    "What it sees",
    "Why it matters",
    "What it cannot know",
    "Thresholds",
    "RFC",
    "Speaks",
    "Stays silent",
)
_BLOCK = re.compile(r"```packets\n(.*?)```", re.DOTALL)
_RFC = re.compile(
    r"RFC (?P<number>\d+)(?: (?:section|appendix) (?P<section>\w+(?:\.\w+)*))?|section (?P<more>\d+(?:\.\w+)*)"
)


@dataclass(frozen=True)
class Example:
    """One script of a manual."""

    kind: str
    speaks: bool
    number: int
    script: str

    def __str__(self) -> str:
        return f"{self.kind} {'speaks' if self.speaks else 'silent'} {self.number}"

    @property
    def expected(self) -> tuple[str, ...]:
        """Its `finding:` lines."""
        return parse_script(self.script).expected

    def report(self) -> Report:
        """What all diagnoses make of it."""
        tables = tracked(self.script)
        findings, incidents, unexamined = examine_all(tables)
        return Report(
            tables=tables,
            findings=tuple(findings),
            incidents=tuple(incidents),
            unexamined=tuple(unexamined),
            examined=tuple(diagnosis.kind for diagnosis in DIAGNOSES),
            vantage=vantage(tables),
            config=Config(),
            paths=("script",),
        )


def headings(manual: str) -> tuple[str, ...]:
    """All headings, in order."""
    return tuple(re.findall(r"^## (.*)$", manual, re.MULTILINE))


def section(manual: str, heading: str) -> str:
    """The text below one heading."""
    return manual.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def examples(diagnosis: Diagnosis) -> list[Example]:
    """The scripts below `Speaks` and `Stays silent`."""
    return [
        Example(diagnosis.kind, heading == "Speaks", number, script)
        for heading in ("Speaks", "Stays silent")
        for number, script in enumerate(_BLOCK.findall(section(diagnosis.manual, heading)), 1)
    ]


def threshold_rows(manual: str) -> list[tuple[str, float, str]]:
    """Name, default and source of each row of the table."""
    lines = [line for line in section(manual, "Thresholds").splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|", 2)] for line in lines]
    return [(name, float(default.replace(",", "")), source) for name, default, source in cells]


def defaults(diagnosis: Diagnosis) -> list[tuple[str, float]]:
    """Names and values of the thresholds."""
    return [(name, float(getattr(diagnosis.thresholds(), name))) for name in diagnosis.thresholds._fields]


def references(text: str) -> set[tuple[int, str | None]]:
    """RFC numbers and sections that a text names; `section 3.6` alone belongs to the RFC named before it."""
    found: set[tuple[int, str | None]] = set()
    number = 0
    for match in _RFC.finditer(text):
        number = int(match["number"] or number)
        found.add((number, match["section"] or match["more"]))
    return found


def fits(line: str, finding: Finding) -> bool:
    """Whether a finding is what a `finding:` line says: `kind severity key=value ...`, the latter two optional."""
    kind, *words = line.split()
    severities = [word for word in words if "=" not in word]
    pairs = [word.split("=", 1) for word in words if "=" in word]
    return (
        finding.kind == kind
        and all(str(finding.severity) == severity for severity in severities)
        and all(key in finding.data and _spelt(finding.data[key]) == value for key, value in pairs)
    )


def _spelt(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
