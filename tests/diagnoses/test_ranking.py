"""What belongs together, and what comes first."""

from typing import Any

import numpy as np
import pytest

from tcpdiag.diagnoses.ranking import rank
from tcpdiag.model.finding import Cause, Finding, Sentence, Severity
from tcpdiag.model.flow import FLOW
from tcpdiag.model.tables import Tables

CRITICAL, WARNING, NOTICE, INFO = Severity.CRITICAL, Severity.WARNING, Severity.NOTICE, Severity.INFO


def found(
    kind: str, severity: Severity = WARNING, streams: tuple[int, ...] = (0,), at: int = 0, **more: Any
) -> Finding:
    """A finding that matters only by what the ranking looks at."""
    fields: dict[str, Any] = {
        "story": (Sentence(f"{kind} at {at}.", (at + 1,), at),),
        "streams": streams,
        "frames": (at + 1,),
        "first_ts_ns": at,
        "last_ts_ns": at,
    }
    return Finding(kind, severity, 0.9, f"{kind} at {at}", **{**fields, **more})


def tables(*previous: int, server_ports: tuple[int, ...] = ()) -> Tables:
    """As many flows of one server address; for each the earlier one on its 4-tuple, or -1. A port each unless given."""
    flows = np.zeros(len(previous), FLOW)
    flows["previous"] = previous
    flows["family"] = 4
    flows["addr_lo"][:, 1] = 0x0A000001
    flows["port"][:, 1] = server_ports or range(1, len(previous) + 1)
    return Tables((), flows)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            [found("peer-vanished", CRITICAL), found("rst-off-sequence", WARNING)],
            ["rst-off-sequence-1", "peer-vanished-1"],
            id="cause before symptom, even a graver one, on one connection",
        ),
        pytest.param(
            [found("rst-off-sequence", NOTICE, (0,)), found("peer-vanished", CRITICAL, (1,))],
            ["peer-vanished-1", "rst-off-sequence-1"],
            id="gravest incident first",
        ),
        pytest.param(
            [found("syn-refused", streams=(0,)), found("half-open", WARNING, (1,)), found("half-open", CRITICAL, (2,))],
            ["half-open-1", "syn-refused-1", "half-open-2"],
            id="of one severity the order of the registry",
        ),
        pytest.param(
            [found("half-open", streams=(0,), at=1), found("half-open", streams=(1, 2), at=5)],
            ["half-open-1 at 5", "half-open-2 at 1"],
            id="then the one with more connections",
        ),
        pytest.param(
            [found("half-open", streams=(0,), at=9), found("half-open", streams=(1,), at=5)],
            ["half-open-1 at 5", "half-open-2 at 9"],
            id="then the earlier one",
        ),
        pytest.param(
            [found("capture-loss", WARNING, ()), found("peer-vanished", WARNING), found("half-open", NOTICE, (1,))],
            ["peer-vanished-1", "capture-loss-1", "half-open-1"],
            id="the capture behind the others of its severity",
        ),
    ],
)
def test_order(given: list[Finding], expected: list[str]) -> None:
    for findings in (given, given[::-1]):
        ranked, _ = rank(tables(-1, -1, -1), findings)
        assert [f"{f.id} at {f.first_ts_ns}" if " at " in expected[0] else f.id for f in ranked] == expected


@pytest.mark.parametrize(
    ("previous", "streams", "expected"),
    [
        ((-1, -1), ((0,), (1,)), 2),
        ((-1, -1), ((0,), (0,)), 1),
        ((-1, 0), ((0,), (1,)), 1),
        ((-1, 0, 1), ((2,), (0,)), 1),
        ((-1, -1, -1), ((0,), (1,), (0, 1)), 1),
        ((-1, -1, -1), ((0, 1), (1, 2), (2,)), 1),
        ((-1, -1), ((), ()), 2),
    ],
    ids=[
        "two connections",
        "one connection",
        "two connections on one 4-tuple",
        "a chain of connections",
        "joined by a third",
        "joined one by one",
        "about no connection",
    ],
)
def test_incidents(previous: tuple[int, ...], streams: tuple[tuple[int, ...], ...], expected: int) -> None:
    _, incidents = rank(tables(*previous), [found("half-open", streams=each) for each in streams])
    assert len(incidents) == expected


SERVER, CLIENT = "10.0.0.1:80", "10.0.0.2:4000"


