"""What comes first.

Order of incidents: gravest first; of one severity, the kind further up in the registry first, then the one with more
connections, then the earlier one. Incidents about the capture stand behind the others of their severity.
Order inside an incident: by the registry, then severity, then time. The registry lists causes before symptoms.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from ..model.finding import Finding, Incident
from ..model.tables import Tables
from .incidents import about_capture, grouped, incident
from .registry import DIAGNOSES

_PLACE: Final = {diagnosis.kind: place for place, diagnosis in enumerate(DIAGNOSES)}


def rank(tables: Tables, findings: Iterable[Finding]) -> tuple[list[Finding], list[Incident]]:
    """Findings with ids in rank order, and the incidents they form."""
    groups = [sorted(group, key=_inside) for group in grouped(tables, list(findings))]
    groups.sort(key=_between)
    numbered: dict[str, int] = {}
    ranked, incidents = [], []
    for number, group in enumerate(groups, 1):
        named = []
        for finding in group:
            numbered[finding.kind] = numbered.get(finding.kind, 0) + 1
            named.append(replace(finding, id=f"{finding.kind}-{numbered[finding.kind]}"))
        ranked += named
        incidents.append(incident(number, named))
    return ranked, incidents


def _inside(finding: Finding) -> tuple[int, int, int, tuple[int, ...]]:
    return (_PLACE[finding.kind], -finding.severity, finding.first_ts_ns or 0, finding.frames[:1])


def _between(group: Sequence[Finding]) -> tuple[int, bool, int, int, int, tuple[int, ...]]:
    first = group[0]
    streams = len({stream for finding in group for stream in finding.streams})
    gravest = -max(finding.severity for finding in group)
    return (gravest, about_capture(first), _PLACE[first.kind], -streams, first.first_ts_ns or 0, first.frames[:1])
