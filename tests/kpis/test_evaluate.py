"""The published worked examples, and what evaluation promises beside the figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

import pytest

from metrics.compiled import KpiValues
from metrics.evaluate import CellSums, Economics, Frame, Target, Window, evaluate

DAY = 86_400_000
NOW = 1_781_530_640_250  # 2026-06-15T13:37:20.250Z
EUR = Economics("EUR")

HOUR = Window("1h", "rolling", NOW - DAY // 24, 1 / 24)
MONTH_LONG = Window("30d", "rolling", NOW - 30 * DAY, 30.0)
YEAR = Window("365d", "rolling", NOW - 365 * DAY, 365.0)
QUARTER = Window("quarter", "calendar", NOW - 75 * DAY, None)
LIFETIME = Window("lifetime", "lifetime", None, None)
FRAME = Frame(NOW, (HOUR, MONTH_LONG, YEAR, QUARTER, LIFETIME))


def whole(economics: Economics = EUR, **sums: CellSums) -> dict[str, KpiValues]:
    """Everybody's windows; names of windows that begin with a digit are written w30d."""
    return evaluate(FRAME, {None: {name.removeprefix("w"): part for name, part in sums.items()}}, economics)["windows"]


def in_every_window(values: Mapping[str, int], economics: Economics = EUR) -> dict[str, KpiValues]:
    """All that ever happened lies in each window."""
    part = CellSums(values)
    return evaluate(FRAME, {None: {window.name: part for window in FRAME.windows}}, economics)["windows"]


def test_a_telecom_of_seventeen_million_grows_by_three_percent() -> None:
    """17,000,000 at the quarter's start; 680,000 join, 170,000 of the old leave."""
    quarter = whole(
        quarter=CellSums({"acquired": 680_000, "opened": 680_000, "closed": 170_000}),
        lifetime=CellSums({"acquired": 17_680_000, "opened": 17_680_000, "closed": 170_000}),
    )["quarter"]
    assert quarter["churn_rate"] == 0.01
    assert quarter["acquisition_rate"] == 0.04
    assert quarter["base_growth_active"] == 0.03
    assert quarter["active_customers"] == 17_510_000
    assert quarter["net_customer_growth"] == 510_000


def test_nps_follows_the_formula_where_the_source_misprints_it() -> None:
    """200 responses, 90 promoters, 70 passive, 40 detractors: +25."""
    hour = in_every_window({"nps_promoters": 90, "nps_passives": 70, "nps_detractors": 40})["1h"]
    assert hour["nps"] == 25.0
    assert hour["nps_responses"] == 200
    assert hour["nps_margin"] == pytest.approx(10.5, abs=0.2)


def test_few_answers_give_a_wide_margin_and_none_give_no_margin() -> None:
    """One detractor: NPS -100, and an interval that says how little that means."""
    one = in_every_window({"nps_detractors": 1})["1h"]
    assert (one["nps"], one["nps_margin"]) == (-100.0, 73.49864942025202)
    assert in_every_window({})["1h"]["nps_margin"] is None


def test_retention_is_what_churn_leaves() -> None:
    """Retention 22.5 % means churn 77.5 %."""
    quarter = whole(
        quarter=CellSums({"closed": 155}), lifetime=CellSums({"acquired": 200, "opened": 200, "closed": 155})
    )["quarter"]
    assert (quarter["churn_rate"], quarter["retention_rate"]) == (0.775, 0.225)


def test_clv_is_exact_where_the_source_rounds_on_the_way() -> None:
    """20,000 in 400 orders by 180 buyers in a year, 5 years' lifespan: 555.56."""
    year = in_every_window({"gross_minor": 2_000_000, "orders": 400, "buyers": 180}, Economics("EUR", lifespan=5))[
        "365d"
    ]
    assert year["average_order_value"] == 50.0
    assert year["purchase_frequency"] == 400 / 180
    assert year["customer_value"] == year["sales_per_customer"] == 20_000 / 180
    assert year["clv"] == 100_000 / 180


def test_a_thousand_join_and_three_hundred_leave() -> None:
    """Net 700."""
    assert in_every_window({"acquired": 1000, "opened": 1000, "closed": 300})["30d"]["net_customer_growth"] == 700


