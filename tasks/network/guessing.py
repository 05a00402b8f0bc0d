"""Guesses what a table's columns are for, by their names, types and counts."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from tasks.network.draft import Direction, Draft, DraftOutcome, OutcomeKind
from tasks.network.profile import ColumnProfile, Kind, TableProfile

_CLINIC = (
    *("clinic", "practice", "site", "facility", "hospital", "ward", "centre", "center", "provider"),
    *("department", "surgery"),
)
_REGION = ("region", "district", "county", "state", "province", "zone", "area", "trust")
_PATIENT = ("patient", "subject", "person", "member", "mrn", "client")
_RECORD = ("record", "encounter", "visit", "test", "sample", "id", "number")
_DATE = ("date", "day", "time", "when", "start", "at", "on")
_PROGRAM = (
    "program",
    "programme",
    "intervention",
    "outreach",
    "campaign",
    "pilot",
    "drive",
    "treated",
    "exposed",
)
_EXPOSURE = ("risk", "exposure", "followup", "follow", "person")
_AGE, _SEX = ("age",), ("sex", "gender")
_PRIVATE = (
    *("name", "address", "phone", "email", "mail", "birth", "dob", "ssn", "nhs", "postcode", "zip", "street"),
)
_BETTER_HIGHER = (
    *("vaccinated", "vaccine", "screened", "screening", "adherence", "attended", "completed"),
    *("controlled", "satisfaction", "recovered", "success"),
)
_BETTER_LOWER = (
    *("death", "died", "mortality", "readmission", "readmitted", "wait", "waiting", "tat", "systolic", "sbp"),
    *("pressure", "emergency", "fall", "falls", "infection", "missed", "delay", "late"),
)
RECORDS_A_MONTH = DraftOutcome(None, "Records a month", "count")
_FEW = 6
"""A number with up to so many different values may be a code rather than a measurement."""


def guess(profile: TableProfile, name: str = "My network") -> Draft:
    """A network file for the table; what cannot be guessed is left out, for the check to say."""
    roles = guess_roles(profile)
    program = guess_program(profile)
    exposure = guess_exposure(profile)
    adjusters = guess_adjusters(profile)
    taken = {*roles.values(), *adjusters, program, exposure}
    measured = [each for each in profile.columns if each.name not in taken and _measures(each, profile)]
    return Draft(
        name=name,
        source=profile.source,
        table=profile.sql,
        quoted={column.name: column.sql for column in profile.columns},
        roles=roles,
        outcomes=(*(guess_outcome(each, exposure) for each in measured), RECORDS_A_MONTH),
        adjusters=adjusters,
        limits=guess_limits(profile, adjusters),
        program=program,
        cast_date="date" in roles and profile.column(roles["date"]).kind == "text",
    )


def likeliest_table(tables: Mapping[str, Mapping[str, Kind]]) -> str:
    """The table whose columns look most like records: a date, a clinic, a patient, and then the most columns.

    Args:
        tables: table → its columns' names and kinds; at least one.
    """

    def likeness(table: str) -> tuple[int, int]:
        columns = tables[table]
        parts = [_parts(column) for column in columns]
        marks = [
            "date" in columns.values(),
            *(any(each & set(words) for each in parts) for words in (_CLINIC, _PATIENT)),
        ]
        return sum(marks), len(columns)

    return max(sorted(tables), key=likeness)


def guess_program(profile: TableProfile) -> str | None:
    """The 0/1 column that says whether a record was under a program, if one is called so."""
    return next((each.name for each in profile.columns if each.zero_one and _named(each, _PROGRAM)), None)


def guess_exposure(profile: TableProfile) -> str | None:
    """The column with the time at risk, if one is called so."""
    fitting = (each for each in profile.columns if each.kind == "number" and not each.negative)
    return next((each.name for each in fitting if _named(each, _EXPOSURE) and not each.zero_one), None)


def guess_adjusters(profile: TableProfile) -> tuple[str, ...]:
    """Age and sex."""
    return tuple(each.name for each in profile.columns if _is_adjuster(each))


def guess_limits(
    profile: TableProfile, columns: Collection[str]
) -> dict[str, tuple[float | None, float | None]]:
    """Limits of what is possible, for ages."""
    return {each: (0, 110) for each in columns if _named(profile.column(each), _AGE)}


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
    if column.zero_one or column.kind == "boolean":
        return "binary"
    counts = column.whole and not column.negative and column.n_distinct <= 60
    return "count" if counts else "continuous"


def could_be(profile: TableProfile, role: str) -> tuple[str, ...]:
    """The columns that could play a role of the contract, the likeliest first."""
    kinds = {"date": ("date", "text")}.get(role, ("text", "number", "boolean"))
    likeliest = guess_roles(profile).get(role)
    listed = [each.name for each in profile.columns if each.kind in kinds]
    return tuple(sorted(listed, key=lambda name: name != likeliest))


def could_be_outcomes(profile: TableProfile, taken: Collection[str]) -> tuple[str, ...]:
    """The columns that hold numbers or true and false, and have no other role."""
    return tuple(
        each.name for each in profile.columns if each.kind in ("number", "boolean") and each.name not in taken
    )


def guess_roles(profile: TableProfile) -> dict[str, str]:
    """Contract column (clinic, region, patient, record, date) → the column that most looks like it."""
    n = profile.n_rows
    free = [each for each in profile.columns if not _named(each, _PRIVATE) or _named(each, _CLINIC)]
    labels = [each for each in free if each.kind in ("text", "number") and each.n_distinct > 1]
    dates = [each for each in free if each.kind == "date"]
    dates += [each for each in free if each.kind == "text" and _named(each, ("date",))]
    found: dict[str, str] = {}

    def take(role: str, columns: list[ColumnProfile], words: tuple[str, ...]) -> None:
        rest = [each for each in columns if each.name not in found.values()]
        best = max(rest, key=lambda each: (_score(each, words), -each.n_missing), default=None)
        if best is not None and (_score(best, words) > 0 or role == "date"):
            found[role] = best.name

    take("clinic", [each for each in labels if each.n_distinct <= max(2, n // 2)], _CLINIC)
    if "clinic" not in found:  # no telling name: a text column that groups the rows
        grouping = [each for each in labels if each.kind == "text" and 2 < each.n_distinct <= n // 5]
        if grouping:
            found["clinic"] = max(grouping, key=lambda each: each.n_distinct).name
    clinics = profile.column(found["clinic"]).n_distinct if "clinic" in found else n
    take("region", [each for each in labels if each.n_distinct < clinics], _REGION)
    take("patient", [each for each in labels if each.n_distinct > n // 50], _PATIENT)
    unique = [each for each in labels if each.n_distinct == n and each.n_missing == 0]
    take("record", [each for each in unique if each.kind == "text" or each.whole], _RECORD)
    take("date", dates, _DATE)
    order = ("clinic", "region", "patient", "record", "date")
    return {role: found[role] for role in order if role in found}


def _measures(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column is likely to be measured in patients rather than to name or number something."""
    if column.kind not in ("number", "boolean") or column.n_distinct < 2:
        return False
    if _named(column, (*_PRIVATE, *_PATIENT)):
        return False
    if column.zero_one or column.kind == "boolean":
        return True
    if _named(column, ("year", "month", "day", "rownames")):
        return False
    numbered = _named(column, ("id", "code", "number")) or column.n_distinct > profile.n_rows // 2
    coded = column.n_distinct <= _FEW and not _named(column, ("visits", "count"))
    return not (column.whole and (numbered or coded))


