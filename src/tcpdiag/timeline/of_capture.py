"""The notable events of every flow of a capture: from the event table, nothing is read again."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ..flow_columns import SIDES
from ..model import notation
from ..model.event import EventBit, EventKind
from ..model.finding import Finding
from ..model.states import State
from ..model.tables import Tables
from ..sets import among
from . import words
from .moment import Moment

NOTABLE = (
    EventKind.RST,
    EventKind.CHALLENGE_ACK,
    EventKind.SYN_IN_CONNECTION,
    EventKind.WINDOW_CLOSED,
    EventKind.WINDOW_OPENED,
    EventKind.WINDOW_SHRUNK,
    EventKind.UNACCEPTABLE,
    EventKind.BAD_ACK,
    EventKind.ICMP_ERROR,
    EventKind.ALIVE_AFTER_RST,
    EventKind.PAWS,
    EventKind.REFUSED,
    EventKind.BAD_ACK_RST,
    EventKind.SEQ_BACK,
    EventKind.OTHER_CONTENT,
    EventKind.STALE_ECHO,
)
"""What is worth a line among thousands of flows: not states, retransmissions, probes and beats of everyday life."""


def notable(
    tables: Tables, streams: np.ndarray, findings: Sequence[Finding] = (), limit: int | None = None
) -> tuple[list[Moment], int]:
    """What stood out in these flows, in order of time: at most `limit` moments, and how many there are in all.

    Events of the kinds NOTABLE, and every frame that a finding shows as evidence.
    """
    tables.whole("events")
    evidence: dict[int, list[str]] = defaultdict(list)
    for finding in findings:
        for item in finding.evidence:
            if item.frame:
                evidence[item.frame].append(finding.id)
    events = tables.events
    wanted = among(events["kind"], [int(kind) for kind in NOTABLE])
    wanted |= among(events["frame"], np.array(list(evidence), dtype=np.int64)) & (events["frame"] > 0)
    wanted &= (events["bits"] & EventBit.WITHDRAWN) == 0
    chosen = np.zeros(len(tables.flows) + 1, bool)
    chosen[streams] = True
    wanted &= chosen[events["flow"]] & (events["flow"] >= 0)
    rows = np.flatnonzero(wanted)
    rows = rows[np.lexsort((events["frame"][rows], events["ts_ns"][rows]))]
    groups = _by_frame(events, rows)
    return [_moment(tables, events[group], evidence) for group in groups[:limit]], len(groups)


def _by_frame(events: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """Rows of one frame and flow together."""
    if not len(rows):
        return []
    key = events["frame"][rows].astype(np.int64) << 32 | events["flow"][rows]
    return np.split(rows, np.flatnonzero(np.diff(key)) + 1)


def _moment(tables: Tables, events: np.ndarray, evidence: dict[int, list[str]]) -> Moment:
    first = events[0]
    flow, client = int(first["flow"]), int(tables.client_side[first["flow"]])
    states = {int(event["side"]): State(int(event["state"])) for event in events}
    sender = int(first["sender"])
    isn = [int(tables.endpoint(flow, side)["isn"]) for side in (0, 1)]
    flags, seq, ack, payload_len, window = (int(first[n]) for n in ("flags", "seq", "ack", "payload_len", "window"))
    numbers = notation.numbers(flags, seq, ack, payload_len, window, isn[sender], isn[1 - sender])
    names = SIDES[sender ^ client], SIDES[1 - sender ^ client]
    return Moment(
        ts_ns=int(first["ts_ns"]),
        stream=flow,
        states=(states.get(client), states.get(1 - client)),
        frame=int(first["frame"]),
        sender=names[0],
        segment=notation.line(*names, numbers),
        changes=tuple(
            words.change(event, SIDES[int(event["side"]) ^ client])
            for event in events
            if event["kind"] == EventKind.STATE
        ),
        verdicts=tuple(filter(None, map(words.verdict, events))),
        facts=tuple(filter(None, map(words.fact, events))),
        findings=tuple(dict.fromkeys(evidence.get(int(first["frame"]), ()))),
    )
