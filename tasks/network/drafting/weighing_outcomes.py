"""How likely a column is an outcome: measured in people, rather than what they are, or what numbers them."""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import IntEnum
from itertools import islice

from tasks.network.drafting import column_naming as names
from tasks.network.drafting import column_words as words
from tasks.network.drafting.coding import event_coding, says_yes_or_no
from tasks.network.drafting.label_columns import LEAST_CLINICS, counts_stays
from tasks.network.drafting.profile import ColumnProfile, TableProfile
from tasks.network.drafting.weighing_clinics import LookAgain

_FEW = 6
"""A number with up to so many different values may be a code rather than a measurement."""
_COUNTS_UP_TO = 60
_ALL_DIFFERENT, _MANY_ROWS, _MANY_DIFFERENT = 0.999, 1_000, 0.5
"""Whole numbers of which so many in all differ number the rows; of many rows, also what has a few of them."""
_SERIES = 3
"""Columns of yes or no that a number tells apart, from which they are levels or items of one thing."""
_ITEMS, _STEPS = 4, 3
"""Questions of a questionnaire, and steps of an answer, at least."""
_YEARS = 150
"""Different years, at most."""
_RECORDS_OF_A_NUMBER = 2
"""Records that have the same number on average, from which its lying in one clinic is not by chance."""
_MOST_LOOKS = 8
"""Columns that are looked at once more, at most."""
_GROUPING = (*words.CLINIC, *words.COMMUNITY, *words.REGION, *words.PATIENT)


class Unlikely(IntEnum):
    """How unlikely an outcome a column is, the likeliest first."""

    CALLED = 0
    """One by its name."""
    MEASURED = 1
    YES_OR_NO = 2
    ANSWER = 3
    """One of a questionnaire's many."""
    OTHER = 4
    """A trait, a time, or made of another column."""
    NEVER = 5
    """When, in records of people who come again: what tells their order."""


def unlikeliness(column: ColumnProfile, profile: TableProfile, followed: Collection[str]) -> Unlikely:
    """How unlikely a column of numbers is an outcome.

    Args:
        column: the column.
        profile: its table.
        followed: columns whose values change within patients who come again: others tell who they are.
    """
    if column.name in followed and names.said(column.name, words.GROWING):
        return Unlikely.MEASURED
    if _tells_how_it_went(column) and not names.said(column.name, words.BEFORE):
        return Unlikely.CALLED
    if _is_trait_or_before(column) or _is_derived(column, profile) or _is_time_to_event(column, profile):
        return Unlikely.OTHER
    if _is_school_year(column) or _is_distance(column) or _is_density_of_people(column, profile):
        return Unlikely.OTHER
    if is_outcome_by_name(column) or _ends_a_time(column, profile):
        return Unlikely.CALLED
    if column.name in followed and names.said(column.name, (*words.SEQUENCE, *words.AGE)):
        return Unlikely.NEVER
    if (
        _is_time_of(column)
        or (followed and column.name not in followed)
        or names.said(column.name, (*words.GIVEN, *words.SEQUENCE, *words.GROUPED))
        or re.search(r"(start|stop|begin|end|seq)$|^(a|ast|aen|st|en)?dy$", column.name.lower())
        or _is_one_of_flags(column, profile)
        or _is_day_or_year(column)
        or names.says_year_in_one(column.name)
        or _is_one_of_series(column, profile)
    ):
        return Unlikely.OTHER
    if says_yes_or_no(column):
        return Unlikely.YES_OR_NO
    return Unlikely.ANSWER if _is_item(column, profile) else Unlikely.MEASURED


def _is_trait_or_before(column: ColumnProfile) -> bool:
    """Whether a name says what people are, or what was before care."""
    told = (*words.TRAIT, *words.SEX, *words.BEFORE)
    return bool(names.said(column.name, told) or names.said_last(column.name, words.RACE))


def _tells_how_it_went(column: ColumnProfile) -> bool:
    """Whether a column holds words of which one is better: dead and alive, cured and not."""
    coding = event_coding(column)
    return coding is not None and coding.better != "neither"


