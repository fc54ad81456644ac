"""`tapesh targets`: the table, and what is sent to set one."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typer.testing import CliRunner

from streams.cli.app import app

TARGET: dict[str, Any] = {
    "kpi": "orders",
    "window": "month",
    "target": 500.0,
    "from": "set",
    "set_at": "2026-06-02T00:00:00.000Z",
    "first": "2026-06-01",
    "last": "2026-06-30",
    "elapsed": 0.5,
    "value": 240.0,
    "attainment": 0.48,
    "adds_up": True,
    "expected": 250.0,
    "pace": 0.96,
    "forecast": 470.0,
    "needed_per_day": 17.333,
    "chance": 0.21,
    "unknown": None,
}
DOCUMENT = {"now": "2026-06-16T00:00:00.000Z", "targets": [TARGET]}


class Engine:
    """Answers as an engine does, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answer: tuple[int, Any] = (200, DOCUMENT)
        engine = self

        class Pages(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                engine.asked.append((self.command, self.path, json.loads(body) if body else None))
                self.send_response(engine.answer[0])
                self.end_headers()
                self.wfile.write(json.dumps(engine.answer[1]).encode())

            do_PUT = do_DELETE = do_GET  # noqa: N815 - the library's names

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)

    def run(self, *words: str) -> Any:
        url = f"http://127.0.0.1:{self.server.server_port}"
        return CliRunner().invoke(app, ["targets", *words, "--url", url])


@pytest.fixture
def engine():
    made = Engine()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_the_table_shows_what_is_reached_and_what_is_needed(engine: Engine) -> None:
    """Figures in the KPI's unit, shares in per cent, and who has set it."""
    shown = " ".join(engine.run().output.split())
    assert engine.asked == [("GET", "/targets", None)]
    for part in ("Orders", "month, set", "2026-06-30", "240.00", "500.00", "48%", "96%", "470.00", "17.33", "21%"):
        assert part in shown


def test_json_is_the_page_as_it_is(engine: Engine) -> None:
    """For programs."""
    assert json.loads(engine.run("--json").stdout) == DOCUMENT


def test_setting_and_withdrawing_are_one_request_each(engine: Engine) -> None:
    """And show where targets stand then."""
    assert "Orders" in engine.run("set", "orders", "month", "500").output
    assert "Orders" in engine.run("unset", "orders", "month").output
    assert engine.asked == [
        ("PUT", "/targets/orders/month", {"value": 500.0}),
        ("DELETE", "/targets/orders/month", None),
    ]


def test_a_refusal_is_told_in_the_engine_s_words(engine: Engine) -> None:
    """What to set before anybody may set targets."""
    engine.answer = (403, {"error": "nobody may change anything here while web.token is not set"})
    result = engine.run("set", "orders", "month", "500")
    assert result.exit_code == 1
    assert "web.token is not set" in result.output
