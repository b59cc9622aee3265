"""A capture file that is cut or damaged, or whose packets are.

## What it sees
What reading the files met: a last record that is incomplete, lengths that cannot be, compressed data that ends early,
places that had to be skipped; reading that was interrupted; packets of which fewer bytes were captured than were sent.

## Why it matters
After the place where a file stops making sense nothing is known: a connection that falls silent there may well go on.
Cut packets lack their payload, so checksums and contents cannot be looked at. When even TCP headers are cut, SACK
blocks and timestamps are missing, and verdicts that rest on them.

## What it cannot know
How much was lost behind the damage. Whether a gap that was skipped held packets, and of which connections.

## Thresholds
| name | default | source |
|---|---|---|
| header_bytes | 114 | RFC 9293 section 3.1: at most 60 bytes of TCP header, after 14 of Ethernet and 40 of IPv6 |

## RFC
RFC 9293 section 3.1 (header and options)

## Speaks
A script cannot cut a file: its `file:` line says what reading one found.
```packets
file: damage "last record incomplete: 54 of 102 bytes"
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
finding: capture-truncated notice damaged_places=1
```
The file is corrupt, and what follows cannot be read:
```packets
file: damage "impossible record length 4294967295"
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
finding: capture-truncated warning damaged_places=1
```
Packets cut by the snap length:
```packets
file: cut 1
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:1001(1000) ack 1 win 65535
finding: capture-truncated notice cut_packets=1
```

## Stays silent
```packets
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
```
"""

from collections.abc import Iterator
from typing import NamedTuple

from ..model.capture import CaptureFile, Damage
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..rfc import Rfc
from ..units import file_name, number, percent, plural, printable
from .base import EVIDENCE_MAX, Diagnosis, Scope
from .sentences import said
from .view import HEADER_BYTES, View

_ENDS_EARLY = ("last record incomplete", "last block incomplete")


class Thresholds(NamedTuple):
    """Defaults are explained in the manual."""

    header_bytes: float = HEADER_BYTES


