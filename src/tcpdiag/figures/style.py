"""The house's style: what matplotlib is told while it draws and saves."""

from contextlib import AbstractContextManager
from typing import Final

FONT_POINTS: Final = 9
STYLE: Final = {
    "svg.fonttype": "none",  # text stays text: it can be searched and copied
    "svg.hashsalt": "tcpdiag",  # the same picture gives the same file
    "font.size": FONT_POINTS,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": FONT_POINTS - 1,
}
DPI: Final = 120
METADATA: Final = {".svg": {"Date": None}, ".png": {"Software": None}, ".pdf": {"CreationDate": None}}
"""No date and no version: the same picture gives the same file."""


def styled() -> AbstractContextManager[None]:
    """Context manager: the house's style while something is drawn or saved."""
    from matplotlib import rc_context

    style: AbstractContextManager[None] = rc_context(STYLE)
    return style
