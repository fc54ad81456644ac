"""What the README and the docs show exists: commands, options, examples, links, and the pages made from code."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
import typer

from events.codec import Rejected, decode
from events.names import EVENT_TYPES
from metrics import names
from metrics.catalogue import CATALOGUE
from metrics.names import metric_name
from streams.cli.app import app
from streams.services import EmbeddedBroker, EmbeddedRedis, ServiceUnavailable
from streams.settings import Duration, Kafka, Settings
from streams.settings.problems import env_name, leaves
from streams.topics import ensure_topics

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
WRITTEN = [page for page in PAGES if page.name not in ("kpis.md", "runbook.md")]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
GAUGE = re.compile(r"\btapesh_[a-z0-9_]+")
VARIABLE = re.compile(r"\bTAPESH_[A-Z0-9_]+")
NOT_SETTINGS = {"TAPESH_CONFIG", "TAPESH_REQUIRE_SERVICES", "TAPESH_SHARED"}
NOT_SETTINGS |= {"TAPESH_SOAK", "TAPESH_SOAK_SECONDS", "TAPESH_SOAK_SEED", "TAPESH_SOAK_REPORT"}


class Block(NamedTuple):
    """A fenced block: where, its language (with what follows it), its text."""

    page: Path
    language: str
    text: str


def blocks(*languages: str) -> list[Block]:
    """All fenced blocks in these languages."""
    found = [Block(page, *match) for page in WRITTEN for match in FENCE.findall(page.read_text())]
    return [block for block in found if block.language in languages]


def commands() -> Iterator[tuple[str, str]]:
    """Every `tapesh ...` that is shown, in a shell block or within a sentence."""
    for page in PAGES:
        text = page.read_text()
        for language, body in FENCE.findall(text):
            if language in ("sh", "console"):
                lines = body.replace("\\\n", " ").splitlines()
                parts = [part.strip() for line in lines for part in re.split(r"\||&&|;", line.split(" #")[0])]
                yield from ((page.name, part[part.index("tapesh ") :]) for part in parts if _is_ours(part))
        prose = FENCE.sub("", text)
        for span in re.findall(r"`([^`\n]+)`", prose):
            yield from ((page.name, part.strip()) for part in span.split("|") if part.strip().startswith("tapesh "))


def _is_ours(part: str) -> bool:
    """Is it a call of tapesh, perhaps after variables of its environment?"""
    return re.match(r"(?:[A-Z_]+=\S*\s+)*tapesh\s", part) is not None


COMMANDS = sorted(set(commands()))


@pytest.mark.parametrize(("page", "shown"), COMMANDS, ids=[f"{page}: {shown}" for page, shown in COMMANDS])
def test_a_command_that_is_shown_exists_with_its_options(page: str, shown: str) -> None:
    """Its name, its options and their values are taken by the command line's own parser."""
    group: Any = typer.main.get_command(app)
    words = shlex.split(shown.partition(">")[0].replace("[", "").replace("]", ""))[1:]
    with group.make_context("tapesh", words, resilient_parsing=True) as context:
        if all(word.startswith("-") for word in words):
            assert set(words) <= {option for parameter in group.params for option in parameter.opts}
            return
        name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None, f"{page}: there is no command {name!r}"
        if not rest or all("..." in word for word in rest):
            return
        command.make_context(name, rest, parent=context)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the repository's root."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["metrics.docs", "metrics.render"])
