"""Events in words: verdicts, with the clause that they rest on, and facts."""

from typing import Final

import numpy as np

from ..model.event import EventBit, EventKind, LossPlace, RstClass
from ..model.states import State
from ..rfc import Rfc
from ..units import duration, plural
from .moment import Verdict

_RST: Final = {
    RstClass.EXACT: ("exactly RCV.NXT", Rfc(9293, "3.10.7.4")),
    RstClass.EXACT_UNACKED: ("exactly RCV.NXT, though not all of it was acknowledged yet", Rfc(9293, "3.10.7.4")),
    RstClass.LAST_ACK: ("what the receiver last acknowledged, while more was under way to it", Rfc(5961, "3.2")),
    RstClass.FIN_MINUS_ONE: ("1 below RCV.NXT, which counts a FIN", Rfc(5961, "3.2")),
    RstClass.SACK_EDGE: ("the right edge of the receiver's newest SACK block", Rfc(5961, "3.2")),
    RstClass.IN_WINDOW: ("{delta} above RCV.NXT, inside the window", Rfc(5961, "3.2")),
    RstClass.BELOW: ("{delta} below RCV.NXT: outside the window", Rfc(5961, "3.2")),
    RstClass.ABOVE: ("{delta} above RCV.NXT: outside the window", Rfc(5961, "3.2")),
    RstClass.SYN_SENT_GOOD: ("acknowledges the SYN: refused", Rfc(9293, "3.10.7.3")),
    RstClass.SYN_SENT_BAD: ("does not acknowledge the SYN", Rfc(9293, "3.10.7.3")),
    RstClass.AFTER_CLOSE: ("its receiver has closed already: harmless", Rfc(9293, "3.10.7.1")),
    RstClass.UNDECIDABLE: ("RCV.NXT of its receiver is not known", None),
}

_PLACES: Final = {
    LossPlace.UNKNOWN: "",
    LossPlace.BEFORE: ", the first copy was lost before the tap",
    LossPlace.AFTER: ", the first copy passed the tap",
    LossPlace.NOWHERE: ", it had been acknowledged: needless",
}

REPEATED: Final = {
    EventKind.RETRANSMISSION: "retransmission",
    EventKind.KEEPALIVE_PROBE: "keepalive probe",
    EventKind.KEEPALIVE_ACK: "answer to a keepalive probe",
    EventKind.ZERO_WINDOW_PROBE: "zero-window probe",
    EventKind.ZERO_WINDOW_PROBE_ACK: "answer to a zero-window probe",
    EventKind.BEAT: "heartbeat",
    EventKind.SYN_REPEATED: "repetition of the SYN",
    EventKind.ACK_UNSEEN: "ACK of what was not captured",
    EventKind.SEQ_BACK: "ACK that steps back",
}
"""Kinds that say little more when they come again: they may be folded. In words, for one of them."""


def many(kind: EventKind, count: int, sender: str) -> str:
    """`12 retransmissions of the server`."""
    one = REPEATED[kind]
    head, of, tail = one.partition(" of ")
    head, to, end = head.partition(" to ")
    return f"{plural(count, head)}{to}{end}{of}{tail} of the {sender}"


def change(event: np.void, side: str) -> str:
    """`server: CLOSE-WAIT (presumed)`."""
    bits = int(event["bits"])
    sure = "" if bits & EventBit.CERTAIN else " (presumed)"
    timer = ", by a timer" if bits & EventBit.TIMER else ""
    carried = ", still from the connection before" if bits & EventBit.CARRIED else ""
    return f"{side}: {State(int(event['state']))}{sure}{timer}{carried}"


def verdict(event: np.void) -> Verdict | None:
    """What the receiver had to make of the segment; None for an event that is no judgement."""
    value, bits = int(event["value"]), int(event["bits"])
    answered = "; it answered with an ACK" if bits & EventBit.CHALLENGED else ""
    match EventKind(int(event["kind"])):
        case EventKind.RST:
            text, rule = _RST[RstClass(int(event["detail"]))]
            return Verdict(f"RST: {text.format(delta=abs(value))}{answered}", None if rule is None else str(rule))
        case EventKind.UNACCEPTABLE:
            return Verdict(f"outside the window: {_off(value)}{answered}", str(Rfc(9293, "3.10.7.4")))
        case EventKind.BAD_ACK:
            return Verdict(f"acknowledges {plural(value, 'byte')} never sent{answered}", str(Rfc(5961, "5.2")))
        case EventKind.PAWS:
            return Verdict(f"its timestamp is {-value} ticks too old{answered}", str(Rfc(7323, "5.3")))
        case EventKind.SYN_IN_CONNECTION:
            return Verdict(f"SYN inside a connection{answered}", str(Rfc(5961, "4.2")))
        case EventKind.WINDOW_SHRUNK:
            return Verdict(f"takes back {plural(value, 'byte')} of window", str(Rfc(9293, "3.8.6")))
        case EventKind.OTHER_CONTENT:
            return Verdict(f"another content than in frame {int(event['ref'])}", str(Rfc(9293, "3.4")))
        case EventKind.SEQ_BACK:
            return Verdict(f"its sender does not know of {plural(-value, 'byte')} sent in its name", None)
        case _:
            return None


def fact(event: np.void) -> str | None:
    """What the event says beyond a verdict or a state; None for those."""
    value, ref = int(event["value"]), int(event["ref"])
    of = f" of frame {ref}" if ref else ""
    match EventKind(int(event["kind"])):
        case EventKind.SYN_REPEATED:
            return f"the SYN of frame {ref} again, {duration(value)} after it"
        case EventKind.RETRANSMISSION:
            place = _PLACES[LossPlace(int(event["detail"]))]
            return f"retransmission, {duration(value)} after the last new data{place}"
        case EventKind.CHALLENGE_ACK:
            return f"challenge ACK, answers frame {ref}"
        case EventKind.KEEPALIVE_PROBE | EventKind.ZERO_WINDOW_PROBE as kind:
            return REPEATED[kind]
        case EventKind.KEEPALIVE_ACK:
            return f"answers the keepalive probe{of}"
        case EventKind.ZERO_WINDOW_PROBE_ACK:
            return f"answers the probe{of}: the window is still closed"
        case EventKind.WINDOW_CLOSED:
            return "closes its window"
        case EventKind.WINDOW_OPENED:
            return f"opens its window, closed for {duration(value)}"
        case EventKind.ACK_UNSEEN:
            return f"acknowledges {plural(value, 'byte')} that the capture lacks"
        case EventKind.ICMP_ERROR:
            return f"ICMP error, type {int(event['detail'])} code {value}, about this connection"
        case EventKind.BEAT:
            return f"heartbeat, {duration(value)} after the one before"
        case EventKind.ALIVE_AFTER_RST:
            return f"goes on after the RST{of}"
        case EventKind.REFUSED:
            return f"refuses the SYN{of}"
        case EventKind.BAD_ACK_RST:
            return f"answers the wrong ACK{of} with a RST"
        case EventKind.STALE_ECHO:
            return f"its TSecr is {value} ticks older than the SYN"
        case _:
            return None


def _off(value: int) -> str:
    return f"{abs(value)} {'above' if value > 0 else 'below'} RCV.NXT"
