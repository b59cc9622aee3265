"""Reports that may leave the company: addresses, names and paths replaced, consistently, by a key.

key -> other addresses (`prefixes`), other names (`names`) -> the tables, hints and listings with them (`copies`) ->
the diagnoses over those tables again, so that every sentence is about the other addresses (`retold`). What the first
analysis found stays: ids, kinds, severities, streams, frames. What cannot be told anew without its text loses it.
"""

from .names import Redactor, new_key, read_key
from .retold import redacted

__all__ = ["Redactor", "new_key", "read_key", "redacted"]
