"""Guesses which columns are outcomes, of which kind, and what they are adjusted for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from tasks.network.drafting import column_naming as names
from tasks.network.drafting import column_words as words
from tasks.network.drafting.coding import Coding, event_coding, one_two_coding, program_coding, says_yes_or_no
from tasks.network.drafting.draft import Direction, DraftOutcome, OutcomeKind
from tasks.network.drafting.label_columns import counts_stays
from tasks.network.drafting.profile import ColumnProfile, TableProfile

MOST_OUTCOMES = 6
"""Outcomes that a draft has at most: a network reports a few."""
_FEW = 6
"""A number with up to so many different values may be a code rather than a measurement."""
_COUNTS_UP_TO = 60
_ALL_DIFFERENT = 0.999
"""Whole numbers of which so many in all differ number the rows."""
_YES_OR_NO, _KEPT = 2, 2
"""How unlikely a yes or no without a telling name is, and how many of them have a place among outcomes."""
_SERIES = 3
"""Columns of yes or no that a number tells apart, from which they are levels or items of one thing."""
_YEARS = 150
"""Different years, at most."""
_WORD = 3
"""Letters of a word that tells what columns are about."""
_MOST_BASELINES = 3
"""Of more columns with first values, which are adjusted for is left to a person."""
_GROUPING = (*words.CLINIC, *words.COMMUNITY, *words.REGION, *words.PATIENT)
_NAMING = (*words.OUTCOME, *words.BETTER_HIGHER, *words.BETTER_LOWER)


def choose_outcomes(
    profile: TableProfile, taken: Collection[str | None], followed: Collection[str] = ()
) -> tuple[list[ColumnProfile], list[ColumnProfile]]:
    """The columns that a draft has as outcomes, in the table's order, and those left for a person to choose.

    Outcomes by name come first, then measurements; yes and no without a telling name only where there is no
    outcome by name, and what people are rather than what came of their care where there is nothing else.

    Args:
        profile: the table.
        taken: columns that have another role.
        followed: columns whose values change within patients.
    """
    measured = [each for each in profile.columns if each.name not in taken and measures(each, profile)]
    likely = {each.name: _unlikeliness(each, profile, followed) for each in measured}
    called = [each for each in measured if not likely[each.name]]
    for each in measured:  # as achv_math is one by name, so are achv_english and achv_hebrew
        if likely[each.name] in (1, 2) and any(_are_alike(each, other) for other in called):
            likely[each.name] = 0
    by_name = 0 in likely.values()
    drafted = [each for each in measured if likely[each.name] < (2 if by_name else 3)]
    if not drafted:
        best = min(likely.values(), default=0)
        drafted = [each for each in measured if likely[each.name] == best]
    ordered = sorted(drafted, key=lambda each: (likely[each.name], each.n_missing > 0))
    if not by_name:  # nothing tells which: some that say yes or no beside measurements
        kept = [each for each in ordered if likely[each.name] == _YES_OR_NO][:_KEPT]
        ordered = [*[each for each in ordered if each not in kept][: MOST_OUTCOMES - len(kept)], *kept]
    chosen = {each.name for each in ordered[:MOST_OUTCOMES]}
    likeliest_first = sorted(measured, key=lambda each: likely[each.name])
    return [each for each in likeliest_first if each.name in chosen], [
        each for each in measured if each.name not in chosen
    ]


def _unlikeliness(column: ColumnProfile, profile: TableProfile, followed: Collection[str]) -> int:
    """0: an outcome by name, 1: a measurement, 2: yes or no, 3: a trait, a time, or made of another one."""
    if column.name in followed and names.said(column.name, words.GROWING):
        return 1
    if names.said(column.name, (*words.TRAIT, *words.BEFORE)) or _is_derived(column, profile):
        return 3
    if _is_school_year(column):
        return 3
    if is_outcome_by_name(column):
        return 0
    if (
        _is_time_of(column)
        or names.said(column.name, words.SEQUENCE)
        or re.search(r"(start|stop|begin|end|seq)$|^(a|ast|aen|st|en)?dy$", column.name.lower())
        or _is_one_of_flags(column, profile)
        or _is_day_or_year(column)
        or _is_one_of_series(column, profile)
    ):
        return 3
    return 2 if says_yes_or_no(column) else 1


def _are_alike(column: ColumnProfile, other: ColumnProfile) -> bool:
    """Whether two names have as many words, the first the same, and both columns say yes or no or neither."""
    first, also = (re.split(r"[\W_]", each.name.lower()) for each in (column, other))
    alike = len(first) == len(also) > 1 and first[0] == also[0] and len(first[0]) >= _WORD
    return alike and says_yes_or_no(column) == says_yes_or_no(other)


def _is_derived(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column is another one's mean, centred or squared values, or one level of it."""
    others = {each.name.lower() for each in profile.columns} - {column.name.lower()}
    name = column.name.lower()
    bare = re.sub(
        r"^(mean|avg|log|ln|sq|c|z)_?|_?(mean|avg|sq|squared|cent|std|centred|centered|\d+)$", "", name
    )
    return (bare != name and bare in others) or _numbers_another(column, profile)


