"""Files with listings: real ones by every tool, their dates, their damage."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from places import FIXTURES
from tcpdiag.errors import UnreadableInput
from tcpdiag.model.states import State
from tcpdiag.sockets import listing as listings
from tcpdiag.sockets.listing import given as listings_of
from tcpdiag.sockets.listing import read
from tcpdiag.sockets.when import DATE_LINE, FILE_TIME, GIVEN

TABLE, DATA = FIXTURES / "socket-table", Path(__file__).parent / "data"
EVERYTHING = ["ss.txt", "netstat.txt", "proc.txt", "ss-plain.txt", "ss-oneline.txt", "ss-all.txt", "netstat-all.txt"]
OF_PROCESSES = ["lsof.txt", "lsof-queues.txt"]


def recorded(name: str) -> listings.Listing:
    path = TABLE / name
    (found,) = read(path if path.exists() else DATA / name)
    return found


@pytest.mark.parametrize("name", EVERYTHING + OF_PROCESSES + ["ss-close-wait.txt"])
def test_every_line_of_a_real_listing_is_understood(name: str) -> None:
    assert recorded(name).not_understood == {}


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_tool_lists_the_same_sockets(name: str) -> None:
    def sockets(listing: listings.Listing) -> set[tuple[object, ...]]:
        return {(s.local, s.remote, s.state, s.recv_q, s.send_q * (s.state is not State.LISTEN) if s.send_q else 0)
                for s in listing.sockets}  # fmt: skip

    assert sockets(recorded(name)) == sockets(recorded("ss.txt"))


@pytest.mark.parametrize("name", OF_PROCESSES)
def test_lsof_lists_what_processes_have(name: str) -> None:
    owned = {(s.local, s.remote): s.owners for s in recorded("ss.txt").sockets if s.owners}
    assert {(s.local, s.remote): s.owners for s in recorded(name).sockets} == owned


@pytest.mark.parametrize("name", ["ss.txt", "proc.txt", "netstat-all.txt"])
def test_what_no_process_can_have_has_no_inode(name: str) -> None:
    listing = recorded(name)
    found = {str(s.local) for s in listing.sockets if listing.fileless(s)}
    assert found == {"198.51.100.80:8082", "198.51.100.80:8083"}


def test_without_processes_and_inodes_nothing_is_said_of_them() -> None:
    listing = recorded("ss-plain.txt")
    assert {listing.fileless(socket) for socket in listing.sockets} == {None}


@pytest.mark.parametrize(
    ("name", "families", "filtered"),
    [
        ("ss.txt", {4, 6}, False),
        ("proc.txt", {4, 6}, False),
        ("lsof.txt", set(), False),
        ("ss-close-wait.txt", {4, 6}, True),
    ],
)
def test_it_is_known_whether_a_missing_socket_says_anything(name: str, families: set[int], filtered: bool) -> None:
    listing = recorded(name)
    assert (listing.families, listing.filtered) == (families, filtered)


def test_proc_net_tcp_alone_lacks_ipv4_on_ipv6_sockets(tmp_path: Path) -> None:
    lines = (TABLE / "proc.txt").read_text().splitlines(keepends=True)
    second = next(number for number, line in enumerate(lines) if "remote_address" in line)
    (tmp_path / "tcp").write_text("".join(lines[:second]))
    (tmp_path / "tcp6").write_text("".join(lines[second:]))
    assert read(tmp_path / "tcp")[0].families == set()
    assert read(tmp_path / "tcp6")[0].families == {6}


def test_the_date_above_it_is_its_time() -> None:
    taken = recorded("ss.txt").taken
    assert (taken.source, taken.resolution_ns, taken.assumed_utc) == (DATE_LINE, 1, False)


def test_each_date_begins_a_listing(tmp_path: Path) -> None:
    row = "ESTAB 0 0 10.0.0.1:22 10.0.0.2:3\n"
    path = tmp_path / "loop.txt"
    path.write_text(f"Sat Nov 21 04:31:57 UTC 2026\n{row}Sat Nov 21 04:31:59 UTC 2026\n{row}{row}")
    first, second = read(path)
    assert second.taken.ts_ns - first.taken.ts_ns == 2_000_000_000
    assert len(second.sockets) == 1  # the same one twice


def test_without_a_date_the_file_tells_its_time(tmp_path: Path) -> None:
    path = tmp_path / "ss.txt"
    path.write_text("ESTAB 0 0 10.0.0.1:22 10.0.0.2:3\n")
    (found,) = read(path)
    assert found.taken.source == FILE_TIME
    assert found.taken.ts_ns == path.stat().st_mtime_ns


def test_a_given_time_stands_above_all_dates(tmp_path: Path) -> None:
    path = tmp_path / "user@host.txt"
    path.write_text("2026-11-21T04:31:57Z\nESTAB 0 0 10.0.0.1:22 10.0.0.2:3\n")
    (found,) = listings_of(f"{path}@1795237131.5")
    assert (found.taken.source, found.taken.ts_ns) == (GIVEN, 1_795_237_131_500_000_000)
    (found,) = listings_of(path)
    assert found.taken.source == DATE_LINE


def test_two_tools_in_one_file_are_one_listing(tmp_path: Path) -> None:
    path = tmp_path / "both.txt"
    proc, lsof = ((TABLE / name).read_text().split("\n", 1)[1] for name in ("proc.txt", "lsof.txt"))
    path.write_text(proc + lsof)
    (found,) = read(path)
    assert found.format == "/proc/net/tcp and lsof"
    assert len([s for s in found.sockets if s.remote]) == 14
    close_wait = [s for s in found.sockets if s.local.port == 8080 and s.remote]
    assert all(s.owners[0].name == "leaky" and s.recv_q == 46 for s in close_wait)


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"\x00\xff" * 5000, b"# ss output follows\n", b"\xd4\xc3\xb2\xa1" * 99]
)
def test_any_other_file_is_unreadable(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(UnreadableInput, match="no socket listing"):
        read(path)


def test_a_file_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="No such file"):
        read(tmp_path / "x")


def test_an_empty_table_is_a_listing(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n")
    assert read(path)[0].sockets == ()


def test_of_a_line_without_end_only_the_beginning_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("ESTAB 0 0 10.0.0.1:22 10.0.0.2:3 " + "x" * 1_000_000 + "\nLISTEN 0 1 0.0.0.0:22 0.0.0.0:*\n")
    assert len(read(path)[0].sockets) == 2


def test_there_is_a_most_of_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "SOCKETS_MAX", 2)
    path = tmp_path / "x"
    path.write_text("".join(f"ESTAB 0 0 10.0.0.1:22 10.0.0.2:{port}\n" for port in range(1, 6)))
    (found,) = read(path)
    assert (len(found.sockets), found.not_understood) == (2, {"sockets beyond the first 2": 3})


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_damage_gives_rows_or_reasons(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    name = data.draw(st.sampled_from(EVERYTHING + OF_PROCESSES))
    content = bytearray((TABLE / name if (TABLE / name).exists() else DATA / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=30))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    try:
        found = read(path)
    except UnreadableInput:
        return
    for listing in found:
        for socket in listing.sockets:
            assert 0 <= socket.local.port <= 0xFFFF
            assert str(socket.local)
