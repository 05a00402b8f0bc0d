"""Control limits of monthly figures: what is common cause, and what is not.

Individual values: XmR (Wheeler & Chambers 1992), from the mean moving range. Proportions and rates with
varying denominators: Laney's p′ and u′ (Laney 2002, "Improved control charts for attributes", eqs. 1-4),
whose limits allow for variation between months beyond binomial or Poisson sampling. How many times the mean
moving range over 1.128 the limits are away is for `run_signals.calibration` to say: as far as makes a point
beyond them as rare as one beyond three known standard deviations, though the limits come from few points and
successive points are alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.estimating.run_signals import (
    BASELINE,
    D2,
    FEWEST,
    calibration,
    shifts,
    trends,
)

Floats = NDArray[np.float64]
Words = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Series:
    """The points of a run chart; NaN where there is none.

    Attributes:
        values: (M,) on the scale of analysis.
        centre: the line that they vary about, from the first 12.
        sd: (M,) relative SDs: sampling's for proportions and rates, 1 for individual values.
        least, most: what no value can be beyond.
    """

    values: Floats
    centre: float
    sd: Floats
    least: float = -np.inf
    most: float = np.inf

    @property
    def standardised(self) -> Floats:
        """(M,) distances from the centre in relative SDs; NaN where sampling gives no variation."""
        varies = self.sd > 0.0
        return np.where(varies, (self.values - self.centre) / np.where(varies, self.sd, 1.0), np.nan)

    @property
    def there(self) -> NDArray[np.intp]:
        """Which points there are."""
        return np.flatnonzero(~np.isnan(self.values))


@dataclass(frozen=True, slots=True)
class Limits:
    """A centre line, limits per point, and what signals there are.

    Attributes:
        centre, lower, upper: (M,) in the unit of the values; NaN where there are no limits.
        signals: (M,) "beyond" a limit, else part of a "shift" or a "trend", else "".
        kind: "fixed" (a baseline of 12 points), "trial" (fewer), or "" (too few points for any).
        chance: share of charts of as many points, as much alike, that have a signal without any change.
    """

    centre: Floats
    lower: Floats
    upper: Floats
    signals: Words
    kind: str
    chance: float = float("nan")

    def a_year(self, points: int, per_year: int) -> float:
        """Share of charts with a signal by chance in a year, of as many points as the chart has."""
        return float(1.0 - (1.0 - self.chance) ** (per_year / points)) if points else float("nan")


def individual(values: Floats) -> Series:
    """Individual values (NaN: no value that month), for an XmR chart."""
    known = values[~np.isnan(values)][:BASELINE]
    return Series(values, float(known.mean()) if len(known) else np.nan, np.ones(len(values)))


def proportions(events: Floats, sizes: Floats) -> Series:
    """Monthly proportions in [0, 1] (size 0 or NaN: no value that month), for a p′ chart."""
    return _of_counts(events, sizes, most=1.0)


def rates(events: Floats, exposure: Floats) -> Series:
    """Monthly rates per unit of exposure (exposure 0 or NaN: no value that month), for a u′ chart."""
    return _of_counts(events, exposure, most=np.inf)


def _of_counts(events: Floats, sizes: Floats, most: float) -> Series:
    there = np.flatnonzero(np.nan_to_num(sizes) > 0)[:BASELINE]
    total = float(sizes[there].sum())
    centre = float(events[there].sum()) / total if total > 0.0 else np.nan
    variance = centre * (1.0 - centre) if most == 1.0 else centre
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(np.nan_to_num(sizes) > 0, events / sizes, np.nan)
        return Series(values, centre, np.sqrt(variance / sizes), 0.0, most)


def limits(series: Series, tenths: int = 0) -> Limits:
    """The limits and signals of a series.

    Args:
        series: the points.
        tenths: the autocorrelation of successive points, in tenths.
    """
    points, there = len(series.values), series.there
    fixed = there[:BASELINE]
    z = series.standardised
    if len(there) < FEWEST or not np.isfinite(z[fixed]).all():
        nothing = np.full(points, np.nan)
        return Limits(nothing, nothing, nothing, np.full(points, "", dtype="<U6"), "")
    found = calibration(len(there), tenths)
    sd = np.where(np.isfinite(series.sd), series.sd, np.nan)
    half = found.width * sd * float(np.abs(np.diff(z[fixed])).mean()) / D2
    signals = np.full(points, "", dtype="<U6")
    signals[there[trends(series.values[there])]] = "trend"
    signals[there[shifts(z[there])]] = "shift"
    signals[np.abs(np.where(np.isnan(z), 0.0, series.values - series.centre)) > half] = "beyond"
    return Limits(
        np.full(points, series.centre),
        np.maximum(series.centre - half, series.least),
        np.minimum(series.centre + half, series.most),
        signals,
        "fixed" if len(there) >= BASELINE else "trial",
        found.signals,
    )
