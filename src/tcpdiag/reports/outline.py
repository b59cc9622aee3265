"""The order of a report for people: what is told in full, what in a line, what is only counted.

Text and Markdown set the same outline. Nothing is judged here; everything comes from the Report.
"""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from .. import capture_notes
from ..model.finding import Evidence, Finding, Refutation, Severity, Unexamined
from ..report import Report
from ..units import duration, file_name, plural, shortened
from ..wireshark import display_filter, ranges

if TYPE_CHECKING:
    from .socket_lines import ListingLines

STREAMS_NAMED = 6
KINDS_NAMED = 3
ALIKE_TOLD = 2
"""Incidents with a cause of one kind that are told in full; the third says nothing new but where it is."""
NAME_SHOWN = 60
NAMELESS: Mapping[str, str] = {}
SURE = 0.8
"""From here on the place of the tap is stated without "probably"."""
PLACES = {
    "client": "at the client",
    "server": "at the server",
    "loopback": "on loopback",
    "between": "between the two ends",
}


class Symptoms(NamedTuple):
    """The findings of one kind in an incident, its cause apart; the first of them speaks for all."""

    first: Finding
    findings: int
    streams: tuple[int, ...]
    frames: tuple[int, ...]


class Told(NamedTuple):
    """An incident: its cause in full, the rest of it in a line a kind."""

    severity: Severity  # the gravest of its findings
    cause: Finding
    where: str  # endpoints and streams
    evidence: tuple[Evidence, ...]
    evidence_left: int
    symptoms: tuple[Symptoms, ...]
    symptoms_left: int  # kinds
    refutations: tuple[Refutation, ...]
    next_steps: tuple[str, ...]  # without those that an incident before it has told
    settled_by: tuple[str, ...]
    wireshark: str | None


class Outline(NamedTuple):
    """The parts of the report, in order. Told: what is at least a warning, or was asked for by its kind; where there
    is nothing of that, the first notice."""

    header: str
    partial: str | None
    restricted: str | None
    told: tuple[Told, ...]
    nothing: str | None  # that nothing is grave
    listed: tuple[Finding, ...]
    left: int  # incidents that are neither told nor listed
    sockets: "tuple[ListingLines, ...]"
    capture_findings: tuple[Finding, ...]
    capture_warnings: tuple[str, ...]
    unexamined: tuple[Unexamined, ...]
    first_ts_ns: int  # what relative times count from


def outline(report: Report) -> Outline:
    """What to print, and in which order."""
    limits = report.config.limits
    groups = [group for group in _groups(report) if not _about_capture(group[0])]
    capture = tuple(finding for finding in report.findings if _about_capture(finding))
    grave = _worth_telling(report, groups)[: limits.findings]
    full = grave or [group for group in groups[:1] if _severity(group) > Severity.INFO]
    told = {group[0].id for group in full}
    rest = [group[0] for group in groups if group[0].id not in told]
    return Outline(
        header=_header(report),
        partial=None if report.complete else _partial(report),
        restricted=_restricted(report),
        told=_all_told(report, full),
        nothing=None if grave else _nothing(report, bool(full), bool(rest)),
        listed=tuple(rest[: limits.listed]),
        left=max(0, len(rest) - limits.listed),
        sockets=_sockets(report),
        capture_findings=capture,
        capture_warnings=_warnings(report, capture),
        unexamined=report.unexamined,
        first_ts_ns=report.tables.first_ts_ns,
    )


def where(finding: Finding, names: Mapping[str, str] = NAMELESS) -> str:
    """`10.0.0.1:5000 -> 10.0.0.2:80 (www.example.com), stream 3`. names: of addresses."""
    ends = " -> ".join(_named(end, names) for end in (finding.endpoint, finding.peer) if end)
    return ", ".join(part for part in (ends, streams_named(finding.streams)) if part)


def _named(end: str, names: Mapping[str, str]) -> str:
    """An endpoint or a host, and the name of its address where there is one."""
    name = names.get(end.strip("[]")) or names.get(end.rpartition(":")[0].strip("[]"))
    return f"{end} ({shortened(name, NAME_SHOWN)})" if name else end


def about(finding: Finding) -> tuple[str, ...]:
    """What identifies it in a line: kind, endpoints and streams, frames."""
    return tuple(part for part in (finding.kind, where(finding), _frames_named(finding.frames)) if part)


def about_symptoms(symptoms: Symptoms, beside: Finding) -> tuple[str, ...]:
    """The same for the symptoms of an incident; endpoints and streams where they differ from those of `beside`."""
    if symptoms.findings == 1:
        place = "" if where(symptoms.first) == where(beside) else where(symptoms.first)
    else:
        place = f"{symptoms.findings:,} times, {streams_named(symptoms.streams)}"
    return tuple(part for part in (symptoms.first.kind, place, _frames_named(symptoms.frames)) if part)


