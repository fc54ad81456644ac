"""Boards are whole: each panel says what it shows, in which unit, from which source, and has a place of its own."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
from grafana_foundation_sdk.models import units

from metrics import names
from metrics.breakdown import BANDS
from metrics.catalogue import BREAKDOWNS, BY_ID, CATALOGUE
from metrics.dashboards import LANGUAGES, boards, grafana_unit
from metrics.delivery import BOARD_FOLDERS, DATASOURCE_UID
from metrics.economics import Target
from metrics.names import metric_name

FOLDER = Path(__file__).resolve().parents[2] / "grafana/dashboards"
BOARDS = {path.relative_to(FOLDER).as_posix(): json.loads(path.read_text()) for path in sorted(FOLDER.glob("*/*.json"))}
IDS = ("acquisition", "churn", "engine", "overview", "revenue", "satisfaction")
UNITS = {value for value in vars(units).values() if isinstance(value, str)}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
PERSIAN = re.compile("[\u0600-\u06ff]")
NOT_SHOWN = {
    names.LAST_EVENT: "the same by source is more telling",
    names.LOOP_HELD: "by its buckets",
    **dict.fromkeys(
        (names.TARGET_EXPECTED, names.TARGET_FORECAST, names.TARGET_NEEDED, names.TARGET_ELAPSED),
        "in as many units as there are KPIs; `tapesh targets` shows them side by side",
    ),
    **dict.fromkeys(
        (names.ALERT_P_VALUE, names.ALERT_ALPHA, names.ALERT_NEEDED, names.ALERT_BASE, names.ALERT_ON, names.ALERT_END),
        "evidence, which the alert itself carries",
    ),
    **dict.fromkeys(
        (names.COHORT_RETAINED, names.AT_RISK_BY_TENURE, names.CHURNED_BY_TENURE),
        "what a share that is shown was divided out of",
    ),
    **dict.fromkeys((names.ALERT_SINCE, names.ALERT_PART), "while an alert lasts only, and in its text"),
    **dict.fromkeys(
        (names.SURVEY_ANSWERS, names.SURVEY_SCORE, names.SURVEY_UPPER, names.SURVEY_REFERENCE),
        "in as many units as there are scores; the alert carries them, and `/kpis`",
    ),
}


def panels(board: dict, *, with_query: bool = True) -> list[dict]:
    """A board's panels, without headings."""
    found = [panel for panel in board["panels"] if panel["type"] != "row"]
    return [panel for panel in found if panel["type"] != "text" or not with_query]


ALL = [
    pytest.param(panel, id=f"{name}-{panel['id']}-{panel['title']}")
    for name, board in BOARDS.items()
    for panel in panels(board)
]


def test_every_language_has_every_board():
    """Under uids that never change, so that links and bookmarks keep working."""
    uids = {name: board["uid"] for name, board in BOARDS.items()}
    wanted = {f"en/{board}.json": f"tapesh-{board}" for board in (*IDS, "runbook")}
    assert uids == wanted | {f"fa/{board}.json": f"tapesh-{board}-fa" for board in IDS}
    assert set(LANGUAGES) == set(BOARD_FOLDERS)


@pytest.mark.parametrize("name", BOARDS)
def test_boards_are_changed_in_the_repository_only(name):
    """Nobody edits in the browser what the next start overwrites."""
    board = BOARDS[name]
    assert (board["schemaVersion"], board["editable"]) == (41, False)
    assert board["title"]
    assert board["description"]


@pytest.mark.parametrize("board", IDS)
def test_languages_differ_in_words_only(board):
    """The same panels in the same places ask the same; titles and descriptions are in the board's language."""
    english, persian = BOARDS[f"en/{board}.json"], BOARDS[f"fa/{board}.json"]
    for here, there in itertools.zip_longest(english["panels"], persian["panels"]):
        assert here["gridPos"] == there["gridPos"]
        asked = [[re.sub(r'"(none|هیچ)"', "", t["expr"]) for t in each.get("targets", ())] for each in (here, there)]
        assert asked[0] == asked[1]
        assert not PERSIAN.search(here["title"] + here.get("description", ""))
        assert PERSIAN.search(there["title"])
        assert there["type"] == "row" or PERSIAN.search(there["description"])


