"""What a scenario leaves behind: the capture, what must be found in it, and what the kernels said."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab.truth import Life, Stay

FILE = "outcome.json"
CAPTURE = "capture.pcap"


@dataclass
class Pick:
    """Frames of a capture, by what is in them. None: whatever."""

    src: str | None = None
    dst: str | None = None
    flags: str | None = None  # as tcpdump writes them, PSH left out: "S", "S.", "F.", "R", "."
    seq: int | None = None
    window: int | None = None
    payload: bool | None = None
    since: float | None = None  # epoch seconds
    until: float | None = None


@dataclass
class Wanted:
    """A finding, or several, of one of `kinds`, that together tell of all `pairs` and each show a frame of `pick`.

    data: by key of `finding.data`, the value, or the least and the most that it may be, or a list of values.
    """

    kinds: list[str]
    pairs: list[tuple[str, str]]  # client and server
    pick: Pick
    endpoint: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    why: str = ""


@dataclass
class Outcome:
    """Of one run of one scenario."""

    scenario: str
    seed: int
    tap: str = ""
    habits: list[str] = field(default_factory=list)  # of the hosts, where they are not the usual ones
    wanted: list[Wanted] = field(default_factory=list)
    tolerated: dict[str, str] = field(default_factory=dict)  # kind -> why it is true here as well
    unwanted_reactions: list[str] = field(default_factory=list)  # of any rst-off-sequence
    lives: list[Life] = field(default_factory=list)
    near: list[str] = field(default_factory=list)  # hosts of which every packet passes the tap, both ways
    lag_s: float = 0.0  # from the tap to the farthest of them
    missed_packets: int = 0  # by tcpdump
    ss_agrees: bool = True
    problems: list[str] = field(default_factory=list)  # the scenario itself did not go as it should
    began: float = 0.0
    ended: float = 0.0

    def write(self, folder: Path) -> None:
        """To `outcome.json` in this folder."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, folder: Path) -> "Outcome":
        """From `outcome.json` in this folder."""
        data = json.loads((folder / FILE).read_text())
        for want in data["wanted"]:
            want["pick"] = Pick(**want["pick"])
            want["pairs"] = [tuple(pair) for pair in want["pairs"]]
        data["wanted"] = [Wanted(**want) for want in data["wanted"]]
        for life in data["lives"]:
            life["stays"] = [Stay(**stay) for stay in life["stays"]]
        data["lives"] = [Life(**life) for life in data["lives"]]
        return cls(**data)
