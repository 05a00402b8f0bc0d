"""How people's own lines run over time, where a formula has `(1 + time | patient)`: bands, never one line.

Each line is the fit's for one person: the coefficients at the average of all other columns, with the person's
own level and slope as the model estimates them (drawn towards the average, the more so the fewer the records:
the bands are narrower than people's true lines lie apart).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tasks.models import LmmFit
    from tasks.models.fit import Floats

FEWEST_BEYOND = 10
"""People whose lines must lie beyond either end of a band for it to be shown: an end is no one's line."""
BANDS = {4: "half", 10: "80%", 40: "95%"}
"""One line in how many lies beyond either end of a band, and what of the lines it holds."""
_PLACES = (-1.5, 0.0, 1.5)  # standard deviations of time from its mean
_INTERCEPT = "(Intercept)"


@dataclass(frozen=True)
class Trajectories:
    """Bands of fitted lines at some points of time.

    Attributes:
        time: the column of time.
        group: whose lines they are.
        n: how many there are.
        at: (T,) points of time, in its own unit.
        mean: (T,) average line.
        bands: key of BANDS → (T, 2) ends of the band; those that rest on enough people.
    """

    time: str
    group: str
    n: int
    at: Floats
    mean: Floats
    bands: dict[int, Floats]

    def __str__(self) -> str:
        points = []
        for k, time in enumerate(self.at):
            told = [f"{self.mean[k]:.4g} on average"]
            for beyond, ends in self.bands.items():
                told.append(f"the middle {BANDS[beyond]} from {ends[k, 0]:.4g} to {ends[k, 1]:.4g}")
            points.append(f"at {self.time} = {time:.3g} {', '.join(told)}")
        said = f"Fitted lines of {self.n:,} {self.group}s: {'; '.join(points)}."
        if self.bands:
            return said
        return f"{said} No band is shown: fewer than {FEWEST_BEYOND} lines would lie beyond its ends."


def trajectories(fit: LmmFit) -> Trajectories | None:
    """The bands of a fit's lines; None where no group has a level and a slope of one column, or time bends.

    Args:
        fit: a linear mixed model.
    """
    for group in fit.varcomp:
        names = [str(name) for name in fit.varcomp[group].index]
        if len(names) == 2 and names[0] == _INTERCEPT and _is_straight(fit, names[1]):
            return _of(fit, group, names[1])
    return None


def _is_straight(fit: LmmFit, time: str) -> bool:
    """Whether time is one column of the model, and no other is made of it."""
    sources = fit.design.sources
    others = [str(name) for name in fit.coef.index if name != time]
    bent = any(set(sources.get(time, ())) & set(sources.get(name, ())) for name in others)
    return time in fit.coef.index and not bent


def _of(fit: LmmFit, group: str, time: str) -> Trajectories:
    names = [str(name) for name in fit.coef.index]
    moments = fit.moments.raw()
    total = moments.products.sum(axis=0)
    columns = moments.position(*names)
    average = total[0, columns] / total[0, 0]
    own = moments.position(time)[0]
    mean = total[0, own] / total[0, 0]
    sd = float(np.sqrt(max(total[own, own] / total[0, 0] - mean**2, 0.0)))
    at = mean + sd * np.array(_PLACES)
    effects = fit.ranef[group]["estimate"].to_numpy().reshape(-1, 2)
    slope = float(fit.coef[time])
    level = float(average @ fit.coef.to_numpy()) - mean * slope
    lines = level + effects[:, :1] + (slope + effects[:, 1:]) * at
    bands = {
        beyond: np.quantile(lines, [1.0 / beyond, 1.0 - 1.0 / beyond], axis=0).T
        for beyond in BANDS
        if len(lines) >= FEWEST_BEYOND * beyond
    }
    return Trajectories(time, group, len(lines), at, lines.mean(axis=0), bands)
