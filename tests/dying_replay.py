"""`python dying_replay.py STAGE dead-letters replay ...`: the command line, which dies as by `kill -9` at a stage."""

from __future__ import annotations

import os
import sys
from typing import Any

from kafka import KafkaProducer

from streams.cli import main

STAGES = {
    "intended": ("after", "commit_transaction", 1),
    "sent": ("after", "flush", 2),
    "uncommitted": ("before", "commit_transaction", 2),
    "committed": ("after", "commit_transaction", 2),
}
"""Its intent is marked; events are in the log; their marks, too; all is committed, and nobody has been told."""


def _die_at(when: str, name: str, number: int) -> None:
    whole, calls = getattr(KafkaProducer, name), []

    def call(self: Any, *args: Any, **kwargs: Any) -> None:
        calls.append(name)
        if when == "before" and len(calls) == number:
            os._exit(9)
        whole(self, *args, **kwargs)
        if when == "after" and len(calls) == number:
            os._exit(9)

    setattr(KafkaProducer, name, call)


if __name__ == "__main__":
    _die_at(*STAGES[sys.argv.pop(1)])
    main()
