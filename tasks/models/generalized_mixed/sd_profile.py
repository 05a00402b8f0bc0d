"""The profile likelihood of how much clinics differ, in a model with one random intercept or slope.

At each standard deviation of the clinic effects the coefficients are found anew; what is left is a function
of the SD alone. It falls off slowly towards large SDs and may not fall at all towards zero, which a standard
error cannot say.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.logistic_scale import attenuation_factor
from tasks.models.fit import Floats
from tasks.models.generalized_mixed.dense_likelihood import DenseLikelihood, NotSettledError
from tasks.models.generalized_mixed.families import FamilyName
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.generalized_mixed.glmm_maximum import SD_CAP
from tasks.models.generalized_mixed.quadrature import LikelihoodEvaluation, ScalarLikelihood
from tasks.models.numerics.ascent import climb
from tasks.models.numerics.profile_interval import allowed_fall, end_before, end_by_doubling
from tasks.records import Cells, Design

_MANY_NODES = 35
"""Nodes of a fit from which the dense rule costs less; a negative binomial's costs less in any case."""
_EXACT = 1e-6  # of a log-likelihood by quadrature at an end of an interval, or it is found anew


@dataclass
class SdProfile:
    """The log-likelihood as a function of the SD, every other parameter at its best; remembers nearby optima.

    Attributes:
        likelihood: of the model, by quadrature about the modes.
        cells: its cells, arranged.
        scale: SD of the effects per unit of the likelihood's σ.
        dense: the likelihood by a dense rule, where that is to be used instead.
    """

    likelihood: ScalarLikelihood
    cells: ArrangedCells
    scale: float
    dense: DenseLikelihood | None = None
    known: dict[float, LikelihoodEvaluation] = field(default_factory=dict)

    @classmethod
    def of(cls, design: Design, cells: Cells, family: FamilyName, nodes: int) -> SdProfile:
        """Arrange the cells of a model.

        Raises:
            EstimationError: the model has more than one random effect.
        """
        arranged = ArrangedCells.of(design, cells, family)
        if not arranged.is_scalar:
            raise EstimationError(
                f"the profile of an SD needs one random effect by one group, and {design.formula} has more"
            )
        return cls(arranged.scalar(nodes), arranged, abs(float(arranged.back[0][0, 0])))

    def at(self, sd: float, start: Floats) -> LikelihoodEvaluation:
        """The best evaluation with this SD; `start` are parameters to begin from where none is known."""
        sigma = sd / self.scale
        if sigma in self.known:
            return self.known[sigma]
        near = min(self.known, key=lambda each: abs(each - sigma), default=None)
        begin = (start if near is None else self.known[near].parameters).copy()
        if self.dense is not None and self.cells.outcome.family == "binomial":
            begin[1:] *= attenuation_factor(begin[0] ** 2) / attenuation_factor(sigma**2)
        begin[0] = sigma
        held = np.zeros(begin.size, dtype=bool)
        held[0] = True
        self.known[sigma] = self.best_from(begin, held, None if near is None else self.known[near])
        return self.known[sigma]

    def best_from(
        self, begin: Floats, held: NDArray[np.bool_], near: LikelihoodEvaluation | None
    ) -> LikelihoodEvaluation:
        """The best evaluation with some parameters held where they begin.

        Args:
            begin: (q,) parameters to begin from.
            held: (q,) which of them stay.
            near: an evaluation whose modes are a good start.

        Raises:
            NotSettledError: as `DenseLikelihood.evaluate`.
        """
        likelihood = self.likelihood if self.dense is None else self.dense
        first = likelihood.evaluate(begin, 2, near)

        def objective(parameters: Floats, here: LikelihoodEvaluation | None) -> LikelihoodEvaluation:
            try:
                return likelihood.evaluate(parameters, 2, here)
            except NotSettledError:  # a step too far, which the climb shortens
                return replace(first, parameters=parameters, value=-np.inf)

        return climb(objective, begin, free=~held, near=near, first=first, tolerance=1e-12).top

    def is_exact_at(self, sd: float, start: Floats, dense: DenseLikelihood) -> bool:
        """Whether the log-likelihood with this SD is what the dense rule makes it.

        Raises:
            NotSettledError: as `DenseLikelihood.evaluate`.
        """
        here = self.at(sd, start)
        return abs(dense.evaluate(here.parameters, 0, here).value - here.value) <= _EXACT


