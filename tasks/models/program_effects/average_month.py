"""The average month's effect of a program on a population's risk or rate.

The risk (or rate) of everyone in the sample without the program, and with the effect that clinics had so many
months after their start, averaged over clinics, their periods and patients; then over those months. Months
count alike, however many clinics had reached them (Kenny et al. 2022, Stat Med 41:4311).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

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
from tasks.models.program_effects.wider_interval import Contrast, quantile, wider
from tasks.records.cells import Cells
from tasks.records.for_models.set_rows import SetRows
from tasks.records.moments import INTERCEPT

_POINTS = 20_001
"""On the ellipse: ends are then right to eight digits."""
_MOST = 2.0
"""Times a patient's effect that the population's can be, on the scale of the link."""
NOBODY = ""
"""Stands for nobody under the program among the program's columns."""


@dataclass(frozen=True, slots=True)
class AverageMonth:
    """One contrast with its error.

    Attributes:
        measure: risk_difference, risk_ratio or rate_ratio.
        contrast: what its test is of: the difference of log odds, or of logarithms of rates.
        ends: (3,) the measure's value and its interval's ends.
    """

    measure: str
    contrast: Contrast
    ends: Floats


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
    patient: Contrast,
    level: float,
) -> list[AverageMonth]:
    """Population-averaged contrasts of the average of these months with none.

    Args:
        fit: the mixed model with an effect of each month since the start.
        data: what it was fitted to.
        scores: of the coefficients, by unit of rollout.
        means: the population's means, `standardised`.
        months: the program's columns to average over → weight of each; the weights add up to 1.
        patient: the same average for a patient, on the scale of the link.
        level: of the interval.
    """
    nothing, each, weights = means[NOBODY], [means[name] for name in months], list(months.values())
    mean = float(np.average([month.value for month in each], weights=weights))
    gradient: Floats = np.average([month.gradient for month in each], axis=0, weights=weights)
    under = Mean(mean, gradient)
    if data.mean_family == "poisson":
        change, of_change = _moved(under, nothing, lambda mean: mean, np.log)
        contrast = _no_better_known(_contrast(fit, scores, change, of_change, level), patient, level)
        reach = np.array([0.0, -1.0, 1.0]) * contrast.half_width(level)
        return [AverageMonth("rate_ratio", contrast, np.exp(np.minimum(change + reach, 700.0)))]
    change, of_change = _moved(under, nothing, lambda risk: risk * (1.0 - risk), special.logit)
    contrast = _no_better_known(_contrast(fit, scores, change, of_change, level), patient, level)
    of_start = nothing.gradient / (nothing.value * (1.0 - nothing.value))
    start, moved = _ellipse(fit, nothing.value, of_start, contrast, of_change, level)
    without, under_program = special.expit(start), special.expit(start + moved)
    return [
        AverageMonth("risk_difference", contrast, _ends(under_program - without)),
        AverageMonth("risk_ratio", contrast, _ends(under_program / without)),
    ]


def _moved(
    under: Mean, nothing: Mean, slope: Callable[[float], float], scale: Callable[[float], float]
) -> tuple[float, Floats]:
    """A difference of two means on a scale, and its gradient."""
    gradient = under.gradient / slope(under.value) - nothing.gradient / slope(nothing.value)
    return float(scale(under.value) - scale(nothing.value)), gradient


def _no_better_known(change: Contrast, patient: Contrast, level: float) -> Contrast:
    """A population's effect is no better known to be there than the patients' effects that it is made of.

    Where months' effects are so large that risks can hardly change further, the delta method takes the
    average for nearly certain: of 100 simulated rollouts with a trend the interval held the truth in 88.

    Args:
        change: the population's, on the scale of the link.
        patient: a patient's.
        level: of the interval.
    """
    # averaging over clinics leaves a part of it, averaging risks over months can add to it; where a patient's
    # is next to none, months have effects of both signs, and their ratio says nothing
    ratio = min(abs(change.estimate / patient.estimate), _MOST) if patient.estimate else 1.0
    least = replace(change, se=ratio * patient.se, df=patient.df, by_units=patient.by_units)
    return least if least.half_width(level) > change.half_width(level) else change


def _ellipse(
    fit: GlmmFit, start: float, of_start: Floats, change: Contrast, of_change: Floats, level: float
) -> tuple[Floats, Floats]:
    """Log odds without the program and how the program moves them: the estimate, and the points about it.

    What a function of both takes on this ellipse is its interval, for a straight one the delta method's. That
    of no difference of risks is that of no ratio and of no change of log odds: the three agree whether there
    is an effect, which intervals of each by itself need not where few have the outcome.
    """
    covariance = joint_covariance(fit)
    spread, error = delta_error(of_start, covariance), delta_error(of_change, covariance)
    together = float(of_start @ covariance @ of_change)
    r = float(np.clip(together / (spread * error), -1.0, 1.0)) if spread > 0.0 and error > 0.0 else 0.0
    angle = np.linspace(0.0, 2.0 * np.pi, _POINTS)
    along, across = np.append(0.0, np.cos(angle)), np.append(0.0, np.sin(angle))
    reach = quantile(level, change.df) * spread
    begun = special.logit(start) + reach * (r * along + np.sqrt(1.0 - r**2) * across)
    return begun, change.estimate + change.half_width(level) * along


def _ends(values: Floats) -> Floats:
    return np.array([values[0], values.min(), values.max()])


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
