"""The program's effects as they may be seen, where they rest on a part of the network.

A before/after figure is made of sums over the clinics that the program reached: with what those clinics show
beside it, it tells the sums of those that show nothing, and of a single pilot clinic it tells what its own
months come to before and after. A model's effect rests on all months of all clinics, and does not; but the
records of a part of the network less the clinics shown are those of the others.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from tasks.disclosing.blanking import EFFECT_COLUMNS, SECONDARY, Tables, mark, reason
from tasks.disclosing.policy import SmallNumberPolicy


def withhold_effects(policy: SmallNumberPolicy, tables: Tables, outcomes: Iterable[str]) -> None:
    """Withhold what a part of the network's clinics would tell of those withheld (in place).

    Args:
        policy: the small-number policy.
        tables: the release's tables.
        outcomes: those of which a clinic's window or months are withheld.
    """
    effects = tables["program_effects"]
    if effects.empty:
        return
    whole = tables["outcomes"].set_index("outcome")
    concerned = effects["outcome"].isin(list(outcomes))
    fewer_clinics = _fewer(effects, whole, "n_clinics")
    naive = effects["model"] == "naive"
    gone = concerned & naive & (fewer_clinics | _fewer(effects, whole, "n_records"))
    gone &= effects["status"] == "ok"
    mark(policy, effects, pd.Series(SECONDARY, index=effects.index[gone], dtype="string"), EFFECT_COLUMNS)
    effects.loc[gone, "words"] = reason(policy, SECONDARY)
    effects.loc[concerned & fewer_clinics, ["n_records", "n_clinics"]] = pd.NA


def _fewer(effects: pd.DataFrame, whole: pd.DataFrame, column: str) -> pd.Series:
    """Effects that rest on fewer than the outcome's own; none where either is not said."""
    used = effects[column].to_numpy(dtype=float, na_value=np.nan)
    there = effects["outcome"].map(whole[column]).to_numpy(dtype=float, na_value=np.nan)
    return pd.Series(used < there, index=effects.index)
