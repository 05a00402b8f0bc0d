"""Generalized linear mixed models: binomial and count outcomes of patients who sit in clinics."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.fit import VarianceComponents
from tasks.models.generalized_mixed import glmm_climb
from tasks.models.generalized_mixed.between_within import between_within_df
from tasks.models.generalized_mixed.families import FamilyName, family_named
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.glmm_checks import (
    check_levels,
    check_outcome,
    check_random_terms,
    messages,
)
from tasks.models.generalized_mixed.glmm_fit import LOG_SIZE, GlmmFit, Loading
from tasks.models.generalized_mixed.glmm_maximum import Maximum
from tasks.models.generalized_mixed.overdispersion import dispersion
from tasks.models.generalized_mixed.separation import SUSPECT, find_separation, refuse_separated
from tasks.models.generalized_mixed.start_values import start_values
from tasks.records import cells_for
from tasks.records.cells import Cells
from tasks.records.design import Design

Floats = NDArray[np.float64]


def glmm(
    formula: str,
    data: Any,
    *,
    family: str = "binomial",
    nodes: int | None = None,
    trials: str | None = None,
    exposure: str | None = None,
    offset: str | None = None,
    design_effects: Mapping[Hashable, float] | None = None,
) -> GlmmFit:
    """Coefficients for patients of the same clinic, and how much clinics differ on the scale of the link.

    Maximises the marginal likelihood, random effects integrated out by Laplace's approximation or adaptive
    Gauss–Hermite quadrature, by Newton's method with exact derivatives. Standard errors are from the joint
    observed information of (variance parameters, coefficients) there.

    Args:
        formula: e.g. "vaccinated ~ age + sex + program + (1 | clinic)"; random slopes, nested and
            crossed groups and several terms are welcome.
        data: a pandas DataFrame, a pyarrow Table, a DuckDB relation or a `Records` handle.
        family: "binomial" (logit link), "poisson" or "negative-binomial" (log link).
        nodes: 1 is Laplace's approximation; k exactly k quadrature nodes per level, for one scalar random
            effect; None raises the number until the log-likelihood settles (Laplace where the random effect
            is not a single scalar).
        trials: column with the number of trials; the outcome is then successes, or a proportion.
        exposure: column whose logarithm is added to the linear predictor.
        offset: column that is added to the linear predictor.
        design_effects: level of the first group → by how much its rows are worth less because they are alike;
            they count for so much less in the likelihood (Rao & Scott 1992, Biometrics 48:577).

    Raises:
        EstimationError: no random term; fewer than two levels; a constant outcome; an outcome that the family
            does not have; separated data; one row per level where that cannot be told from the outcome's own
            variance; nodes for a random effect that is not a single scalar.
        FormulaError, RecordsError: as `cells_for`.

    Sources: Pinheiro & Bates (1995) J Comput Graph Stat 4:12; Tuerlinckx et al. (2006) Br J Math Stat Psychol
    59:225; McCulloch & Searle (2001) Generalized, Linear, and Mixed Models.
    """
    kind = family_named(family)
    if nodes is not None and (isinstance(nodes, bool | str) or nodes != round(nodes) or nodes < 1):
        raise EstimationError(f"nodes is {nodes!r}; it is 1 for Laplace, a larger whole number, or None")
    nodes = None if nodes is None else int(nodes)
    if trials is not None and kind != "binomial":
        raise EstimationError(f"trials are for family 'binomial', not {kind!r}", hint="counts take exposure=")
    collapse = trials is None and kind != "negative-binomial"
    design, cells = cells_for(
        formula, data, trials=trials, exposure=exposure, offset=offset, collapse=collapse
    )
    fit = glmm_from_cells(
        design, cells, kind, nodes=nodes, has_trials=trials is not None, design_effects=design_effects
    )
    reading = {"trials": trials, "exposure": exposure, "offset": offset, "collapse": collapse}
    return replace(fit, data=data, reading=reading, design_effects=design_effects)


def glmm_from_cells(
    design: Design,
    cells: Cells,
    family: FamilyName,
    *,
    nodes: int | None = None,
    has_trials: bool = False,
    design_effects: Mapping[Hashable, float] | None = None,
) -> GlmmFit:
    """The same from cells that were made already; the fit keeps none of them.

    Raises:
        EstimationError: as `glmm`.
    """
    check_random_terms(design, cells)
    check_outcome(design, cells, family, has_trials=has_trials)
    check_levels(cells, family)
    if design_effects is not None:
        cells = cells.deflated(design_effects)
    base: FamilyName = "poisson" if family == "negative-binomial" else family
    arranged = ArrangedCells.of(design, cells, base)
    if nodes is not None and nodes > 1 and not arranged.is_scalar:
        raise EstimationError(
            f"{nodes} nodes need one random effect by one group, and {design.formula} has more",
            hint="use nodes=1 (Laplace) or leave nodes out",
        )
    start = start_values(arranged)
    separation_checked = _refuse_if_separated(design, arranged, base, start)
    best = glmm_climb.maximise(arranged, start, nodes)
    if not separation_checked:
        _refuse_if_separated(design, arranged, base, best.parameters)
    size = None
    if family == "negative-binomial":
        sized = ArrangedCells.of(design, cells, family)
        better = glmm_climb.maximise_sized(sized, best, nodes)
        size = np.inf
        if better is not None:
            arranged, best, size = sized, better, float(np.exp(better.parameters[-1]))
    return _fit_of(design, cells, arranged, family, best, size, asked=nodes)


def _refuse_if_separated(
    design: Design, arranged: ArrangedCells, family: FamilyName, parameters: Floats
) -> bool:
    """Looks for separation where a fitted value is suspiciously far out; says whether it looked.

    Raises:
        EstimationError: a covariate separates the outcome.
    """
    n_theta = sum(term.n_theta for term in arranged.terms)
    beta = parameters[n_theta : n_theta + len(arranged.names)]
    eta = beta @ arranged.x
    if family == "binomial":
        suspect = float(np.abs(eta + arranged.offset).max()) > SUSPECT
    else:
        suspect = float(np.ptp(eta)) > SUSPECT
    if suspect:
        found = find_separation(arranged.names, arranged.x, arranged.outcome, arranged.rows)
        if found is not None:
            raise refuse_separated(found, design.response, family)
    return suspect


def _fit_of(
    design: Design,
    cells: Cells,
    arranged: ArrangedCells,
    family: FamilyName,
    best: Maximum,
    size: float | None,
    *,
    asked: int | None,
) -> GlmmFit:
    """The maximum in the columns' own units, labelled, with what a reader must know."""
    q, p = best.held.size, len(arranged.names)
    names = pd.Index(design.fixed)
    sizes = [len(each) for each in cells.levels]
    degrees = between_within_df(cells.fixed.T, cells.codes, sizes, cells.n_obs)
    uncentring = np.eye(best.parameters.size)
    uncentring[q : q + p, q : q + p] = arranged.uncentring()
    joint = uncentring @ best.covariance @ uncentring.T
    coefficients = arranged.uncentring() @ best.parameters[q : q + p]
    loadings = _loadings(design, arranged, best.parameters[:q])
    varcomp = _variance_components(loadings)
    modes = _modes(arranged, best, varcomp)
    fixed = arranged.offset + best.parameters[q : q + p] @ arranged.x
    n_parameters = q + p + (size is not None)
    scatter = dispersion(
        family,
        sum(_effect_rows(arranged, best), start=fixed),
        total=cells.total,
        total_squares=cells.total_squares,
        rows=cells.weight,
        trials=cells.trials,
        parameters=n_parameters - q + _effective_effects(modes, varcomp),
        size=size,
    )
    labels = (
        [f"theta{i + 1}" for i in range(q)]
        + list(design.fixed)
        + ([LOG_SIZE] if arranged.outcome.has_size else [])
    )
    fit = GlmmFit(
        method=_method(family, best),
        design=design,
        estimand=_estimand(design, cells, family),
        coef=pd.Series(coefficients, index=names, name="estimate"),
        vcov=pd.DataFrame(joint[q : q + p, q : q + p], index=names, columns=names),
        df=pd.Series(degrees, index=names, name="df"),
        df_method="between–within",
        loglik=best.value,
        n_parameters=n_parameters,
        n_obs=round(cells.n_obs),
        n_groups=pd.Series(
            {group: len(each) for group, each in zip(cells.factors, cells.levels, strict=True)}
        ),
        converged=best.converged,
        singular=(bool(best.held.any()) and not best.capped) or size == np.inf,
        messages=(),
        family=family,
        varcomp=varcomp,
        nodes=best.nodes,
        nodes_tried=best.path,
        joint_vcov=pd.DataFrame(joint, index=labels, columns=labels),
        loadings=loadings,
        size=size,
        modes=modes,
        posterior_moments=_posterior(arranged, best),
        labels=dict(zip(cells.factors, cells.levels, strict=True)),
        dispersion=scatter,
        iterations=best.iterations,
        gradient_test=best.decrement,
        typical=float(np.average(fixed, weights=cells.weight)),
    )
    return replace(fit, messages=messages(fit, cells, arranged, best, asked=asked))


