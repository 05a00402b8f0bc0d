"""Figures about the whole network: how much its clinics differ, and what that costs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from reports.wording import say
from reports.wording.coded_sentences import coded
from tasks.errors import ClinicnetError, SourceError
from tasks.estimating.adjustment import adjustment
from tasks.estimating.attempting import attempted, reason_of, rows_or_reason
from tasks.estimating.clinics import count_dispersion
from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.own_spread import own_spread
from tasks.estimating.standardising import Standardised
from tasks.estimating.summary import Summary
from tasks.estimating.worth import Worth, alike_patients
from tasks.models import ICC, GlmmFit, LmmFit, Shrunken, design_effect, icc, mundlak
from tasks.models.generalized_mixed.sd_profile import likelihood_family
from tasks.models.numerics import distributions as stats
from tasks.records import Records

CLUSTERED = (
    *("icc", "icc_region", "icc_clinic_in_region", "design_effect", "effective_sample_size"),
    *("sd_within", "overdispersion", "own_spread", "own_design_effect"),
)
"""Figures made of every clinic's size and events, but for a dispersion that own intervals tell."""


@dataclass(frozen=True, slots=True)
class _Figure:
    figure: str
    value: float
    method: str
    unit: str = ""
    lower: float = float("nan")
    upper: float = float("nan")
    status: str = "ok"
    reason: str | None = None


def network_figures(
    question: OutcomeFormulas,
    ranked: OutcomeFormulas,
    records: Records,
    summary: Summary,
    fit: LmmFit | GlmmFit,
    shrunken: Shrunken,
    scale: Standardised,
    worth: Worth,
) -> tuple[pd.DataFrame, list[str]]:
    """Rows of `network_figures` for one outcome, and why some are missing.

    Args:
        question: the outcome's formulas.
        ranked: the same as the ranking model has them, with the adjusters that bend.
        records: the records it is estimated from.
        summary: the window's moments.
        fit: the ranking model.
        shrunken: its clinic effects.
        scale: from clinic effects to figures.
        worth: what clinics' records are worth.

    Raises:
        SourceError: the database went away.
    """
    parts = [
        rows_or_reason(lambda: _rows(_level(question, summary, shrunken, scale))),
        rows_or_reason(lambda: _rows(_spread(question, fit, shrunken, scale, worth))),
        rows_or_reason(lambda: _rows(_clustering(question, records, summary, worth))),
        rows_or_reason(lambda: _rows(_own_spread(question, summary, worth))),
        rows_or_reason(lambda: _rows(_adjustment(ranked, records, fit))),
        rows_or_reason(lambda: _rows(_within_and_between(question, records))),
    ]
    rows = pd.concat([part for part, _ in parts if len(part)], ignore_index=True)
    return rows.assign(outcome=question.name), [reason for _, reasons in parts for reason in reasons]


def clustering_figures(
    question: OutcomeFormulas, records: Records, summary: Summary, worth: Worth
) -> pd.DataFrame:
    """The rows of an outcome that are made of its clinics' sizes and events; arguments as of all rows.

    Raises:
        SourceError: the database went away.
    """
    parts = [
        rows_or_reason(lambda: _rows(_clustering(question, records, summary, worth))),
        rows_or_reason(lambda: _rows(_own_spread(question, summary, worth))),
    ]
    rows = pd.concat([part for part, _ in parts if len(part)], ignore_index=True)
    return rows.assign(outcome=question.name)


def _rows(figures: Iterator[_Figure]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {field: getattr(each, field) for field in _Figure.__slots__}
            | {"label": say(f"figure.{each.figure}")}
            for each in figures
        ]
    )


