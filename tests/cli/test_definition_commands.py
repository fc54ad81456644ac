"""`tapesh catalogue`, `schema` and `render`: the definitions, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from events.schema import asyncapi, json_schema
from metrics.catalogue import BREAKDOWNS, BY_ID, CATALOGUE
from metrics.kpi import Unit
from streams.cli import catalogue
from streams.cli.numbers import formatted, heading
from streams.cli.views import MAIN


def test_the_catalogue_lists_every_kpi(tapesh):
    """By theme."""
    shown = tapesh("catalogue").stdout
    assert [kpi.id for kpi in CATALOGUE if kpi.id not in shown] == []


def test_a_kpi_is_explained_in_the_languages_of_the_boards(tapesh):
    """Title and meaning are translated; formula and names aren't."""
    english, persian = (
        tapesh("catalogue", "churn_rate").stdout,
        tapesh("catalogue", "churn_rate", "--lang", "fa").stdout,
    )
    assert BY_ID["churn_rate"].title.en in english
    assert BY_ID["churn_rate"].title.fa in persian
    assert "tapesh_churn_rate_ratio" in english
    assert "tapesh_churn_rate_ratio" in persian


def test_the_catalogue_is_there_for_programs(tapesh):
    """As a list, or one definition."""
    listed = json.loads(tapesh("catalogue", "--json").stdout)
    assert [kpi["id"] for kpi in listed] == [kpi.id for kpi in (*CATALOGUE, *BREAKDOWNS)]
    one = json.loads(tapesh("catalogue", "revenue", "--json").stdout)
    assert one == next(kpi for kpi in listed if kpi["id"] == "revenue")
    assert one["gauge"] == "tapesh_revenue_<currency>"
    cohorts = json.loads(tapesh("catalogue", "cohort_retention", "--json", "--lang", "fa").stdout)
    assert (cohorts["gauge"], cohorts["labels"]) == ("tapesh_cohort_retention_ratio", ["cohort", "months"])
    assert cohorts["title"] == "نگهداشت به تفکیک ماه جذب"


def test_a_misspelt_kpi_is_corrected(tapesh):
    """As close as it can be guessed."""
    result = tapesh("catalogue", "churn_rat")
    assert result.exit_code == 2
    assert "did you mean 'churn_rate'?" in result.stderr
    assert [name for name, _ in catalogue._known("churn_r")] == ["churn_rate", "churn_reasons", "churn_rate_by_tenure"]


def test_the_contract_is_written_as_json_schema_or_asyncapi(tapesh, monkeypatch):
    """AsyncAPI under the topics' names in this deployment."""
    assert json.loads(tapesh("schema").stdout) == json_schema()
    monkeypatch.setenv("TAPESH_KAFKA__TOPIC_PREFIX", "shop-1.")
    assert json.loads(tapesh("schema", "--asyncapi").stdout) == asyncapi("shop-1.")


def test_what_is_rendered_is_what_is_there(tapesh, tmp_path):
    """Written where it is wanted; compared, a difference is an error."""
    pytest.importorskip("grafana_foundation_sdk", reason="bring it: pip install 'tapesh[render]'")
    assert tapesh("render", "--check").exit_code == 1
    assert tapesh("render", "--into", str(tmp_path)).exit_code == 0
    assert tapesh("render", "--check").exit_code == 0
    assert list(tmp_path.rglob("*.json"))


def test_targets_of_the_settings_are_limits_on_the_boards(tapesh, tmp_path):
    """And on no others: whoever changes a target renders anew, and the check says so until then."""
    pytest.importorskip("grafana_foundation_sdk", reason="bring it: pip install 'tapesh[render]'")
    Path("tapesh.toml").write_text("[targets.revenue]\nmonth = 40000\n")
    assert tapesh("render", "--into", str(tmp_path)).exit_code == 0
    board = json.loads((tmp_path / "grafana/dashboards/en/overview.json").read_text())
    (panel,) = (each for each in board["panels"] if each["title"] == "Revenue (month)")
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1] == {"value": 40_000, "color": "green"}
    Path("tapesh.toml").write_text("[targets.revenue]\nmonth = 50000\n")
    assert tapesh("render", "--check", "--into", str(tmp_path)).exit_code == 1


@pytest.mark.parametrize(
    ("kpi", "value", "shown"),
    [
        ("churn_rate", 0.0123, "1.2 %"),
        ("clv_to_cac", 14.012, "14.0x"),
        ("active_customers", 17_510_000, "17,510,000"),
        ("average_order_value", 1234.5, "1,234.50"),
        ("purchase_frequency", 2.2222, "2.22"),
        ("average_tenure", 64.698, "64.7"),
        ("average_buying_span", 0.0765, "0.08"),
        ("nps", -100.0, "-100.0"),
        ("nps", None, "–"),
        ("churn_reasons", {"price": 2, "delivery": 1}, "delivery 1\nprice 2"),
        ("churn_reasons", {}, "–"),
        ("csat_by_touchpoint", {"delivery": 0.5}, "delivery 50.0 %"),
    ],
)
def test_a_value_is_written_by_its_unit(kpi, value, shown):
    """As a person reads it."""
    assert formatted(BY_ID[kpi], value, "EUR") == shown


def test_every_unit_can_be_written():
    """A new one would fail here, not on somebody's screen."""
    units = {kpi.unit: kpi for kpi in CATALOGUE}
    assert units.keys() == set(Unit)
    for kpi in units.values():
        assert formatted(kpi, 0.5, "EUR")
        assert heading(kpi, "EUR").startswith(kpi.title.en)


def test_the_main_kpis_are_declared():
    """The table can't name one that is gone."""
    assert [kpi for kpi in MAIN if kpi not in BY_ID] == []
