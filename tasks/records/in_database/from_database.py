"""Moments and cells from a database: it counts, sums and groups; only sums and cells come to the door."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from tasks.records.data_columns import Codes, Frame, nested_label
from tasks.records.design import Design
from tasks.records.formulas.contrasts import Coded, Factor, Number
from tasks.records.formulas.formula import Grouping
from tasks.records.formulas.model_spec import Binding, Request, bind
from tasks.records.in_database.first_pass import GLANCE, Survey, glance, survey
from tasks.records.in_database.translation import Sql, Translator, Untranslatable, number
from tasks.records.in_memory.from_rows import assemble, moments_in_memory, without_aliased
from tasks.records.in_memory.grouping import Combinations, combine, used
from tasks.records.in_memory.rows import check_names
from tasks.records.moments import Moments
from tasks.records.sources.connection import Connection, SourceColumn

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RESULT_COLUMNS = 1_500
"""PostgreSQL returns at most 1,664 columns."""

_WORTH = 1.5  # rows per cell under which grouping in the database costs more than it saves
_COUNT = "rows in the cell"
_PART = 131_072  # rows that come together


def moments_in_database(asked: Request, connection: Connection, query: str) -> tuple[Design, Moments]:
    """The moments of a request over a SELECT's rows, summed where they are."""
    try:
        if not connection.repeatable:
            hopeful = _moments(asked, glance(asked, connection, query), check=True)
            if hopeful is not None:
                return hopeful
        summed = _moments(asked, survey(asked, connection, query), check=False)
        if summed is not None:
            return summed
    except Untranslatable:
        pass
    return moments_in_memory(asked, Frame(_fetch(asked, connection, query)))


def fetch_rows(
    asked: Request, connection: Connection, query: str, *, collapse: bool = True
) -> tuple[pa.Table, str | None]:
    """The columns a request needs, and the column that counts rows where the database grouped equal ones."""
    counted = collapse and "time" not in asked.roles and not asked.bends
    table = _fetch(asked, connection, query, count=counted)
    return table, _COUNT if _COUNT in table.column_names else None


def fetch_parts(asked: Request, connection: Connection, query: str) -> Iterator[tuple[pa.Table, str | None]]:
    """As `fetch_rows`; but rows that the database does not count come some at a time, in no order.

    They are to be used and dropped; the connection must be open until the last of them.
    """
    kinds = connection.columns(query)
    check_names(asked, tuple(kinds))
    rows = rows_of(asked, Translator(query, kinds))
    if not asked.bends and collapses(connection, rows, kinds, asked):
        yield fetch_rows(asked, connection, query)
        return
    some = False
    with connection.held_to(0.0):  # nothing is read twice
        for table in connection.streamed(rows, _PART):
            some = True
            yield table, None
    if not some:
        yield fetch_rows(asked, connection, query)


def _moments(asked: Request, found: Survey, *, check: bool) -> tuple[Design, Moments] | None:
    """Moments on the strength of a first look; None where a checked look turns out to be wrong.

    Raises:
        Untranslatable: a column has no portable SQL, or groups are so small that their rows take less room
            than their products.
    """
    centred = centred_columns(asked, found)
    if found.per_group < (len(centred.names) + 2) / 2 and _small_groups(asked, found, len(centred.names) + 1):
        raise Untranslatable
    summed = products_in_database(asked, found, centred, asked.groupings, check=check)
    if summed is None:
        return None
    factors, codes, products = summed
    total = products.sum(axis=0)
    if check and not _well_centred(total):
        return None
    binding, _ = kept_columns(found, centred, total)
    names, reference = list(centred.names), centred.reference
    return binding.design(found.dropped), assemble(binding, names, reference, products, factors, codes)


@dataclass(frozen=True)
class CentredColumns:
    """A model's columns in the database, each less a point near its mean.

    Attributes:
        binding: the formula bound to the records.
        names: of the design columns, the constant first; the outcome comes after them.
        reference: (q,) the points.
        rows: group labels g0…, the columns v1… (the constant needs none), and `complete`, NULL where a row
            lacks anything.
    """

    binding: Binding
    names: tuple[str, ...]
    reference: Floats
    rows: sa.Subquery


