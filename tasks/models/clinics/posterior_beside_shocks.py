"""The posterior of clinic effects of yes/no outcomes and counts, beside what months' shocks add to figures.

A clinic's figure has the clinic's effect in it and what is left of the shocks of its months, which is normal
on the scale of the link with a variance that is known: η = x'β + u + e, u ~ N(0, τ²), e ~ N(0, v).

Rows that count for less (Rao & Scott 1992) have the same variance, but not the same shape: a likelihood of
few events falls off steeply above a clinic's log rate and slowly below, where one of many events and a shock
is even. The sum w = u + e is a clinic's only random effect, with variance c² = τ² + v; given w, and so given
all records, u is N(wτ²/c², τ²v/c²) (Robinson 1991, Stat Sci 6:15, §2). The nested approximation is that of
`posterior_counts`, with v the same at each τ.

Figures are what comes of shocks on average. Of counts E exp(e) = exp(v/2) times a clinic's rate (Aitchison &
Brown 1957, The Lognormal Distribution, ch. 2); what else shocks do to the average is in the months' own.
Of probabilities p it is v(1 − 2p)/2 log odds to second order, a hundredth or less where v is 0.04, and left
out.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from tasks.models.clinics.clinic_posterior import ClinicPosterior, stretched, weigh
from tasks.models.clinics.posterior_counts import (
    SLIGHT,
    average_row,
    height_of,
    node_of,
    nodes_for,
    range_of,
)
from tasks.models.fit import Floats
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.generalized_mixed.quadrature import LikelihoodEvaluation
from tasks.models.generalized_mixed.sd_profile import SdProfile, likelihood_family, working_parameters

_NODES = 15
_LEAST = 1e-4
"""SD between clinics that stands for none, where shocks add nothing to a clinic's figure either."""


@dataclass(frozen=True, slots=True)
class BesideShocks:
    """What clinics' effects are found beside.

    Attributes:
        fit: the model of the same records without shocks, with a random intercept by clinic alone.
        added: clinic → variance that shocks add to its own figure, on the scale of the link.
    """

    fit: GlmmFit
    added: Mapping[Hashable, float]


@dataclass
class _Profiles:
    """The likelihood at each SD between clinics, coefficients at their best.

    Attributes:
        plain: the same without shocks.
        added: (n,) variances v of what shocks add.
        start: parameters to begin from.
    """

    plain: SdProfile
    added: Floats
    start: Floats
    known: dict[float, tuple[SdProfile, LikelihoodEvaluation]] = field(default_factory=dict)

    def at(self, sd: float) -> tuple[SdProfile, LikelihoodEvaluation]:
        """The profile whose random-effect column is c = √(τ² + v), and its best evaluation."""
        if sd not in self.known:
            likelihood = self.plain.likelihood
            column = np.repeat(self.scale(sd), np.diff(likelihood.starts))
            profile = replace(self.plain, likelihood=replace(likelihood, z=column), scale=1.0, known={})
            near = min(self.known, key=lambda each: abs(each - sd), default=None)
            begin = self.start if near is None else self.known[near][1].parameters
            self.known[sd] = profile, profile.at(1.0, begin)
        return self.known[sd]

    def scale(self, sd: float) -> Floats:
        """(n,) SDs c of effects and shocks together."""
        return np.asarray(np.sqrt(np.maximum(sd**2 + self.added, _LEAST**2)))

    def height(self, sd: float) -> float:
        """Log posterior of the SD between clinics."""
        return height_of(self.at(sd)[1])


def posterior_beside_shocks(beside: BesideShocks, group: str) -> ClinicPosterior:
    """The joint posterior of the effects of a grouping factor's levels.

    Args:
        beside: the model without shocks, which remembers its data, and what shocks add.
        group: the grouping factor, the model's only one.
    """
    fit = beside.fit
    design, cells = fit.cells()
    levels = tuple(fit.labels[group])
    quadrature, count = nodes_for(cells, fit)
    plain = SdProfile.of(design, cells, likelihood_family(fit), quadrature)
    start = working_parameters(plain.cells, fit)
    added = np.array([float(beside.added.get(str(each), 0.0)) for each in levels])
    profiles = _Profiles(plain, added, start)
    low, bulk, high = range_of(profiles.height, float(fit.varcomp.sd(group).iloc[0]))
    grid, widths = stretched(low, high, bulk, _NODES)
    weights = weigh(np.array([profiles.height(float(sd)) for sd in grid]), widths)
    average = average_row(plain, start)
    on_average = 0.0 if fit.family == "binomial" else 0.5 * float(added.mean())
    nodes = []
    for sd, weight in zip(grid, weights, strict=True):
        if weight < SLIGHT:
            continue
        profile, point = profiles.at(float(sd))
        mean, spread = profile.likelihood.posterior(point.parameters, count, point)
        scale = profiles.scale(float(sd))
        kept = sd**2 / scale  # of a standardised w: c times τ²/c²
        node = node_of(float(weight), float(sd), point, (mean, spread), kept, start, average)
        own = np.sqrt(node.sd**2 + (sd / scale) ** 2 * added)
        nodes.append(replace(node, sd=own, typical=node.typical + on_average))
    return ClinicPosterior(group, levels, tuple(nodes), float("inf"))
