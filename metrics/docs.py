"""Writes docs/kpis.md from the catalogue: the reference can't fall behind the code, since CI compares them.

`python -m metrics.docs` writes the page, `python -m metrics.docs --check` fails on a difference.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

from metrics.breakdown import BANDS, Breakdown
from metrics.catalogue import BREAKDOWNS, BREAKDOWNS_TITLE, CATALOGUE, THEMES
from metrics.catalogue.value import EXPECTED_LIFESPAN, OBSERVED_LIFESPAN
from metrics.components import COMPONENTS
from metrics.economics import Economics
from metrics.feeds import event_types, needed_components
from metrics.formula import components
from metrics.kpi import Better, Kpi, Scope, Unit, Windows
from metrics.names import metric_name
from metrics.prose import prose, terms
from metrics.restatement import RESTATABLE, restated

_DEFAULTS = Economics("EUR")
PAGE = Path(__file__).parent.parent / "docs" / "kpis.md"

_BETTER = {Better.HIGHER: "higher is better", Better.LOWER: "lower is better", Better.NEITHER: "neither way is better"}

_INTRODUCTION = """# KPI reference

<!-- Written by `python -m metrics.docs` from metrics/catalogue/: change a declaration there, not this page. -->

Every KPI that is measured, as it is computed. W is the window that is looked at: *in W* counts what happened at or
after its start, *before W* what happened earlier, *ever* everything up to now. A division by 0 leaves a KPI
undefined: it is `null` in JSON and absent from Prometheus. Over `lifetime` nothing comes before W, so what is
divided by a start is undefined there.

*Fed by* names the event types without which a KPI can't be known: when a source of one falls silent, it is unknown.
Lifespans are taken as by default; a target's attainment is fed by what feeds the KPIs that have targets.