@pytest.mark.parametrize(
    ("findings", "server_ports", "expected"),
    [
        pytest.param(
            [found("half-open", streams=(n,), endpoint=SERVER) for n in range(3)], (80, 80, 80), 1, id="one server"
        ),
        pytest.param(
            [found("half-open", streams=(n,), endpoint=SERVER) for n in range(3)], (80, 80, 81), 2, id="another port"
        ),
        pytest.param(
            [found("half-open", endpoint=SERVER), found("half-open", streams=(1,), endpoint=CLIENT)],
            (80, 80),
            2,
            id="about the other side",
        ),
        pytest.param(
            [found("half-open", endpoint=SERVER), found("syn-refused", streams=(1,), endpoint=SERVER)],
            (80, 80),
            2,
            id="another kind",
        ),
        pytest.param(
            [found("close-wait-leak"), found("syn-into-close-wait", streams=(1,))], (80, 80), 1, id="explained"
        ),
        pytest.param(
            [found("close-wait-leak"), found("syn-into-close-wait", streams=(1,))], (80, 81), 2, id="elsewhere"
        ),
    ],
)
def test_one_fault_of_one_server_is_one_incident(
    findings: list[Finding], server_ports: tuple[int, ...], expected: int
) -> None:
    flows = tables(*(-1 for _ in server_ports), server_ports=server_ports)
    for given in (findings, findings[::-1]):
        assert len(rank(flows, given)[1]) == expected


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        pytest.param({"at": 5, "peer": "10.0.0.9:1"}, 1, id="meanwhile"),
        pytest.param({"at": 50, "peer": "10.0.0.9:1"}, 2, id="later"),
        pytest.param({"at": 5, "peer": "10.0.0.8:1"}, 2, id="another host"),
        pytest.param({"at": 5, "peer": "10.0.0.9:1", "kind": "syn-refused"}, 2, id="no silence"),
    ],
)
def test_a_host_that_falls_silent_is_one_incident(second: dict[str, Any], expected: int) -> None:
    first = found("peer-vanished", at=1, last_ts_ns=10, endpoint=CLIENT, peer="10.0.0.9:2")
    other = found(**{"kind": "keepalive-stopped", "streams": (1,), "endpoint": "10.0.0.2:5", **second})
    assert len(rank(tables(-1, -1), [first, other])[1]) == expected


def test_many_alike_are_counted_and_not_told_one_by_one() -> None:
    alike = [found("half-open", streams=(n,), at=n, endpoint=SERVER) for n in range(9)]
    _, (incident,) = rank(tables(*[-1] * 9, server_ports=(80,) * 9), alike)
    assert [sentence.text for sentence in incident.narrative] == [
        "half-open at 0.",
        "half-open at 1.",
        "half-open at 2.",
        "The same (half-open) on 6 further connections.",
    ]
    assert incident.narrative[-1].frames == (4, 5, 6, 7, 8, 9)
    assert incident.streams == tuple(range(9))


def test_findings_about_the_capture_stay_alone() -> None:
    _, incidents = rank(tables(-1), [found("capture-loss", NOTICE, (0,)), found("half-open", WARNING, (0,))])
    assert [incident.findings for incident in incidents] == [("half-open-1",), ("capture-loss-1",)]


def test_incident_tells_its_story_in_order_of_time_under_the_title_of_its_cause() -> None:
    cause = found("rst-off-sequence", NOTICE, at=50, causes=(Cause("a", (), ("but",)),), next_steps=("x", "y"))
    symptom = found("peer-vanished", CRITICAL, at=20, causes=(Cause("b", (), ("no",)),), next_steps=("y", "z"))
    _, (incident,) = rank(tables(-1), [symptom, cause])
    assert (incident.id, incident.title, incident.severity) == ("incident-1", cause.title, CRITICAL)
    assert incident.narrative == (*symptom.story, *cause.story)
    assert incident.against == ("but",)
    assert incident.next_steps == ("x", "y", "z")


def test_ids_are_numbered_by_kind_in_rank_order() -> None:
    findings = [
        found("half-open", NOTICE, (0,)),
        found("half-open", CRITICAL, (1,)),
        found("peer-vanished", INFO, (2,)),
    ]
    ranked, incidents = rank(tables(-1, -1, -1), findings)
    assert [(f.id, f.severity) for f in ranked] == [
        ("half-open-1", CRITICAL),
        ("half-open-2", NOTICE),
        ("peer-vanished-1", INFO),
    ]
    assert [incident.id for incident in incidents] == ["incident-1", "incident-2", "incident-3"]


def test_nothing_gives_nothing() -> None:
    assert rank(tables(), []) == ([], [])
