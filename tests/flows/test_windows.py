"""Windows that are taken back, or offered in silly amounts."""

import pytest

from flows.tracked import HANDSHAKE, events, tracked
from tcpdiag.flows.tracker import Tracker
from tcpdiag.model.event import EventKind
from tcpdiag.model.flow import EndpointBit
from tcpdiag.model.script import parse_script
from tcpdiag.model.segment import Option

TIMED = """
+0.000 > S 0:0(0) win 64240 <mss 1460,wscale 7,TS val 100 ecr 0>
+0.010 < S. 0:0(0) ack 1 win 65160 <mss 1460,wscale 7,TS val 900 ecr 100>
+0.010 > . 1:1(0) ack 1 win 502 <TS val 120 ecr 900>
"""
UNSCALED = """
+0.000 > S 0:0(0) win 8192 <mss 1000>
+0.010 < S. 0:0(0) ack 1 win 8192 <mss 1000>
+0.010 > . 1:1(0) ack 1 win 8192
"""
MIDSTREAM = "+0 > . 1:1(0) ack 1 win 502\n"
TEXT = "+0.01 > . 1:1001(1000) ack 1 win 502\n"
OFFER = "+0.01 < . 1:1(0) ack 1001 win 400\n"


def ack(number: int, window: int, gap: float = 0.01, tsval: int | None = None) -> str:
    options = "" if tsval is None else f" <TS val {tsval} ecr 120>"
    return f"+{gap} < . 1:1(0) ack {number} win {window}{options}\n"


@pytest.mark.parametrize(
    ("script", "shrunk"),
    [
        (HANDSHAKE + TEXT + ack(1, 400) + ack(1001, 300), [(5, (100 << 7) - 1000)]),
        (HANDSHAKE + TEXT + ack(1, 400) + ack(1001, 300) + ack(1001, 292), [(5, (100 << 7) - 1000)]),
        (HANDSHAKE + TEXT + ack(1, 400) + ack(1001, 0), [(5, (400 << 7) - 1000)]),
        (HANDSHAKE + TEXT + ack(1, 400) + ack(1001, 393), []),
        (HANDSHAKE + TEXT + ack(1, 400) + ack(1001, 392), []),
        (HANDSHAKE + TEXT + ack(1, 400) + ack(1001, 391), [(5, 152)]),
        (UNSCALED + TEXT + ack(1, 8000) + ack(1001, 6999), [(5, 1)]),
        (UNSCALED + TEXT + ack(1, 8000) + ack(1001, 7000), []),
        (HANDSHAKE + TEXT + ack(1001, 400) + ack(1001, 300), []),
        (HANDSHAKE + TEXT + ack(1001, 400) + ack(1001, 300, gap=0.3), [(5, 100 << 7)]),
        (HANDSHAKE + TEXT + ack(1001, 400) + ack(1, 300, gap=0.3), []),
        (TIMED + TEXT + ack(1001, 400, tsval=950) + ack(1001, 300, tsval=951), [(5, 100 << 7)]),
        (TIMED + TEXT + ack(1001, 400, tsval=950) + ack(1001, 300, gap=0.3, tsval=949), []),
        (TIMED + TEXT + ack(1, 509) + ack(1001, 300, tsval=951), []),
        (MIDSTREAM + TEXT + ack(1, 400) + ack(1001, 300), []),
        (HANDSHAKE + TEXT + ack(1, 400) + "+0.01 > F. 1001:1001(0) ack 1 win 502\n" + ack(1002, 300), []),
    ],
    ids=[
        "taken back",
        "once is told once",
        "closed though more was offered",
        "it grew by less than one unit",
        "back by less than one unit",
        "back by a bit more than one unit",
        "without a scale one byte counts",
        "used up, not taken back",
        "an update that may have been overtaken",
        "long after the last segment",
        "an old ACK",
        "the same ACK, but newer",
        "the same ACK, and older",
        "what was offered without the timestamps agreed on",
        "scale unknown",
        "nothing more to receive",
    ],
)
def test_window_shrunk(script: str, shrunk: list[tuple[int, int]]) -> None:
    tables = tracked(script)
    found = events(tables, EventKind.WINDOW_SHRUNK)
    assert [(int(event["ref"]), int(event["value"])) for event in found] == shrunk
    assert tables.detail(0, 1)["shrunk"] == len(shrunk)


@pytest.mark.parametrize(
    ("offers", "small"),
    [
        ([(1001, 1000), (2001, 999)], 1),
        ([(1001, 1000), (2001, 1000)], 0),
        ([(1001, 8000), (2001, 7000), (9001, 100), (9001, 600)], 2),
        ([(1001, 8000), (8501, 500)], 0),
        ([(1001, 0), (1001, 100)], 1),
        ([(1001, 0), (1001, 100), (1101, 100), (1201, 100)], 3),
    ],
    ids=[
        "less than a segment",
        "a whole one",
        "opened by less than a segment",
        "what is left of an old offer",
        "opened by a little",
        "again and again",
    ],
)
def test_small_windows(offers: list[tuple[int, int]], small: int) -> None:
    script = UNSCALED + ack(1, 8192)
    sent = 1
    for number, window in offers:
        while sent < number:
            step = min(1000, number - sent)
            script += f"+0.01 > . {sent}:{sent + step}({step}) ack 1 win 8192\n"
            sent += step
        script += ack(number, window)
    assert tracked(script).detail(0, 1)["small_windows"] == small


def test_a_window_less_than_a_segment_is_not_silly_for_one_who_sends_small_messages() -> None:
    script = UNSCALED + "+0.01 > P. 1:51(50) ack 1 win 8192\n" + ack(51, 8000) + ack(51, 0, gap=1) + ack(51, 60, gap=1)
    assert tracked(script).detail(0, 1)["small_windows"] == 0


def test_the_largest_window_is_scaled_and_not_that_of_the_syn() -> None:
    assert tracked(HANDSHAKE + TEXT + OFFER + ack(1001, 300, gap=1)).detail(0, 1)["max_window"] == 400 << 7


@pytest.mark.parametrize("frame", [1, 2], ids=["SYN", "SYN-ACK"])
def test_the_scale_is_unknown_where_the_capture_cuts_the_options_off(frame: int) -> None:
    parsed = parse_script(HANDSHAKE + "+0.01 < P. 1:1001(1000) ack 1 win 509\n")
    cut = parsed.segments["frame"] == frame
    parsed.segments["options"][cut] = int(Option.UNPARSABLE)
    tracker = Tracker()
    tracker.feed(parsed.segments)
    tables = tracker.finish([parsed.file])
    assert not len(events(tables, EventKind.UNACCEPTABLE))
    assert not (tables.endpoints["bits"] & int(EndpointBit.SCALE_KNOWN)).any()
