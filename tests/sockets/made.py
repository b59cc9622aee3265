"""Listings made by hand beside captures of this project."""

import re
from functools import cache
from pathlib import Path

import tcpdiag
from places import FIXTURES
from tcpdiag.report import Report
from tcpdiag.sockets.listing import Listing, read
from tcpdiag.sockets.table import JoinedListing
from tcpdiag.sockets.when import GIVEN, Moment

TABLE = FIXTURES / "socket-table"


@cache
def report_of(case: str) -> Report:
    """The report of a fixture, without sockets."""
    return tcpdiag.analyze(next((FIXTURES / case).glob("*.pcap")))


def at(report: Report, seconds: float) -> Moment:
    """So long after the first packet."""
    return Moment(report.tables.first_ts_ns + round(seconds * 1e9), 1, GIVEN)


def listing(rows: str, moment: Moment, folder: Path) -> Listing:
    """`ss` with these rows, and a listener on a port that nobody uses: so it lists everything."""
    path = folder / "ss.txt"
    path.write_text(
        f"State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\nLISTEN 0 9 0.0.0.0:9 0.0.0.0:*\n{rows}"
    )
    (found,) = read(path, moment)
    return found


def joined(report: Report) -> JoinedListing:
    """The only listing of a report."""
    assert report.sockets is not None
    (found,) = report.sockets.listings
    return found


def edited(folder: Path, *changes: tuple[str, str]) -> Path:
    """The fixture's ss.txt changed: regular expressions and what they become."""
    text = (TABLE / "ss.txt").read_text()
    for old, new in changes:
        text, count = re.subn(old, new, text)
        assert count
    path = folder / "ss.txt"
    path.write_text(text)
    return path
