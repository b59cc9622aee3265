"""`tcpdiag extract`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from ..errors import UsageError
from .options import Captures, FlowFilter, Redact, RedactKey, redaction_key
from .output import stdout, warn


class Payload(StrEnum):
    """What becomes of payload in redacted packets."""

    ZERO = "zero"
    CUT = "cut"


class Times(StrEnum):
    """What becomes of times in redacted packets."""

    KEEP = "keep"
    SHIFT = "shift"


def extract(
    captures: Captures,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="Write them here: .pcapng, .pcap, or - (pcapng)."),
    ],
    flow: FlowFilter = None,
    finding: Annotated[
        list[str] | None,
        typer.Option(
            "--finding", metavar="ID", help="The connections of this finding or incident: half-open-1. Repeatable."
        ),
    ] = None,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Only the frames that findings about these connections rest on.")
    ] = False,
    comments: Annotated[
        bool, typer.Option("--comments/--no-comments", help="Tell frame numbers, verdicts, findings beside packets.")
    ] = True,
    redact: Redact = False,
    redact_key: RedactKey = None,
    payload: Annotated[
        Payload | None,
        typer.Option("--payload", help="With --redact: zeros instead of payload (default), or packets cut before it."),
    ] = None,
    times: Annotated[
        Times | None,
        typer.Option("--times", help="With --redact: keep them (default), or begin with the year 2000."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="As for analyze, so that ids are the same.")
    ] = None,
) -> None:
    """Take packets out of a capture: connections, what a finding is about, or the evidence alone.

    Segments, their IP fragments and ICMP errors about them, in the order of the capture, as pcapng with comments:
    the frame number in the original, verdicts, findings. In Wireshark: frame.comment contains "half-open-1".

    --redact writes other addresses, MAC addresses and network numbers at every layer, zeros instead of payload, and
    checksums as good or bad as they were. What cannot be hidden safely (802.11, ...) is left out, and said. Look at
    the result before you give it away: ports, times, sizes and sequence numbers stay.

    \b
    Examples:
      tcpdiag extract office.pcap --flow 0 -o one.pcapng
      tcpdiag extract office.pcap --finding rst-off-sequence-1 -o rst.pcapng
      tcpdiag extract day.pcapng --flow 'kind half-open' --evidence -o proof.pcapng
      tcpdiag extract office.pcap --redact -o for-the-vendor.pcapng
      tcpdiag extract office.pcap --flow 'port 443' -o - | wireshark -k -i -
    """
    from ..analysis import analyze
    from ..config import Config, load
    from ..extraction.extract import check_output
    from .progress import ProgressBar

    key = redaction_key(redact, redact_key)
    if key is None and (payload or times):
        raise UsageError("--payload and --times go with --redact")
    to_stdout = str(output) == "-"
    if to_stdout and sys.stdout.isatty():
        raise UsageError("packets are not for a terminal: -o FILE, or a pipe behind -o -")
    if not to_stdout:
        check_output(output, captures)
    chosen = load(config) if config else Config()
    with ProgressBar() as progress:
        report = analyze(
            captures, config=chosen, hints=None if evidence else False, on_progress=progress.report
        )  # hints are part of the evidence
    if not report.complete:
        warn("interrupted: the extract covers only what was read until then")

    def write(target: Path | BinaryIO) -> None:
        with ProgressBar() as again:
            done = report.extract(
                target,
                flows=flow,
                finding=finding or None,
                evidence=evidence,
                redact=False if key is None else key,
                cut=payload is Payload.CUT,
                keep_times=times is not Times.SHIFT,
                comments=comments,
                on_progress=again.report,
            )
        for line in done.lines():
            warn(line)

    if to_stdout:
        with stdout() as stream:
            write(stream)
    else:
        write(output)
