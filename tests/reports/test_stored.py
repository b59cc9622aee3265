"""A report from its JSON says the same in every format; what is no such report gives one clear error."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tcpdiag
from cli.run import tcpdiag as command
from places import FIXTURES, SHARED, capture_files
from reports import made
from tcpdiag.errors import UsageError
from tcpdiag.model.capture import Damage
from tcpdiag.report import Report
from tcpdiag.reports import stored

CAPTURES = [*capture_files(FIXTURES), *capture_files(SHARED / "captures")]
OFFICE = FIXTURES / "office" / "office.pcap"
SOCKETS = FIXTURES / "socket-table"
MADE = {"full": made.report, "crowded": made.crowded, "mild": made.mild, "healthy": made.healthy}
Document = dict[str, Any]


def says_the_same(report: Report, *, html: bool = True) -> Report:
    text = report.to_json()
    again = Report.from_json(text)
    assert again.to_json() == text
    assert again.to_text() == report.to_text()
    assert again.to_markdown() == replace(report, paths=()).to_markdown(), "but for the diagram"
    if html:
        assert again.to_html(figures=False) == report.to_html(figures=False)
    return again


@pytest.mark.parametrize("name", MADE)
def test_a_report_made_by_hand(name: str) -> None:
    says_the_same(MADE[name]())


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.parent.name + "/" + path.stem)
def test_a_capture(path: Path) -> None:
    says_the_same(tcpdiag.analyze(path))


def test_a_report_with_sockets() -> None:
    listings = [SOCKETS / name for name in ("ss.txt", "lsof.txt", "proc.txt", "netstat.txt")]
    report = tcpdiag.analyze(SOCKETS / "capture.pcap").with_sockets(*listings)
    again = says_the_same(report)
    assert report.sockets is not None and again.sockets is not None
    assert [row.verdict for row in again.sockets] == [row.verdict for row in report.sockets]
    says_the_same(report.where("port 8080"))
    says_the_same(report.redacted(b"k" * 32))


@pytest.mark.parametrize("expression", ["stream 2", "port 80", "port 1", "2001:db8::/32 or stream 0"])
def test_a_restricted_report(expression: str) -> None:
    again = says_the_same(made.report().where(expression))
    assert len(again.tables.flows) == 3, "all that the capture has, for the counts"


def test_a_report_of_several_damaged_files() -> None:
    report = made.report()
    (file,) = report.files
    further = (*file.damage, Damage(80_000, 113, "zeros", resynchronised=True))
    first = replace(file, damage=further, backward_steps=3, largest_backward_step_ns=10**9)
    second = replace(file, path="two.pcap", damage=(), first_ts_ns=None, last_ts_ns=None, complete=False)
    says_the_same(replace(report, tables=replace(report.tables, files=(first, second)), complete=False))


def test_what_was_said_of_checksums_is_kept() -> None:
    report = made.report()
    report.tables.details["partial_checksums"] = 1
    says_the_same(report)
    assert "offload" in Report.from_json(report.to_json()).to_text()


def test_it_can_be_asked_what_it_holds() -> None:
    report = tcpdiag.analyze(SOCKETS / "capture.pcap")
    again = Report.from_json(report.to_json())
    assert again.flow(0).states == report.flow(0).states
    assert again.flow(0).counts == report.flow(0).counts
    assert again.to_frame("flows").equals(report.to_frame("flows"))
    kept = report.where("state CLOSE-WAIT")
    assert again.where("state CLOSE-WAIT").streams.tolist() == kept.streams.tolist() != []
    assert again.worst() == report.worst()


@pytest.mark.parametrize(
    "ask",
    [
        lambda report: report.flow(0).segments(),
        lambda report: report.flow(0).timeline(),
        lambda report: report.flow(0).events(),
        lambda report: report.flow(0).hints,
        lambda report: report.flow(0).plot.sequence(),
        lambda report: report.plot.resets(),
        lambda report: report.to_frame("events"),
        lambda report: report.redacted(),
        lambda report: report.with_sockets(SOCKETS / "ss.txt"),
    ],
)
def test_what_it_does_not_hold_is_refused(ask: Callable[[Report], object]) -> None:
    with pytest.raises(UsageError, match="report in JSON"):
        ask(Report.from_json(tcpdiag.analyze(OFFICE).to_json()))


def test_plots_of_what_it_holds_are_drawn() -> None:
    report = Report.from_json(tcpdiag.analyze(OFFICE).to_json())
    assert report.flow(0).plot.states().get_title(loc="left").startswith("stream 0")
    report.plot.held()
    report.plot.lifetimes()


def test_a_text_bytes_and_a_path_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    text = made.report().to_json(path)
    assert {Report.from_json(each).to_json() for each in (text, text.encode(), path, str(path))} == {text}


# --- what is no report


def document() -> Document:
    found: Document = json.loads(made.report().to_json())
    return found


DAMAGES: dict[str, tuple[Callable[[Document], object], str]] = {
    "another version": (lambda d: d.update(schema_version=2), "schema_version"),
    "no version": (lambda d: d.pop("schema_version"), "schema_version"),
    "no findings": (lambda d: d.pop("findings"), "'findings'"),
    "findings of another type": (lambda d: d.update(findings={}), r"\$\.findings is not an array"),
    "a severity": (lambda d: d["findings"][0].update(severity="bad"), "one of info, notice"),
    "a frame below 1": (lambda d: d["findings"][0].update(frames=[0]), "findings.0..frames"),
    "a frame that is a flag": (lambda d: d["findings"][0].update(frames=[True]), "findings.0..frames"),
    "a stream that is not there": (lambda d: d["findings"][0].update(streams=[3]), "findings.0..streams"),
    "a time": (lambda d: d["findings"][0].update(first_ts="noon"), "is not a time"),
    "a time beyond all": (lambda d: d["findings"][0].update(first_ts="9" * 11 + ".000000000"), "is not a time"),
    "a confidence": (lambda d: d["findings"][0].update(confidence=2), "from 0 to 1"),
    "data that is too deep": (lambda d: d["findings"][0].update(data=json.loads('{"a":' * 99 + "1" + "}" * 99)), "lev"),
    "a text": (lambda d: d["incidents"][0].update(title=7), "is not a string"),
    "an endpoint": (lambda d: d["flows"][0].update(client="www.example.com:80"), "address and a port"),
    "a port": (lambda d: d["flows"][0].update(client="10.0.0.1:65536"), "address and a port"),
    "a flow that is none": (lambda d: d["flows"].append(7), "an array of objects"),
    "a count": (lambda d: d["flows"][0].update(packets=[1]), "packets is not two whole numbers"),
    "a count below 0": (lambda d: d["flows"][0].update(packets=[1, -1]), "packets"),
    "a count beyond all": (lambda d: d["flows"][0].update(packets=[1, 10**30]), "packets"),
    "a count that is too large": (lambda d: d["flows"][0].update(retransmissions=[1, 2**32]), "at most 4294967295"),
    "a round trip beyond all": (lambda d: d["flows"][0].update(rtt_mean_ns=[2**62, 1]), "possible number"),
    "a state": (lambda d: d["flows"][0]["states"]["client"][0].update(state="OPEN"), "flows...state is not"),
    "a last state": (lambda d: d["flows"][0].update(state=["OPEN", "CLOSED"]), "two states"),
    "a lineage in a circle": (lambda d: d["flows"][2]["lineage"].update(previous=2), "earlier stream"),
    "streams twice": (lambda d: d["flows"].append(d["flows"][0]), "ascending order"),
    "streams without end": (lambda d: d.update(connections=10**12), "at most"),
    "fewer connections than flows": (lambda d: d.update(connections=1), "connections"),
    "limits": (lambda d: d["settings"]["limits"].update(findings="many"), "limits.findings"),
    "sockets": (lambda d: d.update(sockets=[{}]), "sockets.0."),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_document_is_refused_with_its_place(name: str) -> None:
    damage, words = DAMAGES[name]
    broken = document()
    damage(broken)
    with pytest.raises(UsageError, match=words):
        Report.from_json(json.dumps(broken))


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema_version": 1}', "[" * 5000, '{"a": "\\ud800"}'])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no report of tcpdiag"):
        Report.from_json(text)


@pytest.mark.parametrize("path", ["nowhere.json", "\0", "", "x" * 5000])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(UsageError):
        Report.from_json(path)


def test_a_document_is_read_up_to_a_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    text = made.report().to_json(path)
    monkeypatch.setattr(stored, "LARGEST", 100)
    for source in (text, path):
        with pytest.raises(UsageError, match="more than 100 B"):
            Report.from_json(source)


def test_unknown_keys_of_a_later_version_do_no_harm() -> None:
    later = document()
    later["mood"] = later["flows"][0]["mood"] = later["findings"][0]["mood"] = "good"
    assert Report.from_json(json.dumps(later)).to_json() == made.report().to_json()


STRANGE: tuple[Any, ...] = (None, True, -1, 0, 1.5, 2**31, 2**63, 2**64, "", "x", "\x1b[31m", [], [[]], {}, {"a": 1})


def mutated(value: Any, chance: random.Random) -> Any:
    """The same document with one value replaced, removed, or doubled."""
    places: list[tuple[Any, Any]] = []

    def walk(inside: Any) -> None:
        for key in inside if isinstance(inside, dict) else range(len(inside)):
            places.append((inside, key))
            if isinstance(inside[key], dict | list):
                walk(inside[key])

    walk(value)
    inside, key = chance.choice(places)
    what = chance.random()
    if what < 0.7:
        inside[key] = chance.choice(STRANGE)
    elif what < 0.85:
        del inside[key]
    elif isinstance(inside, list):
        inside.append(inside[key])
    return value


@pytest.mark.parametrize("seed", range(8))
def test_any_damage_gives_a_report_or_one_error(seed: int) -> None:
    chance = random.Random(seed)
    listing = tcpdiag.analyze(SOCKETS / "capture.pcap").with_sockets(SOCKETS / "ss.txt").to_json()
    for number in range(30):
        broken = mutated(json.loads(listing) if number % 2 else document(), chance)
        try:
            report = Report.from_json(json.dumps(broken))
        except UsageError as error:
            assert len(str(error).splitlines()) == 1
            continue
        for told in (report.to_json(), report.to_text(), report.to_markdown(), report.to_html(figures=False)):
            assert "\x1b" not in told
        report.where("port 80")


# --- the command


def test_the_command_tells_a_stored_report(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    report = tcpdiag.analyze(OFFICE)
    report.to_json(path)
    assert command("report", path).stdout == report.to_text()
    page = tmp_path / "a.html"
    assert command("report", path, "-o", page, "-o", tmp_path / "a.txt").stdout == ""
    assert page.read_text().startswith("<!doctype html>")
    assert (tmp_path / "a.txt").read_text() == report.to_text()
    piped = command("report", "-", "--format", "json", stdin=path.read_bytes())
    assert piped.stdout == path.read_text()


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), ("{}", "no report of"), ("hi", "no report of")])
def test_the_command_refuses_what_is_no_report(content: str | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    done = command("report", path, check=2)
    assert words in done.stderr and len(done.stderr.splitlines()) == 1 and done.stdout == ""
