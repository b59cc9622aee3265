"""A report from its JSON: everything that the document holds, ready to be told in another format.

The capture is not at hand then: what needs its packets or events raises UsageError (`Tables.whole`).
"""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson

from .. import capture_notes
from ..config import Config, Limits
from ..errors import UsageError
from ..flows.vantage import Vantage
from ..model.capture import CaptureFile, Damage, Interface
from ..model.finding import Cause, Evidence, Finding, Incident, Refutation, Sentence, Severity, Unexamined
from ..report import Report
from ..units import printable, size
from . import stored_flows, stored_sockets
from .fields import Fields, wrong
from .json import SCHEMA_VERSION

LARGEST: Final = 1 << 30
"""Bytes of a document: what this machine holds in memory several times over."""
DEEPEST: Final = 64
"""Levels of a finding's data."""
FRAME: Final = (1 << 32) - 1
SEVERITIES: Final = {str(severity): severity for severity in Severity}


def read(source: str | bytes | Path) -> Report:
    """The report of a JSON text, or of the file at a path. Raises UsageError for anything that is no such report."""
    document = _text(source)
    if len(document) > LARGEST:
        raise UsageError(f"a report of more than {size(LARGEST)} is not read")
    try:
        with _without_collector():
            return _report(Fields(orjson.loads(document)))
    except orjson.JSONDecodeError as error:
        raise UsageError(f"no report of tcpdiag: {error}") from None


