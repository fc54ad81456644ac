"""The music shop's record becomes orders, whichever of its two files is read."""

from decimal import Decimal
from pathlib import Path

import pytest

from events.importers import IMPORTERS, BadRow, Event, Tally
from events.models import EVENT_ADAPTER

read = IMPORTERS["cdnow"].read
MASTER = """\
 00001 19970101  1   11.77
 00002 19970112  1   12.00
 00002 19970112  5   77.00
 00003 19970102  2   20.76
 00003 19970330  2    0.00
"""


def imported(path: Path, text: str) -> tuple[list[Event | BadRow], Tally]:
    path.write_text(text)
    tally = Tally()
    return list(read([path], tally)), tally


def test_lines_become_orders_by_date(tmp_path: Path) -> None:
    """The first acquires the customer; two of one day are two; one that cost nothing is left out and counted."""
    events, tally = imported(tmp_path / "CDNOW_master.txt", MASTER)
    assert [(e["type"], e["customer_id"], e["occurred_at"][:10]) for e in events if isinstance(e, dict)] == [
        ("customer-acquired", "cdnow-00001", "1997-01-01"),
        ("purchase", "cdnow-00001", "1997-01-01"),
        ("customer-acquired", "cdnow-00003", "1997-01-02"),
        ("purchase", "cdnow-00003", "1997-01-02"),
        ("customer-acquired", "cdnow-00002", "1997-01-12"),
        ("purchase", "cdnow-00002", "1997-01-12"),
        ("purchase", "cdnow-00002", "1997-01-12"),
    ]
    assert tally.left_out == {"zero-total": 1}
    purchases = [EVENT_ADAPTER.validate_python(e) for e in events if isinstance(e, dict) and e["type"] == "purchase"]
    assert sum(Decimal(each.total.amount) for each in purchases) == Decimal("121.53")
    assert len({each.order_id for each in purchases}) == 4


def test_the_sample_has_a_column_more(tmp_path: Path) -> None:
    """The second customer number, by which the sample counts, is left aside."""
    events, _ = imported(tmp_path / "CDNOW_sample.txt", " 00004    1 19970101  2   29.33\n")
    assert [e["customer_id"] for e in events if isinstance(e, dict)] == ["cdnow-00004", "cdnow-00004"]


@pytest.mark.parametrize(
    ("line", "field"),
    [("00001 19970101 1", "line"), ("00001 970101 1 2.00", "date"), ("00001 19970101 0 2.00", "cds")],
)
def test_a_bad_line_is_an_output(tmp_path: Path, line: str, field: str) -> None:
    """With its number and what was expected."""
    (bad, *_), tally = imported(tmp_path / "CDNOW_master.txt", f"{MASTER}{line}\n")
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.field) == (6, field)
    assert tally.bad_rows == 1
