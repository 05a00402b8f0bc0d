"""Where records are: a handle that names a source and a SELECT, and opens it only to ask for sums.

The handle holds no connection and no password, so that it can be passed between processes; it never gives
out patients' rows.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tasks.environment import filled
from tasks.errors import SourceError
from tasks.records.data_columns import Kind
from tasks.records.sources.connection import Connection, Ways
from tasks.records.sources.csv_columns import NearlyMonths, NearlyNumbers
from tasks.records.sources.csv_files import csv_files
from tasks.records.sources.csv_source import csv_assumptions, csv_columns_nearly_read, open_csv
from tasks.records.sources.duckdb_source import open_duckdb, open_parquet
from tasks.records.sources.memory_copy import COPY, copied, forget, kept
from tasks.records.sources.one_state import let_go, one_state, opened
from tasks.records.sources.sql_database import answers_itself, open_url

if TYPE_CHECKING:
    from tasks.network.schema import Network

BLOCK_PASSWORD = "CLINICNET_BLOCK_PASSWORD"  # noqa: S105 — a variable's name, no secret
"""Environment variable through which a password from a Prefect block reaches the door."""

NAME_OF_RECORDS = "records"
"""What stands for `{records}` in a statement that is sent."""

_URL = re.compile(r"^[A-Za-z][\w+]*://")
_FILES = {
    ".parquet": "read_parquet",
    ".pq": "read_parquet",
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".csv.gz": "read_csv",
    ".tsv.gz": "read_csv",
}


@dataclass(frozen=True, repr=False)
class Records:
    """This SELECT in that database.

    Attributes:
        source: a DuckDB file, a Parquet or CSV file (or glob), or a SQLAlchemy URL; `${NAME}` stands for an
            environment variable and is filled in only when the source is opened.
        select: the SELECT whose rows are the records, in the source's own SQL; by default all of the table or
            view `records`, which for Parquet and CSV is the file.
        password_env: environment variable that holds the database's password.
        threads: threads of the database; 1 makes sums come out the same to the last bit every time.
        directory: where a relative file name starts.
        statement_timeout: seconds that the database may take for one question; None: as it decides itself.
        over: SELECTs that make other records of these, one after the other; each calls what it is made of
            `{records}`.
    """

    source: str
    select: str | None = None
    password_env: str | None = None
    threads: int | None = None
    directory: str | None = None
    statement_timeout: float | None = None
    over: tuple[str, ...] = ()

    @classmethod
    def of(cls, network: Network) -> Records:
        """The records that a network file describes, summed on one thread so that reruns repeat to the bit.

        A password held by a Prefect block is expected in the environment variable `BLOCK_PASSWORD`: whoever
        runs under Prefect puts it there.

        Raises:
            SourceError: the file with the SELECT cannot be read.
        """
        section = network.records
        select = section.select
        if section.select_file is not None:
            try:
                select = (network.directory / section.select_file).read_text(encoding="utf-8")
            except OSError as problem:
                raise SourceError(
                    f"the file with the SELECT, {section.select_file}, cannot be read: {problem.strerror}",
                    hint="it is looked for beside the network file",
                ) from None
        return cls(
            source=section.source,
            select=select,
            password_env=section.password_env or (BLOCK_PASSWORD if section.password_block else None),
            threads=1,
            directory=str(network.directory),
            statement_timeout=section.statement_timeout,
        )

    def __repr__(self) -> str:
        return f"Records({self.place})"

    @property
    def place(self) -> str:
        """The source as it may be shown: a file's name, or host and database; never a user or password."""
        if self._is_url:
            rest = self.source.partition("://")[2].rpartition("@")[2]
            return rest.partition("?")[0].strip("/") or "the database"
        return Path(self._file_text()).name

    @property
    def _is_url(self) -> bool:
        return bool(_URL.match(self.source)) and not self.source.startswith("duckdb:")

    @property
    def is_copied(self) -> bool:
        """Whether a copy of the rows is asked: the source speaks other SQL, or its file is rewritten."""
        if self._is_url:
            return not answers_itself(self._filled(self.source))
        return not self._is_plain_file

    @property
    def _is_plain_file(self) -> bool:
        """Whether DuckDB reads the file as it stands; what cannot be read is said when it is opened."""
        try:
            path, reader = self._file()
            return reader != "read_csv" or all(each.is_plain for each in csv_files(path))
        except (SourceError, OSError):
            return True

    @property
    def _own_query(self) -> str:
        """The SELECT in the source's own SQL, without a closing semicolon and comments after it."""
        return re.sub(r";\s*(?:--[^\n]*(?:\n\s*|\Z))*\Z", "", self.select or "SELECT * FROM records").strip()

    @property
    def query(self) -> str:
        """The SELECT of these records on `connect()`'s connection."""
        return functools.reduce(over, self.over, COPY if self.is_copied else self._own_query)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A read-only connection that understands DuckDB's and PostgreSQL's SQL, closed at the end.

        It leads to a copy of the records where the source speaks another.

        Raises:
            SourceError: there is no such source.
            SourceUnreachableError: it does not answer, or another program holds it.
        """
        if not self.is_copied:
            with self.connect_source() as connection:
                yield connection
            return
        with copied(self._key, self._fetched, self.place, self._ways) as connection:
            yield connection

    @property
    def _key(self) -> tuple[str | None, ...]:
        return self.source, self.directory, self.password_env, self._own_query

    @contextmanager
    def in_one_state(self) -> Iterator[None]:
        """See to it that all questions within the block are answered from the state that the first one sees.

        Steps of a job then speak of the same records, whatever is written to the source meanwhile. Records
        that have to be copied are fetched once.

        Raises (from the questions):
            SourceError: the source cannot be kept as it was (files that were rewritten, a server that went
                away), so that the answers would not belong together.
        """
        with kept(self._key) if self.is_copied else one_state(self._source_key):
            yield

    def let_go(self) -> None:
        """Close what `in_one_state` keeps before its block ends: nothing more will be asked."""
        if self.is_copied:
            forget(self._key)
        else:
            let_go(self._source_key)

    @property
    def _source_key(self) -> tuple[object, ...]:
        return self.source, self.directory, self.password_env, self._ways

    @property
    def _ways(self) -> Ways:
        return Ways(self.threads, self.statement_timeout)

    @contextmanager
    def connect_source(self) -> Iterator[Connection]:
        """A read-only connection to the source itself, for its tables and columns; closed at the end.

        Raises: as `connect`.
        """
        with opened(self._source_key, self.place, self._open_source, self._rewritable) as connection:
            yield connection

    def _open_source(self) -> AbstractContextManager[Connection]:
        if self._is_url:
            url = self._filled(self.source)
            return open_url(url, self._password(), self.place, self._ways, self._start)
        path, reader = self._file()
        opening = {None: open_duckdb, "read_csv": open_csv, "read_parquet": open_parquet}[reader]
        return opening(path, self._ways)

    def _rewritable(self) -> tuple[Path, ...]:
        """Files that anybody may write while they are read; DuckDB protects its own."""
        if self._is_url:
            return ()
        try:
            path, reader = self._file()
        except SourceError:  # gone: `_open_source` says so, or the set of files that are there has changed
            return ()
        if reader is None:
            return ()
        return tuple(path.parent.glob(path.name)) if any(each in path.name for each in "*?[") else (path,)

    @property
    def _start(self) -> Path:
        """Where relative file names start."""
        return Path(self.directory or ".")

    def assumptions(self) -> tuple[str, ...]:
        """What is taken for granted to read the source, in sentences: of CSV files, how they are written.

        Raises: as `connect`.
        """
        if self._is_url:
            return ()
        path, reader = self._file()
        return csv_assumptions(path) if reader == "read_csv" else ()

    def nearly_read(self) -> tuple[str, ...]:
        """What keeps columns of CSV files from being numbers or months, with its line, in sentences.

        Raises: as `connect`.
        """
        return self._nearly(NearlyNumbers) + self.nearly_months()

    def nearly_months(self) -> tuple[str, ...]:
        """The same of columns of months alone.

        Raises: as `connect`.
        """
        return self._nearly(NearlyMonths)

    def _nearly(self, kind: type[NearlyNumbers | NearlyMonths]) -> tuple[str, ...]:
        if self._is_url:
            return ()
        path, reader = self._file()
        return csv_columns_nearly_read(path, kind) if reader == "read_csv" else ()

    def _fetched(self) -> Iterator[pa.Table]:
        if not self._is_url:
            with self.connect_source() as connection:
                yield connection.table(self._own_query)
            return
        url = self._filled(self.source)
        with open_url(url, self._password(), self.place, self._ways, self._start) as database:
            yield from database.batches(self._own_query)

    @contextmanager
    def held(self) -> Iterator[Records]:
        """Keep a file or a copy open while several questions are asked, so that it is read once.

        A server keeps its own cache, and is not kept waiting in a transaction.

        Raises (from the questions):
            SourceError: the file was written meanwhile, so that the answers would not belong together.
        """
        if self._is_url and not self.is_copied:
            yield self
            return
        with self.in_one_state():
            yield self

    @contextmanager
    def reached(self) -> Iterator[None]:
        """See that the source can be opened.

        Raises: as `connect`.
        """
        with self.connect():
            yield

    def columns(self) -> dict[str, Kind]:
        """What the SELECT returns: column → number, boolean, text, date or other.

        Raises:
            SourceError: the source or the SELECT cannot be used.
        """
        with self.connect() as connection:
            return {name: column.kind for name, column in connection.columns(self.query).items()}

    def made_of_these(self, sql: str) -> Records:
        """Records that a SELECT makes of these, which it calls `{records}`; for the door's own questions."""
        return replace(self, over=(*self.over, sql))

    def _password(self) -> str | None:
        if self.password_env is None:
            return None
        if self.password_env not in os.environ:
            raise SourceError(
                f"the environment variable {self.password_env}, for the database's password, is not set"
            )
        return os.environ[self.password_env]

    def _filled(self, text: str) -> str:
        def value(name: str) -> str:
            if name not in os.environ:
                raise SourceError(f"the source needs the environment variable {name}, which is not set")
            return os.environ[name]

        return filled(text, value)

    def _file_text(self) -> str:
        return re.sub(r"^duckdb:/{0,3}(?=/)|^duckdb:/{0,3}", "", self.source)

    def _file(self) -> tuple[Path, str | None]:
        """The file, and DuckDB's function that reads it (None: it is a DuckDB database)."""
        path = self._start / Path(self._filled(self._file_text())).expanduser()
        reader = next((name for ending, name in _FILES.items() if path.name.lower().endswith(ending)), None)
        if any(character in path.name for character in "*?["):
            if not any(path.parent.glob(path.name)):
                raise SourceError(f"no file matches {path.name} in {path.parent}")
            return path, reader or "read_parquet"
        if path.is_dir():
            raise SourceError(
                f"{path} is a directory", hint=f"for its Parquet files write {path.name}/*.parquet"
            )
        if not path.exists():
            raise SourceError(f"there is no file {path}", hint="relative names start at the network file")
        return path, reader


def over(query: str, sql: str) -> str:
    """The statement `sql` with `{records}` standing for `query`."""
    outer = sql.strip().rstrip(";").replace("{records}", NAME_OF_RECORDS)
    inner = f"WITH {NAME_OF_RECORDS} AS (\n{query}\n)"
    if re.match(r"with\b", outer, re.IGNORECASE):
        return f"{inner},\n{outer[4:].lstrip()}"
    return f"{inner}\n{outer}"
