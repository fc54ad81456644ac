"""README and tutorial as a newcomer walks through them: every command that stands in a block is run, in that order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.services import free_port

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-c", "from streams.cli import main; main()")
RUN_ELSEWHERE = {
    "make demo": "tests/cli/test_demo.py",
    "tapesh demo --scenario churn-spike": "tests/cli/test_demo.py",
    "make test": ".ci/run",
}
"""What these do is watched for longer there."""
OF_A_RUNNING_ENGINE = ("explain", "targets")
ORDERS = """Kind,Customer,Date,No,Amount,Shop,Stage
sale,c-1,01/12/2025 10:00,1,19.99,web,
sale,c-2,02/12/2025 11:30,2,5.00,store,
sale,c-1,24/12/2025 18:45,3,7.50,web,
lead,c-3,24/12/2025 19:00,9,,,W
"""
PATIENCE_S = 60.0


def fenced(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[str]:
    """Each command of a page's blocks, by the name that an installation gives it."""
    lines = "".join(fenced(page, "sh")).replace("\\\n", " ").splitlines()
    return [line.partition(" #")[0].strip().removeprefix(".venv/bin/") for line in lines if line.strip()]


class Newcomer:
    """A directory, an environment, and what was said."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment}

    def types(self, command: str) -> subprocess.CompletedProcess[str]:
        program, *words = command.split()
        assert program == "tapesh", command
        return subprocess.run(
            [*PROGRAM, *words],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def leaves_running(self, command: str) -> subprocess.Popen[bytes]:
        with (self.directory / "worker.log").open("wb") as log:
            return subprocess.Popen(
                [*PROGRAM, *command.split()[1:]], cwd=self.directory, env=self.environment, stdout=log, stderr=log
            )


@pytest.fixture
def newcomer(any_kafka: Any, fresh_prefix: str, tmp_path: Path) -> Newcomer:
    """Somebody with a broker, a file of orders, the mapping that the docs show, and a token."""
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "mapping.toml").write_text(fenced("docs/importing.md", "toml")[0])
    return Newcomer(
        tmp_path,
        TAPESH_KAFKA__BOOTSTRAP=any_kafka.bootstrap,
        TAPESH_KAFKA__TOPIC_PREFIX=fresh_prefix,
        TAPESH_KAFKA__PARTITIONS="2",
        TAPESH_KAFKA__SESSION_TIMEOUT="6s",
        TAPESH_KAFKA__HEARTBEAT_INTERVAL="1s",
        TAPESH_KAFKA__REBALANCE_TIMEOUT="6s",
        TAPESH_APP_ID=f"{fresh_prefix}group",
        TAPESH_CURRENCY="GBP",
        TAPESH_REDIS__URL="",
        TAPESH_WEB__PORT=str(free_port()),
        TAPESH_WEB__TOKEN="a-token-of-step-four",
    )


def until(what: str, reached: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := reached()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return answer


def is_ready(newcomer: Newcomer) -> bool:
    try:
        port = newcomer.environment["TAPESH_WEB__PORT"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
            return True
    except (urllib.error.URLError, OSError) as error:
        # Ready but for want of an event, which a newcomer's engine is.
        return isinstance(error, urllib.error.HTTPError) and b"no event has come yet" in error.read()


@pytest.fixture
def engine(newcomer: Newcomer) -> Iterator[list[subprocess.Popen[bytes]]]:
    """What was left running, ended afterwards."""
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for process in running:
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.mark.timeout(240)
def test_the_tutorial_works_command_by_command(newcomer: Newcomer, engine: list[subprocess.Popen[bytes]]) -> None:
    """What needs an engine is run once one runs; what is missing is said by `check` before, and nothing after."""
    walked, later = [], []
    for command in commands("docs/tutorial.md"):
        if command in RUN_ELSEWHERE:
            continue
        if not engine and command.split()[1] in OF_A_RUNNING_ENGINE:
            later.append(command)
            continue
        walk(newcomer, engine, command)
        walked.append(command)
    for command in later:
        until(
            f"{command} answers; {newcomer.types(command).stderr}",
            lambda command=command: newcomer.types(command).returncode == 0,
        )
    assert len(walked) > 6
    assert "`tapesh produce shop.ndjson`" in (ROOT / "docs/tutorial.md").read_text()
    walk(newcomer, engine, "tapesh produce shop.ndjson")
    until(
        "what step 2 has counted without a broker, the engine counts as well",
        lambda: '"revenue": 32.49' in newcomer.types("tapesh kpis --json").stdout,
    )


def walk(newcomer: Newcomer, engine: list[subprocess.Popen[bytes]], command: str) -> None:
    if command == "tapesh worker":
        engine.append(newcomer.leaves_running(command))
        until(f"a worker is ready: {(newcomer.directory / 'worker.log').read_text()}", lambda: is_ready(newcomer))
        assert newcomer.types("tapesh check").returncode == 0
        return
    done = newcomer.types(command)
    if command == "tapesh check" and not engine:
        assert "create them: tapesh topics" in done.stdout
    else:
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def test_the_readmes_commands_are_run(newcomer: Newcomer) -> None:
    """Those in its blocks elsewhere; those in its sentences that need no engine here."""
    assert set(commands("README.md")) <= set(RUN_ELSEWHERE)
    for where in RUN_ELSEWHERE.values():
        assert (ROOT / where).exists()
    assert "`tapesh compute events.ndjson`" in (ROOT / "README.md").read_text()
    assert newcomer.types("tapesh import csv orders.csv --mapping mapping.toml -o events.ndjson").returncode == 0
    counted = newcomer.types("tapesh compute events.ndjson")
    assert counted.returncode == 0
    assert "Revenue" in counted.stdout
