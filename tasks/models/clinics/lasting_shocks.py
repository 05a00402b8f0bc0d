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
level over the window, which a trend does not make less certain.

Against small ones records hardly ever speak: of 120 clinics that have none the factor is about a quarter. So
where shocks are neither shown nor refuted it is untold whether there are any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.models.fit import Floats

WORTH_ALLOWING = 1.0
"""Twice the log-likelihood by which shocks that last must be likelier than none, without the clinic that
speaks most for them. One network in ten that has none passes: see tests/benchmarks/README.md."""
BESIDE_PATIENTS = 0.4
"""The same where patients come again. Their visits make months alike too, and shocks are harder to tell."""
_SHARED = 0.05
"""From this mean correlation of a clinic's months on patients who come again count for that."""
REFUTED = 4.0
"""Twice the log-likelihood by which shocks that come anew are likelier than such as last, which are then not
allowed for: seven times as likely."""
ODDS = 1.0
"""Prior odds of shocks that last where records leave them in doubt."""
AGAINST = 1.0 / 3.0
"""Bayes factor of shocks that may last, below which records speak against them: positive evidence by Kass &
Raftery (1995), §3.2."""
DRIFTING = 2.0
"""Twice the log-likelihood by which straight trends of clinics' own must be likelier than none."""
_DRIFTS_FROM = 18
"""Periods from which on trends are asked for: over a year they are not told from shocks that last."""
LONGEST = 0.98
"""Correlation of neighbouring months beyond which a shock is not told from the clinic's level."""
POSSIBLE = 6
"""Sizes, about equally probable, that stand for the distribution."""
_CORRELATIONS = np.array([0.0, 0.15, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, LONGEST])
_PRIOR = np.gradient(np.arcsin(_CORRELATIONS))
_LASTING = _CORRELATIONS >= 0.6
"""From here on shocks count as lasting: taken to come anew, they make clinics' intervals far too narrow."""
_DRIFTS = np.array([0.0, 0.1, 0.2, 0.35, 0.6, 1.0, 1.7])
"""SDs of trends, each over the SD of time, in SDs of months' figures about their clinics."""
_SDS = 24
_LARGEST, _SMALLEST = 4.0, 1.0 / 15.0
"""Of the grid of SDs, in SDs of months' figures about their clinics."""
_LEAST = 0.05
"""No combination of a clinic's months is known better than with this share of a month's variance."""
_ROUNDS = 500
_SETTLED = 1e-10
_RANK = 1e-6
_FEWEST_OF_LINE = 3
"""Months of a clinic through which a line is drawn: through two it leaves nothing."""


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
    density = np.exp(heights - heights.max()) * np.outer(_PRIOR, np.gradient(sds))
    share = np.divide(weight, weight.sum(axis=1, keepdims=True), where=there[:, None], out=weight * 0.0)
    per_variance = np.array([((share @ _decay(rho, months)) * share).sum(axis=1) for rho in _CORRELATIONS])
    of_mean = (sds[None, :, None] ** 2 * per_variance[:, None, :]).reshape(-1, clinics)
    density = (density / density.sum()).ravel()
    possible, probabilities = _equally_probable(of_mean, density)
    of_sd = density.reshape(len(_CORRELATIONS), len(sds)).sum(axis=0)
    return LastingShocks(
        strength=float(np.interp(0.5, np.cumsum(of_sd) - 0.5 * of_sd, sds)),
        lasting=float(density @ np.repeat(_CORRELATIONS, len(sds))),
        of_mean=density @ of_mean,
        possible=possible,
        probabilities=probabilities,
        probability=probability,
    )


def shock_likelihoods(
    residual: Floats, weight: Floats, known: Sequence[Floats] = (), alike: Floats | None = None
) -> ShockLikelihoods | None:
    """How likely shocks are, and trends of clinics' own; None of few clinics or months.

    Args:
        residual, weight, known, alike: as for `lasting_shocks`.
    """
    clinics, months = weight.shape
    some = weight > 0.0
    there = np.asarray(some.any(axis=1))
    if clinics < 3 or months < 3 or there.sum() < 3 or some.sum(axis=1).max() < 2:
        return None
    return ShockLikelihoods.of(
        without_columns(residual, weight, known)[there],
        weight[there],
        None if alike is None else alike[there],
    )


