"""Clinics that lie further from the others than a normal distribution of clinics explains.

A mixed model takes clinics for draws of one normal distribution. A clinic that is no such draw is pulled too
far toward the others, and widens the distribution for all. Each clinic is therefore held against what the
others alone predict of one like it: their mean and spread, estimated without it, and its own sampling error.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FEWEST_FOR_TAILS = 10
"""With fewer clinics the others say too little about the distribution's tails."""
_FEWEST_FOR_ONE = 6
"""With fewer, the others' spread is hardly known, and one would have to be absurdly far out."""
FALSE_DISCOVERIES = 0.05
_FAR = 0.01
_MANY, _NEAR = 50, 1.5
"""Clinics from which those within so many SDs of the mean of all are not held against the others."""
_HALVINGS = 60


def outlying(own: Floats, own_sd: Floats) -> NDArray[np.bool_]:
    """(n,) whether each clinic is outlying, at a false discovery rate of 5% over all clinics.

    Args:
        own: (n,) clinics' effects from their own records alone; NaN where there is none.
        own_sd: (n,) their sampling SDs.

    Sources: Ohlssen, Sharples & Spiegelhalter (2007), JRSS-A 170:865, §4.1 (cross-validated predictive
    p-values); Paule & Mandel (1982), J Res NBS 87:377 (the variance between the others); Benjamini &
    Hochberg (1995), JRSS-B 57:289.
    """
    known = _known(own, own_sd)
    found = np.zeros(len(own), dtype=bool)
    asked = known
    if len(known) >= _MANY:  # of many, leaving out one of those that lie near moves nothing: its p is no 5%
        mean, between = _mean_and_variance(own[known], own_sd[known] ** 2)
        asked = known[np.abs(own[known] - mean) > _NEAR * np.sqrt(between + own_sd[known] ** 2)]
    p = predictive_p_values(own, own_sd, asked)
    order = asked[np.argsort(p[asked], kind="stable")]
    passed = p[order] <= FALSE_DISCOVERIES * np.arange(1, len(order) + 1) / max(len(known), 1)
    if passed.any():
        found[order[: int(np.flatnonzero(passed)[-1]) + 1]] = True
    return found


def predictive_p_values(own: Floats, own_sd: Floats, of: Integers | None = None) -> Floats:
    """(n,) two-sided probabilities of an own effect as far out as each, predicted from the other clinics.

    Args:
        own, own_sd: as for `outlying`. NaN with fewer than 10 clinics, and where there is no own effect.
        of: clinics that are asked about, of those that have an own effect; None: all.
    """
    p = np.full(len(own), np.nan)
    known = _known(own, own_sd)
    if len(known) < FEWEST_FOR_TAILS:
        return p
    asked = known if of is None else of
    y, v = own[known], own_sd[known] ** 2
    others = (asked[:, None] != known[None, :]).astype(float)
    between = _variance_between(y, v, others)
    weight = others / (v[None, :] + between[:, None])
    mean = (weight @ y) / weight.sum(axis=1)
    t = (own[asked] - mean) / np.sqrt(between + own_sd[asked] ** 2 + 1.0 / weight.sum(axis=1))
    p[asked] = 2.0 * special.stdtr(len(known) - 3, -np.abs(t))
    return p


def _known(own: Floats, own_sd: Floats) -> Integers:
    """Places of the clinics that have an own effect."""
    return np.flatnonzero(np.isfinite(own) & np.isfinite(own_sd) & (own_sd > 0.0))


def far_from_the_others(own: Floats, own_sd: Floats) -> NDArray[np.bool_]:
    """(n,) whether each clinic is outlying by itself, or one of a few that are together.

    Args:
        own, own_sd: as for `outlying`.
    """
    return outlying(own, own_sd) | few_far_out(own, own_sd)


def few_far_out(own: Floats, own_sd: Floats) -> NDArray[np.bool_]:
    """(n,) whether each clinic is one of a few, a fifth at the most, that lie far from all the others.

    Clinics are set aside one by one, the furthest first, each held against those that are left: several far
    clinics hide one another where each is held against all others. As many are far out as leave the last of
    them further away than the furthest of those left is in 99 of 100 networks.

    Args:
        own, own_sd: as for `outlying`. None is far out of fewer than six clinics; of six to nine one can be,
            held against what few others tell of their spread.

    Sources: Rosner (1983), Technometrics 25:165 (the generalized extreme Studentized deviate); the deviates
    are those of `predictive_p_values`.
    """
    known = [int(i) for i in _known(own, own_sd)]
    far = np.zeros(len(own), dtype=bool)
    left, last = known.copy(), 0
    if len(known) < _FEWEST_FOR_ONE:
        return far
    aside = []
    y, v = own[left], own_sd[left] ** 2
    mean, between = _mean_and_variance(y, v)
    for _ in range(len(known) // 5):
        furthest = left[int(np.argmax(np.abs(y - mean) / np.sqrt(between + v)))]
        m = len(left)
        left.remove(furthest)
        aside.append(furthest)
        y, v = own[left], own_sd[left] ** 2
        mean, between = _mean_and_variance(y, v)
        error = between + own_sd[furthest] ** 2 + 1.0 / (1.0 / (between + v)).sum()
        p = 2.0 * special.stdtr(m - 3, -abs(own[furthest] - mean) / np.sqrt(error))
        if p < _FAR / m:
            last = len(aside)
    far[aside[:last]] = True
    return far


def rankability_of(own: Floats, own_sd: Floats) -> float:
    """The rankability of some clinics by their own effects alone; 0 where none has one.

    A few others far out can make up most of the variance between clinics, and say nothing of these.

    Args:
        own, own_sd: as for `outlying`.

    Sources: Paule & Mandel (1982) for their τ²; Lingsma et al. (2010) for τ²/(τ² + median s²).
    """
    known = np.isfinite(own) & np.isfinite(own_sd) & (own_sd > 0.0)
    if not known.any():
        return 0.0
    _, between = _mean_and_variance(own[known], own_sd[known] ** 2)
    return between / (between + float(np.median(own_sd[known] ** 2)))


def _mean_and_variance(y: Floats, v: Floats) -> tuple[float, float]:
    """The mean of levels, weighted, and the variance between them."""
    between = float(_variance_between(y, v, np.ones((1, len(y))))[0])
    weight = 1.0 / (between + v)
    return float(weight @ y / weight.sum()), between


def _variance_between(y: Floats, v: Floats, among: Floats) -> Floats:
    """(m,) the variance between the levels of each of m sets, by Paule & Mandel's equation.

    Args:
        y, v: (n,) own effects and their sampling variances.
        among: (m, n) 1 where a level is of a set, 0 elsewhere.
    """
    df = among.sum(axis=1) - 1.0
    low, high = np.zeros(len(among)), np.full(len(among), float(y.var()) * len(y) + float(v.max()))
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        weight = among / (v[None, :] + middle[:, None])
        mean = (weight @ y) / weight.sum(axis=1)
        wider = (weight * (y[None, :] - mean[:, None]) ** 2).sum(axis=1) > df
        low, high = np.where(wider, middle, low), np.where(wider, high, middle)
    return np.asarray(0.5 * (low + high))
