"""The order of a report for people: what is told in full, what in a line, what is only counted.

Text and Markdown set the same outline. Nothing is judged here; everything comes from the Report.
"""

from dataclasses import dataclass
from pathlib import PurePath

from .. import capture_notes
from ..model.finding import Evidence, Finding, Unexamined
from ..report import Report
from ..units import duration, plural
from ..wireshark import display_filter, ranges

STREAMS_NAMED = 6
SURE = 0.8
"""From here on the place of the tap is stated without "probably"."""
PLACES = {
    "client": "at the client",
    "server": "at the server",
    "loopback": "on loopback",
    "between": "between the two ends",
}


@dataclass(frozen=True)
class Told:
    """An incident: its cause in full, the rest of it in a line each."""

    cause: Finding
    where: str  # endpoints and streams
    evidence: tuple[Evidence, ...]
    evidence_left: int
    symptoms: tuple[Finding, ...]
    symptoms_left: int
    next_steps: tuple[str, ...]
    wireshark: str | None


@dataclass(frozen=True)
class Outline:
    """The parts of the report, in order."""

    header: str
    partial: str | None
    restricted: str | None
    told: tuple[Told, ...]
    listed: tuple[Finding, ...]
    left: int  # incidents that are neither told nor listed
    capture_findings: tuple[Finding, ...]
    capture_warnings: tuple[str, ...]
    unexamined: tuple[Unexamined, ...]
    nothing: str | None
    first_ts_ns: int  # what relative times count from


def outline(report: Report) -> Outline:
    """What to print, and in which order."""
    limits = report.config.limits
    groups = [group for group in _groups(report) if not _about_capture(group[0])]
    capture = tuple(finding for finding in report.findings if _about_capture(finding))
    full, rest = groups[: limits.findings], [group[0] for group in groups[limits.findings :]]
    return Outline(
        header=_header(report),
        partial=None if report.complete else _partial(report),
        restricted=_restricted(report),
        told=tuple(_told(report, group) for group in full),
        listed=tuple(rest[: limits.listed]),
        left=max(0, len(rest) - limits.listed),
        capture_findings=capture,
        capture_warnings=_warnings(report),
        unexamined=report.unexamined,
        nothing=None if groups else _nothing(report),
        first_ts_ns=report.tables.first_ts_ns,
    )


def where(finding: Finding) -> str:
    """`10.0.0.1:5000 -> 10.0.0.2:80, stream 3`."""
    ends = " -> ".join(end for end in (finding.endpoint, finding.peer) if end)
    return ", ".join(part for part in (ends, streams_named(finding.streams)) if part)


def streams_named(streams: tuple[int, ...]) -> str:
    """`stream 3`, `streams 3, 7..9`, `240 streams`."""
    if not streams:
        return ""
    if len(streams) == 1:
        return f"stream {streams[0]}"
    parts = ranges(sorted(streams))
    return f"streams {', '.join(parts)}" if len(parts) <= STREAMS_NAMED else plural(len(streams), "stream")


def _groups(report: Report) -> list[list[Finding]]:
    """Findings by incident, the cause first; a finding without incident stands alone."""
    by_id = {finding.id: finding for finding in report.findings}
    groups = [[by_id[name] for name in incident.findings if name in by_id] for incident in report.incidents]
    grouped = {finding.id for group in groups for finding in group}
    return [group for group in groups if group] + [[f] for f in report.findings if f.id not in grouped]


def _about_capture(finding: Finding) -> bool:
    return finding.kind.startswith("capture-")


def _told(report: Report, group: list[Finding]) -> Told:
    limits = report.config.limits
    cause, symptoms = group[0], group[1:]
    return Told(
        cause=cause,
        where=where(cause),
        evidence=cause.evidence[: limits.evidence],
        evidence_left=max(0, len(cause.evidence) - limits.evidence),
        symptoms=tuple(symptoms[: limits.symptoms]),
        symptoms_left=max(0, len(symptoms) - limits.symptoms),
        next_steps=cause.next_steps,
        wireshark=display_filter(cause),
    )


def _header(report: Report) -> str:
    files = report.files
    names = [_name(path) for path in ([file.path for file in files] or report.paths)]
    name = names[0] if len(names) == 1 else f"{names[0]} and {plural(len(names) - 1, 'more file', 'more files')}"
    parts = [
        plural(sum(file.packets for file in files), "packet"),
        plural(len(report.tables.flows), "TCP connection"),
        duration(max(0, report.tables.last_ts_ns - report.tables.first_ts_ns)),
    ]
    if report.vantage and report.vantage.place in PLACES:
        likely = "" if report.vantage.confidence >= SURE else "probably "
        parts.append(f"{likely}captured {PLACES[report.vantage.place]}")
    return f"{name}: {', '.join(parts)}"


def _name(path: str) -> str:
    return "standard input" if path == "-" else PurePath(path).name


def _partial(report: Report) -> str:
    packets = plural(sum(file.packets for file in report.files), "packet")
    return f"Reading was interrupted: all of this is about the first {packets} only."


def _restricted(report: Report) -> str | None:
    if report.expression is None:
        return None
    total = plural(len(report.tables.flows), "connection")
    return f"Only what matches: {report.expression} ({len(report.streams):,} of {total})"


def _warnings(report: Report) -> tuple[str, ...]:
    several = len(report.files) > 1
    return tuple(
        f"{_name(file.path)}: {text}" if several else text
        for file in report.files
        for text in capture_notes.warnings(file)
    ) + capture_notes.checksums(report.tables)


def _nothing(report: Report) -> str:
    if not len(report.streams):
        return "No TCP connection to look at."
    connections = plural(len(report.streams), "connection")
    kinds = ", ".join(kind for kind in report.examined if not kind.startswith("capture-"))
    return f"Nothing found in {connections}. Looked for: {kinds or 'nothing: every diagnosis was left out'}."
