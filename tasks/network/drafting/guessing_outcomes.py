"""Guesses which columns are outcomes, of which kind, and what they are adjusted for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tasks.network.drafting import column_naming as names
from tasks.network.drafting import column_words as words
from tasks.network.drafting.coding import Coding, event_coding, one_two_coding, program_coding, says_yes_or_no
from tasks.network.drafting.draft import Direction, DraftOutcome, OutcomeKind
from tasks.network.drafting.profile import ColumnProfile, TableProfile
from tasks.network.drafting.weighing_outcomes import (
    Unlikely,
    is_number,
    is_outcome_by_name,
    measures,
    unlikeliness,
)

MOST_OUTCOMES = 6
"""Outcomes that a draft has at most: a network reports a few."""
_FEW = 6
"""A number with up to so many different values may be a code rather than a measurement."""
_COUNTS_UP_TO = 60
_KEPT = 2
"""Columns of yes or no without a telling name that have a place among outcomes."""
_WORD = 3
"""Letters of a word that tells what columns are about."""
_MOST_BASELINES = 3
"""Of more columns with first values, which are adjusted for is left to a person."""


@dataclass(frozen=True, slots=True)
class ChosenOutcomes:
    """The columns that a draft has as outcomes.

    Attributes:
        drafted: those, the likeliest first.
        others: those that are left for a person to choose.
        untold: those drafted of which neither a name nor words say that they came of care.
    """

    drafted: tuple[ColumnProfile, ...]
    others: tuple[ColumnProfile, ...]
    untold: tuple[ColumnProfile, ...]


def choose_outcomes(
    profile: TableProfile, taken: Collection[str | None], followed: Collection[str] = ()
) -> ChosenOutcomes:
    """The columns that a draft has as outcomes, and those left for a person to choose.

    Outcomes by name come first, then measurements; yes and no without a telling name only where there is no
    outcome by name, a questionnaire's answers and then what people are rather than what came of their care
    where there is nothing else. Of more than there is room for, the first and the table's last are drafted.

    Args:
        profile: the table.
        taken: columns that have another role.
        followed: columns whose values change within patients.
    """
    measured = [each for each in profile.columns if each.name not in taken and measures(each, profile)]
    likely = {each.name: unlikeliness(each, profile, followed) for each in measured}
    measured = [each for each in measured if likely[each.name] < Unlikely.NEVER]
    called = [each for each in measured if likely[each.name] == Unlikely.CALLED]
    for each in measured:  # as achv_math is one by name, so are achv_english and achv_hebrew
        if likely[each.name] <= Unlikely.YES_OR_NO and any(_are_alike(each, other) for other in called):
            likely[each.name] = Unlikely.CALLED
    by_name = Unlikely.CALLED in likely.values()
    most = Unlikely.MEASURED if by_name else Unlikely.YES_OR_NO
    drafted = [each for each in measured if likely[each.name] <= most]
    if not drafted:
        best = min((likely[each.name] for each in measured), default=Unlikely.CALLED)
        drafted = [each for each in measured if likely[each.name] == best]
    ordered = sorted(drafted, key=lambda each: (likely[each.name], each.n_missing > 0))
    if not by_name:
        ordered = _of_untold(ordered, likely)
    chosen = {each.name for each in ordered[:MOST_OUTCOMES]}
    likeliest_first = sorted(measured, key=lambda each: likely[each.name])
    return ChosenOutcomes(
        drafted=tuple(each for each in likeliest_first if each.name in chosen),
        others=tuple(each for each in measured if each.name not in chosen),
        untold=tuple(each for each in likeliest_first if each.name in chosen and likely[each.name]),
    )


def _of_untold(ordered: list[ColumnProfile], likely: Mapping[str, Unlikely]) -> list[ColumnProfile]:
    """Those that have a place where nothing tells which are outcomes: some yes or no beside measurements."""
    said = [each for each in ordered if likely[each.name] == Unlikely.YES_OR_NO]
    kept = _first_and_last(said, _KEPT)
    others = _first_and_last([each for each in ordered if each not in said], MOST_OUTCOMES - len(kept))
    left = [each for each in said if each not in kept]
    return [*others, *left[: MOST_OUTCOMES - len(kept) - len(others)], *kept]


def _first_and_last(columns: list[ColumnProfile], room: int) -> list[ColumnProfile]:
    """The first, and the last instead of the last that there is room for.

    What a table is about stands last in many, and first in most others.
    """
    if len(columns) <= room:
        return columns
    complete = [each for each in columns if not each.n_missing]
    last = (complete if len(complete) >= room else columns)[-1]
    return [*columns[: room - 1], last]


def _are_alike(column: ColumnProfile, other: ColumnProfile) -> bool:
    """Whether two names have as many words, the first the same, and both columns say yes or no or neither."""
    first, also = (re.split(r"[\W_]", each.name.lower()) for each in (column, other))
    alike = len(first) == len(also) > 1 and first[0] == also[0] and len(first[0]) >= _WORD
    return alike and says_yes_or_no(column) == says_yes_or_no(other)


def codings_of(profile: TableProfile, program: str | None) -> dict[str, Coding]:
    """Column → how its two values become 0 and 1, of those that hold other values."""
    found = {}
    for column in profile.columns:
        coding = program_coding(column) if column.name == program else None
        coding = coding or event_coding(column)
        if coding is None and is_outcome_by_name(column):
            coding = one_two_coding(column)
        if coding is not None:
            found[column.name] = coding
    return found


def guess_program(profile: TableProfile) -> str | None:
    """The column of two values that says whether a record was under a program or treatment."""
    columns = profile.columns
    said = (each for each in columns if says_yes_or_no(each) and names.found(each.name, words.PROGRAM))
    treated = (
        each
        for each in columns
        if (each.zero_one or program_coding(each) is not None)
        and names.said(each.name, (*words.TREATMENT, *words.PROGRAM))
        and not names.said(each.name, words.TRAIT)
    )
    order = (*words.PROGRAM, *words.TREATMENT)
    likeliest = sorted(treated, key=lambda each: order.index(names.said(each.name, order)[0]))
    return next((each.name for each in (*said, *likeliest)), None)


def guess_exposure(profile: TableProfile, outcome: str | None = None) -> str | None:
    """The column with the time at risk, or with how many a sum of events is about, if one is called so.

    Args:
        profile: the table.
        outcome: the count that it is for; left out, any.
    """
    fitting = [
        each
        for each in profile.columns
        if each.kind == "number" and "positive" in each.within and not each.negative and each.name != outcome
    ]
    times = (each.name for each in fitting if _is_time_at_risk(each) and not each.zero_one)
    if outcome is None or not names.said(outcome, words.EVENTS):
        return next(times, None)
    sizes = (each.name for each in fitting if names.said(each.name, words.SIZE))
    return next(iter((*times, *sizes)), None)


def _is_time_at_risk(column: ColumnProfile) -> bool:
    if names.said(column.name, words.SEQUENCE) and not names.said(column.name, words.RISK):
        return bool(names.said(column.name, words.FOLLOWED))
    of_time = names.found(column.name, words.RISK) and names.said(column.name, words.OF_TIME)
    return bool(of_time or names.found(column.name, words.FOLLOWED))


def guess_adjusters(profile: TableProfile, program: str | None = None) -> tuple[str, ...]:
    """Age, sex, what was measured before, and treatments that are no program."""
    before = [each.name for each in profile.columns if _is_baseline(each, profile)]
    before = before if len(before) <= _MOST_BASELINES else []
    ages = [each.name for each in profile.columns if names.says_age_in_one(each.name)]
    plain = any(names.said(each.name, words.AGE) for each in profile.columns if each.name not in ages)
    again = ages if plain else ages[1:]  # the same age, in other units or in groups
    return tuple(
        each.name
        for each in profile.columns
        if each.name not in (program, *again) and (each.name in before or _is_adjuster(each))
    )


def plain_adjusters(profile: TableProfile) -> tuple[str, ...]:
    """The columns of ages and sexes, which nobody need be asked about."""
    return tuple(each.name for each in profile.columns if names.found(each.name, (*words.AGE, *words.SEX)))


def _is_baseline(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column is the first value of something: called so, or with a later one called alike."""
    if column.n_distinct < 2 or not is_number(column):
        return False
    before = set(names.said(column.name, words.BEFORE))
    rest = names.words_of(column.name) - before
    others = [names.words_of(each.name) for each in profile.columns if each.name != column.name]
    later = any(rest == other - set(words.AFTER) for other in others)
    return bool(before) and (bool(names.said(column.name, words.BASELINE)) or (bool(rest) and later))


