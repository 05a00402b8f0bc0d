"""Guesses what a table's columns are for, by their names, types and counts."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from tasks.network import column_words as words
from tasks.network.draft import Direction, Draft, DraftOutcome, OutcomeKind
from tasks.network.profile import ColumnProfile, TableProfile
from tasks.network.profile import Kind as ColumnKind
from tasks.periods import Kind

MOST_OUTCOMES = 8
"""Outcomes that a draft has at most."""
_FEW = 6
"""A number with up to so many different values may be a code rather than a measurement."""


def guess(profile: TableProfile, name: str = "My network") -> Draft:
    """A network file for the table; what cannot be guessed is left out, for the check to say."""
    roles = guess_roles(profile)
    program = guess_program(profile)
    exposure = guess_exposure(profile)
    adjusters = guess_adjusters(profile)
    taken = {*roles.values(), *adjusters, program, exposure}
    period = guess_period(profile, roles.get("date"))
    measured = [each for each in profile.columns if each.name not in taken and _measures(each, profile)]
    drafted, others = _likeliest(measured)
    return Draft(
        name=name,
        source=profile.source,
        table=profile.sql,
        quoted={column.name: column.sql for column in profile.columns},
        roles=roles,
        outcomes=(*(guess_outcome(each, exposure) for each in drafted), records_a(period)),
        adjusters=adjusters,
        limits=guess_limits(profile, adjusters),
        program=program,
        undrafted=tuple(each.name for each in others),
        yes_no=yes_no_of(profile),
        cast_date="date" in roles and profile.column(roles["date"]).kind == "text",
        period=period,
    )


def guess_period(profile: TableProfile, date: str | None) -> Kind:
    """What to report: what the records come by; a month where they come on any day."""
    rhythm = profile.column(date).rhythm if date is not None else None
    return (rhythm.period if rhythm is not None else None) or "month"


def records_a(period: Kind) -> DraftOutcome:
    """The outcome that counts a clinic's records in a period."""
    return DraftOutcome(None, f"Records a {period}", "count")


def likeliest_table(
    tables: Mapping[str, Mapping[str, ColumnKind]], rows: Mapping[str, int] | None = None
) -> str:
    """The table that looks most like records: a date, a clinic, a patient; then the most rows and columns.

    Args:
        tables: table → its columns' names and kinds; at least one.
        rows: table → how many rows it has, where counted: a table of sums has fewer than one of records.
    """
    counted = rows or {}

    def likeness(table: str) -> tuple[bool, int, int, int]:
        columns = tables[table]
        marks = [
            "date" in columns.values(),
            *(
                any(words.found(column, telling) for column in columns)
                for telling in (words.CLINIC, words.PATIENT)
            ),
        ]
        n = counted.get(table)
        return n is None or n > 0, sum(marks), n or 0, len(columns)

    return max(sorted(tables), key=likeness)


def yes_no_of(profile: TableProfile) -> dict[str, tuple[str, str]]:
    """Column of text → its words for yes and no."""
    return {each.name: each.yes_no for each in profile.columns if each.yes_no is not None}


def _likeliest(measured: list[ColumnProfile]) -> tuple[list[ColumnProfile], list[ColumnProfile]]:
    """The columns that a draft has as outcomes, in the table's order, and those left for a person to choose.

    A network reports a few outcomes; a draft of ninety would be read by nobody.
    """
    if len(measured) <= MOST_OUTCOMES:
        return measured, []
    whether = sorted(measured, key=lambda each: (_direction(each) == "neither", each.n_missing > 0))
    chosen = {each.name for each in whether[:MOST_OUTCOMES]}
    return [each for each in measured if each.name in chosen], [
        each for each in measured if each.name not in chosen
    ]


def guess_program(profile: TableProfile) -> str | None:
    """The 0/1 column that says whether a record was under a program, if one is called so."""
    return next(
        (
            each.name
            for each in profile.columns
            if (each.zero_one or each.yes_no) and _named(each, words.PROGRAM)
        ),
        None,
    )


def guess_exposure(profile: TableProfile) -> str | None:
    """The column with the time at risk, if one is called so."""
    fitting = (each for each in profile.columns if each.kind == "number" and not each.negative)
    return next((each.name for each in fitting if _named(each, words.EXPOSURE) and not each.zero_one), None)


def guess_adjusters(profile: TableProfile) -> tuple[str, ...]:
    """Age and sex."""
    return tuple(each.name for each in profile.columns if _is_adjuster(each))


