"""Reports made by hand: every renderer's goldens come from them."""

import numpy as np

from tcpdiag.config import Config, Limits
from tcpdiag.flows.vantage import Vantage
from tcpdiag.model.capture import CaptureFile, Damage, Interface
from tcpdiag.model.event import EVENT, EventBit, EventKind, RstClass
from tcpdiag.model.finding import Cause, Evidence, Finding, Incident, Refutation, Sentence, Severity, Unexamined
from tcpdiag.model.flow import DETAIL, ENDPOINT, FLOW, FlowBit
from tcpdiag.model.states import State
from tcpdiag.model.tables import Tables, Tunnel
from tcpdiag.report import Report

START_NS = 1_795_218_621_000_000_000
CLIENT, SERVER = 0xC63364F0, 0xC63364E3  # 198.51.100.240, 198.51.100.227
HOSTILE = "evil\x1b[31m\u202e|`<b>*x*"


def tables() -> Tables:
    """Three connections: one from its SYN on, one midstream with the client on side 1, one of IPv6 without details."""
    flows = np.zeros(3, FLOW)
    flows["family"] = 4, 4, 6
    flows["addr_lo"] = (CLIENT, SERVER), (SERVER, CLIENT), (1, 2)
    flows["addr_hi"][2] = 0x20010DB8_00000000
    flows["port"] = (54837, 80), (443, 50000), (60000, 8080)
    flows["first_ts_ns"] = START_NS, START_NS + 10**9, START_NS + 2 * 10**9
    flows["last_ts_ns"] = START_NS + 14_600_000_000, START_NS + 3 * 10**9, START_NS + 2 * 10**9
    flows["first_frame"], flows["last_frame"] = (1, 20, 30), (112, 25, 30)
    flows["previous"], flows["detail"] = (-1, -1, 0), (0, 2, -1)
    flows["bits"] = FlowBit.ROLES_KNOWN, FlowBit.CLIENT_IS_1 | FlowBit.MIDSTREAM, FlowBit.ROLES_KNOWN
    flows["tunnel"] = 0, 0, 1
    endpoints = np.zeros(6, ENDPOINT)
    endpoints["packets"] = 50, 62, 3, 2, 1, 0
    endpoints["bytes"] = 276, 70_000, 1_000, 20, 0, 0
    endpoints["syns"] = 1, 1, 0, 0, 1, 0
    endpoints["resets"][0] = 1
    endpoints["state"] = [
        State.CLOSED,
        State.CLOSE_WAIT,
        State.MIDSTREAM,
        State.MIDSTREAM,
        State.SYN_SENT,
        State.UNSEEN,
    ]
    details = np.zeros(4, DETAIL)
    details["retransmissions"] = 0, 12, 0, 0
    details["rtt_count"] = 3, 0, 0, 0
    details["rtt_min_ns"], details["rtt_sum_ns"], details["rtt_max_ns"] = 20_000_000, 75_000_000, 30_000_000
    interface = Interface(1, "EN10MB", 262144, name="eth0", received=119, dropped_interface=7)
    file = CaptureFile(
        path="captures/office.pcap",
        format="pcapng",
        compression="gzip",
        interfaces=(interface,),
        packets=112,
        tcp_packets=110,
        first_ts_ns=START_NS,
        last_ts_ns=START_NS + 14_600_000_000,
        first_frame=1,
        truncated_packets=2,
        damage=(Damage(70_000, 112, "last record incomplete: 60 of 74 bytes"),),
        undecoded={"not IP": 2},
    )
    tunnel = Tunnel((("VXLAN", "vni 42", "10.0.0.1", "10.0.0.2"),))
    return Tables((file,), flows, endpoints, details, events(), (Tunnel(()), tunnel))


