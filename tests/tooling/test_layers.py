"""The layers' guard guards itself: a module of the pure core that isn't listed would be pure by accident only."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EDGES = {
    "streams": [
        "alerts",
        "agents",
        "api",
        "app",
        "back_pressure",
        "board",
        "cli",
        "dead_letters",
        "demo",
        "engine",
        "engine_metrics",
        "engines",
        "faust_app",
        "faust_desk",
        "faust_log",
        "forgotten",
        "forwarding",
        "ingestion",
        "kafka_refusal",
        "ledger_office",
        "owned",
        "profile_writer",
        "rebuild",
        "rounds",
        "services",
        "settings",
        "tables",
        "target_office",
        "topics",
        "transport",
        "web",
        "web_guard",
        "worker",
    ],
    "metrics": ["dashboards", "exporter", "ledger_serving", "openmetrics", "render", "rules", "serving"],
}
"""What may know Faust, Kafka, Redis, Prometheus or HTTP; anything else in these packages is the pure core."""


def contracts() -> list[dict[str, object]]:
    """The contracts, as declared."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        declared: list[dict[str, object]] = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    return declared


def modules(package: str) -> list[str]:
    """The modules and packages directly inside a package."""
    inside = (ROOT / package).iterdir()
    return sorted(path.stem for path in inside if path.suffix == ".py" or (path / "__init__.py").exists())


PURE = [
    f"{package}.{name}"
    for package, edges in EDGES.items()
    for name in modules(package)
    if name not in edges and not name.startswith("__")
]


@pytest.mark.parametrize("module", PURE)
def test_every_module_of_the_pure_core_is_guarded(module):
    """It is listed in the contract that forbids brokers, Redis, exporters and web servers.

    A new module fails here until it is listed: in pyproject.toml if it is pure, above in EDGES if it isn't.
    """
    (pure,) = (contract for contract in contracts() if "pure" in str(contract["name"]))
    assert module in pure["source_modules"]


def test_every_contract_is_named_by_a_sentence():
    """What lint prints when it fails is what a newcomer has to know."""
    for contract in contracts():
        assert len(str(contract["name"]).split()) > 6
