"""Findings with what their connections were about: looked up in the capture, summed up, put into words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from ..diagnoses.incidents import incident
from ..errors import UsageError
from ..model.finding import Finding, Incident, Unexamined
from ..model.tables import Tables
from ..units import address, plural
from .beginnings import Beginning, Found, Side, places, read
from .cohorts import TOTAL_MAX, Choice, Cohort, choose, spread
from .facets import counted, facets
from .hint import FlowHints
from .recognise import hint_of
from .telling import Told, tell

WHAT: Final = "application hints"
KEY: Final = "application"
"""Of a finding's data."""


class Answers(NamedTuple):
    """Where the DNS answers of a capture are."""

    frames: np.ndarray  # u4, ascending
    left_out: int  # further ones

    def first(self, count: int) -> "Answers":
        """The first so many of them; the others are left out."""
        return Answers(self.frames[:count], self.left_out + len(self.frames) - count)


class Labelled(NamedTuple):
    """The same findings and incidents with their hints, the names of addresses, and what could not be looked at."""

    findings: list[Finding]
    incidents: list[Incident]
    names: Mapping[str, str]
    unexamined: list[Unexamined]
    hints: Mapping[int, FlowHints] | None  # by stream, of all that were looked at; None: that failed


def label(
    tables: Tables,
    findings: Sequence[Finding],
    incidents: Sequence[Incident],
    paths: Sequence[str],
    answers: Answers,
    stop: Callable[[], bool],
) -> Labelled:
    """Look at the first bytes of the connections that findings name, in the capture at `paths`.

    stop: asked again and again; True ends the reading. Raises UsageError or UnreadableInput when the capture cannot
    be read again.
    """
    choice = choose(tables, findings)
    flows = sorted(
        {flow for cohort in choice.cohorts for part in (cohort.flows, cohort.others) for flow in part.tolist()}
    )
    named = _addresses(tables, [findings[cohort.finding] for cohort in choice.cohorts])
    wanted = places(tables, flows)
    if not named:
        answers = answers.first(0)
    elif choice.in_part:
        answers = answers.first(int(np.searchsorted(answers.frames, max((place.frame for place in wanted), default=0))))
    found = read(paths, wanted, answers.frames, stop)
    hints = hints_of(tables, found.beginnings, flows)
    return Labelled(
        *_told(choice, findings, incidents, hints),
        _names(found.answers, named),
        [*_left_out(choice.left_out, found), *_answers_left_out(answers, named)],
        hints,
    )


def retold(
    tables: Tables, findings: Sequence[Finding], incidents: Sequence[Incident], hints: Mapping[int, FlowHints]
) -> tuple[list[Finding], list[Incident]]:
    """The findings and incidents with hints that are known already."""
    return _told(choose(tables, findings), findings, incidents, hints)


def _told(
    choice: Choice, findings: Sequence[Finding], incidents: Sequence[Incident], hints: Mapping[int, FlowHints]
) -> tuple[list[Finding], list[Incident]]:
    labelled = list(findings)
    for cohort in choice.cohorts:
        labelled[cohort.finding] = _labelled(findings[cohort.finding], cohort, hints)
    by_id = {finding.id: finding for finding in labelled}
    retold = [incident(number, [by_id[name] for name in each.findings]) for number, each in enumerate(incidents, 1)]
    return labelled, retold


def hints_of(tables: Tables, beginnings: Mapping[Side, Beginning], flows: Iterable[int]) -> dict[int, FlowHints]:
    """Hints of these flows, without those of which no beginning is there."""
    found = {}
    for flow in flows:
        client = int(tables.client_side[flow])
        starts = [beginnings.get(Side(flow, side)) for side in (client, 1 - client)]
        if any(starts):
            found[flow] = FlowHints(
                *(start and hint_of(start.data)._replace(frames=start.frames, ts_ns=start.ts_ns) for start in starts)
            )
    return found


def hints_of_flow(tables: Tables, stream: int, paths: Sequence[str]) -> FlowHints:
    """Hints of one flow. Raises UsageError or UnreadableInput when the capture cannot be read again, and UsageError for
    redacted tables, which are not to show what the capture holds."""
    tables.whole("application hints")
    if tables.captured is not None:
        raise UsageError("a redacted report does not read application bytes: the findings have what is to be told")
    found = read(paths, places(tables, [stream]), np.zeros(0, np.int64))
    return hints_of(tables, found.beginnings, [stream]).get(stream, FlowHints())


def _labelled(finding: Finding, cohort: Cohort, hints: Mapping[int, FlowHints]) -> Finding:
    """The finding with one sentence more, and its data; as it was where there is nothing to tell."""
    ours = [hints[flow] for flow in cohort.flows.tolist() if flow in hints]
    own = [facets(each) for each in ours]
    others = [facets(hints[flow]) for flow in cohort.others.tolist() if flow in hints]
    told: Told | None = tell(ours, own, others, cohort.of)
    if told is None:
        return finding
    common = told.common
    data = {
        "looked_at": len(own),
        "of": cohort.of,
        "shared": common.shared,
        "alike": common.alike,
        "sets_apart": common.sets_apart,
        "others": {"looked_at": len(others), "of": cohort.others_of, "alike": common.others_alike},
        "values": counted(own, others),
    }
    return replace(
        finding,
        story=(*finding.story, told.sentence),
        frames=tuple(sorted({*finding.frames, *told.sentence.frames})),
        data={**finding.data, KEY: data},
    )


def _addresses(tables: Tables, findings: Sequence[Finding]) -> dict[bytes, str]:
    """The addresses of these findings' connections, as DNS holds them and as text; of large ones of some."""
    found = {}
    for finding in findings:
        for flow in spread(np.asarray(finding.streams, np.int64)).tolist():
            row = tables.flows[flow]
            family = int(row["family"])
            for side in (0, 1):
                high, low = int(row["addr_hi"][side]), int(row["addr_lo"][side])
                packed = (high << 64 | low).to_bytes(16) if family == 6 else low.to_bytes(4)
                found[packed] = address(family, high, low)
    return found


def _names(answers: Sequence[bytes], named: Mapping[bytes, str]) -> dict[str, str]:
    if not answers or not named:
        return {}
    from .dns import names_of

    return {named[packed]: name for packed, name in names_of(answers, named).items()}


def _left_out(findings: int, found: Found) -> list[Unexamined]:
    left = []
    if findings:
        what = plural(findings, "finding")
        left.append(Unexamined(WHAT, f"of {what}: those before name {TOTAL_MAX:,} connections already"))
    if found.missed:
        left.append(Unexamined(WHAT, f"of {plural(found.missed, 'direction')} of connections: {found.why}"))
    return left


def _answers_left_out(answers: Answers, named: Mapping[bytes, str]) -> list[Unexamined]:
    if not answers.left_out or not named:
        return []
    left_out = plural(answers.left_out, "DNS answer")
    return [Unexamined(WHAT, f"of {left_out}: only the first {len(answers.frames):,} are looked at")]
