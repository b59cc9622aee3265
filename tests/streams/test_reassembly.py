"""Text of one direction out of segments as captures have them: each case one behaviour."""

import pytest

from streams.made import U32, Sent, received
from tcpdiag.model.segment import Checksum, Flag
from tcpdiag.streams import Copy, Gap, Lost
from tcpdiag.streams.keeping import BSD_RULE, LINUX_RULE, UNKNOWN_RULE, WINDOWS_RULE, Keeping

SYN, FIN, RST, ACK, URG = (int(flag) for flag in (Flag.SYN, Flag.FIN, Flag.RST, Flag.ACK, Flag.URG))

COMPLETE = {
    "in order": Sent().data(0, b"abc").data(3, b"def"),
    "swapped": Sent().data(3, b"def").data(0, b"abc"),
    "sent again": Sent().data(0, b"abc").data(0, b"abc").data(3, b"def").data(0, b"abc"),
    "sent again with more": Sent().data(0, b"abc").data(1, b"bcdef"),
    "one inside another": Sent().data(0, b"abcdef").data(2, b"cd"),
    "a range over others": Sent().data(2, b"c").data(4, b"e").data(0, b"abcdef"),
    "between held ranges": Sent().data(4, b"ef").data(1, b"b").data(2, b"cd").data(0, b"a"),
    "numbers wrap": Sent(base=U32 - 2).data(0, b"abc").data(3, b"def"),
    "numbers wrap within held text": Sent(base=U32 - 4).data(3, b"def").data(0, b"abc"),
    "text in the SYN (Fast Open)": Sent().data(-1, b"abc", flags=SYN).data(3, b"def"),
    "text in the SYN, not taken and sent again": Sent().data(-1, b"abc", flags=SYN).ack(0).data(0, b"abcdef"),
    "keepalive with a byte of garbage": Sent().data(0, b"abcdef").ack(6).data(5, b"\0").ack(6),
    "zero-window probe with data": Sent().data(0, b"abc").ack(3, window=0).data(3, b"d").ack(3).data(3, b"def"),
    "FIN with text": Sent().data(0, b"abc").data(3, b"def", flags=FIN | ACK).ack(7),
    "FIN that was not captured": Sent().data(0, b"abcdef").ack(7).ack(7),
    "an ACK of anybody's number": Sent().data(0, b"abcdef").ack(5000).ack(6),
    "text farther ahead than any window": Sent().data(0, b"abc").data(1 << 30 | 100, b"x").data(3, b"def"),
    "text of a RST": Sent().data(0, b"abcdef").data(6, b"go away", flags=RST),
    "an injected FIN": Sent().data(0, b"abc").data(3, b"", flags=FIN | ACK).data(3, b"def"),
}


@pytest.mark.parametrize("sent", COMPLETE.values(), ids=COMPLETE)
def test_all_bytes_are_there_once_and_nothing_else(sent: Sent) -> None:
    got = received(sent)
    assert got.text == b"abcdef"
    assert got.gaps == ()
    assert got.conflicts == []


GAPS = {
    "acknowledged": (Sent().data(0, b"abc").data(5, b"fg").ack(7).ack(7), b"abc..fg", [(3, 2, Lost.NOT_CAPTURED)]),
    "never acknowledged": (Sent().data(0, b"abc").ack(3).data(5, b"fg"), b"abc..fg", [(3, 2, Lost.NEVER_ACKNOWLEDGED)]),
    "nobody to acknowledge": (Sent().data(0, b"abc").data(5, b"fg"), b"abc..fg", [(3, 2, Lost.UNKNOWN)]),
    "acknowledged in part": (
        Sent().data(0, b"a").ack(3).ack(3).data(5, b"f"),
        b"a....f",
        [(1, 2, Lost.NOT_CAPTURED), (3, 2, Lost.NEVER_ACKNOWLEDGED)],
    ),
    "at the end": (Sent().data(0, b"abc").ack(9).ack(9), b"abc......", [(3, 6, Lost.NOT_CAPTURED)]),
    "at the end, before the FIN's number": (
        Sent().data(0, b"abc").data(9, b"", flags=FIN | ACK).ack(10).ack(10),
        b"abc......",
        [(3, 6, Lost.NOT_CAPTURED)],
    ),
    "all of it": (Sent().ack(0).ack(9).ack(9), b".........", [(0, 9, Lost.NOT_CAPTURED)]),
    "cut by the snap length": (
        Sent().data(0, b"ab", payload_len=4).data(4, b"ef", payload_len=3),
        b"ab..ef.",
        [(2, 2, Lost.SNAPPED), (6, 1, Lost.SNAPPED)],
    ),
    "cut, and held": (
        Sent().data(4, b"ef", payload_len=3).data(0, b"ab", payload_len=4),
        b"ab..ef.",
        [(2, 2, Lost.SNAPPED), (6, 1, Lost.SNAPPED)],
    ),
    "held piece cut, a whole copy comes": (
        Sent().data(1, b"b", payload_len=3).data(1, b"bcd").data(0, b"a"),
        b"abcd",
        [],
    ),
    "late text after its gap was told": (
        Sent().data(2, b"c").ack(3).ack(3).ack(3).ack(3).ack(3).data(0, b"ab").data(3, b"d"),
        b"..cd",
        [(0, 2, Lost.NOT_CAPTURED)],
    ),
    "ACK captured before its text": (Sent().data(2, b"c").ack(3).data(0, b"ab"), b"abc", []),
    "an answer tells the gap at once": (
        Sent().data(2, b"c").answer(3, b"yes").data(0, b"ab"),
        b"..c",
        [(0, 2, Lost.NOT_CAPTURED)],
    ),
}


