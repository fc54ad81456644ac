"""The command line. Thin: each command reads its options, calls the library and shows what came of it."""

from streams.cli.app import main

__all__ = ["main"]
