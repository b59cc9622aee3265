"""What Jupyter shows of reports, connections, findings and sockets: HTML, short. The reports tell everything.

Elements carry the meaning, since some viewers drop styles; colours come from the page, so that it reads in the dark
too. Text is escaped, and nothing in it is taken for a formula.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from .figures.palette import SEVERITIES
from .flow_columns import SIDES
from .flow_view import Flow, FlowState, FlowTable
from .model.finding import Evidence, Finding, Incident, Severity
from .report import Report
from .reports.outline import Told, about, outline, streams_named, where
from .reports.socket_lines import lines_of, name_of
from .sockets.table import SocketTable
from .units import duration, number, percent, plural, printable, size, utc
from .wireshark import display_filter

FLOWS_SHOWN: Final = 20
ALWAYS: Final = ("packets", "bytes")
NEVER: Final = ("syns", "new_bytes")
"""Counts of a connection that are shown also where they are 0, and that the others tell already."""
SHOWN: Final = 12
"""Findings and sentences of one list."""

_LEFT: Final = ' style="text-align:left"'
_BADGE: Final = "color:#000;border-radius:3px;padding:0 .4em;font-weight:bold"


def of_report(report: Report) -> str:
    """Its incidents, the gravest first: severity, title, place, first sentence; the rest in a line each."""
    parts = outline(report)
    blocks = [_paragraph(f"<b>{_text(parts.header)}</b>")]
    blocks += [_paragraph(_text(note)) for note in (parts.partial, parts.restricted) if note]
    blocks += [_incident_told(told) for told in parts.told]
    blocks += [_paragraph(_text(parts.nothing))] if parts.nothing else []
    listed = [f"{_titled(each.severity, each.title)} ({_text('; '.join(about(each)))})" for each in parts.listed]
    blocks.append(_list("Further findings", listed, parts.left))
    blocks += [_list(_text(each.title), map(_text, each.lines)) for each in parts.sockets]
    capture = [_titled(each.severity, each.title) for each in parts.capture_findings]
    blocks.append(_list("The capture itself", [*capture, *map(_text, parts.capture_warnings)]))
    blocks.append(_list("Not examined", (_text(f"{each.what}: {each.reason}") for each in parts.unexamined)))
    return _whole(blocks)


def of_flow(flow: Flow) -> str:
    """Its ends, what each of them went through and sent, and the findings about it."""
    lasted = duration(max(0, flow.last_ts_ns - flow.first_ts_ns))
    head = f"<b>stream {flow.number}</b>: {_text(flow.client)} &gt; {_text(flow.server)}"
    notes = [f"{utc(flow.first_ts_ns)}, {lasted}, frames {flow.frames[0]} to {flow.frames[1]}"]
    notes += [f"in {flow.tunnel}"] if flow.tunnel else []
    notes += ["older than the capture"] if flow.midstream else []
    notes += [] if flow.roles_known else ["who is the client is guessed"]
    counts = {name: pair for name, pair in flow.counts.items() if name in ALWAYS or (any(pair) and name not in NEVER)}
    rows = [
        (side, _states(flow.states[side]), *(number(pair[index]) for pair in counts.values()))
        for index, side in enumerate(SIDES)
    ]
    table = _table(("", "states [since frame]", *(name.replace("_", " ") for name in counts)), rows)
    found = [_named(finding) for finding in flow.findings]
    return _whole([_paragraph(f"{head}<br>{_text('; '.join(notes))}"), table, _list("Findings", found)])


def of_flow_table(flows: FlowTable) -> str:
    """The first of its connections, one row each."""
    names = ("stream", "client", "server", "states", "packets", "bytes", "lasts", "findings")
    left = len(flows) - FLOWS_SHOWN
    rows = []
    for flow in (flows[index] for index in range(min(len(flows), FLOWS_SHOWN))):
        packets, payload = (sum(flow.counts[name]) for name in ("packets", "bytes"))
        rows.append(
            (
                str(flow.number),
                flow.client,
                flow.server,
                " / ".join(str(flow.state(side)) for side in SIDES),
                number(packets),
                size(payload),
                duration(max(0, flow.last_ts_ns - flow.first_ts_ns)),
                ", ".join(dict.fromkeys(finding.kind for finding in flow.findings)),
            )
        )
    more = [_paragraph(f"... and {number(left)} more: .frame() has all")] if left > 0 else []
    return _whole([_paragraph(f"<b>{plural(len(flows), 'connection')}</b>"), _table(names, rows), *more])


def of_finding(finding: Finding) -> str:
    """Title, story, evidence, next steps, and the filter that shows its frames in Wireshark."""
    facts = [where(finding), f"{finding.id or finding.kind}, confidence {percent(finding.confidence)}"]
    head = "<br>".join((_titled(finding.severity, finding.title), *(_text(fact) for fact in facts if fact)))
    filtered = display_filter(finding)
    return _whole(
        [
            _paragraph(head),
            _paragraph(_text(finding.summary)),
            _table(("frame", "UTC", "segment", "what it shows"), map(_evidence_row, finding.evidence)),
            _list("Next", map(_text, finding.next_steps)),
            _paragraph(f"Wireshark: <code>{_text(filtered)}</code>") if filtered else "",
        ]
    )


def of_incident(incident: Incident) -> str:
    """Title, what happened in order of time, its findings, next steps."""
    head = f"{_titled(incident.severity, incident.title)}<br>{_text(streams_named(incident.streams))}"
    told = [_text(sentence.text) for sentence in incident.narrative]
    return _whole(
        [
            _paragraph(head),
            _list("What happened", told[:SHOWN], len(told) - SHOWN),
            _list("Findings, the cause first", _names(incident.findings)),
            _list("Next", map(_text, incident.next_steps)),
        ]
    )


def of_sockets(table: SocketTable) -> str:
    """Each listing: what it is, and where it differs from what the capture predicts."""
    return _whole([_list(_text(name_of(each)), map(_text, lines_of(each))) for each in table.listings])


def _incident_told(told: Told) -> str:
    cause = told.cause
    lines = [f"{_titled(told.severity, cause.title)} (<code>{_text(cause.id)}</code>)"]
    lines += [_text(told.where)] if told.where else []
    lines += [_text(sentence.text) for sentence in cause.story[:1]]
    lines += [f"Also: {_titled(each.first.severity, each.first.title)}" for each in told.symptoms]
    return _paragraph("<br>".join(lines))


def _names(findings: Sequence[str]) -> list[str]:
    left = len(findings) - SHOWN
    shown = ", ".join(f"<code>{_text(name)}</code>" for name in findings[:SHOWN])
    return [f"{shown} and {number(left)} more" if left > 0 else shown] if findings else []


def _named(finding: Finding) -> str:
    return f"{_titled(finding.severity, finding.title)} (<code>{_text(finding.id)}</code>)"


def _titled(severity: Severity, title: str) -> str:
    return f'<span style="background:{SEVERITIES[severity]};{_BADGE}">{severity}</span> <b>{_text(title)}</b>'


def _evidence_row(item: Evidence) -> tuple[str, ...]:
    frame = "" if item.frame is None else str(item.frame)
    return frame, "" if item.ts_ns is None else _clock(item.ts_ns), item.segment or "", item.note


def _clock(ts_ns: int) -> str:
    """`01:23:41.075`"""
    return f"{utc(ts_ns).split()[-2]}.{ts_ns // 1_000_000 % 1000:03d}"


def _states(entries: Sequence[FlowState]) -> str:
    """`SYN-SENT [1], ESTABLISHED [3], FIN-WAIT-2 [95] (presumed)`"""
    return ", ".join(
        f"{entry.state}{f' [{entry.frame}]' if entry.frame else ''}{'' if entry.certain else ' (presumed)'}"
        for entry in entries
    )


def _text(text: str) -> str:
    return escape(printable(text.replace("\n", " ")))


def _paragraph(markup: str) -> str:
    return f'<p style="margin:.4em 0;max-width:60em">{markup}</p>'


def _list(title: str, items: Iterable[str], left: int = 0) -> str:
    """title, items: markup. Empty without items. left: how many more there are."""
    lines = list(items)
    if not lines:
        return ""
    lines += [f"... and {number(left)} more"] if left > 0 else []
    rows = "".join(f"<li>{line}</li>" for line in lines)
    return f'<p style="margin:.4em 0 0">{title}:</p><ul style="margin:0 0 .4em;max-width:60em">{rows}</ul>'


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """names, rows: text. Empty without rows."""
    body = "".join(f"<tr>{''.join(f'<td{_LEFT}>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th{_LEFT}>{_text(name)}</th>" for name in names)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""


def _whole(blocks: Iterable[str]) -> str:
    """Pages that set formulas leave these classes alone: the names of MathJax 2 and 3."""
    return f'<div class="tcpdiag tex2jax_ignore mathjax_ignore">{"".join(blocks)}</div>'
