"""Segments as lines, and scripts of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpdiag.model.notation import flag_letters, segment_line
from tcpdiag.model.script import CLIENT_ISN, CLIENT_PORT, EPOCH_NS, SERVER_ISN, ScriptError, parse_script
from tcpdiag.model.segment import Flag

MS = 1_000_000

LINES = [
    "> S 0:0(0) win 65535 <mss 1460,wscale 7,sackOK>",
    "> S 0:0(0) win 64240 <mss 1460,wscale 7,TS val 5 ecr 0,sackOK>",
    "> P. 1:11(10) ack 1 win 512",
    "> . 11:11(0) ack 4086 win 0 <sack 5000:6000 7000:8000>",
    "> F. 276:276(0) ack 4086 win 512",
    "> R 276:276(0)",
    "> R. 276:276(0) ack 4086",
    "> SEW 0:0(0) win 1 <mss 536,fastopen,mptcp,md5,ao>",
    "> - 0:0(0) win 7",
    "> FSRP.UEWA 1:3(2) ack 9",
]


@pytest.mark.parametrize("text", LINES)
def test_a_line_comes_back_as_it_was_written(text: str) -> None:
    row = parse_script(f"+0.10 {text}").segments[0]
    shown = segment_line(row, "client", "server", CLIENT_ISN, SERVER_ISN)
    assert shown.replace("client > server  ", "> ") == text


@given(st.integers(0, 2**9 - 1))
def test_flags_have_one_letter_each(flags: int) -> None:
    assert len(flag_letters(flags)) == max(1, flags.bit_count())


@given(st.integers(0, 2**31), st.integers(0, 2**31), st.integers(0, 65535), st.integers(0, 65535))
def test_numbers_come_back(seq: int, ack: int, length: int, window: int) -> None:
    text = f"> P. {seq}:{seq + length}({length}) ack {ack} win {window}"
    row = parse_script(f"+0 {text}").segments[0]
    assert segment_line(row, "a", "b", CLIENT_ISN, SERVER_ISN) == f"a {text.replace('> P', '> b  P')}"


def test_numbers_are_raw_where_no_isn_is_known() -> None:
    row = parse_script("+0 > . 1:1(0) ack 2 win 3").segments[0]
    assert segment_line(row, "a", "b") == f"a > b  . {CLIENT_ISN + 1}:{CLIENT_ISN + 1}(0) ack {SERVER_ISN + 2} win 3"


def test_a_number_just_below_the_isn_is_negative() -> None:
    row = parse_script("+0 > . 1:1(0) ack 2 win 3").segments[0]
    assert " -4:-4(0) " in segment_line(row, "a", "b", CLIENT_ISN + 5)


def test_times_repetitions_ports_and_header_fields() -> None:
    script = parse_script(
        """
        # a comment
        +0.10 > P. 1:11(10) ack 1 win 512 *3 every 2.0
        +0.05 <40001 . 1:1(0) ack 1 win 7 [ttl 255,id 9,text 3]
        +60 .
        """
    )
    rows = script.segments
    assert ((rows["ts_ns"] - EPOCH_NS) // MS).tolist() == [100, 2100, 4100, 4150]
    assert script.last_ts_ns == EPOCH_NS + 64_150 * MS
    assert rows["frame"].tolist() == [1, 2, 3, 4]
    assert (rows["sport"][0], rows["dport"][3]) == (CLIENT_PORT, 40001)
    assert (rows["ttl"][3], rows["ip_id"][3], rows["payload_sum"].tolist()) == (255, 9, [0, 0, 0, 3])
    assert np.all(rows["flags"][:3] == int(Flag.PSH | Flag.ACK))


def test_a_block_repeats_from_the_next_port_and_may_overlap_itself() -> None:
    script = parse_script("repeat 3 every 1.0\n+0 > S 0:0(0) win 1\n+1.5 > . 1:1(0) ack 1 win 1\nend\n+1 .")
    assert ((script.segments["ts_ns"] - EPOCH_NS) // MS).tolist() == [0, 1000, 1500, 2000, 2500, 3500]
    assert script.segments["sport"].tolist() == [CLIENT_PORT + port for port in (0, 1, 0, 2, 1, 2)]
    assert script.last_ts_ns == EPOCH_NS + 4500 * MS


def test_findings_that_a_script_expects() -> None:
    script = parse_script("+0 > S 0:0(0) win 1\nfinding: half-open warning silence_s=5.0  # why")
    assert script.expected == ("half-open warning silence_s=5.0",)


@pytest.mark.parametrize(
    "line",
    [
        "+1 S 0:0(0)",
        "+x > S 0:0(0)",
        "> S 0:0(0)",
        "+1 > Q 0:0(0)",
        "+1 > S 0:0",
        "+1 > S 0:1(0) win 1",
        "+1 > S 0:0(0) <speed 5>",
        "+1 > S 0:0(0) <mss many>",
        "+1 > S 0:0(0) [tos 5]",
        "+1 > S 0:0(0) *3",
        "repeat 3 every 1",
        "nonsense",
    ],
)
def test_an_error_names_the_line(line: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse_script(f"+0 > S 0:0(0) win 1\n{line}\n")
    assert line in str(caught.value)
