"""DataFrames as Parquet, by pyarrow, which only this needs."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


def check() -> None:
    """Raises UsageError where pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise UsageError("Parquet needs pyarrow: pip install 'tcpdiag[parquet]'")


def parquet(frame: "pd.DataFrame") -> bytes:
    """The table as a Parquet file; a named index is its first column. Raises UsageError without pyarrow."""
    from io import BytesIO

    check()
    whole = BytesIO()
    (frame.reset_index() if frame.index.name else frame).to_parquet(whole, engine="pyarrow", index=False)
    return whole.getvalue()
