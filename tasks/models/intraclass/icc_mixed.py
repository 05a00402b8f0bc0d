"""Intraclass correlations of binary and count outcomes from a generalized linear mixed model.

The interval is the profile likelihood's for the variance between clinics, carried over to the scale of the
ICC: on the latent scale that is a function of the variance alone; on the observed scale the mean of the
outcome is held at its estimate. A negative binomial's dispersion moves with the variance: the ICC's interval
is of all pairs of them whose likelihood is near the best. So it is with the variances of nested groups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tasks.models.generalized_mixed.dispersion_profile import figure_interval
from tasks.models.generalized_mixed.families import FamilyName
from tasks.models.generalized_mixed.glmm import glmm_from_cells
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.generalized_mixed.nested_profile import VarianceFigure, nested_figure_intervals
from tasks.models.generalized_mixed.outcome_scale import (
    count_scale,
    count_share,
    latent_icc,
    linearised_icc,
    median_ratio,
    probability_scale,
)
from tasks.models.generalized_mixed.sd_profile import sd_interval
from tasks.models.intraclass.design_effect import by_clinic
from tasks.models.intraclass.icc_estimates import METHODS, Kind
from tasks.models.intraclass.icc_result import ICC, levels_table, refuse_terms
from tasks.models.intraclass.logistic_normal import icc_at, predictor_at
from tasks.models.numerics.profile_interval import allowed_fall
from tasks.records import Cells, Design, cells_for


def mixed_icc(
    formula: str,
    data: Any,
    *,
    groups: str | Sequence[str] = (),
    kind: Kind,
    method: str,
    exposure: str | None = None,
    family: FamilyName,
    nodes: int | None = None,
    level: float = 0.95,
) -> ICC:
    """The ICC of a binary or count outcome by mixed model, on the latent or the observed scale.

    Nested groups have one at each level: of two rows that share its group, and every coarser one.

    Raises:
        EstimationError: as `tasks.models.glmm`, and for a random slope.
    """
    if "|" not in formula:
        names = [groups] if isinstance(groups, str) else list(groups)
        formula = " + ".join([formula, *(f"(1 | {name})" for name in names)])
    design, cells = cells_for(formula, data, exposure=exposure, collapse=family != "negative-binomial")
    refuse_terms(design, cells.factors)
    fit = glmm_from_cells(design, cells, family, nodes=nodes)
    order = sorted(range(len(cells.factors)), key=lambda f: len(cells.levels[f]))
    groups = [cells.factors[f] for f in order]
    variances = [float(fit.varcomp.variance(name).iloc[0]) for name in groups]
    whole = sum(variances)
    at = [_on_scale(fit, method, float(shared), whole) for shared in np.cumsum(variances)]
    messages = list(fit.messages)
    if len(groups) == 1:
        ends = [_profiled(design, cells, fit, method, level, as_fitted=nodes is not None)]
    else:
        ends = _nested(design, cells, fit, method, groups, level)
    components = {"linear_predictor": fit.typical, "loglik": float(fit.loglik or math.nan)}
    components |= {f"variance_{name}": each for name, each in zip(groups, variances, strict=True)}
    components |= _components(fit, whole)
    plain = design.fixed == ("(Intercept)",)
    name = METHODS[kind][method]
    if family == "negative-binomial":
        name = name.replace("Poisson", "negative binomial")
    return ICC(
        name=name if plain else f"adjusted {name}",
        group=groups[-1],
        kind=kind,
        method=method,
        estimate=at[-1],
        lower=ends[-1][0],
        upper=ends[-1][1],
        level=level,
        interval="profile",
        components=pd.Series(components, name="value"),
        levels=levels_table(groups, variances, at, ends),
        clinics=_clinics(cells, order[-1], at[-1]),
        design=design,
        messages=tuple(messages),
    )


def _on_scale(fit: GlmmFit, method: str, shared: float, whole: float) -> float:
    """The ICC of two rows that share effects of variance `shared` of `whole`."""
    if method == "latent":
        return latent_icc(shared, whole)
    if fit.family == "binomial":
        return probability_scale(fit.typical, shared, whole - shared).icc
    return count_scale(fit.typical, shared, whole - shared, dispersion=_dispersion(fit)).icc


def _dispersion(fit: GlmmFit) -> float:
    """1/size of a negative binomial; 0 for a Poisson model."""
    return 0.0 if fit.size is None else 1.0 / fit.size


def _profiled(
    design: Design, cells: Cells, fit: GlmmFit, method: str, level: float, *, as_fitted: bool
) -> tuple[float, float]:
    """The ICC's interval by profile likelihood: of the variance between clinics, and of a dispersion."""
    if method != "latent" and fit.size is not None and math.isfinite(fit.size):
        return figure_interval(
            design, cells, fit, lambda *at: _moved(fit, method, *at), level, as_fitted=as_fitted
        )
    lower, upper = sd_interval(design, cells, fit, level, as_fitted=as_fitted)
    return _moved(fit, method, lower**2), _moved(fit, method, upper**2)


