"""`tcpdiag flows`."""

import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .options import Captures, FlowFilter, Redact, RedactKey, redaction_key
from .output import stdout, warn


class ListFormat(StrEnum):
    """Formats of a list."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class By(StrEnum):
    """What connections are added up by."""

    HOST = "host"
    PATH = "path"


def flows(
    captures: Captures,
    flow: FlowFilter = None,
    wide: Annotated[
        bool,
        typer.Option("--wide", help="All that their segments tell: windows, round trips, history, ... Reads twice."),
    ] = False,
    by: Annotated[By | None, typer.Option("--by", help="Add them up by host, or by pair of hosts.")] = None,
    format: Annotated[
        ListFormat | None,
        typer.Option(
            "--format", help="How to print. Default: by the extension of -o, else a table.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write to this file: .txt, .csv, .json, .parquet."),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            metavar="COLUMN",
            help="packets, bytes, duration, retransmissions, ... (largest first), or stream, client, server, first_ts.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=0, help="At most so many.")] = None,
    redact: Redact = False,
    redact_key: RedactKey = None,
) -> None:
    """List the connections of a capture; numbers are Wireshark's tcp.stream.

    \b
    Examples:
      tcpdiag flows office.pcap
      tcpdiag flows --sort bytes --limit 20 office.pcap
      tcpdiag flows --flow 'state CLOSE-WAIT' --format csv office.pcap > stuck.csv
      tcpdiag flows --wide --flow 'stream 3' office.pcap
      tcpdiag flows --wide --sort server_ack_rtt_max -o flows.parquet office.pcap
      tcpdiag flows --by host office.pcap
    """
    from ..analysis import analyze
    from ..reports import lists
    from .progress import ProgressBar

    what = lists.kind_of(wide, by)
    form = lists.format_of(format, output)
    lists.check(what, form, sort, output, terminal=sys.stdout.isatty())
    key = redaction_key(redact, redact_key)
    with ProgressBar() as progress:
        report = analyze(captures, where=flow, hints=False, keep_stdin=wide, on_progress=progress.report)
    if not report.complete:
        warn("interrupted: the list covers only what was read until then")
    report = report if key is None else report.redacted(key)
    with ProgressBar() as progress:
        chunks = lists.chunks(report, what, form, sort, limit, on_progress=progress.report)
    _write(chunks, output)


def _write(chunks: Iterable[bytes], output: Path | None) -> None:
    if output is not None:
        from ..reports import lists

        lists.save(chunks, output)
        return
    with stdout() as stream:
        for chunk in chunks:
            stream.write(chunk)
