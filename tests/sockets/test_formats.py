"""Rows of each tool, one by one: what they say, and what cannot be read."""

from pathlib import Path

import pytest

from tcpdiag.model.states import State
from tcpdiag.sockets.listing import Listing, read
from tcpdiag.sockets.socket import Owner, Socket, Timer, state_named
from tcpdiag.sockets.when import GIVEN, Moment

AT = Moment(1_795_237_131_000_000_000, 1, GIVEN)
SS = "State  Recv-Q Send-Q  Local Address:Port  Peer Address:Port  Process\n"
SS_CLOSE_WAIT = "Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n"
LSOF = "COMMAND  PID USER   FD   TYPE DEVICE SIZE/OFF NODE NAME\n"
MAC = (
    "Active Internet connections (including servers)\n"
    "Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)     rhiwat shiwat    pid   epid\n"
)
MAC_15 = (
    "Proto Recv-Q Send-Q  Local Address  Foreign Address  (state)  rxbytes txbytes rhiwat shiwat process:pid state\n"
)


def listing_of(text: str, folder: Path) -> Listing:
    path = folder / "listing.txt"
    path.write_text(text)
    (found,) = read(path, AT)
    return found


def only(text: str, folder: Path) -> Socket:
    (socket,) = listing_of(text, folder).sockets
    return socket


