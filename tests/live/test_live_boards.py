"""Every panel of every board on a real Prometheus that scrapes a real worker: none is empty, none says too much.

What a board shows is held to the worker's own document: a KPI has a line exactly where it has a value, in each window
and slice that the drop-downs offer.
"""

from __future__ import annotations

import itertools
import json
import re
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deployment import Deployment, WorkerProcess, eventually
from flow import publish

from events.simulator import Simulator, SimulatorConfig
from metrics import names
from metrics.catalogue import BREAKDOWNS, CATALOGUE
from metrics.delivery import scraping
from metrics.names import ALL, metric_name
from streams.services import ApacheKafka, Prometheus

BOARDS = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).resolve().parents[2] / "grafana/dashboards/en").glob("*.json"))
}
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in board["panels"] if panel.get("targets")]
VARIABLES = {variable["name"]: variable for variable in BOARDS["overview"]["templating"]["list"]}
GAUGES = {metric_name(kpi, "EUR"): kpi.id for kpi in CATALOGUE}
DEFAULTS = {"job": "tapesh", "window": "30d", "slice": ALL, "value": ".+", "__rate_interval": "30s"}
NOT_CONFIGURED = {
    *("Redis", "Customer profiles written", "Customer profiles waiting"),
    *("Events over HTTP", "Refused over HTTP"),
}
OF_BANDS = re.compile(rf'{names.TENURE}="[^"]+"')
"""Asks for one band of tenure, of several in one panel: nobody may be in it."""
TARGETS = {"revenue": {"month": 10_000}, "churn_rate": {"month": 0.02}}
OPENED = datetime(2026, 2, 1, tzinfo=UTC)
DAYS = 60


@dataclass(frozen=True, slots=True)
class Shop:
    """A worker that has counted a shop's past, its document, and the Prometheus that scrapes it."""

    worker: WorkerProcess
    document: dict[str, Any]
    prometheus: Prometheus

    def query(self, expr: str) -> list[dict]:
        return self._asked("query", {"query": expr})["result"]

    def offered(self, name: str, **choice: str) -> list[str]:
        """What a drop-down offers."""
        selected, label = re.fullmatch(r"label_values\((.*), (\w+)\)", VARIABLES[name]["query"]).groups()
        return self._asked(f"label/{label}/values", {"match[]": chosen(selected, **choice)})

    def _asked(self, page: str, arguments: dict[str, str]) -> Any:
        url = f"{self.prometheus.endpoint}/api/v1/{page}?{urllib.parse.urlencode(arguments)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]


def chosen(expr: str, **choice: str) -> str:
    """A query as Grafana sends it: variables replaced by what is chosen, first of all the defaults."""
    for name, value in (DEFAULTS | choice).items():
        expr = expr.replace(f"${name}", value)
    assert "$" not in expr
    return expr