def _effective_effects(
    modes: Mapping[str, tuple[Floats, Floats, Floats]], varcomp: VarianceComponents
) -> float:
    """How many free parameters the random effects are worth: Σ tr(I − Σ⁻¹V_j) over levels."""
    worth = 0.0
    for group, (effects, conditional, _) in modes.items():
        covariance = varcomp[group].to_numpy()
        known = np.einsum("de,jed->j", np.linalg.pinv(covariance, hermitian=True), conditional)
        rank = np.linalg.matrix_rank(covariance, hermitian=True)
        worth += float(np.maximum(rank - known, 0.0).sum()) if len(effects) else 0.0
    return worth


def _loadings(design: Design, arranged: ArrangedCells, theta: Floats) -> tuple[Loading, ...]:
    parts = np.split(theta, np.cumsum([term.n_theta for term in arranged.terms])[:-1])
    return tuple(
        Loading(named.group, named.columns, back, term.triangle(part))
        for named, term, back, part in zip(design.random, arranged.terms, arranged.back, parts, strict=True)
    )


def _variance_components(loadings: tuple[Loading, ...]) -> VarianceComponents:
    """Covariance by group; effects of different terms of a group are independent."""
    frames: dict[str, pd.DataFrame] = {}
    for term in loadings:
        before = frames.get(term.group)
        names = [*(before.index if before is not None else ()), *term.columns]
        whole = np.zeros((len(names), len(names)))
        done = len(names) - len(term.columns)
        if before is not None:
            whole[:done, :done] = before.to_numpy()
        whole[done:, done:] = term.covariance
        frames[term.group] = pd.DataFrame(whole, index=names, columns=names)
    return VarianceComponents(frames)