def events() -> np.ndarray:
    """States, one of them withdrawn, one brought by a timer, and a RST."""
    rows = [
        (0, 0, 0, 1, State.SYN_SENT, EventKind.STATE, EventBit.CERTAIN),
        (0, 1, 0, 1, State.SYN_RECEIVED, EventKind.STATE, 0),
        (21_000_000, 1, 0, 3, State.ESTABLISHED, EventKind.STATE, EventBit.CERTAIN),
        (21_000_000, 0, 0, 3, State.ESTABLISHED, EventKind.STATE, EventBit.CERTAIN),
        (1_000_000_000, 0, 1, 20, State.MIDSTREAM, EventKind.STATE, EventBit.CERTAIN),
        (1_021_000_000, 0, 0, 92, State.FIN_WAIT_1, EventKind.STATE, EventBit.CERTAIN),
        (1_021_500_000, 1, 0, 93, State.CLOSE_WAIT, EventKind.STATE, EventBit.CERTAIN),
        (1_022_000_000, 1, 0, 94, State.CLOSED, EventKind.STATE, EventBit.WITHDRAWN),
        (1_044_000_000, 1, 0, 98, State.CLOSE_WAIT, EventKind.RST, 0),
        (1_044_000_000, 0, 0, 98, State.CLOSED, EventKind.STATE, EventBit.CERTAIN),
        (2_000_000_000, 0, 2, 30, State.SYN_SENT, EventKind.STATE, EventBit.CERTAIN),
        (9_000_000_000, 0, 2, 0, State.CLOSED, EventKind.STATE, EventBit.TIMER),
    ]
    found = np.zeros(len(rows), EVENT)
    for row, (after_ns, side, flow, frame, state, kind, bits) in zip(found, rows, strict=True):
        row["ts_ns"], row["side"], row["flow"], row["frame"] = START_NS + after_ns, side, flow, frame
        row["state"], row["kind"], row["bits"] = state, kind, bits
    found["detail"][found["kind"] == EventKind.RST] = RstClass.FIN_MINUS_ONE
    found["value"][found["kind"] == EventKind.RST] = -1
    return found


def finding(kind: str = "rst-off-sequence", number: int = 1, **changes: object) -> Finding:
    """A finding with everything in it."""
    fields: dict[str, object] = {
        "kind": kind,
        "severity": Severity.CRITICAL,
        "confidence": 0.92,
        "title": "A reset was not obeyed: its sequence number is one too low",
        "story": (
            Sentence(
                "The server had the client's FIN [92] and acknowledged it: it expects 277 (RCV.NXT) [93].",
                (92, 93),
                START_NS + 1_021_000_000,
            ),
            Sentence(
                "The RST [98] carries 276. A RST that is not exactly RCV.NXT is not obeyed (RFC 5961 section 3.2).",
                (98,),
                START_NS + 1_044_000_000,
            ),
        ),
        "streams": (0,),
        "frames": (92, 93, 98, 99, 100, 101),
        "evidence": (
            Evidence(92, START_NS + 1_021_000_000, "", "client > server F. 276:276(0) ack 4086 win 512", 0),
            Evidence(98, START_NS + 1_044_000_000, "1 below RCV.NXT", "client > server R 276:276(0) win 0", 0),
            Evidence(
                99,
                START_NS + 1_250_000_000,
                "the first of 12 retransmissions, none of them answered by anybody",
                "server > client P. 4086:5534(1448) ack 277 win 501 <nop,nop,TS val 1 ecr 2>",
                0,
            ),
            Evidence(None, START_NS + 14_600_000_000, "the capture ends; no answer until then"),
        ),
        "endpoint": "198.51.100.227:80",
        "peer": "198.51.100.240:54837",
        "first_ts_ns": START_NS + 1_021_000_000,
        "last_ts_ns": START_NS + 14_600_000_000,
        "causes": (
            Cause("a middlebox sent the RST", ("its TTL is 255, the client's are 64",), ("its IP ID fits",)),
            Cause("the client's own kernel sent it"),
        ),
        "next_steps": ("fix the firewall that resets with the FIN's number", "set TCP_USER_TIMEOUT on the server"),
        "refutations": (
            Refutation("the client sends anything after its RST", "not found: the client's last frame is 98", (98,)),
            Refutation("the server's kernel has closed the socket", None),
        ),
        "settled_by": ("on the server: ss -tinpo state close-wait dst 198.51.100.240",),
        "references": ("RFC 5961 section 3.2",),
        "data": {"reaction": "ignored", "distance": -1},
        "id": f"{kind}-{number}",
    }
    return Finding(**{**fields, **changes})  # type: ignore[arg-type]


