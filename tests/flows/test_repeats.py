"""What is sent again: where it was lost, whether it was late only, and whether it says the same."""

import numpy as np
import pytest

from flows.tracked import HANDSHAKE, events, tracked
from tcpdiag.flows.tracker import Tracker
from tcpdiag.model.event import EventKind, LossPlace
from tcpdiag.model.script import parse_script
from tcpdiag.model.segment import Checksum, Origin

TIMED = """
+0.000 > S 0:0(0) win 64240 <mss 1460,sackOK,wscale 7,TS val 100 ecr 0>
+0.010 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7,TS val 900 ecr 100>
+0.010 > . 1:1(0) ack 1 win 502 <TS val 120 ecr 900>
"""
FIRST = "+0.01 > P. 1:101(100) ack 1 win 502\n"
AGAIN = "+0.30 > P. 1:101(100) ack 1 win 502\n"
ACK = "+0.01 < . 1:1(0) ack 101 win 509\n"
AHEAD = "+0.01 > P. 101:201(100) ack 1 win 502\n"
FAR_AHEAD = "".join(f"+0.01 > . {1 + 200 * n}:{101 + 200 * n}(100) ack 1 win 502\n" for n in range(1, 7))


def dsack(left: int, right: int, *second: int) -> str:
    edges = (left, right, *second)
    blocks = " ".join(f"{edges[n]}:{edges[n + 1]}" for n in range(0, len(edges), 2))
    return f"+0.01 < . 1:1(0) ack 101 win 509 <sack {blocks}>\n"


@pytest.mark.parametrize(
    ("script", "place"),
    [
        (AHEAD + AGAIN, LossPlace.BEFORE),
        (FIRST + AGAIN, LossPlace.AFTER),
        (FIRST + ACK + AGAIN, LossPlace.NOWHERE),
        (AHEAD + "+0.01 < . 1:1(0) ack 201 win 509\n" + AGAIN, LossPlace.NOWHERE),
        (FIRST + AGAIN + dsack(1, 101), LossPlace.NOWHERE),
        (FIRST + AHEAD + AGAIN + dsack(201, 301), LossPlace.AFTER),
        (FIRST + "+0.01 < . 1:1(0) ack 1 win 0\n" + AGAIN, LossPlace.UNKNOWN),
        (FAR_AHEAD + AGAIN, LossPlace.UNKNOWN),
    ],
    ids=[
        "it fills a hole",
        "the tap saw it",
        "it was acknowledged",
        "not captured, but acknowledged",
        "a DSACK says that it came twice",
        "a SACK of something else",
        "no room for it",
        "a hole among too many ranges",
    ],
)
def test_loss_place(script: str, place: LossPlace) -> None:
    tables = tracked(HANDSHAKE + script)
    (event,) = events(tables, EventKind.RETRANSMISSION)
    assert LossPlace(int(event["detail"])) is place
    counted = tables.detail(0, 0)[["lost_before", "lost_after", "needless"]].item()
    assert counted == tuple(int(place is one) for one in (LossPlace.BEFORE, LossPlace.AFTER, LossPlace.NOWHERE))


def test_what_was_sent_before_the_capture_has_no_place() -> None:
    tables = tracked(
        "+0 > P. 5001:5101(100) ack 1 win 502\n+0.01 < . 1:1(0) ack 4001 win 509\n+0.3 > . 4001:4101(100) ack 1"
    )
    (event,) = events(tables, EventKind.RETRANSMISSION)
    assert event["detail"] == LossPlace.UNKNOWN


def test_a_receiver_that_was_not_captured_may_have_acknowledged() -> None:
    (event,) = events(tracked("+0 > S 0:0(0) win 1\n" + FIRST + AGAIN), EventKind.RETRANSMISSION)
    assert event["detail"] == LossPlace.UNKNOWN


@pytest.mark.parametrize(
    ("segment", "kind"),
    [
        ("+9 > . 100:100(0) ack 1 win 502\n", EventKind.KEEPALIVE_PROBE),
        ("+9 > . 100:101(1) ack 1 win 502\n", EventKind.KEEPALIVE_PROBE),
        ("+9 < . 1:1(0) ack 101 win 0\n+1 > . 100:101(1) ack 1 win 502\n", EventKind.ZERO_WINDOW_PROBE),
    ],
)
def test_a_probe_is_no_loss(segment: str, kind: EventKind) -> None:
    tables = tracked(HANDSHAKE + FIRST + ACK + segment)
    assert len(events(tables, kind)) == 1
    assert tables.detail(0, 0)["retransmissions"] == 0


@pytest.mark.parametrize(
    ("blocks", "count"),
    [((1, 101), 1), ((51, 101), 1), ((301, 401, 201, 501), 1), ((201, 301), 0), ((201, 301, 401, 501), 0)],
    ids=["below the ACK", "a part", "inside the second block", "above the ACK", "two blocks apart"],
)
def test_dsacks(blocks: tuple[int, ...], count: int) -> None:
    tables = tracked(HANDSHAKE + FIRST + ACK + dsack(*blocks))
    assert tables.detail(0, 1)["dsacks"] == count


