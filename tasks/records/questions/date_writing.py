"""How text writes dates, by counts: 2024-05-31, 31.05.2024, 05/31/2024, May-2024, 2024-05, Q2 2024, …"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tasks.network.drafting.month_names import LAST_DAY, are_years, bare, is_month_name
from tasks.network.drafting.profile import Writing
from tasks.records.questions.aggregates import aggregate
from tasks.records.questions.number_ranges import all_but_few
from tasks.records.sources.records import Records
from tasks.records.sql_text import literal, quoted

_MARKS: Mapping[str, tuple[Writing, Writing | None]] = {
    ".": ("day.month.year", None),
    "/": ("day/month/year", "month/day/year"),
    "-": ("day-month-year", "month-day-year"),
}
"""Between numbers → how a date with it is written, with the day or with the month first."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def like_a_date(value: str) -> str:
    """The condition that a text looks like a date, as far as a first pass over every column tells."""
    shapes = [_iso(value), _slashed(value), *_others(value).values()]
    shapes += [_short(value, mark) for mark in _MARKS]
    return " OR ".join(f"({each})" for each in shapes)


def writings(
    records: Records, columns: Sequence[str], known: Mapping[int, int]
) -> dict[int, tuple[Writing, bool]]:
    """Number of a column of text → how it writes dates, and whether a number above 12 tells day from month.

    Args:
        records: the table.
        columns: its columns.
        known: number of a column that looks like dates → how many values it has.
    """
    found: dict[int, tuple[Writing, bool]] = {}
    for i, n in known.items():
        asked = ", ".join(
            f"SUM(CASE WHEN {condition} THEN 1 ELSE 0 END) AS {name}" for name, condition in _asked("c")
        )
        texts = _texts(records, columns[i])
        (row,) = aggregate(texts, f"SELECT {asked} FROM {{records}} AS texts").to_pylist()
        writing = _writing({key: int(value or 0) for key, value in row.items()}, n)
        if writing == ("mon yy", True) and not _are_years(records, columns[i]):
            writing = "mon number", True
        if writing is not None:
            found[i] = writing
    return found


def _texts(records: Records, column: str) -> Records:
    """A column's values as `c`: what is asked of it is one text for every column, which is judged once."""
    return records.made_of_these(f"SELECT TRIM({quoted(column)}) AS c FROM {{records}} AS every")


def _are_years(records: Records, column: str) -> bool:
    """Whether the numbers of two digits beside months' names are years."""
    short, year = _month_and_year("c", years=2), "SUBSTR(c, LENGTH(c) - 1, 2)"
    asked = [f"SUM(CASE WHEN {short} AND {year} > '{LAST_DAY}' THEN 1 ELSE 0 END) AS above"]
    asked += [
        f"SUM(CASE WHEN {short} AND {year} = '{n:02}' THEN 1 ELSE 0 END) AS y{n}" for n in range(LAST_DAY + 1)
    ]
    texts = _texts(records, column)
    (row,) = aggregate(texts, f"SELECT {', '.join(asked)} FROM {{records}} AS texts").to_pylist()
    if row["above"]:
        return True
    seen = [n for n in range(LAST_DAY + 1) if row[f"y{n}"]]
    return bool(seen) and are_years(len(seen), seen[0], seen[-1])


def _asked(value: str) -> Iterator[tuple[str, str]]:
    yield "iso", _iso(value)
    yield "timed", f"{_iso(value)} AND {value} LIKE '____-__-__%:%'"
    zones = ("%Z", "%:__+__%", "%:__.%+__%", "%:__-__%", "%:__.%-__%")
    any_zone = " OR ".join(f"{value} LIKE '____-__-__{zone}'" for zone in zones)
    yield "zoned", f"{_iso(value)} AND ({any_zone})"
    yield "slashed", _slashed(value)
    for i, condition in enumerate(_others(value).values()):
        yield f"other{i}", condition
    for i, mark in enumerate(_MARKS):
        short = _short(value, mark)
        yield f"short{i}", short
        yield f"first{i}", f"{short} AND {value} LIKE '__{mark}%' AND SUBSTR({value}, 1, 2) > '12'"
        yield (
            f"second{i}",
            f"{short} AND (({value} LIKE '__{mark}__{mark}%' AND SUBSTR({value}, 4, 2) > '12') "
            f"OR ({value} LIKE '_{mark}__{mark}%' AND SUBSTR({value}, 3, 2) > '12'))",
        )


def _writing(n: Mapping[str, int], known: int) -> tuple[Writing, bool] | None:
    if all_but_few(n["iso"], known):
        return ("zoned time" if n["zoned"] else "time" if n["timed"] else "day"), True
    if all_but_few(n["slashed"], known):
        return "year/month/day", True
    for i, writing in enumerate(_others("")):
        if all_but_few(n[f"other{i}"], known):
            return writing, True
    for i, (day_first, month_first) in enumerate(_MARKS.values()):
        if all_but_few(n[f"short{i}"], known):
            if month_first is not None and n[f"second{i}"] > n[f"first{i}"]:
                return month_first, True
            return day_first, month_first is None or bool(n[f"first{i}"])
    return None


