"""Prometheus and Alertmanager on the demo's engine, with the rules of production on the shop's clock.

An alert on customers lasts a quarter of an hour before it pages; where the shop lives an hour a second, that quarter
takes the viewer as long as in life unless it is shortened alike. All else is what docker-compose.yml mounts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from metrics.delivery import alertmanager, scraping
from metrics.rules import rule_file
from streams.demo.answers import json_from
from streams.services import Alertmanager, Prometheus
from streams.services.ports import HOST

_LEAST_WAIT_S = 10
"""Long enough to see that an alert is pending before it fires."""
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_ALWAYS_FIRES = "TapeshWatchdog"
"""It says that alerts arrive; nothing is wrong when it fires."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that isn't silent."""

    name: str
    firing: bool
    summary: str


def make_alertmanager() -> Alertmanager:
    """An Alertmanager that groups as in production, and rings nowhere."""
    config = alertmanager()
    config["route"]["group_wait"] = "1s"
    config["receivers"] = [{"name": receiver["name"]} for receiver in config["receivers"]]
    return Alertmanager(json.dumps(config))  # JSON is YAML


def make_prometheus(
    worker_port: int, *, currency: str, speed: float, alertmanager_port: int | None = None
) -> Prometheus:
    """A Prometheus that scrapes the demo's worker every second."""
    config = scraping()
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "2s"}
    for job in config["scrape_configs"]:
        job.pop("dns_sd_configs", None)  # a name of docker-compose.yml; here nobody knows it
    alertmanagers = [] if alertmanager_port is None else [{"targets": [f"{HOST}:{alertmanager_port}"]}]
    files = {
        "rules/tapesh.yml": json.dumps(_hurried(rule_file(currency), speed)),
        "targets/workers.yml": json.dumps([{"targets": [f"{HOST}:{worker_port}"]}]),
        "targets/alertmanagers.yml": json.dumps(alertmanagers),
    }
    return Prometheus(json.dumps(config), files=files)


def alerts(prometheus_url: str) -> list[Alert]:
    """What Prometheus holds to be wrong, what fires first."""
    answer = json_from(f"{prometheus_url}/api/v1/alerts")
    found = [
        Alert(each["labels"]["alertname"], each["state"] == "firing", each["annotations"].get("summary", ""))
        for each in (answer or {}).get("data", {}).get("alerts", [])
        if each["labels"]["alertname"] != _ALWAYS_FIRES
    ]
    return sorted(found, key=lambda alert: (not alert.firing, alert.name))


def _hurried(rules: dict[str, Any], speed: float) -> dict[str, Any]:
    """Rules whose alerts on customers wait for as long as their time takes in the demo."""
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule.get("labels", {}).get("layer") == "kpi":
                for wait in ("for", "keep_firing_for"):
                    if wait in rule:
                        rule[wait] = f"{max(_LEAST_WAIT_S, round(_seconds(rule[wait]) / speed))}s"
    return rules


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * _UNITS_S[duration[-1]]
