"""Our verdicts on made connections: one behaviour each."""

from typing import NamedTuple

import numpy as np
import pytest

from tcpdiag.model.event import LossPlace
from tcpdiag.model.flow import ENDPOINT, FLOW, EndpointBit
from tcpdiag.model.segment import SEGMENT, Flag, Option
from tcpdiag.model.tables import Tables
from tcpdiag.model.verdict import Fact, RetransmissionKind, VerdictBit
from tcpdiag.verdicts.collected import prove_needless
from tcpdiag.verdicts.judge import Judge

A, S, F, R = Flag.ACK, Flag.SYN, Flag.FIN, Flag.RST
AGAIN, QUICKLY = Fact.RETRANSMISSION, Fact.RETRANSMISSION | Fact.FAST_RETRANSMISSION
NEEDLESS = Fact.RETRANSMISSION | Fact.SPURIOUS_RETRANSMISSION
CLIENT, SERVER = 0, 1
MS = 1_000_000


class Segment(NamedTuple):
    """One of a made connection, the client's numbers from 1 on, the server's, too; `ms` after the one before."""

    side: int
    ms: float
    seq: int
    size: int
    ack: int
    flags: Flag = A
    window: int = 1000
    sack: tuple[tuple[int, int], ...] = ()
    tsval: int = 0
    ip_id: int = 0


OPENED = (
    Segment(CLIENT, 0, 0, 0, 0, S),
    Segment(SERVER, 10, 0, 0, 1, S | A),
    Segment(CLIENT, 10, 1, 0, 1),
)


def judged(*segments: Segment, opened: bool = True) -> np.ndarray:
    """Verdicts on the segments, which follow a handshake in frames 1 to 3, with 10 ms on each side of the tap."""
    told = (*OPENED, *segments) if opened else segments
    rows, sides, now = np.zeros(len(told), SEGMENT), np.zeros(len(told), np.uint8), 10**9
    for number, (row, each) in enumerate(zip(rows, told, strict=True)):
        now += round(each.ms * MS)
        row["ts_ns"], row["frame"], sides[number] = now, number + 1, each.side
        row["seq"], row["payload_len"], row["ack"], row["flags"] = each.seq, each.size, each.ack, each.flags
        row["window"], row["ip_id"], row["tsval"], row["n_sack"] = each.window, each.ip_id, each.tsval, len(each.sack)
        row["sack"][: 2 * len(each.sack)] = [edge for block in each.sack for edge in block]
        row["options"] = (Option.TIMESTAMPS if each.tsval else 0) | (Option.SACK if each.sack else 0)
    endpoints = np.zeros(2, ENDPOINT)
    endpoints["bits"], endpoints["wscale"] = EndpointBit.SCALE_KNOWN, 255
    judge = Judge(Tables(files=(), flows=np.zeros(1, FLOW), endpoints=endpoints), np.array([0]))
    streams = np.zeros(len(rows), np.int64)
    found = judge.judge(rows, streams, sides)
    prove_needless(rows["frame"], streams, found)
    return found[len(OPENED) * opened :]


def text(ms: float, seq: int, size: int = 100, **more: int) -> Segment:
    return Segment(CLIENT, ms, seq, size, 1, **more)


def ack(ms: float, number: int, *sack: tuple[int, int], window: int = 1000) -> Segment:
    return Segment(SERVER, ms, 1, 0, number, window=window, sack=sack)


FLIGHT = (text(5, 1), text(0, 101), text(0, 201), text(0, 301))
WITHOUT_SECOND = (FLIGHT[0], *FLIGHT[2:])

