"""The within (fixed-effects) estimator: clinics compared with themselves, from moments.

Demeaning by clinic needs of each clinic only its cross-products about its own mean, which the moments
give; so do clinic-robust covariances, whose CR2 correction needs the leverage of a clinic only through its
p × p information (see `tasks.models.estimating_equations.sandwich`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import EstimationError, FormulaError, nearest
from tasks.models.estimating_equations.robust_fit import RobustFit, few_df_note
from tasks.models.estimating_equations.sandwich import ClusterScores
from tasks.models.fit import Floats, VarianceComponents, Wald
from tasks.models.numerics import distributions as stats
from tasks.records import moments_for, new_rows
from tasks.records.data_columns import as_frame
from tasks.records.design import Design
from tasks.records.formulas.formula import read
from tasks.records.moments import INTERCEPT, Moments

Integers = NDArray[np.int64]
WithinCovariance = Literal["classical", "cr0", "cr1", "cr2", "stata"]

COVARIANCES: Mapping[WithinCovariance, str] = {
    "classical": "classical (independent errors of equal variance)",
    "cr0": "cluster-robust CR0 (no correction)",
    "cr1": "cluster-robust CR1: CR0 × K/(K − 1)",
    "cr2": "cluster-robust CR2 (Bell–McCaffrey)",
    "stata": "cluster-robust as Stata's xtreg, fe: CR0 × K/(K − 1) × (N − 1)/(N − p − 1)",
}

# Squared length of a demeaned column against that of the column: below it, nothing but rounding is left.
# Products carry twice the digits of columns, so R's 1e-7 on columns is out of reach by a factor of ten.
_NOTHING_LEFT = 1e-12


@dataclass(frozen=True, kw_only=True)
class WithinFit(RobustFit):
    """Effects within clusters.

    Attributes:
        cov: the covariance that `vcov` uses.
        sigma2: residual variance, RSS/(N − K − p).
        rss: residual sum of squares.
        df_resid: N − K − p.
        r_squared: share of the variation within clusters that is explained.
        intercept: the mean of the outcome less what the covariates' means explain.
        cluster_means: per cluster, its rows and the means of covariates and outcome (outcome last).
    """

    cov: WithinCovariance
    sigma2: float
    rss: float
    df_resid: int
    r_squared: float
    intercept: float
    cluster_means: pd.DataFrame = field(repr=False)
    pooled_rss: float = field(repr=False)

    def covariance(self, kind: WithinCovariance) -> pd.DataFrame:
        """(p, p) covariance of the coefficients of another kind, from the same fit."""
        _known(kind)
        names = self.coef.index
        return pd.DataFrame(_covariance(self.scores, kind, self.n_obs), index=names, columns=names)

    def with_covariance(self, kind: WithinCovariance) -> WithinFit:
        """The same fit reported with another covariance."""
        _known(kind)
        return replace(
            self, cov=kind, **_inference(self.scores, self.coef.index, kind, self.n_obs, self.df_resid)
        )

    def effects(self) -> pd.DataFrame:
        """Each cluster's effect: its mean outcome less what its covariates explain.

        Returns:
            One row per cluster, sorted by label: `estimate` (the outcome where every covariate is zero), `se`
            (classical), and `deviation` from the mean over rows.
        """
        means = self.cluster_means
        x, y, n = means[list(self.coef.index)].to_numpy(), means.iloc[:, -1].to_numpy(), means["n"].to_numpy()
        estimate = y - x @ self.coef.to_numpy()
        classical = self.scores.covariance("model")
        se = np.sqrt(self.sigma2 / n + np.einsum("ki,ij,kj->k", x, classical, x))
        deviation = estimate - n @ estimate / n.sum()
        return pd.DataFrame({"estimate": estimate, "se": se, "deviation": deviation}, index=means.index)

    def effects_test(self) -> Wald:
        """F test that all clusters have the same effect (errors independent and of equal variance)."""
        k = len(self.cluster_means)
        f = (self.pooled_rss - self.rss) / (k - 1) / self.sigma2
        name = self.n_groups.index[0]
        return Wald(
            f"all {name} effects are equal",
            self.effects()["deviation"],
            f,
            k - 1,
            float(self.df_resid),
            float(stats.f.sf(f, k - 1, self.df_resid)),
        )

    @property
    def varcomp(self) -> VarianceComponents:
        """The residual variance only: cluster effects are not random here."""
        return VarianceComponents({}, self.sigma2)

    @property
    def ranef(self) -> dict[str, pd.DataFrame]:
        """Empty: cluster effects are not random here; see `effects()`."""
        return {}

    @property
    def icc(self) -> float:
        """NaN: a fixed-effects model has no variance between clusters."""
        return float("nan")

    def predict(self, newdata: Any, kind: Literal["conditional", "marginal"] = "conditional") -> pd.Series:
        """Expected outcome of each row of `newdata`.

        "conditional" adds the row's cluster's own effect (NaN for a cluster that was not in the data),
        "marginal" the average intercept.

        Raises:
            EstimationError: another `kind`.
            FormulaError: a column is missing.
        """
        if kind not in ("conditional", "marginal"):
            raise EstimationError(
                f"no prediction of kind {kind!r}; {nearest(kind, ['conditional', 'marginal'])}"
            )
        frame = as_frame(newdata)
        rows = new_rows(self.design, newdata)
        columns = [self.design.fixed.index(name) for name in self.coef.index]
        result = rows.fixed[:, columns] @ self.coef.to_numpy() + rows.offset
        if kind == "marginal":
            result = result + self.intercept
        else:
            group = str(self.n_groups.index[0])
            if group not in frame.names:
                raise FormulaError(
                    f"no column {group!r} in the new data, so the {group} effects cannot be added",
                    hint='predict with kind="marginal", or give the column',
                )
            codes = frame.codes(group)
            own = self.effects()["estimate"].reindex(list(codes.levels)).to_numpy(dtype=float)
            result = result + np.append(own, np.nan)[codes.codes]  # a missing label is code −1
        index = newdata.index if isinstance(newdata, pd.DataFrame) else None
        return pd.Series(result, index=index, name=self.design.response)

    def _summary_details(self) -> list[str]:
        test = self.effects_test()
        return [
            "",
            f"covariance: {COVARIANCES[self.cov]}",
            f"residual variance {self.sigma2:.5g} on {self.df_resid:,.0f} df; R² within {self.r_squared:.4f}",
            f"{test.hypothesis}: F = {test.statistic:.4g} on {test.df_num} and {test.df:,.0f} df, "
            f"p = {test.p:.3g}",
        ]


def within(formula: str, data: Any, *, groups: str, cov: WithinCovariance = "cr1") -> WithinFit:
    """Effects of covariates that vary within clusters, with every cluster its own control.

    Whatever is constant within a cluster, measured or not, cannot confound these effects.

    Args:
        formula: outcome and covariates.
        data: DataFrame, Arrow table, DuckDB relation or Records, rows in any order.
        groups: the cluster column.
        cov: "cr1" (t on K − 1 df), "cr2" (Satterthwaite df; for few or unequal clusters), "cr0",
            "classical" or "stata".

    Raises:
        EstimationError: a covariate is constant within every cluster, fewer than two clusters, a constant
            outcome, or nothing left to estimate from.
        FormulaError: the formula has random terms.
    """
    _known(cov)
    if read(formula).random:
        raise FormulaError(
            "the within estimator has no random effects, and the formula has a term with '|'",
            hint='leave it out and name the clusters with groups="…"',
        )
    design, moments = moments_for(formula, data, groups=(groups,))
    return within_from_moments(design, moments, cov)


def within_from_moments(
    design: Design, moments: Moments, cov: WithinCovariance, *, clusters: Integers | None = None
) -> WithinFit:
    """The within estimator from moments by cluster (the first factor).

    Args:
        design: the formula bound to the data.
        moments: of its columns, by cluster.
        cov: see `within`.
        clusters: (K,) a coarser unit of each cluster, by which errors are clustered instead (clinics of a
            region, each its own control).
    """
    group = moments.factors[0]
    n, n_obs, k = moments.n, round(moments.n_obs), len(moments.levels[0])
    if k < 2:
        raise EstimationError(
            f"{group} has {'only one value' if k else 'no values'}, so there is nothing to compare within",
            hint="use a window with more clinics, or an ordinary regression",
        )
    names = [name for name in design.fixed if name != INTERCEPT]
    if not names:
        raise FormulaError("the formula has no covariate whose effect could be estimated within clusters")
    columns = moments.position(*names, moments.columns[-1])
    sums = moments.products[:, 0, columns]
    about_reference = moments.products[:, columns[:, None], columns]
    inside = about_reference - sums[:, :, None] * sums[:, None, :] / n[:, None, None]
    total = inside.sum(axis=0)
    size = np.diag(about_reference.sum(axis=0))
    _check_varies_within(names, design.response, group, np.diag(total), size)
    design, names, kept = _independent(design, names, total, group)
    last = len(columns) - 1
    xx, xy = inside[:, kept[:, None], kept], inside[:, kept, last]
    beta = np.linalg.solve(xx.sum(axis=0), xy.sum(axis=0))
    rss = float(total[last, last] - 2.0 * total[kept, last] @ beta + beta @ total[np.ix_(kept, kept)] @ beta)
    df_resid = n_obs - k - len(names)
    if df_resid <= 0:
        raise EstimationError(
            f"{n_obs} rows cannot carry {k} {group} effects and {len(names)} coefficients",
            hint="use a longer window or fewer covariates",
        )
    sigma2 = rss / df_resid
    scores = ClusterScores(xx, xy - xx @ beta, sigma2, np.eye(len(names)))
    if clusters is not None:
        scores = scores.together(clusters)
    index = pd.Index(names)
    inference = _inference(scores, index, cov, n_obs, df_resid)
    means = sums[:, [*kept, last]] / n[:, None] + moments.reference[columns[[*kept, last]]]
    frame = pd.DataFrame(
        means, index=pd.Index(moments.levels[0], name=group), columns=[*names, design.response]
    )
    frame.insert(0, "n", n)
    grand = n @ means / n.sum()
    alone = int(np.sum(n == 1.0))
    notes = (
        (f"{alone} of the {k} {group}s have one row and say nothing about effects within.",) if alone else ()
    )
    return WithinFit(
        method="Within (fixed-effects) estimator",
        design=design,
        estimand=f"within {group}: difference in means between rows of the same {group}, "
        f"every {group} its own control",
        coef=pd.Series(beta, index=index, name="estimate"),
        **inference,
        loglik=float(-0.5 * n_obs * (np.log(2.0 * np.pi * rss / n_obs) + 1.0)) if rss > 0.0 else None,
        n_parameters=len(names) + k + 1,
        n_obs=n_obs,
        n_groups=pd.Series({group: k}),
        converged=True,
        messages=notes + few_df_note(inference["df"]),
        scores=scores,
        cov=cov,
        sigma2=sigma2,
        rss=rss,
        df_resid=df_resid,
        r_squared=1.0 - rss / float(total[last, last]),
        intercept=float(grand[-1] - grand[:-1] @ beta),
        cluster_means=frame,
        pooled_rss=_pooled_rss(moments, names),
    )


def _covariance(scores: ClusterScores, kind: WithinCovariance, n_obs: int) -> Floats:
    if kind == "classical":
        return scores.covariance("model")
    if kind == "cr2":
        return scores.covariance("kauermann-carroll")
    k, p = scores.n_clusters, scores.information.shape[1]
    factor = {"cr0": 1.0, "cr1": k / (k - 1), "stata": k / (k - 1) * (n_obs - 1) / (n_obs - p - 1)}[kind]
    return np.asarray(factor * scores.covariance("robust"))


def _inference(
    scores: ClusterScores, names: pd.Index, kind: WithinCovariance, n_obs: int, df_resid: int
) -> dict[str, Any]:
    """Fields of a fit: the covariance, df per coefficient and how they were found."""
    p = len(names)
    if kind == "cr2":
        df = np.array([scores.degrees_of_freedom("kauermann-carroll", row) for row in np.eye(p)])
        words = "Satterthwaite (Bell–McCaffrey)"
    elif kind == "classical":
        df, words = np.full(p, float(df_resid)), "rows − clusters − parameters"
    else:
        df, words = np.full(p, scores.n_clusters - 1.0), "clusters − 1"
    return {
        "vcov": pd.DataFrame(_covariance(scores, kind, n_obs), index=names, columns=names),
        "df": pd.Series(df, index=names, name="df"),
        "df_method": words,
        "satterthwaite": "kauermann-carroll" if kind == "cr2" else None,
    }


def _pooled_rss(moments: Moments, names: Sequence[str]) -> float:
    """Residual sum of squares of the regression without cluster effects."""
    columns = moments.position(INTERCEPT, *names)
    last = len(moments.columns) - 1
    whole = moments.products.sum(axis=0)
    xy = whole[columns, last]
    return float(whole[last, last] - xy @ np.linalg.solve(whole[np.ix_(columns, columns)], xy))


def _check_varies_within(
    names: Sequence[str], response: str, group: str, inside: Floats, size: Floats
) -> None:
    if not inside[-1] > _NOTHING_LEFT * size[-1]:
        raise EstimationError(
            f"{response} does not vary within any {group}, so there is nothing to explain within them",
            hint="check the outcome column and the filter",
        )
    constant = [
        name for name, left, whole in zip(names, inside, size, strict=False) if left <= _NOTHING_LEFT * whole
    ]
    if constant:
        raise _says_nothing(constant, group)


def _says_nothing(constant: Sequence[str], group: str) -> EstimationError:
    """The error for columns that do not vary within clusters."""
    columns = ", ".join(constant)
    if len(constant) == 1:
        return EstimationError(
            f"{columns} is the same in all rows of each {group}, so comparing a {group} with itself says "
            "nothing about it",
            hint=f"leave it out, or use between_within() or lmm(), which also compare {group}s",
        )
    return EstimationError(
        f"{columns} are the same in all rows of each {group}, so comparing a {group} with itself says "
        "nothing about them",
        hint=f"leave them out, or use between_within() or lmm(), which also compare {group}s",
    )


def _independent(
    design: Design, names: list[str], total: Floats, group: str
) -> tuple[Design, list[str], np.ndarray[Any, np.dtype[np.int64]]]:
    """Leave out covariates that are combinations of earlier ones within clusters, and say so."""
    kept: list[int] = []
    reasons: dict[str, str] = {}
    for j, name in enumerate(names):
        among = total[np.ix_(kept, kept)]
        explained = float(total[j, kept] @ np.linalg.solve(among, total[kept, j])) if kept else 0.0
        if total[j, j] - explained > 1e-11 * total[j, j]:
            kept.append(j)
        else:
            reasons[name] = f"within {group} it is a linear combination of the columns before it"
    if reasons:
        dropped = replace(design.dropped, columns={**design.dropped.columns, **reasons})
        design = replace(design, dropped=dropped)
    return design, [names[j] for j in kept], np.array(kept, dtype=np.int64)


def _known(kind: str) -> None:
    if kind not in COVARIANCES:
        raise EstimationError(
            f"no covariance {kind!r} for the within estimator; {nearest(kind, COVARIANCES)}"
        )