@pytest.mark.parametrize(
    ("text", "local", "remote", "state"),
    [
        (SS + "ESTAB 0 0 10.0.0.1:22 10.0.0.2:3333", "10.0.0.1:22", "10.0.0.2:3333", "ESTABLISHED"),
        ("ESTAB 0 0 10.0.0.1:22 10.0.0.2:3333", "10.0.0.1:22", "10.0.0.2:3333", "ESTABLISHED"),
        ("tcp   ESTAB 0 0 10.0.0.1:22 10.0.0.2:3333", "10.0.0.1:22", "10.0.0.2:3333", "ESTABLISHED"),
        ("LISTEN 0 128 127.0.0.53%lo:53 0.0.0.0:*", "127.0.0.53:53", None, "LISTEN"),
        ("LISTEN 0 128 *:8085 *:*", "[::]:8085", None, "LISTEN"),
        ("LISTEN 0 128 [::]:443 [::]:*", "[::]:443", None, "LISTEN"),
        ("LISTEN 0 128 :::22 :::*", "[::]:22", None, "LISTEN"),
        ("ESTAB 0 0 [fe80::1%eth0]:22 [fe80::2%eth0]:50000", "[fe80::1]:22", "[fe80::2]:50000", "ESTABLISHED"),
        ("ESTAB 0 0 [fe80::1]%eth0:22 [fe80::2]:50000", "[fe80::1]:22", "[fe80::2]:50000", "ESTABLISHED"),
        (
            "FIN-WAIT-2 0 0 [::ffff:10.0.0.1]:80 [::ffff:10.0.0.2]:4000",
            "10.0.0.1:80",
            "10.0.0.2:4000",
            "FIN-WAIT-2",
        ),
        ("SYN-RECV 0 0 10.0.0.1:80 10.0.0.2:4000", "10.0.0.1:80", "10.0.0.2:4000", "SYN-RECEIVED"),
        (SS_CLOSE_WAIT + "46 0 10.0.0.1:80 10.0.0.2:4000", "10.0.0.1:80", "10.0.0.2:4000", None),
        (
            "# ss -tanpo state close-wait\n" + SS_CLOSE_WAIT + "46 0 10.0.0.1:80 10.0.0.2:4000",
            "10.0.0.1:80",
            "10.0.0.2:4000",
            "CLOSE-WAIT",
        ),
        ("tcp 0 0 10.0.0.1:22 10.0.0.2:3333 ESTABLISHED", "10.0.0.1:22", "10.0.0.2:3333", "ESTABLISHED"),
        ("tcp6 0 0 ::ffff:10.0.0.1:22 ::ffff:10.0.0.2:3 LAST_ACK", "10.0.0.1:22", "10.0.0.2:3", "LAST-ACK"),
        ("tcp6 0 0 :::80 :::* LISTEN", "[::]:80", None, "LISTEN"),
        ("tcp4 0 0 10.0.0.1.52786 17.57.144.84.5223 FIN_WAIT_1", "10.0.0.1:52786", "17.57.144.84:5223", "FIN-WAIT-1"),
        ("tcp46 0 0 *.80 *.* LISTEN", "[::]:80", None, "LISTEN"),
        ("tcp4 0 0 *.22 *.* LISTEN", "0.0.0.0:22", None, "LISTEN"),
        ("tcp6 0 0 fe80::1%lo0.1024 fe80::1%lo0.1025 ESTABLISHED", "[fe80::1]:1024", "[fe80::1]:1025", "ESTABLISHED"),
        ("  TCP    10.0.0.1:49700   10.0.0.2:443   CLOSE_WAIT   4711", "10.0.0.1:49700", "10.0.0.2:443", "CLOSE-WAIT"),
        ("  TCP    [::]:445   [::]:0   LISTENING   4", "[::]:445", None, "LISTEN"),
        (
            LSOF + "sshd 7 root 4u IPv4 26 0t0 TCP 10.0.0.1:22->10.0.0.2:3333 (ESTABLISHED)",
            "10.0.0.1:22",
            "10.0.0.2:3333",
            "ESTABLISHED",
        ),
        (LSOF + "sshd 7 root 3u IPv6 25 0t0 TCP [::1]:631 (LISTEN)", "[::1]:631", None, "LISTEN"),
        (LSOF + "sshd 7 root 3u IPv4 25 0t0 TCP *:22 (LISTEN)", "0.0.0.0:22", None, "LISTEN"),
        (
            "   0: 0100007F:0035 0200007F:BEEF 06 00000000:00000000 03:00000123 00000000     0        0 0 3 00",
            "127.0.0.1:53",
            "127.0.0.2:48879",
            "TIME-WAIT",
        ),
        (
            "  11: B80D0120000051000000000080000000:1F95 B80D0120000051000000000007000000:AFEC 01 00000000:00000000 "
            "02:000AFA16 00000000     0        0 262871 2 00",
            "[2001:db8:51::80]:8085",
            "[2001:db8:51::7]:45036",
            "ESTABLISHED",
        ),
    ],
)
def test_ends_and_state(text: str, local: str, remote: str | None, state: str | None, tmp_path: Path) -> None:
    socket = only(text, tmp_path)
    assert str(socket.local) == local
    assert (None if socket.remote is None else str(socket.remote)) == remote
    assert (None if socket.state is None else str(socket.state)) == state


def test_ss_names_processes_timers_and_what_it_knows_of_the_connection(tmp_path: Path) -> None:
    socket = only(
        'ESTAB 3 5 10.0.0.1:22 10.0.0.2:3333 users:(("sshd",pid=7,fd=4),("sshd",pid=9,fd=4)) '
        "timer:(keepalive,1min30sec,2) uid:1000 ino:26 sk:1a <->\n"
        "\t ts sack cubic rto:204 rtt:0.1/0.05 lastsnd:12 lastrcv:13 retrans:1/4 bytes_acked:99 rcv_space:1\n",
        tmp_path,
    )
    assert socket.owners == (Owner("sshd", 7, 4), Owner("sshd", 9, 4))
    assert socket.timer == Timer("keepalive", 90_000_000_000, 2)
    assert (socket.recv_q, socket.send_q, socket.uid, socket.inode) == (3, 5, 1000, 26)
    assert socket.info == {"lastsnd": 12, "lastrcv": 13, "retrans": 4, "bytes_acked": 99}


def test_ss_of_long_ago_names_processes_otherwise(tmp_path: Path) -> None:
    assert only('ESTAB 0 0 10.0.0.1:22 10.0.0.2:3 users:(("sshd",7,4))', tmp_path).owners == (Owner("sshd", 7, 4),)


