"""Weighs every column as the clinic's, by its name, its values and how other columns differ between them.

All columns are on one scale. A name that tells outweighs what values can: they say that a column groups the
records, and not what it groups them by. What lies together on the scale is left for a person to decide.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from tasks.network.drafting import column_naming as names
from tasks.network.drafting import column_words as words
from tasks.network.drafting.label_columns import (
    LEAST_CLINICS,
    ROW_NUMBERS,
    counts_stays,
    ends_in_code,
    groups_enough,
    is_kind_of_place,
    is_of_places,
    is_short,
    is_state_of_health,
    is_trait,
    labels_of,
    likeness,
    number_of,
    sexes_of,
)
from tasks.network.drafting.profile import ColumnProfile, NumbersWithin, TableProfile

_ACCESS, _CLINIC, _PLACE, _PLACE_ALONE = 90, 80, 70, 60
_GROUP_NUMBER, _AREA, _TWO, _KIND_OF_PLACE = 50, 40, 30, 9
"""What a name is worth: an access group, a clinic, what takes its place, the same by a weak word, a number
that both sexes share, an area, a network of two, a kind of place."""
_GROUPING, _NUMBER, _DEPENDED, _DEPENDED_ON_FEW, _MOST_UNLIKE = 12.0, 8.0, 3.0, 2.0, 5.0
"""What values are worth: of text, or of what is called a number, that groups; of other whole numbers; of
columns that are the same within them, where they are many or few; of averages that lie far from a line, at
most."""
_SURE, _APART = 11.0, 1.0
"""Points without a telling name from which a column is taken, and how far the next one has to be below."""
_LEAST_NUMBERS, _MORE_THAN_A_SCALE = 8, 12
"""Values of whole numbers without a telling name: more than codes have, more than a scale of 0 to 10 has."""
_QUANTITY, _UNLIKE, _LABEL = 1.5, 2.0, 4.0
"""How far averages of others lie from a line, over chance: of quantities, labels, what measures nothing."""
_NUMBERED = 3.0
"""What it is worth, among names that tell as much, that nothing but a place's number is meant."""
_PEOPLE_OF_A_GROUP = 5
"""People who have the same number on average, from which it numbers groups of them."""
_RECORDS_OF_A_GROUP = 5
"""Records of a group on average, where the whole name says group or the like."""
_RECORDS_OF_A_NAME, _SAME_OF_A_PLACE = 2, 3
"""Records of a name on average, and columns that are the same for all of them, from which it is a place's."""
_MOST_LOOKS, _MOST_LONG_LOOKS = 16, 8
"""Columns that are looked at once more, at most, and those of them whose every other column is."""
_MOST_OTHERS = 3
"""Columns that could be meant too and are listed, at most."""
_TELLING = (
    *(*words.TRAIT, *words.SEX, *words.AGE, *words.SEQUENCE, *words.TREATMENT, *words.OUTCOME),
    *(*words.MEASURED, *words.SAMPLING_WEIGHT, *words.WHEN, *words.CODED, *words.RATED, *words.BEFORE),
)


class LookAgain(Protocol):
    """How to look at a table once more, when it is known what to look for."""

    def same_within(self, profile: TableProfile, clinic: str) -> frozenset[str]:
        """The columns that are the same for all records of a clinic."""
        ...

    def numbers_within(self, profile: TableProfile, clinic: str, patient: str) -> NumbersWithin:
        """How a column of patients' numbers lies in clinics."""
        ...

    def lies_in_ranges(self, profile: TableProfile, column: str, groups: str) -> bool:
        """Whether each value of `groups` has a range of the column's numbers to itself."""
        ...

    def unlike_a_line(self, profile: TableProfile, column: str) -> Mapping[str, float]:
        """How far other columns' averages by its values lie from a line, as a multiple of chance."""
        ...


@dataclass(frozen=True, slots=True)
class ClinicWeight:
    """What speaks for a column as the clinic's.

    Attributes:
        column: its name.
        points: on the scale of all columns.
        called: whether its name tells.
        said: what is taken for granted with it, as a sentence; empty for a name that leaves no doubt.
    """

    column: str
    points: float
    called: bool
    said: str = ""


@dataclass(frozen=True, slots=True)
class ClinicChoice:
    """The column of clinics, if one is likely enough.

    Attributes:
        column: its name; None where it is left for a person to decide.
        said: what was taken for granted, in sentences.
        candidates: the columns that it could be, the likeliest first.
        labels: columns of whole numbers that group the records and so measure nothing.
    """

    column: str | None
    said: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    labels: frozenset[str] = frozenset()


