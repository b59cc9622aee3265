"""RSTs as the event table has them: which are off, what each of them is in words, which segment it answers."""

from typing import Final

import numpy as np

from ..model.event import EventKind, RstClass
from ..model.flow import EndpointBit
from ..sets import distinct
from ..units import number, plural
from .view import View

OFF_SEQUENCE: Final = [
    int(c)
    for c in (
        RstClass.LAST_ACK,
        RstClass.FIN_MINUS_ONE,
        RstClass.SACK_EDGE,
        RstClass.IN_WINDOW,
        RstClass.BELOW,
        RstClass.ABOVE,
    )
]
EXACT: Final = [int(RstClass.EXACT), int(RstClass.EXACT_UNACKED)]


def resets_of_class(view: View, classes: list[int]) -> np.ndarray:
    """Rows in the event table of all RSTs of these classes, ascending."""
    wanted = np.zeros(256, bool)
    wanted[classes] = True
    rows = view.rows_of(EventKind.RST)
    found: np.ndarray = rows[wanted[view.event_detail[rows]]]
    return found


def distinct_guesses(resets: np.ndarray) -> int:
    """How many different sequence numbers above RCV.NXT or far below were tried.

    A host that lost its socket answers each segment with that segment's ACK number: these stand at or below RCV.NXT,
    and none of them is a guess.
    """
    above = np.count_nonzero(resets["value"] > 0)
    return len(distinct(resets["seq"])) if above >= 2 else 0


def class_name(reset: np.void) -> str:
    """Its RstClass as programs read it: `fin-minus-one`."""
    return RstClass(int(reset["detail"])).name.lower().replace("_", "-")


def rcv_nxt(reset: np.void) -> int:
    """The number that its receiver expected, raw."""
    return (int(reset["seq"]) - int(reset["value"])) & 0xFFFFFFFF


def distance(reset: np.void) -> str:
    """How far it is from what its receiver expected: `1 below RCV.NXT`."""
    delta = int(reset["value"])
    return f"{number(abs(delta))} {'above' if delta > 0 else 'below'} RCV.NXT" if delta else "exactly RCV.NXT"


def place(view: View, reset: np.void) -> str:
    """What else there is about its number: `the number of the client's own FIN`; may be empty."""
    flow, receiver = int(reset["flow"]), int(reset["side"])
    words = {
        RstClass.FIN_MINUS_ONE: f"the number of the {view.role(flow, 1 - receiver)}'s own FIN",
        RstClass.LAST_ACK: f"what the {view.role(flow, receiver)} had acknowledged last",
        RstClass.SACK_EDGE: f"the right edge of the {view.role(flow, receiver)}'s newest SACK block",
        RstClass.IN_WINDOW: "inside the receive window",
        RstClass.ABOVE: "beyond the receive window",
    }
    return words.get(RstClass(int(reset["detail"])), "")


def established_by(view: View, reset: np.void) -> tuple[str, tuple[int, ...]]:
    """Which segments had set RCV.NXT, for a sentence; and their frames."""
    flow, receiver = int(reset["flow"]), int(reset["side"])
    peer = view.tables.endpoint(flow, 1 - receiver)
    frame = int(reset["ref"])
    if not frame:
        return "as the segments before it tell", ()
    counted = int(peer["bits"]) & EndpointBit.FIN_SENT and (int(peer["fin_seq"]) + 1) & 0xFFFFFFFF == rcv_nxt(reset)
    fin = int(peer["fin_frame"])
    if counted and 0 < fin < frame:
        return f"since it acknowledged the {view.role(flow, 1 - receiver)}'s FIN [{fin}] in [{frame}]", (fin, frame)
    return f"since [{frame}]", (frame,)


def expectation_proved(view: View, events: np.ndarray, reset: np.void) -> bool:
    """The receiver itself had said that it expects RCV.NXT: it had acknowledged all before it."""
    own = view.tables.endpoint(int(reset["flow"]), int(reset["side"]))
    said = events[(events["frame"] == reset["ref"]) & (events["sender"] == reset["side"])]
    ack = said["ack"][0] if len(said) else own["last_ack"] if own["last_ack_frame"] == reset["ref"] else None
    return bool(reset["ref"]) and ack is not None and int(ack) == rcv_nxt(reset)


def answered(events: np.ndarray, reset: np.void) -> np.void | None:
    """The REACTIVE event of a RST: it answers a segment as a host without that connection does."""
    found = events[(events["kind"] == EventKind.REACTIVE) & (events["frame"] == reset["frame"])]
    return found[0] if len(found) else None


def repeated(resets: np.ndarray) -> int:
    """How many of these RSTs have the number of one before them."""
    return len(resets) - len(distinct(resets["seq"]))


def several(resets: np.ndarray, frames: str) -> str:
    """`The RST [98]`, or `The 3 RSTs [98, 99, 100]`."""
    return f"The RST {frames}" if len(resets) == 1 else f"The {plural(len(resets), 'RST')} {frames}"