@pytest.fixture(scope="module")
def shop(kafka: ApacheKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop of two months, counted; its clock is the events' own and stands still from then on."""
    events = Simulator(SimulatorConfig(customers=300, purchases_per_day=0.2, daily_hazard=0.004)).events(
        OPENED, OPENED + timedelta(days=DAYS)
    )
    lines = [json.dumps(event).encode() for event in events]
    options = {"clock": "event", "targets": json.dumps(TARGETS)}
    prefix = f"t{uuid.uuid4().hex[:10]}-"
    with Deployment(kafka.bootstrap, prefix, tmp_path_factory.mktemp("boards"), options) as live:
        worker = live.start()
        live.ready()
        publish(live, lines)
        last = max(line_at(line) for line in lines)
        document = eventually("all counted", lambda: counted(worker, last, len(lines)), 120)
        config = scraping()
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        (job,) = config["scrape_configs"]
        del job["dns_sd_configs"]
        files = {"targets/workers.yml": json.dumps([{"targets": [f"127.0.0.1:{worker.port}"]}])}
        files["targets/alertmanagers.yml"] = "[]"
        if (missing := Prometheus.missing()) is not None:
            pytest.skip(str(missing))
        with Prometheus(json.dumps(config), files=files) as prometheus:
            made = Shop(worker, document, prometheus)
            eventually("scraped", lambda: made.query(f"count_over_time({names.ALERT_OBSERVED}[1m]) >= 3"))
            eventually("breakdowns scraped", lambda: made.query(f"count_over_time({names.SURVIVAL}[1m]) >= 3"))
            yield made


def line_at(line: bytes) -> datetime:
    return datetime.fromisoformat(json.loads(line)["occurred_at"])


def counted(worker: WorkerProcess, last: datetime, count: int) -> dict[str, Any] | None:
    document = worker.kpis()
    if not document.get("windows") or document["unknown"] or document.get("slices_now") != document["now"]:
        return None
    if not document["cohorts"] or document["cohorts"]["now"] != document["now"]:
        return None
    seen = sum(value for (name, _), value in worker.metrics().items() if name == names.EVENTS)
    return document if seen >= count and datetime.fromisoformat(document["now"]) >= last else None


def values_of(document: dict[str, Any], window: str, attribute: str, kpi: str) -> bool:
    """Whether a KPI has any value there."""
    cells = [document["windows"]] if attribute == ALL else document["slices"][attribute].values()
    found = [cell.get(window, {}).get(kpi) for cell in cells]
    return any(any(v is not None for v in one.values()) if isinstance(one, dict) else one is not None for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
def test_no_panel_is_empty(shop: Shop, board: str) -> None:
    """With the drop-downs as they stand when the board is opened; one that nothing feeds says what to configure."""
    empty = set()
    for _, panel in (each for each in PANELS if each[0] == board):
        asked = [target["expr"] for target in panel["targets"] if target["refId"] != "U"]
        answered = [bool(shop.query(chosen(expr))) for expr in asked]
        if not (any(answered) if all(map(OF_BANDS.search, asked)) else all(answered)):
            empty.add(panel["title"])
    assert empty <= NOT_CONFIGURED


@pytest.mark.slow
def test_kpis_have_lines_exactly_where_they_have_values(shop: Shop) -> None:
    """In every window and slice that the drop-downs offer; what is undefined has no line, and no zero."""
    windows, attributes = shop.offered("window"), shop.offered("slice")
    assert set(windows) == set(shop.document["windows"])
    assert set(attributes) == {ALL, *shop.document["slices"]}
    places = {(window, ALL) for window in windows} | {("30d", attribute) for attribute in attributes}
    asked = [target["expr"] for _, panel in PANELS for target in panel["targets"] if "$window" in target["expr"]]
    exprs = {expr for expr in asked if not OF_BANDS.search(expr)}
    wrong = []
    for expr, (window, attribute) in itertools.product(sorted(exprs), sorted(places)):
        kpis = {GAUGES[name] for name in re.findall(r"tapesh_\w+", expr)}
        want = all(values_of(shop.document, window, attribute, kpi) for kpi in kpis)
        if bool(shop.query(chosen(expr, window=window, slice=attribute))) is not want:
            wrong.append((sorted(kpis), window, attribute, "expected a value" if want else "expected none"))
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("window", ["24h", "30d", "month", "lifetime"])
def test_bands_have_bars_exactly_where_they_have_values(shop: Shop, window: str) -> None:
    """A band in which nobody was at risk has no rate, and no bar; over the lifetime there is no start."""
    tenure = shop.document["tenure"]
    for breakdown in (one for one in BREAKDOWNS if one.windows):
        told = tenure["windows"][window].get(breakdown.id, {})
        wanted = {band: value for band, value in told.items() if value is not None}
        series = shop.query(f'{breakdown.gauge}{{{names.WINDOW}="{window}"}}')
        assert {one["metric"][names.TENURE]: float(one["value"][1]) for one in series} == wanted


@pytest.mark.slow
def test_the_heat_map_holds_the_documents_cohorts(shop: Shop) -> None:
    """Each month's size, what was left of it at the end of each later month, and what is left now."""
    (expr,) = {t["expr"] for _, panel in PANELS for t in panel["targets"] if names.COHORT_RETENTION in t["expr"]}
    got = {tuple(one["metric"].values()): float(one["value"][1]) for one in shop.query(chosen(expr))}
    wanted = {}
    for row in (row for row in shop.document["cohorts"]["months"] if row["acquired"]):
        wanted[row["cohort"], "#"] = row["acquired"]
        wanted |= {(row["cohort"], f"{months:02}"): share for months, share in enumerate(row["retention"])}
        wanted[row["cohort"], "now"] = row["so_far"]["retention"]
    assert got == wanted
    assert len(got) > 5


@pytest.mark.slow
def test_every_value_of_every_slice_can_be_chosen(shop: Shop) -> None:
    """Each has one line of its own, and everybody isn't among them."""
    (expr,) = {t["expr"] for _, panel in PANELS for t in panel["targets"] if "tapesh_customers_ever" in t["expr"]} - {
        ""
    }
    for attribute, cells in shop.document["slices"].items():
        offered = shop.offered("value", slice=attribute)
        assert set(offered) == set(cells)
        for value in offered:
            (series,) = shop.query(chosen(expr, slice=attribute, value=re.escape(value)))
            assert series["metric"] == {"value": value}
            assert float(series["value"][1]) == cells[value]["30d"]["customers_ever"]


@pytest.mark.slow
def test_drop_downs_offer_their_defaults(shop: Shop) -> None:
    """What a board opens with is among what can be chosen."""
    for name in ("job", "window", "slice"):
        assert VARIABLES[name]["current"]["value"] in shop.offered(name)
