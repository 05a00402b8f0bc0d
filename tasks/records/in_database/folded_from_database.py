"""Moments with the finest group's levels folded up: the database adds up patients, then clinics.

What comes to the door is a row per clinic and number of rows, whatever the number of patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from tasks.records.design import Design
from tasks.records.folded_moments import FoldedMoments
from tasks.records.formulas.formula import Grouping
from tasks.records.formulas.model_spec import Request
from tasks.records.in_database.first_pass import Survey, survey
from tasks.records.in_database.from_database import (
    RESULT_COLUMNS,
    CentredColumns,
    centred_columns,
    group_codes,
    kept_columns,
    label_positions,
    products_in_database,
    rows_of,
)
from tasks.records.in_database.translation import Translator, Untranslatable
from tasks.records.moments import Moments
from tasks.records.sources.connection import Connection

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_DOUBLE = 8.0
_WIDEST = 4.0  # design columns for each column of the data, before anybody looks
_ROWS, _LEVELS = "rows_each", "levels_alike"


def _foldable(asked: Request) -> tuple[Grouping, ...]:
    """The grouping factors of a formula that have no random effect but a constant, once."""
    terms = [(part.group, part.terms) for part in asked.formula.random]
    return tuple(
        group
        for group, effects in terms
        if effects.intercept and not effects.terms and [each for each, _ in terms].count(group) == 1
    )


def folded_in_database(
    asked: Request, connection: Connection, query: str, *, beyond: float
) -> tuple[Design, FoldedMoments] | None:
    """The folded moments of a request; None where there is nothing to be gained, or no way.

    There is none where no factor has a constant effect alone, where its levels lie in several combinations of
    the others (patients of two clinics), and where an expression has no portable SQL.

    Args:
        asked: the request.
        connection: where the records are.
        query: the SELECT.
        beyond: bytes of products, one (q, q) matrix a level, up to which the levels are left as they are.

    Raises: as `survey`.
    """
    candidates = _foldable(asked)
    if not candidates:
        return None
    kinds = connection.columns(query)
    if not set(asked.names) <= set(kinds):
        return None  # who reads the rows says so
    rows = rows_of(asked, Translator(query, kinds)).subquery("rows")
    most = max(_distinct(connection, [rows.c[name] for name in each.columns]) for each in candidates)
    if most * _DOUBLE * (_WIDEST * (len(asked.names) + 1.0)) ** 2 <= beyond:
        return None
    try:
        found = survey(asked, connection, query)
        centred = centred_columns(asked, found)
    except Untranslatable:
        return None
    n_levels = {group: _levels(asked, found, centred, group.columns) for group in candidates}
    group = max(candidates, key=lambda each: n_levels[each])
    if n_levels[group] * _DOUBLE * len(centred.reference) ** 2 <= beyond:
        return None
    nested = set(group.columns) >= set(asked.labels)
    if not nested and _levels(asked, found, centred, asked.labels) != n_levels[group]:
        return None
    others = tuple(each for each in asked.groupings if each != group)
    return _folded(asked, found, centred, group, others)


def _levels(asked: Request, found: Survey, centred: CentredColumns, names: Sequence[str]) -> int:
    """How many combinations of these labels the rows used have."""
    return _distinct(found.connection, [centred.rows.c[f"g{asked.labels.index(name)}"] for name in names])


def _distinct(connection: Connection, columns: Sequence[sa.ColumnElement[Any]]) -> int:
    each = sa.select(*columns).distinct().subquery("each")
    table = connection.table(sa.select(sa.func.count().label("n")).select_from(each))
    return int(table.column("n")[0].as_py())


def _folded(
    asked: Request,
    found: Survey,
    centred: CentredColumns,
    group: Grouping,
    others: tuple[Grouping, ...],
) -> tuple[Design, FoldedMoments] | None:
    summed = products_in_database(asked, found, centred, others)
    if summed is None:
        return None
    factors, codes, products = summed
    binding, kept = kept_columns(found, centred, products.sum(axis=0))
    moments = Moments(
        columns=(*(centred.names[j] for j in kept[:-1]), asked.formula.response.text),
        reference=centred.reference[kept],
        products=np.ascontiguousarray(products[:, kept][:, :, kept]),
        factors=tuple(each.name for each in others),
        levels=tuple(each.levels for each in factors),
        codes=codes,
    )
    met = {column.name for part in binding.random for column in part} - {centred.names[0]}
    effects = [0, *(j for j, name in enumerate(moments.columns) if name in met)]
    q = len(kept)
    each = _Sums(asked, found, centred, tuple(kept))
    half = [(i, j) for i in range(q) for j in range(i, q)]
    by_class, classes = each.alike(others, [(i, j) for i in effects for j in range(q)])
    by_size, sizes = each.alike((), half)
    sums = by_class.reshape(-1, len(effects), q)
    pooled = np.empty((len(by_size), q, q))
    for (i, j), values in zip(half, by_size.T, strict=True):
        pooled[:, i, j] = pooled[:, j, i] = values
    return binding.design(found.dropped), FoldedMoments(
        moments,
        group.name,
        within=classes.within,
        rows=classes.rows,
        levels=classes.levels,
        effects=np.array(effects, dtype=np.int64),
        sums=sums,
        sizes=sizes.rows,
        pooled=pooled,
    )


@dataclass(frozen=True)
class _Classes:
    """Levels that are alike: (K,) the combination they lie in, rows of each, and how many they are."""

    within: Integers
    rows: Floats
    levels: Floats


@dataclass(frozen=True)
class _Sums:
    """Sums over the rows of each level of a factor, and over levels that are alike.

    Attributes:
        asked, found, centred: of the request, whose labels together tell the levels of its finest factor.
        kept: which of the centred columns.
    """

    asked: Request
    found: Survey
    centred: CentredColumns
    kept: tuple[int, ...]

    def alike(self, others: Sequence[Grouping], pairs: Sequence[tuple[int, int]]) -> tuple[Floats, _Classes]:
        """(K, pairs) Σ s_i s_j over levels with as many rows in one combination of other factors' levels.

        Args:
            others: those factors.
            pairs: positions of two kept columns each.
        """
        columns = [self.centred.rows.c[f"g{i}"] for i in label_positions(self.asked, others)]
        every = [self.centred.rows.c[f"g{i}"] for i in range(len(self.asked.labels))]
        parts: list[Floats] = []
        classes = _Classes(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
        for start in range(0, len(pairs), RESULT_COLUMNS):
            chunk = [(self.kept[i], self.kept[j]) for i, j in pairs[start : start + RESULT_COLUMNS]]
            needed = sorted({j for pair in chunk for j in pair} - {0})
            summed: list[Any] = [sa.literal_column(f"sum(v{j})").label(f"s{j}") for j in needed]
            summed.append(sa.literal_column("count(*)").label(_ROWS))
            one = sa.select(*every, *summed).select_from(self.centred.rows).group_by(*every)
            levels = one.subquery("levels")
            by = [*(levels.c[column.key] for column in columns), levels.c[_ROWS]]
            asked: list[Any] = [
                sa.literal_column(_product(*pair)).label(f"p{k}") for k, pair in enumerate(chunk)
            ]
            asked.append(sa.literal_column("count(*)").label(_LEVELS))
            table = self.found.connection.table(sa.select(*by, *asked).group_by(*by))
            _, combinations = group_codes(others, table, self.asked, self.found)
            within = combinations.index if others else np.zeros(len(table), dtype=np.int64)
            rows = _numbers(table, _ROWS)
            order = np.lexsort((rows, within))  # a further part comes in an order of its own
            classes = _Classes(within[order], rows[order], _numbers(table, _LEVELS)[order])
            parts += [_numbers(table, f"p{k}")[order] for k in range(len(chunk))]
        return np.column_stack(parts), classes


def _product(i: int, j: int) -> str:
    """Σ s_i s_j over levels; the constant's sum is the number of rows."""
    one, other = (f"s{k}" if k else f"CAST({_ROWS} AS DOUBLE PRECISION)" for k in (i, j))
    return f"sum({one} * {other})"


def _numbers(table: pa.Table, name: str) -> Floats:
    return np.asarray(table.column(name).to_numpy(), dtype=np.float64)
