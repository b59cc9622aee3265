"""Verdicts on segments as comments, in Wireshark's names."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from ..model.event import LossPlace
from ..model.segment import Origin
from ..model.tables import Tables
from ..model.verdict import Fact, RetransmissionKind, VerdictBit
from ..verdicts.columns import KINDS
from ..verdicts.judge import Judge

_PLACES: Final = {
    LossPlace.BEFORE: "lost before the tap",
    LossPlace.AFTER: "the first copy passed the tap",
    LossPlace.NOWHERE: "needless",
}
_SPECIAL: Final = Fact.FAST_RETRANSMISSION | Fact.SPURIOUS_RETRANSMISSION


class Judged:
    """Judges the segments of these streams, all of them, in capture order."""

    def __init__(self, tables: Tables, streams: np.ndarray) -> None:
        self._judge = Judge(tables, streams)
        self._is_judged = np.zeros(len(tables.flows) + 1, np.bool_)
        self._is_judged[streams] = True

    def told(self, rows: np.ndarray, streams: np.ndarray, sides: np.ndarray) -> Mapping[int, str]:
        """By frame, the verdict on each of the segments (SEGMENT) that is worth one."""
        mine = self._is_judged[streams] & ((rows["origin"] & Origin.QUOTED) == 0)
        rows = rows[mine]
        verdicts = self._judge.judge(rows, streams[mine], sides[mine])
        worth = np.flatnonzero(verdicts["facts"])
        frames = rows["frame"][worth].tolist()
        return {frame: _words(row) for frame, row in zip(frames, verdicts[worth], strict=True)}


def _words(row: np.void) -> str:
    """`verdict: retransmission (timeout) of frame 99, the first copy passed the tap`."""
    facts = Fact(int(row["facts"]))
    if facts & _SPECIAL:
        facts &= ~Fact.RETRANSMISSION
    texts = [_word(fact, row) for fact in facts]
    if row["retransmission_kind"] != RetransmissionKind.NONE and int(row["loss"]) in _PLACES:
        texts.append(_PLACES[LossPlace(int(row["loss"]))])
    if row["bits"] & VerdictBit.DSACKED:
        texts.append("proved needless by a DSACK")
    return f"verdict: {', '.join(texts)}"


def _word(fact: Fact, row: np.void) -> str:
    name = str(fact.name).lower()
    cause = f" of frame {int(row['cause_frame'])}" if row["cause_frame"] else ""
    if fact is Fact.DUPLICATE_ACK:
        return f"{name} {int(row['duplicate_ack_num'])} of frame {int(row['duplicate_ack_frame'])}"
    if fact & (Fact.RETRANSMISSION | _SPECIAL):
        kind = KINDS.get(RetransmissionKind(int(row["retransmission_kind"])))
        of = f" of frame {int(row['rto_frame'])}" if row["rto_frame"] else ""
        return f"{name} ({kind}){of}" if kind and kind != "unknown" else f"{name}{of}"
    if fact & (Fact.CHALLENGE_ACK | Fact.COPY | Fact.ZERO_WINDOW_PROBE_ACK):
        return f"{name}{cause}"
    return name
