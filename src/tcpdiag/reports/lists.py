"""Lists of connections, hosts and paths in any of their formats: which there are, and what each is made from."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import UsageError
from ..model.tables import Tables
from ..report import Report
from ..units import printable

if TYPE_CHECKING:
    import pandas as pd

    from ..capture.reader import Progress

FORMATS = {".txt": "table", ".csv": "csv", ".json": "json", ".parquet": "parquet"}
"""File extension -> format."""

Kind = Literal["flows", "wide", "host", "path"]


def kind_of(wide: bool, by: str | None) -> Kind:
    """What is listed. Raises UsageError for both at once."""
    if by is None:
        return "wide" if wide else "flows"
    if wide:
        raise UsageError("--wide tells of connections, --by of hosts: only one of them")
    return "host" if by == "host" else "path"


def format_of(name: str | None, output: Path | None) -> str:
    """The format that was asked for: by name, by the extension of the file, or a table. Raises UsageError."""
    if name is not None:
        return str(name)
    if output is None:
        return "table"
    found = FORMATS.get(output.suffix.lower())
    if found is None:
        raise UsageError(f"{printable(str(output))}: the name must end in one of {', '.join(FORMATS)}, or say --format")
    return found


def check(kind: Kind, form: str, sort: str | None, output: Path | None, *, terminal: bool) -> None:
    """Raises UsageError for what could not be listed so: better before the capture is read than after it. terminal:
    standard output is one."""
    if form == "parquet":
        from .parquet import check

        if output is None and terminal:
            raise UsageError("Parquet is nothing for a terminal: name a file with -o")
        check()
    if output is not None and not output.parent.is_dir():
        raise UsageError(f"{printable(str(output))}: no folder {printable(str(output.parent))}")
    if output is not None and output.is_dir():
        raise UsageError(f"{printable(str(output))}: is a folder")
    if sort is None:
        return
    if kind == "flows":
        from .flow_list import check_sort

        check_sort(sort)
        return
    list(chunks(Report(Tables(())), kind, "csv", sort, None))


def chunks(
    report: Report,
    kind: Kind,
    form: str,
    sort: str | None,
    limit: int | None,
    *,
    on_progress: "Progress | None" = None,
) -> Iterator[bytes]:
    """The list in pieces. What has to be read again is read here, not when the first piece is taken.

    sort: a column, see `FlowTable.sorted_by` and `statistics.sorting.order`; None: connections by stream, the others
    by bytes. Raises UsageError for a column that does not exist, and when the capture cannot be read twice.
    """
    if kind == "flows":
        return _flows(report, form, sort, limit)
    if kind == "wide":
        return _wide(report, form, sort, limit, on_progress)
    return _summary(report, kind, form, sort, limit)


def _flows(report: Report, form: str, sort: str | None, limit: int | None) -> Iterator[bytes]:
    from . import flow_list

    flows = report.flows.sorted_by(sort or "stream", limit)
    return _parquet(flows.frame()) if form == "parquet" else flow_list.chunks(flows, form)


def _wide(
    report: Report, form: str, sort: str | None, limit: int | None, on_progress: "Progress | None"
) -> Iterator[bytes]:
    """Only those that are listed are read again, where the first pass tells which these are."""
    from ..flow_columns import SORT_KEYS
    from . import wide_list

    key = sort or "stream"
    if key in SORT_KEYS:
        wide = report.flows.sorted_by(key, limit).wide(on_progress=on_progress)
    else:
        wide = report.flows.wide(on_progress=on_progress).sorted_by(key, limit)
    return _parquet(wide.frame()) if form == "parquet" else wide_list.chunks(wide, form)


def _summary(report: Report, kind: Kind, form: str, sort: str | None, limit: int | None) -> Iterator[bytes]:
    from ..statistics import frames, summaries
    from ..statistics.sorting import order
    from . import summary_list

    make = summaries.hosts if kind == "host" else summaries.paths
    columns = make(report.tables, report.streams)
    rows = slice(limit) if sort is None else order(columns, sort)[:limit]
    columns = {name: column[rows] for name, column in columns.items()}
    if form == "parquet":
        return _parquet(frames.hosts_frame(columns) if kind == "host" else frames.paths_frame(columns))
    return summary_list.chunks(columns, kind, form)


def _parquet(frame: "pd.DataFrame") -> Iterator[bytes]:
    from .parquet import parquet

    yield parquet(frame)


def save(chunks: Iterable[bytes], path: Path) -> None:
    """Write a list to a file. Raises UsageError when that cannot be done."""
    try:
        with path.open("wb") as stream:
            stream.writelines(chunks)
    except OSError as error:
        raise UsageError(f"{printable(str(path))}: {error.strerror}") from None
