"""What a real kernel makes of overlapping segments: run in a network namespace of its own.

Reads from standard input a JSON list of connections, each a list of [offset, text], in the order of sending; writes
what the application read of each.
"""

import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

import dpkt

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
HOST, PEER, PORT, FIRST = "10.9.0.1", "10.9.0.2", 7000, 1001
PAUSE_S = 0.002
WAIT_S = 2.0


class Peer:
    """The other end of a tun device: it sends what it likes."""

    def __init__(self) -> None:
        self._tun = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self._tun, TUNSETIFF, struct.pack("16sH", b"tun0", IFF_TUN | IFF_NO_PI))
        subprocess.run(["ip", "addr", "add", f"{HOST}/24", "dev", "tun0"], check=True)
        subprocess.run(["ip", "link", "set", "tun0", "up"], check=True)
        self._listener = socket.create_server((HOST, PORT), backlog=16)

    def converse(self, port: int, segments: list[tuple[int, str]]) -> str:
        """One connection: these segments, then a FIN behind the last byte."""
        self._send(port, FIRST - 1, 0, dpkt.tcp.TH_SYN)
        ack = (self._answer(port).seq + 1) % 2**32
        self._send(port, FIRST, ack, dpkt.tcp.TH_ACK)
        accepted, _ = self._listener.accept()
        for at, text in segments:
            self._send(port, FIRST + at, ack, dpkt.tcp.TH_ACK, text.encode())
            time.sleep(PAUSE_S)
        end = max(at + len(text) for at, text in segments)
        self._send(port, FIRST + end, ack, dpkt.tcp.TH_ACK | dpkt.tcp.TH_FIN)
        accepted.settimeout(WAIT_S)
        with accepted, accepted.makefile("rb") as stream:
            return stream.read().decode()

    def _send(self, port: int, seq: int, ack: int, flags: int, data: bytes = b"") -> None:
        tcp = dpkt.tcp.TCP(sport=port, dport=PORT, seq=seq, ack=ack, flags=flags, win=65535, data=data)
        ends = {"src": socket.inet_aton(PEER), "dst": socket.inet_aton(HOST)}
        os.write(self._tun, bytes(dpkt.ip.IP(**ends, p=dpkt.ip.IP_PROTO_TCP, data=tcp)))

    def _answer(self, port: int) -> dpkt.tcp.TCP:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if select.select([self._tun], [], [], WAIT_S)[0]:
                packet = os.read(self._tun, 65536)
                if packet[0] >> 4 == 4 and packet[9] == dpkt.ip.IP_PROTO_TCP:
                    tcp = dpkt.ip.IP(packet).data
                    if tcp.dport == port:
                        return tcp
        raise TimeoutError("the kernel does not answer")


if __name__ == "__main__":
    peer = Peer()
    json.dump([peer.converse(2000 + number, each) for number, each in enumerate(json.load(sys.stdin))], sys.stdout)
