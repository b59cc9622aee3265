"""Arguments and options that more than one command has."""

from enum import StrEnum
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
