"""From a clinic's effect on the model's scale to the figure people read.

A clinic effect u means: the network's own patients, with its mix of adjusters, treated at a clinic whose
effect is u (direct standardisation). The typical clinic, which is the comparator, has the mean of these
clinics' effects, so that about half of them lie above it: u = 0, unless their distribution has heavier tails
than the model's. (Where figures are not linear in u, its figure is not the mean of the clinics' figures.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.models.fit import Fit
from tasks.models.generalized_mixed.certain_rows import CertainRows
from tasks.records import Records, cells_for, moments_for

Floats = NDArray[np.float64]

_FURTHEST, _BEYOND = 8.0, 1e12
_BINS = 512  # of the linear predictor; the error of f(u) is of the order of a bin's width squared: below 1e-6


Scale = Literal["mean", "log_mean", "log_odds"]
"""On what effects add to a patient's predictor: the outcome itself, its logarithm or its log odds."""


@dataclass(frozen=True)
class Standardised:
    """The figure of the network's patients at a clinic with effect u.

    Attributes:
        scale: on which u is.
        patients: (K,) predictors of patients without a clinic's effect; K = 1 where their average is enough.
        shares: (K,) of all patients, what each stands for.
        centre: effect of the typical clinic.
        certain: what records whose outcome no clinic changes add to the figure, in its unit.
        free: share of the other records.
    """

    scale: Scale
    patients: Floats
    shares: Floats
    centre: float = 0.0
    certain: float = 0.0
    free: float = 1.0

    def at(self, effects: Floats) -> Floats:
        """(n,) figures at (n,) effects, in the outcome's unit (per cent for binary outcomes)."""
        reached = self.patients[:, None] + np.atleast_1d(np.asarray(effects, dtype=float))
        if self.scale == "log_odds":
            reached = 100.0 * special.expit(reached)
        elif self.scale == "log_mean":
            reached = np.exp(reached)
        return np.asarray(self.certain + self.free * (reached.T @ self.shares))

    @property
    def typical(self) -> float:
        """The figure at the typical clinic."""
        return float(self.at(np.array([self.centre]))[0])

    def effect_of(self, figure: float) -> float:
        """The effect of a clinic with this figure; infinite where no effect gives it."""
        low, high = -_FURTHEST, _FURTHEST
        while float(self.at(np.array([high]))[0]) < figure and high < _BEYOND:
            high *= 2.0
        while float(self.at(np.array([low]))[0]) > figure and low > -_BEYOND:
            low *= 2.0
        ends = self.at(np.array([low, high]))
        if not ends[0] < figure < ends[1]:
            return float("-inf") if figure <= ends[0] else float("inf")
        return float(optimize.brentq(lambda u: float(self.at(np.array([u]))[0]) - figure, low, high))


def standardised(
    question: OutcomeFormulas, fit: Fit, formula: str, usable: Records, certain: CertainRows | None = None
) -> Standardised:
    """Bind a fit of `formula` to the network's own patients.

    Only column totals, or a histogram of the linear predictor, stay behind in what is returned.

    Args:
        question: the outcome's formulas.
        fit: the fit.
        formula: what was fitted.
        usable: the records it was fitted to.
        certain: records that were set aside; whatever the clinic, their outcome is what it is.
    """
    scale = _standardised(question, fit, formula, usable)
    if certain is None:
        return scale
    as_it_is = certain.events / certain.all_size * (100.0 if question.mean_family == "binomial" else 1.0)
    return replace(scale, certain=as_it_is, free=1.0 - certain.share)


def _standardised(question: OutcomeFormulas, fit: Fit, formula: str, usable: Records) -> Standardised:
    if question.mean_family == "gaussian":
        _, moments = moments_for(formula, usable)
        about = moments.mean_row
        means = {name: float(about[i]) for i, name in enumerate(moments.columns)}
        overall = float(sum(fit.coef[name] * means[name] for name in fit.coef.index))
        return _of_average("log_mean" if question.outcome.scale == "log" else "mean", overall)
    if question.outcome.counts_records:
        return _over_periods(fit, formula, usable)
    design, cells = cells_for(formula, usable, exposure=question.outcome.exposure)
    eta = cells.fixed @ fit.coef.loc[list(design.fixed)].to_numpy()
    if question.mean_family == "poisson":
        exposure = np.exp(cells.offset) * cells.weight
        rate = float((np.exp(eta) * exposure).sum() / exposure.sum())
        return _of_average("log_mean", math.log(rate))
    return Standardised("log_odds", *_histogram(eta + cells.offset, cells.trials))


def _over_periods(fit: Fit, formula: str, usable: Records) -> Standardised:
    """Records a period, with each of the window's once: where clinics open, most of theirs are late ones."""
    design, cells = cells_for(formula, usable, groups=("clinic", "month"))
    rates = np.exp(cells.fixed @ fit.coef.loc[list(design.fixed)].to_numpy())
    period = cells.codes[:, 1]
    of_each = np.bincount(period, rates * cells.weight) / np.bincount(period, cells.weight)
    return _of_average("log_mean", math.log(float(of_each.mean())))


def _of_average(scale: Scale, predictor: float) -> Standardised:
    return Standardised(scale, np.array([predictor]), np.ones(1))


def _histogram(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Bin means and shares of a weighted sample: at most `_BINS`, exact where values are fewer."""
    distinct, inverse = np.unique(values, return_inverse=True)
    total = np.bincount(inverse, weights)
    if len(distinct) > _BINS:
        edges = np.linspace(distinct[0], distinct[-1], _BINS + 1)
        which = np.clip(np.searchsorted(edges, distinct, side="right") - 1, 0, _BINS - 1)
        mass = np.bincount(which, total, minlength=_BINS)
        there = mass > 0
        distinct = np.bincount(which, total * distinct, minlength=_BINS)[there] / mass[there]
        total = mass[there]
    return distinct, total / total.sum()
