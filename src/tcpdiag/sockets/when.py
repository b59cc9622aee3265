"""When a listing was taken: what the user says, a line of `date` above it, or the file's own time."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_tz
from pathlib import Path
from typing import Final, NamedTuple

from ..errors import UsageError
from ..units import NS, printable

GIVEN, DATE_LINE, FILE_TIME = "given", "date line", "file time"
SLACK_NS: Final = 200_000_000
"""The tools take the rows one by one, and the clock is read beside them, not with them."""


class Moment(NamedTuple):
    """A point in time, how exact it is, and who says so: GIVEN, DATE_LINE or FILE_TIME."""

    ts_ns: int
    resolution_ns: int
    source: str
    assumed_utc: bool = False  # no time zone was written

    @property
    def margin_ns(self) -> int:
        """How far the kernel's moment may be from `ts_ns`."""
        return self.resolution_ns + SLACK_NS


_EPOCH: Final = re.compile(r"([0-9]{9,11})(?:[.,]([0-9]{1,9}))?\Z")
_ISO: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]{1,9}))?"
    r"\s?(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})?\Z"
)
_MONTH_FIRST: Final = re.compile(
    r"(\w{3}) +(\w{3}) +([0-9]{1,2}) +([0-9]{2}:[0-9]{2}:[0-9]{2})(?: ([AP]M))?(?: ([A-Z]{1,5}))? +([0-9]{4})\Z",
    re.ASCII,
)
_DAY_FIRST: Final = re.compile(
    r"(\w{3}),? +([0-9]{1,2}) +(\w{3}) +([0-9]{4}) +([0-9]{2}:[0-9]{2}:[0-9]{2})(?: ([AP]M))?"
    r"(?: ([A-Z]{1,5}|[+-][0-9]{4}))?\Z",
    re.ASCII,
)
_LONGEST: Final = 80


def parse(text: str) -> Moment:
    """What a user writes: epoch seconds, or a date and time as in ISO 8601 (UTC without a zone). Raises UsageError."""
    found = stamp(text)
    if found is None:
        raise UsageError(f"{printable(text)!r} is not a time: epoch seconds, or as in 2026-11-21T04:31:57Z")
    return found._replace(source=GIVEN)


def stamp(line: str) -> Moment | None:
    """A line that is nothing but a date and time, as `date` prints it, also behind a `#`; None for any other."""
    text = line.strip().lstrip("#").strip()
    if not 9 < len(text) <= _LONGEST:
        return _epoch(text) if len(text) == 9 else None
    try:
        return _epoch(text) or _iso(text) or _words(text)
    except (ValueError, OverflowError):  # the 31st of February
        return None


def of_file(path: Path) -> Moment:
    """When the file was last written: right after the listing, if nobody copied or edited it since."""
    return Moment(path.stat().st_mtime_ns, NS, FILE_TIME)


def _epoch(text: str) -> Moment | None:
    match = _EPOCH.match(text)
    return None if match is None else Moment(*_fraction(int(match[1]) * NS, match[2]), DATE_LINE)


def _iso(text: str) -> Moment | None:
    match = _ISO.match(text)
    if match is None:
        return None
    zone = {None: "+00:00", "Z": "+00:00", "UTC": "+00:00", "GMT": "+00:00"}.get(match[4], match[4])
    seconds = int(datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}").timestamp())
    return Moment(*_fraction(seconds * NS, match[3]), DATE_LINE, match[4] is None)


def _words(text: str) -> Moment | None:
    """`Sat Nov 21 04:31:57 UTC 2026`, `Sat Nov 21 04:31:57 AM UTC 2026`, `Sat, 21 Nov 2026 04:31:57 +0000`."""
    if match := _MONTH_FIRST.match(text):
        day, month, year, clock, half, zone = match[3], match[2], match[7], match[4], match[5], match[6]
    elif match := _DAY_FIRST.match(text):
        day, month, year, clock, half, zone = match[2], match[3], match[4], match[5], match[6], match[7]
    else:
        return None
    parts = parsedate_tz(f"{day} {month} {year} {clock} {zone or '+0000'}")
    if parts is None or parts[9] is None:
        return None
    if zone is not None and zone.isalpha() and parts[9] == 0 and zone not in ("UTC", "GMT", "UT", "Z"):
        return None  # RFC 5322 section 4.3: an unknown zone is said to be 0, which it hardly is
    hour = parts[3] % 12 + 12 * (half == "PM") if half else parts[3]
    moment = datetime(parts[0], parts[1], parts[2], hour, parts[4], parts[5], tzinfo=UTC)
    return Moment((int(moment.timestamp()) - parts[9]) * NS, NS, DATE_LINE, zone is None)


def _fraction(ts_ns: int, digits: str | None) -> tuple[int, int]:
    """Time with its fraction, and the value of the last digit that was written."""
    if not digits:
        return ts_ns, NS
    unit = 10 ** (9 - len(digits))
    return ts_ns + int(digits) * unit, unit