def guess_limits(
    profile: TableProfile, columns: Collection[str]
) -> dict[str, tuple[float | None, float | None]]:
    """Limits of what is possible, for ages."""
    return {each: (0, 110) for each in columns if _named(profile.column(each), words.AGE)}


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
    if column.zero_one or column.kind == "boolean" or column.yes_no is not None:
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
    """The columns that hold numbers, true and false or yes and no, and have no other role."""
    return tuple(each.name for each in profile.columns if _is_number(each) and each.name not in taken)


def guess_roles(profile: TableProfile) -> dict[str, str]:
    """Contract column (clinic, region, patient, record, date) → the column that most looks like it."""
    n = profile.n_rows
    free = [each for each in profile.columns if not _named(each, words.PRIVATE) or _named(each, words.CLINIC)]
    labels = [each for each in free if each.kind in ("text", "number") and each.n_distinct > 1]
    dates = [each for each in free if each.kind == "date"]
    dates += [each for each in free if each.kind == "text" and _named(each, words.DATE_IN_TEXT)]
    found: dict[str, str] = {}

    def take(role: str, columns: list[ColumnProfile], telling: tuple[str, ...]) -> None:
        rest = [each for each in columns if each.name not in found.values()]
        best = max(rest, key=lambda each: (_score(each, telling), -each.n_missing), default=None)
        if best is not None and (_score(best, telling) > 0 or role == "date"):
            found[role] = best.name

    take("clinic", [each for each in labels if each.n_distinct <= max(2, n // 2)], words.CLINIC)
    if "clinic" not in found:  # no telling name: a text column that groups the rows
        grouping = [each for each in labels if each.kind == "text" and 2 < each.n_distinct <= n // 5]
        if grouping:
            found["clinic"] = max(grouping, key=lambda each: each.n_distinct).name
    clinics = profile.column(found["clinic"]).n_distinct if "clinic" in found else n
    take("region", [each for each in labels if each.n_distinct < clinics], words.REGION)
    take("patient", [each for each in labels if each.n_distinct > n // 50], words.PATIENT)
    if "patient" not in found:  # whose number comes again, and is of nothing else, is a patient's
        take("patient", [each for each in labels if n // 50 < each.n_distinct < n], ("id", "idno"))
    unique = [each for each in labels if each.n_distinct == n and each.n_missing == 0]
    take("record", [each for each in unique if each.kind == "text" or each.whole], words.RECORD)
    take("date", dates, words.DATE)
    order = ("clinic", "region", "patient", "record", "date")
    return {role: found[role] for role in order if role in found}


def _measures(column: ColumnProfile, profile: TableProfile) -> bool:
    """Whether a column is likely to be measured in patients rather than to name or number something."""
    if not _is_number(column) or column.n_distinct < 2:
        return False
    if _named(column, (*words.PRIVATE, *words.PATIENT)) or column.name.lower() == "rownames":
        return False
    if column.zero_one or column.kind == "boolean" or column.yes_no is not None:
        return True
    if _named(column, words.CALENDAR):
        return False
    numbered = _named(column, words.NUMBERED) or column.n_distinct > profile.n_rows // 2
    coded = column.n_distinct <= _FEW and not _named(column, ("visits", "count"))
    return not (column.whole and (numbered or coded))


def _is_number(column: ColumnProfile) -> bool:
    return column.kind in ("number", "boolean") or column.yes_no is not None


def _is_adjuster(column: ColumnProfile) -> bool:
    if _named(column, words.AGE):
        return column.kind == "number" and column.n_distinct > 1
    return (
        _named(column, words.SEX)
        and 1 < column.n_distinct <= _FEW
        and column.kind in ("text", "number", "boolean")
    )


def _direction(column: ColumnProfile) -> Direction:
    if _named(column, words.BETTER_HIGHER):
        return "higher"
    return "lower" if _named(column, words.BETTER_LOWER) else "neither"


def _named(column: ColumnProfile, telling: Collection[str]) -> bool:
    return bool(words.found(column.name, telling))


def _score(column: ColumnProfile, telling: tuple[str, ...]) -> int:
    """Higher the earlier the telling word stands in `telling`, and the less else the name says."""
    found = words.found(column.name, telling)
    first = len(telling) - telling.index(found[0]) if found else 0
    return first * 10 - len(words.words_of(column.name)) if found else 0


def _label(column: str) -> str:
    words = re.sub(r"[_\W]+", " ", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)).strip().lower()
    return words[:1].upper() + words[1:]
