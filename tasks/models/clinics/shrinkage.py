"""Shrunken clinic figures: each clinic's own records, weighted against the network for how many there are.

A clinic's effect given its own records and the network's is w·own + (1 − w)·overall: with an ICC of 0.20 a
clinic of 200 patients keeps 98% of its own figure, a clinic of 5 about 56%. Its uncertainty has three parts,
which are stated apart: the clinic's own sampling, the coefficients, and how much clinics differ at all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from tasks.errors import EstimationError, nearest
from tasks.models.clinics.clinic_posterior import ClinicPosterior
from tasks.models.clinics.expected_information import expected_by_level
from tasks.models.clinics.fitted_effects import fitted_effects
from tasks.models.clinics.heavier_tails import with_heavier_tails
from tasks.models.clinics.outlying import FEWEST_FOR_TAILS
from tasks.models.clinics.posterior_beside_shocks import BesideShocks, posterior_beside_shocks
from tasks.models.clinics.posterior_counts import count_posterior
from tasks.models.clinics.posterior_gaussian import gaussian_posterior
from tasks.models.clinics.rankability import Rankability, averaged_rankability, rankability
from tasks.models.clinics.regional_levels import RegionalShare, with_regional_levels
from tasks.models.fit import check_level
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.linear_mixed.lmm import LmmFit
from tasks.records.moments import INTERCEPT

Floats = NDArray[np.float64]


_FEWEST_HELD = 4
"""Levels from which the mean of all but one is still a mean of several."""


@dataclass(frozen=True)
class Shrunken:
    """Shrunken effects of a grouping factor's levels, with their joint posterior.

    Effects are on the model's scale (the outcome's unit, log odds or log rate) and relative to the average
    level, whose effect is 0.

    Attributes:
        group: the grouping factor.
        family: gaussian, binomial, poisson or negative-binomial.
        overall: the linear predictor of the sample's average row at the average level.
        sd_between: estimated SD of the effects.
        sd_within: residual SD; NaN for binary and count outcomes.
        table: one row a level: `own` (its effect from its own records alone), `own_sd` (its sampling SD),
            `own_df` (degrees of freedom of that SD; infinite where all levels share one variance),
            `weight` w, `estimate` w·own + (1 − w)·0, `sd_conditional` (variances and coefficients taken as
            known), `sd_coefficients` (coefficients uncertain too), `mean` and `sd` (everything uncertain),
            `lower` and `upper` (everything uncertain), `p_above` (probability of an effect above the mean
            of these levels' effects, which is the comparator: with few levels it is known much better than
            the mean of the population that they are drawn from);
            `level_lower` and `level_upper`: the interval of the level's own predictor less `overall`, where
            the average level's uncertainty has no part; `apart_lower` and `apart_upper`: that of its effect
            less the comparator, wholly above 0 where `p_above` is over 1 − (1 − level)/2. What depends on a
            level's size and not on how it did: `expected_sd` (sampling SD of an own effect of 0),
            `expected_events` (NaN for gaussian outcomes) and `reliability` τ²/(τ² + expected_sd²), which for
            gaussian outcomes is w. `own_tail`: the probability that the same records of an average level
            would be as far from it as the level's own
            are, on the same side; it knows nothing of how much levels differ. `fitted_own` and
            `fitted_own_sd`: the effect that fits the level's records alone best, by maximum likelihood; `own`
            is that of a likelihood curved as it is at the level's estimate, the same for gaussian outcomes.
        level: coverage of the intervals.
        posterior: the joint posterior they are read from.
        own_shared: (n, r) loadings of the own effects' errors on r independent standard normals: what
            uncertain coefficients do to them, beside their sampling SDs.
        centre: the comparator, the mean of these levels' effects, without those far out: 0 but where their
            tails are heavier, or regions differ.
        ways: what effects were averaged over, with probabilities; empty where there is one way only.
        regional: share of the variance between levels that lies between regions; None where they are none.
    """

    group: str
    family: str
    overall: float
    sd_between: float
    sd_within: float
    table: pd.DataFrame
    level: float
    posterior: ClinicPosterior = field(repr=False)
    own_shared: Floats = field(repr=False)
    centre: float = 0.0
    ways: tuple[tuple[float, Shrunken], ...] = field(repr=False, default=())
    regional: RegionalShare | None = None

    def with_heavier_tails(self) -> Shrunken:
        """The same had the effects been taken for draws of Student's t with four degrees of freedom.

        For levels that lie further out than a normal distribution of levels explains (`outlying`). `estimate`
        is then the posterior mean, and `weight` what the own effect counts for in it.
        """
        return self._with_posterior(with_heavier_tails(self.posterior))

    def held_against(self, counted: NDArray[np.bool_]) -> Shrunken:
        """The same with the mean of some levels' effects for the comparator: of those that lie not far out.

        A few far levels pull the mean of all to where no level is, and all others to one side of it.

        Args:
            counted: (n,) levels that count.
        """
        nodes = tuple(replace(node, counted=counted) for node in self.posterior.nodes)
        return self._with_posterior(replace(self.posterior, nodes=nodes))

    def sure_without_any_other(self) -> Shrunken:
        """The same, but of few levels sure of a side only where the mean without any one other leaves it so.

        Of eight levels one that lies apart moves the mean, and leaves the other seven, which are alike, on
        one side of it; and nothing tells whether it is far out or the tail of a normal distribution.
        """
        n = len(self.table)
        counted = self.posterior.nodes[0].counted
        counted = np.ones(n, dtype=bool) if counted is None else counted
        if n >= FEWEST_FOR_TAILS or counted.sum() < _FEWEST_HELD:
            return self
        ends = {"apart_lower": _tails(self.level)[0], "apart_upper": _tails(self.level)[1]}
        table = self.table.copy()
        least, most = (table["p_above"].to_numpy(dtype=float).copy() for _ in range(2))
        for left_out in np.flatnonzero(counted):
            others = np.arange(n) != left_out
            nodes = tuple(replace(node, counted=counted & others) for node in self.posterior.nodes)
            without = replace(self.posterior, nodes=nodes)
            above = without.probability_above_mean()
            least[others] = np.minimum(least, above)[others]
            most[others] = np.maximum(most, above)[others]
            for end, further in (("apart_lower", np.minimum), ("apart_upper", np.maximum)):
                reach = further(table[end].to_numpy(), without.quantile_above_mean(ends[end]))
                table.loc[others, end] = reach[others]
        higher = table["p_above"].to_numpy() >= 0.5
        table["p_above"] = np.where(higher, np.maximum(least, 0.5), np.minimum(most, 0.5))
        return replace(self, table=table)

    def with_regional_levels(
        self, regions: Mapping[str, Hashable], *, only_if_likelier: bool = True
    ) -> Shrunken | None:
        """The same had the effects of each region's levels been taken for draws about a level of their own.

        None where the records do not make that likelier, or there are fewer than three regions. `estimate` is
        then the posterior mean, `weight` what the own effect counts for in it, and `regional` the share of
        the variance between levels that lies between regions.

        Args:
            regions: level, as text → its region.
            only_if_likelier: whether it takes a Bayes factor of 1 or more.
        """
        found = with_regional_levels(self.posterior, [regions[str(each)] for each in self.table.index])
        if found is None or (only_if_likelier and found.factor < 1.0):
            return None
        return replace(self._with_posterior(found.posterior), regional=found.share)

    def averaged_over(self, ways: Sequence[tuple[float, Shrunken]]) -> Shrunken:
        """The same with the effects' posterior averaged over several ways of what else records vary by.

        Of models of the same records, each with a probability (Hoeting et al. 1999, Stat Sci 14:382).
        `estimate` is then the posterior mean, and `weight` what the own effect counts for in it; sampling SDs
        and reliabilities stay those of the fit in between.
        """
        return replace(self._with_posterior(self._average_of(ways)), ways=tuple(ways))

    def with_intervals_beside(self, ways: Sequence[tuple[float, Shrunken]]) -> Shrunken:
        """The same with intervals of effects and of levels' figures that hold those averaged over `ways` too.

        For what may be there and cannot be told: an interval allows for it whole, while an average draws in
        levels, and takes what stands out, by how likely it is.
        """
        beside = _with_intervals(self.table, self._average_of(ways), self.level)
        table = self.table.copy()
        for low, high in (("lower", "upper"), ("level_lower", "level_upper")):
            table[low] = np.minimum(table[low], beside[low])
            table[high] = np.maximum(table[high], beside[high])
        return replace(self, table=table)

    def _average_of(self, ways: Sequence[tuple[float, Shrunken]]) -> ClinicPosterior:
        """The posteriors of several ways as one, by their probabilities."""
        total = sum(probability for probability, _ in ways)
        nodes = tuple(
            replace(
                node,
                weight=probability / total * float(weight),
                typical=node.typical + way.overall - self.overall,
            )
            for probability, way in ways
            for node, weight in zip(way.posterior.nodes, way.posterior.weights, strict=True)
        )
        return replace(self.posterior, nodes=nodes)

    def _with_posterior(self, posterior: ClinicPosterior) -> Shrunken:
        estimate = posterior.mean_of_level
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.clip(estimate / self.table["own"].to_numpy(), 0.0, 1.0)
        table = _with_intervals(self.table.assign(estimate=estimate, weight=weight), posterior, self.level)
        centre = float(posterior.nodes[0].mean_weights @ estimate)
        return replace(self, table=table, posterior=posterior, centre=centre)

    def values(self) -> pd.DataFrame:
        """`own`, `estimate`, `lower` and `upper` as expected outcomes of the sample's average row.

        A mean for gaussian outcomes, a probability for binomial ones, a count (for the average exposure) for
        counts: the linear predictor `overall` plus the effect, through the inverse link.
        """
        inverse: Callable[[Floats], Floats] = np.exp
        if self.family in ("gaussian", "binomial"):
            inverse = special.expit if self.family == "binomial" else np.asarray
        columns = {"own": "own", "estimate": "estimate", "lower": "level_lower", "upper": "level_upper"}
        return pd.DataFrame(
            {name: inverse(self.overall + self.table[of].to_numpy()) for name, of in columns.items()},
            index=self.table.index,
        )

    @property
    def own_reach(self) -> Floats:
        """(n,) half widths of the intervals of the levels' own effects."""
        return self._reach("own_sd")

    @property
    def fitted_reach(self) -> Floats:
        """(n,) half widths of the intervals of `fitted_own`."""
        return self._reach("fitted_own_sd")

    def _reach(self, sd: str) -> Floats:
        df, high = self.table["own_df"].to_numpy(), _tails(self.level)[1]
        t = np.where(np.isinf(df), special.ndtri(high), special.stdtrit(np.minimum(df, 1e9), high))
        return np.asarray(t * self.table[sd].to_numpy())

    def draws(self, count: int = 4_000, seed: int = 0) -> Floats:
        """(count, n) joint posterior draws of the effects, in the order of `table`."""
        return self.posterior.draws(count, np.random.default_rng(seed))

    def next_rows(
        self, rows: int, level: float | None = None, *, count: int = 4_000, seed: int = 0
    ) -> pd.DataFrame:
        """Prediction interval for each level's next `rows` rows: their mean, share of events, or mean count.

        The rows are like the sample's average one. With few rows the interval is mostly the rows' own
        variation; with very many, the interval of the level's figure.
        """
        probabilities = _tails(level or self.level)
        if self.family == "gaussian":
            ends = [self.overall + self.posterior.quantile_of_mean(each, rows) for each in probabilities]
        else:
            rng = np.random.default_rng(seed)
            eta = self.overall + self.posterior.draws(count, rng)
            if self.family == "binomial":
                drawn = rng.binomial(rows, special.expit(eta)) / rows
            else:
                drawn = rng.poisson(rows * np.exp(eta)) / rows
            ends = list(np.quantile(drawn, probabilities, axis=0, method="inverted_cdf"))
        return pd.DataFrame({"lower": ends[0], "upper": ends[1]}, index=self.table.index)

    def new_level(self, level: float | None = None) -> tuple[float, float]:
        """Prediction interval for the effect of a level that is not in the data."""
        lower, upper = (self.posterior.quantile_of_new(each) for each in _tails(level or self.level))
        return lower, upper

    @property
    def average_interval(self) -> tuple[float, float]:
        """Ends of the interval of the predictor averaged over these levels, less `overall`."""
        lower, upper = (self.posterior.quantile_of_average(each) for each in _tails(self.level))
        return lower, upper

    def rankability(self, among: Sequence[Hashable] | None = None) -> Rankability:
        """Share of what the levels' own figures differ by that is not sampling error.

        Args:
            among: the levels that count, such as those with enough records; all if left out.
        """
        chosen = self.table if among is None else self.table.loc[list(among)]
        if self.ways:
            parts = [(probability, way.rankability(among)) for probability, way in self.ways]
            return averaged_rankability(parts)
        return rankability(self.sd_between, chosen["expected_sd"].to_numpy(), self.posterior)

    def __str__(self) -> str:
        head = (
            f"{len(self.table):,} levels of {self.group}, effects relative to the average one; "
            f"SD between them {self.sd_between:.4g}, rankability {self.rankability().value:.2f}"
        )
        return f"{head}\n{self.table.to_string(float_format=lambda value: f'{value:.4g}')}"


