"""Axes that a notebook shows as the picture that they are. Only this module needs matplotlib to be imported."""

import io

from matplotlib.axes import Axes

from .style import DPI, METADATA, styled


class ShownAxes(Axes):
    """The axes of a figure that pyplot does not know: a cell that ends in them shows their figure."""

    def _repr_png_(self) -> bytes:
        octets = io.BytesIO()
        with styled():
            self.figure.savefig(octets, dpi=DPI, format="png", metadata=METADATA[".png"])  # type: ignore[union-attr]
        return octets.getvalue()
