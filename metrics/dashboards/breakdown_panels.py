"""Panels of breakdowns: retention by cohort as a heat map, figures by band of tenure as bars, survival as a curve.

Their words, units and names come from the declarations, as those of KPIs do. They are everybody's, whatever slice is
chosen, and say so.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from metrics import names
from metrics.breakdown import BANDS, OLDER
from metrics.catalogue import BREAKDOWNS
from metrics.dashboards.edition import Edition
from metrics.dashboards.kpi_panels import JOB, direction, grafana_unit
from metrics.dashboards.panel import Column, Panel, Query
from metrics.kpi import Text
from metrics.promql import selector

_BY_ID = {breakdown.id: breakdown for breakdown in BREAKDOWNS}
_EVERYBODY = Text("Everybody's, whatever slice is chosen.", "برای همهٔ مشتریان، هر برشی که انتخاب شده باشد.")
_NOT_KNOWN = Text("not known now", "اکنون نامعلوم")
_FROM_RIGHT, _END = "\u2067", "\u2069"
_SIZE = "#"
"""Value of the label `months` on the column of sizes: it sorts before the numbers."""


def heat_map(edition: Edition) -> Panel:
    """Show the share that is left of each month's customers, month after month."""
    shares, sizes = _BY_ID["cohort_retention"], _BY_ID["cohort_acquired"]
    months = {names.COHORT: r"\d.+"}
    left = f"max by ({names.COHORT}, {names.MONTHS}) ({selector(shares.gauge, JOB, months)})"
    acquired = f"max by ({names.COHORT}) ({selector(sizes.gauge, JOB, months)}) > 0"
    read = Text(
        "A row is a month of acquisition, with how many were acquired in it; a column is so many months later, at the "
        "month's end. The current month isn't over: what holds now stands in the last column. Customers acquired "
        f"before these months are in the metric, as `{OLDER}`.",
        "هر سطر یک ماه جذب است، با شمار جذب‌شدگان آن؛ هر ستون پایان چندمین ماه پس از آن است. ماه جاری هنوز تمام نشده و "
        f"وضع کنونی در ستون آخر آمده است. مشتریانِ پیش از این ماه‌ها در سنجه با `{OLDER}` هستند.",
    )
    return Panel(
        edition.say(shares.title),
        " ".join(edition.say(text) for text in (shares.meaning, direction(shares.better), read, _EVERYBODY)),
        grafana_unit(shares.unit, edition.currency),
        (Query(f'{left} or label_replace({acquired}, "{names.MONTHS}", "{_SIZE}", "", "")', "{{cohort}} {{months}}"),),
        kind="matrix",
        width=24,
        height=16,
        absent=edition.say(_NOT_KNOWN),
        columns=(
            Column(names.COHORT, edition.say(Text("Acquired in", "ماه جذب")), is_row=True),
            Column(names.MONTHS, ""),
            Column(_SIZE, edition.say(Text("Acquired", "جذب‌شده")), unit=str(units.Short)),
            Column("now", edition.say(Text("now", "اکنون"))),
        ),
    )


def by_tenure(edition: Edition, breakdown_id: str, width: int = 8) -> Panel:
    """Show a figure for each band, the shortest tenure first."""
    breakdown = _BY_ID[breakdown_id]
    of_window = {names.WINDOW: "$window"} if breakdown.windows else {}
    queries = (
        Query(
            f"max by ({names.TENURE}) ({selector(breakdown.gauge, JOB | of_window | {names.TENURE: band.name})})",
            _beside_numbers(edition, band.title),
        )
        for band in BANDS
    )
    return Panel(
        edition.say(breakdown.title),
        " ".join(edition.say(text) for text in (breakdown.meaning, direction(breakdown.better), _EVERYBODY)),
        grafana_unit(breakdown.unit, edition.currency),
        tuple(queries),
        kind="bars",
        width=width,
        absent=edition.say(_NOT_KNOWN),
    )


def survival(edition: Edition, width: int = 8) -> Panel:
    """Show the share that stays for at least so long."""
    breakdown = _BY_ID["survival"]
    days = edition.say(Text("days as a customer", "روز مشتری‌بودن"))
    return Panel(
        edition.say(breakdown.title),
        " ".join(edition.say(text) for text in (breakdown.meaning, direction(breakdown.better), _EVERYBODY)),
        grafana_unit(breakdown.unit, edition.currency),
        (Query(f"max by ({names.DAYS}) ({selector(breakdown.gauge, JOB)})", "{{days}}"),),
        kind="curve",
        width=width,
        absent=edition.say(_NOT_KNOWN),
        columns=(
            Column(names.DAYS, days, is_row=True, unit=units.NoUnit),
            Column("Value", edition.say(breakdown.title)),
        ),
    )


def _beside_numbers(edition: Edition, text: Text) -> str:
    """Choose the words; Persian that begins with a number keeps its order where Grafana writes from left to right."""
    words = edition.say(text)
    return f"{_FROM_RIGHT}{words}{_END}" if edition.language == "fa" else words
