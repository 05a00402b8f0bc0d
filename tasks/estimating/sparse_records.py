"""Months and levels too sparse for an effect of their own: none of them costs the whole outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from reports.wording import say
from reports.wording.coded_sentences import coded
from reports.wording.writing import listed
from tasks.estimating.outcome_formulas import MERGED_MONTHS, MONTHS, OutcomeFormulas
from tasks.estimating.summary import Summary
from tasks.models.generalized_mixed.certain_rows import CertainRows, Levels, certain_rows
from tasks.records import Records
from tasks.records.questions.derived_records import with_merged_months, without_levels

FEWEST = 10
"""Values of an outcome in the whole network below which a month shares its effect with a neighbour."""


@dataclass(frozen=True)
class ModelRecords:
    """The records that an outcome's models are fitted to.

    Attributes:
        question: the formulas for them.
        records: the records.
        certain: rows that were set aside, whose outcome is certain given their month and adjusters.
    """

    question: OutcomeFormulas
    records: Records
    certain: CertainRows | None = None

    def without_certain_rows(self) -> ModelRecords:
        """The same without the rows whose month and adjusters make the outcome certain."""
        question = self.question
        formula = f"{question.response} ~ {' + '.join(question.adjusters) or '1'}"
        certain = certain_rows(
            formula,
            self.records,
            question.adjusting_columns,
            family="poisson" if question.mean_family == "poisson" else "binomial",
            exposure=question.outcome.exposure,
        )
        if certain is None:
            return self
        return replace(self, records=without_levels(self.records, certain.where), certain=certain)

    @property
    def note(self) -> str | None:
        """What was set aside, as a coded sentence; neither which records nor how many.

        How many stands in the quality table, where small numbers are withheld.
        """
        if self.certain is None:
            return None
        return coded("why.left_out", where=_counted(self.certain.where))

    @property
    def quality(self) -> pd.DataFrame:
        """The same as a row of `quality`, counted; none where nothing was set aside."""
        if self.certain is None:
            return pd.DataFrame()
        label = self.question.outcome.label
        return pd.DataFrame(
            {
                "rule": [f"{self.question.name}_certain"],
                "clinic": [""],
                "description": [say("rule.certain", label=label)],
                "action": ["noted"],
                "counts": ["records"],
                "n_checked": [round(self.certain.all_rows)],
                "n_found": [round(self.certain.rows)],
            }
        )


def model_records(question: OutcomeFormulas, records: Records, summary: Summary) -> ModelRecords:
    """The records with sparse months merged with their neighbours."""
    if MONTHS not in question.adjusters or question.outcome.counts_records:
        return ModelRecords(question, records)
    shared = merged_months(_varying_months(question, summary))
    if not shared:
        return ModelRecords(question, records)
    adjusters = tuple(MERGED_MONTHS if each == MONTHS else each for each in question.adjusters)
    return ModelRecords(replace(question, adjusters=adjusters), with_merged_months(records, shared))


def _varying_months(question: OutcomeFormulas, summary: Summary) -> dict[str, float]:
    """Month → values, of months in which the outcome varies; the others are set aside, not merged."""
    by_month = summary.by_month(question.name)
    n, total = by_month["n"], by_month["total"]
    varies = n > 0
    if question.mean_family == "binomial":
        varies &= (total > 0) & (total < n)
    elif question.mean_family == "poisson":
        varies &= total > 0
    return {str(month): float(count) for month, count in n[varies].items()}


def merged_months(counted: Mapping[str, float], fewest: int = FEWEST) -> dict[str, str]:
    """Month → the month whose effect it shares, for months that share one.

    A sparse month joins the months before it that are too few as well, and then the next one; the last ones
    join those before.

    >>> merged_months({"2024-01": 3, "2024-02": 40, "2024-03": 2, "2024-04": 4, "2024-05": 50, "2024-06": 1})
    {'2024-01': '2024-02', '2024-03': '2024-05', '2024-04': '2024-05', '2024-06': '2024-05'}
    >>> merged_months({"2024-01": 3, "2024-02": 3})
    {'2024-01': '2024-02'}
    """
    groups: list[list[str]] = []
    waiting: list[str] = []
    total = 0.0
    for month in sorted(month for month, n in counted.items() if n > 0):
        waiting.append(month)
        total += counted[month]
        if total >= fewest:
            groups.append(waiting)
            waiting, total = [], 0.0
    if waiting:
        groups = [*groups[:-1], [*(groups[-1] if groups else []), *waiting]]
    shared: dict[str, str] = {}
    for group in groups:
        largest = max(group, key=lambda month: (counted[month], month))
        shared |= {month: largest for month in group if month != largest}
    return shared


def _counted(where: Sequence[Levels]) -> str:
    """How many months, levels and combinations, in words.

    >>> _counted([{"month": "2024-01"}, {"sex": "X"}, {"sex": "Y"}, {"month": "2024-02", "sex": "F"}])
    'one month, 2 levels of sex and one combination of month and sex'
    """
    names = [tuple(_column(name) for name in each) for each in where]
    parts = []
    for name, n in Counter(names).items():
        what = "month" if name == (say("term.month"),) else "combination" if len(name) > 1 else "level"
        key = f"why.one_{what}" if n == 1 else f"why.many_{what}s"
        parts.append(say(key, count=n, column=name[0], columns=listed(name)))
    return listed(parts)


def _column(name: str) -> str:
    return say("term.month") if name in ("month", "merged_month") else name
