"""A shop's spike becomes a page on somebody's telephone, and its silence doesn't: engine, Prometheus, Alertmanager.

The simulator's events go through the fold and the KPI agent, without Kafka, on a clock of the test's own. What they
export is scraped by Prometheus with the rendered rules, and Alertmanager sends to a web server. Real time runs for what
waits in Prometheus and Alertmanager only, where a minute takes some seconds.
"""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from test_monitoring import MOUNTED, asked, awaited, mounted, query, served

from events.simulator import Simulator, SimulatorConfig
from metrics import names
from metrics.delivery import GRAFANA_URL, SCRAPE_S, scraping
from metrics.delivery import alertmanager as alertmanager_config
from metrics.exporter import render
from metrics.rules import rule_file
from metrics.withheld import withheld
from streams.alerts import EVERY_S
from streams.merge import Admission
from streams.messages import answer
from streams.partition import PartitionState
from streams.rounds import Rounds
from streams.services import Alertmanager, Prometheus
from streams.settings import Kafka, Settings

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
HISTORY = timedelta(days=70)
SPIKE_AT = BEGIN + HISTORY + timedelta(hours=8)
SPIKE_LASTS = timedelta(hours=30)
HURRY = 10
"""So many times as fast as in production is what waits in real time."""
WITHIN_S = 120
"""A page comes so soon after there is evidence."""


class Shop:
    """A simulated shop of 12,000, and an engine that counts it, up to any instant that the test asks for."""

    def __init__(self, **simulated: Any) -> None:
        config = SimulatorConfig(customers=12_000, purchases_per_day=0.0, **simulated)
        self._events = Simulator(config).events(BEGIN, SPIKE_AT + timedelta(days=6))
        self._next: dict[str, Any] | None = next(self._events)
        crm = {"name": "crm", "types": ["customer-acquired", "cancellation", "lead"], "every": "4h"}
        self.settings = Settings(
            kafka=Kafka(partitions=1), health={"expected": [crm], "learn": False, "settle": "10m"}, slices=("channel",)
        )
        self.state = PartitionState(self.settings.meaning)
        self.rounds = Rounds(self.settings, "test", "", Admission())
        self.held: list[tuple[bytes, int]] | None = None
        self._lock = threading.Lock()
        self._exposition = b""
        self.now = BEGIN

    def go_on(self, until: datetime) -> None:
        """Let the shop live up to an instant, and the engine publish what it knows then."""
        arrived: list[tuple[bytes, int]] = []
        while self._next is not None and (at := datetime.fromisoformat(self._next["occurred_at"])) <= until:
            if self._next["type"] in {"customer-acquired", "cancellation", "lead"}:
                arrived.append((json.dumps(self._next).encode(), round(at.timestamp() * 1000)))
            self._next = next(self._events, None)
        if self.held is not None:
            self.held += arrived
        elif arrived:
            self.state.arrive([raw for raw, _ in arrived], [record_ms for _, record_ms in arrived])
        self.now = until
        now_ms, now_s = round(until.timestamp() * 1000), until.timestamp()
        tick = self.rounds.tick(now_ms, now_s)
        self.state.advance(tick.now_ms)
        reply = answer(tick, "0", self.state.report(everybody_only=not tick.full), {}, 0)
        reply.watermarks = self.state.watermarks.pack() if tick.full else []
        reply.track = self.state.track.pack() if tick.track else b""
        assert self.rounds.take(reply, now_s)
        self._publish(now_s)

    def deliver(self) -> None:
        """Send what was held back."""
        assert self.held
        at_ms = round(self.now.timestamp() * 1000)
        self.state.arrive([raw for raw, _ in self.held], [at_ms] * len(self.held))
        self.held = None

    def said(self) -> dict[str, Any]:
        """What `/kpis` says of alerts."""
        return self.rounds.alerts.document(self.rounds.unknown(self.now.timestamp()))

    def windows(self) -> dict[str, dict[str, Any]]:
        """What is said of churn, by window."""
        return self.said()["churn"].get("windows", {})

    def exposition(self) -> bytes:
        """What the worker's /metrics answers."""
        with self._lock:
            return self._exposition

    def _publish(self, now_s: float) -> None:
        assert self.rounds.snapshot is not None
        reasons = self.rounds.reasons(now_s)
        unknown = {kpi: reason.text for kpi, reason in reasons.items()}
        slugs = {kpi: reason.slug for kpi, reason in reasons.items()}
        document = withheld(self.rounds.snapshot.document, unknown)
        silent = [watch for watch in self.rounds.health.watches.values() if watch.silent]
        own = {names.SNAPSHOT_AGE: 0.5, names.BOOKS_RESIDUAL: self.rounds.snapshot.books_residual}
        own |= {
            f'{names.SOURCE_SILENT}{{source="{source}",type="{kind}"}}': 1
            for watch in silent
            for source, kind in watch.pairs
        }
        text = "".join(f"{name} {value}\n" for name, value in own.items()).encode()
        whole = render(document, slugs, "EUR") + self.rounds.alerts.exposition(unknown) + text
        with self._lock:
            self._exposition = whole


