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

FEWEST = 10
"""With fewer clinics the others say too little about the distribution's tails."""
FALSE_DISCOVERIES = 0.05
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
    p = predictive_p_values(own, own_sd)
    known = np.flatnonzero(np.isfinite(p))
    found = np.zeros(len(own), dtype=bool)
    order = known[np.argsort(p[known], kind="stable")]
    passed = p[order] <= FALSE_DISCOVERIES * np.arange(1, len(order) + 1) / max(len(order), 1)
    if passed.any():
        found[order[: int(np.flatnonzero(passed)[-1]) + 1]] = True
    return found


def predictive_p_values(own: Floats, own_sd: Floats) -> Floats:
    """(n,) two-sided probabilities of an own effect as far out as each, predicted from the other clinics.

    Args:
        own, own_sd: as for `outlying`. NaN with fewer than 10 clinics, and where there is no own effect.
    """
    p = np.full(len(own), np.nan)
    known = np.flatnonzero(np.isfinite(own) & np.isfinite(own_sd) & (own_sd > 0.0))
    if len(known) < FEWEST:
        return p
    y, v = own[known], own_sd[known] ** 2
    others = 1.0 - np.eye(len(known))
    low, high = np.zeros(len(known)), np.full(len(known), float(y.var()) * len(known) + float(v.max()))
    for _ in range(_HALVINGS):  # Paule & Mandel's equation, for every set of others at once
        middle = 0.5 * (low + high)
        weight = others / (v[None, :] + middle[:, None])
        mean = (weight @ y) / weight.sum(axis=1)
        spread = (weight * (y[None, :] - mean[:, None]) ** 2).sum(axis=1)
        wider = spread > len(known) - 2
        low, high = np.where(wider, middle, low), np.where(wider, high, middle)
    between = 0.5 * (low + high)
    weight = others / (v[None, :] + between[:, None])
    mean = (weight @ y) / weight.sum(axis=1)
    t = (y - mean) / np.sqrt(between + v + 1.0 / weight.sum(axis=1))
    p[known] = 2.0 * special.stdtr(len(known) - 3, -np.abs(t))
    return p
