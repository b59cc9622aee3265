"""tcpdiag explains broken TCP from a packet capture, with the frames that prove it.

>>> import tcpdiag
>>> report = tcpdiag.analyze("office.pcap")     # doctest: +SKIP
>>> report.findings[0].title                    # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .analysis import analyze
    from .config import Config
    from .errors import TcpdiagError, UnreadableInput, UsageError
    from .flow_view import Flow
    from .model.finding import Finding, Severity
    from .report import Report

__version__ = "0.1.0"

__all__ = [
    "Config",
    "Finding",
    "Flow",
    "Report",
    "Severity",
    "TcpdiagError",
    "UnreadableInput",
    "UsageError",
    "__version__",
    "analyze",
]

_HOMES = {
    "Config": "config",
    "Finding": "model.finding",
    "Flow": "flow_view",
    "Report": "report",
    "Severity": "model.finding",
    "TcpdiagError": "errors",
    "UnreadableInput": "errors",
    "UsageError": "errors",
    "analyze": "analysis",
}


def __getattr__(name: str) -> Any:
    """PEP 562: `import tcpdiag` costs nothing until something is used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
