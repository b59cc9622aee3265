"""Verdicts as columns of a DataFrame."""

from typing import Any

import numpy as np

from ..model.event import LossPlace
from ..model.verdict import OURS, Fact, RetransmissionKind, VerdictBit

KINDS = {
    RetransmissionKind.TIMEOUT: "timeout",
    RetransmissionKind.FAST: "fast",
    RetransmissionKind.SACK: "sack",
    RetransmissionKind.TAIL_LOSS_PROBE: "tail loss probe",
    RetransmissionKind.UNKNOWN: "unknown",
}
PLACES = {
    LossPlace.BEFORE: "before the tap",
    LossPlace.AFTER: "after the tap",
    LossPlace.NOWHERE: "nowhere",
    LossPlace.UNKNOWN: "unknown",
}


def verdict_columns(rows: np.ndarray, *, wireshark: bool) -> dict[str, Any]:
    """Columns of VERDICT rows; their meaning is told by `second_look.segments`. Wireshark has not got the last ones."""
    import pandas as pd

    facts = rows["facts"]
    found: dict[str, Any] = {_name(fact): (facts & fact) != 0 for fact in Fact if not (wireshark and fact & OURS)}
    for name in ("duplicate_ack_num", "duplicate_ack_frame", "acks_frame", "ack_rtt_ns"):
        found[name] = _known(rows[name])
    shown = (rows["bits"] & VerdictBit.SHOWN) != 0
    found["initial_rtt_ns"] = _known(
        np.where(shown, rows["initial_rtt_ns"], 0) if wireshark else rows["initial_rtt_ns"]
    )
    found["rto_ns"] = _known(rows["rto_ns"])
    found["rto_frame"] = _known(np.where(rows["rto_ns"] == 0, 0, rows["rto_frame"]))
    found["bytes_in_flight"] = _known(rows["bytes_in_flight"])
    found["completeness"] = rows["completeness"].astype(np.int64)
    if wireshark:
        return found
    again = rows["retransmission_kind"] != RetransmissionKind.NONE
    found["retransmission_kind"] = _words(pd, rows["retransmission_kind"], KINDS, again)
    found["loss"] = _words(pd, rows["loss"], PLACES, again)
    found["dsacked"] = (rows["bits"] & VerdictBit.DSACKED) != 0
    found["cause_frame"] = _known(rows["cause_frame"])
    return found


def _name(fact: Fact) -> str:
    return str(fact.name).lower()


def _known(numbers: np.ndarray) -> Any:
    """Int64, <NA> for 0."""
    import pandas as pd

    return pd.arrays.IntegerArray(numbers.astype(np.int64), numbers == 0)


def _words(pd: Any, numbers: np.ndarray, words: dict[Any, str], known: np.ndarray) -> Any:
    """A category, <NA> where nothing is known."""
    codes = np.full(256, -1)
    codes[[int(number) for number in words]] = np.arange(len(words))
    return pd.Categorical.from_codes(np.where(known, codes[numbers], -1), categories=list(words.values()))