def shrink(
    fit: LmmFit | GlmmFit,
    group: str | None = None,
    *,
    level: float = 0.95,
    beside: BesideShocks | None = None,
) -> Shrunken:
    """Shrunken effects of clinics, with conditional and full uncertainty.

    Args:
        fit: a linear or generalized linear mixed model with a random intercept for the group. A GLMM's cells
            are read once more from the data it remembers; without them (an unpickled fit) the SD between
            levels is taken as known.
        group: the grouping factor, where the fit has several.
        level: coverage of the intervals.
        beside: shocks of months that a GLMM's posterior is to be found beside; in `fit` rows that have some
            count for less.

    Raises:
        EstimationError: no such group, no random intercept by it, or too few levels.

    Sources: Robinson (1991), Stat Sci 6:15 (w·own + (1 − w)·overall); Kass & Steffey (1989), JASA 84:717, and
    Booth & Hobert (1998), JASA 93:262 (the variances' uncertainty, here integrated over and not to first
    order); `tasks.models.clinics.posterior_gaussian` and `tasks.models.clinics.posterior_counts`.
    """
    groups = list(fit.varcomp)
    if not groups:
        raise EstimationError(
            "the fit has no random effects to shrink", hint="fit lmm() or glmm() with a term (1 | clinic)"
        )
    if group is None:
        if len(groups) > 1:
            raise EstimationError(
                f"the fit has random effects by {' and '.join(groups)}",
                hint="say which: shrink(fit, group=…)",
            )
        group = groups[0]
    if group not in groups:
        raise EstimationError(f"no random effects by {group!r} in this fit; {nearest(group, groups)}")
    if isinstance(fit, LmmFit):
        posterior = gaussian_posterior(fit, group)
        table = _gaussian_table(fit, group)
        family, overall, sd_within = "gaussian", _overall(fit), fit.sigma
    else:
        if beside is None:
            posterior, overall = count_posterior(fit, group), fit.typical
        else:
            posterior, overall = posterior_beside_shocks(beside, group), beside.fit.typical
        table = _count_table(fit, group, posterior)
        family, sd_within = fit.family, float("nan")
    table = _with_intervals(table, posterior, level)
    table["own_tail"] = table.get("own_tail", _tail_of(table))
    for each in ("own", "own_sd"):
        table[f"fitted_{each}"] = table.get(f"fitted_{each}", table[each])
    variance = fit.varcomp.variance(group)
    between = float(np.sqrt(variance[INTERCEPT] if INTERCEPT in variance.index else variance.iloc[0]))
    return Shrunken(
        group, family, overall, between, sd_within, table, level, posterior, _own_shared(posterior, between)
    )