@pytest.mark.parametrize("board", IDS)
def test_drop_downs_are_the_same_on_every_board(board):
    """What was chosen on one board is kept on the way to the next; the engine has no windows."""
    variables = {variable["name"]: variable for variable in BOARDS[f"en/{board}.json"]["templating"]["list"]}
    chosen = [] if board == "engine" else ["window", "slice", "value"]
    assert list(variables) == ["datasource", "job", *chosen]
    assert variables["datasource"]["current"]["value"] == DATASOURCE_UID
    assert all(variables[name]["datasource"] == SOURCE for name in ("job", *chosen))


@pytest.mark.parametrize("name", BOARDS)
def test_links_lead_somewhere(name):
    """To the other boards, the other language and the runbook, with the time and the choice."""
    tagged = [set(board["tags"]) for board in BOARDS.values()]
    links = BOARDS[name]["links"]
    assert {tag for link in links for tag in link["tags"]} == {"tapesh-en", "tapesh-fa", "tapesh-runbook"}
    for link in links:
        assert any(set(link["tags"]) <= tags for tags in tagged)
        assert link["includeVars"]
        assert link["keepTime"]


@pytest.mark.parametrize("board", IDS)
def test_alerts_are_marked_in_time(board):
    """From the series that Prometheus itself writes; one that always fires, for machines, isn't among them."""
    (marks,) = BOARDS[f"en/{board}.json"]["annotations"]["list"]
    assert marks["datasource"] == SOURCE
    assert 'severity!="none"' in marks["expr"]


@pytest.mark.parametrize("panel", ALL)
def test_every_panel_is_whole(panel):
    """It says what it shows, in which unit, from the source that was chosen, and what an empty place means."""
    assert panel["title"]
    assert len(panel["description"]) > 10
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"] in UNITS or defaults["unit"].startswith("suffix: ")
    assert defaults["noValue"]
    assert panel["datasource"] == SOURCE
    refs = [target["refId"] for target in panel["targets"] if target["refId"] != "U"]
    assert refs == list("ABCDEF"[: len(refs)])
    for target in panel["targets"]:
        assert target["datasource"] == SOURCE
        assert "$job" in target["expr"] or "ALERTS" in target["expr"]
        assert re.findall(r"\[(.*?)\]", target["expr"]) in ([], ["$__rate_interval"])
        assert bool(target.get("instant")) is (panel["type"] != "timeseries"), (
            "a number is of now, never the last known"
        )


@pytest.mark.parametrize("panel", ALL)
def test_no_limit_is_invented(panel):
    """Grafana paints what has no limits red from 80 on, so each panel says its own: of 0, of 1, or none."""
    first, *rest = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert first["value"] is None
    assert [step["value"] for step in rest] in ([], [1])
    if rest and "tapesh_target_attainment_ratio" not in panel["targets"][0]["expr"]:
        assert {first["color"], rest[0]["color"]} == {"green", "red"}
        assert not re.search(r"_ratio|_eur|_score", panel["targets"][0]["expr"])


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_numbers_and_places_of_their_own(name):
    """Two panels of one number show the same; two in one place hide each other; each line is full."""
    board = BOARDS[name]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    covered = [
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(covered)) == len(covered)
    high = max(y for _, y in covered) + 1
    assert set(covered) == set(itertools.product(range(24), range(high)))


@pytest.mark.parametrize("name", BOARDS)
def test_titles_are_told_apart(name):
    """Two of one kind and title are taken for each other; a number of now and its line over time aren't."""
    titles = [(panel["type"], panel["title"]) for panel in panels(BOARDS[name])]
    assert len(set(titles)) == len(titles)


def test_every_kpi_is_on_a_board():
    """What is measured is seen."""
    asked = " ".join(target["expr"] for board in BOARDS.values() for p in panels(board) for target in p["targets"])
    assert [kpi.id for kpi in CATALOGUE if metric_name(kpi, "EUR") not in asked] == []


