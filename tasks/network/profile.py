"""What is known of a table before anyone has described it: names, types and counts, no values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "boolean", "text", "date", "other"]


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column of a table, by counts.

    Attributes:
        name: as the database has it.
        sql: the name as SQL writes it there, in quotes where it needs them.
        kind: what it holds.
        n_missing: rows without a value.
        n_distinct: different values.
        zero_one: whether its numbers are 0 and 1 only, both occurring (true and false count too).
        whole: whether its numbers are whole.
        negative: whether any of its numbers is below zero.
        yes_no: for text, its words for yes and no, in small letters, where it holds no others.
    """

    name: str
    sql: str
    kind: Kind
    n_missing: int
    n_distinct: int
    zero_one: bool = False
    whole: bool = False
    negative: bool = False
    yes_no: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class TableProfile:
    """One table of a source.

    Attributes:
        source: as the network file will have it.
        sql: the table's name as SQL writes it.
        n_rows: rows in all.
        columns: its columns, in the table's order.
    """

    source: str
    sql: str
    n_rows: int
    columns: tuple[ColumnProfile, ...]

    def column(self, name: str) -> ColumnProfile:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(column.name for column in self.columns)
