"""Values of a JSON document, taken with their types; whatever is something else is said with its place."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn, TypeVar

from ..errors import UsageError
from ..units import NS, printable, shortened

T = TypeVar("T")
LARGEST: Final = (1 << 63) - 1
_SHOWN: Final = 60


class Fields:
    """An object of the document. `place`: where it stands, as in `$.findings[3]`."""

    def __init__(self, value: Any, place: str = "$") -> None:
        self._value: dict[str, Any] = value if isinstance(value, dict) else wrong(place, "an object")
        self.place = place

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def raw(self, key: str) -> Any:
        """Whatever is there. Raises UsageError when nothing is."""
        if key not in self._value:
            wrong(self.place, f"an object with {key!r}")
        return self._value[key]

    def text(self, key: str) -> str:
        """A string."""
        value = self.raw(key)
        return value if isinstance(value, str) else self._wrong(key, "a string")

    def number(self, key: str, low: int = 0, high: int = LARGEST) -> int:
        """An integer from `low` to `high`."""
        return self._number(key, self.raw(key), low, high)

    def share(self, key: str) -> float:
        """A number from 0 to 1."""
        value = self.raw(key)
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
        return float(value) if is_number else self._wrong(key, "a number from 0 to 1")

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self.raw(key)
        return value if isinstance(value, bool) else self._wrong(key, "true or false")

    def time(self, key: str) -> int:
        """Epoch nanoseconds of a string such as `"1795218621.075721000"`."""
        value = self.raw(key)
        ts_ns = nanoseconds(value)
        return self._wrong(key, "a time") if ts_ns is None else ts_ns

    def maybe(self, key: str, take: Callable[[str], T]) -> T | None:
        """What `take` gives, or None for null: `fields.maybe("path", fields.text)`."""
        return None if self.raw(key) is None else take(key)

    def word(self, key: str, words: dict[str, T]) -> T:
        """What one of these words stands for."""
        value = self.text(key)
        return words[value] if value in words else self._wrong(key, f"one of {', '.join(words)}")

    def list(self, key: str) -> list[Any]:
        """An array of anything."""
        value = self.raw(key)
        return value if isinstance(value, list) else self._wrong(key, "an array")

    def texts(self, key: str) -> tuple[str, ...]:
        """An array of strings."""
        values = self.list(key)
        return tuple(values) if all(isinstance(value, str) for value in values) else self._wrong(key, "strings")

    def numbers(self, key: str, low: int = 0, high: int = LARGEST) -> tuple[int, ...]:
        """An array of integers."""
        return tuple(self._number(key, value, low, high) for value in self.list(key))

    def object(self, key: str) -> "Fields":
        """An object."""
        return Fields(self.raw(key), f"{self.place}.{key}")

    def objects(self, key: str) -> Iterator["Fields"]:
        """An array of objects."""
        for index, value in enumerate(self.list(key)):
            yield Fields(value, f"{self.place}.{key}[{index}]")

    def counts(self, key: str) -> dict[str, int]:
        """An object whose values are counts."""
        inside = self.object(key)
        return {name: inside.number(name) for name in inside._value}

    def words(self, key: str) -> dict[str, str]:
        """An object whose values are strings."""
        inside = self.object(key)
        return {name: inside.text(name) for name in inside._value}

    def _number(self, key: str, value: Any, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._wrong(key, f"an integer from {low} to {high}")
        found: int = value
        return found

    def _wrong(self, key: str, wanted: str) -> NoReturn:
        wrong(f"{self.place}.{key}", wanted)


def wrong(place: str, wanted: str) -> NoReturn:
    """Raises UsageError."""
    raise UsageError(f"no report of tcpdiag: {printable(shortened(place, _SHOWN))} is not {wanted}")


def nanoseconds(value: Any) -> int | None:
    """The inverse of `units.epoch`; None for anything else."""
    if not isinstance(value, str) or len(value) > 24 or not value.isascii():
        return None
    seconds, _, rest = value.removeprefix("-").partition(".")
    if not seconds.isdigit() or len(rest) != 9 or not rest.isdigit():
        return None
    ts_ns = int(seconds) * NS + int(rest)
    if ts_ns > LARGEST:
        return None
    return -ts_ns if value.startswith("-") else ts_ns
