"""What findings gain, and lose, by what the kernels say."""

from dataclasses import replace
from pathlib import Path

import pytest

from sockets.made import TABLE, at, edited, listing, report_of
from tcpdiag.diagnoses.confidence import HOLES, KERNEL_DISAGREES, NOT_UNIQUE, PRESUMED, confidence
from tcpdiag.diagnoses.incidents import incident
from tcpdiag.model.finding import Finding, Sentence, Severity
from tcpdiag.report import Report

HOST = "198.51.100.80"
PORT_8080 = r"CLOSE-WAIT +46 +0 +(198.51.100.80:8080 )"


def made(kind: str, endpoint: str | None, *streams: int, **data: object) -> Report:
    """The recorded report with one finding of our own, which lasts all the time."""
    report = report_of("socket-table")
    finding = Finding(
        kind=kind,
        severity=Severity.WARNING,
        confidence=0.5,
        title="made",
        story=(Sentence("It happened [5].", (5,), report.tables.first_ts_ns),),
        streams=streams,
        frames=(5,),
        endpoint=endpoint,
        peer=report.flow(streams[0]).client if streams else None,
        first_ts_ns=report.tables.first_ts_ns,
        last_ts_ns=report.tables.last_ts_ns,
        next_steps=(f"on {HOST}: ss -tanp", "think"),
        settled_by=(f"on {HOST}: ss -ltn and nstat -az", f"on {HOST}: tcpdump -ni any; ss -s"),
        data={"doubts": [], **data},
        id=f"{kind}-1",
    )
    told = incident(1, [finding])
    return replace(report, findings=(finding,), incidents=(told,))


def answered(report: Report, *listings: Path) -> Finding:
    (finding,) = report.with_sockets(*listings).findings
    return finding


@pytest.mark.parametrize(
    ("kind", "endpoint", "streams", "words"),
    [
        ("close-wait-stuck", f"{HOST}:8080", (0,), "in CLOSE-WAIT, 45 bytes unread, held by leaky (pid"),
        ("close-wait-stuck", f"{HOST}:8080", (0,), "The application has not read the end of the stream."),
        ("close-wait-leak", HOST, (6, 7), "read the end of the stream and did not call close()"),
        ("close-wait-stuck", f"{HOST}:8082", (8, 9), "No process has accepted them."),
        ("syn-into-close-wait", f"{HOST}:8080", (0, 1, 2), "had 3 of these sockets in CLOSE-WAIT: leaky (pid"),
        ("reader-stopped", f"{HOST}:8080", (0,), "45 bytes unread"),
        ("peer-vanished", f"{HOST}:8083", (11,), "21,201 bytes not acknowledged, persist timer"),
        ("accept-queue-overflow", f"{HOST}:8082", (8, 9), "queue of 0.0.0.0:8082, with room for 1: it is full"),
        ("syn-unanswered", f"{HOST}:8082", (10,), "had 2 connections waiting for leaky (pid"),
    ],
)  # fmt: skip
def test_what_bears_a_finding_out_is_told_at_its_end(
    kind: str, endpoint: str, streams: tuple[int, ...], words: str
) -> None:
    finding = answered(made(kind, endpoint, *streams), TABLE / "ss.txt")
    assert words in finding.story[-1].text
    assert finding.data["sockets"]["outcome"] == "confirmed"
    assert finding.refutations[-1].outcome is not None
    assert finding.refutations[-1].outcome.startswith("not found")


@pytest.mark.parametrize(
    ("kind", "endpoint", "streams", "data", "changes", "words"),
    [
        ("close-wait-stuck", f"{HOST}:8080", (0,), {}, [(PORT_8080, r"ESTAB 45 0 \1")],
         "had this socket in ESTABLISHED, 45 bytes unread, where the capture predicts CLOSE-WAIT [6]"),
        ("close-wait-stuck", f"{HOST}:8080", (0,), {}, [(PORT_8080, r"LAST-ACK 0 900 \1")],
         "the FIN waits behind 899 bytes"),
        ("reader-stopped", f"{HOST}:8081", (6,), {}, [], "it had this socket in CLOSE-WAIT."),
        ("keepalive-absent", f"{HOST}:8085", (13,), {}, [], "keepalive timer due in 1 h 59 min"),
        ("half-open", f"{HOST}:8085", (13,), {}, [], "it had this socket in ESTABLISHED"),
        ("rst-off-sequence", f"{HOST}:8084", (12,), {"reaction": "ignored"}, [], "it did not have this socket"),
        ("rst-off-sequence", f"{HOST}:8085", (13,), {"reaction": "obeyed"}, [], "it had this socket in ESTABLISHED"),
    ],
)  # fmt: skip
def test_a_contradiction_is_told_first(
    kind: str, endpoint: str, streams: tuple[int, ...], data: dict[str, str], changes: list[tuple[str, str]],
    words: str, tmp_path: Path,
) -> None:  # fmt: skip
    report = made(kind, endpoint, *streams, **data)
    if kind == "half-open":  # over before the listing was taken
        finding = replace(report.findings[0], last_ts_ns=report.tables.first_ts_ns + 10**9)
        report = replace(report, findings=(finding,))
    finding = answered(report, edited(tmp_path, *changes))
    assert f"The kernel of {HOST} contradicts this" in finding.story[0].text
    assert words in finding.story[0].text
    assert finding.data["sockets"]["outcome"] == "contradicted"
    assert finding.confidence == confidence([KERNEL_DISAGREES])
    assert set(finding.story[0].frames) <= set(finding.frames)
    assert finding.severity is Severity.WARNING


