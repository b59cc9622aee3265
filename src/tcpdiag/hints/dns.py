"""DNS answers: names of addresses, for labels."""

import re
import struct
from bisect import bisect
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from typing import Final

from ..units import shortened
from .hint import NAME_MAX

A, CNAME, AAAA, IN = 1, 5, 28, 1  # RFC 1035 section 3.2, RFC 3596 section 2.1
HEADER: Final = 12
MESSAGE_MAX: Final = 4096  # what nearly all resolvers take over UDP, RFC 6891 section 6.2.5
RECORDS_MAX: Final = 64
POINTERS_MAX: Final = 512
"""Bytes of a message that could begin a compressed name; the most that reading one name can follow."""
ANSWERS_AN_ADDRESS: Final = 8
PARSED_MAX: Final = 1024
ADDRESS: Final = re.compile(rb"\0\x01\0\x01.{4}\0\x04(.{4})|\0\x1c\0\x01.{4}\0\x10(.{16})", re.DOTALL)
POINTER: Final = re.compile(rb"[\xc0-\xff]")


def names_of(messages: Sequence[bytes], wanted: Collection[bytes]) -> Mapping[bytes, str]:
    """Names of the wanted addresses (4 or 16 bytes): what was asked for when the answer held the address.

    An address with several names gets the one that was asked for most often, of equals the first.
    """
    found: dict[bytes, Counter[str]] = {address: Counter() for address in wanted}
    ends = list(accumulate(map(len, messages)))
    parsed: dict[int, dict[bytes, str]] = {}
    for match in ADDRESS.finditer(b"".join(messages)):
        names = found.get(match[1] or match[2])
        if names is None or names.total() >= ANSWERS_AN_ADDRESS:
            continue
        place = bisect(ends, match.start())
        if place not in parsed:
            if len(parsed) == PARSED_MAX:
                break
            parsed[place] = addresses(messages[place])
        if name := parsed[place].get(match[1] or match[2]):
            names[name] += 1
    return {address: names.most_common(1)[0][0] for address, names in found.items() if names}


def addresses(message: bytes) -> dict[bytes, str]:
    """The addresses in a response and the name that was asked for; {} for what is no DNS."""
    import dpkt  # 40 ms, for nobody who does not need it

    data = message[:MESSAGE_MAX]
    if len(data) < HEADER or len(POINTER.findall(data)) > POINTERS_MAX:
        return {}
    questions, answers = struct.unpack("!HH", data[4:8])
    if questions != 1:
        return {}
    found: dict[str, list[bytes]] = {}
    also_known_as: dict[str, str] = {}
    asked = ""
    try:
        asked, at = dpkt.dns.unpack_name(data, HEADER)
        at += 4
        for _ in range(min(answers, RECORDS_MAX)):
            owner, at = dpkt.dns.unpack_name(data, at)
            kind, family, _, size = struct.unpack("!HHIH", data[at : at + 10])
            at += 10
            if family == IN and kind == CNAME:
                also_known_as[owner.lower()] = dpkt.dns.unpack_name(data, at)[0].lower()
            elif family == IN and (kind, size) in ((A, 4), (AAAA, 16)) and at + size <= len(data):
                found.setdefault(owner.lower(), []).append(data[at : at + size])
            at += size
    except (dpkt.UnpackError, struct.error, UnicodeDecodeError):
        pass  # what was read until here stands
    name = asked.lower()
    label = shortened(name, NAME_MAX)
    reached: dict[bytes, str] = {}
    for _ in range(len(also_known_as) + 1):
        reached |= dict.fromkeys(found.get(name, ()), label)
        name = also_known_as.get(name, "")
    return reached if label else {}