def _level(
    question: OutcomeFormulas, summary: Summary, shrunken: Shrunken, scale: Standardised
) -> Iterator[_Figure]:
    moments = summary.by_clinic(question.name)
    outcome = question.outcome
    unit = outcome.unit or ("%" if outcome.kind == "binary" else "")
    n, total, exposure = (float(moments[each].sum()) for each in ("n", "total", "exposure"))
    if outcome.kind == "binary":
        yield _Figure("mean", 100.0 * total / n, coded("figure_method.share"), unit)
    elif outcome.kind == "count":
        how = "monthly" if outcome.counts_records else "rate"
        yield _Figure("mean", total / exposure, coded(f"figure_method.{how}"), unit)
    else:
        mean = float((moments["n"] * moments["mean"]).sum() / n)
        log = outcome.scale == "log"
        yield _Figure(
            "mean",
            float(np.exp(mean)) if log else mean,
            coded("figure_method.geometric_mean" if log else "figure_method.mean"),
            unit,
        )
    lower, upper = (float(each) for each in scale.at(np.array(shrunken.average_interval)))
    yield _Figure(
        "typical",
        scale.typical,
        coded("figure_method.typical"),
        unit,
        lower,
        upper,
    )


def _spread(
    question: OutcomeFormulas,
    fit: LmmFit | GlmmFit,
    shrunken: Shrunken,
    scale: Standardised,
    worth: Worth,
) -> Iterator[_Figure]:
    sd = float(fit.varcomp.sd("clinic").iloc[0])
    method = coded("figure_method.adjusted", method=_method(fit))
    if worth.untold:
        method = coded("figure_method.lasting_untold", method=method)
    yield _Figure("sd_between", sd, method, _unit_of_spread(question))
    # of t with 4 degrees of freedom and the same SD it is 1.963 for 1.960
    ends = scale.at(shrunken.centre + np.array([-1.0, 1.0]) * stats.norm.ppf(0.975) * sd)
    figure_unit = question.outcome.unit or ("%" if question.outcome.kind == "binary" else "")
    for figure, end in zip(("range_low", "range_high"), ends, strict=True):
        yield _Figure(figure, float(end), coded("figure_method.mixed"), figure_unit)
    if shrunken.regional:
        share = shrunken.regional
        method = coded("figure_method.region_share")
        yield _Figure("region_share", share.mean, method, "", share.lower, share.upper)
    if question.mean_family == "binomial":
        # Larsen & Merlo (2005), eq. 1
        ratio = float(np.exp(np.sqrt(2.0) * sd * special.ndtri(0.75)))
        yield _Figure("median_odds_ratio", ratio, coded("figure_method.median_odds_ratio"))


def _own_spread(question: OutcomeFormulas, summary: Summary, worth: Worth) -> Iterator[_Figure]:
    """How much wider than chance clinics' own figures spread; of volumes, the dispersion alone."""
    if dispersion := count_dispersion(question, summary):  # of however few clinics: own intervals are of it
        yield _Figure("count_dispersion", dispersion, coded("figure_method.count_dispersion"))
    if question.outcome.counts_records:
        return
    moments = summary.by_clinic(question.name)
    # an own figure knows its patients by their records alone, whatever a model has of them
    patients = alike_patients(question, summary).factor - worth.again
    factor = (worth.factor + patients).reindex(moments.index.astype(str), fill_value=1.0)
    alike = np.maximum(factor.to_numpy(dtype=float), 1.0)
    found = own_spread(moments, question.outcome, alike)
    if found is None:
        return
    there = moments["n"].to_numpy(dtype=float) > 0
    typical = float(np.median(alike[there]))
    yield _Figure("own_design_effect", typical, coded("figure_method.own_design_effect"))
    yield _Figure("overdispersion", found.overdispersion, coded("figure_method.overdispersion"))
    unit = question.outcome.unit
    if question.outcome.kind == "binary":
        unit = say("unit.percentage_points")
    elif question.outcome.scale == "log":
        unit = say("unit.log_of", unit=unit)
    if np.isfinite(found.within):
        yield _Figure("sd_within", found.within, coded("figure_method.sd_within"), unit)
    yield _Figure("own_spread", found.between, coded("figure_method.own_spread"), unit)


