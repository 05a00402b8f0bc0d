"""The intraclass correlation: how much of what varies between patients varies between their clinics.

It has two readings that are the same number: the correlation of two patients of one clinic, and the share of
the variance that lies between clinics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from tasks.errors import EstimationError
from tasks.models.generalized_mixed.families import count_family_named
from tasks.models.intraclass import icc_estimates, icc_likelihood
from tasks.models.intraclass.icc_estimates import METHODS, MIXED, Kind
from tasks.models.intraclass.icc_mixed import mixed_icc
from tasks.models.intraclass.icc_nested import nested_icc
from tasks.models.intraclass.icc_result import ICC, clinics_table, levels_table, refuse_terms
from tasks.models.intraclass.one_way import OneWay, anova, refuse_single_rows, split, split_cells
from tasks.records import Design, cells_for, moments_for
from tasks.records.formulas.tokens import tokens_of
from tasks.records.moments import INTERCEPT


def icc(
    formula: str,
    data: Any,
    *,
    groups: str | Sequence[str] = (),
    kind: Kind = "continuous",
    method: str | None = None,
    interval: str | None = None,
    level: float = 0.95,
    exposure: str | None = None,
    family: str = "poisson",
    nodes: int | None = None,
    replicates: int = 2_000,
    seed: int = 0,
) -> ICC:
    """The intraclass correlation of an outcome by clinic, from one GROUP BY.

    Args:
        formula: an outcome ("sbp"), or a formula ("sbp ~ age + (1 | clinic)"); covariates give the adjusted
            ICC, `(1 | region/clinic)` or `(1 | region/clinic/patient)` one for each level.
        data: a DataFrame, Arrow table, DuckDB relation or `Records`.
        groups: the grouping column, or nested ones as "region/clinic", where the formula has no `(1 | …)`.
        kind: continuous, binary (0/1) or count.
        method: `anova` (the default; for nested groups with covariates `reml`, as they have no analysis of
            variance here), `reml` or `ml` for continuous outcomes; for binary ones
            `fleiss-cuzick` (the default), `anova`, `pairwise`, `mak`, `beta-binomial`, or `latent` or
            `observed` of a logistic mixed model; for counts `observed` of the mixed model of their `family`
            (the default) or `anova`.
        interval: for continuous outcomes `exact` (the default of `anova`: Wald's, which is Searle's F with
            equal sizes), `searle`, `smith`, `profile` (the default of `reml` and `ml`) or `bootstrap`; for
            binary ones `profile` (the default: as far as that of the `beta-binomial` or the `logistic-normal`
            model reaches), either by itself, `zou-donner`, `exact`, `searle`, `smith` or `bootstrap`; nested
            groups have `generalized` (with covariates `sampled`), mixed models `profile`.
        level: coverage of the interval.
        exposure: column with the exposure time of a count, for `observed`.
        family: of counts, for `observed`: poisson, or negative-binomial where they vary more than Poisson
            counts do (which would otherwise be taken for differences between clinics).
        nodes: quadrature nodes of a mixed model, as `tasks.models.glmm` has them.
        replicates: bootstrap replicates.
        seed: of the bootstrap, and of the draws for nested groups.

    Raises:
        EstimationError: fewer than two groups, a constant outcome, one row in every group, an outcome that is
            not 0/1 for `binary`, a random slope (the ICC then depends on the covariate), groups that are
            crossed, a method or interval that the kind does not have.
        FormulaError, RecordsError: as `tasks.records.moments_for`.

    Sources: Donner (1986), Int Stat Rev 54:67; Ridout, Demétrio & Firth (1999), Biometrics 55:137; Searle,
    Casella & McCulloch (1992), Variance Components; the intervals' own in `icc_intervals`.
    """
    asked_method = method
    method = method or {"binary": "fleiss-cuzick", "count": "observed"}.get(kind, "anova")
    icc_estimates.check(kind, method, level)
    asked = formula if any(each.is_operator("~") for each in tokens_of(formula)) else f"{formula} ~ 1"
    if method in MIXED:
        return mixed_icc(
            asked,
            data,
            groups=groups,
            kind=kind,
            method=method,
            exposure=exposure,
            family="binomial" if kind == "binary" else count_family_named(family),
            nodes=nodes,
            level=level,
        )
    if kind == "binary":
        design, source = _events(asked, data, groups, method)
    else:
        design, moments = moments_for(asked, data, groups=groups)
        refuse_terms(design, moments.factors)
        if len(moments.factors) > 1:
            if asked_method is None and design.fixed != (INTERCEPT,):
                method = "reml"
            return nested_icc(asked, data, design, moments, method=method, level=level, seed=seed)
        source = split(moments, moments.factors[0], design.fixed, moments.columns[-1])
    value = icc_estimates.estimate(source, method)
    chosen = interval or icc_estimates.intervals(source, kind, method)[0]
    lower, upper = icc_estimates.interval(source, kind, method, chosen, level, replicates, seed)
    components = _components(source, method)
    messages = []
    if math.isnan(lower) and math.isfinite(value):
        messages.append(
            f"levels of {source.group} are exactly alike (F is 0), which no intraclass correlation makes "
            f"likely: the interval {chosen!r} has no ends; interval='profile' has"
        )
    if lower == value < 0.0:
        messages.append(
            "the interval begins at the estimate, which is at or below the least that its method reaches"
        )
    if value < 0.0:
        messages.append(
            f"the estimate is negative: levels of {source.group} differ less than chance would make them; "
            "as a share of variance it is zero"
        )
    return ICC(
        name=METHODS[kind][method] if source.plain else f"adjusted {METHODS[kind][method]}",
        group=source.group,
        kind=kind,
        method=method,
        estimate=value,
        lower=lower,
        upper=upper,
        level=level,
        interval=chosen,
        components=components,
        levels=levels_table([source.group], [components["variance_between"]], [value], [(lower, upper)]),
        clinics=clinics_table(source, value),
        design=design,
        messages=tuple(messages),
        source=source,
    )


def _events(formula: str, data: Any, groups: str | Sequence[str], method: str) -> tuple[Design, OneWay]:
    design, cells = cells_for(formula, data, groups=groups)
    refuse_terms(design, cells.factors)
    if len(cells.factors) > 1 or design.fixed != ("(Intercept)",):
        raise EstimationError(
            f"the {METHODS['binary'][method]} takes one grouping factor and no covariates",
            hint='ask for method="latent", which takes both',
        )
    source = split_cells(cells, design.response)
    refuse_single_rows(source)
    return design, source


def _components(source: OneWay, method: str) -> pd.Series:
    table = anova(source)
    values: dict[str, float] = {
        "k": table.k,
        "n_obs": table.n_obs,
        "mean_size": table.mean_size,
        "n0": table.n0,
        "ss_between": table.ss_between,
        "ss_within": table.ss_within,
        "df_between": table.df_between,
        "df_within": table.df_within,
        "ms_between": table.ms_between,
        "ms_within": table.ms_within,
        "f": table.f,
        "p": table.p_value,
        "grand_mean": table.grand_mean,
        "reliability_of_means": table.reliability_of_means,
        "variance_between": table.variance_between,
        "variance_within": table.ms_within,
    }
    if method in ("reml", "ml"):
        found = icc_likelihood.maximise(source, restricted=method == "reml")
        values["variance_between"] = found.variance_between
        values["variance_within"] = found.variance_within
        values["loglik"] = found.loglik
    return pd.Series(values, name="value")
