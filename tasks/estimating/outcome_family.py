"""The distribution that an outcome is given: the same one wherever it is modelled."""

from __future__ import annotations

from typing import Any, Literal

from tasks.errors import EstimationError
from tasks.models import glmm
from tasks.network.outcome_section import CountFamily, OutcomeSection

MeanFamily = Literal["gaussian", "binomial", "poisson"]
Family = MeanFamily | CountFamily

_MEANS: dict[str, MeanFamily] = {"continuous": "gaussian", "binary": "binomial", "count": "poisson"}


def mean_family(kind: str) -> MeanFamily:
    """The family whose mean an outcome of this kind has: gaussian, binomial or poisson.

    GEE and fixed effects keep it however counts scatter: they are consistent under any variance, and their
    sandwich errors measure the one that there is (Liang & Zeger 1986 Biometrika 73:13; Wooldridge 1999
    J Econom 90:77).

    Args:
        kind: continuous, binary or count, as the network file has it.
    """
    return _MEANS[kind]


def family_of(outcome: OutcomeSection, null: str, data: Any) -> Family:
    """The family of an outcome in all of its mixed models.

    Counts are a negative binomial's where the network file says so, or where it says nothing and they vary
    more within clinics than a Poisson model allows: Pearson's χ² about the clinics' means, nothing adjusted
    for, is over 1.1 times its degrees of freedom, and that beyond chance (p < 0.01). What adjusters explain
    of it does no harm: a negative binomial without overdispersion is a Poisson. Source: McCullagh & Nelder
    (1989), §4.5 and 6.2; see `tasks.models.generalized_mixed.overdispersion`.

    Args:
        outcome: the outcome's section of the network file.
        null: the formula of the outcome by clinic without adjusters: "days ~ 1 + (1 | clinic)".
        data: the records.

    Raises:
        SourceError: the database went away.
    """
    if outcome.kind != "count" or outcome.family is not None:
        return outcome.family or mean_family(outcome.kind)
    try:
        fit = glmm(null, data, family="poisson", exposure=outcome.exposure)
    except EstimationError:  # the models themselves will say why
        return "poisson"
    return "negative-binomial" if fit.dispersion is not None and fit.dispersion.is_over else "poisson"
