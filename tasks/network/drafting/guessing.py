"""Guesses what a table's columns are for, by their names, types and counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from tasks.network.drafting import column_naming as names
from tasks.network.drafting import column_words as words
from tasks.network.drafting.coding import says_words
from tasks.network.drafting.draft import Assumption, Draft, DraftOutcome, Missing
from tasks.network.drafting.guessing_dates import guess_dates, holds_dates
from tasks.network.drafting.guessing_outcomes import (
    choose_outcomes,
    codings_of,
    guess_adjusters,
    guess_exposure,
    guess_limits,
    guess_outcome,
    guess_program,
    outcome_assumptions,
)
from tasks.network.drafting.guessing_roles import guess_roles
from tasks.network.drafting.profile import Kind as ColumnKind
from tasks.network.drafting.profile import TableProfile
from tasks.network.drafting.weighing_clinics import LookAgain
from tasks.network.drafting.weighing_outcomes import (
    has_steps,
    is_number,
    is_outcome_by_name,
    numbers_in_clinics,
)
from tasks.periods import Kind

_RECORDS_OF_A_CLINIC = 5
_RECORDS_OF_A_PATIENT = 2
_ORDER = ("clinic", "region", "patient", "record", "date")


def guess(
    profile: TableProfile,
    name: str = "My network",
    *,
    look: LookAgain | None = None,
    today: date | None = None,
) -> Draft:
    """A network file for the table; what cannot be guessed is said to be missing.

    Args:
        profile: the table.
        name: the network's.
        look: finds the columns that are of clinics rather than of their patients; left out, none are found.
        today: in whose month all records count where the table has no dates; the clock's if left out.
    """
    roles = guess_roles(profile, look)
    changing = _followed(profile, roles.columns.get("patient"), look)
    dates = guess_dates(profile, roles.columns.values(), changing)
    columns = roles.columns | ({} if dates.column is None else {"date": dates.column})
    weight = _guess_weight(profile) if dates.column is None and "patient" not in columns else None
    if weight is not None:
        columns.pop("record", None)
    is_dated = dates.column is not None or bool(dates.parts)
    program = guess_program(profile)
    adjusters = tuple(each for each in guess_adjusters(profile, program) if each not in columns.values())
    of_clinics = frozenset[str]()
    if look is not None and "clinic" in columns and _repeats(profile, columns["clinic"]):
        of_clinics = look.same_within(profile, columns["clinic"])
    taken = {*of_clinics, *roles.labels, *columns.values(), *dates.parts, *adjusters, program, weight}
    taken |= numbers_in_clinics(profile, columns.get("clinic"), taken, look)
    chosen = choose_outcomes(profile, taken, changing)
    codings = codings_of(profile, program)
    outcomes = [guess_outcome(each, guess_exposure(profile, each.name)) for each in chosen.drafted]
    exposures = {each.exposure for each in outcomes}
    outcomes = [each for each in outcomes if each.column not in exposures]
    by_years = len(dates.parts) == 1  # all records of a year are then of its January
    counts = is_dated and weight is None and not by_years
    period = guess_period(profile, dates.column)
    counted = (records_a(period),) if counts or not outcomes else ()
    of_dates = list(dates.assumptions)
    if not is_dated:
        of_dates.append("no column of dates was found, so all records count as this month's")
    of_outcomes = outcome_assumptions(outcomes, codings, chosen.untold)
    uncoded = _uncoded(profile, taken) if outcomes else []
    if outcomes and all(_is_trait(each.column or "") for each in outcomes):
        of_outcomes.append("no column says what became of people, so the outcomes are what they are or have")
    said = [*roles.assumptions, *(Assumption("date", each) for each in of_dates)]
    said += [Assumption("outcomes", each) for each in of_outcomes]
    said += [Assumption("coding", each) for each in uncoded]
    if weight is not None:
        said.append(
            Assumption("weight", f"column {weight!r} says how many identical records a row stands for")
        )
    if program is not None and program in codings:
        comment = codings[program].comment
        said.append(Assumption("program", f"column {program!r} says who was under the program ({comment})"))
    return Draft(
        name=name,
        source=profile.source,
        table=profile.sql,
        quoted={column.name: column.sql for column in profile.columns},
        roles={role: columns[role] for role in _ORDER if role in columns},
        outcomes=(*outcomes, *counted),
        adjusters=adjusters,
        limits=guess_limits(profile, adjusters),
        program=program,
        undrafted=tuple(each.name for each in chosen.others if each.name not in exposures),
        writing=dates.writing,
        date_parts=dates.parts,
        short_years=dates.short_years,
        undated=None if is_dated else (today or date.today()).replace(day=1),
        rows_numbered=dates.column is None and "patient" in columns and "record" not in columns,
        weight=weight,
        codings=codings,
        assumptions=tuple(said),
        missing=(*roles.missing, *([] if outcomes else [_without_outcomes(profile, taken)])),
        period=period,
        patient_within=roles.patient_within,
    )


def guess_period(profile: TableProfile, date: str | None) -> Kind:
    """What to report: what the records come by; a month where they come on any day."""
    if date is not None and profile.column(date).writing in ("year-quarter", "quarter-year"):
        return "quarter"
    rhythm = profile.column(date).rhythm if date is not None else None
    return (rhythm.period if rhythm is not None else None) or "month"


def records_a(period: Kind) -> DraftOutcome:
    """The outcome that counts a clinic's records in a period."""
    return DraftOutcome(None, f"Records a {period}", "count")


