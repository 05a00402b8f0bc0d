"""Which continuous adjusters bend: a natural spline in place of a straight line, where records ask for it.

A curved effect entered as a straight line leaves part of the patients' differences with the clinics that see
the youngest and the oldest, and what it leaves of the records' own widens the program's interval: the
program's models have the adjusters as the clinics' comparison has them.
"""

from __future__ import annotations

from dataclasses import replace

from tasks.errors import ClinicnetError, SourceError
from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.summary import Summary
from tasks.estimating.worth import Worth
from tasks.models import GlmmFit, LmmFit, glmm, lmm
from tasks.records import Records

_FEWEST = 200
"""Records under which a bend is not looked for."""
_FEWEST_EVENTS = 60
"""Events, and records without one, under which it is not: 20 for each column of the spline."""


def with_curves(
    question: OutcomeFormulas, records: Records, summary: Summary, worth: Worth
) -> OutcomeFormulas:
    """The formulas with a natural spline of three degrees of freedom for each adjuster it describes better.

    Better is a lower information criterion (Akaike 1974, IEEE Trans Autom Control 19:716) of the ranking
    model by maximum likelihood; each adjuster is tried alone. What cannot be fitted is not bent. Patients who
    come again have no effect of their own here, which would cost more than all other estimates together;
    instead the likelihood's gain is divided by how often they come, as if their records were copies.

    Args:
        question: the outcome's formulas.
        records: the records of its models.
        summary: the window's moments.
        worth: what the records of binary and count outcomes are worth.

    Raises:
        SourceError: the database went away.

    Source of the basis: Hastie, Tibshirani & Friedman (2009), §5.2.1.
    """
    if not question.outcome.adjusters or not _enough(question, summary):
        return question
    straight = _fit_or_none(question, records, worth)
    if straight is None:
        return question
    curved = []
    for name in question.outcome.adjusters:
        if name not in straight.coef.index or name not in question.adjusters:
            continue  # a factor, or a term that somebody has written out
        tried = _fit_or_none(replace(question, curved=(name,)), records, worth)
        if tried is None or tried.loglik is None or straight.loglik is None:
            continue
        gained = 2.0 * (tried.loglik - straight.loglik) / max(summary.returning.get(question.name, 1.0), 1.0)
        if gained > 2.0 * (tried.n_parameters - straight.n_parameters):
            curved.append(name)
    return replace(question, curved=tuple(curved))


def _enough(question: OutcomeFormulas, summary: Summary) -> bool:
    moments = summary.by_clinic(question.name)
    records, events = float(moments["n"].sum()), float(moments["total"].sum())
    if records < _FEWEST or question.outcome.counts_records:
        return False
    if question.outcome.kind == "binary":
        return min(events, records - events) >= _FEWEST_EVENTS
    return question.outcome.kind == "continuous" or events >= _FEWEST_EVENTS


def _fit(question: OutcomeFormulas, records: Records, worth: Worth) -> LmmFit | GlmmFit:
    question = replace(question, patients="")
    if question.mean_family == "gaussian":
        return lmm(question.ranking, records, reml=False)
    return glmm(
        question.ranking,
        records,
        family=question.family,
        exposure=question.outcome.exposure,
        nodes=1,
        design_effects=worth.design_effects,
    )


def _fit_or_none(question: OutcomeFormulas, records: Records, worth: Worth) -> LmmFit | GlmmFit | None:
    try:
        return _fit(question, records, worth)
    except SourceError:
        raise
    except ClinicnetError:
        return None