def choose_clinic(profile: TableProfile, look: LookAgain | None) -> ClinicChoice:
    """The column of clinics that most speaks for, and what else could be meant."""
    weighed = _by_name(profile, look)
    labels: frozenset[str] = frozenset()
    if not any(each.called and each.points > _KIND_OF_PLACE for each in weighed):
        by_values, labels = _by_values(profile, look)
        weighed = [*weighed, *by_values, *_by_names(profile, look)]
    weighed.sort(key=lambda each: -each.points)
    sure = [each for each in weighed if each.called or each.points >= _SURE]
    if not sure:
        likely = [each.column for each in weighed if each.points >= _SURE - _APART]
        return ClinicChoice(None, candidates=tuple(likely or _numbered_again(profile)), labels=labels)
    best = sure[0]
    rivals = [each.column for each in weighed if each is not best and best.points - each.points < _APART]
    if rivals and not best.called:
        return ClinicChoice(None, candidates=(best.column, *rivals), labels=labels)
    others = _others(profile, best, weighed)
    said = [each for each in (best.said, _could_be_meant(best, others)) if each]
    return ClinicChoice(best.column, tuple(said), tuple(others), labels)


def _numbered_again(profile: TableProfile) -> list[str]:
    """Columns that are called numbers of something and come again: offered where nothing else is."""
    return [
        each.name
        for each in labels_of(profile)
        if ends_in_code(each) and not names.found(each.name, (*words.PATIENT, *_TELLING))
        if LEAST_CLINICS <= each.n_distinct <= profile.n_rows / _RECORDS_OF_A_NAME
        and each.name.lower() not in (*words.PERSON_ALONE, *ROW_NUMBERS)
    ][:_MOST_OTHERS]


def _others(profile: TableProfile, best: ClinicWeight, weighed: list[ClinicWeight]) -> list[str]:
    """The columns that could be meant too: an area is the region where there is a finer place."""
    below = _PLACE_ALONE if best.points >= _PLACE_ALONE else _GROUP_NUMBER if best.called else _NUMBER + 1.0
    levels = profile.column(best.column).n_distinct
    others = [
        each.column
        for each in weighed
        if each is not best
        and each.points >= below
        and profile.column(each.column).n_distinct >= min(levels, LEAST_CLINICS)
    ]
    if best.called and best.points < _GROUP_NUMBER:  # an area: what may be a place may be it
        others += [each.column for each in weighed if not each.called and each.points >= _SURE - _APART]
    return others[:_MOST_OTHERS]


def _could_be_meant(best: ClinicWeight, others: Collection[str]) -> str:
    if not others:
        return ""
    listed = " or ".join(repr(each) for each in others)
    return f"column {best.column!r} is taken for the clinic; {listed} could be meant too"


