"""Random effects of a fitted linear mixed model, by level and in the outcome's units."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tasks.models.fit import VarianceComponents
from tasks.models.linear_mixed.lmm_criterion import CriterionPoint
from tasks.models.random_effects_frame import random_effects_frame
from tasks.records.moments import Moments


def effects_by_group(
    point: CriterionPoint, moments: Moments, varcomp: VarianceComponents
) -> Mapping[str, pd.DataFrame]:
    """Per grouping factor, its levels' effects: estimate, sd, weight, prediction_sd (see `LmmFit.ranef`).

    sd² = σ²·diag(D − D Z_j'V⁻¹Z_j D); prediction error adds the coefficients' uncertainty, σ²·b_x S_xx⁻¹ b_x'
    with b_x = D Z_j'V⁻¹X (Henderson 1975; Robinson 1991 Stat Sci 6:15).
    """
    data = point.criterion.data
    p = len(data.fixed)
    unit = data.y_scale**2 * float(point.sigma2)
    result = {}
    for f, group in enumerate(data.groups):
        if group.group not in moments.factors:
            continue  # folded: no effect here is that of a level
        effects = point.effects.effects[f]
        estimate = data.y_scale * (effects @ point.residual) @ group.back.T
        conditional = unit * group.back @ point.conditional_covariance[f] @ group.back.T
        on_x = group.back @ effects[:, :, :p]
        error = conditional + unit * on_x @ point.s_xx_inverse @ np.swapaxes(on_x, 1, 2)
        result[group.group] = random_effects_frame(
            group.group,
            list(moments.levels[moments.factors.index(group.group)]),
            group.columns,
            estimate=estimate,
            conditional=np.diagonal(conditional, axis1=1, axis2=2),
            prediction=np.diagonal(error, axis1=1, axis2=2),
            variance=varcomp.variance(group.group).to_numpy(),
        )
    return result
