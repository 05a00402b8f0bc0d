"""Records of one clinic that are more alike than chance: those of a month, those of a patient.

A clinic's figure is then known less well than its number of records suggests, by a design effect of its own.
A model with an effect of every month of a clinic, or of every patient, says so too; where there are too many
of them, or where each clinic's variance is its own as well, the records are made to count for less instead
(Rao & Scott 1992, Biometrics 48:577). Shocks of months are estimated by moments, as between-study variances
are (DerSimonian & Laird 1986, Control Clin Trials 7:177), on the scale of the link.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from tasks.models.clinics.adjusted_months import AdjustedMonths
from tasks.models.clinics.lasting_shocks import lasting_shocks
from tasks.models.clinics.month_residuals import (
    about_levels,
    degrees_of_freedom,
    scatter_by_chance,
    without_columns,
    without_own_effects,
)
from tasks.models.clinics.shared_patients import correlation_of_months
from tasks.models.clinics.shock_likelihood import ShockLikelihoods, shock_likelihoods
from tasks.models.fit import Floats
from tasks.models.linear_mixed.level_variances import moderated_variances

Integers = NDArray[np.int64]
Kind = Literal["continuous", "binary", "count"]

SIGNIFICANT = 0.05
"""Below this p-value of Cochran's Q months of a clinic have shocks: of few clinics' months chance alone would
else often make some."""
_ROUNDS = 200
_SETTLED = 1e-9
_NOTHING = 1e-6
_BENDS = (1, 3, 6, 12)
"""Months since the start after which a program's effect may change its course."""
_FEWEST_BENT = 3
"""Clinics that have the program for longer than that."""
_POWERS = {"outcome_by_size": 1, "size_by_outcome": 1, "sizes": 2, "more_size": 3, "size_more": 3}
"""Power of the exposure in sums over patients who come in two months."""


@dataclass(frozen=True)
class PossibleShocks:
    """One way in which shocks of clinics' months may last.

    Attributes:
        probability: of it.
        if_any: its probability if there are shocks that last: 0 of the way that there are none.
        factor: clinic → design effect of its own figure.
        added: clinic → variance that shocks add to its own figure, on the scale of the link.
    """

    probability: float
    if_any: float
    factor: pd.Series
    added: pd.Series


@dataclass(frozen=True)
class Alike:
    """How much records of a clinic count for.

    Attributes:
        strength: SD of months' shocks on the scale of the link, or the correlation of a patient's records.
        lasting: correlation of the shocks of neighbouring months; 0 where they come anew.
        factor: clinic → its design effect: by how much the variance of its own figure is larger, 1 or more.
        possible: each way in which shocks may last, and that they do not where that is in doubt, of
            probability 1 where records speak against such as months scatter by; empty where they do not.
        untold: whether records neither show shocks that last nor refute them.
    """

    strength: float
    factor: pd.Series
    lasting: float = 0.0
    possible: tuple[PossibleShocks, ...] = ()
    untold: bool = False


def month_shocks(
    moments: pd.DataFrame,
    kind: Kind,
    *,
    overdispersed: bool = False,
    pairs: pd.DataFrame | None = None,
    program: pd.Series | None = None,
    adjusted: AdjustedMonths | None = None,
) -> Alike:
    """Shocks that a clinic's month has of its own, beside the clinic's level and the month's.

    Of no strength where months scatter about both no more than chance explains. Where neighbouring months of
    clinics are alike, shocks last, and cost the clinic's figure the more. Patients who come again make months
    alike as well: by how much is seen in their own visits, and is told apart.

    Args:
        moments: one row a clinic and month: `clinic`, `month`, `n`, `mean` and `squares` (of continuous
            outcomes), `total`, `exposure`.
        kind: the outcome's.
        overdispersed: whether counts vary more than a Poisson's within a clinic's month.
        pairs: sums over patients who come in two months, or twice in one
            (`tasks.records.questions.patients_by_months`); None where hardly anybody comes twice.
        program: (clinic, month) → share of its records under the program, whose start is no shock.
        adjusted: the months once patients are adjusted for, where they are. How alike patients make months
            is still seen in their visits as they are.
    """
    scatter = _Scatter.of(moments, kind, overdispersed=overdispersed, pairs=pairs, adjusted=adjusted)
    differing, bends = ([], []) if program is None else _program(program, scatter.clinics, scatter.months)
    steps = [*differing, *bends]
    likelihoods = shock_likelihoods(scatter.about, scatter.precision, steps, scatter.alike, differing)
    shock = _anew(scatter, steps, likelihoods)
    strength, lasting, added = float(np.sqrt(shock)), 0.0, np.zeros(len(scatter.by_clinic))
    held = scatter.held
    added[held] = shock * scatter.squared[held] / scatter.by_clinic[held]
    possible: list[tuple[float, float, Floats]] = []
    untold = False
    # a mean's model has an effect of each patient, which knows more, and is not given up for a doubt
    last = lasting_shocks(
        *(scatter.about, scatter.precision, steps, scatter.alike),
        doubtful=kind != "continuous",
        likelihoods=likelihoods,
    )
    if last:
        untold = last.probability < 1.0
        possible = [(1.0 - last.probability, 0.0, added)] if untold else []
        if_any = last.probabilities
        chances = (last.probability * if_any).tolist()
        possible += zip(chances, if_any.tolist(), last.possible * scatter.by_clinic, strict=True)
    if last and last.probability > 0.0:
        strength, lasting = last.strength, last.lasting
        added = last.probability * last.of_mean * scatter.by_clinic + (1.0 - last.probability) * added
    every = pd.Index(sorted(moments["clinic"].unique()), name="clinic")
    ways = tuple(_way(scatter, every, *each) for each in possible)
    return Alike(strength, scatter.by_name(1.0 + added, every, 1.0), lasting, ways, untold)


