"""Findings with what the kernels' own socket tables say of them.

A sentence tells what the kernel had; a refutation says that one was looked for, and what came of it. Confidence
follows the doubts: those that the kernel settles go, and where it contradicts the finding another one comes. No
severity changes: a contradiction is told in the finding's first sentence, and people decide.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from ..diagnoses.confidence import KERNEL_DISAGREES, confidence, named
from ..diagnoses.incidents import about_capture, incident
from ..model.finding import Finding, Incident, Refutation, Sentence
from . import telling
from .claims import CLAIMS, Outcome, Rows, in_close_wait, unread
from .holders import holders
from .table import Absent, Joined, JoinedListing, SocketTable

SINGLE_MAX: Final = 3
"""Connections of a finding without a claim of its own whose sockets are told one by one."""
LISTINGS_MAX: Final = 2
"""Listings that a finding tells of: the first that says something of it, and the last."""

CONFIRMED, CONTRADICTED = "confirmed", "contradicted"

_COMMAND: Final = re.compile(r"(?:on [^:;]+: )?(?:ss|netstat|lsof) -[^;]*\Z")


def answered(
    table: SocketTable, findings: Iterable[Finding], incidents: Iterable[Incident]
) -> tuple[tuple[Finding, ...], tuple[Incident, ...]]:
    """The findings with what the listings say of them, and their incidents told anew. Ids and order stay."""
    indices = [_Index(listing) for listing in table.listings]
    done = {finding.id: _answered(finding, indices) for finding in findings}
    retold = []
    for each in incidents:
        group = [done[name] for name in each.findings if name in done]
        retold.append(_retold(int(each.id.rpartition("-")[2]), group) if group else each)
    return tuple(done.values()), tuple(retold)


def _retold(number: int, group: Sequence[Finding]) -> Incident:
    """What contradicts it stands in front: it has no time of its own."""
    told = incident(number, group)
    first = [finding.story[0] for finding in group if finding.data.get("sockets", {}).get("outcome") == CONTRADICTED]
    return replace(told, narrative=(*first, *(sentence for sentence in told.narrative if sentence not in first)))


class _Index:
    """The rows of a listing by stream."""

    def __init__(self, listing: JoinedListing) -> None:
        self.listing = listing
        self._joined: dict[int, list[Joined]] = {}
        self._absent: dict[int, list[Absent]] = {}
        for row in listing.joined:
            for stream in row.lineage:
                self._joined.setdefault(stream, []).append(row)
        for absent in listing.absent:
            self._absent.setdefault(absent.stream, []).append(absent)

    def rows(self, finding: Finding) -> Rows:
        """Those at the endpoint that the finding is about; at either where it names none."""
        found = [row for stream in finding.streams for row in self._joined.get(stream, ())]
        joined = list({id(row): row for row in found}.values())
        absent = [row for stream in finding.streams for row in self._absent.get(stream, ())]
        about = finding.endpoint
        if about is not None:
            joined = [row for row in joined if about in (str(row.socket.local), row.socket.local.host)]
            absent = [row for row in absent if about in (str(row.local), row.local.host)]
        return Rows(self.listing, joined, absent)


def _answered(finding: Finding, indices: Sequence[_Index]) -> Finding:
    if about_capture(finding):
        return finding
    found: list[tuple[Rows, Outcome | None]] = []
    claim = CLAIMS.get(finding.kind)
    for index in indices:
        rows = index.rows(finding)
        outcome = claim(finding, rows) if claim else None
        if not rows.joined:
            rows = index.rows(replace(finding, endpoint=None))  # the peer's side of it
        if outcome is not None and (outcome.borne_out or outcome.against or outcome.said):
            found.append((rows, outcome))
        elif rows.joined and len(finding.streams) <= SINGLE_MAX:
            found.append((rows, None))
    for rows, outcome in found if len(found) <= LISTINGS_MAX else (found[0], found[-1]):
        if outcome is None:
            sentences = [telling.one(rows.listing, row) for row in rows.joined[:SINGLE_MAX]]
            finding = _with_story(finding, (*finding.story, *sentences))
        else:
            finding = _judged(finding, rows, outcome)
    return finding


def _judged(finding: Finding, rows: Rows, outcome: Outcome) -> Finding:
    """With what bears it out at its end, and what contradicts it at its beginning."""
    if outcome.borne_out or outcome.said:
        finding = _with_story(finding, (*finding.story, telling.borne_out(rows.listing, outcome)))
    if outcome.against:
        against = telling.contradiction(rows.listing, outcome)
        finding = _with_story(finding, (against, *finding.story) if outcome.contradicted else (*finding.story, against))
    what = f"the kernel of {outcome.host} shows something else than {outcome.expected}"
    result = Refutation(what, telling.result(outcome), ())
    finding = replace(finding, refutations=(*finding.refutations, result))
    if outcome.confirmed or outcome.contradicted:
        finding = _with_steps(_weighed(finding, outcome), rows, outcome)
    return finding


def _weighed(finding: Finding, outcome: Outcome) -> Finding:
    """Confidence from the doubts that are left: the kernel settles them where it tells of every connection."""
    data: dict[str, Any] = {
        **finding.data,
        "sockets": {
            "outcome": CONTRADICTED if outcome.contradicted else CONFIRMED,
            "borne_out": len(outcome.borne_out),
            "against": len(outcome.against),
        },
    }
    doubts = named(finding.data.get("doubts", ()))
    if doubts is None:
        return replace(finding, data=data)
    told_of = {stream for row in outcome.borne_out for stream in row.lineage}
    settled = outcome.doubts if outcome.proves or told_of >= set(finding.streams) else frozenset()
    left = {*doubts, KERNEL_DISAGREES} if outcome.contradicted else set(doubts) - settled
    data["doubts"] = [doubt.text for doubt in sorted(left)]
    return replace(finding, data=data, confidence=confidence(left))


def _with_story(finding: Finding, story: Sequence[Sentence]) -> Finding:
    frames = {frame for sentence in story for frame in sentence.frames}
    return replace(finding, story=tuple(story), frames=tuple(sorted({*finding.frames, *frames})))


def _with_steps(finding: Finding, rows: Rows, outcome: Outcome) -> Finding:
    """Without the commands that have been answered; with the process to look at."""
    steps = [step for step in finding.next_steps if not _COMMAND.match(step)]
    owned = [row.socket for row in outcome.borne_out if row.socket.owners]
    if owned and CLAIMS[finding.kind] in (in_close_wait, unread):
        first = holders(rows.listing.listing, owned)[0]
        pid = next((owner.pid for owner in first.owners if owner.pid is not None), None)
        look = f": ls -l /proc/{pid}/fd, and a stack dump of it" if pid is not None else ""
        steps.insert(0, f"on {outcome.host} the process is {first.name}{look}")
    left = tuple(way for way in finding.settled_by if not _COMMAND.match(way))
    return replace(finding, next_steps=tuple(steps), settled_by=left)
