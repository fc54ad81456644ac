"""`tapesh dead-letters`: what was rejected, why, and its way back.

The list says nothing of customers, so that it may go into a ticket; `show` does, since somebody has asked for it.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.console import OUT, Failure, say, share_done, write_json
from streams.cli.kafka import broker_failures, waiting_for
from streams.cli.options import ConfigOption, JsonOption, TimeoutOption, settings_of
from streams.cli.safe_text import printable, shown_value

if TYPE_CHECKING:
    from streams.dead_letters import DeadLetter, LetterId, Planner
    from streams.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Look at rejected messages, mend them, and send them back.")

_REASON = typer.Option("--reason", metavar="REASON", help="Only those rejected for this reason, such as not-json.")
_TOPIC = typer.Option("--topic", metavar="TOPIC", help="Only those that came from this topic.")
_SINCE = typer.Option(
    "--since", metavar="WHEN", help="Only those written since an instant (2026-06-15T13:00:00Z) or for so long (2h)."
)
ReasonOption = Annotated[str | None, _REASON]
TopicOption = Annotated[str | None, _TOPIC]
SinceOption = Annotated[str | None, _SINCE]


@app.command("list")
def list_letters(  # noqa: PLR0913, PLR0917 - a command has as many arguments as options
    context: typer.Context,
    reason: ReasonOption = None,
    topic: TopicOption = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Show so many, the newest first.")] = 20,
    summary: Annotated[bool, typer.Option("--summary", help="Count them by reason, field, source and day.")] = False,
    timeout: TimeoutOption = 30.0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show which messages were rejected. What they hold isn't shown: see `show`."""
    settings = settings_of(context, config)
    with ExitStack() as stack:
        stack.enter_context(broker_failures())
        from streams.dead_letters import marks_of, reader

        with waiting_for(settings):
            consumer = stack.enter_context(reader(settings, timeout))
            marks = marks_of(consumer, settings, timeout)
        chosen = _chosen(consumer, settings, _filter(settings, reason, topic), _since_ms(since), timeout)
        if summary:
            _summarize(chosen, as_json=as_json)
            return
        rows = [{**_row(letter), "replayed": marks.is_replayed(letter)} for letter in deque(chosen, maxlen=limit)]
    rows.reverse()
    if as_json:
        write_json(rows)
        return
    _print_table(("id", "rejected", "reason", "field", "source", "from", "replayed"), map(_cells, rows))


