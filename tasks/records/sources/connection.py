"""What the rest of `tasks.records` needs of a place where records are: connections that only read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from tasks.records.data_columns import Kind


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column that a SELECT returns.

    Attributes:
        kind: number, boolean, text, date or other.
        is_float: whether it can hold NaN.
        is_double: whether it is a double already.
        is_plain: whether text comes as plain text (identifiers and padded or named types do not).
        order: the labels of an enumeration in its own order.
    """

    kind: Kind
    is_float: bool = False
    is_double: bool = False
    is_plain: bool = True
    order: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Ways:
    """How a database answers.

    Attributes:
        threads: threads of the database; 1 makes sums come out the same to the last bit every time.
        seconds: that it may take for one question; None: as it decides itself.
    """

    threads: int | None = None
    seconds: float | None = None

    @property
    def milliseconds(self) -> int | None:
        """The same as databases count it; none is 0, which would be no limit."""
        return None if self.seconds is None else max(round(1000.0 * self.seconds), 1)


class Connection(Protocol):
    """What the rest of `tasks.records` needs of a database."""

    @property
    def dialect(self) -> Dialect:
        """The SQL it understands."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether sums must come out the same to the last bit every time."""
        ...

    def tables(self) -> list[tuple[str, str]]:
        """Schema and name of the tables and views there are, the system's own left out.

        The schema is empty where a table is found by its name alone.
        """
        ...

    def columns(self, query: str) -> Mapping[str, SourceColumn]:
        """What a SELECT returns."""
        ...

    def table(self, statement: sa.Executable | str) -> pa.Table:
        """The result of a statement."""
        ...

    def bound(self, pieces: Sequence[str], values: Mapping[str, object]) -> pa.Table:
        """The result of a statement in the source's own SQL, whose parameters are bound.

        Args:
            pieces: the statement cut at its parameters: text and the name of a parameter by turns.
            values: name → value, of those that are in it.
        """
        ...

    def rows(self, statement: sa.Select[Any]) -> pa.Table:
        """The result of a statement with many rows, by the fastest way there is."""
        ...

    def streamed(self, statement: sa.Select[Any], most: int) -> Iterator[pa.Table]:
        """The result of a statement a batch at a time, in no order; nothing else is asked meanwhile.

        Args:
            statement: what is asked.
            most: rows that a batch has at most.
        """
        ...

    def held_to(self, memory: float) -> AbstractContextManager[None]:
        """Hold a database inside this process to so many bytes of memory, as long as it can do with them."""
        ...