@pytest.mark.parametrize(
    ("gap", "tsval", "late"),
    [
        ("0.001", 130, True),
        ("0.015", 130, True),
        ("0.1", 130, False),
        ("0.1", 129, True),
        ("0.001", 131, True),
        ("0.001", 132, False),
    ],
    ids=["at once", "within a round trip", "later", "later, but older", "at once, a tick later", "at once, but newer"],
)
def test_what_fills_a_hole_was_overtaken_or_sent_again(gap: str, tsval: int, late: bool) -> None:
    script = (
        "+0.01 > . 101:201(100) ack 1 win 502 <TS val 130 ecr 900>\n"
        f"+{gap} > . 1:101(100) ack 1 win 502 <TS val {tsval} ecr 900>\n"
    )
    d = tracked(TIMED + script).detail(0, 0)
    assert (d["out_of_order"], d["retransmissions"]) == ((1, 0) if late else (0, 1))


def sent(seq: int, length: int, gap: float = 0.01) -> str:
    return f"+{gap} > . {seq}:{seq + length}({length}) ack 1 win 502\n"


def acked(number: int) -> str:
    return f"+0.01 < . 1:1(0) ack {number} win 509\n"


@pytest.mark.parametrize(
    ("script", "largest"),
    [
        (sent(1, 1000) + acked(1001), 1000),
        (sent(1, 1000) + acked(501), 0),
        (sent(1, 100) + sent(101, 1000, 0) + acked(1101), 1000),
        (sent(1, 100) + sent(101, 1000, 0) + acked(101), 100),
        (sent(1, 1000) + sent(1, 500, 0.3) + sent(501, 500) + acked(1001), 0),
        (sent(1, 100) + sent(1, 1000, 0.3) + acked(1001), 1000),
    ],
    ids=[
        "all of it",
        "half of it",
        "the larger one too",
        "the smaller one",
        "sent again in two",
        "sent again with more",
    ],
)
def test_largest_segment_that_was_surely_acknowledged(script: str, largest: int) -> None:
    assert tracked(HANDSHAKE + script).detail(0, 0)["largest_acked"] == largest


def text(gap: float, seq: int, length: int, content: int, *, ttl: int = 64) -> str:
    return f"+{gap} > P. {seq}:{seq + length}({length}) ack 1 win 502 [ttl {ttl},text {content}]\n"


@pytest.mark.parametrize(
    ("script", "refs"),
    [
        (text(0.1, 1, 100, 7) + text(0.3, 1, 100, 8, ttl=50), [(4, 64)]),
        (text(0.1, 1, 100, 7, ttl=50) + text(0.3, 1, 100, 8) + text(0.5, 1, 100, 8), [(4, 50)]),
        (text(0.1, 1, 100, 7) + text(0.3, 1, 100, 8) + text(0.5, 1, 100, 9), [(4, 64), (4, 64)]),
        (text(0.1, 1, 100, 7) + text(0.3, 1, 100, 7), []),
        (text(0.1, 1, 100, 0) + text(0.3, 1, 100, 0xFFFF), []),
        (text(0.1, 1, 100, 7) + text(0.3, 1, 50, 8), []),
        (text(0.1, 1, 1, 7) + text(0.3, 1, 1, 8), []),
        ("".join(text(0.1, 1 + 100 * n, 100, n) for n in range(4)) + text(0.3, 1, 100, 9), [(4, 64)]),
        ("".join(text(0.1, 1 + 100 * n, 100, n) for n in range(5)) + text(0.3, 1, 100, 9), []),
        (text(0.1, 101, 100, 7) + text(0.001, 1, 100, 6) + text(0.3, 1, 100, 8), [(5, 64)]),
    ],
    ids=[
        "another content",
        "each is told once",
        "a third one",
        "the same again",
        "both zeros of one's complement",
        "another length",
        "one byte may be a probe's",
        "of the last four",
        "long forgotten",
        "one that came late",
    ],
)
def test_other_content(script: str, refs: list[tuple[int, int]]) -> None:
    tables = tracked(HANDSHAKE + script)
    found = events(tables, EventKind.OTHER_CONTENT)
    assert [(int(event["ref"]), int(event["value"])) for event in found] == refs
    assert tables.detail(0, 0)["conflicts"] == len(refs)


@pytest.mark.parametrize(
    ("column", "value"), [("origin", Origin.TRUNCATED), ("checksum", Checksum.BAD)], ids=["cut", "corrupted"]
)
@pytest.mark.parametrize("which", [-1, -2])
def test_what_was_not_captured_whole_says_nothing_of_its_content(column: str, value: int, which: int) -> None:
    padding = "".join(text(0.1, 1 + 10 * n, 10, n) for n in range(8))
    segments = parse_script(HANDSHAKE + padding + text(0.1, 81, 100, 7) + text(0.3, 81, 100, 8)).segments
    segments[column][np.flatnonzero(segments["payload_len"] == 100)[which]] = value
    tracker = Tracker()
    tracker.feed(segments)
    assert not len(events(tracker.finish(), EventKind.OTHER_CONTENT))