@dataclass(frozen=True)
class _Scatter:
    """Clinics' months about the levels of both, on the scale of the link.

    Attributes:
        clinics, months: their names, in order.
        about: (K, T) figures about the levels; 0 where nothing is known.
        precision: (K, T) their inverse sampling variances.
        alike: (K, T, T) how alike months are for the patients who come in both; None where nobody does.
        by_clinic, squared: (K,) sums of the precisions, and of their squares.
        df: months that are known, less the levels.
    """

    clinics: pd.Index
    months: pd.Index
    about: Floats
    precision: Floats
    alike: Floats | None
    by_clinic: Floats
    squared: Floats
    df: int

    @classmethod
    def of(
        cls,
        moments: pd.DataFrame,
        kind: Kind,
        *,
        overdispersed: bool,
        pairs: pd.DataFrame | None,
        adjusted: AdjustedMonths | None,
    ) -> _Scatter:
        """Arguments as for `month_shocks`."""
        there = moments[moments["n"] > 0]
        if adjusted is not None:  # months of records with all adjusters
            there = adjusted.moments[["clinic", "month"]].merge(there, on=["clinic", "month"])
        clinics, months = (pd.Categorical(there[each]) for each in ("clinic", "month"))
        rows = _ClinicMonths.of(there, kind)
        expected, slope, variance = _expected(there, rows, kind, overdispersed=overdispersed)
        plain, plain_variance = rows, variance
        if adjusted is not None:
            rows = _ClinicMonths.of(adjusted.moments, kind)
            if kind == "continuous":
                expected, slope, variance = _expected(adjusted.moments, rows, kind)
            else:
                expected, slope, variance = adjusted.expected, adjusted.slope, adjusted.variance
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where(variance > 0.0, slope**2 / variance, 0.0)
            z = np.where(slope > 0.0, (rows.total - expected) / slope, 0.0)
        # a month, or clinic, without events or with nothing else has no level to scatter about
        known = weight > _NOTHING * max(float(weight.max(initial=0.0)), 1.0)
        weight = np.where(known, weight, 0.0)
        by_clinic, squared = (
            np.asarray(np.bincount(rows.clinic, each, minlength=len(clinics.categories)), dtype=float)
            for each in (weight, weight**2)
        )
        levels = int((by_clinic > 0.0).sum()) + len(np.unique(rows.month[known])) - 1
        places = (clinics.categories, months.categories)
        about, precision = (_placed(each, rows, places) for each in (np.where(weight > 0.0, z, 0.0), weight))
        if adjusted is not None:  # the levels were fitted to sums that weigh otherwise
            about = np.where(precision > 0.0, about_levels(about, precision), 0.0)
        alike = None if pairs is None else _alike_months(pairs, plain, places, plain_variance)
        return cls(*places, about, precision, alike, by_clinic, squared, int(known.sum()) - levels)

    @property
    def held(self) -> NDArray[np.bool_]:
        """(K,) clinics of which any month is known."""
        return np.asarray(self.by_clinic > 0.0)

    def by_name(self, values: Floats, every: pd.Index, otherwise: float) -> pd.Series:
        """(K,) values by clinic, of `every` one."""
        found = pd.Series(values, index=pd.Index(self.clinics, name="clinic"))
        return found.reindex(every, fill_value=otherwise)


