"""All scenarios; importing this registers them."""

from lab.scenarios import attacks, close_wait, handshakes, healthy, liveness, path, readers, resets

__all__ = ["attacks", "close_wait", "handshakes", "healthy", "liveness", "path", "readers", "resets"]