# The last segment of each: facts, kind, place of the loss.
AGAINS = {
    "no answer for long": ((*FLIGHT, text(300, 1)), AGAIN, "TIMEOUT", "AFTER"),
    "the second one of a time-out": ((*FLIGHT, text(300, 1), ack(20, 101), text(20, 101)), AGAIN, "TIMEOUT", "AFTER"),
    "the last one, soon": ((*FLIGHT, text(50, 301)), AGAIN, "TAIL_LOSS_PROBE", "AFTER"),
    "the last one, and one before it is not acknowledged": (
        (*FLIGHT, ack(10, 201), text(250, 301)),
        AGAIN,
        "TAIL_LOSS_PROBE",
        "AFTER",
    ),
    "three duplicate ACKs": (
        (*WITHOUT_SECOND, text(0, 401), ack(20, 101), ack(1, 101), ack(1, 101), ack(1, 101), text(20, 101)),
        QUICKLY,
        "FAST",
        "BEFORE",
    ),
    "SACK of what is above": (
        (*WITHOUT_SECOND, ack(20, 101), ack(1, 101, (201, 401)), text(20, 101)),
        QUICKLY,
        "SACK",
        "BEFORE",
    ),
    "SACK, and then nothing for long": (
        (*WITHOUT_SECOND, ack(20, 101), ack(1, 101, (201, 401)), text(300, 101)),
        AGAIN,
        "TIMEOUT",
        "BEFORE",
    ),
    "lost behind the tap": (
        (*FLIGHT, ack(20, 101), ack(1, 101, (201, 401)), text(20, 101)),
        QUICKLY,
        "SACK",
        "AFTER",
    ),
    "what was acknowledged": ((*FLIGHT, ack(20, 401), text(200, 301)), NEEDLESS, "TIMEOUT", "NOWHERE"),
    "one byte that was not acknowledged": ((text(5, 1, 1), text(300, 1, 1)), AGAIN, "TIMEOUT", "AFTER"),
    "a FIN": (
        (Segment(CLIENT, 5, 1, 0, 1, F | A), Segment(CLIENT, 300, 1, 0, 1, F | A)),
        AGAIN,
        "TIMEOUT",
        "AFTER",
    ),
}


@pytest.mark.parametrize(("segments", "facts", "kind", "loss"), AGAINS.values(), ids=AGAINS)
def test_sent_again(segments: tuple[Segment, ...], facts: Fact, kind: str, loss: str) -> None:
    last = judged(*segments)[-1]
    assert Fact(int(last["facts"])) == facts
    assert RetransmissionKind(int(last["retransmission_kind"])).name == kind
    assert LossPlace(int(last["loss"])).name == loss


# The last segment of each is late, and not sent again, or the reverse.
LATE = {
    "within a round trip": ((*WITHOUT_SECOND, text(15, 101)), Fact.OUT_OF_ORDER),
    "after a round trip": ((*WITHOUT_SECOND, text(45, 101)), AGAIN),
    "an older timestamp": ((text(5, 1, tsval=50), text(0, 201, tsval=52), text(45, 101, tsval=51)), Fact.OUT_OF_ORDER),
    "a newer timestamp": ((text(5, 1, tsval=50), text(0, 201, tsval=52), text(1, 101, tsval=55)), AGAIN),
    "an IP ID before that of the newest": (
        (*(text(1, 100 * n + 1, ip_id=7 + n) for n in (0, 1, 2, 3, 5)), text(45, 401, ip_id=11)),
        Fact.OUT_OF_ORDER,
    ),
    "an IP ID after that of the newest": (
        (*(text(1, 100 * n + 1, ip_id=7 + n) for n in (0, 1, 2, 3, 5)), text(45, 401, ip_id=13)),
        AGAIN,
    ),
    "an IP ID after that of the newest, but sooner than the sender can know": (
        (*(text(1, 100 * n + 1, ip_id=7 + n) for n in (0, 1, 2, 3, 5)), text(1, 401, ip_id=13)),
        Fact.OUT_OF_ORDER,
    ),
    "its ACK was captured before it": ((text(5, 1), ack(20, 201), ack(1, 201), text(1, 101)), Fact.OUT_OF_ORDER),
}


@pytest.mark.parametrize(("segments", "facts"), LATE.values(), ids=LATE)
def test_late_or_sent_again(segments: tuple[Segment, ...], facts: Fact) -> None:
    assert Fact(int(judged(*segments)[-1]["facts"])) == facts


