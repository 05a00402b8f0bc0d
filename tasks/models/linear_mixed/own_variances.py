"""A linear mixed model in which every level of its grouping factor has its own residual variance."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

import numpy as np

from tasks.errors import EstimationError
from tasks.models.linear_mixed.level_variances import LevelVariances, level_variances, weighted_by
from tasks.models.linear_mixed.lmm import LmmFit, lmm_from_moments

_ROUNDS = 20
_SETTLED = 1e-6


def with_own_variances(fit: LmmFit, inflation: Mapping[Hashable, float] | None = None) -> LmmFit:
    """The same model with each level's residual variance its own, moderated toward that of all.

    Coefficients change the residuals, and the variances the coefficients' weights; a few rounds settle both.
    The moments of the result are weighted, with weights that average 1 over rows: its `sigma2` is that of an
    average row, and `variances` has every level's.

    Args:
        fit: the model with one residual variance and one grouping factor.
        inflation: level → by how much its rows are worth less because they are alike. With it, levels whose
            variances do not differ beyond chance have one in common.

    Raises:
        EstimationError: several grouping factors; no level has two rows, or none varies.

    Source: Smyth (2004), Stat Appl Genet Mol Biol 3:3 (`level_variances`); weighted least squares given them.
    """
    groups = list(fit.varcomp)
    if len(groups) != 1:
        raise EstimationError(
            f"own residual variances need one grouping factor, and the fit has {' and '.join(groups)}",
            hint="leave one random term in the formula",
        )
    (group,) = groups
    current, variances = fit, _variances(fit, group, inflation)
    all_effects = len(fit.coef) + len(variances.rows)
    effects = float(all_effects)
    for _ in range(_ROUNDS):
        before, known = variances.moderated, effects
        weighed = _as_asked(variances, effects, all_effects)
        current = lmm_from_moments(
            fit.design, weighted_by(fit.moments, weighed), reml=fit.reml, start=current.record.theta
        )
        effects = _effects_of(current, weighed)
        variances = _variances(current, group, inflation)
        settled = np.abs(variances.moderated - before) <= _SETTLED * before
        if np.all(settled) and (inflation is None or abs(effects - known) <= _SETTLED * known):
            break
    variances = replace(variances, inflation=weighed.inflation)
    own = "" if np.isinf(variances.prior_df) else f", each {group} with its own residual variance (moderated)"
    alike = "" if inflation is None else ", rows weighed for being alike"
    return replace(current, method=f"{fit.method}{own}{alike}", variances=variances)


def _as_asked(variances: LevelVariances, effects: float, fewest: int) -> LevelVariances:
    """The variances with rows deflated so that the levels' means are known as well as was asked.

    As the residual variance is estimated about effects, each of which takes a row, few rows that are worth
    something make it too large by m/(m − effects), m their worth: the rows are worth the more. With n rows
    of a common worth 1/f it is right at m = effects + n/f. However little they are worth, m is more than
    `fewest`, or no residual variance could be estimated.
    """
    if variances.inflation is None:
        return variances
    worth = float((variances.rows / variances.inflation).sum())
    wanted = max(worth + effects, fewest + 1.0)
    return replace(variances, inflation=variances.inflation * worth / wanted)


def _effects_of(fit: LmmFit, variances: LevelVariances) -> float:
    """How many effects the residual variance was estimated about, by how much larger it is than the rows'."""
    if variances.inflation is None:
        return 0.0
    of_row = variances.rows.sum() / float((variances.rows / variances.moderated).sum())
    worth = float((variances.rows / variances.inflation).sum())
    return float(np.clip(worth * (1.0 - of_row / fit.sigma2), 0.0, worth))


def _variances(fit: LmmFit, group: str, inflation: Mapping[Hashable, float] | None) -> LevelVariances:
    found = level_variances(fit.moments, fit.coef, group)
    if inflation is None:
        return found
    times = np.array([inflation.get(level, 1.0) for level in found.levels])
    return replace(found if found.differ else found.as_one(), inflation=times)
