"""Guesses which columns hold the clinic, its region, the patient and the record's number."""

from __future__ import annotations

from dataclasses import dataclass, field

from tasks.network.drafting import column_naming as names
from tasks.network.drafting import column_words as words
from tasks.network.drafting.draft import Assumption, Missing
from tasks.network.drafting.label_columns import (
    ROW_NUMBERS,
    are_many,
    is_state_of_health,
    labels_of,
    likeness,
    sexes_of,
)
from tasks.network.drafting.profile import ColumnProfile, NumbersWithin, TableProfile
from tasks.network.drafting.weighing_clinics import LookAgain, choose_clinic

_FEWEST_PATIENTS = 8
_RECORDS_OF_A_PLACE = 2.0
"""Records of a place, at least: a hospital's number that comes less often is a patient's there."""
_EACH_ITS_OWN = 0.99
"""Share of the records from which each has a number of its own."""
_MOST_LOOKS = 8
"""Columns that are looked at once more, at most."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The columns of the contract that were found.

    Attributes:
        columns: contract column → the table's column.
        assumptions: what was taken for granted.
        missing: what was not found and cannot be done without.
        patient_within: whether patients are numbered within each clinic.
        labels: columns of whole numbers that group the records and so measure nothing.
    """

    columns: dict[str, str]
    assumptions: tuple[Assumption, ...] = ()
    missing: tuple[Missing, ...] = ()
    patient_within: bool = False
    labels: frozenset[str] = frozenset()


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
    areas = [each for each in search.labels if each.n_distinct < clinics and not is_state_of_health(each)]
    search.take("region", areas, words.REGION)
    search.patient()
    search.record()
    within = search.patient_within()
    return Roles(search.found, tuple(search.assumptions), tuple(search.missing), within, search.numbers)


