"""Each clinic's figure in three forms: its own, adjusted for its patients, and shrunken for its size."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.wording.coded_sentences import coded
from tasks.estimating.comparing import Words, comparisons
from tasks.estimating.outcome_formulas import MERGED_MONTHS, MONTHS, OutcomeFormulas
from tasks.estimating.standardising import Standardised
from tasks.estimating.summary import Summary, pool
from tasks.estimating.worth import alike_patients
from tasks.models import Shrunken
from tasks.models.clinics.outlying import far_from_the_others
from tasks.models.crude_intervals import (
    common_levels,
    dispersion_of_counts,
    mean_interval,
    moved_by_a_count,
    poisson_interval,
    times_poisson,
    wilson_interval,
)
from tasks.network.outcome_section import OutcomeSection
from tasks.network.schema import PolicySection

Floats = NDArray[np.float64]

LEVEL = 0.95
_SMALL = 10
"""The largest count that a policy withholds."""


def raw_rows(question: OutcomeFormulas, summary: Summary) -> pd.DataFrame:
    """Rows of `clinic_estimates` of form raw: the clinic's own records, unadjusted.

    Intervals allow for patients who come again: records count for as many unrelated ones as they are worth.
    Those of counts found to vary more than a Poisson's allow for how much counts of the network do.
    """
    moments = summary.by_clinic(question.name)
    worth = np.ones(len(moments))
    if not question.outcome.counts_records:
        worth = 1.0 / alike_patients(question, summary).factor.reindex(moments.index).to_numpy()
    outcome = question.outcome
    n, total, exposure = (moments[each].to_numpy(dtype=float) for each in ("n", "total", "exposure"))
    numerator, denominator = np.full(len(n), np.nan), n
    if outcome.kind == "binary":
        lower, upper = wilson_interval(worth * total, worth * n, LEVEL)
        value, lower, upper = 100.0 * _ratio(total, n), 100.0 * lower, 100.0 * upper
        numerator = total
    elif outcome.kind == "count":
        # a volume's periods count alike: how busy each was for all would tell of clinics that are withheld
        times = times_poisson(
            total, exposure, moments["exposure_squares"], count_dispersion(question, summary)
        )
        worth = np.minimum(worth, 1.0 / times)
        lower, upper = poisson_interval(worth * total, worth * exposure, LEVEL)
        value, numerator = _ratio(total, exposure), total
        denominator = np.full(len(n), np.nan) if outcome.counts_records else exposure
    else:
        mean = moments["mean"].to_numpy(dtype=float)
        # squares stand about the mean already, so the sum about it is zero
        squares = worth * moments["squares"].to_numpy(dtype=float)
        _, below, above = mean_interval(worth * n, np.zeros(len(n)), squares, LEVEL)
        value, lower, upper = mean, mean + below, mean + above
        if outcome.scale == "log":
            value, lower, upper = np.exp(value), np.exp(lower), np.exp(upper)
    empty = np.zeros(len(n), dtype=bool) if outcome.counts_records else ~(n > 0)
    return pd.DataFrame(
        {
            "outcome": question.name,
            "clinic": moments.index.to_numpy(),
            "form": "raw",
            "estimand": raw_estimand(question),
            "value": value,
            "lower": lower,
            "upper": upper,
            "level": LEVEL,
            "numerator": numerator,
            "denominator": denominator,
            "comparison": "not_compared",
            "status": np.where(empty, "no_records", "ok"),
            "reason": [coded("why.no_value") if each else None for each in empty],
        }
    )


def count_dispersion(question: OutcomeFormulas, summary: Summary) -> float:
    """The dispersion of counts that own intervals allow for, 0 of other outcomes.

    It is published as it is used, rounded up to two significant digits (of volumes one) or, where that is
    more, by as much as one small count of one record moves it: with all its digits it would tell of clinics
    whose counts are withheld. A dispersion of each clinic's own would tell of the counts of its records.

    Args:
        question: the outcome's formulas, its family chosen.
        summary: the window's moments.
    """
    if question.family != "negative-binomial":
        return 0.0
    of_counts = _counts(question, summary)
    columns = ("total", "total_squares", "exposure", "exposure_squares")
    sums = [of_counts[each].to_numpy(dtype=float) for each in columns]
    found = dispersion_of_counts(*sums)
    if found == 0.0:
        return 0.0
    digits = 1 if question.outcome.counts_records else 2
    finest = max(moved_by_a_count(_SMALL, *sums), 10.0 ** (math.floor(math.log10(found)) - digits + 1))
    tens = 10.0 ** math.floor(math.log10(finest))
    step = tens * next(each for each in (1, 2, 5, 10) if each * tens >= finest * (1.0 - 1e-9))
    return float(f"{math.ceil(found / step) * step:.6g}")


def _counts(question: OutcomeFormulas, summary: Summary) -> pd.DataFrame:
    """Sums of counts and their exposures by clinic; of a volume each month of a clinic is one.

    How busy a month is for all clinics is a volume's exposure: what all have in common is not what one
    clinic's months vary by.
    """
    if not question.outcome.counts_records:
        return summary.by_clinic(question.name)
    cells = summary.outcomes[question.name]
    counts = cells.pivot_table("total", "clinic", "month", aggfunc="sum")
    busy = cells["month"].map(dict(zip(counts.columns, common_levels(counts), strict=True))).astype("float64")
    return pool(cells.assign(exposure=busy, exposure_squares=busy**2), "clinic")


def raw_estimand(question: OutcomeFormulas) -> str:
    """What a raw value is, as a coded sentence."""
    outcome = question.outcome
    if outcome.kind == "binary":
        return coded("estimand_raw.binary")
    if outcome.counts_records:
        return coded("estimand_raw.monthly")
    if outcome.kind == "count":
        return coded("estimand_raw.count")
    if outcome.scale == "log":
        return coded("estimand_raw.log")
    return coded("estimand_raw.continuous")


def model_rows(
    question: OutcomeFormulas,
    raw: pd.DataFrame,
    shrunken: Shrunken,
    scale: Standardised,
    policy: PolicySection,
    by_patient: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Rows of forms adjusted and shrunken: the network's own patients at each clinic.

    Args:
        question: the outcome's formulas.
        raw: the outcome's raw rows, for counts.
        shrunken: clinic effects of the ranking model.
        scale: from effects to figures.
        policy: what is compared.
        by_patient: how much patients' sums vary, by clinic, where they come again.
    """
    effects = shrunken.table
    clinics = [str(each) for each in effects.index]
    counts = raw.set_index("clinic").reindex(clinics)
    own, fitted = (effects[each].to_numpy(dtype=float) for each in ("own", "fitted_own"))
    reach = shrunken.fitted_reach
    found = comparisons(question, shrunken, scale, counts, policy, by_patient)
    forms = {
        "adjusted": (fitted, fitted - reach, fitted + reach),
        "shrunken": tuple(
            effects[each].to_numpy(dtype=float) for each in ("estimate", "level_lower", "level_upper")
        ),
    }
    apart = far_from_the_others(own, effects["own_sd"].to_numpy(dtype=float))
    frames = []
    for form, ends in forms.items():
        value, lower, upper = (_defined(scale, each) for each in ends)
        undefined = ~np.isfinite(value)
        best = form == "shrunken"
        words = found.words if best else _excludes(question.outcome, scale, lower, upper)
        told = found.compared & ~undefined
        frames.append(
            pd.DataFrame(
                {
                    "outcome": question.name,
                    "clinic": clinics,
                    "form": form,
                    "estimand": coded(f"estimand_model.{form}", given=_given(question)),
                    "value": value,
                    "lower": lower,
                    "upper": upper,
                    "level": LEVEL,
                    "numerator": counts["numerator"].to_numpy(),
                    "denominator": counts["denominator"].to_numpy(),
                    "reliability": effects["reliability"].to_numpy(dtype=float),
                    "p_better": found.better if best else np.nan,
                    "p_important": found.important if best else np.nan,
                    "place": found.place if best else np.nan,
                    "place_lower": found.place_lower if best else np.nan,
                    "place_upper": found.place_upper if best else np.nan,
                    "outlying": pd.array(apart if best else [pd.NA] * len(own), dtype="boolean"),
                    "comparison": np.where(told, words, "not_compared"),
                    "status": np.select(
                        [undefined, ~told], ["not_estimable", "low_reliability"], default="ok"
                    ),
                    "reason": [
                        coded("why.no_own_effect") if gone else reason or None
                        for gone, reason in zip(undefined, found.reasons, strict=True)
                    ],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _given(question: OutcomeFormulas) -> str:
    if not question.adjusters:
        return coded("estimand_model.unadjusted")
    if question.outcome.counts_records:
        return coded("estimand_model.monthly")
    return coded("estimand_model.mix", adjusters=adjuster_words(question))


def adjuster_words(question: OutcomeFormulas) -> list[str]:
    """What an outcome is adjusted for, as names and coded words: a column that bends is said to."""
    return [
        coded("term.month")
        if each in (MONTHS, MERGED_MONTHS)
        else coded("term.curved", column=each)
        if each in question.curved
        else each
        for each in question.adjusters
    ]


def _excludes(outcome: OutcomeSection, scale: Standardised, lower: Floats, upper: Floats) -> Words:
    if not outcome.judged:
        return np.full(len(lower), "placed")
    above, below = lower > scale.typical, upper < scale.typical
    high, low = ("better", "worse") if outcome.direction == "higher" else ("worse", "better")
    return np.select([above, below], [high, low], default="no_different")


def _defined(scale: Standardised, effect: Floats) -> Floats:
    known = np.isfinite(effect)
    return np.where(known, scale.at(np.where(known, effect, 0.0)), np.nan)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)
