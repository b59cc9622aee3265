"""The verdicts on all segments of chosen connections, in arrays of one length: for statistics, tables and plots."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..capture.reader import Progress
from ..model.event import LossPlace
from ..model.tables import Tables
from ..model.verdict import VERDICT, Fact, VerdictBit
from .judge import verdicts


class VerdictArrays(NamedTuple):
    """A row a segment, in capture order; all arrays have the same length.

    `(arrays.verdicts["facts"] & Fact.RETRANSMISSION) != 0` is where the retransmissions are; its other columns:
    `tcpdiag.model.verdict.VERDICT`.
    """

    frames: np.ndarray  # u4, Wireshark's frame.number
    streams: np.ndarray  # i8, Wireshark's tcp.stream
    sides: np.ndarray  # u1, of the sender: 0 or 1; `Tables.client_side[stream]` is the client's
    verdicts: np.ndarray  # VERDICT


def collect(
    tables: Tables,
    paths: Sequence[str],
    streams: np.ndarray | None = None,
    *,
    wireshark: bool = False,
    on_progress: Progress | None = None,
) -> VerdictArrays:
    """The verdicts on the segments of these streams, None: of all, with what was learned of them later.

    wireshark: by Wireshark's rules; else by ours. Memory: 77 bytes a segment. Raises as `again.parts` does.
    """
    found = [
        (judged.part.rows["frame"].copy(), judged.part.streams, judged.part.sides, judged.verdicts)
        for judged in verdicts(tables, paths, streams, wireshark=wireshark, on_progress=on_progress)
    ]
    empty = (np.zeros(0, np.uint32), np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, VERDICT))
    arrays = VerdictArrays(*(np.concatenate(columns) for columns in zip(empty, *found, strict=True)))
    prove_needless(arrays.frames, arrays.streams, arrays.verdicts)
    return arrays


def prove_needless(frames: np.ndarray, streams: np.ndarray, rows: np.ndarray) -> None:
    """What a DSACK tells of an earlier retransmission: its segment was not lost, and it was spurious (RFC 2883)."""
    proofs = np.flatnonzero(rows["needless_frame"])
    if not len(proofs):
        return
    order = np.lexsort((streams, frames))
    wanted = rows["needless_frame"][proofs]
    at = np.searchsorted(frames[order], wanted)
    for place, frame, stream in zip(at.tolist(), wanted.tolist(), streams[proofs].tolist(), strict=True):
        while place < len(order) and frames[order[place]] == frame:
            row = order[place]
            if streams[row] == stream:
                rows["bits"][row] |= VerdictBit.DSACKED
                rows["loss"][row] = LossPlace.NOWHERE
                rows["facts"][row] |= Fact.SPURIOUS_RETRANSMISSION
            place += 1
