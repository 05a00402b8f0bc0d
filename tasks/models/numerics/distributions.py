"""Quantiles and tail probabilities of the distributions that intervals and tests refer to.

Named as `scipy.stats` names them and computed by the same special functions; importing `scipy.stats` takes a
third of a second, which is most of what an analyst waits for after asking a question at the terminal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

Real = Any
"""A float, or an array of them: arguments broadcast, and the result has their shape."""


class norm:  # noqa: N801  # the names of scipy.stats
    """The standard normal distribution."""

    @staticmethod
    def pdf(z: Real) -> Real:
        """Density."""
        return np.exp(-0.5 * np.square(z)) / np.sqrt(2.0 * np.pi)

    @staticmethod
    def cdf(z: Real) -> Real:
        """P(Z ≤ z)."""
        return special.ndtr(z)

    @staticmethod
    def sf(z: Real) -> Real:
        """P(Z > z), precise far in the tail."""
        return special.ndtr(np.negative(z))

    @staticmethod
    def ppf(p: Real) -> Real:
        """z with P(Z ≤ z) = p."""
        return special.ndtri(p)

    @staticmethod
    def isf(p: Real) -> Real:
        """z with P(Z > z) = p."""
        return -special.ndtri(p)


class t:  # noqa: N801
    """Student's t distribution with `df` degrees of freedom; infinitely many are the normal distribution."""

    @staticmethod
    def sf(x: Real, df: Real) -> Real:
        """P(T > x), precise far in the tail."""
        return special.stdtr(df, np.negative(x))

    @staticmethod
    def ppf(p: Real, df: Real) -> Real:
        """x with P(T ≤ x) = p."""
        return special.stdtrit(df, p)


class f:  # noqa: N801
    """The F distribution with `df1` and `df2` degrees of freedom."""

    @staticmethod
    def sf(x: Real, df1: Real, df2: Real) -> Real:
        """P(F > x), precise far in the tail."""
        return special.fdtrc(df1, df2, x)

    @staticmethod
    def ppf(p: Real, df1: Real, df2: Real) -> Real:
        """x with P(F ≤ x) = p."""
        return _f_quantile(p, np.subtract(1.0, p), df1, df2)

    @staticmethod
    def isf(p: Real, df1: Real, df2: Real) -> Real:
        """x with P(F > x) = p, precise for a small p."""
        return _f_quantile(np.subtract(1.0, p), p, df1, df2)


def _f_quantile(below: Real, above: Real, df1: Real, df2: Real) -> Real:
    """x with P(F ≤ x) = below = 1 − above, found from the smaller of the two.

    df1 F / (df1 F + df2) has a beta distribution, and its complement too (Abramowitz & Stegun 1964, 26.6.2).
    """
    a, b = np.divide(df1, 2.0), np.divide(df2, 2.0)
    low = special.betaincinv(a, b, np.minimum(below, 0.5))
    high = special.betaincinv(b, a, np.minimum(above, 0.5))
    return np.divide(df2, df1) * np.where(np.less(below, 0.5), low / (1.0 - low), (1.0 - high) / high)[()]


class chi2:  # noqa: N801
    """The chi-squared distribution with `df` degrees of freedom."""

    @staticmethod
    def logpdf(x: Real, df: Real) -> Real:
        """Logarithm of the density."""
        half = np.divide(df, 2.0)
        power = special.xlogy(half - 1.0, x) - np.divide(x, 2.0)
        return power - special.gammaln(half) - np.multiply(np.log(2.0), df) / 2.0

    @staticmethod
    def sf(x: Real, df: Real) -> Real:
        """P(X > x), precise far in the tail."""
        return special.chdtrc(df, x)

    @staticmethod
    def ppf(p: Real, df: Real) -> Real:
        """x with P(X ≤ x) = p."""
        return 2.0 * special.gammaincinv(np.asarray(df) / 2.0, p)


class beta:  # noqa: N801
    """The beta distribution with shapes `a` and `b`; NaN where a shape is 0."""

    @staticmethod
    def ppf(p: Real, a: Real, b: Real) -> Real:
        """x with P(X ≤ x) = p."""
        return special.betaincinv(a, b, p)

    @staticmethod
    def isf(p: Real, a: Real, b: Real) -> Real:
        """x with P(X > x) = p."""
        return special.betainccinv(a, b, p)


class gamma:  # noqa: N801
    """The gamma distribution with shape `a` and scale 1."""

    @staticmethod
    def ppf(p: Real, a: Real) -> Real:
        """x with P(X ≤ x) = p."""
        return special.gammaincinv(a, p)

    @staticmethod
    def isf(p: Real, a: Real) -> Real:
        """x with P(X > x) = p."""
        return special.gammainccinv(a, p)
