"""Colours and marks that tell apart without colour vision, and in print.

Colours are those of Okabe and Ito, "Color Universal Design" (2008); each meaning also has a mark, a hatch or a place of
its own, so that colour is never alone.
"""

from typing import Final

from ..model.finding import Severity
from ..model.states import State

BLACK: Final = "#000000"
ORANGE: Final = "#e69f00"
SKY: Final = "#56b4e9"
GREEN: Final = "#009e73"
YELLOW: Final = "#f0e442"
BLUE: Final = "#0072b2"
VERMILION: Final = "#d55e00"
PURPLE: Final = "#cc79a7"
GREY: Final = "#999999"
PALE: Final = "#dddddd"

CLIENT: Final = BLUE
SERVER: Final = VERMILION
SIDES: Final = (CLIENT, SERVER)

STATES: Final = {
    State.UNSEEN: "#ffffff",
    State.MIDSTREAM: PALE,
    State.CLOSED: "#f4f4f4",
    State.LISTEN: "#f4f4f4",
    State.SYN_SENT: YELLOW,
    State.SYN_RECEIVED: "#f7ee9a",
    State.ESTABLISHED: GREEN,
    State.FIN_WAIT_1: SKY,
    State.FIN_WAIT_2: "#a9d8f2",
    State.CLOSE_WAIT: VERMILION,
    State.CLOSING: PURPLE,
    State.LAST_ACK: ORANGE,
    State.TIME_WAIT: GREY,
}

HATCHES: Final = {
    State.CLOSE_WAIT: "//",
    State.FIN_WAIT_1: "||",
    State.FIN_WAIT_2: "||",
    State.LAST_ACK: "\\\\",
    State.CLOSING: "xx",
    State.SYN_SENT: "--",
    State.SYN_RECEIVED: "--",
}

SEVERITIES: Final = {
    Severity.INFO: GREY,
    Severity.NOTICE: SKY,
    Severity.WARNING: ORANGE,
    Severity.CRITICAL: VERMILION,
}
