"""How likely a column is an outcome: measured in people, rather than what they are, or what numbers them."""

from __future__ import annotations

import re
from collections.abc import Collection

from tasks.network.drafting import column_naming as names
from tasks.network.drafting import column_words as words
from tasks.network.drafting.coding import event_coding, says_yes_or_no
from tasks.network.drafting.label_columns import counts_stays
from tasks.network.drafting.profile import ColumnProfile, TableProfile

_FEW = 6
"""A number with up to so many different values may be a code rather than a measurement."""
_COUNTS_UP_TO = 60
_ALL_DIFFERENT = 0.999
"""Whole numbers of which so many in all differ number the rows."""
_SERIES = 3
"""Columns of yes or no that a number tells apart, from which they are levels or items of one thing."""
_YEARS = 150
"""Different years, at most."""
_GROUPING = (*words.CLINIC, *words.COMMUNITY, *words.REGION, *words.PATIENT)


def unlikeliness(column: ColumnProfile, profile: TableProfile, followed: Collection[str]) -> int:
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
