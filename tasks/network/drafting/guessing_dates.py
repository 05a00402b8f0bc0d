"""Guesses where a record's date is: in a column of dates, in text, or in years, months and days apart."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tasks.network.drafting import column_naming as names
from tasks.network.drafting import column_words as words
from tasks.network.drafting.profile import ColumnProfile, Range, TableProfile, Writing


@dataclass(frozen=True, slots=True)
class Dates:
    """Where dates are.

    Attributes:
        column: the column that holds them, if one does.
        writing: how it writes them; None: they are dates.
        parts: columns of years, months and days, where no column holds dates.
        short_years: whether the years have two digits, of 1932 to 1999.
        assumptions: what was taken for granted, in sentences.
    """

    column: str | None = None
    writing: Writing | None = None
    parts: tuple[str, ...] = ()
    short_years: bool = False
    assumptions: tuple[str, ...] = ()


def guess_dates(profile: TableProfile, taken: Collection[str] = (), changing: Collection[str] = ()) -> Dates:
    """The column of dates that is best called so; else columns of years, months and days; else none.

    Where patients come again, a date that is the same at each time, as of a first treatment, is no record's.

    Args:
        profile: the table.
        taken: columns that have another role.
        changing: columns whose values change within patients who come again.
    """
    free = [
        each
        for each in profile.columns
        if each.name not in taken and not names.found(each.name, words.PRIVATE) and each.n_distinct
    ]
    dates = _without_births([each for each in free if holds_dates(each)])
    if dates:
        half = profile.n_rows // 2
        best = max(
            dates,
            key=lambda each: (
                each.kind == "date",
                each.name in changing and each.n_missing <= half,
                _score(each),
                -each.n_missing,
            ),
        )
        others = [each for each in dates if each is not best]
        return Dates(best.name, best.writing, assumptions=tuple(_doubtful(best, others)))
    for years in _YEARS:
        parts = _parts(free, years)
        if parts:
            short = years == "short_year"
            said = (_of_parts(parts), *([_SHORT_YEARS.format(parts[0])] if short else []))
            return Dates(parts=parts, short_years=short, assumptions=said)
    years_alone = [each.name for each in free if _holds_years(each)]
    if len(years_alone) == 1:
        said = (_of_parts((years_alone[0],)), _ONLY_YEARS.format(years_alone[0]))
        return Dates(parts=(years_alone[0],), assumptions=said)
    return Dates(assumptions=(*_days_or_years(free), *_day_numbers(free)))


def _without_births(dates: list[ColumnProfile]) -> list[ColumnProfile]:
    """The columns of dates, less those of so many more years than another's that they can be of births."""
    years = {each.name: each.rhythm.years for each in dates if each.rhythm is not None}
    fewest = min(years.values(), default=0)
    born = {name for name, n in years.items() if n >= _YEARS_OF_BIRTHS and n >= _TIMES_AS_MANY * fewest}
    return [each for each in dates if each.name not in born]


_YEARS_OF_BIRTHS, _TIMES_AS_MANY = 40, 2
_DAYS_OR_YEARS: tuple[Writing, ...] = ("mon number", "number mon")


def _days_or_years(columns: Collection[ColumnProfile]) -> list[str]:
    return [
        f"column {each.name!r} names months beside numbers that can be days as well as years, and is taken "
        "for no date; write years with four digits, or make dates of it in the SELECT"
        for each in columns
        if each.writing in _DAYS_OR_YEARS
    ]


def holds_dates(column: ColumnProfile) -> bool:
    """Whether a column holds dates, or text or numbers that write them."""
    if column.kind == "date":
        return True
    if column.writing in _DAYS_OR_YEARS:
        return False
    if column.writing == "month digits":  # six digits can be any number, and so can seven or eight
        return bool(names.found(column.name, (*words.DATE_IN_TEXT, *words.PERIOD)))
    if column.kind == "number":
        named = names.found(column.name, words.DATE_IN_TEXT)
        return column.writing is not None and bool(named)
    return column.writing is not None and (
        column.writing != "digits" or bool(names.found(column.name, words.DATE))
    )


