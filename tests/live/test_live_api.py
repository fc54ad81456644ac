"""The HTTP interface of real workers keeps what its description promises, whoever is asked."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable

import schemathesis
from deployment import Deployment, WorkerProcess, eventually
from flow import publish
from hypothesis import HealthCheck, Phase, given, settings

from metrics.alerting import BY_SLICE, WATCHES
from metrics.surveys import SURVEYS
from streams.services import ApacheKafka

RETAIL = {"clock": "event", "timezone": "Europe/London", "currency": "GBP"}
INGEST = {
    "ingest.sources": json.dumps({"shop": {"token": "a-token-of-the-shop", "rate": 1000}}),
    "ingest.webhooks": json.dumps({"my-shop": {"kind": "signed", "secret": "a-secret-of-the-shop", "source": "s"}}),
}
EXAMPLES = 12
"""For each operation; a longer run finds no more, since no operation has much to say."""


def test_the_interface_keeps_its_promises(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """Both workers tell one KPI with its history; changes stream; a fuzzer finds no answer that isn't described."""
    live = deploy(kafka.bootstrap, **RETAIL, **INGEST)
    live.start(), live.start()
    live.ready(2)
    publish(live, retail_year[:500])
    owner = eventually("an owner", lambda: next((w for w in live.running if w.owns_kpis() and live.known()), None))
    other = next(worker for worker in live.running if worker is not owner)
    ours = eventually("a KPI with history", lambda: of_a_kpi(owner))
    theirs = eventually("the other tells the same", lambda: of_a_kpi(other))
    assert set(ours["history"]) == set(ours["windows"])
    assert ours["title"] == theirs["title"] == "Orders"
    assert theirs["windows"].keys() == ours["windows"].keys()
    assert json.loads(other.get("/kpis/orders?lang=fa") or b"")["title"] != ours["title"]
    for worker in (owner, other):
        said = eventually("its alerts", lambda worker=worker: alerts_as_in_kpis(worker))
        wanted = {one.id: one.kpi for one in (*WATCHES, BY_SLICE, *SURVEYS)}
        assert {name: one["kpi"] for name, one in said["watched"].items()} == wanted
        assert said["firing"] == []
    assert "did you mean 'orders'" in (other.get("/kpis/oders") or b"").decode()

    with urllib.request.urlopen(f"{other.url}/changes", timeout=20) as stream:
        publish(live, retail_year[500:1500])
        names = set()
        while not {"snapshot", "change"} <= names:
            line = stream.readline().decode()
            if line.startswith("event: "):
                names.add(line.removeprefix("event: ").strip())
    for worker in (owner, other):
        fuzz(worker)


def alerts_as_in_kpis(worker: WorkerProcess) -> dict | None:
    said, document = worker.json("/alerts"), worker.json("/kpis")
    return said if said.get("watched") and said["watched"] == document.get("alerts") else None


def of_a_kpi(worker: WorkerProcess) -> dict | None:
    document = worker.json("/kpis/orders")
    return document if document and document.get("history") and not document.get("unknown") else None


def fuzz(worker: WorkerProcess) -> None:
    """Ask every operation with whatever the description allows, and with what it doesn't."""
    description = worker.json("/openapi.json")
    del description["paths"]["/changes"]  # endless
    for result in schemathesis.openapi.from_dict(description).get_all_operations():
        strategy = result.ok().as_strategy()

        @settings(
            max_examples=EXAMPLES,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
            deadline=None,
        )
        @given(case=strategy)
        def ask(case) -> None:
            case.call_and_validate(base_url=worker.url)

        ask()
