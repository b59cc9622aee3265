"""What the capture files leave in doubt, in sentences. Facts of the files only; the diagnoses judge what follows."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from .model.capture import CaptureFile, Damage
from .model.finding import Finding
from .model.flow import CORRUPTED_SHARE
from .model.tables import Tables
from .units import address, duration, number, plural, printable

_HOSTS_NAMED = 3

DAMAGED: Final = ("capture-truncated", "damaged_places")
CUT: Final = ("capture-truncated", "cut_packets")
DROPPED: Final = ("capture-loss", "dropped")
BACKWARDS: Final = ("capture-clock-step", "backward_steps")
"""Kind and key in the data of the finding that says the same as a note, and more."""


def warnings(file: CaptureFile) -> tuple[str, ...]:
    """One sentence for each thing about the file that a reader of the report has to know."""
    return tuple(text for _, text in _notes(file))


def untold(file: CaptureFile, findings: Iterable[Finding]) -> tuple[str, ...]:
    """The `warnings` that none of these findings tells already."""
    told = {(finding.kind, key) for finding in findings for key, value in finding.data.items() if value is not None}
    return tuple(text for told_by, text in _notes(file) if told_by not in told)


def _notes(file: CaptureFile) -> Iterator[tuple[tuple[str, str] | None, str]]:
    """(the finding that would tell it, the sentence)."""
    if not file.complete:
        yield DAMAGED, f"reading was interrupted after {plural(file.packets, 'packet')}: the result is partial"
    for damage in file.damage:
        yield DAMAGED, _damage(damage)
    for index, interface in enumerate(file.interfaces):
        dropped = (interface.dropped_interface or 0) + (interface.dropped_os or 0)
        if dropped:
            name = printable(interface.name) if interface.name else f"interface {index}"
            yield DROPPED, f"{name} dropped {plural(dropped, 'packet')} that are missing here"
    if file.truncated_packets:
        yield CUT, f"{plural(file.truncated_packets, 'packet')} cut by the snap length"
    if file.backward_steps:
        steps = f"time runs backwards at {plural(file.backward_steps, 'packet')}"
        yield BACKWARDS, f"{steps}, by up to {duration(file.largest_backward_step_ns)}"
    others = sum(file.undecoded.values())
    if others:
        reasons = sorted(file.undecoded.items(), key=lambda item: -item[1])
        listed = ", ".join(f"{printable(reason)}: {number(count)}" for reason, count in reasons[:5])
        yield None, f"{plural(others, 'packet')} without a TCP segment ({listed})"


def checksums(tables: Tables) -> tuple[str, ...]:
    """Wrong TCP checksums, in sentences: those of a host whose card computes them, and corrupted segments.

    An endpoint whose checksums are mostly wrong was captured before its network card filled them in; a wrong one among
    right ones was damaged on the way (compare flow.CORRUPTED_SHARE).
    """
    flows = np.flatnonzero(tables.flows["detail"] >= 0)
    rows = (tables.flows["detail"][flows].astype(np.int64)[:, None] + np.arange(2)).ravel()
    bad = tables.details["bad_checksums"][rows].astype(np.int64)
    partial = tables.details["partial_checksums"][rows].astype(np.int64)
    if not (bad.any() or partial.any()):
        return ()
    packets = tables.endpoints["packets"][(2 * flows[:, None] + np.arange(2)).ravel()].astype(np.int64)
    corrupted = (bad > 0) & (bad * CORRUPTED_SHARE <= packets)
    offloaded = np.where(corrupted, 0, bad) + partial
    found = []
    if offloaded.any():
        hosts = {_host(tables, int(flows[row // 2]), int(row % 2)) for row in np.flatnonzero(offloaded)[:100_000]}
        named = ", ".join(sorted(hosts)[:_HOSTS_NAMED]) + (", ..." if len(hosts) > _HOSTS_NAMED else "")
        found.append(
            f"{plural(int(offloaded.sum()), 'segment')} of {named} captured before the network card filled in the "
            "checksum (offload): not corruption"
        )
    if corrupted.any():
        found.append(
            f"{plural(int(bad[corrupted].sum()), 'segment')} with a wrong TCP checksum among right ones: "
            "corrupted, their receivers drop them"
        )
    return tuple(found)


def _host(tables: Tables, flow: int, side: int) -> str:
    row = tables.flows[flow]
    return address(int(row["family"]), int(row["addr_hi"][side]), int(row["addr_lo"][side]))


def _damage(damage: Damage) -> str:
    went_on = "; reading went on after it" if damage.resynchronised else "; nothing after it was read"
    return f"damaged at byte {number(damage.offset)}, after frame {damage.frame}: {printable(damage.cause)}{went_on}"
