"""What is rendered is what is in the repository, and what Prometheus, Alertmanager and Grafana accept."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest
import yaml

from metrics import names
from metrics.catalogue import CATALOGUE
from metrics.dashboards import grafana_unit
from metrics.kpi import Unit
from metrics.names import metric_name
from metrics.render import files, main
from metrics.rules import rule_file

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "grafana" / "prometheus"
RENDERED = files()
OURS = re.compile(r"(?<![\w:])tapesh_\w+")
KNOWN = {value for value in vars(names).values() if isinstance(value, str) and value.startswith("tapesh_")}
ALERTS = sorted({rule["alert"] for group in rule_file("EUR")["groups"] for rule in group["rules"] if "alert" in rule})
KNOWN |= {metric_name(kpi, "EUR") for kpi in CATALOGUE} | {f"{names.LOOP_HELD}_bucket"}


def run(*command: str | Path) -> None:
    """Run a judge; what it says is in the failure."""
    judged = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_the_repository_holds_what_is_rendered(capsys):
    """Continuous integration fails on a difference."""
    assert main(check=True) == 0, capsys.readouterr().out


def test_a_changed_or_forgotten_file_is_shown(tmp_path, capsys):
    """The check names the file and prints the difference; a file that nothing renders is named too."""
    assert main(check=False, root=tmp_path) == 0
    assert main(check=True, root=tmp_path) == 0
    rules = tmp_path / "grafana/prometheus/rules/tapesh.yml"
    rules.write_text(rules.read_text().replace("> 0.01", "> 0.5"))
    (tmp_path / "grafana/dashboards/old.json").write_text("{}")
    capsys.readouterr()
    assert main(check=True, root=tmp_path) == 1
    said = capsys.readouterr().out
    assert "--- grafana/prometheus/rules/tapesh.yml" in said
    assert "grafana/dashboards/old.json is rendered by nothing" in said


def test_another_currency_is_in_names_and_units():
    """A shop in Tehran sees rials, from gauges that its engine exports."""
    board = files("IRR")["grafana/dashboards/en/overview.json"]
    assert "tapesh_revenue_irr" in board
    assert '"suffix: IRR"' in board
    assert not re.search(r"_eur\b|EUR", board)


@pytest.mark.parametrize("name", RENDERED)
def test_every_metric_that_is_named_exists(name):
    """Rules, boards and the runbook can't speak of a gauge that nobody exports."""
    assert set(OURS.findall(RENDERED[name])) - KNOWN == set()


def test_prometheus_accepts_configuration_and_rules(promtool):
    """Its own judge, on the files as they are mounted."""
    run(promtool, "check", "config", PROMETHEUS / "prometheus.yml")
    run(promtool, "check", "rules", PROMETHEUS / "rules" / "tapesh.yml")


def test_alerts_fire_when_they_should_and_not_otherwise(promtool):
    """The rules' own tests."""
    run(promtool, "test", "rules", *sorted((PROMETHEUS / "tests").glob("*.yml")))


def _looks(test: dict) -> Iterator[tuple[str, float, bool]]:
    """What a test of promtool asks of alerts: (alert, minute, whether it fires then)."""
    for case in test.get("alert_rule_test", ()):
        yield case["alertname"], _minutes(case["eval_time"]), bool(case["exp_alerts"])
    for case in test.get("promql_expr_test", ()):
        asked = re.search(r'alertname=(~?)"([^"]+)"', case["expr"])
        if asked is None:
            continue
        firing = {name for sample in case["exp_samples"] or () for name in re.findall(_NAMED, sample["labels"])}
        for name in ALERTS:
            if re.fullmatch(asked[2], name) and "count(" not in case["expr"]:
                yield name, _minutes(case["eval_time"]), name in firing


def _minutes(time: str) -> float:
    return float(time[:-1]) * {"m": 1, "h": 60, "d": 1_440}[time[-1]]


_NAMED = r'alertname="(\w+)", alertstate="firing"'


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_is_tested_to_fire_to_be_quiet_and_to_end(name):
    """An alert without a test fires at night for the first time, or never stops."""
    tests = [
        test for path in (PROMETHEUS / "tests").glob("*.yml") for test in yaml.safe_load(path.read_text())["tests"]
    ]
    looks = [[(minute, fires) for of, minute, fires in _looks(test) if of == name] for test in tests]
    assert any(fires for test in looks for _, fires in test), "no test in which it fires"
    if name == "TapeshWatchdog":
        return  # it always does
    first = [min((minute for minute, fires in test if fires), default=inf) for test in looks]
    before = [minute for test, at in zip(looks, first, strict=True) for minute, fires in test if minute < at]
    assert before, "no test in which it is quiet though there are figures"
    ends = [
        minute for test, at in zip(looks, first, strict=True) for minute, fires in test if minute > at and not fires
    ]
    assert ends, "no test in which it ends"


def test_every_alert_leads_to_its_place_in_the_runbook():
    """Who is woken finds what to do."""
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    for group in rule_file("EUR")["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                assert rule["alert"] in headings
                assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"
                assert rule["annotations"]["summary"]
                assert rule["for"]


def test_alertmanager_accepts_its_configuration():
    """Its own judge, where it is installed with Alertmanager."""
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("no amtool on PATH; bring it: sudo apt-get install prometheus-alertmanager")
    for name in ("alertmanager.yml", "receivers.example.yml"):
        run(amtool, "check-config", ROOT / "grafana/alertmanager" / name)


@pytest.mark.parametrize("unit", Unit)
def test_every_unit_has_a_name_in_grafana(unit):
    """A unit that is added to the catalogue is shown somehow."""
    assert grafana_unit(unit, "EUR")
