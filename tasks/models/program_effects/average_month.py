"""The average month's effect of a program on a population's risk or rate.

The risk (or rate) of everyone in the sample without the program, and with the effect that clinics had so many
months after their start, averaged over clinics, their periods and patients; then over those months. Months
count alike, however many clinics had reached them (Kenny et al. 2022, Stat Med 41:4311).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tasks.models.estimating_equations.sandwich import ClusterScores
from tasks.models.fit import Floats
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.generalized_mixed.population_average import (
    Mean,
    averaged,
    delta_error,
    joint_covariance,
    means_with,
)
from tasks.models.program_effects.program_data import ProgramData
from tasks.models.program_effects.wider_interval import Contrast, wider
from tasks.records.cells import Cells
from tasks.records.for_models.set_rows import SetRows
from tasks.records.moments import INTERCEPT

NOBODY = ""
"""Stands for nobody under the program among the program's columns."""


@dataclass(frozen=True, slots=True)
class AverageMonth:
    """One contrast with its error.

    Attributes:
        measure: risk_difference, risk_ratio or rate_ratio; of a ratio the rest is of its logarithm.
        contrast: the estimate, its standard error and degrees of freedom.
        possible: what the measure can be, given the risk without the program: a risk stays from 0 to 1, and
            the interval is that of its log odds.
    """

    measure: str
    contrast: Contrast
    possible: tuple[float, float] = (-np.inf, np.inf)


def standardised(fit: GlmmFit, data: ProgramData, months: Iterable[str]) -> dict[str, Mean]:
    """The mean of everyone in the sample without the program, as NOBODY, and with the effect of each month.

    Args:
        fit: the mixed model with an effect of each month since the start.
        data: what it was fitted to.
        months: the program's columns.
    """
    data = data.in_context
    if data.cells is None:
        raise ValueError("risks and rates come as cells")
    nobody, names = _everybody(fit, data, data.cells), list(months)
    without = averaged(fit, data.name, nobody)
    under = replace(nobody, random=_random(fit, len(nobody.fixed), under=1.0))
    means = dict(zip(names, means_with(fit, under, names), strict=True))
    return {NOBODY: Mean(without.mean, without.gradient)} | means


def average_month(
    fit: GlmmFit,
    data: ProgramData,
    scores: ClusterScores,
    means: Mapping[str, Mean],
    months: Mapping[str, float],
    level: float,
) -> list[AverageMonth]:
    """Population-averaged contrasts of the average of these months with none.

    Args:
        fit: the mixed model with an effect of each month since the start.
        data: what it was fitted to.
        scores: of the coefficients, by unit of rollout.
        means: the population's means, `standardised`.
        months: the program's columns to average over → weight of each; the weights add up to 1.
        level: of the interval.
    """
    nothing, each, weights = means[NOBODY], [means[name] for name in months], list(months.values())
    mean = float(np.average([month.value for month in each], weights=weights))
    gradient: Floats = np.average([month.gradient for month in each], axis=0, weights=weights)
    ratio = AverageMonth(
        "risk_ratio" if data.family == "binomial" else "rate_ratio",
        _contrast(
            fit,
            scores,
            float(np.log(mean / nothing.value)),
            gradient / mean - nothing.gradient / nothing.value,
            level,
        ),
    )
    if data.mean_family == "poisson":
        return [ratio]
    difference = _contrast(fit, scores, mean - nothing.value, gradient - nothing.gradient, level)
    possible = (-nothing.value, 1.0 - nothing.value)
    return [AverageMonth("risk_difference", difference, possible), ratio]


def _contrast(
    fit: GlmmFit, scores: ClusterScores, estimate: float, gradient: Floats, level: float
) -> Contrast:
    """The delta method's error; the variances' part of it is the same by the model and by units."""
    weights = gradient[-len(fit.coef) :]
    se = delta_error(gradient, joint_covariance(fit))
    # with more degrees of freedom than units less two, clinics' months would count for independent
    most = max(len(scores.information) - 2.0, 1.0)
    own = Contrast(estimate, se, min(fit.test(weights[None, :]).df, most))
    rest = max(se**2 - float(weights @ fit.vcov.to_numpy() @ weights), 0.0)
    return wider(own, scores, weights, level, rest)


def _everybody(fit: GlmmFit, data: ProgramData, cells: Cells) -> SetRows:
    """The sample with nobody under the program."""
    fixed = cells.fixed.copy()
    fixed[:, [j for j, name in enumerate(fit.design.fixed) if name in data.program]] = 0.0
    weight = cells.trials if data.family == "binomial" else cells.weight
    return SetRows("none", fixed, _random(fit, len(fixed), under=0.0), cells.offset, weight)


def _random(fit: GlmmFit, rows: int, *, under: float) -> tuple[Floats, ...]:
    """Columns of the random effects: the constant, and the program where its effect varies among clinics."""
    return tuple(
        np.tile([1.0 if name == INTERCEPT else under for name in term.columns], (rows, 1))
        for term in fit.loadings
    )
