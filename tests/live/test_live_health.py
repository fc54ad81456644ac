"""Sources that fall silent: only what they feed is unknown, it stays so through a restart, and comes back by itself."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from deployment import Deployment, WorkerProcess, eventually

from events.names import CUSTOMER_EVENTS
from metrics import names
from metrics.economics import Economics
from metrics.feeds import event_types
from streams.services import ApacheKafka

EXPECTED = [{"name": "crm", "source": "crm", "types": ["customer-acquired", "cancellation"], "every": "8s"}]
HOUR_S = 3_600


def fed_by(*types: str) -> set[str]:
    return {kpi for kpi, fed in event_types(Economics("EUR")).items() if fed & set(types)}


def event(kind: str, source: str, at_s: float, **fields: Any) -> dict[str, Any]:
    number = f"{source}-{int(at_s * 1000)}"
    occurred_at = datetime.fromtimestamp(at_s, UTC).isoformat()
    common = {"type": kind, "event_id": number, "customer_id": number, "occurred_at": occurred_at, "source": source}
    return {**common, **fields}


def purchase(at_s: float) -> dict[str, Any]:
    return event("purchase", "shop", at_s, order_id="o", total={"amount": "1.00", "currency": "EUR"})


def acquired(at_s: float) -> dict[str, Any]:
    return event("customer-acquired", "crm", at_s)


def answer(at_s: float) -> dict[str, Any]:
    return event("survey-response", "panel", at_s, survey="nps", score=9)


class Beat:
    """A source that publishes an event a moment, while it is entered."""

    def __init__(self, live: Deployment, make: Callable[[float], dict[str, Any]]) -> None:
        self._live = live
        self._make = make
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="beat")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.5):
            publish(self._live, [self._make(time.time())])


def publish(live: Deployment, events: list[dict[str, Any]]) -> None:
    """Publish events with the time stamps of when they occurred."""
    producer = live.producer()
    try:
        for each in events:
            at_ms = int(datetime.fromisoformat(each["occurred_at"]).timestamp() * 1000)
            key = each["customer_id"].encode()
            producer.send(live.topic(CUSTOMER_EVENTS), json.dumps(each).encode(), key=key, timestamp_ms=at_ms)
        producer.flush(60)
    finally:
        producer.close()


def unknown_is(worker: WorkerProcess, expected: set[str]) -> dict[str, Any]:
    """The document once just these KPIs are unknown."""

    def reached() -> dict[str, Any] | None:
        document = worker.json("/kpis?sources")
        return document if document.get("windows") and set(document["unknown"]) == expected else None

    found: dict[str, Any] = eventually(f"unknown: {len(expected)} KPIs, {sorted(expected)[:3]} ...", reached)
    return found


def latest(document: dict[str, Any], source: str) -> str:
    return str(
        next(each["latest_event"] for each in document["sources"] if each["source"] == source and each["latest_event"])
    )


def test_silent_sources_take_only_their_kpis_and_give_them_back(
    kafka: ApacheKafka, deploy: Callable[..., Deployment]
) -> None:
    """One expected by configuration stops, one has by its rhythm; both are missed by the next worker, too."""
    of_crm, of_panel = fed_by("customer-acquired", "cancellation"), fed_by("survey-response")
    options = {"health.expected": json.dumps(EXPECTED), "health.settle": "1s", "clock": "wall"}
    live = deploy(kafka.bootstrap, **options)
    ended_s = time.time() - 3 * 24 * HOUR_S
    publish(live, [answer(ended_s - hour * HOUR_S) for hour in reversed(range(22 * 24))])
    with Beat(live, purchase):
        with Beat(live, acquired):
            worker = live.start()
            document = unknown_is(worker, of_panel)
        assert "expected by its rhythm before" in document["unknown"]["nps"]
        assert document["windows"]["1h"]["active_customers"] > 0

        before = unknown_is(worker, of_panel | of_crm)
        is_silent(worker, before)
        assert worker.terminate() == 0
        worker = live.start()
        after = unknown_is(worker, of_panel | of_crm)
        assert [latest(after, source) for source in ("crm", "panel")] == [
            latest(before, source) for source in ("crm", "panel")
        ]
        assert after["unknown"]["churn_rate"] == before["unknown"]["churn_rate"]

        with Beat(live, acquired), Beat(live, answer):
            unknown_is(worker, set())
            eventually("its gauge is back", lambda: gauge(worker, "tapesh_active_customers_customers"))
            assert not any(name == names.KPI_UNKNOWN for name, _ in worker.metrics())
            assert worker.json("/ready") == {"ready": True, "reasons": []}


def gauge(worker: WorkerProcess, name: str) -> float:
    return worker.metric(name, window="1h", slice="all", value="all")


def is_silent(worker: WorkerProcess, document: dict[str, Any]) -> None:
    """Gauges, metrics, slices, watermarks and /ready agree that the CRM is missed and the shop isn't."""
    reason = "nothing from crm since "
    assert document["unknown"]["churn_rate"].startswith(reason)
    assert document["unknown"]["churn_rate"].endswith("expected every 8s")
    assert document["windows"]["1h"]["active_customers"] is None
    assert document["windows"]["1h"]["orders"] > 0
    assert document["slices"]["channel"]["unattributed"]["1h"]["orders"] > 0
    assert document["slices"]["channel"]["unattributed"]["1h"]["active_customers"] is None
    assert document["watermarks"]["customer-acquired"] == latest(document, "crm")
    assert document["watermarks"]["purchase"] == document["now"]
    ready = worker.json("/ready")
    assert ready["ready"]
    assert any(each.startswith(reason) for each in ready["reasons"])
    metrics = eventually("gauges follow", lambda: withdrawn(worker))
    assert metrics[names.KPI_UNKNOWN, (("kpi", "churn_rate"), ("reason", names.SILENT_SOURCE))] == 1
    assert metrics[names.SOURCE_SILENT, (("source", "crm"), ("type", "customer-acquired"))] == 1
    assert metrics[names.SOURCE_SILENT, (("source", "shop"), ("type", "purchase"))] == 0
    assert metrics["tapesh_orders_orders", (("slice", "all"), ("value", "all"), ("window", "1h"))] > 0


def withdrawn(worker: WorkerProcess) -> dict[Any, float] | None:
    metrics = worker.metrics()
    return None if any(name == "tapesh_active_customers_customers" for name, _ in metrics) else metrics
