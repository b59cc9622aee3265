"""A server of this moment, between real kernels: what its socket table says beside its capture."""

import shutil
from pathlib import Path

import pytest

import tcpdiag
from lab.laboratory import obstacle
from sockets import two_hosts
from sockets.two_hosts import FLUSHING, FORGOTTEN, LISTINGS, QUEUED, READ, UNREAD, UNSEEN
from tcpdiag.report import Report
from tcpdiag.sockets.compare import Agreement
from tcpdiag.sockets.table import JoinedListing

EVERYTHING = sorted({name for name in LISTINGS if not name.startswith("lsof")} - {"ss-close-wait.txt"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reason = obstacle() or next((f"no {tool}" for tool in ("tcpdump", "ss") if not shutil.which(tool)), None)
    if reason:
        pytest.skip(reason)
    found = tmp_path_factory.mktemp("host")
    two_hosts.record(found, [name for name, command in LISTINGS.items() if shutil.which(command.split()[0])])
    return found


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return tcpdiag.analyze(folder / "capture.pcap")


def table(report: Report, folder: Path, name: str) -> JoinedListing:
    if not (folder / name).exists():
        pytest.skip(f"{LISTINGS[name].split()[0]} is not installed")
    sockets = report.with_sockets(folder / name).sockets
    assert sockets is not None
    return sockets.listings[0]


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_socket_is_where_the_capture_predicts_it(report: Report, folder: Path, name: str) -> None:
    found = table(report, folder, name)
    assert found.listing.not_understood == {}
    assert len(found.joined) == 13
    assert found.count(Agreement.DIFFERS) == 0
    assert {row.socket.local.port for row in found.joined if row.verdict.agreement is Agreement.EXPLAINED} == {FLUSHING}
    assert [absent.local.port for absent in found.absent] == [FORGOTTEN]
    assert {socket.local.port for socket in found.unseen} == {UNSEEN}


@pytest.mark.parametrize("name", ["ss.txt", "netstat-all.txt"])
def test_who_holds_what_is_told_apart(report: Report, folder: Path, name: str) -> None:
    owned, waiting = table(report, folder, name).close_wait()
    assert (owned.ports, len(owned.sockets), owned.end_read) == ((UNREAD, READ), 8, 2)
    assert (waiting.ports, len(waiting.sockets), waiting.fileless) == ((QUEUED,), 2, True)


@pytest.mark.parametrize("name", ["lsof.txt", "lsof-queues.txt"])
def test_lsof_tells_what_processes_have(report: Report, folder: Path, name: str) -> None:
    found = table(report, folder, name)
    assert found.listing.not_understood == {}
    assert {row.verdict.agreement for row in found.joined} == {Agreement.AGREES}
    assert [holder.name.split()[0] for holder in found.close_wait()] == ["leaky"]


def test_findings_are_borne_out(report: Report, folder: Path) -> None:
    told = {finding.kind: finding for finding in report.with_sockets(folder / "ss.txt").findings}
    for kind in ("syn-unanswered", "close-wait-stuck"):
        assert told[kind].data["sockets"]["outcome"] == "confirmed"
        assert "leaky" in told[kind].summary
