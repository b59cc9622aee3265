"""The second look finds the segments of each connection where the first pass saw them."""

from pathlib import Path

import dpkt
import numpy as np
import pytest

import tcpdiag
from places import FIXTURES
from tcpdiag.again import parts
from tcpdiag.model.tables import Tables

CAPTURES = sorted(path for path in FIXTURES.glob("*/*.pcap*") if path.is_file())


def counted(tables: Tables, path: Path, streams: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Segments and payload bytes of each endpoint, (flows, 2)."""
    packets, size = np.zeros((2, len(tables.flows), 2), np.int64)
    for part in parts(tables, [str(path)], streams):
        np.add.at(packets, (part.streams, part.sides), 1)
        np.add.at(size, (part.streams, part.sides), part.rows["payload_len"].astype(np.int64))
    return packets, size


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.parent.name)
def test_each_endpoint_has_the_segments_that_the_first_pass_counted(path: Path) -> None:
    tables = tcpdiag.analyze(path, hints=False).tables
    packets, size = counted(tables, path)
    assert packets.tolist() == tables.endpoints["packets"].reshape(-1, 2).tolist()
    single = tables.flows["copies"] == 0  # the bytes of copies that the capture made are counted once
    assert size[single].tolist() == tables.endpoints["bytes"].reshape(-1, 2)[single].tolist()


@pytest.mark.parametrize("path", CAPTURES[:4], ids=lambda path: path.parent.name)
def test_only_the_chosen_connections_are_there(path: Path) -> None:
    tables = tcpdiag.analyze(path, hints=False).tables
    every, _ = counted(tables, path)
    chosen = np.arange(0, len(tables.flows), 2)
    packets, _ = counted(tables, path, chosen)
    assert packets[chosen].tolist() == every[chosen].tolist()
    assert packets.sum() == every[chosen].sum()


def test_what_came_in_fragments_has_its_payload(tmp_path: Path) -> None:
    """`payload_offset` counts in the buffer of the part, however many datagrams were put together in it."""
    texts = [bytes([65 + number]) * 3000 for number in range(3)]
    path = tmp_path / "fragments.pcap"
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file)
        for number, text in enumerate(texts):
            for packet in fragments(text, number):
                writer.writepkt(packet, 1000 + number)
    tables = tcpdiag.analyze(path, hints=False).tables
    (part,) = parts(tables, [str(path)])
    starts, lengths = (part.rows[name].tolist() for name in ("payload_offset", "captured_len"))
    found = [part.batch.buffer[at : at + size].tobytes() for at, size in zip(starts, lengths, strict=True)]
    assert found == texts


def fragments(text: bytes, number: int) -> list[bytes]:
    """One segment in IPv4 fragments of 1,480 bytes."""
    tcp = dpkt.tcp.TCP(sport=1000, dport=80, seq=1 + number * len(text), ack=1, flags=dpkt.tcp.TH_ACK, data=text)
    ends = {"src": bytes([10, 0, 0, 1]), "dst": bytes([10, 0, 0, 2])}
    whole = bytes(dpkt.ip.IP(**ends, id=number, p=dpkt.ip.IP_PROTO_TCP, data=tcp))[20:]
    packets = []
    for at in range(0, len(whole), 1480):
        piece = whole[at : at + 1480]
        more = at + len(piece) < len(whole)
        ip = dpkt.ip.IP(**ends, id=number, p=dpkt.ip.IP_PROTO_TCP, mf=int(more), offset=at // 8, data=piece)
        ip.len = 20 + len(piece)
        packets.append(bytes(dpkt.ethernet.Ethernet(data=ip)))
    return packets
