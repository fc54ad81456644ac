"""`tapesh backfill`: the past in a real Prometheus is what `tapesh compute` says of each instant."""

from __future__ import annotations

import itertools
import json
import subprocess
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from events.simulator import Simulator, SimulatorConfig
from metrics.exporter import render
from metrics.openmetrics import END, History
from streams.backfill import Backfill, steps
from streams.cli.app import app
from streams.compute import compute
from streams.services import Prometheus
from streams.settings import Settings

BEGIN = datetime(2026, 2, 1, tzinfo=UTC)
DAYS = 24
STEP_MS = 6 * 3_600_000
SETTINGS = Settings(targets={"revenue": {"month": 5_000}})


@pytest.fixture(scope="module")
def log() -> list[bytes]:
    """A small shop's events, the latest first: files have no order that could be relied upon."""
    shop = Simulator(SimulatorConfig(customers=120, purchases_per_day=0.3, daily_hazard=0.01, winback_share=0.5))
    return [json.dumps(event).encode() for event in shop.events(BEGIN, BEGIN + timedelta(days=DAYS))][::-1]


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def run(*arguments: str) -> object:
    return CliRunner().invoke(app, list(arguments), prog_name="tapesh")


def exported(snapshot) -> dict[tuple[str, frozenset], float]:
    """What the exporter would have said: samples by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(render(snapshot, {}, "EUR").decode())
        for sample in family.samples
    }


def test_each_step_is_what_compute_says_of_that_instant(log):
    """Windows, slices and targets, whatever the step is, and in one pass; what comes later changes nothing."""
    backfill = Backfill(SETTINGS.meaning, SETTINGS.economics)
    past = backfill.read([*log, b"nope", log[0]])
    assert (len(past.refused), past.duplicates) == (1, 1)
    instants = [ms(BEGIN + timedelta(days=day, minutes=7 * day)) for day in (1, 2, 9, 10, 23)]
    for now_ms, snapshot in backfill.snapshots(past, instants, slices=True):
        want = compute(log, SETTINGS.meaning, SETTINGS.economics, now_ms=now_ms).snapshot
        assert snapshot["windows"] == want["windows"]
        assert snapshot["slices"] == {attribute: cells for attribute, cells in want["slices"].items() if cells}


def test_a_family_stands_together_whatever_the_memory(log, tmp_path):
    """With room for a few samples or for all of them: the same file, each series in one piece and in order of time."""
    texts = []
    for run_length in (50, 10_000_000):
        backfill = Backfill(SETTINGS.meaning, SETTINGS.economics)
        past = backfill.read(log)
        folder = tmp_path / str(run_length)
        folder.mkdir()
        history = History("EUR", "tapesh", folder, run_length)
        for now_ms, snapshot in backfill.snapshots(
            past, steps(past.last_ms - 8 * STEP_MS, past.last_ms, STEP_MS), slices=True
        ):
            history.add(now_ms, snapshot)
        with (folder / "whole").open("w") as file:
            history.write(file)
        texts.append((folder / "whole").read_text())
    assert texts[0] == texts[1]
    assert texts[0].endswith(END)
    places = [line.rpartition(" ")[::2] for line in texts[0].splitlines() if not line.startswith("#")]
    found = [(line.rpartition(" ")[0], float(at)) for line, at in places]
    series = [name for name, _ in found]
    assert len(list(dict.fromkeys(series))) == 1 + sum(a != b for a, b in itertools.pairwise(series))
    assert all(a[1] < b[1] for a, b in itertools.pairwise(found) if a[0] == b[0])
    families = [line.split()[2] for line in texts[0].splitlines() if line.startswith("# TYPE")]
    assert len(set(families)) == len(families)


@pytest.mark.slow
def test_prometheus_has_the_past_before_the_installation(log, promtool, tmp_path, prometheus):
    """Promtool makes blocks of the file, and Prometheus answers at every instant with what was known then."""
    events, out, data = tmp_path / "events.ndjson", tmp_path / "history.om", tmp_path / "prometheus" / "tsdb"
    events.write_bytes(b"\n".join(log))
    config = tmp_path / "tapesh.toml"
    config.write_text("[targets.revenue]\nmonth = 5000\n")
    since, until = BEGIN + timedelta(days=2), BEGIN + timedelta(days=22)
    arguments = ["--step", "6h", "--since", since.isoformat(), "--until", until.isoformat(), "--slices"]
    done = run("backfill", str(events), "-o", str(out), *arguments, "--config", str(config))
    assert done.exit_code == 0, done.output
    assert "at 81 instants" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.ndjson", "history.om", "tapesh.toml"]
    data.mkdir(parents=True)
    made = subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "--max-block-duration=720h", "openmetrics", out, data],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    server: Prometheus = prometheus(
        "scrape_configs: []\n", directory=data.parent, flags=["--storage.tsdb.retention.time=10y"]
    )
    for day in (2, 9.25, 16.5, 22):
        at = BEGIN + timedelta(days=day)
        ask = urllib.parse.urlencode({"query": '{__name__=~"tapesh_.+"}', "time": at.timestamp()})
        with urllib.request.urlopen(f"{server.endpoint}/api/v1/query?{ask}", timeout=10) as answer:
            series = json.load(answer)["data"]["result"]
        got = {}
        for one in series:
            labels = dict(one["metric"])
            assert labels.pop("job") == "tapesh"
            got[labels.pop("__name__"), frozenset(labels.items())] = float(one["value"][1])
        want = exported(compute(log, SETTINGS.meaning, SETTINGS.economics, now_ms=ms(at)).snapshot)
        assert got == want
        assert len(want) > 3_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--step", "1 fortnight"], "--step"),
        (["--step", "1ms"], "expected 1s or more"),
        (["--since", "yesterday"], "expected an instant"),
        (["--since", "2027-01-01T00:00:00Z"], "no whole 1h lies"),
    ],
)
def test_what_cannot_be_told_is_refused_before_anything_is_written(log, tmp_path, arguments, said):
    """The option is named, and the file that was there stays."""
    events, out = tmp_path / "events.ndjson", tmp_path / "history.om"
    events.write_bytes(b"\n".join(log[-50:]))
    out.write_text("before")
    done = run("backfill", str(events), "-o", str(out), *arguments)
    assert done.exit_code != 0
    assert said in done.stderr
    assert out.read_text() == "before"


def test_without_an_event_there_is_no_past(tmp_path):
    """An empty history would overwrite a good one."""
    (tmp_path / "events.ndjson").write_text("\n")
    done = run("backfill", str(tmp_path / "events.ndjson"), "-o", str(tmp_path / "history.om"))
    assert done.exit_code == 1
    assert "no event" in done.stderr
    assert not Path(tmp_path / "history.om").exists()
