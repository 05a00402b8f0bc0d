"""A fitted generalized linear mixed model: what it answers beyond what every fit does."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from tasks.errors import EstimationError
from tasks.logistic_scale import LOGISTIC_VARIANCE
from tasks.models.fit import Fit, Floats, VarianceComponents
from tasks.models.generalized_mixed.families import LINKS, FamilyName, mean_of
from tasks.models.generalized_mixed.outcome_scale import (
    count_scale,
    latent_icc,
    median_ratio,
    probability_scale,
)
from tasks.models.generalized_mixed.overdispersion import Dispersion
from tasks.models.numerics.normal_mixture import Link, marginal_mean
from tasks.models.random_effects_frame import random_effects_frame
from tasks.records import Cells, Design, cells_for, new_rows
from tasks.records.moments import INTERCEPT

LOG_SIZE = "log(size)"

Kind = Literal["conditional", "marginal"]


@dataclass(frozen=True)
class Loading:
    """How one random-effects term's variances depend on the parameters: D = TΛΛ'T'.

    Attributes:
        group: the grouping factor.
        columns: names of its d effects.
        back: (d, d) T, from working effects to those of the columns as they are.
        triangle: (d, d) Λ; its lower triangle, column by column, is the term's part of θ.
    """

    group: str
    columns: tuple[str, ...]
    back: Floats
    triangle: Floats

    @property
    def covariance(self) -> Floats:
        """(d, d) D."""
        root = self.back @ self.triangle
        return root @ root.T

    def variance_at(self, z: Floats) -> Floats:
        """(N,) z'Dz for (N, d) rows of the term's columns."""
        loaded = z @ self.back @ self.triangle
        return np.asarray((loaded**2).sum(axis=1))

    def variance_slopes(self, z: Floats) -> Floats:
        """(N, d(d+1)/2) derivatives of z'Dz in the term's θ."""
        left = z @ self.back
        right = left @ self.triangle
        i, j = np.triu_indices(len(self.columns))[::-1]  # entries of the lower triangle, column by column
        return 2.0 * left[:, i] * right[:, j]


@dataclass(frozen=True, kw_only=True)
class GlmmFit(Fit):
    """A generalized linear mixed model, fitted by Laplace's approximation or adaptive quadrature.

    Attributes:
        family: binomial (logit), poisson or negative-binomial (log).
        varcomp: covariance of the random effects by grouping factor.
        nodes: quadrature nodes per level; 1 is Laplace's approximation.
        nodes_tried: (nodes, log-likelihood) of each number of nodes that was tried.
        joint_vcov: (q, q) covariance of (θ, coefficients[, log size]): the inverse of the joint observed
            information. θ are Cholesky factors of the effects' covariance, on working columns.
        loadings: per random-effects term, how its covariance depends on θ.
        size: k of a negative binomial (variance μ + μ²/k; infinite where a Poisson fits best), or None.
        modes: group → (n, d) conditional modes, their (n, d, d) covariance, their (p, n, d) slopes in β.
        posterior_moments: mean and SD of each level's effect by quadrature, for a single scalar effect.
        labels: group → labels of its levels.
        dispersion: Pearson's χ² over its degrees of freedom, where the outcome can show it.
        iterations: Newton steps taken.
        gradient_test: squared distance to the maximum in standard errors, by the last gradient.
        typical: mean linear predictor of the sample without random effects (log exposure included).
        data: what the fit was made from, as it was handed in (kept in memory for `marginal_effects` only,
            never pickled); None after unpickling.
        reading: how `data` was read: `cells_for`'s keywords, column names and no values.
        design_effects: level of the first group → by how much its rows were worth less.
    """

    family: FamilyName
    varcomp: VarianceComponents
    nodes: int
    nodes_tried: tuple[tuple[int, float], ...]
    joint_vcov: pd.DataFrame
    loadings: tuple[Loading, ...]
    size: float | None
    modes: Mapping[str, tuple[Floats, Floats, Floats]] = field(repr=False)
    posterior_moments: tuple[Floats, Floats] | None = field(repr=False)
    labels: Mapping[str, tuple[Any, ...]] = field(repr=False)
    dispersion: Dispersion | None
    iterations: int
    gradient_test: float
    typical: float
    data: Any = field(repr=False, compare=False, default=None)
    reading: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)
    design_effects: Mapping[Hashable, float] | None = field(repr=False, default=None)

    def cells(self) -> tuple[Design, Cells]:
        """What the fit was made from, read once more: to be used and dropped.

        Raises:
            ValueError: the fit does not remember its data.
        """
        if self.data is None:
            raise ValueError("the fit does not remember its data")
        design, cells = cells_for(self.formula, self.data, **self.reading)
        return design, cells if self.design_effects is None else cells.deflated(self.design_effects)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the data: a pickled fit holds no patient's row."""
        return {**self.__dict__, "data": None}

    @property
    def link(self) -> Link:
        """The scale of the coefficients: logit or log."""
        return LINKS[self.family]

    @property
    def sigma2(self) -> float | None:
        """Residual variance on the latent scale: π²/3 for a logit model; counts have none."""
        return LOGISTIC_VARIANCE if self.family == "binomial" else None

    @property
    def ranef(self) -> Mapping[str, pd.DataFrame]:
        """Conditional modes by group, indexed by level (and effect, where a group has several).

        `estimate`, `sd` (conditional on variances and coefficients; lme4's condVar), `weight` (share of the
        effect's variance that its own rows resolve, 1 − sd²/variance) and `prediction_sd` (also uncertain in
        the coefficients, to first order).
        """
        return {group: self._effects(group) for group in self.modes}

    @property
    def ranef_pev(self) -> Mapping[str, pd.DataFrame]:
        """As `ranef`, with `prediction_sd` in the place of `sd`."""
        return {group: frame.assign(sd=frame["prediction_sd"]) for group, frame in self.ranef.items()}

    @property
    def posterior(self) -> Mapping[str, pd.DataFrame]:
        """Posterior means and SDs of a single scalar effect, by quadrature at the estimates.

        Raises:
            EstimationError: the model has more than one random effect.
        """
        if self.posterior_moments is None:
            raise EstimationError(
                "posterior means by quadrature need a single scalar random effect, and quadrature where there"
                " are many rows",
                hint="use nodes=None, or ranef: the conditional modes",
            )
        (group,) = self.modes
        mean, sd = self.posterior_moments
        variance = float(self.varcomp.variance(group).iloc[0])
        weight = 1.0 - sd**2 / variance if variance > 0.0 else np.zeros_like(sd)
        index = pd.Index(self.labels[group], name=group)
        return {group: pd.DataFrame({"estimate": mean, "sd": sd, "weight": weight}, index=index)}

    def _effects(self, group: str) -> pd.DataFrame:
        modes, conditional, slopes = self.modes[group]
        spread = np.diagonal(conditional, axis1=1, axis2=2)
        whole = spread + np.einsum("pnd,pq,qnd->nd", slopes, self.vcov.to_numpy(), slopes, optimize=True)
        variance = self.varcomp.variance(group)
        return random_effects_frame(
            group,
            self.labels[group],
            list(variance.index),
            estimate=modes,
            conditional=spread,
            prediction=whole,
            variance=variance.to_numpy(),
        )

    @property
    def icc(self) -> pd.Series:
        """Share of the variance that lies between the levels of each group (`total`: of all groups).

        For a logit model on the latent scale, σ²/(Σσ² + π²/3); for counts on the observed scale, at the
        sample's mean linear predictor (see `icc_observed`). Of the random effects only intercepts count.
        """
        variances = self._intercept_variances()
        if self.family != "binomial":
            return self.icc_observed
        whole = sum(variances.values())
        return pd.Series(
            {group: latent_icc(variance, whole) for group, variance in _with_total(variances).items()},
            name="icc",
            dtype=float,
        )

    @property
    def icc_observed(self) -> pd.Series:
        """Correlation of the outcomes of two patients alike in covariates that share a group, by group.

        At the sample's mean linear predictor, all other effects integrated out; `total` is for two patients
        that share every group.
        """
        variances = self._intercept_variances()
        whole = sum(variances.values())
        found = {}
        for group, shared in _with_total(variances).items():
            if self.family == "binomial":
                found[group] = probability_scale(self.typical, shared, whole - shared).icc
            else:
                found[group] = count_scale(
                    self.typical,
                    shared,
                    whole - shared,
                    dispersion=0.0 if self.size is None else 1.0 / self.size,
                ).icc
        return pd.Series(found, name="icc", dtype=float)

    def _intercept_variances(self) -> dict[str, float]:
        variances = {group: self.varcomp.variance(group) for group in self.varcomp}
        return {group: float(each[INTERCEPT]) for group, each in variances.items() if INTERCEPT in each.index}

    def ratios(self, level: float = 0.95) -> pd.DataFrame:
        """Odds ratios (logit) or rate ratios (log) of the coefficients but the intercept, with intervals.

        They compare patients of the same clinic: conditional on the random effects.
        """
        kept = [name for name in self.coef.index if name != INTERCEPT]
        interval = self.conf_int(level)
        name = "odds_ratio" if self.family == "binomial" else "rate_ratio"
        table = pd.DataFrame({name: self.coef, "lower": interval["lower"], "upper": interval["upper"]})
        return table.loc[kept].map(np.exp)

    def median_ratio(self) -> pd.Series:
        """Median odds (or rate) ratio between two random levels of each group, the higher over the lower."""
        return pd.Series(
            {group: median_ratio(each) for group, each in self._intercept_variances().items()},
            name="median_ratio",
        )

    def predict(
        self, newdata: Any, kind: Kind = "conditional", *, scale: Literal["response", "link"] = "response"
    ) -> pd.Series:
        """Expected outcomes of new rows: probabilities, or counts (for their exposure).

        Args:
            newdata: rows with the covariates of the formula; for a conditional prediction also the groups.
            kind: "conditional": for a patient of the row's own clinic, at its conditional mode (a level the
                fit has not seen is taken as the median one); "marginal": averaged over all clinics.
            scale: "link" gives the linear predictor, without averaging for "marginal".

        Raises:
            FormulaError: a column is missing.
            RecordsError: a factor has a level that the fit has not seen.
        """
        rows = new_rows(self.design, newdata)
        eta = rows.offset + rows.fixed @ self.coef.to_numpy()
        if kind == "conditional":
            eta = eta + self._own_effects(rows.random, rows.groups, rows.factors)
            values = eta if scale == "link" else mean_of(self.family, eta)
        elif kind == "marginal":
            variance = np.zeros(eta.size)
            for term, z in zip(self.loadings, rows.random, strict=True):
                variance += term.variance_at(z)
            values = eta if scale == "link" else marginal_mean(self.link, eta, variance)
        else:
            raise EstimationError(f"a prediction is 'conditional' or 'marginal', not {kind!r}")
        index = newdata.index if isinstance(newdata, pd.DataFrame) else None
        return pd.Series(values, index=index, name=self.design.response)

    def _own_effects(
        self, random: tuple[Floats, ...], groups: tuple[tuple[Any, ...], ...], factors: tuple[str, ...]
    ) -> Floats:
        """(N,) Zb at the conditional modes; zero for levels that were not in the data."""
        total = np.zeros(random[0].shape[0])
        for term, z in zip(self.loadings, random, strict=True):
            effects = list(self.varcomp[term.group].index)
            modes = self.modes[term.group][0][:, [effects.index(name) for name in term.columns]]
            position = {label: i for i, label in enumerate(self.labels[term.group])}
            found = np.array([position.get(each, -1) for each in groups[factors.index(term.group)]])
            padded = np.vstack([modes, np.zeros(modes.shape[1])])
            total += (z * padded[found]).sum(axis=1)
        return total

    def _summary_details(self) -> list[str]:
        lines = ["", "Random effects:"]
        lines += (
            self.varcomp.table()
            .drop(columns="correlation")
            .to_string(index=False, float_format=lambda value: f"{value:.5g}")
            .splitlines()
        )
        for group in self.varcomp:
            if len(self.varcomp[group]) > 1:
                lines.append(f"correlations by {group}:")
                lines += (
                    self.varcomp.correlation(group).to_string(float_format=lambda v: f"{v:.3f}").splitlines()
                )
        if self.size is not None:
            lines.append(f"negative binomial size {self.size:.5g} (variance = mean + mean²/size)")
        lines += [
            "",
            f"{'Odds' if self.family == 'binomial' else 'Rate'} ratios (95% interval), same estimand:",
        ]
        lines += self.ratios().to_string(float_format=lambda value: f"{value:.4g}").splitlines()
        if self._intercept_variances():
            if self.family == "binomial":
                shares = ", ".join(f"{group} {value:.4f}" for group, value in self.icc.items())
                lines += ["", f"ICC, latent scale: {shares}"]
            observed = ", ".join(f"{group} {value:.4f}" for group, value in self.icc_observed.items())
            lines.append(f"ICC, observed scale at the mean linear predictor: {observed}")
        if self.dispersion is not None:
            lines.append(f"Pearson χ²/df {self.dispersion.ratio:.3f} on {self.dispersion.df:,.0f} df")
        tried = ", ".join(f"{nodes}: {value:.6f}" for nodes, value in self.nodes_tried)
        lines.append(f"log-likelihood by nodes  {tried}")
        return lines


def _with_total(variances: Mapping[str, float]) -> dict[str, float]:
    """The variances and, where there are several, their sum."""
    total = {"total": sum(variances.values())} if len(variances) > 1 else {}
    return {**variances, **total}
