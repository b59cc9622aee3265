"""What the tests of redaction share: keys, a capture full of names, and the search for what must not be left."""

import base64
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from hints.made import Conversation, client_hello, dns_answer, dns_packet, healthy, leaked, server_name, write
from tcpdiag.model.finding import Finding
from tcpdiag.model.tables import Tables
from tcpdiag.redaction import Redactor
from tcpdiag.units import address

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
REDACTOR = Redactor(KEY)
GAP_NS = 100_000_000
HOSTS = ("Payroll.Zugspitze.test", "db7.zugspitze.test")
FOLDER, FILE = "zugspitze-2026", "firewall-ost.pcap"
PATHS = ("gehaltslauf", "mitarbeiter", "quartal-3")
BANNER = "ZUGSPITZE-TRADER/9"
CLIENT, SERVER, SIX = "198.51.100.240", "203.0.113.77", "2001:db8:cafe::beef"


def secret_capture(folder: Path) -> Path:
    """A server that keeps connections of several protocols for good."""
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