def _doubtful(column: ColumnProfile, others: Collection[ColumnProfile]) -> list[str]:
    if column.writing == "spreadsheet":
        return [f"column {column.name!r} counts days since 1899-12-30, as spreadsheets write dates"]
    if column.writing in _FIRST_DAYS:
        return [
            f"column {column.name!r} tells {_FIRST_DAYS[column.writing]}, and records count on its first day"
        ]
    if column.writing is not None and not column.order_told:
        return [
            f"column {column.name!r} is read as dates with the day first; no value tells, since none of the "
            "first two numbers is above 12"
        ]
    told = names.found(column.name, words.DATE)
    if told and not any(names.found(each.name, told[:1]) for each in others):
        return []
    if others:
        listed = ", ".join(repr(each.name) for each in others)
        hold = "holds dates too" if len(others) == 1 else "hold dates too"
        return [f"column {column.name!r} is taken for the date of the record, and {listed} {hold}"]
    if column.kind == "date":
        return [f"column {column.name!r} holds the date of the record: it is the only one with dates"]
    return []


_FIRST_DAYS: dict[Writing, str] = {
    "year-quarter": "the quarter",
    "quarter-year": "the quarter",
    "month digits": "the month",
    "mon year": "the month",
    "mon yy": "the month",
}
_YEARS: tuple[Range, Range] = ("year", "short_year")
_ONLY_YEARS = (
    "column {!r} holds the year of the record: its numbers can be years, and no other column has dates"
)
_MOST_YEARS = 60
"""Different years of records, at most, where no name tells that they are years."""
_NO_YEARS = (*words.PRIVATE, *words.AGE, *words.NUMBERED_THINGS, *words.TRAIT, *words.OUTCOME, *words.GIVEN)
_SHORT_YEARS = "column {!r} has years of two digits, which are taken for those of the twentieth century"


def _parts(columns: Collection[ColumnProfile], years: Range) -> tuple[str, ...]:
    """The column of years, with those of months and of days of the month where they are there."""

    def part(telling: tuple[str, ...], within: Range) -> str | None:
        return next(
            (
                each.name
                for each in columns
                if _says_only(each, telling) and each.whole and within in each.within
            ),
            None,
        )

    year, month = part(words.YEAR, years), part(words.MONTH, "month")
    day = part(words.DAY, "day") if month is not None else None
    if year is None:
        return ()
    return tuple(each for each in (year, month, day) if each is not None)


def _holds_years(column: ColumnProfile) -> bool:
    """Whether a column that no name tells anything of holds a few whole numbers from 1900 to 2100."""
    few = column.kind == "number" and column.whole and 1 < column.n_distinct <= _MOST_YEARS
    return few and "year" in column.within and not names.found(column.name, (*_NO_YEARS, *words.NUMBERED))


def _says_only(column: ColumnProfile, telling: tuple[str, ...]) -> bool:
    """Whether a column is called year, or visit year, but not year of birth."""
    in_one = telling is words.YEAR and names.says_year_in_one(column.name)
    named = in_one or names.said(column.name, telling)
    return (
        bool(named) and column.kind == "number" and not names.found(column.name, (*words.PRIVATE, *words.AGE))
    )


def _of_parts(parts: tuple[str, ...]) -> str:
    listed = " and ".join(repr(each) for each in parts)
    rest = {
        1: ", and every record counts in January",
        2: ", and every record counts on the month's first day",
    }
    return f"dates are made of {listed}{rest.get(len(parts), '')}"


def _day_numbers(columns: Collection[ColumnProfile]) -> list[str]:
    counting = [
        (each, example)
        for telling, example in _SINCE.items()
        for each in columns
        if each.kind == "number" and each.whole and names.said(each.name, telling)
        if len(names.words_of(each.name)) <= _SHORT
    ]
    return [
        f"column {column.name!r} counts time from a start that it does not tell, and is no date; if you "
        f"know the start, write for example {example.format(column.sql)} AS date"
        for column, example in counting[:1]
    ]


_SHORT = 2
"""Words of a name that tells a time: pan_day, not cigarettes smoked a day."""
_SINCE = {
    words.DAY: "DATE '2024-01-01' + {}",
    ("week", "woche", "semaine", "semana"): "DATE '2024-01-01' + 7 * {}",
    words.MONTH: "DATE '2024-01-01' + 30 * {}",
}
"""Words for units of time → a date made of a number of them."""


def _score(column: ColumnProfile) -> int:
    """Higher the earlier the telling word stands in `DATE`, and the less else the name says."""
    found = names.found(column.name, words.DATE)
    first = len(words.DATE) - words.DATE.index(found[0]) if found else 0
    return first * 10 - len(names.words_of(column.name)) if found else 0