def without_trends(values: Floats, weight: Floats) -> tuple[Floats, int]:
    """(K, T) values about a straight line of each clinic, and how many lines that were.

    Args:
        values: (K, T) about levels.
        weight: (K, T) of each; 0 where there is none.
    """
    total = weight.sum(axis=1, keepdims=True)
    safe = np.where(total > 0.0, total, 1.0)
    time = np.arange(values.shape[1], dtype=float)
    time = time - (weight * time).sum(axis=1, keepdims=True) / safe
    about = values - (weight * values).sum(axis=1, keepdims=True) / safe
    squares = (weight * time**2).sum(axis=1, keepdims=True)
    bent = (weight > 0.0).sum(axis=1, keepdims=True) >= _FEWEST_OF_LINE
    slope = np.divide(
        (weight * time * about).sum(axis=1, keepdims=True),
        squares,
        where=bent & (squares > 0.0),
        out=np.zeros_like(total),
    )
    return np.where(weight > 0.0, about - slope * time, 0.0), int(bent.sum())


def _decay(correlation: float, months: int) -> Floats:
    """(T, T) correlations of months' shocks."""
    apart = np.abs(np.subtract.outer(np.arange(months), np.arange(months)))
    return np.asarray(float(correlation) ** apart)


def _equally_probable(values: Floats, density: Floats) -> tuple[Floats, Floats]:
    """(P, K) means of the values between quantiles of their average over clinics, and their probabilities."""
    order = np.argsort(values.mean(axis=1), kind="stable")
    upto = np.cumsum(density[order]) - 0.5 * density[order]
    place = np.minimum((upto * POSSIBLE).astype(int), POSSIBLE - 1)
    shares = np.asarray(np.bincount(place, density[order], minlength=POSSIBLE), dtype=float)
    kept = np.flatnonzero(shares > 0.0)
    weighted = density[order, None] * values[order]
    return np.array([weighted[place == each].sum(axis=0) / shares[each] for each in kept]), shares[kept]


@dataclass(frozen=True)
class ShockLikelihoods:
    """How likely shocks are of every correlation and SD.

    Attributes:
        residual: (K, T) months' figures about the levels of clinics and months.
        weight: (K, T) inverse sampling variances.
        alike: (K, T, T) covariance of months' figures without shocks, in units of their SDs; None: none.
        sds: (S,) of shocks, the first of which is 0.
        drift: SD of clinics' trends, over the SD of time; 0 where they have none.
        of_clinics: (R, S, K) clinics' log-likelihoods by correlation and SD.
    """

    residual: Floats
    weight: Floats
    alike: Floats | None
    sds: Floats
    drift: float
    of_clinics: Floats

    @classmethod
    def of(
        cls, residual: Floats, weight: Floats, alike: Floats | None, drift: float | None = None
    ) -> ShockLikelihoods | None:
        """None where figures do not vary at all; clinics' trends are found where `drift` is left out."""
        clinics = len(weight)
        # months' levels are estimated of the clinics that have any weight, and take a share of their scatter
        left = residual * np.sqrt(clinics / (clinics - 1.0))
        about = float(np.std(left[weight > 0.0]))
        if not about > 0.0:
            return None
        sds = np.concatenate([[0.0], np.geomspace(_SMALLEST * about, _LARGEST * about, _SDS)])
        of_months = _Months.of(left, weight, alike)
        if drift is None and weight.shape[1] < _DRIFTS_FROM:
            drift = 0.0
        drifts = _DRIFTS * about if drift is None else np.array([drift])
        found = np.array([of_months.log_likelihood(rho, sds, drifts) for rho in _CORRELATIONS])
        which = 0 if drift is not None else _drifting(found)
        return cls(residual, weight, alike, sds, float(drifts[which]), found[:, :, which])

    @property
    def refuted(self) -> bool:
        """Whether shocks that come anew are that much likelier than such as last."""
        together = self.of_clinics.sum(axis=2)
        return 2.0 * float(together[0].max() - together[_LASTING].max()) >= REFUTED

    @property
    def _gains(self) -> Floats:
        """(R, S, K) clinics' log-likelihoods beyond those of no shocks."""
        return np.asarray(self.of_clinics - self.of_clinics[:1, :1])

    def least_factor(self) -> tuple[float, ShockLikelihoods]:
        """Bayes factor of shocks against none, without the clinic that speaks most for them, and the others.

        The factor is Σ π(σ, ρ) L(σ, ρ) / L(0), σ up to the SD of months' figures about their clinics.
        """
        gains = self._gains
        without = (np.exp(gains.sum(axis=2)[:, :, None] - gains) * self._prior[:, :, None]).sum(axis=(0, 1))
        least, others = float(without.min()), self
        scatter = (self.weight * self.residual**2).sum(axis=1)
        for each in sorted({int(without.argmin()), int(scatter.argmax())}):
            found = self._without(each)
            if found is None:
                return 0.0, self
            factor = float((np.exp(found._gains.sum(axis=2)) * found._prior).sum())
            if others is self or factor < least:
                least, others = min(least, factor), found
        return least, others

    @property
    def _prior(self) -> Floats:
        """(R, S) probabilities of the correlations and the SDs, up to that of months' figures."""
        sds = self.sds
        steps = np.gradient(sds) * (sds <= sds[-1] / _LARGEST * (1.0 + _RANK))
        return np.outer(_PRIOR / _PRIOR.sum(), steps / steps.sum())

    def worth_allowing(self) -> bool:
        """Whether shocks that last are likelier than none, whichever clinic is left out."""
        gains = self._gains
        together = gains.sum(axis=2)
        without = 2.0 * (together[:, :, None] - gains)[_LASTING].max(axis=(0, 1))
        enough = BESIDE_PATIENTS if self.patients_come_again else WORTH_ALLOWING
        if not without.min() > enough:
            return False
        # what a clinic's month has of its own is in the month's level as well, and so in all other clinics
        scatter = (self.weight * self.residual**2).sum(axis=1)
        return all(
            self._gain_without(each) > enough for each in {int(without.argmin()), int(scatter.argmax())}
        )

    @property
    def patients_come_again(self) -> bool:
        """Whether months are alike because of them."""
        if self.alike is None:
            return False
        of_pairs = self.alike[:, ~np.eye(self.alike.shape[1], dtype=bool)]
        return float(of_pairs.mean()) >= _SHARED

    def _gain_without(self, clinic: int) -> float:
        """Twice the log-likelihood of shocks that last beyond that of none, for the other clinics alone."""
        found = self._without(clinic)
        return 0.0 if found is None else 2.0 * float(found._gains.sum(axis=2)[_LASTING].max())

    def _without(self, clinic: int) -> ShockLikelihoods | None:
        """The same of the other clinics alone, about their own months."""
        others = np.arange(len(self.weight)) != clinic
        return ShockLikelihoods.of(
            about_levels(self.residual[others], self.weight[others]),
            self.weight[others],
            None if self.alike is None else self.alike[others],
            self.drift,
        )