def report(**changes: object) -> Report:
    """Two incidents, one of them with a symptom, and everything that a capture can have wrong."""
    cause = finding()
    symptom = finding("half-open", severity=Severity.WARNING, title="The server goes on, the client is gone")
    hostile = finding(
        "syn-unanswered",
        severity=Severity.WARNING,
        title=f"No answer to {HOSTILE}",
        story=(Sentence(f"SYN to {HOSTILE}\nand a second line", (30,)),),
        streams=(2,),
        frames=(30,),
        evidence=(Evidence(30, START_NS + 2 * 10**9, HOSTILE, f"client > server S {HOSTILE}", 2),),
        causes=(),
        next_steps=(),
    )
    about_capture = finding(
        "capture-truncated",
        severity=Severity.INFO,
        title="2 packets are cut short",
        story=(Sentence("What their payload held cannot be told.", (5, 6)),),
        streams=(),
        frames=(5, 6),
        data={"cut_packets": 2},
    )
    incidents = (
        incident(1, cause, symptom),
        incident(2, hostile),
        incident(3, about_capture),
    )
    fields: dict[str, object] = {
        "tables": tables(),
        "findings": (cause, symptom, hostile, about_capture),
        "incidents": incidents,
        "unexamined": (Unexamined("close-wait-leak", "ValueError: made to fail"),),
        "examined": ("rst-off-sequence", "half-open", "syn-unanswered", "close-wait-leak", "capture-truncated"),
        "vantage": Vantage("server", 0.9, "the server answers at once"),
        "paths": ("captures/office.pcap",),
    }
    return Report(**{**fields, **changes})  # type: ignore[arg-type]


def crowded() -> Report:
    """More findings than a person reads."""
    findings = tuple(finding(number=number, title=f"Finding {number}") for number in range(1, 31))
    incidents = tuple(incident(number, each) for number, each in enumerate(findings, 1))
    limits = Config(limits=Limits(findings=2, listed=3, evidence=1))
    return report(findings=findings, incidents=incidents, unexamined=(), config=limits)


def mild() -> Report:
    """Nothing that is more than a notice."""
    notice = finding("syn-refused", severity=Severity.NOTICE, title="3 connects are refused", streams=(2,))
    info = finding("keepalive-absent", severity=Severity.INFO, title="An idle connection without keepalive")
    return report(findings=(notice, info), incidents=(incident(1, notice), incident(2, info)), unexamined=())


def wide() -> Report:
    """The longest endpoints and numbers, everywhere."""
    long = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"
    cause = finding(endpoint=long, peer=long, streams=(99_999_999,), frames=(4_294_967_295,), title="W" * 72)
    symptom = finding("half-open", endpoint=long, peer=long, severity=Severity.WARNING, title=f"{long} goes on")
    listed = finding("syn-unanswered", endpoint=long, peer=long, severity=Severity.NOTICE, title=f"No answer: {long}")
    return report(findings=(cause, symptom, listed), incidents=(incident(1, cause, symptom), incident(2, listed)))


def healthy() -> Report:
    """Nothing wrong."""
    return report(findings=(), incidents=(), unexamined=())


def incident(number: int, *findings: Finding) -> Incident:
    cause = findings[0]
    return Incident(
        id=f"incident-{number}",
        title=cause.title,
        severity=cause.severity,
        findings=tuple(each.id for each in findings),
        streams=tuple(sorted({stream for each in findings for stream in each.streams})),
        narrative=cause.story,
        against=("a current Linux would have obeyed",),
        next_steps=cause.next_steps,
        refutations=cause.refutations,
        settled_by=cause.settled_by,
    )
