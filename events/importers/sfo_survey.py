"""Passenger interviews at San Francisco airport, May 2017, as survey responses.

Real answers with published results (NPS +39.84, 82.07 % satisfied), for checking what the engine makes of surveys.
The file has dates only: every interview is put at noon of its day, America/Los_Angeles, which is the same date in
every reporting time zone from UTC-12 to UTC+4. Nobody is known by name, so each interview is a customer of its own.
The weights, which correct for who was asked, are left aside: the contract counts every response once.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from .cells import whole
from .source_rows import BadRow, Event, Importer, Tally, take_rows

SOURCE = "sfo-survey"
ZONE = ZoneInfo("America/Los_Angeles")
NOON = time(12, tzinfo=ZONE)
COLUMNS = ("year", "respnum", "interview_date", "netpro", "q7all")


def read(paths: Sequence[Path], tally: Tally) -> Iterator[Event | BadRow]:
    """Yield the responses by day and interview number: `netpro` as nps, `q7all` as csat on a scale of 5.

    The file isn't sorted by date, so its few thousand interviews are held until all are read; bad rows come first.

    Args:
        paths: the one file.
        tally: counts rows, events and what was left out: questions not answered, `netpro` and `q7all`.
    """
    interviews: list[tuple[date, int, list[Event]]] = []
    yield from take_rows(paths[0], COLUMNS, tally, lambda row: interviews.append(_interview(row, tally)))
    interviews.sort(key=lambda interview: interview[:2])
    for _, _, responses in interviews:
        tally.events["survey-response"] += len(responses)
        yield from responses


SFO_SURVEY = Importer(
    name="sfo-survey",
    summary="passenger interviews at San Francisco airport, May 2017 (DataSF)",
    files=("nps_csat_2017.csv[.gz]",),
    read=read,
)


def _interview(row: dict[str, str], tally: Tally) -> tuple[date, int, list[Event]]:
    try:
        day = date.fromisoformat(row["interview_date"])
    except ValueError:
        raise BadRow(0, "interview_date", row["interview_date"], "a date like 2017-05-13") from None
    number = whole(row, "respnum", range(1, 1_000_000))
    year = whole(row, "year", range(1970, 2100))
    netpro = whole(row, "netpro", range(11)) if row["netpro"] else None
    q7all = whole(row, "q7all", range(1, 6)) if row["q7all"] else None

    customer_id = f"sfo-{year}-{number}"
    occurred_at = datetime.combine(day, NOON).isoformat()
    responses: list[Event] = []
    for survey, score in (("nps", netpro), ("csat", q7all)):
        if score is None:
            tally.left_out["netpro" if survey == "nps" else "q7all"] += 1
            continue
        response: Event = {
            "type": "survey-response",
            "event_id": f"survey:{survey}:{customer_id}",
            "customer_id": customer_id,
            "occurred_at": occurred_at,
            "source": SOURCE,
            "survey": survey,
            "score": score,
        }
        if survey == "csat":
            response["scale"] = 5
        responses.append(response)
    return day, number, responses
