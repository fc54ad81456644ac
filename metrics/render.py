"""Writes what Prometheus, Alertmanager and Grafana are given, from the catalogue: `python -m metrics.render [--check]`.

`grafana/` holds rendered output only (but for the tests of its rules). Continuous integration renders anew and fails
on a difference, so a renamed KPI can't leave an empty panel or a deaf alert behind. Needs the `render` extra.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from metrics.alert import RUNBOOK
from metrics.dashboards import boards
from metrics.delivery import IF_GUARDED, alertmanager, dashboard_provider, datasource, receivers, scraping, targets
from metrics.economics import Target
from metrics.rules import rule_file, runbook

ROOT = Path(__file__).parent.parent
CURRENCY = "EUR"
HAND_WRITTEN = "grafana/prometheus/tests/"
_HEAD = "# Written by `python -m metrics.render`: change {} instead.\n"


def files(currency: str = CURRENCY, goals: Iterable[Target] = ()) -> dict[str, str]:
    """Every rendered file: path from the repository's root -> text."""
    page = runbook(currency)
    shown = {
        name: json.dumps(board, indent=2, ensure_ascii=False) for name, board in boards(currency, page, goals).items()
    }
    return {
        **{f"grafana/dashboards/{name}": f"{board}\n" for name, board in shown.items()},
        "grafana/provisioning/dashboards/tapesh.yml": _yaml(dashboard_provider(), "metrics/delivery.py"),
        "grafana/provisioning/datasources/prometheus.yml": _yaml(datasource(), "metrics/delivery.py"),
        "grafana/prometheus/prometheus.yml": _yaml(scraping(), "metrics/delivery.py") + IF_GUARDED,
        **{
            f"grafana/prometheus/targets/{name}.yml": _yaml(listed, "metrics/delivery.py")
            for name, listed in targets().items()
        },
        "grafana/prometheus/rules/tapesh.yml": _yaml(rule_file(currency), "metrics/rules.py"),
        "grafana/alertmanager/alertmanager.yml": _yaml(alertmanager(), "metrics/delivery.py"),
        "grafana/alertmanager/receivers.example.yml": _yaml(receivers(), "metrics/delivery.py"),
        RUNBOOK: page,
    }


def main(check: bool, currency: str = CURRENCY, root: Path = ROOT, goals: Iterable[Target] = ()) -> int:
    """Write the files, or compare them.

    Args:
        check: compare only, and print the difference.
        currency: the reporting currency.
        root: where `grafana/` and `docs/` are.
        goals: the settings' targets, which have panels of their own.

    Returns:
        The exit status: 1 where a file differs, is missing, or is in `grafana/` without being rendered.
    """
    wanted = files(currency, goals)
    if not check:
        for name, text in wanted.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return 0
    differences = [line for name, text in wanted.items() for line in _difference(root, name, text)]
    strangers = sorted(_present(root) - set(wanted))
    sys.stdout.writelines(differences)
    for name in strangers:
        print(f"{name} is rendered by nothing; delete it, or render it")
    if differences or strangers:
        print("rendered files differ; run python -m metrics.render")
        return 1
    return 0


def _difference(root: Path, name: str, wanted: str) -> list[str]:
    path = root / name
    found = path.read_text(encoding="utf-8") if path.exists() else ""
    return list(difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), name, f"{name} (rendered)"))


def _present(root: Path) -> set[str]:
    found = {path.relative_to(root).as_posix() for path in (root / "grafana").rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith(HAND_WRITTEN)}


class _Dumper(yaml.SafeDumper):
    """Lists are indented under their key, and text of several lines stays so: people read these files."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, False)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(content: Any, origin: str) -> str:
    body = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000)
    return _HEAD.format(origin) + body


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m metrics.render", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; 1 where something differs")
    parser.add_argument("--currency", default=CURRENCY, help=f"the reporting currency (default: {CURRENCY})")
    parser.add_argument("--root", type=Path, default=ROOT, help="where grafana/ and docs/ are")
    options = parser.parse_args()
    sys.exit(main(options.check, options.currency, options.root))
