"""The KPI agent's judgement of scores: what customers said lately against before, and periods against their targets.

From sums that every round has; nothing is kept for it. What can't be judged yet says why, in `/kpis`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from metrics import names
from metrics.economics import Target
from metrics.frame import NOTHING, CellSums
from metrics.surveys import BEFORE, LATELY, LEAST_ANSWERS, SURVEYS, Against, Heard, Survey, z_for
from streams.alert_windows import Budget
from streams.panes import DAY_MS, window_ms

HELP = {
    names.SURVEY_ANSWERS: "Answers that a score is made of.",
    names.SURVEY_SCORE: "The score, in its KPI's unit.",
    names.SURVEY_UPPER: "Up to where it may be by chance.",
    names.SURVEY_REFERENCE: "What it is compared with: what is usual, or a target.",
}
_PERIOD_DAYS = {"month": 30.437, "quarter": 91.311, "year": 365.25}


class SurveyAlerts:
    """What is judged of scores.

    Attributes:
        heard: by survey, what it is compared with, and the window.
        silent: survey -> why it isn't judged against what is usual.
    """

    def __init__(self, budget: Budget) -> None:
        self.heard: dict[tuple[str, Against, str], Heard] = {}
        self.silent: dict[str, str] = {}
        self._share = budget.share("ticket")
        self._targets: tuple[Target, ...] = ()

    def aim(self, goals: Iterable[Target]) -> None:
        """Compare with these targets, too."""
        self._targets = tuple(goals)

    def take(self, windows: Mapping[str, CellSums], kept: Iterable[str]) -> None:
        """Judge everything anew.

        Args:
            windows: everybody's sums.
            kept: the names of the windows that are kept; one without a sum holds nothing.
        """
        self.heard, self.silent = {}, {}
        there = list(kept)
        for survey in SURVEYS:
            self._take_usual(survey, windows, there)
            for target in self._targets:
                if target.kpi == survey.kpi:
                    lately = survey.answers(windows.get(target.window, NOTHING))
                    if lately.all:
                        z = z_for(lately.all, None, _PERIOD_DAYS[target.window], self._share)
                        heard = survey.judge(lately, float(target.value), z)
                        if heard is not None:
                            self.heard[survey.id, "target", target.window] = heard

    def _take_usual(self, survey: Survey, windows: Mapping[str, CellSums], kept: list[str]) -> None:
        if LATELY not in kept:
            self.silent[survey.id] = f"the window {LATELY} isn't kept: add it to `windows`"
            return
        longer = next(name for name in BEFORE if name in kept)
        lately, all_ = (survey.answers(windows.get(name, NOTHING)) for name in (LATELY, longer))
        before = all_ - lately
        if min(lately.all, before.all) < LEAST_ANSWERS:
            self.silent[survey.id] = (
                f"too few answers: {lately.all} within {LATELY} and {before.all} before, {LEAST_ANSWERS} are needed"
            )
            return
        z = z_for(lately.all, before.all, window_ms(LATELY) / DAY_MS, self._share)
        heard = survey.judge(lately, before, z)
        if heard is not None:
            self.heard[survey.id, "usual", LATELY] = heard

    def samples(self, unknown: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield (metric, labels and value) of what isn't unknown."""
        for survey in SURVEYS:
            if survey.kpi in unknown:
                continue
            for (id_, against, window), heard in self.heard.items():
                if id_ == survey.id:
                    place = f'{{{names.ALERT}="{id_}",{names.AGAINST}="{against}",{names.WINDOW}="{window}"}}'
                    yield names.SURVEY_ANSWERS, f"{place} {heard.answers}"
                    yield names.SURVEY_SCORE, f"{place} {heard.score!r}"
                    yield names.SURVEY_UPPER, f"{place} {heard.upper!r}"
                    yield names.SURVEY_REFERENCE, f"{place} {heard.reference!r}"

    def document(self, unknown: Mapping[str, str]) -> dict[str, Any]:
        """Return what `/kpis` says of them under `alerts`."""
        said: dict[str, Any] = {}
        for survey in SURVEYS:
            if survey.kpi in unknown:
                said[survey.id] = {"kpi": survey.kpi, "unknown": unknown[survey.kpi]}
                continue
            found = [
                (against, window, heard) for (id_, against, window), heard in self.heard.items() if id_ == survey.id
            ]
            if found:
                scores = [_told(against, window, heard) for against, window, heard in found]
                said[survey.id] = {"kpi": survey.kpi, "told": _sentence(found), "scores": scores}
            elif survey.id in self.silent:
                said[survey.id] = {"kpi": survey.kpi, "silent": self.silent[survey.id]}
        return said


def _told(against: Against, window: str, heard: Heard) -> dict[str, Any]:
    return {
        "against": against,
        "window": window,
        "firing": heard.firing,
        "answers": heard.answers,
        "score": heard.score,
        "upper": heard.upper,
        "reference": heard.reference,
        "least_drop": heard.least,
        "z": heard.z,
    }


def _sentence(found: Iterable[tuple[Against, str, Heard]]) -> str:
    return "; ".join(
        f"{heard.score:.3g} of {heard.answers} answers within {window}, by chance up to {heard.upper:.3g};"
        f" {'usual is' if against == 'usual' else 'the target is'} {heard.reference:.3g}"
        f"{' (firing)' if heard.firing else ''}"
        for against, window, heard in found
    )
