"""A timeline -> text, CSV, JSON, Markdown with a Mermaid diagram."""

import csv
import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import orjson

from ..flow_columns import SIDES
from ..flow_view import Flow
from ..timeline import Moment, Verdict
from ..units import epoch, plural, printable, relative
from .escaping import escaped

WIDTH: Final = 80
INDENT: Final = 20  # columns before what belongs to a line
DIAGRAM_MAX: Final = 60
"""Lines of a diagram: more than that no page shows, and some viewers refuse."""

FIELDS: Final = (
    "stream",
    "ts",
    "frame",
    "last_frame",
    "sender",
    "segment",
    "client_state",
    "server_state",
    "changes",
    "verdicts",
    "events",
    "findings",
    "count",
)


def text(moments: Iterable[Moment], first_ts_ns: int, *, streams: bool = False, width: int = WIDTH) -> Iterator[str]:
    """Lines: time, frame, segment; below it what it changed, its verdict, its events, the findings it proves.

    streams: name the stream in each line, for a timeline of several flows.
    """
    for moment in moments:
        if moment.is_silence:
            yield f"{'':{INDENT}}... {moment.what} ..."
            continue
        frame = "" if moment.frame is None else str(moment.frame)
        head = f"{relative(moment.ts_ns - first_ts_ns):>9} {frame:>8}  "
        yield from _wrapped(f"stream {moment.stream}: {moment.what}" if streams else moment.what, head, width)
        for line in _notes(moment):
            yield from _wrapped(line, " " * (INDENT + 2), width)


def rows(moments: Iterable[Moment]) -> Iterator[dict[str, Any]]:
    """One flat object a line, with FIELDS as keys; lists where several things happened at once."""
    for moment in moments:
        client, server = (None if state is None else str(state) for state in moment.states)
        yield {
            "stream": moment.stream,
            "ts": epoch(moment.ts_ns),
            "frame": moment.frame,
            "last_frame": moment.fold.last_frame if moment.fold else moment.frame,
            "sender": moment.sender,
            "segment": moment.what if moment.count else None,
            "client_state": client,
            "server_state": server,
            "changes": list(moment.changes),
            "verdicts": [{"text": verdict.text, "rule": verdict.rule} for verdict in moment.verdicts],
            "events": [moment.what] if moment.is_silence else list(moment.facts),
            "findings": list(moment.findings),
            "count": moment.count,
        }


def json(moments: Iterable[Moment]) -> Iterator[bytes]:
    """A JSON array, one object a line."""
    separator = b"[\n"
    for row in rows(moments):
        yield separator + orjson.dumps(row)
        separator = b",\n"
    yield b"[]\n" if separator == b"[\n" else b"\n]\n"


def comma_separated(moments: Iterable[Moment]) -> Iterator[str]:
    """CSV with a heading; several things in one cell are separated by `; `."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    writer.writerow(FIELDS)
    for row in rows(moments):
        row["verdicts"] = [str(Verdict(**verdict)) for verdict in row["verdicts"]]
        writer.writerow("; ".join(cell) if isinstance(cell, list) else cell for cell in row.values())
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def markdown(flow: Flow, moments: Sequence[Moment], first_ts_ns: int) -> Iterator[str]:
    """Lines: a Mermaid sequence diagram, and the same as a table."""
    yield f"# Stream {flow.number}: {escaped(flow.client)} to {escaped(flow.server)}"
    yield ""
    yield from diagram(flow, moments, first_ts_ns)
    yield ""
    yield from table(moments, first_ts_ns)


def diagram(flow: Flow, moments: Sequence[Moment], first_ts_ns: int) -> Iterator[str]:
    """Lines of a fenced Mermaid block: at most DIAGRAM_MAX moments, what was left out is said."""
    left = len(moments) - DIAGRAM_MAX
    yield "```mermaid"
    yield "sequenceDiagram"
    for short, side in zip("CS", SIDES, strict=True):
        yield f"    participant {short} as {side} {_mermaid(getattr(flow, side))}"
    shown = moments if left <= 0 else [*moments[: DIAGRAM_MAX - 10], *moments[-10:]]
    for index, moment in enumerate(shown):
        if left > 0 and index == DIAGRAM_MAX - 10:
            yield f"    Note over C,S: ... {plural(left, 'line')} left out ..."
        yield from _arrow(moment, first_ts_ns)
    yield "```"


def table(moments: Iterable[Moment], first_ts_ns: int, *, streams: bool = False) -> Iterator[str]:
    """Lines of a Markdown table; with a column for the stream where there are several."""
    names = (*(("stream",) if streams else ()), "time", "frame", "segment", "what it meant")
    yield "| " + " | ".join(names) + " |"
    yield "|" + " ---: |" * (len(names) - 2) + " --- | --- |"
    for moment in moments:
        cells = [str(moment.stream)] if streams else []
        cells += [relative(moment.ts_ns - first_ts_ns), "" if moment.frame is None else str(moment.frame)]
        if moment.is_silence:
            cells += [moment.what, ""]
        else:
            cells += [escaped(moment.what), escaped("; ".join(_notes(moment)))]
        yield "| " + " | ".join(cells) + " |"


def _notes(moment: Moment) -> list[str]:
    notes = [", ".join(moment.changes)] if moment.changes else []
    notes += map(str, moment.verdicts)
    notes += moment.facts
    notes += [f"finding {', '.join(moment.findings)}"] if moment.findings else []
    return notes


def _wrapped(content: str, head: str, width: int) -> list[str]:
    return textwrap.wrap(
        printable(content),
        max(width, len(head) + INDENT),
        initial_indent=head,
        subsequent_indent=" " * (len(head) + 2),
        break_on_hyphens=False,
    )


def _arrow(moment: Moment, first_ts_ns: int) -> Iterator[str]:
    when = relative(moment.ts_ns - first_ts_ns)
    if moment.is_silence:
        yield f"    Note over C,S: {moment.what}"
    elif moment.fold:
        yield f"    Note over C,S: {_mermaid(f'{when} {moment.what}')}"
    elif moment.segment:
        sender, receiver = ("C", "S") if moment.sender == SIDES[0] else ("S", "C")
        numbers = moment.segment.partition("  ")[2].partition(" <")[0]
        lost = "-x" if any("RST" in verdict.text for verdict in moment.verdicts) else "->>"
        yield f"    {sender}{lost}{receiver}: {_mermaid(f'{when} [{moment.frame}] {numbers}')}"
    notes = _notes(moment)
    if notes and not moment.is_silence:
        yield f"    Note over C,S: {_mermaid('; '.join(notes))}"


def _mermaid(content: str) -> str:
    """Text that Mermaid takes for text: `#` and `;` have a meaning there, `<` would begin a tag."""
    special = {"#": "#35;", ";": "#59;", "<": "#lt;", ">": "#gt;", "`": "#96;", '"': "#quot;"}
    return "".join(special.get(char, char) for char in printable(content))