def _ends_a_time(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether yes or no has a time up to it beside it: relapse and time_to_relapse, relstat and rel."""
    if not says_yes_or_no(column):
        return False
    name = column.name.lower()
    return any(
        _what_it_is_to(each) == names.words_of(column.name)
        or name in {f"{each.name.lower()}{ending}" for ending in _joined(words.HAPPENED)}
        for each in profile.columns
        if _may_be_a_time(each)
    )


def _is_time_to_event(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a number tells how long it took until what another column says yes or no to."""
    if not _may_be_a_time(column):
        return False
    waited = _what_it_is_to(column)
    return any(waited == names.words_of(each.name) for each in profile.columns if says_yes_or_no(each))


def _may_be_a_time(column: ColumnProfile) -> bool:
    return column.kind == "number" and not column.negative and column.n_distinct > _FEW


def _what_it_is_to(column: ColumnProfile) -> set[str]:
    """The words of what a name says a time to; none where it does not."""
    parts = names.words_of(column.name)
    times = set(words.TIME_TO)
    return parts - times if parts & times else set()


def _joined(endings: Collection[str]) -> list[str]:
    return [f"{mark}{ending}" for ending in endings for mark in ("", "_", ".", " ")]


def _is_derived(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column is another one's mean, centred or squared values, or one level of it."""
    others = {each.name.lower() for each in profile.columns} - {column.name.lower()}
    name = column.name.lower()
    bare = re.sub(
        r"^(mean|avg|log|ln|sq|c|z)_?|_?(mean|avg|sq|squared|cent|std|centred|centered|\d+)$", "", name
    )
    if name[0] == "l" and name[1:] in others:  # lstaff, the logarithm of staff
        return True
    return (bare != name and bare in others) or _numbers_another(column, profile)


def _numbers_another(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a number stands for the words of another column: paramn for param, dnum for dname."""
    if column.kind != "number" or not column.whole:
        return False
    stem = re.sub(r"[_.]?(n|cd|code|num|nr|no|id)$", "", column.name.lower())
    return stem != column.name.lower() and any(
        each.kind == "text"
        and each.n_distinct == column.n_distinct
        and re.sub(r"[_.]?(name|nm|label|lbl|desc|txt|text)$", "", each.name.lower()) == stem
        for each in profile.columns
    )


def _is_one_of_flags(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column is one of several called as flags, as saffl and ittfl: who is counted in what."""
    flags = [each for each in profile.columns if re.search(r"[a-z]fl(ag)?$", each.name.lower())]
    return column in flags and len(flags) >= _SERIES and says_yes_or_no(column)


def is_outcome_by_name(column: ColumnProfile) -> bool:
    """Whether a column is called like something that comes of care."""
    if _is_trait_or_before(column) or _is_time_of(column):
        return False
    if _numbers_people(column):
        return False
    return bool(
        names.said(column.name, (*words.OUTCOME, *words.RATED, *words.AFTER))
        or names.said_last(column.name, words.OUTCOME_AT_END)
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


def _is_item(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column is one of several that a number tells apart, of few steps: answers to questions."""

    def stem(each: ColumnProfile) -> str:
        return each.name.lower().rstrip("0123456789")

    if stem(column) == column.name.lower() or not has_steps(column):
        return False
    return sum(stem(each) == stem(column) and has_steps(each) for each in profile.columns) >= _ITEMS


def has_steps(column: ColumnProfile) -> bool:
    """Whether a column holds a few whole numbers, as answers and grades do."""
    return column.whole and not column.negative and _STEPS <= column.n_distinct <= _FEW + 1


def _is_school_year(column: ColumnProfile) -> bool:
    """Whether a grade is one of few: a year at school, or how far a tumour is, rather than a mark."""
    return bool(names.said(column.name, ("grade",))) and column.whole and column.n_distinct <= _FEW


def _is_distance(column: ColumnProfile) -> bool:
    """Whether a column tells how far from something people live, not how far they walk."""
    return bool(names.said(column.name, ("distance",))) and not names.said(column.name, words.WALKED)


def _is_density_of_people(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column is called density beside one of how many people live somewhere."""
    beside = any(names.said(each.name, ("population", "einwohner")) for each in profile.columns)
    return column.name.lower() == "density" and beside


def _is_time_of(column: ColumnProfile) -> bool:
    """Whether a column tells when, or at which age, something happened."""
    once = names.said(column.name, words.ONCE) and column.n_distinct > _COUNTS_UP_TO
    once = once and not names.said(column.name, words.COUNTED)
    return bool(once or names.said(column.name, (*words.AGE, "date", "datum", "fecha")))


def measures(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column is likely to be measured in patients rather than to name or number something."""
    if not is_number(column) or column.n_distinct < 2:
        return False
    named = is_outcome_by_name(column)
    if names.says_how_many(column.name, words.NUMBERED_THINGS):
        return not names.found(column.name, _GROUPING)  # so many patients is a place's size
    if _numbers_people(column) or _numbers_records(column, profile):
        return False
    if names.said(column.name, words.COORDINATE) or _is_longitude(column, profile):
        return False
    if names.is_numbered(column.name) or column.name.lower() == "rownames":
        return says_yes_or_no(column) and named
    if names.found(column.name, words.PRIVATE) and not named:
        return False
    if says_yes_or_no(column):
        return True
    if _is_sampling_weight(column, profile) or _is_code(column) or _numbers_another(column, profile):
        return False
    if names.said(column.name, words.CALENDAR):
        return False
    if named or (column.kind == "number" and names.said(column.name, words.COUNTED)):
        return True  # a count of thousands may be another in each row
    if column.kind == "number" and names.found(column.name, _GROUPING) and not counts_stays(column):
        return False
    different = _ALL_DIFFERENT if profile.n_rows < _MANY_ROWS else _MANY_DIFFERENT
    numbered = names.found(column.name, words.NUMBERED) or column.n_distinct >= different * profile.n_rows
    coded = column.n_distinct <= _FEW and not names.said(column.name, ("count",))
    coded = coded and not _is_item(column, profile)
    return not (column.whole and (numbered or coded))


def _is_longitude(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column is called long beside one of latitudes."""
    beside = any(names.said(each.name, ("lat", "latitude")) for each in profile.columns)
    return beside and bool(names.said(column.name, ("long",)))


def _numbers_people(column: ColumnProfile) -> bool:
    """Whether whole numbers of many values are called resp: respondents have so many, responses few."""
    return (
        column.name.lower() in (*words.PERSON_ALONE, "resp")
        and column.whole
        and column.n_distinct > _COUNTS_UP_TO
    )


def _numbers_records(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether whole numbers of nearly as many values as rows are called like samples, tests or visits."""
    often = _RECORDS_OF_A_NUMBER * column.n_distinct >= profile.n_rows
    counted = names.said(column.name, (*words.COUNTED, *words.MEASURED))
    return column.kind == "number" and column.whole and often and not counted and _is_of_records(column)


def _is_of_records(column: ColumnProfile) -> bool:
    return bool(names.said(column.name, words.RECORD))


def _is_code(column: ColumnProfile) -> bool:
    """Whether whole numbers stand for kinds, as of a cause of death."""
    return column.kind == "number" and column.whole and bool(names.said(column.name, words.CODED))


def _is_sampling_weight(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column tells how people were drawn, or is a weight beside one that does."""
    if column.name.lower() in words.SURVEY_WEIGHT:
        return True
    sampled = any(names.said(each.name, words.SAMPLED) for each in profile.columns)
    return sampled and column.name.lower() in (*words.SAMPLING_WEIGHT, *words.SAMPLED)


def is_number(column: ColumnProfile) -> bool:
    """Whether a column holds numbers, or words that become 0 and 1."""
    return column.kind in ("number", "boolean") or event_coding(column) is not None


def numbers_in_clinics(
    profile: TableProfile, clinic: str | None, taken: Collection[str | None], look: LookAgain | None
) -> frozenset[str]:
    """Columns of whole numbers that come again and again, each in one clinic: they number what clinics have.

    Args:
        profile: the table.
        clinic: its column of clinics, if it has one.
        taken: columns that have another role.
        look: tells what is the same within a number; left out, nothing is found.
    """
    if look is None or clinic is None or profile.column(clinic).n_distinct < LEAST_CLINICS:
        return frozenset()
    least = profile.column(clinic).n_distinct
    numbers = (
        each
        for each in profile.columns
        if each.name not in taken and each.kind == "number" and each.whole and not each.negative
        if least <= each.n_distinct <= profile.n_rows // _RECORDS_OF_A_NUMBER
        if measures(each, profile) and not is_outcome_by_name(each)
        if not names.said(each.name, (*words.COUNTED, *words.MEASURED))
    )
    return frozenset(
        each.name for each in islice(numbers, _MOST_LOOKS) if clinic in look.same_within(profile, each.name)
    )