def _moved(fit: GlmmFit, method: str, variance: float, dispersion: float | None = None) -> float:
    """The ICC at another variance between clinics, the population-averaged outcome held where it is."""
    if math.isinf(variance):
        return 1.0
    if method == "latent":
        return latent_icc(variance, variance)
    own = float(fit.varcomp.variance(next(iter(fit.varcomp))).iloc[0])
    if fit.family != "binomial":
        moved = fit.typical + (own - variance) / 2.0
        extra = _dispersion(fit) if dispersion is None else dispersion
        return count_scale(moved, variance, dispersion=extra).icc
    return icc_at(probability_scale(fit.typical, own).prevalence, variance)


def _nested(
    design: Design, cells: Cells, fit: GlmmFit, method: str, groups: Sequence[str], level: float
) -> list[tuple[float, float]]:
    """Intervals at each level of nested groups by profile likelihood, the population-averaged outcome held.

    As many groups as a level has tell by how much the likelihood may fall there.
    """
    place = [[term.group for term in fit.loadings].index(name) for name in groups]

    def at(depth: int) -> VarianceFigure:
        return lambda variances, dispersion: _shared(
            fit, method, float(variances[place[: depth + 1]].sum()), float(variances.sum()), dispersion
        )

    figures = [(at(depth), allowed_fall(level, len(fit.labels[name]))) for depth, name in enumerate(groups)]
    return nested_figure_intervals(design, cells, fit, figures)


def _shared(fit: GlmmFit, method: str, shared: float, whole: float, dispersion: float) -> float:
    """The ICC of two rows that share effects of variance `shared`, at other variances than the fit's."""
    if method == "latent":
        return latent_icc(shared, whole)
    own = sum(float(fit.varcomp.variance(name).iloc[0]) for name in fit.varcomp)
    if fit.family != "binomial":
        return count_share(count_scale(fit.typical, own).mean, shared, whole, dispersion)
    typical = predictor_at(probability_scale(fit.typical, own).prevalence, whole)
    return probability_scale(typical, shared, whole - shared).icc


def _components(fit: GlmmFit, whole: float) -> dict[str, float]:
    if fit.family == "binomial":
        scale = probability_scale(fit.typical, whole)
        return {
            "marginal_prevalence": scale.prevalence,
            "variance_of_probabilities": scale.variance,
            "icc_latent": latent_icc(whole, whole),
            "icc_observed": scale.icc,
            "icc_linearised": linearised_icc(fit.typical, whole),
            "median_odds_ratio": median_ratio(whole),
        }
    counts = count_scale(fit.typical, whole, dispersion=_dispersion(fit))
    return {
        "marginal_mean": counts.mean,
        "variance_between": counts.between,
        "variance_total": counts.total,
        "dispersion": _dispersion(fit),
    }


def _clinics(cells: Cells, factor: int, value: float) -> pd.DataFrame:
    codes, k = cells.codes[:, factor], len(cells.levels[factor])
    n, total, squares = (
        np.bincount(codes, each, minlength=k) for each in (cells.weight, cells.total, cells.total_squares)
    )
    mean = total / n
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(np.maximum(squares - n * mean**2, 0.0) / np.where(n > 1.0, n - 1.0, np.nan))
    index = pd.Index(list(cells.levels[factor]), name=cells.factors[factor])
    table = by_clinic(pd.Series(n, index=index, name="n"), max(value, 0.0))
    table.insert(1, "mean", mean)
    table.insert(2, "sd_within", sd)
    return table
