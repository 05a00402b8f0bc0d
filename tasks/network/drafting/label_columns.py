"""Which columns name or number something, rather than measure it or say what somebody is."""

from __future__ import annotations

import re
from collections.abc import Collection

from tasks.network.drafting import column_naming as names
from tasks.network.drafting import column_words as words
from tasks.network.drafting.coding import says_yes_or_no
from tasks.network.drafting.guessing_dates import holds_dates
from tasks.network.drafting.profile import ColumnProfile, TableProfile

LEAST_CLINICS = 6
"""From so many different values a column without a telling name may hold clinics: fewer are categories."""
LEAST_RECORDS = 10
"""Records that a clinic without a telling name has on average."""
ROW_NUMBERS = {"rownames", "row", "index", "column0", "unnamed: 0"}
_WORDS_OF_A_PLACE = 2
"""Words in the name of a column of places: location_id, but not location of the breach."""
_YEARS_AT_SCHOOL = 30
"""Different numbers of years at school, at most."""
_ENDS_IN_NAME = re.compile(r"[_. ]?(name|nm|nom|nombre|nome)$")
_ENDS_IN_CODE = re.compile(r"[_. ]?(num|number|nr|no|id|code|cd)$")
_SEXES = 4
"""Values of a column of sex, at most."""


def labels_of(profile: TableProfile) -> list[ColumnProfile]:
    """Columns that name or number something: neither people's names nor measurements nor yes and no."""
    return [each for each in profile.columns if _labels(each, profile)]


def _labels(column: ColumnProfile, profile: TableProfile) -> bool:
    if column.kind not in ("text", "number") or column.n_distinct < 2 or says_yes_or_no(column):
        return False
    if column.kind == "number" and not column.whole and column.name.lower() not in words.CLINIC:
        return False  # a mean of answers, say; a column called hospital may have codes such as 2.4
    if column.kind == "number" and names.says_how_many(column.name, words.NUMBERED_THINGS):
        return False
    if _is_private(column) or column.writing not in (None, "spreadsheet", "month digits"):
        return False
    if column.writing == "month digits" and holds_dates(column):
        return False
    if _is_schooling(column, profile):
        return False
    return not (column.kind == "number" and names.said(column.name, (*words.OUTCOME, *words.BETTER_LOWER)))


def _is_schooling(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a number called school says how many years grown-ups went there: they go no more."""
    years = column.kind == "number" and column.n_distinct <= _YEARS_AT_SCHOOL
    if not years or column.name.lower() not in words.SCHOOL:
        return False
    return any(names.said(each.name, words.GROWN_UP) for each in profile.columns)


def sexes_of(profile: TableProfile) -> set[str]:
    """The columns of sex."""
    return {
        each.name
        for each in profile.columns
        if names.said(each.name, words.SEX) and 1 < each.n_distinct <= _SEXES
    }


def groups_enough(column: ColumnProfile, profile: TableProfile, records: int = LEAST_RECORDS) -> bool:
    """Whether a column has as many values, and as many records of each on average, as one of clinics."""
    labelled = LEAST_CLINICS <= column.n_distinct <= profile.n_rows // records
    return labelled and column.n_missing <= profile.n_rows // LEAST_RECORDS


def number_of(named: ColumnProfile, profile: TableProfile) -> ColumnProfile | None:
    """The column of numbers for a column of names, as cnum for cname, if there is one."""
    stem, said = _ENDS_IN_NAME.subn("", named.name.lower())
    if not (said and stem) or named.kind != "text":
        return None
    return next(
        (
            each
            for each in profile.columns
            if each.kind in ("number", "text")
            and each.n_distinct == named.n_distinct
            and _ENDS_IN_CODE.subn("", each.name.lower()) == (stem, 1)
        ),
        None,
    )


def ends_in_code(column: ColumnProfile) -> bool:
    """Whether a name ends in what numbers things, whatever it is that it numbers: dcode, ward_no."""
    return _ENDS_IN_CODE.sub("", column.name.lower()) not in ("", column.name.lower())


def is_of_places(column: ColumnProfile) -> bool:
    """Whether a column says something of places rather than names one: a size, or how many there are."""
    if are_many(column, (*words.CLINIC, *words.COMMUNITY)):
        return True
    return bool(names.said_last(column.name, words.OF_PLACES))


def is_kind_of_place(column: ColumnProfile) -> bool:
    """Whether a column called community or location has few values, or is one of something else."""
    if not names.said(column.name, words.KIND_OF_PLACE):
        return False
    return column.n_distinct < LEAST_CLINICS or not is_short(column)


def is_state_of_health(column: ColumnProfile) -> bool:
    """Whether a number of few values is called state: that of somebody's health as likely as a country's."""
    few = column.kind == "number" and column.n_distinct < LEAST_CLINICS
    return few and bool(names.found(column.name, words.STATE)) and not names.is_numbered(column.name)


def is_short(column: ColumnProfile) -> bool:
    """Whether a name has so few words that one of them tells what the column holds."""
    return len(names.words_of(column.name)) <= _WORDS_OF_A_PLACE


def is_trait(column: ColumnProfile) -> bool:
    """Whether a column is called by what people are, and names a place by chance at most."""
    places = (*words.CLINIC, *words.COMMUNITY, *words.COMMUNITY_ALONE, *words.REGION)
    return bool(names.said(column.name, words.TRAIT)) and not names.said(column.name, places)


def counts_stays(column: ColumnProfile) -> bool:
    """Whether a number is called hospital, or the like, and is mostly 0: how many times one was there."""
    called = names.said(column.name, words.CLINIC) and not names.said(column.name, words.CLINIC_ALONE)
    counted = column.whole and column.mostly_zero and not column.zero_one
    return bool(called) and counted and not names.is_numbered(column.name)


def are_many(column: ColumnProfile, things: Collection[str]) -> bool:
    """Whether a number is called by a plural, as teachers or students: it says how many."""
    name = column.name.lower()
    return column.kind == "number" and name.endswith(tuple(f"{each}s" for each in things))


def likeness(column: ColumnProfile, telling: tuple[str, ...]) -> int:
    """Higher the earlier the telling word stands in `telling`, and the less else the name says; 0 for none.

    A word by itself, as in `state`, tells more than the same one inside another, as in `statefip`.
    """
    found = names.found(column.name, telling)
    if not found:
        return 0
    first = len(telling) - telling.index(found[0])
    inside = found[0] not in names.said(column.name, telling)
    return first * 10 - len(names.words_of(column.name)) - inside


def _is_private(column: ColumnProfile) -> bool:
    """Whether a column holds people's names and the like; the name of a place is nobody's."""
    if column.name.lower() in ROW_NUMBERS:
        return False
    of_place = names.found(column.name, (*words.CLINIC, *words.COMMUNITY, *words.REGION))
    private = names.found(column.name, words.PRIVATE)
    return bool([each for each in private if not (of_place and each in words.NAME)])
