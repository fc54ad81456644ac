"""The airport's survey gives its published results."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from events.importers import IMPORTERS, BadRow, Event, Tally
from events.models import EVENT_ADAPTER

read = IMPORTERS["sfo-survey"].read


@pytest.fixture(scope="module")
def imported(shared_dir: Path) -> tuple[list[Event], Tally]:
    tally = Tally()
    events = []
    for item in read([shared_dir / "data" / "sfo-survey" / "nps_csat_2017.csv"], tally):
        assert not isinstance(item, BadRow)
        events.append(item)
    return events, tally


def test_published_results_come_out(imported: tuple[list[Event], Tally]) -> None:
    """1,436 promoters, 968 passives, 342 detractors: NPS +39.84; 82.07 % of 2,688 are satisfied."""
    events, _ = imported
    scores = [e["score"] for e in events if e["survey"] == "nps"]
    promoters, detractors = sum(s >= 9 for s in scores), sum(s <= 6 for s in scores)
    assert (promoters, len(scores) - promoters - detractors, detractors) == (1_436, 968, 342)
    assert round(100 * (promoters - detractors) / len(scores), 2) == 39.84
    satisfied = [e["score"] >= 4 for e in events if e["survey"] == "csat"]
    assert len(satisfied) == 2_688
    assert round(100 * sum(satisfied) / len(satisfied), 2) == 82.07


def test_questions_not_answered_are_counted_and_left_out(imported: tuple[list[Event], Tally]) -> None:
    """Two questions per interview: answered or left out."""
    events, tally = imported
    assert tally.rows == 2_831
    assert tally.left_out == {"netpro": 85, "q7all": 143}
    assert len(events) + tally.left_out.total() == 2 * tally.rows


def test_events_are_valid_in_order_and_at_local_noon(imported: tuple[list[Event], Tally]) -> None:
    """Dates are put at noon in San Francisco; each interview is somebody of its own."""
    events, _ = imported
    for event in events:
        EVENT_ADAPTER.validate_python(event)
    instants = [datetime.fromisoformat(e["occurred_at"]) for e in events]
    assert instants == sorted(instants)
    local = [i.astimezone(ZoneInfo("America/Los_Angeles")) for i in instants]
    assert {i.hour for i in local} == {12}
    assert (local[0].date(), local[-1].date()) == (date(2017, 5, 5), date(2017, 5, 30))
    assert len({(e["customer_id"], e["event_id"]) for e in events}) == len(events)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("2017,1,May 5,,9,4,1.0", "interview_date"),
        ("2017,x,2017-05-05,,9,4,1.0", "respnum"),
        ("2017,1,2017-05-05,,11,4,1.0", "netpro"),
        ("2017,1,2017-05-05,,9,0,1.0", "q7all"),
        ("2017,1,2017-05-05,,9.5,4,1.0", "netpro"),
    ],
)
def test_a_bad_interview_is_an_output(tmp_path: Path, row: str, field: str) -> None:
    """With line, column, and what was expected; the others go on, and no answer of a bad row is counted."""
    path = tmp_path / "survey.csv"
    path.write_text(f"year,respnum,interview_date,dep_time,netpro,q7all,weight\n{row}\n2017,2,2017-05-06,,,5,1.0\n")
    tally = Tally()
    bad, *events = read([path], tally)
    assert isinstance(bad, BadRow)
    assert (bad.file, bad.line, bad.field) == ("survey.csv", 2, field)
    assert [e["score"] for e in events if not isinstance(e, BadRow)] == [5]
    assert tally.bad_rows == 1
    assert tally.left_out == {"netpro": 1}
