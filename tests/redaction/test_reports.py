"""Redacted reports: the same findings, nothing of the originals left, and the capture is still read."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import tcpdiag
from places import FIXTURES, SHARED, capture_files
from redaction.searching import (
    BANNER,
    CLIENT,
    HOSTS,
    KEY,
    OTHER_KEY,
    PATHS,
    REDACTOR,
    facts,
    found_in,
    originals_of,
    spellings,
)
from reports import made
from tcpdiag.errors import UsageError
from tcpdiag.figures import files as figure_files
from tcpdiag.model.finding import Unexamined
from tcpdiag.model.tables import Tunnel
from tcpdiag.report import FORMATS, Report
from tcpdiag.reports import flow_list, timelines
from tcpdiag.reports import write as write_report
from tcpdiag.timeline import notable

CAPTURES = [*capture_files(FIXTURES), *capture_files(SHARED / "captures")]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.parent.name + "/" + path.stem)
def test_the_findings_are_the_same(path: Path) -> None:
    report = tcpdiag.analyze(path)
    other = report.redacted(KEY)
    assert [facts(finding) for finding in other.findings] == [facts(finding) for finding in report.findings]
    incidents = [
        [
            (each.id, each.severity, each.findings, each.streams, [(s.frames, s.ts_ns) for s in each.narrative])
            for each in some.incidents
        ]
        for some in (report, other)
    ]
    assert incidents[0] == incidents[1]
    assert other.vantage == report.vantage
    assert other.unexamined == report.unexamined
    left = [*originals_of(report.tables), path.name, str(path.parent)]
    assert not list(found_in(other.to_json(), left))


# --- nothing of the originals


def outputs(report: Report) -> Iterator[tuple[str, str]]:
    """Everything that can be made of a report, by name."""
    for name in FORMATS:
        stream = io.BytesIO()
        write_report(report, name, stream)
        yield name, stream.getvalue().decode("latin-1")
    for name in ("table", "csv", "json"):
        yield f"flows {name}", b"".join(flow_list.chunks(report.flows, name)).decode()
    moments, _ = notable(report.tables, report.streams, report.findings)
    flow = report.flow(0)
    own = flow.timeline()
    for name, some in (("all", moments), ("one", own)):
        yield f"timeline {name}", "".join(timelines.text(some, 0, streams=True))
        yield f"timeline {name} csv", "".join(timelines.comma_separated(some))
        yield f"timeline {name} json", b"".join(timelines.json(some)).decode()
    yield "timeline markdown", "\n".join(timelines.markdown(flow, own, 0))
    for what in ("findings", "events", "flows"):
        yield f"frame {what}", report.to_frame(what).to_csv()  # type: ignore[arg-type]
    yield "segments", flow.segments().to_csv()
    yield "repr", repr(report) + repr(flow) + repr(report.findings)
    if report.sockets is not None:
        yield "frame sockets", report.sockets.frame().to_csv()


def test_nothing_of_the_originals_is_left(secret: Path) -> None:
    report = tcpdiag.analyze(secret).where(f"{CLIENT} or port 7777")
    assert {HOSTS[0].lower(), HOSTS[1], *PATHS, BANNER} <= set(words_of(report)), "the capture tells what it should"
    other = report.redacted()
    originals = [*originals_of(report.tables)]
    for text in (*HOSTS, *PATHS, BANNER, "zugspitze", secret.name, secret.stem, secret.parent.name, str(secret.parent)):
        originals += spellings(text)
    for name, output in outputs(other):
        assert not list(found_in(output, originals)), name


def words_of(report: Report) -> Iterator[str]:
    text = report.to_json().lower()
    return (word for word in (HOSTS[0].lower(), HOSTS[1], *PATHS, BANNER) if word.lower() in text)


def test_nothing_of_a_hosts_sockets_is_left() -> None:
    folder = FIXTURES / "socket-table"
    listings = [folder / name for name in ("ss.txt", "lsof.txt", "proc.txt", "netstat.txt")]
    report = tcpdiag.analyze(folder / "capture.pcap").with_sockets(*listings)
    other = report.redacted(KEY)
    assert [facts(finding) for finding in other.findings] == [facts(finding) for finding in report.findings]
    assert report.sockets is not None and other.sockets is not None
    assert [row.verdict for row in other.sockets] == [row.verdict for row in report.sockets]
    originals = originals_of(report.tables)
    for text in ("leaky", str(folder), "ss.txt", "lsof.txt", "socket-table"):
        originals += spellings(text)
    for name, output in outputs(other):
        assert not list(found_in(output, originals)), name


def test_pictures_show_the_other_addresses(secret: Path, tmp_path: Path) -> None:
    report = tcpdiag.analyze(secret)
    other = report.redacted(KEY)
    originals = originals_of(report.tables)
    for kind, flow in (("sequence", 0), ("states", 0), ("ladder", 0), ("held", None), ("lifetimes", None)):
        path = tmp_path / f"{kind}.svg"
        figure_files.save(figure_files.draw(other, kind, flow), path)
        text = path.read_text()
        assert not list(found_in(text, [*originals, *spellings(secret.stem)])), kind
        if kind in ("sequence", "states", "ladder"):
            assert other.flow(0).client in text


# --- the capture is still read


def test_segments_are_found_again(secret: Path) -> None:
    report = tcpdiag.analyze(secret)
    assert report.redacted(KEY).flow(1).segments().equals(report.flow(1).segments())
    twice = report.redacted(KEY).redacted(OTHER_KEY)
    assert twice.flow(1).segments().equals(report.flow(1).segments())
    assert twice.flow(1).client != report.redacted(KEY).flow(1).client


def test_application_bytes_are_not_read_again(secret: Path) -> None:
    with pytest.raises(UsageError, match="redacted report"):
        _ = tcpdiag.analyze(secret).redacted(KEY).flow(0).hints


def test_a_capture_that_is_gone_is_not_named(secret: Path, tmp_path: Path) -> None:
    copy = tmp_path / "gone.pcap"
    copy.write_bytes(secret.read_bytes())
    report = tcpdiag.analyze(copy).redacted(KEY)
    copy.unlink()
    with pytest.raises(UsageError) as raised:
        report.flow(0).segments()
    assert "gone" not in str(raised.value)


def test_a_filter_stays_and_is_not_told(secret: Path) -> None:
    report = tcpdiag.analyze(secret).where(f"{CLIENT} and port 80")
    other = report.redacted(KEY)
    assert other.streams.tolist() == report.streams.tolist()
    assert [finding.id for finding in other.findings] == [finding.id for finding in report.findings]
    assert CLIENT not in str(other.expression)


# --- what is no work of the tables


def test_a_finding_that_the_tables_do_not_give_again_loses_its_text() -> None:
    report = made.report(unexamined=(Unexamined("close-wait-leak", "/home/me/x"), Unexamined("y", "/home/me/x")))
    other = report.redacted(KEY)
    assert [(each.id, each.severity, each.frames) for each in other.findings] == [
        (each.id, each.severity, each.frames) for each in report.findings
    ]
    assert [each.findings for each in other.incidents] == [each.findings for each in report.incidents]
    for name in FORMATS:
        if name == "html":
            continue
        stream = io.BytesIO()
        write_report(other, name, stream)
        text = stream.getvalue().decode()
        for original in (
            "198.51.100",
            "2001:db8",
            "evil",
            "office",
            "middlebox",
            "/home/me",
            "10.0.0.1",
            "vni 42",
            "eth0",
        ):
            assert original not in text, (name, original)


def test_interfaces_and_tunnels_are_other_ones_too() -> None:
    report = made.report()
    (file,) = report.files
    interface = replace(file.interfaces[0], description="uplink to HQ", filter="host 198.51.100.7", os="Plan 9")
    tunnel = Tunnel((("VXLAN", "vni 42", "10.0.0.1", "10.0.0.2"), ("GRE", "", "2001:db8::9", "")))
    tables = replace(report.tables, files=(replace(file, interfaces=(interface,)),), tunnels=(Tunnel(()), tunnel))
    other = replace(report, tables=tables).redacted(KEY)
    (redacted,) = other.files[0].interfaces
    assert (redacted.description, redacted.filter, redacted.os) == (None, None, None)
    assert redacted.name == f"interface-{REDACTOR.tag('interface', 'eth0')}"
    layers = other.tables.tunnels[1].layers
    assert layers[0] == (
        "VXLAN",
        f"vni {REDACTOR.tag('vni', '42')}",
        REDACTOR.address("10.0.0.1"),
        REDACTOR.address("10.0.0.2"),
    )
    assert layers[1] == ("GRE", "", REDACTOR.address("2001:db8::9"), "")
