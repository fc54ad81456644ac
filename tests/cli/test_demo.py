"""The demo as its users start it: a process, on the embedded services, told to stop in every way there is."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from metrics.catalogue import BY_ID
from streams.cli.console import Failure
from streams.demo import run
from streams.demo.answers import json_from
from streams.demo.monitoring import Alert, make_prometheus
from streams.demo.plan import Plan, opening
from streams.demo.screen import Screen, View
from streams.demo.trend import Trend, style
from streams.demo.worker import Worker, as_environment
from streams.services import EmbeddedBroker, Missing, free_port
from streams.settings import Settings, load

READY_WITHIN_S = 90
"""Thirty on a machine of one's own; those that build are shared, and small."""
LIVE_FROM = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Demo:
    """A running `tapesh demo`, and everything that it started."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.port = free_port()
        self.temporary = directory / "temporary"
        self.temporary.mkdir()
        self.output = ""
        ours = {"TAPESH_WEB__PORT": str(self.port), "TMPDIR": str(self.temporary)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streams.cli", "demo", "--no-open", *arguments],
            cwd=directory,
            env=os.environ | ours,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started: dict[int, str] = {}

    def read_until(self, pattern: str) -> re.Match[str]:
        """Read what it says until it says that."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            self.started |= children_of(self.process.pid)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"ended without saying {pattern!r}:\n{self.output}")

    def kpis(self) -> dict[str, Any]:
        """What its engine says now."""
        answer = json_from(f"http://127.0.0.1:{self.port}/kpis")
        assert answer is not None
        return dict(answer)

    def end(self) -> int:
        """Wait for its end, and make sure that nothing is left of it."""
        rest, _ = self.process.communicate(timeout=60)
        self.output += rest
        assert self.started
        wait_until(lambda: not any(is_alive(pid) for pid in self.started), "all its processes have ended", 10)
        assert list(self.temporary.iterdir()) == []
        assert "Traceback" not in self.output
        return self.process.returncode


def children_of(parent: int) -> dict[int, str]:
    """Processes that a process has started itself: their ids and command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            pid = int(entry.name)
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found[pid] = (entry / "cmdline").read_text().replace("\0", " ")
    return found


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


@pytest.fixture
def demo(tmp_path: Path, embedded_kafka: object, embedded_redis_url: object) -> Iterator[Callable[..., Demo]]:
    """Starts a demo in an empty directory: `demo("--seconds", "3")`.

    The fixtures aren't used: they skip the test where the machine can't run what the demo starts.
    """
    begun: list[Demo] = []

    def begin(*arguments: str) -> Demo:
        begun.append(Demo(tmp_path, *arguments))
        return begun[-1]

    yield begin
    for each in begun:
        if each.process.poll() is None:
            each.process.kill()  # its guards end the rest
            each.process.communicate()


@pytest.mark.slow
def test_a_calm_demo_is_soon_ready_shows_plausible_kpis_and_ends_by_itself(demo):
    """From any directory, with one command; afterwards nothing is left of it."""
    calm = demo("--seconds", "4")
    ready = calm.read_until(r"ready in ([\d.]+) s")
    assert float(ready[1]) < READY_WITHIN_S
    document = calm.kpis()
    month, day = document["windows"]["30d"], document["windows"]["24h"]
    assert document["unknown"] == {}
    assert 4_500 < month["active_customers"] < 5_700
    assert 0.01 < month["churn_rate"] < 0.05
    assert day["churn_rate"] < 0.01
    assert 10_000 < month["orders"] < 25_000
    assert 20 < month["average_order_value"] < 80
    assert 0 < month["nps"] < 80
    assert month["net_customer_growth"] == (
        month["new_customers"] + month["won_back_customers"] - month["lost_customers"]
    )
    assert calm.end() == 0
    assert re.search(r"events/s · Active customers [\d,]+ · Churn rate", calm.output)
    assert re.search(r"[1-9]\d* events on top of", calm.output)


@pytest.mark.slow
def test_in_a_spike_churn_rises_before_ones_eyes_and_ctrl_c_ends_it(demo):
    """Ten seconds of calm, then a day's churn that no calm shop has."""
    spiking = demo("--scenario", "churn-spike")
    spiking.read_until("ready in")
    assert spiking.kpis()["windows"]["24h"]["churn_rate"] < 0.01
    spiking.read_until("churn spike")
    wait_until(lambda: spiking.kpis()["windows"]["24h"]["churn_rate"] > 0.01, "a day's churn above 1 %", 60)
    assert "app" in spiking.kpis()["slices"]["channel"]
    spiking.process.send_signal(signal.SIGINT)
    assert spiking.end() == 0
    assert "Churn rate 30d: " in spiking.output


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_stopped_while_it_starts_leaves_nothing(demo, ending):
    """The shop is publishing and the engine is starting."""
    begun = demo()
    begun.read_until("Redis")
    begun.process.send_signal(ending)
    assert begun.end() == 0


