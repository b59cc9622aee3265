"""Predicted against actual states, one by one."""

import pytest

from tcpdiag.model.states import State
from tcpdiag.sockets.compare import Agreement, compare, reachable
from tcpdiag.sockets.predict import Prediction
from tcpdiag.sockets.socket import End, Socket

S = State
NS = 10**9
HERE, THERE = End(4, 0, 1, 80), End(4, 0, 2, 4000)


def verdict(
    predicted: State,
    actual: State | None,
    send_q: int | None = 0,
    *,
    certain: bool = True,
    around: frozenset[State] = frozenset(),
    after_ns: int = 0,
    before_ns: int = 0,
) -> tuple[Agreement, str]:
    socket = Socket(HERE, THERE, actual, 0, send_q)
    found = compare(socket, Prediction(predicted, 0, 7, certain), set(around) | {predicted}, after_ns, before_ns)
    return found.agreement, found.note


@pytest.mark.parametrize("state", [S.ESTABLISHED, S.CLOSE_WAIT, S.TIME_WAIT])
def test_the_same_state_agrees(state: State) -> None:
    assert verdict(state, state) == (Agreement.AGREES, "")


@pytest.mark.parametrize("state", [S.MIDSTREAM, S.UNSEEN])
def test_where_the_capture_knows_nothing_the_socket_tells(state: State) -> None:
    assert verdict(state, S.CLOSE_WAIT)[0] is Agreement.SOCKET_ONLY


def test_a_listing_without_states_is_not_compared() -> None:
    assert verdict(S.ESTABLISHED, None)[0] is Agreement.NOT_LISTED


def test_a_state_that_changes_at_that_moment_agrees() -> None:
    assert verdict(S.CLOSE_WAIT, S.ESTABLISHED, around=frozenset({S.ESTABLISHED}))[0] is Agreement.AGREES


@pytest.mark.parametrize(("predicted", "actual"), [(S.ESTABLISHED, S.FIN_WAIT_1), (S.CLOSE_WAIT, S.LAST_ACK)])
@pytest.mark.parametrize(
    ("send_q", "expected", "words"),
    [
        (21_201, Agreement.EXPLAINED, "behind 21,200 bytes"),
        (None, Agreement.EXPLAINED, "unsent data, or was not captured"),
        (1, Agreement.DIFFERS, "the capture lacks it"),
    ],
)
def test_a_fin_behind_unsent_data_cannot_be_seen(
    predicted: State, actual: State, send_q: int | None, expected: Agreement, words: str
) -> None:
    agreement, note = verdict(predicted, actual, send_q)
    assert agreement is expected
    assert words in note


@pytest.mark.parametrize(
    ("predicted", "actual", "expected", "words"),
    [
        (S.ESTABLISHED, S.SYN_RECEIVED, Agreement.EXPLAINED, "accept queue"),
        (S.CLOSE_WAIT, S.ESTABLISHED, Agreement.DIFFERS, "FIN did not reach it"),
        (S.ESTABLISHED, S.CLOSE_WAIT, Agreement.DIFFERS, "capture lacks it"),
        (S.FIN_WAIT_2, S.FIN_WAIT_1, Agreement.DIFFERS, "ACK of its FIN did not reach it"),
        (S.CLOSED, S.ESTABLISHED, Agreement.DIFFERS, "ports were used again"),
    ],
)
def test_other_differences_have_their_reasons(predicted: State, actual: State, expected: Agreement, words: str) -> None:
    agreement, note = verdict(predicted, actual)
    assert agreement is expected
    assert words in note


def test_what_was_only_presumed_did_not_happen() -> None:
    assert "presumed" in verdict(S.CLOSED, S.ESTABLISHED, certain=False)[1]


@pytest.mark.parametrize(
    ("predicted", "actual", "expected"),
    [
        (S.ESTABLISHED, S.TIME_WAIT, Agreement.EXPLAINED),
        (S.ESTABLISHED, S.LAST_ACK, Agreement.EXPLAINED),
        (S.CLOSE_WAIT, S.ESTABLISHED, Agreement.DIFFERS),
        (S.TIME_WAIT, S.ESTABLISHED, Agreement.DIFFERS),
    ],
)
def test_after_the_capture_a_connection_may_go_on_but_not_back(
    predicted: State, actual: State, expected: Agreement
) -> None:
    assert verdict(predicted, actual, after_ns=5 * NS)[0] is expected


def test_before_the_capture_it_may_not_have_come_so_far() -> None:
    assert verdict(S.CLOSE_WAIT, S.ESTABLISHED, before_ns=5 * NS)[0] is Agreement.EXPLAINED
    assert verdict(S.ESTABLISHED, S.TIME_WAIT, before_ns=5 * NS)[0] is Agreement.DIFFERS


def test_nothing_is_reachable_from_an_end() -> None:
    assert reachable(S.TIME_WAIT) == reachable(S.CLOSED) == frozenset()
    assert S.ESTABLISHED not in reachable(S.CLOSE_WAIT)
