"""`python -m benchmarks [NAME ...]`: run measurements, all of them if none is named."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks import latency, stalls, takeover, throughput

MEASUREMENTS: dict[str, Callable[[], None]] = {
    "throughput": throughput.run,
    "latency": latency.run,
    "takeover": takeover.run,
    "stalls": stalls.run,
}


def main(wanted: list[str]) -> int:
    """Run what is wanted; 2 if a name isn't known."""
    if strange := [name for name in wanted if name not in MEASUREMENTS]:
        print(f"no measurement {strange[0]!r}; there are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    for name in wanted or MEASUREMENTS:
        print(f"--- {name}")
        MEASUREMENTS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