def _is_adjuster(column: ColumnProfile) -> bool:
    if column.n_distinct < 2 or column.kind in ("date", "other"):
        return False
    if names.said(column.name, words.AGE) or names.found(column.name, words.AGE):
        return column.kind == "number"
    if names.found(column.name, words.SEX):
        return column.n_distinct <= _FEW
    treatment = column.name.lower() in words.TREATMENT and column.name.lower() not in ("group", "condition")
    return treatment and column.kind == "text" and column.n_distinct <= _FEW


def guess_limits(
    profile: TableProfile, columns: Collection[str]
) -> dict[str, tuple[float | None, float | None]]:
    """Limits of what is possible, for ages that keep to them: centred ages do not."""
    return {
        each: (0, 110)
        for each in columns
        if names.found(each, words.AGE)
        and "age" in profile.column(each).within
        and not profile.column(each).zero_one
    }


def guess_outcome(column: ColumnProfile, exposure: str | None = None) -> DraftOutcome:
    """What kind of outcome a column is, and which way is better."""
    kind = guess_kind(column)
    return DraftOutcome(
        column=column.name,
        label=_label(column.name),
        kind=kind,
        direction=_direction(column),
        exposure=exposure if kind == "count" else None,
    )


def guess_kind(column: ColumnProfile) -> OutcomeKind:
    """Binary for 0/1 and true/false, count for few whole numbers from zero, continuous for the rest."""
    if says_yes_or_no(column) or (column.one_two and is_outcome_by_name(column)):
        return "binary"
    if (
        not column.whole
        or column.negative
        or names.said(column.name, (*words.MEASURED, *words.RATED, *words.AFTER))
    ):
        return "continuous"
    if names.said(column.name, words.COUNTED):
        return "count"
    begins_at_zero = "positive" not in column.within  # 1 to 5 is a grade, 200 to 2,500 a measurement
    return "count" if begins_at_zero and column.n_distinct <= _COUNTS_UP_TO else "continuous"


