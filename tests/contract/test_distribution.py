"""The contract's own distribution: what a shop installs, beside a package `events` of its own."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from importlib.util import find_spec
from pathlib import Path

import pytest
from kafka import KafkaConsumer

from events.codec import decode

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("pydantic", "pydantic_core", "annotated_types", "typing_inspection", "kafka")
NEEDED_FILES = ("typing_extensions.py",)
SHOP = """
import sys
from datetime import UTC, datetime

import events
from tapesh_events.models import Money, Purchase
from tapesh_events.producer import TapeshProducer

assert events.WHOSE == "the shop's"
assert "msgspec" not in sys.modules
purchase = Purchase.natural(customer_id="c-1", occurred_at=datetime(2026, 6, 1, tzinfo=UTC), order_id="A-1",
                            total=Money(amount="19.99", currency="EUR"))
with TapeshProducer(sys.argv[1], sys.argv[2]) as producer:
    producer.send(purchase)
    producer.send_raw(purchase.model_dump_json(exclude_none=True).encode())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT / "packages" / "tapesh-events", check=True, capture_output=True)
    (built,) = out.glob("tapesh_events-*.whl")
    return built


def test_it_needs_pydantic_and_kafka_python_alone(wheel: Path) -> None:
    """And holds one package, in which every module of the contract's is the engine's own."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith("METADATA")]
        needs = Parser().parsestr(archive.read(metadata).decode()).get_all("Requires-Dist")
        modules = [name for name in names if name.endswith(".py")]
        for name in modules:
            assert archive.read(name) == (ROOT / "events" / Path(name).name).read_bytes()
    assert sorted(need.split("<")[0].split(">")[0] for need in needs) == ["kafka-python", "pydantic"]
    assert {Path(name).parts[0] for name in modules} == {"tapesh_events"}


def test_a_shop_with_a_package_events_of_its_own_publishes_with_it(
    wheel: Path, tmp_path: Path, any_kafka, fresh_prefix, create_topics
) -> None:
    """In an environment that holds the two dependencies and nothing else of the engine's."""
    site, shop = tmp_path / "site", tmp_path / "shop"
    site.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    for name in NEEDED:
        spec = find_spec(name)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        (site / name).symlink_to(spec.submodule_search_locations[0])
    for name in NEEDED_FILES:
        spec = find_spec(name.removesuffix(".py"))
        assert spec is not None
        assert spec.origin is not None
        (site / name).symlink_to(spec.origin)
    (shop / "events").mkdir(parents=True)
    (shop / "events" / "__init__.py").write_text('WHOSE = "the shop\'s"\n')
    (shop / "sell.py").write_text(SHOP)
    topic = f"{fresh_prefix}customer-events"
    create_topics(any_kafka.bootstrap, {topic: 1})
    done = subprocess.run(
        [sys.executable, "-S", "sell.py", any_kafka.bootstrap, fresh_prefix],  # -S: no packages but those given
        cwd=shop,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    consumer = KafkaConsumer(topic, bootstrap_servers=any_kafka.bootstrap, auto_offset_reset="earliest")
    try:
        arrived = [decode(record.value) for record in itertools.islice(consumer, 2)]
    finally:
        consumer.close()
    assert [(event.customer_id, event.event_id) for event in arrived] == [("c-1", "purchase:A-1")] * 2