def _without_outcomes(profile: TableProfile, taken: Collection[str | None]) -> Missing:
    """What is said where no column is sure to be an outcome: which could be one, if its values were known."""
    told = (*words.TRAIT, *words.AGE, *words.SEQUENCE, *words.TREATMENT)
    free = [each for each in profile.columns if each.name not in taken and not names.said(each.name, told)]
    free.sort(key=lambda each: not is_outcome_by_name(each))
    two = tuple(each.name for each in free if each.n_words == 2 or each.one_two)
    few = tuple(each.name for each in free if has_steps(each) and each.name not in two)
    offered = ""
    if two:
        offered = (
            f"; {_listed(two)} {_hold(two)} two values: write CASE … WHEN … THEN 1 WHEN … THEN 0 END for one"
        )
    if few:
        offered += f"; {_listed(few)} {_hold(few)} a few whole numbers, which can be answers or grades"
    what = "no column was found that is likely to be an outcome"
    return Missing("outcomes", what, offered, (*two, *few))


def _uncoded(profile: TableProfile, taken: Collection[str | None]) -> list[str]:
    """What is said of columns that are called like an outcome and hold two words that are not known."""
    return [
        f"column {each.name!r} is called like an outcome and is left out, since nothing tells which of its "
        "two words is 1: write CASE … WHEN … THEN 1 WHEN … THEN 0 END for it"
        for each in profile.columns
        if each.n_words == 2 and each.name not in taken and is_outcome_by_name(each) and not is_number(each)
    ]


def _hold(columns: Collection[str]) -> str:
    return "holds" if len(columns) == 1 else "hold"


def _listed(columns: Collection[str]) -> str:
    return ", ".join(repr(each) for each in columns)


def _is_trait(column: str) -> bool:
    return bool(names.said(column, (*words.TRAIT, *words.AGE)))


def _repeats(profile: TableProfile, clinic: str) -> bool:
    """Whether clinics have so many records that what is the same for all of them is not so by chance."""
    return profile.n_rows >= _RECORDS_OF_A_CLINIC * profile.column(clinic).n_distinct


def _followed(profile: TableProfile, patient: str | None, look: LookAgain | None) -> frozenset[str]:
    """The columns whose values change within patients who come again and again."""
    if (
        look is None
        or patient is None
        or profile.n_rows < _RECORDS_OF_A_PATIENT * profile.column(patient).n_distinct
    ):
        return frozenset()
    return frozenset(profile.names) - look.same_within(profile, patient)


def _guess_weight(profile: TableProfile) -> str | None:
    """The column with the number of identical records that a row stands for, if one is called a frequency."""
    return _counting(profile, words.WEIGHT)


def could_be_weight(profile: TableProfile) -> str | None:
    """The column of which a person is asked whether it is one: a bare count can be an outcome as well."""
    return _counting(profile, words.WEIGHT) or _counting(profile, words.BARE_COUNT)


def _counting(profile: TableProfile, called: tuple[str, ...]) -> str | None:
    """The first column of whole numbers with such a name."""
    return next(
        (
            each.name
            for each in profile.columns
            if each.kind == "number" and each.whole and not each.negative and each.name.lower() in called
        ),
        None,
    )


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
                any(names.found(column, telling) for column in columns)
                for telling in (words.CLINIC, words.PATIENT)
            ),
        ]
        n = counted.get(table)
        return n is None or n > 0, sum(marks), n or 0, len(columns)

    return max(sorted(tables), key=likeness)


def could_be(profile: TableProfile, role: str, likely: Collection[str] = ()) -> tuple[str, ...]:
    """The columns that could play a role of the contract, the likeliest first.

    Args:
        profile: the table.
        role: clinic, date, region, patient or record.
        likely: columns that come before all others but the one that is taken for it by itself.
    """
    if role == "date":
        likeliest = guess_dates(profile).column
        listed = [each.name for each in profile.columns if each.writing is not None or holds_dates(each)]
    else:
        likeliest = guess_roles(profile).columns.get(role)
        listed = [each.name for each in profile.columns if each.kind in ("text", "number", "boolean")]
    return tuple(sorted(listed, key=lambda name: (name != likeliest, name not in likely)))


def could_be_outcomes(profile: TableProfile, taken: Collection[str]) -> tuple[str, ...]:
    """The columns without another role that hold numbers, yes and no or, after those, several words."""
    free = [each for each in profile.columns if each.name not in taken]
    numbers = [each.name for each in free if is_number(each)]
    return (*numbers, *(each.name for each in free if says_words(each) and each.name not in numbers))


def could_be_exposures(profile: TableProfile) -> tuple[str, ...]:
    """The columns of positive numbers, of which a time at risk or a number of people can be one."""
    return tuple(
        each.name
        for each in profile.columns
        if each.kind == "number" and "positive" in each.within and not each.negative and not each.zero_one
    )
