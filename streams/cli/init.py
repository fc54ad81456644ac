"""`tapesh init`: a settings' file to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.console import Failure, say


def init(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where it goes; `tapesh` looks for tapesh.toml.")
    ] = Path("tapesh.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a tapesh.toml with every setting, explained, as a comment: take the # off what should differ."""
    from streams.settings.example import render

    text = render(commented=True)
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Failure(f"{output} is there already; --force replaces it, -o names another file", code=2) from None
    except OSError as error:
        raise Failure(f"{output}: can't be written: {error.strerror or error}") from None
    say(f"{output} holds every setting as a comment. Next: `tapesh check` says what is still missing")
