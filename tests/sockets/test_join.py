"""Sockets and flows: who is who, at which time, and who is missing."""

import json
from pathlib import Path

import pytest

import tcpdiag
from captures.cases import Case, case_id, cases
from sockets.made import TABLE, at, edited, joined, listing, report_of
from tcpdiag.model.states import State
from tcpdiag.sockets.compare import Agreement
from tcpdiag.sockets.ends import end
from tcpdiag.sockets.listing import Listing
from tcpdiag.sockets.socket import Socket, state_named
from tcpdiag.sockets.when import GIVEN, Moment

KERNELS = [case for case in cases() if (case.folder / "states.json").exists() and not case.truth.get("derived_from")]


@pytest.mark.parametrize("name", ["ss.txt", "netstat.txt", "proc.txt"])
def test_every_socket_finds_its_flow(name: str) -> None:
    found = joined(report_of("socket-table").with_sockets(TABLE / name))
    assert sorted(row.stream for row in found.joined) == [*range(10), 11, 13, 14]
    assert {row.side for row in found.joined} == {"server"}
    assert found.count(Agreement.AGREES) == 12
    (explained,) = (row for row in found.joined if row.verdict.agreement is Agreement.EXPLAINED)
    assert (explained.stream, explained.predicted.state, explained.socket.state) == (
        11,
        State.ESTABLISHED,
        State.FIN_WAIT_1,
    )


@pytest.mark.parametrize("name", ["ss.txt", "netstat.txt", "lsof.txt"])
def test_what_the_capture_never_saw_is_counted(name: str) -> None:
    found = joined(report_of("socket-table").with_sockets(TABLE / name))
    assert found.unseen_by_port() == {("ESTABLISHED", 2222): 1}


@pytest.mark.parametrize("name", ["ss.txt", "netstat.txt", "proc.txt"])
def test_a_connection_that_the_kernel_lost_is_missing(name: str) -> None:
    (absent,) = joined(report_of("socket-table").with_sockets(TABLE / name)).absent
    assert (absent.stream, str(absent.local), absent.predicted.state) == (12, "198.51.100.80:8084", State.ESTABLISHED)


def test_lsof_lists_too_little_to_miss_anything() -> None:
    found = joined(report_of("socket-table").with_sockets(TABLE / "lsof.txt"))
    assert found.absent == ()
    assert found.absence_untold == "lsof does not list all sockets"


def test_nothing_is_missing_on_ports_that_a_filter_may_have_left_out(tmp_path: Path) -> None:
    text = (TABLE / "ss.txt").read_text().splitlines(keepends=True)
    port_8080 = [line for line in text if ":8080 " in line or line.startswith(("2026", "State"))]
    (tmp_path / "ss.txt").write_text("".join(port_8080))
    found = joined(report_of("socket-table").with_sockets(tmp_path / "ss.txt"))
    assert len(found.joined) == 6
    assert found.absent == ()


def test_who_holds_close_wait_is_told_apart() -> None:
    owned, waiting = joined(report_of("socket-table").with_sockets(TABLE / "ss.txt")).close_wait()
    assert owned.name.startswith("leaky (pid ")
    assert (len(owned.sockets), owned.unread, owned.end_read, owned.ports) == (8, (6, 270), 2, (8080, 8081))
    assert (waiting.name, waiting.fileless, len(waiting.sockets), waiting.ports) == ("no process", True, 2, (8082,))


@pytest.mark.parametrize(
    ("seconds", "when"), [(-60.0, "before"), (-0.1, "during"), (3.0, "during"), (8.4, "during"), (60.0, "after")]
)
def test_a_listing_from_outside_is_compared_at_the_nearest_moment(seconds: float, when: str, tmp_path: Path) -> None:
    report = report_of("socket-table")
    rows = "CLOSE-WAIT 0 0 198.51.100.80:8081 198.51.100.7:1\n"
    found = joined(report.with_sockets(listing(rows, at(report, seconds), tmp_path)))
    assert found.when == when
    assert report.tables.first_ts_ns <= found.compared_at_ns <= report.tables.last_ts_ns
    assert (found.absence_untold is None) == (when == "during")


