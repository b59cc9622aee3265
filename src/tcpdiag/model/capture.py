"""What the container files say of themselves: formats, interfaces, drops, damage."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Damage:
    """A place where the file stops making sense. Everything before it was analysed.

    `resynchronised` tells whether reading went on after it.
    """

    offset: int  # byte in the (decompressed) file
    frame: int  # last good frame before it
    cause: str  # plain words: "last record incomplete: 60 of 74 bytes"
    resynchronised: bool = False


@dataclass(frozen=True)
class Interface:
    """One interface of a pcapng file; a pcap file has exactly one."""

    link_type: int
    link_name: str
    snaplen: int | None
    name: str | None = None
    description: str | None = None
    os: str | None = None
    received: int | None = None  # Interface Statistics Block: isb_ifrecv
    dropped_interface: int | None = None  # isb_ifdrop
    dropped_os: int | None = None  # isb_osdrop
    accepted: int | None = None  # isb_filteraccept
    filter: str | None = None


@dataclass(frozen=True)
class CaptureFile:
    """One file (or stream) as read."""

    path: str
    format: str  # "pcap", "pcapng"
    compression: str | None  # "gzip", "zstd", "xz", "bzip2", "lz4"
    interfaces: tuple[Interface, ...]
    packets: int
    tcp_packets: int
    first_ts_ns: int | None
    last_ts_ns: int | None  # of the last packet, or when the capture ended, where the file says so (isb_endtime)
    first_frame: int
    truncated_packets: int = 0  # captured_len < wire_len
    backward_steps: int = 0  # packets older than the one before them on the same interface
    largest_backward_step_ns: int = 0
    damage: tuple[Damage, ...] = ()
    undecoded: dict[str, int] = field(default_factory=dict)  # reason -> packets without a TCP segment
    bytes_read: int = 0
    complete: bool = True  # False: reading was interrupted by the user
