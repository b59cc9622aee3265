"""The figures of an incident: which plots show a kind of finding, and how to read them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..errors import TcpdiagError
from ..figures.embedding import embedded
from ..figures.flow_plots import FLOW_PLOTS
from ..flow_view import Flow
from ..model.finding import Finding
from ..report import Report
from ..units import plural
from .outline import Told, main_stream

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Show = Callable[["Axes", str, str], str]
"""Axes, a name that no other figure of the report has, and a caption -> the markup that shows them."""

INCIDENTS_DRAWN: Final = 5
PACKETS_AGAIN: Final = 20_000_000
"""Packets that are read again for plots of connections, all together: about 20 s."""

PLOTS: Final[Mapping[str, tuple[str, ...]]] = {
    "segment-injected": ("sequence", "states"),
    "rst-injected": ("sequence", "states"),
    "reset-loop": ("ladder", "resets"),
    "conflicting-overlap": ("sequence", "states"),
    "rst-spray": ("resets", "states"),
    "rst-off-sequence": ("states", "sequence"),
    "syn-into-close-wait": ("states", "ladder"),
    "syn-in-connection": ("states", "ladder"),
    "reader-stopped": ("window", "sequence"),
    "close-wait-leak": ("held", "lifetimes"),
    "close-wait-sawtooth": ("held", "lifetimes"),
    "close-wait-stuck": ("states", "sequence"),
    "syn-flood": ("held", "lifetimes"),
    "accept-queue-overflow": ("ladder", "held"),
    "syn-refused": ("ladder",),
    "syn-unanswered": ("ladder",),
    "mtu-black-hole": ("sequence", "ladder"),
    "options-stripped": ("ladder", "window"),
    "keepalive-unanswered": ("heartbeat", "states"),
    "keepalive-stopped": ("heartbeat", "states"),
    "keepalive-absent": ("heartbeat", "states"),
    "idle-flow-dropped": ("states", "ladder"),
    "half-open": ("states", "sequence"),
    "peer-vanished": ("states", "sequence"),
    "zero-window-stall": ("window", "sequence"),
    "window-shrunk": ("window", "sequence"),
    "silly-window": ("window", "sequence"),
    "path-loss": ("sequence", "rtt"),
}
"""Kind of the cause -> its plots, the one that shows most first."""

CAPTIONS: Final[Mapping[str, str]] = {
    "sequence": "Sequence numbers over time: each segment as a bar, what the receiver acknowledged as the line below "
    "it, the edge of the receiver's window as the line above it.",
    "states": "What each end's TCP believed. Black between the lanes: one end has the connection, the other has not.",
    "ladder": "Who sent what, from top to bottom. Quiet and repetitive stretches are folded.",
    "window": "Bytes in flight against the receiver's window: where they meet, the sender must wait.",
    "rtt": "Round trips from where the capture was taken to each side.",
    "heartbeat": "Small messages and probes as ticks; a beat that did not come as a circle.",
    "held": "Connections held over time, by the state of this end's TCP.",
    "lifetimes": "One line a connection, in the colour of its state, in the order of their beginnings.",
    "resets": "How far each RST was from the number that its receiver expected (RCV.NXT).",
}


@dataclass(frozen=True)
class Drawn:
    """One plot: its name, how to read it, and what shows it: an HTML element, or a link to an image."""

    name: str
    caption: str
    markup: str


@dataclass(frozen=True)
class Figures:
    """The plots of one incident, and why one of them is missing."""

    drawn: tuple[Drawn, ...] = ()
    missing: tuple[str, ...] = ()


def figures_of(report: Report, told: Sequence[Told], show: Show | None = None) -> tuple[Figures, ...]:
    """The figures of each incident that is told; of the later ones none. show: None for elements of an HTML page."""
    artist = _Artist(report, show or embedded)
    found = [artist.draw(number, each.cause) for number, each in enumerate(told[:INCIDENTS_DRAWN], 1)]
    return (*found, *[Figures()] * (len(told) - len(found)))


class _Artist:
    """Draws for a whole report: a connection is read again once, and not more packets than PACKETS_AGAIN."""

    def __init__(self, report: Report, show: Show) -> None:
        self._report, self._show = report, show
        self._flows: dict[int, Flow] = {}
        self._packets = 0

    def draw(self, number: int, cause: Finding) -> Figures:
        """number: of the incident, which makes ids unique."""
        drawn, missing = [], []
        for name in PLOTS.get(cause.kind, ()):
            try:
                markup = self._markup(name, cause, f"figure-{number}-{name}")
            except TcpdiagError as error:
                missing.append(f"{name}: {error}")
            except Exception as error:  # a report without this picture is better than none
                missing.append(f"{name}: {type(error).__name__}: {error}")
            else:
                drawn.append(Drawn(name, CAPTIONS[name], markup))
        return Figures(tuple(drawn), tuple(missing))

    def _markup(self, name: str, cause: Finding, element: str) -> str:
        if name in FLOW_PLOTS:
            axes = getattr(self._flow(cause).plot, name)()
        elif name == "held":
            axes = self._report.plot.held(cause.endpoint)
        elif name == "lifetimes":
            axes = self._report.plot.lifetimes(side=self._side(cause))
        else:
            axes = getattr(self._report.plot, name)()
        return self._show(axes, element, CAPTIONS[name])

    def _flow(self, cause: Finding) -> Flow:
        """Its main connection; one that reuses a 4-tuple is drawn with those before it."""
        stream = main_stream(cause)
        if stream is None:
            raise TcpdiagError("no connection to draw")
        if stream not in self._flows:
            again = int(self._report.tables.flows["last_frame"][stream])
            if self._packets + again > PACKETS_AGAIN:
                raise TcpdiagError(
                    f"{plural(again, 'packet')} would have to be read again; tcpdiag plot --flow {stream} does it"
                )
            self._packets += again
            self._flows[stream] = self._report.flow(stream)
        return self._flows[stream]

    def _side(self, cause: Finding) -> int:
        """Whose states: 0 where the finding is about the client's end."""
        return int(not cause.streams or self._report.flow(cause.streams[0]).client != cause.endpoint)
