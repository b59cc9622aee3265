"""All scenarios; importing this registers them."""

from lab.scenarios import attacks, close_wait, devices, handshakes, healthy, liveness, path, readers, resets, windows

__all__ = [
    "attacks",
    "close_wait",
    "devices",
    "handshakes",
    "healthy",
    "liveness",
    "path",
    "readers",
    "resets",
    "windows",
]
