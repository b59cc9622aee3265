"""Which connections are looked at: some of each finding's, and others of the same endpoints to compare them with.

Others are those that no finding names and that came to no halt on their way: both ends open, or both closed.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from ..model.finding import Finding, Severity
from ..model.flow import FlowBit
from ..model.states import State
from ..model.tables import Tables
from ..sets import among, distinct, mixed

FLOWS_MAX: Final = 200
"""Connections of a finding, and as many others: a share is then known to 7 percentage points (two standard errors)."""
TOTAL_MAX: Final = 4096
"""Connections in all; with both directions' bytes 32 MB at most."""
LEAST: Final = Severity.NOTICE
"""What is less is told in a line, or not at all."""
LARGE_PACKETS: Final = 200_000
"""Reading more packets than this again takes a good part of the first reading's time."""
LEAST_OF_LARGE: Final = Severity.WARNING
FIRST_OF_LARGE: Final = 64
"""Connections of a finding, and others beside them: the first ones, so that a part of a large capture is enough. A
share is then known to 12 percentage points."""
SETTLED: Final = (State.ESTABLISHED, State.CLOSED, State.TIME_WAIT)


class Cohort(NamedTuple):
    """The connections of a finding and others to their servers' endpoints; those of them that are looked at."""

    finding: int  # position among the findings
    flows: np.ndarray  # streams that are looked at
    of: int  # connections of the finding
    spoke: int  # of these, how many have bytes whose beginning is known
    others: np.ndarray
    others_of: int


class Choice(NamedTuple):
    """The cohorts, and how many findings came too late to have one. `in_part`: the capture is too large for more than
    its first part."""

    cohorts: list[Cohort]
    left_out: int
    in_part: bool


def choose(tables: Tables, findings: Sequence[Finding]) -> Choice:
    """The cohorts of the findings that are worth it, in the order of the findings, until TOTAL_MAX is reached."""
    packets = sum(file.packets for file in tables.files)
    is_large = packets > LARGE_PACKETS
    least = LEAST_OF_LARGE if is_large else LEAST
    worth = [
        (position, np.asarray(finding.streams, np.int64))
        for position, finding in enumerate(findings)
        if _is_worth(finding, least)
    ]
    if not worth:
        return Choice([], 0, is_large)
    pool = _Pool(tables, [streams for _, streams in worth], is_large)
    chosen: set[int] = set()
    cohorts, left_out = [], 0
    for position, streams in worth:
        if len(chosen) >= TOTAL_MAX:
            left_out += 1
            continue
        cohort = pool.cohort(position, streams)
        if not cohort.spoke and (is_large or cohort.of > FLOWS_MAX):
            continue  # what others asked there is a hint for a few silent connections, not for a flood
        chosen.update(cohort.flows.tolist(), cohort.others.tolist())
        cohorts.append(cohort)
    return Choice(cohorts, left_out, is_large)


def _is_worth(finding: Finding, least: Severity) -> bool:
    return finding.severity >= least and bool(finding.streams) and not finding.kind.startswith("capture-")


def spread(rows: np.ndarray, most: int = FLOWS_MAX) -> np.ndarray:
    """At most `most` of them, evenly spread, the first and the last included."""
    if len(rows) <= most:
        return rows
    found: np.ndarray = rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
    return found


class _Pool:
    """All connections whose beginning can be looked at, findable by their server's endpoint."""

    def __init__(self, tables: Tables, named: Sequence[np.ndarray], is_large: bool) -> None:
        self._tables = tables
        self._is_large = is_large
        detail = tables.flows["detail"].astype(np.int64)
        known = np.flatnonzero((detail >= 0) & ((tables.flows["bits"] & FlowBit.MIDSTREAM) == 0))
        text = tables.details["text_frame"]
        rows = detail[known]
        flows = known[(text[rows] > 0) | (text[rows + 1] > 0)]
        self._spoke = np.zeros(len(tables.flows), np.bool_)
        self._spoke[flows] = True
        is_named = np.zeros(len(tables.flows), np.bool_)
        for streams in named:
            is_named[streams] = True
        flows = flows[~is_named[flows]]
        states = tables.endpoints["state"]
        settled = among(states[2 * flows], SETTLED) & among(states[2 * flows + 1], SETTLED)
        self._others = flows[settled]

    def cohort(self, position: int, streams: np.ndarray) -> Cohort:
        """The cohort of a finding about these streams."""
        spoke = streams[self._spoke[streams]]
        others = self._beside(streams)
        if self._is_large:
            ours = spoke[:FIRST_OF_LARGE]
            theirs = others[: np.searchsorted(others, ours.max(initial=-1))][:FIRST_OF_LARGE]
        else:
            ours, theirs = spread(spoke), spread(others)
        return Cohort(position, ours, len(streams), len(spoke), theirs, len(others))

    def _beside(self, streams: np.ndarray) -> np.ndarray:
        """Others to the endpoints of some of these, ascending; none for a single connection that spoke."""
        if not len(self._others) or (len(streams) == 1 and self._spoke[streams[0]]):
            return np.zeros(0, np.int64)
        order, keys = self._by_server
        wanted = distinct(self._keys(spread(streams)))
        bounds = zip(np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right"), strict=True)
        found: np.ndarray = np.sort(np.concatenate([order[low:high] for low, high in bounds]))
        return found

    @cached_property
    def _by_server(self) -> tuple[np.ndarray, np.ndarray]:
        keys = self._keys(self._others)
        order = np.argsort(keys, kind="stable")
        return self._others[order], keys[order]

    def _keys(self, flows: np.ndarray) -> np.ndarray:
        """A number for the server's address and port: different endpoints have one in 2**64 by chance alone."""
        server = 1 - self._tables.client_side[flows].astype(np.int64)
        table = self._tables.flows
        return mixed(*(table[name][flows, server] for name in ("addr_lo", "addr_hi", "port")), table["tunnel"][flows])