def test_the_youngest_connection_that_had_begun_is_the_one(tmp_path: Path) -> None:
    report = report_of("portreuse-server-timewait")
    first, second = (flow for flow in report.flows if flow.previous == 0 or flow.number == 0)
    assert {first.client, first.server} == {second.client, second.server}
    row = f"ESTAB 0 0 {second.client} {second.server}\n"
    start = report.tables.first_ts_ns
    for flow in (first, second):
        moment = at(report, (flow.last_ts_ns - start) / 1e9)
        (found,) = joined(report.with_sockets(listing(row, moment, tmp_path))).joined
        assert found.stream == flow.number


def test_a_connection_that_began_later_is_another_one(tmp_path: Path) -> None:
    report = report_of("socket-table")
    flow = report.flow(13)
    early = at(report, (flow.first_ts_ns - report.tables.first_ts_ns) / 1e9 - 0.25)
    found = joined(report.with_sockets(listing(f"TIME-WAIT 0 0 {flow.server} {flow.client}\n", early, tmp_path)))
    assert (len(found.joined), len(found.unseen)) == (0, 1)


def test_a_socket_that_an_earlier_connection_left_is_of_both(tmp_path: Path) -> None:
    report = report_of("cwreuse-loop-silent")
    last = list(report.flows)[-1]
    row = f"CLOSE-WAIT 1 0 {last.server} {last.client}\n"
    end_s = (report.tables.last_ts_ns - report.tables.first_ts_ns) / 1e9
    (found,) = joined(report.with_sockets(listing(row, at(report, end_s), tmp_path))).joined
    assert found.lineage == (last.number, *last.lineage)
    assert found.verdict.agreement is Agreement.AGREES


def test_of_a_host_that_talks_to_itself_each_socket_has_its_side(tmp_path: Path) -> None:
    report = report_of("http-keepalive")
    flow = report.flow(0)
    rows = f"ESTAB 0 0 {flow.client} {flow.server}\nESTAB 0 0 {flow.server} {flow.client}\n"
    moment = at(report, (flow.first_ts_ns - report.tables.first_ts_ns) / 1e9 + 0.5)
    found = joined(report.with_sockets(listing(rows, moment, tmp_path)))
    assert [row.side for row in found.joined] == ["client", "server"]


def test_a_mapped_address_is_the_one_on_the_wire(tmp_path: Path) -> None:
    path = edited(tmp_path, ("198.51.100.80:8080 ", "[::ffff:198.51.100.80]:8080 "))
    assert len(joined(report_of("socket-table").with_sockets(path)).joined) == 13


@pytest.mark.parametrize("case", KERNELS, ids=case_id)
def test_kernels_agree_with_predictions(case: Case) -> None:
    """Listings made from what the kernels said, at six moments of each capture, of the host beside the tap."""
    report, span = tcpdiag.analyze(case.capture), case.truth["captures"][case.capture.name]
    near = {"server": {"server"}, "client": {"client"}}.get(case.truth["perspective"], {"server", "client", "loopback"})
    lives = [life for life in json.loads((case.folder / "states.json").read_text()) if life["ns"] in near]
    moments = [span["t_first"] + (span["t_last"] - span["t_first"]) * part / 7 for part in range(1, 7)]
    report = report.with_sockets(*(_listing(lives, moment) for moment in moments))
    assert report.sockets is not None
    assert [row.verdict for row in report.sockets if row.verdict.agreement is Agreement.DIFFERS] == []


def _listing(lives: list[dict[str, object]], seconds: float) -> Listing:
    sockets = []
    for life in lives:
        begun = [stay for stay in life["intervals"] if stay["t"] <= seconds]  # type: ignore[attr-defined]
        state = state_named(begun[-1]["state"]) if begun else None
        local = end(str(life["local"]))
        if state not in (None, State.CLOSED) and local:
            sockets.append(Socket(local, end(str(life["peer"])), state))
    return Listing("states.json", "ss", Moment(round(seconds * 1e9), 1, GIVEN), tuple(sockets))
