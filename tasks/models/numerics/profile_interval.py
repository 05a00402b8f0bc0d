"""Ends of a profile-likelihood interval: where the profile has fallen by as much as the level allows.

Every profile is handed over as its *excess*: how far the log-likelihood at a value, everything else at its
best, lies above the limit. It is positive inside the interval and falls away from the best value on either
side. An end is the bound of the parameter where the likelihood has not fallen that far there, and otherwise
the excess's root (Venzon & Moolgavkar 1988, JRSS C 37:87).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import optimize

from tasks.models.numerics import distributions as stats

Excess = Callable[[float], float]


def allowed_fall(level: float, levels: int) -> float:
    """By how much the log-likelihood may fall: half the F(1, levels − 1) quantile.

    In place of half the χ²(1) quantile, to which it tends as clinics grow in number: with eight of them, 2.8
    for 1.9.
    """
    return 0.5 * float(stats.f.ppf(level, 1, levels - 1))


def root(function: Excess, low: float, high: float, *, precision: float = 1e-15) -> float:
    """Where a function of opposite signs at `low` and `high` is zero, to `precision`."""
    relative = max(precision, 4.0 * float(np.finfo(float).eps))
    return float(optimize.brentq(function, low, high, xtol=precision, rtol=relative, maxiter=200))


def end_before(
    bound: float, excess: Excess, best: float, *, limit: float | None = None, precision: float = 1e-15
) -> float:
    """The end between the best value and a bound of the parameter.

    Args:
        bound: where the parameter, or what can be computed of it, ends.
        excess: of the profile.
        best: the best value.
        limit: what the end is called where the likelihood has not fallen at the bound; the bound itself where
            it can be reached.
        precision: of the end.
    """
    if best == bound or excess(bound) >= 0.0:
        return bound if limit is None else limit
    return root(excess, min(bound, best), max(bound, best), precision=precision)


def end_by_doubling(excess: Excess, best: float, first: float, cap: float, *, precision: float) -> float:
    """The upper end of a parameter without a bound, looked for at twice the value each time.

    Args:
        excess: of the profile.
        best: the best value.
        first: where to look first, above the best value.
        cap: where the search is given up and the end is infinite.
        precision: of the end.
    """
    upper = first
    while excess(upper) > 0.0:
        upper *= 2.0
        if upper > cap:
            return float("inf")
    return root(excess, best, upper, precision=precision)


def end_by_steps(excess: Excess, best: float, bound: float, step: float, *, upward: bool) -> float:
    """The end between the best value and a bound, which may be infinite, looked for in steps that double.

    Args:
        excess: of the profile; best handed over as a difference of square roots, which is near linear.
        best: the best value.
        bound: the parameter's bound on that side.
        step: length of the first step; an end 10¹² of them away is infinite.
        upward: which end: the upper one, or the lower.
    """
    sign = 1.0 if upward else -1.0
    inside, length = best, step
    while True:
        beyond = inside + sign * length
        if sign * (beyond - bound) >= 0.0:
            if inside == bound or excess(bound) >= 0.0:
                return bound
            beyond = bound
            break
        if excess(beyond) < 0.0:
            break
        inside, length = beyond, 2.0 * length
        if length > 1e12 * step:
            return sign * float("inf")
    if inside == best and excess(inside) < 0.0:
        return inside
    tolerance = 1e-10 * max(abs(beyond), abs(inside), 1e-3 * step)
    return float(
        optimize.brentq(excess, min(inside, beyond), max(inside, beyond), xtol=tolerance, rtol=1e-10)
    )
