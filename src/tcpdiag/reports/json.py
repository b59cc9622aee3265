"""Report -> JSON, the contract with programs. `schema.json` beside this file describes it and is tested against it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from .. import __version__, capture_notes
from ..model.capture import CaptureFile, Interface
from ..model.finding import Evidence, Finding, Incident, Refutation, Sentence
from ..report import Report
from ..units import epoch
from . import socket_json
from .json_rows import flow_lines

SCHEMA_VERSION = 1
UNSAFE = re.compile(rb"[\x7f-\xff]")


def chunks(report: Report) -> Iterator[bytes]:
    """The document in pieces, in order: one top-level key a line, and one finding or flow a line."""
    yield _key("schema_version", SCHEMA_VERSION, first=True)
    yield _key("tool", {"name": "tcpdiag", "version": __version__})
    yield _key("complete", report.complete)
    yield _key("filter", report.expression)
    yield _key("vantage", None if report.vantage is None else report.vantage._asdict())
    yield _key("examined", report.examined)
    yield _key("settings", {"only": report.config.only, "limits": asdict(report.config.limits)})
    yield _key("connections", len(report.tables.flows))
    yield _lines("captures", _captures(report))
    yield _lines("findings", [_finding(finding) for finding in report.findings])
    yield _lines("incidents", [_incident(incident) for incident in report.incidents])
    yield b',\n"flows": [\n'
    separator = b""
    for text in flow_lines(report.tables, report.states, report.streams):
        yield separator + text.removesuffix(b",\n")
        separator = b",\n"
    yield b"\n]"
    yield _key("names", dict(report.names))
    yield _key("sockets", socket_json.listings(report.sockets))
    yield _lines("unexamined", [{"what": item.what, "reason": item.reason} for item in report.unexamined])
    yield b"\n}\n"


def _key(name: str, value: Any, *, first: bool = False) -> bytes:
    start = b"{\n" if first else b",\n"
    return start + orjson.dumps(name) + b": " + _dumps(value)


def _lines(name: str, values: list[dict[str, Any]]) -> bytes:
    body = b",\n".join(_dumps(value) for value in values)
    return b",\n" + orjson.dumps(name) + b": [" + (b"\n" + body + b"\n" if values else b"") + b"]"


def _dumps(value: Any) -> bytes:
    """ASCII only: JSON on a terminal must not carry a capture's control or bidirectional characters either."""
    option = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    try:
        text = orjson.dumps(value, default=_plain, option=option)
    except TypeError:  # a lone surrogate: bytes of a file name that are no text
        text = orjson.dumps(_encodable(value), default=_plain, option=option)
    return text if UNSAFE.search(text) is None else _ascii(text)


def _ascii(text: bytes) -> bytes:
    wide = text.decode().encode("utf-16-be")
    codes = (int.from_bytes(wide[i : i + 2]) for i in range(0, len(wide), 2))
    return "".join(chr(code) if code < 0x7F else f"\\u{code:04x}" for code in codes).encode()


def _plain(value: Any) -> Any:
    """What orjson does not know by itself: sets and tuples of a finding's data."""
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError(type(value).__name__)


def _time(ts_ns: int | None) -> str | None:
    return None if ts_ns is None else epoch(ts_ns)


def _captures(report: Report) -> list[dict[str, Any]]:
    captures = [_capture(file) for file in report.files]
    if captures:  # checksums are known of flows, which may span files
        captures[-1]["warnings"] += report.checksum_notes
    return captures


def _capture(file: CaptureFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "format": file.format,
        "compression": file.compression,
        "link_types": sorted({interface.link_name for interface in file.interfaces}),
        "interfaces": [_interface(interface) for interface in file.interfaces],
        "packets": file.packets,
        "tcp_packets": file.tcp_packets,
        "first_frame": file.first_frame,
        "first_ts": _time(file.first_ts_ns),
        "last_ts": _time(file.last_ts_ns),
        "snaplen": max((interface.snaplen for interface in file.interfaces if interface.snaplen), default=None),
        "truncated_packets": file.truncated_packets,
        "backward_steps": file.backward_steps,
        "largest_backward_step_ns": file.largest_backward_step_ns,
        "complete": file.complete,
        "damage": _damage(file),
        "undecoded": file.undecoded,
        "warnings": capture_notes.warnings(file),
    }


def _interface(interface: Interface) -> dict[str, Any]:
    return {
        "name": interface.name,
        "link_type": interface.link_name,
        "snaplen": interface.snaplen,
        "received": interface.received,
        "dropped_by_interface": interface.dropped_interface,
        "dropped_by_os": interface.dropped_os,
    }


def _damage(file: CaptureFile) -> dict[str, Any] | None:
    """The first damage, how many there are, and the further ones."""
    if not file.damage:
        return None
    first, *further = map(asdict, file.damage)
    return {**first, "places": len(file.damage), "further": further}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "kind": finding.kind,
        "severity": str(finding.severity),
        "confidence": round(finding.confidence, 3),
        "title": finding.title,
        "summary": finding.summary,
        "story": _story(finding.story),
        "streams": finding.streams,
        "endpoint": finding.endpoint,
        "peer": finding.peer,
        "first_ts": _time(finding.first_ts_ns),
        "last_ts": _time(finding.last_ts_ns),
        "frames": finding.frames,
        "evidence": [_evidence(item) for item in finding.evidence],
        "causes": [{"text": c.text, "for": c.support, "against": c.against} for c in finding.causes],
        "next_steps": finding.next_steps,
        "refutations": _refutations(finding.refutations),
        "settled_by": finding.settled_by,
        "references": finding.references,
        "data": finding.data,
    }


def _story(sentences: Sequence[Sentence]) -> list[dict[str, Any]]:
    return [{"text": each.text, "frames": each.frames, "ts": _time(each.ts_ns)} for each in sentences]


def _refutations(refutations: Sequence[Refutation]) -> list[dict[str, Any]]:
    return [{"what": each.what, "outcome": each.outcome, "frames": each.frames} for each in refutations]


def _evidence(item: Evidence) -> dict[str, Any]:
    return {
        "frame": item.frame,
        "ts": _time(item.ts_ns),
        "stream": item.stream,
        "segment": item.segment,
        "note": item.note,
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "title": incident.title,
        "severity": str(incident.severity),
        "findings": incident.findings,
        "streams": incident.streams,
        "narrative": _story(incident.narrative),
        "against": incident.against,
        "next_steps": incident.next_steps,
        "refutations": _refutations(incident.refutations),
        "settled_by": incident.settled_by,
    }


def _encodable(value: Any) -> Any:
    """The same with `\\udcNN` written out wherever a string cannot be UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encodable(item) for item in value]
    return value
