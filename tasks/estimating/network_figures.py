"""Figures about the whole network: how much its clinics differ, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from tasks.errors import ClinicnetError, SourceError
from tasks.estimating.attempting import attempted, rows_or_reason
from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.standardising import Standardised
from tasks.estimating.summary import Summary
from tasks.models import ICC, GlmmFit, LmmFit, Shrunken, design_effect, icc
from tasks.models.numerics import distributions as stats
from tasks.records import Records


@dataclass(frozen=True, slots=True)
class _Figure:
    figure: str
    label: str
    value: float
    method: str
    unit: str = ""
    lower: float = float("nan")
    upper: float = float("nan")
    status: str = "ok"
    reason: str | None = None


def network_figures(
    question: OutcomeFormulas,
    records: Records,
    summary: Summary,
    fit: LmmFit | GlmmFit,
    shrunken: Shrunken,
    scale: Standardised,
) -> tuple[pd.DataFrame, list[str]]:
    """Rows of `network_figures` for one outcome, and why some are missing.

    Args:
        question: the outcome's formulas.
        records: the records it is estimated from.
        summary: the window's moments.
        fit: the ranking model.
        shrunken: its clinic effects.
        scale: from clinic effects to figures.

    Raises:
        SourceError: the database went away.
    """
    parts = [
        rows_or_reason(lambda: _rows(_level(question, summary, shrunken, scale))),
        rows_or_reason(lambda: _rows(_spread(question, fit, scale))),
        rows_or_reason(lambda: _rows(_clustering(question, records))),
    ]
    rows = pd.concat([part for part, _ in parts if len(part)], ignore_index=True)
    return rows.assign(outcome=question.name), [reason for _, reasons in parts for reason in reasons]


def _rows(figures: Iterator[_Figure]) -> pd.DataFrame:
    return pd.DataFrame([{field: getattr(each, field) for field in _Figure.__slots__} for each in figures])


def _level(
    question: OutcomeFormulas, summary: Summary, shrunken: Shrunken, scale: Standardised
) -> Iterator[_Figure]:
    moments = summary.by_clinic(question.name)
    outcome = question.outcome
    unit = outcome.unit or ("%" if outcome.kind == "binary" else "")
    n, total, exposure = (float(moments[each].sum()) for each in ("n", "total", "exposure"))
    if outcome.kind == "binary":
        yield _Figure("mean", "All records", 100.0 * total / n, "records with the outcome per 100", unit)
    elif outcome.kind == "count":
        how = "events per unit of exposure" if outcome.per == "record" else "records of a clinic in a month"
        yield _Figure("mean", "All records", total / exposure, how, unit)
    else:
        mean = float((moments["n"] * moments["mean"]).sum() / n)
        log = outcome.scale == "log"
        yield _Figure(
            "mean",
            "All records",
            float(np.exp(mean)) if log else mean,
            "geometric mean" if log else "mean",
            unit,
        )
    lower, upper = (float(each) for each in scale.at(np.array(shrunken.average_interval)))
    yield _Figure(
        "typical",
        "Typical clinic",
        scale.typical,
        "mixed model: the network's patients at the clinic in the middle (effect 0)",
        unit,
        lower,
        upper,
    )


def _spread(question: OutcomeFormulas, fit: LmmFit | GlmmFit, scale: Standardised) -> Iterator[_Figure]:
    sd = float(fit.varcomp.sd("clinic").iloc[0])
    name = {"gaussian": "", "binomial": "log odds", "poisson": "log rate"}[question.family]
    unit = name or ("log " if question.outcome.scale == "log" else "") + question.outcome.unit
    yield _Figure("sd_between", "Spread of clinics (SD)", sd, f"{fit.method}, adjusted", unit)
    ends = scale.at(np.array([-1.0, 1.0]) * stats.norm.ppf(0.975) * sd)
    figure_unit = question.outcome.unit or ("%" if question.outcome.kind == "binary" else "")
    yield _Figure(
        "range_low", "Lower end of the middle 95% of clinics", float(ends[0]), "mixed model", figure_unit
    )
    yield _Figure(
        "range_high", "Upper end of the middle 95% of clinics", float(ends[1]), "mixed model", figure_unit
    )
    if question.family == "binomial":
        # Larsen & Merlo (2005), eq. 1
        ratio = float(np.exp(np.sqrt(2.0) * sd * special.ndtri(0.75)))
        yield _Figure(
            "median_odds_ratio", "Median odds ratio between two clinics", ratio, "Larsen & Merlo (2005)"
        )


# with sizes from 1 to thousands, likelihood weights clinics rightly where analysis of variance does not
_METHODS = {"continuous": "reml", "binary": "beta-binomial", "count": "observed"}


def _clustering(question: OutcomeFormulas, records: Records) -> Iterator[_Figure]:
    # a clinic's months vary far beyond Poisson, which would say that clinics alone differ
    kind = question.outcome.kind if question.outcome.per == "record" else "continuous"
    method = _METHODS[kind] if question.outcome.per == "record" else "anova"
    try:
        found = attempted(lambda: icc(question.null, records, kind=kind, method=method))
    except SourceError:
        raise
    except ClinicnetError as problem:
        reason = problem.message
        for figure, label in (
            ("icc", "Intraclass correlation"),
            ("design_effect", "Design effect"),
            ("effective_sample_size", "Effective sample size"),
        ):
            yield _Figure(figure, label, float("nan"), "not estimated", status="not_estimable", reason=reason)
        return
    yield _Figure(
        "icc",
        "Intraclass correlation",
        found.estimate,
        f"{found.name}; {found.interval} interval",
        "",
        found.lower,
        found.upper,
    )
    counted = "records" if question.outcome.per == "record" else "clinic-months"
    yield from _cost(found, counted)
    if question.regions:
        yield from _by_region(question, records)


def _cost(found: ICC, counted: str) -> Iterator[_Figure]:
    """What clustering costs, in what the model takes for one observation."""
    effect = found.design_effect
    ends = [design_effect(min(max(each, 0.0), 1.0), found.sizes) for each in (found.lower, found.upper)]
    yield _Figure(
        "design_effect",
        "Design effect",
        effect.value,
        "1 + ((cv² + 1) m̄ − 1) ICC (Eldridge, Ashby & Kerry 2006)",
        "",
        ends[0].value,
        ends[1].value,
    )
    yield _Figure(
        "effective_sample_size",
        "Effective sample size",
        effect.effective_n,
        f"{counted} ÷ design effect",
        counted,
        ends[1].effective_n,
        ends[0].effective_n,
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
    names = (
        ("icc_region", "Share of variance between regions"),
        ("icc_clinic_in_region", "Share between clinics of a region"),
    )
    for (figure, label), (_, level) in zip(names, levels.iterrows(), strict=False):
        yield _Figure(figure, label, float(level["share"]), nested.name)