def _drifting(found: Floats) -> int:
    """Which SD of clinics' trends is likeliest; 0 for none unless that much speaks for some.

    Args:
        found: (R, S, U, K) clinics' log-likelihoods by shocks' correlation and SD, and SD of trends.
    """
    best = found.sum(axis=3).max(axis=(0, 1))
    which = int(best.argmax())
    return which if 2.0 * float(best[which] - best[0]) >= DRIFTING else 0


@dataclass(frozen=True)
class _Months:
    """Clinics' months, each divided by its sampling SD and made independent but for shocks.

    Attributes:
        figures: (K, T) residuals.
        level: (K, T) what a clinic's level adds to each.
        trend: (K, T) what a trend of its own adds, over the SD of time.
        spread: (K, T, T) what takes shocks there.
    """

    figures: Floats
    level: Floats
    trend: Floats
    spread: Floats

    @classmethod
    def of(cls, residual: Floats, weight: Floats, alike: Floats | None) -> _Months:
        root = np.sqrt(weight)
        time = np.arange(weight.shape[1], dtype=float)
        time = (time - time.mean()) / time.std()
        if alike is None:
            spread = root[:, :, None] * np.eye(weight.shape[1])[None]
            return cls(root * residual, root, root * time, spread)
        some = weight > 0.0
        # of what is known of a month alone: one of no weight tells nothing of those that share its patients
        alike = np.where(some[:, :, None] & some[:, None, :], alike, np.eye(weight.shape[1])[None])
        values, vectors = np.linalg.eigh(alike)
        inverse = (vectors / np.sqrt(np.maximum(values, _LEAST))[:, None, :]) @ np.swapaxes(vectors, 1, 2)
        spread = inverse * root[:, None, :]
        return cls(np.einsum("kst,kt->ks", spread, residual), spread.sum(axis=2), spread @ time, spread)

    def log_likelihood(self, correlation: float, sds: Floats, drifts: Floats) -> Floats:
        """(S, U, K) clinics' restricted log-likelihoods of shocks of a correlation, and of trends.

        In the directions in which shocks are independent, with variances 1 + σ²λ; a trend of SD τ adds τ²
        times a matrix of rank one (Sherman & Morrison 1950, Ann Math Stat 21:124).

        Args:
            correlation: of neighbouring months' shocks.
            sds: (S,) of shocks.
            drifts: (U,) of trends.
        """
        decay = _decay(correlation, self.figures.shape[1])
        values, vectors = np.linalg.eigh(self.spread @ decay @ np.swapaxes(self.spread, 1, 2))
        figures, level, trend = (
            np.einsum("kst,ks->kt", vectors, each) for each in (self.figures, self.level, self.trend)
        )
        found = []
        for sd in sds:
            variance = 1.0 + sd**2 * np.maximum(values, 0.0)
            over = [each / variance for each in (figures, level, trend)]
            ff, fl, ft = ((over[0] * each).sum(axis=1) for each in (figures, level, trend))
            ll, lt = ((over[1] * each).sum(axis=1) for each in (level, trend))
            tt, logs = (over[2] * trend).sum(axis=1), np.log(variance).sum(axis=1)
            of_drifts = []
            for drift in drifts:
                part = drift**2 / (1.0 + drift**2 * tt)
                information = ll - part * lt**2
                squares = ff - part * ft**2 - (fl - part * ft * lt) ** 2 / information
                determinant = logs + np.log1p(drift**2 * tt)
                of_drifts.append(-0.5 * (determinant + np.log(information) + squares))
            found.append(of_drifts)
        return np.array(found)


