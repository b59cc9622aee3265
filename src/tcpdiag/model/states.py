"""The states of RFC 9293 section 3.3.2, and two states of our ignorance."""

from enum import IntEnum


class State(IntEnum):
    """State of one endpoint. Printed as in RFC 9293: `CLOSE-WAIT`."""

    UNSEEN = 0
    """Nothing that this endpoint sent, or must have received, was captured."""
    MIDSTREAM = 1
    """Seen only in a connection that is older than the capture: synchronized, but which state is open."""
    CLOSED = 2
    LISTEN = 3
    SYN_SENT = 4
    SYN_RECEIVED = 5
    ESTABLISHED = 6
    FIN_WAIT_1 = 7
    FIN_WAIT_2 = 8
    CLOSE_WAIT = 9
    CLOSING = 10
    LAST_ACK = 11
    TIME_WAIT = 12

    def __str__(self) -> str:
        return self.name.replace("_", "-")


SYNCHRONIZED = frozenset(
    {
        State.MIDSTREAM,
        State.ESTABLISHED,
        State.FIN_WAIT_1,
        State.FIN_WAIT_2,
        State.CLOSE_WAIT,
        State.CLOSING,
        State.LAST_ACK,
        State.TIME_WAIT,
    }
)
"""RFC 9293 section 3.3.2: states in which both sides know each other's sequence numbers."""
