"""Statistics of a script of segments: one value of each column, by name."""

from typing import Any

import numpy as np

from flows.tracked import tracked
from tcpdiag.flow_columns import UNKNOWN
from tcpdiag.model.script import parse_script
from tcpdiag.second_look import sender_of
from tcpdiag.statistics.columns import columns
from tcpdiag.statistics.gather import Counter, Gathered

HANDSHAKE = """
+0.000 > S 0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
+0.010 < S. 0:0(0) ack 1 win 65160 <mss 1400,sackOK,wscale 8>
+0.020 > . 1:1(0) ack 1 win 502
"""
CLOSE = """
+0.010 > F. 1:1(0) ack 1 win 502
+0.010 < F. 1:1(0) ack 2 win 255
+0.010 > . 2:2(0) ack 2 win 502
"""


def counted(script: str) -> Gathered:
    """The sums of its first connection."""
    tables, rows = tracked(script), parse_script(script).segments
    counter = Counter(tables, np.array([0]))
    sides = sender_of(rows, tables.flows[0]).astype(np.uint8)
    counter.feed(rows, np.zeros(len(rows), np.int64), sides, rows["payload_len"] + np.uint32(54))
    return counter.gathered()


def told(script: str) -> dict[str, Any]:
    """Column -> value; None: not known."""
    found = columns(tracked(script), counted(script))
    return {name: _value(column[0]) for name, column in found.items()}


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return None if value == UNKNOWN or value != value else value.item()
