"""The ranking model of an outcome, and the clinics' effects in it."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.worth import Worth
from tasks.models import GlmmFit, LmmFit, Shrunken, glmm, lmm, shrink, with_own_variances
from tasks.models.clinics.outlying import outlying
from tasks.records import Records


def fit_ranking(question: OutcomeFormulas, records: Records, worth: Worth) -> LmmFit | GlmmFit:
    """The mixed model that clinics are compared by.

    Records of a clinic's month, or of a patient, that are alike count for less: what they have in common says
    nothing lasting about the clinic.

    A continuous outcome's residual variance is one for all clinics, unless they differ beyond chance: then
    each has its own, moderated toward the network's, so that few and erratic records look as uncertain as
    they are.

    Counts that vary more than a Poisson model allows are a negative binomial's, so that clinics are not told
    apart by noise.
    """
    if question.mean_family == "gaussian":
        pooled = lmm(question.ranking, records)
        if len(pooled.varcomp) > 1:  # with a level of patients the spread about them is one for all
            return pooled
        own = with_own_variances(pooled, worth.design_effects)
        if worth.design_effects is not None:
            return own
        return own if own.variances is not None and own.variances.differ else pooled
    return glmm(
        question.ranking,
        records,
        family=question.family,
        exposure=question.outcome.exposure,
        design_effects=worth.design_effects,
    )


def fit_ways(
    question: OutcomeFormulas, records: Records, worth: Worth
) -> list[tuple[float, LmmFit | GlmmFit]]:
    """The same model for each way in which shocks of months may last, with its probability."""
    return [(probability, fit_ranking(question, records, way)) for probability, way in worth.ways]


def clinic_effects(fit: LmmFit | GlmmFit, ways: Sequence[tuple[float, LmmFit | GlmmFit]] = ()) -> Shrunken:
    """The clinics' shrunken effects: draws of a normal distribution, unless some lie too far out for one.

    Then of Student's t with four degrees of freedom, which draws in those the less, and the others the more.
    Where shocks of months may last, for a longer or a shorter time, the effects are averaged over both.

    Args:
        fit: the ranking model.
        ways: the same for each way in which shocks may last, with its probability.
    """
    effects = shrink(fit, "clinic")
    far = outlying(effects.table["own"].to_numpy(dtype=float), effects.table["own_sd"].to_numpy(dtype=float))
    parts = [(probability, shrink(way, "clinic")) for probability, way in ways]
    if far.any():
        effects = effects.with_heavier_tails()
        parts = [(probability, part.with_heavier_tails()) for probability, part in parts]
    return effects.averaged_over(parts) if parts else effects
