"""What every fit answers, under the same names, whatever the estimator."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import EstimationError, nearest
from tasks.models.hypotheses import Hypothesis, read_hypothesis
from tasks.models.numerics import distributions as stats
from tasks.records.design import Design, Dropped

Floats = NDArray[np.float64]


class VarianceComponents(Mapping[str, pd.DataFrame]):
    """Covariance of the random effects by grouping factor: `varcomp["clinic"]` is a labelled frame.

    Nested groups are named as lme4 names them (`clinic:region`). `sd` and `correlation` are the same
    information on the scales people read; `residual` is the residual variance, where the family has one.
    """

    def __init__(self, covariance: Mapping[str, pd.DataFrame], residual: float | None = None) -> None:
        self._covariance = dict(covariance)
        self.residual = residual

    def __getitem__(self, group: str) -> pd.DataFrame:
        # lme4 numbers further terms of one factor (`Subject.1`); here a factor's effects are in one frame
        if group not in self._covariance and (base := re.sub(r"\.\d+$", "", group)) in self._covariance:
            return self._covariance[base]
        if group not in self._covariance:
            raise KeyError(f"no random effects by {group!r}; {nearest(group, self._covariance)}")
        return self._covariance[group]

    def __iter__(self) -> Iterator[str]:
        return iter(self._covariance)

    def __len__(self) -> int:
        return len(self._covariance)

    def variance(self, group: str) -> pd.Series:
        """Variances of the group's effects."""
        frame = self[group]
        return pd.Series(np.diag(frame.to_numpy()), index=frame.index, name=group)

    def sd(self, group: str) -> pd.Series:
        """Standard deviations of the group's effects."""
        return self.variance(group).pow(0.5)

    def correlation(self, group: str) -> pd.DataFrame:
        """Correlations of the group's effects; NaN where a variance is zero."""
        frame = self[group]
        sd = np.sqrt(np.diag(frame.to_numpy()))
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation = frame.to_numpy() / np.outer(sd, sd)
        return pd.DataFrame(correlation, index=frame.index, columns=frame.columns)

    def table(self) -> pd.DataFrame:
        """One row per variance: group, effect, variance, sd, and correlations with the effects before it."""
        rows: list[dict[str, object]] = []
        for group in self:
            variance, correlation = self.variance(group), self.correlation(group).to_numpy()
            for i, effect in enumerate(variance.index):
                rows.append(
                    {
                        "group": group,
                        "effect": effect,
                        "variance": float(variance.iloc[i]),
                        "sd": float(np.sqrt(variance.iloc[i])),
                        "correlation": tuple(float(each) for each in correlation[i, :i]),
                    }
                )
        if self.residual is not None:
            rows.append(
                {
                    "group": "Residual",
                    "effect": "",
                    "variance": self.residual,
                    "sd": float(np.sqrt(self.residual)),
                    "correlation": (),
                }
            )
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        return self.table().to_string(index=False)