def test_newcomers_count_on_neither_side_of_churn_and_never_push_retention_over_one() -> None:
    """Of 10 at the start 2 left; of 5 new ones 3 left; one of the 2 came back: churn is 2 of 10."""
    quarter = whole(
        quarter=CellSums({"acquired": 5, "opened": 6, "closed": 5, "closed_by_opening": 3}),
        lifetime=CellSums({"acquired": 15, "opened": 16, "closed": 5, "closed_by_opening": 5}),
    )["quarter"]
    assert quarter["churn_rate"] == 0.2
    assert quarter["retention_rate"] == 0.8
    assert quarter["won_back_customers"] == 1
    assert quarter["lost_customers"] == 5
    assert quarter["acquisition_rate"] == 0.6
    assert quarter["base_growth_total"] == 0.5


def test_exposure_counts_the_days_that_customers_were_active() -> None:
    """One customer from before who leaves after 10 of the 30 days, one who joins for the last 5: 1 x 30 / 15 days."""
    opened, closed, joined = NOW - 100 * DAY, NOW - 20 * DAY, NOW - 5 * DAY
    in_w = CellSums(
        {
            "acquired": 1,
            "opened": 1,
            "opened_at": joined,
            "closed": 1,
            "closed_at": closed,
            "closed_tenure": closed - opened,
        }
    )
    ever = CellSums({**in_w.values, "acquired": 2, "opened": 2, "opened_at": opened + joined, "closed_by_opening": 1})
    month = whole(w30d=in_w, lifetime=ever)["30d"]
    assert month["exposure_churn_rate"] == 2.0
    assert month["average_completed_tenure"] == 80.0
    assert month["average_tenure"] == (80 + 5) / 2


