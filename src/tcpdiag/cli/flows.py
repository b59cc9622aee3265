"""`tcpdiag flows`."""

from enum import StrEnum
from typing import Annotated

import typer

from .options import Captures, FlowFilter, Redact, RedactKey, redaction_key
from .output import stdout, warn


class ListFormat(StrEnum):
    """Formats of a list."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def flows(
    captures: Captures,
    flow: FlowFilter = None,
    format: Annotated[ListFormat, typer.Option("--format", help="How to print.")] = ListFormat.TABLE,
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            metavar="COLUMN",
            help="packets, bytes, duration, retransmissions, ... (largest first), or stream, client, server, first_ts.",
        ),
    ] = "stream",
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
    """
    from ..analysis import analyze
    from ..reports import flow_list
    from .progress import ProgressBar

    flow_list.check_sort(sort)
    key = redaction_key(redact, redact_key)
    with ProgressBar() as progress:
        report = analyze(captures, where=flow, hints=False, keep_stdin=False, on_progress=progress.report)
    if not report.complete:
        warn("interrupted: the list covers only what was read until then")
    report = report if key is None else report.redacted(key)
    with stdout() as stream:
        for chunk in flow_list.chunks(report.flows.sorted_by(sort, limit), format):
            stream.write(chunk)
