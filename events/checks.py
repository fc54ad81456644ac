"""What the structs' types can't say: amounts within their currency's decimals, answers within their survey's scale.

Each check is written down twice: of one event, and of many at once, where a currency's amounts are read in a row. Of
many the answer is whether *all* are clean; who isn't told so asks of each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from . import models, wire
from .money import Amounts, has_sign

_ANSWERS = 1 << 10
"""Combinations of a survey's answers that are remembered: more than there are good ones."""


def is_clean(event: wire.Event) -> bool:
    """Does the struct hold what its types can't say? False, or a ValueError, sends it to the judge."""
    check = _CHECKS.get(type(event))
    return check is None or check(event)


def currencies_of_clean(events: Sequence[wire.Event]) -> set[str]:
    """The currencies of the money of events, all of which hold what their types can't say.

    Raises:
        ValueError: one of them doesn't.
    """
    by_type: defaultdict[type[wire.Event], list[Any]] = defaultdict(list)
    for event in events:
        by_type[type(event)].append(event)
    if not all(map(_answers_are_clean, by_type[wire.SurveyResponse])):
        raise ValueError("answers that no survey asks for")
    orders = by_type[wire.Purchase]
    with_lines = [order for order in orders if order.lines]
    lines = [line.total for order in with_lines for line in order.lines]
    if [money.currency for money in lines] != [order.total.currency for order in with_lines for _ in order.lines]:
        raise ValueError("lines in another currency than their total")
    totals = [order.total for order in orders] + [refund.total for refund in by_type[wire.Refund]]
    totals += [spend.spend for spend in by_type[wire.MarketingSpend]]
    for kind in (wire.CustomerAcquired, wire.Lead):
        totals += [event.cost for event in by_type[kind] if event.cost is not None]
    currencies = {money.currency for money in totals}
    for currency in currencies:
        minor = Amounts.of(currency)
        amounts = [money.amount for money in totals if money.currency == currency]
        if min([minor[amount] for amount in amounts]) <= 0 and any(map(has_sign, amounts)):
            raise ValueError("a negative amount")
        for money in lines:
            if money.currency == currency:
                minor[money.amount]
    return currencies


def _purchase_is_clean(event: wire.Purchase) -> bool:
    total = event.total
    currency, amount = total.currency, total.amount
    amounts = Amounts.of(currency)
    for line in event.lines or ():
        money = line.total
        if money.currency != currency:
            return False
        amounts[money.amount]
    return amounts[amount] > 0 or not has_sign(amount)


def _money_is_clean(money: wire.Money | None) -> bool:
    return money is None or Amounts.of(money.currency)[money.amount] > 0 or not has_sign(money.amount)


def _answers_are_clean(event: wire.SurveyResponse) -> bool:
    return _fit(event.survey, event.scale, event.score, event.recommend, event.repurchase, event.try_other)


@lru_cache(maxsize=_ANSWERS)
def _fit(survey: Any, scale: int | None, *answers: int | None) -> bool:
    """Are these the answers that a survey asks for?"""
    if survey == "csat" and scale not in models.CSAT_SCALES:
        return False
    given = dict(zip(("score", "recommend", "repurchase", "try_other"), answers, strict=True))
    return all(given[field] in values for field, values in models.answers(survey, scale).items())


_CHECKS: dict[type[wire.Event], Callable[[Any], bool]] = {
    wire.Purchase: _purchase_is_clean,
    wire.Refund: lambda event: _money_is_clean(event.total),
    wire.CustomerAcquired: lambda event: _money_is_clean(event.cost),
    wire.Lead: lambda event: _money_is_clean(event.cost),
    wire.MarketingSpend: lambda event: _money_is_clean(event.spend),
    wire.SurveyResponse: _answers_are_clean,
}
