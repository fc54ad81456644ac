"""The mounted files on the real programs: what the engine exports reaches a board, a rule, and a person.

Prometheus reads `grafana/prometheus` as it is; only the addresses under `targets/` are the test's own. A small web
server stands for a worker and serves what the exporter makes of a snapshot.
"""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from metrics import names
from metrics.catalogue import BY_ID, CATALOGUE
from metrics.delivery import alertmanager as alertmanager_config
from metrics.evaluate import CellSums, Economics, Frame, Snapshot, Window, evaluate
from metrics.exporter import render
from metrics.names import metric_name
from streams.services import Alertmanager, Prometheus

ROOT = Path(__file__).resolve().parents[2]
MOUNTED = ROOT / "grafana" / "prometheus"
PROMETHEUS_YML = (MOUNTED / "prometheus.yml").read_text()
NOW = 1_781_530_640_250
DAY = 86_400_000


def shop(lost: int) -> Snapshot:
    """A thousand customers a month ago, so many of them gone since, in two channels."""
    frame = Frame(
        NOW,
        (
            Window("30d", "rolling", NOW - 30 * DAY, 30.0),
            Window("365d", "rolling", NOW - 365 * DAY, 365.0),
            Window("lifetime", "lifetime", None, None),
        ),
    )
    month = {
        "opened": 50,
        "acquired": 50,
        "closed": lost,
        "leads": 80,
        "leads_converted": 20,
        "orders": 400,
        "gross_minor": 2_000_000,
        "buyers": 180,
        "nps_promoters": 90,
        "nps_passives": 70,
        "nps_detractors": 40,
        "csat_responses": 10,
        "csat_satisfied": 8,
        "acquisition_spend_minor": 100_000,
    }
    ever = month | {"opened": 1_050, "acquired": 1_050}
    reasons = {"closed_by_reason": {"price": lost}}
    sums = {"30d": CellSums(month, reasons), "365d": CellSums(month, reasons), "lifetime": CellSums(ever, reasons)}
    return evaluate(frame, {None: sums, ("channel", "web"): sums, ("channel", "app"): sums}, Economics("EUR", 1.0, 5.0))


class Exports:
    """What a worker's /metrics answers: the KPIs of a snapshot and the engine's own metrics."""

    def __init__(self) -> None:
        self.unknown: Mapping[str, str] = {}
        self.lost = 100
        self.began = time.monotonic()

    def exposition(self) -> bytes:
        """As a worker joins them."""
        counted = int((time.monotonic() - self.began) * 100)
        own = {
            f'{names.EVENTS}{{type="purchase"}}': counted,
            f'{names.EVENTS_REJECTED}{{reason="schema"}}': counted // 1_000,
            names.EVENT_LAG: 0.4,
            names.SNAPSHOT_AGE: 0.5,
            names.BOOKS_RESIDUAL: 0,
            names.REDIS_UP: 1,
        }
        if not self.unknown:  # a churn page over six hours: 40 left, 8.2 were expected
            place = f'{names.ALERT}="churn",{names.TIER}="6h"'
            for span, observed, expected in (("long", 40, 8.25), ("short", 4, 0.5)):
                own[f'{names.ALERT_OBSERVED}{{{place},{names.SPAN}="{span}"}}'] = observed
                own[f'{names.ALERT_EXPECTED}{{{place},{names.SPAN}="{span}"}}'] = expected
            for name, value in ((names.ALERT_P_VALUE, 1e-10), (names.ALERT_ALPHA, 1e-4), (names.ALERT_NEEDED, 33)):
                own[f"{name}{{{place}}}"] = value
            own[f"{names.ALERT_BASE}{{{place}}}"] = 50_000
            own[f"{names.ALERT_END}{{{place}}}"] = 0
        text = "".join(f"{name} {value}\n" for name, value in own.items())
        return render(shop(self.lost), self.unknown, "EUR") + text.encode()


@contextmanager
def served(answer: Callable[[str, bytes], bytes]) -> Iterator[int]:
    """A web server on a free port that answers (path, body) with text, while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer(self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_arguments: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def mounted(worker: int, alertmanager: int | None = None) -> dict[str, str]:
    """The files beside prometheus.yml, with these ports of this machine as targets."""
    found = {path.relative_to(MOUNTED).as_posix(): path.read_text() for path in MOUNTED.glob("rules/*.yml")}
    found["targets/workers.yml"] = yaml.safe_dump([{"targets": [f"127.0.0.1:{worker}"]}])
    ports = [] if alertmanager is None else [f"127.0.0.1:{alertmanager}"]
    found["targets/alertmanagers.yml"] = yaml.safe_dump([{"targets": ports}])
    return found


def asked(url: str) -> object:
    """What an HTTP interface answers, as JSON."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def query(prometheus: Prometheus, expr: str) -> list[dict]:
    """The series of an instant query."""
    answer = asked(f"{prometheus.endpoint}/api/v1/query?{urllib.parse.urlencode({'query': expr})}")
    return answer["data"]["result"]


