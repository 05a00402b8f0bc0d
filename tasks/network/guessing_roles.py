"""Guesses which columns hold the clinic, its region, the patient and the record's number."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from tasks.network import column_words as words
from tasks.network.coding import says_yes_or_no
from tasks.network.draft import Missing
from tasks.network.guessing_dates import holds_dates
from tasks.network.profile import ColumnProfile, NumbersWithin, TableProfile

_LEAST_CLINICS = 6
"""From so many different values a column without a telling name may hold clinics: fewer are categories."""
_LEAST_RECORDS = 10
"""Records that a clinic without a telling name has on average."""
_FEWEST_PATIENTS = 8
_WORDS_OF_A_PLACE = 2
"""Words in the name of a column of places: location_id, but not location of the breach."""
_EACH_ITS_OWN = 0.99
"""Share of the records from which each has a number of its own."""
_YEARS_AT_SCHOOL = 30
"""Different numbers of years at school, at most."""
_SEXES = 4
"""Values of a column of sex, at most."""
_PEOPLE_OF_A_GROUP = 5
"""People who have the same number on average, from which it numbers groups of them."""
_MOST_LOOKS = 8
"""Columns that are looked at once more, at most."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The columns of the contract that were found.

    Attributes:
        columns: contract column → the table's column.
        assumptions: what was taken for granted, in sentences.
        missing: what was not found and cannot be done without.
        patient_within: whether patients are numbered within each clinic.
    """

    columns: dict[str, str]
    assumptions: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    patient_within: bool = False


class LookAgain(Protocol):
    """How to look at a table once more, when it is known what to look for."""

    def same_within(self, profile: TableProfile, clinic: str) -> frozenset[str]:
        """The columns that are the same for all records of a clinic."""
        ...

    def numbers_within(self, profile: TableProfile, clinic: str, patient: str) -> NumbersWithin:
        """How a column of patients' numbers lies in clinics."""
        ...


def guess_roles(profile: TableProfile, look: LookAgain | None = None) -> Roles:
    """Clinic, region, patient and record, each the column that most looks like it.

    Args:
        profile: the table.
        look: tells whether a column without a telling name has others that are the same within it, as clinics
            have; left out, its name and counts alone decide.
    """
    search = _Search(profile, look)
    search.clinic()
    clinics = (
        profile.column(search.found["clinic"]).n_distinct if "clinic" in search.found else profile.n_rows
    )
    search.take("region", [each for each in search.labels if each.n_distinct < clinics], words.REGION)
    search.patient()
    search.record()
    within = search.patient_within()
    return Roles(search.found, tuple(search.assumptions), tuple(search.missing), within)


