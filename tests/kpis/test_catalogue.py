"""The catalogue itself: complete, speakable in both languages, and refused at import where it can't stand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from metrics import docs
from metrics.catalogue import BY_ID, CATALOGUE
from metrics.catalogue.value import EXPECTED_LIFESPAN, OBSERVED_LIFESPAN
from metrics.components import COMPONENTS
from metrics.formula import ScaledRoot, components, each, kpi, references, total, w
from metrics.frame import Window
from metrics.kpi import Better, Scope, Text, Windows
from metrics.names import metric_name
from metrics.prose import prose
from metrics.validation import CatalogueError, checked

HOUR = Window("1h", "rolling", 0, 1 / 24)
MONTH = Window("month", "calendar", 0, None)
THIRTY_DAYS = Window("30d", "rolling", 0, 30.0)
LIFETIME = Window("lifetime", "lifetime", None, None)
CLV_FAMILY = {"clv", "net_clv", "clv_to_cac", "acquisition_roi"}

SPEND_FAMILY = {
    "acquisition_spend",
    "lead_spend",
    "retention_spend",
    "acquisition_cost",
    "lead_cost",
    "net_clv",
    "clv_to_cac",
    "acquisition_roi",
}


def ids_in(window: Window) -> set[str]:
    return {kpi.id for kpi in CATALOGUE if kpi.windows.hold(window)}


@pytest.mark.parametrize("example", ["example-1", "example-2"])
def test_the_windows_have_the_very_keys_of_the_published_examples(example: str, shared_dir: Path) -> None:
    """Which KPI appears in which window is part of the contract."""
    published = json.loads((shared_dir / "spec" / f"{example}.kpis.json").read_text())["windows"]
    for window in (HOUR, MONTH, THIRTY_DAYS, LIFETIME):
        assert ids_in(window) == set(published[window.name])


def test_lifetime_value_is_stretched_from_long_windows_only() -> None:
    """CLV and its kin stand in rolling windows of 30 days and more, nowhere else."""
    assert ids_in(THIRTY_DAYS) - ids_in(HOUR) == CLV_FAMILY
    assert not CLV_FAMILY & (ids_in(MONTH) | ids_in(LIFETIME))


def test_lifetime_has_no_exposure_and_no_returning_buyers() -> None:
    """Over lifetime there is no start to be exposed from, and nobody bought before."""
    assert ids_in(HOUR) - ids_in(LIFETIME) == {"exposure_churn_rate", "returning_buyer_rate"}


def test_attainment_appears_only_with_a_target() -> None:
    """Without targets there is no key, in a calendar window or elsewhere."""
    rule = BY_ID["target_attainment"].windows
    assert rule.hold(MONTH, has_targets=True)
    assert not rule.hold(MONTH)
    assert not rule.hold(THIRTY_DAYS, has_targets=True)


def test_what_spend_is_divided_by_is_known_by_channel_only() -> None:
    """Marketing spend knows a channel and no person, so the KPIs made of it do too."""
    assert {kpi.id for kpi in CATALOGUE if kpi.scope is Scope.CHANNEL_ONLY} == SPEND_FAMILY


def test_every_component_is_used() -> None:
    """State that nobody reads is none; but some says which slices there are, or whether the books balance."""
    used = set().union(*(components(kpi.formula) for kpi in CATALOGUE))
    assert {component.name for component in COMPONENTS} - used <= {"persons", "spends", "open_lifetimes"}


def test_the_lifespans_build_on_declared_kpis() -> None:
    """The lifespan formulas stand outside the catalogue and are held to its ids."""
    assert references(EXPECTED_LIFESPAN) | references(OBSERVED_LIFESPAN) <= BY_ID.keys()


def test_metric_names_differ_and_end_in_the_unit() -> None:
    """tapesh_<kpi>_<unit>, money under the currency's code."""
    names = [metric_name(kpi, "EUR") for kpi in CATALOGUE]
    assert len(set(names)) == len(names)
    assert metric_name(BY_ID["churn_rate"], "EUR") == "tapesh_churn_rate_ratio"
    assert metric_name(BY_ID["active_customers"], "EUR") == "tapesh_active_customers_customers"
    assert metric_name(BY_ID["revenue"], "IRR") == "tapesh_revenue_irr"
    assert metric_name(BY_ID["average_tenure"], "EUR") == "tapesh_average_tenure_days"
    assert metric_name(BY_ID["nps"], "EUR") == "tapesh_nps_score"


