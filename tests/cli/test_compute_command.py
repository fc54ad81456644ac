"""`tapesh compute`: the KPIs of files, and the account of every line."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.cli.lines import Lines


def differences(got, want, path="") -> list[str]:
    """Where two documents differ: integers and texts at all, floats by more than 1e-9 of their size."""
    if isinstance(want, dict) and isinstance(got, dict):
        keys = [f"{path}: keys {sorted(got.keys() ^ want.keys())}"] if got.keys() != want.keys() else []
        return keys + [d for key in want.keys() & got.keys() for d in differences(got[key], want[key], f"{path}/{key}")]
    if isinstance(want, float) and isinstance(got, float):
        return [] if abs(got - want) <= 1e-9 * max(1.0, abs(want)) else [f"{path}: {got} instead of {want}"]
    return [] if type(got) is type(want) and got == want else [f"{path}: {got!r} instead of {want!r}"]


def variables(settings: dict) -> dict[str, str]:
    return {f"TAPESH_{name.upper()}": value for name, value in settings.items()}


@pytest.mark.parametrize("name", ["example-1", "example-2"])
def test_the_complete_examples(shared_dir, tapesh, monkeypatch, name):
    """Every window with exactly its keys, and every slice value that the example shows."""
    log = shared_dir / "spec" / f"{name}.ndjson"
    want = json.loads(log.with_suffix(".kpis.json").read_text())
    for variable, value in variables(want["settings"]).items():
        monkeypatch.setenv(variable, value)
    result = tapesh("compute", str(log), "--now", want["now"], "--json")
    assert result.exit_code == 0
    got = json.loads(result.stdout)
    for attribute, values in want["slices"].items():
        assert got["slices"][attribute].keys() == values.keys()
        for value, windows in values.items():
            shown = got["slices"][attribute][value]
            assert differences({window: shown[window] for window in windows}, windows, f"{attribute}={value}") == []
    assert differences(got["windows"], want["windows"]) == []
    assert got["settings"] == want["settings"]
    assert got["now"] == want["now"]


def test_json_alone_goes_to_standard_output(purchase, tmp_path):
    """A program reads it from a pipe, whatever was wrong with some lines."""
    log = tmp_path / "events.ndjson"
    log.write_bytes(purchase(1) + b"\nnope\n")
    command = [sys.executable, "-m", "streams.cli", "compute", str(log), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert json.loads(done.stdout)["windows"]["lifetime"]["orders"] == 1
    assert f"{log}:2: not-json" in done.stderr


def test_a_bad_line_is_named_and_left_out(tapesh, purchase):
    """File and line, reason, field; empty lines and other files don't shift the numbers."""
    Path("a.ndjson").write_bytes(
        b"\n\n" + purchase(1) + b"\r\n\n" + purchase(2, total={"amount": "x", "currency": "EUR"})
    )
    Path("b.ndjson").write_bytes(b"{}\n" + purchase(3) + b"\n" + purchase(3))
    result = tapesh("compute", "a.ndjson", "b.ndjson", "--json")
    assert result.exit_code == 0
    assert "a.ndjson:5: invalid-field: total.amount:" in result.stderr
    assert "b.ndjson:1: missing-field: type:" in result.stderr
    assert "5 lines: 2 events; 2 rejected (1 invalid-field, 1 missing-field); 1 duplicates (0 of" in result.stderr
    assert json.loads(result.stdout)["windows"]["lifetime"]["orders"] == 2


def test_it_can_refuse_to_compute_where_a_line_is_bad(tapesh, purchase):
    """The first one is named, there are no KPIs, and the exit status is 1."""
    result = tapesh("compute", "-", "--on-error", "stop", "--json", stdin=b"one\ntwo\n" + purchase(1))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "standard input:1: not-json" in result.stderr
    assert "standard input:2" not in result.stderr