def _numbers_another(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a number stands for the words of another column: paramn for param, race_code for race."""
    if column.kind != "number" or not column.whole:
        return False
    words_of = re.sub(r"_?(n|cd|code|num|no|id)$", "", column.name.lower())
    return any(
        each.name.lower() == words_of != column.name.lower()
        and each.kind == "text"
        and each.n_distinct == column.n_distinct
        for each in profile.columns
    )


def _is_one_of_flags(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column is one of several called as flags, as saffl and ittfl: who is counted in what."""
    flags = [each for each in profile.columns if re.search(r"[a-z]fl(ag)?$", each.name.lower())]
    return column in flags and len(flags) >= _SERIES and says_yes_or_no(column)


def is_outcome_by_name(column: ColumnProfile) -> bool:
    """Whether a column is called like something that comes of care."""
    if names.said(column.name, (*words.TRAIT, *words.BEFORE)) or _is_time_of(column):
        return False
    if _numbers_people(column):
        return False
    return bool(
        names.said(column.name, (*words.OUTCOME, *words.AFTER))
        or column.name.lower() in words.OUTCOME_ALONE
        or names.found(column.name, (*words.BETTER_HIGHER, *words.BETTER_LOWER))
    )


def _is_day_or_year(column: ColumnProfile) -> bool:
    """Whether whole numbers are years, of birth or of a first loan, or count days up to an entry or onset."""
    if column.kind != "number" or not column.whole:
        return False
    years = "year" in column.within and column.n_distinct <= _YEARS
    days = column.n_distinct > _COUNTS_UP_TO and bool(names.said(column.name, words.WHEN))
    return years or days


def _is_one_of_series(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column of yes or no is one of several that a number tells apart, as y94, y96 and y98."""
    stem = column.name.lower().rstrip("0123456789")
    if stem == column.name.lower() or not says_yes_or_no(column):
        return False
    alike = [
        each
        for each in profile.columns
        if re.fullmatch(re.escape(stem) + r"\d+", each.name.lower()) and says_yes_or_no(each)
    ]
    return len(alike) >= _SERIES


def _is_school_year(column: ColumnProfile) -> bool:
    """Whether a grade is one of few: a year at school, or how far a tumour is, rather than a mark."""
    return bool(names.said(column.name, ("grade",))) and column.whole and column.n_distinct <= _FEW


def _is_time_of(column: ColumnProfile) -> bool:
    """Whether a column tells when, or at which age, something happened."""
    once = names.said(column.name, words.ONCE) and column.n_distinct > _COUNTS_UP_TO
    return bool(once or names.said(column.name, (*words.AGE, "date", "datum", "fecha")))


def measures(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column is likely to be measured in patients rather than to name or number something."""
    if not is_number(column) or column.n_distinct < 2:
        return False
    named = is_outcome_by_name(column)
    if names.says_how_many(column.name, words.NUMBERED_THINGS):
        return not names.found(column.name, _GROUPING)  # so many patients is a place's size
    if _numbers_people(column):
        return False
    if names.is_numbered(column.name) or column.name.lower() == "rownames":
        return says_yes_or_no(column) and named
    if names.found(column.name, words.PRIVATE) and not names.said(column.name, words.OUTCOME):
        return False
    if says_yes_or_no(column):
        return True
    if _is_sampling_weight(column, profile):
        return False
    if names.said(column.name, words.CALENDAR):
        return False
    if named or (column.kind == "number" and names.said(column.name, words.COUNTED)):
        return True  # a count of thousands may be another in each row
    if column.kind == "number" and names.found(column.name, _GROUPING) and not counts_stays(column):
        return False
    numbered = (
        names.found(column.name, words.NUMBERED) or column.n_distinct >= _ALL_DIFFERENT * profile.n_rows
    )
    coded = column.n_distinct <= _FEW and not names.said(column.name, ("count",))
    return not (column.whole and (numbered or coded))


def _numbers_people(column: ColumnProfile) -> bool:
    """Whether whole numbers of many values are called resp: respondents have so many, responses few."""
    return (
        column.name.lower() in (*words.PERSON_ALONE, "resp")
        and column.whole
        and column.n_distinct > _COUNTS_UP_TO
    )


def _is_sampling_weight(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column tells how people were drawn, or is a weight beside one that does."""
    sampled = any(names.said(each.name, words.SAMPLED) for each in profile.columns)
    return sampled and column.name.lower() in (*words.SAMPLING_WEIGHT, *words.SAMPLED)


def is_number(column: ColumnProfile) -> bool:
    """Whether a column holds numbers, or words that become 0 and 1."""
    return column.kind in ("number", "boolean") or event_coding(column) is not None


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
    if not column.whole or column.negative or names.said(column.name, (*words.MEASURED, *words.AFTER)):
        return "continuous"
    if names.said(column.name, words.COUNTED):
        return "count"
    begins_at_zero = "positive" not in column.within  # 1 to 5 is a grade, 200 to 2,500 a measurement
    return "count" if begins_at_zero and column.n_distinct <= _COUNTS_UP_TO else "continuous"


def outcome_assumptions(drafted: Iterable[DraftOutcome], codings: dict[str, Coding]) -> list[str]:
    """What was taken for granted about outcomes, in sentences."""
    said = []
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
