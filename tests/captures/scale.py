"""A large made capture and the truth of each of its connections: which fates are named, and which healthy ones are.

    PYTHONPATH=tests python -m captures.scale web.pcap     # web.flows.csv.gz beside it

prints the table that the test judges.
"""

import csv
import gzip
import sys
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

import tcpdiag
from tcpdiag.model.finding import Severity
from tcpdiag.report import Report

NAMED_BY = {
    "noanswer": ("syn-unanswered", "accept-queue-overflow", "syn-flood"),
    "refused": ("syn-refused",),
    "half": ("close-wait-stuck", "close-wait-leak", "close-wait-sawtooth"),
}
"""Fates that are faults, and the kinds that name them."""

COUNTED_BY = {
    "zero_windows": "zero_windows",
    "keepalives": "keepalives",
    "retransmitted": "retransmissions",
    "swapped": "out_of_order",
}
"""What happened to a connection, and the count of the flow table that says so."""


def truth_of(path: Path) -> Path:
    """The file with the truth beside the capture."""
    return path.with_name(path.stem + ".flows.csv.gz")


@dataclass(frozen=True)
class Scale:
    """A capture, analysed, and its truth by stream."""

    report: Report
    truth: pd.DataFrame  # index: stream

    @classmethod
    def of(cls, path: Path) -> "Scale":
        """Analyse it and find each connection of the truth: the n-th on its 4-tuple is the n-th of its streams."""
        report = tcpdiag.analyze([path])
        streams: dict[tuple[str, str], list[int]] = defaultdict(list)
        columns = report.flows.columns()
        for stream, client, server in zip(
            columns["stream"].tolist(), columns["client"], columns["server"], strict=True
        ):
            streams[client, server].append(stream)
        rows = []
        with gzip.open(truth_of(path), "rt") as lines:
            for row in csv.DictReader(lines):
                client = _label(row["client_ip"], row["client_port"])
                server = _label(row["server_ip"], row["server_port"])
                # The sniffer lost a SYN or two: without it the other end may stand first.
                found = streams[client, server] or streams[server, client]
                rows.append({**row, "stream": found.pop(0) if found else -1})
        table = pd.DataFrame(rows).astype(dict.fromkeys((*COUNTED_BY, "lost_unseen"), int))
        return cls(report, table.set_index("stream"))

    @cached_property
    def faultless(self) -> pd.Index:
        """Streams to which nothing happened."""
        calm = (self.truth["fate"] == "fin") & (self.truth[[*COUNTED_BY, "lost_unseen"]] == 0).all(axis=1)
        return self.truth.index[calm & (self.truth.index >= 0)]

    def named(self, kinds: tuple[str, ...]) -> set[int]:
        """The streams that findings of these kinds name."""
        return {stream for f in self.report.findings if f.kind in kinds for stream in f.streams}

    def share_named(self, fate: str) -> tuple[int, int]:
        """How many connections of this fate are named rightly, and how many there are."""
        streams = set(self.truth.index[self.truth["fate"] == fate])
        return len(streams & self.named(NAMED_BY[fate])), len(streams)

    def share_ended(self, fate: str) -> tuple[int, int]:
        """Of the connections that were reset, or are open: how many have that for their last state."""
        streams = self.truth.index[(self.truth["fate"] == fate) & (self.truth.index >= 0)].to_numpy()
        states = self.report.flows.columns()["client_state"][streams]
        ended = np.isin(states, ["CLOSED"])
        return int(np.count_nonzero(ended if fate == "rst" else ~ended)), len(self.truth[self.truth["fate"] == fate])

    def share_counted(self, what: str) -> tuple[int, int]:
        """How many of the connections to which it happened show it in their counts."""
        columns = self.report.flows.columns()
        name = COUNTED_BY[what]
        totals = columns[f"client_{name}"] + columns[f"server_{name}"]
        happened = self.truth[what] - (self.truth["lost_unseen"] if what == "retransmitted" else 0)
        streams = self.truth.index[(happened > 0) & (self.truth.index >= 0)].to_numpy()
        return int(np.count_nonzero(totals[streams])), len(streams)

    def alarms(self) -> dict[str, int]:
        """Kinds above notice that name a faultless connection, and how many of them."""
        calm, found = set(self.faultless), {}
        for finding in self.report.findings:
            wrong = calm & set(finding.streams) if finding.severity > Severity.NOTICE else set()
            if wrong:
                found[finding.kind] = found.get(finding.kind, 0) + len(wrong)
        return found


def _label(address: str, port: str) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def main(path: Path) -> None:
    """Print what the tests judge."""
    scale = Scale.of(path)
    rows = [(fate, "named", scale.share_named(fate)) for fate in NAMED_BY]
    rows += [(fate, "ended", scale.share_ended(fate)) for fate in ("rst", "open")]
    rows += [(what, "counted", scale.share_counted(what)) for what in COUNTED_BY]
    for what, how, (right, there) in rows:
        print(f"{what:14} {how:8} {right:,} of {there:,}")
    print(f"faultless      {len(scale.faultless)}, alarms: {scale.alarms() or 'none'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
