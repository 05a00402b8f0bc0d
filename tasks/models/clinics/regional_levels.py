"""Clinic effects about their region's level, where regions differ by more than their clinics explain.

Clinics of a region can be more alike than clinics of two: they share a population, referrals and recording.
Drawn toward the network's average, small clinics of a good region are drawn the wrong way. Effects are then
draws about a level of the region, which is a draw itself; of how much clinics differ altogether, a share lies
between regions. How large that share is a few regions hardly tell, so it is averaged over, by how well each
foretells what the clinics' own records say. Where no share is likelier than none at all, regions are left
out.

As with heavier tails, what the records say of a clinic is taken from its posterior under independent effects,
by dividing that prior out.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tasks.models.clinics.clinic_posterior import ClinicPosterior, Node, Parts

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FEWEST_REGIONS = 3
_SHARES = (np.arange(8) + 0.5) / 8.0
"""Of the variance between clinics that lies between regions, equally likely beforehand."""
_SLIGHT = 1e-4
"""Pairs of an SD and a share with less probability than this are left out."""


@dataclass(frozen=True)
class RegionalShare:
    """The share of the variance between clinics that lies between regions: its posterior, where some does.

    Attributes:
        mean: of the posterior.
        lower, upper: the 95% interval, equal tails.
    """

    mean: float
    lower: float
    upper: float

    @classmethod
    def of(cls, chances: Floats) -> RegionalShare:
        """From (8,) probabilities of eighths of the way from 0 to 1, within each of which all are alike."""
        sums, ends = np.append(0.0, np.cumsum(chances)), np.linspace(0.0, 1.0, len(chances) + 1)
        lower, upper = (float(np.interp(tail, sums, ends)) for tail in (0.025, 0.975))
        return cls(float(chances @ _SHARES), lower, upper)


@dataclass(frozen=True)
class RegionalPosterior:
    """The clinics' posterior about their regions' levels.

    Attributes:
        posterior: of the clinics' effects, relative to the average of the regions' distribution.
        share: of the variance between clinics, what lies between regions.
        factor: Bayes factor of such shares, each equally likely, against none.
    """

    posterior: ClinicPosterior
    share: RegionalShare
    factor: float


def with_regional_levels(posterior: ClinicPosterior, regions: Sequence[Hashable]) -> RegionalPosterior | None:
    """The posterior had the levels of each region been taken for draws about a level of their own.

    None with fewer than three regions, where no region has two levels, or where levels do not differ.

    With y what a level's records say and D its variance, τ² = τ_r² + τ_c² the variance between levels, and
    a = 1/(D + τ_c²), a region's level given the rest is normal with variance V = τ_r²/(1 + τ_r² Σa) and mean
    V Σ a(y − c), c the average of all; a level's own about it as in the one-way model.

    Args:
        posterior: under independent normal effects.
        regions: (n,) of each level.

    Sources: Searle, Casella & McCulloch (1992), Variance Components, §7.3 (nested effects); Kass & Raftery
    (1995), JASA 90:773 (Bayes factor); Hoeting et al. (1999), Stat Sci 14:382 (averages over shares).
    """
    _, at = np.unique(np.array([str(each) for each in regions]), return_inverse=True)
    if at.max() + 1 < FEWEST_REGIONS or np.bincount(at).max() < 2:
        return None
    nodes = [node for node in posterior.nodes if node.sd_between > 0.0]
    if not nodes:
        return None
    weights = {id(node): weight for node, weight in zip(posterior.nodes, posterior.weights, strict=True)}
    levels = [_Levels.of(node, np.asarray(at)) for node in nodes]
    logs = np.array(
        [
            [float(np.log(weights[id(node)])) + each.gain(share) for share in _SHARES]
            for node, each in zip(nodes, levels, strict=True)
        ]
    )
    top = float(logs.max())
    chances = np.exp(logs - top)
    # levels that do not differ at all (an SD of 0) are as likely with regions as without
    alike = 1.0 - sum(weights[id(node)] for node in nodes)
    factor = float(chances.sum()) * np.exp(top) / len(_SHARES) + alike
    chances = chances / len(_SHARES)
    without = alike * float(np.exp(-top))
    total = float(chances.sum()) + without
    found = [node for node in posterior.nodes if node.sd_between <= 0.0]
    kept = [replace(node, weight=weights[id(node)] * float(np.exp(-top)) / total) for node in found]
    for i, each in enumerate(levels):
        for j, share in enumerate(_SHARES):
            if chances[i, j] / total > _SLIGHT:
                kept.append(replace(each.posterior(float(share)), weight=float(chances[i, j] / total)))
    of_share = RegionalShare.of(chances.sum(axis=0) / chances.sum())
    width = max(node.shared.shape[1] for node in kept)
    return RegionalPosterior(
        replace(posterior, nodes=tuple(_widened(node, width) for node in kept)), of_share, float(factor)
    )


def _widened(node: Node, width: int) -> Node:
    """With as many columns of loadings as other nodes have."""
    more = width - node.shared.shape[1]
    if not more:
        return node
    typical = None if node.typical_shared is None else np.append(node.typical_shared, np.zeros(more))
    shared = np.hstack([node.shared, np.zeros((len(node.shared), more))])
    return replace(node, shared=shared, typical_shared=typical)


@dataclass(frozen=True)
class _Regions:
    """One share: what regions' levels are, given what clinics' records say.

    Attributes:
        between, within: variances between regions, and of the clinics of one.
        precision: (n,) a, of clinics about their region's level.
        of_region: (R,) Σ a.
        centre: c, the average of all.
        mean, variance: (R,) of regions' levels about it.
    """

    between: float
    within: float
    precision: Floats
    of_region: Floats
    centre: float
    mean: Floats
    variance: Floats


@dataclass(frozen=True)
class _Levels:
    """What records say of each level, at one SD between levels: precision, and pull (precision times value).

    Attributes:
        node: the posterior there, under independent effects.
        at: (n,) each level's region, from 0.
        precision, pull: (n,).
    """

    node: Node
    at: Integers
    precision: Floats
    pull: Floats

    @classmethod
    def of(cls, node: Node, at: Integers) -> _Levels:
        precision = np.maximum(1.0 / node.sd**2 - 1.0 / node.sd_between**2, 0.0)
        return cls(node, at, precision, node.mean / node.sd**2)

    def _regions(self, share: float) -> _Regions:
        total = self.node.sd_between**2
        between, within = share * total, (1.0 - share) * total
        stretch = 1.0 + self.precision * within
        precision, pull = self.precision / stretch, self.pull / stretch
        count = int(self.at.max()) + 1
        of_region, pulls = (
            np.asarray(np.bincount(self.at, each, minlength=count), dtype=np.float64)
            for each in (precision, pull)
        )
        weight = of_region / (1.0 + between * of_region)
        whole = float(weight.sum())
        centre = float((pulls / (1.0 + between * of_region)).sum()) / whole if whole > 0.0 else 0.0
        variance = between / (1.0 + between * of_region)
        mean = variance * (pulls - of_region * centre)
        return _Regions(between, within, precision, of_region, centre, np.asarray(mean), np.asarray(variance))

    def gain(self, share: float) -> float:
        """Logarithm of how much likelier records are than without regions, the average integrated over."""
        regions, total = self._regions(share), self.node.sd_between**2
        before = 1.0 + self.precision * total
        stretch = 1.0 + self.precision * regions.within
        away = self.pull - self.precision * regions.centre
        known = self.precision > 0.0
        squares = np.divide(away**2, self.precision * stretch, where=known, out=np.zeros_like(away))
        squares_before = np.divide(
            self.pull**2, self.precision * before, where=known, out=np.zeros_like(away)
        )
        likelier = -0.5 * float(np.log(stretch / before).sum() + (squares - squares_before).sum())
        whole = 1.0 + regions.between * regions.of_region
        likelier -= 0.5 * float(np.log(whole).sum())
        likelier += 0.5 * float((regions.mean**2 / regions.variance).sum())
        curvature = float((regions.of_region / whole).sum())
        curvature_before = float((self.precision / before).sum())
        if curvature > 0.0 and curvature_before > 0.0:
            likelier += 0.5 * float(np.log(curvature_before / curvature))
        return likelier

    def posterior(self, share: float) -> Node:
        """The levels' posterior about their regions' levels, relative to the average of all."""
        regions, node = self._regions(share), self.node
        level, unsure = regions.mean[self.at], regions.variance[self.at]
        kept = regions.within * regions.precision
        kept_before = self.precision * node.sd_between**2 / (1.0 + self.precision * node.sd_between**2)
        more = np.divide(kept, kept_before, where=kept_before > 0.0, out=np.ones_like(kept))
        parts = self._parts(regions, level, unsure)
        mean = np.sum(parts.shares * parts.means, axis=0)
        variance = np.sum(parts.shares * (parts.sds**2 + (parts.means - mean) ** 2), axis=0)
        loadings = np.zeros((len(self.at), len(regions.mean)))
        loadings[np.arange(len(self.at)), self.at] = (1.0 - kept) * np.sqrt(unsure)
        typical = node.typical_shared
        return replace(
            node,
            mean=mean,
            sd=np.sqrt(variance),
            shared=np.hstack([node.shared * more[:, None], loadings]),
            typical=node.typical + regions.centre,
            typical_shared=None if typical is None else np.append(typical, np.zeros(len(regions.mean))),
            parts=parts if node.parts is not None else None,
        )

    def _parts(self, regions: _Regions, level: Floats, unsure: Floats) -> Parts:
        """The pieces of each level's posterior, held against its region's level instead of the average."""
        old, total = self.node.pieces, self.node.sd_between**2
        precision = np.maximum(1.0 / old.sds**2 - 1.0 / total, 0.0)
        pull = old.means / old.sds**2
        stretch = 1.0 + precision * regions.within
        away = pull - precision * (regions.centre + level)
        shares = old.shares
        if len(shares) > 1:
            wide, before = 1.0 + precision * (regions.within + unsure), 1.0 + precision * total
            with np.errstate(divide="ignore", invalid="ignore"):
                logs = np.log(shares) - 0.5 * np.log(wide / before)
                logs -= np.where(precision > 0.0, 0.5 * away**2 / (precision * wide), 0.0)
                logs += np.where(precision > 0.0, 0.5 * pull**2 / (precision * before), 0.0)
            shares = np.exp(logs - logs.max(axis=0))
            shares = shares / shares.sum(axis=0)
        return Parts(shares, level + regions.within * away / stretch, np.sqrt(regions.within / stretch))
