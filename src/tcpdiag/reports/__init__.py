"""Report -> text, Markdown, HTML, JSON: typesetters. They compute nothing."""

from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from ..report import Report

__all__ = ["write"]


def write(report: "Report", format_name: str, stream: BinaryIO, *, color: bool = False) -> None:
    """Write the report in one of `report.FORMATS`, piece by piece, as UTF-8."""
    if format_name == "json":
        from .json import chunks

        for chunk in chunks(report):
            stream.write(chunk)
    elif format_name == "html":
        stream.write(report.to_html().encode())
    elif format_name == "markdown":
        stream.write(report.to_markdown().encode("utf-8", "backslashreplace"))
    else:
        stream.write(report.to_text(color=color).encode("utf-8", "backslashreplace"))