def _with_intervals(table: pd.DataFrame, posterior: ClinicPosterior, level: float) -> pd.DataFrame:
    low, high = _tails(level)
    return table.assign(
        mean=posterior.mean,
        sd=posterior.sd,
        lower=posterior.quantile(low),
        upper=posterior.quantile(high),
        level_lower=posterior.quantile_of_level(low),
        level_upper=posterior.quantile_of_level(high),
        apart_lower=posterior.quantile_above_mean(low),
        apart_upper=posterior.quantile_above_mean(high),
        p_above=posterior.probability_above_mean(),
    )


def _tails(level: float) -> tuple[float, float]:
    check_level(level)
    return (1.0 - level) / 2.0, (1.0 + level) / 2.0


def _overall(fit: LmmFit) -> float:
    moments = fit.moments
    total = moments.mean_row
    return float(sum(fit.coef[name] * total[moments.columns.index(name)] for name in fit.coef.index))


def _gaussian_table(fit: LmmFit, group: str) -> pd.DataFrame:
    ranef = fit.ranef[group]
    if isinstance(ranef.index, pd.MultiIndex):
        ranef = pd.DataFrame(ranef.xs(INTERCEPT, level="effect"))
    estimate, sd, weight = (ranef[name].to_numpy() for name in ("estimate", "sd", "weight"))
    if len(fit.varcomp) == 1 and list(fit.varcomp[group].index) == [INTERCEPT]:
        own, own_sd = _own_residuals(fit, group)
    else:
        own, own_sd = _own(estimate, sd, weight)
    return pd.DataFrame(
        {
            "own": own,
            "own_sd": own_sd,
            "own_df": np.inf if fit.variances is None else fit.variances.df,
            "weight": weight,
            "estimate": estimate,
            "sd_conditional": sd,
            "sd_coefficients": ranef["prediction_sd"].to_numpy(),
            "expected_sd": own_sd,
            "expected_events": np.nan,
            "reliability": weight,
        },
        index=pd.Index(ranef.index, name=group),
    )


