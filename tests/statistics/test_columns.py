"""What each statistic counts, by small scripts of segments: > is the client's, < the server's."""

from typing import Any

import pytest

from tcptrace.scripted import HANDSHAKE, told

MS = 1_000_000

# what the script shows: segments after a handshake, and the columns that they make
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "a round trip for each segment that is acknowledged alone": (
        """
        +0.000 > P. 1:101(100) ack 1 win 502
        +0.030 < . 1:1(0) ack 101 win 255
        +0.000 > P. 101:301(200) ack 1 win 502
        +0.050 < . 1:1(0) ack 301 win 255
        """,
        {
            "client_handshake_rtt_ns": 10 * MS,
            "server_handshake_rtt_ns": 20 * MS,
            "client_ack_rtt_samples": 3,  # its SYN is one
            "client_ack_rtt_min_ns": 10 * MS,
            "client_ack_rtt_max_ns": 50 * MS,
            "client_ack_rtt_mean_ns": 30 * MS,
            "client_ack_rtt_stdev_ns": 20 * MS,
            "client_full_rtt_bytes": 200,
            "client_full_rtt_samples": 1,
            "client_full_rtt_max_ns": 50 * MS,
            "client_full_rtt_stdev_ns": None,
            "client_unique_bytes": 300,
            "client_max_segment": 200,
            "client_mean_segment": 150.0,
            "server_ack_rtt_samples": 1,
            "server_mean_segment": None,
        },
    ),
    "an ACK of two segments times the last": (
        """
        +0.000 > . 1:101(100) ack 1 win 502
        +0.001 > . 101:201(100) ack 1 win 502
        +0.010 < . 1:1(0) ack 201 win 255
        """,
        {"client_segments_acked_together": 1, "client_ack_rtt_samples": 2, "client_ack_rtt_max_ns": 10 * MS},
    ),
    "a segment that was sent again times nothing (Karn)": (
        """
        +0.000 > . 1:101(100) ack 1 win 502
        +0.300 > . 1:101(100) ack 1 win 502
        +0.010 < . 1:1(0) ack 101 win 255
        """,
        {
            "client_rexmt_packets": 1,
            "client_rexmt_bytes": 100,
            "client_unique_bytes": 100,
            "client_ambiguous_acks": 1,
            "client_ambiguous_rtt_max_ns": 10 * MS,
            "client_ack_rtt_samples": 1,
            "client_rexmt_time_samples": 1,
            "client_rexmt_time_min_ns": 300 * MS,
            "client_max_retransmissions": 1,
        },
    ),
    "nor does one that waited for something below it": (
        """
        +0.000 > . 1:101(100) ack 1 win 502
        +0.001 > . 101:201(100) ack 1 win 502
        +0.300 > . 1:101(100) ack 1 win 502
        +0.010 < . 1:1(0) ack 201 win 255
        """,
        {"client_post_loss_acks": 1, "client_ambiguous_acks": 0, "client_ack_rtt_samples": 1},
    ),
    "a segment repeated in part": (
        """
        +0.000 > . 1:101(100) ack 1 win 502
        +0.300 > . 51:151(100) ack 1 win 502
        """,
        {"client_rexmt_packets": 1, "client_rexmt_bytes": 50, "client_unique_bytes": 150},
    ),
    "a segment below another that was not captured before is late": (
        """
        +0.000 > . 101:201(100) ack 1 win 502
        +0.001 > . 1:101(100) ack 1 win 502
        """,
        {"client_late_packets": 1, "client_rexmt_packets": 0, "client_unique_bytes": 200},
    ),
    "a SYN and a FIN sent again have a number each, and no bytes": (
        """
        +0.000 > F. 1:1(0) ack 1 win 502
        +0.300 > F. 1:1(0) ack 1 win 502
        """,
        {
            "client_rexmt_packets": 1,
            "client_rexmt_bytes": 1,
            "client_unique_bytes": 0,
            "client_fins": 2,
            "client_stream_length": 0,
            "client_missed_bytes": 0,
        },
    ),
    "bytes between SYN and FIN that the capture lacks": (
        """
        +0.000 > . 1:101(100) ack 1 win 502
        +0.000 > F. 201:301(100) ack 1 win 502
        """,
        {"client_stream_length": 300, "client_missed_bytes": 100, "server_stream_length": None},
    ),
    "an ACK inside a segment waits for its last byte": (
        """
        +0.000 > . 1:3001(3000) ack 1 win 502
        +0.010 < . 1:1(0) ack 1501 win 255
        +0.010 < . 1:1(0) ack 3001 win 255
        """,
        {"client_acks_inside_segments": 1, "client_ack_rtt_max_ns": 20 * MS, "client_segments_acked_together": 0},
    ),
    "three duplicate ACKs for what is in flight": (
        """
        +0.000 > . 1:101(100) ack 1 win 502
        +0.010 < . 1:1(0) ack 101 win 255
        +0.000 > . 201:301(100) ack 1 win 502
        +0.010 < . 1:1(0) ack 101 win 255 <sack 201:301>
        +0.010 < . 1:1(0) ack 101 win 255 <sack 201:301>
        +0.010 < . 1:1(0) ack 101 win 255 <sack 201:301>
        """,
        {
            "client_repeated_acks": 3,
            "client_triple_duplicate_acks": 1,
            "server_sack_packets": 3,
            "server_max_sack_blocks": 1,
            "server_dsack_packets": 0,
        },
    ),
    "with nothing in flight, or another window, they are none": (
        """
        +0.000 > . 1:101(100) ack 1 win 502
        +0.010 < . 1:1(0) ack 101 win 255
        +1.000 < . 1:1(0) ack 101 win 255
        +1.000 < . 1:1(0) ack 101 win 255
        +1.000 < . 1:1(0) ack 101 win 255
        +1.000 < . 1:1(0) ack 101 win 256
        """,
        {"client_repeated_acks": 3, "client_triple_duplicate_acks": 0},
    ),
    "a DSACK tells of what came twice": (
        """
        +0.000 > . 1:101(100) ack 1 win 502
        +0.010 < . 1:1(0) ack 101 win 255
        +0.000 > . 1:101(100) ack 1 win 502
        +0.010 < . 1:1(0) ack 101 win 255 <sack 1:101>
        """,
        {"server_dsack_packets": 1, "client_rexmt_bytes": 100, "client_rexmt_time_samples": 0},
    ),
    "bytes in flight and the first window": (
        """
        +0.000 > . 1:101(100) ack 1 win 502
        +0.000 > . 101:301(200) ack 1 win 502
        +0.030 < . 1:1(0) ack 301 win 255
        +0.010 > . 301:351(50) ack 1 win 502
        """,
        {
            "client_max_outstanding": 300,
            "client_min_outstanding": 50,
            "client_mean_outstanding": 112.5,  # 0 with its ACK of the SYN-ACK, 100, 300, 50
            "client_weighted_outstanding": 300 * 40 / 70,
            "client_initial_window_bytes": 300,
            "client_initial_window_packets": 2,
            "server_initial_window_bytes": 0,
            "server_max_outstanding": 0,
            "server_min_outstanding": None,
        },
    ),
    "windows are scaled, SYNs left out": (
        """
        +0.010 < . 1:1(0) ack 1 win 100
        +0.010 < . 1:1(0) ack 1 win 0
        +0.010 < . 1:1(0) ack 1 win 300
        """,
        {
            "server_max_window": 300 * 256,
            "server_min_window": 100 * 256,
            "server_mean_window": 400 / 3 * 256,
            "client_max_window": 502 * 128,
            "server_wscale": 8,
            "server_mss": 1400,
            "server_sack_permitted": 1,
            "server_timestamps": 0,
        },
    ),
    "into a closed window": (
        """
        +0.010 < . 1:1(0) ack 1 win 0
        +0.300 > . 1:2(1) ack 1 win 502
        """,
        {"client_closed_window_packets": 1, "client_closed_window_bytes": 1, "client_unique_bytes": 1},
    ),
    "kinds of segments": (
        """
        +0.000 > P. 1:101(100) ack 1 win 502
        +2.000 < . 1:1(0) ack 101 win 255
        +0.000 > R 101:101(0) win 0
        """,
        {
            "client_ack_packets": 2,
            "client_pure_acks": 1,
            "client_data_packets": 1,
            "client_pushed_packets": 1,
            "server_ack_packets": 2,
            "server_pure_acks": 1,
            "client_max_idle_ns": 2000 * MS,
            "client_data_duration_ns": 0,
            "server_data_duration_ns": None,
            "duration_ns": 2030 * MS,
            "client_throughput": 100 / 2.03,
            "client_frame_bytes": 4 * 54 + 100,
        },
    ),
}


