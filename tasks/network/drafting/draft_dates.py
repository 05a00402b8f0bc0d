"""Where a draft's dates come from: a column of dates, text that writes them, or year, month and day apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from tasks.network.drafting import draft_dates_sqlite as sqlite
from tasks.network.drafting.month_names import month_number
from tasks.network.drafting.profile import Writing

_FORMATS: dict[Writing, tuple[str, str, str, int]] = {
    "day.month.year": ("%d.%m.%Y", "DD.MM.YYYY", "%d.%m.%Y", 104),
    "day/month/year": ("%d/%m/%Y", "DD/MM/YYYY", "%d/%m/%Y", 103),
    "day-month-year": ("%d-%m-%Y", "DD-MM-YYYY", "%d-%m-%Y", 105),
    "month/day/year": ("%m/%d/%Y", "MM/DD/YYYY", "%m/%d/%Y", 101),
    "month-day-year": ("%m-%d-%Y", "MM-DD-YYYY", "%m-%d-%Y", 110),
    "year/month/day": ("%Y/%m/%d", "YYYY/MM/DD", "%Y/%m/%d", 111),
    "day mon year": ("%d%b%Y", "DDMONYYYY", "%d%b%Y", 106),
    "day mon yy": ("%d%b%y", "DDMONYY", "%d%b%y", 6),
    "digits": ("%Y%m%d", "YYYYMMDD", "%Y%m%d", 112),
}
"""A date's format in DuckDB, PostgreSQL and MySQL, and its style in SQL Server (CONVERT, date styles)."""
_DAYS_COUNTED = {
    "mysql": "DATE_ADD(DATE '1899-12-30', INTERVAL FLOOR({}) DAY)",
    "mssql": "DATEADD(DAY, FLOOR({}), CAST('1899-12-30' AS DATE))",
    "sqlite": "DATE('1899-12-30', CAST({} AS INTEGER) || ' days')",
}
"""The day that a spreadsheet counts; elsewhere a date plus a number is a date."""


def dialect_of(source: str) -> str:
    """The SQL that a source speaks: duckdb for files, mysql for MariaDB too."""
    name = source.partition("://")[0].partition("+")[0] if "://" in source else "duckdb"
    return "mysql" if name == "mariadb" else name


def date_sql(column: str, writing: Writing | None, source: str) -> str:
    """The expression that makes a date of a column.

    Args:
        column: its name in SQL.
        writing: how it writes dates; None: it holds dates.
        source: the source that it is a column of.
    """
    dialect = dialect_of(source)
    if writing is None:
        return column
    if writing in ("day", "time", "zoned time"):
        return _iso(column, writing, dialect)
    if writing == "spreadsheet":
        counted = _DAYS_COUNTED.get(dialect, "DATE '1899-12-30' + CAST(FLOOR({}) AS INTEGER)")
        return counted.format(column)
    if writing in ("year-month", "year-quarter", "quarter-year", "month digits"):
        return _first_day(column, writing, dialect)
    if writing in ("mon year", "mon yy"):
        return _named_month(column, writing, dialect)
    return _by_format(column, writing, dialect)


def day_sql(day: date, source: str) -> str:
    """The expression that is one day for every record."""
    dialect = dialect_of(source)
    if dialect == "sqlite":
        return f"'{day:%Y-%m-%d}'"
    return f"CAST('{day:%Y-%m-%d}' AS DATE)" if dialect == "mssql" else f"DATE '{day:%Y-%m-%d}'"


def row_number_sql(source: str) -> str:
    """The expression that numbers the rows."""
    order = "ORDER BY (SELECT NULL)" if dialect_of(source) == "mssql" else ""
    return f"ROW_NUMBER() OVER ({order})"


def parts_sql(columns: Sequence[str], source: str) -> str:
    """The expression that makes a date of columns of years, months and days, the first if left out."""
    year, month, day = (*columns, "1", "1")[:3] if len(columns) < 3 else columns
    dialect = dialect_of(source)
    if dialect == "sqlite":
        return sqlite.day_of(year, month, day)
    if dialect == "mysql":
        return f"STR_TO_DATE(CONCAT({year}, '-', {month}, '-', {day}), '%Y-%m-%d')"
    if dialect == "mssql":
        return f"DATEFROMPARTS({year}, {month}, {day})"
    whole = (f"CAST({each} AS INTEGER)" if each != "1" else each for each in (year, month, day))
    return (
        f"MAKE_DATE({', '.join(whole)})" if dialect == "postgresql" else f"MAKE_DATE({year}, {month}, {day})"
    )


