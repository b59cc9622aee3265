"""Which findings have one cause, and the story that they tell together.

Findings are one incident when any of these holds, and through a third finding as well:

1. They share a connection, or an earlier one on the same 4-tuple.
2. They are of one kind and about the same side of connections to one server endpoint: twenty-five stuck sockets of
   one server are one incident.
3. One explains the other (`EXPLAINS`) at one server endpoint.
4. Both say that one of the same two hosts fell silent (`SILENCE`), and their times overlap.

Findings about the capture stay alone: they explain no fault, they lower the confidence of the others.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final

import numpy as np

from ..model.finding import Finding, Incident, Sentence
from ..model.tables import Tables
from ..sets import distinct
from ..units import endpoint, plural

EXPLAINS: Final = {
    "syn-flood": ("accept-queue-overflow", "syn-unanswered", "peer-vanished"),
    "accept-queue-overflow": ("syn-unanswered", "peer-vanished", "half-open"),
    "close-wait-leak": ("syn-into-close-wait", "close-wait-stuck", "half-open"),
    "close-wait-sawtooth": ("syn-into-close-wait", "close-wait-stuck"),
    "reader-stopped": ("close-wait-leak", "close-wait-stuck", "zero-window-stall"),
    "rst-spray": ("rst-off-sequence", "rst-injected", "segment-injected"),
    "mtu-black-hole": ("peer-vanished", "path-loss"),
}
"""A cause and its consequences for other connections to the same server endpoint."""

SILENCE: Final = frozenset(
    ("peer-vanished", "keepalive-unanswered", "keepalive-stopped", "idle-flow-dropped", "half-open")
)
"""Kinds that say: nothing comes from there any more."""

TOLD_MAX: Final = 3
"""Findings of one kind that an incident tells sentence by sentence; the others are counted."""


def about_capture(finding: Finding) -> bool:
    """Whether it judges the capture and not what was captured."""
    return finding.kind.startswith("capture-")


def grouped(tables: Tables, findings: Sequence[Finding]) -> list[list[Finding]]:
    """The findings by incident, each in the order given."""
    parent = list(range(len(findings)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(one: int, other: int) -> None:
        parent[root(one)] = root(other)

    told = [index for index, finding in enumerate(findings) if finding.streams and not about_capture(finding)]
    _by_connection(tables, findings, told, join)
    servers = {index: _server(tables, findings[index]) for index in told}
    _by_key(((_same_fault(findings[index], servers[index]), index) for index in told), join)
    _by_explanation(findings, servers, join)
    _by_silence(findings, told, join)
    groups: dict[int, list[Finding]] = {}
    for index, finding in enumerate(findings):
        groups.setdefault(root(index), []).append(finding)
    return list(groups.values())


_Join = Callable[[int, int], None]
_Server = tuple[int, ...] | None


def _by_connection(tables: Tables, findings: Sequence[Finding], told: Iterable[int], join: _Join) -> None:
    owner = np.full(len(tables.flows), -1, np.int64)
    for index in told:
        roots = _tuple_roots(tables, np.asarray(findings[index].streams, dtype=np.int64))
        for other in distinct(owner[roots]).tolist():
            if other >= 0:
                join(index, other)
        owner[roots] = index


def _tuple_roots(tables: Tables, streams: np.ndarray) -> np.ndarray:
    """The first flow on the 4-tuple of each of these flows."""
    previous = tables.flows["previous"]
    roots = streams
    while np.any(older := previous[roots] >= 0):
        roots = np.where(older, previous[roots], roots)
    return distinct(roots)


def _server(tables: Tables, finding: Finding) -> _Server:
    """The server endpoint that all its connections have in common: tunnel, family, address and port."""
    streams = np.asarray(finding.streams, dtype=np.int64)
    rows, sides = tables.flows[streams], 1 - tables.client_side[streams].astype(np.int64)
    picked = np.arange(len(streams))
    columns = [rows[name][picked, sides] for name in ("addr_hi", "addr_lo", "port")] + [rows["family"], rows["tunnel"]]
    if any(np.any(column != column[0]) for column in columns):
        return None
    return tuple(int(column[0]) for column in columns)


def _same_fault(finding: Finding, server: _Server) -> Hashable:
    if server is None:
        return None
    addr_hi, addr_lo, port, family, _ = server
    return finding.kind, server, finding.endpoint == endpoint(family, addr_hi, addr_lo, port)


def _by_key(keyed: Iterable[tuple[Hashable, int]], join: _Join) -> None:
    first: dict[Hashable, int] = {}
    for key, index in keyed:
        if key is not None:
            join(index, first.setdefault(key, index))


def _by_explanation(findings: Sequence[Finding], servers: dict[int, _Server], join: _Join) -> None:
    """Rule 3. One finding stands for all of its kind at an endpoint: rule 2 has joined the like of it."""
    causes = {
        (findings[index].kind, server): index
        for index, server in servers.items()
        if server is not None and findings[index].kind in EXPLAINS
    }
    for (kind, server), cause in causes.items():
        for index, other in servers.items():
            if other == server and findings[index].kind in EXPLAINS[kind]:
                join(index, cause)


def _by_silence(findings: Sequence[Finding], told: Iterable[int], join: _Join) -> None:
    """Rule 4: a sweep over the intervals of each pair of hosts."""
    pairs: dict[frozenset[str], list[int]] = {}
    for index in told:
        finding = findings[index]
        if finding.kind in SILENCE and finding.endpoint and finding.peer:
            pairs.setdefault(frozenset(map(_host, (finding.endpoint, finding.peer))), []).append(index)
    for indices in pairs.values():
        ordered = sorted(indices, key=lambda index: findings[index].first_ts_ns or 0)
        last, until_ns = ordered[0], findings[ordered[0]].last_ts_ns or 0
        for index in ordered[1:]:
            if (findings[index].first_ts_ns or 0) <= until_ns:
                join(index, last)
            last, until_ns = index, max(until_ns, findings[index].last_ts_ns or 0)


def _host(label: str) -> str:
    return label.rpartition(":")[0] or label


def incident(number: int, group: Sequence[Finding]) -> Incident:
    """The incident of these findings, the cause first, which gives the title."""
    cause = group[0]
    return Incident(
        id=f"incident-{number}",
        title=cause.title,
        severity=max(finding.severity for finding in group),
        findings=tuple(finding.id for finding in group),
        streams=tuple(sorted({stream for finding in group for stream in finding.streams})),
        narrative=_narrative(group),
        against=tuple(dict.fromkeys(text for cause_ in cause.causes[:1] for text in cause_.against)),
        next_steps=tuple(dict.fromkeys(step for finding in group for step in finding.next_steps)),
        refutations=cause.refutations,
        settled_by=tuple(dict.fromkeys(step for finding in group for step in finding.settled_by)),
    )


def _narrative(group: Sequence[Finding]) -> tuple[Sentence, ...]:
    """What happened, in order of time: the cause whole, of the others what opens their story, the rest counted."""
    blocks: list[tuple[int, Sentence]] = []
    counts: dict[str, int] = {}
    for finding in group:
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
        if counts[finding.kind] > TOLD_MAX:
            continue
        ts_ns = finding.first_ts_ns or 0
        for sentence in finding.story if finding is group[0] else finding.story[:1]:
            ts_ns = ts_ns if sentence.ts_ns is None else sentence.ts_ns
            blocks.append((ts_ns, sentence))
    told = [sentence for _, sentence in sorted(blocks, key=lambda block: block[0])]
    for kind, count in counts.items():
        if count > TOLD_MAX:
            left = [finding for finding in group if finding.kind == kind][TOLD_MAX:]
            frames = tuple(sorted(finding.frames[0] for finding in left if finding.frames))
            told.append(Sentence(f"The same ({kind}) on {plural(count - TOLD_MAX, 'further connection')}.", frames))
    return tuple(told)
