"""The first bytes of connections, read from the capture again."""

import gzip
from pathlib import Path

import numpy as np
import pytest

import tcpdiag
from hints.made import (
    ACK,
    GET,
    HELLO,
    OK,
    POST_QUANTUM,
    PSH,
    START_NS,
    SYN,
    Conversation,
    client_hello,
    dns_answer,
    dns_packet,
    server_hello,
    server_name,
    write,
)
from tcpdiag.errors import UsageError
from tcpdiag.hints import beginnings
from tcpdiag.hints.beginnings import Found, places, read
from tcpdiag.hints.hint import FlowHints

LONG = client_hello(POST_QUANTUM, server_name(b"late.example.com"))
NO_FRAMES = np.zeros(0, np.uint32)


def hints(path: Path, stream: int = 0) -> FlowHints:
    return tcpdiag.analyze(path, hints=False).flow(stream).hints


def sni(path: Path, stream: int = 0) -> str | None:
    client = hints(path, stream).client
    return client.sni if client else None


def test_both_directions_with_their_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pcap", Conversation(dport=80).opened().asked(GET, OK).packets)
    found = hints(path)
    assert found.client is not None
    assert found.server is not None
    assert (found.client.host, found.client.path, found.client.frames) == ("www.example.com", "/doc/1", (4,))
    assert (found.server.status, found.server.frames) == (200, (6,))
    assert found.client.ts_ns == START_NS + 30_000_000


def test_a_hello_in_three_segments(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pcap", Conversation().opened().asked(LONG, server_hello(), mss=600).packets)
    found = hints(path)
    assert found.client is not None
    assert (found.client.sni, found.client.frames) == ("late.example.com", (4, 5, 6))
    assert found.server is not None
    assert found.server.version == "TLS 1.2"


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0), (0, 2, 1), (0, 0, 1, 1, 2), (0, 1, 0, 2)])
def test_segments_in_another_order_and_sent_twice(tmp_path: Path, order: tuple[int, ...]) -> None:
    talk = Conversation().opened()
    for part in order:
        talk.segment(ACK | PSH, 1 + 600 * part, 1, LONG[600 * part : 600 * (part + 1)])
    assert sni(write(tmp_path / "a.pcap", talk.packets)) == "late.example.com"


def test_retransmissions_cut_in_other_places_overlap(tmp_path: Path) -> None:
    talk = Conversation().opened()
    for start, end in ((0, 500), (700, 1400), (300, 900)):
        talk.segment(ACK | PSH, 1 + start, 1, LONG[start:end])
    assert sni(write(tmp_path / "a.pcap", talk.packets)) == "late.example.com"


def test_what_is_behind_a_hole_is_not_taken(tmp_path: Path) -> None:
    talk = Conversation().opened()
    talk.segment(ACK | PSH, 1, 1, LONG[:600]).segment(ACK | PSH, 1201, 1, LONG[1200:])
    found = hints(write(tmp_path / "a.pcap", talk.packets)).client
    assert found is not None
    assert (found.protocol, found.sni) == ("TLS", None)


def test_connections_that_alternate_are_told_apart(tmp_path: Path) -> None:
    talks = [
        Conversation(sport=40_000 + n)
        .opened()
        .asked(client_hello(POST_QUANTUM, server_name(b"n%d.example" % n)), mss=500)
        for n in range(5)
    ]
    packets = [packet for together in zip(*(talk.packets for talk in talks), strict=True) for packet in together]
    path = write(tmp_path / "a.pcap", packets)
    assert [sni(path, n) for n in range(5)] == [f"n{n}.example" for n in range(5)]


def test_a_connection_that_is_older_than_the_capture_has_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pcap", Conversation().opened().asked(HELLO).packets[3:])
    assert hints(path) == FlowHints()


def test_one_that_said_nothing_has_none(tmp_path: Path) -> None:
    assert hints(write(tmp_path / "a.pcap", Conversation().opened().packets)) == FlowHints()


def test_text_in_the_syn(tmp_path: Path) -> None:
    talk = Conversation(dport=80).segment(SYN, 0, 0, GET).segment(SYN | ACK, 0, 1 + len(GET), by_server=True)
    talk.segment(ACK, 1 + len(GET), 1)
    found = hints(write(tmp_path / "a.pcap", talk.packets)).client
    assert found is not None
    assert found.path == "/doc/1"