@dataclass
class _Search:
    profile: TableProfile
    look: LookAgain | None = None
    found: dict[str, str] = field(default_factory=dict)
    assumptions: list[str] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)

    @property
    def labels(self) -> list[ColumnProfile]:
        """Columns that name or number something: neither people's names nor measurements nor yes and no."""
        return [each for each in self.profile.columns if self._labels(each)]

    def _labels(self, column: ColumnProfile) -> bool:
        if column.kind not in ("text", "number") or column.n_distinct < 2 or says_yes_or_no(column):
            return False
        if column.kind == "number" and not column.whole and not _is_called_only(column, words.CLINIC):
            return False  # a mean of answers, say; a column called hospital may have codes such as 2.4
        if column.kind == "number" and words.says_how_many(column.name, words.NUMBERED_THINGS):
            return False
        if _is_private(column) or column.writing not in (None, "spreadsheet", "month digits"):
            return False
        if column.writing == "month digits" and holds_dates(column):
            return False
        if self._is_schooling(column):
            return False
        return not (
            column.kind == "number" and words.said(column.name, (*words.OUTCOME, *words.BETTER_LOWER))
        )

    def _is_schooling(self, column: ColumnProfile) -> bool:
        """Whether a number called school says how many years grown-ups went there: they go no more."""
        years = column.kind == "number" and column.n_distinct <= _YEARS_AT_SCHOOL
        if not years or column.name.lower() not in words.SCHOOL:
            return False
        return any(words.said(each.name, words.GROWN_UP) for each in self.profile.columns)

    def take(self, role: str, columns: list[ColumnProfile], telling: tuple[str, ...]) -> bool:
        """Take the column that is best called like the role, and tell whether there was one."""
        free = [each for each in columns if each.name not in self.found.values()]
        best = max(free, key=lambda each: (_score(each, telling), -each.n_missing), default=None)
        if best is None or not _score(best, telling):
            return False
        self.found[role] = best.name
        return True

    def clinic(self) -> None:
        """The clinic by its name, else what takes its place by name, else the only grouping column."""
        half = max(2, self.profile.n_rows // 2)
        grouping = [
            each
            for each in self.labels
            if each.n_distinct <= half and not (_is_of_places(each) or _is_trait(each) or counts_stays(each))
            if not words.is_hospital_number(each.name)
        ]
        access = [each for each in grouping if _is_called_only(each, words.ACCESS_GROUPS)]
        if access:
            self.found["clinic"] = access[0].name
            return
        if self.take("clinic", grouping, words.CLINIC):
            return
        if self._take_place(grouping) or self._take_one_of_two():
            return
        sound = [each for each in grouping if self._groups(each)]
        if len(sound) == 1:
            self.found["clinic"] = sound[0].name
            self.assumptions.append(
                f"column {sound[0].name!r} holds the clinic: no column is called like one, and it is the "
                "only one that groups the records"
            )
            return
        if not sound and (self._take_what_others_depend_on() or self._take_kind_of_place(grouping)):
            return
        candidates = tuple(each.name for each in sound)
        offered = f"; it could be {' or '.join(repr(each) for each in candidates)}" if candidates else ""
        self.missing.append(
            Missing(
                f"no column of clinics was found{offered}. Put the column that groups the records where the "
                "SELECT says NULL AS clinic; without clinics there is nothing to compare",
                candidates,
            )
        )

    def _take_place(self, grouping: list[ColumnProfile]) -> bool:
        """Take what is called like a school or a village, else numbered groups, else the finest of areas."""
        places = [each for each in grouping if not _is_kind_of_place(each)]
        alone = [each for each in self.labels if each.name.lower() in words.COMMUNITY_ALONE]
        taken = self.take("clinic", places, words.COMMUNITY) or self.take(
            "clinic", [each for each in alone if self._groups_enough(each)], words.COMMUNITY_ALONE
        )
        if not taken and self._take_number_of_groups():
            return True
        if not taken:
            areas = [each for each in grouping if words.found(each.name, words.REGION)]
            finest = max(areas, key=lambda each: (each.n_distinct, each.kind == "text"), default=None)
            if finest is None:
                return False
            self.found["clinic"] = finest.name
        self._assume_place(self.found["clinic"])
        return True

    def _take_kind_of_place(self, grouping: list[ColumnProfile]) -> bool:
        """Take a column called community or location although it has few values: there is nothing better."""
        short = [each for each in grouping if len(words.words_of(each.name)) <= _WORDS_OF_A_PLACE]
        taken = self.take("clinic", short, words.KIND_OF_PLACE)
        if taken:
            self._assume_place(self.found["clinic"])
        return taken

    def _assume_place(self, name: str) -> None:
        self.assumptions.append(
            f"column {name!r} takes the place of the clinic: no column is called clinic, hospital or the like"
        )

    def _take_one_of_two(self) -> bool:
        """Take a column called site or the like that holds 0 and 1: a network of two."""
        called = (each for each in self.profile.columns if each.name.lower() in words.CLINIC_ALONE)
        two = next((each.name for each in called if each.kind == "number" and each.zero_one), None)
        if two is None:
            return False
        self.found["clinic"] = two
        self.assumptions.append(f"column {two!r} holds two clinics, 0 and 1, rather than no and yes")
        return True

    def _take_number_of_groups(self) -> bool:
        """Take a column called id within which sex differs: it numbers interviewers, say, and not people."""
        numbers = [each for each in self.labels if each.name.lower() in words.PERSON_ALONE]
        of_groups = next((each.name for each in numbers if self._numbers_groups(each)), None)
        if of_groups is None:
            return False
        self.found["clinic"] = of_groups
        self.assumptions.append(
            f"column {of_groups!r} holds the clinic: no column is called like one, and people of both sexes "
            "have the same number there"
        )
        return True

    def _numbers_groups(self, column: ColumnProfile) -> bool:
        """Whether a number comes again and again, for people who differ in sex."""
        sexes = self._sexes()
        often = self.profile.n_rows >= _PEOPLE_OF_A_GROUP * column.n_distinct
        if self.look is None or not sexes or not often:
            return False
        return not sexes & self.look.same_within(self.profile, column.name)

    def _sexes(self) -> set[str]:
        """The columns of sex."""
        return {
            each.name
            for each in self.profile.columns
            if words.said(each.name, words.SEX) and 1 < each.n_distinct <= _SEXES
        }

    def _groups(self, column: ColumnProfile) -> bool:
        """Whether a column without a telling name looks like one of places rather than of people's traits."""
        if words.said(
            column.name, (*words.TRAIT, *words.SEX, *words.SEQUENCE, *words.TREATMENT, *words.OUTCOME)
        ):
            return False
        if words.found(column.name, words.PATIENT) or words.found(column.name, words.AGE):
            return False
        if column.kind == "number" and not words.said(column.name, words.NUMBERED):
            return False
        if words.said(column.name, ("id", "idno")) and len(words.words_of(column.name)) == 1:
            return False  # numbers the patients, if anybody
        return self._groups_enough(column)

    def _groups_enough(self, column: ColumnProfile) -> bool:
        labelled = _LEAST_CLINICS <= column.n_distinct <= self.profile.n_rows // _LEAST_RECORDS
        return labelled and column.n_missing <= self.profile.n_rows // _LEAST_RECORDS

    def _take_what_others_depend_on(self) -> bool:
        """Take the only column of whole numbers within which others are the same, as beds in hospitals."""
        if self.look is None:
            return False
        telling = (*words.TRAIT, *words.SEX, *words.AGE, *words.SEQUENCE, *words.TREATMENT, *words.OUTCOME)
        coded = [
            each
            for each in self.labels
            if each.whole and self._groups_enough(each) and not words.said(each.name, telling)
            if not words.is_hospital_number(each.name)
        ][:_MOST_LOOKS]
        dependent = [each for each in coded if self._has_dependents(self.look, each)]
        if len(dependent) != 1:
            return False
        self.found["clinic"] = dependent[0].name
        self.assumptions.append(
            f"column {dependent[0].name!r} holds the clinic: no column is called like one, and it is the "
            "only one within which others are the same"
        )
        return True

    def _has_dependents(self, look: LookAgain, column: ColumnProfile) -> bool:
        same = look.same_within(self.profile, column.name)
        return any(self.profile.column(each).n_distinct > 1 and each not in _ROW_NUMBERS for each in same)

    def patient(self) -> None:
        """The patient by a name, else a number that comes again, or that stands beside a number of rows."""
        n = self.profile.n_rows
        least = max(_FEWEST_PATIENTS, n // 50)
        many = [
            each for each in self.labels if each.n_distinct > least and (each.kind == "text" or each.whole)
        ]
        if self.take("patient", [each for each in many if not _is_of_another(each)], words.PATIENT):
            return
        if self._take_hospital_number(many) or self._take_number_within_clinics() or self._take_nested():
            return
        numbered = [each for each in many if each.name.lower() in words.PERSON_ALONE]
        if self.take("patient", [each for each in numbered if each.n_distinct < n], words.PERSON_ALONE):
            return
        if any(each.name.lower() in _ROW_NUMBERS for each in self.profile.columns) and self.take(
            "patient", numbered, words.PERSON_ALONE
        ):
            return
        self._take_number_with_one_sex(many)

    def _take_number_with_one_sex(self, columns: list[ColumnProfile]) -> None:
        """Take a number that comes again and again, always with the same sex: it is a person's."""
        sexes = self._sexes()
        n = self.profile.n_rows
        again = [
            each
            for each in columns
            if each.whole and each.name not in self.found.values() and 2 * each.n_distinct <= n
            if not words.said(each.name, (*words.OUTCOME, *words.SEQUENCE, *words.AGE, *words.TRAIT))
        ][:_MOST_LOOKS]
        if self.look is None or not sexes:
            return
        for each in again:
            if sexes & self.look.same_within(self.profile, each.name):
                self.found["patient"] = each.name
                self.assumptions.append(
                    f"column {each.name!r} numbers the patients: no column is called so, and each of its "
                    "numbers comes again with one sex only"
                )
                return

    def _take_hospital_number(self, columns: list[ColumnProfile]) -> bool:
        """Take the number that a hospital gives a patient."""
        numbers = [each.name for each in columns if words.is_hospital_number(each.name)]
        for name in numbers[:1]:
            self.found["patient"] = name
        return bool(numbers)

    def _take_number_within_clinics(self) -> bool:
        """Take a column called like the patient of few values, where each record of a clinic has its own."""
        if self.look is None or "clinic" not in self.found:
            return False
        few = [each for each in self.labels if each.whole and each.n_distinct >= _FEWEST_PATIENTS]
        called = [each for each in few if words.said(each.name, words.PATIENT) and not _is_of_another(each)]
        for each in called[:_MOST_LOOKS]:
            within = self.look.numbers_within(self.profile, self.found["clinic"], each.name)
            if within.restart and within.n_pairs >= _EACH_ITS_OWN * self.profile.n_rows:
                self.found["patient"] = each.name
                return True
        return False

    def _take_nested(self) -> bool:
        """Take a column called like the patient, of few values for so many rows, each in one clinic."""
        if self.look is None or "clinic" not in self.found:
            return False
        clinics = self.profile.column(self.found["clinic"]).n_distinct
        called = [
            each
            for each in self.labels
            if each.n_distinct > max(_FEWEST_PATIENTS, clinics) and (each.kind == "text" or each.whole)
            if words.found(each.name, words.PATIENT) and not _is_of_another(each)
        ]
        for each in sorted(called, key=lambda each: -_score(each, words.PATIENT))[:_MOST_LOOKS]:
            if self.found["clinic"] in self.look.same_within(self.profile, each.name):
                self.found["patient"] = each.name
                return True
        return False

    def patient_within(self) -> bool:
        """Whether the patients' numbers begin anew in each clinic, which is then said."""
        if self.look is None or not {"clinic", "patient"} <= self.found.keys():
            return False
        within = self.look.numbers_within(self.profile, self.found["clinic"], self.found["patient"])
        if not within.restart:
            return self._restart_with_other_people(within)
        self.assumptions.append(
            f"patients' numbers in column {self.found['patient']!r} begin anew in each clinic: the largest "
            f"has {within.most:,} of all {within.n_distinct:,}, and clinics together {within.n_pairs:,}"
        )
        return True

    def _restart_with_other_people(self, within: NumbersWithin) -> bool:
        """Whether every clinic has all numbers, and a number belongs to people of both sexes."""
        sexes = self._sexes()
        if self.look is None or not sexes or within.n_pairs < within.n_clinics * within.n_distinct:
            return False
        if within.n_clinics < 2 or sexes & self.look.same_within(self.profile, self.found["patient"]):
            return False
        self.assumptions.append(
            f"patients' numbers in column {self.found['patient']!r} begin anew in each clinic: all "
            f"{within.n_clinics:,} have each number, and people of both sexes have the same one"
        )
        return True

    def record(self) -> None:
        """A number of each record's own; the number of its row if there is no other."""
        unique = [
            each
            for each in self.labels
            if each.n_distinct == self.profile.n_rows
            and each.n_missing == 0
            and (each.kind == "text" or each.whole)
        ]
        own = [each for each in unique if each.name.lower() not in _ROW_NUMBERS]
        if self.take("record", own, words.RECORD):
            return
        ends_in_id = [
            each for each in own if each.name not in self.found.values() and words.ends_in_id(each.name)
        ]
        numbers = [each for each in own if each.kind == "number" and not words.said(each.name, _NO_NUMBERS)]
        numbers = [each for each in numbers if each.name not in self.found.values()]
        for each in (*ends_in_id, *numbers):
            self.found["record"] = each.name
            return
        self.take("record", unique, words.RECORD)


_NO_NUMBERS = (*words.TRAIT, *words.AGE, *words.OUTCOME, *words.MEASURED, *words.SEQUENCE, *words.WHEN)
"""What is no number of a record although every record may have another."""
_ROW_NUMBERS = {"rownames", "row", "index", "column0", "unnamed: 0"}


def _is_private(column: ColumnProfile) -> bool:
    """Whether a column holds people's names and the like; the name of a place is nobody's."""
    if column.name.lower() in _ROW_NUMBERS:
        return False
    of_place = words.found(column.name, (*words.CLINIC, *words.COMMUNITY, *words.REGION))
    private = words.found(column.name, words.PRIVATE)
    return bool([each for each in private if not (of_place and each in words.NAME)])


def _is_of_places(column: ColumnProfile) -> bool:
    """Whether a column says something of places rather than names one: a size, or how many there are."""
    if _are_many(column, (*words.CLINIC, *words.COMMUNITY)):
        return True
    return bool(words.said_last(column.name, words.OF_PLACES))


def counts_stays(column: ColumnProfile) -> bool:
    """Whether a number is called hospital, or the like, and is mostly 0: how many times one was there."""
    called = words.said(column.name, words.CLINIC) and not words.said(column.name, words.CLINIC_ALONE)
    counted = column.whole and column.mostly_zero and not column.zero_one
    return bool(called) and counted and not words.is_numbered(column.name)


def _are_many(column: ColumnProfile, things: Collection[str]) -> bool:
    """Whether a number is called by a plural, as teachers or students: it says how many."""
    name = column.name.lower()
    return column.kind == "number" and name.endswith(tuple(f"{each}s" for each in things))


def _is_trait(column: ColumnProfile) -> bool:
    """Whether a column is called by what people are, and names a place by chance at most."""
    places = (*words.CLINIC, *words.COMMUNITY, *words.COMMUNITY_ALONE, *words.REGION)
    return bool(words.said(column.name, words.TRAIT)) and not words.said(column.name, places)


def _is_called_only(column: ColumnProfile, telling: Collection[str]) -> bool:
    """Whether a column's name is one of the words and nothing else."""
    return column.name.lower() in telling


def _is_kind_of_place(column: ColumnProfile) -> bool:
    """Whether a column called community or location has few values, or is one of something else."""
    if not words.said(column.name, words.KIND_OF_PLACE):
        return False
    return column.n_distinct < _LEAST_CLINICS or len(words.words_of(column.name)) > _WORDS_OF_A_PLACE


def _is_of_another(column: ColumnProfile) -> bool:
    """Whether a column called like a patient's number says something of the patient instead."""
    return _are_many(column, words.PATIENT) or bool(
        words.said(column.name, (*words.AGE, *words.TRAIT, *words.OUTCOME, *words.COUNTED))
    )


def _score(column: ColumnProfile, telling: tuple[str, ...]) -> int:
    """Higher the earlier the telling word stands in `telling`, and the less else the name says.

    A word by itself, as in `state`, tells more than the same one inside another, as in `statefip`.
    """
    found = words.found(column.name, telling)
    if not found:
        return 0
    first = len(telling) - telling.index(found[0])
    inside = found[0] not in words.said(column.name, telling)
    return first * 10 - len(words.words_of(column.name)) - inside
