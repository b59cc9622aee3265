"""Segments that are too large for a path: sent again and again, while smaller ones arrive."""

from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind, LossPlace
from ..model.flow import EndpointBit
from ..model.states import State
from ..sets import among
from .view import View

LARGE_BYTES: Final = 1024
"""Payload that any path of today carries: where path MTU discovery should start to search (RFC 4821 section 7.2)."""

_REPETITIONS: Final = 2  # with the first copy it was lost three times
_REPETITIONS_ALONE: Final = 3  # where the peer was silent meanwhile: what it says of the first copies is all there is

FRAGMENTATION_NEEDED: Final = {4: (3, 4), 6: (2, 0)}
"""ICMP type and code of "fragmentation needed and DF set" (RFC 792) and "packet too big" (RFC 4443 section 3.2)."""


class BlackHole(NamedTuple):
    """A segment of one sender that never arrived whole. `large`: RETRANSMISSION events with it; `small`: those with a
    first piece of it, which arrived; empty where the sender never tried. `gap`: the GAP_TOLD event by which the peer
    tells that less than such a segment arrived from behind it; None where it tells of none."""

    flow: int
    side: int
    large: np.ndarray
    small: np.ndarray
    icmp: np.ndarray  # ICMP_ERROR events: some hop said that it is too large
    largest_acked: int  # longest payload of the sender that was surely acknowledged
    gap: np.void | None
    sign_of_life: int  # frame in which the peer spoke after the first retransmission; 0: it was silent
    still: bool  # not acknowledged by the end

    @property
    def size(self) -> int:
        """Smallest payload that did not arrive."""
        return int(self.large["payload_len"].min())

    @property
    def behind(self) -> int:
        """Bytes that arrived from behind it, as a SACK block tells; 0: none does."""
        return 0 if self.gap is None else int(self.gap["value"])

    @property
    def shown_by(self) -> int:
        """A frame of the peer that shows that it and the path to it were alive meanwhile."""
        return self.sign_of_life or (0 if self.gap is None else int(self.gap["frame"]))

    @property
    def since_ns(self) -> int:
        """When the first copy was sent."""
        return int(self.large["ts_ns"][0] - self.large["value"][0])

    @property
    def until_ns(self) -> int:
        """When a piece was sent that arrived; else the last copy."""
        return int(self.small["ts_ns"][0] if len(self.small) else self.large["ts_ns"][-1])


def black_holes(view: View) -> list[BlackHole]:
    """All of them, one a sender, in order of flows. For `View.once`."""
    rows = view.by_kind(EventKind.RETRANSMISSION)
    rows = rows[(rows["payload_len"] > LARGE_BYTES) & (rows["detail"] == int(LossPlace.AFTER))]
    if not len(rows):
        return []
    details = view.flows["detail"][rows["flow"]].astype(np.int64) + rows["side"]
    rows = rows[rows["payload_len"] > view.tables.details["largest_acked"][details]]
    if not len(rows):
        return []
    key = (2 * rows["flow"].astype(np.uint64) + rows["side"]) << np.uint64(32) | rows["seq"]
    keys, counts = np.unique(key, return_counts=True)
    chosen = rows[among(key, keys[counts >= _REPETITIONS])]
    found = []
    for flow, events in view.by_flow(chosen["flow"]):
        for side in (0, 1):
            hole = _black_hole(view, flow, side, events, chosen)
            if hole is not None:
                found.append(hole)
    return found


def _black_hole(view: View, flow: int, side: int, events: np.ndarray, chosen: np.ndarray) -> BlackHole | None:
    mine = chosen[(chosen["flow"] == flow) & (chosen["side"] == side)]
    detail = view.detail(flow, side)
    if not len(mine) or detail is None or _unfinished(view, flow, 1 - side):
        return None
    seqs, counts = np.unique(mine["seq"], return_counts=True)
    seq = seqs[np.argmax(counts)]
    large = mine[mine["seq"] == seq]
    end = view.tables.endpoint(flow, side)
    acked = (int(end["snd_una"]) - int(seq)) & 0xFFFFFFFF
    still = not 0 < acked < 1 << 31
    again = events[(events["kind"] == EventKind.RETRANSMISSION) & (events["side"] == side) & (events["seq"] == seq)]
    small = again[(again["payload_len"] < large["payload_len"].min()) & (again["frame"] > large["frame"][-1])]
    if not still and not len(small):
        return None  # it arrived whole in the end: lost three times, not too large
    kind = FRAGMENTATION_NEEDED[int(view.flows["family"][flow])]
    icmp = events[(events["kind"] == EventKind.ICMP_ERROR) & (events["side"] == side)]
    icmp = icmp[(icmp["detail"] == kind[0]) & (icmp["value"] == kind[1])]
    alive = _sign_of_life(view, flow, side, events, int(large["ts_ns"][0]))
    gap = _gap(events, 1 - side, large)
    if gap is not None and int(gap["value"]) >= int(large["payload_len"].min()):
        return None  # others as large arrived
    if gap is not None and not gap["value"] and not _few_arrived(gap, large, int(end["snd_nxt"])):
        gap = None
    if not alive and (gap is None or len(large) < _REPETITIONS_ALONE):
        return None
    return BlackHole(flow, side, large, small if not still else small[:0], icmp, int(detail["largest_acked"]),
                     gap, alive, still)  # fmt: skip


def _gap(events: np.ndarray, receiver: int, large: np.ndarray) -> np.void | None:
    """What the receiver told last of text from behind the segment, after that was first sent."""
    told = events[(events["kind"] == EventKind.GAP_TOLD) & (events["side"] == receiver)]
    told = told[told["ts_ns"] > large["ts_ns"][0] - large["value"][0]]
    told = told[(large["seq"][0] - told["ack"]).astype(np.uint32) < 1 << 31]
    return told[-1] if len(told) else None


def _few_arrived(gap: np.void, large: np.ndarray, snd_nxt: int) -> bool:
    """Whether ACKs that were repeated, without SACK, tell of something small, and not of all that was sent: there was
    a smaller segment behind the large ones, and fewer ACKs came than segments as large as the missing one were sent
    behind it."""
    size = int(large["payload_len"].max())
    behind = ((snd_nxt - int(large["seq"][0])) & 0xFFFFFFFF) - size
    return behind % size > 0 and int(gap["detail"]) <= max(1, behind // size)


def _unfinished(view: View, flow: int, side: int) -> bool:
    """It does not have the connection yet: it drops segments of any size."""
    end = view.tables.endpoint(flow, side)
    return int(end["state"]) == State.SYN_RECEIVED or bool(int(end["bits"]) & EndpointBit.DOUBTED and end["syns"] > 1)


def _sign_of_life(view: View, flow: int, side: int, events: np.ndarray, since_ns: int) -> int:
    """A frame of the peer after `since_ns`; a RST is none, it may be anybody's."""
    peer = view.tables.endpoint(flow, 1 - side)
    if int(peer["last_ts_ns"]) > since_ns and int(peer["last_frame"]) != int(peer["rst_frame"]):
        return int(peer["last_frame"])
    spoke = events[(events["sender"] == 1 - side) & (events["ts_ns"] > since_ns) & (events["kind"] != EventKind.RST)]
    return int(spoke["frame"][-1]) if len(spoke) else 0
