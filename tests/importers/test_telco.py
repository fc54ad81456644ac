"""The operator's sample keeps its shapes: who is there, who left, what they paid."""

import csv
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from events.importers import IMPORTERS, BadRow, Event, Tally
from events.importers.telco import OBSERVED_AT
from events.models import EVENT_ADAPTER

HEADER = "customerID,tenure,InternetService,Contract,MonthlyCharges,Churn"


@pytest.fixture(scope="module")
def sample(shared_dir: Path) -> Path:
    return shared_dir / "data" / "telco" / "Telco-Customer-Churn.csv"


@pytest.fixture(scope="module")
def imported(sample: Path) -> list[Event]:
    items = list(IMPORTERS["telco"].read([sample], Tally()))
    return [item for item in items if isinstance(item, dict)]


def test_everybody_comes_and_the_churned_go(imported: list[Event]) -> None:
    """7,043 subscribers, 1,869 of whom cancel, none after the day of observation."""
    kinds = Counter(event["type"] for event in imported)
    assert (kinds["customer-acquired"], kinds["cancellation"]) == (7_043, 1_869)
    assert max(datetime.fromisoformat(event["occurred_at"]) for event in imported) <= OBSERVED_AT


def test_each_month_of_tenure_is_paid_for(imported: list[Event], sample: Path) -> None:
    """Payments are tenure times the monthly charge, added up over the file."""
    with sample.open(newline="") as file:
        expected = sum(int(row["tenure"]) * Decimal(row["MonthlyCharges"]) for row in csv.DictReader(file))
    paid = sum(Decimal(event["total"]["amount"]) for event in imported if event["type"] == "purchase")
    assert paid == expected == Decimal("16055091.45")


def test_events_are_valid_in_order_and_the_same_in_every_run(imported: list[Event], sample: Path) -> None:
    """Dates are invented, but not at random."""
    for event in imported[:: len(imported) // 500]:
        EVENT_ADAPTER.validate_python(event)
    instants = [datetime.fromisoformat(event["occurred_at"]) for event in imported]
    assert instants == sorted(instants)
    assert list(IMPORTERS["telco"].read([sample], Tally())) == imported


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (",1,DSL,One year,20.00,No", "customerID"),
        ("a,-1,DSL,One year,20.00,No", "tenure"),
        ("a,1,DSL,,20.00,No", "Contract"),
        ("a,1,DSL,One year,much,No", "MonthlyCharges"),
        ("a,1,DSL,One year,20.00,Maybe", "Churn"),
    ],
)
def test_a_bad_row_is_an_output(tmp_path: Path, row: str, field: str) -> None:
    """With its line and column; the rest goes on."""
    path = tmp_path / "telco.csv"
    path.write_text(f"{HEADER}\n{row}\nb,1,DSL,One year,20.00,No\n")
    bad, *events = IMPORTERS["telco"].read([path], Tally())
    assert isinstance(bad, BadRow)
    assert (bad.file, bad.line, bad.field) == ("telco.csv", 2, field)
    assert [event["type"] for event in events if isinstance(event, dict)] == ["customer-acquired", "purchase"]
