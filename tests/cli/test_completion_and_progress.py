"""A shell completes commands, options and names of KPIs; whoever watches a terminal sees how far a long job is."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from streams.cli import console, forget, kafka, rebuilding

PROGRAM = ("-c", "from streams.cli import main; main()")


def completed(*words: str, shell: str = "bash") -> list[str]:
    """What the shell is given to complete the last of some words with, as its script asks for it."""
    asked = {"COMP_WORDS": " ".join(["tapesh", *words]), "COMP_CWORD": str(len(words))}
    if shell != "bash":
        asked = {"_TYPER_COMPLETE_ARGS": " ".join(["tapesh", *words]), "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    environment = {**os.environ, **asked, "_TAPESH_COMPLETE": f"complete_{shell}"}
    done = subprocess.run([sys.executable, *PROGRAM], env=environment, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("re",), ["rebuild", "render"]),
        (("targets", "se"), ["set"]),
        (("compute", "--al"), ["--all"]),
        (("catalogue", "net_cu"), ["net_customer_growth"]),
        (("explain", "involuntary"), ["involuntary_churn_rate"]),
        (("targets", "set", "new_cust"), ["new_customers"]),
        (("targets", "set", "revenue", "q"), ["quarter"]),
        (("import", "cd"), ["cdnow"]),
    ],
)
def test_what_is_begun_is_completed(words: tuple[str, ...], expected: list[str]) -> None:
    """Commands, subcommands, options, KPIs, windows, data sets."""
    assert completed(*words) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    """`tapesh --show-completion` prints it; the script calls `tapesh` by the name that people type."""
    done = subprocess.run(
        [sys.executable, *PROGRAM, "--show-completion"],
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "SHELL": f"/bin/{shell}"},
        capture_output=True,
        text=True,
        check=False,
    )
    shown = (
        done.stdout
        or subprocess.run(
            [sys.executable, *PROGRAM],
            env={**os.environ, "_TAPESH_COMPLETE": f"source_{shell}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    assert "tapesh" in shown
    assert "_TAPESH_COMPLETE" in shown


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What somebody at a terminal sees on standard error."""
    seen = io.StringIO()
    watched = Console(file=seen, force_terminal=True, width=120)
    for module in (console, forget, kafka, rebuilding):
        monkeypatch.setattr(module, "ERR", watched)
    return seen


@pytest.fixture
def events(tmp_path: Path, purchase: Callable[..., bytes]) -> str:
    (tmp_path / "shop.ndjson").write_bytes(b"\n".join(purchase(number) for number in range(600)) + b"\n")
    return str(tmp_path / "shop.ndjson")


def test_files_that_are_counted_are_read_and_then_counted(tapesh: Any, terminal: io.StringIO, events: str) -> None:
    """`compute`, `backtest` and `backfill`: reading isn't all of the work."""
    assert tapesh("compute", events, "--json").exit_code == 0
    assert "reading" in terminal.getvalue()
    assert "counting" in terminal.getvalue()
    assert tapesh("backtest", events).exit_code == 0
    assert "playing it through" in terminal.getvalue()
    assert tapesh("backfill", events, "-o", f"{events}.om", "--step", "10m").exit_code == 0
    assert "computing" in terminal.getvalue()


def test_an_import_shows_the_rows_that_are_read(tapesh: Any, terminal: io.StringIO, tmp_path: Path) -> None:
    """Before it writes the first event, which it can't while a later row may be an earlier event."""
    (tmp_path / "CDNOW_master.txt").write_text(" 00001 19970101  1   11.77\n" * 3)
    result = tapesh("import", "cdnow", str(tmp_path / "CDNOW_master.txt"), "-o", str(tmp_path / "out.ndjson"))
    assert result.exit_code == 0, result.stderr
    assert "rows read" in terminal.getvalue()


def test_events_on_their_way_are_shown(tapesh: Any, terminal: io.StringIO, on_kafka: Any, events: str) -> None:
    """`produce`, from a file of which the size is known."""
    del on_kafka
    assert tapesh("produce", events).exit_code == 0
    assert "publishing" in terminal.getvalue()
