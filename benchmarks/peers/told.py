"""What every peer is told and tells: arguments in, three lines of JSON out, by the standard library alone."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Told:
    """Where the events are, how many, and what is asked of them."""

    bootstrap: str
    topic: str
    partitions: int
    events: int
    question: str
    jars: str
    small_topic: str
    folder: str
    at_the_end: bool

    @property
    def group(self) -> str:
        """A name that no other run has: nobody goes on where a round before has ended."""
        return f"{self.question}-{Path(self.folder).name}"


def told() -> Told:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "topic", "question", "jars", "small-topic", "folder"):
        parser.add_argument(f"--{name}", default="")
    for name in ("partitions", "events"):
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--at-the-end", action="store_true")
    return Told(**vars(parser.parse_args()))


def begin() -> None:
    """Say that the events begin to come: what it took to start isn't measured."""
    _say({"begin": True})


def end() -> None:
    """Say that the result is there: what it takes to tell it isn't measured."""
    _say({"end": True})


def answer(said: Mapping[str, Any]) -> None:
    """Say the answer, and leave without tidying up."""
    _say({"answer": said})
    os._exit(0)


def keyed(by_customer: Mapping[str, int]) -> dict[str, Any]:
    """Return what is compared of a sum by customer."""
    lines = "\n".join(f"{customer}={minor}" for customer, minor in sorted(by_customer.items()))
    return {
        "customers": len(by_customer),
        "revenue_minor": sum(by_customer.values()),
        "digest": hashlib.sha256(lines.encode()).hexdigest()[:16],
    }


def _say(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
