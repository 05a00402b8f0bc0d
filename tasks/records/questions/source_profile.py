"""Looks at a source that nobody has described yet: its tables, and counts of their columns, no values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import SourceError
from tasks.network.column_words import YES_NO
from tasks.network.profile import ColumnProfile, Kind, TableProfile
from tasks.records.questions.aggregates import aggregate
from tasks.records.questions.rhythm import counted_rhythm, rhythm_counts
from tasks.records.questions.sql_text import LARGEST, quoted
from tasks.records.sources.connection import Connection, SourceColumn
from tasks.records.sources.records import Records

_PLAIN = {"main", "public", "dbo"}  # schemas whose tables need no prefix


@dataclass(frozen=True, slots=True)
class SourceLook:
    """How to look at one source.

    Attributes:
        source: a file or URL, as the network file will have it.
        directory: where the network file will be; relative file names start there.
        password_env: environment variable with the database's password.
    """

    source: str
    directory: Path
    password_env: str | None = None

    def tables(self) -> tuple[str, ...]:
        """Names of its tables and views; of a Parquet or CSV file, `records`.

        Raises:
            SourceError: the source cannot be reached, or does not tell its tables.
        """
        with self._records(None).connect_source() as connection:
            return tuple(
                name if schema in _PLAIN else f"{schema}.{name}" for schema, name in connection.tables()
            )

    def columns(self, tables: Collection[str]) -> dict[str, dict[str, Kind]]:
        """Table → its columns' names and kinds, no row read; tables that cannot be read are left out.

        Raises:
            SourceError: the source cannot be reached.
        """
        found: dict[str, dict[str, Kind]] = {}
        for table in tables:
            with self._records(None).connect_source() as connection:
                try:
                    columns = connection.columns(f"SELECT * FROM {self._quoted(table, connection)}")
                except SourceError:  # a view that does not run is no place for records
                    continue
                found[table] = {name: column.kind for name, column in columns.items()}
        return found

    def rows(self, tables: Collection[str]) -> dict[str, int]:
        """Table → how many rows it has; tables that cannot be read are left out.

        Raises:
            SourceError: the source cannot be reached.
        """
        found: dict[str, int] = {}
        for table in tables:
            with self._records(None).connect_source() as connection:
                try:
                    counted = connection.table(f"SELECT COUNT(*) AS n FROM {self._quoted(table, connection)}")
                except SourceError:
                    continue
                found[table] = int(counted.column("n")[0].as_py())
        return found

    def profile(self, table: str) -> TableProfile:
        """Counts of a table's columns.

        Raises:
            SourceError: there is no such table, or the source cannot be reached.
        """
        with self._records(None).connect_source() as connection:
            quote = connection.dialect.identifier_preparer.quote
            sql = self._quoted(table, connection)
        with self._records(f"SELECT * FROM {sql}").held() as records:
            with records.connect() as connection:
                columns = connection.columns(records.query)
            return self._counted(records, sql, columns, {name: quote(name) for name in columns})

    def _quoted(self, table: str, connection: Connection) -> str:
        quote = connection.dialect.identifier_preparer.quote
        return ".".join(quote(part) for part in table.split("."))

    def _records(self, select: str | None) -> Records:
        return Records(self.source, select, password_env=self.password_env, directory=str(self.directory))

    def _counted(
        self, records: Records, sql: str, columns: Mapping[str, SourceColumn], own: Mapping[str, str]
    ) -> TableProfile:
        asked = ["COUNT(*) AS n"]
        for i, column in enumerate(columns.values()):
            value = f"c{i}"
            if column.kind == "other":
                continue
            asked += [f"COUNT({value}) AS k{i}", f"COUNT(DISTINCT {value}) AS d{i}"]
            if column.kind == "date":
                asked += rhythm_counts(f"CAST({value} AS DATE)", str(i))
            if column.kind == "number":
                finite = f"{value} BETWEEN -{LARGEST} AND {LARGEST}"
                asked += [
                    f"SUM(CASE WHEN {value} NOT IN (0, 1) THEN 1 ELSE 0 END) AS z{i}",
                    f"SUM(CASE WHEN {finite} AND {value} <> FLOOR({value}) THEN 1 ELSE 0 END) AS f{i}",
                    f"SUM(CASE WHEN {value} < 0 THEN 1 ELSE 0 END) AS m{i}",
                ]
        numbered = ", ".join(f"{quoted(name)} AS c{i}" for i, name in enumerate(columns))
        (row,) = aggregate(
            records,
            f"SELECT {', '.join(asked)} FROM (SELECT {numbered} FROM {{records}} AS every) AS columns",
        ).to_pylist()
        counts = {key: int(value or 0) for key, value in row.items()}
        doubted = {
            i: counts[f"k{i}"]
            for i, column in enumerate(columns.values())
            if column.kind == "text" and 2 <= counts[f"d{i}"] <= _SPELLINGS
        }
        spoken = _yes_no(records, numbered, doubted)
        n = counts["n"]
        profiles = []
        for i, (name, column) in enumerate(columns.items()):
            known, distinct = counts.get(f"k{i}", 0), counts.get(f"d{i}", 0)
            number = column.kind == "number"
            two = distinct == 2 and (column.kind == "boolean" or (number and not counts[f"z{i}"]))
            profiles.append(
                ColumnProfile(
                    name=name,
                    sql=own[name],
                    kind=column.kind,
                    n_missing=n - known,
                    n_distinct=distinct,
                    zero_one=two,
                    whole=number and not counts[f"f{i}"],
                    negative=number and bool(counts[f"m{i}"]),
                    yes_no=spoken.get(i),
                    rhythm=counted_rhythm(counts, str(i)) if column.kind == "date" else None,
                )
            )
        return TableProfile(self.source, sql, n, tuple(profiles))


_SPELLINGS = 6  # Ja, ja, JA and the same of nein


def _yes_no(records: Records, numbered: str, known: Mapping[int, int]) -> dict[int, tuple[str, str]]:
    """Number of a column of text → its words for yes and no, where all that it holds is one of the two.

    Args:
        records: the table.
        numbered: its columns as c0, c1, …
        known: number of a column → how many values it has.
    """
    asked = [
        f"SUM(CASE WHEN LOWER(TRIM(c{i})) = '{word}' THEN 1 ELSE 0 END) AS w{i}_{pair}_{place}"
        for i in known
        for pair, spoken in enumerate(YES_NO)
        for place, word in enumerate(spoken)
    ]
    if not asked:
        return {}
    (row,) = aggregate(
        records,
        f"SELECT {', '.join(asked)} FROM (SELECT {numbered} FROM {{records}} AS every) AS columns",
    ).to_pylist()
    found: dict[int, tuple[str, str]] = {}
    for i, n in known.items():
        for pair, spoken in enumerate(YES_NO):
            yes, no = (int(row[f"w{i}_{pair}_{place}"] or 0) for place in (0, 1))
            if yes and no and yes + no == n:
                found[i] = spoken
    return found
