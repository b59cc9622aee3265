"""Report -> one HTML file for a browser: the outline of the text report, with figures and tables to search.

The file asks for nothing: no font, no image, no script but its own, which is named by its hash, so that nothing from a
capture could run even if it came through. Every text that a template prints is made visible (`units.printable`) and
escaped.
"""

import base64
import hashlib
from importlib import resources
from typing import Any, Final

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .. import __version__
from ..model.finding import Severity
from ..report import Report
from ..rfc import Rfc
from ..units import file_name, plural, printable, relative, utc
from .html_figures import Figures, figures_of
from .html_tables import ROWS_A_PAGE, Table, finding_table, flow_table
from .outline import about_symptoms, outcome, outline

PAGE: Final = "page"
SAFE_IN_SCRIPT: Final = (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"))


def render(report: Report, *, figures: bool = True) -> str:
    """The whole page. figures: whether to draw; those of connections need the capture again, and where it is gone the
    page says so."""
    parts = outline(report)
    tables = [finding_table(report, parts.told), flow_table(report)]
    style, script = _text("report.css"), _text("report.js")
    return (
        _environment()
        .get_template("report.html")
        .render(
            parts=parts,
            subject=", ".join(file_name(file.path) for file in report.files[:1]) or "no capture",
            began=utc(parts.first_ts_ns) if len(report.streams) else None,
            figures=figures_of(report, parts.told) if figures else (Figures(),) * len(parts.told),
            tables=tables,
            rows_a_page=ROWS_A_PAGE,
            style=Markup(style),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            data=Markup(_json(tables)),
            version=__version__,
        )
        + "\n"
    )


def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("tcpdiag.reports", PAGE),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"relative": relative, "outcome": outcome, "link": _link, "markup": Markup, "cell": _cell}
    found.globals |= {"about_symptoms": about_symptoms, "severity_name": _severity_name, "plural": plural}
    return found


def _visible(value: Any) -> Any:
    """Invisible characters of any text that is printed become visible; what is markup already stays."""
    return printable(value.replace("\n", " ")) if isinstance(value, str) and not isinstance(value, Markup) else value


def _link(reference: str) -> str | None:
    """Where a reference can be read; None for what is no RFC."""
    rfc = Rfc.parse(reference)
    return None if rfc is None else rfc.link


def _severity_name(number: int) -> str:
    return str(Severity(number))


def _cell(value: Any, kind: str) -> str:
    """A cell's text, as report.js writes it."""
    if value is None:
        return ""
    if kind == "severity":
        return _severity_name(value)
    if kind == "findings":
        return f"{len(value)}" if value else ""
    if kind == "count":
        return f"{value:,}"
    if kind in ("seconds", "milliseconds"):
        return f"{value:,.3f}"
    return str(value)


def _json(tables: list[Table]) -> str:
    """What the page's script reads: no character in it can end the element that holds it."""
    severities = [str(severity) for severity in Severity]
    data = {"severities": severities, "rows_a_page": ROWS_A_PAGE, "tables": {each.name: each.data() for each in tables}}
    text = orjson.dumps(data).decode()
    for character, written in SAFE_IN_SCRIPT:
        text = text.replace(character, written)
    return text


def _text(name: str) -> str:
    return resources.files("tcpdiag.reports").joinpath(PAGE, name).read_text(encoding="utf-8")
