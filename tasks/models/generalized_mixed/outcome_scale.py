"""A generalized mixed model on the scales that its outcome has: latent, and observed.

Coefficients and variances of a logistic or Poisson mixed model are on the scale of the link. An intraclass
correlation is quoted on the *latent* scale, of the propensity behind a 0/1 outcome, or on the *observed*
scale, of the outcomes themselves, which design effects need and which depends on how frequent events are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from tasks.logistic_scale import LOGISTIC_VARIANCE
from tasks.models.numerics import distributions as stats
from tasks.models.numerics.normal_mixture import marginal_mean, normal_nodes


def latent_icc(shared: float, whole: float) -> float:
    """Share of a propensity's variance that effects of variance `shared`, of `whole`, make: s / (w + π²/3).

    Source: Snijders & Bosker (2012), Multilevel Analysis, §17.2.
    """
    return shared / (whole + LOGISTIC_VARIANCE)


@dataclass(frozen=True)
class ProbabilityScale:
    """A logistic-normal model on the scale of the 0/1 outcomes.

    Attributes:
        prevalence: population-averaged probability, E π(u).
        variance: variance of the probabilities given the shared effects, Var π(u).
    """

    prevalence: float
    variance: float

    @property
    def icc(self) -> float:
        """Correlation of two outcomes that share the effects: Var π(u) / (E π(u) (1 − E π(u)))."""
        return self.variance / (self.prevalence * (1.0 - self.prevalence))


def probability_scale(linear_predictor: float, shared: float, rest: float = 0.0) -> ProbabilityScale:
    """Probabilities expit(η + u + e), u and e normal, given u: integrated to full precision.

    Args:
        linear_predictor: η, of the typical clinic.
        shared: variance of the effects u that two outcomes share.
        rest: variance of the effects e that they do not.

    Source: Goldstein, Browne & Rasbash (2002), Underst Stat 1:223 (there by simulation); ρ(0) of Neuhaus,
    Kalbfleisch & Hauck (1991), Int Stat Rev 59:25, where nothing but the shared effect varies.
    """
    sd = math.sqrt(shared)
    z, weight = normal_nodes(sd)
    eta = linear_predictor + sd * z
    given = marginal_mean("logit", eta, rest) if rest > 0.0 else special.expit(eta)
    mean = float(weight @ given)
    variance = float(weight @ (given - mean) ** 2) if shared > 0.0 else 0.0  # not rounding's own
    return ProbabilityScale(mean, variance)


def linearised_icc(linear_predictor: float, variance: float) -> float:
    """First-order approximation of the observed-scale ICC of a 0/1 outcome, at the typical clinic.

    Source: Goldstein, Browne & Rasbash (2002), method A.
    """
    p = float(special.expit(linear_predictor))
    spread = p * (1.0 - p)
    between = variance * spread**2
    return between / (between + spread)


@dataclass(frozen=True)
class CountScale:
    """A Poisson-lognormal model on the scale of the counts.

    Attributes:
        mean: population-averaged count.
        between: covariance of two counts that share the effects.
        total: variance of a count.
    """

    mean: float
    between: float
    total: float

    @property
    def icc(self) -> float:
        """Correlation of two counts that share the effects: between / total."""
        return self.between / self.total


def count_scale(
    linear_predictor: float, shared: float, rest: float = 0.0, *, dispersion: float = 0.0
) -> CountScale:
    """Moments of a count whose log mean is η + u + e, u and e normal: lognormal, so in closed form.

    Rare events are noisy, and their ICC is small.

    Args:
        linear_predictor: η, log of the mean at the typical clinic (log exposure included).
        shared: variance of the effects u that two counts share, on the log scale.
        rest: variance of the effects e that they do not, such as an observation-level effect.
        dispersion: 1/size of a negative binomial, whose variance is μ + dispersion μ².

    Source: Stryhn et al. (2006), Proc 11th Int Symp Vet Epidemiol; Nakagawa, Johnson & Schielzeth (2017), J R
    Soc Interface 14:20170213; Leckie et al. (2020), Psychol Methods 25:787, eq. 10–13.
    """
    mean = math.exp(linear_predictor + (shared + rest) / 2.0)
    between = mean**2 * math.expm1(shared)
    # E[μ²] over all effects is mean² exp(shared + rest)
    spread = mean**2 * math.expm1(shared + rest)
    extra = dispersion * mean**2 * math.exp(shared + rest)
    return CountScale(mean, between, mean + spread + extra)


def count_share(mean: float, shared: float, whole: float, dispersion: float) -> float:
    """The ICC of two counts of one mean that share effects of variance `shared`, of `whole`.

    (e^s − 1) / (e^w − 1 + 1/m + d e^w), without the overflow of large variances.

    Args:
        mean: m, population-averaged.
        shared: s, variance of the effects that both have, on the log scale.
        whole: w, of all effects.
        dispersion: d, 1/size of a negative binomial.

    Source: as `count_scale`.
    """
    left = math.exp(-whole)
    return (math.exp(shared - whole) - left) / (1.0 - left + left / mean + dispersion)


def median_ratio(variance: float) -> float:
    """Median ratio of the odds (or rates) of two like patients at two random clinics, higher over lower.

    Source: Larsen & Merlo (2005), Am J Epidemiol 161:81.
    """
    return math.exp(math.sqrt(2.0 * variance) * float(stats.norm.ppf(0.75)))
