"""What the KPI agent says of alerts: on gauges and in `/kpis`, and when it says nothing."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.false_alarms import Shop, year
from metrics import names
from metrics.alerting import WATCHES
from metrics.catalogue import CATALOGUE
from streams.alerts import EVERY_S, Alerts
from streams.merge import Admission
from streams.messages import answer, decode_answer, decode_tick, encode_answer, encode_tick
from streams.panes import DAY_MS
from streams.partition import PartitionState
from streams.rounds import Rounds
from streams.settings import Kafka, Settings
from streams.track import STEP_MS

UNKNOWN = {kpi.id: "partition 3 has no owner" for kpi in CATALOGUE}


def samples(alerts: Alerts, unknown: dict[str, str] | None = None) -> dict[tuple[str, str, str, str], float]:
    """Gauges by (name, alert, tier, span)."""
    text = alerts.exposition(unknown or {}).decode()
    found = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(one.name, one.labels["alert"], one.labels["tier"], one.labels.get("span", "")): one.value for one in found}


@pytest.fixture(scope="module")
def spiking() -> tuple[Alerts, int]:
    """A shop of 20,000 that has lost five times as many as usual for six hours; and the time."""
    end = 12 * 7 * 288
    track = year(Shop(20_000), 12, np.random.default_rng(3), burst=(end - 72, 72, 5.0))
    now_ms = track.end * STEP_MS
    alerts = Alerts(Settings())
    alerts.take(track, now_ms, {})
    return alerts, now_ms


def test_a_gauge_each_for_what_was_counted_expected_and_allowed(spiking):
    """And the rules' conditions can be asked of them."""
    alerts, now_ms = spiking
    found = samples(alerts)
    observed, expected = (found[name, "churn", "6h", "long"] for name in (names.ALERT_OBSERVED, names.ALERT_EXPECTED))
    assert observed >= 4 * expected > 0
    assert found[names.ALERT_P_VALUE, "churn", "6h", ""] < found[names.ALERT_ALPHA, "churn", "6h", ""] <= 1e-4
    assert observed >= found[names.ALERT_NEEDED, "churn", "6h", ""]
    assert found[names.ALERT_END, "churn", "6h", ""] == now_ms / 1000
    assert found[names.ALERT_BASE, "churn", "6h", ""] == pytest.approx(20_000, rel=0.01)
    assert found[names.ALERT_ON, "churn", "1h", ""] == 0
    assert (names.ALERT_P_VALUE, "churn", "1h", "") not in found


def test_every_alert_is_told_of_before_the_first_judgement():
    """Figures come first; who asks then isn't told that nothing is watched."""
    said = Alerts(Settings()).document({})
    assert {watch.id: said[watch.id] for watch in WATCHES} == {
        watch.id: {"kpi": watch.kpi, "silent": "not judged yet"} for watch in WATCHES
    }


def test_what_is_unknown_or_not_yet_learned_has_no_gauge(spiking):
    """So no rule can fire on it; the document says why."""
    alerts, _ = spiking
    assert samples(alerts, UNKNOWN) == {}
    assert {alert for _, alert, _, _ in samples(alerts)} == {"churn"}
    said = alerts.document({})
    reason = "nothing to learn from yet: it has never happened"
    assert said["conversion"] == {"kpi": "conversion_rate", "silent": reason}
    assert alerts.document(UNKNOWN)["churn"] == {"kpi": "churn_rate", "unknown": "partition 3 has no owner"}


def test_the_document_says_which_windows_are_on_and_why(spiking):
    """And since when one fires."""
    alerts, now_ms = spiking
    windows = alerts.document({})["churn"]["windows"]
    assert windows["1h"]["on"] is False
    assert "too few customers for a window of 1h" in windows["1h"]["why"]
    assert windows["6h"]["on"] is True
    assert windows["6h"]["firing"] is True
    since = windows["6h"]["since"]
    alerts.take(year(Shop(20_000), 12, np.random.default_rng(3), burst=(12 * 2_016 - 72, 72, 5.0)), now_ms + 1_000, {})
    assert alerts.document({})["churn"]["windows"]["6h"]["since"] == since


def test_a_source_that_delivers_at_night_is_judged_up_to_then(spiking):
    """The windows end at its watermark: what it hasn't delivered isn't taken for silence."""
    _, now_ms = spiking
    track = year(Shop(20_000), 12, np.random.default_rng(3), burst=(12 * 2_016 - 144, 72, 5.0))
    alerts = Alerts(Settings())
    alerts.take(track, now_ms, {"cancellation": now_ms - 72 * STEP_MS})
    assert alerts.document({})["churn"]["windows"]["6h"]["firing"] is True
    alerts.take(track, now_ms, {})
    assert alerts.document({})["churn"]["windows"]["6h"]["firing"] is False


def test_a_target_may_say_what_is_expected():
    """A young shop with a target is judged by it, from the first day."""
    track = year(Shop(20_000), 2, np.random.default_rng(3))
    settings = Settings(targets={"churn_rate": {"month": 0.02, "year": 0.5}}, alerts={"expected": "target"})
    alerts = Alerts(settings)
    alerts.take(track, track.end * STEP_MS, {})
    expected = samples(alerts)[names.ALERT_EXPECTED, "churn", "7d", "long"]
    assert expected == pytest.approx(20_000 * 0.02 / 30.44 * 7, rel=0.01)
    alerts = Alerts(Settings(targets={"churn_rate": {"month": 0.02}}))
    alerts.take(track, track.end * STEP_MS, {})
    assert alerts.document({})["churn"]["silent"].startswith("learning what is usual: 13 of 35 days")


def test_partitions_are_asked_now_and_then_and_their_answers_judged_together():
    """A tick asks for tracks every few seconds; the round that answers it is judged."""
    settings = Settings(kafka=Kafka(partitions=2))
    rounds = Rounds(settings, "me", "http://me", Admission())
    states = [PartitionState(settings.meaning, number, 2) for number in range(2)]
    now_ms = 20_000 * DAY_MS

    def ask(now_s: float) -> bool:
        tick = decode_tick(encode_tick(rounds.tick(now_ms, now_s)))
        for state in states:
            state.advance(tick.now_ms)
            reply = answer(tick, "0", state.report(), {}, 0)
            if tick.track:
                reply.track = state.track.pack()
            rounds.take(decode_answer(encode_answer(reply)), now_s)
        return tick.track

    assert [ask(1.0), ask(1.5), ask(1.0 + EVERY_S)] == [True, False, True]
    assert rounds.alerts.now_ms == now_ms
    assert "churn" in rounds.alerts.document({})
