"""Intraclass correlations of a 0/1 outcome, each under its own name: they are different numbers.

On the *observed scale* the ICC is the correlation of two patients' 0/1 outcomes, and design effects need that
one: `anova`, `fleiss-cuzick`, `pairwise`, `mak` and `beta-binomial` estimate it from the events of each
clinic, `observed` from a logistic mixed model. On the *latent scale* it is the share of the variance of the
propensity behind the outcome, which does not depend on prevalence and is always the larger.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.intraclass.beta_binomial import Events
from tasks.models.intraclass.one_way import OneWay
from tasks.models.numerics import distributions as stats
from tasks.models.zero_one import not_zero_one
from tasks.records.clinic_names import in_named

Floats = NDArray[np.float64]


def events(data: OneWay) -> Events:
    """Events out of patients by clinic, from the moments of a 0/1 outcome.

    Raises:
        EstimationError: the outcome takes values other than 0 and 1.
    """
    mean = data.outcome_means
    binary = data.n * mean * (1.0 - mean)
    tolerance = 1e-9 * (data.n + data.own_squares)
    other = (np.abs(data.own_squares - binary) > tolerance) | (mean < -1e-9) | (mean > 1.0 + 1e-9)
    if other.any():
        where = in_named(data.group, [data.levels[i] for i in np.flatnonzero(other)], data.n_obs / data.k)
        hint = f'code {data.response} as 0 and 1, or ask for kind="continuous" or kind="count"'
        raise not_zero_one(data.response, "a binary ICC", where, hint)
    return Events(data.n, np.clip(np.round(data.n * mean), 0.0, data.n))


def fleiss_cuzick(data: Events) -> float:
    """ICC of 0/1 outcomes: 1 − disagreement within clinics / disagreement at random.

    Source: Fleiss & Cuzick (1979), Appl Psychol Meas 3:537.
    """
    n, y = data.n, data.y
    p = float(y.sum() / n.sum())
    return 1.0 - float(np.sum(y * (n - y) / n)) / ((float(n.sum()) - len(n)) * p * (1.0 - p))


def zou_donner_se(data: Events, icc: float) -> float:
    """Large-sample standard error of the Fleiss–Cuzick ICC; NaN where its variance comes out negative.

    It can for an ICC near or below zero; the interval of the beta-binomial has no such gap.
    Source: Zou & Donner (2004), Biometrics 60:807, eq. 3.
    """
    n = data.n
    k, n_obs, squares = len(n), float(n.sum()), float(np.sum(n**2))
    p = float(data.y.sum()) / n_obs
    q = 1.0 / (p * (1.0 - p))
    df = n_obs - k
    free = (q - 6.0) * float(np.sum(1.0 / n)) / df**2
    free += (2.0 * n_obs + 4.0 * k - k * q) * k / (n_obs * df**2)
    linear = squares * q / n_obs**2 - (2.0 * n_obs - k) / df**2
    linear -= (3.0 * n_obs - 2.0 * k) * (n_obs - 2.0 * k) * squares / (n_obs**2 * df**2)
    variance = (1.0 - icc) * (free + linear * icc + (4.0 - q) * squares / n_obs**2 * icc**2)
    return math.sqrt(variance) if variance >= 0.0 else float("nan")


def zou_donner(data: Events, level: float) -> tuple[float, float]:
    """Fleiss–Cuzick ICC ± z standard errors of Zou and Donner; NaN where that variance is negative."""
    icc = fleiss_cuzick(data)
    half = float(stats.norm.isf((1.0 - level) / 2.0)) * zou_donner_se(data, icc)
    return icc - half, icc + half


def pairwise(data: Events) -> float:
    """Pearson correlation over all pairs of patients of one clinic, every pair with equal weight.

    Source: Karlin, Cameron & Williams (1981), PNAS 78:2664; Ridout, Demétrio & Firth (1999), Biometrics 55.
    """
    n, y = data.n, data.y
    pairs = float(np.sum(n * (n - 1.0)))
    p = float(np.sum((n - 1.0) * y)) / pairs
    _refuse_alike(p, "clinics of two patients or more")
    return (float(np.sum(y * (y - 1.0))) / pairs - p**2) / (p * (1.0 - p))


def mak(data: Events) -> float:
    """ICC that gives every clinic equal weight; clinics of one patient tell nothing and are left out.

    Source: Mak (1988), Appl Stat 37:344.
    """
    kept = data.n > 1.0
    n, share = data.n[kept], data.y[kept] / data.n[kept]
    k, total = len(n), float(share.sum())
    _refuse_alike(total / k, "clinics of two patients or more")
    unlike = float(np.sum(share * (1.0 - share) * n / (n - 1.0)))
    return 1.0 - (k - 1.0) * unlike / (float(np.sum(share**2)) + total * (k - 1.0 - total))


def _refuse_alike(p: float, among: str) -> None:
    """Refuse outcomes that are all alike where an estimator looks."""
    if not 0.0 < p < 1.0:
        raise EstimationError(
            f"the outcome is the same for all patients of {among}, so this ICC is not defined",
            hint='ask for method="fleiss-cuzick" or method="beta-binomial"',
        )
