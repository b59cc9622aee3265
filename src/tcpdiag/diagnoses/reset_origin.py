"""Who sent a RST: what its header, its number and its moment say for and against each possible sender."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from ..model.event import EventKind, RstClass
from ..model.finding import Cause, Sentence
from ..model.segment import Flag
from ..seqnum import diff
from ..sets import distinct
from ..units import duration, number, plural
from .resets import answered, rcv_nxt
from .sentences import said
from .view import View

IDS_STEP: Final = 16
"""A host's IP ID may run ahead of this connection's packets by so many: of other connections, or lost ones."""

ONE_TRIP: Final = 0.7
"""An answer cannot come much sooner than the fastest one before it did."""

LATE: Final = 4
"""Nor so many times later than the slowest: a RST is not delayed as ACKs are."""


class Point(NamedTuple):
    """One piece of evidence: positive speaks for, negative against; the size says how much."""

    weight: int
    text: str


class Header(NamedTuple):
    """A RST's header beside the other packets of its alleged sender."""

    ttl: int
    ttl_differs: bool
    ttl_others: str
    ip_id: int
    id_fits: bool | None  # None: it cannot be told
    id_told: str  # what is remarkable about it, or nothing
    frames: tuple[int, ...]  # with what it is compared
    bare: bool  # without ACK, window and options: for a connection that its sender does not know

    @property
    def differs(self) -> bool:
        """It does not look like that host's packets."""
        return self.ttl_differs or self.id_fits is False

    def points(self, role: str) -> Iterator[Point]:
        """For the host itself."""
        if self.ttl_differs:
            yield Point(-3, f"its TTL is {self.ttl}; other packets of the {role} have {self.ttl_others}")
        else:
            yield Point(1, f"its TTL is {self.ttl}, as in other packets of the {role}")
        if self.id_told:
            yield Point(0 if self.id_fits is None else 2 if self.id_fits else -3, self.id_told)

    def told(self, role: str, count: int = 1) -> str:
        """A sentence about it, or about the first of several."""
        it, its, does = ("It", "Its header", "does") if count == 1 else ("They", "Their headers", "do")
        if self.differs:
            parts = [f"TTL {self.ttl}, not {self.ttl_others}"] * self.ttl_differs
            parts += [self.id_told] * (self.id_fits is False)
            return f"{it} came another way than the {role}'s other packets: {'; '.join(parts)}."
        usual = " (as Linux sends RSTs; its others count up)" if self.id_told and not self.ip_id else ""
        fields = [f"TTL {self.ttl} as in its other packets", f"IP ID {self.ip_id}{usual}"]
        fields += ["no ACK, no window, no options"] if self.bare else []
        return f"{its} {does} not tell {it.replace('They', 'them').lower()} from the {role}'s own: {', '.join(fields)}."


class Origin(NamedTuple):
    """Who may have sent a RST. The likeliest cause first."""

    header: Header
    causes: tuple[Cause, ...]
    sentence: Sentence
    data: dict[str, Any]
    frames: tuple[int, ...]


def header(view: View, flow: int, side: int, events: np.ndarray, reset: np.void) -> Header:
    """Compares a RST with the other packets of `side`, which it claims to come from."""
    end = view.tables.endpoint(flow, side)
    low, high, ttl = int(end["ttl_min"]), int(end["ttl_max"]), int(reset["ttl"])
    fits, told, frames = _ip_id(view, flow, side, events, reset)
    return Header(
        ttl=ttl,
        ttl_differs=int(end["packets"]) > int(end["resets"]) and not low <= ttl <= high,
        ttl_others=f"{low}" if low == high else f"{low} to {high}",
        ip_id=int(reset["ip_id"]),
        id_fits=fits,
        id_told=told,
        frames=frames,
        bare=not int(reset["flags"]) & Flag.ACK and not int(reset["window"]) and not int(reset["options"]),
    )


def _ip_id(
    view: View, flow: int, side: int, events: np.ndarray, reset: np.void
) -> tuple[bool | None, str, tuple[int, ...]]:
    """Whether its IP ID belongs to that host's, where those count up; what to say; the frame it is compared with."""
    end, role, value = view.tables.endpoint(flow, side), view.role(flow, side), int(reset["ip_id"])
    rows = events[(events["sender"] == side) & (events["frame"] > 0) & ((events["flags"] & Flag.RST) == 0)]
    rows = rows[(rows["flags"] & Flag.SYN) == 0]  # Linux sends SYN-ACKs with 0, before it has a counter
    if len(rows) < 2 or len(distinct(rows["frame"])) < 2:
        return None, "", ()
    ids = rows["ip_id"].astype(np.int64)
    if not np.any(ids):
        if not value:
            return None, "", ()
        return False, f"its IP ID is {value}; other packets of the {role} have 0", ()
    reach = int(end["packets"]) + IDS_STEP
    steps = np.diff(ids) % 65536
    before = rows[rows["frame"] < reset["frame"]]
    if np.any(steps > reach) or not len(before):
        return None, "", ()
    frame, last = int(before["frame"][-1]), int(before["ip_id"][-1])
    if 0 < (value - last) % 65536 <= reach:
        return True, f"its IP ID {value} goes on from the {role}'s {last} [{frame}]", (frame,)
    if not value:
        return None, f"its IP ID is 0, as Linux sends a RST without a socket; the {role}'s others count", ()
    return False, f"its IP ID is {value}, but the {role}'s packets count up and were at {last} [{frame}]", (frame,)


