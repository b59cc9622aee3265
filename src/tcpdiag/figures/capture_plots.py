"""`report.plot`: the plots of a whole capture. Each returns the matplotlib Axes that it drew on."""

from typing import TYPE_CHECKING, Final

from ..errors import UsageError
from . import findings, held, lifetimes, resets
from .axes import new_axes
from .style import styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..report import Report

CAPTURE_PLOTS: Final = ("held", "lifetimes", "findings", "resets")
"""Names of the plots: methods of CapturePlots."""


class CapturePlots:
    """Draws a report. `ax`: where to; without one, a figure of its own. absolute: time of day in UTC."""

    def __init__(self, report: "Report") -> None:
        self._report = report

    def held(self, endpoint: str | None = None, ax: "Axes | None" = None, *, absolute: bool = False) -> "Axes":
        """Connections held over time by state. endpoint: `10.0.0.1:80` or a host; None: that of the first finding that
        has one, else the busiest server. Raises UsageError for what is no address, or without any connection."""
        report = self._report
        where = (
            endpoint or next((f.endpoint for f in report.findings if f.endpoint), None) or held.busiest(report.tables)
        )
        if where is None:
            raise UsageError("there is no connection to draw")
        with styled():
            drawn = held.spec(report.tables, report.states, where, report.findings)
            return held.draw(drawn, ax or new_axes(), absolute=absolute)

    def lifetimes(self, ax: "Axes | None" = None, *, side: int = 1, absolute: bool = False) -> "Axes":
        """One line a connection. side: whose states, 0 for the client's and 1 for the server's."""
        report = self._report
        with styled():
            drawn = lifetimes.spec(report.tables, report.states, report.streams, report.findings, side)
            return lifetimes.draw(drawn, ax or new_axes(6.0), absolute=absolute)

    def findings(self, ax: "Axes | None" = None, *, absolute: bool = False) -> "Axes":
        """One bar a finding."""
        tables = self._report.tables
        drawn = findings.spec(self._report.findings, tables.first_ts_ns, tables.last_ts_ns)
        with styled():
            return findings.draw(drawn, ax or new_axes(findings.height_inches(drawn)), absolute=absolute)

    def resets(self, ax: "Axes | None" = None, *, absolute: bool = False) -> "Axes":
        """How far from RCV.NXT each RST was."""
        with styled():
            drawn = resets.spec(self._report.tables, self._report.streams)
            return resets.draw(drawn, ax or new_axes(), absolute=absolute)
