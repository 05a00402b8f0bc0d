"""Events per clinic under a logistic-normal model: the interval of the observed-scale ICC that it gives.

Beside the beta-binomial's it is the other shape that clinics' probabilities are taken to have. Where events
are rare the two differ in their tails, and data that could tell them apart are rarer still: an interval that
is to hold under either has to reach as far as both do.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize

from tasks.models.generalized_mixed.arrangement import Term
from tasks.models.generalized_mixed.families import CellOutcome
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.glmm_climb import maximise
from tasks.models.generalized_mixed.outcome_scale import probability_scale
from tasks.models.generalized_mixed.sd_profile import SdProfile, profile_ends
from tasks.models.generalized_mixed.start_values import start_values
from tasks.models.intraclass.beta_binomial import Events


def profile_interval(data: Events, level: float) -> tuple[float, float]:
    """The ICCs whose profile likelihood is near the best, against F(1, k − 1); 0 is included as a lower end.

    The profile is of the SD between clinics, on the logit scale; the prevalence is held at its estimate when
    an SD is turned into an ICC. With no events at all, or nothing else, it is 0 to 1.
    """
    if data.y.sum() in (0.0, data.n.sum()):
        return 0.0, 1.0
    cells = _cells(data)
    best = maximise(cells, start_values(cells), None)
    profile = SdProfile(cells.scalar(max(best.nodes, 1)), cells, 1.0)
    sd, intercept = abs(float(best.parameters[0])), float(best.parameters[1])
    lower, upper = profile_ends(profile, sd, best.parameters, len(data.n), level)
    prevalence = probability_scale(intercept, sd**2).prevalence
    return icc_at(prevalence, lower**2), icc_at(prevalence, upper**2)


def icc_at(prevalence: float, variance: float) -> float:
    """The observed-scale ICC of a logistic-normal model with this prevalence and variance of the log odds."""
    if math.isinf(variance):
        return 1.0
    return probability_scale(predictor_at(prevalence, variance), variance).icc


def predictor_at(prevalence: float, variance: float) -> float:
    """The typical clinic's log odds where clinics' have this variance and the whole has this prevalence."""
    middle, width = math.log(prevalence / (1.0 - prevalence)), 2.0 + 4.0 * variance**0.5 + variance
    return float(
        optimize.brentq(
            lambda eta: probability_scale(float(eta), variance).prevalence - prevalence,
            middle - width,
            middle + width,
            xtol=1e-12,
        )
    )


def _cells(data: Events) -> ArrangedCells:
    """One cell a clinic, nothing but the constant."""
    k = len(data.n)
    return ArrangedCells(
        names=("(Intercept)",),
        x=np.ones((1, k)),
        centre=np.zeros(1),
        z=(None,),
        offset=np.zeros(k),
        outcome=CellOutcome("binomial", data.y, data.n, 0.0),
        rows=data.n,
        groups=("clinic",),
        levels=(tuple(range(k)),),
        terms=(Term(0, (0,)),),
        back=(np.eye(1),),
        codes=np.arange(k)[:, None],
        starts=np.arange(k + 1),
    )