def under_way(view: View, flow: int, events: np.ndarray, reset: np.void) -> int | None:
    """Of a RST at its sender's FIN: bytes that were under way to it with the older ACK number. None: not to be seen.

    Only a segment with that number can make a host without a socket answer with it: RFC 9293 section 3.10.7.1.
    """
    side = 1 - int(reset["side"])
    fin_frame = int(view.tables.endpoint(flow, side)["fin_frame"])
    fin = events[(events["frame"] == fin_frame) & (events["sender"] == side)]
    first = events[(events["frame"] == reset["ref"]) & (events["sender"] == reset["side"])]
    if not len(fin) or not len(first) or np.any(first["kind"] == EventKind.RETRANSMISSION):
        return None
    ahead: int = diff(int(first["seq"][0]), int(fin["ack"][0]))
    return max(0, ahead)


def origin(view: View, flow: int, events: np.ndarray, reset: np.void, goes_on_frame: int) -> Origin:
    """Weighs who sent this RST. `goes_on_frame`: the first segment that its alleged sender sent afterwards, or 0."""
    side = 1 - int(reset["side"])
    role = view.role(flow, side)
    looks = header(view, flow, side, events, reset)
    answer = answered(events, reset)
    waiting = under_way(view, flow, events, reset) if int(reset["detail"]) == RstClass.FIN_MINUS_ONE else None
    host = [*looks.points(role), *_as_an_answer(view, reset, looks, answer, waiting)]
    box = [Point(-point.weight, point.text) for point in looks.points(role)]
    box += _as_a_device(view, reset, events, waiting)
    forged = _as_a_guess(reset, looks, role)
    if goes_on_frame:
        on = f"the {role} goes on [{goes_on_frame}]: it has not reset anything"
        host.append(Point(-5, on))
        box.append(Point(1, on))
        forged.append(Point(1, on))
    ranked = sorted(
        (
            (host, f"the {role} itself: its socket was gone, and a RST copies the ACK number of what it answers"),
            (box, "a device on the path sent it, or changed its number: firewall, load balancer, NAT"),
            (forged, "somebody who does not see the connection guessed the number"),
        ),
        key=lambda each: -sum(point.weight for point in each[0]),
    )
    frames = (*looks.frames, *((int(answer["ref"]),) if answer is not None else ()))
    return Origin(
        header=looks,
        causes=tuple(_cause(text, points) for points, text in ranked),
        sentence=_sentence(view, looks, role, host, answer, waiting, reset),
        data={
            "ttl": looks.ttl,
            "ttl_others": int(view.tables.endpoint(flow, side)["ttl"]),
            "ttl_differs": looks.ttl_differs,
            "ip_id": looks.ip_id,
            "ip_id_fits": looks.id_fits,
            "bare": looks.bare,
            "reactive_to": None if answer is None else int(answer["ref"]),
            "bytes_under_way": waiting,
            "likeliest": "host" if ranked[0][0] is host else "device" if ranked[0][0] is box else "guess",
        },
        frames=frames,
    )


def _cause(text: str, points: Iterable[Point]) -> Cause:
    support = tuple(point.text for point in points if point.weight > 0)
    return Cause(text, support, tuple(point.text for point in points if point.weight < 0))


def _as_an_answer(
    view: View, reset: np.void, looks: Header, answer: np.void | None, waiting: int | None
) -> Iterator[Point]:
    """The host itself, answering what was under way."""
    side = 1 - int(reset["side"])
    role, other = view.role(int(reset["flow"]), side), view.role(int(reset["flow"]), 1 - side)
    if int(reset["value"]) > 0:
        yield Point(-3, "a RST that copies an ACK cannot be above RCV.NXT")
    if answer is not None:
        yield timed(view, role, other, answer)
    elif int(reset["value"]) < 0 and waiting is None and _never_acknowledged(view, reset):
        yield Point(-3, f"the {other} never sent that ACK number: all that it had to acknowledge came in one segment")
    if waiting:
        yield Point(3, f"{plural(waiting, 'byte')} with the older ACK number were under way when it sent its FIN")
    elif waiting == 0:
        yield Point(-3, f"nothing with that ACK number was under way: its FIN acknowledged all that the {other} sent")
    if looks.bare:
        yield Point(1, "it has no ACK, no window and no options, as hosts answer for a connection unknown to them")


