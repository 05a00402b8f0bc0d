"""The ranking model of an outcome, and its clinic effects."""

from __future__ import annotations

import numpy as np

from tasks.estimating.clinics import ClinicEffects
from tasks.estimating.questions import Question
from tasks.models import GlmmFit, LmmFit, glmm, lmm
from tasks.records import Records

def fit_ranking(question: Question, records: Records) -> LmmFit | GlmmFit:
    """The mixed model that clinics are compared by.

    Counts that vary more than a Poisson model allows are fitted by a negative binomial, so that clinics are
    not told apart by noise.
    """
    if question.family == "gaussian":
        return lmm(question.ranking, records)
    fit = glmm(question.ranking, records, family=question.family, exposure=question.outcome.exposure)
    if question.family == "poisson" and fit.dispersion is not None and fit.dispersion.is_over:
        return glmm(question.ranking, records, family="negative-binomial", exposure=question.outcome.exposure)
    return fit


def clinic_effects(fit: LmmFit | GlmmFit) -> ClinicEffects:
    """Posterior means, and the clinic's own adjusted effects that they are shrunken from.

    The shrunken effect is w times the own one (Robinson 1991, §3), so the own effect is û / w, and its
    sampling variance the conditional variance over w: with v = σ²(1 − w), v / w = σ²(1 − w) / w.
    """
    ranef = fit.ranef["clinic"]
    estimate, weight, conditional = (ranef[each].to_numpy(dtype=float) for each in ("estimate", "weight", "sd"))
    whole = ranef["prediction_sd"] if isinstance(fit, LmmFit) else fit.ranef_pev["clinic"]["sd"]
    with np.errstate(divide="ignore", invalid="ignore"):
        known = weight > 1e-8
        own = np.where(known, estimate / weight, np.nan)
        own_sd = np.where(known, conditional / np.sqrt(weight), np.nan)
    return ClinicEffects(
        clinics=tuple(str(each) for each in ranef.index),
        shrunken=estimate,
        shrunken_sd=whole.to_numpy(dtype=float),
        own=own,
        own_sd=own_sd,
        weight=weight,
    )
