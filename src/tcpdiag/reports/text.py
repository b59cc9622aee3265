"""Report -> text for a terminal: 80 columns, the cause first. Colour only where asked for."""

import textwrap
from collections.abc import Sequence

from ..model.finding import Cause, Evidence, Finding, Severity
from ..report import Report
from ..units import printable, relative
from .outline import Outline, Symptoms, Told, about, about_symptoms, outcome, outline

LABEL = 13  # columns before the text of a labelled paragraph
NARROWEST = 40
COLORS = {Severity.CRITICAL: "1;31", Severity.WARNING: "1;33", Severity.NOTICE: "36", Severity.INFO: "2"}


def render(report: Report, *, color: bool = False, width: int = 80) -> str:
    """The whole report, ending in a newline. Text from the capture comes out escaped."""
    return _Page(color, max(width, NARROWEST)).report(outline(report))


class _Page:
    def __init__(self, color: bool, width: int) -> None:
        self._color = color
        self._width = width
        self._lines: list[str] = []

    def report(self, parts: Outline) -> str:
        """All parts in order."""
        self._paragraph(parts.header)
        if parts.partial:
            self._paragraph(f"PARTIAL  {parts.partial}", style="1;31")
        if parts.restricted:
            self._paragraph(parts.restricted)
        for told in parts.told:
            self._incident(told, parts.first_ts_ns)
        if parts.nothing:
            self._blank()
            self._paragraph(parts.nothing)
        self._listed(parts)
        self._sockets(parts)
        self._capture(parts)
        for index, item in enumerate(parts.unexamined):
            if not index:
                self._blank()
            self._paragraph(f"Not examined: {item.what}: {item.reason}", hanging=2)
        return "\n".join(self._lines) + "\n"

    def _incident(self, told: Told, first_ts_ns: int) -> None:
        cause = told.cause
        self._blank()
        self._headline(told.severity, cause.title)
        if told.where:
            self._paragraph(told.where, indent=2)
        self._paragraph(cause.summary, indent=2)
        frame_width = max([len(str(item.frame)) for item in told.evidence if item.frame] or [1])
        for item in told.evidence:
            self._evidence(item, first_ts_ns, max(frame_width, 4))
        if told.evidence_left:
            self._paragraph(f"... and {told.evidence_left:,} more: see --format json", indent=4)
        for index, reason in enumerate(cause.causes):
            self._cause(reason, "Cause" if index == 0 else "or")
        self._list("Also", [_symptoms(each, cause) for each in told.symptoms])
        if told.symptoms_left:
            self._labelled("", f"... and {told.symptoms_left:,} more kinds: see --format json")
        self._list("Wrong if", [outcome(each) for each in told.refutations])
        self._list("Next", told.next_steps)
        self._list("To be sure", told.settled_by)
        if told.wireshark:
            self._labelled("Wireshark", told.wireshark)

    def _headline(self, severity: Severity, title: str) -> None:
        word = str(severity).upper()
        start = len(self._lines)
        self._paragraph(f"{word:8}  {title}", hanging=10)
        self._lines[start] = self._styled(word, COLORS[severity]) + self._lines[start][len(word) :]

    def _evidence(self, item: Evidence, first_ts_ns: int, frame_width: int) -> None:
        """`frame  +time  who > who  segment   note`; the note goes below where it does not fit."""
        frame = "" if item.frame is None else str(item.frame)
        time = "" if item.ts_ns is None else relative(item.ts_ns - first_ts_ns)
        start = f"  {frame:>{frame_width}}  {time:>8}  "
        if not item.segment:
            self._paragraph(item.note, first=start, hanging=len(start))
            return
        line = start + _clean(item.segment)
        if item.note and len(line) + 3 + len(_clean(item.note)) <= self._width:
            self._lines.append(f"{line}   {_clean(item.note)}")
            return
        self._paragraph(item.segment, first=start, hanging=len(start) + 2)
        if item.note:
            self._paragraph(item.note, indent=len(start) + 2)

    def _cause(self, cause: Cause, label: str) -> None:
        self._labelled(label, cause.text)
        for name, reasons in (("for", cause.support), ("against", cause.against)):
            for reason in reasons:
                self._paragraph(reason, first=" " * LABEL + f"  {name}: ", hanging=LABEL + 4)

    def _listed(self, parts: Outline) -> None:
        if not parts.listed and not parts.left:
            return
        self._blank()
        self._paragraph("Further findings (--only KIND tells one in full):")
        for finding in parts.listed:
            self._paragraph(_line(finding), indent=2, hanging=2)
        if parts.left:
            self._paragraph(f"... and {parts.left:,} more: see --format json", indent=2)

    def _sockets(self, parts: Outline) -> None:
        for listing in parts.sockets:
            self._blank()
            self._paragraph(f"{listing.title}:")
            for line in listing.lines:
                self._paragraph(line, indent=2, hanging=2)

    def _capture(self, parts: Outline) -> None:
        if not parts.capture_findings and not parts.capture_warnings:
            return
        self._blank()
        self._paragraph("About the capture itself:")
        for finding in parts.capture_findings:
            self._paragraph(f"{finding.severity}: {finding.title}. {finding.summary}", indent=2, hanging=2)
        for warning in parts.capture_warnings:
            self._paragraph(f"{warning}", indent=2, hanging=2)

    def _list(self, label: str, texts: Sequence[str]) -> None:
        for index, text in enumerate(texts):
            self._labelled("" if index else label, text)

    def _labelled(self, label: str, text: str) -> None:
        self._paragraph(text, first=f"  {label:{LABEL - 2}}", hanging=LABEL)

    def _paragraph(
        self, text: str, *, indent: int = 0, hanging: int = 0, first: str | None = None, style: str | None = None
    ) -> None:
        """Wrapped to the width. `hanging`: how much further in the later lines stand; `first`: what opens line one."""
        start = " " * indent if first is None else first
        rest = " " * (indent + hanging)
        lines = textwrap.wrap(
            _clean(text), self._width, initial_indent=start, subsequent_indent=rest, break_on_hyphens=False
        )
        lines = [line.rstrip() for line in lines] or [start.rstrip()]
        self._lines += [self._styled(line, style) for line in lines] if style else lines

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._color else text

    def _blank(self) -> None:
        self._lines.append("")


def _clean(text: str) -> str:
    return printable(text.replace("\n", " "))


def _line(finding: Finding) -> str:
    return f"{finding.severity}: {finding.title} ({'; '.join(about(finding))})"


def _symptoms(symptoms: Symptoms, beside: Finding) -> str:
    first = symptoms.first
    return f"{first.severity}: {first.title} ({'; '.join(about_symptoms(symptoms, beside))})"
