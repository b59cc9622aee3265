"""Plots inside of an HTML page: SVG without what only a file of its own needs, or PNG where that would be too long."""

import base64
import io
import re
from typing import TYPE_CHECKING, Final

from ..units import printable
from .style import DPI, METADATA, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST_SVG: Final = 400_000
"""Characters. Beyond that the same picture as PNG is smaller, and quicker to show."""

_PREAMBLE: Final = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>", re.DOTALL)
_NAMESPACE: Final = re.compile(r'\sxmlns(?::\w+)?="[^"]*"')
_DECIMALS: Final = re.compile(r"(\.\d\d)\d+")
_PATH: Final = re.compile(r'(?<=\sd=")[^"]*')
_ID: Final = re.compile(r'\sid="|xlink:href="#|url\(#')


def embedded(axes: "Axes", name: str, label: str) -> str:
    """The figure of these axes as one HTML element. name: unique on the page; label: what it shows, for who cannot see
    it. Neither may hold anything but plain words."""
    figure = axes.figure
    stream = io.StringIO()
    with styled():
        figure.savefig(stream, format="svg", metadata=METADATA[".svg"])  # type: ignore[union-attr]
        markup = _for_html(stream.getvalue(), name)
        if len(markup) <= LONGEST_SVG:
            return markup.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
        octets = io.BytesIO()
        figure.savefig(octets, dpi=DPI, format="png", metadata=METADATA[".png"])  # type: ignore[union-attr]
    return f'<img alt="{label}" src="data:image/png;base64,{base64.b64encode(octets.getvalue()).decode()}">'


def _for_html(svg: str, name: str) -> str:
    """HTML needs no namespaces; ids must differ from those of the page's other plots; a hundredth of a point is enough
    for a screen and for print. Invisible characters in its text become visible, as everywhere."""
    lines = _NAMESPACE.sub("", _PREAMBLE.sub("", svg)).split("\n")
    text = "\n".join(printable(line) for line in lines)
    text = _PATH.sub(lambda path: " ".join(_DECIMALS.sub(r"\1", path[0]).split()), text)
    return _ID.sub(lambda start: f"{start[0]}{name}-", text)
