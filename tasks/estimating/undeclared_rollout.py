"""A question about a program that clinics took up one after the other, asked as if it were any other column.

Records under the program are then later ones too. A formula without months takes what time changed for the
program's effect, and so misleads however good its model is (Hemming et al. 2015, BMJ 350:h391).
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.errors import ClinicnetError, EstimationError, SourceError
from tasks.models import program_effect
from tasks.models.program_effects.program_data import Family
from tasks.models.program_effects.rollout import rollout_of
from tasks.records import Records, cells_for
from tasks.records.formulas.formula import Formula
from tasks.records.formulas.tokens import as_written

TIME = frozenset({"month", "period", "date"})
"""Columns of screened records with which a formula says that outcomes change in time."""


@dataclass(frozen=True, slots=True)
class RolloutEffect:
    """The average over the months since the start, with its 95% interval.

    Attributes:
        measure: difference, odds_ratio or rate_ratio.
        value, lower, upper: the estimate and the ends.
    """

    measure: str
    value: float
    lower: float
    upper: float


def undeclared_rollouts(formula: Formula, records: Records) -> tuple[str, ...]:
    """Columns of the formula that are rollouts; none where the formula has months.

    Args:
        formula: as it was asked.
        records: screened records, with clinic and month.
    """
    used = {name for variable in formula.variables.values() for name in variable.names}
    if used & TIME:
        return ()
    alone = [
        formula.variables[term[0]].names[0]
        for term in formula.fixed.terms
        if len(term) == 1 and formula.variables[term[0]].is_column
    ]
    return tuple(column for column in alone if _is_rollout(column, records))


def _is_rollout(column: str, records: Records) -> bool:
    try:
        _, cells = cells_for(f"{as_written(column)} ~ 1", records, groups=("clinic", "month"))
        return rollout_of(cells, column).adoption == "rollout"
    except SourceError:
        raise
    except ClinicnetError:  # text, more than two values, or everywhere all the time
        return False


def as_rollout(
    formula: Formula, column: str, records: Records, *, family: Family, exposure: str | None
) -> RolloutEffect:
    """What a rollout's effect is: months in the model, and each month since a start with its own effect.

    Args:
        formula: as it was asked.
        column: one of its columns, 1 where the program was running.
        records: screened records, with clinic and month.
        family: the outcome's.
        exposure: the column of each record's time at risk.

    Raises:
        EstimationError: it cannot be estimated; says why.
    """
    others = [":".join(term) for term in formula.fixed.terms if not _has(formula, term, column)]
    table = program_effect(
        f"{formula.response.text} ~ {' + '.join(others) or '1'}",
        records,
        program=column,
        family=family,
        exposure=exposure,
        effect="exposure-time",
        models=("mixed",),
    ).table
    of_the_model = table[table["model"] == "mixed"]
    row = of_the_model[of_the_model["estimand"] == "conditional"].iloc[0]
    if row["status"] != "ok":
        raise EstimationError(str(row["reason"]))
    return RolloutEffect(str(row["measure"]), *(float(row[end]) for end in ("value", "lower", "upper")))


def _has(formula: Formula, term: tuple[str, ...], column: str) -> bool:
    return any(column in formula.variables[variable].names for variable in term)
