"""Monthly figures of the network and of every clinic, with the limits of common cause."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.wording.coded_sentences import coded
from tasks.estimating.control_limits import Limits, limits_of_proportions, limits_of_rates, limits_of_values
from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.summary import Summary

Floats = NDArray[np.float64]

NETWORK = ""


def clinic_months(question: OutcomeFormulas, summary: Summary) -> pd.DataFrame:
    """Rows of `clinic_months` for one outcome: the network (clinic empty) and every clinic."""
    charts = [_chart(question, summary, NETWORK, summary.by_month(question.name))]
    for clinic, moments in summary.outcomes[question.name].groupby("clinic", sort=True):
        charts.append(_chart(question, summary, str(clinic), moments.set_index("month")))
    return pd.concat(charts, ignore_index=True)


def _chart(question: OutcomeFormulas, summary: Summary, clinic: str, moments: pd.DataFrame) -> pd.DataFrame:
    moments = moments.reindex(list(summary.months))
    for column in ("n", "total", "exposure"):
        moments[column] = moments[column].fillna(0.0)
    outcome = question.outcome
    n, total, exposure = (moments[each].to_numpy(dtype=float) for each in ("n", "total", "exposure"))
    with np.errstate(divide="ignore", invalid="ignore"):
        if outcome.kind == "binary":
            value, limits, unit = total / n, limits_of_proportions(total, n), 100.0
        elif outcome.kind == "count":
            value, limits, unit = total / exposure, limits_of_rates(total, exposure), 1.0
        else:
            value, unit = moments["mean"].to_numpy(dtype=float), 1.0
            limits = limits_of_values(value)
            if outcome.scale == "log":
                value = np.exp(value)
                limits = Limits(
                    np.exp(limits.centre), np.exp(limits.lower), np.exp(limits.upper), limits.kind
                )
    numerator, denominator = _counts(question, n, total, exposure)
    there = np.isfinite(value)
    return pd.DataFrame(
        {
            "outcome": question.name,
            "clinic": clinic,
            "month": list(summary.months),
            "value": np.where(there, unit * value, np.nan),
            "numerator": numerator,
            "denominator": denominator,
            "centre": unit * limits.centre,
            "lower_limit": unit * limits.lower,
            "upper_limit": unit * limits.upper,
            "limits": limits.kind,
            "status": np.where(there, "ok", "no_records"),
            "reason": [None if each else coded("why.no_month") for each in there],
        }
    )


def _counts(question: OutcomeFormulas, n: Floats, total: Floats, exposure: Floats) -> tuple[Floats, Floats]:
    """What stands as numerator and denominator for each kind of outcome."""
    nothing = np.full(len(n), np.nan)
    if question.outcome.kind == "continuous":
        return nothing, n
    if question.outcome.kind == "binary":
        return total, n
    return total, nothing if question.outcome.counts_records else exposure
