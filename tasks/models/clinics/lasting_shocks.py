"""Shocks of clinics' months that last: how alike those of neighbouring months are.

A shock that comes anew each month averages out over a year; one that lasts does not, and looks like the
clinic's own level. Months of a clinic have covariance σ²ρ^|s − t| + S about its level, S of sampling: of a
month with itself, and of two that the same patients come in. The clinics' levels are integrated out, so that
nothing is taken from how much they differ (restricted likelihood: Patterson & Thompson 1971, Biometrika
58:545; of such errors Chi & Reinsel 1989, JASA 84:452).

A year tells little of how long shocks last, and the longer they do, the more of them is mistaken for the
level: with one likely pair of σ and ρ clinics' intervals are too narrow. What shocks add to a clinic's figure
is therefore a distribution, over a grid of both. Its prior is flat in σ, and in ρ (1 − ρ²)^−½, which is
Jeffreys's of such a series (Berger & Yang 1994, Econometric Theory 10:461): flat in ρ, those that last long
would hardly be thought possible. The grid's last ρ stands for all that last longer.

A year of two dozen clinics hardly tells shocks that last long from such as come anew, so that it need not:
shocks that last are allowed for unless the records refute them. What is asked is whether they are likelier
than none, for the clinics that are left without the one that speaks most for them: late records of one
clinic's month are no evidence of shocks that all clinics have.

Where they are not likelier by that much, shocks may be there all the same. Where patients come again yes/no
outcomes and counts tell little of them, and clinics' intervals are far too narrow where there are some:
there shocks are one of two models, none the other, and clinics' posteriors are averaged over both by their
probabilities (Hoeting, Madigan, Raftery & Volinsky 1999, Stat Sci 14:382, eq. 1 to 3): allowed for in full
they would draw in clinics that differ, left out they would let flags stand on what does not last. A model
that records speak against is left out (Occam's window: Madigan & Raftery 1994, JASA 89:1535). Probabilities
are by the Bayes factor of the other clinics, of shocks with the same prior, no larger than months scatter:
without an end it would be of no size (Kass & Raftery 1995, JASA 90:773, §5.1). Shocks are then what the other
clinics have.

A clinic that drifts looks like one with shocks that last: taken for such, its level would hardly be known,
and nobody could be compared over a window in which clinics moved steadily. Where straight trends of clinics'
own are that much likelier than none beside any shocks, they are taken out: an effect of time for each clinic,
drawn from a distribution like its level (Laird & Ware 1982, Biometrics 38:963). What is compared is then the
level over the window, which a trend does not make less certain. So it is with a program that does more at one
clinic than at another: a step at its start looks like a shock that stays.

Against small ones records hardly ever speak: of 120 clinics that have none the factor is about a quarter. So
where shocks are neither shown nor refuted it is untold whether there are any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.models.clinics.shock_likelihood import (
    CORRELATIONS,
    PRIOR,
    ShockLikelihoods,
    decay,
    shock_likelihoods,
)
from tasks.models.fit import Floats

ODDS = 1.0
"""Prior odds of shocks that last where records leave them in doubt."""
AGAINST = 1.0 / 3.0
"""Bayes factor of shocks that may last, below which records speak against them: positive evidence by Kass &
Raftery (1995), §3.2."""
POSSIBLE = 6
"""Sizes, about equally probable, that stand for the distribution."""


@dataclass(frozen=True)
class LastingShocks:
    """Shocks that last.

    Attributes:
        strength: their SD σ, on the scale of the link: posterior median, since its long tail is of shocks
            that can hardly be told from the clinic's level.
        lasting: posterior mean of the correlation ρ of those of neighbouring months.
        of_mean: (K,) variance that they add to each clinic's own figure: posterior mean.
        possible: (P, K) values that it may have, from small to large.
        probabilities: (P,) of these.
        probability: that there are any, 1 but where records leave that in doubt; 0 where they speak against
            such as months scatter by, though not against small ones. All else is given that there are.
    """

    strength: float
    lasting: float
    of_mean: Floats
    possible: Floats
    probabilities: Floats
    probability: float = 1.0


def lasting_shocks(
    residual: Floats,
    weight: Floats,
    known: Sequence[Floats] = (),
    alike: Floats | None = None,
    *,
    doubtful: bool = False,
    likelihoods: ShockLikelihoods | None = None,
) -> LastingShocks | None:
    """Shocks, as long as they may last; None where too little speaks for such as last, and no doubt is left.

    Args:
        residual: (K, T) months' figures about the clinic's level and the month's, on the scale of the link.
        weight: (K, T) inverse sampling variances; 0 where a clinic has no records in a month.
        known: (K, T) columns that change within clinics and are no shocks, such as the program.
        alike: (K, T, T) covariance of months' figures without shocks, in units of their SDs 1/√weight: of
            months that the same patients come in. None: months are independent but for shocks.
        doubtful: whether shocks may be there, with a probability, where patients come again and little speaks
            for shocks, but nothing against them.
        likelihoods: of all that, where they are at hand.
    """
    clinics, months = weight.shape
    there = np.asarray((weight > 0.0).any(axis=1))
    if likelihoods is None:
        likelihoods = shock_likelihoods(residual, weight, known, alike)
    if likelihoods is None or likelihoods.refuted:
        return None
    probability = 1.0
    if not likelihoods.worth_allowing():
        if not doubtful or not likelihoods.patients_come_again:
            return None
        factor, likelihoods = likelihoods.least_factor()
        probability = ODDS * factor / (1.0 + ODDS * factor) if factor >= AGAINST else 0.0
    sds = likelihoods.sds
    heights = likelihoods.of_clinics.sum(axis=2)
    density = np.exp(heights - heights.max()) * np.outer(PRIOR, np.gradient(sds))
    share = np.divide(weight, weight.sum(axis=1, keepdims=True), where=there[:, None], out=weight * 0.0)
    per_variance = np.array([((share @ decay(rho, months)) * share).sum(axis=1) for rho in CORRELATIONS])
    of_mean = (sds[None, :, None] ** 2 * per_variance[:, None, :]).reshape(-1, clinics)
    density = (density / density.sum()).ravel()
    possible, probabilities = _equally_probable(of_mean, density)
    of_sd = density.reshape(len(CORRELATIONS), len(sds)).sum(axis=0)
    return LastingShocks(
        strength=float(np.interp(0.5, np.cumsum(of_sd) - 0.5 * of_sd, sds)),
        lasting=float(density @ np.repeat(CORRELATIONS, len(sds))),
        of_mean=density @ of_mean,
        possible=possible,
        probabilities=probabilities,
        probability=probability,
    )


def _equally_probable(values: Floats, density: Floats) -> tuple[Floats, Floats]:
    """(P, K) means of the values between quantiles of their average over clinics, and their probabilities."""
    order = np.argsort(values.mean(axis=1), kind="stable")
    upto = np.cumsum(density[order]) - 0.5 * density[order]
    place = np.minimum((upto * POSSIBLE).astype(int), POSSIBLE - 1)
    shares = np.asarray(np.bincount(place, density[order], minlength=POSSIBLE), dtype=float)
    kept = np.flatnonzero(shares > 0.0)
    weighted = density[order, None] * values[order]
    return np.array([weighted[place == each].sum(axis=0) / shares[each] for each in kept]), shares[kept]