def _adjustment(question: OutcomeFormulas, records: Records, fit: LmmFit | GlmmFit) -> Iterator[_Figure]:
    """How well the adjusters predict, where there are any."""
    if not question.outcome.adjusters or question.outcome.counts_records:
        return
    found = adjustment(question, records, fit)
    if found is None:
        return
    binary = question.outcome.kind == "binary"
    if np.isfinite(found.discrimination):
        how = coded(f"figure_method.{'concordance' if binary else 'explained'}")
        yield _Figure("discrimination", found.discrimination, how)
    if np.isfinite(found.calibration):
        yield _Figure("calibration", 100.0 * found.calibration, coded("figure_method.calibration"), "%")
        how = coded("figure_method.calibration_by_chance")
        yield _Figure("calibration_by_chance", 100.0 * found.by_chance, how, "%")


def _within_and_between(question: OutcomeFormulas, records: Records) -> Iterator[_Figure]:
    """Mundlak's test of a continuous outcome's adjusters: do clinics' averages say what patients do?"""
    if question.mean_family != "gaussian" or not question.outcome.adjusters or question.patients:
        return  # with patients of several visits the test would count visits for patients
    try:
        test = mundlak(replace(question, curved=()).without_months, records, groups="clinic")
    except SourceError:
        raise
    except ClinicnetError:
        return  # nothing varies both within clinics and between them
    yield _Figure("mundlak", test.f.p, coded("figure_method.mundlak"))
    # the slopes of the measured adjuster whose clinics' averages say most that patients do not
    apart = (test.fit.coef / test.fit.se).abs()
    measured = {
        name: apart[mean] for name, mean in test.means.items() if _stands_alone(name, question.adjusters)
    }
    if measured:
        column = max(measured, key=measured.__getitem__)
        for figure, slope in zip(("slope_within", "slope_between"), test.slopes(column), strict=True):
            yield _Figure(
                figure,
                slope.estimate,
                coded(f"figure_method.{figure}", column=column),
                _unit_of_spread(question),
                slope.lower,
                slope.upper,
            )


def _stands_alone(name: str, adjusters: Sequence[str]) -> bool:
    """Whether an adjuster is a column that no other has too: else its slope is that at 0 alone."""
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return name in adjusters and sum(bool(word.search(each)) for each in adjusters) == 1


def _method(fit: LmmFit | GlmmFit) -> str:
    if isinstance(fit, GlmmFit):
        alike = fit.design_effects is not None
    else:
        alike = fit.variances is not None and fit.variances.inflation is not None
    if alike:
        return coded("fit_method.alike", method=_model(fit))
    return _model(fit)


def _model(fit: LmmFit | GlmmFit) -> str:
    if isinstance(fit, LmmFit):
        own = fit.variances is not None and np.isfinite(fit.variances.prior_df)
        return coded("fit_method.gaussian_own" if own else "fit_method.gaussian")
    how = "laplace" if fit.nodes == 1 else "quadrature"
    return coded(f"fit_method.{likelihood_family(fit)}", how=coded(f"fit_method.{how}", nodes=fit.nodes))


def _unit_of_spread(question: OutcomeFormulas) -> str:
    """The unit in which clinics' effects spread: the link function's."""
    if question.mean_family != "gaussian":
        return say("unit.log_odds" if question.mean_family == "binomial" else "unit.log_rate")
    unit = question.outcome.unit
    return say("unit.log_of", unit=unit) if question.outcome.scale == "log" else unit


_ALIKE_PART = 0.1
"""Of the intraclass correlation, from which on records that are alike are named as a reason for it."""
# with sizes from 1 to thousands, likelihood weights clinics rightly where analysis of variance does not
_METHODS = {"continuous": "reml", "binary": "beta-binomial", "count": "observed"}


