"""The state machine of RFC 9293 section 3.3.2, for one endpoint, whatever its role.

Three rules keep the table small and true.

1. A segment is several events, in the order in which section 3.10.7.4 looks at them: RST, SYN, ACK, text, FIN.
   An ACK of our FIN that comes with the peer's FIN takes FIN-WAIT-1 to FIN-WAIT-2 and on to TIME-WAIT: Figure 5
   needs no row of its own for it.
2. An event stands in a state's row only when it is legal there. What is not in the table is a violation, and leaves
   the state as it is.
3. `UNSEEN` and `MIDSTREAM` are states of our ignorance, not of TCP. Their rows say what the first segments teach.

Whether a segment is acceptable is decided before this table is asked (kernels.judge).
"""

from enum import IntEnum
from typing import Final

import numpy as np

from ..model.states import State

__all__ = ["TRANSITIONS", "TcpEvent", "transition_array"]


class TcpEvent(IntEnum):
    """What one segment can do to the endpoint that sends (SND) or receives (RCV) it."""

    SND_SYN = 0
    SND_SYN_ACK = 1
    RCV_SYN = 2
    RCV_ACK_OF_SYN = 3
    SND_TEXT = 4
    RCV_TEXT = 5
    SND_FIN = 6
    RCV_FIN = 7
    RCV_ACK_OF_FIN = 8
    SND_RST = 9
    RCV_RST = 10
    SND_ACK = 11
    TIMEOUT_2MSL = 12


def _rows() -> dict[State, dict[TcpEvent, State]]:
    s, e = State, TcpEvent
    gone = {e.SND_RST: s.CLOSED, e.RCV_RST: s.CLOSED}
    return {
        s.UNSEEN: {
            e.SND_SYN: s.SYN_SENT,
            e.SND_SYN_ACK: s.SYN_RECEIVED,
            e.SND_TEXT: s.MIDSTREAM,
            e.SND_ACK: s.MIDSTREAM,
            e.SND_FIN: s.FIN_WAIT_1,
            e.SND_RST: s.CLOSED,
        },
        # A FIN from here is FIN-WAIT-1 unless the peer's FIN was sent before the capture: presumed, never certain.
        s.MIDSTREAM: {
            e.SND_TEXT: s.MIDSTREAM,
            e.RCV_TEXT: s.MIDSTREAM,
            e.SND_ACK: s.MIDSTREAM,
            e.SND_FIN: s.FIN_WAIT_1,
            e.RCV_FIN: s.CLOSE_WAIT,
            **gone,
        },
        s.CLOSED: {e.SND_SYN: s.SYN_SENT, e.SND_SYN_ACK: s.SYN_RECEIVED, e.SND_RST: s.CLOSED},
        s.LISTEN: {e.SND_SYN: s.SYN_SENT, e.SND_SYN_ACK: s.SYN_RECEIVED, e.SND_RST: s.LISTEN},
        # Section 3.10.7.3: an unacceptable ACK is answered by a RST and the state stays. RFC 7413: text with the SYN.
        s.SYN_SENT: {
            e.SND_SYN: s.SYN_SENT,
            e.SND_SYN_ACK: s.SYN_RECEIVED,
            e.SND_TEXT: s.SYN_SENT,
            e.RCV_SYN: s.SYN_RECEIVED,
            e.SND_RST: s.SYN_SENT,
            e.RCV_RST: s.CLOSED,
        },
        # A passive opener returns to LISTEN on a RST; its 4-tuple is free again, which is what CLOSED says here.
        s.SYN_RECEIVED: {
            e.SND_SYN: s.SYN_RECEIVED,
            e.SND_SYN_ACK: s.SYN_RECEIVED,
            e.RCV_ACK_OF_SYN: s.ESTABLISHED,
            e.SND_TEXT: s.SYN_RECEIVED,
            e.RCV_TEXT: s.SYN_RECEIVED,
            e.SND_ACK: s.SYN_RECEIVED,
            e.SND_FIN: s.FIN_WAIT_1,
            e.RCV_FIN: s.CLOSE_WAIT,
            **gone,
        },
        s.ESTABLISHED: {
            e.SND_TEXT: s.ESTABLISHED,
            e.RCV_TEXT: s.ESTABLISHED,
            e.SND_ACK: s.ESTABLISHED,
            e.SND_FIN: s.FIN_WAIT_1,
            e.RCV_FIN: s.CLOSE_WAIT,
            **gone,
        },
        s.FIN_WAIT_1: {
            e.RCV_TEXT: s.FIN_WAIT_1,
            e.SND_ACK: s.FIN_WAIT_1,
            e.RCV_ACK_OF_FIN: s.FIN_WAIT_2,
            e.RCV_FIN: s.CLOSING,
            **gone,
        },
        s.FIN_WAIT_2: {e.RCV_TEXT: s.FIN_WAIT_2, e.SND_ACK: s.FIN_WAIT_2, e.RCV_FIN: s.TIME_WAIT, **gone},
        s.CLOSE_WAIT: {e.SND_TEXT: s.CLOSE_WAIT, e.SND_ACK: s.CLOSE_WAIT, e.SND_FIN: s.LAST_ACK, **gone},
        s.CLOSING: {e.SND_ACK: s.CLOSING, e.RCV_ACK_OF_FIN: s.TIME_WAIT, **gone},
        s.LAST_ACK: {e.SND_ACK: s.LAST_ACK, e.RCV_ACK_OF_FIN: s.CLOSED, **gone},
        # Section 3.6.1 MAY-2: a new SYN may open a new incarnation from TIME-WAIT.
        s.TIME_WAIT: {
            e.SND_ACK: s.TIME_WAIT,
            e.SND_SYN: s.SYN_SENT,
            e.SND_SYN_ACK: s.SYN_RECEIVED,
            e.TIMEOUT_2MSL: s.CLOSED,
            **gone,
        },
    }


TRANSITIONS: Final = _rows()
"""RFC 9293 section 3.3.2, Figure 5: `TRANSITIONS[state][event] -> state`."""

ILLEGAL: Final = 255


def transition_array() -> np.ndarray:
    """`TRANSITIONS` as u1[state, event] for the kernels; `ILLEGAL` where the table has no entry."""
    table = np.full((len(State), len(TcpEvent)), ILLEGAL, np.uint8)
    for state, row in TRANSITIONS.items():
        for event, after in row.items():
            table[state, event] = after
    return table
