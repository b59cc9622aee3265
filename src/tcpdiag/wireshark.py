"""Wireshark display filters that show what a finding stands on."""

from collections.abc import Iterable

from .model.finding import Finding

MOST_RANGES = 24
"""A longer set is of no use to a person; the filter then names the streams, or the frames of the evidence."""


def ranges(numbers: Iterable[int]) -> list[str]:
    """`[92, 93, 98, 99, 100]` -> `["92", "93", "98..100"]`. Ascending and unique in, compressed out."""
    found: list[tuple[int, int]] = []
    for value in numbers:
        if found and value == found[-1][1] + 1:
            found[-1] = (found[-1][0], value)
        else:
            found.append((value, value))
    parts = []
    for low, high in found:
        parts += [f"{low}..{high}"] if high > low + 1 else [str(value) for value in range(low, high + 1)]
    return parts


def display_filter(finding: Finding) -> str | None:
    """`tcp.stream == 0 && frame.number in {92, 93, 98..112}`; None for a finding without frames and streams."""
    streams, frames = ranges(sorted(finding.streams)), ranges(finding.frames)
    parts = []
    if 0 < len(streams) <= MOST_RANGES:
        parts.append(_one_of("tcp.stream", streams))
    if 0 < len(frames) <= MOST_RANGES:
        parts.append(_one_of("frame.number", frames))
    elif finding.frames and not parts:
        told = sorted({item.frame for item in finding.evidence if item.frame} or set(finding.frames))
        parts.append(_one_of("frame.number", ranges(told)[:MOST_RANGES]))
    return " && ".join(parts) or None


def _one_of(field: str, values: list[str]) -> str:
    if len(values) == 1 and ".." not in values[0]:
        return f"{field} == {values[0]}"
    return f"{field} in {{{', '.join(values)}}}"
