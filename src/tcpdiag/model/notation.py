"""Segments as lines of text, close to packetdrill: `client > server  F. 276:276(0) ack 4086 win 512 <mss 1460>`.

Numbers are relative to the initial sequence numbers where these are known. `model.script` reads the same notation.
"""

import numpy as np

from .segment import Flag, Option

LETTERS = (
    (Flag.FIN, "F"),
    (Flag.SYN, "S"),
    (Flag.RST, "R"),
    (Flag.PSH, "P"),
    (Flag.ACK, "."),
    (Flag.URG, "U"),
    (Flag.ECE, "E"),
    (Flag.CWR, "W"),
    (Flag.AE, "A"),
)
BARE_OPTIONS = {
    "sackOK": Option.SACK_PERMITTED,
    "fastopen": Option.FAST_OPEN,
    "mptcp": Option.MPTCP,
    "md5": Option.MD5,
    "ao": Option.AO,
}


def flag_letters(flags: int) -> str:
    """`F.` for FIN and ACK; `-` for a segment without any flag."""
    return "".join(letter for bit, letter in LETTERS if flags & bit) or "-"


def option_text(row: np.void, timestamps: bool = True, peer_isn: int | None = None) -> str:
    """The options of a SEGMENT row, in packetdrill's words; empty when it has none. timestamps: with those.
    peer_isn: as of `numbers`, for the edges of SACK blocks."""
    options, words = int(row["options"]), []
    if options & Option.MSS:
        words.append(f"mss {row['mss']}")
    if options & Option.WSCALE:
        words.append(f"wscale {row['wscale']}")
    if timestamps and options & Option.TIMESTAMPS:
        words.append(f"TS val {row['tsval']} ecr {row['tsecr']}")
    if options & Option.SACK:
        edges = [int(edge) for edge in row["sack"][: 2 * int(row["n_sack"])]]
        shown = edges if peer_isn is None else [_relative(edge, peer_isn) for edge in edges]
        words.append("sack " + " ".join(f"{left}:{right}" for left, right in zip(shown[::2], shown[1::2], strict=True)))
    words += [word for word, bit in BARE_OPTIONS.items() if options & bit]
    return ",".join(words)


def numbers(
    flags: int, seq: int, ack: int, payload_len: int, window: int, isn: int | None = None, peer_isn: int | None = None
) -> str:
    """`F. 276:276(0) ack 4086 win 512`: flags, sequence range, ACK and window of one segment.

    `isn` is the sender's initial sequence number, `peer_isn` the receiver's; None leaves the number as it was sent.
    A RST shows no window: it means nothing there (RFC 9293 section 3.10.7.4).
    """
    first = seq if isn is None else _relative(seq, isn)
    words = [flag_letters(flags), f"{first}:{first + payload_len}({payload_len})"]
    if flags & Flag.ACK:
        words.append(f"ack {ack if peer_isn is None else _relative(ack, peer_isn)}")
    if not flags & Flag.RST:
        words.append(f"win {window}")
    return " ".join(words)


def line(sender: str, receiver: str, text: str, options: str = "") -> str:
    """One segment with its direction."""
    return f"{sender} > {receiver}  {text}" + (f" <{options}>" if options else "")


def segment_line(row: np.void, sender: str, receiver: str, isn: int | None = None, peer_isn: int | None = None) -> str:
    """A SEGMENT row as one line; the window as in the header, not scaled."""
    flags, seq, ack, payload_len, window = (int(row[n]) for n in ("flags", "seq", "ack", "payload_len", "window"))
    return line(sender, receiver, numbers(flags, seq, ack, payload_len, window, isn, peer_isn),
                option_text(row, peer_isn=peer_isn))  # fmt: skip


def _relative(number: int, isn: int) -> int:
    """Distance from `isn`, negative only when `number` is just before it."""
    distance = (number - isn) & 0xFFFFFFFF
    return distance - (1 << 32) if distance > 0xFFFF0000 else distance