def _iso(column: str, writing: Writing, dialect: str) -> str:
    """Text as 2024-05-31, with a time, with its zone.

    SQLite has no dates, and its CAST would keep the year alone; the CASTs of MySQL and SQL Server would drop
    a zone. Where records are copied, such text is read as dates at the door.
    """
    if dialect == "sqlite" or (writing == "zoned time" and dialect in ("mysql", "mssql")):
        return column
    kind = {"day": "DATE", "time": "TIMESTAMP", "zoned time": "TIMESTAMPTZ"}[writing]
    if dialect in ("mysql", "mssql") and writing == "time":
        kind = "DATETIME" if dialect == "mysql" else "DATETIME2"
    return f"{_cast(dialect)}({column} AS {kind})"


def _cast(dialect: str) -> str:
    return "TRY_CAST" if dialect in ("duckdb", "mssql") else "CAST"


def _named_month(column: str, writing: Writing, dialect: str) -> str:
    """The first day of what is written as May-2024, Mai 2024 or may.24; two digits are of 1969 to 2068."""
    value, digits = f"TRIM({column})", 4 if writing == "mon year" else 2
    part, length = ("SUBSTRING", "LEN") if dialect == "mssql" else ("SUBSTR", "LENGTH")
    year = f"{part}({value}, {length}({value}) - {digits - 1}, {digits})"
    century = [f"CASE WHEN {year} >= '69' THEN '19' ELSE '20' END"] if digits == 2 else []
    parts = (*century, year, "'-'", month_number(column, part), "'-01'")
    if dialect == "sqlite":
        return " || ".join(f"({each})" if each.startswith("CASE") else each for each in parts)
    return f"{_cast(dialect)}(CONCAT({', '.join(parts)}) AS DATE)"


def _first_day(column: str, writing: Writing, dialect: str) -> str:
    """The first day of what is written as 2024-05, 2024/05, 202405, 2024-Q2, 2024 Q2, 2024Q2 or Q2 2024."""
    value = f"TRIM({column})"
    if writing == "month digits":
        text = {"mysql": "CHAR", "mssql": "VARCHAR(8)"}.get(dialect, "VARCHAR")
        value = f"TRIM(CAST({column} AS {text}))"
    part, length = ("SUBSTRING", "LEN") if dialect == "mssql" else ("SUBSTR", "LENGTH")
    year, month = f"{part}({value}, 1, 4)", f"{part}({value}, {5 if writing == 'month digits' else 6}, 2)"
    if writing in ("year-quarter", "quarter-year"):
        starts = " ".join(f"WHEN '{quarter}' THEN '{3 * quarter - 2:02}'" for quarter in range(1, 5))
        told = f"{part}({value}, {length}({value}), 1)"
        if writing == "quarter-year":
            year, told = f"{part}({value}, {length}({value}) - 3, 4)", f"{part}({value}, 2, 1)"
        month = f"CASE {told} {starts} END"
    parts = (year, "'-'", month, "'-01'")
    if dialect == "sqlite":
        return " || ".join(parts)
    return f"{_cast(dialect)}(CONCAT({', '.join(parts)}) AS DATE)"


def _by_format(column: str, writing: Writing, dialect: str) -> str:
    duckdb, postgresql, mysql, mssql = _FORMATS[writing]
    named = writing in ("day mon year", "day mon yy")
    bare = f"REPLACE(REPLACE({column}, '-', ''), ' ', '')"
    if dialect == "sqlite":
        return sqlite.day_written(column, writing)
    if dialect == "mssql":
        return f"TRY_CONVERT(DATE, {_in_style(column, writing, bare)}, {mssql})"
    if dialect == "mysql":
        whole = f"CONCAT(TRIM({column}), ' ')"
        day = f"SUBSTR({whole}, 1, INSTR({whole}, ' ') - 1)"
        if writing == "digits":
            day = f"CAST({column} AS CHAR)"
        return f"STR_TO_DATE({bare if named else day}, '{mysql}')"
    day = f"SPLIT_PART(TRIM({column}), ' ', 1)"
    if writing == "digits":
        day = f"CAST(CAST({column} AS BIGINT) AS VARCHAR)"
    elif named:
        day = bare
    if dialect == "postgresql":
        return f"TO_DATE({day}, '{postgresql}')"
    if dialect != "duckdb":
        return column
    return f"CAST(TRY_STRPTIME({day}, '{duckdb}') AS DATE)"


def _in_style(column: str, writing: Writing, bare: str) -> str:
    """The text that SQL Server's style is of: no time behind a day, spaces about a month's name."""
    if writing == "digits":
        return f"CAST({column} AS VARCHAR(8))"
    if writing in ("day mon year", "day mon yy"):
        years = 4 if writing == "day mon year" else 2
        month = f"SUBSTRING({bare}, LEN({bare}) - {years + 2}, 3)"
        return f"CONCAT(LEFT({bare}, LEN({bare}) - {years + 3}), ' ', {month}, ' ', RIGHT({bare}, {years}))"
    return f"LEFT(TRIM({column}), CHARINDEX(' ', CONCAT(TRIM({column}), ' ')) - 1)"
