"""Report: what an analysis found, and every way to ask it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np

from . import capture_notes
from .config import Config
from .errors import UsageError
from .flow_columns import StateIndex
from .flow_view import Flow, FlowTable, checked_stream
from .flows.vantage import Vantage
from .model.capture import CaptureFile
from .model.finding import Finding, Incident, Severity, Unexamined
from .model.tables import Tables
from .units import plural
from .wireshark import display_filter

if TYPE_CHECKING:
    import pandas as pd

    from .capture.reader import Progress
    from .extraction import Extract
    from .figures.capture_plots import CapturePlots
    from .hints.hint import FlowHints
    from .sockets.listing import Listing
    from .sockets.table import SocketTable

FORMATS = {"text": ".txt", "markdown": ".md", "html": ".html", "json": ".json"}
"""Format -> file extension."""


@dataclass(frozen=True, eq=False)
class Report:
    """Findings in rank order with what they stand on.

    `incidents` group findings of one cause. `unexamined`: what could not be looked at, and why. `complete` is False
    when reading was interrupted. `expression`: the filter that restricted it, see `where`.
    """

    tables: Tables
    findings: tuple[Finding, ...] = ()
    incidents: tuple[Incident, ...] = ()
    unexamined: tuple[Unexamined, ...] = ()
    examined: tuple[str, ...] = ()  # kinds that were looked for
    vantage: Vantage | None = None  # where the capture was taken; None: not asked
    config: Config = field(default_factory=Config)
    complete: bool = True
    names: Mapping[str, str] = field(default_factory=dict)  # address -> name, from DNS answers in the capture
    hints: "Mapping[int, FlowHints] | None" = None  # by stream, of connections that findings name; None: not asked
    paths: tuple[str, ...] = ()  # where the segments can be read again
    spool: object | None = None  # the copy of standard input, deleted with the report
    expression: str | None = None
    chosen: np.ndarray | None = None  # streams that the filter left; None: all
    sockets: "SocketTable | None" = None  # listings of the hosts' own sockets beside the flows; None: none was given
    checksums: tuple[str, ...] | None = None  # what `capture_notes.checksums` said; None: the tables tell

    def __repr__(self) -> str:
        connections, findings = plural(len(self.streams), "connection"), plural(len(self.findings), "finding")
        return f"<Report: {connections}, {findings}>"

    def _repr_html_(self) -> str:
        from .notebook import of_report

        return of_report(self)

    @classmethod
    def from_json(cls, source: str | bytes | Path) -> "Report":
        """The report that `to_json` wrote: a text, or the path of a file. In JSON, text, Markdown and HTML it says the
        same as before; what needs the capture (segments, events, most plots) raises UsageError.

        Raises UsageError for what is no such report, or one of another schema version.
        """
        from .reports import stored

        return stored.read(source)

    @property
    def files(self) -> tuple[CaptureFile, ...]:
        """The capture files as read, in order."""
        return self.tables.files

    @cached_property
    def states(self) -> StateIndex:
        """Where the states of each endpoint stand in the event table."""
        return StateIndex.of(self.tables)

    @cached_property
    def streams(self) -> np.ndarray:
        """Numbers of the streams in this report, ascending (i8)."""
        return np.arange(len(self.tables.flows)) if self.chosen is None else self.chosen

    @property
    def flows(self) -> FlowTable:
        """The connections: iterable, with a length; `.frame()` gives a DataFrame."""
        return FlowTable(self.tables, self.states, self.streams, self.paths, self.findings)

    def flow(self, stream: int) -> Flow:
        """One connection by its number, Wireshark's `tcp.stream`. Raises UsageError when there is no such stream."""
        return Flow(self.tables, self.states, checked_stream(self.tables, stream), self.paths, self.findings)

    @cached_property
    def plot(self) -> "CapturePlots":
        """Its plots: `report.plot.held()` and others return matplotlib Axes; see `tcpdiag.figures.capture_plots`."""
        from .figures.capture_plots import CapturePlots

        return CapturePlots(self)

    @cached_property
    def checksum_notes(self) -> tuple[str, ...]:
        """What is to be said of TCP checksums, in sentences."""
        return capture_notes.checksums(self.tables) if self.checksums is None else self.checksums

    def finding(self, name: str) -> Finding:
        """The finding with this id (`"half-open-1"`). Raises UsageError when there is none."""
        for finding in self.findings:
            if finding.id == name:
                return finding
        raise UsageError(f"no finding {name!r}; there are: {', '.join(f.id for f in self.findings) or 'none'}")

    def worst(self) -> Severity | None:
        """The highest severity of any finding; None when there is no finding."""
        return max((finding.severity for finding in self.findings), default=None)

    def where(self, expression: str) -> "Report":
        """The same report about fewer flows: `report.where("10.0.0.1 and port 443")`, see `tcpdiag.flow_filter`.

        Findings about the capture as a whole stay. Raises UsageError when the expression cannot be read.
        """
        from . import flow_filter

        test = flow_filter.parse(expression, self.examined)
        mask = test(flow_filter.Capture(self.tables, self.states, self.findings))
        if self.chosen is not None:
            mask &= np.isin(np.arange(len(mask)), self.chosen)
        findings = tuple(f for f in self.findings if not f.streams or mask[list(f.streams)].any())
        return replace(
            self,
            findings=findings,
            incidents=_restricted(self.incidents, {finding.id for finding in findings}),
            expression=expression if self.expression is None else f"({self.expression}) and ({expression})",
            chosen=np.flatnonzero(mask),
            sockets=None if self.sockets is None else self.sockets.among(np.flatnonzero(mask)),
        )

    def with_sockets(self, *listings: "str | Path | Listing") -> "Report":
        """The same report, and what the hosts' kernels said of their own sockets: in `sockets`, and in the findings.

        listings: files with the output of `ss -tanpoie`, `netstat -tanp` or `lsof -i -n -P`, or with /proc/net/tcp and
        tcp6, as `FILE` or `FILE@TIME` (epoch seconds, or as in 2026-11-21T04:31:57Z). Without a time that of a line of
        `date` above the listing counts, else the file's own.

        Raises UnreadableInput for a file that cannot be read or is no such listing, UsageError for a time that is none,
        and for a report that was read from JSON.
        """
        from .sockets.answers import answered
        from .sockets.join import join
        from .sockets.listing import given
        from .sockets.table import together

        tables = self.tables.whole("a comparison with sockets")
        table = join(tables, self.states, [listing for item in listings for listing in given(item)])
        findings, incidents = answered(table, self.findings, self.incidents)
        kept = table if self.chosen is None else table.among(self.chosen)
        return replace(self, sockets=together(self.sockets, kept), findings=findings, incidents=incidents)

    def redacted(self, key: bytes | None = None) -> "Report":
        """The same report with other addresses, names and paths, to be given away: see README.

        key: 16 bytes or more; the same key gives the same replacements. None: a random one, which nobody is told.
        Addresses keep their common prefixes. `segments()` and plots still read the capture, and show the replacements.

        Raises UsageError for a short key, and for a report that was read from JSON.
        """
        from .redaction import Redactor, redacted

        return redacted(self, Redactor(key))

    @property
    def wireshark_filters(self) -> "Mapping[str, str | None]":
        """Wireshark's display filter for each finding, by its id; None for one without frames and connections.

        Of several captures the frames count on from file to file, as in one that `mergecap -a` made of them.
        """
        return {finding.id: display_filter(finding) for finding in self.findings}

    def extract(
        self,
        path: str | Path | BinaryIO,
        *,
        flows: int | str | Sequence[int] | None = None,
        finding: str | Sequence[str] | None = None,
        evidence: bool = False,
        redact: bool | bytes = False,
        cut: bool = False,
        keep_times: bool = True,
        comments: bool = True,
        on_progress: "Progress | None" = None,
    ) -> "Extract":
        """Write packets of the capture to a file of their own: `report.extract("one.pcapng", flows=3)`.

        path: a name that ends in .pcapng or .pcap, or a binary stream, which gets pcapng. flows: a stream, several, or
        a filter expression (see `where`); None: all connections of this report. finding: ids of findings, or of
        incidents: their connections, and those that their evidence is of. evidence: only the frames that the findings
        about these connections rest on. What belongs to a connection: its segments, all
        fragments of them, and ICMP errors that quote it, in the order of the capture.

        Comments, in pcapng, tell each packet's frame number in the original, its stream, verdicts and findings; the
        file's own tell where it comes from.

        redact: other addresses at every layer, other MAC addresses and network numbers, zeros instead of contents,
        checksums as good or bad as they were; what cannot be hidden safely is left out and counted. True: a random
        key; 16 bytes or more: always the same addresses, those of `redacted(key)`. With it, cut: packets end where
        their payload began; keep_times=False: times begin with the year 2000. The analysis of a redacted extract of
        all connections finds the same, up to what the capture itself suffered (damage) and what hints tell.

        The file appears when it is whole. Raises UsageError for what does not exist, for a name that is an input, and
        when nothing is left to write; UnreadableInput for a capture that is gone.
        """
        from .extraction import extract

        return extract(
            self,
            path,
            flows=flows,
            finding=finding,
            evidence=evidence,
            redact=redact,
            cut=cut,
            keep_times=keep_times,
            comments=comments,
            on_progress=on_progress,
        )

    def to_text(self, *, color: bool = False, width: int = 80) -> str:
        """The report for people, the cause first."""
        from .reports import text

        return text.render(self, color=color, width=width)

    def to_markdown(self, path: str | Path | None = None, *, figures: bool = False) -> str:
        """The report for a ticket. Written to `path` when one is given; figures: its pictures beside it, as PNG files
        `NAME-1-sequence.png`, drawn from the capture, which is read again. Raises UsageError for figures without a
        path, and when something cannot be written."""
        from .reports import markdown

        if figures and path is None:
            raise UsageError("figures stand beside a file: say which")
        text = markdown.render(self) if path is None or not figures else markdown.render_beside(self, Path(path))
        if path is not None:
            Path(path).write_bytes(text.encode("utf-8", "backslashreplace"))
        return text

    def to_html(self, path: str | Path | None = None, *, figures: bool = True) -> str:
        """The report for a browser: one file that needs no network. Written to `path` when one is given.

        figures: whether to draw its first incidents. Plots of a connection read the capture again; where that cannot
        be done, the page says so.
        """
        from .reports import html

        text = html.render(self, figures=figures)
        if path is not None:
            Path(path).write_bytes(text.encode())
        return text

    def to_json(self, path: str | Path | None = None) -> str:
        """The report for programs; `tcpdiag/reports/schema.json` describes it. Written to `path` when one is given."""
        from .reports import json

        text = b"".join(json.chunks(self))
        if path is not None:
            Path(path).write_bytes(text)
        return text.decode()

    def save(self, path: str | Path, *, figures: bool = False) -> None:
        """Write it in the format of its extension: .txt, .md, .html or .json. Raises UsageError for any other.

        figures: those of a Markdown report, see `to_markdown`; HTML has them inside.
        """
        from .reports import write

        name = format_of(path)
        try:
            if figures and name == "markdown":
                self.to_markdown(path, figures=True)
                return
            with Path(path).open("wb") as stream:
                write(self, name, stream)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None

    def hosts(self) -> "pd.DataFrame":
        """One row a host: connections, traffic, retransmissions, round trips, resets, failed handshakes. Its columns:
        `help(tcpdiag.statistics.frames.hosts_frame)`."""
        from .statistics import frames, summaries

        return frames.hosts_frame(summaries.hosts(self.tables, self.streams))

    def host_pairs(self) -> "pd.DataFrame":
        """The same for each path: one row a pair of hosts, each direction apart. Its columns:
        `help(tcpdiag.statistics.frames.paths_frame)`."""
        from .statistics import frames, summaries

        return frames.paths_frame(summaries.paths(self.tables, self.streams))

    def to_frame(self, what: Literal["findings", "events", "flows", "hosts", "paths"] = "findings") -> "pd.DataFrame":
        """Findings, events, flows, hosts or paths as a pandas DataFrame; `help(tcpdiag.dataframes)` and
        `help(tcpdiag.statistics.frames)` tell their columns."""
        from . import dataframes

        if what == "flows":
            return self.flows.frame()
        if what == "events":
            events = self.tables.whole("events").events
            chosen = events if self.chosen is None else events[np.isin(events["flow"], self.chosen)]
            return dataframes.events_frame(self.tables, chosen)
        if what == "findings":
            return dataframes.findings_frame(self.findings)
        if what == "hosts":
            return self.hosts()
        if what == "paths":
            return self.host_pairs()
        raise UsageError(f"no table {what!r}: findings, events, flows, hosts, paths")


def format_of(path: str | Path) -> str:
    """The format that a file name asks for. Raises UsageError."""
    suffix = Path(path).suffix.lower()
    for name, extension in FORMATS.items():
        if suffix == extension:
            return name
    raise UsageError(f"{path}: the name must end in one of {', '.join(FORMATS.values())}")


def check_output(path: str | Path) -> None:
    """Raises UsageError for a file that `Report.save` could not write: better before the analysis than after it."""
    format_of(path)
    folder = Path(path).parent
    if not folder.is_dir():
        raise UsageError(f"{path}: no folder {folder}")
    if Path(path).is_dir():
        raise UsageError(f"{path}: is a folder")


def _restricted(incidents: Sequence[Incident], kept: set[str]) -> tuple[Incident, ...]:
    """Incidents of which some finding is left, without those that are not."""
    found = []
    for incident in incidents:
        findings = tuple(name for name in incident.findings if name in kept)
        if findings:
            found.append(replace(incident, findings=findings))
    return tuple(found)
