"""Signals of a run chart: a point beyond the limits, a shift, a trend; and how often chance alone gives one.

Shift and trend are the rules that health services read run charts by: eight or more points in a row on one
side of the centre line, six or more in a row each higher, or each lower, than the one before (NHS England,
Making Data Count; Wheeler & Chambers 1992). Three standard deviations are the right width for limits that are
known. Limits from a few points, of which successive ones are alike, are not: how wide they must be is found
by simulating charts that have as many points and as much autocorrelation, and no change.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BASELINE = 12
"""Points that fix the limits; with fewer they are trial limits."""
FEWEST = 3
"""A moving range needs two points, and its mean more than one range."""
SHIFT, TREND = 8, 6
D2 = 1.128
"""Expected range of two independent standard normal values."""
BEYOND_BY_CHANCE = 0.0027
"""Share of points beyond limits that are three known standard deviations away."""
_CHARTS = 8_000
_FEWEST_ALIKE = 8
_STRONGEST = 0.9


@dataclass(frozen=True, slots=True)
class Calibration:
    """What charts without any change are like.

    Attributes:
        width: half width of the limits, in mean moving ranges over 1.128, from which as many charts have a
            point beyond as have one beyond three known standard deviations.
        signals: share of charts with any signal: beyond those limits, a shift or a trend.
    """

    width: float
    signals: float


@cache
def calibration(points: int, tenths: int) -> Calibration:
    """The limits' width, and how many charts have a signal, of normal values without any change.

    Args:
        points: of the chart, three or more.
        tenths: the autocorrelation of successive points, in tenths.
    """
    rng = np.random.default_rng([points, tenths])
    values = _autoregressive(rng, points, 0.1 * tenths)
    fixed = values[:, :BASELINE]
    spread = np.abs(np.diff(fixed, axis=1)).mean(axis=1) / D2
    apart = values - fixed.mean(axis=1, keepdims=True)
    furthest = np.abs(apart).max(axis=1) / spread
    width = float(np.quantile(furthest, (1.0 - BEYOND_BY_CHANCE) ** points))
    others = (shifts(apart) | trends(values)).any(axis=1)
    return Calibration(width, float(((furthest > width) | others).mean()))


def autocorrelations(series: list[Floats]) -> list[int]:
    """The autocorrelation of successive points of each series, in tenths, 0 to 9; few points borrow from all.

    A straight trend is taken out first: it is a change, which the chart is there to show. Each estimate is
    freed of the downward bias −(2 + 4ρ)/n that this leaves (after Kendall 1954, Biometrika 41:403), and drawn
    toward the mean of all, the more so the less it tells beside how much they differ.

    Args:
        series: values on a scale on which they vary alike; NaN where there is none.
    """
    found = [_autocorrelation(values[~np.isnan(values)]) for values in series]
    known = [(rho, error) for rho, error in found if np.isfinite(error)]
    if not known:
        return [0] * len(series)
    rho, error = (np.array(each) for each in zip(*known, strict=True))
    common = float((rho / error).sum() / (1.0 / error).sum())
    between = max(float(((rho - common) ** 2 - error).mean()), 0.0) if len(known) > 1 else np.inf
    drawn = []
    for own, uncertain in found:
        weight = 0.0 if not np.isfinite(uncertain) else 1.0 / (1.0 + uncertain / between) if between else 0.0
        best = common if weight == 0.0 else weight * own + (1.0 - weight) * common
        drawn.append(round(10.0 * min(max(best, 0.0), _STRONGEST)))
    return drawn


def shifts(apart: Floats) -> Flags:
    """Which points, given as distances from the centre, are of a run on one side; the last axis is time."""
    return _long_runs(np.sign(apart), SHIFT)


def trends(values: Floats) -> Flags:
    """Which points are of a run of ever higher, or ever lower, ones. The last axis is time."""
    steps = np.sign(np.diff(values, axis=-1))
    moving = _long_runs(steps, TREND - 1)
    found = np.zeros(values.shape, dtype=bool)
    found[..., 1:] |= moving
    found[..., :-1] |= moving
    return found


def _long_runs(signs: Floats, length: int) -> Flags:
    """Which elements are in a run of that many equal signs other than zero."""
    found = np.zeros(signs.shape, dtype=bool)
    for start in range(signs.shape[-1] - length + 1):
        run = signs[..., start : start + length]
        alike = (run != 0.0).all(axis=-1) & (run == run[..., :1]).all(axis=-1)
        found[..., start : start + length] |= alike[..., None]
    return found


def _autocorrelation(values: Floats) -> tuple[float, float]:
    """The autocorrelation and its sampling variance; infinite where too few points say anything of it."""
    n = len(values)
    if n < _FEWEST_ALIKE:
        return 0.0, np.inf
    time = np.arange(n) - (n - 1) / 2.0
    apart = values - values.mean()
    apart = apart - time * float(time @ apart) / float(time @ time)  # what changes is no likeness
    squares = float(apart @ apart)
    if squares <= 0.0:
        return 0.0, np.inf
    lagged = float(apart[:-1] @ apart[1:]) / squares
    rho = float(np.clip((lagged + 2.0 / n) / (1.0 - 4.0 / n), -_STRONGEST, _STRONGEST))
    return rho, (1.0 - rho**2) / n


def _autoregressive(rng: np.random.Generator, points: int, rho: float) -> Floats:
    noise = rng.standard_normal((_CHARTS, points))
    noise[:, 1:] *= np.sqrt(1.0 - rho**2)
    for point in range(1, points):
        noise[:, point] += rho * noise[:, point - 1]
    return noise
