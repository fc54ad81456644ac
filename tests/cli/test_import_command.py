"""`tapesh import`: known data sets become events that the other commands take."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from streams.cli import imports


@pytest.fixture
def survey(shared_dir) -> str:
    return str(shared_dir / "data" / "sfo-survey" / "nps_csat_2017.csv")


def test_a_survey_goes_through_import_and_compute(tapesh, survey):
    """2,746 passengers: NPS +39.84, and 82.07 % are satisfied."""
    result = tapesh("import", "sfo-survey", survey, "-o", "events.ndjson")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "2,831 rows: 5,434 events (5,434 survey-response); 0 bad rows" in result.stderr
    lifetime = json.loads(tapesh("compute", "events.ndjson", "--json").stdout)["windows"]["lifetime"]
    assert round(lifetime["nps"], 2) == 39.84
    assert round(100 * lifetime["csat"], 2) == 82.07


def test_a_shop_goes_through_import_and_compute(tapesh, shared_dir, monkeypatch):
    """Ninety days of a gift shop, local dates: 973 new customers, 6,265 orders of 2,840 buyers."""
    monkeypatch.setenv("TAPESH_CURRENCY", "GBP")
    monkeypatch.setenv("TAPESH_TIMEZONE", "Europe/London")
    folder = shared_dir / "data" / "online-retail"
    tapesh("import", "online-retail", str(folder / "invoices.csv.gz"), "-o", "events.ndjson.gz")
    with gzip.open("events.ndjson.gz") as events:
        assert json.loads(next(events))["type"]
    result = tapesh("compute", "events.ndjson.gz", "--now", "2011-11-30T23:59:59.999Z", "--json")
    last_90d = json.loads(result.stdout)["windows"]["90d"]
    assert {kpi: last_90d[kpi] for kpi in ("new_customers", "buyers", "orders")} == {
        "new_customers": 973,
        "buyers": 2_840,
        "orders": 6_265,
    }


def test_events_go_to_standard_output_alone(tapesh, survey):
    """So that they can be piped into `tapesh produce`."""
    result = tapesh("import", "sfo-survey", survey)
    assert {json.loads(line)["type"] for line in result.stdout.splitlines()} == {"survey-response"}


def test_a_bad_row_is_named_and_left_out_or_stops_it(tapesh, survey):
    """A file that isn't complete doesn't get its name."""
    lines = Path(survey).read_text().splitlines()
    broken = lines[1].split(",")
    column = next(n for n, name in enumerate(lines[0].split(",")) if "netpro" in name.lower())
    broken[column] = "eleven"
    Path("survey.csv").write_text("\n".join([lines[0], ",".join(broken), *lines[2:5]]) + "\n")
    result = tapesh("import", "sfo-survey", "survey.csv", "-o", "events.ndjson")
    assert result.exit_code == 0
    assert "survey.csv line 2:" in result.stderr
    assert "'eleven'" in result.stderr
    assert "1 bad rows" in result.stderr
    result = tapesh("import", "sfo-survey", "survey.csv", "-o", "stopped.ndjson", "--on-error", "stop")
    assert result.exit_code == 1
    assert "stopped at the first bad row" in result.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["events.ndjson", "survey.csv"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sfo"], "got 'sfo', expected one of: cdnow, complete-journey, csv, olist, online-retail, sfo-survey, telco"),
        (["sfo-survey"], "takes the files nps_csat_2017.csv[.gz], got 0 files"),
        (["sfo-survey", "nowhere.csv"], "file 'nowhere.csv' does not exist"),
        (["csv", "rows.csv"], "importer 'csv' needs a mapping file (--mapping)"),
        (["sfo-survey", "rows.csv", "--mapping", "m.toml"], "importer 'sfo-survey' takes no mapping file"),
    ],
)
def test_a_wrong_call_is_told(tapesh, arguments, said):
    """With what was expected."""
    result = tapesh("import", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_any_file_goes_through_import_and_compute_by_a_mapping(tapesh):
    """A till's lines, with a mapping of four columns."""
    Path("rows.csv").write_text("no,who,at,sum\n1,ana,2026-06-01T10:00:00+00:00,10.00\n2,rui,2026-06-02,5.50\n")
    fields = 'customer_id = "who", occurred_at = "at", order_id = "no", "total.amount" = "sum"'
    constants = '"total.currency" = "EUR"'
    mapping = f'[[event]]\ntype = "purchase"\nfields = {{ {fields} }}\nconstants = {{ {constants} }}\n'
    Path("mapping.toml").write_text(mapping)
    result = tapesh("import", "csv", "rows.csv", "--mapping", "mapping.toml", "-o", "events.ndjson")
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    lifetime = json.loads(tapesh("compute", "events.ndjson", "--json").stdout)["windows"]["lifetime"]
    assert (lifetime["orders"], lifetime["revenue"], lifetime["buyers"]) == (2, 15.5, 2)


def test_another_file_is_refused_by_its_header(tapesh):
    """Nothing of it can be trusted."""
    Path("other.csv").write_text("a,b\n1,2\n")
    result = tapesh("import", "sfo-survey", "other.csv")
    assert result.exit_code == 1
    assert "other.csv line 1:" in result.stderr


def test_a_place_that_cannot_be_written_is_named(tapesh, survey):
    """Not the file that was half written."""
    result = tapesh("import", "sfo-survey", survey, "-o", "no-such-folder/events.ndjson")
    assert result.exit_code == 1
    assert "no-such-folder/events.ndjson: can't be written: No such file or directory" in result.stderr


def test_the_data_sets_are_listed_and_completed(tapesh):
    """With the files that each takes."""
    assert "online-retail invoices.csv[.gz]" in tapesh("import", "list").stdout
    assert [name for name, _ in imports._known("sfo")] == ["sfo-survey"]