def _by_name(profile: TableProfile, look: LookAgain | None) -> list[ClinicWeight]:
    """Columns that are called like clinics or what takes their place."""
    half = max(2, profile.n_rows // 2)
    labels = labels_of(profile)
    grouping = [
        each
        for each in labels
        if each.n_distinct <= half and not (is_of_places(each) or is_trait(each) or counts_stays(each))
        if not names.is_hospital_number(each.name)
    ]
    grouping = [each for each in grouping if not _is_kind_beside_numbers(each, grouping)]
    found = [_named(each, grouping, labels, profile, look) for each in labels]
    two = [
        ClinicWeight(
            each.name, _TWO, True, f"column {each.name!r} holds two clinics, 0 and 1, rather than no and yes"
        )
        for each in profile.columns
        if each.name.lower() in words.CLINIC_ALONE and each.kind == "number" and each.zero_one
    ]
    return [*(each for each in found if each is not None), *two]


def _is_a_tumours(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a site of few words stands beside a stage or the like, and can be the tumour's as well."""
    if (
        column.name.lower() not in words.BODY_SITE
        or column.kind != "text"
        or column.n_distinct > _MORE_THAN_A_SCALE
    ):
        return False
    return any(names.said(each.name, words.TUMOUR) for each in profile.columns)


def _is_kind_beside_numbers(column: ColumnProfile, grouping: list[ColumnProfile]) -> bool:
    """Whether few words are called as many numbers beside them: school is then a kind, schoolid names."""
    if column.kind != "text" or column.n_distinct >= LEAST_CLINICS or names.is_numbered(column.name):
        return False
    things = names.found(column.name, (*words.CLINIC, *words.COMMUNITY))
    return any(
        each.n_distinct >= LEAST_CLINICS and names.is_numbered(each.name) and names.found(each.name, things)
        for each in grouping
    )


def _named(
    column: ColumnProfile,
    grouping: list[ColumnProfile],
    labels: list[ColumnProfile],
    profile: TableProfile,
    look: LookAgain | None,
) -> ClinicWeight | None:
    """What a label's name tells, the best that it can tell."""
    name, groups = column.name, column in grouping
    instead = (
        f"column {name!r} takes the place of the clinic: no column is called clinic, hospital or the like"
    )
    if groups and name.lower() in words.ACCESS_GROUPS:
        return ClinicWeight(name, _ACCESS, True)
    telling = next((each for each in (words.CLINIC, words.COMMUNITY) if likeness(column, each)), None)
    if groups and telling is not None and _says_more(column, telling):
        if column.n_distinct == 2:
            return None  # first and second, or no and yes
        if _is_a_quantity(column, profile, look):
            return ClinicWeight(name, _SURE - _APART, False)
    if groups and (_is_a_tumours(column, profile) or _is_one_or_two(column) or is_state_of_health(column)):
        return ClinicWeight(name, _SURE - _APART, False)
    if groups and _is_kind_of_school(column, labels):
        return ClinicWeight(name, _SURE - _APART, False)
    if groups and likeness(column, words.CLINIC):
        return ClinicWeight(name, _CLINIC + _share(column, words.CLINIC, profile), True)
    kind = is_kind_of_place(column)
    if groups and not kind and likeness(column, words.COMMUNITY):
        return ClinicWeight(name, _PLACE + _share(column, words.COMMUNITY, profile), True, instead)
    if name.lower() in words.COMMUNITY_ALONE and groups_enough(column, profile, _RECORDS_OF_A_GROUP):
        return ClinicWeight(
            name, _PLACE_ALONE + _share(column, words.COMMUNITY_ALONE, profile), True, instead
        )
    if name.lower() in words.PERSON_ALONE and _numbers_groups(column, profile, look):
        return ClinicWeight(
            name,
            _GROUP_NUMBER,
            True,
            f"column {name!r} holds the clinic: no column is called like one, and people of both sexes have "
            "the same number there",
        )
    if groups and not kind and names.found(name, words.REGION) and not _says_more_of_another(column, labels):
        finest = column.n_distinct / (profile.n_rows + 1.0) + (0.5 / profile.n_rows) * (column.kind == "text")
        return ClinicWeight(name, _AREA + 9.0 * finest, True, instead)
    if groups and is_short(column) and likeness(column, words.KIND_OF_PLACE):
        return ClinicWeight(name, _KIND_OF_PLACE, True, instead)
    return None


def _is_one_or_two(column: ColumnProfile) -> bool:
    """Whether a number of two values is called school or litter: two of them, or the first and the second."""
    return column.one_two and bool(likeness(column, words.COMMUNITY)) and not likeness(column, words.CLINIC)


def _is_kind_of_school(column: ColumnProfile, labels: list[ColumnProfile]) -> bool:
    """Whether few words are kinds of place: the name says more, or there are fewer than areas beside them."""
    few = column.kind == "text" and column.n_distinct < LEAST_CLINICS
    if not few or likeness(column, words.CLINIC) or not likeness(column, words.COMMUNITY):
        return False
    more = any(each.name.lower() in words.REGION and each.n_distinct >= LEAST_CLINICS for each in labels)
    return more or not is_short(column)


def _says_more_of_another(column: ColumnProfile, labels: list[ColumnProfile]) -> bool:
    """Whether a name has more than that of an area beside it: statemb beside state, reg16 beside region."""
    name = column.name.lower()
    areas = [each.name.lower() for each in labels if each is not column and each.name.lower() in words.REGION]
    if name.rstrip("0123456789") in words.REGION and name[-1].isdigit():
        return bool(areas)
    if column.kind != "number" or names.is_numbered(name) or names.said(name, words.REGION):
        return False
    return any(name.startswith(each) for each in areas)


def _share(column: ColumnProfile, telling: tuple[str, ...], profile: TableProfile) -> float:
    """How telling a name is, and then how complete its column: below 10, for an order among those alike.

    A number is a place's rather where it is called one, as unit_id, or nothing else, as unit.
    """
    best = 10.0 * len(telling) + 1.0
    alone = not _says_more(column, telling)
    order = (likeness(column, telling) - column.n_missing / (profile.n_rows + 1.0)) / best
    return _NUMBERED * alone + (9.0 - _NUMBERED) * order


def _says_more(column: ColumnProfile, telling: tuple[str, ...]) -> bool:
    """Whether a number's name says more than the place's, as yschool and provider_second do."""
    return column.kind == "number" and not (names.is_numbered(column.name) or column.name.lower() in telling)


def _is_a_quantity(column: ColumnProfile, profile: TableProfile, look: LookAgain | None) -> bool:
    """Whether averages of others go with a number of many values as they do with a quantity."""
    if look is None or column.n_distinct < _MORE_THAN_A_SCALE:
        return False
    return _unlikeness(column, profile, look) < _QUANTITY


def _numbers_groups(column: ColumnProfile, profile: TableProfile, look: LookAgain | None) -> bool:
    """Whether a number comes again and again, for people who differ in sex."""
    sexes = sexes_of(profile)
    often = profile.n_rows >= _PEOPLE_OF_A_GROUP * column.n_distinct
    if look is None or not sexes or not often:
        return False
    return not sexes & look.same_within(profile, column.name)


def _by_values(profile: TableProfile, look: LookAgain | None) -> tuple[list[ClinicWeight], frozenset[str]]:
    """Columns that no name tells, by how they group the records; and those that measure nothing."""
    found, labels = [], set()
    grouping = [each for each in labels_of(profile) if _could_group(each, profile)]
    numbers = [each for each in grouping if each.kind == "number"][:_MOST_LOOKS]
    unlike = {} if look is None else {each.name: _unlikeness(each, profile, look) for each in numbers}
    likely = sorted(numbers, key=lambda each: -unlike.get(each.name, 0.0))[:_MOST_LONG_LOOKS]
    for column in grouping:
        numbered, many = names.said(column.name, words.NUMBERED), column.n_distinct >= _MORE_THAN_A_SCALE
        plain = column.kind == "number" and not numbered
        points, reason = _NUMBER if plain else _GROUPING, "it is the only one that groups the records"
        if column.kind == "text" and not numbered and not many:
            points = _SURE - _APART  # kinds of something as likely as places: asked
        if look is not None and column in numbers:
            same = look.same_within(profile, column.name) if column in likely else frozenset()
            if sexes_of(profile) & same:
                continue  # the number of a person who comes again and again
            if unlike[column.name] >= _UNLIKE:
                points += min(math.log2(unlike[column.name]), _MOST_UNLIKE)
                reason = "averages of other columns differ between its numbers, in no order"
            of_many = many and unlike[column.name] < _QUANTITY
            fewer = (each for each in same if 1 < profile.column(each).n_distinct < column.n_distinct)
            depending = sorted(set(fewer) - ROW_NUMBERS)
            if not of_many and _depend(depending, column, profile, look):
                points += _DEPENDED if many else _DEPENDED_ON_FEW
                reason = "it is the only one within which others are the same"
            if plain and unlike[column.name] >= _LABEL:
                labels.add(column.name)
        if points > _NUMBER:
            said = f"column {column.name!r} holds the clinic: no column is called like one, and {reason}"
            found.append(ClinicWeight(column.name, points, False, said))
    return found, frozenset(labels)


def _by_names(profile: TableProfile, look: LookAgain | None) -> list[ClinicWeight]:
    """Columns of names that can be places': offered and never taken, since they can be people's as well.

    One stands beside a column of numbers that is called alike, as cname beside cnum. Another is called name
    and no more, people of both sexes have the same, and other columns are the same for all of them.
    """
    again = [
        each
        for each in profile.columns
        if LEAST_CLINICS <= each.n_distinct <= profile.n_rows / _RECORDS_OF_A_NAME
        if not names.said(each.name, (*words.PATIENT, *_TELLING))
    ]
    found = [each for each in again if number_of(each, profile) is not None]
    plain = [each for each in again if each.name.lower() in words.NAME]
    found += [each for each in plain if look is not None and _names_no_person(each, profile, look)]
    return [ClinicWeight(each.name, _SURE - _APART / 2, False) for each in found]


def _names_no_person(column: ColumnProfile, profile: TableProfile, look: LookAgain) -> bool:
    """Whether people of both sexes have the same name, and with it much else."""
    same, sexes = look.same_within(profile, column.name), sexes_of(profile)
    told = [each for each in same - ROW_NUMBERS if profile.column(each).n_distinct > 1]
    return bool(sexes) and not sexes & same and len(told) >= _SAME_OF_A_PLACE


def _depend(columns: Collection[str], on: ColumnProfile, profile: TableProfile, look: LookAgain) -> bool:
    """Whether any column depends on a number other than as its own groups do, as age groups on age."""
    return any(not look.lies_in_ranges(profile, on.name, each) for each in list(columns)[:_MOST_LOOKS])


def _could_group(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column without a telling name may be one of places rather than of people's traits."""
    if is_of_places(column) or is_trait(column) or counts_stays(column) or not groups_enough(column, profile):
        return False
    if names.said(column.name, _TELLING) or names.is_hospital_number(column.name):
        return False
    if names.found(column.name, words.PATIENT) or names.found(column.name, words.AGE):
        return False
    if names.said(column.name, ("id", "idno")) and len(names.words_of(column.name)) == 1:
        return False  # numbers the patients, if anybody
    return column.kind == "text" or column.n_distinct >= _LEAST_NUMBERS


def _unlikeness(column: ColumnProfile, profile: TableProfile, look: LookAgain) -> float:
    """The median, over other columns, of how far their averages lie from a line; 0 for few numbers."""
    if column.n_distinct < _MORE_THAN_A_SCALE:
        return 0.0
    return statistics.median(look.unlike_a_line(profile, column.name).values() or (0.0,))
