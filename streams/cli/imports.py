"""`tapesh import`: known data sets as events."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, cast

import typer

from streams.cli.console import Failure, counted, running_count, say
from streams.cli.lines import STDIN
from streams.cli.options import OnError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.importers import Importer, Tally


def _known(incomplete: str) -> list[tuple[str, str]]:
    from events.importers import IMPORTERS

    return [(name, importer.summary) for name, importer in IMPORTERS.items() if name.startswith(incomplete)]


def import_events(
    name: Annotated[
        str, typer.Argument(autocompletion=_known, help="A data set; `list` shows which there are and their files.")
    ],
    files: Annotated[list[Path] | None, typer.Argument(help="Its files, in the order that `list` shows.")] = None,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where events go; .gz is compressed; - is standard output."
        ),
    ] = STDIN,
    mapping: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="For `csv`: says which column is which field."),
    ] = None,
    on_error: Annotated[
        OnError, typer.Option(help="Bad rows are named on standard error: leave them out, or stop at the first.")
    ] = OnError.CONTINUE,
) -> None:
    """Turn a known data set into events, one JSON object a line, in order of time."""
    from events.importers import IMPORTERS, Tally

    if name == "list":
        for known in IMPORTERS.values():
            typer.echo(f"{known.name} {' '.join(known.files)}\n    {known.summary}")
        return
    if name not in IMPORTERS:
        raise typer.BadParameter(f"got {name!r}, expected one of: {', '.join(IMPORTERS)}", param_hint="'NAME'")
    tally = Tally()
    _write(IMPORTERS[name], files or [], mapping, output, tally, on_error)
    _report(tally)


def _write(
    importer: Importer, files: Sequence[Path], mapping: Path | None, output: str, tally: Tally, on_error: OnError
) -> None:
    import msgspec

    from events.importers import BadMapping, BadRow

    try:
        paths = importer.check_files(files, mapping)
    except (ValueError, FileNotFoundError) as error:
        raise Failure(str(error), code=2) from None
    encoder = msgspec.json.Encoder()
    try:
        with _opened(output) as out, running_count("importing", lambda: f"{tally.rows:,} rows read"):
            for item in importer.read(paths, tally):
                if not isinstance(item, BadRow):
                    out.write(encoder.encode(item) + b"\n")
                    continue
                say(str(item))
                if on_error is OnError.STOP:
                    raise Failure("stopped at the first bad row; --on-error continue leaves bad rows out")
    except BadMapping as error:
        raise Failure(str(error), code=2) from None
    except BadRow as error:  # of a file's header: nothing in it can be trusted
        raise Failure(str(error)) from None


def _report(tally: Tally) -> None:
    say(f"{tally.rows:,} rows: {tally.events.total():,} events ({counted(tally.events)}); {tally.bad_rows:,} bad rows")
    for reason, count in tally.left_out.most_common():
        say(f"left out: {count:,} {reason}")


@contextmanager
def _opened(output: str) -> Iterator[IO[bytes]]:
    """Where events are written. A file gets its name when it is complete, so that half an import is never used."""
    if output == STDIN:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    partial = path.with_name(path.name + ".part")
    try:
        with cast("IO[bytes]", gzip.open(partial, "wb")) if path.suffix == ".gz" else partial.open("wb") as out:
            yield out
        partial.replace(path)
    except OSError as error:
        raise Failure(f"{output}: can't be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
