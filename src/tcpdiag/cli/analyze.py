"""`tcpdiag analyze`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from .options import Captures, FlowFilter, Format, Redact, RedactKey, SeverityName, redaction_key
from .output import colored, stdout, warn


def analyze(
    captures: Captures,
    output: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write it here: .txt, .md, .html or .json. Repeatable."),
    ] = None,
    format: Annotated[
        Format | None, typer.Option("--format", help="What to print. Default: text, or nothing beside -o.")
    ] = None,
    figures: Annotated[
        bool, typer.Option("--figures", help="With -o NAME.md: its figures beside it, as NAME-1-sequence.png, ...")
    ] = False,
    flow: FlowFilter = None,
    sockets: Annotated[
        list[str] | None,
        typer.Option(
            "--sockets",
            metavar="FILE[@TIME]",
            help="Sockets of a host: ss -tanpoie, netstat -tanp, lsof -i -n -P, or /proc/net/tcp. TIME: epoch seconds "
            "or 2026-11-21T04:31:57Z; default: a line of `date` in it, else the file's time. Repeatable.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Thresholds, limits and kinds, in TOML: see README.")
    ] = None,
    stack: Annotated[
        str | None, typer.Option("--stack", metavar="NAME", help="TCP stack of all hosts: linux, ...; default: guess.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="KIND", help="Look for this kind only. Repeatable.")
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="KIND", help="Leave this kind out. Repeatable.")
    ] = None,
    hints: Annotated[
        bool | None,
        typer.Option("--hints/--no-hints", help="Name servers, hosts and paths from application bytes. Default: on."),
    ] = None,
    wireshark_filter: Annotated[
        bool, typer.Option("--wireshark-filter", help="Print Wireshark's display filter for each finding, no report.")
    ] = False,
    redact: Redact = False,
    redact_key: RedactKey = None,
    fail_on: Annotated[
        SeverityName | None, typer.Option("--fail-on", help="Exit with 1 when a finding is at least this grave.")
    ] = None,
) -> None:
    """Find what is wrong with the TCP connections of a capture, the cause first.

    Exit status: 0 analysed; 1 a finding at or above --fail-on; 2 wrong usage, or an input that cannot be read.

    \b
    Examples:
      tcpdiag analyze office.pcap
      tcpdiag analyze --format json office.pcap.gz | jq '.findings[].title'
      tcpdiag analyze -o report.html -o report.json part1.pcapng part2.pcapng
      tcpdiag analyze --flow '10.0.0.1 and port 443' --fail-on warning office.pcap
      tcpdiag analyze -o ticket/report.md --figures office.pcap
      tcpdiag analyze --wireshark-filter office.pcap
      tcpdiag analyze --redact -o for-the-vendor.html office.pcap
      (date; ss -tanpoie) > s.txt; tcpdiag analyze --sockets s.txt office.pcap
      tcpdump -i any -w - tcp | tcpdiag analyze -
    """
    from ..analysis import analyze as run
    from ..config import Config, load
    from ..model.finding import Severity
    from ..report import check_output, format_of
    from ..reports import write
    from .progress import ProgressBar

    for path in output or ():
        check_output(path)
    if figures and not any(format_of(path) == Format.MARKDOWN for path in output or ()):
        raise UsageError("--figures stand beside a Markdown report: -o NAME.md (HTML has them inside)")
    if wireshark_filter and format is not None:
        raise UsageError("--wireshark-filter prints filters instead of a report: leave out --format")
    key = redaction_key(redact, redact_key)
    chosen = load(config) if config else Config()
    with ProgressBar() as progress:
        report = run(
            captures,
            config=chosen,
            only=only or (),
            skip=skip or (),
            stack=stack,
            where=flow,
            hints=hints,
            sockets=sockets or (),
            keep_stdin=figures or _drawn(format, output or ()),
            on_progress=progress.report,
        )
    if not report.complete:
        warn("interrupted: the report covers only what was read until then")
    report = report if key is None else report.redacted(key)
    for path in output or ():
        report.save(path, figures=figures)
    if wireshark_filter:
        from ..reports import filter_lines

        with stdout() as stream:
            stream.writelines(f"{line}\n".encode() for line in filter_lines.lines(report))
    elif format is not None or not output:
        with stdout() as stream:
            write(report, format or Format.TEXT, stream, color=colored())
    worst = report.worst()
    if fail_on is not None and worst is not None and worst >= Severity[fail_on.name]:
        raise typer.Exit(1)


def _drawn(format_name: Format | None, output: Sequence[Path]) -> bool:
    """Whether the report has figures, which read the capture again."""
    from ..report import format_of

    return format_name is Format.HTML or any(format_of(path) == Format.HTML for path in output)
