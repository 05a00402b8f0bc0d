"""What the months since a program's start say together: whether they differ, and a band for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tasks.models.estimating_equations.sandwich import ClusterScores
from tasks.models.fit import Fit, Floats, Wald
from tasks.models.numerics import distributions as stats
from tasks.models.program_effects.program_data import ProgramData
from tasks.models.program_effects.wider_interval import CORRECTED, contrast_of

_LEVEL = 0.95  # at which the model's own error and the units' are compared
_DRAWS = 40_000
"""Of the largest deviation: the Monte Carlo error of its 95% point is then 0.3% of it."""


def changing(fit: Fit, data: ProgramData, scores: ClusterScores) -> Wald | None:
    """Whether the effect grows or fades with the months since the start; None with fewer than two months.

    One contrast, the slope of the months' effects on the months: a test of all their differences at once
    spends a degree of freedom on each and is far off its level with few clinics.
    """
    names, since = _months(fit, data, lambda month: month >= 0.0)
    if len(names) < 2:
        return None
    centred = since - since.mean()
    slope = dict(zip(names, centred / float(centred @ centred), strict=True))
    weights = np.array([slope.get(str(name), 0.0) for name in fit.coef.index])
    found = contrast_of(fit, scores, weights, _LEVEL)
    return replace(fit.test(slope), statistic=found.estimate / found.se, df=found.df, p=found.p)


def before_the_start(fit: Fit, data: ProgramData, scores: ClusterScores) -> Wald | None:
    """Whether clinics were changing before their start; None without leads.

    All leads zero at once, or their mean: a dip of two or three months, after which an outcome gets better
    by itself, shows in the mean, where a test of each spends its degrees of freedom. The smaller of both
    p-values counts twice (Bonferroni). By the model's own errors and by how units of rollout differ; the
    larger p-value counts.
    """
    names, _ = _months(fit, data, lambda month: month < 0.0)
    if not names:
        return None
    joint = _all_at_once(fit, names, scores)
    weights = np.array([float(str(name) in names) / len(names) for name in fit.coef.index])
    together = contrast_of(fit, scores, weights, _LEVEL)
    return replace(joint, p=min(2.0 * min(joint.p, together.p), 1.0)) if len(names) > 1 else joint


def _all_at_once(fit: Fit, names: Sequence[str], scores: ClusterScores) -> Wald:
    own = fit.test(names)
    weights = np.array([[float(name == column) for column in fit.coef.index] for name in names])
    df = scores.joint_degrees_of_freedom(CORRECTED, weights)
    left = df - len(names) + 1.0
    if not left > 0.0:
        return own
    estimate = weights @ fit.coef.to_numpy()
    covariance = weights @ scores.covariance(CORRECTED) @ weights.T
    # Hotelling's T² with the df of Pustejovsky & Tipton (2018, JBES 36:672)
    statistic = left / (df * len(names)) * float(estimate @ np.linalg.solve(covariance, estimate))
    p = float(stats.f.sf(statistic, len(names), left))
    return replace(own, statistic=statistic, df=left, p=p) if p > own.p else own


def clinics_differ(fit: Fit, data: ProgramData, scores: ClusterScores) -> Wald | None:
    """Whether clinics with more of the program differ in other ways as well; None where it cannot be told.

    Source: Mundlak (1978), Econometrica 46:69.
    """
    if data.context not in fit.coef.index:
        return None
    weights = np.array([float(name == data.context) for name in fit.coef.index])
    found = contrast_of(fit, scores, weights, _LEVEL)
    return replace(fit.test(data.context), statistic=found.estimate / found.se, df=found.df, p=found.p)


def simultaneous_quantile(fit: Fit, names: Sequence[str], level: float) -> float:
    """By how many standard errors intervals reach that hold all of these effects at once.

    The `level` quantile of the largest of correlated |t| (sup-t), by simulation with a fixed seed.

    Source: Montiel Olea & Plagborg-Møller (2019), J Appl Econometrics 34:1, algorithm 1.
    """
    covariance = fit.vcov.loc[list(names), list(names)].to_numpy()
    sd = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(sd, sd))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    rng = np.random.default_rng(0)
    largest = np.abs(rng.standard_normal((_DRAWS, len(names))) @ root.T).max(axis=1)
    df = float(fit.df.loc[list(names)].min())
    if np.isfinite(df):
        largest = largest / np.sqrt(rng.chisquare(df, _DRAWS) / df)
    return float(np.quantile(largest, level))


def _months(fit: Fit, data: ProgramData, kept: Callable[[float], bool]) -> tuple[list[str], Floats]:
    """Columns of the program that are in the fit, and their months since the start."""
    found = [(name, float(data.term(name).rstrip("+"))) for name in data.program if name in fit.coef.index]
    chosen = [(name, month) for name, month in found if kept(month) and data.tells_of_effect(name)]
    return [name for name, _ in chosen], np.array([month for _, month in chosen])
