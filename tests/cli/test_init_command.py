"""`tapesh init`: a file to begin with, that changes nothing until somebody changes it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from streams.settings import load
from streams.settings.problems import leaves


def test_a_new_file_explains_every_setting_and_sets_none(tapesh):
    """So that a default which a later version changes is changed here, too."""
    without = load().model_dump()
    result = tapesh("init")
    assert result.exit_code == 0, result.stderr
    text = Path("tapesh.toml").read_text()
    assert {name for name, value in tomllib.loads(text).items() if value not in ({}, None)} == set()
    assert [key for key, field in leaves().items() if str(field.description) not in text] == []
    assert load().model_dump() == without


def test_a_line_without_its_mark_is_a_setting(tapesh):
    """As the comment has it."""
    tapesh("init", "-o", "mine.toml")
    mine = Path("mine.toml")
    mine.write_text(mine.read_text().replace('# currency = "EUR"', 'currency = "USD"'))
    assert load(mine).currency == "USD"


def test_a_file_that_is_there_is_kept(tapesh):
    """Unless it is to be replaced."""
    Path("tapesh.toml").write_text('currency = "GBP"\n')
    result = tapesh("init")
    assert result.exit_code == 2
    assert "--force replaces it" in " ".join(result.stderr.split())
    assert Path("tapesh.toml").read_text() == 'currency = "GBP"\n'
    assert tapesh("init", "--force").exit_code == 0
    assert "GBP" not in Path("tapesh.toml").read_text()
    assert tapesh("init", "-o", "no-such-folder/tapesh.toml").exit_code == 1
