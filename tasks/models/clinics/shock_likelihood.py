"""How likely shocks of clinics' months are, of every size and duration, beside effects of clinics' own.

Months of a clinic have covariance σ²ρ^|s − t| + S about its level and what moves it besides: a straight trend
of its own, or a program that does more at one clinic than at another. S is of sampling. The clinics'
levels are integrated out, so that nothing is taken from how much they differ (restricted likelihood:
Patterson & Thompson 1971, Biometrika 58:545; of such errors Chi & Reinsel 1989, JASA 84:452). What is made
of it is said in `lasting_shocks.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.models.clinics.month_residuals import about_levels, without_columns
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
OWN_EFFECTS = 2.0
"""Twice the log-likelihood by which trends, or effects of a program, of clinics' own must be likelier than
none."""
_DRIFTS_FROM = 18
"""Periods from which on trends are asked for: over a year they are not told from shocks that last."""
LONGEST = 0.98
"""Correlation of neighbouring months beyond which a shock is not told from the clinic's level."""
CORRELATIONS = np.array([0.0, 0.15, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, LONGEST])
PRIOR = np.gradient(np.arcsin(CORRELATIONS))
_LASTING = CORRELATIONS >= 0.6
"""From here on shocks count as lasting: taken to come anew, they make clinics' intervals far too narrow."""
_EFFECTS = np.array([0.0, 0.1, 0.2, 0.35, 0.6, 1.0, 1.7])
"""SDs of clinics' own effects, each over the SD of its column, in SDs of months' figures about clinics."""
_FEWEST_CHANGED = 3
"""Clinics in which a column changes, from which on what it does is taken to differ from clinic to clinic."""
_SDS = 24
_LARGEST, _SMALLEST = 4.0, 1.0 / 15.0
"""Of the grid of SDs, in SDs of months' figures about their clinics."""
_LEAST = 0.05
"""No combination of a clinic's months is known better than with this share of a month's variance."""
_RANK = 1e-6


def shock_likelihoods(
    residual: Floats,
    weight: Floats,
    known: Sequence[Floats] = (),
    alike: Floats | None = None,
    differing: Sequence[Floats] = (),
) -> ShockLikelihoods | None:
    """How likely shocks are, and effects of clinics' own; None of few clinics or months.

    What the known columns do to all clinics alike is taken out before; what one does beyond that at some of
    them is no shock either.

    Args:
        residual, weight, known, alike: as for `lasting_shocks`.
        differing: (K, T) columns of which effects may differ from clinic to clinic, beside time.
    """
    clinics, months = weight.shape
    some = weight > 0.0
    there = np.asarray(some.any(axis=1))
    if clinics < 3 or months < 3 or there.sum() < 3 or some.sum(axis=1).max() < 2:
        return None
    columns = [_time(weight)] if months >= _DRIFTS_FROM else []
    columns += [each for each in (_in_units(column, weight) for column in differing) if each is not None]
    return ShockLikelihoods.of(
        without_columns(residual, weight, known)[there],
        weight[there],
        None if alike is None else alike[there],
        tuple(OwnEffects(column[there]) for column in columns),
    )


def _time(weight: Floats) -> Floats:
    """(K, T) months in SDs of time."""
    time = np.arange(weight.shape[1], dtype=float)
    return np.tile((time - time.mean()) / time.std(), (len(weight), 1))


def _in_units(column: Floats, weight: Floats) -> Floats | None:
    """(K, T) a column about its clinics' means, in its SD where it changes; None where it does nowhere."""
    some = weight > 0.0
    mean = np.divide(
        (column * some).sum(axis=1), some.sum(axis=1), where=some.any(axis=1), out=np.zeros(len(column))
    )
    about = np.where(some, column - mean[:, None], 0.0)
    changes = (np.abs(about) > _RANK).any(axis=1)
    if changes.sum() < _FEWEST_CHANGED:
        return None
    return np.asarray(about / np.sqrt((about[changes] ** 2).sum() / some[changes].sum()))


def decay(correlation: float, months: int) -> Floats:
    """(T, T) correlations of months' shocks."""
    apart = np.abs(np.subtract.outer(np.arange(months), np.arange(months)))
    return np.asarray(float(correlation) ** apart)


@dataclass(frozen=True)
class OwnEffects:
    """What moves clinics within the window, each by an effect of its own.

    Attributes:
        column: (K, T) what it is an effect of, in its SD.
        sd: of the effects; 0 where they have none.
    """

    column: Floats
    sd: float = 0.0

    def of(self, clinics: NDArray[np.bool_]) -> OwnEffects:
        """Those of some of the clinics."""
        return OwnEffects(self.column[clinics], self.sd)


