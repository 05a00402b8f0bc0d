"""The frame of random effects that every mixed model gives: `ranef` by grouping factor."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def random_effects_frame(
    group: str,
    levels: Sequence[Hashable],
    effects: Sequence[str],
    *,
    estimate: Floats,
    conditional: Floats,
    prediction: Floats,
    variance: Floats,
) -> pd.DataFrame:
    """`estimate`, `sd`, `weight` and `prediction_sd` by level (and effect, where a group has several).

    Args:
        group: the grouping factor.
        levels: its n levels.
        effects: names of a level's d effects.
        estimate: (n, d) the effects.
        conditional: (n, d) their variances given the coefficients, all variances taken as known.
        prediction: (n, d) their variances with the coefficients uncertain too.
        variance: (d,) of each effect; its `weight` is the share of that which a level's own rows resolve.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(variance > 0.0, 1.0 - conditional / variance, 0.0)
    index: pd.Index = pd.Index(levels, name=group)
    if len(effects) > 1:
        index = pd.MultiIndex.from_product([levels, list(effects)], names=[group, "effect"])
    columns = {
        "estimate": estimate.ravel(),
        "sd": np.sqrt(np.maximum(conditional, 0.0)).ravel(),
        "weight": np.clip(weight, 0.0, 1.0).ravel(),
        "prediction_sd": np.sqrt(np.maximum(prediction, 0.0)).ravel(),
    }
    return pd.DataFrame(columns, index=index)
