"""Control limits of monthly figures: what is common cause, and what is not.

Individual values: XmR (Wheeler & Chambers 1992): mean ± 2.66 mean moving range. Proportions and rates with
varying denominators: Laney's p′ and u′ (Laney 2002, "Improved control charts for attributes", eqs. 1-4),
whose limits allow for variation between months beyond binomial or Poisson sampling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BASELINE = 12  # points that fix the limits; with fewer they are trial limits
_FEWEST = 3  # a moving range needs two points, and its mean more than one range
_D2 = 1.128  # expected range of two standard normal values


@dataclass(frozen=True, slots=True)
class Limits:
    """A centre line and limits per point.

    Attributes:
        centre, lower, upper: (M,) in the unit of the values; NaN where there are no limits.
        kind: "fixed" (a baseline of 12 points), "trial" (fewer), or "" (too few points for any).
    """

    centre: Floats
    lower: Floats
    upper: Floats
    kind: str


def limits_of_values(values: Floats) -> Limits:
    """XmR limits of individual values (NaN: no value that month)."""
    known = values[~np.isnan(values)][:BASELINE]
    if len(known) < _FEWEST:
        return _none(len(values))
    centre = float(known.mean())
    half = 3.0 / _D2 * float(np.abs(np.diff(known)).mean())
    ones = np.ones(len(values))
    return Limits(centre * ones, (centre - half) * ones, (centre + half) * ones, _kind(len(known)))


def limits_of_proportions(events: Floats, sizes: Floats) -> Limits:
    """p′ limits of monthly proportions, as proportions in [0, 1] (size 0 or NaN: no value that month)."""
    return _laney(events, sizes, binomial=True)


def limits_of_rates(events: Floats, exposure: Floats) -> Limits:
    """u′ limits of monthly rates per unit of exposure (exposure 0 or NaN: no value that month)."""
    return _laney(events, exposure, binomial=False)


def _laney(events: Floats, sizes: Floats, *, binomial: bool) -> Limits:
    there = np.flatnonzero(np.nan_to_num(sizes) > 0)[:BASELINE]
    if len(there) < _FEWEST:
        return _none(len(sizes))
    centre = float(events[there].sum() / sizes[there].sum())
    variance = centre * (1.0 - centre) if binomial else centre
    with np.errstate(divide="ignore", invalid="ignore"):
        sd = np.sqrt(variance / sizes)
        z = (events[there] / sizes[there] - centre) / sd[there]
    if variance <= 0.0:
        return _none(len(sizes))
    spread = float(np.abs(np.diff(z)).mean()) / _D2
    half = np.where(sizes > 0, 3.0 * sd * spread, np.nan)
    upper = centre + half
    return Limits(
        np.full(len(sizes), centre),
        np.maximum(centre - half, 0.0),
        np.minimum(upper, 1.0) if binomial else upper,
        _kind(len(there)),
    )


def _kind(points: int) -> str:
    return "fixed" if points >= BASELINE else "trial"


def _none(points: int) -> Limits:
    nothing = np.full(points, np.nan)
    return Limits(nothing, nothing, nothing, "")
