"""What the capture files leave in doubt, in sentences. Facts of the files only; the diagnoses judge what follows."""

import numpy as np

from .model.capture import CaptureFile, Damage
from .model.flow import CORRUPTED_SHARE
from .model.tables import Tables
from .units import address, duration, number, plural, printable

_HOSTS_NAMED = 3


def warnings(file: CaptureFile) -> tuple[str, ...]:
    """One sentence for each thing about the file that a reader of the report has to know."""
    found = []
    if not file.complete:
        found.append(f"reading was interrupted after {plural(file.packets, 'packet')}: the result is partial")
    found += [_damage(damage) for damage in file.damage]
    for index, interface in enumerate(file.interfaces):
        dropped = (interface.dropped_interface or 0) + (interface.dropped_os or 0)
        if dropped:
            name = printable(interface.name) if interface.name else f"interface {index}"
            found.append(f"{name} dropped {plural(dropped, 'packet')} that are missing here")
    if file.truncated_packets:
        found.append(f"{plural(file.truncated_packets, 'packet')} cut by the snap length")
    if file.backward_steps:
        steps = f"time runs backwards at {plural(file.backward_steps, 'packet')}"
        found.append(f"{steps}, by up to {duration(file.largest_backward_step_ns)}")
    others = sum(file.undecoded.values())
    if others:
        reasons = sorted(file.undecoded.items(), key=lambda item: -item[1])
        listed = ", ".join(f"{printable(reason)}: {number(count)}" for reason, count in reasons[:5])
        found.append(f"{plural(others, 'packet')} without a TCP segment ({listed})")
    return tuple(found)


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
