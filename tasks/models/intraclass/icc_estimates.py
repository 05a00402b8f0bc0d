"""Which estimates and intervals there are for which kind of outcome, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from tasks.errors import EstimationError, nearest
from tasks.models.fit import check_level
from tasks.models.intraclass import beta_binomial, icc_binary, icc_intervals, icc_likelihood, logistic_normal
from tasks.models.intraclass.beta_binomial import Events
from tasks.models.intraclass.one_way import OneWay, anova

Kind = Literal["continuous", "binary", "count"]

METHODS: dict[str, dict[str, str]] = {
    "continuous": {
        "anova": "ICC(1) by analysis of variance",
        "reml": "ICC by restricted maximum likelihood",
        "ml": "ICC by maximum likelihood",
    },
    "binary": {
        "fleiss-cuzick": "observed-scale ICC by Fleiss and Cuzick's method",
        "anova": "observed-scale ICC by analysis of variance of the 0/1 outcome",
        "pairwise": "observed-scale ICC, correlation over all pairs",
        "mak": "observed-scale ICC by Mak's method, every group with equal weight",
        "beta-binomial": "observed-scale ICC of the beta-binomial model",
        "latent": "latent-scale ICC of the logistic mixed model",
        "observed": "observed-scale ICC of the logistic mixed model",
    },
    "count": {
        "observed": "observed-scale ICC of the Poisson mixed model",
        "anova": "observed-scale ICC by analysis of variance of the counts",
    },
}
"""Kind of outcome → method → the estimate's name; the first is the default for binary and count outcomes."""

MIXED = ("latent", "observed")
"""Methods that need a generalized linear mixed model; the others need only moments."""

_CLOSED: dict[str, Callable[[OneWay], float]] = {
    "anova": lambda source: anova(source).icc,
    "reml": lambda source: icc_likelihood.maximise(source, restricted=True).icc,
    "ml": lambda source: icc_likelihood.maximise(source, restricted=False).icc,
    "fleiss-cuzick": lambda source: icc_binary.fleiss_cuzick(icc_binary.events(source)),
    "pairwise": lambda source: icc_binary.pairwise(icc_binary.events(source)),
    "mak": lambda source: icc_binary.mak(icc_binary.events(source)),
    "beta-binomial": lambda source: beta_binomial.maximise(icc_binary.events(source))[0],
}


def check(kind: str, method: str, level: float) -> None:
    """Refuse a kind, method or level that there is not.

    Raises:
        EstimationError: with the nearest names.
    """
    if kind not in METHODS:
        raise EstimationError(f"no kind of outcome {kind!r}; {nearest(kind, METHODS)}")
    if method not in METHODS[kind]:
        raise EstimationError(f"no ICC of a {kind} outcome by {method!r}; {nearest(method, METHODS[kind])}")
    check_level(level)


def estimate(source: OneWay, method: str) -> float:
    """The ICC by a method that needs only moments."""
    return _CLOSED[method](source)


def intervals(source: OneWay, kind: Kind, method: str) -> tuple[str, ...]:
    """Names of the intervals there are for an estimate, the default first: of the estimate's own family.

    Where levels are exactly alike F has no interval, and the likelihood's comes first.
    """
    if kind == "binary":
        own = {"fleiss-cuzick": ("zou-donner",), "anova": ("exact", "searle", "smith")}
        return ("profile", "beta-binomial", "logistic-normal", *own.get(method, ()), "bootstrap")
    if method != "anova":
        return ("profile", "exact", "bootstrap")
    by_f = ("exact", "searle", *(("smith",) if source.plain else ()))
    if icc_intervals.are_all_alike(anova(source)):
        return ("profile", *by_f, "bootstrap")
    return (*by_f, "profile", "bootstrap")


def interval(
    source: OneWay, kind: Kind, method: str, name: str, level: float, replicates: int, seed: int
) -> tuple[float, float]:
    """The ends of a named interval, which holds its estimate.

    At the edge of what clinics of these sizes can have an estimate by moments can lie beyond the range of an
    interval (a likelihood's begins at zero, the exact one's at the least correlation of the largest clinic):
    the interval is then extended to it, which costs no coverage. Where levels are exactly alike
    those of F have no ends (NaN), nor has the bootstrap, whose replicates are all alike as well.

    Raises:
        EstimationError: the estimate has no interval of that name.
    """
    known = intervals(source, kind, method)
    if name not in known:
        raise EstimationError(
            f"the {METHODS[kind][method]} has no interval {name!r}", hint=f"it has {', '.join(known)}"
        )
    if name == "bootstrap":  # of the estimator's own distribution, biased as that may be
        if icc_intervals.are_all_alike(anova(source)):
            return math.nan, math.nan
        rng = np.random.default_rng(seed)
        return icc_intervals.bootstrap(source, _CLOSED[method], level, replicates, rng)
    lower, upper = _ends(source, kind, method, name, level)
    if math.isnan(lower) or math.isnan(upper):
        return math.nan, math.nan
    value = estimate(source, method)
    return min(lower, value), max(upper, value)


def _ends(source: OneWay, kind: Kind, method: str, name: str, level: float) -> tuple[float, float]:
    if name == "zou-donner":
        return icc_binary.zou_donner(icc_binary.events(source), level)
    if kind == "binary" and name in ("profile", "beta-binomial", "logistic-normal"):
        return profile_of_events(icc_binary.events(source), name, level)
    if name == "profile":
        return icc_likelihood.profile_interval(source, level, restricted=method != "ml")
    table = anova(source)
    if name == "exact":
        return icc_intervals.exact(source, table, level)
    if name == "searle":
        return icc_intervals.searle(table, level)
    return icc_intervals.smith(source, table, level)


def profile_of_events(events: Events, name: str, level: float) -> tuple[float, float]:
    """The profile interval of one shape of clinics' probabilities, or (`profile`) as far as both reach.

    Rare events hardly tell the shapes apart, and an interval of the wrong one can cover 70% at prevalence 3%;
    the farther of both at each end covers 92 to 97% under either.
    """
    if name == "beta-binomial":
        return beta_binomial.profile_interval(events, level)
    if name == "logistic-normal":
        return logistic_normal.profile_interval(events, level)
    beta, normal = (each.profile_interval(events, level) for each in (beta_binomial, logistic_normal))
    return min(beta[0], normal[0]), max(beta[1], normal[1])