def _as_a_device(view: View, reset: np.void, events: np.ndarray, waiting: int | None) -> Iterator[Point]:
    """Something between, which has seen the numbers."""
    flow, side = int(reset["flow"]), 1 - int(reset["side"])
    if waiting == 0:
        yield Point(2, f"the number is that of the {view.role(flow, side)}'s FIN, which a device between has seen")
    elif abs(int(reset["value"])) == 1:
        yield Point(1, "it is only one off: who made it has seen the connection")
    first = events[(events["frame"] == reset["ref"]) & (events["sender"] == reset["side"])]
    if len(first) and int(reset["value"]):
        since = int(reset["ts_ns"] - first["ts_ns"][0])
        detail = view.detail(flow, side)
        fastest = 0 if detail is None else int(detail["rtt_min_ns"])
        if fastest and ONE_TRIP * fastest <= since <= 2 * fastest:
            shown = view.relative(flow, side, rcv_nxt(reset))
            yield Point(1, f"it came one round trip after [{reset['ref']}], whose answer would have the number {shown}")


def _as_a_guess(reset: np.void, looks: Header, role: str) -> list[Point]:
    """Blind."""
    where, off = RstClass(int(reset["detail"])), abs(int(reset["value"]))
    points = [Point(1, f"its TTL is {looks.ttl}; the {role}'s is {looks.ttl_others}")] if looks.ttl_differs else []
    if off == 1 or where in {RstClass.LAST_ACK, RstClass.SACK_EDGE, RstClass.EXACT}:
        points.append(Point(-3, "a guess would hardly come so near"))
    elif where is RstClass.IN_WINDOW:
        points.append(Point(2, f"it is {number(off)} off and in the window, where a guess is meant to fall"))
    else:
        points.append(Point(1, f"it is {number(off)} off"))
    return points


def timed(view: View, role: str, other: str, answer: np.void) -> Point:
    """Whether the moment fits an answer: as long after the segment as the others are, all seen at the tap."""
    since, ref = int(answer["value"]), int(answer["ref"])
    detail = view.detail(int(answer["flow"]), int(answer["side"]))
    known = detail is not None and int(detail["rtt_count"]) > 0
    if detail is not None and known and since < ONE_TRIP * int(detail["rtt_min_ns"]):
        return Point(-2, f"it came {duration(since)} after [{ref}], sooner than any answer of the {role}")
    if detail is not None and known and since > LATE * int(detail["rtt_max_ns"]):
        slowest = duration(int(detail["rtt_max_ns"]))
        return Point(-2, f"it came {duration(since)} after [{ref}]; the {role} answers within {slowest}")
    return Point(3, f"it has the ACK number of the {other}'s [{ref}], {duration(since)} after it")


def _never_acknowledged(view: View, reset: np.void) -> bool:
    """The receiver cannot have sent this ACK number: the other side's text came in one segment, and it is inside."""
    flow, side = int(reset["flow"]), 1 - int(reset["side"])
    detail, isn = view.detail(flow, side), view.isn(flow, side)
    if detail is None or isn is None or not int(detail["text_frame"]):
        return False
    return int(detail["text_frame"]) == int(detail["last_new_frame"]) and diff(int(reset["seq"]), isn) > 1


def _sentence(
    view: View,
    looks: Header,
    role: str,
    host: list[Point],
    answer: np.void | None,
    waiting: int | None,
    reset: np.void,
) -> Sentence:
    """What is most telling about its sender."""
    flow, other = int(reset["flow"]), view.role(int(reset["flow"]), int(reset["side"]))
    fin = int(view.tables.endpoint(flow, 1 - int(reset["side"]))["fin_frame"])
    text, frames = looks.told(role), list(looks.frames) if looks.id_fits is False else []
    if waiting == 0:
        expected = view.relative(flow, 1 - int(reset["side"]), rcv_nxt(reset))
        start = "The" if looks.differs else "But the"
        text += (
            f" {start} {role}'s host had no reason for that number: its FIN [{fin}] acknowledged all that the {other} "
            f"had sent, and what came later had ACK {expected}, which a RST copies."
        )
        frames.append(fin)
    elif waiting:
        text += f" A host sends that number in answer to data that was under way to it when it sent its FIN [{fin}]."
        frames.append(fin)
    elif answer is not None and sum(point.weight for point in host) > 0:
        text += f" It answers the {other}'s [{answer['ref']}], or one shortly before, for want of that connection."
        frames.append(int(answer["ref"]))
    elif int(reset["value"]) > 0 and not looks.differs:
        text += " But a host that answers for a lost connection copies an ACK number, which cannot be above RCV.NXT."
    return said(text, frames, int(reset["ts_ns"]))
