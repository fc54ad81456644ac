"""The gift shop's record gives the published figures."""

import csv
import gzip
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from events.importers import IMPORTERS, BadRow, Event, Tally
from events.importers.online_retail import read
from events.models import EVENT_ADAPTER

LONDON = ZoneInfo("Europe/London")
LAST_DAY = date(2011, 12, 1)  # half-open
HEADER = "invoice,invoice_ts,customer_id,country,is_cancellation,lines,units,amount"
LINES_HEADER = "invoice,stock_code,quantity,invoice_ts,unit_price,customer_id,country"


@pytest.fixture(scope="module")
def folder(shared_dir: Path) -> Path:
    return shared_dir / "data" / "online-retail"


def in_the_90_days(events: list[Event]) -> list[Event]:
    def local_date(event: Event) -> date:
        return datetime.fromisoformat(event["occurred_at"]).astimezone(LONDON).date()

    return [e for e in events if LAST_DAY - timedelta(days=90) <= local_date(e) < LAST_DAY]


def figures(events: list[Event]) -> tuple[int, int, int, Decimal]:
    """(new customers, buyers, orders, revenue before returns) of the 90 days"""
    window = in_the_90_days(events)
    orders = [e for e in window if e["type"] == "purchase"]
    new = sum(e["type"] == "customer-acquired" for e in window)
    revenue = sum((Decimal(e["total"]["amount"]) for e in orders), Decimal(0))
    return new, len({e["customer_id"] for e in orders}), len(orders), revenue


def import_invoices(paths: list[Path], **options: bool) -> tuple[list[Event], list[BadRow], Tally]:
    tally = Tally()
    items = list(read(paths, tally, **options))
    bad = [item for item in items if isinstance(item, BadRow)]
    return [item for item in items if not isinstance(item, BadRow)], bad, tally


def test_published_figures_of_the_90_days_come_out(folder: Path) -> None:
    """973 new customers, 2,840 buyers, 6,265 orders, 3,116,604.40 before returns, 497.4628 per order."""
    events, bad, _ = import_invoices([folder / "invoices.csv.gz"])
    assert not bad
    new, buyers, orders, revenue = figures(events)
    assert (new, buyers, orders, revenue) == (973, 2_840, 6_265, Decimal("3116604.40"))
    assert round(revenue / orders, 4) == Decimal("497.4628")


def test_share_of_repeat_buyers_ever_comes_out(folder: Path) -> None:
    """Of the buyers up to then, 64.2076 % ordered twice or more."""
    events, _, _ = import_invoices([folder / "invoices.csv.gz"])
    orders: dict[str, int] = {}
    for event in events:
        if event["type"] == "purchase" and event["occurred_at"] < LAST_DAY.isoformat():
            orders[event["customer_id"]] = orders.get(event["customer_id"], 0) + 1
    assert round(100 * sum(n >= 2 for n in orders.values()) / len(orders), 4) == 64.2076


def test_orders_of_total_zero_count_when_asked_for(folder: Path) -> None:
    """With them there are 2,841 buyers and 6,267 orders, and the revenue is the same."""
    events, _, tally = import_invoices([folder / "invoices.csv.gz"], zero_totals=True)
    assert figures(events)[1:] == (2_841, 6_267, Decimal("3116604.40"))
    assert "zero-total" not in tally.left_out


def test_every_invoice_is_accounted_for(folder: Path) -> None:
    """Rows = purchases + refunds + left out; nothing vanishes."""
    _, _, tally = import_invoices([folder / "invoices.csv.gz"])
    assert tally.rows == 25_900
    assert tally.left_out == {"no-customer": 3_710, "zero-total": 4}
    assert tally.events == {"purchase": 18_532, "refund": 3_654, "customer-acquired": 4_338}
    assert tally.rows == tally.events["purchase"] + tally.events["refund"] + tally.left_out.total()


def test_events_are_valid_in_order_and_of_distinct_identity(folder: Path) -> None:
    """The contract's models accept them all, with their lines, no event is older than the one before, no id recurs."""
    events, bad, _ = import_invoices([folder / "invoices.csv.gz", folder / "lines.csv.gz"])
    assert not bad
    for event in events:
        EVENT_ADAPTER.validate_python(event)
    instants = [datetime.fromisoformat(event["occurred_at"]) for event in events]
    assert instants == sorted(instants)
    assert len({(event["customer_id"], event["event_id"]) for event in events}) == len(events)


def test_lines_of_a_second_file_add_up_to_the_orders(folder: Path) -> None:
    """Each known order gets all its lines, those stamped a minute later included."""
    events, _, _ = import_invoices([folder / "invoices.csv.gz", folder / "lines.csv.gz"])
    with gzip.open(folder / "invoices.csv.gz", "rt") as file:
        number_of_lines = {row["invoice"]: int(row["lines"]) for row in csv.DictReader(file)}
    for event in events:
        if event["type"] == "purchase":
            assert len(event["lines"]) == number_of_lines[event["order_id"]]
            assert sum(Decimal(line["total"]["amount"]) for line in event["lines"]) == Decimal(event["total"]["amount"])


