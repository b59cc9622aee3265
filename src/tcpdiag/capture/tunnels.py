"""The tunnel that a segment came in, as a part of its flow's identity."""

from typing import Final

import numpy as np

from ..kernels.decode_layers import LAYER, MAX_TUNNELS, TUNNEL_SLOTS, Carrier
from ..model.tables import Tunnel
from ..units import address

NAMES: Final = {
    Carrier.GRE: "GRE",
    Carrier.PPTP: "PPTP",
    Carrier.ERSPAN: "ERSPAN",
    Carrier.VXLAN: "VXLAN",
    Carrier.GENEVE: "Geneve",
    Carrier.IP_IN_IP: "IP-in-IP",
    Carrier.GTP: "GTP-U",
    Carrier.TEREDO: "Teredo",
    Carrier.MPLS: "MPLS-in-IP",
    Carrier.AYIYA: "AYIYA",
}
OVERFLOW: Final = Tunnel((("more tunnels than can be told apart", "", "", ""),))


class TunnelTable:
    """The tunnels of a capture: rows that the kernel adds (dtype LAYER), one for each layer, with its parent row."""

    def __init__(self) -> None:
        self.rows = np.zeros(MAX_TUNNELS, LAYER)
        self.slots = np.zeros(TUNNEL_SLOTS + 1, np.uint32)
        self.slots[TUNNEL_SLOTS] = 1

    def __len__(self) -> int:
        return int(self.slots[TUNNEL_SLOTS])

    def tunnels(self) -> tuple[Tunnel, ...]:
        """All rows so far; row 0 is no tunnel. Once the table is full its last row stands for all other tunnels."""
        found = [Tunnel(())]
        for row in self.rows[1 : len(self)]:
            found.append(Tunnel((*found[int(row["parent"])].layers, _layer(row))))
        if len(found) == MAX_TUNNELS - 1:
            found.append(OVERFLOW)
        return tuple(found)


def _layer(row: np.void) -> tuple[str, str, str, str]:
    """Name, identifier ("" where the carrier has none that both directions share), and both outer addresses.

    The TEIDs of GTP-U and the call numbers of PPTP differ with the direction; a VNI or a GRE key does not.
    """
    kind, number = Carrier(int(row["kind"])), int(row["id"])
    identifier = ""
    if kind in (Carrier.VXLAN, Carrier.GENEVE):
        identifier = f"vni {number}"
    elif number:
        identifier = f"key {number & 0xFFFFFFFF:#x}"
    ends = [address(int(row["family"]), int(row[f"{end}_hi"]), int(row[f"{end}_lo"])) for end in "ab"]
    return (NAMES[kind], identifier, ends[0], ends[1])