def _own_residuals(fit: LmmFit, group: str) -> tuple[Floats, Floats]:
    """Each level's mean residual and its SD σ/√n: defined whatever the variance between levels."""
    moments = fit.moments
    codes = moments.codes[:, moments.factors.index(group)]
    k = len(moments.levels[moments.factors.index(group)])
    names = [name for name in fit.coef.index if name != INTERCEPT]
    columns = moments.position(*names)
    slopes = fit.coef.loc[names].to_numpy()
    residual = moments.products[:, 0, -1] - moments.products[:, 0, columns] @ slopes
    n = np.bincount(codes, moments.n, minlength=k)
    constant = moments.reference[-1] - moments.reference[columns] @ slopes
    constant -= float(fit.coef.get(INTERCEPT, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.bincount(codes, residual, minlength=k) / n + constant
        return own, fit.sigma / np.sqrt(n)


def _count_table(fit: GlmmFit, group: str, posterior: ClinicPosterior) -> pd.DataFrame:
    known = fit.posterior_moments is not None and len(fit.modes) == 1
    ranef = fit.posterior[group] if known else fit.ranef[group]
    estimate, sd, weight = (ranef[name].to_numpy() for name in ("estimate", "sd", "weight"))
    coefficients = fit.ranef_pev[group]["sd"].to_numpy() ** 2 - fit.ranef[group]["sd"].to_numpy() ** 2
    if float(fit.varcomp.variance(group).iloc[0]) > 0.0:
        own, own_sd = _own(estimate, sd, weight)
    else:
        # with no variance between levels their own effects are read off where there is some
        node = max((each for each in posterior.nodes if each.sd_between > 0.0), key=lambda each: each.weight)
        own, own_sd = _own(node.mean, node.sd, 1.0 - (node.sd / node.sd_between) ** 2)
    variance = float(fit.varcomp.variance(group).iloc[0])
    expected = expected_by_level(fit, group)
    expected_sd, events = own_sd, np.full(len(own), np.nan)
    if expected is not None:
        with np.errstate(divide="ignore"):
            expected_sd, events = 1.0 / np.sqrt(expected.information), expected.events
        weight_at_typical = variance / (variance + expected_sd**2)
    else:
        weight_at_typical = weight
    table = pd.DataFrame(
        {
            "own": own,
            "own_sd": own_sd,
            "own_df": np.inf,
            "weight": weight,
            "estimate": estimate,
            "sd_conditional": sd,
            "sd_coefficients": np.sqrt(sd**2 + np.maximum(coefficients, 0.0)),
            "expected_sd": expected_sd,
            "expected_events": events,
            "reliability": weight_at_typical,
        },
        index=pd.Index(fit.labels[group], name=group),
    )
    alone = fitted_effects(fit, group)
    if alone is not None:
        fitted = ~np.isnan(alone.effect)
        table["fitted_own"] = np.where(fitted, alone.effect, own)
        table["fitted_own_sd"] = np.where(fitted, alone.sd, own_sd)
    return table if expected is None else table.assign(own_tail=expected.tail)


def _tail_of(table: pd.DataFrame) -> Floats:
    """One-sided tail probabilities of the levels' own effects, were they of an average level."""
    t, df = table["own"].abs() / table["own_sd"], table["own_df"].to_numpy()
    known = np.isfinite(df)
    return np.asarray(np.where(known, special.stdtr(np.where(known, df, 1.0), -t), special.ndtr(-t)))


def _own_shared(posterior: ClinicPosterior, between: float) -> Floats:
    """What uncertain coefficients do to own effects: their loadings on the shrunken ones, over the weight."""
    some = [node for node in posterior.nodes if node.sd_between > 0.0]
    node = min(
        some, key=lambda each: abs(each.sd_between - between) - (each.weight if between == 0.0 else 0.0)
    )
    weight = 1.0 - (node.sd / node.sd_between) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(weight[:, None] > 1e-8, node.shared / weight[:, None], 0.0)


def _own(estimate: Floats, sd: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """What a level's own records say: û = w·own and sd² = w·own_sd², where w is not zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        said = weight > 1e-8
        return np.where(said, estimate / weight, np.nan), np.where(said, sd / np.sqrt(weight), np.nan)
