"""The ranking model of an outcome, and the clinics' effects in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.worth import Worth
from tasks.models import GlmmFit, LmmFit, Shrunken, glmm, lmm, shrink, with_own_variances
from tasks.models.clinics.outlying import far_from_the_others
from tasks.models.clinics.posterior_beside_shocks import BesideShocks
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


@dataclass(frozen=True, slots=True)
class Way:
    """The ranking model for one way in which shocks of months may last.

    Attributes:
        probability: of that way.
        if_any: its probability if there are shocks that last.
        fit: with records that count for less, as shocks and patients have it.
        beside: what a mixed model's clinic effects are found beside; None of continuous outcomes.
    """

    probability: float
    if_any: float
    fit: LmmFit | GlmmFit
    beside: BesideShocks | None

    def shrunken(self) -> Shrunken:
        """The clinics' effects."""
        return shrink(self.fit, "clinic", beside=self.beside)


def fit_ways(question: OutcomeFormulas, records: Records, worth: Worth) -> list[Way]:
    """The same model for each way in which shocks of months may last."""
    if not worth.possible:
        return []
    calm = None
    if question.mean_family != "gaussian":
        calm = fit_ranking(question, records, worth.without_shocks)
    found = []
    for possible, way in worth.ways:
        fit, beside = fit_ranking(question, records, way), None
        if isinstance(calm, GlmmFit):
            beside = BesideShocks(
                calm, dict(zip(map(str, possible.added.index), possible.added, strict=True))
            )
        found.append(Way(possible.probability, possible.if_any, fit, beside))
    return found


def clinic_effects(
    fit: LmmFit | GlmmFit, ways: Sequence[Way] = (), regions: Mapping[str, str] | None = None
) -> Shrunken:
    """The clinics' shrunken effects: draws of a normal distribution, unless some lie too far out for one.

    Then of Student's t with four degrees of freedom, which draws in those the less, and the others the more;
    and the comparator is the mean of the others.
    Where none does, and regions differ by more than their clinics explain, of one about its region's level.
    Where shocks of months may last, for a longer or a shorter time, the effects are averaged over both. Where
    records leave it in doubt whether there are any, intervals allow for them as if there were. Of few clinics
    none is sure to lie on a side that it is on because of one other.

    Args:
        fit: the ranking model.
        ways: the same for each way in which shocks may last.
        regions: clinic → its region; None where the network has none.
    """
    effects = shrink(fit, "clinic")
    own, own_sd = (effects.table[each].to_numpy(dtype=float) for each in ("own", "own_sd"))
    far = far_from_the_others(own, own_sd)
    parts = [way.shrunken() for way in ways]
    if far.any():
        effects = effects.with_heavier_tails().held_against(~far)
        parts = [part.with_heavier_tails().held_against(~far) for part in parts]
    elif regions and effects.sd_between > 0.0 and (regional := effects.with_regional_levels(regions)):
        effects = regional
        parts = [part.with_regional_levels(regions, only_if_likelier=False) or part for part in parts]
    chances = np.array([way.probability for way in ways])
    if_any = np.array([way.if_any for way in ways])
    if (chances[if_any > 0.0] > 0.0).any():
        effects = effects.averaged_over(list(zip(chances.tolist(), parts, strict=True)))
    if (if_any != chances).any():
        likely = [(chance, part) for chance, part in zip(if_any.tolist(), parts, strict=True) if chance > 0.0]
        effects = effects.with_intervals_beside(likely)
    return effects.sure_without_any_other()