def test_an_engine_that_dies_ends_the_demo_with_the_end_of_its_log(demo):
    """The rest is of no use without it."""
    begun = demo()
    begun.read_until("✓ engine")
    (engine,) = (pid for pid, command in begun.started.items() if "streams.cli worker" in command)
    os.kill(engine, signal.SIGKILL)
    assert begun.end() == 1
    assert "engine: ended by itself" in begun.output


def test_a_missing_broker_is_said_with_the_remedy(monkeypatch):
    """The demo's services are an extra."""
    monkeypatch.setattr(EmbeddedBroker, "missing", lambda _: Missing("no broker", "pip install 'tapesh[embedded]'"))
    with pytest.raises(Failure, match=r"no broker; bring it: pip install 'tapesh\[embedded\]'"):
        run(Settings(), console=Console(file=io.StringIO()))


def test_an_engine_that_does_not_start_says_why(monkeypatch, embedded_kafka, embedded_redis_url):
    """Its own words are in the error, and no service survives it."""
    before = children_of(os.getpid())
    monkeypatch.setattr(Worker, "command", lambda _: [sys.executable, "-c", "raise SystemExit('it is too cold')"])
    with pytest.raises(Failure, match="it is too cold"):
        run(Settings(), console=Console(file=io.StringIO()))
    assert children_of(os.getpid()).keys() <= before.keys()


# What is told to the worker


def test_the_environment_says_all_settings(monkeypatch):
    """The worker reads what the demo meant, whatever the kind of value."""
    asked = Settings(
        currency="USD",
        rates={"EUR": "1.08"},
        timezone="Asia/Tehran",
        calendar="jalali",
        windows=("24h", "30d"),
        targets={"churn_rate": {"month": "0.02"}},
        lifespan_years=5,
    )
    told = Plan(scenario="calm", speed=3600, live_from=LIVE_FROM).settings(
        asked, bootstrap="127.0.0.1:1234", redis_url="redis://127.0.0.1:2345/0", web_port=3456
    )
    for name, value in as_environment(told).items():
        monkeypatch.setenv(name, value)
    assert load() == told


@pytest.mark.parametrize(("speed", "clock"), [(1, "wall"), (60, "event"), (3600, "event")])
def test_an_accelerated_shop_has_a_clock_of_its_own(speed, clock):
    """At the speed of life the clock on the wall is right, and so is its bound on events from the future."""
    plan = Plan(scenario="calm", speed=speed, live_from=LIVE_FROM)
    told = plan.settings(Settings(), bootstrap="127.0.0.1:1", redis_url="", web_port=1)
    assert told.clock == clock
    assert (told.future_tolerance == Settings().future_tolerance) == (clock == "wall")


def test_an_accelerated_shop_opens_in_the_morning_where_it_is():
    """At the speed of life it is what o'clock it is."""
    night = datetime(2026, 11, 22, 3, 8, 17, 5, tzinfo=UTC)
    assert opening(night, 3600, "UTC") == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert opening(night, 3600, "Asia/Tehran") == datetime(2026, 11, 22, 5, 30, tzinfo=UTC)
    assert opening(night, 1, "Asia/Tehran") == datetime(2026, 11, 22, 3, 8, 17, tzinfo=UTC)


