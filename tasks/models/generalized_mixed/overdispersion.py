"""Whether counts vary more than their model says: Pearson's statistic over its degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.families import FamilyName, mean_of
from tasks.models.numerics import distributions as stats

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dispersion:
    """How much the outcomes scatter about their conditional means, against what the family implies.

    Attributes:
        ratio: Pearson's χ² over its degrees of freedom; near 1 where the family's variance is right.
        statistic: Pearson's χ², over rows, at the conditional modes.
        df: rows less parameters, the random effects counted for as many as they are worth.
        p: one-sided p-value against a ratio of 1.
    """

    ratio: float
    statistic: float
    df: float
    p: float

    @property
    def is_over(self) -> bool:
        """Whether the excess is both large enough to matter and beyond chance."""
        return self.ratio > 1.1 and self.p < 0.01


@dataclass(frozen=True, slots=True)
class PearsonSums:
    """What Pearson's statistic takes of cells; adds up over parts of them.

    Attributes:
        statistic: Pearson's χ².
        spread: Σ (2 + κ) over rows, its variance.
        rows: how many there are.
    """

    statistic: float
    spread: float
    rows: float

    def plus(self, other: PearsonSums) -> PearsonSums:
        """Of both parts."""
        return PearsonSums(
            self.statistic + other.statistic, self.spread + other.spread, self.rows + other.rows
        )

    def dispersion(self, parameters: float) -> Dispersion | None:
        """The statistic over its degrees of freedom; None where there are none.

        Args:
            parameters: how many the conditional means were fitted with: coefficients, and of random effects
                Σ tr(I − Σ⁻¹V_j), which for one intercept a clinic is the sum of the clinics' weights (Hodges
                & Sargent 2001 Biometrika 88:367). Taken for none, few rows a clinic would hide
                overdispersion.
        """
        df = self.rows - parameters
        if df <= 0.0:
            return None
        spread = np.sqrt(self.spread * df / self.rows)
        p = float(stats.norm.sf((self.statistic - df) / spread))
        return Dispersion(self.statistic / df, self.statistic, df, p)


def pearson_sums(
    family: FamilyName,
    eta: Floats,
    *,
    total: Floats,
    total_squares: Floats,
    rows: Floats,
    trials: Floats,
    size: float | None = None,
) -> PearsonSums | None:
    """Pearson's statistic from cells, exact over their rows; None where the outcome cannot show dispersion.

    Of outcomes that are 0 or 1 nothing can be learnt: their variance is given by their mean. The p-value
    allows for small expected counts: Var χ² = Σ (2 + κ), κ the excess kurtosis 1/μ of a Poisson count,
    (1 − 6v)/(n v) of a binomial one (McCullagh & Nelder 1989, §4.5 and 6.2).

    Args:
        family: of the model.
        eta: (N,) linear predictors at the conditional modes.
        total: (N,) sums of the outcome over each cell's rows.
        total_squares: (N,) sums of its squares.
        rows: (N,) rows in each cell.
        trials: (N,) trials in each cell; equal to `rows` where each row is one trial.
        size: of a negative binomial.
    """
    mean = mean_of(family, eta)
    if family == "binomial":
        if np.all(trials == rows):
            return None
        # rows with trials are not collapsed, so that a cell of several rows repeats one row
        kept = trials > 0.0  # rows without trials say nothing, and divide by zero
        eta, total, total_squares, rows, trials = (
            part[kept] for part in (eta, total, total_squares, rows, trials)
        )
        mean = mean[kept]
        each = trials / rows
        variance = each * mean * (1.0 - mean)
        mean = each * mean
        kurtosis = 1.0 / np.maximum(variance, 1e-300) - 6.0 / np.maximum(each, 1e-300)
    else:
        variance = mean if size is None else mean + mean**2 / size
        kurtosis = 1.0 / mean if size is None else 6.0 / size + 1.0 / variance
    squares = total_squares - 2.0 * mean * total + rows * mean**2
    statistic = float((squares / np.maximum(variance, 1e-300)).sum())
    return PearsonSums(statistic, float((rows * (2.0 + kurtosis)).sum()), float(rows.sum()))
