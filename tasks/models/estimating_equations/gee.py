"""Generalized estimating equations: population-averaged effects, with covariances for few clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from tasks.errors import EstimationError, FormulaError, nearest
from tasks.models.estimating_equations.gee_blocks import BlockSums, start_from_sample
from tasks.models.estimating_equations.gee_checks import (
    check_clusters,
    check_outcome,
    check_outcome_of_blocks,
    check_scale,
    check_varies,
    group_names,
    known,
)
from tasks.models.estimating_equations.gee_equations import (
    CORRELATIONS,
    Correlation,
    Equations,
    Solved,
    Spacing,
    rows_in_time,
)
from tasks.models.estimating_equations.gee_family import FAMILIES, Family
from tasks.models.estimating_equations.gee_solver import likelihood_start
from tasks.models.estimating_equations.gee_sums import CellSums, MomentSums
from tasks.models.estimating_equations.robust_fit import RobustFit, few_df_note
from tasks.models.estimating_equations.sandwich import COVARIANCES, ClusterScores, Covariance
from tasks.models.estimating_equations.working_correlation import CONVENTIONS, Convention
from tasks.models.fit import Floats, VarianceComponents
from tasks.models.memory_budget import MEMORY_BUDGET, check_budget
from tasks.records import CellBlocks, Cells, Design, Moments, blocks_for, cells_for, moments_for, new_rows
from tasks.records.formulas.formula import read

DfMethod = Literal["satterthwaite", "clusters-parameters", "normal"]
DF_METHODS: tuple[DfMethod, ...] = get_args(DfMethod)

FEW_CLUSTERS = 40
"""Below this many clusters the plain sandwich is too small, and a corrected one is the default; clusters of
unequal size count as the equal ones that would tell as much."""


def effective_clusters(sizes: Floats) -> float:
    """How many clusters of one size tell as much as these: K/(1 + cv²) of their rows.

    Source: Carter, Schnepel & Steigerwald (2017), Rev Econ Stat 99:698, with the leverage of a mean.
    """
    return float(sizes.sum() ** 2 / (sizes**2).sum())


@dataclass(frozen=True, kw_only=True)
class GeeFit(RobustFit):
    """A marginal model fitted by estimating equations.

    Attributes:
        family: gaussian, binomial or poisson, with the canonical link.
        corr: the working correlation asked for.
        instead: why independence took its place; empty where it did not.
        cov: the covariance that `vcov` and everything that follows from it uses.
        convention: how scale and correlation were estimated from residuals.
        scale: φ used in the model-based covariance.
        scale_estimate: moment estimate of φ (differs from `scale` only where that was fixed).
        working: correlation parameters by name; empty for independence.
        times: occasions of an AR(1) or unstructured correlation, in order; None for others.
        cluster_sizes: (K,) rows per cluster, in the order of the clusters' labels.
        iterations: scoring steps taken.
        last_step: the last of them, in standard errors.
    """

    family: Family
    corr: Correlation
    instead: str
    cov: Covariance
    convention: Convention
    scale: float
    scale_estimate: float
    working: Mapping[str, float]
    times: Floats | None = None
    cluster_sizes: Floats = field(repr=False)
    iterations: int
    last_step: float

    def covariance(self, kind: Covariance) -> pd.DataFrame:
        """(p, p) covariance of the coefficients of another kind, from the same fit."""
        known(kind, COVARIANCES, "covariance")
        names = self.coef.index
        return pd.DataFrame(self.scores.covariance(kind), index=names, columns=names)

    def with_covariance(self, kind: Covariance, df: DfMethod | None = None) -> GeeFit:
        """The same fit reported with another covariance (and df)."""
        return replace(self, cov=kind, **_inference(self.scores, self.coef.index, kind, df))

    @property
    def sigma2(self) -> float:
        """The scale φ: the residual variance of a Gaussian model, overdispersion of the others."""
        return self.scale

    @property
    def varcomp(self) -> VarianceComponents:
        """Empty: a marginal model has no random effects; see `working`."""
        return VarianceComponents({}, self.scale if self.family.name == "gaussian" else None)

    @property
    def ranef(self) -> dict[str, pd.DataFrame]:
        """Empty: a marginal model has no random effects."""
        return {}

    @property
    def icc(self) -> float:
        """The working correlation of two rows of a cluster, where there is one; NaN otherwise."""
        return float(self.working["alpha"]) if self.corr == "exchangeable" and self.working else float("nan")

    def working_correlation(self) -> pd.DataFrame:
        """The correlation of the occasions (AR(1), unstructured), labelled by their times.

        Raises:
            EstimationError: the structure has no occasions; its parameters are in `working`.
        """
        if self.times is None:
            raise EstimationError(
                f"a correlation of type {self.corr} has no occasions", hint="its parameters are in `working`"
            )
        n = len(self.times)
        if self.corr == "ar1":
            matrix = self.working["alpha"] ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
        else:
            matrix = np.eye(n)
            matrix[np.triu_indices(n, 1)] = list(self.working.values())
            matrix = np.triu(matrix) + np.triu(matrix, 1).T
        return pd.DataFrame(matrix, index=self.times, columns=self.times)

    def predict(self, newdata: Any, kind: Literal["marginal"] = "marginal") -> pd.Series:
        """Expected outcome of each row of `newdata`, averaged over clusters.

        Raises:
            EstimationError: `kind` is "conditional"; a marginal model has no cluster effects to condition on.
        """
        if kind not in ("conditional", "marginal"):
            raise EstimationError(f"no prediction of kind {kind!r}; a GEE has 'marginal'")
        if kind != "marginal":
            raise EstimationError(
                "a GEE predicts population averages only",
                hint="for a named clinic, predict from lmm() or glmm()",
            )
        rows = new_rows(self.design, newdata)
        mean, _ = self.family.mean_and_root(rows.fixed @ self.coef.to_numpy() + rows.offset)
        index = newdata.index if isinstance(newdata, pd.DataFrame) else None
        return pd.Series(mean, index=index, name=self.design.response)

    def _summary_details(self) -> list[str]:
        sizes = self.cluster_sizes
        shown = ", ".join(f"{name} = {value:.4g}" for name, value in list(self.working.items())[:6])
        more = f" … ({len(self.working)} in all)" if len(self.working) > 6 else ""
        return [
            "",
            f"covariance: {COVARIANCES[self.cov]}",
            f"working correlation: {'independence' if self.instead else self.corr}"
            + (f" ({shown}{more})" if shown else ""),
            f"scale {self.scale:.5g}; {CONVENTIONS[self.convention]}",
            f"clusters of {sizes.min():,.0f} to {sizes.max():,.0f} rows (mean {sizes.mean():,.1f})",
        ]


def gee(
    formula: str,
    data: Any,
    *,
    groups: str | Sequence[str],
    family: str = "gaussian",
    corr: Correlation = "independence",
    cov: Covariance | None = None,
    df: DfMethod | None = None,
    time: str | None = None,
    spacing: Spacing = "occasions",
    scale: float | None = None,
    convention: Convention = "liang-zeger",
    trials: str | None = None,
    exposure: str | None = None,
    offset: str | None = None,
    memory_budget: float = MEMORY_BUDGET,
) -> GeeFit:
    """Population-averaged effects by generalized estimating equations (Liang & Zeger 1986).

    The canonical link of the family is used (identity, logit, log).

    Args:
        formula: outcome and covariates; no random effects.
        data: DataFrame, Arrow table, DuckDB relation or Records, rows in any order.
        groups: the cluster column; for nested-exchangeable two, outer first: ("clinic", "patient") or
            "clinic/patient".
        family: gaussian, binomial or poisson.
        corr: working correlation. With `trials`, independence and the exchangeable ones take each trial
            for an outcome of its own, so that counts of successes give what one row per patient gives; ar1
            and unstructured take a row for one outcome measured on `trials` patients.
        cov: covariance of the coefficients; None takes Kauermann–Carroll's below 40 clusters (of unequal
            ones: below what 40 equal ones tell, `effective_clusters`) and the plain sandwich from there on.
            With Satterthwaite df it holds its level from about eight clusters on, of equal size or not (Li &
            Redden 2015 Stat Med 34, 281 find so for K − p df and equal sizes).
        df: reference of tests and intervals: "satterthwaite" (of the variance estimate, per coefficient),
            "clusters-parameters", or "normal". None: Satterthwaite for the robust covariances, normal for
            the model-based one.
        time: column that orders a cluster's rows; needed for ar1 and unstructured.
        spacing: whether AR(1) counts gaps in occasions (positions among the times seen in the data, as
            geepack's `waves`) or in the units of the time column.
        scale: fixed φ for the model-based covariance (1.0 for binomial and Poisson without overdispersion);
            None estimates it. The correlation always uses the estimate.
        convention: denominators of the moment estimates, see `working_correlation`.
        trials, exposure, offset: columns for counts of successes, time at risk, and an offset.
        memory_budget: bytes that a database's rows may take. What would take more is read again, block by
            block, for every pass over it, where the correlation is independence or exchangeable and there
            are no `trials`; the answer is the same, and `messages` says so. Gaussian models without an
            `offset` take sums from the database and no rows.

    Raises:
        EstimationError: fewer than two clusters, a constant outcome, values the family cannot have, tied
            times, a working correlation that is not positive definite, separation.
        FormulaError: a random term, an unknown column, a time column that is needed.
    """
    chosen = FAMILIES.get(family)
    if chosen is None:
        raise EstimationError(f"no family {family!r}; {nearest(family, FAMILIES)}")
    known(corr, CORRELATIONS, "working correlation")
    known(convention, CONVENTIONS, "convention")
    if cov is not None:
        known(cov, COVARIANCES, "covariance")
    if df is not None:
        known(df, DF_METHODS, "degrees of freedom")
    check_scale(scale)
    check_budget(memory_budget)
    names = group_names(groups, corr)
    if read(formula).random:
        raise FormulaError(
            "a GEE has no random effects, and the formula has a term with '|'",
            hint='leave it out and name the clusters with groups="…", or fit lmm() or glmm()',
        )
    if trials is not None and chosen.name != "binomial":
        raise FormulaError(
            f"a {family} outcome has no trials",
            hint='use family="binomial", or exposure="…" for time at risk',
        )
    on_occasions = corr in ("ar1", "unstructured")
    if on_occasions and time is None:
        raise FormulaError(
            f"a correlation of type {corr} needs to know the order of a cluster's rows",
            hint='name the column with time="…"',
        )
    report: dict[str, Any] = {"corr": corr, "cov": cov, "df": df, "scale": scale, "convention": convention}
    if chosen.name == "gaussian" and not on_occasions and offset is None and exposure is None:
        return gee_from_moments(*moments_for(formula, data, groups=names), **report)
    if corr in ("independence", "exchangeable") and trials is None:
        with blocks_for(
            formula, data, groups=names[0], budget=memory_budget, exposure=exposure, offset=offset
        ) as found:
            fit = None if found is None else _gee_from_blocks(*found, family=family, **report)
        if fit is not None:
            return fit
    design, cells = cells_for(
        formula,
        data,
        groups=names,
        trials=trials,
        exposure=exposure,
        offset=offset,
        time=time if on_occasions else None,
        collapse=not on_occasions,
    )
    return gee_from_cells(design, cells, family=family, time=time or "time", spacing=spacing, **report)


def gee_from_moments(
    design: Design,
    moments: Moments,
    *,
    corr: Literal["independence", "exchangeable", "nested-exchangeable"] = "independence",
    cov: Covariance | None = None,
    df: DfMethod | None = None,
    scale: float | None = None,
    convention: Convention = "liang-zeger",
) -> GeeFit:
    """A Gaussian GEE from moments that are already there (stored, or added up over months or sites).

    Args:
        design: the formula bound to the data.
        moments: of its columns, by cluster (the first factor), and unit for nested-exchangeable.
        corr, cov, df, scale, convention: see `gee`.
    """
    check_clusters(moments.factors[0], len(moments.levels[0]))
    groups = moments.factors[: 2 if corr == "nested-exchangeable" else 1]
    sums = MomentSums(moments, design.fixed, units=len(groups))
    check_varies(design, sums.spread)
    equations = Equations(
        design, groups, FAMILIES["gaussian"], corr, convention, sums, moments.levels, moments.n_obs
    )
    return _fit(equations, equations.solve_by_sums(sums.least_squares()), _Report(cov, df, scale))


def gee_from_cells(
    design: Design,
    cells: Cells,
    *,
    family: str,
    corr: Correlation = "independence",
    cov: Covariance | None = None,
    df: DfMethod | None = None,
    scale: float | None = None,
    convention: Convention = "liang-zeger",
    time: str = "time",
    spacing: Spacing = "occasions",
) -> GeeFit:
    """A GEE from cells that were made already; the fit keeps none of them.

    Args:
        design: the formula bound to the data.
        cells: by cluster (the first factor), and unit for nested-exchangeable; with their time for ar1 and
            unstructured.
        time: what errors call the time column.
        family, corr, cov, df, scale, convention, spacing: see `gee`.
    """
    chosen = FAMILIES[family]
    check_clusters(cells.factors[0], len(cells.levels[0]))
    check_outcome(design, cells, chosen)
    groups = cells.factors[: 2 if corr == "nested-exchangeable" else 1]
    source = CellSums(cells, design.fixed, chosen, units=len(groups))
    equations = Equations(design, groups, chosen, corr, convention, source, cells.levels, cells.n_obs)
    start = likelihood_start(cells, design, chosen, source.centre)
    report = _Report(cov, df, scale)
    if corr not in ("ar1", "unstructured"):
        return _fit(equations, equations.solve_by_sums(start), report)
    rows = rows_in_time(source, groups[0], time, corr, spacing)
    return _fit(equations, equations.solve_by_rows(start, rows), report, rows.times)


def _gee_from_blocks(
    design: Design,
    blocks: CellBlocks,
    *,
    family: str,
    corr: Correlation,
    cov: Covariance | None,
    df: DfMethod | None,
    scale: float | None,
    convention: Convention,
) -> GeeFit | None:
    """A GEE from rows that are read again for every pass; None where a start takes all of them at once."""
    chosen = FAMILIES[family]
    check_clusters(blocks.factors[0], len(blocks.levels[0]))
    check_outcome_of_blocks(design, blocks, chosen)
    source = BlockSums(blocks, design.fixed, chosen)
    equations = Equations(
        design, blocks.factors, chosen, corr, convention, source, blocks.levels, blocks.n_obs
    )
    start = start_from_sample(design, source)
    if start is None:
        return None
    fit = _fit(equations, equations.solve_by_sums(start), _Report(cov, df, scale))
    return replace(fit, messages=(*fit.messages, blocks.reason))


@dataclass(frozen=True, slots=True)
class _Report:
    """How a solution is to be reported; None: the default for the number of clusters."""

    cov: Covariance | None
    df: DfMethod | None
    scale: float | None


def _fit(
    equations: Equations,
    solved: Solved,
    report: _Report,
    times: Floats | None = None,
) -> GeeFit:
    design, source, family = equations.design, equations.source, equations.family
    solution = solved.solution
    notes = (solved.instead, *solved.notes) if solved.instead else solved.notes
    weighed, estimate = solution.evaluation.weighed, solution.evaluation.scale
    scale = estimate if report.scale is None else report.scale
    scores = ClusterScores(*weighed.clusters(), scale, source.centre.back)
    sizes = np.add.reduceat(source.rows, source.first)
    few = effective_clusters(sizes) < FEW_CLUSTERS
    cov: Covariance = report.cov or ("kauermann-carroll" if few else "robust")
    names = pd.Index(design.fixed)
    counts, nesting = _counts(equations)
    inference = _inference(scores, names, cov, report.df)
    cluster = equations.groups[0]
    return GeeFit(
        method=_method(equations, solved),
        design=design,
        estimand=f"population-averaged: {family.effect}, averaged over the rows of all levels of {cluster}",
        coef=pd.Series(source.centre.back @ solution.coefficients, index=names, name="estimate"),
        **inference,
        loglik=None,
        n_parameters=len(names),
        n_obs=round(equations.n_obs),
        n_groups=counts,
        converged=solution.converged,
        messages=notes + nesting + _warnings(scores, cov) + few_df_note(inference["df"]),
        family=family,
        corr=equations.corr,
        instead=solved.instead,
        cov=cov,
        convention=equations.convention,
        scale=scale,
        scale_estimate=estimate,
        working=weighed.parameters,
        times=times,
        cluster_sizes=sizes,
        scores=scores,
        iterations=solution.iterations,
        last_step=solution.step,
    )


def _method(equations: Equations, solved: Solved) -> str:
    asked = equations.corr
    used = f"independence (for {asked})" if solved.instead else asked
    return f"GEE, {equations.family.name} family, {used} working correlation"


def _counts(equations: Equations) -> tuple[pd.Series, tuple[str, ...]]:
    """Clusters and units, and a note where units' labels occur in several clusters."""
    source, groups = equations.source, equations.groups
    counts = {groups[0]: len(source.first)}
    if len(groups) == 1:
        return pd.Series(counts), ()
    counts[groups[1]] = len(source.rows)
    repeated = len(source.rows) - len(equations.levels[1])
    if repeated == 0:
        return pd.Series(counts), ()
    note = (
        f"{repeated:,} times a {groups[1]} has rows in another {groups[0]} too, and is taken for a different "
        "one there."
    )
    return pd.Series(counts), (note,)


def _warnings(scores: ClusterScores, cov: Covariance) -> tuple[str, ...]:
    """What the number of clusters and their leverage mean for the covariance."""
    notes: tuple[str, ...] = ()
    if scores.n_clusters < FEW_CLUSTERS and cov in ("robust", "model"):
        notes += (
            f"with {scores.n_clusters} clusters the {COVARIANCES[cov]} covariance is too small; "
            "leave cov out for a corrected one.",
        )
    alone = len(scores.full_leverage) if cov in ("kauermann-carroll", "mancl-derouen") else 0
    if alone:
        notes += (
            f"{alone} of the clusters alone determine a combination of coefficients (leverage 1); its "
            "uncertainty cannot be judged from the data, and the correction leaves it out.",
        )
    return notes


def _inference(
    scores: ClusterScores, names: pd.Index, kind: Covariance, df: DfMethod | None
) -> dict[str, Any]:
    """Fields of a fit: the covariance, df per coefficient and how they were found."""
    p = len(names)
    choice: DfMethod = df or ("normal" if kind == "model" else "satterthwaite")
    if choice == "satterthwaite" and kind == "model":
        raise EstimationError(
            "the model-based covariance has no Satterthwaite df",
            hint="use df='clusters-parameters' or 'normal'",
        )
    if choice == "satterthwaite":
        values = np.array([scores.degrees_of_freedom(kind, row) for row in np.eye(p)])
        words = "Satterthwaite (Bell–McCaffrey)"
    elif choice == "clusters-parameters":
        if scores.n_clusters <= p:
            raise EstimationError(
                f"{scores.n_clusters} clusters leave no degrees of freedom for {p} coefficients",
                hint="use df='satterthwaite', or fewer covariates",
            )
        values = np.full(p, float(scores.n_clusters - p))
        words = "clusters − parameters"
    else:
        values, words = np.full(p, np.inf), "normal"
    vcov = pd.DataFrame(scores.covariance(kind), index=names, columns=names)
    return {
        "vcov": vcov,
        "df": pd.Series(values, index=names, name="df"),
        "df_method": words,
        "satterthwaite": kind if choice == "satterthwaite" else None,
    }