@pytest.mark.parametrize("name", ['a"b', "ino:0 (x", ")) timer:(on,", "\x1b[31mred", "имя"])
def test_a_process_may_be_called_anything(name: str, tmp_path: Path) -> None:
    socket = only(f'ESTAB 0 0 10.0.0.1:22 10.0.0.2:3 users:(("{name}",pid=7,fd=4)) ino:26', tmp_path)
    assert socket.owners == (Owner(name, 7, 4),)
    assert (socket.inode, socket.timer) == (26, None)


@pytest.mark.parametrize(
    ("rest", "owners", "inode", "timer"),
    [
        ("7/sshd: root@pts/0", (Owner("sshd: root@pts/0", 7, None),), None, None),
        ("-", (), None, None),
        ("7/sshd              keepalive (7195.25/0/0)", (Owner("sshd", 7, None),), None, ("keepalive", 7195.25, 0)),
        ("-                   probe (0.61/0/3)", (), None, ("persist", 0.61, 0)),
        ("7/sshd              off (0.00/0/0)", (Owner("sshd", 7, None),), None, None),
    ],
)
def test_netstat_of_linux_behind_the_state(
    rest: str, owners: tuple[Owner, ...], inode: int | None, timer: tuple[str, float, int] | None, tmp_path: Path
) -> None:
    socket = only(f"tcp 0 0 10.0.0.1:22 10.0.0.2:3 ESTABLISHED {rest}", tmp_path)
    assert (socket.owners, socket.inode) == (owners, inode)
    assert socket.timer == (timer and Timer(timer[0], round(timer[1] * 1e9), timer[2]))


def test_netstat_with_users_and_inodes(tmp_path: Path) -> None:
    head = "Proto Recv-Q Send-Q Local Address Foreign Address State       User       Inode      PID/Program name\n"
    socket = only(head + "tcp 0 0 10.0.0.1:22 10.0.0.2:3 CLOSE_WAIT 0          0          -", tmp_path)
    assert (socket.uid, socket.inode, socket.owners) == (0, 0, ())


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        (MAC + "tcp4 0 0 10.0.0.1.5 10.0.0.2.443 ESTABLISHED 131072 131072 361 0", Owner("process", 361, None)),
        (MAC_15 + "tcp4 0 0 10.0.0.1.5 10.0.0.2.443 ESTABLISHED 9 9 13 13 apsd:361 00102", Owner("apsd", 361, None)),
    ],
)  # fmt: skip
def test_netstat_of_macos_names_processes_by_its_head(text: str, owner: Owner, tmp_path: Path) -> None:
    assert only(text, tmp_path).owners == (owner,)


def test_lsof_has_a_line_for_each_descriptor_of_a_socket(tmp_path: Path) -> None:
    line = "nginx {} root {}u IPv4 26 0t0 TCP 10.0.0.1:80->10.0.0.2:3 (CLOSE_WAIT QR=46 QS=0)\n"
    socket = only(LSOF + line.format(7, 4) + line.format(8, 4), tmp_path)
    assert socket.owners == (Owner("nginx", 7, 4), Owner("nginx", 8, 4))
    assert (socket.recv_q, socket.send_q, socket.unread) == (46, 0, 45)


