"""A grocer's year gives the figures that its files hold."""

import csv
import gzip
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from events.importers import IMPORTERS, BadRow, Event, Tally
from events.models import EVENT_ADAPTER

read = IMPORTERS["complete-journey"].read


@pytest.fixture(scope="module")
def folder(shared_dir: Path) -> Path:
    return shared_dir / "data" / "complete-journey"


@pytest.fixture(scope="module")
def imported(folder: Path) -> tuple[list[Event], Tally]:
    tally = Tally()
    names = ("transactions_sample.csv.gz", "demographics.csv", "coupon_redemptions.csv", "campaigns.csv")
    items = list(read([folder / name for name in (*names, "campaign_descriptions.csv")], tally))
    assert not [item for item in items if isinstance(item, BadRow)]
    return [item for item in items if isinstance(item, dict)], tally


def test_baskets_hold_what_the_lines_add_up_to(imported: tuple[list[Event], Tally], folder: Path) -> None:
    """75,000 lines are 47,243 baskets worth 233,935.24; those that are worth nothing are left out and counted."""
    events, tally = imported
    with gzip.open(folder / "transactions_sample.csv.gz", "rt", newline="") as file:
        lines = list(csv.DictReader(file))
    orders = [event for event in events if event["type"] == "purchase"]
    assert len(orders) + tally.left_out["zero-total"] == len({line["basket_id"] for line in lines}) == 47_243
    revenue = sum(Decimal(event["total"]["amount"]) for event in orders)
    assert revenue == sum(Decimal(line["sales_value"]).quantize(Decimal("0.01")) for line in lines)
    assert revenue == Decimal("233935.24")


def test_each_household_is_acquired_once_before_it_buys(imported: tuple[list[Event], Tally]) -> None:
    """With its age group as segment where the file knows it."""
    events, _ = imported
    seen: dict[str, str] = {}
    for event in events:
        if event["type"] in ("customer-acquired", "purchase"):
            assert seen.setdefault(event["customer_id"], event["type"]) == "customer-acquired"
    acquired = [event for event in events if event["type"] == "customer-acquired"]
    assert len(acquired) == len(seen)
    assert sum("segment" in event for event in acquired) == 801


def test_redemptions_and_choices_are_all_there(imported: tuple[list[Event], Tally]) -> None:
    """2,102 coupons redeemed; 6,589 households chosen, 1,559 of them different ones, enrolled once each."""
    actions = Counter(event["action"] for event in imported[0] if event["type"] == "loyalty-activity")
    assert actions == {"reward-redeemed": 2_102, "reward-issued": 6_589, "enrolled": 1_559}


def test_events_are_valid_distinct_and_in_order(imported: tuple[list[Event], Tally]) -> None:
    """So that deduplication drops none of them."""
    events, _ = imported
    for event in events:
        EVENT_ADAPTER.validate_python(event)
    instants = [datetime.fromisoformat(event["occurred_at"]) for event in events]
    assert instants == sorted(instants)
    assert len({(event["customer_id"], event["event_id"]) for event in events}) == len(events)


def test_the_lines_alone_are_enough_and_a_bad_one_is_an_output(tmp_path: Path) -> None:
    """The other files may be left out; a campaign that nobody describes is left out and counted."""
    header = "household_id,basket_id,product_id,quantity,sales_value,transaction_timestamp\n"
    lines = tmp_path / "lines.csv"
    lines.write_text(f"{header}1,7,5,1,2.00,2017-01-01T10:00:00Z\n1,7,6,1,free,2017-01-01T10:00:00Z\n")
    tally = Tally()
    bad, *events = read([lines], tally)
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.field, bad.got) == (3, "sales_value", "free")
    assert [event["type"] for event in events if isinstance(event, dict)] == ["customer-acquired", "purchase"]
