"""The list of flows as a table: 80 columns, whatever the endpoints are."""

from dataclasses import replace

import numpy as np

from reports import made
from tcpdiag.report import Report
from tcpdiag.reports import flow_list


def table(report: Report) -> list[str]:
    return b"".join(flow_list.chunks(report.flows, "table")).decode().splitlines()


def test_table_of_the_flows_made_by_hand() -> None:
    assert [" ".join(line.split()) for line in table(made.report())] == [
        "stream client, server state packets bytes retrans duration",
        "0 198.51.100.240:54837 CLOSED 50 276 B 0 14.6 s",
        "198.51.100.227:80 CLOSE-WAIT 62 70 kB 12",
        "1 198.51.100.240:50000 MIDSTREAM 2 20 B 0 2 s",
        "198.51.100.227:443 MIDSTREAM 3 1 kB 0",
        "2 [2001:db8::1]:60000 SYN-SENT 1 0 B 0 0 ns",
        "[2001:db8::2]:8080 UNSEEN 0 0 B 0",
    ]


def test_endpoint_that_is_too_wide_has_a_line_to_itself() -> None:
    tables = made.tables()
    flows = tables.flows.copy()
    flows["addr_hi"][2], flows["addr_lo"][2] = np.uint64(0x20010DB811112222), np.uint64(0x3333444455556666)
    lines = table(made.report(tables=replace(tables, flows=flows)))
    assert max(map(len, lines)) <= 80
    assert lines[5] == "     2  [2001:db8:1111:2222:3333:4444:5555:6666]:60000"
    assert lines[6].split() == ["SYN-SENT", "1", "0", "B", "0", "0", "ns"]
    assert lines[6].index("SYN-SENT") == lines[0].index("state")