class Telephone:
    """What rings: notifications as Alertmanager's webhook sends them."""

    def __init__(self) -> None:
        self.rang: list[dict[str, Any]] = []

    def take(self, _path: str, body: bytes) -> bytes:
        self.rang.append(json.loads(body))
        return b""

    def of(self, name: str, status: str = "firing") -> list[dict[str, Any]]:
        """Alerts of this name and status that rang."""
        found = [alert | {"receiver": page["receiver"]} for page in self.rang for alert in page["alerts"]]
        return [alert for alert in found if alert["labels"]["alertname"] == name and alert["status"] == status]


def hurried(text: str) -> str:
    """Rules or a configuration whose waits are so many times as short; a hold is a few seconds."""
    text = re.sub(r"keep_firing_for: \w+", "keep_firing_for: 3s", text)
    waits = r"(for|scrape_interval|scrape_timeout|evaluation_interval): (\d+)([sm])"
    return re.sub(waits, lambda found: f"{found[1]}: {_ms(found[2], found[3]) // HURRY}ms", text)


def _ms(number: str, unit: str) -> int:
    return int(number) * {"s": 1_000, "m": 60_000}[unit]


@pytest.fixture
def telephone(prometheus, alertmanager, shop) -> Iterator[tuple[Telephone, Prometheus]]:
    """Somebody who is on call for the shop, and the Prometheus that watches it."""
    phone = Telephone()
    with served(lambda _path, _body: shop.exposition()) as worker, served(phone.take) as receiver:
        routes = alertmanager_config(f"http://127.0.0.1:{receiver}/alerts")
        routes["route"] |= {"group_wait": "3s", "group_interval": "1s"}
        manager: Alertmanager = alertmanager(yaml.safe_dump(routes))
        files = {name: hurried(text) for name, text in mounted(worker, manager.port).items()}
        yield phone, prometheus(hurried((MOUNTED / "prometheus.yml").read_text()), files=files)


@pytest.fixture
def shop(request) -> Shop:
    """A shop with ten weeks behind it."""
    shop = Shop(**getattr(request, "param", {}))
    shop.go_on(BEGIN + HISTORY)
    return shop


SPIKING = {"scenario": "churn-spike", "spike_at": SPIKE_AT, "spike_lasts": SPIKE_LASTS, "seed": 3}


def test_the_waits_of_production_add_up_to_less_than_two_minutes():
    """From the evidence to the telephone: a judgement, a scrape, an evaluation, the alert's own wait, the group's."""
    config = scraping()["global"]
    evaluation_s, wait = config["evaluation_interval"], alertmanager_config()["route"]["group_wait"]
    rules = [rule for group in rule_file("EUR")["groups"] for rule in group["rules"] if "alert" in rule]
    lasts = {rule["for"] for rule in rules if rule["labels"].get(names.ALERT) == "churn"}
    assert lasts == {"1m"}
    assert EVERY_S + SCRAPE_S + int(evaluation_s[:-1]) + 60 + int(wait[:-1]) <= WITHIN_S


@pytest.mark.slow
@pytest.mark.parametrize("shop", [SPIKING], indirect=True)
def test_a_spike_pages_with_its_evidence_and_resolves_after(shop, telephone):
    """From the moment at which the engine has evidence; the page says what, since when, of whom, and where to look."""
    phone, _ = telephone
    while not any(told["firing"] and told["severity"] == "page" for told in shop.windows().values()):
        shop.go_on(shop.now + timedelta(minutes=10))
        assert shop.now < SPIKE_AT + SPIKE_LASTS, "the spike is over, and there was no evidence"
    assert shop.now > SPIKE_AT
    evidence = {name: told for name, told in shop.windows().items() if told["firing"]}
    began = time.monotonic()
    page = awaited(lambda: phone.of("TapeshChurnHigh"))[0]
    assert time.monotonic() - began < WITHIN_S / HURRY * 2  # twice: two cores are shared with other tests
    told = evidence[page["labels"]["tier"]]
    assert page["receiver"] == "pager"
    usual = f"{told['expected']:.1f}"
    assert page["annotations"]["summary"] == (
        f"{told['observed']} customers left within {page['labels']['tier']}, {usual} were to be expected."
    )
    said = page["annotations"]["description"]
    assert said.startswith(f"Since {datetime.fromisoformat(told['since']):%Y-%m-%d %H:%M:%S} +0000 UTC. By chance that")
    assert re.search(r"What adds most to the change: .*channel=app \d+", said)
    assert re.search(r"reason=\w+ ", said)
    link = page["annotations"]["board_url"]
    assert re.fullmatch(rf"{GRAFANA_URL}/d/tapesh-churn\?var-job=tapesh&from=\d{{13}}&to=\d{{13}}", link)
    assert "grafana" not in page["labels"]

    shop.go_on(SPIKE_AT + SPIKE_LASTS)
    while any(told["firing"] for told in shop.windows().values() if told["severity"] == "page"):
        shop.go_on(shop.now + timedelta(hours=1))
        assert shop.now < SPIKE_AT + SPIKE_LASTS + timedelta(days=3), "it goes on though the spike is over"
    assert awaited(lambda: phone.of("TapeshChurnHigh", "resolved"))