def test_the_expected_lifespan_is_the_inverse_of_churn_capped_and_else_observed() -> None:
    """30 / (365 x rate) years, never above 10; without churn the mean buying span."""
    bought = {"gross_minor": 36_500, "orders": 1, "buyers": 1, "buying_span": 2 * 365_25 * DAY // 100}
    churning = {**bought, "opened": 2, "opened_at": 2 * (NOW - 365 * DAY), "closed": 2, "closed_at": 2 * NOW}
    assert in_every_window(bought)["365d"]["clv"] == 365 * 2
    assert in_every_window(bought, Economics("EUR", lifespan="observed"))["365d"]["clv"] == 365 * 2
    # Two customers, two years together, two losses: one a year, so a year each.
    assert in_every_window(churning)["365d"]["clv"] == 365 * 1
    rare = {**churning, "opened": 100, "opened_at": 100 * (NOW - 365 * DAY), "closed": 1, "closed_at": NOW}
    assert in_every_window(rare)["365d"]["clv"] == 365 * 10
    assert in_every_window(churning, Economics("EUR", lifespan=Decimal("0.1")))["365d"]["clv"] == 36.5  # type: ignore[arg-type]


def test_net_clv_takes_off_what_winning_and_keeping_costs() -> None:
    """Margin 40 %, CAC 50, retention 10 a year and customer over 2 years."""
    year = in_every_window(
        {
            "gross_minor": 100_000,
            "orders": 10,
            "buyers": 10,
            "acquired": 10,
            "opened": 10,
            "acquisition_spend_minor": 50_000,
            "retention_spend_minor": 10_000,
        },
        Economics("EUR", gross_margin=0.4, lifespan=2),
    )["365d"]
    assert year["clv"] == 200.0
    assert year["net_clv"] == 80 - 50 - 20
    assert year["clv_to_cac"] == 1.6
    assert year["acquisition_roi"] == 0.6


def test_money_is_in_major_units_of_the_currency_at_hand() -> None:
    """2 decimals for EUR, none for JPY, 3 for KWD; and a float for each."""
    sums = {"gross_minor": 123_456, "refunds_minor": 1}
    assert in_every_window(sums)["1h"]["revenue"] == 1234.55
    yen = in_every_window(sums, Economics("JPY"))["1h"]["revenue"]
    assert yen == 123_455.0
    assert isinstance(yen, float)
    assert in_every_window(sums, Economics("KWD"))["1h"]["revenue"] == 123.455


def test_a_satisfied_customer_is_one_by_touchpoint_too() -> None:
    """Labels come sorted; one without anything in the window is left out, one without a satisfied answer is 0."""
    labelled = {
        "csat_responses_by_touchpoint": {"price": 4, "delivery": 2, "site": 0},
        "csat_satisfied_by_touchpoint": {"price": 3},
        "closed_by_reason": {"price": 2, "gone": 0},
        "leads_by_stage": {"won": 1, "new": 7},
    }
    hour = whole(w1h=CellSums({"leads_decided": 4, "csat_responses": 6, "csat_points": 108}, labelled))["1h"]
    assert list(hour["csat_by_touchpoint"].items()) == [("delivery", 0.0), ("price", 0.75)]  # type: ignore[union-attr]
    assert hour["churn_reasons"] == {"price": 2}
    assert hour["leads_by_stage"] == {"new": 7, "won": 1}
    assert hour["closing_rate"] == 0.25
    assert hour["csat_mean"] == 0.5


def test_a_shop_without_contracts_has_lapses_in_place_of_churn() -> None:
    """8 active buyers at the start, 2 of them lapsed since; one came and lapsed within."""
    quarter = whole(
        quarter=CellSums({"buying_opened": 3, "lapsed": 3, "lapsed_by_opening": 1}),
        lifetime=CellSums({"buying_opened": 13, "lapsed": 5}),
    )["quarter"]
    assert quarter["lapse_rate"] == 0.25
    assert quarter["active_buyers"] == 8
    assert quarter["churn_rate"] is None


def test_stocks_of_now_stand_in_every_window() -> None:
    """Members are those of now, over active customers of now; engagement is the window's."""
    windows = whole(
        w1h=CellSums({"members_engaged": 1}),
        lifetime=CellSums({"members": 4, "members_active": 3, "members_engaged": 4, "opened": 10, "closed": 4}),
    )
    assert (windows["1h"]["loyalty_members"], windows["1h"]["loyalty_participation"]) == (4, 0.5)
    assert (windows["1h"]["loyalty_engagement"], windows["lifetime"]["loyalty_engagement"]) == (0.25, 1.0)


def test_nothing_is_undefined_not_zero_and_counts_are_zero() -> None:
    """An engine that has seen nothing answers with counts of 0, empty splits and None for all that divides."""
    hour = evaluate(FRAME, {}, EUR)["windows"]["1h"]
    assert hour["new_customers"] == hour["orders"] == 0
    assert hour["revenue"] == 0.0
    assert hour["churn_reasons"] == {}
    assert hour["churn_rate"] is hour["retention_rate"] is hour["average_order_value"] is None


def test_spend_is_null_in_slices_other_than_by_channel() -> None:
    """Spend knows no person's segment: what is made of it is None there, and keeps its key."""
    part = {window.name: CellSums({"acquired": 2, "acquisition_spend_minor": 100}) for window in FRAME.windows}
    slices = evaluate(FRAME, {None: part, ("channel", "web"): part, ("segment", "vip"): part}, EUR)["slices"]
    assert slices["channel"]["web"]["30d"]["acquisition_cost"] == 0.5
    assert slices["segment"]["vip"]["30d"]["acquisition_cost"] is None
    assert slices["segment"]["vip"]["30d"].keys() == slices["channel"]["web"]["30d"].keys()
    assert slices["segment"]["vip"]["30d"]["new_customers"] == 2


def test_a_slice_uses_its_own_lifespan() -> None:
    """Those who stay longer are worth more, whatever the average customer does."""

    def bought(years: int) -> dict[str, CellSums]:
        part = CellSums({"gross_minor": 100, "orders": 1, "buyers": 1, "buying_span": years * 365_25 * DAY // 100})
        return {window.name: part for window in FRAME.windows}

    snapshot = evaluate(FRAME, {None: bought(1), ("plan", "gold"): bought(4)}, EUR)
    assert snapshot["windows"]["365d"]["clv"] == 1.0
    assert snapshot["slices"]["plan"]["gold"]["365d"]["clv"] == 4.0


def test_unpublished_windows_serve_formulas_and_stay_out_of_sight() -> None:
    """The expected lifespan needs 365d and lifetime, whatever is configured."""
    hidden = Frame(NOW, (MONTH_LONG, Window("365d", "rolling", YEAR.start_ms, 365.0, published=False), LIFETIME))
    churning = {"opened": 1, "opened_at": NOW - 365 * DAY, "closed": 1, "closed_at": NOW}
    bought = {"gross_minor": 3000, "orders": 1, "buyers": 1}
    sums = {None: {"30d": CellSums(bought), "365d": CellSums(churning), "lifetime": CellSums(churning)}}
    windows = evaluate(hidden, sums, EUR)["windows"]
    assert list(windows) == ["30d", "lifetime"]
    assert windows["30d"]["clv"] == 365.0


def test_targets_are_attained_the_way_that_is_better() -> None:
    """Value / target, but target / value where lower is better; undefined stays visible as None; not in slices."""
    economics = Economics(
        "EUR",
        targets=(
            Target("revenue", "quarter", 1000),
            Target("churn_rate", "quarter", 0.02),
            Target("nps", "quarter", Decimal(50)),
            Target("orders", "month", 7),
        ),
    )
    quarter = {"gross_minor": 50_000, "closed": 4}
    sums = {"quarter": CellSums(quarter), "lifetime": CellSums({**quarter, "opened": 100, "acquired": 100})}
    snapshot = evaluate(FRAME, {None: sums, ("plan", "gold"): sums}, economics)
    assert snapshot["windows"]["quarter"]["target_attainment"] == {"revenue": 0.5, "churn_rate": 0.5, "nps": None}
    assert "target_attainment" not in snapshot["windows"]["30d"]
    assert "target_attainment" not in snapshot["slices"]["plan"]["gold"]["quarter"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (Target("revenu", "quarter", 1), "target 'revenu': no such KPI; did you mean 'revenue'?"),
        (Target("churn_reasons", "quarter", 1), "target 'churn_reasons': the KPI is split by 'reason'"),
        (Target("clv", "quarter", 1), "target 'clv': not defined in 'quarter', but in rolling windows"),
        (Target("nps_margin", "quarter", 1), "target 'nps_margin': an error margin is not a goal"),
    ],
)
def test_a_target_that_cannot_be_attained_is_refused(target: Target, message: str) -> None:
    """At the first evaluation at the latest, with the KPI's name."""
    with pytest.raises(ValueError, match="target") as refusal:
        evaluate(FRAME, {}, Economics("EUR", targets=(target,)))
    assert message in str(refusal.value)


def test_settings_that_make_no_sense_are_refused() -> None:
    """A margin is a share, a lifespan positive, a target one per KPI and calendar window."""
    with pytest.raises(ValueError, match=r"gross margin: expected a share from 0 to 1, such as 0.35, got 35"):
        Economics("EUR", gross_margin=35)
    with pytest.raises(ValueError, match="lifespan: expected years, 'observed' or 'expected', got 'ever'"):
        Economics("EUR", lifespan="ever")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lifespan: expected a positive number of years"):
        Economics("EUR", lifespan=0)
    with pytest.raises(ValueError, match="target 'nps': window '30d' is not a calendar window"):
        Target("nps", "30d", 50)
    with pytest.raises(ValueError, match="target 'nps' in 'year': given more than once"):
        Economics("EUR", targets=(Target("nps", "year", 50), Target("nps", "year", 60)))


def test_a_frame_without_the_windows_that_formulas_need_is_refused() -> None:
    """Better at once than a lifespan of None."""
    with pytest.raises(ValueError, match="frame: window '365d' is missing"):
        Frame(NOW, (LIFETIME,))


def test_the_answer_is_json_with_the_instant_in_milliseconds() -> None:
    """As the KPI contract prints it."""
    snapshot = evaluate(FRAME, {None: {}, ("plan", "gold"): {}}, EUR)
    assert snapshot["now"] == "2026-06-15T13:37:20.250Z"
    assert json.loads(json.dumps(snapshot, allow_nan=False)) == snapshot