def centred_columns(asked: Request, found: Survey) -> CentredColumns:
    """The columns of a request.

    Raises:
        Untranslatable: one has no portable SQL.
    """
    binding = bind(asked, found)
    listed = binding.columns
    response = found.sql.expression(asked.formula.response.node)
    middle = found.middle[asked.formula.response.text]
    for offset in asked.formula.offsets:
        response = response - found.sql.expression(offset.node)
        middle -= found.middle.get(offset.text, 0.0)
    values = [*(found.sql.design_column(column, binding.variables) for column in listed), response]
    points = [near_mean(column, binding, found) for column in listed]
    reference = np.array([*points, middle])
    names = tuple(column.name for column in listed)
    return CentredColumns(binding, names, reference, _centred(found, asked, values, reference))


def kept_columns(found: Survey, centred: CentredColumns, total: Floats) -> tuple[Binding, list[int]]:
    """The binding without aliased columns, and where those that are kept stand, the outcome last.

    Args:
        found: the first look.
        centred: the columns.
        total: (q, q) their products over all rows.
    """
    names = list(centred.names)

    def confirm(position: int, weights: Floats) -> float:
        return _residual_square(found, centred.rows, weights)

    binding = without_aliased(centred.binding, names, total[:-1, :-1], centred.reference[:-1], confirm)
    return binding, [*(names.index(column.name) for column in binding.columns), len(names)]


def _small_groups(asked: Request, found: Survey, q: int) -> bool:
    """Whether rows per group are fewer than half the columns, so that products outnumber values."""
    if found.connection.dialect.name != "duckdb":
        return False
    group = sa.func.approx_count_distinct(sa.func.hash(*(found.sql.column(name) for name in asked.labels)))
    row = found.connection.table(sa.select(sa.func.count().label("n"), group.label("groups"))).to_pylist()[0]
    return int(row["n"]) < int(row["groups"]) * (q + 1) / 2


def _well_centred(total: Floats) -> bool:
    """Whether the reference point is near enough to the means that no more than two digits cancel."""
    shift = total[0, 1:] / max(total[0, 0], 1.0)
    square = np.diag(total)[1:] / max(total[0, 0], 1.0)
    return bool(np.all(np.isfinite(square)) and np.all(shift**2 <= 0.99 * square + 1e-300))


def near_mean(column: Coded, binding: Binding, found: Survey) -> float:
    """A point near a design column's mean: 0 for indicators, the product of the parts' for products."""
    if not column.elements:
        return 0.0
    point = 1.0
    for element in column.elements:
        bound = binding.variables[element.variable]
        if not isinstance(bound, Number):
            return 0.0
        point *= found.middle[bound.text]
    return point


def _centred(found: Survey, asked: Request, values: Sequence[Sql], reference: Floats) -> sa.Subquery:
    """Group columns g0…, model columns v1… about the reference point, and whether a row has all it needs."""
    listed: list[Any] = [found.sql.column(name).label(f"g{i}") for i, name in enumerate(asked.labels)]
    for j, (value, point) in enumerate(zip(values, reference, strict=True)):
        if j > 0:  # the constant needs no column
            listed.append((value - number(float(point)) if point else value).label(f"v{j}"))
    unseen = [need.value for need in found.needs if not need.numeric and need.column not in asked.labels]
    known = [value.is_not(None) for value in unseen]
    listed.append((sa.case((sa.and_(*known), number(0.0))) if known else number(0.0)).label("complete"))
    return sa.select(*listed).where(*found.complete).subquery("centred")


def _disjoint(listed: Sequence[Coded], binding: Binding) -> set[tuple[int, int]]:
    """Pairs of columns whose product is zero in every row: indicators of different levels of a factor."""
    at: list[dict[str, int]] = []
    for column in listed:
        levels: dict[str, int] = {}
        for element in column.elements:
            bound = binding.variables[element.variable]
            if isinstance(bound, Factor):
                where = np.flatnonzero(bound.weights(element.full)[:, element.column])
                if len(where) == 1:
                    levels[element.variable] = int(where[0])
        at.append(levels)
    return {
        (i, j)
        for i in range(len(at))
        for j in range(i + 1, len(at))
        if any(at[j].get(variable, level) != level for variable, level in at[i].items())
    }


