"""State outlives the program that wrote it: an older format is read and migrated, a newer one refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from agreement import kpis

from metrics.economics import Economics
from streams import checkpoint as checkpoints
from streams import ids, migrations
from streams.checkpoint import Checkpointer, restore
from streams.compute import compute
from streams.manifest import Epoch, Piece, StateRefusedError, check_meaning, manifest_key, newest
from streams.meaning import Meaning, components_digest
from streams.migrations import CHANGES, FORMAT, MANIFESTS
from streams.partition import PartitionState
from streams.persons import UNKNOWN

STATES = Path(__file__).parent / "states"
HORIZON_MS = 30 * 86_400_000
RECORDED = sorted(int(path.stem.rpartition("-")[2]) for path in STATES.glob("format-*.changelog"))


def recorded(number: int) -> tuple[list[bytes], dict[bytes, bytes]]:
    """The log of a recorded state, and its changelog."""
    changelog = msgspec.msgpack.decode((STATES / f"format-{number}.changelog").read_bytes())
    return (STATES / f"format-{number}.ndjson").read_bytes().splitlines(), changelog


def loaded(stored: dict[bytes, bytes], partitions: int = 1) -> tuple[PartitionState, Checkpointer, int]:
    """What an owner makes of a changelog, and from which offset it reads on."""
    plan = newest(stored, 0)
    assert plan is not None
    state = PartitionState(Meaning(), 0, partitions, horizon_ms=HORIZON_MS)
    known = restore(state, plan, stored)
    needed = plan.keys(0) | {manifest_key(0, Epoch(*plan.epoch))}
    writer = Checkpointer(0, Epoch(*plan.epoch).after(2), plan, known, stored.keys() - needed)
    return state, writer, plan.offsets["customer-events"]


@pytest.fixture(autouse=True)
def _cut_as_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "BLOCK_ROWS", 8)
    monkeypatch.setattr(ids, "MERGED_SEGMENTS", 4)


def arrive(state: PartitionState, log: list[bytes], position: int) -> None:
    state.arrive(log[position:], range(position * 1000, len(log) * 1000, 1000))


def computed(log: list[bytes], now_ms: int) -> dict[str, Any]:
    """What the whole log says at an instant, folded at one go."""
    return compute(log, Meaning(), Economics("EUR"), now_ms=now_ms).snapshot


@pytest.mark.parametrize("number", RECORDED)
def test_a_recorded_state_goes_on_as_if_this_program_had_written_it(number: int) -> None:
    """Restored, it takes in the rest of its log, repeats among it, and every figure is that of the whole log."""
    log, stored = recorded(number)
    state, writer, position = loaded(stored)
    assert 0 < position < len(log)
    assert state.waiting, "the recorded state has events that no tick had reached"
    arrive(state, log, position)
    end_ms = state.latest_event_ms
    state.advance(end_ms)
    assert state.counts.duplicates > 0, "an event that the recorded state has counted came again"
    figures, whole = kpis([state]), computed(log, end_ms)
    assert figures == {name: whole[name] for name in figures}

    draft = writer.draft(state, {"customer-events": len(log)}).pack()
    stored.update([*draft.entries, draft.manifest])
    for key in writer.settle(draft):
        del stored[key]
    assert msgspec.msgpack.decode(draft.manifest[1])["format"] == FORMAT
    again, _, position = loaded(stored)
    assert position == len(log)
    assert kpis([again]) == kpis([state])
    assert {piece.format for _, piece in writer.last.entries()} >= {FORMAT}  # type: ignore[union-attr]


@pytest.mark.parametrize("number", [number for number in RECORDED if number < 3])
def test_orders_that_an_older_format_did_not_count_are_unknown_and_stay_so(number: int) -> None:
    """Half a count would be taken for one; who comes after the upgrade is counted."""
    log, stored = recorded(number)
    state, _, position = loaded(stored)
    persons = state.fold.persons
    known_before = len(persons)
    assert set(persons.orders) == {UNKNOWN}
    arrive(state, log, position)
    state.advance(state.latest_event_ms)
    assert set(persons.orders[:known_before]) == {UNKNOWN}
    assert UNKNOWN not in persons.orders[known_before:]


def test_every_format_but_todays_has_a_recorded_state_and_a_way_to_the_next() -> None:
    """Whoever raises the format records what it leaves, and says what has changed."""
    assert list(range(1, FORMAT)) == [number for number in RECORDED if number < FORMAT]
    assert set(MANIFESTS) == set(range(1, FORMAT))
    assert set(CHANGES) == set(range(1, FORMAT + 1))


def test_state_of_a_newer_program_is_refused_with_the_way_out() -> None:
    """An older worker must not drop what it doesn't know: its partitions go to upgraded ones."""
    _, stored = recorded(1)
    key = manifest_key(0, Epoch(0, 1))
    stored[key] = msgspec.msgpack.encode({**msgspec.msgpack.decode(stored[key]), "format": FORMAT + 1})
    with pytest.raises(StateRefusedError, match=rf"format {FORMAT + 1}.*newer tapesh; upgrade this worker"):
        newest(stored, 0)


