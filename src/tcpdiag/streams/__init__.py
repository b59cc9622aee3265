"""What each endpoint sent, as a stream of bytes: put together from the segments, in a second look at the capture."""

from .chunk import Chunk, Conflict, Copy, Gap, Lost, Urgent
from .stream import Conversation, Stream

__all__ = ["Chunk", "Conflict", "Conversation", "Copy", "Gap", "Lost", "Stream", "Urgent"]
