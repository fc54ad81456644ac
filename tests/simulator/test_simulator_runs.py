"""One seed, one story: to the byte, wherever it is cut off; and settings that make no sense are refused."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from events.models import EVENT_ADAPTER
from events.simulator import Simulator, SimulatorConfig

START = datetime(2026, 3, 2, 7, 20, 11, tzinfo=UTC)
SMALL = SimulatorConfig(seed=5, customers=200)


def ndjson(config: SimulatorConfig, days: float) -> str:
    return "\n".join(json.dumps(e) for e in Simulator(config).events(START, START + timedelta(days=days)))


def test_equal_configurations_give_equal_bytes() -> None:
    """Event ids included; another seed tells another story."""
    assert ndjson(SMALL, 5) == ndjson(SimulatorConfig(seed=5, customers=200), 5)
    assert ndjson(SMALL, 5) != ndjson(SimulatorConfig(seed=6, customers=200), 5)


def test_the_story_does_not_depend_on_the_process() -> None:
    """Python's hash seed differs from process to process, and must not matter."""
    program = (
        "import json; from datetime import *; from events.simulator import *;"
        "s = datetime(2026, 3, 2, 7, 20, 11, tzinfo=timezone.utc);"
        "c = SimulatorConfig(seed=5, customers=200);"
        "print('\\n'.join(json.dumps(e) for e in Simulator(c).events(s, s + timedelta(days=2))), end='')"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {ndjson(SMALL, 2)}


def test_a_run_with_an_end_is_the_beginning_of_one_without() -> None:
    """Wherever the end lies in a step of the simulator."""
    for minutes in (1, 15, 100, 3_000):
        ended = list(Simulator(SMALL).events(START, START + timedelta(minutes=minutes)))
        endless = islice(Simulator(SMALL).events(START), len(ended) + 1)
        *beginning, following = endless
        assert beginning == ended
        assert datetime.fromisoformat(following["occurred_at"]) >= START + timedelta(minutes=minutes)


def test_a_second_run_begins_afresh() -> None:
    """One simulator may tell its story twice, and the truth is that of the run begun last."""
    shop = Simulator(SMALL)
    assert list(islice(shop.events(START), 700)) == list(islice(shop.events(START), 700))
    assert shop.truth.events.total() == 700


def test_truth_is_that_of_the_events_drawn_so_far() -> None:
    """At every event, so that a live demo can be compared at any time."""
    shop = Simulator(SMALL)
    for drawn, _ in enumerate(islice(shop.events(START), 2_000), 1):
        assert shop.truth.events.total() == drawn


def test_no_event_shares_a_part_with_another() -> None:
    """Who gets an event may change it."""
    events = list(islice(Simulator(SMALL).events(START), 1_000))
    parts = [id(line["total"]) for e in events for line in e.get("lines", ())]
    assert len(set(parts)) == len(parts)


@pytest.mark.parametrize(("currency", "decimals"), [("JPY", 0), ("KWD", 3)])
def test_money_has_the_decimals_of_its_currency(currency: str, decimals: int) -> None:
    """As ISO 4217 says; the contract refuses more."""
    events = list(Simulator(SimulatorConfig(customers=200, currency=currency)).events(START, START + timedelta(days=3)))
    for event in events:
        EVENT_ADAPTER.validate_python(event)
    amounts = [e["total"]["amount"] for e in events if e["type"] == "purchase"]
    assert {len(amount.partition(".")[2]) for amount in amounts} == {decimals}


@pytest.mark.parametrize("customers", [500, 5_000])
def test_a_shop_can_be_sized_by_its_event_rate(customers: int) -> None:
    """Roughly: within a quarter over a week, once the first days have brought what follows from purchases."""
    wanted = 0.5
    shop = Simulator(SimulatorConfig(customers=customers).with_event_rate(wanted))
    assert shop.config.expected_events_per_second == pytest.approx(wanted)
    events = shop.events(START, START + timedelta(days=14))
    counted = sum(e["occurred_at"] >= "2026-03-09T07:20:11" for e in events)
    assert counted / (7 * 86_400) == pytest.approx(wanted, rel=0.25)


def test_memory_holds_customers_and_what_lies_ahead_of_them_never_the_past() -> None:
    """The agenda of a shop that has run three times as long isn't longer."""
    shop = Simulator(SimulatorConfig(customers=300, purchases_per_day=2.0))
    lengths = []
    end = START + timedelta(days=20)
    for event in shop.events(START, START + timedelta(days=60)):
        if datetime.fromisoformat(event["occurred_at"]) >= end:
            lengths.append(len(shop._world.agenda))
            end += timedelta(days=20)
    assert lengths[-1] < 1.5 * lengths[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scenario": "boom"}, "'scenario' is 'boom', expected 'calm' or 'churn-spike'"),
        ({"scenario": "churn-spike"}, "'spike_at' is None"),
        ({"spike_at": START}, "'spike_at' is .* choose 'churn-spike'"),
        ({"scenario": "churn-spike", "spike_at": START.replace(tzinfo=None)}, "a datetime with an offset"),
        ({"spike_factor": 0.5}, "'spike_factor' is 0.5"),
        ({"customers": 0}, "'customers' is 0"),
        ({"daily_hazard": -1.0}, "'daily_hazard' is -1.0"),
        ({"joins_per_day": -1.0}, "'joins_per_day' is -1.0"),
        ({"lead_share": 1.5}, "'lead_share' is 1.5, expected a share from 0 to 1"),
        ({"spike_focus": ("channel", "fax")}, r"expected one of \('channel', 'web'\)"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    """With the setting, what it is, and what it may be."""
    with pytest.raises(ValueError, match=message):
        Simulator(SimulatorConfig(**settings))


def test_a_datetime_without_an_offset_is_refused() -> None:
    """Nobody can say which instant it is."""
    with pytest.raises(ValueError, match="start is '2026-03-02T07:20:11', expected a datetime with an offset"):
        Simulator(SMALL).events(START.replace(tzinfo=None))


def test_an_event_rate_that_is_too_low_is_refused() -> None:
    """So many customers make more events without buying anything."""
    with pytest.raises(ValueError, match="expected at least"):
        SimulatorConfig(customers=1_000_000).with_event_rate(0.1)