@pytest.mark.parametrize("speed", [1, 60, 3600, 86_400])
def test_a_spike_is_visible_within_a_minute_at_any_speed(speed):
    """It is dated on the viewer's clock, and costs a share of the customers per second of watching."""
    plan = Plan(scenario="churn-spike", speed=speed, live_from=LIVE_FROM)
    shop = plan.shop(Settings())
    assert not plan.is_spiking(LIVE_FROM)
    assert plan.is_spiking(LIVE_FROM + timedelta(seconds=15 * speed))
    assert not plan.is_spiking(LIVE_FROM + timedelta(seconds=75 * speed))
    assert shop.spike_factor * shop.daily_hazard * speed / 86_400 * 20 > 0.02


def test_alerts_on_customers_wait_as_long_as_the_shop_lives():
    """A quarter of an hour of the shop's is four seconds at an hour a second; ten, so that it is seen to wait."""
    rules = json.loads(make_prometheus(1, currency="EUR", speed=3600).files["rules/tapesh.yml"])
    by_name = {rule["alert"]: rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule}
    assert by_name["TapeshChurnHigh"]["for"] == "10s"
    assert by_name["TapeshWorkerDown"]["for"] == "5m"


# What is drawn


def drawn(screen: Screen, view: View, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, record=True)
    console.print(screen.draw(view, width, height))
    return console.export_text().splitlines()


def view_of(unknown: dict[str, str], alerts: list[Alert] | None = None) -> View:
    values = dict.fromkeys(BY_ID) if unknown else {kpi: 0.123 for kpi in BY_ID if not BY_ID[kpi].label}
    windows = dict.fromkeys(("1h", "24h", "7d", "30d"), values)
    channels = dict.fromkeys(("web", "app", "store", "marketplace"), windows)
    document = {"now": "2026-11-22T12:00:00Z", "windows": windows, "slices": {"channel": channels}, "unknown": unknown}
    return View(document, 1234, 26.0, "1 hour a second", spiking=True, alerts=alerts)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 50), (200, 60)])
def test_the_table_fits_the_terminal(width, height):
    """What doesn't fit is left out by rank, never cut off below."""
    screen = Screen("EUR", "UTC", ("1h", "24h", "7d", "30d"))
    view = view_of({}, [Alert("TapeshChurnHigh", firing=True, summary="6 % of customers left within 30 days.")])
    lines = drawn(screen, view, width, height)
    assert len(lines) < height
    assert max(len(line) for line in lines) <= width
    assert any(line.count("12.3 %") >= 2 for line in lines if "Churn rate  " in line)


def test_what_is_unknown_is_shown_as_unknown_with_its_reason():
    """Neither as 0 nor as what it was last."""
    screen = Screen("EUR", "UTC", ("24h", "7d", "30d"))
    lines = drawn(screen, view_of(dict.fromkeys(BY_ID, "no answer from partition 2")), 120, 50)
    assert any("Churn rate" in line and "unknown" in line for line in lines)
    assert any("unknown: no answer from partition 2" in line for line in lines)


def test_an_engine_that_does_not_answer_is_said_so():
    """An empty table has a reason, too."""
    screen = Screen("EUR", "UTC", ("24h", "7d", "30d"))
    screen.take(None)
    view = View(None, 0, 0.0, "as fast as life", spiking=False, alerts=None)
    assert "doesn't answer" in drawn(screen, view, 120, 50)[0]
    assert "doesn't answer" in screen.line(view)


@pytest.mark.parametrize(
    ("kpi", "values", "look"),
    [
        ("churn_rate", (0.01, 0.02), "red"),
        ("churn_rate", (0.02, 0.01), "green"),
        ("revenue", (100, 200), "green"),
        ("revenue", (200, 100), "red"),
        ("revenue", (200, 200.5), "dim"),
        ("acquisition_spend", (100, 200), "dim"),
        ("nps", (None, 30), "dim"),
        ("nps", (-10, 10), "green"),
    ],
)
def test_a_change_is_green_where_it_is_for_the_better(kpi, values, look):
    """Which way is better the catalogue says; noise and what has no better way are grey."""
    trend = Trend()
    for value in values:
        trend.add(value)
    assert style(trend.direction, BY_ID[kpi].better) == look
