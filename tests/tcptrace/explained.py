"""Where our statistics differ from tcptrace's on purpose: each class with its reason and a connection that shows it.

A class explains a difference when it is about that column, and its test holds for that very connection and values.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tcptrace.compared import Difference

WINDOWS = ("max_win_adv", "min_win_adv", "avg_win_adv")
FLIGHT = ("max_owin", "min_non-zero_owin", "avg_owin", "wavg_owin")
INITIAL = ("initial_window_bytes", "initial_window_pkts")
ROUND_TRIPS = (
    *("RTT_samples", "RTT_min", "RTT_max", "RTT_avg", "RTT_stdev", "RTT_full_sz_smpls", "RTT_full_sz_min"),
    *("RTT_full_sz_max", "RTT_full_sz_avg", "RTT_full_sz_stdev", "post-loss_acks", "ambiguous_acks"),
    *("RTT_min_(last)", "RTT_max_(last)", "RTT_avg_(last)", "RTT_sdv_(last)", "segs_cum_acked"),
    *("max_#_retrans", "min_retr_time", "max_retr_time", "avg_retr_time", "sdv_retr_time"),
)


@dataclass(frozen=True)
class Class:
    """columns: what the names of tcptrace's columns begin with."""

    name: str
    columns: tuple[str, ...]
    reason: str
    example: str  # capture and stream
    holds: Callable[[Difference], bool]

    def explains(self, difference: Difference) -> bool:
        """Whether this is why they differ."""
        return difference.column.startswith(self.columns) and self.holds(difference)


def _between(low: float, value: float | None, high: float) -> bool:
    return value is not None and low <= value <= high


