"""`tcpdiag segments`."""

from enum import StrEnum
from typing import Annotated

import typer

from .options import Captures, Redact, RedactKey, redaction_key
from .output import stdout, warn


class SegmentsFormat(StrEnum):
    """Formats of a list of segments."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def segments(
    captures: Captures,
    flow: Annotated[int, typer.Option("--flow", metavar="N", min=0, help="The connection: Wireshark's tcp.stream.")],
    wireshark: Annotated[
        bool, typer.Option("--wireshark", help="Wireshark's verdicts instead of ours, even where it is known to err.")
    ] = False,
    format: Annotated[SegmentsFormat, typer.Option("--format", help="How to print.")] = SegmentsFormat.TABLE,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=0, help="At most so many.")] = None,
    redact: Redact = False,
    redact_key: RedactKey = None,
) -> None:
    """List the segments of a connection with a verdict on each.

    Sent again, why, and where it was lost; out of order; duplicate ACK; window full; probe; what it acknowledges and
    after how long; bytes in flight. Names are Wireshark's (tcp.analysis.*); where ours differ from its verdicts, and
    why: python -c "import tcpdiag.verdicts; help(tcpdiag.verdicts)".

    \b
    Examples:
      tcpdiag segments office.pcap --flow 0
      tcpdiag segments office.pcap --flow 0 --wireshark --limit 100
      tcpdiag segments office.pcap --flow 0 --format csv > segments.csv
    """
    from ..analysis import analyze
    from ..reports import segment_list
    from .progress import ProgressBar

    key = redaction_key(redact, redact_key)
    with ProgressBar() as progress:
        report = analyze(captures, hints=False, keep_stdin=True, on_progress=progress.report)
        if not report.complete:
            warn("interrupted: the list covers only what was read until then")
        chosen = (report if key is None else report.redacted(key)).flow(flow)
        frame = chosen.segments(wireshark=wireshark, on_progress=progress.report)
    with stdout() as stream:
        for chunk in segment_list.chunks(chosen, frame if limit is None else frame.head(limit), format):
            stream.write(chunk)
