"""Any CSV file becomes events by a mapping, and what doesn't fit is named by its column."""

from pathlib import Path

import pytest

from events.importers import IMPORTERS, BadMapping, BadRow, Event, Tally
from events.models import EVENT_ADAPTER

read = IMPORTERS["csv"].read
MAPPING = """
timezone = "Europe/London"
time_format = "%d/%m/%Y %H:%M"
source = "till"

[[event]]
type = "customer-acquired"
first = true
when = { Kind = "sale" }
fields = { customer_id = "Customer", occurred_at = "Date", channel = "Shop" }

[[event]]
type = "purchase"
when = { Kind = "sale" }
fields = { customer_id = "Customer", occurred_at = "Date", order_id = "No", "total.amount" = "Amount" }
constants = { "total.currency" = "GBP" }

[[event]]
type = "survey-response"
when = { Kind = "answer" }
fields = { customer_id = "Customer", occurred_at = "Date", score = "Amount", event_id = "No" }
constants = { survey = "nps" }

[[event]]
type = "lead"
when = { Kind = "lead" }
fields = { customer_id = "Customer", occurred_at = "Date", lead_id = "No", stage = "Shop" }
values = { stage = { W = "won" } }
"""
ROWS = """\
No,Kind,Customer,Date,Amount,Shop
2,sale,ana,02/07/2026 10:00,20.00,leeds
1,sale,ana,01/07/2026 10:00,10.00,york
3,answer,ana,03/07/2026 10:00,9,
4,lead,rui,04/07/2026 10:00,,W
5,note,rui,04/07/2026 10:00,,
"""


def imported(folder: Path, mapping: str = MAPPING, rows: str = ROWS) -> tuple[list[Event], list[BadRow], Tally]:
    (folder / "mapping.toml").write_text(mapping)
    (folder / "rows.csv").write_text(rows)
    tally = Tally()
    items = list(read([folder / "mapping.toml", folder / "rows.csv"], tally))
    bad = [item for item in items if isinstance(item, BadRow)]
    return [item for item in items if not isinstance(item, BadRow)], bad, tally


def test_rows_become_the_events_that_apply_to_them(tmp_path: Path) -> None:
    """In order of time, in the mapping's zone; the earliest row of a customer acquires it, wherever it stands."""
    events, bad, tally = imported(tmp_path)
    assert not bad
    assert [(e["type"], e["occurred_at"], e["event_id"]) for e in events] == [
        ("customer-acquired", "2026-07-01T10:00:00+01:00", "acquired:20260701T090000.000000Z"),
        ("purchase", "2026-07-01T10:00:00+01:00", "purchase:1"),
        ("purchase", "2026-07-02T10:00:00+01:00", "purchase:2"),
        ("survey-response", "2026-07-03T10:00:00+01:00", "3"),
        ("lead", "2026-07-04T10:00:00+01:00", "lead:4:won"),
    ]
    assert events[0]["channel"] == "york"
    assert {e["source"] for e in events} == {"till"}
    for event in events:
        EVENT_ADAPTER.validate_python(event)
    assert tally.left_out == {"no-mapping-applies": 1}


@pytest.mark.parametrize(
    ("row", "field", "expected"),
    [
        ("9,sale,ana,2026-07-01,10.00,york", "Date", "%d/%m/%Y %H:%M"),
        ("9,sale,,01/07/2026 10:00,10.00,york", "Customer", "customer_id"),
        ("9,sale,ana,01/07/2026 10:00,10.001,york", "Amount", "total.amount"),
        ("9,answer,ana,01/07/2026 10:00,11,", "Amount", "score"),
        ("9,lead,ana,01/07/2026 10:00,,X", "Shop", "stage"),
    ],
)
def test_a_row_that_breaks_the_contract_is_an_output(tmp_path: Path, row: str, field: str, expected: str) -> None:
    """It names line, column and what the contract has there; the other rows go on, and nothing of it is kept."""
    events, (bad,), tally = imported(tmp_path, rows=f"{ROWS}{row}\n")
    assert (bad.file, bad.line, bad.field) == ("rows.csv", 7, field)
    assert expected in bad.expected
    assert len(events) == 5
    assert tally.bad_rows == 1


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("event = 1", "mapping mapping.toml: event: "),
        ("[[event]]\ntype = 'sale'\nfields = {}", "got 'sale', expected one of customer-acquired, purchase"),
        ("[[event]]\ntype = 'purchase'\nfields = {}\ncolour = 'red'", "event.0.colour: Extra inputs"),
        ("timezone = 'Mars'\n[[event]]\ntype = 'purchase'\nfields = {}", "got 'Mars', expected a time zone"),
        ("= ", "expected TOML"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(tmp_path: Path, mapping: str, said: str) -> None:
    """Before a row is read."""
    with pytest.raises(BadMapping, match=r"mapping mapping\.toml") as refused:
        imported(tmp_path, mapping=mapping)
    assert said in str(refused.value)


def test_a_column_that_the_file_lacks_is_refused(tmp_path: Path) -> None:
    """Nothing of such a file can be trusted."""
    with pytest.raises(BadRow, match="'Customer'"):
        imported(tmp_path, rows="No,Kind\n1,sale\n")