def outcome(refutation: Refutation) -> str:
    """A refutation in a line: what it would be, and what looking for it gave."""
    return f"{refutation.what} ({refutation.outcome or 'this capture cannot show it'})"


def main_stream(finding: Finding) -> int | None:
    """The connection that most of its evidence is from; None of a finding that is about none."""
    streams = [item.stream for item in finding.evidence if item.stream is not None] or finding.streams
    return Counter(streams).most_common(1)[0][0] if streams else None


def _frames_named(frames: tuple[int, ...]) -> str:
    if not frames:
        return ""
    return f"frame {frames[0]}" if len(frames) == 1 else f"{plural(len(frames), 'frame')} from {frames[0]}"


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


def _sockets(report: Report) -> "tuple[ListingLines, ...]":
    if report.sockets is None:
        return ()
    from .socket_lines import socket_lines  # 15 ms at every start, for the few reports that have listings

    return socket_lines(report)


def _severity(group: list[Finding]) -> Severity:
    return max(finding.severity for finding in group)


def _worth_telling(report: Report, groups: list[list[Finding]]) -> list[list[Finding]]:
    asked_for = report.config.only
    alike: Counter[str] = Counter()
    found = []
    for group in groups:
        kind = group[0].kind
        grave = _severity(group) >= Severity.WARNING
        if (grave and alike[kind] < ALIKE_TOLD) or any(finding.kind in asked_for for finding in group):
            alike[kind] += 1
            found.append(group)
    return found


def _all_told(report: Report, groups: list[list[Finding]]) -> tuple[Told, ...]:
    said: set[str] = set()
    told = []
    for group in groups:
        told.append(_told(report, group, said))
        said.update(group[0].next_steps, group[0].settled_by)
    return tuple(told)


def _told(report: Report, group: list[Finding], said: set[str]) -> Told:
    limits = report.config.limits
    cause, symptoms = group[0], _symptoms(group[1:])
    steps = tuple(step for step in cause.next_steps if step not in said)
    return Told(
        severity=_severity(group),
        cause=cause,
        where=where(cause, report.names),
        evidence=cause.evidence[: limits.evidence],
        evidence_left=max(0, len(cause.evidence) - limits.evidence),
        symptoms=symptoms[: limits.symptoms],
        symptoms_left=max(0, len(symptoms) - limits.symptoms),
        refutations=cause.refutations,
        next_steps=steps or (("as above",) if cause.next_steps else ()),
        settled_by=tuple(step for step in cause.settled_by if step not in said),
        wireshark=display_filter(cause),
    )


def _symptoms(findings: list[Finding]) -> tuple[Symptoms, ...]:
    """By kind: those that are only worth knowing behind the others, else in rank order."""
    kinds: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: finding.severity == Severity.INFO):
        kinds.setdefault(finding.kind, []).append(finding)
    return tuple(
        Symptoms(
            first=alike[0],
            findings=len(alike),
            streams=tuple(sorted({stream for finding in alike for stream in finding.streams})),
            frames=tuple(sorted({frame for finding in alike for frame in finding.frames})),
        )
        for alike in kinds.values()
    )


def _header(report: Report) -> str:
    files = report.files
    names = [file_name(path) for path in ([file.path for file in files] or report.paths)] or ["no capture"]
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


def _partial(report: Report) -> str:
    packets = plural(sum(file.packets for file in report.files), "packet")
    return f"Reading was interrupted: all of this is about the first {packets} only."


def _restricted(report: Report) -> str | None:
    if report.expression is None:
        return None
    total = plural(len(report.tables.flows), "connection")
    return f"Only what matches: {report.expression} ({len(report.streams):,} of {total})"


def _warnings(report: Report, told: tuple[Finding, ...]) -> tuple[str, ...]:
    several = len(report.files) > 1
    return (
        tuple(
            f"{file_name(file.path)}: {text}" if several else text
            for file in report.files
            for text in capture_notes.untold(file, told)
        )
        + report.checksum_notes
    )


def _nothing(report: Report, told: bool, rest: bool) -> str:
    if not len(report.streams):
        return "No TCP connection to look at."
    kinds = [kind for kind in report.examined if not kind.startswith("capture-")]
    if len(kinds) > KINDS_NAMED:
        looked = f"Looked for {len(kinds)} kinds of fault (tcpdiag explain)."
    else:
        looked = f"Looked for: {', '.join(kinds) or 'nothing, every diagnosis was left out'}."
    found = "Nothing graver found" if told else "Nothing grave found" if rest else "Nothing found"
    return f"{found} in {plural(len(report.streams), 'connection')}. {looked}"
