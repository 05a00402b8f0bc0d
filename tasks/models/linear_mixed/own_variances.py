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
    for _ in range(_ROUNDS):
        before = variances.moderated
        current = lmm_from_moments(
            fit.design, weighted_by(fit.moments, variances), reml=fit.reml, start=current.record.theta
        )
        variances = _variances(current, group, inflation)
        if np.all(np.abs(variances.moderated - before) <= _SETTLED * before):
            break
    own = "" if np.isinf(variances.prior_df) else f", each {group} with its own residual variance (moderated)"
    alike = "" if inflation is None else ", rows weighed for being alike"
    return replace(current, method=f"{fit.method}{own}{alike}", variances=variances)


def _variances(fit: LmmFit, group: str, inflation: Mapping[Hashable, float] | None) -> LevelVariances:
    found = level_variances(fit.moments, fit.coef, group)
    if inflation is None:
        return found
    times = np.array([inflation.get(level, 1.0) for level in found.levels])
    return replace(found if found.differ else found.as_one(), inflation=times)