@pytest.mark.parametrize(("sent", "shown", "gaps"), GAPS.values(), ids=GAPS)
def test_what_is_missing_is_told_with_its_reason(sent: Sent, shown: bytes, gaps: list[tuple[int, int, Lost]]) -> None:
    got = received(sent)
    assert got.shown == shown
    assert got.gaps == tuple(Gap(*gap) for gap in gaps)


def test_text_that_comes_later_than_its_gap_was_told_is_counted() -> None:
    got = received(Sent().data(2, b"c").answer(3, b"yes").data(0, b"ab"))
    assert got.left_out == {"later than its gap was told": 2}


MIDSTREAM = {
    "begins with its first segment": (Sent().data(0, b"abc"), b"abc", {}),
    "what was sent before it is left out": (Sent().data(0, b"abc").data(-3, b"xyz"), b"abc", {"before": 3}),
    "a segment from before into it": (Sent().data(0, b"abc").data(-3, b"xyzabcd"), b"abcd", {"before": 3}),
    "an empty segment, then a hole": (Sent().data(0, b"").data(3, b"d").ack(4).ack(4), b"...d", {}),
    "an empty probe of a keepalive, then text": (Sent().data(-1, b"").ack(0).data(0, b"abc"), b"abc", {}),
    "an empty probe, nothing else": (Sent().data(-1, b"").ack(0).data(-1, b"").ack(0), b"", {}),
    "a probe with garbage after the peer's ACK": (Sent().ack(0).data(-1, b"\0").data(0, b"abc"), b"abc", {}),
    "an ACK before the first segment": (Sent().ack(0).data(2, b"cd"), b"cd", {}),
}


@pytest.mark.parametrize(("sent", "shown", "left_out"), MIDSTREAM.values(), ids=MIDSTREAM)
def test_without_a_syn_the_stream_begins_with_what_was_captured_first(
    sent: Sent, shown: bytes, left_out: dict[str, int]
) -> None:
    got = received(sent, midstream=True)
    assert got.shown == shown
    assert {why.split()[1]: size for why, size in got.left_out.items()} == left_out


# held: "abcdef" is under way from 10 on while the hole before it is open; then the second copy
KEPT = {
    "the same range": ((10, b"ABCDEF"), {"linux": "abcdef", "bsd": "abcdef", "windows": "abcdef"}),
    "begins before": ((9, b"XABC"), {"linux": "XABCdef", "bsd": "XABCdef", "windows": "Xabcdef"}),
    "begins within, goes beyond": ((12, b"CDEFX"), {"linux": "abcdefX", "bsd": "abcdefX", "windows": "abcdefX"}),
    "begins with it, goes beyond": ((10, b"ABCDEFX"), {"linux": "ABCDEFX", "bsd": "abcdefX", "windows": "abcdefX"}),
    "over it on both sides": ((9, b"XABCDEFX"), {"linux": "XABCDEFX", "bsd": "XABCDEFX", "windows": "XABCDEFX"}),
    "within": ((12, b"CD"), {"linux": "abcdef", "bsd": "abcdef", "windows": "abcdef"}),
}
RULES = {"linux": LINUX_RULE, "bsd": BSD_RULE, "windows": WINDOWS_RULE}


