"""Predicted state against actual state: the same, or different for a reason that is known, or a contradiction."""

from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

from ..model.states import State
from ..tcp.states import TRANSITIONS
from ..units import duration, plural
from .predict import Prediction
from .socket import Socket

_S = State


class Agreement(StrEnum):
    """How a socket's state stands to what the capture predicts."""

    AGREES = "agrees"
    EXPLAINED = "explained"  # differs, and both may be right: the difference cannot be seen on the wire
    DIFFERS = "differs"  # the prediction is wrong: it was presumed, or the capture lacks something
    SOCKET_ONLY = "socket only"  # the capture does not tell the state: the socket does
    NOT_LISTED = "not listed"  # the listing does not tell it


class Verdict(NamedTuple):
    """Agreement, and the reason of a difference in words."""

    agreement: Agreement
    note: str = ""


QUEUED_FIN: Final = {
    (_S.ESTABLISHED, _S.FIN_WAIT_1),
    (_S.CLOSE_WAIT, _S.LAST_ACK),
    (_S.CLOSE_WAIT, _S.CLOSING),
}
"""(predicted, actual): the application has closed, and its FIN waits behind what has not been sent."""

_INVISIBLE: Final = {
    (_S.ESTABLISHED, _S.SYN_RECEIVED): "it has not taken the ACK that finishes the handshake: its accept queue is "
    "full, or it waits for data first (TCP_DEFER_ACCEPT)",
    (_S.TIME_WAIT, _S.FIN_WAIT_2): "it has not got the peer's FIN yet",
}
_MISSED: Final = {
    (_S.ESTABLISHED, _S.CLOSE_WAIT): "the peer's FIN reached it, and the capture lacks it",
    (_S.FIN_WAIT_2, _S.TIME_WAIT): "the peer's FIN reached it, and the capture lacks it",
    (_S.FIN_WAIT_1, _S.FIN_WAIT_2): "the ACK of its FIN reached it, and the capture lacks it",
    (_S.CLOSING, _S.TIME_WAIT): "the ACK of its FIN reached it, and the capture lacks it",
    (_S.SYN_RECEIVED, _S.ESTABLISHED): "the ACK of its SYN reached it, and the capture lacks it",
    (_S.SYN_SENT, _S.ESTABLISHED): "the SYN-ACK reached it, and the capture lacks it",
    (_S.CLOSE_WAIT, _S.ESTABLISHED): "the peer's FIN did not reach it",
    (_S.CLOSING, _S.FIN_WAIT_1): "the peer's FIN did not reach it",
    (_S.TIME_WAIT, _S.FIN_WAIT_1): "neither the ACK of its FIN nor the peer's FIN reached it",
    (_S.FIN_WAIT_2, _S.FIN_WAIT_1): "the ACK of its FIN did not reach it",
    (_S.ESTABLISHED, _S.SYN_SENT): "the SYN-ACK did not reach it",
}


def compare(
    socket: Socket, predicted: Prediction, around: set[State], after_end_ns: int, before_start_ns: int
) -> Verdict:
    """How the socket stands to the prediction for the same moment.

    around: the states that the endpoint was in within the uncertainty of that moment. after_end_ns, before_start_ns:
    how far the listing lies outside the capture, 0 inside it.
    """
    actual = socket.state
    if actual is None:
        return Verdict(Agreement.NOT_LISTED, "the listing has no column for the state")
    if predicted.state in (State.UNSEEN, State.MIDSTREAM):
        return Verdict(Agreement.SOCKET_ONLY)
    if actual is predicted.state:
        return Verdict(Agreement.AGREES)
    if actual in around:
        return Verdict(Agreement.AGREES, "the state changed while the listing was taken")
    pair = predicted.state, actual
    if fin_waits(socket, predicted.state):
        if not socket.send_q:
            return Verdict(
                Agreement.EXPLAINED, "its application has closed; the FIN waits behind unsent data, or was not captured"
            )
        waiting = plural(socket.send_q - 1, "byte")
        return Verdict(
            Agreement.EXPLAINED,
            f"its application has closed; the FIN waits behind {waiting} that it has not got rid of",
        )
    if after_end_ns and actual in reachable(predicted.state):
        return Verdict(Agreement.EXPLAINED, f"the listing was taken {duration(after_end_ns)} after the capture ended")
    if before_start_ns and predicted.state in reachable(actual):
        return Verdict(Agreement.EXPLAINED, f"the listing was taken {duration(before_start_ns)} before the capture")
    if pair in QUEUED_FIN:
        return Verdict(Agreement.DIFFERS, "it has sent its FIN, and the capture lacks it")
    if pair in _INVISIBLE:
        return Verdict(Agreement.EXPLAINED, _INVISIBLE[pair])
    return Verdict(Agreement.DIFFERS, _MISSED.get(pair, _contradiction(predicted)))


def fin_waits(socket: Socket, predicted: State) -> bool:
    """Whether the application has closed, and its FIN waits behind what has not been sent or acknowledged."""
    return (predicted, socket.state) in QUEUED_FIN and socket.send_q not in (0, 1)  # the FIN counts 1


def _contradiction(predicted: Prediction) -> str:
    if not predicted.certain:
        return "it was presumed, and what was presumed to reach it did not"
    if predicted.state is State.CLOSED:
        return "its ports were used again by a connection that was not captured, or the time of the listing is wrong"
    return "the capture lacks what came between, or the time of the listing is wrong"


@cache
def reachable(state: State) -> frozenset[State]:
    """The states that one connection may come to from here (RFC 9293 section 3.3.2), without a new one on its ports."""
    found: set[State] = set()
    frontier = {state}
    while frontier:
        going_on = frontier - {State.CLOSED, State.TIME_WAIT}
        frontier = {after for each in going_on for after in TRANSITIONS[each].values()} - found
        found |= frontier
    return frozenset(found - {state})