def sampling_of(weight: Floats, alike: Floats) -> Floats:
    """(K, T, T) covariance of months' figures without shocks: 1/weight, times how alike months are."""
    sd = np.sqrt(np.divide(1.0, weight, where=weight > 0.0, out=np.zeros_like(weight)))
    return np.asarray(sd[:, :, None] * alike * sd[:, None, :])


def scatter_by_chance(weight: Floats, alike: Floats) -> tuple[float, float]:
    """Mean and half the variance of Σ w r² about clinics' means without shocks, beyond independent months'.

    Of a quadratic form xᵀAx of normal x with covariance V they are tr(AV) and tr(AVAV) (Searle 1971, Linear
    Models, ch. 2): A weighs squares about a clinic's weighted mean; of independent months both are T − 1.

    Args:
        weight: (K, T) inverse sampling variances; 0 where a clinic has no records in a month.
        alike: (K, T, T) covariance of months' figures, in units of their SDs.
    """
    there = weight.sum(axis=1) > 0.0
    weight, alike = weight[there], alike[there]
    share = weight / weight.sum(axis=1, keepdims=True)
    centre = np.eye(weight.shape[1])[None] - share[:, None, :]
    form = np.swapaxes(centre, 1, 2) @ (weight[:, :, None] * centre)
    scatter = form @ sampling_of(weight, alike)
    alone = float((weight > 0.0).sum() - there.sum())
    mean = float(np.einsum("ktt->", scatter)) - alone
    return mean, float(np.einsum("kst,kts->", scatter, scatter)) - alone


def degrees_of_freedom(weight: Floats, known: Sequence[Floats]) -> int:
    """How many the columns take, beside levels: none for a program that nobody has yet, or all have had."""
    if not known:
        return 0
    root = np.sqrt(weight).ravel()
    columns = np.array([about_levels(each, weight).ravel() * root for each in known]).T
    size = float(np.abs(np.array(known).reshape(len(known), -1).T * root[:, None]).max(initial=0.0))
    return int(np.linalg.matrix_rank(columns, tol=_RANK * size)) if size > 0.0 else 0


def without_columns(residual: Floats, weight: Floats, known: Sequence[Floats]) -> Floats:
    """(K, T) residuals less the columns' part, beside levels of clinics and months."""
    if not known:
        return residual
    columns = np.array([about_levels(each, weight).ravel() for each in known]).T
    root = np.sqrt(weight).ravel()
    fitted = np.linalg.lstsq(columns * root[:, None], residual.ravel() * root, rcond=None)[0]
    return np.asarray(residual - (columns @ fitted).reshape(residual.shape))


def about_levels(values: Floats, weight: Floats) -> Floats:
    """(K, T) values about the weighted levels of clinics and months, by turns."""
    left = np.array(values, dtype=float)
    for _ in range(_ROUNDS):
        moved = 0.0
        for axis in (0, 1):
            total = weight.sum(axis=axis, keepdims=True)
            level = np.divide(
                (weight * left).sum(axis=axis, keepdims=True), total, where=total > 0.0, out=total * 0.0
            )
            left = left - level
            moved = max(moved, float(np.abs(level).max()))
        if moved < _SETTLED:
            break
    return left