def test_a_contradiction_stands_in_the_first_lines_of_its_incident(tmp_path: Path) -> None:
    path = edited(tmp_path, ("(?m)^CLOSE-WAIT", "ESTAB"))
    report = report_of("socket-table").with_sockets(path)
    first = next(each for each in report.incidents if each.findings[0].startswith("close-wait-stuck"))
    assert f"The kernel of {HOST} contradicts this" in first.narrative[0].text
    assert "had 10 of these sockets in ESTABLISHED, where the capture predicts CLOSE-WAIT" in first.narrative[0].text


def test_half_open_is_borne_out_by_a_host_without_the_socket(tmp_path: Path) -> None:
    report = report_of("appkeepalive-reboot")
    finding = next(finding for finding in report.findings if finding.kind == "half-open")
    assert finding.endpoint is not None and finding.last_ts_ns is not None
    host, _, port = finding.endpoint.rpartition(":")
    rows = f"LISTEN 0 9 {host}:{port} 0.0.0.0:*\n"
    moment = at(report, (report.tables.last_ts_ns - report.tables.first_ts_ns) / 1e9)
    assert moment.ts_ns > finding.last_ts_ns + moment.margin_ns
    told = report.with_sockets(listing(rows, moment, tmp_path)).finding(finding.id)
    assert f"had no socket for {finding.peer} any more" in told.story[-1].text
    assert told.data["sockets"]["outcome"] == "confirmed"


@pytest.mark.parametrize(
    ("kind", "endpoint", "streams", "doubts", "left"),
    [
        ("close-wait-stuck", f"{HOST}:8080", (0,), [PRESUMED, HOLES], []),
        ("close-wait-stuck", f"{HOST}:8080", (0,), [NOT_UNIQUE], [NOT_UNIQUE]),
        ("close-wait-stuck", f"{HOST}:8080", (0, 12), [PRESUMED], [PRESUMED]),
        ("accept-queue-overflow", f"{HOST}:8082", (8, 9), [NOT_UNIQUE], []),
        ("reader-stopped", f"{HOST}:8080", (0,), [PRESUMED], [PRESUMED]),
    ],
)
def test_the_kernel_settles_only_the_doubts_that_it_can(
    kind: str, endpoint: str, streams: tuple[int, ...], doubts: list[object], left: list[object]
) -> None:
    report = made(kind, endpoint, *streams, doubts=[doubt.text for doubt in doubts])  # type: ignore[attr-defined]
    finding = answered(report, TABLE / "ss.txt")
    assert finding.data["doubts"] == [doubt.text for doubt in left]  # type: ignore[attr-defined]
    assert finding.confidence == confidence(left)  # type: ignore[arg-type]


def test_an_unknown_doubt_leaves_the_confidence_alone() -> None:
    finding = answered(made("close-wait-stuck", f"{HOST}:8080", 0, doubts=["it is Friday"]), TABLE / "ss.txt")
    assert (finding.confidence, finding.data["doubts"]) == (0.5, ["it is Friday"])


def test_commands_that_were_answered_go_and_the_process_comes() -> None:
    finding = answered(made("close-wait-stuck", f"{HOST}:8080", 0), TABLE / "ss.txt")
    assert finding.next_steps[0].startswith(f"on {HOST} the process is leaky (pid ")
    assert finding.next_steps[1:] == ("think",)
    assert finding.settled_by == (f"on {HOST}: tcpdump -ni any; ss -s",)


def test_where_nothing_was_decided_the_commands_stay() -> None:
    finding = answered(made("mtu-black-hole", f"{HOST}:8083", 11), TABLE / "ss.txt")
    assert finding.next_steps == (f"on {HOST}: ss -tanp", "think")
    assert "had this socket in FIN-WAIT-1" in finding.story[-1].text
    assert finding.confidence == 0.5


def test_some_for_and_some_against_is_told_and_decides_nothing(tmp_path: Path) -> None:
    text = (TABLE / "ss.txt").read_text().splitlines(keepends=True)
    row = next(number for number, line in enumerate(text) if line.startswith("CLOSE-WAIT") and ":8080 " in line)
    text[row] = text[row].replace("CLOSE-WAIT", "ESTAB")
    (tmp_path / "ss.txt").write_text("".join(text))
    finding = answered(made("close-wait-leak", f"{HOST}:8080", *range(6)), tmp_path / "ss.txt")
    assert [text for text in ("had 5 of these sockets in CLOSE-WAIT", "1 of these sockets in ESTABLISHED")
            if not any(text in sentence.text for sentence in finding.story)] == []  # fmt: skip
    assert "sockets" not in finding.data
    assert finding.refutations[-1].outcome == "found, yet 5 of 6 sockets with CLOSE-WAIT"


def test_a_listing_from_another_time_says_nothing_of_a_queue(tmp_path: Path) -> None:
    report = report_of("socket-table")
    rows = "CLOSE-WAIT 46 0 198.51.100.80:8080 198.51.100.7:1\n"
    late = listing(rows, at(report, 600), tmp_path)
    finding = made("zero-window-stall", f"{HOST}:8080", 0).with_sockets(late).findings[0]
    assert len(finding.story) == 1


def test_of_many_listings_the_first_and_the_last_are_told() -> None:
    finding = answered(made("close-wait-stuck", f"{HOST}:8080", 0), *[TABLE / "ss.txt"] * 3, TABLE / "proc.txt")
    assert len(finding.story) == 3


def test_findings_about_the_capture_stay_as_they_are() -> None:
    report = made("capture-loss", f"{HOST}:8080", 0)
    assert report.with_sockets(TABLE / "ss.txt").findings == report.findings