@pytest.fixture
def invoices(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: str, header: str = HEADER, name: str = "invoices.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join((header, *rows)) + "\n")
        return path

    return write


def test_first_order_acquires_at_the_same_instant_in_local_time(invoices: Callable[..., Path]) -> None:
    """Summer time is seen, and the country becomes its code."""
    events, _, _ = import_invoices([invoices("1,2011-07-01T10:00:00,77,EIRE,false,1,1,5.00")])
    assert [e["type"] for e in events] == ["customer-acquired", "purchase"]
    assert {e["occurred_at"] for e in events} == {"2011-07-01T10:00:00+01:00"}
    assert events[0]["country"] == "IE"


def test_a_cancelled_order_is_a_refund_and_acquires_nobody(invoices: Callable[..., Path]) -> None:
    """Even where it is the first that is heard of a customer; the amount loses its sign."""
    events, _, _ = import_invoices([invoices("C9,2011-01-05T10:00:00,77,Unspecified,true,1,-1,-5.10")])
    assert [(e["type"], e["total"]) for e in events] == [("refund", {"amount": "5.10", "currency": "GBP"})]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("2,yesterday,77,Spain,false,1,1,5.00", "invoice_ts"),
        ("2,2011-01-05T10:00:00+01:00,77,Spain,false,1,1,5.00", "invoice_ts"),
        ("2,2010-12-31T10:00:00,77,Spain,false,1,1,5.00", "invoice_ts"),  # before its predecessor
        ("2,2011-01-05T10:00:00,77,Spain,false,1,1,much", "amount"),
        ("2,2011-01-05T10:00:00,77,Spain,false,1,1,NaN", "amount"),
        ("2,2011-01-05T10:00:00,77,Spain,false,1,1,5.005", "amount"),
        ("2,2011-01-05T10:00:00,77,Spain,false,1,1,-5.00", "amount"),
        ("C2,2011-01-05T10:00:00,77,Spain,true,1,1,5.00", "amount"),
        (",2011-01-05T10:00:00,77,Spain,false,1,1,5.00", "invoice"),
        ("2,2011-01-05T10:00:00", "amount"),  # cut off
    ],
)
def test_a_bad_row_is_an_output_and_the_rest_goes_on(invoices: Callable[..., Path], row: str, field: str) -> None:
    """It says which line of which file, what it held and what was expected."""
    before, after = "1,2011-01-04T09:00:00,5,Spain,false,1,1,1.00", "3,2011-01-06T09:00:00,5,Spain,false,1,1,1.00"
    events, bad, tally = import_invoices([invoices(before, row, after)])
    assert [e.get("order_id") for e in events if e["type"] == "purchase"] == ["1", "3"]
    assert [(b.file, b.line, b.field) for b in bad] == [("invoices.csv", 3, field)]
    assert "line 3" in str(bad[0])
    assert "expected" in str(bad[0])
    assert (tally.rows, tally.bad_rows) == (3, 1)


def test_a_refused_first_order_acquires_nobody(invoices: Callable[..., Path]) -> None:
    """The next order, which is sound, does, and what a tally counts has been emitted."""
    rows = "1,2011-01-04T09:00:00,5,Spain,false,1,1,1.001", "2,2011-01-05T09:00:00,5,Spain,false,1,1,1.00"
    events, _, tally = import_invoices([invoices(*rows)])
    assert [e["event_id"] for e in events] == ["acquired:5", "purchase:2"]
    assert {e["occurred_at"] for e in events} == {"2011-01-05T09:00:00+00:00"}
    assert tally.events.total() == 2


def test_a_bad_line_refuses_its_order_and_names_the_lines_file(invoices: Callable[..., Path]) -> None:
    """An order with half its lines would be wrong without a sign."""
    orders = invoices("1,2011-01-04T09:00:00,5,Spain,false,2,2,3.00")
    lines = invoices(
        "1,A,1,2011-01-04T09:00:00,1.00,5,Spain",
        "1,B,one,2011-01-04T09:01:00,2.00,5,Spain",
        header=LINES_HEADER,
        name="lines.csv",
    )
    events, bad, _ = import_invoices([orders, lines])
    assert not events
    assert [(b.file, b.line, b.field, b.got) for b in bad] == [("lines.csv", 3, "quantity", "one")]


def test_a_file_without_the_columns_is_refused_at_once(invoices: Callable[..., Path]) -> None:
    """Nothing of such a file can be trusted."""
    with pytest.raises(BadRow, match="a header with the columns"):
        import_invoices([invoices(header="id,when,who")])


def test_the_registry_refuses_a_wrong_number_of_files_and_one_that_is_not_there(tmp_path: Path) -> None:
    """Before anything is read, with the files that the importer takes."""
    importer = IMPORTERS["online-retail"]
    with pytest.raises(ValueError, match=r"takes the files invoices.csv\[.gz\] \[lines.csv\[.gz\]\], got 0 files"):
        importer.check_files([])
    with pytest.raises(FileNotFoundError, match="does not exist"):
        importer.check_files([tmp_path / "absent.csv"])
