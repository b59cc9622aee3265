"""A list of flows as a table, CSV or JSON."""

from collections.abc import Iterator

from ..errors import UsageError
from ..flow_columns import SORT_KEYS
from ..flow_view import FlowTable
from ..units import duration, size
from .columns import ROWS_A_CHUNK, Table, comma_separated
from .json_rows import flow_lines

HEADINGS = ("stream", "client, server", "state", "packets", "bytes", "retrans", "duration")
ENDPOINT = HEADINGS.index("client, server")
TEXT_COLUMNS = {"client, server", "state"}


def check_sort(key: str) -> None:
    """Raises UsageError for a column that flows cannot be sorted by."""
    if key not in SORT_KEYS:
        raise UsageError(f"cannot sort by {key!r}; there are: {', '.join(SORT_KEYS)}")


def chunks(flows: FlowTable, format_name: str) -> Iterator[bytes]:
    """The list in pieces. format_name: "table", "csv" or "json"."""
    if format_name == "json":
        yield from _json(flows)
    elif format_name == "csv":
        yield from comma_separated(part.columns() for part in flows.parts(ROWS_A_CHUNK))
    else:
        yield from _table(flows)


def _json(flows: FlowTable) -> Iterator[bytes]:
    yield b"[\n"
    separator = b""
    for text in flow_lines(flows.tables, flows.states, flows.streams):
        yield separator + text.removesuffix(b",\n")
        separator = b",\n"
    yield b"\n]\n"


def _table(flows: FlowTable) -> Iterator[bytes]:
    """Two lines a flow, the client's and the server's."""
    return Table(HEADINGS, TEXT_COLUMNS, ENDPOINT).lines(_table_rows(part) for part in flows.parts(ROWS_A_CHUNK))


def _table_rows(part: FlowTable) -> list[tuple[str, ...]]:
    columns = {name: column.tolist() for name, column in part.columns().items()}
    lengths = zip(columns["first_ts_ns"], columns["last_ts_ns"], strict=True)
    once = {
        "client": ([str(stream) for stream in columns["stream"]], [duration(max(0, b - a)) for a, b in lengths]),
        "server": ([""] * len(part), [""] * len(part)),
    }
    by_side = []
    for side, (streams, durations) in once.items():
        by_side.append(
            zip(
                streams,
                columns[side],
                columns[f"{side}_state"],
                [f"{count:,}" for count in columns[f"{side}_packets"]],
                [size(count) for count in columns[f"{side}_bytes"]],
                [f"{count:,}" for count in columns[f"{side}_retransmissions"]],
                durations,
                strict=True,
            )
        )
    return [row for pair in zip(*by_side, strict=True) for row in pair]
