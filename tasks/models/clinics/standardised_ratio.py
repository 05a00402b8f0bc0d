"""Observed and predicted over expected: indirectly standardised ratios of clinics, plain and shrunken.

*Expected* is what a clinic's own patients would have had at the typical clinic; *observed* is what they had;
*predicted* is what they would have, given the clinic's shrunken effect. Observed over expected is the
standardised ratio of old and swings wildly in small clinics; predicted over expected is the one that hospital
comparisons publish, and stays near 1 until a clinic's records say otherwise.
Source: Krumholz et al. (2006), Circulation 113:1683; Ash et al. (2012), Statistical Issues in Assessing
Hospital Performance (COPSS-CMS white paper).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.clinics.shrinkage import Shrunken
from tasks.models.generalized_mixed.families import mean_of
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.linear_mixed.lmm import LmmFit
from tasks.models.numerics import distributions as stats
from tasks.records import cells_for
from tasks.records.moments import INTERCEPT

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def standardised_ratios(fit: LmmFit | GlmmFit, estimates: Shrunken) -> pd.DataFrame:
    """Observed/expected and predicted/expected of each level, with intervals.

    Args:
        fit: the model, with a random intercept for the levels and case-mix covariates.
        estimates: what `shrink` made of it; its level is the intervals'.

    Returns:
        By level: `n`, `observed`, `expected`, `predicted` (totals over its rows), `oe` with `oe_lower` and
        `oe_upper` (its own records only: exact binomial or Poisson limits, normal ones for means), `pe` with
        `pe_lower` and `pe_upper` (the posterior of its effect), and `standardised`: `pe` times the network's
        crude figure, which is what the network would have with this clinic's effect everywhere.

    Raises:
        EstimationError: a GLMM that does not remember its data (cells are read once more), or expected totals
            that are not above zero, of which there are no ratios.
    """
    table = standardised_totals(fit, estimates)
    if (table["expected"] <= 0.0).any():
        raise EstimationError(
            f"expected totals of {fit.design.response} are not above zero, so there are no ratios to them",
            hint="compare differences: the effects themselves",
        )
    crude = float(table["observed"].sum() / table["n"].sum())
    for name in ("observed", "observed_lower", "observed_upper"):
        table[name.replace("observed", "oe")] = table[name] / table["expected"]
    for name in ("predicted", "predicted_lower", "predicted_upper"):
        table[name.replace("predicted", "pe")] = table[name] / table["expected"]
    table["standardised"] = table["pe"] * crude
    columns = ["n", "observed", "expected", "predicted", "oe", "oe_lower", "oe_upper"]
    return table[[*columns, "pe", "pe_lower", "pe_upper", "standardised"]]


def standardised_totals(fit: LmmFit | GlmmFit, estimates: Shrunken) -> pd.DataFrame:
    """Totals over each level's own rows: observed, and expected and predicted of them.

    Args:
        fit: the model, with a random intercept for the levels and case-mix covariates.
        estimates: what `shrink` made of it; its level is the intervals'.

    Returns:
        By level: `n` rows, their `exposure` (n, but for counts), `observed`, `expected` at the typical level
        (`estimates.centre`) and `predicted`, with `_lower` and `_upper` of what has an interval.

    Raises:
        EstimationError: a GLMM that does not remember its data: cells are read once more.
    """
    return _means(fit, estimates) if isinstance(fit, LmmFit) else _counts(fit, estimates)


def _means(fit: LmmFit, estimates: Shrunken) -> pd.DataFrame:
    moments = fit.moments.unweighted()
    position = moments.factors.index(estimates.group)
    codes, k = moments.codes[:, position], len(moments.levels[position])
    n = _sums(codes, moments.n, k)
    sums = np.array([_sums(codes, column, k) for column in moments.products[:, 0, :].T])
    totals = sums + moments.reference[:, None] * n
    names = [name for name in fit.coef.index if name != INTERCEPT]
    expected = (
        float(fit.coef.get(INTERCEPT, 0.0)) * n
        + fit.coef.loc[names].to_numpy() @ totals[moments.position(*names)]
    )
    own = estimates.table
    half = estimates.own_reach
    return pd.DataFrame(
        {
            "n": n,
            "exposure": n,
            "observed": totals[-1],
            "observed_lower": totals[-1] - n * half,
            "observed_upper": totals[-1] + n * half,
            "expected": expected + n * estimates.centre,
            "predicted": expected + n * own["estimate"].to_numpy(),
            "predicted_lower": expected + n * own["lower"].to_numpy(),
            "predicted_upper": expected + n * own["upper"].to_numpy(),
        },
        index=own.index,
    )


def _counts(fit: GlmmFit, estimates: Shrunken) -> pd.DataFrame:
    if fit.data is None:
        raise EstimationError(
            "expected totals need the records, and this fit does not remember them",
            hint="fit the model in the same session",
        )
    design, cells = cells_for(fit.formula, fit.data, **fit.reading)
    codes = cells.codes[:, cells.factors.index(estimates.group)]
    k = len(estimates.table)
    size = cells.trials if fit.family == "binomial" else cells.weight
    eta = cells.offset + cells.fixed @ fit.coef.loc[list(design.fixed)].to_numpy()

    def total(effect: Floats) -> Floats:
        return _sums(codes, size * mean_of(fit.family, eta + effect[codes]), k)

    n = _sums(codes, size, k)
    observed = _sums(codes, cells.total, k)
    tail = (1.0 - estimates.level) / 2.0
    if fit.family == "binomial":
        lower = n * np.nan_to_num(stats.beta.ppf(tail, observed, n - observed + 1.0))
        upper = n * np.nan_to_num(stats.beta.isf(tail, observed + 1.0, n - observed), nan=1.0)
    else:
        lower = np.nan_to_num(stats.gamma.ppf(tail, observed))
        upper = np.asarray(stats.gamma.isf(tail, observed + 1.0))
    effects = estimates.table
    return pd.DataFrame(
        {
            "n": n,
            "exposure": _sums(codes, size * np.exp(cells.offset), k) if fit.family != "binomial" else n,
            "observed": observed,
            "observed_lower": lower,
            "observed_upper": upper,
            "expected": total(np.full(k, estimates.centre)),
            "predicted": total(effects["estimate"].to_numpy()),
            "predicted_lower": total(effects["lower"].to_numpy()),
            "predicted_upper": total(effects["upper"].to_numpy()),
        },
        index=effects.index,
    )


def _sums(codes: Integers, values: Floats, k: int) -> Floats:
    """(k,) sums of values by level."""
    return np.asarray(np.bincount(codes, values, minlength=k), dtype=float)
