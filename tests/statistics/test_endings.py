"""`conn_state` and `history` as Zeek defines them: scripts of segments, and rules that hold on any capture."""

import re

import pandas as pd
import pytest

import tcpdiag
from places import FIXTURES, SHARED, capture_files
from tcpdiag.errors import TcpdiagError
from tcpdiag.statistics.endings import CONN_STATES
from tcptrace.scripted import CLOSE, HANDSHAKE, told

EVERY = 8
"""Of the larger set one capture in so many."""

DATA = "+0.01 > P. 1:11(10) ack 1 win 502\n+0.01 < P. 1:21(20) ack 11 win 255\n"
LATER_CLOSE = (
    "+0.01 > F. 11:11(0) ack 21 win 502\n+0.01 < F. 21:21(0) ack 12 win 255\n+0.01 > . 12:12(0) ack 22 win 502"
)

CASES = {
    "a SYN without an answer": ("+0 > S 0:0(0) win 64240", "S0", "S"),
    "sent again with the same number": ("+0 > S 0:0(0) win 64240\n+1 > S 0:0(0) win 64240", "S0", "S"),
    "refused": ("+0 > S 0:0(0) win 64240\n+0 < R. 0:0(0) ack 1 win 0", "REJ", "Sr"),
    "established": (HANDSHAKE, "S1", "ShA"),
    "established, with data": (HANDSHAKE + DATA, "S1", "ShADd"),
    "closed by both": (HANDSHAKE + CLOSE, "SF", "ShAFf"),
    "with data, closed by both": (HANDSHAKE + DATA + LATER_CLOSE, "SF", "ShADdFf"),
    "only the client's FIN": (HANDSHAKE + "+0 > F. 1:1(0) ack 1 win 502", "S2", "ShAF"),
    "only the server's FIN": (HANDSHAKE + "+0 < F. 1:1(0) ack 1 win 255", "S3", "ShAf"),
    "aborted by the client": (HANDSHAKE + DATA + "+0 > R. 11:11(0) ack 21 win 502", "RSTO", "ShADdR"),
    "aborted by the server": (HANDSHAKE + DATA + "+0 < R. 21:21(0) ack 11 win 255", "RSTR", "ShADdr"),
    "a RST after both FINs ends nothing": (HANDSHAKE + CLOSE + "+0 < R 2:2(0) win 0", "SF", "ShAFfr"),
    "a FIN, then a RST of the same side": (
        HANDSHAKE + "+0 > F. 1:1(0) ack 1 win 502\n+0 > R 2:2(0) win 0",
        "RSTO",
        "ShAFR",
    ),
    "a SYN, then a RST of the client": ("+0 > S 0:0(0) win 64240\n+1 > R 1:1(0) win 0", "RSTOS0", "SR"),
    "a SYN and a FIN of the client alone": ("+0 > S 0:0(0) win 64240\n+1 > F 1:1(0) win 502", "SH", "SF"),
    "a SYN-ACK, then a RST of the server": ("+0 < S. 0:0(0) ack 1 win 65160\n+1 < R 1:1(0) win 0", "RSTRH", "^hr"),
    "a SYN-ACK, then a FIN of the server": (
        "+0 < S. 0:0(0) ack 1 win 65160\n+1 < F. 1:1(0) ack 1 win 255",
        "SHR",
        "^hf",
    ),
    "SYN not captured": ("+0 < S. 0:0(0) ack 1 win 65160\n+0 > . 1:1(0) ack 1 win 502", "S1", "^hA"),
    "SYN captured behind its SYN-ACK": (
        "+0 < S. 0:0(0) ack 1 win 65160\n+0 > S 0:0(0) win 64240\n+0 > . 1:1(0) ack 1 win 502",
        "S1",
        "^hSA",
    ),
    "older than the capture": ("+0 > P. 1:11(10) ack 1 win 502\n+0 < . 1:1(0) ack 11 win 255", "OTH", "Da"),
    "older, and closed": ("+0 > F. 1:1(0) ack 1 win 502\n+0 < F. 1:1(0) ack 2 win 255", "SF", "Ff"),
    "both opened": ("+0 > S 0:0(0) win 64240\n+0 < S 0:0(0) win 65160\n+0 > S. 0:0(0) ack 1 win 64240", "S1", "SsH"),
    "payload sent again": (HANDSHAKE + DATA + "+1 > P. 1:11(10) ack 21 win 502", "S1", "ShADdT"),
    "a window of 0": (HANDSHAKE + "+0 < . 1:1(0) ack 1 win 0", "S1", "ShAaw"),
    "a gap that was acknowledged": (
        HANDSHAKE + DATA + "+0 < . 21:21(0) ack 111 win 255",
        "S1",
        "ShADdaG",
    ),
    "FIN and RST in one": (HANDSHAKE + "+0 > FR 1:1(0) win 0", "RSTO", "ShAI"),
    "SYN and FIN in one": ("+0 > SF 0:0(0) win 64240", "SH", "Q"),
    "letters on a logarithmic scale": (
        HANDSHAKE + DATA + "+0 > P. 1:11(10) ack 21 win 502 *100 every 0.1",
        "S1",
        "ShADdTTT",
    ),
    "a FIN with another number is another": (
        HANDSHAKE + "+0 > F. 1:1(0) ack 1 win 502\n+0 > F. 11:11(0) ack 1 win 502",
        "S2",
        "ShAFF",
    ),
}