@dataclass
class _Search:
    profile: TableProfile
    look: LookAgain | None = None
    found: dict[str, str] = field(default_factory=dict)
    assumptions: list[Assumption] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    numbers: frozenset[str] = frozenset()

    @property
    def labels(self) -> list[ColumnProfile]:
        """Columns that name or number something."""
        return labels_of(self.profile)

    def take(self, role: str, columns: list[ColumnProfile], telling: tuple[str, ...]) -> bool:
        """Take the column that is best called like the role, and tell whether there was one."""
        free = [each for each in columns if each.name not in self.found.values()]
        best = max(free, key=lambda each: (likeness(each, telling), -each.n_missing), default=None)
        if best is None or not likeness(best, telling):
            return False
        self.found[role] = best.name
        return True

    def clinic(self) -> None:
        """The column that most speaks for; what is said where none does enough."""
        chosen = choose_clinic(self.profile, self.look)
        self.numbers = chosen.labels
        self.assumptions += [Assumption("clinic", each) for each in chosen.said]
        if chosen.column is not None:
            self.found["clinic"] = chosen.column
            return
        listed = " or ".join(repr(each) for each in chosen.candidates)
        offered = f"; it could be {listed}" if listed else ""
        self.missing.append(
            Missing(
                "clinic",
                f"no column of clinics was found{offered}",
                ". Put the column that groups the records where the SELECT says NULL AS clinic; "
                "without clinics there is nothing to compare",
                chosen.candidates,
            )
        )

    def patient(self) -> None:
        """The patient by a name, else a number that comes again, or that stands beside a number of rows."""
        n = self.profile.n_rows
        least = max(_FEWEST_PATIENTS, n // 50)
        many = [
            each for each in self.labels if each.n_distinct > least and (each.kind == "text" or each.whole)
        ]
        alone = [each for each in self.labels if each.whole and each.name.lower() in words.PATIENT_ALONE]
        often = [each for each in alone if _FEWEST_PATIENTS < each.n_distinct < n and each not in many]
        if self.take(
            "patient", [each for each in (*many, *often) if not _is_of_another(each)], words.PATIENT
        ):
            return
        if self._take_hospital_number(many) or self._take_number_within_clinics() or self._take_nested():
            return
        numbered = [each for each in many if each.name.lower() in words.PERSON_ALONE]
        again = [each for each in numbered if each.n_distinct < n]
        rows_are_numbered = any(each.name.lower() in ROW_NUMBERS for each in self.profile.columns)
        if self.take("patient", again, words.PERSON_ALONE) or (
            rows_are_numbered and self.take("patient", numbered, words.PERSON_ALONE)
        ):
            column = self.found["patient"]
            comes = "comes again" if again else "is not its row's"
            self._assume_of_patients(f"column {column!r} tells patients apart: it is a number that {comes}")
            return
        self._take_number_with_one_sex(many)

    def _take_number_with_one_sex(self, columns: list[ColumnProfile]) -> None:
        """Take a number that comes again and again, always with the same sex: it is a person's."""
        sexes = sexes_of(self.profile)
        n = self.profile.n_rows
        again = [
            each
            for each in columns
            if each.whole and each.name not in self.found.values() and 2 * each.n_distinct <= n
            if not names.said(each.name, (*words.OUTCOME, *words.SEQUENCE, *words.AGE, *words.TRAIT))
        ][:_MOST_LOOKS]
        if self.look is None or not sexes:
            return
        for each in again:
            if sexes & self.look.same_within(self.profile, each.name):
                self.found["patient"] = each.name
                self._assume_of_patients(
                    f"column {each.name!r} numbers the patients: no column is called so, and each of its "
                    "numbers comes again with one sex only"
                )
                return

    def _take_hospital_number(self, columns: list[ColumnProfile]) -> bool:
        """Take the number that a hospital gives a patient: called so, or one of nearly each record's own."""
        often = self.profile.n_rows / _RECORDS_OF_A_PLACE
        numbers = [
            each.name
            for each in columns
            if names.is_hospital_number(each.name)
            or (each.n_distinct > often and names.found(each.name, words.CLINIC) and _is_number_of(each))
        ]
        for name in numbers[:1]:
            self.found["patient"] = name
        return bool(numbers)

    def _take_number_within_clinics(self) -> bool:
        """Take a column called like the patient of few values, where each record of a clinic has its own."""
        if self.look is None or "clinic" not in self.found:
            return False
        few = [each for each in self.labels if each.whole and each.n_distinct >= _FEWEST_PATIENTS]
        called = [each for each in few if names.said(each.name, words.PATIENT) and not _is_of_another(each)]
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
            if names.found(each.name, words.PATIENT) and not _is_of_another(each)
        ]
        for each in sorted(called, key=lambda each: -likeness(each, words.PATIENT))[:_MOST_LOOKS]:
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
        self._assume_of_patients(
            f"patients' numbers in column {self.found['patient']!r} begin anew in each clinic: the largest "
            f"has {within.most:,} of all {within.n_distinct:,}, and clinics together {within.n_pairs:,}"
        )
        return True

    def _restart_with_other_people(self, within: NumbersWithin) -> bool:
        """Whether every clinic has all numbers, and a number belongs to people of both sexes."""
        sexes = sexes_of(self.profile)
        if self.look is None or not sexes or within.n_pairs < within.n_clinics * within.n_distinct:
            return False
        if within.n_clinics < 2 or sexes & self.look.same_within(self.profile, self.found["patient"]):
            return False
        self._assume_of_patients(
            f"patients' numbers in column {self.found['patient']!r} begin anew in each clinic: all "
            f"{within.n_clinics:,} have each number, and people of both sexes have the same one"
        )
        return True

    def _assume_of_patients(self, sentence: str) -> None:
        self.assumptions.append(Assumption("patient", sentence))

    def record(self) -> None:
        """A number of each record's own; the number of its row if there is no other."""
        unique = [
            each
            for each in self.labels
            if each.n_distinct == self.profile.n_rows
            and each.n_missing == 0
            and (each.kind == "text" or each.whole)
        ]
        own = [each for each in unique if each.name.lower() not in ROW_NUMBERS]
        if self.take("record", own, words.RECORD):
            return
        ends_in_id = [
            each for each in own if each.name not in self.found.values() and names.ends_in_id(each.name)
        ]
        numbers = [each for each in own if each.kind == "number" and not names.said(each.name, _NO_NUMBERS)]
        numbers = [each for each in numbers if each.name not in self.found.values()]
        for each in (*ends_in_id, *numbers):
            self.found["record"] = each.name
            if each not in ends_in_id:
                sentence = f"column {each.name!r} numbers the records: no two of them share one"
                self.assumptions.append(Assumption("record", sentence))
            return
        self.take("record", unique, words.RECORD)


_NO_NUMBERS = (
    *(*words.TRAIT, *words.AGE, *words.OUTCOME, *words.MEASURED, *words.COUNTED),
    *(*words.SEQUENCE, *words.WHEN),
)
"""What is no number of a record although every record may have another."""


def _is_number_of(column: ColumnProfile) -> bool:
    """Whether a column numbers something by its name, and holds such numbers."""
    return names.is_numbered(column.name) and (column.kind == "text" or column.whole)


def _is_of_another(column: ColumnProfile) -> bool:
    """Whether a column called like a patient's number says something of the patient instead."""
    return are_many(column, words.PATIENT) or bool(
        names.said(column.name, (*words.AGE, *words.TRAIT, *words.OUTCOME, *words.COUNTED))
    )
