"""Diagnoses: judgements about what the tables hold, one file each. Facts come from below; here they get a meaning."""

from collections.abc import Collection, Mapping
from typing import Any

from ..errors import UsageError
from ..model.finding import Finding, Incident, Unexamined
from ..model.tables import Tables
from .base import Diagnosis
from .ranking import rank
from .registry import DIAGNOSES, by_kind
from .view import View

__all__ = ["DIAGNOSES", "Diagnosis", "by_kind", "examine_all", "limits_of"]


def examine_all(
    tables: Tables,
    *,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    thresholds: Mapping[str, Mapping[str, float]] | None = None,
) -> tuple[list[Finding], list[Incident], list[Unexamined]]:
    """Every diagnosis over the tables: findings in rank order, their incidents, and what could not be looked at.

    `only` and `skip` name kinds; `thresholds` maps a kind to values of its thresholds. Raises UsageError for a
    name that does not exist. A diagnosis that fails is reported as unexamined, and the others go on.
    """
    for kind in (*only, *skip):
        by_kind(kind)
    limits = {d.kind: limits_of(d, (thresholds or {}).get(d.kind)) for d in DIAGNOSES}
    for kind in thresholds or ():
        by_kind(kind)
    chosen = [d for d in DIAGNOSES if (not only or d.kind in only) and d.kind not in skip]
    view = View(tables)
    findings: list[Finding] = []
    unexamined: list[Unexamined] = []
    for diagnosis in chosen:
        try:
            findings += list(diagnosis.examine(view, limits[diagnosis.kind]))
        except Exception as error:  # one rule's mistake must not cost the user the other findings
            unexamined.append(Unexamined(diagnosis.kind, f"{type(error).__name__}: {error}"))
    ranked, incidents = rank(tables, findings)
    return ranked, incidents, unexamined


def limits_of(diagnosis: Diagnosis, values: Mapping[str, float] | None = None) -> Any:
    """The thresholds of a diagnosis, with these values instead of its defaults. Raises UsageError."""
    defaults = diagnosis.thresholds()
    known = defaults._fields
    for name, value in (values or {}).items():
        if name not in known:
            raise UsageError(f"{diagnosis.kind} has no threshold {name!r}; it has {', '.join(sorted(known)) or 'none'}")
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise UsageError(f"{diagnosis.kind}: {name} must be a number, not negative")
    return defaults._replace(**(values or {}))