@pytest.mark.parametrize("stack", RULES)
@pytest.mark.parametrize(("second", "kept"), KEPT.values(), ids=KEPT)
def test_of_two_copies_that_are_held_the_stream_has_what_the_stack_keeps(
    second: tuple[int, bytes], kept: dict[str, str], stack: str
) -> None:
    before = b"0123456789"[: second[0]]
    got = received(Sent().data(10, b"abcdef").data(*second).data(0, before), keeping=RULES[stack])
    assert got.text == before + kept[stack].encode()
    (conflict, *_) = got.conflicts
    upper = any(letter in kept[stack] for letter in "ABCDEF")
    assert conflict.kept is (Copy.SECOND if upper else Copy.FIRST)
    assert (conflict.first_frame, conflict.second_frame) == (1, 2)


def test_where_no_standard_decides_it_says_so() -> None:
    got = received(Sent().data(3, b"def").data(3, b"DEF").data(0, b"abc"), keeping=UNKNOWN_RULE)
    assert got.text == b"abcdef"
    assert [(c.offset, c.length, c.kept) for c in got.conflicts] == [(3, 3, Copy.UNKNOWN)]


OLD = {
    "other bounds than the first": (
        Sent().data(0, b"abc").data(3, b"def").data(2, b"XYe"),
        [(2, 1, 1, 3), (3, 1, 2, 3)],
    ),
    "within one": (Sent().data(0, b"abcdef").data(1, b"bXd"), [(2, 1, 1, 2)]),
    "no single byte: it may be a probe's": (Sent().data(0, b"abcdef").data(5, b"X"), []),
    "in a later batch": (Sent().data(0, b"abcdef").data(0, b"aXcdef"), [(1, 1, 1, 2)]),
}


@pytest.mark.parametrize(("sent", "conflicts"), OLD.values(), ids=OLD)
@pytest.mark.parametrize("batches", [(), (1,)], ids=["one batch", "two batches"])
@pytest.mark.parametrize("keeping", RULES.values(), ids=RULES)
def test_what_is_sent_again_is_compared_with_what_was_delivered(
    sent: Sent, conflicts: list[tuple[int, int, int, int]], batches: tuple[int, ...], keeping: Keeping
) -> None:
    got = received(sent, keeping=keeping, batches=batches)
    assert got.text == b"abcdef"
    found = [(c.offset, c.length, c.first_frame, c.second_frame) for c in got.conflicts]
    assert found == [(at, size, *frames) for at, size, *frames in conflicts]
    assert all(c.kept is Copy.FIRST for c in got.conflicts)


def test_the_first_copy_is_certain_once_the_receiver_has_acknowledged_it() -> None:
    sent = Sent().data(0, b"abc").data(0, b"Xbc").ack(3).data(0, b"Ybc")
    assert [conflict.certain for conflict in received(sent).conflicts] == [False, True]


def test_a_damaged_segment_gives_way_to_a_whole_one() -> None:
    sent = Sent().data(0, b"abc").data(3, b"XXX", checksum=int(Checksum.BAD)).ack(3).data(3, b"def").ack(6)
    got = received(sent, checks=True)
    assert got.text == b"abcdef"
    assert got.conflicts == []
    assert got.left_out == {"wrong checksum": 3}


def test_a_damaged_segment_that_the_receiver_acknowledged_was_not_damaged_for_it() -> None:
    got = received(Sent().data(0, b"abc").data(3, b"def", checksum=int(Checksum.BAD)).ack(6).ack(6), checks=True)
    assert got.text == b"abcdef"
    assert not any(got.left_out.values())


def test_where_the_network_card_fills_checksums_in_they_say_nothing() -> None:
    assert received(Sent().data(0, b"abcdef", checksum=int(Checksum.BAD))).text == b"abcdef"


def test_an_urgent_pointer_points_to_the_last_urgent_byte_which_stays_in_the_stream() -> None:
    got = received(Sent().data(0, b"abc").data(3, b"def", flags=ACK | URG, urgent=2))
    assert got.text == b"abcdef"
    assert [tuple(urgent) for urgent in got.direction.urgent] == [(4, 2)]


def test_past_four_gigabytes_offsets_go_on() -> None:
    sent, step = Sent(), 1 << 30
    for number in range(6):
        sent.data(number * step, b"x", payload_len=step)
    sent.data(6 * step, b"end")
    got = received(sent)
    assert got.pieces[-1][:3] == (6 * step, b"end", 3)
