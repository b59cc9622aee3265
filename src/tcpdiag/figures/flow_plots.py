"""`flow.plot`: the plots of one connection. Each returns the matplotlib Axes that it drew on."""

from functools import cached_property
from typing import TYPE_CHECKING, Final

from ..flow_view import Flow
from . import heartbeat, ladder, rtt, sequence, states, throughput, window
from .axes import new_axes
from .style import styled
from .trace import Trace, trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLOW_PLOTS: Final = ("sequence", "states", "ladder", "window", "rtt", "throughput", "heartbeat")
"""Names of the plots: methods of FlowPlots."""


class FlowPlots:
    """Draws one flow. `ax`: where to; without one, a figure of its own. absolute: time of day in UTC instead of seconds
    since the capture began. All read the flow's segments from the capture again, once; they raise UsageError when it
    cannot be read twice."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    @cached_property
    def trace(self) -> Trace:
        """The flow's segments as arrays."""
        flow = self._flow
        return trace(flow.tables, flow.number, flow.paths, flow.findings)

    def sequence(self, ax: "Axes | None" = None, *, sent_by: int | None = None, absolute: bool = False) -> "Axes":
        """The time-sequence graph. sent_by: 0 for the client's direction, 1 for the server's; None: the busier one."""
        with styled():
            return sequence.draw(sequence.spec(self.trace, sent_by), ax or new_axes(), absolute=absolute)

    def states(self, ax: "Axes | None" = None, *, absolute: bool = False) -> "Axes":
        """Both ends' TCP states over time, those of earlier connections on the same 4-tuple before them."""
        flow = self._flow
        earlier = [flow.sibling(stream) for stream in reversed(flow.lineage)]
        drawn = states.spec(flow, earlier, flow.tables.first_ts_ns, flow.tables.last_ts_ns)
        with styled():
            return states.draw(drawn, ax or new_axes(3.0), absolute=absolute)

    def ladder(self, ax: "Axes | None" = None, *, absolute: bool = False) -> "Axes":
        """Who sent what, from top to bottom, quiet stretches folded."""
        drawn = ladder.spec(self._flow, self._flow.timeline(), self._flow.tables.first_ts_ns)
        with styled():
            return ladder.draw(drawn, ax or new_axes(drawn.height_inches), absolute=absolute)

    def window(self, ax: "Axes | None" = None, *, sent_by: int | None = None, absolute: bool = False) -> "Axes":
        """Bytes in flight and the receiver's window. sent_by: as in `sequence`."""
        with styled():
            return window.draw(window.spec(self.trace, sent_by), ax or new_axes(3.5), absolute=absolute)

    def rtt(self, ax: "Axes | None" = None, *, absolute: bool = False) -> "Axes":
        """Round trips from the tap to each side."""
        with styled():
            return rtt.draw(rtt.spec(self.trace), ax or new_axes(3.5), absolute=absolute)

    def throughput(self, ax: "Axes | None" = None, *, absolute: bool = False) -> "Axes":
        """Bytes a second of both directions."""
        with styled():
            return throughput.draw(throughput.spec(self.trace), ax or new_axes(3.5), absolute=absolute)

    def heartbeat(self, ax: "Axes | None" = None, *, absolute: bool = False) -> "Axes":
        """Small messages and probes as ticks, beats that did not come as circles."""
        with styled():
            drawn = heartbeat.spec(self.trace, self._flow.tables.last_ts_ns)
            return heartbeat.draw(drawn, ax or new_axes(3.0), absolute=absolute)
