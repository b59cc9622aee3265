"""Numbers for people and programs: time, sizes, addresses. The only copy of each of these formats."""

from functools import lru_cache
from pathlib import PurePath

from .errors import UsageError

NS = 1_000_000_000
IPV4_BITS, IPV6_BITS = 32, 128

_SIZES = ("B", "kB", "MB", "GB", "TB")
_LOW_64 = (1 << 64) - 1


def epoch(ts_ns: int) -> str:
    """Epoch seconds as a decimal string with 9 digits: `"1795218621.075721000"`. Exact; a float would not be."""
    seconds, rest = divmod(abs(ts_ns), NS)
    return f"{'-' if ts_ns < 0 else ''}{seconds}.{rest:09d}"


def utc(ts_ns: int) -> str:
    """Date and time in UTC, to the second: `"2026-11-21 01:23:41 UTC"`."""
    from datetime import UTC, datetime, timedelta

    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ts_ns // NS)
    except OverflowError:
        return f"{epoch(ts_ns)} s"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def relative(ns: int) -> str:
    """Seconds from the start of the capture, with sign and milliseconds: `"+1.021"`."""
    milliseconds = (abs(ns) + 500_000) // 1_000_000
    return f"{'-' if ns < 0 else '+'}{milliseconds // 1000}.{milliseconds % 1000:03d}"


def duration(ns: int) -> str:
    """A length of time as people say it: `"340 ms"`, `"13.9 s"`, `"2 min 5 s"`, `"3 h 20 min"`, `"2 d 4 h"`."""
    if ns < 0:
        return f"-{duration(-ns)}"
    if ns < 1_000:
        return f"{ns} ns"
    if ns < 999_500:
        return f"{(ns + 500) // 1_000} us"
    if ns < 999_500_000:
        return f"{_digits(ns / 1e6)} ms"
    if ns < 59_950_000_000:
        return f"{_digits(ns / 1e9)} s"
    seconds = (ns + NS // 2) // NS
    if seconds < 3600:
        return _pair(seconds, 60, "min", "s")
    if seconds < 86_400:
        return _pair((seconds + 30) // 60, 60, "h", "min")
    return _pair((seconds + 1800) // 3600, 24, "d", "h")


def size(count: float) -> str:
    """Bytes in decimal units, as disks and networks count: `"512 B"`, `"4.1 kB"`, `"0.94 GB"`."""
    if count < 1000:
        return f"{count:.0f} B"
    scale = 1
    while scale < len(_SIZES) - 1 and count / 1000**scale >= 999.5:
        scale += 1
    return f"{_digits(count / 1000**scale)} {_SIZES[scale]}"


def rate(count: float, ns: int) -> str:
    """Bytes over a time: `"4.1 MB/s"`; `"-"` over no time at all."""
    return f"{size(count * NS / ns)}/s" if ns > 0 else "-"


def number(count: int) -> str:
    """A count with thousands separated: `"2,000,000"`."""
    return f"{count:,}"


def percent(share: float) -> str:
    """A share as people say it: `"0.34 %"`, `"12.5 %"`, `"100 %"`."""
    return f"{_digits(100 * share)} %"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`"1 packet"`, `"2,345 packets"`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


@lru_cache(maxsize=1 << 16)
def address(family: int, hi: int, lo: int) -> str:
    """An address without brackets: `10.0.0.1`, `2001:db8::1` (RFC 5952). `hi`, `lo`: as in `model.segment`."""
    if family == 4:
        return f"{lo >> 24 & 255}.{lo >> 16 & 255}.{lo >> 8 & 255}.{lo & 255}"
    if hi == 0 and lo >> 32 == 0xFFFF:  # IPv4-mapped, RFC 5952 section 5
        return f"::ffff:{address(4, 0, lo & 0xFFFFFFFF)}"
    return _ipv6(hi, lo)


def host(family: int, hi: int, lo: int) -> str:
    """An address as it stands before a port: IPv6 in brackets."""
    text = address(family, hi, lo)
    return text if family == 4 else f"[{text}]"


def endpoint(family: int, hi: int, lo: int, port: int) -> str:
    """`10.0.0.1:80` or `[2001:db8::1]:80`."""
    return f"{host(family, hi, lo)}:{port}"


def parse_address(text: str) -> tuple[int, int, int]:
    """An address, with or without brackets, as (family, hi, lo). Raises UsageError."""
    import socket  # only filters need it; 5 ms at every start otherwise

    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    for family, kind in ((4, socket.AF_INET), (6, socket.AF_INET6)):
        try:
            value = int.from_bytes(socket.inet_pton(kind, bare))
        except (OSError, ValueError):
            continue
        return family, value >> 64, value & _LOW_64
    raise UsageError(f"{printable(text)!r} is not an IP address")


def parse_network(text: str) -> tuple[int, int, int, int]:
    """`10.0.0.0/8` or a single address, as (family, hi, lo, prefix length). Raises UsageError."""
    base, slash, length = text.partition("/")
    family, hi, lo = parse_address(base)
    bits = IPV4_BITS if family == 4 else IPV6_BITS
    if not slash:
        return family, hi, lo, bits
    if not length.isascii() or not length.isdigit() or int(length) > bits:
        raise UsageError(f"{printable(text)!r}: the prefix length must be 0 to {bits}")
    return family, hi, lo, int(length)


def file_name(path: str) -> str:
    """The last part of a path, `standard input` for `-`: whoever reads a report has the file in another folder."""
    return "standard input" if path == "-" else PurePath(path).name


def shortened(text: str, most: int) -> str:
    """The text, or so much of it that dots at its end tell of the rest."""
    return text if len(text) <= most else text[: most - 3] + "..."


def printable(text: str) -> str:
    """Text from a capture or a file name, safe on a terminal: control, escape, bidirectional and other invisible
    characters become `\\xNN` or `\\uNNNN`, as does whatever cannot be encoded."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _digits(value: float) -> str:
    """Three significant digits at most, no exponent: 0.94, 4.1, 13.9, 340."""
    if value >= 99.95:
        return f"{value:.0f}"
    text = f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"
    return text.removesuffix(".0")


def _pair(total: int, base: int, large: str, small: str) -> str:
    first, rest = divmod(total, base)
    return f"{first} {large} {rest} {small}" if rest else f"{first} {large}"


def _ipv6(hi: int, lo: int) -> str:
    """RFC 5952 section 4: lower case, no leading zeros, the first longest run of two or more zero groups as `::`."""
    groups = [value >> shift & 0xFFFF for value in (hi, lo) for shift in (48, 32, 16, 0)]
    start, longest, run = 0, 1, 0
    for index, group in enumerate(groups):
        run = 0 if group else run + 1
        if run > longest:
            start, longest = index - run + 1, run
    if longest < 2:
        return ":".join(f"{group:x}" for group in groups)
    left = ":".join(f"{group:x}" for group in groups[:start])
    right = ":".join(f"{group:x}" for group in groups[start + longest :])
    return f"{left}::{right}"
