"""Tail probabilities against exact sums: what a page's p-value is worth."""

from __future__ import annotations

from decimal import Decimal, localcontext
from math import fsum

import pytest

from metrics.tails import at_least, at_most, exactly, least_surprising, most_surprising


def poisson_tail(count: int, mean: str) -> float:
    """The sum itself, with fifty digits."""
    with localcontext() as context:
        context.prec = 50
        term = (-Decimal(mean)).exp()
        for step in range(1, count + 1):
            term = term * Decimal(mean) / step
        total, step = Decimal(0), count
        while step < count + 10 or term > total * Decimal("1e-40"):
            total += term
            step += 1
            term = term * Decimal(mean) / step
        return float(total)


@pytest.mark.parametrize(
    ("count", "mean"),
    [(1, "0.1"), (5, "0.083"), (10, "3"), (3, "10"), (40, "20"), (300, "200"), (1_500, "1000"), (60_000, "58000")],
)
def test_a_poisson_tail_is_the_sum_to_ten_digits(count, mean):
    """Down to 1e-49: a small tail is not 1 minus something."""
    assert at_least(count, float(mean)) == pytest.approx(poisson_tail(count, mean), rel=1e-10, abs=0)


def test_values_that_tables_print():
    """From the tables of the Poisson distribution, and by hand: 1 - 1.2 / e^0.2 ..."""
    assert at_least(1, 2.0) == pytest.approx(0.8646647, abs=1e-7)
    assert at_most(2, 5.0) == pytest.approx(0.1246520, abs=1e-7)
    assert at_least(10, 3.0) == pytest.approx(0.0011025, abs=1e-7)
    assert exactly(0, 0.5) == pytest.approx(0.6065307, abs=1e-7)


@pytest.mark.parametrize("dispersion", [1e-6, 1e-4, 0.01, 0.1, 2.0])
@pytest.mark.parametrize(("count", "mean"), [(10, 3.0), (2, 9.0), (300, 200.0)])
def test_a_negative_binomial_tail_is_the_sum_of_its_terms(count, mean, dispersion):
    """And the two tails leave nothing over."""
    total = fsum(exactly(each, mean, dispersion) for each in range(count, 12_000))
    assert at_least(count, mean, dispersion) == pytest.approx(total, rel=1e-8)
    assert at_least(count, mean, dispersion) + at_most(count - 1, mean, dispersion) == pytest.approx(1, abs=1e-11)


def test_dispersion_makes_the_same_count_less_surprising():
    """And none is where the two distributions meet."""
    tails = [at_least(30, 10.0, dispersion) for dispersion in (0.0, 1e-8, 0.01, 0.1, 1.0)]
    assert tails == sorted(tails)
    assert tails[1] == pytest.approx(tails[0], rel=1e-5)


@pytest.mark.parametrize("dispersion", [0.0, 0.05])
@pytest.mark.parametrize("mean", [0.0, 0.08, 1.2, 17.0, 900.0])
@pytest.mark.parametrize("alpha", [1e-3, 1e-7])
def test_the_counts_that_alpha_implies_are_the_first_that_surprise(mean, alpha, dispersion):
    """One fewer (one more, where less is worse) doesn't."""
    least = least_surprising(mean, alpha, dispersion)
    assert at_least(least, mean, dispersion) < alpha <= at_least(least - 1, mean, dispersion)
    most = most_surprising(mean, alpha, dispersion)
    assert at_most(most, mean, dispersion) < alpha <= at_most(most + 1, mean, dispersion)


def test_a_mean_that_is_none_is_refused():
    """Before it is a probability of something."""
    with pytest.raises(ValueError, match="mean of a count: got nan, expected a finite number of 0 or more"):
        at_least(3, float("nan"))
    with pytest.raises(ValueError, match="dispersion of a count: got -1"):
        at_most(3, 1.0, -1.0)
