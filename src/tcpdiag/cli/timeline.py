"""`tcpdiag timeline`."""

from enum import StrEnum
from typing import Annotated

import typer

from ..errors import UsageError
from .options import Captures, Redact, RedactKey, redaction_key
from .output import stdout, warn


class TimelineFormat(StrEnum):
    """Formats of a timeline."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


def timeline(
    captures: Captures,
    flow: Annotated[
        int | None, typer.Option("--flow", metavar="N", min=0, help="The connection: Wireshark's tcp.stream.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="The notable events of every connection instead of one connection whole.")
    ] = False,
    where: Annotated[
        str | None, typer.Option("--where", metavar="EXPR", help="With --all: only these connections.")
    ] = None,
    format: Annotated[TimelineFormat, typer.Option("--format", help="How to print.")] = TimelineFormat.TEXT,
    unfolded: Annotated[bool, typer.Option("--unfolded", help="Every segment, nothing folded.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="With --all: at most so many.")] = 1000,
    redact: Redact = False,
    redact_key: RedactKey = None,
) -> None:
    """Tell what happened in order: each segment, both states after it, verdicts, events, findings.

    Quiet and repetitive stretches are folded into a line with their counts.

    \b
    Examples:
      tcpdiag timeline office.pcap --flow 0
      tcpdiag timeline office.pcap --flow 0 --format markdown > ticket.md
      tcpdiag timeline office.pcap --all --where 'port 443'
    """
    from ..analysis import analyze
    from ..reports import timelines
    from ..timeline import notable
    from .progress import ProgressBar

    if everything == (flow is not None):
        raise UsageError("say either --flow N for one connection, or --all")
    key = redaction_key(redact, redact_key)
    with ProgressBar() as progress:
        report = analyze(captures, where=where, hints=False, keep_stdin=not everything, on_progress=progress.report)
    if not report.complete:
        warn("interrupted: the timeline covers only what was read until then")
    report = report if key is None else report.redacted(key)
    first_ts_ns = report.tables.first_ts_ns
    if flow is not None:
        chosen = report.flow(flow)
        moments = chosen.timeline(fold=not unfolded)
        heading = f"stream {flow}: client {chosen.client}, server {chosen.server}"
    else:
        moments, total = notable(report.tables, report.streams, report.findings, limit)
        heading = f"{len(moments):,} of {total:,} notable events"
        if len(moments) < total:
            warn(f"only the first {len(moments):,} of {total:,} notable events: see --limit and --where")
    several = flow is None
    with stdout() as stream:
        if format is TimelineFormat.JSON:
            for chunk in timelines.json(moments):
                stream.write(chunk)
        elif format is TimelineFormat.CSV:
            for line in timelines.comma_separated(moments):
                stream.write(line.encode())
        else:
            if format is TimelineFormat.TEXT:
                lines = timelines.text(moments, first_ts_ns, streams=several)
                stream.write(f"{heading}\n\n".encode())
            elif flow is not None:
                lines = timelines.markdown(chosen, moments, first_ts_ns)
            else:
                lines = timelines.table(moments, first_ts_ns, streams=True)
            for line in lines:
                stream.write(f"{line}\n".encode())
