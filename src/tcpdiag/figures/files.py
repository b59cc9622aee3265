"""Plots as files: SVG, PNG or PDF by the extension of the name."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import UsageError
from .capture_plots import CAPTURE_PLOTS
from .flow_plots import FLOW_PLOTS
from .style import DPI, METADATA, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..report import Report

EXTENSIONS: Final = (".svg", ".png", ".pdf")


def kinds_of(kind: str, flow: int | None) -> tuple[str, ...]:
    """The plots that `kind` names: one, or `all` of a flow or of the capture. Raises UsageError."""
    known = CAPTURE_PLOTS if flow is None else FLOW_PLOTS
    if kind == "all":
        return known
    if kind in known:
        return (kind,)
    if kind in (*FLOW_PLOTS, *CAPTURE_PLOTS):
        raise UsageError(
            f"{kind} is a plot of {'one connection: say --flow N' if flow is None else 'the whole capture'}"
        )
    raise UsageError(f"no plot {kind!r}; of a connection: {', '.join(FLOW_PLOTS)}; of all: {', '.join(CAPTURE_PLOTS)}")


def names_of(path: Path, kinds: Sequence[str]) -> dict[str, Path]:
    """Where each plot goes: several get their kind into the name. Raises UsageError for an unknown extension."""
    if path.suffix.lower() not in EXTENSIONS:
        raise UsageError(f"{path}: the name must end in one of {', '.join(EXTENSIONS)}")
    if len(kinds) == 1:
        return {kinds[0]: path}
    return {kind: path.with_name(f"{path.stem}-{kind}{path.suffix}") for kind in kinds}


def draw(report: "Report", kind: str, flow: int | None, *, absolute: bool = False) -> "Axes":
    """One plot by its name."""
    plots = report.plot if flow is None else report.flow(flow).plot
    axes: Axes = getattr(plots, kind)(absolute=absolute)
    return axes


def save(axes: "Axes", path: Path) -> None:
    """Write the figure of these axes. Raises UsageError when that cannot be done."""
    figure = axes.figure
    suffix = path.suffix.lower()
    try:
        with styled():
            figure.savefig(path, dpi=DPI, format=suffix[1:], metadata=METADATA[suffix])  # type: ignore[union-attr]
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