Gauges carry the labels `window`, `slice` and `value`; everybody is `slice="all", value="all"`. The names here are
those of the reporting currency EUR; another currency's code takes the place of `eur`.
"""


def page() -> str:
    """The whole reference, as Markdown."""
    parts = [
        _INTRODUCTION,
        *_overview(),
        *_themes(),
        *_breakdowns(),
        *_terms(),
        *_lifespan(),
        *_restated(),
        *_components(),
    ]
    return "\n".join(parts) + "\n"


def _overview() -> list[str]:
    rows = [f"| [`{kpi.id}`](#{kpi.id}) | {kpi.title.en} | {kpi.title.fa} | {_unit(kpi)} |" for kpi in CATALOGUE]
    rows += [f"| [`{one.id}`](#{one.id}) | {one.title.en} | {one.title.fa} | {one.unit.value} |" for one in BREAKDOWNS]
    return ["| KPI | title | عنوان | unit |", "|---|---|---|---|", *rows, ""]


def _themes() -> list[str]:
    lines: list[str] = []
    for title, kpis in THEMES:
        lines += [f"## {title.en} · {title.fa}", ""]
        for kpi in kpis:
            lines += _section(kpi)
    return lines


def _section(kpi: Kpi) -> list[str]:
    facts = [f"**Formula**: {prose(kpi.formula)}", f"**Gauge**: `{metric_name(kpi, 'EUR')}`, {_BETTER[kpi.better]}"]
    if kpi.label is not None:
        facts.append(f"**Split by**: `{kpi.label}`")
    if kpi.windows is not Windows.ALL:
        facts.append(f"**Defined in**: {kpi.windows.value}")
    if kpi.scope is not Scope.EVERY_SLICE:
        facts.append(f"**Slices**: {kpi.scope.value}")
    if fed := sorted(event_types(_DEFAULTS)[kpi.id]):
        facts.append(f"**Fed by**: {', '.join(f'`{kind}`' for kind in fed)}")
    facts += [f"**Restated**: {restated(kpi)}", f"**Source**: {kpi.source}"]
    heading = [f"### {kpi.id}", "", f"**{kpi.title.en} · {kpi.title.fa}.** {kpi.meaning.en}", "", kpi.meaning.fa, ""]
    return [*heading, *(f"- {fact}" for fact in facts), ""]


def _breakdowns() -> list[str]:
    lines = [
        f"## {BREAKDOWNS_TITLE.en} · {BREAKDOWNS_TITLE.fa}",
        "",
        "Breakdowns of everybody, under two keys of their own in `/kpis` and in the JSON of `tapesh compute`:",
        "`cohorts` and `tenure`. Contractual lifetimes are counted, each for itself; slices have none. All are as of",
        "the instant that their section names as `now`, one for all customers, and are worked out anew every ten",
        "seconds or so. While `churn_rate` is unknown, so are they: null, and without gauges.",
        "",
        "Tenures are in days of 24 h, and a band goes from its lower edge up to the next one's:",
        "",
        "| band | title | عنوان |",
        "|---|---|---|",
        *(f"| `{band.name}` | {band.title.en} | {band.title.fa} |" for band in BANDS),
        "",
    ]
    for breakdown in BREAKDOWNS:
        lines += _breakdown(breakdown)
    return lines


def _breakdown(breakdown: Breakdown) -> list[str]:
    split = ", ".join(f"`{label}`" for label in breakdown.labels)
    facts = [
        f"**Definition**: {breakdown.definition}",
        f"**Gauge**: `{breakdown.gauge}`, {_BETTER[breakdown.better]}",
        f"**Split by**: {split}",
        f"**Windows**: {breakdown.windows or 'none: it is as of now'}",
        f"**Source**: {breakdown.source}",
    ]
    title, meaning = breakdown.title, breakdown.meaning
    heading = [f"### {breakdown.id}", "", f"**{title.en} · {title.fa}.** {meaning.en}", "", meaning.fa, ""]
    return [*heading, *(f"- {fact}" for fact in facts), ""]


def _terms() -> list[str]:
    found = {name: of for kpi in CATALOGUE for name, of in terms(kpi.formula).items()}
    rows = [f"- *{name}*: {prose(of)}" for name, of in found.items()]
    return ["## Terms", "", "Parts of formulas that have a name of their own.", "", *rows, ""]


def _lifespan() -> list[str]:
    return [
        "## Settings in formulas",
        "",
        "- *gross margin*: `gross_margin`, 1 unless configured.",
        "- *minor units per major unit*: 10 to the number of the reporting currency's decimals.",
        "- *lifespan in years*: a number where one is configured; otherwise",
        f"    - `expected` (the default): {prose(EXPECTED_LIFESPAN)};",
        f"    - `observed`: {prose(OBSERVED_LIFESPAN)}.",
        "",
    ]


def _restated() -> list[str]:
    rows = [
        f"- `{kpi.id}`: {', '.join(f'`{name}`' for name in sorted(needed_components(kpi.id, _DEFAULTS)))}"
        for kpi in RESTATABLE
    ]
    return [
        "## Restated KPIs",
        "",
        "What comes late changes these for days and months that are past; the ledger holds what was first published",
        "and what is known now ([definitions](definitions.md#restatement)). Each with the components that it is made",
        "of; why another KPI isn't among them is said beside it.",
        "",
        *rows,
        "",
    ]


def _components() -> list[str]:
    rows = [
        f"| `{part.name}` | {part.unit} | {part.at} | {part.meaning} | "
        f"{', '.join(f'`{kpi.id}`' for kpi in CATALOGUE if part.name in components(kpi.formula))} |"
        for part in COMPONENTS
    ]
    return [
        "## Components",
        "",
        "What the engine counts: integers that add up over time, partitions and workers. Each contribution is placed",
        "at one instant; `now` means that it holds what is true now.",
        "",
        "| component | unit | placed at | counts | used by |",
        "|---|---|---|---|---|",
        *rows,
    ]


def _unit(kpi: Kpi) -> str:
    return "money" if kpi.unit is Unit.CURRENCY else kpi.unit.value


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or compare it; the exit status is 1 on a difference."""
    parser = argparse.ArgumentParser(
        prog="python -m metrics.docs", description="Write docs/kpis.md from the catalogue."
    )
    parser.add_argument("--check", action="store_true", help="fail if the page differs from the catalogue")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page (default: docs/kpis.md)")
    options = parser.parse_args(arguments)
    wanted = page()
    if not options.check:
        options.page.write_text(wanted, encoding="utf-8")
        return 0
    found = options.page.read_text(encoding="utf-8") if options.page.exists() else ""
    if found == wanted:
        return 0
    sys.stderr.writelines(difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), "page", "catalogue"))
    sys.stderr.write(f"{options.page.name} differs from the catalogue; run python -m metrics.docs\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
