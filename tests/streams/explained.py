"""Connections that tshark 4.0 follows otherwise than we do, with the reason: the only place for it.

Of all captures: what comes after a hole that nobody acknowledged tshark keeps back for ever; we show it at the end, and
the gap (public/tcpdump/bgp-cease-hard-reset.pcap, frame 3). Up to there the two are compared.

What makes no difference, though one might expect it: gaps (tshark writes `[n bytes missing in capture file]` where the
receiver has acknowledged all of one, and so do we), urgent data (both leave them in), Fast Open data, keepalive bytes.
"""

from public.explained import BIG_TCP, HEADER_LENGTH, TUNNEL

RST = "text of a RST explains the reset and is no part of the stream (RFC 9293 section 3.5.3); tshark shows it"
FRAGMENT = "the first fragment of a datagram that is cut off: tshark follows no fragments, we show what is there"
FRAGMENTS_OVERLAP = (
    "IP fragments that overlap with other content: of each byte we keep the first copy, tshark the last one"
)
REASSEMBLY = HEADER_LENGTH + "; so segments are cut off here, whole ones there"

EXPLAINED: dict[tuple[str, int], str] = {
    ("public/tcpdump/bgp-bgp_capabilities_print-oobr-1.pcap", 0): FRAGMENT,
    ("public/tcpdump/bgp-bgp_capabilities_print-oobr-2.pcap", 0): FRAGMENT,
    ("public/tcpdump/bgp_pmsi_tunnel-oobr.pcap", 0): FRAGMENT,
    ("public/tcpdump/bigtcp-ipv4-geneve-ipv4.pcap", 0): BIG_TCP,
    ("public/tcpdump/bigtcp-ipv4-geneve-ipv6.pcap", 0): BIG_TCP,
    ("public/tcpdump/bigtcp-ipv4-vxlan-ipv4.pcap", 0): BIG_TCP,
    ("public/tcpdump/bigtcp-ipv4-vxlan-ipv6.pcap", 0): BIG_TCP,
    ("public/tcpdump/bigtcp-ipv6-geneve-ipv4.pcap", 0): BIG_TCP,
    ("public/tcpdump/bigtcp-ipv6-geneve-ipv6.pcap", 0): BIG_TCP,
    ("public/tcpdump/bigtcp-ipv6-vxlan-ipv4.pcap", 0): BIG_TCP,
    ("public/tcpdump/bigtcp-ipv6-vxlan-ipv6.pcap", 0): BIG_TCP,
    ("public/tcpdump/bigtcp-ipv6.pcap", 0): BIG_TCP,
    ("public/tcpdump/rpki-rtr-oobr.pcap", 0): FRAGMENT,
    ("public/tcpdump/tcp_rst_data-trunc.pcap", 0): RST,
    ("public/tcpdump/tcp_rst_data.pcap", 0): RST,
    ("public/tcpdump/tcp_rst_diag_payload-trunc.pcap", 0): RST,
    ("public/tcpdump/tcp_rst_diag_payload.pcap", 0): RST,
    ("public/zeek/ipv4/fragmented-4.pcap", 1): FRAGMENTS_OVERLAP,  # frames 3 and 5
    ("public/zeek/tcp/reassembly.pcap", 0): REASSEMBLY,  # frame 7
    ("public/zeek/tunnels/gtp/gtp9_unknown_or_too_short_payload.pcap", 0): HEADER_LENGTH,
    ("public/zeek/tunnels/tunnel-direct-bypass.pcap", 0): TUNNEL,
    ("public/zeek/tunnels/tunnel-direct-bypass.pcap", 1): TUNNEL,
}
"""(capture, stream) -> why."""
