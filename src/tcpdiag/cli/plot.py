"""`tcpdiag plot`."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Captures, Redact, RedactKey, redaction_key
from .output import warn


def plot(
    captures: Captures,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help=".svg, .png or .pdf; of several plots each gets its kind."),
    ],
    flow: Annotated[
        int | None, typer.Option("--flow", metavar="N", min=0, help="One connection: Wireshark's tcp.stream.")
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="With --flow: sequence, states, ladder, window, rtt, throughput, heartbeat. "
            "Without: held, lifetimes, findings, resets. Or: all.",
        ),
    ] = "all",
    where: Annotated[
        str | None, typer.Option("--where", metavar="EXPR", help="Without --flow: only these connections.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", metavar="IP[:PORT]", help="For held: whose connections.")
    ] = None,
    absolute: Annotated[bool, typer.Option("--absolute", help="Time of day in UTC on the axis.")] = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
) -> None:
    """Draw a connection, or the capture as a whole.

    \b
    Examples:
      tcpdiag plot office.pcap --flow 0 --kind sequence -o office.svg
      tcpdiag plot office.pcap --flow 0 -o office.png
      tcpdiag plot office.pcap --kind held --endpoint 10.0.0.1:80 -o held.svg
    """
    from ..analysis import analyze
    from ..figures.files import draw, kinds_of, names_of, save
    from ..redaction import Redactor
    from .progress import ProgressBar

    kinds = kinds_of(kind, flow)
    names = names_of(output, kinds)
    key = redaction_key(redact, redact_key)
    with ProgressBar() as progress:
        report = analyze(captures, where=where, on_progress=progress.report)
    if not report.complete:
        warn("interrupted: the plots show only what was read until then")
    if key is not None:
        report = report.redacted(key)
        endpoint = endpoint and Redactor(key).end(endpoint)
    for name, path in names.items():
        if name == "held":
            axes = report.plot.held(endpoint, absolute=absolute)
        else:
            axes = draw(report, name, flow, absolute=absolute)
        save(axes, path)
