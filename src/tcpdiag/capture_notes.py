"""What the capture files leave in doubt, in sentences. Facts of the files only; the diagnoses judge what follows."""

from .model.capture import CaptureFile, Damage
from .units import duration, number, plural, printable


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


def _damage(damage: Damage) -> str:
    went_on = "; reading went on after it" if damage.resynchronised else "; nothing after it was read"
    return f"damaged at byte {number(damage.offset)}, after frame {damage.frame}: {printable(damage.cause)}{went_on}"
