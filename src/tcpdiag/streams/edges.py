"""What the kernel `in_order` and the rest of this package share; `kernels/in_order.pxd` mirrors it."""

from typing import Final

import numpy as np

EDGE: Final = np.dtype(
    [
        ("offset", "<i8"),  # of the next byte that is expected
        ("acked", "<i8"),  # the receiver has all before it; NEVER: it has acknowledged nothing
        ("beyond", "<i8"),  # what it last acknowledged beyond all that was captured
        ("next", "<u4"),  # sequence number of `offset`
        ("started", "u1"),  # NO, BY_ACK, OWN
        ("wanted", "u1"),
        ("checks", "u1"),  # a wrong checksum is damage, not a sum that the network card fills in
        ("spare", "u1"),
    ]
)

PIECE: Final = np.dtype(
    [
        ("offset", "<i8"),
        ("ts_ns", "<i8"),
        ("at", "<i8"),  # in the text beside it
        ("length", "<u4"),
        ("captured", "<u4"),  # the rest was cut off
        ("frame", "<u4"),
        ("side", "u1"),
    ]
)

NO, BY_ACK, OWN = range(3)
NEVER: Final = -(1 << 62)
