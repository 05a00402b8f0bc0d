"""Generalized linear mixed models: binomial and count outcomes of patients who sit in clinics."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
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
from tasks.models.generalized_mixed.fitted_rows import FittedRows
from tasks.models.generalized_mixed.glmm_blocks import BlockModel
from tasks.models.generalized_mixed.glmm_cells import ArrangedCells
from tasks.models.generalized_mixed.glmm_checks import (
    check_levels,
    check_outcome,
    check_outcome_of_blocks,
    check_random_terms,
    laplace_error,
    messages,
)
from tasks.models.generalized_mixed.glmm_fit import LOG_SIZE, GlmmFit, Loading
from tasks.models.generalized_mixed.glmm_maximum import Maximum
from tasks.models.generalized_mixed.scalar_climb import maximise_scalar
from tasks.models.generalized_mixed.separation import PredictorReach, find_separation, refuse_separated
from tasks.models.generalized_mixed.start_values import start_values
from tasks.models.memory_budget import MEMORY_BUDGET, check_budget
from tasks.records import CellBlocks, blocks_for, cells_for
from tasks.records.cells import Cells
from tasks.records.design import Design
from tasks.records.formulas.formula import read

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
    memory_budget: float = MEMORY_BUDGET,
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
        memory_budget: bytes that a database's rows may take. What would take more is read again for every
            pass over it, in blocks of whole levels, where there is one random effect by one group of a
            binomial or Poisson outcome without `trials` and `design_effects`; the answer is the same, and
            `messages` says so. Other models hold their rows whatever they take.

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
    check_budget(memory_budget)
    collapse = trials is None and kind != "negative-binomial"
    reading = {"trials": trials, "exposure": exposure, "offset": offset, "collapse": collapse}
    if collapse and design_effects is None and _is_scalar(formula):
        with blocks_for(formula, data, budget=memory_budget, exposure=exposure, offset=offset) as found:
            fit = None if found is None else _glmm_from_blocks(*found, kind, nodes)
        if fit is not None:
            return replace(fit, data=data, reading=reading)
    design, cells = cells_for(
        formula, data, trials=trials, exposure=exposure, offset=offset, collapse=collapse
    )
    fit = glmm_from_cells(
        design, cells, kind, nodes=nodes, has_trials=trials is not None, design_effects=design_effects
    )
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
    rows = FittedRows.of(cells, arranged, best, family, size)
    degrees = between_within_df(cells.fixed.T, cells.codes, [len(each) for each in cells.levels], cells.n_obs)
    return _fit_of(
        design,
        arranged,
        family,
        best,
        rows,
        degrees,
        size=size,
        asked=nodes,
        laplace_error=lambda: laplace_error(arranged, best),
    )


def _is_scalar(formula: str) -> bool:
    """Whether a formula has one random term by one group; whether of one effect, its columns say."""
    return len(read(formula).random) == 1


def _glmm_from_blocks(
    design: Design, blocks: CellBlocks, family: FamilyName, nodes: int | None
) -> GlmmFit | None:
    """The same from rows that are read again for every pass; None where all of them are needed at once.

    They are for several effects, and to say which covariates separate the outcome.
    """
    if len(design.random[0].columns) != 1:
        return None
    check_random_terms(design, blocks)
    check_outcome_of_blocks(design, blocks, family)
    check_levels(blocks, family)
    model = BlockModel(design, blocks, family)
    start = start_values(model.sample)
    if model.is_separated(start):
        return None
    best = maximise_scalar(model, start, nodes)
    if model.is_separated(best.parameters):
        return None
    rows, degrees = model.at(best)
    fit = _fit_of(
        design,
        model.sample,
        family,
        best,
        rows,
        degrees,
        size=None,
        asked=nodes,
        laplace_error=lambda: laplace_error(model, best),
    )
    return replace(fit, messages=(*fit.messages, blocks.reason))


def _refuse_if_separated(
    design: Design, arranged: ArrangedCells, family: FamilyName, parameters: Floats
) -> bool:
    """Looks for separation where a fitted value is suspiciously far out; says whether it looked.

    Raises:
        EstimationError: a covariate separates the outcome.
    """
    n_theta = sum(term.n_theta for term in arranged.terms)
    beta = parameters[n_theta : n_theta + len(arranged.names)]
    reach = PredictorReach(family)
    reach.see(beta @ arranged.x, arranged.offset)
    if reach.is_suspect:
        found = find_separation(arranged.names, arranged.x, arranged.outcome, arranged.rows)
        if found is not None:
            raise refuse_separated(found, design.response, family)
    return reach.is_suspect


def _fit_of(
    design: Design,
    arranged: ArrangedCells,
    family: FamilyName,
    best: Maximum,
    rows: FittedRows,
    degrees: Floats,
    *,
    size: float | None,
    asked: int | None,
    laplace_error: Callable[[], float],
) -> GlmmFit:
    """The maximum in the columns' own units, labelled, with what a reader must know.

    Args:
        design: the formula bound to the data.
        arranged: cells, of which only names, terms and units are used.
        family: of the model.
        best: the maximum.
        rows: what it says of the rows.
        degrees: (p,) degrees of freedom of the coefficients.
        size: of a negative binomial.
        asked: the number of nodes that the analyst asked for, or None.
        laplace_error: as `messages` takes it.
    """
    q, p = best.held.size, len(arranged.names)
    names = pd.Index(design.fixed)
    uncentring = np.eye(best.parameters.size)
    uncentring[q : q + p, q : q + p] = arranged.uncentring()
    joint = uncentring @ best.covariance @ uncentring.T
    coefficients = arranged.uncentring() @ best.parameters[q : q + p]
    loadings = _loadings(design, arranged, best.parameters[:q])
    varcomp = _variance_components(loadings)
    modes = _modes(arranged, best, varcomp)
    n_parameters = q + p + (size is not None)
    scatter = None
    if rows.pearson is not None:
        scatter = rows.pearson.dispersion(n_parameters - q + _effective_effects(modes, varcomp))
    labels = (
        [f"theta{i + 1}" for i in range(q)]
        + list(design.fixed)
        + ([LOG_SIZE] if arranged.outcome.has_size else [])
    )
    fit = GlmmFit(
        method=_method(family, best),
        design=design,
        estimand=_estimand(design, arranged, rows.rows, family),
        coef=pd.Series(coefficients, index=names, name="estimate"),
        vcov=pd.DataFrame(joint[q : q + p, q : q + p], index=names, columns=names),
        df=pd.Series(degrees, index=names, name="df"),
        df_method="between–within",
        loglik=best.value,
        n_parameters=n_parameters,
        n_obs=round(rows.rows),
        n_groups=pd.Series(
            {group: len(each) for group, each in zip(arranged.groups, arranged.levels, strict=True)}
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
        labels=dict(zip(arranged.groups, arranged.levels, strict=True)),
        dispersion=scatter,
        iterations=best.iterations,
        gradient_test=best.decrement,
        typical=rows.typical,
    )
    said = messages(fit, best, asked=asked, is_scalar=arranged.is_scalar, laplace_error=laplace_error)
    return replace(fit, messages=said)


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


def _method(family: FamilyName, best: Maximum) -> str:
    name = {"binomial": "Logistic", "poisson": "Poisson", "negative-binomial": "Negative binomial"}[family]
    how = "Laplace's approximation" if best.nodes == 1 else f"adaptive quadrature with {best.nodes} nodes"
    return f"{name} mixed model by maximum likelihood, {how}"


def _estimand(design: Design, arranged: ArrangedCells, rows: float, family: FamilyName) -> str:
    groups = [
        group
        for group, levels in zip(arranged.groups, arranged.levels, strict=True)
        if len(levels) < round(rows)
    ] or list(arranged.groups)
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
