"""Our verdicts and the events of the first pass tell the same of the same segments."""

from pathlib import Path

import pytest

import tcpdiag
from places import FIXTURES
from tcpdiag.model.event import EventKind, LossPlace
from tcpdiag.model.verdict import Fact

CAPTURES = sorted(path for path in FIXTURES.glob("*/*.pcap*") if path.is_file())
FACTS = {
    EventKind.RETRANSMISSION: Fact.RETRANSMISSION,
    EventKind.CHALLENGE_ACK: Fact.CHALLENGE_ACK,
    EventKind.KEEPALIVE_PROBE: Fact.KEEP_ALIVE,
    EventKind.KEEPALIVE_ACK: Fact.KEEP_ALIVE_ACK,
    EventKind.ZERO_WINDOW_PROBE: Fact.ZERO_WINDOW_PROBE,
    EventKind.ZERO_WINDOW_PROBE_ACK: Fact.ZERO_WINDOW_PROBE_ACK,
}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_events_have_their_verdicts(path: Path) -> None:
    report = tcpdiag.analyze(path, hints=False)
    arrays = report.flows.verdicts()
    keys = zip(arrays.streams.tolist(), arrays.frames.tolist(), strict=True)
    judged = dict(zip(keys, arrays.verdicts, strict=True))
    for event in report.tables.events_by(*FACTS):
        verdict = judged[int(event["flow"]), int(event["frame"])]
        kind = EventKind(int(event["kind"]))
        assert int(verdict["facts"]) & FACTS[kind], (kind.name, int(event["frame"]))
        if kind is EventKind.RETRANSMISSION:
            assert LossPlace(int(verdict["loss"])) == LossPlace(int(event["detail"])), int(event["frame"])


def test_arrays_of_all_connections_are_those_of_each() -> None:
    flows = tcpdiag.analyze(FIXTURES / "cwleak-accumulate" / "capture.pcap", hints=False).flows
    every = flows.verdicts()
    assert len(every.frames) == len(every.streams) == len(every.sides) == len(every.verdicts)
    for flow in flows:
        alone = flow.segments()
        mine = every.streams == flow.tables.flows["first_frame"].tolist().index(flow.frames[0])
        assert alone.index.tolist() == every.frames[mine].tolist()
        again = (every.verdicts["facts"][mine] & Fact.RETRANSMISSION) != 0
        assert alone["retransmission"].tolist() == again.tolist()


def test_wireshark_has_no_columns_beyond_its_own() -> None:
    flow = tcpdiag.analyze(FIXTURES / "office" / "office.pcap", hints=False).flow(0)
    ours, theirs = flow.segments(), flow.segments(wireshark=True)
    beyond = ["challenge_ack", "copy", "retransmission_kind", "loss", "dsacked", "cause_frame"]
    assert [name for name in ours.columns if name not in theirs.columns] == beyond
    assert (ours.drop(columns=beyond).dtypes == theirs.dtypes).all()
