"""The interval of a figure of the SD between clinics and of a negative binomial's dispersion.

What counts of one clinic have in common is a share of a variance that the dispersion is part of. Where
clinics differ tenfold the share hardly depends on their SD any more: nearly all that is uncertain of it is
the dispersion's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from tasks.models.fit import Floats
from tasks.models.generalized_mixed.dense_likelihood import NotSettledError
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.generalized_mixed.quadrature import LikelihoodEvaluation
from tasks.models.generalized_mixed.sd_profile import (
    SdProfile,
    ends_on,
    likelihood_family,
    settled_ends,
    working_parameters,
)
from tasks.models.numerics.profile_interval import allowed_fall
from tasks.records import Cells, Design

Figure = Callable[[float, float], float]
"""A figure of the variance between clinics and the dispersion, 1/size: it grows with the one, falls with the
other."""

_PRECISION = 1e-2  # of the SD where the figure is farthest, in widths of the SD's interval: it is flat there
_SETTLED = 1e-6  # change of the figure, in its own size, at which a dispersion's end is found
_STEPS = 20
_CAP = 60.0  # logarithm of a change of the dispersion; nothing is left of the dispersion that far down


@dataclass(frozen=True)
class _DispersionRegion:
    """SDs and dispersions whose likelihood is near the best, every coefficient at its best for each.

    Attributes:
        profile: of the SD, the dispersion at its best.
        start: the fit's parameters.
        limit: the log-likelihood at the region's edge.
        figure: what is looked for.
    """

    profile: SdProfile
    start: Floats
    limit: float
    figure: Figure

    def farthest(self, sd: float, sign: float) -> float:
        """The figure at this SD with the largest dispersion of the region (sign +1), or the smallest (−1).

        About its best value the log-likelihood is nearly a parabola in the dispersion's logarithm; from the
        parabola's end, steps by how far it has really fallen lead to the region's edge; where the likelihood
        cannot be had so far out, as far as they have led.
        """
        top = self.profile.at(sd, self.start)
        best = float(top.parameters[-1])
        spare = top.value - self.limit
        if spare <= 0.0:
            return self.figure(sd**2, np.exp(-best))
        away = np.sqrt(2.0 * spare / _information_on_size(top))
        found, here = self.figure(sd**2, np.exp(sign * away - best)), top
        held = np.zeros(self.start.size, dtype=bool)
        held[[0, -1]] = True
        for _ in range(_STEPS):
            begin = here.parameters.copy()
            begin[-1] = best - sign * away
            try:
                here = self.profile.best_from(begin, held, here)
            except NotSettledError:
                break
            away = min(away * np.sqrt(spare / max(top.value - here.value, 0.1 * spare)), _CAP)
            before, found = found, self.figure(sd**2, np.exp(sign * away - best))
            if abs(found - before) <= _SETTLED * max(abs(found), abs(before)) or away == _CAP:
                break
        return found

    def end(self, lower: float, upper: float, sign: float) -> float:
        """The least figure of the region between these SDs (sign +1), or the greatest (−1)."""
        wide = upper - lower
        found = optimize.minimize_scalar(
            lambda sd: sign * self.farthest(float(sd), sign),
            bounds=(lower, upper),
            method="bounded",
            options={"xatol": _PRECISION * wide},
        )
        edges = [sign * self.farthest(each, sign) for each in (lower, upper)]
        return sign * min(float(found.fun), *edges)


def _information_on_size(top: LikelihoodEvaluation) -> float:
    """Curvature of the log-likelihood in log size, every coefficient at its best for each."""
    information = -top.hessian[1:, 1:]
    across = information[:-1, -1]
    return float(information[-1, -1] - across @ np.linalg.solve(information[:-1, :-1], across))


def figure_interval(
    design: Design, cells: Cells, fit: GlmmFit, figure: Figure, level: float, *, as_fitted: bool = False
) -> tuple[float, float]:
    """The least and the greatest figure of all SDs and dispersions whose profile likelihood is near the best.

    Args:
        design, cells: the model's, as the fit was made from: one random effect, a negative binomial of a size
            that is not infinite.
        fit: the fit.
        figure: grows with the variance between clinics, falls with the dispersion; 0 where the variance is.
        level: coverage.
        as_fitted: with the nodes of the fit and no others.

    Raises:
        EstimationError: the model has more than one random effect.

    Source: the profile likelihood of a function of parameters is the best likelihood among those that give
    its value, so its interval ends where the function does on the region (Venzon & Moolgavkar 1988, JRSS C
    37:87).
    """
    profile = SdProfile.of(design, cells, likelihood_family(fit), max(fit.nodes, 1))
    (group,) = fit.varcomp
    best, levels = float(fit.varcomp.sd(group).iloc[0]), len(fit.labels[group])
    start = working_parameters(profile.cells, fit)
    if as_fitted:
        lower, upper = ends_on(profile, best, start, levels, level)
    else:
        profile, lower, upper = settled_ends(profile, best, start, levels, level)
    region = _DispersionRegion(
        profile, start, profile.at(best, start).value - allowed_fall(level, levels), figure
    )
    last = upper if np.isfinite(upper) else max(profile.known) * profile.scale
    least = 0.0 if lower == 0.0 else region.end(lower, last, 1.0)
    return least, region.end(lower, last, -1.0) if np.isfinite(upper) else 1.0