def awaited(get: Callable[[], object], deadline_s: float = 45.0) -> object:
    """The first answer that isn't empty."""
    end = time.monotonic() + deadline_s
    while not (got := get()):
        assert time.monotonic() < end, f"nothing within {deadline_s} s"
        time.sleep(0.2)
    return got


@pytest.fixture(scope="module")
def scraped() -> Iterator[Prometheus]:
    """A Prometheus with the mounted files that has scraped a worker three times, so that rates have a value."""
    if (missing := Prometheus.missing()) is not None:
        pytest.skip(str(missing))
    exports = Exports()
    with served(lambda _path, _body: exports.exposition()) as port:
        config = (MOUNTED / "prometheus.yml").read_text()
        with Prometheus(config, files=mounted(port)) as prometheus:
            awaited(lambda: query(prometheus, f"count_over_time({names.EVENT_LAG}[1m]) >= 3"))
            yield prometheus


@pytest.mark.slow
def test_all_rules_evaluate(scraped):
    """A rule that Prometheus can't evaluate says so in its health, and nowhere else."""

    def rules() -> list[dict]:
        groups = asked(f"{scraped.endpoint}/api/v1/rules")["data"]["groups"]
        found = [rule for group in groups for rule in group["rules"]]
        return found if all(rule["health"] != "unknown" for rule in found) else []

    assert {rule["name"]: rule["lastError"] for rule in awaited(rules) if rule.get("lastError")} == {}


@pytest.mark.slow
def test_panels_say_why_a_kpi_is_unknown(prometheus):
    """Where there is no value there is the reason, of the panel's own KPIs; the last value isn't shown any longer."""
    boards = [json.loads(path.read_text()) for path in (ROOT / "grafana/dashboards/en").glob("*.json")]
    asking = [p["targets"] for board in boards for p in board["panels"] if "U" in str(p.get("targets"))]
    exports = Exports()
    exports.unknown = dict.fromkeys(BY_ID, "silent-source")
    with served(lambda _path, _body: exports.exposition()) as port:
        config = re.sub(r"(scrape|evaluation)_(interval|timeout): \w+", r"\1_\2: 1s", PROMETHEUS_YML)
        server = prometheus(config, files=mounted(port))
        awaited(lambda: query(server, names.KPI_UNKNOWN))
        assert len(asking) > 60
        for targets in asking:
            *values, (why, reason) = [(t["refId"], re.sub(r"\$job", "tapesh", t["expr"])) for t in targets]
            assert why == "U"
            named = {
                one["metric"]["kpi"] for one in query(server, reason) if one["metric"]["reason"] == "silent-source"
            }
            shown = {kpi.id for kpi in CATALOGUE if any(metric_name(kpi, "EUR") + "{" in expr for _, expr in values)}
            assert named == shown
            nobody = query(server, reason.replace('job="tapesh"', 'job="gone"'))
            assert [one["metric"]["reason"] for one in nobody] == (["not-published"] if "absent" in reason else [])
        assert not query(server, '{__name__=~"tapesh_.+", window!=""}')


@pytest.mark.slow
def test_a_churn_alert_reaches_a_person_unless_its_numbers_are_in_doubt(prometheus, alertmanager):
    """The mounted rules fire in Prometheus, Alertmanager sends the page; with unknown KPIs it holds the page back.

    Waiting times alone are cut short: they are promtool's business. How long an alert is kept (`keep_firing_for`)
    stays, for it is that by which a page outlives its numbers and is held back instead of ended.
    """
    pages: list[dict] = []
    exports = Exports()

    def take(_path: str, body: bytes) -> bytes:
        pages.append(json.loads(body))
        return b""

    with (
        served(lambda _path, _body: exports.exposition()) as worker,
        served(take) as receiver,
    ):
        routes = alertmanager_config(f"http://127.0.0.1:{receiver}/alerts")
        routes["route"] |= {"group_wait": "0s", "group_interval": "1s"}
        manager: Alertmanager = alertmanager(yaml.safe_dump(routes))
        files = mounted(worker, manager.port)
        files = {name: re.sub(r"\bfor: \w+", "for: 0s", text) for name, text in files.items()}
        config = re.sub(
            r"(scrape|evaluation)_(interval|timeout): \w+", r"\1_\2: 1s", (MOUNTED / "prometheus.yml").read_text()
        )
        prometheus(config, files=files)

        page = awaited(lambda: next((page for page in pages if "TapeshChurnHigh" in str(page)), None))
        (alert,) = page["alerts"]
        assert page["receiver"] == "pager"
        assert alert["annotations"]["summary"] == "40 customers left within 6h, 8.2 were to be expected."
        assert alert["labels"]["severity"] == "page"

        exports.unknown = {"nps": "partition 3 has no owner"}

        def held_back() -> list[str]:
            alerts = asked(f"{manager.endpoint}/api/v2/alerts?filter=alertname%3DTapeshChurnHigh")
            return [by for alert in alerts for by in alert["status"]["inhibitedBy"]]

        assert awaited(held_back)