def products_in_database(
    asked: Request,
    found: Survey,
    centred: CentredColumns,
    groupings: Sequence[Grouping],
    *,
    check: bool = False,
) -> tuple[list[Codes], Integers, Floats] | None:
    """The grouping factors, and per combination of their levels its codes and its products.

    With `check`, None if a row lacked anything.

    Args:
        asked: the request.
        found: the first look.
        centred: the columns.
        groupings: some of the request's grouping factors.
        check: whether rows are to be looked at for what they lack.
    """
    rows = centred.rows
    at = label_positions(asked, groupings)
    groups = [rows.c[f"g{i}"] for i in at]
    q = len(centred.reference)
    disjoint = _disjoint(centred.binding.columns, centred.binding)
    # text rather than expressions: a model of forty columns has eight hundred sums, and their names are ours
    sums: dict[tuple[int, int], str] = {(0, 0): "count(*)"}
    for j in range(1, q):
        sums[0, j] = f"sum(v{j})"
        sums.update({(i, j): f"sum(v{i} * v{j})" for i in range(1, j + 1) if (i, j) not in disjoint})
    pairs = list(sums)
    everything = " + ".join(["complete", *(f"v{j}" for j in range(1, q))])
    by_pair: list[Floats] = []
    factors: list[Codes] = []
    codes: Integers = np.zeros((1, 0), dtype=np.int64)
    for start in range(0, len(pairs), RESULT_COLUMNS):
        chunk = pairs[start : start + RESULT_COLUMNS]
        summed: list[Any] = [sa.literal_column(sums[i, j]).label(f"p{i}_{j}") for i, j in chunk]
        if check:
            summed.append(sa.literal_column(f"count({everything})").label("complete"))
        statement = sa.select(*groups, *summed).select_from(rows)
        table = found.connection.table(statement.group_by(*groups) if groups else statement)
        if len(table) == 0 or (check and _lacking(table, start, at)):
            return None
        factors, combinations = group_codes(groupings, table, asked, found)
        codes, order = combinations.codes, np.argsort(combinations.index)
        by_pair += [table.column(f"p{i}_{j}").to_numpy()[order].astype(np.float64) for i, j in chunk]
    place = np.full((q, q), len(pairs))
    for position, (i, j) in enumerate(pairs):
        place[i, j] = place[j, i] = position
    matrix = np.column_stack([*by_pair, np.zeros(len(codes))])
    return factors, codes, matrix[:, place]


def label_positions(asked: Request, groupings: Sequence[Grouping]) -> list[int]:
    """Where the label columns of some factors stand among the request's."""
    names = dict.fromkeys(name for each in groupings for name in each.columns)
    return [asked.labels.index(name) for name in names]


def _lacking(table: pa.Table, start: int, groups: Sequence[int]) -> bool:
    """Whether any row lacked a value or a label, by the counts beside the sums."""
    if any(table.column(f"g{i}").null_count for i in groups):
        return True
    if start > 0:
        return False
    n, complete = table.column("p0_0").to_numpy(), table.column("complete").to_numpy()
    return n.sum() == 0 or not np.array_equal(n, complete)


def group_codes(
    groupings: Sequence[Grouping], table: pa.Table, asked: Request, found: Survey
) -> tuple[list[Codes], Combinations]:
    """The codes of some of a request's grouping factors in the rows of a result, and their combinations.

    Args:
        groupings: the factors.
        table: its columns g0… have their labels.
        asked: the request.
        found: the first look.
    """
    if not groupings:
        return [], Combinations(np.zeros((1, 0), dtype=np.int64), np.zeros(len(table), dtype=np.int64))
    frame = Frame(table)
    columns = {
        asked.labels[i]: _in_order(frame.codes(f"g{i}"), found.sql.kinds[asked.labels[i]])
        for i in label_positions(asked, groupings)
    }
    factors = []
    for grouping in groupings:
        parts = [columns[name] for name in grouping.columns]
        if len(parts) == 1:
            factors.append(parts[0])
            continue
        nested = combine([part.codes for part in parts], [len(part.levels) for part in parts])
        labels = tuple(
            nested_label([part.levels[code] for part, code in zip(parts, row, strict=True)])
            for row in nested.codes.tolist()
        )
        factors.append(Codes(nested.index, labels))
    return factors, combine([each.codes for each in factors], [len(each.levels) for each in factors])