@pytest.mark.slow
def test_a_silenced_source_says_so_and_no_customer_page_comes_of_it(shop, telephone):
    """Nothing comes for a day: no churn, no conversions. It is told as what it is, and forgotten once all has come."""
    phone, prometheus = telephone
    shop.held = []
    silent_from = shop.now
    while shop.now < silent_from + timedelta(hours=24):
        shop.go_on(shop.now + timedelta(hours=1))
    (ticket, *_) = awaited(lambda: phone.of("TapeshSourceSilent"))
    assert ticket["receiver"] == "tickets"
    assert ticket["annotations"]["summary"].endswith("are missed.")
    assert set(shop.said()["churn"]) == {"kpi", "unknown"}
    assert query(prometheus, f"{names.KPI_UNKNOWN} == 1")
    assert not query(prometheus, names.ALERT_OBSERVED)

    shop.deliver()
    for _ in range(4):
        shop.go_on(shop.now + timedelta(minutes=30))
    assert "unknown" not in shop.said()["churn"]
    assert awaited(lambda: phone.of("TapeshSourceSilent", "resolved"))
    awaited(lambda: query(prometheus, names.ALERT_OBSERVED))
    assert not query(prometheus, 'count_over_time(ALERTS{layer="kpi"}[10m])')


@pytest.mark.slow
def test_a_slice_is_held_back_while_everybody_rings_and_by_nothing_else(alertmanager):
    """The rendered inhibitions in a real Alertmanager: by evidence on the same KPI, not by a target that is missed."""
    routes = alertmanager_config("http://127.0.0.1:9/nobody")
    manager: Alertmanager = alertmanager(yaml.safe_dump(routes))
    of_kpi = {"job": "tapesh", "layer": "kpi", "kpi": "churn_rate"}
    child = {"alertname": "TapeshChurnRaisedInSlice", "severity": "ticket", "alert": "churn-by-slice", "tier": "7d"}
    child |= of_kpi | {"slice": "channel", "value": "app"}

    parent = of_kpi | {"alertname": "TapeshChurnRaised", "severity": "ticket", "alert": "churn", "tier": "7d"}
    missed = of_kpi | {"alertname": "TapeshTargetMissed", "severity": "ticket", "slice": "all", "value": "all"}
    lapses = parent | {"alertname": "TapeshLapsesRaised", "alert": "lapses", "kpi": "lapse_rate"}
    down = {"job": "tapesh", "layer": "engine", "alertname": "TapeshEngineDown", "kpis": "untrusted"}

    def held_back(of: dict[str, str]) -> bool:
        (told,) = asked(f"{manager.endpoint}/api/v2/alerts?filter=alertname%3D{of['alertname']}")
        return bool(told["status"]["inhibitedBy"])

    _post(manager, child)
    for other in (parent, parent | {"alertname": "TapeshChurnHigh", "severity": "page"}, down | {"severity": "page"}):
        _post(manager, other)
        assert awaited(lambda: held_back(child))
        _post(manager, other, ends=True)
        assert awaited(lambda: not held_back(child))
    # In the order in which they come: once the lapses hold back what is theirs, the target has been heard of, too.
    of_lapses = child | {"alertname": "LapsesOfOneChannel", "kpi": "lapse_rate"}
    _post(manager, of_lapses, missed | {"window": "month"}, lapses)
    assert awaited(lambda: held_back(of_lapses))
    assert not held_back(child)


def _post(manager: Alertmanager, *alerts: dict[str, str], ends: bool = False) -> None:
    end = {"endsAt": "2020-01-01T00:00:00Z", "startsAt": "2019-01-01T00:00:00Z"} if ends else {}
    body = json.dumps([{"labels": labels, **end} for labels in alerts]).encode()
    request = urllib.request.Request(
        f"{manager.endpoint}/api/v2/alerts", body, {"Content-Type": "application/json"}, method="POST"
    )
    urllib.request.urlopen(request, timeout=5).close()
