"""Monthly figures of the network and of every clinic, with the limits of common cause."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.wording.coded_sentences import coded
from tasks.estimating.control_limits import Series, individual, limits, proportions, rates
from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.run_signals import autocorrelations
from tasks.estimating.summary import Summary

Floats = NDArray[np.float64]

NETWORK = ""


def clinic_months(question: OutcomeFormulas, summary: Summary, per_year: int) -> pd.DataFrame:
    """Rows of `clinic_months` for one outcome: the network (clinic empty) and every clinic.

    Args:
        question: the outcome's formulas.
        summary: the window's moments.
        per_year: periods a year has.
    """
    whole = summary.by_month(question.name).reindex(list(summary.months))
    by_clinic = {
        str(clinic): moments.set_index("month").reindex(list(summary.months))
        for clinic, moments in summary.outcomes[question.name].groupby("clinic", sort=True)
    }
    series = {clinic: _series(question, moments) for clinic, moments in by_clinic.items()}
    alike = autocorrelations([each.standardised for each in series.values()])
    (network_alike,) = autocorrelations([_series(question, whole).standardised])
    charts = [_chart(question, NETWORK, whole, network_alike, per_year)]
    for (clinic, moments), tenths in zip(by_clinic.items(), alike, strict=True):
        charts.append(_chart(question, clinic, moments, tenths, per_year))
    return pd.concat(charts, ignore_index=True)


def _series(question: OutcomeFormulas, moments: pd.DataFrame) -> Series:
    """The points of a chart, on the scale of analysis."""
    if question.outcome.kind == "continuous":
        return individual(moments["mean"].to_numpy(dtype=float))
    total, exposure = (moments[each].fillna(0.0).to_numpy(dtype=float) for each in ("total", "exposure"))
    if question.outcome.kind == "binary":
        return proportions(total, moments["n"].fillna(0.0).to_numpy(dtype=float))
    return rates(total, exposure)


def _chart(
    question: OutcomeFormulas, clinic: str, moments: pd.DataFrame, tenths: int, per_year: int
) -> pd.DataFrame:
    series = _series(question, moments)
    found = limits(series, tenths)
    log = question.outcome.scale == "log"
    unit = 100.0 if question.outcome.kind == "binary" else 1.0

    def written(values: Floats) -> Floats:
        return np.exp(values) if log else unit * values

    n, total, exposure = (
        moments[each].fillna(0.0).to_numpy(dtype=float) for each in ("n", "total", "exposure")
    )
    numerator, denominator = _counts(question, n, total, exposure)
    there = np.isfinite(series.values)
    return pd.DataFrame(
        {
            "outcome": question.name,
            "clinic": clinic,
            "month": list(moments.index),
            "value": np.where(there, written(series.values), np.nan),
            "numerator": numerator,
            "denominator": denominator,
            "centre": written(found.centre),
            "lower_limit": written(found.lower),
            "upper_limit": written(found.upper),
            "limits": found.kind,
            "signal": found.signals,
            "false_alarms": found.a_year(int(there.sum()), per_year),
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