CLASSES = (
    Class(
        "mss-sign",
        ("mss_requested",),
        "it takes an MSS above 32767 for a negative number, and prints that as 32 bits",
        "captures/cwreuse-late-silent-loop stream 0: 65495 is 4294967255",
        lambda d: d.ours is not None and d.ours > 32767 and d.theirs == d.ours - 65536 + 2**32,
    ),
    Class(
        "scale-unknown",
        WINDOWS,
        "no SYN told the window scale: it takes the numbers of the headers for bytes, we say <NA>",
        "captures/capture-late stream 0",
        lambda d: d.ours is None and (d.get("wscale") is None or d.peer("wscale") is None),
    ),
    Class(
        "scale-of-before",
        WINDOWS,
        "the segments belong to the earlier connection on these endpoints, whose scale we know and it does not use",
        "captures/cwreuse-loop-challenge stream 1",
        lambda d: d.shared("previous") is not None,
    ),
    Class(
        "average-divisor",
        ("avg_win_adv",),
        "it divides by RSTs too, of a connection that scales its windows by its SYN, or by all when one side never did",
        "captures/asa-good stream 0: 38 segments, 35 of them no RST",
        lambda d: (
            d.ours is not None
            and _between(
                d.ours * (d.need("ack_packets") - d.need("resets") - d.need("syns")) / d.need("packets") - 1,
                d.theirs,
                d.ours + 1,
            )
        ),
    ),
    Class(
        "nothing-in-flight",
        ("min_non-zero_owin",),
        "its byte too many makes 1 of a bare ACK with nothing in flight, which is the least that is not 0",
        "captures/asa-good stream 0",
        lambda d: d.theirs == 1,
    ),
    Class(
        "whole-byte-seconds",
        ("wavg_owin",),
        "it cuts each product of bytes and seconds to a whole number before it adds them up",
        "captures/asa-good stream 0: client 0 of 0.5",
        lambda d: (
            d.ours is not None
            and _between(d.ours - d.need("packets") / (d.shared_need("duration_ns") / 1e9) - 1, d.theirs, d.ours + 2)
        ),
    ),
    Class(
        "no-beginning",
        (*FLIGHT, *INITIAL),
        "no SYN and, until it comes, no ACK of the peer: what is in flight is not known; it takes one segment for it",
        "public/tcpdump/bgp-encap stream 0",
        lambda d: d.get("mss") is None and d.get("wscale") is None and d.shared("midstream") == 1,
    ),
    Class(
        "counts-syn",
        FLIGHT,
        "while no ACK of the peer is captured it counts the SYN too, we from the byte behind it",
        "captures/asym-server-to-client stream 0",
        lambda d: d.need("syns") > 0 and (d.theirs == 2 or _between(0, (d.theirs or 0) - (d.ours or 0), 2)),
    ),
    Class(
        "below-ack",
        ("avg_owin", "wavg_owin"),
        "a segment below what is acknowledged, as a keepalive, is a negative number of bytes to it; 0 to us",
        "captures/keepalive-answered stream 1",
        lambda d: (d.theirs or 0) < (d.ours or 0) + 1 and d.sends_below_ack(),
    ),
    Class(
        "ack-beyond",
        FLIGHT,
        "an ACK beyond all that was captured leaves a negative number of bytes, which it takes for 64 bits",
        "captures/inject-data-badack-unsent stream 0",
        lambda d: d.theirs is not None and d.theirs > 2**31,
    ),
    Class(
        "reset-ends-stream",
        ("ttl_stream_length", "missed_data"),
        "of an end that sent a RST, it takes the end of its last segment for the place of its FIN",
        "captures/asa-good stream 0: client 49 of 48",
        lambda d: d.need("resets") > 0,
    ),
    Class(
        "reset-text",
        ("unique_bytes", "rexmt", "throughput", "ttl_stream", "missed_data", *INITIAL, *FLIGHT),
        "the text of a RST is no part of the stream (RFC 9293 section 3.5.3)",
        "public/tcpdump/tcp_rst_data stream 0",
        lambda d: d.need("resets") > 0 and d.need("data_packets") > 0,
    ),
    Class(
        "one-byte-is-4-gib",
        ("RTT_full_sz",),
        "of a segment of one byte, as a SYN is one, it computes a length of 4 GiB: the longest of all",
        "captures/asa-good stream 0: 2 samples, of SYN and FIN",
        lambda d: (
            d.need("ack_rtt_samples") > 0
            and (d.get("handshake_rtt_ns") is not None or d.get("min_segment") == 1 or d.need("fins") > 0)
        ),
    ),
    Class(
        "deviation-of-two",
        ("RTT_stdev", "RTT_sdv", "RTT_full_sz_stdev", "sdv_retr"),
        "it says 0 for the deviation of two",
        "captures/appkeepalive-stops stream 1",
        lambda d: d.theirs == 0 and d.samples() == 2,
    ),
    Class(
        "inside-segment",
        (*ROUND_TRIPS, "duplicate_acks", "triple_dupacks"),
        "an ACK that ends inside a segment acknowledges all of it for tcptrace; for us its last byte must be",
        "public/zeek/tcp/retransmit-fast009 stream 0: frame 28",
        lambda d: d.need("acks_inside_segments") > 0,
    ),
    Class(
        "repeats-several",
        ROUND_TRIPS,
        "of a segment that repeats several, it notes the time of the first alone",
        "public/tcpdump/ssh stream 0",
        lambda d: d.repeats_several(),
    ),
    Class(
        "flagged-duplicate",
        ("duplicate_acks", "triple_dupacks"),
        "a SYN, FIN or RST that repeats ACK and window is none (RFC 5681 section 2)",
        "captures/asa-good stream 0: the client's FIN",
        lambda d: _between(0, (d.theirs or 0) - (d.ours or 0), d.flagged_repeats()),
    ),
    Class(
        "nothing-outstanding",
        ("triple_dupacks",),
        "with nothing in flight an ACK that is repeated, of a keepalive say, is no duplicate (RFC 5681 section 2)",
        "captures/clientleak-stall stream 0",
        lambda d: (d.theirs or 0) > (d.ours or 0) and d.need("repeated_acks") >= 3,
    ),
    Class(
        "quarter-boundary",
        (*ROUND_TRIPS, "outoforder", "rexmt", "duplicate_acks", "triple_dupacks", *FLIGHT),
        "its lists are of quarters of the sequence space: what crosses from one to the next is two segments",
        "captures/derived-seqwrap-loss stream 0",
        lambda d: d.crosses_quarter(),
    ),
    Class(
        "copies",
        ("actual_data_bytes", "resets_sent", "SYN_pkts_sent"),
        "these counts of the first pass leave out copies that the capture made",
        "captures/derived-dup-http stream 0",
        lambda d: d.shared_need("copies") > 0,
    ),
    Class(
        "empty-sack",
        ("sacks_sent",),
        "a SACK option without a block is not one",
        "public/zeek/tcp/option-sack stream 0",
        lambda d: d.ours == 0,
    ),
    Class(
        "scale-in-force",
        ("adv_wind_scale",),
        "it says 0 once the other end did not offer one",
        "captures/synfail-refused stream 1",
        lambda d: d.theirs == 0 and d.peer("wscale") is None,
    ),
    Class(
        "scale-255",
        ("adv_wind_scale", "req_ws"),
        "it takes an offered scale of 255 for none",
        "public/zeek/tcp/window-scale-range stream 0",
        lambda d: 255 in (d.get("wscale"), d.peer("wscale")),
    ),
    Class(
        "clock-back",
        ("idletime_max", "ambiguous_acks"),
        "the clock of the capture goes back: its end is the latest time for us, and a time below 0 is none",
        "public/tcpdump/kday2 stream 1",
        lambda d: d.clock_goes_back(),
    ),
    Class(
        "time-zero",
        ("idletime_max",),
        "a packet at time 0 is none to it",
        "public/tcpdump/bgp-aigp-oobr stream 0",
        lambda d: d.theirs is None and d.row.report.tables.first_ts_ns == 0,
    ),
)
"""In the order in which they are asked."""

OTHER_PACKETS = {
    "public/tcpdump/bigtcp-ipv6-hbh.pcap": "BIG TCP: it sees an empty packet",
    "public/tcpdump/bigtcp-ipv6.pcap": "BIG TCP: it sees an empty packet",
    "public/zeek/chksums/ip6-hoa-tcp-bad-chksum.pcap": "it takes the home address option for text",
    "public/zeek/chksums/ip6-hoa-tcp-good-chksum.pcap": "it takes the home address option for text",
    "public/zeek/link/ipv6-http-atomic-frag.pcap": "it takes IPv6 fragment headers for text",
    "public/zeek/ipv4/fragmented-4.pcap": "it counts the first fragment alone",
    "public/zeek/ipv4/fragmented-syn.pcap": "it counts the first fragment alone",
    "public/zeek/tcp/truncated-header.pcap": "it reads options beyond the end of the packet",
    "public/tcpdump/bgp-bgp_capabilities_print-oobr-1.pcap": "the packet claims 256 kB, of which it reads less",
    "public/tcpdump/bgp-bgp_capabilities_print-oobr-2.pcap": "the packet claims 256 kB, of which it reads less",
    "public/tcpdump/bgp_mp_reach_nlri-oobr.pcap": "the packet claims 256 kB, of which it reads less",
}
"""Captures whose packets it reads otherwise: their numbers are of other segments."""
