"""What a round makes of silent sources: some KPIs without a figure, the others as they are, in one voice."""

from __future__ import annotations

from typing import Any

from fake_log import purchase
from test_rounds import CLOCK_MS, Cluster

from metrics import names
from metrics.catalogue import CATALOGUE
from metrics.economics import Economics
from metrics.feeds import event_types, kpis_on_lifetimes
from metrics.withheld import withheld
from streams.messages import Answer, Tick

FED = event_types(Economics("EUR"))
EXPECTED = [{"name": "till", "types": ["purchase"], "every": "1h"}]


class Reporting(Cluster):
    """Partitions that tell how far their sources have delivered, as owned ones do."""

    def answer(self, tick: Tick, number: int, *, waiting: int = 0) -> Answer:
        reply = super().answer(tick, number, waiting=waiting)
        if tick.full:
            reply.watermarks = self.states[number].watermarks.pack()
        return reply

    def after(self, ms: int) -> dict[str, Any]:
        """A round some time later, and what is said of it."""
        self.clock_ms += ms
        self.now_s += ms / 1000
        assert self.round(0, 1)
        assert self.rounds.snapshot is not None
        return withheld(self.rounds.snapshot.document, self.rounds.unknown(self.now_s))


def test_a_silent_source_makes_some_kpis_unknown_and_leaves_the_rest() -> None:
    """In windows and slices, and it comes back; the word for the metric is one of a few."""
    cluster = Reporting(health={"expected": EXPECTED, "settle": "1s"})
    fed = {kpi for kpi, types in FED.items() if "purchase" in types}
    said = cluster.after(3_599_000)
    assert said["unknown"] == {}
    said = cluster.after(3_600_000)
    assert set(said["unknown"]) == fed
    assert {reason.slug for reason in cluster.rounds.reasons(cluster.now_s).values()} == {names.SILENT_SOURCE}
    assert said["windows"]["lifetime"]["orders"] is None
    assert said["windows"]["lifetime"]["active_customers"] == 0

    event = purchase(1).replace(b"2026-01-01T00:00:01Z", b"2026-01-02T01:59:00Z")
    cluster.states[1].arrive([event], [CLOCK_MS + 7_190_000])
    assert set(cluster.after(500)["unknown"]) == fed
    said = cluster.after(1_000)
    assert said["unknown"] == {}
    assert said["windows"]["lifetime"]["orders"] == 1
    assert cluster.rounds.snapshot.watermarks == {"purchase": cluster.clock_ms}


def test_slices_lose_the_figures_that_are_unknown_and_keep_the_others() -> None:
    """All of them when everything is unknown."""
    cluster = Reporting(health={"expected": EXPECTED, "settle": "1s"})
    cluster.states[0].arrive([purchase(1)], [CLOCK_MS])
    said = cluster.after(24 * 3_600_000)
    values = said["slices"]["channel"]["unattributed"]["lifetime"]
    assert (values["orders"], values["active_customers"]) == (None, 0)
    cluster.now_s += 10
    said = withheld(cluster.rounds.snapshot.document, cluster.rounds.unknown(cluster.now_s))
    assert len(said["unknown"]) == len(CATALOGUE)
    values = said["slices"]["channel"]["unattributed"]["lifetime"]
    assert set(values.values()) == {None}


def test_for_want_of_a_partition_everything_is_unknown_whatever_the_sources() -> None:
    """The wider reason is the one that is given."""
    cluster = Reporting(health={"expected": EXPECTED})
    cluster.after(1)
    cluster.after(24 * 3_600_000)
    cluster.now_s += 10
    assert cluster.reasons() == {"no answer from partition 0, 1"}
    assert {reason.slug for reason in cluster.rounds.reasons(cluster.now_s).values()} == {names.NO_ANSWER}


def test_books_that_do_not_balance_make_kpis_on_lifetimes_unknown(monkeypatch) -> None:
    """From the snapshot in which it shows."""
    cluster = Reporting()
    assert cluster.after(1)["unknown"] == {}
    monkeypatch.setattr("streams.rounds.books_residual", lambda _: 2)
    said = cluster.after(1)
    assert set(said["unknown"]) == kpis_on_lifetimes(Economics("EUR"))
    assert set(said["unknown"].values()) == {"the books were out by 2 customers"}


def test_every_reason_has_a_word_that_is_named() -> None:
    """A label of the metric has one of these values."""
    cluster = Reporting(clock="event")
    found = {reason.slug for reason in cluster.rounds.reasons(cluster.now_s).values()}
    assert found <= set(names.UNKNOWN_REASONS)
    assert len(set(names.UNKNOWN_REASONS)) == len(names.UNKNOWN_REASONS)
