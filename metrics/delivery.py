"""How numbers reach people: who scrapes whom, which alerts go where, and which are held back meanwhile.

These are the configurations of Prometheus, Alertmanager and Grafana as docker-compose.yml mounts them. They name
services of that file; whoever runs the programs elsewhere changes the files under `targets/` only.
"""

from __future__ import annotations

from typing import Any

from metrics.alert import GRAFANA, JOB

SCRAPE_S = 5
WORKER_PORT = 6066
BOARD_FOLDERS = {"en": "Tapesh", "fa": "تپش"}
"""Language of boards -> their folder in Grafana."""
DATASOURCE_UID = "tapesh-prometheus"
GRAFANA_URL = "http://localhost:3000"
WEBHOOK = "http://host.docker.internal:9095/alerts"
"""Where notifications go until an operator says where: a program on the machine that runs the containers."""


IF_GUARDED = """\
    # If workers want a token (web.token), Prometheus shows them the one in this file:
    # authorization:
    #   credentials_file: /etc/prometheus/tapesh-token
"""
"""Ends prometheus.yml: the job of the workers is its last."""


def scraping() -> dict[str, Any]:
    """prometheus.yml: addresses come from files beside it, which a running Prometheus reads again by itself."""
    return {
        "global": {
            "scrape_interval": f"{SCRAPE_S}s",
            "scrape_timeout": "4s",
            "evaluation_interval": "15s",
            # Where people find Grafana: pages link to it. It goes no further than into the links.
            "external_labels": {GRAFANA: GRAFANA_URL},
        },
        "rule_files": ["rules/*.yml"],
        "alerting": {
            "alert_relabel_configs": [{"regex": GRAFANA, "action": "labeldrop"}],
            "alertmanagers": [{"file_sd_configs": [{"files": ["targets/alertmanagers.yml"]}]}],
        },
        "scrape_configs": [
            {
                "job_name": JOB,
                # Every container of the service: a name in a target would be one of them, another at each scrape.
                "dns_sd_configs": [{"names": ["engine"], "type": "A", "port": WORKER_PORT, "refresh_interval": "15s"}],
                "file_sd_configs": [{"files": ["targets/workers.yml"]}],
            }
        ],
    }


def targets() -> dict[str, list[dict[str, Any]]]:
    """Files under `targets/`: workers elsewhere than in docker-compose.yml, and the Alertmanager of that file."""
    return {"workers": [], "alertmanagers": [{"targets": ["alertmanager:9093"]}]}


def alertmanager(webhook: str = WEBHOOK) -> dict[str, Any]:
    """alertmanager.yml: one message for what belongs together, and no word of customers while numbers can't be trusted.

    Args:
        webhook: URL that takes the notifications.
    """
    return {
        "route": {
            "receiver": "tickets",
            "group_by": ["job", "alertname"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "24h",
            "routes": [
                {"matchers": ['alertname="TapeshWatchdog"'], "receiver": "watchdog", "repeat_interval": "5m"},
                # What is about one KPI is one message, whichever windows saw it.
                {
                    "matchers": ['layer="kpi"', 'severity="page"'],
                    "receiver": "pager",
                    "group_by": ["job", "kpi"],
                    "repeat_interval": "4h",
                },
                {"matchers": ['layer="kpi"'], "receiver": "tickets", "group_by": ["job", "kpi"]},
                {"matchers": ['severity="page"'], "receiver": "pager", "repeat_interval": "4h"},
            ],
        },
        "inhibit_rules": [
            {"source_matchers": ['kpis="untrusted"'], "target_matchers": ['layer="kpi"'], "equal": ["job"]},
            {
                # Who is awake needs no ticket on the same KPI.
                "source_matchers": ['layer="kpi"', 'severity="page"'],
                "target_matchers": ['layer="kpi"', 'severity="ticket"'],
                "equal": ["job", "kpi"],
            },
            {
                # What everybody does, a slice does too. By evidence: a target that is missed all month explains none.
                "source_matchers": ['layer="kpi"', 'alert=~".+"', 'slice=~"|all"'],
                "target_matchers": ['layer="kpi"', 'slice!~"|all"'],
                "equal": ["job", "kpi"],
            },
            {
                # What follows from workers that aren't there is no news of its own.
                "source_matchers": ['alertname="TapeshEngineDown"'],
                "target_matchers": ['layer="engine"', 'alertname!="TapeshEngineDown"'],
                "equal": ["job"],
            },
        ],
        "receivers": [
            {"name": name, "webhook_configs": [{"url": webhook, "send_resolved": True}]}
            for name in ("pager", "tickets", "watchdog")
        ],
    }


def receivers() -> dict[str, Any]:
    """Receivers to choose from, each with its secret in a file: patterns for an alertmanager.yml of one's own."""
    secrets = "/etc/alertmanager/secrets"
    summary = "{{ .CommonAnnotations.summary }}"
    evidence = (
        "{{ range .Alerts }}{{ .Annotations.description }}\n{{ with .Annotations.board_url }}{{ . }}\n{{ end }}"
        "{{ .Annotations.runbook_url }}\n{{ end }}"
    )
    bearer = {"authorization": {"credentials_file": f"{secrets}/webhook-token"}}
    mail = {
        "to": "on-call@example.com",
        "from": "alertmanager@example.com",
        "smarthost": "smtp.example.com:587",
        "auth_username": "alertmanager",
        "auth_password_file": f"{secrets}/smtp-password",
        "headers": {"Subject": summary},
    }
    page = {"routing_key_file": f"{secrets}/pagerduty-key", "description": summary, "details": {"evidence": evidence}}
    slack = {"api_url_file": f"{secrets}/slack-url", "channel": "#customers", "title": summary, "text": evidence}
    found: dict[str, Any] = {
        "webhook": {"webhook_configs": [{"url": "https://example.com/alerts", "http_config": bearer}]},
        "pagerduty": {"pagerduty_configs": [page]},
        "slack": {"slack_configs": [slack | {"send_resolved": True}]},
        "email": {"email_configs": [mail]},
    }
    return {
        "route": {"receiver": "webhook"},
        "receivers": [{"name": name, **configs} for name, configs in found.items()],
    }


def datasource() -> dict[str, Any]:
    """Grafana's data source; its uid is fixed, since boards name it."""
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "Prometheus",
                "uid": DATASOURCE_UID,
                "type": "prometheus",
                "access": "proxy",
                "url": "http://prometheus:9090",
                "isDefault": True,
                "editable": False,
                # From this Grafana takes $__rate_interval: without it, rates over too few samples are empty.
                "jsonData": {"timeInterval": f"{SCRAPE_S}s", "httpMethod": "POST"},
            }
        ],
    }


def dashboard_provider() -> dict[str, Any]:
    """Where Grafana finds the boards, a folder for each language; they change in the repository, not in the browser."""
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": f"tapesh-{language}",
                "folder": folder,
                "folderUid": f"tapesh-{language}",
                "type": "file",
                "disableDeletion": True,
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": f"/etc/grafana/boards/{language}"},
            }
            for language, folder in BOARD_FOLDERS.items()
        ],
    }
