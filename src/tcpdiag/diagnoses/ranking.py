"""From single findings to incidents: what belongs together, and what comes first.

Together: findings that share a connection or a 4-tuple are one incident. Findings about the capture stay alone.

Order of incidents: gravest first; of one severity, the kind further up in the registry first, then the one with more
connections, then the earlier one. Incidents about the capture stand behind the others of their severity.
Order inside an incident: by the registry, then severity, then time. The registry lists causes before symptoms.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from ..model.finding import Finding, Incident
from ..model.tables import Tables
from .columns import distinct
from .registry import DIAGNOSES

_PLACE: Final = {diagnosis.kind: place for place, diagnosis in enumerate(DIAGNOSES)}


def rank(tables: Tables, findings: Iterable[Finding]) -> tuple[list[Finding], list[Incident]]:
    """Findings with ids in rank order, and the incidents they form."""
    groups = [sorted(group, key=_inside) for group in _together(tables, list(findings))]
    groups.sort(key=_between)
    numbered: dict[str, int] = {}
    ranked, incidents = [], []
    for number, group in enumerate(groups, 1):
        named = []
        for finding in group:
            numbered[finding.kind] = numbered.get(finding.kind, 0) + 1
            named.append(replace(finding, id=f"{finding.kind}-{numbered[finding.kind]}"))
        ranked += named
        incidents.append(_incident(number, named))
    return ranked, incidents


def _about_capture(finding: Finding) -> bool:
    return finding.kind.startswith("capture-")


def _inside(finding: Finding) -> tuple[int, int, int, tuple[int, ...]]:
    return (_PLACE[finding.kind], -finding.severity, finding.first_ts_ns or 0, finding.frames[:1])


def _between(group: Sequence[Finding]) -> tuple[int, bool, int, int, int, tuple[int, ...]]:
    first = group[0]
    streams = max(len(finding.streams) for finding in group)
    gravest = -max(finding.severity for finding in group)
    return (gravest, _about_capture(first), _PLACE[first.kind], -streams, first.first_ts_ns or 0, first.frames[:1])


def _together(tables: Tables, findings: list[Finding]) -> list[list[Finding]]:
    """Findings joined where they share the first flow of a 4-tuple: union-find over findings."""
    parent = list(range(len(findings)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    owner = np.full(len(tables.flows), -1, np.int64)
    for index, finding in enumerate(findings):
        if _about_capture(finding) or not finding.streams:
            continue
        roots = _tuple_roots(tables, np.asarray(finding.streams, dtype=np.int64))
        for other in distinct(owner[roots]).tolist():
            if other >= 0:
                parent[root(index)] = root(other)
        owner[roots] = index
    groups: dict[int, list[Finding]] = {}
    for index, finding in enumerate(findings):
        groups.setdefault(root(index), []).append(finding)
    return list(groups.values())


def _tuple_roots(tables: Tables, streams: np.ndarray) -> np.ndarray:
    """The first flow on the 4-tuple of each of these flows."""
    previous = tables.flows["previous"]
    roots = streams
    while np.any(older := previous[roots] >= 0):
        roots = np.where(older, previous[roots], roots)
    return distinct(roots)


def _incident(number: int, group: list[Finding]) -> Incident:
    """The story in order of time; the cause gives the title."""
    cause = group[0]
    told = sorted(group, key=lambda finding: finding.first_ts_ns or 0)
    return Incident(
        id=f"incident-{number}",
        title=cause.title,
        severity=max(finding.severity for finding in group),
        findings=tuple(finding.id for finding in group),
        narrative=tuple(sentence for finding in told for sentence in finding.story),
        against=tuple(dict.fromkeys(text for cause_ in cause.causes[:1] for text in cause_.against)),
        next_steps=tuple(dict.fromkeys(step for finding in group for step in finding.next_steps)),
        refutations=cause.refutations,
        settled_by=tuple(dict.fromkeys(step for finding in group for step in finding.settled_by)),
    )