@dataclass(frozen=True)
class ShockLikelihoods:
    """How likely shocks are of every correlation and SD.

    Attributes:
        residual: (K, T) months' figures about the levels of clinics and months.
        weight: (K, T) inverse sampling variances.
        alike: (K, T, T) covariance of months' figures without shocks, in units of their SDs; None: none.
        sds: (S,) of shocks, the first of which is 0.
        own: effects of clinics' own; None where they have none.
        of_clinics: (R, S, K) clinics' log-likelihoods by correlation and SD.
    """

    residual: Floats
    weight: Floats
    alike: Floats | None
    sds: Floats
    own: OwnEffects | None
    of_clinics: Floats

    @classmethod
    def of(
        cls,
        residual: Floats,
        weight: Floats,
        alike: Floats | None,
        possible: Sequence[OwnEffects] = (),
        own: OwnEffects | None = None,
    ) -> ShockLikelihoods | None:
        """None where figures do not vary at all.

        Args:
            residual, weight, alike: as of the attributes.
            possible: effects of which the likeliest are found, or none.
            own: those that are known to be there.
        """
        clinics = len(weight)
        # months' levels are estimated of the clinics that have any weight, and take a share of their scatter
        left = residual * np.sqrt(clinics / (clinics - 1.0))
        about = float(np.std(left[weight > 0.0]))
        if not about > 0.0:
            return None
        sds = np.concatenate([[0.0], np.geomspace(_SMALLEST * about, _LARGEST * about, _SDS)])
        tried: list[tuple[Floats | None, list[float]]] = [(None, [0.0])]
        if own is not None:
            tried = [(own.column, [own.sd])]
        else:
            tried += [(each.column, [each * about for each in _EFFECTS[1:]]) for each in possible]
        ways = [
            (None if column is None else OwnEffects(column, float(sd)))
            for column, of_column in tried
            for sd in of_column
        ]
        of_months = _Months.of(left, weight, alike)
        found = np.array([of_months.log_likelihood(rho, sds, tried) for rho in CORRELATIONS])
        which = _likeliest(found)
        return cls(residual, weight, alike, sds, ways[which], found[:, :, which])

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
        return np.outer(PRIOR / PRIOR.sum(), steps / steps.sum())

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
            own=None if self.own is None else self.own.of(others),
        )


def _likeliest(found: Floats) -> int:
    """Which way clinics move is likeliest; the first unless that much speaks for another.

    Args:
        found: (R, S, U, K) clinics' log-likelihoods by shocks' correlation and SD, and by way.
    """
    best = found.sum(axis=3).max(axis=(0, 1))
    which = int(best.argmax())
    return which if 2.0 * float(best[which] - best[0]) >= OWN_EFFECTS else 0


@dataclass(frozen=True)
class _Months:
    """Clinics' months, each divided by its sampling SD and made independent but for shocks.

    Attributes:
        figures: (K, T) residuals.
        level: (K, T) what a clinic's level adds to each.
        spread: (K, T, T) what takes shocks there.
    """

    figures: Floats
    level: Floats
    spread: Floats

    @classmethod
    def of(cls, residual: Floats, weight: Floats, alike: Floats | None) -> _Months:
        root = np.sqrt(weight)
        if alike is None:
            spread = root[:, :, None] * np.eye(weight.shape[1])[None]
            return cls(root * residual, root, spread)
        some = weight > 0.0
        # of what is known of a month alone: one of no weight tells nothing of those that share its patients
        alike = np.where(some[:, :, None] & some[:, None, :], alike, np.eye(weight.shape[1])[None])
        values, vectors = np.linalg.eigh(alike)
        inverse = (vectors / np.sqrt(np.maximum(values, _LEAST))[:, None, :]) @ np.swapaxes(vectors, 1, 2)
        spread = inverse * root[:, None, :]
        return cls(np.einsum("kst,kt->ks", spread, residual), spread.sum(axis=2), spread)

    def log_likelihood(
        self, correlation: float, sds: Floats, tried: Sequence[tuple[Floats | None, Sequence[float]]]
    ) -> Floats:
        """(S, U, K) clinics' restricted log-likelihoods of shocks of a correlation, and of their own effects.

        In the directions in which shocks are independent, with variances 1 + σ²λ; effects of SD τ add τ²
        times a matrix of rank one (Sherman & Morrison 1950, Ann Math Stat 21:124).

        Args:
            correlation: of neighbouring months' shocks.
            sds: (S,) of shocks.
            tried: (K, T) columns and SDs of their effects, of which there are U in all; None: no effects.
        """
        together = decay(correlation, self.figures.shape[1])
        values, vectors = np.linalg.eigh(self.spread @ together @ np.swapaxes(self.spread, 1, 2))
        figures, level = (np.einsum("kst,ks->kt", vectors, each) for each in (self.figures, self.level))
        columns = [
            None if each is None else np.einsum("kst,ksu,ku->kt", vectors, self.spread, each)
            for each, _ in tried
        ]
        found = []
        for sd in sds:
            variance = 1.0 + sd**2 * np.maximum(values, 0.0)
            of_figures, of_level = figures / variance, level / variance
            ff, fl = ((of_figures * each).sum(axis=1) for each in (figures, level))
            ll, logs = (of_level * level).sum(axis=1), np.log(variance).sum(axis=1)
            ways = []
            for column, (_, effects) in zip(columns, tried, strict=True):
                if column is None:
                    ways.append(-0.5 * (logs + np.log(ll) + ff - fl**2 / ll))
                    continue
                fc, lc, cc = (
                    (each * column).sum(axis=1) for each in (of_figures, of_level, column / variance)
                )
                for effect in effects:
                    part = effect**2 / (1.0 + effect**2 * cc)
                    information = ll - part * lc**2
                    squares = ff - part * fc**2 - (fl - part * fc * lc) ** 2 / information
                    determinant = logs + np.log1p(effect**2 * cc)
                    ways.append(-0.5 * (determinant + np.log(information) + squares))
            found.append(ways)
        return np.array(found)
