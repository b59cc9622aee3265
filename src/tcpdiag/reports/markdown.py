"""Report -> Markdown for a ticket: the outline of the text report. Text from the capture is escaped.

What GitHub, GitLab and Jira all show: headings, lists, small tables; and a Mermaid diagram, where the capture can be
read again. Figures are files beside it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ..errors import TcpdiagError
from ..model.finding import Evidence, Finding
from ..report import Report
from ..units import relative
from .escaping import code, escaped
from .outline import Outline, Symptoms, Told, about, about_symptoms, main_stream, outcome, outline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .html_figures import Figures

FRAMES_AGAIN: Final = 20_000_000
"""Frames that are read again for a diagram: about 10 s."""


def render(report: Report) -> str:
    """The whole report, ending in a newline."""
    return _page(report, outline(report), ())


def render_beside(report: Report, path: Path) -> str:
    """The same for a file at `path`, with figures, which are written into its folder as `NAME-1-sequence.png`.

    Raises UsageError when one cannot be written.
    """
    from ..figures.files import save
    from .html_figures import figures_of

    def show(axes: "Axes", name: str, caption: str) -> str:
        file = f"{path.stem}-{name.removeprefix('figure-')}.png"
        save(axes, path.with_name(file))
        return f"![{escaped(name.replace('-', ' '))}]({quote(file)})\n\n*{escaped(caption)}*"

    parts = outline(report)
    return _page(report, parts, figures_of(report, parts.told, show))


def _page(report: Report, parts: Outline, figures: "Sequence[Figures]") -> str:
    blocks = [f"# {escaped(parts.header)}"]
    if parts.partial:
        blocks.append(f"**PARTIAL** {escaped(parts.partial)}")
    if parts.restricted:
        blocks.append(escaped(parts.restricted))
    for index, told in enumerate(parts.told):
        blocks += _incident(told, parts.first_ts_ns)
        blocks += _figures(figures[index]) if figures else []
        blocks += [] if index else _diagram(report, told, parts.first_ts_ns)
    if parts.nothing:
        blocks.append(escaped(parts.nothing))
    blocks += _rest(parts)
    return "\n\n".join(blocks) + "\n"


def _incident(told: Told, first_ts_ns: int) -> list[str]:
    cause = told.cause
    blocks = [f"## {str(told.severity).upper()}: {escaped(cause.title)}"]
    blocks += [escaped(told.where)] if told.where else []
    blocks.append(escaped(cause.summary))
    if told.evidence:
        rows = [_evidence(item, first_ts_ns) for item in told.evidence]
        blocks.append(_table(("frame", "time", "segment", "what it shows"), rows, numbers=2))
    if told.evidence_left:
        blocks.append(f"... and {told.evidence_left:,} more lines of evidence in the JSON report.")
    lines = []
    for reason in cause.causes:
        lines.append(f"- Cause: {escaped(reason.text)}")
        lines += [f"  - for: {escaped(text)}" for text in reason.support]
        lines += [f"  - against: {escaped(text)}" for text in reason.against]
    lines += [f"- Also {_symptoms(each, cause)}" for each in told.symptoms]
    lines += [f"- ... and {told.symptoms_left:,} more kinds in the JSON report"] if told.symptoms_left else []
    lines += [f"- Wrong if {escaped(outcome(each))}" for each in told.refutations]
    lines += [f"- Next: {escaped(step)}" for step in told.next_steps]
    lines += [f"- To be sure: {escaped(step)}" for step in told.settled_by]
    lines += [f"- Wireshark: {code(told.wireshark)}"] if told.wireshark else []
    return [*blocks, "\n".join(lines)] if lines else blocks


def _figures(figures: "Figures") -> list[str]:
    """Each with how to read it; why one is missing."""
    return [each.markup for each in figures.drawn] + [f"No figure: {escaped(text)}" for text in figures.missing]


def _diagram(report: Report, told: Told, first_ts_ns: int) -> list[str]:
    """The connection of the incident as a Mermaid diagram; nothing where the capture is gone, or long."""
    from .timelines import diagram

    stream = main_stream(told.cause)
    if stream is None or not report.paths or report.tables.flows["last_frame"][stream] > FRAMES_AGAIN:
        return []
    flow = report.flow(stream)
    try:
        moments = flow.timeline()
    except TcpdiagError:
        return []
    return [f"Stream {stream}, from top to bottom:", "\n".join(diagram(flow, moments, first_ts_ns))]


def _rest(parts: Outline) -> list[str]:
    blocks = []
    if parts.listed:
        rows = [_row(finding) for finding in parts.listed]
        blocks += ["## Further findings", _table(("severity", "finding", "where"), rows)]
        blocks += [f"... and {parts.left:,} more in the JSON report."] if parts.left else []
    for listing in parts.sockets:
        blocks += [f"## {escaped(listing.title)}", "\n".join(f"- {escaped(line)}" for line in listing.lines)]
    capture = [
        f"- {finding.severity}: {escaped(f'{finding.title}. {finding.summary}')}" for finding in parts.capture_findings
    ]
    capture += [f"- {escaped(text)}" for text in parts.capture_warnings]
    blocks += ["## The capture itself", "\n".join(capture)] if capture else []
    left = [f"- {escaped(item.what)}: {escaped(item.reason)}" for item in parts.unexamined]
    return [*blocks, "## Not examined", "\n".join(left)] if left else blocks


def _row(finding: Finding) -> tuple[str, ...]:
    return str(finding.severity), escaped(finding.title), "; ".join(map(escaped, about(finding)))


def _evidence(item: Evidence, first_ts_ns: int) -> tuple[str, ...]:
    frame = "" if item.frame is None else str(item.frame)
    time = "" if item.ts_ns is None else relative(item.ts_ns - first_ts_ns)
    return frame, time, escaped(item.segment or ""), escaped(item.note)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> str:
    """numbers: so many columns from the left are set to the right. Cells are escaped already."""
    rule = ["---:"] * numbers + ["---"] * (len(headings) - numbers)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows))


def _symptoms(symptoms: Symptoms, beside: Finding) -> str:
    first = symptoms.first
    return f"{first.severity}: {escaped(first.title)} ({'; '.join(map(escaped, about_symptoms(symptoms, beside)))})"
