"""How a clinic compares with the typical one: on which side, how far, at what place, and whether it may.

The comparator is the mean of these clinics' effects, each clinic counting once. Which clinics are compared is
decided by their size, not by how they did: few bad events are what a good clinic has. One exception keeps the
minimums from silencing what nobody could doubt. A small clinic's records can be so far from a typical
clinic's that both the posterior and its own records alone, by a calculation without approximation, put it on
one side with 99.9%. Where patients come again, what its own patients differ by must leave it there as well:
one patient with many events is no clinic with many. It is then told, with that reason, but not counted among
those compared: few expected events can show too many and hardly too few, so the small clinics told are no
sample of the small clinics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.wording.coded_sentences import coded
from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.standardising import Standardised
from tasks.models import Shrunken
from tasks.models.numerics.distributions import norm
from tasks.network.outcome_section import OutcomeSection
from tasks.network.schema import PolicySection

Floats = NDArray[np.float64]
Words = NDArray[np.str_]

SURE = 0.975
"""A shrunken estimate differs from the comparator when the posterior probability passes this."""
BEYOND_DOUBT = 0.999
"""From which, by posterior and own records alike, a clinic under the minimums is told: an alarm's limit."""
_DEVIATES_BEYOND_DOUBT = float(norm.ppf((1.0 + BEYOND_DOUBT) / 2.0))
_PROBABILITY_DECIMALS = 9


@dataclass(frozen=True)
class Comparisons:
    """Every clinic against the typical one, in the order of the shrunken effects.

    Attributes:
        better: posterior probability of being better (higher, where neither is better).
        important: posterior probability of differing by the outcome's important difference or more, on the
            side of the shrunken estimate; NaN where the network file names none.
        place: expected share of the network's distribution of clinics that lies below the clinic.
        place_lower, place_upper: ends of its 95% interval.
        words: how the clinic compares, if it is compared.
        reasons: why it is not compared, or is although it is small; empty where it simply is.
        compared: whether it is told how the clinic compares.
    """

    better: Floats
    important: Floats
    place: Floats
    place_lower: Floats
    place_upper: Floats
    words: Words
    reasons: tuple[str, ...]
    compared: NDArray[np.bool_]


def comparisons(
    question: OutcomeFormulas,
    shrunken: Shrunken,
    scale: Standardised,
    own: pd.DataFrame,
    policy: PolicySection,
    by_patient: pd.DataFrame | None = None,
) -> Comparisons:
    """Hold every clinic against the typical one.

    Args:
        question: the outcome's formulas.
        shrunken: clinic effects of the ranking model.
        scale: from effects to figures.
        own: the clinics' own figures, in their order: `value`, and `denominator` (records, or exposure).
        policy: what is compared.
        by_patient: how much patients' sums vary, by clinic (`Summary.patients`), where they come again.
    """
    effects, posterior = shrunken.table, shrunken.posterior
    denominator = own["denominator"].to_numpy(dtype=float)
    above = effects["p_above"].to_numpy(dtype=float)
    better = _probability(1.0 - above if question.outcome.direction == "lower" else above)
    small = _too_small(
        question.outcome,
        denominator,
        effects["expected_events"].to_numpy(dtype=float),
        effects["reliability"].to_numpy(dtype=float),
        policy,
    )
    certain = _beyond_doubt(question.outcome, effects, denominator >= policy.minimum_denominator)
    if by_patient is not None and question.outcome.kind != "continuous":
        certain &= _beyond_doubt_by_patients(question.outcome, own, by_patient, scale.typical)
    low, high = ((1.0 + sign * shrunken.level) / 2.0 for sign in (-1.0, 1.0))
    return Comparisons(
        better=better,
        important=_important(question.outcome, shrunken, scale),
        place=_probability(posterior.place),
        place_lower=_probability(posterior.quantile_of_place(low)),
        place_upper=_probability(posterior.quantile_of_place(high)),
        words=_words(question.outcome, better),
        reasons=tuple(
            coded("why.beyond_doubt", why=why) if why and sure else why
            for why, sure in zip(small, certain, strict=True)
        ),
        compared=certain | np.array([not why for why in small]),
    )


