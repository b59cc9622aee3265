"""Captures in which our flows differ from tshark's on purpose, with the reason. Paths are relative to the set."""

BIG_TCP = "BIG TCP: the IP header says length 0, for it has no room; tshark 4.0 sees an empty packet"
HEADER_LENGTH = "the IP header claims more than the frame had on the wire; we take its word, tshark the frame's"
ANOTHER_LINK = "a link layer that is not read"
TUNNEL = "the tunnel is part of a flow's identity; tshark looks at the inner addresses and ports alone"
AGGREGATED = "802.11 frames aggregated in one (A-MSDU) are not taken apart"
SAMPLE = "headers sampled by sFlow are not packets seen on this link"

EXPLAINED: dict[str, str] = {
    "public/tcpdump/arcnet-rfc1051-arp-icmp-http.pcap": ANOTHER_LINK,
    "public/tcpdump/arcnet-rfc1201-arp-icmp-http.pcap": ANOTHER_LINK,
    "public/tcpdump/bgp-aigp.pcap": ANOTHER_LINK,
    "public/tcpdump/bigtcp-ipv4-geneve-ipv4.pcap": BIG_TCP,
    "public/tcpdump/bigtcp-ipv4-geneve-ipv6.pcap": BIG_TCP,
    "public/tcpdump/bigtcp-ipv4-vxlan-ipv4.pcap": BIG_TCP,
    "public/tcpdump/bigtcp-ipv4-vxlan-ipv6.pcap": BIG_TCP,
    "public/tcpdump/bigtcp-ipv6-geneve-ipv4.pcap": BIG_TCP,
    "public/tcpdump/bigtcp-ipv6-geneve-ipv6.pcap": BIG_TCP,
    "public/tcpdump/bigtcp-ipv6-vxlan-ipv4.pcap": BIG_TCP,
    "public/tcpdump/bigtcp-ipv6-vxlan-ipv6.pcap": BIG_TCP,
    "public/tcpdump/bigtcp-ipv6.pcap": BIG_TCP,
    "public/tcpdump/kday4.pcap": HEADER_LENGTH,
    "public/tcpdump/kday7.pcap": HEADER_LENGTH,
    "public/tcpdump/sflow_expanded.pcap": SAMPLE,
    "public/zeek/tcp/reassembly.pcap": HEADER_LENGTH,
    "public/zeek/tunnels/gre-aruba-amsdu.pcap": AGGREGATED,
    "public/zeek/tunnels/gtp/gtp9_unknown_or_too_short_payload.pcap": HEADER_LENGTH,
    "public/zeek/tunnels/tunnel-direct-bypass.pcap": TUNNEL + " (the same connection, in and outside of GRE)",
}