@pytest.mark.parametrize(("segments", "expected"), CASES.values(), ids=CASES)
def test_columns(segments: str, expected: dict[str, Any]) -> None:
    found = told(HANDSHAKE + segments)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_without_its_beginning_much_is_not_known() -> None:
    found = told("+0.000 > P. 1:101(100) ack 1 win 502\n+0.010 < . 1:1(0) ack 101 win 255\n")
    unknown = ("mss", "wscale", "sack_permitted", "max_window", "mean_window", "initial_window_bytes", "stream_length")
    assert {found[f"client_{name}"] for name in (*unknown, "handshake_rtt_ns", "max_outstanding")} == {None}
    assert (found["client_ack_rtt_samples"], found["client_unique_bytes"]) == (1, 100)


def test_sequence_numbers_go_on_past_their_wrap() -> None:
    lines = [f"+0.001 > . {at}:{at + 2**30}({2**30}) ack 1 win 502" for at in range(1, 6 * 2**30, 2**30)]
    found = told(HANDSHAKE + "\n".join([*lines, f"+0.001 > F. {6 * 2**30 + 1}:{6 * 2**30 + 1}(0) ack 1 win 502"]))
    assert found["client_unique_bytes"] == found["client_stream_length"] == 6 * 2**30
    assert found["client_late_packets"] == found["client_rexmt_packets"] == 0
