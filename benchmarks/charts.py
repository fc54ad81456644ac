"""Draws the charts of the documents: run by matplotlib's own environment, from a JSON on standard input.

Every colour is of middle lightness and nothing is filled behind them, so they are legible on light and on dark paper.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

INK, OURS, THEIRS, GRID = "#75808a", "#d9730d", "#4a8fd8", "#75808a40"


def main() -> None:
    """Draw each chart that is asked for."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {
        "svg.fonttype": "none",
        "svg.hashsalt": "tapesh",
        "font.family": ["sans-serif"],
        "font.size": 11,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    for asked in json.load(sys.stdin):
        figure = {"bars": _bars, "lines": _lines}[asked["kind"]](asked)
        figure.savefig(
            asked["path"],
            transparent=True,
            bbox_inches="tight",
            metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")),
        )
        path = Path(asked["path"])
        drawn = "\n".join(line.rstrip() for line in path.read_text().splitlines())
        head, _, rest = drawn.partition("<svg ")
        path.write_text(f"{head}<!-- of {asked['fingerprint']} -->\n<svg {rest}\n")


def _bars(asked: dict[str, Any]) -> Any:
    from matplotlib import pyplot as plt

    rows = asked["rows"][::-1]
    figure, axes = plt.subplots(figsize=(8, 0.45 * len(rows) + 1))
    names, medians = [row["name"] for row in rows], [row["median"] for row in rows]
    errors = [[row["median"] - row["least"] for row in rows], [row["most"] - row["median"] for row in rows]]
    colours = [OURS if row["ours"] else THEIRS for row in rows]
    axes.barh(names, medians, color=colours, height=0.62, xerr=errors, ecolor=INK, error_kw={"elinewidth": 1})
    axes.set_xscale("log")
    axes.set_xlim(min(medians) / 2, max(medians) * 4)
    for place, row in enumerate(rows):
        axes.text(row["most"] * 1.1, place, f"{row['median']:,.0f}", va="center", color=INK)
    axes.set_xlabel(asked["x"])
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure


def _lines(asked: dict[str, Any]) -> Any:
    from matplotlib import pyplot as plt

    panels = asked["panels"]
    figure, every = plt.subplots(1, len(panels), figsize=(4.2 * len(panels), 3), squeeze=False)
    for axes, panel in zip(every[0], panels, strict=True):
        for number, line in enumerate(panel["lines"]):
            colour = (OURS, THEIRS)[number % 2]
            axes.plot(line["x"], line["y"], marker="o", markersize=4, color=colour, label=line["name"])
        axes.set_xscale("log")
        if panel.get("log"):
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        axes.set_xlabel(panel["x"])
        axes.set_title(panel["title"], fontsize=11, color=INK)
        axes.grid(color=GRID, linewidth=0.6)
        if len(panel["lines"]) > 1:
            axes.legend(frameon=False, labelcolor=INK)
    figure.tight_layout()
    return figure


if __name__ == "__main__":
    main()
