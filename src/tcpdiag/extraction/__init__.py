"""Packets taken out of a capture: those of chosen connections or of a finding, as a capture of their own.

report -> which packets (`choice`) -> found in the capture (`looks`) -> other addresses and no contents, where asked
for (`anonymous`, `contents`) -> with comments (`comments`) into a file (`container`), all of it led by `extract`.
"""

from .extract import Extract, extract

__all__ = ["Extract", "extract"]
