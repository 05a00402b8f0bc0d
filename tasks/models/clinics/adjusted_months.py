"""Sums of clinics' months once their patients are adjusted for: what months scatter by beside their patients.

An adjuster that tells much of an outcome makes months of one clinic differ, and single records more so: next
to that, a month's own shock is small, and goes unseen where records are summed as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from tasks.models.generalized_mixed.families import mean_of
from tasks.records import Cells, Design, Moments, cells_for, moments_for
from tasks.records.moments import INTERCEPT

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_ROUNDS = 100
_SETTLED = 1e-7
_LONGEST_STEP = 2.0
_NOTHING_LEFT = 1e-10  # of a column's squared length: what does not vary within clinics
_PRIOR_SD = 10.0
"""Of a coefficient of a column in its own SDs: a column that separates the outcome gets one that ends."""


@dataclass(frozen=True)
class AdjustedMonths:
    """Clinics' months with a level of each clinic, one of each month, and the patients' adjusters.

    Attributes:
        moments: one row a clinic and month: `clinic`, `month`, `n`, `mean` and `squares` (of continuous
            outcomes, less what the adjusters explain), `total`, `exposure`; of records with all adjusters.
        expected: (rows,) sums of the outcome that are expected; empty for continuous outcomes, whose levels
            are estimated from what is left.
        slope: (rows,) by how much they change with the linear predictor.
        variance: (rows,) of the sums without shocks.
    """

    moments: pd.DataFrame
    expected: Floats
    slope: Floats
    variance: Floats


def adjusted_means(formula: str, data: Any) -> AdjustedMonths:
    """Of a continuous outcome: the adjusters' coefficients are those within clinics' months.

    Args:
        formula: the outcome by its patients' adjusters, without months.
        data: the records, with `clinic` and `month`.

    Raises:
        SourceError: the database went away.
        EstimationError: no record has all adjusters.
    """
    design, moments = moments_for(formula, data, groups=("clinic", "month"))
    columns = moments.position(*(name for name in design.fixed if name != INTERCEPT))
    outcome = len(moments.columns) - 1
    n, products = moments.n, moments.products
    sums = products[:, 0, :]
    within = products - sums[:, :, None] * sums[:, None, :] / n[:, None, None]
    gram = within[:, columns[:, None], columns].sum(axis=0)
    scale = np.sqrt(np.diag(products.sum(axis=0))[columns])
    varies = np.diag(gram) > _NOTHING_LEFT * scale**2
    columns, scale = columns[varies], scale[varies]
    gram = gram[np.ix_(varies, varies)] / np.outer(scale, scale)
    moved = within[:, columns, outcome].sum(axis=0) / scale
    slopes = np.linalg.lstsq(gram, moved, rcond=_NOTHING_LEFT)[0] / scale
    taken = np.zeros(len(moments.columns))
    taken[columns], taken[outcome] = -slopes, 1.0
    mean = sums @ taken / n + moments.reference[outcome]
    squares = np.maximum(np.einsum("gij,i,j->g", within, taken, taken), 0.0)
    rows = _placed(moments) | {"n": n, "mean": mean, "squares": squares, "total": n * mean, "exposure": n}
    return AdjustedMonths(pd.DataFrame(rows), np.empty(0), np.empty(0), np.empty(0))


def adjusted_counts(
    formula: str,
    data: Any,
    family: Literal["binomial", "poisson"],
    *,
    exposure: str | None = None,
    overdispersed: bool = False,
) -> AdjustedMonths:
    """Of a yes/no or count outcome: a generalised linear model with a level of each clinic and each month.

    Args:
        formula: the outcome by its patients' adjusters, without months.
        data: the records, with `clinic` and `month`.
        family: of the mean and the variance.
        exposure: column with the exposure of counts.
        overdispersed: whether counts vary more than a Poisson's within a clinic's month.

    Raises:
        SourceError: the database went away.
        EstimationError: no record has all adjusters.
    """
    design, cells = cells_for(formula, data, groups=("clinic", "month"), exposure=exposure)
    size = cells.trials if family == "binomial" else cells.weight
    group = cells.codes[:, 0] * len(cells.levels[1]) + cells.codes[:, 1]
    there, group = np.unique(group, return_inverse=True)

    def by_month(values: Floats) -> Floats:
        return np.asarray(np.bincount(group, values, minlength=len(there)), dtype=float)

    mean = _fitted_means(cells, _adjusters(design, cells), size, family)
    expected = by_month(size * mean)
    slope = by_month(size * mean * (1.0 - mean)) if family == "binomial" else expected
    n, total = by_month(cells.weight), by_month(cells.total)
    shown = n if family == "binomial" else by_month(size * np.exp(cells.offset))
    codes = np.stack([there // len(cells.levels[1]), there % len(cells.levels[1])], axis=1)
    rows = _placed(cells, codes) | {"n": n, "mean": total / n, "squares": 0.0, "total": total}
    variance = slope
    if overdispersed:
        squared = cells.total_squares - 2.0 * mean * cells.total + cells.weight * mean**2
        apart, squares = total - expected, by_month(cells.weight * mean**2)

        def pearson(excess: float) -> float:
            own = np.divide(squared, mean + excess * mean**2, where=mean > 0.0, out=np.zeros_like(mean))
            return float(own.sum() - (apart**2 / (expected + excess * squares)).sum())

        variance = expected + _excess(pearson, float(n.sum()) - len(there)) * squares
    return AdjustedMonths(pd.DataFrame(rows | {"exposure": shown}), expected, slope, variance)


def _adjusters(design: Design, cells: Cells) -> Floats:
    """(N, p) columns of the adjusters, centred, in units of their SD; without the constant."""
    kept = [i for i, name in enumerate(design.fixed) if name != INTERCEPT]
    columns = cells.fixed[:, kept]
    centred = columns - np.average(columns, axis=0, weights=cells.weight)
    sd = np.sqrt(np.average(centred**2, axis=0, weights=cells.weight))
    return centred[:, sd > 0.0] / sd[sd > 0.0]


def _fitted_means(
    cells: Cells, columns: Floats, size: Floats, family: Literal["binomial", "poisson"]
) -> Floats:
    """(N,) each cell's mean by maximum likelihood: Newton steps for clinics, months and adjusters in turn."""
    p = columns.shape[1]
    slopes = np.zeros(p)
    levels = [np.zeros(len(each)) for each in cells.levels[:2]]

    def means() -> tuple[Floats, Floats]:
        eta = cells.offset + columns @ slopes + levels[0][cells.codes[:, 0]] + levels[1][cells.codes[:, 1]]
        mean = mean_of(family, eta)
        return mean, size * mean * (1.0 - mean) if family == "binomial" else size * mean

    for _ in range(_ROUNDS):
        moved = 0.0
        for factor, level in enumerate(levels):
            mean, slope = means()
            codes = cells.codes[:, factor]
            over = np.bincount(codes, cells.total - size * mean, minlength=len(level))
            under = np.bincount(codes, slope, minlength=len(level))
            step = np.where(under > 1e-8, over / np.maximum(under, 1e-8), 0.0)
            step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
            level += step
            # a clinic or month without events, or nothing else, has a level without end: it stops far out
            moved = max(moved, float(np.abs(step[under > 1e-8]).max(initial=0.0)))
        mean, slope = means()
        score = columns.T @ (cells.total - size * mean) - slopes / _PRIOR_SD**2
        # about clinics' own means: their levels follow a step of the slopes
        clinic = cells.codes[:, 0]
        weight = np.bincount(clinic, slope, minlength=len(levels[0]))
        sums = np.stack([np.bincount(clinic, slope * each, minlength=len(weight)) for each in columns.T], 1)
        held = weight > 1e-8
        centres = np.divide(sums, weight[:, None], where=held[:, None], out=np.zeros_like(sums))
        apart = columns - centres[clinic]
        information = (apart * slope[:, None]).T @ apart + np.eye(p) / _PRIOR_SD**2
        step = np.clip(np.linalg.solve(information, score), -_LONGEST_STEP, _LONGEST_STEP)
        slopes += step
        levels[0] -= centres @ step
        if max(moved, float(np.abs(step).max(initial=0.0))) < _SETTLED:
            break
    return means()[0]


def _excess(pearson: Callable[[float], float], df: float) -> float:
    """How many times its squared mean a count's variance is above its mean: a negative binomial's 1/size.

    That under which Pearson's χ² is its degrees of freedom (Breslow 1984, Appl Stat 33:38).

    Args:
        pearson: of records about their own month, whose shock is not in it, given the excess.
        df: records but one of every month.
    """
    if pearson(0.0) <= df:
        return 0.0
    largest = 1.0
    while pearson(largest) > df:
        largest *= 4.0
    return float(optimize.brentq(lambda excess: pearson(excess) - df, 0.0, largest, rtol=1e-6))


def _placed(of: Moments | Cells, codes: Integers | None = None) -> dict[str, Any]:
    """Names of the clinic and the month of each row."""
    codes = of.codes if codes is None else codes
    labels = (np.array([str(each) for each in level], dtype=object) for level in of.levels[:2])
    return {
        name: label[codes[:, i]]
        for i, (name, label) in enumerate(zip(("clinic", "month"), labels, strict=True))
    }
