"""Arguments and options that more than one command has."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Captures = Annotated[
    list[str],
    typer.Argument(
        metavar="CAPTURE...", help="Capture files, compressed or not; several count as one. - is standard input."
    ),
]
FlowFilter = Annotated[
    str | None,
    typer.Option(
        "--flow",
        metavar="EXPR",
        help="Only these connections: 'kind half-open', '10.0.0.1 and port 443', 'stream 3,7-9', 'state CLOSE-WAIT'.",
    ),
]

Redact = Annotated[
    bool, typer.Option("--redact", help="Other addresses, names and paths instead of the real ones, to give it away.")
]
RedactKey = Annotated[
    Path | None,
    typer.Option(
        "--redact-key",
        metavar="FILE",
        help="Redact with the bytes of this file as the key: always the same replacements. Default: a random key.",
    ),
]


def redaction_key(redact: bool, file: Path | None) -> bytes | None:
    """The key to redact with; None: nobody asked for it. Raises UsageError for a file that is no key."""
    if file is None and not redact:
        return None
    from ..redaction import new_key, read_key

    return read_key(file) if file is not None else new_key()


class Format(StrEnum):
    """Formats of a report."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"


class SeverityName(StrEnum):
    """Severities, the gravest last."""

    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"