def _anew(scatter: _Scatter, steps: Sequence[Floats], likelihoods: ShockLikelihoods | None) -> float:
    """Variance of shocks that come anew each month; 0 where months scatter no more than chance explains.

    By Cochran's Q of months about the levels, and about what moves clinics besides.
    """
    precision, held = scatter.precision, scatter.held
    # without shocks Q has df for its mean and half its variance, or more where patients come again
    more, half = (0.0, 0.0) if scatter.alike is None else scatter_by_chance(precision, scatter.alike)
    left_over, lines = without_columns(scatter.about, precision, steps), 0
    if likelihoods is not None and likelihoods.own is not None:
        moved = np.zeros_like(precision)
        moved[(precision > 0.0).any(axis=1)] = likelihoods.own.column
        left_over, lines = without_own_effects(left_over, precision, moved)
    heterogeneity = float((precision * left_over**2).sum())
    df = scatter.df - degrees_of_freedom(precision, steps) - lines
    mean, half = df + more, df + half
    left = float(scatter.by_clinic.sum() - (scatter.squared[held] / scatter.by_clinic[held]).sum())
    if not (df > 0 and left > 0.0 and min(mean, half) > 0.0):
        return 0.0
    # a multiple of χ² with the same mean and variance (Satterthwaite 1946, Biometrics Bull 2:110)
    p_value = special.chdtrc(mean**2 / half, heterogeneity * mean / half)
    return (heterogeneity - mean) / left if p_value < SIGNIFICANT else 0.0


def _way(
    scatter: _Scatter, every: pd.Index, probability: float, if_any: float, beyond: Floats
) -> PossibleShocks:
    """One way in which shocks may last, by what it adds to clinics' design effects."""
    by_clinic = scatter.by_clinic
    of_mean = np.divide(beyond, by_clinic, where=scatter.held, out=np.zeros_like(by_clinic))
    named = scatter.by_name(1.0 + beyond, every, 1.0), scatter.by_name(of_mean, every, 0.0)
    return PossibleShocks(probability, if_any, *named)


def _alike_months(
    pairs: pd.DataFrame, rows: _ClinicMonths, places: tuple[pd.Index, pd.Index], variance: Floats
) -> Floats:
    """(K, T, T) how alike clinics' months are because the same patients come in both.

    Exposure counts in that of the average record, whose correlation is then at most 1 whatever its unit.
    """
    unit = float(rows.exposure.sum() / rows.n.sum())
    unit = unit if unit > 0.0 else 1.0
    size = rows.exposure / unit
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, of_unit = (np.where(size > 0.0, each / size, 0.0) for each in (rows.total, variance))
    in_units = pairs.assign(**{each: pairs[each] / unit**power for each, power in _POWERS.items()})
    return correlation_of_months(
        in_units, places, *(_placed(each, rows, places) for each in (size, rate, of_unit))
    )


def _placed(values: Floats, rows: _ClinicMonths, places: tuple[pd.Index, pd.Index]) -> Floats:
    """(K, T) values of clinics' months; 0 where there are no records."""
    placed = np.zeros(tuple(len(each) for each in places))
    placed[rows.clinic, rows.month] = values
    return placed


def _program(share: pd.Series, clinics: pd.Index, months: pd.Index) -> tuple[list[Floats], list[Floats]]:
    """(K, T) the program and for how long a clinic has had it; and steps in what it does by that time.

    Its effect may grow or fade, in any shape where clinics keep a program once they have it; and by how much
    it does at once and over time may differ from clinic to clinic.
    """
    every = pd.MultiIndex.from_product([clinics.astype(str), months.astype(str)])
    running = share.reindex(every).to_numpy(dtype=float).reshape(len(clinics), len(months))
    running = pd.DataFrame(running).ffill(axis=1).fillna(0.0).to_numpy()
    since = running.cumsum(axis=1)
    kept = bool(np.isin(running, (0.0, 1.0)).all() and (np.diff(running, axis=1) >= 0.0).all())
    steps = [(since > each).astype(float) for each in (_BENDS if kept else ())]
    return [running, since], [each for each in steps if each.any(axis=1).sum() >= _FEWEST_BENT]