GOOD = BY_ID["new_customers"]
SPLIT = BY_ID["churn_reasons"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            replace(GOOD, id="refund_rate", formula=w("refnd_minor") / w("gross_minor")),
            "kpi 'refund_rate': component 'refnd_minor' is not declared; did you mean 'refunds_minor'?",
        ),
        (replace(GOOD, id="New"), "kpi 'New': an id is lower-case"),
        (replace(GOOD, title=Text("", "مشتری")), "kpi 'new_customers': English title is missing"),
        (replace(GOOD, meaning=Text("New", "new")), "kpi 'new_customers': Persian meaning is missing, got 'new'"),
        (replace(GOOD, source=" "), "kpi 'new_customers': source of the definition is missing"),
        (replace(GOOD, formula=w("acquired") / 2), "kpi 'new_customers': counts whole customers"),
        (replace(GOOD, formula=w("members")), "component 'members' holds what is true now and has no window"),
        (replace(GOOD, formula=w("leads_by_stage")), "component 'leads_by_stage' is split by 'stage'"),
        (replace(GOOD, formula=w("leads", label="won")), "component 'leads' has no label"),
        (replace(GOOD, formula=each("leads_by_stage")), "is split by 'stage', the KPI by None"),
        (replace(SPLIT, formula=total("opened")), "kpi 'churn_reasons': its label and each"),
        (replace(GOOD, formula=kpi("new_custmers") + 1), "did you mean 'new_customers'?"),
        (replace(GOOD, formula=kpi("new_customers") + 1), "builds on itself, by way of new_customers -> new_customers"),
        (
            replace(GOOD, formula=w("opened") + ScaledRoot(1.0, w("opened"))),
            "a root or an attainment must be the outer",
        ),
    ],
)
def test_a_declaration_that_cannot_stand_is_refused(bad: object, message: str) -> None:
    """The error names the KPI, what is wrong, and the way out."""
    with pytest.raises(CatalogueError) as refusal:
        checked((bad,))  # type: ignore[arg-type]
    assert message in str(refusal.value)


def test_a_second_declaration_of_an_id_is_refused() -> None:
    """Of two, one would silently win."""
    with pytest.raises(CatalogueError, match="kpi 'new_customers': declared twice"):
        checked((GOOD, GOOD))


def test_what_builds_on_spend_must_say_that_it_is_known_by_channel() -> None:
    """Otherwise a slice by country would show a cost per lead that only channels know."""
    spend = BY_ID["lead_spend"]
    with pytest.raises(CatalogueError, match="kpi 'new_customers': builds on kpi 'lead_spend', known by channel only"):
        checked((spend, replace(GOOD, formula=kpi("lead_spend") * 2)))


def test_better_has_a_sign() -> None:
    """Boards and targets take +1, -1 and 0."""
    assert (BY_ID["retention_rate"].better, BY_ID["churn_rate"].better, BY_ID["lead_spend"].better) == (1, -1, 0)
    assert {kpi.better for kpi in CATALOGUE} == set(Better)
    assert {kpi.windows for kpi in CATALOGUE} == set(Windows)


def test_prose_says_what_is_computed() -> None:
    """Brackets where precedence needs them, other KPIs by their ids."""
    assert prose(BY_ID["churn_rate"].formula) == "(closed in W − closed_by_opening in W) / *active at the start*"
    assert prose(BY_ID["retention_rate"].formula) == "1 − `churn_rate`"
    assert prose(w("orders") - (w("leads") - w("buyers"))) == "orders in W − (leads in W − buyers in W)"
    assert prose(BY_ID["loyalty_members"].formula) == "members now"


def test_the_reference_is_the_catalogue(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """docs/kpis.md is generated: a page that differs fails the check and says what to run."""
    assert docs.main(["--check"]) == 0
    stale = tmp_path / "kpis.md"
    stale.write_text("# Old\n")
    assert docs.main(["--check", "--page", str(stale)]) == 1
    assert "run python -m metrics.docs" in capsys.readouterr().err
    assert docs.main(["--page", str(stale)]) == 0
    assert docs.main(["--check", "--page", str(stale)]) == 0
