"""Each clinic's figure in three forms: its own, adjusted for its patients, and shrunken for its size."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.wording.coded_sentences import coded
from tasks.estimating.outcome_formulas import MERGED_MONTHS, MONTHS, OutcomeFormulas
from tasks.estimating.standardising import Standardised
from tasks.estimating.summary import Summary
from tasks.estimating.worth import alike_patients
from tasks.models import Shrunken
from tasks.models.raw import mean_interval, poisson_interval, wilson_interval
from tasks.network.schema import PolicySection

Floats = NDArray[np.float64]

LEVEL = 0.95
# a shrunken estimate differs from the comparator when the posterior probability passes this
_SURE = 0.975
_PROBABILITY_DECIMALS = 9


def raw_rows(question: OutcomeFormulas, summary: Summary) -> pd.DataFrame:
    """Rows of `clinic_estimates` of form raw: the clinic's own records, unadjusted.

    Intervals allow for patients who come again: records count for as many unrelated ones as they are worth.
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
) -> pd.DataFrame:
    """Rows of forms adjusted and shrunken: the network's own patients at each clinic.

    Args:
        question: the outcome's formulas.
        raw: the outcome's raw rows, for counts.
        shrunken: clinic effects of the ranking model.
        scale: from effects to figures.
        policy: what is compared.
    """
    effects = shrunken.table
    clinics = [str(each) for each in effects.index]
    counts = raw.set_index("clinic").reindex(clinics)
    own, reliability = (effects[each].to_numpy(dtype=float) for each in ("own", "reliability"))
    reach = shrunken.own_reach
    above = effects["p_above"].to_numpy(dtype=float)
    better = _probability(1.0 - above if question.outcome.direction == "lower" else above)
    forms = {
        "adjusted": (own, own - reach, own + reach),
        "shrunken": tuple(
            effects[each].to_numpy(dtype=float) for each in ("estimate", "level_lower", "level_upper")
        ),
    }
    expected = effects["expected_events"].to_numpy(dtype=float)
    why = _too_small(question, counts["denominator"].to_numpy(dtype=float), expected, reliability, policy)
    too_small = np.array([reason != "" for reason in why])
    frames = []
    for form, ends in forms.items():
        value, lower, upper = (_defined(scale, each) for each in ends)
        undefined = ~np.isfinite(value)
        compared = (
            _compare(question, better) if form == "shrunken" else _excludes(question, scale, lower, upper)
        )
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
                    "reliability": reliability,
                    "p_better": better if form == "shrunken" else np.nan,
                    "comparison": np.where(too_small | undefined, "not_compared", compared),
                    "status": np.select(
                        [undefined, too_small], ["not_estimable", "low_reliability"], default="ok"
                    ),
                    "reason": [
                        coded("why.no_own_effect") if gone else reason or None
                        for gone, reason in zip(undefined, why, strict=True)
                    ],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _probability(added_up: Floats) -> Floats:
    """A posterior probability without the rounding of the quadrature nodes that it was added up over."""
    return np.clip(np.round(added_up, _PROBABILITY_DECIMALS), 0.0, 1.0) + 0.0  # and no minus zero


def _given(question: OutcomeFormulas) -> str:
    if not question.adjusters:
        return coded("estimand_model.unadjusted")
    return coded("estimand_model.mix", adjusters=[_word(each) for each in question.adjusters])


def _word(term: str) -> str:
    return coded("term.month") if term in (MONTHS, MERGED_MONTHS) else term


def _too_small(
    question: OutcomeFormulas,
    denominator: Floats,
    expected: Floats,
    reliability: Floats,
    policy: PolicySection,
) -> list[str]:
    """Per clinic, why it is not compared; empty where it is.

    Events count as a typical clinic would have them from the same records: by the clinic's own count, one
    with few bad events could never be better.
    """
    few_records = coded("why.few_records", fewest=policy.minimum_denominator)
    few_events = coded("why.few_events", fewest=policy.minimum_count)
    unreliable = coded("why.unreliable", least=policy.minimum_reliability)
    reasons = []
    for records, events, reliable in zip(denominator, expected, reliability, strict=True):
        reason = ""
        if question.outcome.kind != "count" and records < policy.minimum_denominator:
            reason = few_records
        elif question.outcome.kind != "continuous" and events < policy.minimum_count:
            reason = few_events
        elif reliable < policy.minimum_reliability:
            reason = unreliable
        reasons.append(reason)
    return reasons


def has_enough_records(rows: pd.DataFrame, policy: PolicySection) -> pd.Series:
    """Which rows of `clinic_estimates` are of clinics with enough records and expected events."""
    few = [
        coded("why.few_records", fewest=policy.minimum_denominator),
        coded("why.few_events", fewest=policy.minimum_count),
    ]
    return ~rows["reason"].isin(few) & (rows["status"] != "not_estimable")


def _compare(question: OutcomeFormulas, better: Floats) -> NDArray[np.str_]:
    good, bad = ("higher", "lower") if question.outcome.direction == "neither" else ("better", "worse")
    return np.select([better > _SURE, better < 1.0 - _SURE], [good, bad], default="no_different")


def _excludes(
    question: OutcomeFormulas, scale: Standardised, lower: Floats, upper: Floats
) -> NDArray[np.str_]:
    above, below = lower > scale.typical, upper < scale.typical
    names = {"higher": ("better", "worse"), "lower": ("worse", "better"), "neither": ("higher", "lower")}
    high, low = names[question.outcome.direction]
    return np.select([above, below], [high, low], default="no_different")


def _defined(scale: Standardised, effect: Floats) -> Floats:
    known = np.isfinite(effect)
    return np.where(known, scale.at(np.where(known, effect, 0.0)), np.nan)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)
