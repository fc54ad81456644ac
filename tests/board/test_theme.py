"""What is read can be read: every colour of text has the contrast that WCAG AA asks for on what it stands on."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

THEME = Path(__file__).resolve().parents[2] / "streams/board/static/theme.css"
TOKEN = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
COLOURS = {name: {"light": light, "dark": dark} for name, light, dark in TOKEN.findall(THEME.read_text())}
TEXT = 4.5
SHAPE = 3.0
"""Least ratios of WCAG 2.2: 1.4.3 for text, 1.4.11 for what carries meaning without being text."""
PAIRS = [
    *(
        (ink, ground, TEXT)
        for ink in ("ink", "quiet", "good", "bad", "warn")
        for ground in ("ground", "surface", "raised")
    ),
    ("bad", "bad-soft", TEXT),
    ("warn", "warn-soft", TEXT),
    ("good", "accent-soft", TEXT),
    ("on-accent", "accent", TEXT),
    *((shape, ground, SHAPE) for shape in ("accent", "edge") for ground in ("ground", "surface")),
]


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    """From 1 (none) to 21 (black on white)."""
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_wcag_does():
    """Its own two ends, and a grey that is known to fail."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#ffffff") == 1
    assert contrast("#808080", "#ffffff") < TEXT


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_colours_stand_apart(front, back, least, theme):
    """In both themes."""
    assert contrast(COLOURS[front][theme], COLOURS[back][theme]) >= least


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_shares_can_be_read_on_their_colour(theme):
    """A cell of the map of cohorts is as strong as its share, at most so strong that ink still stands apart from it."""
    (strongest,) = re.findall(r"STRONGEST = (\d+);", (THEME.parent / "cohorts.js").read_text())
    for strength in range(int(strongest) + 1):
        assert contrast(COLOURS["ink"][theme], mixed("accent", "surface", strength, theme)) >= TEXT


def mixed(one: str, other: str, percent: int, theme: str) -> str:
    """What `color-mix(in srgb, one percent%, other)` makes."""
    parts = [[int(COLOURS[name][theme][at : at + 2], 16) for at in (1, 3, 5)] for name in (one, other)]
    both = (round(a * percent / 100 + b * (1 - percent / 100)) for a, b in zip(*parts, strict=True))
    return "#" + "".join(f"{part:02x}" for part in both)


def test_colours_are_named_in_the_theme_alone():
    """Another sheet would have one that nobody computed."""
    for sheet in THEME.parent.glob("*.css"):
        if sheet != THEME:
            assert not re.findall(r"#[0-9a-f]{3,8}\b(?=[^{]*;)", sheet.read_text()), sheet.name


def test_what_the_band_of_churn_is_drawn_with_can_be_told_apart():
    """Marks stand out from the band and from what lies beyond it; the text below says the same in words."""
    for theme, mark, ground in product(("light", "dark"), ("accent", "bad", "quiet"), ("raised", "accent-soft")):
        assert contrast(COLOURS[mark][theme], COLOURS[ground][theme]) >= SHAPE, (mark, ground, theme)
