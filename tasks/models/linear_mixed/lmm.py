"""Linear mixed models by (restricted) maximum likelihood, from moments.

    y = Xβ + Σ_f Z_f b_f + ε,   b_f ~ N(0, σ²D_f) for each level of a grouping factor,   ε ~ N(0, σ²)

Rows are never looked at: the moments of the columns per combination of the grouping factors' levels are all
that the likelihood needs. Standard errors are √diag(σ²(X'V⁻¹X)⁻¹), as in lme4, nlme and SAS (with
Kenward–Roger degrees of freedom: adjusted as they define it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from tasks.errors import EstimationError, nearest
from tasks.models.fit import Fit, Floats, VarianceComponents
from tasks.models.linear_mixed.kenward_roger import KenwardRoger, kenward_roger
from tasks.models.linear_mixed.level_variances import LevelVariances
from tasks.models.linear_mixed.lmm_bootstrap import (
    Resampling,
    bootstrap_draws,
    described,
    percentile_intervals,
)
from tasks.models.linear_mixed.lmm_checks import refuse_exact
from tasks.models.linear_mixed.lmm_criterion import criterion_of
from tasks.models.linear_mixed.lmm_effects import effects_by_group
from tasks.models.linear_mixed.lmm_messages import messages_of
from tasks.models.linear_mixed.lmm_optimum import FitRecord, Optimum, optimise
from tasks.models.linear_mixed.lmm_profile import intervals, profile_coefficients, profile_variances
from tasks.models.linear_mixed.relative_covariance import lower_root
from tasks.models.linear_mixed.satterthwaite import Satterthwaite, satterthwaite
from tasks.records import FoldedMoments, folded_moments_for, moments_for, new_rows
from tasks.records.design import Design
from tasks.records.moments import INTERCEPT, Moments

FOLDED_BEYOND = 1e8
"""Bytes that products by patient may take before patients are folded up."""

DfMethod = Literal["satterthwaite", "kenward-roger", "normal"]

_DF_NAMES: Mapping[DfMethod, str] = {
    "satterthwaite": "Satterthwaite",
    "kenward-roger": "Kenward–Roger",
    "normal": "normal",
}


@dataclass(frozen=True, kw_only=True)
class LmmFit(Fit):
    """A fitted linear mixed model.

    Attributes:
        reml: whether variances were estimated by restricted maximum likelihood.
        sigma2: residual variance, in squared units of the outcome.
        varcomp: covariance of the random effects by grouping factor, with the residual variance.
        record: how the optimum was found.
        optimum: the optimum in working units (see `lmm_columns`), for what is derived from it.
        moments: what the model was fitted to; by all grouping factors but the one that is folded.
        folded: the same with the finest factor's levels, where those were folded up.
        variances: residual variances of the grouping factor's levels, where each has its own.
    """

    reml: bool
    sigma2: float
    varcomp: VarianceComponents
    record: FitRecord = field(repr=False)
    optimum: Optimum = field(repr=False)
    moments: Moments = field(repr=False)
    inference: Satterthwaite | KenwardRoger | None = field(repr=False, default=None)
    variances: LevelVariances | None = field(repr=False, default=None)
    folded: FoldedMoments | None = field(repr=False, default=None)

    @property
    def read(self) -> Moments | FoldedMoments:
        """What the likelihood is made of."""
        return self.folded or self.moments

    @property
    def sigma(self) -> float:
        """Residual standard deviation, in units of the outcome."""
        return float(np.sqrt(self.sigma2))

    @property
    def theta(self) -> pd.Series:
        """Relative Cholesky factor Λ of each random term, covariance = σ²ΛΛ', in the columns' own units.

        Indexed by (group, effect of the row, effect of the column), lower triangles column by column, terms
        by falling number of levels: lme4's `theta`.
        """
        values: dict[tuple[str, str, str], float] = {}
        for term in sorted(self.design.random, key=lambda term: -int(self.n_groups[term.group])):
            names = list(term.columns)
            root = lower_root(self.varcomp[term.group].loc[names, names].to_numpy() / self.sigma2)
            values |= {
                (term.group, row, column): float(root[i, j])
                for j, column in enumerate(names)
                for i, row in enumerate(names)
                if i >= j
            }
        index = pd.MultiIndex.from_tuples(list(values), names=["group", "row", "column"])
        return pd.Series(list(values.values()), index=index, name="theta")

    @property
    def icc(self) -> pd.Series:
        """Share of variance at each level: variance of the group's intercepts over the total.

        For random slopes it is the share where the slopes' covariates are 0; without an intercept, that of
        the first of a set of indicators. With nested groups the correlation of two rows is the sum of the
        shares of the groups they have in common. NaN where a group has no such effect.
        """
        own = {group: self._intercept_variance(group) for group in self.varcomp}
        total = sum(value for value in own.values() if np.isfinite(value)) + self.sigma2
        return pd.Series({group: value / total for group, value in own.items()}, name="icc")

    @cached_property
    def ranef(self) -> Mapping[str, pd.DataFrame]:
        """Random effects by grouping factor.

        Indexed by level (by level and effect where a group has several), in the outcome's units:
        `estimate` (posterior mean, BLUP), `sd` (conditional on variances and coefficients; lme4's condVar),
        `weight` (share of the effect's variance that its own rows resolve, 1 − sd²/variance: for a random
        intercept n_j τ²/(n_j τ² + σ²)), `prediction_sd` (also uncertain in the coefficients; Henderson's
        prediction error, SAS's StdErrPred). There are none of a factor that is folded.
        """
        return effects_by_group(self.optimum.point, self.moments, self.varcomp)

    def predict(self, newdata: Any, kind: Literal["conditional", "marginal"] = "conditional") -> pd.Series:
        """Expected outcome of new rows, in units of the outcome.

        Args:
            newdata: DataFrame, Table or relation with the covariates (and groups, for "conditional").
            kind: "conditional" adds the effects of the row's groups (0 for a group that is new or missing);
                "marginal" is the average over groups.

        Returns:
            (N,) predictions, NaN where a covariate is missing; with the index of a DataFrame.

        Raises:
            EstimationError: no such kind; the effects of a group that is folded.
        """
        if kind not in ("conditional", "marginal"):
            raise EstimationError(
                f"no prediction of kind {kind!r}; {nearest(kind, ['conditional', 'marginal'])}"
            )
        rows = new_rows(self.design, newdata)
        result = rows.fixed @ self.coef.to_numpy() + rows.offset
        if kind == "conditional":
            for term, columns in zip(self.design.random, rows.random, strict=True):
                labels = rows.groups[rows.factors.index(term.group)]
                result = result + np.sum(columns * self._effects_of(term.group, term.columns, labels), axis=1)
        index = newdata.index if isinstance(newdata, pd.DataFrame) else None
        return pd.Series(result, index=index, name=self.design.response)

    def profile(
        self, level: float = 0.95, likelihood: Literal["full", "restricted"] = "full"
    ) -> pd.DataFrame:
        """Profile likelihood intervals of all parameters, one row each: estimate, lower, upper.

        Rows are named as lme4 names them: `sd_(Intercept)|clinic`, `cor_x.(Intercept)|clinic`, `sigma`, then
        `icc|clinic` (share of variance) and the coefficients.

        Args:
            level: coverage.
            likelihood: "full" profiles the likelihood, refitted by maximum likelihood after REML (as lme4
                does); "restricted" the REML criterion, which has no profile of coefficients.

        Raises:
            EstimationError: the restricted likelihood of a fit by maximum likelihood.
        """
        optimum = self._optimum_of(likelihood)
        profiles = profile_variances(optimum)
        if likelihood == "full":
            profiles += profile_coefficients(optimum, list(self.coef.index))
        return intervals(profiles, level)

    def varcomp_intervals(
        self,
        method: Literal["profile", "bootstrap"] = "profile",
        level: float = 0.95,
        *,
        likelihood: Literal["full", "restricted"] = "full",
        resampling: Resampling = "parametric",
        draws: int = 999,
        seed: int = 20_220,
    ) -> pd.DataFrame:
        """Intervals of SDs, correlations and shares of variance, one row each: estimate, lower, upper.

        Args:
            method: "profile" (see `profile`) or "bootstrap": percentiles of refits.
            level: coverage.
            likelihood: which one is profiled.
            resampling: the bootstrap's: "parametric" (new outcomes drawn from the model) or "clusters"
                (levels of the coarsest factor drawn with replacement; needs many of them).
            draws, seed: the bootstrap's.

        Raises:
            EstimationError: clusters of crossed factors; the restricted likelihood after ML.
        """
        if method == "profile":
            return intervals(profile_variances(self._optimum_of(likelihood)), level)
        if method != "bootstrap":
            raise EstimationError(f"no intervals by {method!r}; {nearest(method, ['profile', 'bootstrap'])}")
        self.refuse_folded("a bootstrap draws them")
        table = bootstrap_draws(
            self.design,
            self.moments,
            self.optimum,
            resampling=resampling,
            coefficients=self.coef,
            varcomp=self.varcomp,
            draws=draws,
            seed=seed,
        )
        return percentile_intervals(table, described(self.optimum), level)

    def _optimum_of(self, likelihood: Literal["full", "restricted"]) -> Optimum:
        if likelihood == "restricted" and not self.reml:
            raise EstimationError(
                "a fit by maximum likelihood has no restricted likelihood to profile",
                hint="fit with reml=True",
            )
        if likelihood == "restricted" or not self.reml:
            return self.optimum
        return optimise(replace(self.optimum.point.criterion, reml=False))

    def _effects_of(self, group: str, columns: Sequence[str], labels: Sequence[Any]) -> Floats:
        if self.folded is not None and group == self.folded.group:
            self.refuse_folded("a conditional prediction needs them")
        names = list(self.varcomp[group].index)
        levels = self.moments.levels[self.moments.factors.index(group)]
        table = self.ranef[group]["estimate"].to_numpy().reshape(len(levels), len(names))
        place = {level: k for k, level in enumerate(levels)}
        where = np.array([place.get(label, -1) for label in labels], dtype=np.int64)
        found = table[where][:, [names.index(column) for column in columns]]
        return np.where((where >= 0)[:, None], found, 0.0)

    def refuse_folded(self, why: str) -> None:
        """Raise if single levels of the finest factor were not kept."""
        if self.folded is not None:
            raise EstimationError(
                f"the effects of single levels of {self.folded.group} were not kept, and {why}",
                hint="fit with fold=False, which keeps them as far as memory allows",
            )

    def _intercept_variance(self, group: str) -> float:
        variances = self.varcomp.variance(group)
        if INTERCEPT in variances.index:
            return float(variances[INTERCEPT])
        column = self.moments.position(str(variances.index[0]))[0]
        raw = self.moments.raw().products.sum(axis=0)
        is_indicator = abs(raw[column, column] - raw[0, column]) < 1e-9 * abs(raw[column, column])
        return float(variances.iloc[0]) if is_indicator else float("nan")

    def _contrast_reference(self, contrast: Floats) -> tuple[float, float]:
        if isinstance(self.inference, KenwardRoger):
            return self.inference.reference(contrast)
        if isinstance(self.inference, Satterthwaite):
            return 1.0, self.inference.df(contrast)
        return 1.0, float("inf")

    def _summary_details(self) -> list[str]:
        table = self.varcomp.table()
        table["correlation"] = [" ".join(f"{each:.2f}" for each in row) for row in table["correlation"]]
        shares = ", ".join(f"{group} {share:.3f}" for group, share in self.icc.items())
        lines = ["", "Variance components:", table.to_string(index=False, float_format=lambda v: f"{v:.5g}")]
        return [*lines, f"Share of variance (ICC): {shares}"]


def lmm(
    formula: str,
    data: Any,
    *,
    reml: bool = True,
    df: DfMethod = "satterthwaite",
    fold: bool | None = None,
) -> LmmFit:
    """A linear mixed model of patients in clinics.

    Patients with a random intercept alone, each in one clinic, are told by sums (`FoldedMoments`): the same
    fit to rounding, of any number of patients in the memory of one, but for the patients' own effects.

    Args:
        formula: e.g. "sbp ~ age + program + (1 + month | patient) + (1 | clinic)"; `||` for independent
            effects, (1 | region/clinic) for nested ones, several terms for crossed ones.
        data: a pandas DataFrame, a pyarrow Table, a DuckDB relation or a `Records` handle; any row order.
        reml: restricted maximum likelihood (less biased variances) or maximum likelihood (comparable
            between different fixed effects).
        df: of the coefficients' t and F references: "satterthwaite", "kenward-roger" (which adjusts the
            covariance too, and needs REML) or "normal".
        fold: whether patients in a database are told by their sums; None: from 100 MB of products on, which
            are 90,000 patients of a model with ten covariates.

    Raises:
        FormulaError, RecordsError, SourceError: from reading the records (`tasks.records.moments_for`).
        EstimationError: no random term; fewer than two groups; one row per group; a constant outcome; more
            effects than information; an outcome that the model reproduces exactly; `fold` where the finest
            group cannot be folded.
    """
    if fold is not False:
        folded = folded_moments_for(formula, data, beyond=0.0 if fold else FOLDED_BEYOND)
        if folded is not None:
            return lmm_from_moments(*folded, reml=reml, df=df)
        if fold:
            raise EstimationError(
                "the levels of no group can be folded up",
                hint="it takes a database, and a term (1 | group) whose levels each lie in one of the others",
            )
    design, moments = moments_for(formula, data)
    return lmm_from_moments(design, moments, reml=reml, df=df)


def lmm_from_moments(
    design: Design,
    moments: Moments | FoldedMoments,
    *,
    reml: bool = True,
    df: DfMethod = "satterthwaite",
    start: Floats | None = None,
) -> LmmFit:
    """A linear mixed model from moments that are already there (stored, or added up over months or sites).

    Args:
        design: the formula bound to the data.
        moments: of its columns, per combination of its grouping factors' levels (of more factors will do),
            or with the finest factor's levels folded.
        reml: see `lmm`.
        df: see `lmm`.
        start: θ in working units to begin from (`fit.record.theta` of a similar fit).

    Raises:
        EstimationError: see `lmm`.
    """
    if df not in _DF_NAMES:
        raise EstimationError(f"no degrees of freedom {df!r}; {nearest(df, _DF_NAMES)}")
    if df == "kenward-roger" and not reml:
        raise EstimationError(
            "Kenward–Roger's adjustment is defined for REML fits", hint="set reml=True, or df='satterthwaite'"
        )
    criterion = criterion_of(design, moments, reml=reml)
    optimum = optimise(criterion, start)
    return _finish(design, moments, optimum, df)


def _said_of(folded: FoldedMoments | None) -> tuple[str, ...]:
    if folded is None:
        return ()
    return (
        f"the {folded.n_levels:,} levels of {folded.group} are told by sums over those alike: "
        "their own effects were not kept",
    )


def variance_components(optimum: Optimum) -> VarianceComponents:
    """The covariances of the random effects in the columns' and the outcome's own units."""
    data = optimum.point.criterion.data
    unit = data.y_scale**2 * float(optimum.point.sigma2)
    covariance = {}
    for group, relative in zip(data.groups, optimum.point.covariance, strict=True):
        matrix = unit * group.back @ relative @ group.back.T
        names = list(group.columns)
        covariance[group.group] = pd.DataFrame(0.5 * (matrix + matrix.T), index=names, columns=names)
    return VarianceComponents(covariance, residual=unit)


def _finish(design: Design, read: Moments | FoldedMoments, optimum: Optimum, df: DfMethod) -> LmmFit:
    point = optimum.point
    criterion = point.criterion
    data, names = criterion.data, list(design.fixed)
    refuse_exact(design, data, float(point.sigma2))
    unit = data.y_scale**2 * float(point.sigma2)
    coef = data.y_scale * data.back @ point.beta + data.shift
    vcov = unit * data.back @ point.s_xx_inverse @ data.back.T
    inference: Satterthwaite | KenwardRoger | None = None
    degrees = np.full(len(names), np.inf)
    if df == "satterthwaite" and names:
        inference = satterthwaite(point, optimum.theta)
        degrees = inference.of_coefficients()
    elif df == "kenward-roger" and names:
        inference = kenward_roger(point)
        degrees, vcov = inference.of_coefficients(), inference.vcov
    groups = [group.group for group in data.groups]
    levels = {group: data.n_levels(f) for f, group in enumerate(groups)}
    folded = read if isinstance(read, FoldedMoments) else None
    varcomp = variance_components(optimum)
    within = " and ".join(groups)
    return LmmFit(
        method=f"Linear mixed model by {'REML' if criterion.reml else 'maximum likelihood'}",
        design=design,
        estimand=(
            f"conditional: the difference in {design.response} between rows of the same {within} that "
            "differ by one unit of the covariate (in a linear model also that of population averages)"
        ),
        coef=pd.Series(coef, index=names, name="estimate"),
        vcov=pd.DataFrame(0.5 * (vcov + vcov.T), index=names, columns=names),
        df=pd.Series(degrees, index=names, name="df"),
        df_method=_DF_NAMES[df],
        loglik=-0.5 * point.value,
        n_parameters=len(names) + criterion.shape.size + 1,
        n_obs=round(data.n),
        n_groups=pd.Series(levels, name="levels"),
        converged=optimum.converged,
        singular=optimum.singular,
        messages=(*messages_of(optimum, varcomp, levels), *_said_of(folded)),
        reml=criterion.reml,
        sigma2=unit,
        varcomp=varcomp,
        record=optimum.record,
        optimum=optimum,
        moments=read.moments if isinstance(read, FoldedMoments) else read,
        folded=folded,
        inference=inference,
    )
