"""The JSON contract: the schema, exact times, flows straight from the columns."""

import json
import random
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import tcpdiag.reports
from reports import made
from tcpdiag.flow_columns import COUNTS
from tcpdiag.model.flow import DETAIL, ENDPOINT, FLOW
from tcpdiag.model.tables import Tables
from tcpdiag.report import Report
from tcpdiag.reports import json_rows
from tcpdiag.units import epoch

SCHEMA = json.loads((Path(tcpdiag.reports.__file__).parent / "schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "report", [made.report(), made.crowded(), made.mild(), made.healthy(), made.report().where("stream 2")]
)
def test_output_follows_the_schema(report: Report) -> None:
    errors = [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(json.loads(report.to_json()))]
    assert errors == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: document.pop("unexamined"),
        lambda document: document["findings"][0].update(extra=1),
        lambda document: document["flows"][0].update(client="10.0.0.1"),
        lambda document: document["flows"][0]["states"]["client"][0].update(state="CLOSE_WAIT"),
        lambda document: document["flows"][0].update(first_ts="1.5"),
        lambda document: document["captures"][0].update(damage={}),
        lambda document: document["captures"][0]["interfaces"][0].pop("dropped_by_os"),
        lambda document: document["captures"][0]["interfaces"][0].update(received=-1),
    ],
)
def test_schema_refuses_what_is_not_the_contract(damage: object) -> None:
    document = json.loads(made.report().to_json())
    damage(document)  # type: ignore[operator]
    assert not VALIDATOR.is_valid(document)


def test_states_go_to_client_and_server_and_withdrawn_ones_are_left_out() -> None:
    flows = json.loads(made.report().to_json())["flows"]
    assert [entry["state"] for entry in flows[0]["states"]["server"]] == ["SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT"]
    assert flows[1]["client"] == "198.51.100.240:50000"
    assert flows[1]["states"]["client"] == []
    assert [entry["state"] for entry in flows[1]["states"]["server"]] == ["MIDSTREAM"]
    assert flows[1]["packets"] == [2, 3]


def test_state_that_a_timer_brought_has_no_frame() -> None:
    last = json.loads(made.report().to_json())["flows"][2]["states"]["client"][-1]
    assert last == {"state": "CLOSED", "ts": epoch(made.START_NS + 9_000_000_000), "frame": None, "certain": False}


def test_unknown_is_null_and_never_zero() -> None:
    flows = json.loads(made.report().to_json())["flows"]
    assert [flow["lineage"]["previous"] for flow in flows] == [None, None, 0]
    assert flows[0]["rtt_mean_ns"] == [25_000_000, None]
    assert [flow["tunnel"] for flow in flows] == [None, None, "VXLAN vni 42"]


def test_interfaces_tell_what_they_dropped_and_null_where_the_file_does_not() -> None:
    (interface,) = json.loads(made.report().to_json())["captures"][0]["interfaces"]
    assert interface == {
        "name": "eth0",
        "link_type": "EN10MB",
        "snaplen": 262144,
        "received": 119,
        "dropped_by_interface": 7,
        "dropped_by_os": None,
    }


def test_output_is_ascii_and_text_comes_back_as_it_was() -> None:
    title = f"{made.HOSTILE} \x7f \x9b \U0001f600"
    text = made.report(findings=(made.finding(title=title),), incidents=()).to_json()
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert json.loads(text)["findings"][0]["title"] == title


def test_file_name_that_is_no_text_does_not_break_it() -> None:
    tables = made.tables()
    file = replace(tables.files[0], path="caf\udce9.pcap")
    report = made.report(tables=replace(tables, files=(file,)))
    assert json.loads(report.to_json())["captures"][0]["path"] == "caf\\udce9.pcap"


def test_data_may_hold_numpy_and_sets() -> None:
    data = {"n": np.int64(3), "ports": {2, 1}, "list": np.array([1, 2])}
    text = made.report(findings=(made.finding(data=data),), incidents=()).to_json()
    assert json.loads(text)["findings"][0]["data"] == {"n": 3, "ports": [1, 2], "list": [1, 2]}


def test_each_flow_stands_on_a_line_of_its_own() -> None:
    lines = made.report().to_json().splitlines()
    start = lines.index('"flows": [')
    assert [json.loads(line.rstrip(","))["stream"] for line in lines[start + 1 : start + 4]] == [0, 1, 2]


def test_largest_values_of_every_column_fit() -> None:
    tables = _filled(3)
    flows = json.loads(Report(tables).to_json())["flows"]
    assert flows[0]["first_ts"] == epoch(2**63 - 1)
    assert flows[0]["bytes"] == [2**63 - 1, 2**63 - 1]
    assert flows[0]["client"] == "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"
    assert set(COUNTS) <= set(flows[0])


def test_flows_are_the_same_in_any_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = made.report().to_json()
    monkeypatch.setattr(json_rows, "FLOWS_A_CHUNK", 2)
    assert made.report().to_json() == whole


def test_compiled_and_uncompiled_kernel_write_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    native = made.report().to_json()
    monkeypatch.setenv("TCPDIAG_KERNELS", "python")
    assert made.report().to_json() == native


@pytest.mark.parametrize("native", [True, False])
def test_times_are_written_as_units_writes_them(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not native:
        monkeypatch.setenv("TCPDIAG_KERNELS", "python")
    chosen = random.Random(1)
    times = [0, 1, -1, 999_999_999, 10**9, -(10**9) - 5, 2**63 - 1, -(2**63) + 1]
    times += [chosen.randrange(-(10**19) // 2, 10**19 // 2) for _ in range(50)]
    tables = _filled(len(times))
    tables.flows["first_ts_ns"] = times
    flows = json.loads(Report(tables).to_json())["flows"]
    assert [flow["first_ts"] for flow in flows] == [epoch(time) for time in times]


def _filled(count: int) -> Tables:
    """Flows with the largest value in every column."""
    tables = Tables((), np.zeros(count, FLOW), np.zeros(2 * count, ENDPOINT), np.zeros(2 * count, DETAIL))
    for table in (tables.flows, tables.endpoints, tables.details):
        for name in table.dtype.names or ():
            table[name] = np.iinfo(table.dtype[name].base).max
    tables.flows["family"], tables.flows["detail"] = 6, 2 * np.arange(count)
    tables.endpoints["state"] = 12
    return tables