def _modes(
    arranged: ArrangedCells, best: Maximum, varcomp: VarianceComponents
) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Conditional modes, covariances and slopes by group, in the columns' own units."""
    found = {}
    for f, group in enumerate(arranged.groups):
        d = len(varcomp[group])
        back, begin = np.zeros((d, d)), 0
        for term, own in zip(arranged.terms, arranged.back, strict=True):
            if term.factor == f:
                back[begin : begin + term.size, begin : begin + term.size] = own
                begin += term.size
        slopes = np.einsum("pnd,ed->pne", best.slopes[f], back)
        slopes = np.einsum("pne,pq->qne", slopes, np.linalg.inv(arranged.uncentring()))
        found[group] = (best.effects[f] @ back.T, back @ best.conditional[f] @ back.T, slopes)
    return found


def _posterior(arranged: ArrangedCells, best: Maximum) -> tuple[Floats, Floats] | None:
    if best.posterior is None:
        return None
    scale = float(arranged.back[0][0, 0])
    return scale * best.posterior[0], scale * best.posterior[1]


def _effect_rows(arranged: ArrangedCells, best: Maximum) -> list[Floats]:
    """Each term's contribution to the linear predictor of every cell, at the conditional modes."""
    begin = [0] * len(arranged.groups)
    parts = []
    for term in arranged.terms:
        level = arranged.level_of(term.factor)
        first = begin[term.factor]
        begin[term.factor] += term.size
        for i, column in enumerate(term.columns):
            z = arranged.z[column]
            effect = best.effects[term.factor][level, first + i]
            parts.append(effect if z is None else effect * z)
    return parts


def _method(family: FamilyName, best: Maximum) -> str:
    name = {"binomial": "Logistic", "poisson": "Poisson", "negative-binomial": "Negative binomial"}[family]
    how = "Laplace's approximation" if best.nodes == 1 else f"adaptive quadrature with {best.nodes} nodes"
    return f"{name} mixed model by maximum likelihood, {how}"


def _estimand(design: Design, cells: Cells, family: FamilyName) -> str:
    groups = [
        group
        for group, levels in zip(cells.factors, cells.levels, strict=True)
        if len(levels) < round(cells.n_obs)
    ] or list(cells.factors)
    where = " and ".join(f"a given {group}" for group in groups)
    what = (
        "log odds (exponentiated: an odds ratio)"
        if family == "binomial"
        else "log rate (exponentiated: a rate ratio)"
    )
    return (
        f"conditional: for a patient at {where}, the difference in {what} of {design.response} that goes with"
        " a difference of one in the covariate; not the population average, for which see marginal_effects"
    )
