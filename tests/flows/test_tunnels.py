"""A flow's tunnel is part of its identity, and some overlays use another identifier on the way back."""

import numpy as np

from flows.tracked import HANDSHAKE
from tcpdiag.flows.tracker import Tracker
from tcpdiag.model.script import parse_script
from tcpdiag.model.segment import Origin


def _tracked(segments: np.ndarray):
    tracker = Tracker()
    tracker.feed(segments)
    return tracker.finish()


def test_the_same_addresses_in_two_tunnels_are_two_flows() -> None:
    one, other = (parse_script(HANDSHAKE).segments for _ in range(2))
    one["tunnel"], other["tunnel"] = 1, 2
    other["seq"] += 777
    other["ack"][other["ack"] > 0] += 777
    tables = _tracked(np.concatenate([one, other]))
    assert tables.flows["tunnel"].tolist() == [1, 2]
    assert tables.endpoints["packets"].tolist() == [2, 1, 2, 1]


def test_an_answer_in_another_tunnel_that_acknowledges_the_flow_belongs_to_it() -> None:
    segments = parse_script(HANDSHAKE).segments
    segments["tunnel"] = np.where(segments["sport"] == 80, 2, 1)
    tables = _tracked(segments)
    assert (tables.flows["tunnel"].tolist(), tables.flows["tunnel_back"].tolist()) == ([1], [2])


def test_an_answer_that_does_not_is_another_tenants() -> None:
    segments = parse_script(HANDSHAKE).segments
    back = segments["sport"] == 80
    segments["tunnel"] = np.where(back, 2, 1)
    segments["ack"][back] += 12345
    assert len(_tracked(segments).flows) == 2


def test_a_flow_known_only_from_an_icmp_error_is_numbered() -> None:
    segments = parse_script("+0 > S 0:0(0) win 64240 <mss 1460>").segments
    segments["origin"] = Origin.QUOTED
    tables = _tracked(segments)
    assert (tables.flows["first_frame"].tolist(), tables.flows["last_frame"].tolist()) == ([1], [1])
    assert tables.endpoints["packets"].tolist() == [0, 0]
    assert tables.flows["icmp_errors"].tolist() == [1]