def outcome_assumptions(
    drafted: Iterable[DraftOutcome], codings: dict[str, Coding], untold: Iterable[ColumnProfile]
) -> list[str]:
    """What was taken for granted about outcomes, in sentences.

    Args:
        drafted: the draft's.
        codings: column → how its two values become 0 and 1.
        untold: columns that nothing tells to have come of care.
    """
    names_of = [repr(each.name) for each in untold]
    said = []
    if names_of:
        are = "is an outcome: leave it out if it" if len(names_of) == 1 else "are outcomes: leave out what"
        said.append(f"nothing says that {', '.join(names_of)} {are} is none")
    for outcome in drafted:
        coding = codings.get(outcome.column or "")
        if coding is not None and coding.is_number:
            said.append(f"in column {outcome.column!r}, 2 is what happened and 1 is not")
        if outcome.exposure is not None and names.said(outcome.exposure, words.SIZE):
            said.append(
                f"rows are sums: {outcome.column!r} counts events of {outcome.exposure!r}, taken for the "
                "exposure, and figures are per one of it"
            )
    return said


def _direction(column: ColumnProfile) -> Direction:
    coding = event_coding(column)
    if coding is not None and coding.better != "neither":
        return coding.better
    if names.found(column.name, words.BETTER_HIGHER):
        return "higher"
    return "lower" if names.found(column.name, words.BETTER_LOWER) else "neither"


def _label(column: str) -> str:
    text = re.sub(r"[_\W]+", " ", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)).strip().lower()
    return text[:1].upper() + text[1:]
