"""A clock of the capture that was set while it ran, or that never told the time.

## What it sees
Packets that are older than the one before them on the same interface, by more than reordering explains. And packets
with times of before any packet capture existed.

## Why it matters
Every duration across the step is wrong: round trips, silences, retransmission time-outs, the order of frames of
different interfaces. With a clock that never told the time, frames cannot be matched with logs.

## What it cannot know
Steps forward: they look like silence. Where exactly the clock was set back, and what the right time was.

## Thresholds
| name | default | source |
|---|---|---|
| step_ms | 128 | RFC 5905 section 11.3: NTP slews a clock below 128 ms (STEPT) and steps it above |
| epoch_s | 567993600 | 1988-01-01: tcpdump was first written in 1988, so earlier times are no times of captures |

## RFC
RFC 5905 section 11.3 (STEPT)

## Speaks
A script runs forward only: its `file:` line says by how many seconds time ran backwards.
```packets
file: back 3600.0
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
finding: capture-clock-step warning largest_step_s=3600.0
```

## Stays silent
Two queues of one network card, read one after the other:
```packets
file: back 0.00005
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
```
"""

from collections.abc import Iterator
from typing import NamedTuple

from ..model.finding import Cause, Finding, Refutation, Severity
from ..rfc import Rfc
from ..units import NS, duration, file_name, plural, printable, utc
from .base import Diagnosis, Scope
from .sentences import said
from .view import CLOCK_STEP_MS, View


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    step_ms: float = CLOCK_STEP_MS
    epoch_s: float = 567_993_600


class CaptureClockStep(Diagnosis):
    """Times that run backwards, or that cannot be."""

    kind = "capture-clock-step"
    scope = Scope.CAPTURE
    references = (Rfc(5905, "11.3"),)
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        files = view.tables.files
        largest = max((file.largest_backward_step_ns for file in files), default=0)
        if largest >= limits.step_ms * 1e6:
            yield self._set_back(view, largest)
        if any(file.first_ts_ns is not None and file.first_ts_ns < limits.epoch_s * NS for file in files):
            yield self._without_date(view, limits)

    def _set_back(self, view: View, largest: int) -> Finding:
        stepped = [file for file in view.tables.files if file.largest_backward_step_ns]
        steps = sum(file.backward_steps for file in stepped)
        worst = max(stepped, key=lambda file: file.largest_backward_step_ns)
        return self.finding(
            view,
            Severity.WARNING,
            "The clock of the capture was set back",
            (
                said(
                    f"The clock of the capture was set back: time runs backwards at {plural(steps, 'packet')}, by up "
                    f"to {duration(largest)} in {printable(file_name(worst.path))}."
                ),
                said("No duration across such a place can be trusted, nor the order of frames of two interfaces."),
            ),
            streams=(),
            frames=(),
            span=None,
            causes=(
                Cause("the clock was stepped while the capture ran (NTP, an administrator, a virtual machine resumed)"),
                Cause("several captures were joined without sorting them", (), ()),
            ),
            next_steps=(
                "keep the clock of the capturing host in step (chronyc tracking) before capturing again",
                "joined captures: mergecap sorts by time, reordercap repairs one file",
            ),
            refutations=(
                Refutation(
                    "the tap reorders packets: each queue of its card is read after the other",
                    f"not so: reordering in a tap takes microseconds, this is {duration(largest)}",
                ),
                Refutation(
                    "whole captures were joined in the wrong order: a few large steps, not many small ones",
                    f"{plural(steps, 'step')} backwards in {plural(sum(f.packets for f in stepped), 'packet')}",
                ),
            ),
            settled_by=(
                "on the capturing host: journalctl -u chronyd (or ntpd, systemd-timesyncd) for the time of the capture",
            ),
            data={"backward_steps": steps, "largest_step_s": largest / NS},
        )

    def _without_date(self, view: View, limits: Thresholds) -> Finding:
        first, last = view.first_ts_ns, view.last_ts_ns
        return self.finding(
            view,
            Severity.NOTICE,
            "The times of the capture are no dates",
            (
                said(f"The first packet is dated {utc(first)}, before packets could be captured.", (), first),
                said("Durations may be right; the frames cannot be matched with logs by their time."),
            ),
            streams=(),
            frames=(),
            span=None,
            causes=(
                Cause("the device that captured had no clock (no battery, NTP not reached)"),
                Cause("the file was converted or generated, with times relative to its start"),
            ),
            next_steps=("set the clock of the capturing device", "shift the times with editcap -t when one is known"),
            refutations=(
                Refutation(
                    "the clock was set while the capture ran, so that later frames have real dates",
                    f"not found: the last packet is dated {utc(last)}"
                    if last < limits.epoch_s * NS
                    else f"found: the last packet is dated {utc(last)}",
                ),
            ),
            settled_by=("on the capturing device: date -u, beside the clock of another host",),
            data={"first_s": first / NS},
        )