def test_everything_that_the_engine_says_of_itself_is_on_a_board():
    """Or it is said above why not."""
    asked = " ".join(target["expr"] for board in BOARDS.values() for p in panels(board) for target in p["targets"])
    known = {value for value in vars(names).values() if isinstance(value, str) and value.startswith("tapesh_")}
    assert {name for name in known if not re.search(rf"{name}\b", asked)} == set(NOT_SHOWN)


def test_a_panel_of_one_kpi_says_what_the_catalogue_says():
    """Title, meaning, direction and unit are written once, in both languages."""
    for language, direction in (("en", "Lower is better."), ("fa", "هرچه کمتر، بهتر.")):
        kpi = BY_ID["churn_rate"]
        (panel,) = (p for p in panels(BOARDS[f"{language}/overview.json"]) if _shows_alone(p, kpi.id, "timeseries"))
        assert panel["title"] == getattr(kpi.title, language)
        assert panel["description"] == f"{getattr(kpi.meaning, language)} {direction}"
        assert panel["fieldConfig"]["defaults"]["unit"] == grafana_unit(kpi.unit, "EUR")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_panel_of_a_breakdown_says_what_its_declaration_says(language):
    """Title and meaning, in both languages; that no slice is looked at; and each band under its own name, in order."""
    board = panels(BOARDS[f"{language}/churn.json"])
    shown = {"cohort_retention", "churn_rate_by_tenure", "lost_by_tenure", "active_by_tenure", "survival"}
    for breakdown in (one for one in BREAKDOWNS if one.id in shown):
        (panel,) = (p for p in board if breakdown.gauge + "{" in p["targets"][0]["expr"])
        assert panel["title"] == getattr(breakdown.title, language)
        assert panel["description"].startswith(getattr(breakdown.meaning, language))
        assert ("Everybody's" if language == "en" else "برای همهٔ مشتریان") in panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"] == grafana_unit(breakdown.unit, "EUR")
        if len(panel["targets"]) > 1:
            legends = [target["legendFormat"].strip("\u2067\u2069") for target in panel["targets"]]
            assert legends == [getattr(band.title, language) for band in BANDS]


def test_panels_of_kpis_ask_why_they_are_unknown():
    """A gap that says nothing is taken for a zero or a broken board."""
    gauges = {metric_name(kpi, "EUR"): kpi.id for kpi in CATALOGUE if kpi.id != "target_attainment"}
    for panel in itertools.chain.from_iterable(map(panels, BOARDS.values())):
        asked = [target["expr"] for target in panel["targets"] if target["refId"] != "U"]
        shown = {name for expr in asked for name in re.findall(r"tapesh_\w+", expr)} & set(gauges)
        why = [target["expr"] for target in panel["targets"] if target["refId"] == "U"]
        assert bool(why) is bool(shown)
        for name in shown:
            assert re.search(rf'kpi=~".*\b{gauges[name]}\b', why[0])


def test_a_target_is_a_limit_in_its_window_and_on_the_good_side():
    """Over its target revenue is green, churn is not; each in the window that the target is for, for everybody."""
    targets = [Target("revenue", "year", 2_000_000), Target("churn_rate", "month", 0.02)]
    board = boards("EUR", "", targets)["en/overview.json"]
    revenue, churn = (p for p in panels(board) if p["title"] in ("Revenue (year)", "Churn rate (month)"))
    for panel, window, value, colours in (
        (revenue, "year", 2_000_000, ["orange", "green"]),
        (churn, "month", 0.02, ["green", "orange"]),
    ):
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert [step["value"] for step in steps] == [None, value]
        assert [step["color"] for step in steps] == colours
        assert f'window="{window}", slice="all", value="all"' in panel["targets"][0]["expr"]


def test_the_runbook_is_a_board():
    """Its text is the page's, and nothing in it is taken for a variable."""
    board = BOARDS["en/runbook.json"]
    (page,) = panels(board, with_query=False)
    assert page["options"]["content"] == (FOLDER.parents[1] / "docs/runbook.md").read_text()
    assert board["templating"]["list"] == []


def _shows_alone(panel: dict, kpi_id: str, kind: str) -> bool:
    asked = [target["expr"] for target in panel["targets"] if target["refId"] != "U"]
    return panel["type"] == kind and len(asked) == 1 and metric_name(BY_ID[kpi_id], "EUR") + "{" in asked[0]
