"""How many digits a model's figures may be told with, where whoever has the counts can fit it again.

Without adjusters, in a window of one period, all that a model takes from a clinic is its size and its events.
Where some are withheld, there are so many ways to share out what these clinics have together, and whoever
fits the model to each finds the one that has the figures published. A model with patients' adjusters takes
more from the records than is published, and nobody without them can fit it.

A model of several periods without adjusters of patients takes from the events what clinics and what periods
have, and the periods' are published, so that it can be fitted again as well. By this rule it would lose all
digits nearly wherever anything is withheld; where it would lose any it is fitted to the shown clinics alone
instead (`tasks/estimating/shown_clinics.py`). Clinics' sizes and events in the whole window stand for those
of each period: levels of periods move all clinics' surfaces alike.

All figures together resolve finer than any of them. What they have in common is the likelihood: so the
clinics' log-likelihoods are held against one another (`likelihood_surface`), and beside them what clinics'
own figures spread by. Ways whose surfaces differ nowhere by more than ε have figures that differ by some ε of
themselves: by 0.08 ε to 1.6 ε in 300 pairs of tables of 5 to 40 clinics that the estimators of `tasks.models`
were fitted to. Rounding to d digits leaves together what differs by a tenth of the last digit, or less where
many clinics are shown.

Where the ways can be counted, each is tried. Where they are very many, how many agree follows from how their
surfaces are distributed: a sum over many clinics, and so nearly normal. In 40 networks in which
they can be counted as well, there were 0.13 to 50 times as many as estimated wherever that was over 100.

How many digits are told says something too, to whoever works out for each way how many it would be told with;
that is not guarded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, special

from tasks.disclosing.additive_table import Integers
from tasks.disclosing.counts import Booleans, Counts, Floats
from tasks.disclosing.likelihood_surface import Surface
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.possible_events import PossibleEvents

MOST_MODEL_DIGITS = 4
_FIGURES_OF = 10  # clinics shown, beyond which their figures together tell finer differences
_ENOUGH = 100.0  # ways that agree, where they are estimated
_FEWEST_TO_ESTIMATE = 6  # clinics whose sum is taken for normal
_NARROW, _SDS = 0.25, 2.0  # of what agrees, for all axes along which changes hardly vary, at two SDs each
_PLENTY = 100.0  # logarithm of more ways than anyone counts
_TILTINGS, _SETTLED = 40, 1e-3
_GIVE = 0.3  # of what agrees, that the mean of changes may be off


def model_digits(
    policy: SmallNumberPolicy, events: Counts, size: Floats, withheld: Booleans, *, known_total: bool = True
) -> int | None:
    """Digits of a model's figures that leave an outcome's small counts in the dark; 0 for none.

    None where it tells nothing: no small count is withheld, or what the others have together tells it anyway.

    Args:
        policy: the small-number policy.
        events: an outcome's events.
        size: (C,) records, or exposure.
        withheld: (C,) clinics whose events are withheld.
        known_total: whether the network's own events are told, to the last digit.
    """
    possible = PossibleEvents.of(policy, events, size, withheld, known_total=known_total)
    if not possible.small.any() or not possible.true.any():
        return None
    if possible.ways is not None and len(possible.ways) < 2:
        return None
    there = (size > 0) & ~np.isnan(events.window)
    surface = Surface.about(events.window[there], size[there], binary=events.rest is not None)
    if possible.ways is None:
        possible = possible.plausible
    clinics = ClinicSurfaces.of(surface, possible, events.window[there], size, finer=_finer(there, withheld))
    for digits in range(MOST_MODEL_DIGITS, 0, -1):
        if clinics.dark(10.0 ** -(digits + 1)):
            return digits
    return 0


def _finer(there: Booleans, withheld: Booleans) -> float:
    """How much finer the figures of all clinics shown are together than those of few."""
    return max(float((there & ~withheld).sum()) / _FIGURES_OF, 1.0)


@dataclass(frozen=True)
class ClinicSurfaces:
    """What each count that a withheld clinic may have changes of the network's surface.

    Attributes:
        possible: the counts, and the ways to share them out.
        changes: K arrays (Y, F): by how much the surface differs from the true one, in the finest ε.
    """

    possible: PossibleEvents
    changes: tuple[Floats, ...]

    @classmethod
    def of(
        cls, surface: Surface, possible: PossibleEvents, events: Floats, size: Floats, *, finer: float
    ) -> ClinicSurfaces:
        """Of each withheld clinic; `events` are those of all clinics with any records."""
        whole = size[~np.isnan(size) & (size > 0)]
        rate = events.sum() / whole.sum()
        unit = rate * (1.0 - rate) if surface.binary else rate
        spread = float(((events - rate * whole) ** 2 / (whole * unit)).sum())
        scale = np.append(np.where(surface.of_clinics, finer, 1.0), 1.0)
        changes = []
        for i, clinic in enumerate(possible.clinics):
            counts = np.arange(possible.lower[i], possible.upper[i] + 1)
            own = np.column_stack(
                [
                    surface.of(counts, float(size[clinic])),
                    (counts - rate * size[clinic]) ** 2 / (size[clinic] * unit) / max(spread, 1.0),
                ]
            )
            changes.append((own - own[possible.true[i] - possible.lower[i]]) * scale)
        return cls(possible, tuple(changes))

    def dark(self, epsilon: float) -> bool:
        """Whether ways that differ by no more than ε leave the small counts far enough apart."""
        if self.possible.ways is not None:
            return self.possible.dark(self.agreeing(self.possible.ways, epsilon))
        if len(self.changes) < _FEWEST_TO_ESTIMATE:
            return False
        estimated = self.ways_estimated(epsilon)
        for i in np.flatnonzero(self.possible.small):
            free = np.flatnonzero(estimated[i] >= _ENOUGH)
            if not len(free) or np.ptp(free) < self.possible.need[i]:
                return False
        return True

    def agreeing(self, ways: Integers, epsilon: float) -> Integers:
        """(A, K) those of (W, K) ways that differ from the true one by no more than ε."""
        total = np.zeros((len(ways), self.changes[0].shape[1]))
        for i, changes in enumerate(self.changes):
            total += changes[ways[:, i] - self.possible.lower[i]]
        return np.asarray(ways[(np.abs(total) <= epsilon).all(axis=1)])

    def ways_estimated(self, epsilon: float) -> list[Floats]:
        """K arrays (Y,): about how many ways differ by no more than ε in which a clinic has each count."""
        changes = [self._with_count(i, epsilon) for i in range(len(self.changes))]
        moments = [_Moments.of(*each) for each in zip(changes, _tilted(changes), strict=True)]
        everything = _Moments.sum(moments)
        return [
            np.exp(np.minimum(everything.less(own).log_agreeing(-each), _PLENTY))
            for each, own in zip(changes, moments, strict=True)
        ]

    def _with_count(self, i: int, epsilon: float) -> Floats:
        """(Y, F + 1) changes in units of ε, and of the count itself, of which the sum is known, in halves."""
        counts = np.arange(len(self.changes[i])) + self.possible.lower[i] - self.possible.true[i]
        told = 2.0 if self.possible.known_total else 0.0
        return np.column_stack([self.changes[i] / epsilon, told * counts])


def _tilted(changes: Sequence[Floats]) -> list[Floats]:
    """K arrays (Y,): how often each count occurs among the ways that change next to nothing on the whole.

    Weights exp(λ·change) with which the mean of all changes is next to nothing: of such weights these have
    the largest entropy, and so count the ways best (Daniels 1954, Ann Math Stat 25:631; Jaynes 1957, Phys Rev
    106:620). λ is drawn in a little, as changes within a part of 1 are as good as none.
    """
    tilt = np.zeros(changes[0].shape[1])

    def height(at: Floats) -> float:
        return float(sum(special.logsumexp(each @ at) for each in changes) + _GIVE**2 * (at @ at) / 2.0)

    for _ in range(_TILTINGS):
        moments = _Moments.sum([_Moments.of(each, special.softmax(each @ tilt)) for each in changes])
        slope = moments.mean + _GIVE**2 * tilt
        step = -np.linalg.solve(moments.covariance + _GIVE**2 * np.eye(len(tilt)), slope)
        before, length = height(tilt), 1.0
        while height(tilt + length * step) > before and length > 1e-6:
            length /= 2.0
        tilt = tilt + length * step
        if -float(slope @ step) < _SETTLED:
            break
    return [special.softmax(each @ tilt) for each in changes]


@dataclass(frozen=True)
class _Moments:
    """How many ways there are, and how what they change is distributed.

    Attributes:
        log_ways: logarithm of their number.
        mean, covariance: (F,) and (F, F) of what they change.
    """

    log_ways: float
    mean: Floats
    covariance: Floats

    @classmethod
    def of(cls, changes: Floats, weights: Floats) -> _Moments:
        """Of one clinic, whose counts occur with these weights (as many ways as their entropy says)."""
        mean = weights @ changes
        about = changes - mean
        return cls(float(special.entr(weights).sum()), mean, (about.T * weights) @ about)

    @classmethod
    def sum(cls, parts: list[_Moments]) -> _Moments:
        """Of several clinics together."""
        return cls(
            sum(each.log_ways for each in parts),
            np.sum([each.mean for each in parts], axis=0),
            np.sum([each.covariance for each in parts], axis=0),
        )

    def less(self, part: _Moments) -> _Moments:
        """Of all clinics but one."""
        return _Moments(
            self.log_ways - part.log_ways, self.mean - part.mean, self.covariance - part.covariance
        )

    def log_agreeing(self, wanted: Floats) -> Floats:
        """(Y,) logarithm of how many ways change by what is wanted, give or take 1 in any respect.

        Along the axes in which changes vary, each may take its part of the 1; what they vary by along the
        others together takes a quarter at most.
        """
        variances, axes = linalg.eigh(self.covariance)
        sd = np.sqrt(np.maximum(variances, 0.0))
        reach = 1.0 / np.abs(axes).max(axis=0)  # along an axis, before any change is over 1
        order = np.argsort(sd / reach, kind="stable")
        wide = np.zeros(len(sd), dtype=bool)
        wide[order] = np.cumsum(_SDS * (sd / reach)[order]) > _NARROW
        away = (wanted - self.mean) @ axes
        left = 1.0 - ((np.abs(away) + _SDS * sd) / reach)[:, ~wide].sum(axis=1)
        part = np.maximum(left, 0.0)[:, None] * reach[wide] / max(int(wide.sum()), 1)
        with np.errstate(divide="ignore"):
            inside = np.log(2.0 * part / (sd[wide] * np.sqrt(2.0 * np.pi))).sum(axis=1)
        return np.asarray(self.log_ways + inside - ((away[:, wide] / sd[wide]) ** 2).sum(axis=1) / 2.0)
