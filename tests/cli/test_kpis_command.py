"""`tapesh kpis`: a running engine's KPIs, and why there are none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from metrics.catalogue import CATALOGUE

DOCUMENT = {
    "now": "2026-06-15T13:37:20.250Z",
    "settings": {"currency": "JPY", "timezone": "UTC", "calendar": "gregorian", "lapse_after": "90d"},
    "windows": {
        "30d": {"active_customers": 17, "churn_rate": 0.0123, "revenue": 1_234_567.0, "nps": None},
        "lifetime": {"active_customers": 17, "churn_rate": None, "revenue": 1_234_567.0, "nps": 39.84},
    },
    "slices": {"channel": {"web": {"30d": {"active_customers": 12, "churn_rate": 0.5, "revenue": 10.0, "nps": None}}}},
    "unknown": {},
}


class Engine:
    """Answers /kpis with what a test puts here; each answer once, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        engine = self

        class Pages(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = engine.answers.pop(0) if len(engine.answers) > 1 else engine.answers[0]
                self.send_response(status if self.path == "/kpis" else 404)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)

    def says(self, *documents: object, status: int = 200) -> None:
        self.answers = [(status, json.dumps(document).encode()) for document in documents]


@pytest.fixture
def engine(monkeypatch):
    """Something that answers as an engine does, where the settings say."""
    made = Engine()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    monkeypatch.setenv("TAPESH_WEB__PORT", str(made.server.server_port))
    yield made
    made.server.shutdown()
    made.server.server_close()


def rows(text: str) -> dict[str, list[str]]:
    """The printed table's rows by their first cell."""
    lines = [line.strip("│┃ ").replace("┃", "│") for line in text.splitlines() if line[:1] in "│┃" and line.strip()]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in (line.split("│") for line in lines)}


def test_the_table_shows_values_by_their_unit(engine, tapesh):
    """Shares in per cent, money with its currency's decimals, what is undefined as a dash."""
    engine.says(DOCUMENT)
    shown = rows(tapesh("kpis").stdout)
    assert shown["Churn rate"] == ["1.2 %", "–"]
    assert shown["Revenue, JPY"] == ["1,234,567", "1,234,567"]
    assert shown["Net promoter score (NPS)"] == ["–", "39.8"]


def test_a_slice_shows_its_values_beside_everybody(engine, tapesh):
    """In one window."""
    engine.says(DOCUMENT)
    shown = rows(tapesh("kpis", "--slice", "channel", "--window", "30d").stdout)
    assert shown["Churn rate"] == ["1.2 %", "50.0 %"]


def test_json_is_what_the_engine_says(engine, tapesh):
    """Nothing is added, nothing is lost."""
    engine.says(DOCUMENT)
    assert json.loads(tapesh("kpis", "--json").stdout) == DOCUMENT


def test_what_is_unknown_is_shown_as_such_with_its_reason(engine, tapesh):
    """Never as a value."""
    reason = "no answer from partition 3"
    engine.says({**DOCUMENT, "unknown": {"churn_rate": reason}})
    result = tapesh("kpis")
    assert rows(result.stdout)["Churn rate"] == ["unknown", "unknown"]
    assert f"unknown: churn_rate: {reason}" in result.stdout


def test_an_engine_that_starts_says_so(engine, tapesh):
    """One line, not sixty with the same reason; no windows are needed for it."""
    unknown = {kpi.id: "starting" for kpi in CATALOGUE}
    engine.says({"now": None, "windows": {}, "slices": {}, "unknown": unknown})
    assert tapesh("kpis").stdout.strip() == "unknown: every KPI: starting"
    assert tapesh("kpis", "--window", "30d", "--slice", "channel").stdout.strip() == "unknown: every KPI: starting"


def test_no_engine_is_told_with_how_to_start_one(tapesh):
    """Without a traceback."""
    result = tapesh("kpis", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "no engine answers at http://127.0.0.1:9" in result.stderr
    assert "tapesh worker" in result.stderr


def test_an_engine_that_cannot_answer_is_quoted(engine, tapesh):
    """It knows best why."""
    engine.says({"error": "no worker answers for the KPIs yet"}, status=503)
    result = tapesh("kpis")
    assert result.exit_code == 1
    assert "HTTP 503: no worker answers for the KPIs yet" in result.stderr


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"title": "another program"}', b"\xff"])
def test_something_else_that_answers_is_not_taken_for_an_engine(engine, tapesh, body):
    """Another program may listen on the port."""
    engine.answers = [(200, body)]
    result = tapesh("kpis")
    assert result.exit_code == 1
    assert "is it an engine?" in result.stderr


def test_an_address_of_another_kind_is_refused(tapesh):
    """A file isn't an engine."""
    result = tapesh("kpis", "--url", "file:///etc/hostname")
    assert result.exit_code == 2
    assert "expected an address such as http://" in result.stderr


def test_watching_writes_a_line_for_each_change(engine):
    """For a program that follows along; what stays the same isn't repeated."""
    later = {**DOCUMENT, "now": "2026-06-15T13:37:20.750Z"}
    engine.says(DOCUMENT, DOCUMENT, later)
    url = f"http://127.0.0.1:{engine.server.server_port}"
    command = [sys.executable, "-m", "streams.cli", "kpis", "--watch", "--every", "0.1", "--json", "--url", url]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert [json.loads(process.stdout.readline()) for _ in range(2)] == [DOCUMENT, later]
        finally:
            process.terminate()


def test_watching_in_a_table_survives_a_restart_of_the_engine(engine, tapesh, monkeypatch):
    """While it is away the reason is shown, and then the KPIs again."""
    engine.answers = [(200, json.dumps(DOCUMENT).encode()), (503, b'{"error": "no owner"}')]
    naps = iter(range(2))

    def nap(_seconds: float) -> None:
        if next(naps, None) is None:
            raise KeyboardInterrupt

    monkeypatch.setattr("streams.cli.kpis.time.sleep", nap)
    result = tapesh("kpis", "--watch")
    assert result.exit_code == 130
    assert "HTTP 503: no owner" in result.stdout
