"""What a program did where clinics started one after another.

The average month's effect leads in the form that needs least: by cohort and month, so that effects may differ
with the month since the start, with the calendar and with when a clinic started, and with a steady trend of
early starters' own beside it. What it would be without such a trend stands in its sentence, estimate and
interval, and what neither rules out is its condition.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reports.wording import say
from reports.wording.coded_sentences import coded
from tasks.estimating.outcome_formulas import OutcomeFormulas
from tasks.estimating.program_reach import reach_of_rollout
from tasks.estimating.program_rows import (
    PROGRAM,
    conditioned,
    for_all_as_well,
    from_model,
    missing,
    rests_on,
    rows_of,
    tested,
)
from tasks.estimating.program_words import narrower
from tasks.models import ProgramEffect, program_effect
from tasks.models.program_effects.cohort_months import cohort_months
from tasks.program_questions import SIGNIFICANT
from tasks.records import Records, cells_for

LEADS = 3
"""Months before the start that an event study looks at too: an effect before its cause is no effect."""
OWN_TREND, OWN_TREND_AVERAGE = "trend", "trend-average"  # by cohort and month, or by month since the start
COHORTS, AVERAGE = "cohorts", "average"

_MONTHS_FOR_LEADS = 12  # a shorter window has no months to spare for them
_ALONE, _ALONE_AVERAGE = "why.alone", "why.alone_average"  # every clinic has the program by then
_SHARED = "why.shared"  # too few events for an effect of each
_LEADING = (("mixed", "conditional"), ("mixed", "marginal"), ("gee", "marginal"), ("within", "conditional"))
_FEWEST_TOLD = 8  # months of cohorts; averages of fewer could be solved for one clinic's month
_COHORTS = {"since-start": COHORTS, "calendar": "cohorts-calendar", "clinic-months": "cohorts-clinic-months"}


def rollout_rows(
    question: OutcomeFormulas, records: Records, starts: Mapping[str, str] | None
) -> Iterator[dict[str, Any]]:
    """Every clinic its own control before its start, every month its own effect.

    One effect for all months stands beside the averages, with a test of whether the effect changes: where it
    does, that number weighs months in a way that nobody chose, and can have the wrong sign (Kenny et al.
    2022, Stat Med 41:4311).
    """
    asked = functools.partial(
        program_effect,
        question.without_months,
        records,
        family=question.family,
        exposure=question.outcome.exposure,
        starts=None if starts is None else _of_these_clinics(starts, records),
        region="region" if question.regions else None,
    )
    average = asked(effect="exposure-time")
    if average.unit.are_too_few:
        for model, estimand in _LEADING:
            reason = coded("why.few_regions", regions=len(average.unit.labels))
            yield missing(question, model, estimand, reason) | {"term": AVERAGE}
        for row in rows_of(average.table, "naive"):
            yield from_model(question, row, "effect")
        return
    averages = _Averages.of(average, functools.partial(asked, models=("mixed",)))
    yield from averages.rows(question)
    if average.context is not None:
        yield tested(question, average, "context", average.context)
    if average.change is not None:
        # its model has no trend of early starters' own, which looks like an effect that grows
        condition = "change_one" if averages.one_start else "change"
        found = average.change.p < SIGNIFICANT  # then the sentence itself says what else it can be
        yield tested(question, average, "change", average.change, condition=None if found else condition)
    # where a program started within a period, its records say by their dates which of them it reached
    immediate = asked(starts=None) if question.starts_within else asked()
    alike_each = rests_on(immediate)
    if average.change is not None and average.change.p < SIGNIFICANT:
        alike_each = [*alike_each, coded("why.effect_changes")]
    for row in rows_of(immediate.table):
        if (row["model"], row["estimand"]) != ("mixed", "marginal"):
            yield averages.conditioned(from_model(question, row, "effect", rests=alike_each), "same")
    leads = LEADS if len(immediate.rollout.periods) >= _MONTHS_FOR_LEADS else 0
    months = asked(effect="event-study", models=("mixed",), leads=leads) if leads else average
    if months.before is not None:
        yield tested(question, months, "before", months.before)
    alone = average.rollout.alone
    # empty where no month has an effect of its own; the whole effect may have one
    for row in rows_of(months.by_month()):
        since = int(row["term"])
        term = f"month {since:03d}" if since < 0 else f"month {since:02d}"
        rests = [coded(_ALONE)] if since in alone else []
        together = months.data.sharing(since)
        if len(together) > 1:
            rests.append(coded(_SHARED, first=int(together[0]), last=int(together[-1])))
        effect = from_model(question, row, term, since, rests)
        yield averages.conditioned(effect, "alike_both") if since >= 0 else effect  # no effect before it


@dataclass(frozen=True)
class _Averages:
    """The average month's effect, by what is taken to be alike.

    Attributes:
        average: effects are alike whenever a clinic started, and so is what else changes.
        by_cohort: effects may differ by cohort and month; None where that cannot be told.
        steady: early starters may have a steady trend of their own; None where that cannot be told.
        steady_by_cohort: whether effects may then differ by cohort and month as well.
        reach: what an effect over all clinics takes for granted besides; None where nothing.
    """

    average: ProgramEffect
    by_cohort: ProgramEffect | None
    steady: ProgramEffect | None
    steady_by_cohort: bool
    reach: str | None

    @classmethod
    def of(cls, average: ProgramEffect, asked: Callable[..., ProgramEffect]) -> _Averages:
        """What can be had of them.

        Without a trend, effects by cohort and month count only where enough clinics start together to tell
        how the effect varies among them; the wide intervals with one hold that as well.
        """
        by_cohort: ProgramEffect | None = None
        steady: ProgramEffect | None = None
        if sum(each.told for each in cohort_months(average.rollout, PROGRAM)) >= _FEWEST_TOLD:
            by_cohort, steady = (asked(effect="cohort-month", own_trend=trend) for trend in (False, True))
            by_cohort = by_cohort if "mixed" in by_cohort.fits and by_cohort.effect_varies else None
        steady_by_cohort = steady is not None and "mixed" in steady.fits
        if not steady_by_cohort:  # or too few events for months of cohorts
            steady = asked(effect="exposure-time", own_trend=True)
        return cls(
            average,
            by_cohort,
            steady if steady is not None and "mixed" in steady.fits else None,
            steady_by_cohort,
            reach_of_rollout(average),
        )

    def rows(self, question: OutcomeFormulas) -> Iterator[dict[str, Any]]:
        """The averages as rows, what needs least first; of each whole effect its condition too."""
        plain = list(self._plain(question))
        cohorts = list(self._of_cohorts(question))
        without = {(row["estimand"], row["measure"]): row for row in (*plain, *cohorts) if _is_whole(row)}
        yield from self._steady(question, without)
        yield from cohorts
        yield from plain

    def _plain(self, question: OutcomeFormulas) -> Iterator[dict[str, Any]]:
        rests = [*rests_on(self.average), *self._months_alone]
        when = say("effect_when.average")
        for row in rows_of(self.average.table):
            if row["model"] != "naive":
                for each in for_all_as_well(question, row, AVERAGE, rests, when):
                    yield self.conditioned(each, "alike_both")

    def _of_cohorts(self, question: OutcomeFormulas) -> Iterator[dict[str, Any]]:
        if self.by_cohort is None:
            return
        rests = rests_on(self.by_cohort)
        for row in rows_of(self.by_cohort.table, "mixed"):
            term, when = _COHORTS[row["term"]], self._when(row["term"])
            for each in for_all_as_well(question, row, term, rests, when):
                if term == COHORTS or each["estimand"] == "marginal":
                    yield self.conditioned(each, "alike" if self._all_starts_told else "alike_both")

    def _steady(
        self, question: OutcomeFormulas, without: Mapping[tuple[str, str], dict[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        if self.steady is None:
            for estimand in ("conditional", "marginal"):
                reason = coded("why.trend_not_told")
                yield missing(question, "mixed", estimand, reason) | {"term": OWN_TREND}
            return
        by_cohort = self.steady_by_cohort
        term = OWN_TREND if by_cohort else OWN_TREND_AVERAGE
        key = "steady" if by_cohort and self._all_starts_told else "steady_both"
        when = self._when("since-start") if by_cohort else say("effect_when.average")
        rests = rests_on(self.steady) if by_cohort else [*rests_on(self.steady), *self._months_alone]
        for row in rows_of(self.steady.table, "mixed"):
            if row["term"] not in ("since-start", "effect"):
                continue
            for each in for_all_as_well(question, row, term, rests, when):
                sharper = without.get((each["estimand"], each["measure"]))
                if sharper is not None:
                    ends = (sharper[end] for end in ("value", "lower", "upper"))
                    told = narrower(each["measure"], each["unit"], *ends, one_start=self.one_start)
                    each["words"] = f"{each['words']} {told}"
                yield conditioned(each, "steady_one" if self.one_start else key, self.reach)

    def conditioned(self, row: dict[str, Any], key: str) -> dict[str, Any]:
        """With its condition, where no trend of early starters' own is allowed for."""
        if self.one_start:
            key = "same_one" if key == "same" else "alike_one"
        return conditioned(row, key if self.steady is not None else f"{key}_untold", self.reach)

    @property
    def _months_alone(self) -> list[str]:
        """That an average over the months since the start has some beside which no other clinic was seen."""
        followed, alone = self.average.rollout.followed, self.average.rollout.alone
        return [coded(_ALONE_AVERAGE, alone=len(alone), months=len(followed))] if alone else []

    @property
    def one_start(self) -> bool:
        """Whether all clinics with the program started together, so that none did early."""
        return len({each.start for each in cohort_months(self.average.rollout, PROGRAM)}) == 1

    @property
    def _all_starts_told(self) -> bool:
        """Whether clinics of every start have others beside them: an average has nothing of those without."""
        cells = cohort_months(self.average.rollout, PROGRAM)
        return {each.start for each in cells} == {each.start for each in cells if each.told}

    def _when(self, average: str) -> str:
        """Which months cohorts' effects are averaged over: those with clinics that had not started beside."""
        if average != "since-start":
            return say(f"effect_when.{_COHORTS[average].replace('-', '_')}")
        rollout = self.average.rollout
        since = sorted({each.since for each in cohort_months(rollout, PROGRAM) if each.told})
        if since == list(range(len(since))) and len(since) > 1:
            return say("effect_when.first", count=len(since))
        return say("effect_when.beside")


def _is_whole(row: Mapping[str, Any]) -> bool:
    """Whether a row is the mixed model's average over the months since the start."""
    return row["status"] == "ok" and row["model"] == "mixed" and row["term"] in (AVERAGE, COHORTS)


def _of_these_clinics(starts: Mapping[str, str], records: Records) -> dict[str, str]:
    """Declared starts of the clinics with records; one before the window counts months from where it was."""
    _, cells = cells_for(f"{PROGRAM} ~ 1", records, groups=("clinic", "month"))
    return {str(clinic): starts[str(clinic)] for clinic in cells.levels[0] if str(clinic) in starts}
