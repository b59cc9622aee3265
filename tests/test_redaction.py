"""Redaction: other addresses and names everywhere, the same findings, and nothing of the originals left."""

import base64
import io
import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tcpdiag
from cli.run import tcpdiag as command
from hints.made import Conversation, client_hello, dns_answer, dns_packet, healthy, leaked, server_name, write
from places import FIXTURES, SHARED, capture_files
from reports import made
from tcpdiag.errors import UsageError
from tcpdiag.figures import files as figure_files
from tcpdiag.model.finding import Finding, Unexamined
from tcpdiag.model.tables import Tables, Tunnel
from tcpdiag.redaction import Redactor
from tcpdiag.redaction.prefixes import KEPT
from tcpdiag.report import FORMATS, Report
from tcpdiag.reports import flow_list, timelines
from tcpdiag.reports import write as write_report
from tcpdiag.timeline import notable
from tcpdiag.units import address

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
REDACTOR = Redactor(KEY)
GAP_NS = 100_000_000
CAPTURES = [*capture_files(FIXTURES), *capture_files(SHARED / "captures")]


# --- addresses


def shared_bits(one: str, other: str) -> int:
    """How many leading bits two addresses share."""
    a, b = ipaddress.ip_address(one), ipaddress.ip_address(other)
    return a.max_prefixlen - (int(a) ^ int(b)).bit_length()


IPV4 = st.integers(0, 2**32 - 1).map(lambda value: str(ipaddress.IPv4Address(value)))
IPV6 = st.integers(0, 2**128 - 1).map(lambda value: str(ipaddress.IPv6Address(value)))


@given(st.one_of(st.tuples(IPV4, IPV4), st.tuples(IPV6, IPV6)))
def test_two_addresses_share_as_many_bits_as_before(pair: tuple[str, str]) -> None:
    one, other = pair
    if ipaddress.ip_address(one).version == 6 and (int(ipaddress.ip_address(one)) >> 32 == 0xFFFF):
        return
    assert shared_bits(REDACTOR.address(one), REDACTOR.address(other)) == shared_bits(one, other)


@pytest.mark.parametrize(
    "pair",
    [
        ("198.51.100.1", "198.51.100.2"),
        ("198.51.100.1", "198.51.101.1"),
        ("203.0.113.255", "4.5.6.7"),
        ("2001:db8::1", "2001:db8::2"),
        ("2001:db8:1::", "2001:db8:2::"),
    ],
)
def test_neighbours_stay_neighbours(pair: tuple[str, str]) -> None:
    assert shared_bits(*map(REDACTOR.address, pair)) == shared_bits(*pair)
    assert all(REDACTOR.address(each) != each for each in pair)


