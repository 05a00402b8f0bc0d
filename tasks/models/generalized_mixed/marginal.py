"""Population averages from a conditional model, beside the conditional answer, each row named for what it is.

The probability (or count, or mean) if everybody in the sample had the variable at a value is that of each
row averaged over the clinics' effects, then over the rows (g-computation, or standardisation; Robins 1986;
Zeger, Liang & Albert 1988, eq. 2.2):

    p_v = Σ_i E_b h(o_i + x_i(v)'β + z_i(v)'b) / n.

Intervals are by the delta method from the joint covariance of variance parameters and coefficients; the
sample's covariates are taken as fixed.

Beside them stands by how much population-averaged coefficients of a logit model are smaller than conditional
ones: exactly, and by two closed forms for a random intercept of variance σ²:

    Zeger, Liang & Albert (1988), Biometrics 44:1049, eq. 4.1: β_M ≈ β_C / √(1 + c²σ²), c = 16√3/(15π);
    Neuhaus, Kalbfleisch & Hauck (1991), Int Stat Rev 59:25: β_M ≈ β_C (1 − ρ₀), ρ₀ the correlation
    Var p(b) / (p̄(1 − p̄)) of two outcomes of a clinic at a reference linear predictor (here the intercept).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from tasks.errors import EstimationError
from tasks.logistic_scale import attenuation_factor
from tasks.models.fit import Fit, Floats
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.generalized_mixed.outcome_scale import probability_scale
from tasks.models.generalized_mixed.population_average import (
    Contrasted,
    Scale,
    contrasted,
    delta_error,
    joint_covariance,
    scale_of,
)
from tasks.models.numerics import distributions as stats
from tasks.records.for_models.set_rows import labels_of, rows_with
from tasks.records.moments import INTERCEPT

Interval = Literal["identity", "log", "logit", "ratio"]

_INTERVAL: dict[Scale, Interval] = {
    "gaussian": "identity",
    "binomial": "logit",
    "poisson": "log",
}
_AVERAGE: dict[Scale, str] = {"gaussian": "mean", "binomial": "probability", "poisson": "mean_count"}
_DIFFERENCE: dict[Scale, str] = {
    "gaussian": "mean_difference",
    "binomial": "risk_difference",
    "poisson": "rate_difference",
}


@dataclass(frozen=True)
class Attenuation:
    """Factors from conditional to population-averaged log odds ratios.

    Attributes:
        exact: marginal over conditional log odds ratio of the variable that was set, by integration over
            clinics and the sample's other covariates (which attenuates too: odds ratios do not collapse); NaN
            where its conditional effect is not the same in every row.
        zeger_liang_albert: 1/√(1 + c²σ²).
        neuhaus: 1 − ρ₀.
        rho0: ρ₀ at the fitted intercept.
        coefficients: conditional coefficients beside both approximations to the population-averaged ones.
    """

    exact: float
    zeger_liang_albert: float
    neuhaus: float
    rho0: float
    coefficients: pd.DataFrame

    def __str__(self) -> str:
        return (
            f"attenuation of log odds ratios: exact {self.exact:.4f}, Zeger–Liang–Albert"
            f" {self.zeger_liang_albert:.4f}, Neuhaus {self.neuhaus:.4f}"
        )


@dataclass(frozen=True)
class MarginalEffects:
    """What a change of one variable for everybody does, in several readings.

    Attributes:
        variable: the column that was set.
        contrast: the two values, reference first.
        table: one row per measure: `estimate`, `se` (of a ratio's logarithm), `lower`, `upper`, `estimand`.
        attenuation: how far population-averaged coefficients of a logit model are shrunken, exactly for this
            variable and by two closed forms for all; None for other models.
        n: rows averaged over.
        messages: what a reader must know.
    """

    variable: str
    contrast: tuple[Any, Any]
    table: pd.DataFrame
    attenuation: Attenuation | None
    n: int
    messages: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        shown = self.table.to_string(float_format=lambda value: f"{value:.5g}")
        lines = [f"{self.variable}: {self.contrast[0]} → {self.contrast[1]}, {self.n:,} rows", shown]
        if self.attenuation is not None:
            lines.append(str(self.attenuation))
        return "\n".join([*lines, *(f"Note: {message}" for message in self.messages)])


def marginal_effects(
    fit: Fit,
    variable: str,
    data: Any = None,
    *,
    contrast: Sequence[Any] = (0, 1),
    gee: Fit | None = None,
    level: float = 0.95,
) -> MarginalEffects:
    """What the population's average outcome would be at two values of a variable, and their contrasts.

    The sample's covariates are needed again, since a fit keeps no rows: `data` is what the fit was made from.
    In one session it can be left out: a GLMM remembers the object it was given (no copy; never pickled).

    Args:
        fit: a GLMM; or an LMM or GEE, whose coefficients are population averages already.
        variable: a column of the data; interactions and polynomials that it takes part in follow it.
        data: the records the model was fitted to.
        contrast: the two values, reference first; for a column with two labels the default means those.
        gee: a GEE fit of the same outcome, whose answer is put beside in the same table.
        level: of the intervals: Wald's for differences, on the log scale for ratios and means, on the logit
            scale for probabilities.

    Raises:
        EstimationError: not two values, no data, or a fit of another kind or outcome.
        FormulaError, RecordsError: the fixed effects do not use the variable, or have not seen a value.
    """
    data = getattr(fit, "data", None) if data is None else data
    if data is None:
        raise EstimationError(
            "a population average needs the sample's covariates, and this fit does not remember its data",
            hint="give what it was fitted to: marginal_effects(fit, variable, data)",
        )
    values = _contrast_values(fit, variable, contrast)
    averages = contrasted(fit, variable, rows_with(fit.design, data, variable, values))
    table = _Table(variable, values, level)
    _population_rows(table, fit, averages)
    messages = []
    if round(averages.low.n) != fit.n_obs:
        messages.append(
            f"these data have {round(averages.low.n):,} complete rows and the fit was made from {fit.n_obs:,}"
        )
    attenuation = None
    if isinstance(fit, GlmmFit):
        _conditional_rows(table, fit, averages)
        if fit.family == "binomial":
            log_or = _log_odds(averages.high.mean) - _log_odds(averages.low.mean)
            attenuation = _attenuation(fit, averages.step, log_or)
    if gee is not None:
        if gee.design.response != fit.design.response:
            raise EstimationError(
                f"the GEE's outcome is {gee.design.response}, the mixed model's {fit.design.response}"
            )
        beside = contrasted(gee, variable, rows_with(gee.design, data, variable, values))
        _population_rows(table, gee, beside, prefix="gee_")
    return MarginalEffects(
        variable, (values[0], values[1]), table.frame(), attenuation, round(averages.low.n), tuple(messages)
    )


class _Table:
    """Rows of estimates with delta-method intervals."""

    def __init__(self, variable: str, values: tuple[Any, Any], level: float) -> None:
        self.variable, self.values, self.level = variable, values, level
        self._rows: list[dict[str, Any]] = []

    def add(
        self,
        measure: str,
        estimand: str,
        estimate: float,
        se: float,
        df: float = np.inf,
        *,
        interval: Interval = "identity",
    ) -> None:
        """One row; `se` is the estimate's own, for a ratio that of its logarithm."""
        tail = 0.5 + self.level / 2.0
        half = se * float(stats.norm.ppf(tail) if np.isinf(df) else stats.t.ppf(tail, df))
        if interval == "logit":
            odds, half = _log_odds(estimate), half / (estimate * (1.0 - estimate))
            lower, upper = _probability(odds - half), _probability(odds + half)
        elif interval == "identity":
            lower, upper = estimate - half, estimate + half
        else:
            half = half / estimate if interval == "log" else half
            lower, upper = estimate * float(np.exp(-half)), estimate * float(np.exp(half))
        row = {"estimate": estimate, "se": se, "lower": lower, "upper": upper, "estimand": estimand}
        self._rows.append({"measure": measure, **row})

    def frame(self) -> pd.DataFrame:
        """The rows, indexed by measure."""
        return pd.DataFrame(self._rows).set_index("measure")


def _population_rows(table: _Table, fit: Fit, averages: Contrasted, prefix: str = "") -> None:
    """Average outcome at each value, difference and ratios."""
    covariance, scale = joint_covariance(fit), scale_of(fit)
    # a level rests on every coefficient, a contrast on those that the variable moves
    level_df, df = float(fit.df.min()), _moved_df(fit, averages)
    averaged = f"population-averaged{_how(fit)}"
    for value, average in zip(table.values, averages, strict=True):
        table.add(
            f"{prefix}{_AVERAGE[scale]}_{value}",
            f"{averaged}: if {table.variable} were {value} for everybody",
            average.mean,
            delta_error(average.gradient, covariance),
            level_df,
            interval=_INTERVAL[scale],
        )
    low, high = averages.low, averages.high
    words = (
        f"{averaged}: if {table.variable} were {table.values[1]} rather than {table.values[0]} for everybody"
    )
    error = delta_error(high.gradient - low.gradient, covariance)
    table.add(f"{prefix}{_DIFFERENCE[scale]}", words, high.mean - low.mean, error, df)
    if scale == "gaussian":
        return
    error = delta_error(high.gradient / high.mean - low.gradient / low.mean, covariance)
    name = "risk_ratio" if scale == "binomial" else "rate_ratio"
    table.add(f"{prefix}{name}", words, high.mean / low.mean, error, df, interval="ratio")
    if scale == "binomial":
        odds = float(np.exp(_log_odds(high.mean) - _log_odds(low.mean)))
        above, below = (each.gradient / (each.mean * (1.0 - each.mean)) for each in (high, low))
        error = delta_error(above - below, covariance)
        table.add(f"{prefix}odds_ratio", words, odds, error, df, interval="ratio")


def _conditional_rows(table: _Table, fit: GlmmFit, averages: Contrasted) -> None:
    """The conditional ratio, and the outcome at the median clinic."""
    covariance, scale = joint_covariance(fit), scale_of(fit)
    level_df, df = float(fit.df.min()), _moved_df(fit, averages)
    groups = " and ".join(fit.varcomp)
    step = averages.step
    if step is not None:
        name = "conditional_odds_ratio" if scale == "binomial" else "conditional_rate_ratio"
        words = (
            f"conditional: {table.values[1]} rather than {table.values[0]} for a patient at a given {groups}"
        )
        ratio, error = float(np.exp(step @ fit.coef)), delta_error(step, fit.vcov.to_numpy())
        table.add(name, words, ratio, error, df, interval="ratio")
    for value, average in zip(table.values, averages, strict=True):
        table.add(
            f"median_{_AVERAGE[scale]}_{value}",
            f"at the median {groups} (effects zero): if {table.variable} were {value} for everybody there",
            average.median,
            delta_error(average.median_gradient, covariance),
            level_df,
            interval=_INTERVAL[scale],
        )
    low, high = averages.low, averages.high
    words = f"at the median {groups} (effects zero): {table.values[1]} rather than {table.values[0]}"
    error = delta_error(high.median_gradient - low.median_gradient, covariance)
    table.add(f"median_{_DIFFERENCE[scale]}", words, high.median - low.median, error, df)


def _moved_df(fit: Fit, averages: Contrasted) -> float:
    """Degrees of freedom of the coefficients that the variable takes part in, the fewest."""
    return float(fit.df.to_numpy(dtype=float)[averages.low.moves].min())


def _contrast_values(fit: Fit, variable: str, contrast: Sequence[Any]) -> tuple[Any, Any]:
    values = tuple(contrast)
    if len(values) != 2 or values[0] == values[1]:
        raise EstimationError(
            f"a contrast has two different values, reference first, and {values!r} is not so"
        )
    labels = labels_of(fit.design, variable) if fit.design.spec is not None else ()
    if len(labels) == 2 and values == (0, 1) and not {"0", "1"} <= {str(each) for each in labels}:
        return labels[0], labels[1]
    return values


def _attenuation(fit: GlmmFit, step: Floats | None, marginal_log_odds_ratio: float) -> Attenuation | None:
    """The factors for a model of random intercepts; None where there are random slopes.

    Args:
        fit: a logistic mixed model.
        step: (p,) how the fixed-effect columns move between its two values; None where rows differ.
        marginal_log_odds_ratio: between its two values, by integration.
    """
    if any(term.columns != (INTERCEPT,) for term in fit.loadings):
        return None
    variance = sum(float(term.covariance[0, 0]) for term in fit.loadings)
    zla = attenuation_factor(variance)
    at = float(fit.coef.get(INTERCEPT, 0.0))
    rho0 = probability_scale(at, variance).icc
    exact = float("nan") if step is None else marginal_log_odds_ratio / float(step @ fit.coef)
    coefficients = pd.DataFrame(
        {
            "conditional": fit.coef,
            "zeger_liang_albert": zla * fit.coef,
            "neuhaus": (1.0 - rho0) * fit.coef,
        }
    )
    return Attenuation(exact, zla, 1.0 - rho0, rho0, coefficients)


def _how(fit: Fit) -> str:
    if isinstance(fit, GlmmFit):
        return ", integrated over " + " and ".join(fit.varcomp)
    if scale_of(fit) == "gaussian" and hasattr(fit, "ranef"):
        return " (the same for a patient of a given clinic, as the link is the identity)"
    return ", by GEE" if hasattr(fit, "working") else ""


def _probability(log_odds: float) -> float:
    return float(1.0 / (1.0 + np.exp(-log_odds)))


def _log_odds(probability: float) -> float:
    return float(np.log(probability) - np.log1p(-probability))