def _clustering(
    question: OutcomeFormulas, records: Records, summary: Summary, worth: Worth
) -> Iterator[_Figure]:
    # a clinic's records in a month are its size, and span orders of magnitude: a log-normal so wide
    # says, on the scale of counts, that clinics alone differ; analysis of variance assumes no shape
    counted_months = question.outcome.counts_records
    kind = "continuous" if counted_months else question.outcome.kind
    method = "anova" if counted_months else _METHODS[kind]
    family = question.family if kind == "count" else "poisson"
    exposure = question.outcome.exposure
    try:
        found = attempted(
            lambda: icc(question.null, records, kind=kind, method=method, family=family, exposure=exposure)
        )
    except SourceError:
        raise
    except ClinicnetError as problem:
        for figure in ("icc", "design_effect", "effective_sample_size"):
            yield _Figure(
                figure,
                float("nan"),
                coded("figure_method.none"),
                status="not_estimable",
                reason=reason_of(problem),
            )
        return
    alike = _owed_to_alike(question, summary, worth, found.estimate) >= _ALIKE_PART * found.estimate > 0.0
    yield _Figure(
        "icc",
        found.estimate,
        coded(
            "figure_method.icc_alike" if alike else "figure_method.icc",
            name=coded(f"icc_method.{question.family if kind == 'count' else method}"),
            interval=coded(f"icc_interval.{found.interval}"),
        ),
        "",
        found.lower,
        found.upper,
    )
    counted = "unit.clinic_months" if question.outcome.counts_records else "unit.records"
    yield from _cost(found, counted)
    if question.regions:
        yield from _by_region(question, records)


def _owed_to_alike(question: OutcomeFormulas, summary: Summary, worth: Worth, correlation: float) -> float:
    """How much two records of a clinic correlate because some are of one patient, or of one month.

    A design effect D of n records' mean is a correlation of (D − 1)/(n − 1) between them, whether clinics
    differ or not. Clinics weigh as in an estimate of their variance: as the square of n/(1 + (n − 1)ρ).
    """
    n = summary.by_clinic(question.name)["n"].astype("float64")
    of_patients = alike_patients(question, summary).factor
    factors = pd.concat(
        [each.reindex(n.index, fill_value=1.0) for each in (worth.factor, of_patients)], axis=1
    )
    several = n > 1.0
    weights = (n / (1.0 + (n - 1.0) * correlation))[several] ** 2
    owed = ((factors.max(axis=1) - 1.0) / (n - 1.0))[several]
    return float((weights * owed).sum() / weights.sum()) if several.any() else 0.0


def _cost(found: ICC, counted: str) -> Iterator[_Figure]:
    """What clustering costs, in what the model takes for one observation: `counted` is its key."""
    effect = found.design_effect
    ends = [design_effect(min(max(each, 0.0), 1.0), found.sizes) for each in (found.lower, found.upper)]
    yield _Figure(
        "design_effect",
        effect.value,
        coded("figure_method.design_effect"),
        "",
        ends[0].value,
        ends[1].value,
    )
    yield _Figure(
        "effective_sample_size",
        effect.effective_n_weighted,
        coded("figure_method.effective_sample_size", counted=coded(counted)),
        say(counted),
        ends[1].effective_n_weighted,
        ends[0].effective_n_weighted,
    )


def _by_region(question: OutcomeFormulas, records: Records) -> Iterator[_Figure]:
    """The share of the variance between regions, and between clinics of a region, of continuous outcomes."""
    if question.outcome.kind != "continuous":
        return
    formula = f"{question.response} ~ 1 + (1 | region/clinic)"
    try:
        nested = attempted(lambda: icc(formula, records, method="reml"))
    except SourceError:
        raise
    except ClinicnetError:
        return  # too few regions to speak of: the network's own ICC stands
    levels = nested.levels
    for figure, (_, level) in zip(("icc_region", "icc_clinic_in_region"), levels.iterrows(), strict=False):
        yield _Figure(figure, float(level["share"]), coded("icc_method.reml"))
