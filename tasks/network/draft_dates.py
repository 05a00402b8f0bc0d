"""Where a draft's dates come from: a column of dates, text that writes them, or year, month and day apart."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.network.profile import Writing

_FORMATS: dict[Writing, tuple[str, str, str]] = {
    "day.month.year": ("%d.%m.%Y", "DD.MM.YYYY", "%d.%m.%Y"),
    "day/month/year": ("%d/%m/%Y", "DD/MM/YYYY", "%d/%m/%Y"),
    "day-month-year": ("%d-%m-%Y", "DD-MM-YYYY", "%d-%m-%Y"),
    "month/day/year": ("%m/%d/%Y", "MM/DD/YYYY", "%m/%d/%Y"),
    "month-day-year": ("%m-%d-%Y", "MM-DD-YYYY", "%m-%d-%Y"),
    "year/month/day": ("%Y/%m/%d", "YYYY/MM/DD", "%Y/%m/%d"),
    "day mon year": ("%d%b%Y", "DDMONYYYY", "%d%b%Y"),
    "day mon yy": ("%d%b%y", "DDMONYY", "%d%b%y"),
    "digits": ("%Y%m%d", "YYYYMMDD", "%Y%m%d"),
}
"""A date's format in DuckDB, PostgreSQL and MySQL."""


def dialect_of(source: str) -> str:
    """The SQL that a source speaks: duckdb for files."""
    return source.partition("://")[0].partition("+")[0] if "://" in source else "duckdb"


def date_sql(column: str, writing: Writing | None, source: str) -> str:
    """The expression that makes a date of a column.

    Args:
        column: its name in SQL.
        writing: how it writes dates; None: it holds dates.
        source: the source that it is a column of.
    """
    dialect = dialect_of(source)
    # SQLite has no dates, and its CAST would keep the year alone; its text is read as dates at the door
    if writing is None or (dialect == "sqlite" and writing in ("day", "time", "zoned time")):
        return column
    cast = "TRY_CAST" if dialect in ("duckdb", "mssql") else "CAST"
    if writing in ("day", "time", "zoned time"):
        kind = {"day": "DATE", "time": "TIMESTAMP", "zoned time": "TIMESTAMPTZ"}[writing]
        if dialect not in ("duckdb", "postgresql"):
            kind = "DATE" if writing == "day" else "DATETIME"
        return f"{cast}({column} AS {kind})"
    if writing == "spreadsheet":
        return f"DATE '1899-12-30' + CAST(FLOOR({column}) AS INTEGER)"
    if writing in ("year-month", "year-quarter"):
        return _first_day(column, writing, dialect, cast)
    duckdb, postgresql, mysql = _FORMATS[writing]
    day = f"SPLIT_PART(TRIM({column}), ' ', 1)"
    if writing == "digits":
        day = f"CAST(CAST({column} AS BIGINT) AS VARCHAR)"
    elif writing in ("day mon year", "day mon yy"):
        day = f"REPLACE(REPLACE({column}, '-', ''), ' ', '')"
    if dialect == "postgresql":
        return f"TO_DATE({day}, '{postgresql}')"
    if dialect in ("mysql", "mariadb"):
        return f"STR_TO_DATE({day if 'mon' in writing else column}, '{mysql}')"
    if dialect != "duckdb":
        return column
    return f"CAST(TRY_STRPTIME({day}, '{duckdb}') AS DATE)"


def _first_day(column: str, writing: Writing, dialect: str, cast: str) -> str:
    """The first day of what is written as 2024-05, 2024/05, 2024-Q2, 2024 Q2 or 2024Q2."""
    value = f"TRIM({column})"
    month = f"SUBSTR({value}, 6, 2)"
    if writing == "year-quarter":
        starts = " ".join(f"WHEN '{quarter}' THEN '{3 * quarter - 2:02}'" for quarter in range(1, 5))
        month = f"CASE SUBSTR({value}, LENGTH({value}), 1) {starts} END"
    parts = (f"SUBSTR({value}, 1, 4)", "'-'", month, "'-01'")
    if dialect == "sqlite":
        return " || ".join(parts)
    return f"{cast}(CONCAT({', '.join(parts)}) AS DATE)"


def parts_sql(columns: Sequence[str], source: str) -> str:
    """The expression that makes a date of columns of years, months and days, the first if left out."""
    year, month, day = (*columns, "1", "1")[:3] if len(columns) < 3 else columns
    dialect = dialect_of(source)
    if dialect == "sqlite":
        return f"PRINTF('%04d-%02d-%02d', {year}, {month}, {day})"
    if dialect in ("mysql", "mariadb"):
        return f"STR_TO_DATE(CONCAT({year}, '-', {month}, '-', {day}), '%Y-%m-%d')"
    if dialect == "mssql":
        return f"DATEFROMPARTS({year}, {month}, {day})"
    whole = (f"CAST({each} AS INTEGER)" if each != "1" else each for each in (year, month, day))
    return (
        f"MAKE_DATE({', '.join(whole)})" if dialect == "postgresql" else f"MAKE_DATE({year}, {month}, {day})"
    )