def _in_order(codes: Codes, column: SourceColumn) -> Codes:
    """Codes of labels that occur; an enumeration's in its own order."""
    found = used(codes.codes, codes.levels)
    if column.order is None:
        return found
    position = {label: i for i, label in enumerate(column.order)}
    order = sorted(range(len(found.levels)), key=lambda i: position[str(found.levels[i])])
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return Codes(rank[found.codes], tuple(found.levels[i] for i in order))


def _residual_square(found: Survey, centred: sa.Subquery, weights: Floats) -> float:
    """Σ over rows of (Σ weight · centred column)², the first weight being the constant's."""
    residual: Any = number(float(weights[0]))
    for j, weight in enumerate(weights):
        if j > 0 and weight != 0.0:
            residual = residual + number(float(weight)) * centred.c[f"v{j}"]
    inner = sa.select(residual.label("residual")).select_from(centred).subquery("residuals")
    table = found.connection.table(
        sa.select(sa.func.sum(inner.c.residual * inner.c.residual).label("square"))
    )
    return float(table.column("square")[0].as_py() or 0.0)


def _fetch(asked: Request, connection: Connection, query: str, *, count: bool = False) -> pa.Table:
    """The columns a request needs; with `count`, rows that agree come once with their number if that pays."""
    kinds = connection.columns(query)
    check_names(asked, tuple(kinds))
    sql = Translator(query, kinds)
    rows = rows_of(asked, sql)
    if count and collapses(connection, rows, kinds, asked):
        inner = rows.subquery("cells")
        each = [inner.c[name] for name in asked.names]
        return connection.rows(sa.select(*each, sa.func.count().label(_COUNT)).group_by(*each))
    if connection.dialect.name == "duckdb" and not connection.repeatable and asked.labels:
        # sorted by group there, nothing has to be moved about here; ties come in any order
        rows = rows.order_by(*(sql.column(name) for name in asked.labels))
    return connection.rows(rows)


def rows_of(asked: Request, sql: Translator) -> sa.Select[Any]:
    """The SELECT of the columns that a request needs, as they come to the door."""
    numeric = _numeric(asked, sql.kinds)
    return sa.select(
        *(
            (sa.cast(sql.column(name), sa.Double) if name in numeric else sql.column(name)).label(name)
            for name in asked.names
        )
    )


def _numeric(asked: Request, kinds: Mapping[str, SourceColumn]) -> set[str]:
    """Numeric columns that come as doubles, whatever the database calls them: all but whole-number labels."""
    return {
        name
        for name in asked.names
        if kinds[name].kind == "number" and (kinds[name].is_float or name not in asked.labels)
    }


def collapses(
    connection: Connection, rows: sa.Select[Any], kinds: Mapping[str, SourceColumn], asked: Request
) -> bool:
    """Whether rows agree often enough for the database to group them."""
    if not any(kinds[name].is_float for name in asked.names):
        return True
    first = rows.limit(GLANCE).subquery("first")
    cells = sa.select(*(first.c[name] for name in asked.names), sa.func.count().label(_COUNT))
    counted = connection.table(cells.group_by(*(first.c[name] for name in asked.names))).column(_COUNT)
    if len(counted) == sum(counted.to_pylist()):
        return False  # no two agree among the first rows
    if connection.dialect.name != "duckdb":
        return bool(sum(counted.to_pylist()) > _WORTH * len(counted))
    inner = rows.subquery("cells")
    distinct = sa.func.approx_count_distinct(sa.func.hash(*(inner.c[name] for name in asked.names)))
    row = connection.table(sa.select(sa.func.count().label("n"), distinct.label("cells"))).to_pylist()[0]
    return int(row["n"]) > _WORTH * int(row["cells"])