def patients_alike(sums: pd.DataFrame, moments: pd.DataFrame) -> Alike:
    """The correlation of a patient's records about their clinic's mean, and what it costs every clinic.

    A patient with m records adds m(1 + (m − 1)ρ) times a record's variance; ρ is the one under which clinics
    together have what their patients' sums vary by.

    Args:
        sums: one row a clinic: `outcome_squared` (Σ o² over patients, o a patient's sum), `outcome_size`
            (Σ om) and `size_squared` (Σ m²), m a patient's records, or exposure.
        moments: one row a clinic: `n`, `total`, `exposure`, `record_variance` (of one unit of size).
    """
    both = sums.join(moments, how="inner")
    size = both["exposure"].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(size > 0.0, both["total"].to_numpy(dtype=float) / size, 0.0)
    varied = (
        both["outcome_squared"] - 2.0 * mean * both["outcome_size"] + mean**2 * both["size_squared"]
    ).to_numpy(dtype=float)
    alone = both["record_variance"].to_numpy(dtype=float)
    more = np.maximum(both["size_squared"].to_numpy(dtype=float) - size, 0.0)
    possible = float((alone * more).sum())
    rho = 0.0
    if possible > 0.0:
        rho = float(np.clip((varied - alone * size).sum() / possible, 0.0, 1.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(size > 0.0, 1.0 + rho * more / size, 1.0)
    return Alike(rho, pd.Series(factor, index=both.index))


@dataclass(frozen=True, slots=True)
class _ClinicMonths:
    """Clinics' months: codes of both, values, exposure and the outcome's sum on the scale of analysis."""

    clinic: Integers
    month: Integers
    n: Floats
    exposure: Floats
    total: Floats

    @classmethod
    def of(cls, there: pd.DataFrame, kind: Kind) -> _ClinicMonths:
        outcome = there["n"] * there["mean"] if kind == "continuous" else there["total"]
        return cls(
            *(np.asarray(pd.Categorical(there[each]).codes) for each in ("clinic", "month")),
            *(np.asarray(each, dtype=float) for each in (there["n"], there["exposure"], outcome)),
        )


def _expected(
    there: pd.DataFrame, rows: _ClinicMonths, kind: Kind, *, overdispersed: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Each row's expected sum with a level of the clinic and one of the month, its slope and variance."""
    n = rows.n
    if kind == "continuous":
        expected = _two_way(rows, lambda eta: (n * eta, n), linear=True)
        return expected, n, n * _clinics_variances(there, rows)[rows.clinic]
    if kind == "binary":

        def chances(eta: Floats) -> tuple[Floats, Floats]:
            chance = special.expit(eta)
            return n * chance, n * chance * (1.0 - chance)

        expected = _two_way(rows, chances)
        slope = expected * (1.0 - expected / n)
        return expected, slope, slope

    def means(eta: Floats) -> tuple[Floats, Floats]:
        mean = rows.exposure * np.exp(eta)
        return mean, mean

    expected = _two_way(rows, means)
    return expected, expected, expected * (_dispersion(there) if overdispersed else 1.0)


def _two_way(
    rows: _ClinicMonths, curve: Callable[[Floats], tuple[Floats, Floats]], *, linear: bool = False
) -> Floats:
    """Expected sums whose margins by clinic and by month are the sums' own: alternating Newton steps."""
    eta = np.zeros(len(rows.total))
    for _ in range(_ROUNDS):
        moved = 0.0
        for codes in (rows.clinic, rows.month):
            expected, slope = curve(eta)
            k = int(codes.max()) + 1
            over = np.bincount(codes, rows.total - expected, minlength=k)
            under = np.bincount(codes, slope, minlength=k)
            step = np.where(under > 1e-8, over / np.maximum(under, 1e-8), 0.0)
            step = step if linear else np.clip(step, -2.0, 2.0)
            eta = eta + step[codes]
            # where a clinic or month has no event, or nothing else, its level has no end: it stops far out
            moved = max(moved, float(np.abs(step[under > 1e-8]).max(initial=0.0)))
        if moved < _SETTLED:
            break
    return curve(eta)[0]


def _clinics_variances(there: pd.DataFrame, rows: _ClinicMonths) -> Floats:
    """(K,) a record's variance within a clinic's months, moderated toward that of all clinics."""
    k = int(rows.clinic.max()) + 1
    squares = np.bincount(rows.clinic, there["squares"].to_numpy(dtype=float), minlength=k)
    more = np.maximum(there["n"].to_numpy(dtype=float) - 1.0, 0.0)
    df = np.asarray(np.bincount(rows.clinic, more, minlength=k), dtype=float)
    if not np.any(squares > 0.0):
        return np.zeros(k)
    with np.errstate(divide="ignore", invalid="ignore"):
        return moderated_variances(np.where(df > 0.0, squares / df, np.nan), df)


def _dispersion(there: pd.DataFrame) -> float:
    """How many times a Poisson's variance counts have within a clinic's month, 1 or more."""
    df = np.maximum(there["n"].to_numpy(dtype=float) - 1.0, 0.0)
    expected = float((df * there["total"].to_numpy(dtype=float) / there["n"].to_numpy(dtype=float)).sum())
    return max(float(there["squares"].sum()) / expected, 1.0) if expected > 0.0 else 1.0
