"""The report again, over other addresses: diagnosed, labelled and joined to its listings anew.

No sentence is searched for addresses. Every sentence is made again from tables that do not hold the old ones, so what
nobody thought of cannot stay in it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..diagnoses import examine_all
from ..diagnoses.incidents import incident
from ..errors import UsageError
from ..flows.vantage import vantage
from ..hints import labels
from ..model.finding import INTERRUPTED, Evidence, Finding, Incident, Sentence, Unexamined
from . import copies
from .names import Redactor

if TYPE_CHECKING:
    from ..report import Report

LEFT_OUT: Final = "left out: this report is redacted"


def redacted(report: "Report", redactor: Redactor) -> "Report":
    """See `Report.redacted`."""
    tables, config = copies.tables(report.tables.whole("a redacted report"), redactor), report.config
    findings, incidents, unexamined = examine_all(
        tables, only=config.only, skip=config.skip, thresholds=config.thresholds
    )
    hints = None if report.hints is None else copies.hints(report.hints, redactor)
    if hints is not None:
        findings, incidents = labels.retold(tables, findings, incidents, hints)
    again = replace(
        report,
        tables=tables,
        findings=tuple(findings),
        incidents=tuple(incidents),
        unexamined=(*unexamined, *_unexamined(report)),
        vantage=report.vantage and vantage(tables),
        names={redactor.address(address): redactor.host(name) for address, name in report.names.items()},
        hints=hints,
        expression=None if report.expression is None else f"({LEFT_OUT})",
        sockets=None,
    )
    if report.sockets is not None:
        listings = (copies.listing(each.listing, redactor) for each in report.sockets.listings)
        again = again.with_sockets(*listings)
    return _as_before(report, again, redactor)


def _unexamined(report: "Report") -> list[Unexamined]:
    """What no diagnosis tells again: reading that ended early, hints. A reason that is not ours may name anything."""
    found = []
    for each in report.unexamined:
        if each == INTERRUPTED or (each.what == labels.WHAT and report.hints is not None):
            found.append(each)
        elif each.what not in report.examined:
            found.append(Unexamined(labels.WHAT if each.what == labels.WHAT else "something else", LEFT_OUT))
    return found


def _as_before(report: "Report", again: "Report", redactor: Redactor) -> "Report":
    """The findings that the report has, in its order and by its ids, with their new texts."""
    left = list(again.findings)
    findings = [_taken(old, left) or _bare(old, redactor) for old in report.findings]
    by_id = {finding.id: finding for finding in findings}
    told = {each.id: each for each in again.incidents}
    incidents = [
        _incident(number, old, told.get(old.id), [by_id[name] for name in old.findings if name in by_id])
        for number, old in enumerate(report.incidents, 1)
    ]
    return replace(again, findings=tuple(findings), incidents=tuple(incidents))


def _taken(old: Finding, left: list[Finding]) -> Finding | None:
    """The one of these that is the same finding, taken out of them; None where none is."""
    named = sorted(range(len(left)), key=lambda index: left[index].id != old.id)
    for index in named:
        if _facts(left[index]) == _facts(old):
            return replace(left.pop(index), id=old.id)
    return None


def _facts(finding: Finding) -> tuple[object, ...]:
    """What other addresses do not change."""
    span = finding.first_ts_ns, finding.last_ts_ns
    return finding.kind, finding.severity, finding.confidence, finding.streams, finding.frames, span


def _bare(old: Finding, redactor: Redactor) -> Finding:
    """A finding that the tables do not give again, by hand or by a rule of its own: without any of its text."""
    return Finding(
        kind=old.kind,
        severity=old.severity,
        confidence=old.confidence,
        title=f"A finding of the kind {old.kind}",
        story=(Sentence(f"What it says is {LEFT_OUT}."),),
        streams=old.streams,
        frames=old.frames,
        evidence=tuple(Evidence(each.frame, each.ts_ns, LEFT_OUT, stream=each.stream) for each in old.evidence),
        endpoint=_end(old.endpoint, redactor),
        peer=_end(old.peer, redactor),
        first_ts_ns=old.first_ts_ns,
        last_ts_ns=old.last_ts_ns,
        id=old.id,
    )


def _end(text: str | None, redactor: Redactor) -> str | None:
    try:
        return None if text is None else redactor.end(text)
    except UsageError:
        return None


def _incident(number: int, old: Incident, told: Incident | None, group: Sequence[Finding]) -> Incident:
    """Told of the findings that it has; of fewer, where a filter has left fewer of them."""
    same = told is not None and set(old.findings) <= set(told.findings)
    found = told if told is not None and same and not any(_is_bare(each) for each in group) else incident(number, group)
    return replace(found, id=old.id, findings=old.findings, severity=old.severity, streams=old.streams)


def _is_bare(finding: Finding) -> bool:
    return LEFT_OUT in finding.summary
