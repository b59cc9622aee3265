"""Connections on which an endpoint stopped reading: its receive window is closed and does not open again."""

from typing import NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.flow import EndpointBit
from .view import View


class Unread(NamedTuple):
    """Those of one holder, at the end of the capture."""

    flows: np.ndarray
    frames: tuple[int, ...]  # which closed the windows, ascending
    bytes_read: int  # what had come in on the first of them when its window closed

    @property
    def connections(self) -> int:
        """How many."""
        return len(self.flows)


def unread(view: View, sides: np.ndarray) -> Unread:
    """Of the flows in which `sides` names the holder's side, -1 elsewhere: those that it has not closed itself."""
    mine = sides[view.with_details]
    index = np.flatnonzero(mine >= 0)
    flows, own = view.with_details[index], mine[index]
    closed = view.detail_column("closed_since_ns")[index, own] > 0
    ended = view.side("bits")[flows, own] & int(EndpointBit.FIN_SENT | EndpointBit.RST_SENT | EndpointBit.RST_OBEYED)
    chosen = closed & (ended == 0)
    frames = view.detail_column("closed_frame")[index, own][chosen]
    flows = flows[chosen][np.argsort(frames, kind="stable")]
    frames = np.sort(frames)
    came = view.at(int(flows[0]), int(frames[0]), EventKind.WINDOW_CLOSED) if len(flows) else view.events[:0]
    return Unread(flows, tuple(frames.tolist()), int(came["value"][0]) if len(came) else 0)
