"""What a clinic's own patients would have at the typical clinic, and what is predicted of them over that.

Direct standardisation (`standardising.py`) asks how the network's patients would fare at a clinic; this asks
how the clinic's own would fare elsewhere, as hospital comparisons do (`tasks.models.standardised_ratios`).
Figures are those of records that have all adjusters, so that nothing follows of how many have not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.models import GlmmFit, LmmFit, Shrunken, standardised_totals

COLUMNS = ("expected", "pe", "pe_lower", "pe_upper")
_PREDICTED = ("predicted", "predicted_lower", "predicted_upper")


def expected_figures(question: OutcomeFormulas, fit: LmmFit | GlmmFit, shrunken: Shrunken) -> pd.DataFrame:
    """Expected figures, and predicted over expected with an interval that holds 1 where no verdict is given.

    The typical clinic is uncertain too, so the interval is that of the distance between both.

    Args:
        question: the outcome's formulas.
        fit: its ranking model.
        shrunken: the model's clinic effects.

    Returns:
        By clinic the columns `COLUMNS`, `expected` in the outcome's unit; without ratios where one of these
        is not above 0 (of a mean that can be negative), and without rows for volumes.
    """
    if question.outcome.counts_records:
        return pd.DataFrame(columns=list(COLUMNS), dtype=np.float64)
    effects = shrunken.table
    ends = effects.assign(
        lower=shrunken.centre + effects["apart_lower"], upper=shrunken.centre + effects["apart_upper"]
    )
    totals = standardised_totals(fit, replace(shrunken, table=ends))
    figures = totals[["expected", *_PREDICTED]].div(totals["exposure"], axis=0)
    if question.outcome.kind == "binary":
        figures = 100.0 * figures
    elif question.outcome.scale == "log":
        figures = figures.map(np.exp)
    expected = figures["expected"]
    ratios = figures[list(_PREDICTED)].div(expected, axis=0)
    if not (expected > 0.0).all():
        ratios[:] = np.nan
    return ratios.set_axis(list(COLUMNS[1:]), axis=1).assign(expected=expected).rename(index=str)


def with_expected(modelled: pd.DataFrame, figures: pd.DataFrame) -> pd.DataFrame:
    """Rows of `clinic_estimates` with these figures in those of form shrunken."""
    best = (modelled["form"] == "shrunken").to_numpy()
    mine = figures.reindex(index=modelled["clinic"], columns=list(COLUMNS)).to_numpy(dtype=np.float64)
    return modelled.assign(**{name: np.where(best, mine[:, k], np.nan) for k, name in enumerate(COLUMNS)})