@pytest.mark.parametrize(("segments", "state", "history"), CASES.values(), ids=CASES)
def test_endings(segments: str, state: str, history: str) -> None:
    found = told(segments)
    assert (found["conn_state"], found["history"]) == (state, history)


def test_every_state_has_a_case() -> None:
    assert {state for _, state, _ in CASES.values()} == set(CONN_STATES)


def test_history_that_finds_no_room_ends_in_x() -> None:
    lines = (f"+0 > F. {at}:{at}(0) ack 1 win 502" for at in range(1, 100))
    history = told(HANDSHAKE + "\n".join(lines))["history"]
    assert len(history) == 48
    assert history.endswith("FFx")


@pytest.fixture(scope="module")
def flows() -> pd.DataFrame:
    """The connections of many captures."""
    captures = capture_files(FIXTURES) + capture_files(SHARED)[::EVERY]
    frames = []
    for path in captures:
        try:
            frames.append(tcpdiag.analyze(path, hints=False).flows.frame(wide=True))
        except TcpdiagError:
            continue
    found = pd.concat([frame for frame in frames if len(frame)])
    assert len(found) > 50
    return found


LETTERS = r"[SHADFRTCWGIQshadfrtcwgiq]"


def test_history_is_of_its_letters(flows: pd.DataFrame) -> None:
    assert flows["history"].str.fullmatch(rf"\^?{LETTERS}{{0,47}}x?").all()


@pytest.mark.parametrize(
    ("letter", "column"),
    [
        ("d", "data_packets"),
        ("a", "pure_acks"),
        ("f", "fins"),
        ("r", "resets"),
        ("t", "rexmt_packets"),
        ("s|h", "syns"),
    ],
)
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_letter_needs_a_segment(flows: pd.DataFrame, letter: str, column: str, side: str) -> None:
    letter = letter.upper() if side == "client" else letter
    with_letter = flows[flows["history"].str.contains(letter, regex=True)]
    assert len(with_letter)
    assert (with_letter[f"{side}_{column}"] + with_letter["copies"] > 0).all()


STATES = {
    "S0": r"C?S[A-Za]*x?",  # nothing of the server, or an ACK that is no SYN-ACK
    "REJ": r".*r.*",
    "SF": r".*[FI].*",
    "S2": r".*F.*",
    "S3": r".*f.*",
    "RSTO": r".*[RI].*",
    "RSTR": r".*[ri].*",
    "RSTOS0": r"\^?C?S[^HAFGIQ]*R.*",
}


@pytest.mark.parametrize("state", STATES)
def test_states_agree_with_their_histories(flows: pd.DataFrame, state: str) -> None:
    for history in flows["history"][flows["conn_state"] == state]:
        assert re.fullmatch(STATES[state], history), (state, history)


def test_established_means_a_syn_ack(flows: pd.DataFrame) -> None:
    assert flows["history"][flows["conn_state"] == "S1"].str.contains("h|s", regex=True).all()
