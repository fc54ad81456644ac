"""Targets of a running engine: set on any worker, kept by Kafka through the owner's death, and on their way."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from deployment import Deployment, WorkerProcess, eventually
from flow import publish

from streams.services import ApacheKafka

TOKEN = "a-token-of-many-signs"
RETAIL = {
    "clock": "event",
    "timezone": "Europe/London",
    "currency": "GBP",
    "targets": '{"orders": {"month": 500}}',
}
OPTIONS = {"ledger.every": "500ms", "web.token": TOKEN}


def change(worker: WorkerProcess, method: str, place: str, body: Any = None, token: str = TOKEN) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{worker.url}/targets/{place}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def standing(worker: WorkerProcess, kpi: str) -> dict[str, Any]:
    return next((each for each in worker.json("/targets").get("targets", ()) if each["kpi"] == kpi), {})


def test_a_target_that_is_set_holds_through_the_death_of_its_owner(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """The other worker forwards it; forecast and chance follow the ledger; the successor knows it, and withdraws it."""
    live = deploy(kafka.bootstrap, **RETAIL)
    live.options |= OPTIONS
    tail = [line for line in retail_year if json.loads(line)["occurred_at"] >= "2011-10-01"]
    publish(live, tail)
    live.start(), live.start()
    owner = eventually("an owner", lambda: next((w for w in live.running if w.owns_kpis() and live.known()), None))
    other = next(worker for worker in live.running if worker is not owner)

    def of_december() -> dict[str, Any]:
        found = standing(other, "orders")
        return found if (found.get("first"), found.get("last")) == ("2011-12-01", "2011-12-31") else {}

    asked = eventually(f"the other tells of December: {standing(other, 'orders')}", of_december)
    assert (asked["target"], asked["from"], asked["unknown"]) == (500.0, "settings", None)

    assert change(other, "PUT", "orders/month", {"value": 2}, token="another-token-of-signs")[0] == 401
    assert change(other, "PUT", "oders/month", {"value": 2})[0] == 400
    assert change(other, "PUT", "orders/month", {"value": 2})[0] == 200
    for worker in (owner, other):
        assert standing(worker, "orders")["target"] == 2.0
        orders = next(kpi for kpi in worker.json("/catalogue")["kpis"] if kpi["id"] == "orders")
        assert orders["targets"] == {"month": 2.0}

    def met() -> dict[str, Any]:
        found = standing(other, "orders")
        return found if found.get("chance") == 1.0 and found["attainment"] == found["value"] / 2 else {}

    found = eventually(f"met for sure: {standing(other, 'orders')}", met)
    assert found["forecast"] > found["value"] > found["expected"]
    eventually("its gauges", lambda: owner.metric("tapesh_target_chance_ratio", kpi="orders", window="month") == 1.0)
    assert owner.metric("tapesh_target_pace_ratio", kpi="orders", window="month") > 1

    owner.kill()
    eventually("the other owns the KPIs, and the target", lambda: other.owns_kpis() and standing(other, "orders"))
    assert (standing(other, "orders")["target"], standing(other, "orders")["from"]) == (2.0, "set")
    status, said = change(other, "DELETE", "orders/month")
    assert (status, said["targets"][0]["target"]) == (200, 500.0)
    assert change(other, "DELETE", "orders/month")[0] == 404
