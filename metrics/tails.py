"""How surprising a count is: tail probabilities of the Poisson and of the negative binomial distribution.

PromQL has neither, and scipy is thirty megabytes for two functions; so they are here, by the textbook: the regularised
incomplete gamma and beta functions, each by the expansion that converges where it is asked. Small tails keep their
relative accuracy (they are never 1 minus something), because 1e-9 and 1e-12 are different news.

Counts that vary more than chance alone have a *dispersion* d: variance = mean + d x mean^2. 0 is Poisson.
"""

from __future__ import annotations

from math import exp, inf, isfinite, lgamma, log, log1p

_NEAR = 1e-15
_TINY = 1e-300
_MOST_TERMS = 200_000
_POISSON_BELOW = 1e-9
"""A dispersion that no count of ours could tell from 0."""


def at_least(count: int, mean: float, dispersion: float = 0.0) -> float:
    """Return the probability of `count` or more where `mean` are expected.

    >>> round(at_least(10, 3.0), 7)
    0.0011025

    Raises:
        ValueError: the mean or the dispersion isn't a finite number of 0 or more.
    """
    _refuse(mean, dispersion)
    if count <= 0:
        return 1.0
    if mean == 0:
        return 0.0
    if dispersion < _POISSON_BELOW:
        return _gamma_p(count, mean)
    return _beta(mean * dispersion / (1 + mean * dispersion), count, 1 / dispersion)


def at_most(count: int, mean: float, dispersion: float = 0.0) -> float:
    """Return the probability of `count` or fewer where `mean` are expected; errors as `at_least`."""
    _refuse(mean, dispersion)
    if count < 0:
        return 0.0
    if mean == 0:
        return 1.0
    if dispersion < _POISSON_BELOW:
        return _gamma_q(count + 1, mean)
    return _beta(1 / (1 + mean * dispersion), 1 / dispersion, count + 1)


def exactly(count: int, mean: float, dispersion: float = 0.0) -> float:
    """Return the probability of `count`; errors as `at_least`."""
    _refuse(mean, dispersion)
    if count < 0 or mean == 0:
        return float(count == 0)
    if dispersion < _POISSON_BELOW:
        return exp(count * log(mean) - mean - lgamma(count + 1))
    size = 1 / dispersion
    spread = log1p(mean * dispersion)
    chosen = lgamma(count + size) - lgamma(size) - lgamma(count + 1)
    return exp(chosen + count * (log(mean * dispersion) - spread) - size * spread)


def least_surprising(mean: float, alpha: float, dispersion: float = 0.0) -> int:
    """Return the smallest count whose upper tail is below `alpha`: fewer are no evidence of more than expected."""
    low, high = 0, max(4, int(2 * mean))
    while at_least(high, mean, dispersion) >= alpha:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at_least(middle, mean, dispersion) >= alpha else (low, middle)
    return high


def most_surprising(mean: float, alpha: float, dispersion: float = 0.0) -> int:
    """Return the largest count whose lower tail is below `alpha`; -1 where not even none at all is evidence."""
    low, high = -1, int(mean) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at_most(middle, mean, dispersion) < alpha else (low, middle)
    return low


def _refuse(mean: float, dispersion: float) -> None:
    for name, value in (("mean", mean), ("dispersion", dispersion)):
        if not (isfinite(value) and value >= 0):
            raise ValueError(f"{name} of a count: got {value}, expected a finite number of 0 or more")


def _gamma_p(a: float, x: float) -> float:
    """Regularised lower incomplete gamma function."""
    return _gamma_series(a, x) if x < a + 1 else 1 - _gamma_fraction(a, x)


def _gamma_q(a: float, x: float) -> float:
    """Regularised upper incomplete gamma function."""
    return 1 - _gamma_series(a, x) if x < a + 1 else _gamma_fraction(a, x)


def _gamma_series(a: float, x: float) -> float:
    term = total = 1 / a
    for step in range(1, _MOST_TERMS):
        term *= x / (a + step)
        total += term
        if term < total * _NEAR:
            break
    return min(1.0, total * exp(a * log(x) - x - lgamma(a)))


def _gamma_fraction(a: float, x: float) -> float:
    """By Lentz's method; for x >= a + 1."""
    b = x + 1 - a
    c, d = inf, 1 / b
    value = d
    for step in range(1, _MOST_TERMS):
        part = -step * (step - a)
        b += 2
        d = 1 / _away(part * d + b)
        c = _away(b + part / c)
        value *= c * d
        if abs(c * d - 1) < _NEAR:
            break
    return min(1.0, value * exp(a * log(x) - x - lgamma(a)))


def _beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return min(1.0, front * _beta_fraction(x, a, b) / a)
    return max(0.0, 1 - front * _beta_fraction(1 - x, b, a) / b)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """By Lentz's method; converges fast for x < (a + 1) / (a + b + 2)."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for part in (even, odd):
            d = 1 / _away(1 + part * d)
            c = _away(1 + part / c)
            value *= c * d
        if abs(c * d - 1) < _NEAR:
            break
    return value


def _away(value: float) -> float:
    """Lentz's guard against a division by 0."""
    return value if abs(value) > _TINY else _TINY
