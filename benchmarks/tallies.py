"""What a tally of cohorts and tenures costs in one partition: the hold on the event loop, and the thread's time.

`python -m benchmarks.tallies`; with `--persons N`. Three in ten have cancelled once, two in ten have another history.
"""

from __future__ import annotations

import argparse
import json
import time
from random import Random

from streams.lifetimes import Instant
from streams.panes import DAY_MS, ReportingTime
from streams.persons import History, Persons
from streams.spans import picture_of, spans_of
from streams.tally import bounds_at, tallied

NOW_MS = 1_781_530_640_250
"""In June 2026."""
_ROUNDS = 5


def main() -> None:
    """Measure some rounds and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=1_000_000)
    persons, bounds = made(parser.parse_args().persons), bounds_at(ReportingTime(), NOW_MS)
    holds, counts, size = [], [], 0
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        picture = picture_of(persons)
        taken = time.perf_counter()
        size = len(tallied(spans_of(picture), bounds).pack())
        holds.append(taken - began)
        counts.append(time.perf_counter() - taken)
    middle = _ROUNDS // 2
    figures = {"persons": len(persons), "hold_s": sorted(holds)[middle], "thread_s": sorted(counts)[middle]}
    print(json.dumps({**figures, "bytes": size}))


def made(count: int) -> Persons:
    """Return persons acquired over four years."""
    chance, persons = Random(1), Persons()
    for number in range(count):
        row = persons.add(f"c{number}", 0)
        at_ms = persons.acquired_ms[row] = NOW_MS - chance.randrange(1_500 * DAY_MS)
        if number % 10 < 3:
            left = Instant(at_ms + (NOW_MS - at_ms) // 2, closes=True, event_id=f"e{number}", reason="price")
            persons.keep(row, History(transitions=[Instant(at_ms, opens=True), left]))
        elif number % 10 < 5:
            persons.keep(row, History(membership=[Instant(at_ms, opens=True)]))
    return persons


if __name__ == "__main__":
    main()
