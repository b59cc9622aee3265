"""Which packets somebody asked for: flows, findings, or the evidence of findings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UsageError
from ..flow_view import checked_stream
from ..model.finding import Finding
from ..units import printable
from .looks import Choice

if TYPE_CHECKING:
    from ..report import Report

Flows = int | str | Sequence[int]


def choose(report: "Report", flows: Flows | None, finding: str | Sequence[str] | None, evidence: bool) -> Choice:
    """See `Report.extract`. Raises UsageError for what does not exist, and for nothing at all."""
    if finding is not None:
        if flows is not None:
            raise UsageError("say either which connections or which finding")
        return _of_findings(_found(report, [finding] if isinstance(finding, str) else finding), evidence)
    streams = _streams(report, flows)
    if not len(streams):
        raise UsageError("no connection matches")
    if not evidence:
        return Choice(streams, np.zeros(0, np.int64))
    asked = set(streams.tolist())
    findings = [each for each in report.findings if asked & set(each.streams)]
    if not findings:
        raise UsageError("no finding is about these connections, so there is no evidence")
    return _of_findings(findings, True)


def _streams(report: "Report", flows: Flows | None) -> np.ndarray:
    if flows is None:
        return report.streams
    if isinstance(flows, str):
        return report.where(flows).streams
    numbers = [flows] if isinstance(flows, int) else flows
    return np.unique(np.array([checked_stream(report.tables, int(each)) for each in numbers], np.int64))


def _found(report: "Report", names: Sequence[str]) -> list[Finding]:
    """Findings by their ids, or those of an incident by its id."""
    incidents = {each.id: each.findings for each in report.incidents}
    if not names:
        raise UsageError("no finding named")
    return [report.finding(one) for name in names for one in incidents.get(name, (name,))]


def _of_findings(findings: Sequence[Finding], evidence: bool) -> Choice:
    """Their connections, and all frames that they name; for the evidence alone, just these."""
    streams = np.unique(np.array([stream for each in findings for stream in each.streams], np.int64))
    frames = {frame for each in findings for frame in each.frames}
    frames |= {item.frame for each in findings for item in each.evidence if item.frame}
    if not frames and (evidence or not len(streams)):
        names = ", ".join(printable(each.id) for each in findings)
        raise UsageError(f"{names}: about the capture as a whole, no packets are its evidence")
    return Choice(streams, np.array(sorted(frames), np.int64), whole=not evidence)
