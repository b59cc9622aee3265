"""Made SEGMENT rows that no peer would send: small numbers, so that every rule meets every other one."""

import random
import struct
from pathlib import Path

import dpkt
import numpy as np

from tcpdiag.model.segment import SEGMENT, Flag, Option

SYN, ACK, FIN, RST = int(Flag.SYN), int(Flag.ACK), int(Flag.FIN), int(Flag.RST)
STEPS_NS = (1_000, 10_000, 1_000_000, 4_000_000, 19_000_000, 30_000_000, 300_000_000)
AHEAD = (0,) * 12 + (-1, -1, -1, -2, -10, -10, -11, -20, -30, 5, 10, 1000, 2**31)


def segments(seed: int, flows: int, each: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, the flow of each, and the side of its sender; the flows one after the other."""
    dice = random.Random(seed)
    rows = np.zeros(flows * each, SEGMENT)
    sides = np.zeros(len(rows), np.uint8)
    for flow in range(flows):
        _fill(dice, rows[flow * each : (flow + 1) * each], sides[flow * each : (flow + 1) * each])
    rows["frame"] = np.arange(1, len(rows) + 1)
    return rows, np.repeat(np.arange(flows), each), sides


def _fill(dice: random.Random, rows: np.ndarray, sides: np.ndarray) -> None:
    """One flow."""
    first = (dice.choice((1000, 2**32 - 20, 0)), dice.choice((1, 2**32 - 5, 70_000)))
    following, acked = list(first), [0, 0]
    windows = dice.choice(((0, 100, 100), (100,), (1000, 100, 10), (0, 0, 1, 10)))
    now, stamps = 1_000_000_000, dice.random() < 0.5
    for number, row in enumerate(rows):
        side = sides[number] = dice.randrange(2) if number > 2 else (0, 1, 0)[number]
        now += dice.choice(STEPS_NS) if dice.random() > 0.02 else -10_000
        flags = (SYN, SYN | ACK)[number] if number < 2 else _flags(dice)
        length = dice.choice((0, 0, 0, 1, 1, 2, 10, 10, 30)) if number > 1 else 0
        seq = first[side] if flags & SYN else following[side] + dice.choice(AHEAD)
        acked[side] = dice.choice((acked[side], acked[side], following[1 - side], acked[side] + 5, acked[side] + 200))
        row["ts_ns"], row["flags"], row["seq"], row["payload_len"] = now, flags, seq % 2**32, length
        row["ack"], row["window"], row["ip_id"] = acked[side] % 2**32, dice.choice(windows), number * dice.randrange(3)
        if stamps:
            row["options"] |= Option.TIMESTAMPS
            row["tsval"] = now // 1_000_000 + dice.randrange(3)
        if dice.random() < 0.15:
            _sack(dice, row, acked[side])
        if not flags & RST:
            following[side] = max(following[side], seq + length + bool(flags & (SYN | FIN)))


def _flags(dice: random.Random) -> int:
    return dice.choice([ACK] * 30 + [ACK | FIN, RST, RST | ACK, SYN, SYN | ACK, 0])


def _sack(dice: random.Random, row: np.ndarray, ack: int) -> None:
    row["options"] |= Option.SACK
    row["n_sack"] = dice.randrange(1, 5)
    for block in range(int(row["n_sack"])):
        left = ack + 10 * block - dice.choice((0, 0, 15))
        row["sack"][2 * block : 2 * block + 2] = left % 2**32, (left + dice.choice((5, 10))) % 2**32


def write(path: Path, rows: np.ndarray, flows: np.ndarray, sides: np.ndarray) -> Path:
    """The same as a capture: each flow has a client port of its own, and begins after the one before."""
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file, nano=True)
        for row, flow, side in zip(rows, flows.tolist(), sides.tolist(), strict=True):
            ports = (10_000 + flow, 80)
            tcp = dpkt.tcp.TCP(
                sport=ports[side],
                dport=ports[1 - side],
                seq=int(row["seq"]),
                ack=int(row["ack"]),
                flags=int(row["flags"]),
                win=int(row["window"]),
                opts=_options(row),
                data=b"x" * int(row["payload_len"]),
            )
            tcp.off = 5 + len(tcp.opts) // 4
            ends = (bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
            ip = dpkt.ip.IP(src=ends[side], dst=ends[1 - side], p=6, id=int(row["ip_id"]), data=tcp)
            ip.len = len(ip)
            frame = bytes(dpkt.ethernet.Ethernet(data=ip))
            seconds, ns = divmod(int(row["ts_ns"]) + flow * 10**12, 10**9)
            file.write(struct.pack("<IIII", seconds, ns, len(frame), len(frame)) + frame)
        del writer
    return path


def _options(row: np.ndarray) -> bytes:
    """Timestamps and as many SACK blocks as there is room for; a SYN also has a window scale of 2."""
    found = b"\x03\x03\x02\x01" if row["flags"] & SYN else b""
    if row["options"] & Option.TIMESTAMPS:
        found += b"\x01\x01\x08\x0a" + struct.pack(">II", int(row["tsval"]), 0)
    blocks = min(int(row["n_sack"]), (40 - len(found) - 4) // 8)
    if blocks:
        found += b"\x01\x01\x05" + bytes([2 + 8 * blocks])
        found += b"".join(struct.pack(">I", int(edge)) for edge in row["sack"][: 2 * blocks])
    return found
