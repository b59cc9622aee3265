"""Captures in which Wireshark's verdicts by our kernel differ from tshark's, with the reason and an example frame.

Those in which we see other segments or other connections than tshark are in `public.explained`.
"""

from public.explained import EXPLAINED as SEEN_OTHERWISE

LONE_FRAGMENT = "the first of several IP fragments, the others were not captured: tshark analyses none of it (frame 1)"
CLOCK = "a time with more than a second of nanoseconds: tshark keeps the two apart, we carry over (frame 3)"

EXPLAINED: dict[str, str] = SEEN_OTHERWISE | {
    "public/tcpdump/bgp-bgp_capabilities_print-oobr-1.pcap": LONE_FRAGMENT,
    "public/tcpdump/bgp-bgp_capabilities_print-oobr-2.pcap": LONE_FRAGMENT,
    "public/tcpdump/bgp_pmsi_tunnel-oobr.pcap": LONE_FRAGMENT,
    "public/tcpdump/rpki-rtr-oobr.pcap": LONE_FRAGMENT,
    "public/tcpdump/timestamp_invalid_micro.pcap": CLOCK,
    "public/tcpdump/timestamp_invalid_nano.pcap": CLOCK,
}
