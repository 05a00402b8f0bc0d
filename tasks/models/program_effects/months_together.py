"""What the months since a program's start say together: whether they differ, and a band for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tasks.models.fit import Fit, Floats, Wald
from tasks.models.program_effects.program_models import ProgramData

_DRAWS = 40_000
"""Of the largest deviation: the Monte Carlo error of its 95% point is then 0.3% of it."""


def changing(fit: Fit, data: ProgramData) -> Wald | None:
    """Whether the effect grows or fades with the months since the start; None with fewer than two months.

    One contrast, the slope of the months' effects on the months: a test of all their differences at once
    spends a degree of freedom on each and is far off its level with few clinics.
    """
    names, since = _months(fit, data, lambda month: month >= 0.0)
    if len(names) < 2:
        return None
    centred = since - since.mean()
    return fit.test(dict(zip(names, centred / float(centred @ centred), strict=True)))


def before_the_start(fit: Fit, data: ProgramData) -> Wald | None:
    """Whether clinics were changing before their start: all leads zero at once; None without leads."""
    names, _ = _months(fit, data, lambda month: month < 0.0)
    return fit.test(names) if names else None


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
