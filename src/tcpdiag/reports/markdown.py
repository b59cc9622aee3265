"""Report -> Markdown for a ticket: the outline of the text report. Text from the capture is escaped."""

import re

from ..model.finding import Evidence, Finding
from ..report import Report
from ..units import printable, relative
from .outline import Outline, Symptoms, Told, about, about_symptoms, outcome, outline

SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&!]|:(?=//)|(?<=www)\.)", re.IGNORECASE)


def render(report: Report) -> str:
    """The whole report, ending in a newline."""
    parts = outline(report)
    blocks = [f"# {escaped(parts.header)}"]
    if parts.partial:
        blocks.append(f"**PARTIAL** {escaped(parts.partial)}")
    if parts.restricted:
        blocks.append(escaped(parts.restricted))
    for told in parts.told:
        blocks += _incident(told, parts.first_ts_ns)
    if parts.nothing:
        blocks.append(escaped(parts.nothing))
    blocks += _rest(parts)
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no links, no control characters."""
    return SPECIAL.sub(r"\\\1", printable(text.replace("\n", " ")))


def code(text: str) -> str:
    """A code span that nothing in the text can end."""
    shown = printable(text)
    fence = "`" * (_longest_run(shown) + 1)
    return f"{fence} {shown} {fence}" if "`" in shown else f"{fence}{shown}{fence}"


def _incident(told: Told, first_ts_ns: int) -> list[str]:
    cause = told.cause
    blocks = [f"## {str(told.severity).upper()}: {escaped(cause.title)}"]
    blocks += [escaped(told.where)] if told.where else []
    blocks.append(escaped(cause.summary))
    if told.evidence:
        blocks.append(_fenced([_evidence(item, first_ts_ns) for item in told.evidence]))
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


def _rest(parts: Outline) -> list[str]:
    blocks = []
    if parts.listed:
        lines = [f"- {_line(finding)}" for finding in parts.listed]
        lines += [f"- ... and {parts.left:,} more in the JSON report"] if parts.left else []
        blocks += ["## Further findings", "\n".join(lines)]
    for listing in parts.sockets:
        blocks += [f"## {escaped(listing.title)}", "\n".join(f"- {escaped(line)}" for line in listing.lines)]
    capture = [
        f"- {finding.severity}: {escaped(f'{finding.title}. {finding.summary}')}" for finding in parts.capture_findings
    ]
    capture += [f"- {escaped(text)}" for text in parts.capture_warnings]
    blocks += ["## The capture itself", "\n".join(capture)] if capture else []
    left = [f"- {escaped(item.what)}: {escaped(item.reason)}" for item in parts.unexamined]
    return [*blocks, "## Not examined", "\n".join(left)] if left else blocks


def _evidence(item: Evidence, first_ts_ns: int) -> str:
    frame = "" if item.frame is None else str(item.frame)
    time = "" if item.ts_ns is None else relative(item.ts_ns - first_ts_ns)
    text = "   ".join(part for part in (item.segment, item.note) if part)
    return f"{frame:>6}  {time:>8}  {text}"


def _fenced(lines: list[str]) -> str:
    shown = [printable(line) for line in lines]
    fence = "`" * max(3, _longest_run("".join(shown)) + 1)
    return "\n".join([f"{fence}text", *shown, fence])


def _line(finding: Finding) -> str:
    return f"{finding.severity}: {escaped(finding.title)} ({'; '.join(map(escaped, about(finding)))})"


def _symptoms(symptoms: Symptoms, beside: Finding) -> str:
    first = symptoms.first
    return f"{first.severity}: {escaped(first.title)} ({'; '.join(map(escaped, about_symptoms(symptoms, beside)))})"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
