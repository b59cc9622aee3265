"""The state table against Figure 5 of RFC 9293, cell by cell."""

import numpy as np
import pytest

from tcpdiag.model.states import SYNCHRONIZED, State
from tcpdiag.tcp.states import ILLEGAL, TRANSITIONS, TcpEvent, transition_array

S, E = State, TcpEvent

# The arrows of Figure 5, typed from the RFC; the ones that RST adds in section 3.10.7 are in test_reset_closes.
FIGURE_5 = [
    (S.CLOSED, E.SND_SYN, S.SYN_SENT),
    (S.LISTEN, E.SND_SYN, S.SYN_SENT),
    (S.LISTEN, E.SND_SYN_ACK, S.SYN_RECEIVED),
    (S.SYN_SENT, E.RCV_SYN, S.SYN_RECEIVED),
    (S.SYN_RECEIVED, E.RCV_ACK_OF_SYN, S.ESTABLISHED),
    (S.SYN_RECEIVED, E.SND_FIN, S.FIN_WAIT_1),
    (S.ESTABLISHED, E.SND_FIN, S.FIN_WAIT_1),
    (S.ESTABLISHED, E.RCV_FIN, S.CLOSE_WAIT),
    (S.FIN_WAIT_1, E.RCV_ACK_OF_FIN, S.FIN_WAIT_2),
    (S.FIN_WAIT_1, E.RCV_FIN, S.CLOSING),
    (S.FIN_WAIT_2, E.RCV_FIN, S.TIME_WAIT),
    (S.CLOSE_WAIT, E.SND_FIN, S.LAST_ACK),
    (S.CLOSING, E.RCV_ACK_OF_FIN, S.TIME_WAIT),
    (S.LAST_ACK, E.RCV_ACK_OF_FIN, S.CLOSED),
    (S.TIME_WAIT, E.TIMEOUT_2MSL, S.CLOSED),
]
RESET = (E.SND_RST, E.RCV_RST)
OF_FIGURE_5 = [state for state in State if state not in (S.UNSEEN, S.MIDSTREAM)]


@pytest.mark.parametrize(("state", "event", "after"), FIGURE_5, ids=lambda value: getattr(value, "name", str(value)))
def test_arrow_of_figure_5(state: State, event: TcpEvent, after: State) -> None:
    assert TRANSITIONS[state][event] == after


def test_nothing_else_changes_a_state() -> None:
    allowed = {(state, event) for state, event, _ in FIGURE_5}
    # SYN-ACK from a closed port, from a simultaneous open, from TIME-WAIT (section 3.6.1 MAY-2); a FIN that comes with
    # the last ACK of the handshake; a new SYN from TIME-WAIT.
    allowed |= {
        (S.CLOSED, E.SND_SYN_ACK),
        (S.SYN_SENT, E.SND_SYN_ACK),
        (S.TIME_WAIT, E.SND_SYN_ACK),
        (S.TIME_WAIT, E.SND_SYN),
        (S.SYN_RECEIVED, E.RCV_FIN),
    }
    changes = {
        (state, event)
        for state in OF_FIGURE_5
        for event, after in TRANSITIONS[state].items()
        if after != state and event not in RESET
    }
    assert changes == allowed


@pytest.mark.parametrize("state", sorted(SYNCHRONIZED | {S.SYN_RECEIVED}), ids=str)
@pytest.mark.parametrize("event", RESET, ids=lambda event: event.name)
def test_reset_closes(state: State, event: TcpEvent) -> None:
    assert TRANSITIONS[state][event] == S.CLOSED


def test_a_reset_sent_in_syn_sent_leaves_the_state() -> None:
    assert TRANSITIONS[S.SYN_SENT][E.SND_RST] == S.SYN_SENT


@pytest.mark.parametrize("state", [S.FIN_WAIT_1, S.FIN_WAIT_2, S.CLOSING, S.LAST_ACK, S.TIME_WAIT], ids=str)
def test_text_after_the_own_fin_is_not_legal(state: State) -> None:
    assert E.SND_TEXT not in TRANSITIONS[state]


@pytest.mark.parametrize("state", [S.CLOSE_WAIT, S.CLOSING, S.LAST_ACK, S.TIME_WAIT], ids=str)
def test_text_after_the_peers_fin_is_not_legal(state: State) -> None:
    assert E.RCV_TEXT not in TRANSITIONS[state]


def test_the_array_is_the_table() -> None:
    table = transition_array()
    for state in State:
        for event in TcpEvent:
            assert table[state, event] == TRANSITIONS[state].get(event, ILLEGAL)
    assert table.dtype == np.uint8


def test_states_print_as_in_the_rfc() -> None:
    assert [str(state) for state in (S.CLOSE_WAIT, S.SYN_RECEIVED, S.FIN_WAIT_2)] == [
        "CLOSE-WAIT",
        "SYN-RECEIVED",
        "FIN-WAIT-2",
    ]