def test_a_gzipped_file_is_read_like_another(tapesh, purchase):
    """By the end of its name."""
    Path("events.ndjson.gz").write_bytes(gzip.compress(purchase(1) + b"\n" + purchase(2)))
    result = tapesh("compute", "events.ndjson.gz", "--json")
    assert json.loads(result.stdout)["windows"]["lifetime"]["orders"] == 2


def test_a_gzipped_file_that_is_cut_off_is_named(tapesh, purchase):
    """Half a history gives wrong numbers, so it gives none."""
    Path("half.gz").write_bytes(gzip.compress(b"\n".join(purchase(number) for number in range(50)))[:-20])
    Path("plain.gz").write_bytes(purchase(1))
    for file in ("half.gz", "plain.gz"):
        result = tapesh("compute", file)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"{file}: isn't gzip, or is cut off" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.ndjson"], "nowhere.ndjson: is no file"),
        (["-", "-"], "standard input can be read once only"),
        (["-", "--now", "yesterday"], "got 'yesterday', expected an instant"),
        (["-", "--now", "2026-06-15T13:37:20"], "expected an instant"),
        (["-", "--window", "31d"], "there is no window '31d'"),
        (["-", "--slice", "colour"], "there is no slice attribute 'colour'"),
    ],
)
def test_a_wrong_call_is_told_before_anything_is_read(tapesh, arguments, said):
    """Exit status 2, as for any program called wrongly."""
    result = tapesh("compute", *arguments, stdin=b"")
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_the_table_shows_the_main_kpis_by_window(tapesh, shared_dir):
    """Values as people read them; what is undefined is a dash."""
    log = str(shared_dir / "spec" / "example-1.ndjson")
    result = tapesh("compute", log, "--now", "2026-06-15T13:37:20.250Z", "-w", "30d", "-w", "lifetime")
    rows = {cells[0]: cells[1:] for cells in table(result.stdout)}
    assert rows["Churn rate"] == ["28.6 %", "–"]
    assert rows["Revenue, EUR"] == ["1,758.55", "4,292.91"]
    assert rows["CLV to CAC"] == ["14.0x", ""]
    assert "Churn reasons" not in rows


def test_the_table_shows_every_kpi_if_asked_for(tapesh, shared_dir):
    """Those that are split, too."""
    result = tapesh("compute", str(shared_dir / "spec" / "example-1.ndjson"), "--all", "-w", "30d")
    assert ["Churn reasons", "delivery 1"] in table(result.stdout)


def test_the_table_shows_a_slice(tapesh, shared_dir):
    """Its values side by side, everybody before them."""
    result = tapesh("compute", str(shared_dir / "spec" / "example-1.ndjson"), "--slice", "channel")
    heading, *rows = table(result.stdout)
    assert heading == ["", "all", "store", "web", "app", "unattributed"]
    assert ["Active customers", "17", "9", "5", "3", "0"] in rows


def test_no_events_are_no_error(tapesh):
    """An empty history has KPIs, too."""
    result = tapesh("compute", "-", "--json", stdin=b"")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["windows"]["lifetime"]["orders"] == 0


@given(st.lists(st.lists(st.sampled_from([b"", b"  ", b"x"]), max_size=8), max_size=4))
def test_every_line_knows_its_place(tmp_path_factory, files):
    """Over any files with any empty lines between."""
    folder = tmp_path_factory.mktemp("lines")
    paths = [str(folder / f"{number}") for number in range(len(files))]
    for path, texts in zip(paths, files, strict=True):
        Path(path).write_bytes(b"".join(text + b"\n" for text in texts))
    lines = Lines(paths)
    count = len(list(lines))
    expected = [
        f"{path}:{number}"
        for path, texts in zip(paths, files, strict=True)
        for number, text in enumerate(texts, start=1)
        if text.strip()
    ]
    assert [lines.place(index) for index in range(count)] == expected
    assert lines.count == count


def table(text: str) -> list[list[str]]:
    """The cells of a printed table."""
    lines = [line.strip() for line in text.splitlines() if line[:1] in "│┃" and line.strip()]
    return [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in lines]
