"""Clinic effects from a distribution with heavier tails than the normal's: Student's t with four df.

A clinic far from the others is no draw of a normal distribution. Taken for one, it is drawn too far toward
them, and makes all of them look more different than they are. A t distribution is a mixture of normal ones of
the same mean, and so is the posterior under it: whatever a clinic's records say, as a normal likelihood of
its effect, is held against each of them, and weighed by how well each foretells it. A clinic among the
others is drawn in more than before; one far out, hardly.

What the records say is taken from the posterior under the normal prior, by dividing that out. The SD stays
the scale that everything is told on: the t distribution's, which is √2 times its scale parameter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tasks.models.clinics.clinic_posterior import ClinicPosterior, Node, Parts, Tails

Floats = NDArray[np.float64]

DF = 4.0
"""Lange, Little & Taylor (1989): few enough to let a clinic stand apart, enough to have a variance."""

_LOG_PRECISIONS = np.arange(-4.5, 2.1, 0.75)
"""Logarithms of the gamma-distributed precisions that stand for all: t's distribution function to 0.002."""
_SLIGHT = 1e-6
"""Nodes of the SD with less probability than this are left out."""
_STEPS, _SETTLED = 200, 1e-9


def student_tails() -> Tails:
    """The t distribution of unit variance as a mixture of normal ones: shares, and SDs.

    With precision w ~ χ²(ν)/ν, N(0, s²/w) is t with ν degrees of freedom and scale s (Lange, Little & Taylor
    1989, JASA 84:881, eq. 2); the trapezoid rule in log w.
    """
    w = np.exp(_LOG_PRECISIONS)
    density = w ** (0.5 * DF) * np.exp(-0.5 * DF * w)  # of log w
    shares = density / density.sum()
    variances = 1.0 / w
    return Tails(shares, np.sqrt(variances / float(shares @ variances)))


def with_heavier_tails(posterior: ClinicPosterior) -> ClinicPosterior:
    """The posterior had clinic effects been taken for draws of a t distribution with four degrees of freedom.

    Args:
        posterior: under a normal distribution of effects.

    Sources: Lange, Little & Taylor (1989), JASA 84:881; Lee & Thompson (2008), Stat Med 27:418, §2.2.
    """
    tails = student_tails()
    logs, changed, centre = [], [], 0.0
    for node, weight in zip(posterior.nodes, posterior.weights, strict=True):
        gain, now = 0.0, replace(node, tails=tails)
        if node.sd_between > 0.0:
            under = _UnderTails(node, tails)
            centre = under.centre(centre)
            gain, now = under.gain(centre), under.posterior(centre)
        logs.append(float(np.log(weight)) + gain)
        changed.append(now)
    shares = np.exp(np.array(logs) - max(logs))
    shares /= shares.sum()
    nodes = tuple(
        replace(node, weight=float(share))
        for node, share in zip(changed, shares, strict=True)
        if share > _SLIGHT
    )
    return replace(posterior, nodes=nodes)


@dataclass(frozen=True)
class _TailsPosterior:
    """The records held against every part of the mixture, with the distribution's mean at one place.

    Attributes:
        shares: (K, M, n) posterior probabilities of the K normal ones of the mixture, for the M pieces.
        gains: (n,) logarithms of how much likelier each level's records are than under the normal prior.
        slopes: (K, M, n) derivatives of their log densities by that mean.
    """

    shares: Floats
    gains: Floats
    slopes: Floats


class _UnderTails:
    """One SD between levels: what their records say, and the posterior under heavier tails."""

    def __init__(self, node: Node, tails: Tails) -> None:
        self.node, self.tails = node, tails
        old, between = node.pieces, node.sd_between**2
        self.precision = np.maximum(1.0 / old.sds**2 - 1.0 / between, 0.0)  # (M, n) of what records say
        self.pull = old.means / old.sds**2  # (M, n) what they say, times its precision
        self.variances = between * tails.sds[:, None, None] ** 2  # (K, 1, 1)
        self.stretch = 1.0 + self.precision * self.variances  # (K, M, n)
        self.stretch_before = 1.0 + self.precision * between  # (M, n)
        with np.errstate(divide="ignore"):
            self.log_shares = np.log(tails.shares)[:, None, None] + np.log(old.shares)

    def _held(self, centre: float) -> _TailsPosterior:
        away = self.pull - self.precision * centre
        logs = self.log_shares - 0.5 * np.log(self.stretch / self.stretch_before)
        logs = logs - 0.5 * self._over_precision(away) / self.stretch
        logs = logs + 0.5 * self._over_precision(self.pull) / self.stretch_before
        top = logs.max(axis=(0, 1))
        gains = top + np.log(np.exp(logs - top).sum(axis=(0, 1)))
        return _TailsPosterior(np.exp(logs - gains), gains, away / self.stretch)

    def _over_precision(self, values: Floats) -> Floats:
        """(M, n) squares over the precision; 0 where records say nothing."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.precision > 0.0, values**2 / self.precision, 0.0)

    def centre(self, start: float) -> float:
        """The likeliest mean of the distribution, by expectation–maximisation."""
        centre = start
        for _ in range(_STEPS):
            shares = self._held(centre).shares / self.stretch
            step = float(np.sum(shares * self.pull) / np.sum(shares * self.precision)) - centre
            centre += step
            if abs(step) <= _SETTLED * self.node.sd_between:
                break
        return centre

    def gain(self, centre: float) -> float:
        """How much likelier all records are, the mean integrated over by Laplace's approximation."""
        held, before = self._held(centre), self.node.pieces.shares
        unsure = np.sum(held.shares * held.slopes**2, axis=(0, 1))
        unsure -= np.sum(held.shares * held.slopes, axis=(0, 1)) ** 2
        curvature = float(np.sum(held.shares * self.precision / self.stretch) - unsure.sum())
        gain = float(held.gains.sum())
        if curvature > 0.0:
            curved_before = float(np.sum(before * self.precision / self.stretch_before))
            gain += 0.5 * float(np.log(curved_before / curvature))
        return gain

    def posterior(self, centre: float) -> Node:
        """The levels' posterior about that mean. What uncertain coefficients do follows how much is kept."""
        node, held = self.node, self._held(centre)
        every = (-1, held.shares.shape[2])
        parts = Parts(
            held.shares.reshape(every),
            (held.slopes * self.variances).reshape(every),
            np.sqrt(self.variances / self.stretch).reshape(every),
        )
        kept = np.sum(held.shares * (1.0 - 1.0 / self.stretch), axis=(0, 1))
        kept_before = np.sum(node.pieces.shares * (1.0 - 1.0 / self.stretch_before), axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            more = np.where(kept_before > 0.0, kept / kept_before, 1.0)
        mean = np.sum(parts.shares * parts.means, axis=0)
        variance = np.sum(parts.shares * (parts.sds**2 + (parts.means - mean) ** 2), axis=0)
        return replace(
            node,
            mean=mean,
            sd=np.sqrt(variance),
            shared=node.shared * more[:, None],
            typical=node.typical + centre,
            parts=parts,
            tails=self.tails,
        )
