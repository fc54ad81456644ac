"""When a score is down: what customers said of late against what they said before, or against a target.

A score of few answers jumps about; one of many moves by tenths that mean nothing. So an alert needs three things:

- a hundred answers;
- the interval about the score excludes what it is compared with, whose own interval counts as well. How wide it is
  follows from the budget of false alarms, as alpha does for counts (`metrics/budget.py`), and never below 95 %;
- a drop that matters.

What is compared is always apart: the last 30 days with the two months before them, or a calendar period with its
target. Effort and loyalty indices have no such alert: their answers' squares aren't kept, so nobody knows by how much
their means vary. The share of those who mean to buy again (`loyalty_attitude`) does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log, pi, sqrt
from typing import Literal

from metrics.frame import CellSums

LEAST_ANSWERS = 100
LATELY = "30d"
BEFORE = ("90d", "365d")
"""Windows that reach back beyond the last 30 days; the first that is kept says what is usual."""
LEAST_Z = 1.959963984540054
"""Of an interval of 95 %: nothing narrower is one, whatever the budget allows."""
_DAYS_A_YEAR = 365.25

Against = Literal["usual", "target"]


@dataclass(frozen=True, slots=True)
class Answers:
    """Good ones, bad ones, and all: what a score and its variance are made of."""

    good: int
    bad: int
    all: int

    def __sub__(self, other: Answers) -> Answers:
        """Return those that aren't among the others."""
        return Answers(self.good - other.good, self.bad - other.bad, self.all - other.all)


@dataclass(frozen=True, slots=True)
class Survey:
    """A score that is watched.

    Attributes:
        id: its name in metrics and reports.
        kpi: the KPI that it is.
        title: of the alert.
        good, bad, counted: components; bad ones lower the score below 0 (NPS), a share has none.
        full: the score where all answers are good.
        least: a smaller drop matters to nobody.
        form: of the score in a sentence, as Prometheus's templates have it.
        told: the score in words.
        looks: the first three places to look at.
        act: what to do.
    """

    id: str
    kpi: str
    title: str
    good: tuple[str, ...]
    bad: tuple[str, ...]
    counted: tuple[str, ...]
    full: float
    least: float
    form: str
    told: str
    looks: tuple[str, str, str]
    act: str

    def answers(self, sums: CellSums) -> Answers:
        """Read the answers of a window off its sums."""
        return Answers(*(_added(sums.values, names) for names in (self.good, self.bad, self.counted)))

    def score(self, answers: Answers) -> float:
        """Return the score; there must be answers."""
        return self.full * (answers.good - answers.bad) / answers.all

    def variance(self, answers: Answers) -> float:
        """Return the score's variance by chance, with three answers added that say a bit of everything.

        Adjusted Wald, as the KPI `nps_margin` has it: with few answers the plain one is too narrow.
        """
        count = answers.all + 3
        good = (answers.good + (0.75 if self.bad else 1.5)) / count
        bad = (answers.bad + 0.75) / count if self.bad else 0.0
        return self.full**2 * (good + bad - (good - bad) ** 2) / count

    def judge(self, lately: Answers, before: Answers | float, z: float) -> Heard | None:
        """Compare answers with those before them, or with a target; None where there are too few of either."""
        if lately.all < LEAST_ANSWERS:
            return None
        score, variance = self.score(lately), self.variance(lately)
        if isinstance(before, Answers):
            if before.all < LEAST_ANSWERS:
                return None
            reference, variance = self.score(before), variance + self.variance(before)
        else:
            reference = before
        return Heard(lately.all, score, score + z * sqrt(variance), reference, z, self.least)


@dataclass(frozen=True, slots=True)
class Heard:
    """A score, up to where it may be by chance, and what it is compared with."""

    answers: int
    score: float
    upper: float
    reference: float
    z: float
    least: float

    @property
    def firing(self) -> bool:
        """Whether it is news."""
        return self.upper < self.reference and self.reference - self.score >= self.least


def z_for(lately: int, before: int | None, days: float, budget: float) -> float:
    """Return how many standard deviations the interval takes so that false alarms keep to a budget.

    A sliding score steps as each answer comes and goes. One of n answers in a window of W days falls below a level
    z standard deviations down

        sqrt(n (1 + n/m)) x phi(z) / W

    times a day, m answers being those that it is compared with (none: a target): each step is small, and neighbouring
    looks share their answers. It is the bound of `metrics.budget` for many answers.

    Args:
        lately: n.
        before: m; None for a target.
        days: W.
        budget: false alarms a year.
    """
    steps = sqrt(lately * (1 + (lately / before if before else 0))) * _DAYS_A_YEAR / days
    height = budget / steps * sqrt(2 * pi)
    return max(LEAST_Z, sqrt(-2 * log(height))) if height < 1 else LEAST_Z


def _added(values: Mapping[str, int], components: Iterable[str]) -> int:
    return sum(values.get(component, 0) for component in components)


_ASKED = "Did those who are asked change: another survey, another moment, another country?"

SURVEYS: tuple[Survey, ...] = (
    Survey(
        id="nps",
        kpi="nps",
        title="TapeshNpsDown",
        good=("nps_promoters",),
        bad=("nps_detractors",),
        counted=("nps_promoters", "nps_passives", "nps_detractors"),
        full=100.0,
        least=5.0,
        form="printf `%.1f`",
        told="The net promoter score",
        looks=(
            "The board's NPS by slice: one channel, country or plan, or all?",
            "The answers of those who scored 0 to 6: what do they name?",
            _ASKED,
        ),
        act="If it is one cause, call who owns it, and write to those who complained. If only those who are asked"
        " changed, note it: the score before and after can't be compared.",
    ),
    Survey(
        id="csat",
        kpi="csat",
        title="TapeshSatisfactionDown",
        good=("csat_satisfied",),
        bad=(),
        counted=("csat_responses",),
        full=1.0,
        least=0.03,
        form="humanizePercentage",
        told="Satisfaction",
        looks=(
            "`csat_by_touchpoint` on the board: support, delivery, checkout, or everywhere?",
            "The touchpoint's own figures: waiting times, late parcels, errors.",
            _ASKED,
        ),
        act="Show the answers to who runs the touchpoint. Where everybody is less satisfied, look for what everybody"
        " meets: prices, the site, the app's latest release.",
    ),
    Survey(
        id="loyalty",
        kpi="loyalty_attitude",
        title="TapeshLoyaltyDown",
        good=("cli_repurchase_high",),
        bad=(),
        counted=("cli_responses",),
        full=1.0,
        least=0.03,
        form="humanizePercentage",
        told="The share of those who mean to buy again",
        looks=(
            "The repurchase and repeat rates on the board: do deeds follow words yet?",
            "What a competitor has announced; what was promised to members and isn't kept.",
            _ASKED,
        ),
        act="It runs ahead of lapses by weeks: there is time to ask a dozen of them on the telephone.",
    ),
)
BY_ID: dict[str, Survey] = {survey.id: survey for survey in SURVEYS}
