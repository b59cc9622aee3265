"""One finding for many connections of one server that share a fate: the first tells it, the others are counted."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from ..model.finding import Finding, Sentence
from .base import FRAMES_MAX, STREAMS_MAX
from .groups import by_endpoint
from .view import View

SINGLE_MAX: Final = 10
"""More findings about one server endpoint than fit a screen are one finding."""


def together(view: View, flows: Sequence[int]) -> Iterator[np.ndarray]:
    """Positions in `flows`, ascending: alone where the server endpoint has few of them, else all of it at once."""
    array = np.asarray(flows, dtype=np.int64)
    groups = by_endpoint(view, array, 1 - view.client[array])
    for group in groups.large:
        if len(group) > SINGLE_MAX:
            yield np.sort(group)
        else:
            yield from np.sort(group)[:, None]
    if len(groups.rest):
        yield np.sort(groups.rest)


def widened(
    view: View, finding: Finding, title: str, more: str, flows: Sequence[int], frames: Sequence[int]
) -> Finding:
    """The finding about one connection as one about all of `flows`; `frames` are the most telling of each."""
    servers = {view.label(flow, 1 - int(view.client[flow])) for flow in flows}
    return replace(
        finding,
        title=title,
        story=(*finding.story, Sentence(more, tuple(frames[:20]))),
        streams=tuple(sorted(set(flows))[:STREAMS_MAX]),
        frames=tuple(sorted({*finding.frames, *frames})[:FRAMES_MAX]),
        endpoint=servers.pop() if len(servers) == 1 else None,
        peer=None,
        data={**finding.data, "count": len(set(flows))},
    )
