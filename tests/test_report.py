"""The library: Report, FlowTable, Flow and their DataFrames."""

from pathlib import Path

import numpy as np
import pytest

from reports import made
from tcpdiag.errors import UsageError
from tcpdiag.model.finding import Severity
from tcpdiag.model.states import State
from tcpdiag.report import check_output

REPORT = made.report()


def test_a_flow_knows_its_ends_whichever_side_they_stand_on() -> None:
    first, second, third = REPORT.flows
    assert (first.client, first.server, first.roles_known) == ("198.51.100.240:54837", "198.51.100.227:80", True)
    assert (second.client, second.server, second.roles_known) == ("198.51.100.240:50000", "198.51.100.227:443", False)
    assert (third.client, third.tunnel) == ("[2001:db8::1]:60000", "VXLAN vni 42")
    assert second.midstream and not first.midstream


def test_a_flow_tells_its_states_by_side() -> None:
    flow = REPORT.flow(0)
    assert [(str(entry.state), entry.frame, entry.certain) for entry in flow.states["server"]] == [
        ("SYN-RECEIVED", 1, False),
        ("ESTABLISHED", 3, True),
        ("CLOSE-WAIT", 93, True),
    ]
    assert flow.state("client") is State.CLOSED
    assert REPORT.flow(2).state("server") is State.UNSEEN
    assert REPORT.flow(2).states["client"][-1].frame is None


def test_a_flow_tells_its_counts_client_first() -> None:
    assert REPORT.flow(0).counts["retransmissions"] == (0, 12)
    assert REPORT.flow(1).counts["packets"] == (2, 3)
    assert REPORT.flow(0).rtt_ns["client"] == {"min": 20_000_000, "mean": 25_000_000, "max": 30_000_000, "samples": 3}
    assert REPORT.flow(0).rtt_ns["server"] is None


def test_lineage_goes_back_to_the_first_flow() -> None:
    assert REPORT.flow(2).lineage == (0,)
    assert REPORT.flow(2).previous == 0
    assert REPORT.flow(0).previous is None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("stream", [0, 1, 2]),
        ("bytes", [0, 1, 2]),
        ("packets", [0, 1, 2]),
        ("retransmissions", [0, 1, 2]),
        ("duration", [0, 1, 2]),
        ("first_ts", [0, 1, 2]),
        ("client", [1, 0, 2]),
        ("server", [0, 1, 2]),
    ],
)
def test_flows_can_be_sorted(key: str, expected: list[int]) -> None:
    assert REPORT.flows.sorted_by(key).streams.tolist() == expected
    assert REPORT.flows.sorted_by(key, limit=2).streams.tolist() == expected[:2]


def test_sorting_by_what_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot sort by 'colour'"):
        REPORT.flows.sorted_by("colour")


def test_flow_frame_has_types_and_says_unknown() -> None:
    frame = REPORT.flows.frame()
    assert frame.index.tolist() == [0, 1, 2]
    assert str(frame["first_ts"].dtype) == "datetime64[ns, UTC]"
    assert frame["first_ts"].astype(np.int64)[0] == made.START_NS
    assert str(frame["client_rtt_min_ns"].dtype) == "Int64"
    assert frame["client_rtt_min_ns"].isna().tolist() == [False, True, True]
    assert frame["previous"].isna().tolist() == [True, True, False]
    assert frame["server_state"].tolist() == ["CLOSE-WAIT", "MIDSTREAM", "UNSEEN"]
    assert frame["server_retransmissions"].tolist() == [12, 0, 0]


def test_finding_and_event_frames() -> None:
    findings = REPORT.to_frame("findings")
    assert findings.index.tolist() == [finding.id for finding in REPORT.findings]
    assert findings.loc["half-open-1", "severity"] == "warning"
    assert findings.loc["half-open-1", "streams"] == [0]
    assert len(REPORT.to_frame("events")) == len(REPORT.tables.events)
    assert len(REPORT.where("2").to_frame("events")) == 2
    assert len(REPORT.flow(1).events()) == 1
    assert len(made.healthy().to_frame()) == 0


def test_worst_severity() -> None:
    assert REPORT.worst() is Severity.CRITICAL
    assert made.healthy().worst() is None


def test_finding_by_id() -> None:
    assert REPORT.finding("half-open-1").kind == "half-open"
    with pytest.raises(UsageError, match="no finding 'x'"):
        REPORT.finding("x")


@pytest.mark.parametrize(("name", "start"), [("r.txt", "office.pcap:"), ("r.md", "# office"), ("r.JSON", "{\n")])
def test_save_goes_by_extension(tmp_path: Path, name: str, start: str) -> None:
    REPORT.save(tmp_path / name)
    assert (tmp_path / name).read_text().startswith(start)


def test_to_json_writes_a_file(tmp_path: Path) -> None:
    text = REPORT.to_json(tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text() == text


@pytest.mark.parametrize("name", ["report.pdf", "report", "absent/report.md"])
def test_output_that_cannot_be_written_is_refused_beforehand(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        check_output(tmp_path / name)


def test_import_is_light() -> None:
    import subprocess
    import sys

    code = "import sys, tcpdiag; print([m for m in ('numpy', 'pandas', 'typer') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