def test_pages_made_from_code_are_current(module: str) -> None:
    """KPI reference, runbook, boards and rules say what the code says."""
    judged = run("-m", module, "--check")
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_the_example_of_the_settings_is_current() -> None:
    """Every setting and its default is in the example file."""
    made = run("-m", "streams.settings")
    assert made.stdout == (ROOT / "docs/tapesh.example.toml").read_text(), (
        "run: python -m streams.settings > docs/tapesh.example.toml"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file that is there, and a heading that is in it."""
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = unquote(target).partition("#")
        found = page if not path else (page.parent / path)
        assert found.exists(), f"{page.name}: {target} isn't there"
        if anchor:
            assert anchor in anchors(found), f"{page.name}: {found.name} has no heading {anchor!r}"


def anchors(page: Path) -> set[str]:
    """The anchors that code hosts give to a page's headings."""
    headings = re.findall(r"^#{1,6} +(.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_events_that_are_shown_are_events() -> None:
    """Every example is taken by the engine's decoder; each type has one."""
    shown = {decode(block.text.encode()).type for block in blocks("json")}
    assert shown == set(EVENT_TYPES)


def test_rejections_that_are_shown_are_what_the_engine_says() -> None:
    """The headers below a broken example are those of its dead letter."""
    pairs = [
        (broken, headers)
        for broken, headers in pairwise(blocks("json rejected", "text"))
        if broken.language == "json rejected"
    ]
    assert pairs
    for broken, headers in pairs:
        with pytest.raises(Rejected) as rejected:
            decode(broken.text.encode())
        why = rejected.value
        assert headers.text == f"error: {why.reason}: {why.detail}\nerror-field: {why.field}\n"


def test_python_that_is_shown_runs() -> None:
    """As it stands, but for the addresses, which are those of services started for it."""
    try:
        with EmbeddedBroker() as broker, EmbeddedRedis() as redis:
            kafka = Kafka(bootstrap=broker.bootstrap, partitions=1, session_timeout=Duration(15_000))
            ensure_topics(Settings(kafka=kafka))
            addresses = {"localhost:9092": broker.bootstrap, "redis://127.0.0.1:6379/0": redis.endpoint}
            for block in blocks("python"):
                code = block.text
                for shown, real in addresses.items():
                    code = code.replace(shown, real)
                exec(compile(code, str(block.page), "exec"), {})
    except ServiceUnavailable as missing:
        if os.environ.get("TAPESH_REQUIRE_SERVICES") == "1":
            raise
        pytest.skip(str(missing))


def test_files_that_are_named_are_there() -> None:
    """A path in the text, from the repository's root, leads to a file or folder."""
    path = re.compile(r"`((?:events|metrics|streams|grafana|tests|docs)/[\w./-]*)`")
    for page in WRITTEN:
        lost = {name for name in path.findall(page.read_text()) if not (ROOT / name).exists()}
        assert not lost, f"{page.name} names {sorted(lost)}"


def test_tests_that_are_named_exist() -> None:
    """A page that says what is promised names the test that shows it; a fault that is tested is on that page."""
    named = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
    for page in WRITTEN:
        for path, test in named.findall(page.read_text()):
            assert f"def {test}(" in (ROOT / path).read_text(), f"{page.name} names {path}::{test}, which isn't there"
    shown = set(named.findall((ROOT / "docs/reliability.md").read_text()))
    for file in sorted((ROOT / "tests/faults").glob("test_*.py")):
        tests = set(re.findall(r"^def (test_\w+)\(", file.read_text(), re.MULTILINE))
        missing = tests - {test for path, test in shown if (ROOT / path) == file}
        assert not missing, f"docs/reliability.md doesn't say what {sorted(missing)} of {file.name} show"


def test_make_targets_that_are_named_exist() -> None:
    """`make demo` is in the Makefile."""
    targets = set(re.findall(r"^([\w.]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in WRITTEN:
        shown = set(re.findall(r"(?:^|`)make ([a-z]+)(?:`|$)", page.read_text(), re.MULTILINE))
        assert shown <= targets, f"{page.name} names {sorted(shown - targets)}"


def test_metrics_that_are_named_exist() -> None:
    """A page that names a gauge names one that is exported."""
    known = {value for value in vars(names).values() if isinstance(value, str) and value.startswith("tapesh_")}
    known |= {metric_name(kpi, "EUR") for kpi in CATALOGUE} | {"tapesh_events"}  # the contract's own distribution
    for page in WRITTEN:
        strangers = {name for name in GAUGE.findall(page.read_text()) if name not in known and not name.endswith("_")}
        assert not strangers, f"{page.name} names {sorted(strangers)}"


def test_variables_that_are_named_are_settings() -> None:
    """A TAPESH_ variable on a page is one that the engine reads."""
    known = {env_name(key) for key in leaves()} | NOT_SETTINGS
    for page in WRITTEN:
        strangers = {name for name in VARIABLE.findall(page.read_text()) if name not in known and name != "TAPESH_"}
        assert not strangers, f"{page.name} names {sorted(strangers)}"


def test_keys_of_settings_that_are_named_exist() -> None:
    """The table of settings in the operating manual holds keys as they are written in the file."""
    table = (ROOT / "docs/operating.md").read_text().partition("<!-- settings: begin -->")[2]
    rows = re.findall(r"^\| ((?:`[a-z0-9_.]+`(?:, )?)+) \|", table.partition("<!-- settings: end -->")[0], re.MULTILINE)
    keys = {key for row in rows for key in re.findall(r"`([^`]+)`", row)}
    assert keys, "docs/operating.md has no table of settings"
    assert keys <= set(leaves()), sorted(keys - set(leaves()))


def test_every_decision_is_in_the_index() -> None:
    """docs/decisions/README.md links to every page beside it."""
    folder = ROOT / "docs/decisions"
    linked = set(LINK.findall((folder / "README.md").read_text()))
    assert {page.name for page in folder.glob("*.md")} - {"README.md"} <= linked
