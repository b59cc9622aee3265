"""`tcpdiag report`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .options import Format
from .output import colored, stdout


def report(
    file: Annotated[str, typer.Argument(metavar="FILE.json", help="What analyze wrote as JSON. - is standard input.")],
    output: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write it here: .txt, .md, .html or .json. Repeatable."),
    ] = None,
    format: Annotated[
        Format | None, typer.Option("--format", help="What to print. Default: text, or nothing beside -o.")
    ] = None,
) -> None:
    """Tell a report that was stored as JSON in another format. The capture is not needed.

    Plots of single segments are missing then, and so is the diagram of a Markdown report.

    \b
    Examples:
      tcpdiag report office.json
      tcpdiag report office.json -o office.html -o office.md
      ssh probe tcpdiag analyze --format json /var/tmp/a.pcap | tcpdiag report -
    """
    from ..report import Report, check_output
    from ..reports import write

    for path in output or ():
        check_output(path)
    stored = Report.from_json(sys.stdin.buffer.read() if file == "-" else Path(file))
    for path in output or ():
        stored.save(path)
    if format is not None or not output:
        with stdout() as stream:
            write(stored, format or Format.TEXT, stream, color=colored())
