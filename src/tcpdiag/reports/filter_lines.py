"""Wireshark's display filter for each finding, to copy: a line of comment, then the filter."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..units import printable

if TYPE_CHECKING:
    from ..report import Report


def lines(report: "Report") -> Iterator[str]:
    """`# CRITICAL half-open-1: One side ...`, then `tcp.stream == 0 && frame.number in {6, 8}`."""
    if len(report.files) > 1:
        yield "# frames and streams count on from file to file, as in one made with mergecap -a, in this order"
    filters = report.wireshark_filters
    for finding in report.findings:
        yield printable(f"# {str(finding.severity).upper()} {finding.id}: {finding.title}")
        yield filters[finding.id] or "# about the capture as a whole: no packets to show"