class CaptureTruncated(Diagnosis):
    """Damage of the files, an interrupted reading, packets cut by the snap length."""

    kind = "capture-truncated"
    scope = Scope.CAPTURE
    references = (Rfc(9293, "3.1"),)
    thresholds = Thresholds

    def examine(self, view: View, limits: Thresholds) -> Iterator[Finding]:
        files = view.tables.files
        if any(file.damage or not file.complete for file in files):
            yield self._damaged(view, files)
        if any(file.truncated_packets for file in files):
            yield self._cut(view, files, limits)

    def _damaged(self, view: View, files: tuple[CaptureFile, ...]) -> Finding:
        damage = [(file, place) for file in files for place in file.damage]
        stopped = [place for _, place in damage if not place.resynchronised]
        interrupted = [file for file in files if not file.complete]
        tail = all(_ends_early(place) for _, place in damage)
        told = [_told(file, place) for file, place in damage[:3]]
        if len(damage) > 3:
            told.append(said(f"{plural(len(damage) - 3, 'more place')} like that were met."))
        told += [
            said(
                f"Reading of {printable(file_name(file.path))} was interrupted after {plural(file.packets, 'packet')}."
            )
            for file in interrupted[:3]
        ]
        if stopped or interrupted:
            told.append(said("That a connection falls silent there means nothing."))
        return self.finding(
            view,
            Severity.NOTICE if tail else Severity.WARNING,
            "The capture file ends in the middle of a record"
            if damage and tail
            else "The capture file is damaged"
            if damage
            else "The capture was not read to its end",
            told,
            streams=(),
            frames=[place.frame for _, place in damage],
            span=None,
            evidence=[
                Evidence(place.frame or None, None, f"byte {number(place.offset)}: {printable(place.cause)}")
                for _, place in damage[:EVIDENCE_MAX]
            ],
            causes=_damage_causes(tail, bool(damage)),
            refutations=_damage_refutations(damage),
            settled_by=("where the file comes from: its size and checksum (sha256sum), and capinfos on that copy",),
            next_steps=(
                "copy the file again and compare its size and checksum with the original",
                "stop the capture (SIGINT) before the file is copied; let tcpdump write with -U",
            ),
            data={
                "damaged_places": len(damage),
                "stopped": bool(stopped),
                "interrupted": bool(interrupted),
                "offsets": [place.offset for _, place in damage[:EVIDENCE_MAX]],
            },
        )

    def _cut(self, view: View, files: tuple[CaptureFile, ...], limits: Thresholds) -> Finding:
        cut = sum(file.truncated_packets for file in files)
        packets = sum(file.packets for file in files)
        snap = min((i.snaplen for f in files if f.truncated_packets for i in f.interfaces if i.snaplen), default=None)
        headless = sum(
            count for file in files for reason, count in file.undecoded.items() if reason.startswith("truncated ")
        )
        options = snap is not None and snap < limits.header_bytes
        told = f"{plural(cut, 'packet')} of {packets:,} ({percent(cut / max(1, packets))}) were captured only in part"
        told += f"; the snap length is {plural(snap, 'byte')}." if snap else "."
        if headless:
            effect = f"Of {plural(headless, 'packet')} not even the headers are there: these could not be analysed."
        elif options:
            effect = "TCP options can be cut, too: SACK blocks and timestamps may be missing."
        else:
            effect = "Payload is missing, all headers are there: contents and checksums cannot be judged, the rest can."
        return self.finding(
            view,
            Severity.WARNING if headless else Severity.NOTICE,
            "Packets are cut by the snap length",
            (said(told), said(effect)),
            streams=(),
            frames=(),
            span=None,
            causes=(Cause("the capture was taken with a short snap length (-s)"),),
            next_steps=("capture with -s 256 for headers with all their options, or -s 0 for whole packets",),
            refutations=(
                Refutation(
                    "only payload is cut, and every header is whole",
                    f"not so: {plural(headless, 'packet')} without whole headers"
                    if headless
                    else f"cannot be ruled out: headers can be {limits.header_bytes:.0f} bytes long, {snap} are kept"
                    if options
                    else "so it is: no header was found cut",
                ),
            ),
            settled_by=("the next capture: tcpdump -s 0, which keeps whole packets",),
            data={"cut_packets": cut, "packets": packets, "snaplen": snap, "without_headers": headless},
        )


def _damage_refutations(damage: list[tuple[CaptureFile, Damage]]) -> tuple[Refutation, ...]:
    if not damage:
        return (Refutation("the part that was not read holds nothing of these connections", None),)
    behind = [(file, place) for file, place in damage if place.resynchronised]
    if behind:
        read = f"found: reading went on behind {plural(len(behind), 'place')} of {len(damage)}"
    else:
        read = "not found: nothing that follows makes a record"
    return (Refutation("the records behind the damage are whole, so that little is lost", read),)


def _ends_early(damage: Damage) -> bool:
    """The file just stops: all that it holds was read."""
    return damage.cause.startswith(_ENDS_EARLY)


def _told(file: CaptureFile, damage: Damage) -> Sentence:
    went_on = "Reading went on behind it." if damage.resynchronised else "Nothing behind it was read."
    after = f"after frame [{damage.frame}]" if damage.frame else "before the first frame"
    name = printable(file_name(file.path))
    return said(
        f"{name} at byte {number(damage.offset)}, {after}: {printable(damage.cause)}. {went_on}",
        (damage.frame,),
    )


def _damage_causes(tail: bool, damaged: bool) -> tuple[Cause, ...]:
    if not damaged:
        return (Cause("the user interrupted the analysis"),)
    copied = Cause("the file was copied while the capture was still writing it")
    killed = Cause("the capture was killed, or its disk was full")
    broken = Cause("the file was changed on its way: a text-mode transfer, a broken disk, joined parts")
    return (killed, copied, broken) if tail else (broken, killed, copied)
