"""Captures of several hosts: scripts, each between a client and a server of its own, on one clock."""

from dataclasses import dataclass

import numpy as np

from tcpdiag.diagnoses import examine_all
from tcpdiag.flows.tracker import Tracker
from tcpdiag.model.finding import Finding
from tcpdiag.model.script import CLIENT_ADDRESS, SERVER_ADDRESS, SERVER_PORT, Script, parse_script
from tcpdiag.model.segment import Origin
from tcpdiag.model.tables import Tables


@dataclass(frozen=True)
class Between:
    """A script, played between client number `client` and port `port` of server number `server`."""

    script: str
    client: int = 1
    server: int = 1
    port: int = SERVER_PORT

    def segments(self) -> np.ndarray:
        """Its SEGMENT rows."""
        rows = parse_script(self.script).segments.copy()
        for address, number in ((CLIENT_ADDRESS, self.client), (SERVER_ADDRESS, self.server)):
            for column in ("src_lo", "dst_lo"):
                rows[column][rows[column] == address] = address - 1 + number
        for port, address in (("sport", "src_lo"), ("dport", "dst_lo")):
            rows[port][rows[address] == SERVER_ADDRESS - 1 + self.server] = self.port
        return rows


def capture(*parts: Between, extra: np.ndarray | None = None) -> Tables:
    """The tables of a capture of all of them; `extra`: further SEGMENT rows."""
    rows = [part.segments() for part in parts] + ([] if extra is None else [extra])
    segments = np.concatenate(rows)
    segments = segments[np.argsort(segments["ts_ns"], kind="stable")]
    segments["frame"] = np.arange(1, len(segments) + 1)
    last_ns = max([parse_script(part.script).last_ts_ns for part in parts] + [int(segments["ts_ns"].max())])
    tracker = Tracker(None)
    tracker.feed(segments)
    return tracker.finish([Script(segments, last_ns).file])


def icmp_error(part: Between, kind: int, code: int, after_s: float = 0.001) -> np.ndarray:
    """The ICMP error that quotes the first segment of a script."""
    row = part.segments()[:1].copy()
    row["ts_ns"] += round(after_s * 1e9)
    row["origin"] = int(Origin.QUOTED)
    row["icmp_type"], row["icmp_code"] = kind, code
    return row


def told(tables: Tables, kind: str) -> list[Finding]:
    """The findings of one kind, after all diagnoses had their say."""
    findings, _, unexamined = examine_all(tables)
    assert unexamined == []
    return [finding for finding in findings if finding.kind == kind]
