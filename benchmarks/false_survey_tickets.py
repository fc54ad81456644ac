"""False tickets a year on scores that don't change: `python -m benchmarks.false_survey_tickets`.

Answers arrive by chance, each satisfied (or a promoter, a detractor) with the same probability for ever. Every hour the
last 30 days are compared with the 60 before them, as the engine does.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from metrics.surveys import BY_ID, LEAST_ANSWERS, Answers, Survey, z_for
from streams.alert_windows import Budget

Ints = npt.NDArray[np.int64]
HOURS_A_YEAR = 8_766
_LATELY_H, _ALL_H = 720, 2_160
_HOLD_H = 24
SHARES = {"nps": (0.45, 0.2), "csat": (0.8, 0.0), "loyalty": (0.55, 0.0)}
"""Of good answers and of bad ones."""


def rolling(amounts: Ints, hours: int) -> Ints:
    """Return what the last so many hours hold, from the first at which 90 days are known."""
    so_far = np.concatenate([[0], np.cumsum(amounts)])
    ends = np.arange(_ALL_H, len(so_far))
    found: Ints = so_far[ends] - so_far[ends - hours]
    return found


def tickets(survey: Survey, a_month: float, years: int, budget: float, random: np.random.Generator) -> float:
    """Return false tickets a year of a survey with so many answers in 30 days."""
    count = random.poisson(a_month / _LATELY_H, years * HOURS_A_YEAR + _ALL_H)
    good, bad = SHARES[survey.id]
    parts = random.multinomial(count, [good, bad, 1 - good - bad])
    lately = [rolling(part, _LATELY_H) for part in (parts[:, 0], parts[:, 1], count)]
    before = [rolling(part, _ALL_H) - now for part, now in zip((parts[:, 0], parts[:, 1], count), lately, strict=True)]
    is_known = (lately[2] >= LEAST_ANSWERS) & (before[2] >= LEAST_ANSWERS)
    now, then = ((part[0] - part[1]) / np.maximum(part[2], 1) * survey.full for part in (lately, before))
    alarms, until = 0, -1
    for hour in np.flatnonzero(is_known & (then - now >= survey.least)).tolist():
        answers, usual = (Answers(*(int(part[hour]) for part in parts)) for parts in (lately, before))
        heard = survey.judge(answers, usual, z_for(answers.all, usual.all, 30, budget))
        if heard is not None and heard.firing:
            alarms += hour > until
            until = hour + _HOLD_H
    return alarms / years


def main() -> None:
    """Print a row for each score and number of answers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.false_survey_tickets", description=__doc__)
    parser.add_argument("--years", type=int, default=200, help="of each score (default: 200)")
    parser.add_argument("--answers", type=int, nargs="*", default=[120, 300, 1_000, 3_000, 10_000, 100_000])
    options = parser.parse_args()
    share = Budget().share("ticket")
    print(f"score    answers in 30 days  false tickets a year (share of the budget: {share:.2f})")
    for id_ in SHARES:
        for answers in options.answers:
            found = tickets(BY_ID[id_], answers, options.years, share, np.random.default_rng(1))
            print(f"{id_:8} {answers:>17}  {found:>8.3f}", flush=True)


if __name__ == "__main__":
    main()