PROBES = {
    "a keepalive and its answer": (
        (text(5, 1), ack(20, 101), Segment(CLIENT, 5000, 100, 0, 1), ack(20, 101)),
        [Fact.KEEP_ALIVE, Fact.KEEP_ALIVE_ACK],
    ),
    "a keepalive with a byte of garbage": (
        (text(5, 1), ack(20, 101), Segment(CLIENT, 5000, 100, 1, 1), ack(20, 101)),
        [Fact.KEEP_ALIVE, Fact.KEEP_ALIVE_ACK],
    ),
    "a probe of Linux and its answer": (
        (text(5, 1), ack(20, 101, window=0), Segment(CLIENT, 300, 100, 0, 1), ack(20, 101, window=0)),
        [Fact.ZERO_WINDOW_PROBE, Fact.ZERO_WINDOW_PROBE_ACK | Fact.ZERO_WINDOW],
    ),
    "a probe with the next byte, and the window open": (
        (text(5, 1), ack(20, 101, window=0), Segment(CLIENT, 300, 101, 1, 1), ack(20, 101, window=500)),
        [Fact.ZERO_WINDOW_PROBE, Fact.WINDOW_UPDATE],
    ),
    "a probe whose byte is taken": (
        (text(5, 1), ack(20, 101, window=0), Segment(CLIENT, 300, 101, 1, 1), ack(20, 102, window=500), text(1, 102)),
        [Fact.ZERO_WINDOW_PROBE, Fact(0), Fact(0)],
    ),
    "text after a probe whose byte was not taken": (
        (text(5, 1), ack(20, 101, window=0), Segment(CLIENT, 300, 101, 1, 1), ack(20, 101, window=500), text(1, 101)),
        [Fact.ZERO_WINDOW_PROBE, Fact.WINDOW_UPDATE, Fact(0)],
    ),
    "the window is full": ((text(5, 1, 1000),), [Fact.WINDOW_FULL]),
    "nothing outstanding": ((text(5, 1), ack(20, 101), ack(1, 101)), [Fact(0), Fact(0)]),
    "not captured and acknowledged, twice": (
        (text(5, 1), ack(20, 201), ack(1, 201)),
        [Fact.ACK_LOST_SEGMENT, Fact(0)],
    ),
    "a RST that nobody obeys": ((text(5, 1), Segment(CLIENT, 1, 700, 0, 0, R), text(1, 101)), [Fact(0), Fact(0)]),
}


@pytest.mark.parametrize(("segments", "facts"), PROBES.values(), ids=PROBES)
def test_probes_and_answers(segments: tuple[Segment, ...], facts: list[Fact]) -> None:
    assert [Fact(int(each)) for each in judged(*segments)["facts"][-len(facts) :]] == facts


def test_a_dsack_tells_later_that_nothing_was_lost() -> None:
    found = judged(*FLIGHT, text(50, 301), ack(10, 401), ack(1, 401, (301, 401)))
    again = found[4]
    assert Fact(int(again["facts"])) == NEEDLESS
    assert again["bits"] & VerdictBit.DSACKED
    assert again["loss"] == LossPlace.NOWHERE
    assert found["needless_frame"].tolist() == [0, 0, 0, 0, 0, 0, 8]


def test_numbers_of_a_flight() -> None:
    found = judged(*FLIGHT, ack(20, 101), ack(1, 101, (201, 301)), text(1, 401))
    assert found["bytes_in_flight"].tolist() == [100, 200, 300, 400, 0, 0, 300]
    assert found["acks_frame"].tolist() == [0, 0, 0, 0, 4, 0, 0]
    assert found["ack_rtt_ns"][4] == 20 * MS
    assert found["duplicate_ack_num"].tolist() == [0, 0, 0, 0, 0, 1, 0]
    assert found["duplicate_ack_frame"][5] == 8
    assert set(found["initial_rtt_ns"].tolist()) == {20 * MS}


def test_the_round_trip_of_what_was_sent_twice_is_not_known() -> None:
    found = judged(text(5, 1), text(300, 1), ack(20, 101))
    assert found["acks_frame"][-1] == 4
    assert found["ack_rtt_ns"][-1] == 0
    assert (found["rto_frame"][1], found["rto_ns"][1]) == (4, 300 * MS)


def test_a_copy_says_nothing() -> None:
    found = judged(text(5, 1, ip_id=9), text(1, 1, ip_id=9), ack(20, 101))
    assert Fact(int(found["facts"][1])) == Fact.COPY
    assert found["cause_frame"][1] == 4
    assert found["ack_rtt_ns"][2] == 21 * MS


def test_completeness_grows() -> None:
    found = judged(
        *OPENED, text(1, 1), Segment(CLIENT, 1, 101, 0, 1, F | A), Segment(SERVER, 1, 1, 0, 102, R | A), opened=False
    )
    assert found["completeness"].tolist() == [1, 3, 7, 15, 31, 63]