def _important(outcome: OutcomeSection, shrunken: Shrunken, scale: Standardised) -> Floats:
    effects = shrunken.table
    if outcome.important_difference is None:
        return np.full(len(effects), np.nan)
    far_above = scale.effect_of(scale.typical + outcome.important_difference) - shrunken.centre
    far_below = scale.effect_of(scale.typical - outcome.important_difference) - shrunken.centre
    more = shrunken.posterior.probability_above_mean(far_above) if np.isfinite(far_above) else 0.0
    less = 1.0 - shrunken.posterior.probability_above_mean(far_below) if np.isfinite(far_below) else 0.0
    return _probability(np.where(effects["p_above"].to_numpy(dtype=float) >= 0.5, more, less))


def _beyond_doubt(
    outcome: OutcomeSection, effects: pd.DataFrame, enough_records: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether posterior and own records alone leave no doubt of the side.

    Of a continuous outcome a few records say nothing about the distribution that they come from.
    """
    above = effects["p_above"].to_numpy(dtype=float)
    sure = np.maximum(above, 1.0 - above) > BEYOND_DOUBT
    alone = effects["own_tail"].to_numpy(dtype=float) < 1.0 - BEYOND_DOUBT
    found = sure & alone
    return np.asarray(found & enough_records if outcome.kind == "continuous" else found)


def _beyond_doubt_by_patients(
    outcome: OutcomeSection, own: pd.DataFrame, by_patient: pd.DataFrame, typical: float
) -> NDArray[np.bool_]:
    """Whether the clinics' own figures lie as far from the typical one by what their own patients differ by.

    A rate is a ratio of sums over patients, with variance Σ(o − rm)²/M² (Cochran 1977, Sampling Techniques,
    eq. 2.46).
    """
    per = 100.0 if outcome.kind == "binary" else 1.0
    rate, size = own["value"].to_numpy(dtype=float) / per, own["denominator"].to_numpy(dtype=float)
    sums = by_patient.reindex(own.index)
    squares = sums["outcome_squared"] - 2.0 * rate * sums["outcome_size"] + rate**2 * sums["size_squared"]
    error = np.sqrt(np.maximum(squares.to_numpy(dtype=float), 0.0)) / size
    return np.asarray(np.abs(rate - typical / per) > _DEVIATES_BEYOND_DOUBT * error)


def _too_small(
    outcome: OutcomeSection, denominator: Floats, expected: Floats, reliability: Floats, policy: PolicySection
) -> list[str]:
    """Per clinic, why it is too small to be compared; empty where it is not.

    Events count as a typical clinic would have them from the same records: by the clinic's own count, one
    with few bad events could never be better.
    """
    few_records = coded("why.few_records", fewest=policy.minimum_denominator)
    few_events = coded("why.few_events", fewest=policy.minimum_count)
    unreliable = coded("why.unreliable", least=policy.minimum_reliability)
    reasons = []
    for records, events, reliable in zip(denominator, expected, reliability, strict=True):
        reason = ""
        if outcome.kind != "count" and records < policy.minimum_denominator:
            reason = few_records
        elif outcome.kind != "continuous" and events < policy.minimum_count:
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
    few += [coded("why.beyond_doubt", why=why) for why in few]
    return ~rows["reason"].isin(few) & (rows["status"] != "not_estimable")


def _words(outcome: OutcomeSection, better: Floats) -> Words:
    if not outcome.judged:
        return np.full(len(better), "placed")
    return np.select([better > SURE, better < 1.0 - SURE], ["better", "worse"], default="no_different")


def _probability(added_up: Floats) -> Floats:
    """A posterior probability without the rounding of the quadrature nodes that it was added up over."""
    return np.clip(np.round(added_up, _PROBABILITY_DECIMALS), 0.0, 1.0) + 0.0  # and no minus zero
