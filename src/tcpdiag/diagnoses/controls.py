"""Control groups of a path: what other paths lost in the same seconds."""

from typing import Any, NamedTuple

import numpy as np

from .losses import losses, packets
from .view import View


class Control(NamedTuple):
    """Other paths that were in use at the same time. `end`: the host that they share with the path in question, 0 or
    1; None for paths of other hosts."""

    end: int | None
    name: str
    packets: int
    lost: int

    def telling(self, share: float) -> bool:
        """Whether so many packets would have shown a loss of this share: three or more, where none is chance (5 %)."""
        return self.packets * share >= 3

    @property
    def data(self) -> dict[str, Any]:
        """For programs."""
        return {"paths": self.name, "packets": self.packets, "lost": self.lost}


def controls(view: View, flow: int, side: int, span: tuple[int, int]) -> list[Control]:
    """What the paths that share one of the two hosts of `flow` lost during `span`, and those that share none.

    End 0 is `side` of the flow. Only groups that carried anything.
    """
    found = view.once(losses)
    rows = view.flows
    flows = found.flows
    meanwhile = (rows["last_ts_ns"][flows] >= span[0]) & (rows["first_ts_ns"][flows] <= span[1])
    flows, lost = flows[meanwhile], (found.before + found.after)[meanwhile].sum(axis=1)
    hi, lo = rows["addr_hi"][flows], rows["addr_lo"][flows]
    shares = [
        np.any((hi == rows["addr_hi"][flow, end]) & (lo == rows["addr_lo"][flow, end]), axis=1)
        for end in (side, 1 - side)
    ]
    names = [f"other paths of {view.host(flow, end)}" for end in (side, 1 - side)]
    groups = [Control(end, names[end], *_sums(view, flows, lost, shares[end] & ~shares[1 - end])) for end in (0, 1)]
    groups.append(Control(None, "paths of other hosts", *_sums(view, flows, lost, ~shares[0] & ~shares[1])))
    return [group for group in groups if group.packets]


def _sums(view: View, flows: np.ndarray, lost: np.ndarray, chosen: np.ndarray) -> tuple[int, int]:
    return int(packets(view, flows[chosen]).sum()), int(lost[chosen].sum())