def _is_adjuster(column: ColumnProfile) -> bool:
    if _named(column, _AGE):
        return column.kind == "number" and column.n_distinct > 1
    return (
        _named(column, _SEX)
        and 1 < column.n_distinct <= _FEW
        and column.kind in ("text", "number", "boolean")
    )


def _direction(column: ColumnProfile) -> Direction:
    if _named(column, _BETTER_HIGHER):
        return "higher"
    return "lower" if _named(column, _BETTER_LOWER) else "neither"


def _named(column: ColumnProfile, words: Collection[str]) -> bool:
    return bool(_parts(column.name) & set(words))


def _score(column: ColumnProfile, words: tuple[str, ...]) -> int:
    """Higher the earlier the telling word stands in `words`, and the less else the name says."""
    parts = _parts(column.name)
    telling = [len(words) - i for i, word in enumerate(words) if word in parts]
    return max(telling) * 10 - len(parts) if telling else 0


def _parts(name: str) -> set[str]:
    """The words of a column's name: of `clinicName`, `clinic_name` and `Clinic name`, clinic and name."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    words = {word.lower() for word in re.split(r"[\W_]+", spaced) if word}
    return words | {word[:-1] for word in words if word.endswith("s") and len(word) > 3}


def _label(column: str) -> str:
    words = re.sub(r"[_\W]+", " ", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)).strip().lower()
    return words[:1].upper() + words[1:]