def _others(value: str) -> dict[Writing, str]:
    """Writings that leave nothing open → the condition that a text is one."""
    return {
        "digits": _eight_digits(value),
        "month digits": _six_digits(value),
        "day mon year": _named_month(value, years=4),
        "day mon yy": _named_month(value, years=2),
        "mon year": _month_and_year(value, years=4),
        "mon yy": _month_and_year(value, years=2),
        "number mon": _number_and_month(value),
        "year-month": _year_month(value),
        "year-quarter": _year_quarter(value),
        "quarter-year": _quarter_year(value),
    }


def _iso(value: str) -> str:
    return f"{value} LIKE '____-__-__%' AND {_year_first(value)}"


def _slashed(value: str) -> str:
    return f"{value} LIKE '____/__/__%' AND {_year_first(value)}"


def _eight_digits(value: str) -> str:
    days = f"SUBSTR({value}, 5, 4) BETWEEN '0101' AND '1231'"
    return f"{value} LIKE '________' AND {_year_first(value)} AND {days}"


def _six_digits(value: str) -> str:
    months = f"SUBSTR({value}, 5, 2) BETWEEN '01' AND '12'"
    return f"{value} LIKE '______' AND {_year_first(value)} AND {months}"


def _named_month(value: str, years: int) -> str:
    """31-May-2024, 31 May 2024 or 31MAY2024, as SAS and spreadsheets write; or two digits for the year."""
    bare = f"REPLACE(REPLACE({value}, '-', ''), ' ', '')"
    month = f"LOWER(SUBSTR({bare}, LENGTH({bare}) - {years + 2}, 3))"
    year = f"SUBSTR({bare}, LENGTH({bare}) - {years - 1}, {years})"
    years_are = f"{year} BETWEEN '1900' AND '2100'" if years == 4 else f"{year} BETWEEN '00' AND '99'"
    day = f"SUBSTR({bare}, 1, LENGTH({bare}) - {years + 3})"
    named = f"{month} IN ({', '.join(map(literal, _MONTHS))}) AND {years_are}"
    return f"{named} AND LENGTH({day}) BETWEEN 1 AND 2 AND SUBSTR({day}, 1, 1) BETWEEN '0' AND '9'"


def _month_and_year(value: str, years: int) -> str:
    """May-2024, Mai 2024, MAY2024 or mayo de 2024, of a month that is named and no day; or May-24, mai.24."""
    text = bare(value)
    name = f"SUBSTR({text}, 1, LENGTH({text}) - {years})"
    year = f"SUBSTR({text}, LENGTH({text}) - {years - 1}, {years})"
    first, last = ("1900", "2100") if years == 4 else ("00", "99")
    digits = f"{year} BETWEEN '{first}' AND '{last}' AND SUBSTR({year}, 2, 1) BETWEEN '0' AND '9'"
    return f"LENGTH({text}) BETWEEN {years + 3} AND {years + 10} AND {is_month_name(name)} AND {digits}"


def _number_and_month(value: str) -> str:
    """24-May, which spreadsheets show for a day of some year."""
    text = bare(value)
    number, name = f"SUBSTR({text}, 1, 2)", f"SUBSTR({text}, 3, 12)"
    short = f"SUBSTR({text}, 1, 1) BETWEEN '0' AND '9' AND {is_month_name(f'SUBSTR({text}, 2, 12)')}"
    return f"({number} BETWEEN '00' AND '99' AND {is_month_name(name)}) OR ({short})"


def _year_month(value: str) -> str:
    shaped = f"({value} LIKE '____-__' OR {value} LIKE '____/__')"
    return f"{shaped} AND {_year_first(value)} AND SUBSTR({value}, 6, 2) BETWEEN '01' AND '12'"


def _year_quarter(value: str) -> str:
    shaped = " OR ".join(f"UPPER({value}) LIKE '____{mark}Q_'" for mark in ("-", " ", ""))
    last = f"SUBSTR({value}, LENGTH({value}), 1)"
    return f"({shaped}) AND {_year_first(value)} AND {last} BETWEEN '1' AND '4'"


def _quarter_year(value: str) -> str:
    shaped = " OR ".join(f"UPPER({value}) LIKE 'Q_{mark}____'" for mark in ("-", " ", "/", ""))
    year = f"SUBSTR({value}, LENGTH({value}) - 3, 4) BETWEEN '1900' AND '2100'"
    return f"({shaped}) AND SUBSTR({value}, 2, 1) BETWEEN '1' AND '4' AND {year}"


def _short(value: str, mark: str) -> str:
    days = f"{value} LIKE '_{mark}%' OR {value} LIKE '__{mark}%'"
    years = f"{value} LIKE '%_{mark}_%{mark}19__%' OR {value} LIKE '%_{mark}_%{mark}20__%'"
    return f"({days}) AND ({years}) AND SUBSTR({value}, 1, 1) BETWEEN '0' AND '9'"


def _year_first(value: str) -> str:
    return f"SUBSTR({value}, 1, 4) BETWEEN '1900' AND '2100'"