@contextmanager
def _without_collector() -> Iterator[None]:
    """Millions of objects without a cycle: looking for cycles among them again and again takes most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _text(source: str | bytes | Path) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str) and source.lstrip()[:1] in ("{", "["):
        return source.encode("utf-8", "surrogatepass")
    try:
        with Path(source).open("rb") as stream:
            return stream.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{printable(str(source))}: {error.strerror}") from None
    except ValueError:
        raise UsageError("neither a report in JSON nor the path of one") from None


def _report(document: Fields) -> Report:
    version = document.raw("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        wrong("$.schema_version", f"{SCHEMA_VERSION}, the one that this tcpdiag reads")
    captures = list(document.objects("captures"))
    files = tuple(_file(capture) for capture in captures)
    flows = stored_flows.read(document, files)
    connections = len(flows.tables.flows)
    report = Report(
        tables=flows.tables,
        findings=tuple(_finding(each, connections) for each in document.objects("findings")),
        incidents=tuple(_incident(each, connections) for each in document.objects("incidents")),
        unexamined=tuple(Unexamined(e.text("what"), e.text("reason")) for e in document.objects("unexamined")),
        examined=document.texts("examined") if "examined" in document else (),
        vantage=document.maybe("vantage", lambda key: _vantage(document.object(key))),
        config=_config(document.object("settings")) if "settings" in document else Config(),
        complete=document.flag("complete"),
        names=document.words("names"),
        expression=document.maybe("filter", document.text),
        chosen=flows.chosen,
        checksums=_checksums(captures, files),
    )
    return replace(report, sockets=stored_sockets.read(document, connections))


def _config(settings: Fields) -> Config:
    limits = {name: settings.object("limits").number(name) for name in Limits.__dataclass_fields__}
    return Config(only=settings.texts("only"), limits=Limits(**limits))


def _vantage(each: Fields) -> Vantage:
    return Vantage(each.text("place"), each.share("confidence"), each.text("reason"))


def _checksums(captures: list[Fields], files: tuple[CaptureFile, ...]) -> tuple[str, ...]:
    """What is said of checksums: the warnings of the last file that are not its own."""
    if not files:
        return ()
    own = capture_notes.warnings(files[-1])
    return tuple(text for text in captures[-1].texts("warnings") if text not in own)


def _file(each: Fields) -> CaptureFile:
    return CaptureFile(
        path=each.text("path"),
        format=each.text("format"),
        compression=each.maybe("compression", each.text),
        interfaces=tuple(map(_interface, each.objects("interfaces"))),
        packets=each.number("packets"),
        tcp_packets=each.number("tcp_packets"),
        first_ts_ns=each.maybe("first_ts", each.time),
        last_ts_ns=each.maybe("last_ts", each.time),
        first_frame=each.number("first_frame"),
        truncated_packets=each.number("truncated_packets"),
        backward_steps=each.number("backward_steps") if "backward_steps" in each else 0,
        largest_backward_step_ns=each.number("largest_backward_step_ns") if "largest_backward_step_ns" in each else 0,
        damage=_damage(each.object("damage")) if each.raw("damage") is not None else (),
        undecoded=each.counts("undecoded"),
        complete=each.flag("complete"),
    )


def _interface(each: Fields) -> Interface:
    return Interface(
        link_type=-1,  # its number is not in the document
        link_name=each.text("link_type"),
        snaplen=each.maybe("snaplen", each.number),
        name=each.maybe("name", each.text),
        received=each.maybe("received", each.number),
        dropped_interface=each.maybe("dropped_by_interface", each.number),
        dropped_os=each.maybe("dropped_by_os", each.number),
    )


def _damage(first: Fields) -> tuple[Damage, ...]:
    places = [first, *(first.objects("further") if "further" in first else ())]
    return tuple(
        Damage(each.number("offset"), each.number("frame"), each.text("cause"), each.flag("resynchronised"))
        for each in places
    )


def _finding(each: Fields, connections: int) -> Finding:
    return Finding(
        id=each.text("id"),
        kind=each.text("kind"),
        severity=each.word("severity", SEVERITIES),
        confidence=each.share("confidence"),
        title=each.text("title"),
        story=_story(each, "story"),
        streams=each.numbers("streams", 0, connections - 1),
        frames=each.numbers("frames", 1, FRAME),
        evidence=tuple(_evidence(item, connections) for item in each.objects("evidence")),
        endpoint=each.maybe("endpoint", each.text),
        peer=each.maybe("peer", each.text),
        first_ts_ns=each.maybe("first_ts", each.time),
        last_ts_ns=each.maybe("last_ts", each.time),
        causes=tuple(Cause(c.text("text"), c.texts("for"), c.texts("against")) for c in each.objects("causes")),
        next_steps=each.texts("next_steps"),
        refutations=_refutations(each),
        settled_by=each.texts("settled_by"),
        references=each.texts("references"),
        data=_data(each),
    )


def _data(each: Fields) -> dict[str, Any]:
    data: dict[str, Any] = each.raw("data")
    if not isinstance(data, dict) or not _is_flat(data, DEEPEST):
        wrong(f"{each.place}.data", f"an object of at most {DEEPEST} levels")
    return data


def _is_flat(value: Any, levels: int) -> bool:
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return levels > 0 and all(_is_flat(item, levels - 1) for item in inside if isinstance(item, dict | list))


def _story(each: Fields, key: str) -> tuple[Sentence, ...]:
    return tuple(
        Sentence(item.text("text"), item.numbers("frames", 1, FRAME), item.maybe("ts", item.time))
        for item in each.objects(key)
    )


def _refutations(each: Fields) -> tuple[Refutation, ...]:
    return tuple(
        Refutation(item.text("what"), item.maybe("outcome", item.text), item.numbers("frames", 1, FRAME))
        for item in each.objects("refutations")
    )


def _evidence(each: Fields, connections: int) -> Evidence:
    frame = None if each.raw("frame") is None else each.number("frame", 1, FRAME)
    stream = None if each.raw("stream") is None else each.number("stream", 0, connections - 1)
    segment = each.maybe("segment", each.text)
    return Evidence(frame, each.maybe("ts", each.time), each.text("note"), segment, stream)


def _incident(each: Fields, connections: int) -> Incident:
    return Incident(
        id=each.text("id"),
        title=each.text("title"),
        severity=each.word("severity", SEVERITIES),
        findings=each.texts("findings"),
        streams=each.numbers("streams", 0, connections - 1),
        narrative=_story(each, "narrative"),
        against=each.texts("against"),
        next_steps=each.texts("next_steps"),
        refutations=_refutations(each),
        settled_by=each.texts("settled_by"),
    )