@app.command()
def show(
    context: typer.Context,
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    raw: Annotated[bool, typer.Option("--raw", help="Write the message's bytes, and nothing else.")] = False,
    timeout: TimeoutOption = 30.0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show one rejected message, with its customer's data, and what the contract says of it now."""
    settings = settings_of(context, config)
    wanted = _ids([letter_id])[0]
    with ExitStack() as stack:
        stack.enter_context(broker_failures())
        from streams.dead_letters import marks_of, reader

        with waiting_for(settings):
            consumer = stack.enter_context(reader(settings, timeout))
            marks = marks_of(consumer, settings, timeout)
        letter = _named(consumer, settings, wanted, timeout)
        planner = _planner(settings, consumer)
    if raw:
        sys.stdout.buffer.write(letter.value or b"")
        sys.stdout.buffer.flush()
        return
    verdict = planner.judge.verdict(letter.value or b"", _now_ms())
    document = {
        **_row(letter),
        "replayed": marks.is_replayed(letter),
        "key": _text(letter.key),
        "headers": {name: _text(value) for name, value in letter.headers},
        "value": letter.document if letter.document is not None else _text(letter.value),
        "verdict": asdict(verdict),
    }
    if as_json:
        write_json(document)
        return
    told = {**_row(letter), **{f"header {name}": _text(value) for name, value in letter.headers}}
    told |= {"replayed": "yes" if document["replayed"] else "no", "key": _text(letter.key)}
    now = {"now": "accepted" if verdict.accepted else str(verdict), "got": verdict.got, "expected": verdict.expected}
    _print_pairs(told)
    OUT.print(shown_value(letter.value), markup=False, highlight=False, soft_wrap=True)
    _print_pairs({**now, "remedy": verdict.remedy})


@app.command()
def replay(  # noqa: PLR0913, PLR0917 - as above
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `list` shows them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that --reason, --topic and --since leave.")] = False,
    reason: ReasonOption = None,
    topic: TopicOption = None,
    since: SinceOption = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="Put a field right first, such as total.amount=19.99; may be repeated."
        ),
    ] = None,
    edit: Annotated[
        Path | None,
        typer.Option("--edit", exists=True, dir_okay=False, help="The whole message in place of one letter's own."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and send nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also what has been replayed before.")] = False,
    timeout: TimeoutOption = 30.0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Send rejected messages back to the topics that they came from, mended if need be; each once.

    What the contract would reject again is named and left where it is; the exit status is then 1.
    """
    settings = settings_of(context, config)
    wanted = _ids(ids or [])
    _refuse_odd_calls(wanted, edit, everything=everything, filtered=bool(reason or topic or since))
    instead = edit.read_bytes().strip() if edit is not None else None
    with ExitStack() as stack:
        stack.enter_context(broker_failures())
        from streams.cli.replays import Account, replay_all
        from streams.dead_letters import Replay, ReplayError, marks_of, reader
        from streams.topics import ensure_topics

        with waiting_for(settings):
            consumer, other = (stack.enter_context(reader(settings, timeout)) for _ in range(2))
            planner = _planner(settings, other, assignments or [], instead)
            if not dry_run:
                ensure_topics(settings, timeout_s=timeout)
            sender = None if dry_run else stack.enter_context(Replay(settings, other, timeout))
            marks = sender.marks if sender is not None else marks_of(other, settings, timeout)
        if everything:
            chosen = _chosen(consumer, settings, _filter(settings, reason, topic), _since_ms(since), timeout)
        else:
            chosen = iter([_named(consumer, settings, each, timeout) for each in wanted])
        account = Account()
        try:
            replay_all(chosen, planner, marks, sender, account, again=again)
        except ReplayError as error:
            raise Failure(str(error)) from None
        finally:
            account.tell(as_json=as_json, dry_run=dry_run)
    if account.refused:
        raise typer.Exit(1)


def _refuse_odd_calls(wanted: list[LetterId], edit: Path | None, *, everything: bool, filtered: bool) -> None:
    if bool(wanted) == everything:
        raise Failure("name the dead letters by their ids, or take --all of them; `tapesh dead-letters list`", code=2)
    if filtered and not everything:
        raise Failure("--reason, --topic and --since choose among --all; letters named by id need none", code=2)
    if edit is not None and len(wanted) != 1:
        raise Failure("--edit is one message, so name the one dead letter that it is for", code=2)


def _ids(texts: list[str]) -> list[LetterId]:
    from streams.dead_letters.letter import LetterId

    try:
        return list(dict.fromkeys(LetterId.parse(text) for text in texts))
    except ValueError as error:
        raise Failure(f"{error}; `tapesh dead-letters list` shows them", code=2) from None


def _since_ms(written: str | None) -> int | None:
    if written is None:
        return None
    from events.instant import instant_ms, parse_instant
    from streams.settings import Duration

    with suppress(ValueError):
        return _now_ms() - Duration.parse(written).ms
    with suppress(ValueError):
        return instant_ms(parse_instant(written))
    raise Failure(f"--since: got {written!r}, expected 2h, 3d or an instant such as 2026-06-15T13:00:00Z", code=2)


def _filter(settings: Settings, reason: str | None, topic: str | None) -> Callable[[DeadLetter], bool]:
    from events.names import REASONS

    if reason is not None and reason not in REASONS:
        raise Failure(f"--reason: got {reason!r}, expected one of {', '.join(REASONS)}", code=2)
    topics = {topic, settings.topic(topic)} if topic is not None else set()

    def wanted(letter: DeadLetter) -> bool:
        is_from = not topics or (letter.origin is not None and letter.origin.topic in topics)
        return is_from and reason in (None, letter.reason)

    return wanted


def _chosen(
    consumer: Any, settings: Settings, wanted: Callable[[DeadLetter], bool], since_ms: int | None, timeout_s: float
) -> Iterator[DeadLetter]:
    """Read all dead letters, while a bar shows how far it is, and yield those that are wanted."""
    from streams.dead_letters import letters, letters_place, offsets_within

    place = letters_place(consumer, settings)
    if place is None:
        return
    begin, end = offsets_within(consumer, place, since_ms)
    with share_done() as progress:
        task = progress.add_task("reading dead letters", total=end - begin)
        for letter in letters(consumer, place, (begin, end), timeout_s):
            progress.update(task, completed=letter.id.offset - begin + 1)
            # Not every broker can find a place by time: the embedded one answers with the beginning.
            if wanted(letter) and (since_ms is None or letter.written_ms >= since_ms):
                yield letter


def _named(consumer: Any, settings: Settings, wanted: LetterId, timeout_s: float) -> DeadLetter:
    from streams.dead_letters import letter_of, letters_place

    place = letters_place(consumer, settings)
    letter = letter_of(consumer, place, wanted, timeout_s) if place is not None else None
    if letter is None:
        raise Failure(f"there is no dead letter {wanted}, or none any more; `tapesh dead-letters list` shows them")
    return letter


def _planner(
    settings: Settings, consumer: Any, assignments: list[str] | None = None, instead: bytes | None = None
) -> Planner:
    from streams.dead_letters import Judge, Planner
    from streams.topics import source_names

    return Planner(
        Judge(settings.meaning, settings.future_tolerance.ms),
        frozenset(settings.topic(name) for name in source_names(settings)),
        lambda topic: len(consumer.partitions_for_topic(topic) or ()),
        assignments or (),
        instead,
    )


def _now_ms() -> int:
    return int(time.time() * 1000)


def _row(letter: DeadLetter) -> dict[str, Any]:
    """What may be said of a letter without telling of its customer."""
    origin = letter.origin
    return {
        "id": str(letter.id),
        "rejected_at": letter.rejected_at.isoformat(timespec="seconds"),
        "reason": letter.reason,
        "field": letter.field,
        "source": letter.source,
        "topic": origin.topic if origin else None,
        "partition": origin.partition if origin else None,
        "offset": origin.offset if origin else None,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    place = f"{row['topic']}[{row['partition']}] {row['offset']}" if row["topic"] else ""
    told = (row["id"], row["rejected_at"], row["reason"], row["field"], row["source"], place)
    return (*told, "yes" if row["replayed"] else "")


def _summarize(chosen: Iterator[DeadLetter], *, as_json: bool) -> None:
    counts: Counter[tuple[str, str, str, str]] = Counter(
        (letter.reason, letter.field, letter.source, letter.rejected_at.date().isoformat()) for letter in chosen
    )
    columns = ("reason", "field", "source", "day")
    if as_json:
        ranked = counts.most_common()
        write_json([{**dict(zip(columns, group, strict=True)), "count": count} for group, count in ranked])
        return
    _print_table((*columns, "count"), ((*group, f"{count:,}") for group, count in counts.most_common()))


def _print_table(columns: tuple[str, ...], rows: Any) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    if table.row_count:
        OUT.print(table)
    else:
        say("no dead letters")


def _print_pairs(pairs: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs.items():
        if value not in (None, ""):
            table.add_row(printable(name), Text(printable(str(value))))
    OUT.print(table)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")
