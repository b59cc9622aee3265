"""What tcpdiag's report of a scenario's capture gets right and wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tcpdiag
from lab.agreement import Stretch, stretches
from lab.captured import Frame, frames_of
from lab.outcome import CAPTURE, Outcome, Wanted
from tcpdiag import Finding, Report, Severity


@dataclass
class Verdict:
    """Of one run."""

    outcome: Outcome
    found: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    first: str | None = None  # what is wrong with the beginning of the report
    states: list[Stretch] = field(default_factory=list)


def judge(folder: Path) -> Verdict:
    """Analyse the capture in this folder and compare."""
    outcome = Outcome.read(folder)
    verdict = Verdict(outcome)
    if not (folder / CAPTURE).exists():
        return verdict
    frames = list(frames_of(folder / CAPTURE))
    report = tcpdiag.analyze(folder / CAPTURE)
    used: list[Finding] = []
    for want in outcome.wanted:
        label = f"{'|'.join(want.kinds)}: {want.why}"
        hits, faults = _hits(want, report, frames)
        used += hits
        lacking = _lacking(want, report, hits)
        if lacking:
            verdict.missed.append(f"{label}\n  not told of: {', '.join(lacking)}\n  " + "\n  ".join(faults))
        else:
            verdict.found.append(label)
    verdict.alarms = _alarms(outcome, report, used)
    if outcome.wanted and not _opens_well(outcome, report, used):
        verdict.first = f"the report opens with {[f'{f.kind}: {f.title}' for f in report.findings[:1]]}"
    verdict.states = list(stretches(outcome, report, frames))
    return verdict


def _opens_well(outcome: Outcome, report: Report, used: Sequence[Finding]) -> bool:
    """With what was looked for, or with something that is true as well, and graver."""
    for first in report.findings[:1]:
        graver = all(first.severity > finding.severity for finding in used)
        return any(finding is first for finding in used) or (bool(used) and first.kind in outcome.tolerated and graver)
    return False


def _hits(want: Wanted, report: Report, frames: Sequence[Frame]) -> tuple[list[Finding], list[str]]:
    """The findings that are the wanted one, and what is wrong with those that nearly are."""
    picked = {frame.number for frame in frames if frame.fits(want.pick)}
    streams = set().union(*(_streams(report, pair) for pair in want.pairs))
    if not picked:
        return [], [f"no frame of the capture is {want.pick}"]
    hits, faults = [], []
    for finding in report.findings:
        if finding.kind not in want.kinds:
            continue
        wrong = [f"{key} is {finding.data.get(key)!r}, not {value}" for key, value in want.data.items()
                 if not _is(finding.data.get(key), value)]  # fmt: skip
        if not streams & set(finding.streams):
            wrong.append(f"it is about streams {finding.streams[:9]}, not {sorted(streams)[:9]}")
        if not picked & set(finding.frames):
            wrong.append(f"it shows frames {finding.frames[:9]}, none of {sorted(picked)[:9]}")
        if want.endpoint not in (None, finding.endpoint):
            wrong.append(f"it is about {finding.endpoint}, not {want.endpoint}")
        if wrong:
            faults.append(f"{finding.severity} {finding.kind} {finding.title!r}: " + "; ".join(wrong))
        else:
            hits.append(finding)
    told = ", ".join(f"{finding.severity} {finding.kind}" for finding in report.findings)
    return hits, faults or [f"the report has: {told or 'nothing'}"]


def _lacking(want: Wanted, report: Report, hits: Sequence[Finding]) -> list[str]:
    """The pairs that no hit tells of."""
    told = set().union(*(finding.streams for finding in hits))
    return [f"{client} > {server}" for client, server in want.pairs if not told & _streams(report, (client, server))]


def _streams(report: Report, pair: tuple[str, str]) -> set[int]:
    """The connections between these two endpoints."""
    return {flow.number for flow in report.flows if {flow.client, flow.server} == set(pair)}


def _is(got: Any, value: Any) -> bool:
    """Whether a number is between two bounds, or a word one of several, or anything the same."""
    if isinstance(value, list) and value and not isinstance(value[0], str):
        return got is not None and bool(value[0] <= got <= value[1])
    return bool(got in value if isinstance(value, list) else got == value)


def _alarms(outcome: Outcome, report: Report, used: Sequence[Finding]) -> list[str]:
    """Findings at warning or above that are neither wanted nor true as well, and reactions that did not happen."""
    told = []
    for finding in report.findings:
        loud = finding.severity >= Severity.WARNING and finding.kind not in outcome.tolerated
        reaction = finding.data.get("reaction") if finding.kind == "rst-off-sequence" else None
        if (loud and not any(finding is one for one in used)) or reaction in outcome.unwanted_reactions:
            told.append(
                f"{finding.severity} {finding.kind} frames {finding.frames[:9]}: {finding.title}\n  {finding.summary}"
            )
    return told
