"""One hierarchy of errors. Damage inside a capture is data (model.capture.Damage), never an exception."""


class TcpdiagError(Exception):
    """Base of everything that tcpdiag raises on purpose."""


class UnreadableInput(TcpdiagError):
    """The input cannot be read at all: no such file, no permission, or not a capture."""


class UsageError(TcpdiagError):
    """The caller asked for something that does not exist: an unknown kind, stream, option or filter word."""


class KernelError(TcpdiagError):
    """A compiled kernel was asked for and is missing, or does not fit its column schema."""
