"""Looks at a source that nobody has described yet: its tables, and counts of their columns, no values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import SourceError
from tasks.network.drafting.profile import ColumnProfile, Kind, NumbersWithin, TableProfile
from tasks.records.questions.aggregates import aggregate
from tasks.records.questions.date_writing import like_a_date, writings
from tasks.records.questions.lack_of_fit import lacks_of_fit
from tasks.records.questions.number_ranges import RANGES, all_but_few
from tasks.records.questions.rhythm import counted_rhythm, rhythm_counts
from tasks.records.questions.words_held import words_held, words_not_held
from tasks.records.sources.connection import Connection, SourceColumn
from tasks.records.sources.records import Records
from tasks.records.sql_text import LARGEST, quoted

_PLAIN = {"", "main", "public", "dbo"}  # schemas whose tables need no prefix


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

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep a file open while several things are looked at, so that it is read once."""
        if "://" in self.source:
            yield
            return
        with self._records(None).held():
            yield

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
        whole = self._records(f"SELECT * FROM {sql}")
        with whole.in_one_state(), whole.held() as records:
            with records.connect() as connection:
                columns = connection.columns(records.query)
            return self._counted(records, sql, columns, {name: quote(name) for name in columns})

    def same_within(self, profile: TableProfile, clinic: str) -> frozenset[str]:
        """The columns that are the same for all records of a clinic, in 99 of 100 clinics.

        Args:
            profile: the table.
            clinic: its column that is taken for the clinic.

        Raises:
            SourceError: the source cannot be reached.
        """
        most = profile.column(clinic).n_distinct + _SHARE_OF_FEW_CLINICS * profile.n_rows
        numbered = {
            i: each
            for i, each in enumerate(profile.columns)
            if each.name != clinic and 0 < each.n_distinct <= most
        }
        if not numbered:
            return frozenset()
        listed = "".join(f", {each.sql} AS c{i}" for i, each in numbered.items())
        select = f"SELECT {profile.column(clinic).sql} AS clinic{listed} FROM {profile.sql}"
        different = "".join(f", COUNT(DISTINCT c{i}) AS d{i}" for i in numbered)
        counted = "".join(f", {_rows(f'd{i} > 1')} AS m{i}" for i in numbered)
        (row,) = aggregate(
            self._records(select),
            f"SELECT COUNT(*) AS n{counted} "
            f"FROM (SELECT clinic{different} FROM {{records}} AS every GROUP BY clinic) AS clinics",
        ).to_pylist()
        n = int(row["n"])
        return frozenset(
            each.name for i, each in numbered.items() if all_but_few(n - int(row[f"m{i}"] or 0), n)
        )

    def numbers_within(self, profile: TableProfile, clinic: str, patient: str) -> NumbersWithin:
        """How a column of patients' numbers lies in clinics; rows without either do not count.

        Args:
            profile: the table.
            clinic: its column that is taken for the clinic.
            patient: its column that is taken for the patient.

        Raises:
            SourceError: the source cannot be reached.
        """
        select = (
            f"SELECT {profile.column(clinic).sql} AS clinic, {profile.column(patient).sql} AS patient "
            f"FROM {profile.sql}"
        )
        (row,) = aggregate(
            self._records(select),
            "SELECT COUNT(*) AS clinics, SUM(d) AS pairs, MIN(d) AS fewest, MAX(d) AS most "
            "FROM (SELECT clinic, COUNT(DISTINCT patient) AS d FROM {records} AS every "
            "WHERE clinic IS NOT NULL AND patient IS NOT NULL GROUP BY clinic) AS clinics",
        ).to_pylist()
        return NumbersWithin(
            n_clinics=int(row["clinics"] or 0),
            n_distinct=profile.column(patient).n_distinct,
            n_pairs=int(row["pairs"] or 0),
            fewest=int(row["fewest"] or 0),
            most=int(row["most"] or 0),
        )

    def lies_in_ranges(self, profile: TableProfile, column: str, groups: str) -> bool:
        """Whether another column's values have ranges of a column's numbers to themselves, as age groups.

        Args:
            profile: the table.
            column: one of numbers.
            groups: the other.

        Raises:
            SourceError: the source cannot be reached.
        """
        number, group = profile.column(column).sql, profile.column(groups).sql
        (row,) = aggregate(
            self._records(f"SELECT {number} AS clinic, {group} AS region FROM {profile.sql}"),
            "SELECT SUM(CASE WHEN first <= before THEN 1 ELSE 0 END) AS overlapping "
            "FROM (SELECT first, MAX(last) OVER "
            "(ORDER BY first, last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before "
            "FROM (SELECT MIN(clinic) AS first, MAX(clinic) AS last FROM {records} AS every "
            "WHERE clinic IS NOT NULL AND region IS NOT NULL GROUP BY region) AS ranges) AS ordered",
        ).to_pylist()
        return not row["overlapping"]

    def unlike_a_line(self, profile: TableProfile, column: str) -> dict[str, float]:
        """How far other columns' averages by its values lie from a line, as a multiple of chance.

        Args:
            profile: the table.
            column: one of labels, or of numbers.

        Returns:
            Column of numbers → F, of those for which there is one: about 1 where the average rises or falls
            with the column's number or has nothing to do with it, and far above where its values are labels.

        Raises:
            SourceError: the source cannot be reached.
        """
        of = profile.column(column)
        others = [
            each
            for each in profile.columns
            if each is not of and each.kind == "number" and each.n_distinct > 1
        ][:_MOST_OTHERS]
        listed = "".join(f", {each.sql} AS c{i}" for i, each in enumerate(others))
        records = self._records(f"SELECT {of.sql} AS clinic{listed} FROM {profile.sql}")
        return lacks_of_fit(records, [each.name for each in others], is_number=of.kind == "number")

    def words_not_held(self, profile: TableProfile, column: str, words: Collection[str]) -> tuple[str, ...]:
        """Those of the words that no row has in a column of text.

        Args:
            profile: the table.
            column: one of text.
            words: what a person says that it holds, at least one.

        Raises:
            SourceError: the source cannot be reached.
        """
        records = self._records(f"SELECT {profile.column(column).sql} AS word FROM {profile.sql}")
        return words_not_held(records, "word", tuple(words))

    def _quoted(self, table: str, connection: Connection) -> str:
        quote = connection.dialect.identifier_preparer.quote
        return ".".join(quote(part) for part in table.split("."))

    def _records(self, select: str | None) -> Records:
        return Records(self.source, select, password_env=self.password_env, directory=str(self.directory))

    def _counted(
        self, records: Records, sql: str, columns: Mapping[str, SourceColumn], own: Mapping[str, str]
    ) -> TableProfile:
        n, counts = _counts(records, columns)
        kinds = [column.kind for column in columns.values()]
        few = [i for i, kind in enumerate(kinds) if kind == "text" and 2 <= counts[i]["d"] <= _SPELLINGS]
        spoken = words_held(records, list(columns), few)
        dated = [
            i
            for i, kind in enumerate(kinds)
            if kind == "text" and counts[i]["k"] and all_but_few(counts[i]["t"], counts[i]["k"])
        ]
        written = writings(records, list(columns), {i: counts[i]["k"] for i in dated})
        profiles = []
        for i, (name, kind) in enumerate(zip(columns, kinds, strict=True)):
            of = counts[i]
            known, distinct = of.get("k", 0), of.get("d", 0)
            number = kind == "number"
            whole = number and not of["f"]
            ranges = {each for each in RANGES if number and known and all_but_few(of[each], known)}
            words, n_words = spoken.get(i, ((), 0))
            writing, told = written.get(i, (None, True))
            if whole and "digits" in ranges:
                writing = "digits"
            elif whole and "month_digits" in ranges:
                writing = "month digits"
            elif "spreadsheet" in ranges:  # with a time of day as the day's fraction
                writing = "spreadsheet"
            profiles.append(
                ColumnProfile(
                    name=name,
                    sql=own[name],
                    kind=kind,
                    n_missing=n - known,
                    n_distinct=distinct,
                    zero_one=distinct == 2 and (kind == "boolean" or (number and not of["z"])),
                    one_two=distinct == 2 and number and not of["y"],
                    whole=whole,
                    negative=number and bool(of["m"]),
                    mostly_zero=number and not of["m"] and 2 * of["positive"] < known,
                    within=frozenset(ranges),
                    words=words,
                    n_words=n_words,
                    writing=writing,
                    order_told=told,
                    rhythm=counted_rhythm(of) if kind == "date" and known else None,
                )
            )
        return TableProfile(self.source, sql, n, tuple(profiles))


