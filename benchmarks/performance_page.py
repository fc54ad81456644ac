"""docs/performance.md as a function of what is kept: nothing on it is typed in but sentences."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from benchmarks import figures
from benchmarks.bench import PARTITIONS
from benchmarks.figures import Kept, Spread
from benchmarks.goals import GOALS
from benchmarks.peer import PEERS, titled

_WIDTH = 120
_HEAD = """# Performance

What was measured, with what, and how to measure it again. Rendered by `python -m benchmarks report` from
`benchmarks/results`; a test holds the two together.

- [Goals](#goals)
- [Beside its peers](#beside-its-peers)
- [From event to gauge](#from-event-to-gauge)
- [As customers grow](#as-customers-grow)
- [Holds, recovery, scrapes](#holds-recovery-scrapes)
- [How it is measured](#how-it-is-measured)
- [Measure it yourself](#measure-it-yourself)

What it comes to at a thousand times the size is in [scaling](scaling.md).
"""
_HOW = (
    """**The load** (`benchmarks/load.py`) is drawn from a seed: customers acquired over 300 days, then a mixed stream
    of all event types, {bytes:.0f} bytes each on average, by customers drawn by Zipf's law (exponent 0.8). One
    event in a hundred is late by up to two days, one in two hundred comes twice. Everyone reads the same bytes
    from the same broker, Apache Kafka, one node, four partitions.""",
    """**tapesh** does all that it does in production: every KPI, ten windows, four slice attributes, deduplication,
    checkpoints, ticks every half second. A measurement counts once {compared} figures of its KPI document equal
    those that `benchmarks/truth.py` works out from the same bytes by other means. Its customers are acquired
    first; the mixed stream alone is measured.""",
    """**A peer** does what its row says, as its own documentation advises, in an environment of its own (pinned in
    `benchmarks/peers`), and its answer must equal the truth. What it takes to start isn't counted: its time
    begins with its first event, for Flink with a second job in a Java machine that a first one has warmed.
    Faust and Quix Streams write their changelog, as they do by default; Bytewax, Pathway and Flink keep nothing
    for a crash here. None deduplicates. Peers read the customers' topic alone, tapesh the marketing spends as
    well, one event in a hundred. Slow peers get a shorter beginning of the stream.""",
    """**In continuous integration** tapesh runs beside plain Faust with one table write an event for some seconds, and
    a test holds their ratio to a bound far below the one above (`tests/performance/test_ratio.py`).""",
    """**Processor time** is what is compared: user and system time of all processes and threads of whoever is
    measured, who has one core; broker and load share the other. By the clock a neighbour on the machine would
    be measured as well; such figures stand beside it, with the load average. A ratio is taken within a round,
    and the median of the rounds is told, with the least and the most.""",
)


def page(kept: Kept) -> str:
    """Return the page."""
    parts = [_HEAD, _machine(kept)]
    for section in (_goals, _peers, _event_to_gauge, _customers, _holds, _how, _again):
        parts += section(kept)
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _paragraph(*sentences: str, indent: str = "") -> str:
    text = " ".join(" ".join(sentences).split())
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _table(head: str, *rows: str) -> str:
    columns = head.count("|") - 1
    return "\n".join([head, "|" + "---|" * columns, *rows])


def _machine(kept: Kept) -> str:
    made = max(kept.values(), key=lambda each: str(each["day"]), default=None)
    if made is None:
        return "Nothing has been measured yet."
    machine = made["machine"]
    return _paragraph(
        f"Measured on {machine['cores']} cores of an {machine['processor']}, {machine['memory_gib']} GiB of memory,",
        f"{machine['system']}, Python {machine['python']}, Java {machine['java']}: a virtual machine whose cores other",
        "programs used at the same time. The load average stands beside each figure.",
    )


def _goals(kept: Kept) -> Iterator[str]:
    yield "## Goals"
    rows, missed = [], []
    for goal in GOALS:
        text, met = goal.read(kept) or ("not measured yet", None)
        verdict = "" if met is None else "met" if met else "**missed**"
        load = load_of(kept, goal.command)
        rows.append(f"| {goal.figure} | {goal.goal} | {text} | {verdict} | `{goal.command}` | {load} |")
        if met is False and (why := goal.missed(kept)):
            missed.append(_paragraph(f"- {goal.figure[0].upper()}{goal.figure[1:]}: {why}.", indent="  "))
    yield _table("| figure | goal | measured | | `python -m benchmarks` | load average |", *rows)
    if missed:
        yield "Why those that are missed are:"
        yield "\n".join(missed)


def load_of(kept: Kept, name: str) -> str:
    """Return the load averages that were noted while a benchmark ran."""
    made = figures.measured(kept, name)
    found = sorted(_averages(made)) if made else []
    if not found:
        return ""
    return f"{found[0]:.1f}" if found[0] == found[-1] else f"{found[0]:.1f} to {found[-1]:.1f}"


def _averages(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "load_average":
                yield from each if isinstance(each, list) else [each]
            else:
                yield from _averages(each)
    elif isinstance(value, list):
        for each in value:
            yield from _averages(each)


def _peers(kept: Kept) -> Iterator[str]:
    yield "## Beside its peers"
    beside = figures.measured(kept, "side-by-side")
    if beside is None:
        yield "Not measured yet."
        return
    rounds = beside["rounds"]
    yield _paragraph(
        f"{len(rounds)} {'round' if len(rounds) == 1 else 'rounds, interleaved'}, {beside['customers']:,}",
        "customers, with",
        f"the load average between {load_of(kept, 'side-by-side').replace(' to ', ' and ')}. Medians, and in brackets",
        "from the least to the most.",
    )
    yield "![events a second of processor time, tapesh and its peers](performance/peers.svg)"
    rows = []
    named = [("tapesh", "**tapesh**", "all of it")] + [(peer.name, titled(peer), peer.does) for peer in PEERS]
    for name, title, does in named:
        cpu, clock, times = figures.rates(kept, name), figures.rates(kept, name, "wall_s"), figures.ratio(kept, name)
        if cpu is None or clock is None or times is None:
            continue
        ratio = "" if name == "tapesh" else times.text(".2f" if times.median < 10 else ".1f")
        events = figures.runs(kept, name)[-1]["events"]
        rows.append(f"| {title} | {does} | {cpu.text()} | {clock.text()} | {ratio} | {events:,.0f} |")
    yield _table("| who | does | events/s of processor time | by the clock | tapesh: times that | events |", *rows)
    beside_them = ("msgspec", "orjson")
    versions = {
        f"{package} {version}": None
        for each in beside["versions"].values()
        for package, version in each.items()
        if package not in beside_them
    }
    yield _paragraph(f"Versions: {', '.join(versions)}.")
    stood = [f"- `{name}` didn't run: {why}" for name, why in beside["absent"].items()]
    wrong = {name: why for each in rounds for name, why in each["wrong"].items()}
    stood += [f"- `{name}` gave no right answer in a round, which doesn't count: {why}" for name, why in wrong.items()]
    if stood:
        yield "\n".join(stood)


def _event_to_gauge(kept: Kept) -> Iterator[str]:
    yield "## From event to gauge"
    made, rest = figures.measured(kept, "offered"), figures.measured(kept, "latency")
    if made:
        yield _paragraph(
            f"{made['rate']:,.0f} events/s were offered for {made['seconds']:.0f} s, {made['customers']:,}",
            "customers in",
            f"the state: from the producer's hand until a gauge counted it an order took {made['p50_s']:.2f} s at the",
            f"median, {made['p99_s']:.2f} s at the 99th percentile, {made['max_s']:.2f} s at most, of",
            f"{made['orders']:,}",
            f"orders. The worker used {made['core_share']:.0%} of its core. The load fell behind its own plan by",
            f"{made['slipped_s']:.2f} s at most; load average {load_of(kept, 'offered')}.",
        )
    if rest:
        yield _paragraph(
            f"At rest, one order at a time, until `GET /kpis` shows it: p50 {rest['p50_s']:.2f} s,",
            f"p99 {rest['p99_s']:.2f} s over {rest['orders']} orders; load average {load_of(kept, 'latency')}.",
            "Ticks are",
            "half a second apart.",
        )


def _customers(kept: Kept) -> Iterator[str]:
    yield "## As customers grow"
    made = figures.measured(kept, "customers")
    if made is None:
        yield "Not measured yet."
        return
    yield "One partition in one process, without a broker; ticks included, in processor time."
    yield "![memory and processor time by customers](performance/customers.svg)"
    yield _table(
        "| customers | memory for each, ids apart | deduplication's ids | an acquisition | an event of the mix |",
        *(
            f"| {each['customers']:,} | {each['bytes_a_customer']:.0f} bytes | {each['ids_mib']:,.0f} MiB"
            f" | {each['opening_us']:.1f} us | {each['mixed_us']:.1f} us |"
            for each in made["sizes"]
        ),
    )
    further = figures.bytes_a_customer(kept)
    if further is not None:
        yield f"From 1 to 5 million, each further customer takes {further:.0f} bytes."


def _holds(kept: Kept) -> Iterator[str]:
    yield "## Holds, recovery, scrapes"
    stalls, recovered, taken = (figures.measured(kept, name) for name in ("stalls", "recovery", "takeover"))
    if stalls:
        draft = stalls["holds_ms"]["draft-cpu"]
        yield _paragraph(
            f"With {stalls['customers']:,} customers in one partition, a checkpoint holds the event loop for",
            f"{draft['p50']:.0f} ms of processor time at the median and {draft['max']:.0f} ms at most; an event",
            "costs the",
            f"loop {stalls['loop_us']:.1f} us, an id {stalls['id_bytes']:.1f} bytes. Loading that partition takes",
            f"{stalls['recovery_cpu_s']:.1f} s of processor time, in steps of at most",
            f"{stalls['recovery_longest_step_ms']:.0f} ms.",
        )
    if recovered and (found := figures.recovery(kept)):
        whole = Spread.of([each["stop_and_start_to_answer_s"] for each in recovered["rounds"]])
        yield _paragraph(
            f"A worker that is restarted with {recovered['persons']:,.0f} persons in {PARTITIONS} partitions answers",
            f"{found.text('.1f', ' s')} after the group has given it its partitions, and",
            f"{whole.text('.1f', ' s')} after the",
            f"former one was told to stop; load average {load_of(kept, 'recovery')}.",
        )
    if taken:
        yield _paragraph(
            f"In one process: {taken['persons']:,} persons and {taken['ids']:,} ids, {taken['bytes'] / 2**20:.1f}",
            "MiB in",
            f"{taken['messages']} messages, are loaded in {taken['loaded_cpu_s']:.2f} s of processor time.",
        )
    if scraped := figures.measured(kept, "scrape"):
        at_work_ms = 1000 * figures.quantile(scraped["at_work_s"], 0.5)
        yield _paragraph(
            f"A scrape of {scraped['bytes'] / 1e6:.1f} MB costs the worker {1000 * scraped['cpu_s_each']:.1f} ms of",
            "processor time: the gauges are rendered once a round, and handed out. While it takes in events at",
            "full speed,",
            f"the answer comes after {at_work_ms:.0f} ms at the median, because it waits for its turn between two",
            "chunks.",
        )


def _how(kept: Kept) -> Iterator[str]:
    yield "## How it is measured"
    made = figures.measured(kept, "throughput")
    told = {"bytes": made["input_bytes"] / made["messages"], "compared": made["figures_compared"]} if made else {}
    for each in _HOW:
        yield _paragraph(each.format(**({"bytes": 250, "compared": "all"} | told)))


def _again(kept: Kept) -> Iterator[str]:
    yield "## Measure it yourself"
    yield _paragraph(
        "`make bench` runs all of it, in about an hour, and renders this page. It needs Linux with two",
        "cores or more,",
        "Java and Maven (`make services` brings what is missing), Python 3.11, and a package index for the",
        "peers, whose",
        "environments it lays under `build/peers`. A peer that can't be installed is left out, with the reason on this",
        "page. Each figure has a command of its own:",
    )
    rows = (f"| `{name}` | {each['day']} | {each['engine']} |" for name, each in sorted(kept.items()))
    yield _table("| `python -m benchmarks` | day | mark of the engine's code |", *rows)
    yield _paragraph(
        "`python -m benchmarks report` renders the page from what is kept. The mark is a digest of `events`,",
        "`metrics` and",
        "`streams`: rows with the same one were measured with the same code.",
    )