def test_lsof_writes_blanks_of_a_command_as_escapes(tmp_path: Path) -> None:
    text = LSOF + "Google\\x20C 7 me 4u IPv4 0xabc 0t0 TCP 10.0.0.1:80->10.0.0.2:3 (ESTABLISHED)"
    assert only(text, tmp_path).owners == (Owner("Google C", 7, 4),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ESTAB 0 0 web.example:22 10.0.0.2:3", "names or cut addresses"),
        ("ESTAB 0 0 10.0.0.1:nosuchservice 10.0.0.2:3", "ports by names"),
        ("ESTAB 0 0 10.0.0.1:99999 10.0.0.2:3", "no port"),
        ("ESTAB 0 0 10.0.0.1:22", "rows of ss that are cut"),
        ("ESTAB many 0 10.0.0.1:22 10.0.0.2:3", "rows of ss without queues"),
        ("tcp 0 0 10.0.0.1:22 10.0.0.2:3", "rows of netstat that are cut"),
        ("tcp ² 0 10.0.0.1:22 10.0.0.2:3 ESTABLISHED", "rows of netstat without queues"),
        ("tcp6 0 0 2001:db8:aaaa::123:8443 2001:db8:aaaa::12:59970 ESTABLISHED", "netstat has cut"),
        ("tcp6 0 0 2001:db8:1234:5678:8443 2001:db8:1234:567:59672 ESTABLISHED", "netstat has cut"),
        ("something else", "other lines"),
    ],
)
def test_what_is_not_understood_is_counted_by_reason(text: str, reason: str, tmp_path: Path) -> None:
    listing = listing_of(SS + text + "\nLISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n", tmp_path)
    assert len(listing.sockets) == 1
    ((found, count),) = listing.not_understood.items()
    assert reason in found
    assert count == 1


def test_netstat_that_does_not_cut_is_believed(tmp_path: Path) -> None:
    text = (
        "tcp6 0 0 2001:db8:aaaa::1234:5678:9abc:8443 :::* LISTEN\n"
        "tcp6 0 0 2001:db8:aaaa::123:8443 2001:db8:aaaa::12:59970 ESTABLISHED\n"
    )
    assert str(listing_of(text, tmp_path).sockets[1].local) == "[2001:db8:aaaa::123]:8443"


def test_services_are_looked_up_by_name(tmp_path: Path) -> None:
    assert only("ESTAB 0 0 10.0.0.1:https 10.0.0.2:3", tmp_path).local.port == 443


@pytest.mark.parametrize(
    "line",
    [
        "udp   UNCONN 0 0 0.0.0.0:68 0.0.0.0:*",
        "u_str ESTAB 0 0 * 12345 * 12346",
        "udp        0      0 0.0.0.0:68              0.0.0.0:*",
        "unix  3      [ ]         STREAM     CONNECTED     12345    1/init",
        "avahi 7 root 4u IPv4 26 0t0 UDP *:5353",
    ],
)
def test_other_kinds_of_socket_are_left_out_in_silence(line: str, tmp_path: Path) -> None:
    listing = listing_of(SS + line + "\nLISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n", tmp_path)
    assert (len(listing.sockets), listing.not_understood) == (1, {})


@pytest.mark.parametrize(
    "word", ["ESTAB", "ESTABLISHED", "SYN_RCVD", "NEW-SYN-RECV", "FIN_WAIT1", "FIN-WAIT-2", "UNCONN"]
)
def test_every_tools_words_are_states(word: str) -> None:
    assert isinstance(state_named(word), State)


@pytest.mark.parametrize("word", ["UNSEEN", "MIDSTREAM", "Recv-Q", ""])
def test_other_words_are_none(word: str) -> None:
    assert state_named(word) is None


@pytest.mark.parametrize(
    ("state", "recv_q", "unread", "end_read"),
    [
        ("CLOSE-WAIT", 46, 45, False),
        ("CLOSE-WAIT", 1, 0, False),
        ("CLOSE-WAIT", 0, 0, True),
        ("ESTAB", 46, 46, None),
        ("LISTEN", 3, None, None),
    ],
)
def test_a_fin_counts_one_byte_until_it_is_read(
    state: str, recv_q: int, unread: int | None, end_read: bool | None, tmp_path: Path
) -> None:
    socket = only(f"{state} {recv_q} 0 10.0.0.1:80 10.0.0.2:3", tmp_path)
    assert (socket.unread, socket.end_read) == (unread, end_read)


def test_bsd_does_not_count_the_fin(tmp_path: Path) -> None:
    socket = only("tcp4 46 0 10.0.0.1.80 10.0.0.2.3 CLOSE_WAIT", tmp_path)
    assert (socket.unread, socket.end_read) == (46, None)