def sd_interval(
    design: Design, cells: Cells, fit: GlmmFit, level: float, *, as_fitted: bool = False
) -> tuple[float, float]:
    """The SDs of a scalar random effect whose profile likelihood is near the best; 0 is included as an end.

    Args:
        design, cells: the model's, as the fit was made from.
        fit: the fit.
        level: coverage.
        as_fitted: with the nodes of the fit and no others, as an analyst who chose them wants it.

    Raises:
        EstimationError: the model has more than one random effect.
    """
    profile = SdProfile.of(design, cells, likelihood_family(fit), max(fit.nodes, 1))
    (group,) = fit.varcomp
    best = float(fit.varcomp.sd(group).iloc[0])
    ends = ends_on if as_fitted else profile_ends
    return ends(profile, best, working_parameters(profile.cells, fit), len(fit.labels[group]), level)


def profile_ends(
    profile: SdProfile, best: float, start: Floats, levels: int, level: float
) -> tuple[float, float]:
    """Where the profile has fallen by half the F(1, levels − 1) quantile from its height at the best SD.

    The nodes that are enough at the best SD can be too few at one several times as large. Where the profile
    by a dense rule is another at an end, both ends are found on that one; so they are where it costs less.
    """
    _, lower, upper = settled_ends(profile, best, start, levels, level)
    return lower, upper


def settled_ends(
    profile: SdProfile, best: float, start: Floats, levels: int, level: float
) -> tuple[SdProfile, float, float]:
    """The ends as `profile_ends` finds them, after the profile that they are on."""
    dense = DenseLikelihood(profile.likelihood)
    by_dense = replace(profile, dense=dense, known={})
    if profile.likelihood.nodes >= _MANY_NODES or profile.likelihood.outcome.has_size:
        with suppress(NotSettledError):
            return by_dense, *ends_on(by_dense, best, start, levels, level)
    lower, upper = ends_on(profile, best, start, levels, level)
    farthest = upper if np.isfinite(upper) else max(profile.known) * profile.scale
    with suppress(NotSettledError):
        if not all(profile.is_exact_at(each, start, dense) for each in {lower, farthest}):
            return by_dense, *ends_on(by_dense, best, start, levels, level)
    return profile, lower, upper


def ends_on(profile: SdProfile, best: float, start: Floats, levels: int, level: float) -> tuple[float, float]:
    """The ends on this profile and no other.

    Raises:
        NotSettledError: as `DenseLikelihood.evaluate`.
    """
    limit = profile.at(best, start).value - allowed_fall(level, levels)

    def excess(sd: float) -> float:
        return profile.at(sd, start).value - limit

    lower = end_before(0.0, excess, best, precision=1e-7)
    return lower, end_by_doubling(excess, best, max(2.0 * best, 0.1), SD_CAP, precision=1e-7)


def working_parameters(cells: ArrangedCells, fit: GlmmFit) -> Floats:
    """(σ, coefficients of centred columns[, log size]) of a fit with one scalar effect."""
    (group,) = fit.varcomp
    sigma = float(fit.varcomp.sd(group).iloc[0]) / abs(float(cells.back[0][0, 0]))
    coefficients = np.linalg.solve(cells.uncentring(), fit.coef.to_numpy())
    size = [np.log(fit.size)] if likelihood_family(fit) == "negative-binomial" and fit.size else []
    return np.concatenate([[sigma], coefficients, size])


def likelihood_family(fit: GlmmFit) -> FamilyName:
    """The family whose likelihood the fit is at: a negative binomial of infinite size is Poisson."""
    return "poisson" if fit.size is not None and np.isinf(fit.size) else fit.family
