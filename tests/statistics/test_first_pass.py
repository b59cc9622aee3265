"""The counts of the first pass and those of the second look agree, where their definitions do."""

import pandas as pd
import pytest

import tcpdiag
from places import FIXTURES, SHARED, capture_files
from tcpdiag.flow_columns import SIDES

FAST_OPEN = "text in a SYN is new only when its receiver takes it (RFC 7413)"
REFUSED_ACK = "text whose ACK is not acceptable is not judged by the first pass (RFC 9293 section 3.10.7.4)"
DIFFERENT = {"tfo": FAST_OPEN, "inject-data-badack-unsent": REFUSED_ACK}


@pytest.fixture(scope="module")
def flows() -> pd.DataFrame:
    """Connections from their beginning, without RST and without copies, by capture."""
    found = []
    for path in capture_files(FIXTURES) + capture_files(SHARED / "captures"):
        if path.parent.name not in DIFFERENT:
            frame = tcpdiag.analyze(path, hints=False).flows.frame(wide=True)
            kept = (frame["copies"] == 0) & (frame["client_resets"] + frame["server_resets"] == 0) & ~frame["midstream"]
            found.append(frame[kept].assign(capture=path.parent.name))
    return pd.concat(found)


@pytest.mark.parametrize("side", SIDES)
def test_what_came_in_order_is_new_to_both(flows: pd.DataFrame, side: str) -> None:
    in_order = flows[flows[f"{side}_late_packets"] == 0]
    differing = in_order[in_order[f"{side}_unique_bytes"] != in_order[f"{side}_new_bytes"]]
    assert len(in_order) > 100
    assert differing["capture"].tolist() == []


@pytest.mark.parametrize("side", SIDES)
def test_what_was_sent_again_is_sent_again_to_both(flows: pd.DataFrame, side: str) -> None:
    """SYNs that are repeated count here alone, probes there alone."""
    plain = flows[
        flows[[f"{side}_{name}" for name in ("late_packets", "keepalives", "zero_window_probes")]].sum(axis=1) == 0
    ]
    repeated_syns = (plain[f"{side}_syns"] - 1).clip(0)
    differing = plain[plain[f"{side}_rexmt_packets"] - repeated_syns != plain[f"{side}_retransmissions"]]
    assert len(plain) > 100
    assert differing["capture"].tolist() == []


@pytest.mark.parametrize("side", SIDES)
def test_both_measure_the_same_leg(flows: pd.DataFrame, side: str) -> None:
    """The shortest of all round trips is no longer than the shortest of one at a time."""
    other = SIDES[1 - SIDES.index(side)]
    timed = flows[(flows[f"{side}_rtt_samples"] > 0) & (flows[f"{other}_ack_rtt_samples"] > 0)]
    assert len(timed) > 50
    assert (timed[f"{other}_ack_rtt_min_ns"] <= timed[f"{side}_rtt_min_ns"]).mean() > 0.95
