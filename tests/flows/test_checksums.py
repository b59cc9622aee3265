"""Corruption is dropped by its receiver; a card that fills checksums in later is not corruption."""

import numpy as np
import pytest

from flows.tracked import HANDSHAKE
from tcpdiag import capture_notes
from tcpdiag.flows.tracker import Tracker
from tcpdiag.model.script import parse_script
from tcpdiag.model.segment import Checksum
from tcpdiag.model.tables import Tables

TEXT = "".join(f"+0.01 > P. {1 + 10 * n}:{11 + 10 * n}(10) ack 1 win 502\n" for n in range(8))


def _tracked(wrong: slice, kind: Checksum = Checksum.BAD) -> Tables:
    segments = parse_script(HANDSHAKE + TEXT).segments
    sent = np.flatnonzero(segments["payload_len"] > 0)[wrong]
    segments["checksum"] = Checksum.GOOD
    segments["checksum"][sent] = kind
    tracker = Tracker()
    tracker.feed(segments)
    return tracker.finish()


def test_a_corrupted_segment_is_counted_and_not_received() -> None:
    tables = _tracked(slice(6, 7))
    assert tables.endpoint(0, 0)["packets"] == 10
    assert tables.detail(0, 1)["n_holes"] == 1
    (note,) = capture_notes.checksums(tables)
    assert note.startswith("1 segment with a wrong TCP checksum among right ones")


@pytest.mark.parametrize("kind", [Checksum.BAD, Checksum.PARTIAL])
def test_a_host_whose_checksums_are_all_wrong_was_captured_before_its_card(kind: Checksum) -> None:
    tables = _tracked(slice(None), kind)
    assert tables.detail(0, 1)["n_holes"] == 0
    (note,) = capture_notes.checksums(tables)
    assert note.startswith("8 segments of 192.0.2.1 captured before the network card filled in the checksum")


def test_right_checksums_are_not_mentioned() -> None:
    assert capture_notes.checksums(_tracked(slice(0, 0))) == ()
