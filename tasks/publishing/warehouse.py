"""The feed's tables in a database of the network's own, for dashboards that read SQL.

Every published release's rows stand in tables of the feed's names and columns, beside `releases`, which says
which is the latest and which were withdrawn (rows of those are gone). Views `latest_<table>` hold the latest
release, `current_<table>` the last edition of every period. All of it changes in one transaction: a reader
sees the releases of before or those of now. Filling it again adds what is missing and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from tasks.errors import PublishingError
from tasks.publishing.dictionary import feed_tables
from tasks.publishing.kept import Kept, kept_releases
from tasks.publishing.output import Output
from tasks.publishing.withdrawn import Withdrawal, withdrawals
from tasks.release import Kind, Table, plain_rows

RELEASES = "releases"
_LATEST, _CURRENT = "latest_{}", "current_{}"
_KINDS: Mapping[Kind, type[sa.types.TypeEngine[Any]]] = {
    "string": sa.Text,
    "integer": sa.BigInteger,
    "number": sa.Double,
    "boolean": sa.Boolean,
    "date": sa.Date,
}
_ROWS_AT_ONCE = 5_000
_LOCK = 0x636C696E  # of PostgreSQL's transactions, so that two fillings come one after the other


@dataclass(frozen=True)
class Filled:
    """What a filling did: releases added, and taken out because they were withdrawn or are gone."""

    added: int
    removed: int
    standing: int


def fill_warehouse(output: Output, url: URL, schema: str | None) -> Filled:
    """Bring the database's tables to what stands in an output directory.

    Args:
        output: the output directory.
        url: the database, with its password.
        schema: where tables and views stand; made if it is not there. None: the database's own default.

    Raises:
        PublishingError: a release cannot be read, or the database cannot be reached or refuses.
    """
    kept, taken_back = kept_releases(output), withdrawals(output)
    wanted = {each.id: each for each in kept if each.name not in taken_back}
    tables = [_table(table, schema) for table in feed_tables()]
    releases = _releases(schema)
    with _transaction(url) as connection:
        _prepare(connection, [releases, *tables], schema)
        stands = sa.select(releases.c.release).where(releases.c.withdrawn_because.is_(None))
        there = {str(row[0]) for row in connection.execute(stands)}
        for table in tables:
            connection.execute(table.delete().where(table.c.release.not_in(wanted)))
        new = [each for release, each in wanted.items() if release not in there]
        for each in new:
            for table in tables:
                _insert(connection, table, _rows_of(each, table.name))
        connection.execute(releases.delete())
        connection.execute(releases.insert(), [_described(each, taken_back.get(each.name)) for each in kept])
        _make_views(connection, tables, releases, schema)
    return Filled(len(new), len(there - set(wanted)), len(wanted))


def require_answer(url: URL) -> None:
    """See that the database answers.

    Raises:
        PublishingError: it does not, or there is no driver for it.
    """
    with _transaction(url) as connection:
        connection.execute(sa.select(1))


@contextmanager
def _transaction(url: URL) -> Iterator[Connection]:
    """One transaction, with what the database says in a sentence that holds no password."""
    shown = url.render_as_string(hide_password=True)
    try:
        engine = sa.create_engine(url)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise PublishingError(
            f"the warehouse {shown} cannot be reached: there is no driver for it",
            hint="install one, or write the URL as postgresql+psycopg://user@host/database",
        ) from error
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.SQLAlchemyError as error:
        why = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise PublishingError(
            f"the warehouse {shown} was not filled, and holds what it held before: {why}",
            hint="see that its user may create tables and views in its schema; then: clinicnet fill",
        ) from None
    finally:
        engine.dispose()


def _table(table: Table, schema: str | None) -> sa.Table:
    columns = (sa.Column(each.name, _KINDS[each.kind], nullable=True) for each in table.columns)
    return sa.Table(table.name, sa.MetaData(), *columns, schema=schema)


def _releases(schema: str | None) -> sa.Table:
    return sa.Table(
        RELEASES,
        sa.MetaData(),
        sa.Column("release", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("edition", sa.Integer, nullable=False),
        sa.Column("published", sa.DateTime(timezone=True), nullable=False),
        sa.Column("records_up_to", sa.Date, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("latest", sa.Boolean, nullable=False),
        sa.Column("current", sa.Boolean, nullable=False),
        sa.Column("withdrawn_because", sa.Text),
        schema=schema,
    )


def _prepare(connection: Connection, tables: Sequence[sa.Table], schema: str | None) -> None:
    """See that there are the schema and the tables, with every column; one at a time fills them."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    found = sa.inspect(connection)
    if schema is not None and schema not in found.get_schema_names():
        connection.execute(sa.schema.CreateSchema(schema))
    existing = set(found.get_table_names(schema=schema))
    for table in tables:
        if table.name not in existing:
            table.create(connection)
            continue
        has = {column["name"] for column in found.get_columns(table.name, schema=schema)}
        for column in table.columns:
            if column.name not in has:  # a version of clinicnet that publishes more
                written = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
                name = connection.dialect.identifier_preparer.format_table(table)
                connection.execute(sa.text(f"ALTER TABLE {name} ADD COLUMN {written}"))


def _rows_of(kept: Kept, table: str) -> list[dict[str, Any]]:
    """A table of a release; an earlier version's releases may lack it."""
    path = kept.directory / "feed" / f"{table}.parquet"
    if not path.exists():
        return []
    return list(plain_rows(pd.read_parquet(path, dtype_backend="pyarrow")))


def _insert(connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    known = set(table.columns.keys())
    kept = [{name: value for name, value in row.items() if name in known} for row in rows]
    for first in range(0, len(kept), _ROWS_AT_ONCE):
        connection.execute(table.insert(), kept[first : first + _ROWS_AT_ONCE])


def _described(kept: Kept, withdrawal: Withdrawal | None) -> dict[str, Any]:
    return {
        "release": kept.id,
        "period": kept.period,
        "edition": kept.edition,
        "published": kept.published,
        "records_up_to": pd.Timestamp(kept.cut_off).date(),
        "policy": kept.policy,
        "latest": kept.is_latest,
        "current": withdrawal is None and kept.edition == kept.n_editions,
        "withdrawn_because": None if withdrawal is None else withdrawal.because,
    }


def _make_views(
    connection: Connection, tables: Sequence[sa.Table], releases: sa.Table, schema: str | None
) -> None:
    """Views keep the rights that were given on them: they are replaced, not dropped, where that can be."""
    quoted = connection.dialect.identifier_preparer
    replaces = connection.dialect.name in ("postgresql", "mysql", "mariadb", "oracle")
    for table in tables:
        for form, flag in ((_LATEST, releases.c.latest), (_CURRENT, releases.c.current)):
            shown = sa.select(table).where(table.c.release.in_(sa.select(releases.c.release).where(flag)))
            rows = shown.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
            name = quoted.quote(form.format(table.name))
            name = name if schema is None else f"{quoted.quote(schema)}.{name}"
            if not replaces:
                connection.execute(sa.text(f"DROP VIEW IF EXISTS {name}"))
            connection.execute(sa.text(f"CREATE {'OR REPLACE ' if replaces else ''}VIEW {name} AS {rows}"))
