"""Families: the log-density of an outcome as a function of its linear predictor, and its derivatives.

Everything a mixed-model likelihood needs from the outcome is f(η) = log p(y | η) of a cell and its first
four derivatives in η. For all three families they are sums over the cell's rows, so a cell gives exactly
what its rows would.

With μ the success probability, v = μ(1 − μ) and n trials (McCullagh & Nelder 1989, ch. 4 and 6):

    binomial, logit link    f' = y − nμ    f'' = −nv    f''' = −nv(1 − 2μ)    f'''' = −nv(1 − 6v)
    Poisson, log link       f' = y − nμ    f'' = f''' = f'''' = −nμ   (μ = e^η, n rows)

A negative binomial with size k (variance μ + μ²/k, log link: "NB2") is, as a function of η, a binomial with
y + nk trials at η − log k; only its constant differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tasks.errors import EstimationError, nearest
from tasks.models.generalized_mixed.size_sums import sum_of_curvatures, sum_of_logs, sum_of_slopes
from tasks.models.numerics.normal_mixture import Link
from tasks.records.cells import Cells

Floats = NDArray[np.float64]
CountFamily = Literal["poisson", "negative-binomial"]
FamilyName = Literal["binomial"] | CountFamily

FAMILIES: dict[str, FamilyName] = {
    "binomial": "binomial",
    "poisson": "poisson",
    "negative-binomial": "negative-binomial",
    "negative_binomial": "negative-binomial",
    "negbin": "negative-binomial",
}
LINKS: dict[FamilyName, Link] = {"binomial": "logit", "poisson": "log", "negative-binomial": "log"}

_LARGEST = 200.0  # its products up to the fourth power stay finite; no fit has a mean beyond e^200


def count_family_named(name: str) -> CountFamily:
    """A family of counts.

    Raises:
        EstimationError: there is no such family, or it is not one of counts.
    """
    family = family_named(name)
    if family == "binomial":
        raise EstimationError("counts are poisson or negative-binomial, and binomial was asked for")
    return family


def family_named(name: str) -> FamilyName:
    """The family of that name, or an error offering the nearest.

    Raises:
        EstimationError: the name is not a family this module has.
    """
    try:
        return FAMILIES[name.lower()]
    except KeyError:
        raise EstimationError(
            f"no family {name!r} for a mixed model; {nearest(name, set(FAMILIES.values()))}"
        ) from None


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """The outcome of every cell, bound to its family: what a likelihood reads of y.

    Attributes:
        family: binomial (logit link), poisson or negative-binomial (log link).
        y: (N,) sum of the outcome over the cell's rows.
        n: (N,) trials (binomial) or rows (counts).
        constant: Σ log C(n, y) or −Σ log y!, over the original rows.
        log_size: log k of a negative binomial; 0 and unused otherwise.
        counts: (2, m) distinct counts and how many rows have each, for a negative binomial's constant.
    """

    family: FamilyName
    y: Floats
    n: Floats
    constant: float
    log_size: float = 0.0
    counts: Floats = field(default_factory=lambda: np.empty((2, 0)))

    @classmethod
    def of(cls, cells: Cells, family: FamilyName) -> CellOutcome:
        """The cells' outcome under `family`. A negative binomial needs cells that are not collapsed."""
        if family == "binomial":
            return cls(family, cells.total, cells.trials, cells.log_constant)
        counts = np.empty((2, 0))
        if family == "negative-binomial":
            if not np.allclose(cells.total**2, cells.weight * cells.total_squares):
                raise ValueError("a negative binomial needs cells of rows with equal counts")
            # of rows that count for less, 3/7 ÷ 1/7 is a whole number but for rounding
            values, where = np.unique(np.rint(cells.total / cells.weight), return_inverse=True)
            counts = np.vstack([values, np.bincount(where, weights=cells.weight)])
        return cls(family, cells.total, cells.weight, cells.log_constant, counts=counts)

    def with_log_size(self, log_size: float) -> CellOutcome:
        """The same outcome at another size of the negative binomial."""
        return replace(self, log_size=log_size)

    def part(self, start: int, stop: int) -> CellOutcome:
        """The outcome of cells start … stop − 1; constants stay with the whole."""
        return replace(self, y=self.y[start:stop], n=self.n[start:stop], constant=0.0)

    @property
    def has_size(self) -> bool:
        """Whether the family has a parameter of its own (the negative binomial's log size)."""
        return self.family == "negative-binomial"

    def log_constant(self) -> float:
        """What the log-likelihood adds that does not depend on η.

        For a negative binomial Σ log Γ(y + k)/Γ(k), as sums of log(k + i) over i < y: no digits cancel
        however large k is.
        """
        if not self.has_size:
            return self.constant
        values, rows = self.counts
        size = np.exp(self.log_size)
        factorials = special.gammaln(values + 1.0)
        each = sum_of_logs(values, size) + values * self.log_size - factorials  # which nearly cancel
        return float((self.constant + rows @ factorials) + rows @ each)

    def log_constant_slope(self) -> float:
        """d log_constant / d log size."""
        if not self.has_size:
            return 0.0
        values, rows = self.counts
        return float(rows @ (sum_of_slopes(values, np.exp(self.log_size)) + values))

    def log_constant_curvature(self) -> float:
        """d² log_constant / d log size²."""
        if not self.has_size:
            return 0.0
        values, rows = self.counts
        return float(rows @ sum_of_curvatures(values, np.exp(self.log_size)))

    def density(self, eta: Floats) -> Floats:
        """f: (…, N) log-density of each cell at (…, N) linear predictors, without `log_constant`."""
        if self.family == "poisson":
            return self.y * eta - self.n * np.exp(np.minimum(eta, _LARGEST))
        eta, n = self._logistic(eta)
        if self.has_size:  # of counts in the thousands y·η and n·softplus cancel to the rounding of millions
            failures = self.n * np.exp(self.log_size)
            linear = np.where(eta >= 0.0, -failures, self.y) * eta
            return np.asarray(linear - n * np.log1p(np.exp(-np.abs(eta))))
        softplus = np.maximum(eta, 0.0) + np.log1p(np.exp(-np.abs(eta)))
        return np.asarray(self.y * eta - n * softplus)

    def slopes(self, eta: Floats) -> tuple[Floats, Floats]:
        """f' and f'' of each cell: all that a Newton step for the conditional modes needs."""
        if self.family == "poisson":
            mean = self.n * np.exp(np.minimum(eta, _LARGEST))
            return self.y - mean, -mean
        eta, n = self._logistic(eta)
        small = np.exp(-np.abs(eta))
        inverse = 1.0 / (1.0 + small)
        tail = small * inverse  # the smaller of μ and 1 − μ, exact however small
        return self._score(eta, n, inverse, tail), -n * (tail * inverse)

    def derivatives(self, eta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """f', f'', f''' and f'''' of each cell at (…, N) linear predictors."""
        if self.family == "poisson":
            mean = self.n * np.exp(np.minimum(eta, _LARGEST))
            return self.y - mean, -mean, -mean, -mean
        eta, n = self._logistic(eta)
        small = np.exp(-np.abs(eta))
        inverse = 1.0 / (1.0 + small)
        tail = small * inverse
        variance = tail * inverse
        second = -n * variance
        third = second * np.where(eta >= 0.0, tail - inverse, inverse - tail)
        return (
            self._score(eta, n, inverse, tail),
            second,
            third,
            second * (1.0 - 6.0 * variance),
        )

    def _score(self, eta: Floats, n: Floats, inverse: Floats, tail: Floats) -> Floats:
        """f' = y − nμ at the logistic's η; of a negative binomial n(1 − μ) − k where that cancels less."""
        if not self.has_size:
            return self.y - n * np.where(eta >= 0.0, inverse, tail)
        small = n * tail
        return np.where(eta >= 0.0, small - self.n * np.exp(self.log_size), self.y - small)

    def size_slopes(self, eta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """d/d log k of f, f', f'' and f''' at fixed η, for a negative binomial (`log_constant` apart)."""
        first, second, third, fourth = self.derivatives(eta)
        weight, softplus, mean, variance, skew = self._of_size(eta)
        return (
            -first - weight * softplus,
            -second - weight * mean,
            -third - weight * variance,
            -fourth - weight * skew,
        )

    def size_curvatures(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """d²/d(log k)² of f, f' and f'' at fixed η, for a negative binomial (`log_constant` apart)."""
        _, second, third, fourth = self.derivatives(eta)
        weight, softplus, mean, variance, skew = self._of_size(eta)
        return (
            second + weight * (2.0 * mean - softplus),
            third + weight * (2.0 * variance - mean),
            fourth + weight * (2.0 * skew - variance),
        )

    def _of_size(self, eta: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """nk, and log(1 + e^x) with its first three derivatives at x = η − log k."""
        shifted = eta - self.log_size
        small = np.exp(-np.abs(shifted))
        inverse = 1.0 / (1.0 + small)
        tail = small * inverse
        mean = np.where(shifted >= 0.0, inverse, tail)
        softplus = np.maximum(shifted, 0.0) + np.log1p(small)
        variance = tail * inverse
        skew = variance * np.where(shifted >= 0.0, tail - inverse, inverse - tail)
        return self.n * np.exp(self.log_size), softplus, mean, variance, skew

    def mean(self, eta: Floats) -> Floats:
        """Expected outcome of one trial (binomial) or one row (counts) at η."""
        return mean_of(self.family, eta)

    def _logistic(self, eta: Floats) -> tuple[Floats, Floats]:
        """η and trials of the binomial that this family is, as a function of η."""
        if self.family == "binomial":
            return eta, self.n
        return eta - self.log_size, self.y + self.n * np.exp(self.log_size)


def mean_of(family: FamilyName, eta: Floats) -> Floats:
    """Inverse link: the expected outcome at linear predictor η."""
    if family == "binomial":
        return np.asarray(special.expit(eta), dtype=float)
    return np.exp(np.minimum(eta, _LARGEST))