@pytest.mark.parametrize("network", KEPT, ids=str)
def test_special_networks_become_themselves(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
    inside = {network[0], network[-1], network[network.num_addresses // 3]}
    for each in inside:
        assert ipaddress.ip_address(REDACTOR.address(str(each))) in network
    for outside in (int(network[0]) - 1, int(network[-1]) + 1):
        if 0 <= outside < 1 << network.max_prefixlen:
            beside = type(network[0])(outside)
            assert ipaddress.ip_address(REDACTOR.address(str(beside))) not in network


def test_what_tells_of_nobody_stays() -> None:
    for each in ("0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1"):
        assert REDACTOR.address(each) == each


def test_a_mapped_address_is_mapped_as_the_ipv4_address_in_it() -> None:
    assert REDACTOR.address("::ffff:198.51.100.7") == f"::ffff:{REDACTOR.address('198.51.100.7')}"


def test_no_two_addresses_become_one() -> None:
    lo = np.arange(0xC6336400, 0xC6346400, dtype=np.uint64)
    zero = np.zeros(len(lo), np.uint64)
    _, other = REDACTOR.addresses(np.full(len(lo), 4, np.uint8), zero, lo)
    assert len(np.unique(other)) == len(lo)


def test_the_key_decides() -> None:
    assert Redactor(KEY).address(SIX) == REDACTOR.address(SIX)
    others = {Redactor(bytes([n]) * 16).address(SIX) for n in range(50)}
    assert len(others) == 50 and SIX not in others
    assert Redactor().address("2001:db8::1") != Redactor().address("2001:db8::1")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(UsageError, match="16 bytes"):
        Redactor(b"secret")


# --- names


def test_names_are_alike_where_the_originals_were() -> None:
    assert REDACTOR.host("API.Example.com") == REDACTOR.host("api.example.com.") != REDACTOR.host("api.example.org")
    assert REDACTOR.host("10.1.2.3:8080") == f"{REDACTOR.address('10.1.2.3')}:8080"
    assert REDACTOR.host("[2001:db8::1]") == REDACTOR.address("2001:db8::1")
    one, other = REDACTOR.path("/call/17/state"), REDACTOR.path("/call/18/...")
    assert one.split("/")[1] == other.split("/")[1] and one.split("/")[2] != other.split("/")[2]
    assert other.endswith("/...") and one.count("/") == 3
    assert REDACTOR.file("/home/me/office.pcap.gz") == REDACTOR.file("office.pcap.gz")
    assert REDACTOR.file("office.pcap.gz").endswith(".pcap.gz") and "secret" not in REDACTOR.file("a.secret.pcap")
    assert REDACTOR.file("-") == "-"


# --- the same findings


def facts(finding: Finding) -> tuple[object, ...]:
    """Everything but texts."""
    return (
        (finding.id, finding.kind, finding.severity, finding.confidence, finding.streams, finding.frames),
        (finding.first_ts_ns, finding.last_ts_ns, finding.references, sorted(finding.data)),
        [(each.frame, each.ts_ns, each.stream, each.segment is None) for each in finding.evidence],
        [(each.frames, each.ts_ns) for each in finding.story],
        [each.frames for each in finding.refutations],
        (len(finding.causes), len(finding.next_steps), len(finding.settled_by)),
        (finding.endpoint is None, finding.peer is None),
    )


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

HOSTS = ("Payroll.Zugspitze.test", "db7.zugspitze.test")
FOLDER, FILE = "zugspitze-2026", "firewall-ost.pcap"
PATHS = ("gehaltslauf", "mitarbeiter", "quartal-3")
BANNER = "ZUGSPITZE-TRADER/9"
CLIENT, SERVER, SIX = "198.51.100.240", "203.0.113.77", "2001:db8:cafe::beef"


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server that keeps connections of several protocols for good."""
    folder = tmp_path_factory.mktemp(FOLDER)
    request = f"POST /{'/'.join(PATHS)}?x=1 HTTP/1.1\r\nHost: {HOSTS[0]}\r\n\r\n".encode()
    hello = client_hello(server_name(HOSTS[1].encode()))
    packets = [dns_packet(dns_answer(HOSTS[1], (HOSTS[1], SERVER)))]
    for n in range(12):
        packets += leaked(request, sport=40_000 + n, dport=80, client=CLIENT, server=SERVER)
        packets += leaked(hello, sport=41_000 + n, dport=443, client=CLIENT, server=SERVER)
        packets += leaked(BANNER.encode(), sport=42_000 + n, dport=7777, client=SIX, server="2001:db8:cafe::1")
    for n in range(3):
        packets += Conversation(sport=43_000 + n, dport=81, client=CLIENT, server=SERVER).refused().packets
    packets += healthy(b"PING", b"PONG", sport=60_000, dport=9999, client=CLIENT, server=SERVER) * 8
    return write(folder / FILE, packets, gap_ns=GAP_NS)


def spellings(text: str) -> Iterator[str]:
    """How a text might still be there."""
    octets = text.encode()
    yield text
    yield text[::-1]
    yield octets.hex()
    yield "".join(f"%{octet:02x}" for octet in octets)
    yield quote(text, safe="")
    yield "".join(f"\\u{octet:04x}" for octet in octets)
    yield "".join(f"&#{octet};" for octet in octets)
    for shift in range(3):  # wherever in a longer text it stands
        yield base64.b64encode(b"\0" * shift + octets).decode()[4 * (shift > 0) : -4]
    for coding in ("utf-16-le", "utf-16-be", "utf-32-le"):
        yield text.encode(coding).decode("latin-1")


def address_spellings(text: str) -> Iterator[str]:
    parsed = ipaddress.ip_address(text)
    yield from spellings(text)
    yield from spellings(parsed.exploded)
    packed = parsed.packed
    for each in (packed, packed[::-1]):
        yield each.hex()
        yield str(int.from_bytes(each))
        yield base64.b64encode(each).decode().rstrip("=")
        yield ":".join(f"{octet:02x}" for octet in each)
    yield parsed.reverse_pointer
    if parsed.version == 4:
        yield ".".join(reversed(text.split(".")))
        yield text.replace(".", "-")


def originals_of(tables: Tables) -> list[str]:
    """All addresses of a capture that redaction replaces, in every spelling."""
    flows = tables.flows if tables.captured is None else tables.captured
    rows = zip(flows["family"].tolist(), flows["addr_hi"].tolist(), flows["addr_lo"].tolist(), strict=True)
    ends = {(family, hi, lo) for family, his, los in rows for hi, lo in zip(his, los, strict=True)}
    names = {address(*end) for end in ends}
    return [spelling for name in names if REDACTOR.address(name) != name for spelling in address_spellings(name)]


def found_in(output: str, spelt: list[str]) -> Iterator[str]:
    lower = output.lower()
    return (text for text in spelt if len(text) > 4 and text.lower() in lower)


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


# --- the command


def test_a_key_file_gives_the_same_names_everywhere(secret: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(KEY)
    text = command("analyze", "--redact-key", key, secret).stdout
    flows = command("flows", "--redact-key", key, "--format", "csv", secret).stdout
    timeline = command("timeline", "--redact-key", key, "--flow", "0", secret).stdout
    svg = tmp_path / "held.svg"
    command("plot", "--redact-key", key, "--kind", "held", "--endpoint", f"{SERVER}:80", "-o", svg, secret)
    server = f"{REDACTOR.address(SERVER)}:80"
    for output in (text, flows, timeline, svg.read_text()):
        assert server in output
        assert not list(found_in(output, [*address_spellings(SERVER), *address_spellings(CLIENT), "zugspitze"]))
    assert text == tcpdiag.analyze(secret).redacted(KEY).to_text()


def test_a_random_key_is_another_one_each_time(secret: Path) -> None:
    first, second = (command("flows", "--redact", secret).stdout for _ in range(2))
    assert first != second and CLIENT not in first + second


def test_standard_input_is_redacted_with_its_hints(secret: Path) -> None:
    done = command("analyze", "--redact", "--format", "json", "-", stdin=secret.read_bytes())
    assert "host-" in done.stdout and "zugspitze" not in done.stdout.lower()


@pytest.mark.parametrize(("content", "words"), [(b"short", "16 to 4096 bytes"), (None, "No such file")])
def test_a_file_that_is_no_key_is_refused(content: bytes | None, words: str, tmp_path: Path, secret: Path) -> None:
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
    done = command("analyze", "--redact-key", key, secret, check=2)
    assert words in done.stderr and done.stdout == ""