_SHARE_OF_FEW_CLINICS = 0.05
"""What one clinic in a hundred has at most of the records: a column that is the same within the others has as
many values as there are clinics, and what those few have."""
_MOST_OTHERS = 20
"""Columns whose averages are looked at, at most."""
_SPELLINGS = 30
"""Spellings up to which a column of text is looked through for words: Ja, ja, JA and the same of nein."""


_AT_ONCE = 20
"""Columns counted in one statement, all of one kind: the text for so many is judged once for a wide table."""


def _counts(records: Records, columns: Mapping[str, SourceColumn]) -> tuple[int, list[dict[str, int]]]:
    """Rows, and of each column how many are known as k, differ as d, are not 0 or 1 as z, …"""
    n, counts = 0, [dict[str, int]() for _ in columns]
    of_kinds: dict[Kind, list[tuple[int, str]]] = {}
    for i, (name, column) in enumerate(columns.items()):
        of_kinds.setdefault(column.kind, []).append((i, name))
    for kind, numbered in of_kinds.items():
        for start in range(0, len(numbered), _AT_ONCE):
            part = numbered[start : start + _AT_ONCE]
            asked = ["COUNT(*) AS n_0", *(each for own in range(len(part)) for each in _asked(own, kind))]
            listed = ", ".join(f"{quoted(name)} AS c{own}" for own, (_, name) in enumerate(part))
            by_number = records.made_of_these(f"SELECT {listed} FROM {{records}} AS every")
            (row,) = aggregate(
                by_number, f"SELECT {', '.join(asked)} FROM {{records}} AS columns"
            ).to_pylist()
            for key, value in row.items():
                what, own = key.rsplit("_", 1)
                counts[part[int(own)][0]][what] = int(value or 0)
            n = int(row["n_0"])
    return n, counts


def _asked(own: int, kind: Kind) -> Iterator[str]:
    value = f"c{own}"
    if kind == "other":
        return
    yield f"COUNT({value}) AS k_{own}"
    yield f"COUNT(DISTINCT {value}) AS d_{own}"
    if kind == "date":
        yield from rhythm_counts(f"CAST({value} AS DATE)", f"_{own}")
    if kind == "text":
        yield f"{_rows(like_a_date(f'TRIM({value})'))} AS t_{own}"
    if kind == "number":
        finite = f"{value} BETWEEN -{LARGEST} AND {LARGEST}"
        yield f"{_rows(f'{value} NOT IN (0, 1)')} AS z_{own}"
        yield f"{_rows(f'{value} NOT IN (1, 2)')} AS y_{own}"
        yield f"{_rows(f'{finite} AND {value} <> FLOOR({value})')} AS f_{own}"
        yield f"{_rows(f'{value} < 0')} AS m_{own}"
        yield from (f"{_rows(held.format(value=value))} AS {name}_{own}" for name, held in RANGES.items())


def _rows(condition: str) -> str:
    return f"SUM(CASE WHEN {condition} THEN 1 ELSE 0 END)"