@dataclass(frozen=True)
class Wald:
    """A test of linear hypotheses about the coefficients.

    Attributes:
        hypothesis: what was tested, in words.
        estimate: each tested combination, left side less right side, in words → its value.
        statistic: t (one combination) or F (several).
        df_num: number of combinations.
        df: denominator degrees of freedom; infinity means the normal or chi-squared reference.
        p: two-sided p-value.
    """

    hypothesis: str
    estimate: pd.Series
    statistic: float
    df_num: int
    df: float
    p: float


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fitted model.

    Attributes:
        method: what was fitted, e.g. "Linear mixed model by REML".
        design: the formula bound to the data.
        estimand: in words, what a coefficient is ("conditional: …", "population-averaged: …").
        coef: (p,) coefficients, named as R names them.
        vcov: (p, p) their covariance.
        df: (p,) degrees of freedom of each coefficient's t reference (infinity: normal reference).
        df_method: how `df` was found ("Satterthwaite", "clusters − parameters", "normal").
        loglik: log-likelihood with all constants (REML log-likelihood for a REML fit); None for GEE.
        n_parameters: parameters counted by `aic` and `bic`.
        n_obs: rows used.
        n_groups: grouping factor → number of levels used.
        converged: whether the stopping test was met.
        singular: whether the optimum is on the boundary (zero variance, correlation ±1).
        messages: what a reader must know, in sentences.
    """

    method: str
    design: Design
    estimand: str
    coef: pd.Series
    vcov: pd.DataFrame
    df: pd.Series
    df_method: str
    loglik: float | None
    n_parameters: int
    n_obs: int
    n_groups: pd.Series
    converged: bool
    singular: bool = False
    messages: tuple[str, ...] = field(default=())

    @property
    def formula(self) -> str:
        """The formula as the analyst wrote it."""
        return self.design.formula

    @property
    def dropped(self) -> Dropped:
        """Rows and columns left out, and why."""
        return self.design.dropped

    @property
    def se(self) -> pd.Series:
        """(p,) standard errors of the coefficients."""
        return pd.Series(np.sqrt(np.diag(self.vcov.to_numpy())), index=self.coef.index, name="se")

    @property
    def aic(self) -> float:
        """Akaike's information criterion, −2 loglik + 2 parameters (NaN without a likelihood)."""
        return float("nan") if self.loglik is None else -2.0 * self.loglik + 2.0 * self.n_parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion, −2 loglik + log(rows) parameters (NaN without a likelihood)."""
        if self.loglik is None:
            return float("nan")
        return float(-2.0 * self.loglik + np.log(self.n_obs) * self.n_parameters)

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """(p, 2) Wald intervals `lower`, `upper` at `level`, from each coefficient's t reference.

        Raises:
            EstimationError: `level` is not between 0 and 1.
        """
        check_level(level)
        quantile = _t_quantile(0.5 + level / 2.0, self.df.to_numpy(dtype=float))
        half = quantile * self.se.to_numpy()
        return pd.DataFrame({"lower": self.coef - half, "upper": self.coef + half}, index=self.coef.index)

    @property
    def p_values(self) -> pd.Series:
        """(p,) two-sided p-values of the coefficients against zero."""
        t = (self.coef / self.se).to_numpy()
        return pd.Series(_two_sided(t, self.df.to_numpy(dtype=float)), index=self.coef.index, name="p")

    def test(self, hypothesis: Hypothesis) -> Wald:
        """A Wald test of linear hypotheses.

        Args:
            hypothesis: a coefficient's name ("age": is it zero?), an equation ("x = z", "x = z = 0",
                "x + 2*z = 1"; several with commas between), several of either (do all hold?), a mapping of
                coefficient → weight (is Σ weight·coefficient zero?), or an (r, p) contrast matrix.

        Raises:
            EstimationError: a name is not a coefficient, an equation cannot be read, or the combinations are
                linearly dependent.
        """
        asked = read_hypothesis(hypothesis, list(self.coef.index))
        contrast = asked.matrix
        estimate = contrast @ self.coef.to_numpy() - asked.values
        covariance = contrast @ self.vcov.to_numpy() @ contrast.T
        rank = np.linalg.matrix_rank(contrast)
        if rank == 0:
            raise EstimationError("the hypothesis has no coefficient in it", hint="name one of fit.coef")
        if rank < contrast.shape[0]:
            raise EstimationError(
                f"the {contrast.shape[0]} combinations tested are linearly dependent (rank {rank}); "
                "leave out the redundant ones"
            )
        scale, df = self._contrast_reference(contrast)
        if contrast.shape[0] == 1:
            t = float(estimate[0] / np.sqrt(covariance[0, 0]))
            p = float(_two_sided(np.array([t]), np.array([df]))[0])
            statistic = t
        else:
            statistic = scale * float(estimate @ np.linalg.solve(covariance, estimate) / len(estimate))
            if np.isinf(df):
                p = float(stats.chi2.sf(statistic * len(estimate), len(estimate)))
            else:
                p = float(stats.f.sf(statistic, len(estimate), df))
        found = pd.Series(estimate, index=list(asked.labels), name="estimate")
        return Wald(asked.words, found, statistic, contrast.shape[0], df, p)

    def _contrast_reference(self, contrast: Floats) -> tuple[float, float]:
        """What an F statistic is multiplied by (Kenward–Roger scale it), and its denominator df."""
        return 1.0, self._contrast_df(contrast)

    def _contrast_df(self, contrast: Floats) -> float:
        """Denominator df of a contrast; estimators with their own df method override this."""
        involved = np.any(contrast != 0.0, axis=0)
        return float(self.df.to_numpy(dtype=float)[involved].min())

    def coefficient_table(self, level: float = 0.95) -> pd.DataFrame:
        """One row per coefficient: estimate, se, df, t, p and the interval at `level`."""
        interval = self.conf_int(level)
        return pd.DataFrame(
            {
                "estimate": self.coef,
                "se": self.se,
                "df": self.df,
                "t": self.coef / self.se,
                "p": self.p_values,
                "lower": interval["lower"],
                "upper": interval["upper"],
            }
        )

    def summary(self) -> str:
        """One printed page: what was fitted, to what, the estimand in words, the table, the warnings."""
        groups = ", ".join(
            f"{int(n):,} group{'' if n == 1 else 's'} by {name}" for name, n in self.n_groups.items()
        )
        lines = [
            self.method,
            f"  {self.formula}",
            f"  {self.n_obs:,} rows" + (f"; {groups}" if groups else ""),
        ]
        for reason, count in self.dropped.rows.items():
            lines.append(f"  {count:,} rows left out: {reason}")
        for column, reason in self.dropped.columns.items():
            lines.append(f"  column {column} left out: {reason}")
        lines += ["", f"Estimand: {self.estimand}", ""]
        lines.append(self.coefficient_table().to_string(float_format=lambda value: f"{value:.5g}"))
        lines.append(f"(t reference: {self.df_method})")
        lines += self._summary_details()
        if self.loglik is not None:
            lines += ["", f"log-likelihood {self.loglik:.4f}   AIC {self.aic:.2f}   BIC {self.bic:.2f}"]
        if not self.converged:
            lines += ["", "NOT CONVERGED: do not use these numbers."]
        lines += [f"Note: {message}" for message in self.messages]
        return "\n".join(lines)

    def _summary_details(self) -> list[str]:
        """Lines between the coefficient table and the likelihood; estimators add their own."""
        return []

    def __str__(self) -> str:
        return self.summary()


def check_level(level: float) -> None:
    """Refuse an interval's level that is no share.

    Raises:
        EstimationError: it is not between 0 and 1.
    """
    if not 0.0 < level < 1.0:
        raise EstimationError(
            f"an interval's level lies between 0 and 1, and {level:g} was given", hint="95% is level=0.95"
        )


def _t_quantile(probability: float, df: Floats) -> Floats:
    return np.asarray(stats.t.ppf(probability, df), dtype=float)


def _two_sided(t: Floats, df: Floats) -> Floats:
    return np.asarray(2.0 * stats.t.sf(np.abs(t), df), dtype=float)