def test_a_packet_cut_behind_the_name(tmp_path: Path) -> None:
    packets = Conversation().opened().asked(HELLO).packets
    cut = 14 + 20 + 20 + HELLO.index(b"api.example.com") + len(b"api.example.com")
    assert sni(write(tmp_path / "a.pcap", packets, snaplen=cut)) == "api.example.com"
    assert sni(write(tmp_path / "b.pcap", packets, snaplen=cut - 1)) is None


def test_ipv6(tmp_path: Path) -> None:
    talk = Conversation(client="2001:db8::1", server="2001:db8::2").opened().asked(LONG, mss=500)
    assert sni(write(tmp_path / "a.pcap", talk.packets)) == "late.example.com"


def test_a_compressed_capture(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pcap", Conversation().opened().asked(HELLO).packets)
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert sni(path) == "api.example.com"


def test_several_files_that_a_hello_spans(tmp_path: Path) -> None:
    packets = Conversation().opened().asked(LONG, mss=600).packets
    paths = [write(tmp_path / "a.pcap", packets[:4]), write(tmp_path / "b.pcap", [])]
    whole = write(tmp_path / "whole.pcap", packets).read_bytes()
    paths[1].write_bytes(whole[:24] + whole[24 + sum(16 + len(packet) for packet in packets[:4]) :])
    found = tcpdiag.analyze(paths, hints=False).flow(0).hints.client
    assert found is not None
    assert found.sni == "late.example.com"


def test_a_second_connection_on_the_same_ports(tmp_path: Path) -> None:
    first = Conversation().opened().asked(HELLO[:100])
    second = Conversation()
    for flags, seq, ack, data, by_server in (
        (SYN, 5000, 0, b"", False),
        (SYN | ACK, 9000, 5001, b"", True),
        (ACK, 5001, 9001, b"", False),
        (ACK | PSH, 5001, 9001, client_hello(server_name(b"second.example")), False),
    ):
        second.segment(flags, seq, ack, data, by_server=by_server)
    path = write(tmp_path / "a.pcap", first.packets + second.packets)
    assert sni(path, 0) is None
    assert sni(path, 1) == "second.example"


def found_in(path: Path, answers: np.ndarray = NO_FRAMES, **options: object) -> Found:
    tables = tcpdiag.analyze(path, hints=False).tables
    return read((str(path),), places(tables, range(len(tables.flows))), answers, **options)  # type: ignore[arg-type]


def test_dns_answers_are_taken_from_their_frames(tmp_path: Path) -> None:
    message = dns_answer("a.b", ("a.b", "10.0.0.2"))
    path = write(tmp_path / "a.pcap", [dns_packet(message), *Conversation().opened().asked(HELLO).packets])
    assert found_in(path, np.array([1], np.uint32)).answers == [message]
    assert found_in(path).answers == []


def test_nothing_is_read_when_nothing_is_wanted() -> None:
    assert read(("gone.pcap",), [], NO_FRAMES).beginnings == {}


def test_reading_ends_where_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packets = [
        packet for n in range(3000) for packet in Conversation(sport=n + 1).opened().asked(b"PING " * 100).packets
    ]
    path = write(tmp_path / "a.pcap", packets, gap_ns=1000)
    found = found_in(path, stop=lambda: True)
    assert 0 < len(found.beginnings) < 3000
    assert (len(found.beginnings) + found.missed, found.why) == (3000, "reading was interrupted")
    monkeypatch.setattr(beginnings, "AGAIN_MAX", 1_000_000)
    found = found_in(path)
    assert 0 < found.missed < 3000
    assert found.why == "only the first 1 MB are read again"


def test_standard_input_and_pipes_cannot_be_read_twice(tmp_path: Path) -> None:
    import os

    path = write(tmp_path / "a.pcap", Conversation().opened().asked(HELLO).packets)
    wanted = places(tcpdiag.analyze(path, hints=False).tables, [0])
    os.mkfifo(tmp_path / "pipe")
    for name in ("-", str(tmp_path / "pipe")):
        with pytest.raises(UsageError, match="cannot be read twice"):
            read((name,), wanted, NO_FRAMES)