def test_state_kept_for_another_number_of_partitions_is_refused() -> None:
    """A person would be looked for where it never was: no replay mends that, only topics of another count."""
    log, stored = recorded(1)
    state, writer, position = loaded(stored)
    arrive(state, log, position)
    state.advance(state.latest_event_ms)
    draft = writer.draft(state, {"customer-events": len(log)}).pack()
    stored.update([*draft.entries, draft.manifest])
    with pytest.raises(StateRefusedError, match=r"partitions = 1, which is now 4.*kafka\.topic_prefix"):
        loaded(stored, partitions=4)


def test_an_entry_of_an_older_layout_is_migrated_step_by_step_as_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step turns one format into the next; a part that no step names is read as it is."""
    monkeypatch.setattr(migrations, "FORMAT", 4)
    monkeypatch.setattr(
        migrations, "ENTRIES", {(1, "ids"): lambda old: [*old, "from 2"], (3, "ids"): lambda old: [*old, "from 4"]}
    )
    assert migrations.is_changed("ids-0", 3)
    assert not migrations.is_changed("ids-0", 4)
    assert not migrations.is_changed("block-7", 1)
    assert migrations.migrate_entry("ids-0", 1, []) == ["from 2", "from 4"]
    assert migrations.migrate_entry("ids-2", 2, []) == ["from 4"]
    assert migrations.migrate_entry("block-7", 1, ["as it is"]) == ["as it is"]


def test_an_entry_named_by_the_first_format_is_of_the_first_format() -> None:
    """Format 1 wrote four fields of an entry's name; a program of then reads five and takes the four."""
    old = msgspec.msgpack.encode([7, 1, 0, [0, 3]])
    assert msgspec.msgpack.decode(old, type=Piece) == Piece(7, 1, 0, (0, 3), 1)


def test_state_from_before_there_were_fiscal_years_is_of_the_calendar_year() -> None:
    """It goes on where years begin with January, and is refused with both months where they don't."""
    _, stored = recorded(1)
    plan = newest(stored, 0)
    assert plan is not None
    assert "fiscal_year_start" not in plan.meaning
    assert Meaning().describe() == Meaning(fiscal_year_start=1).describe()
    check_meaning(0, plan.meaning | {"components": components_digest()}, Meaning().describe())
    with pytest.raises(StateRefusedError, match="fiscal_year_start was '1' and is now '4'"):
        check_meaning(0, plan.meaning, Meaning(fiscal_year_start=4).describe())
    with pytest.raises(StateRefusedError, match="fiscal_year_start was '4' and is now '1'"):
        check_meaning(0, Meaning(fiscal_year_start=4).describe(), Meaning().describe())
