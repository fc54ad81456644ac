"""What the engine makes of published records: the figures that others have found, and those of the oracle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kpi_oracle import oracle
from kpi_oracle.clock import instant_ms

from events.importers import IMPORTERS, BadRow, Tally
from metrics.economics import Economics
from streams.compute import Computed, compute
from streams.meaning import Meaning

LONDON = Meaning(currency="GBP", timezone="Europe/London", slices=("country",))
EVE_OF_DECEMBER = "2011-11-30T23:59:59.999Z"
"""The last instant of the 90 days ending 2011-12-01, half-open: London keeps UTC in winter."""


def imported(name: str, *files: Path) -> list[dict[str, Any]]:
    """The events of a record; it holds no bad row."""
    events = []
    for item in IMPORTERS[name].read(files, Tally()):
        assert not isinstance(item, BadRow)
        events.append(item)
    return events


@pytest.fixture(scope="module")
def shop(shared_dir: Path) -> list[dict[str, Any]]:
    return imported("online-retail", shared_dir / "data" / "online-retail" / "invoices.csv.gz")


def kpis(events: list[dict[str, Any]], meaning: Meaning, now: str | None = None) -> Computed:
    """The engine's figures of events."""
    now_ms = None if now is None else instant_ms(now)
    lines = [json.dumps(event).encode() for event in events]
    answer = compute(lines, meaning, Economics(meaning.currency), now_ms=now_ms)
    assert not answer.refused
    return answer


def test_the_gift_shops_ninety_days_are_the_published_ones(shop: list[dict[str, Any]]) -> None:
    """973 new customers, 2,840 buyers, 6,265 orders, 3,116,604.40 before returns, 64.2076 % ever bought twice."""
    windows = kpis(shop, LONDON, EVE_OF_DECEMBER).snapshot["windows"]
    days = windows["90d"]
    assert (days["new_customers"], days["buyers"], days["orders"]) == (973, 2_840, 6_265)
    assert round(windows["lifetime"]["repeat_purchase_rate"], 6) == 0.642076

    sold = [event for event in shop if event["type"] != "refund"]
    before_returns = kpis(sold, LONDON, EVE_OF_DECEMBER).snapshot["windows"]["90d"]
    assert before_returns["revenue"] == 3_116_604.40
    assert round(before_returns["average_order_value"], 4) == 497.4628
    assert days["revenue"] < before_returns["revenue"]


def test_a_millisecond_later_the_ninety_days_are_others(shop: list[dict[str, Any]]) -> None:
    """At the local midnight a new, still empty day comes in, and the first of the ninety goes."""
    before, after = (kpis(shop, LONDON, now).snapshot["windows"] for now in (EVE_OF_DECEMBER, "2011-12-01T00:00:00Z"))
    assert after["90d"]["orders"] < before["90d"]["orders"]
    assert after["lifetime"]["orders"] == before["lifetime"]["orders"]
    assert after["month"]["orders"] == 0


def test_the_shop_has_no_contracts_to_lose(shop: list[dict[str, Any]]) -> None:
    """Nobody cancels; what shows who stays away is the lapse of buying lifetimes, and the books balance."""
    windows = kpis(shop, LONDON).snapshot["windows"]
    for window in windows.values():
        assert window["lost_customers"] == 0
        assert window["net_customer_growth"] == window["new_customers"]
    assert windows["lifetime"]["customers_ever"] == windows["lifetime"]["active_customers"]
    assert 0 < windows["lifetime"]["active_buyers"] < windows["lifetime"]["customers_ever"]
    assert 0 < windows["90d"]["lapse_rate"] < 1


@pytest.mark.parametrize("now", [EVE_OF_DECEMBER, "2011-03-27T12:34:56.789Z"])
def test_the_whole_year_agrees_with_the_oracle(shop: list[dict[str, Any]], now: str) -> None:
    """Every KPI, window and country; at the second instant London's clocks went forward the night before."""
    expected = oracle.compute(shop, now, currency="GBP", timezone="Europe/London", slices=("country",))
    got = kpis(shop, LONDON, now).snapshot
    assert got["windows"] == approximately(expected["windows"])
    assert got["slices"] == approximately(expected["slices"])


def test_order_lines_agree_with_the_oracle(shared_dir: Path) -> None:
    """An eighth of the customers with all that they bought, line by line."""
    folder = shared_dir / "data" / "online-retail"
    events = imported("online-retail", folder / "invoices.csv.gz", folder / "lines.csv.gz")
    some = [event for event in events if int(event["customer_id"]) % 8 == 0]
    assert any(event.get("lines") for event in some)
    now = "2011-12-09T12:50:00Z"
    expected = oracle.compute(some, now, currency="GBP", timezone="Europe/London", slices=())
    got = kpis(some, Meaning(currency="GBP", timezone="Europe/London", slices=()), now).snapshot
    assert got["windows"] == approximately(expected["windows"])
    assert got["windows"]["lifetime"]["upsell_rate"] == 0.0  # lines, none of them offered


def test_the_airports_survey_gives_its_published_scores(shared_dir: Path) -> None:
    """May 2017: NPS +39.84 of 2,746 answers, 82.07 % of 2,688 satisfied."""
    events = imported("sfo-survey", shared_dir / "data" / "sfo-survey" / "nps_csat_2017.csv")
    meaning = Meaning(currency="USD", timezone="America/Los_Angeles")
    windows = kpis(events, meaning, "2017-06-01T06:59:59.999Z").snapshot["windows"]
    for name in ("month", "90d", "lifetime"):
        assert windows[name]["nps_responses"] == 1_436 + 968 + 342
        assert windows[name]["nps"] == 100 * (1_436 - 342) / 2_746
        assert (round(windows[name]["nps"], 2), round(windows[name]["csat"], 4)) == (39.84, 0.8207)
    assert 1 < windows["lifetime"]["nps_margin"] < 3
    assert set(windows["lifetime"]["csat_by_touchpoint"]) == {"unspecified"}


def approximately(values: Any) -> Any:
    """Floats to a billionth, everything else exactly."""
    if isinstance(values, dict):
        return {key: approximately(value) for key, value in values.items()}
    return pytest.approx(values, rel=1e-9, abs=1e-12) if isinstance(values, float) else values
