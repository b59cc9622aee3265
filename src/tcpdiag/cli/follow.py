"""`tcpdiag follow`."""

import sys
from contextlib import AbstractContextManager, ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from ..errors import UsageError
from .options import Captures
from .output import stdout, warn

if TYPE_CHECKING:
    from ..flow_view import Flow


class FollowFormat(StrEnum):
    """Formats of what a connection carried."""

    TEXT = "text"
    HEX = "hex"
    RAW = "raw"


class Side(StrEnum):
    """The two ends of a connection."""

    CLIENT = "client"
    SERVER = "server"


def follow(
    captures: Captures,
    flow: Annotated[int, typer.Option("--flow", metavar="N", min=0, help="The connection: Wireshark's tcp.stream.")],
    side: Annotated[Side | None, typer.Option("--side", help="Only what this side sent.")] = None,
    format: Annotated[
        FollowFormat | None, typer.Option("--format", help="How to print. Default: text; with -o: raw.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The raw bytes to files: NAME-client.EXT and NAME-server.EXT; with --side to FILE.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="BYTES", min=0, help="At most so many.")] = None,
) -> None:
    """Print the bytes that a connection carried, both directions in their order.

    What is missing in the capture is shown as what it is. Text is shown without control characters.

    \b
    Examples:
      tcpdiag follow office.pcap --flow 0
      tcpdiag follow office.pcap --flow 0 --side server --format hex --limit 256
      tcpdiag follow office.pcap --flow 0 -o office.bin
      tcpdiag follow office.pcap --flow 0 --side server --format raw | file -
    """
    from ..analysis import analyze
    from ..reports import follow as typeset
    from .progress import ProgressBar

    format = format or (FollowFormat.TEXT if output is None else FollowFormat.RAW)
    sides = [str(each) for each in Side if side in (None, each)]
    files = _files(format, sides, output)
    with ProgressBar() as progress:
        report = analyze(captures, hints=False, on_progress=progress.report)
    if not report.complete:
        warn("interrupted: only what was read until then is followed")
    chosen = report.flow(flow)
    if format is FollowFormat.RAW:
        _write(chosen, files, limit)
        return
    conversation = chosen.follow(*sides)
    chunks = typeset.Limited(conversation, limit)
    show = typeset.text if format is FollowFormat.TEXT else typeset.hex
    with stdout() as stream:
        stream.write(f"{typeset.heading(chosen)}\n\n".encode())
        for text in show(chunks, report.tables.first_ts_ns):
            stream.write(text.encode("utf-8", "backslashreplace"))
        if not chunks.more:
            lines = list(typeset.notes(conversation, sides))
            stream.write("".join(f"{line}\n" for line in ["", *lines] if lines).encode())
    if chunks.more:
        warn(f"only the first {limit:,} bytes: see --limit")


def _files(format: FollowFormat, sides: list[str], output: Path | None) -> dict[str, Path | None]:
    """Where raw bytes go, by side; None: standard output. Raises UsageError before anything is read."""
    if format is not FollowFormat.RAW:
        if output is not None:
            raise UsageError("-o writes raw bytes: leave --format away, or redirect standard output")
        return {}
    if output is None:
        if len(sides) > 1:
            raise UsageError("raw bytes of both sides would be mixed: say --side, or -o FILE")
        if sys.stdout.isatty():
            raise UsageError("raw bytes may do anything to a terminal: say -o FILE, or send them into a pipe")
        return {sides[0]: None}
    if not output.parent.is_dir():
        raise UsageError(f"{output}: no folder {output.parent}")
    if len(sides) == 1:
        return {sides[0]: output}
    return {side: output.with_name(f"{output.stem}-{side}{output.suffix}") for side in sides}


def _write(flow: "Flow", files: dict[str, Path | None], limit: int | None) -> None:
    """The raw bytes to their files; on standard error what they do not show."""
    from ..reports import follow as typeset
    from .progress import ProgressBar

    with ProgressBar() as progress, ExitStack() as stack:
        opened = {side: stack.enter_context(_opened(file)) for side, file in files.items()}
        conversation = flow.follow(*files, on_progress=progress.report)
        chunks = typeset.Limited(conversation, limit)
        typeset.raw(chunks, opened)
    if chunks.more:
        warn(f"only the first {limit:,} bytes: see --limit")
        return
    for side in files:
        missing = typeset.missing(conversation.gaps(side))
        if missing:
            warn(f"{side}: missing are {missing}")
    for line in typeset.notes(conversation, files):
        warn(line)


def _opened(path: Path | None) -> "AbstractContextManager[BinaryIO]":
    if path is None:
        return stdout()
    try:
        return path.open("wb")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
