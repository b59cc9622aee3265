"""A leak: the connections that one endpoint never closes, those of the last seconds among them."""

from typing import NamedTuple

import numpy as np

from ..sets import among
from .growth import Connects, Growth, connects, growth
from .held import End, quiet, stays
from .releases import same_holder
from .unread import Unread, unread
from .view import View


class Leak(NamedTuple):
    """What one endpoint never closes."""

    kept: np.ndarray  # HELD rows, in the order of the peers' FINs: held for long, and those that came just now
    rows: np.ndarray  # HELD rows of the holder, those that it released among them
    holder: str
    role: str
    growth: Growth
    connects: Connects | None  # of a client
    unread: Unread

    @property
    def released(self) -> int:
        """How many it closed after all."""
        return len(self.rows) - len(self.kept)


def never_closed(rows: np.ndarray) -> np.ndarray:
    """Those that the holder did not close itself, in the order of the peers' FINs."""
    kept = rows[rows["end"] != End.CLOSED_BY_ITSELF]
    found: np.ndarray = kept[np.argsort(kept["since_ns"], kind="stable")]
    return found


def leak_of(view: View, rows: np.ndarray) -> Leak:
    """All that the holder of these long-held connections keeps."""
    flow, side = int(rows["flow"][0]), int(rows["side"][0])
    sides = same_holder(view, flow, side)
    everything = stays(view, 0)
    young = everything[(sides[everything["flow"]] == everything["side"]) & (everything["end"] == End.CAPTURE)]
    young = young[~among(young["flow"], rows["flow"]) & quiet(view, young)]
    rows = np.concatenate([rows, young])
    role = view.role(flow, side)
    return Leak(
        never_closed(rows),
        rows,
        view.label(flow, side) if role == "server" else view.host(flow, side),
        role,
        growth(rows, view.last_ts_ns),
        connects(view, sides) if role == "client" else None,
        unread(view, sides),
    )
