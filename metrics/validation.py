"""Refuses a catalogue that can't be evaluated, when it is imported rather than at the scrape.

A misspelt component would otherwise read as 0 for ever, since an absent component is 0.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

from metrics import components
from metrics.components import STOCK, Component
from metrics.formula import (
    Attainment,
    Binary,
    EachLabel,
    ScaledRoot,
    Span,
    Statistic,
    nodes,
    references,
)
from metrics.kpi import COUNTS, Kpi, Scope, Text

_ID = re.compile(r"[a-z][a-z0-9_]*")
_PERSIAN = re.compile(r"[\u0600-\u06ff]")


class CatalogueError(ValueError):
    """A declaration that can't stand; the message names it and the way out."""


def checked(catalogue: tuple[Kpi, ...], declared: Mapping[str, Component] = components.BY_NAME) -> tuple[Kpi, ...]:
    """The catalogue itself, once every declaration in it holds.

    Raises:
        CatalogueError: names the KPI, what is wrong, and what would be right.
    """
    by_id: dict[str, Kpi] = {}
    for kpi in catalogue:
        if kpi.id in by_id:
            raise CatalogueError(f"kpi {kpi.id!r}: declared twice; ids must differ")
        by_id[kpi.id] = kpi
    for kpi in catalogue:
        _check_words(kpi)
        _check_leaves(kpi, declared)
        _check_shape(kpi)
        for other in references(kpi.formula):
            _check_reference(kpi, other, by_id)
    for kpi in catalogue:
        _check_acyclic(kpi, by_id, ())
    return catalogue


def suggestion(name: str, known: Collection[str]) -> str:
    """`; did you mean '...'?`, or nothing where nothing is near."""
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _check_words(kpi: Kpi) -> None:
    if not _ID.fullmatch(kpi.id):
        raise CatalogueError(f"kpi {kpi.id!r}: an id is lower-case letters, digits and underscores, as in 'churn_rate'")
    words: dict[str, Text] = {"title": kpi.title, "meaning": kpi.meaning}
    for field, text in words.items():
        if not text.en.strip():
            raise CatalogueError(f"kpi {kpi.id!r}: English {field} is missing")
        if not _PERSIAN.search(text.fa):
            raise CatalogueError(f"kpi {kpi.id!r}: Persian {field} is missing, got {text.fa!r}")
    if not kpi.source.strip():
        raise CatalogueError(f"kpi {kpi.id!r}: source of the definition is missing")


def _check_leaves(kpi: Kpi, declared: Mapping[str, Component]) -> None:
    for node in nodes(kpi.formula):
        if not isinstance(node, Statistic | EachLabel):
            continue
        component = declared.get(node.component)
        if component is None:
            hint = suggestion(node.component, declared)
            raise CatalogueError(f"kpi {kpi.id!r}: component {node.component!r} is not declared{hint}")
        split = isinstance(node, EachLabel) or node.label is not None
        if split and component.label is None:
            raise CatalogueError(f"kpi {kpi.id!r}: component {component.name!r} has no label to split it by")
        if not split and component.label is not None:
            raise CatalogueError(
                f"kpi {kpi.id!r}: component {component.name!r} is split by {component.label!r}; "
                "use each(...), or name one label"
            )
        if isinstance(node, EachLabel) and component.label != kpi.label:
            raise CatalogueError(
                f"kpi {kpi.id!r}: component {component.name!r} is split by {component.label!r}, "
                f"the KPI by {kpi.label!r}"
            )
        if component.at == STOCK and isinstance(node, Statistic) and node.span is not Span.EVER:
            raise CatalogueError(
                f"kpi {kpi.id!r}: component {component.name!r} holds what is true now and has no window; use total(...)"
            )


def _check_shape(kpi: Kpi) -> None:
    inner = list(nodes(kpi.formula))
    if any(isinstance(node, ScaledRoot | Attainment) for node in inner[1:]):
        raise CatalogueError(f"kpi {kpi.id!r}: a root or an attainment must be the outermost node of its formula")
    split = any(isinstance(node, EachLabel | Attainment) for node in inner)
    if split != (kpi.label is not None):
        raise CatalogueError(f"kpi {kpi.id!r}: its label and each(...) in its formula go together")
    if kpi.unit in COUNTS and any(isinstance(node, Binary) and node.operator == "/" for node in inner):
        raise CatalogueError(f"kpi {kpi.id!r}: counts whole {kpi.unit}, so its formula can't divide")


def _check_reference(kpi: Kpi, other_id: str, by_id: Mapping[str, Kpi]) -> None:
    other = by_id.get(other_id)
    if other is None:
        raise CatalogueError(
            f"kpi {kpi.id!r}: builds on kpi {other_id!r}, which is not declared{suggestion(other_id, by_id)}"
        )
    if other.label is not None or isinstance(other.formula, ScaledRoot):
        raise CatalogueError(f"kpi {kpi.id!r}: builds on kpi {other_id!r}, whose value is not one fraction")
    if other.scope is Scope.CHANNEL_ONLY and kpi.scope is not Scope.CHANNEL_ONLY:
        raise CatalogueError(
            f"kpi {kpi.id!r}: builds on kpi {other_id!r}, known by channel only, so it must say the same"
        )


def _check_acyclic(kpi: Kpi, by_id: Mapping[str, Kpi], path: tuple[str, ...]) -> None:
    if kpi.id in path:
        raise CatalogueError(f"kpi {kpi.id!r}: builds on itself, by way of {' -> '.join((*path, kpi.id))}")
    for other in references(kpi.formula):
        _check_acyclic(by_id[other], by_id, (*path, kpi.id))
