"""Each clinic's effect by its own records alone: the one under which as much is expected as there was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from tasks.models.clinics.expected_information import places_of_levels
from tasks.models.fit import Floats
from tasks.models.generalized_mixed.glmm_fit import GlmmFit

_NEWTON_STEPS = 100
_LONGEST = 2.0
_SETTLED = 1e-12


@dataclass(frozen=True, slots=True)
class FittedEffects:
    """Levels' effects from their own records alone, whatever the distribution of levels.

    Attributes:
        effect: (n,) on the scale of the link; NaN of levels without events, or with nothing else.
        sd: (n,) of its sampling.
    """

    effect: Floats
    sd: Floats


def fitted_effects(fit: GlmmFit, group: str) -> FittedEffects | None:
    """The effect with which each level's rows would be expected to have the events that they had.

    It is the maximum likelihood estimate with the coefficients as fitted, and for a Poisson's counts the
    logarithm of observed over expected. A posterior mode over its weight goes too far where the mode lies
    close to the others and the records lie far away: the curvature is that of the mode.

    None where the fit does not remember its data, or has other random effects as well.
    """
    if fit.data is None or len(fit.varcomp) != 1:
        return None
    design, cells = fit.cells()
    eta = cells.offset + cells.fixed @ fit.coef.loc[list(design.fixed)].to_numpy()
    order, n = places_of_levels(cells, fit, group)

    def by_level(values: Floats) -> Floats:
        return np.asarray(np.bincount(order, values, minlength=n), dtype=float)

    binomial = fit.family == "binomial"
    observed = by_level(cells.total)
    known = observed > 0.0
    if binomial:
        known &= observed < by_level(cells.trials)
    effect, information = np.zeros(n), np.ones(n)
    for _ in range(_NEWTON_STEPS):
        at = eta + effect[order]
        if binomial:
            chance = special.expit(at)
            mean = cells.trials * chance
            score, curvature = cells.total - mean, mean * (1.0 - chance)
        else:
            each = np.exp(at)
            spread = 1.0 if fit.size is None else 1.0 + each / fit.size
            score = (cells.total - cells.weight * each) / spread
            curvature = cells.weight * each / spread
        information = np.where(known, by_level(curvature), 1.0)
        step = np.clip(np.where(known, by_level(score) / information, 0.0), -_LONGEST, _LONGEST)
        effect += step
        if np.abs(step).max(initial=0.0) < _SETTLED:
            break
    return FittedEffects(np.where(known, effect, np.nan), np.where(known, 1.0 / np.sqrt(information), np.nan))
