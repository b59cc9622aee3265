"""All scenarios; importing this registers them."""

from lab.scenarios import close_wait, handshakes, healthy, liveness, readers, resets

__all__ = ["close_wait", "handshakes", "healthy", "liveness", "readers", "resets"]
