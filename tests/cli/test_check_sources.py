"""`tapesh check` shows the sources of a running engine: their rhythm, and what is expected of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from metrics.economics import Economics
from streams.health import Health
from streams.settings import Settings
from streams.watermarks import Watermarks, merged

HOUR_MS = 3_600_000
T0 = 1_767_225_600_000  # 2026-01-01
EXPECTED = [{"name": "crm", "source": "crm", "types": ["cancellation"], "by": "06:00"}]


def sources() -> list[dict[str, object]]:
    """As an engine tells them: a till that never rests, and a CRM that should have delivered."""
    health = Health(Settings(health={"expected": EXPECTED}).health_rules, Economics("EUR"), "UTC", live=True)
    marks = Watermarks()
    hours = T0 + HOUR_MS * np.arange(21 * 24 + 1)
    marks.note_all("till", "purchase", hours, hours)
    marks.note_all("crm", "cancellation", hours[:1], hours[:1])
    health.observe(merged([marks.pack()]), 0)
    health.judge(T0 + 21 * 24 * HOUR_MS, 1.0)
    return health.sources()


@pytest.fixture
def engine(monkeypatch) -> Iterator[None]:
    """Something that answers where an engine does."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            told = {"sources": sources()} if self.path == "/kpis?sources" else {}
            self.wfile.write(json.dumps({"windows": {}, **told}).encode())

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("TAPESH_WEB__PORT", str(server.server_port))
    monkeypatch.setenv("TAPESH_KAFKA__BOOTSTRAP", "127.0.0.1:9")
    monkeypatch.setenv("TAPESH_REDIS__URL", "")
    yield
    server.shutdown()
    server.server_close()


def test_sources_are_listed_and_the_silent_one_is_a_problem(engine, tapesh):
    """With its way out; of the others it says from when they will be missed."""
    found = json.loads(tapesh("check", "--json", "--timeout", "0.2").stdout)["findings"]
    crm, till = (finding for finding in found if finding["name"] == "sources")
    assert not crm["ok"]
    assert crm["text"].startswith(
        "cancellation from crm: as it happens; known for less than a week; latest 2026-01-01T"
    )
    assert "expected daily by 06:00; silent: is what emits them running?" in crm["text"]
    assert "TAPESH_HEALTH__RETIRED" in crm["text"]
    assert till["ok"]
    assert "in 168 of 168 hours of the week, by 3 weeks" in till["text"]
    assert "missed from 2026-01-22T" in till["text"]
