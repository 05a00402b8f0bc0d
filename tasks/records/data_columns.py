"""Columns of a data frame, an Arrow table or a query's result, as numbers or as labelled codes.

Whatever the container and its types (pandas' nullable, string and categorical columns, decimals, dates,
Arrow's dictionaries), a column becomes either (N,) doubles with NaN where it is missing, or (N,) codes into
its sorted labels with −1 where it is missing.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.errors import FormulaError, RecordsError, nearest

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Kind = Literal["number", "boolean", "text", "date", "other"]

_DAY = {"s": 86_400.0, "ms": 86_400e3, "us": 86_400e6, "ns": 86_400e9}


@dataclass(frozen=True, slots=True, repr=False)
class Codes:
    """A column as codes into its labels.

    Attributes:
        codes: (N,) position in `levels`, −1 where the value is missing.
        levels: the labels, sorted (a categorical's in its own order); levels without rows are kept here.
    """

    codes: Integers
    levels: tuple[Hashable, ...]

    def __repr__(self) -> str:
        return f"Codes({len(self.codes):,} rows, {len(self.levels):,} levels)"


class Frame:
    """A table in memory, read by column; converts only the columns that are asked for."""

    def __init__(self, data: pd.DataFrame | pa.Table) -> None:
        self._data = data
        names = list(data.columns) if isinstance(data, pd.DataFrame) else list(data.column_names)
        self.names: tuple[str, ...] = tuple(str(name) for name in names)
        self._arrow: dict[str, pa.Array] = {}
        self._numbers: dict[str, Floats] = {}
        self._codes: dict[str, Codes] = {}
        self._kinds: dict[str, Kind] = {}

    def __len__(self) -> int:
        return len(self._data)

    @property
    def data(self) -> pd.DataFrame | pa.Table:
        """The table itself."""
        return self._data

    def has(self, name: str) -> bool:
        """Whether there is a column of this name."""
        return name in self.names

    def kind(self, name: str) -> Kind:
        """What a column's values are: numbers, true/false, text (or categories), or dates."""
        if name not in self._kinds:
            self._kinds[name] = self._find_kind(name)
        return self._kinds[name]

    def _find_kind(self, name: str) -> Kind:
        column = self._column(name)
        if isinstance(column, pd.Series):
            dtype = column.dtype
            if isinstance(dtype, np.dtype) and dtype.kind in "iuf":
                return "number"
            if isinstance(dtype, np.dtype) and dtype.kind == "b":
                return "boolean"
            if isinstance(dtype, pd.CategoricalDtype):
                return "text"
        return _arrow_kind(self._as_arrow(name).type, name)

    def numbers(self, name: str) -> Floats:
        """(N,) doubles, NaN where missing; true and false are 1 and 0, dates are days since 1970-01-01.

        Raises:
            RecordsError: the column is text.
        """
        if name not in self._numbers:
            self._numbers[name] = self._to_numbers(name)
        return self._numbers[name]

    def codes(self, name: str) -> Codes:
        """The column as codes into its labels, whatever its kind."""
        if name not in self._codes:
            self._codes[name] = self._to_codes(name)
        return self._codes[name]

    def with_codes(self, name: str, codes: Codes) -> Frame:
        """The same table, with these codes for a column's labels."""
        other = Frame(self._data)
        other._codes[name] = codes
        return other

    def _to_codes(self, name: str) -> Codes:
        column = self._column(name)
        if isinstance(column, pd.Series) and isinstance(column.dtype, pd.CategoricalDtype):
            levels = tuple(_plain(each) for each in column.cat.categories.tolist())
            return Codes(column.cat.codes.to_numpy().astype(np.int64), levels)
        if (
            isinstance(column, pd.Series)
            and isinstance(column.dtype, np.dtype)
            and column.dtype.kind in "iuf"
        ):
            return _number_codes(column.to_numpy())
        return _arrow_codes(self._as_arrow(name), name)

    def _to_numbers(self, name: str) -> Floats:
        column = self._column(name)
        if (
            isinstance(column, pd.Series)
            and isinstance(column.dtype, np.dtype)
            and column.dtype.kind in "iufb"
        ):
            return column.to_numpy().astype(np.float64, copy=False)
        if self.kind(name) == "text":
            raise RecordsError(
                f"column {name} is text where numbers are needed",
                hint=f"use C({name}) for a factor, or convert it in the SELECT or the data frame",
            )
        return _arrow_numbers(self._as_arrow(name))

    def _column(self, name: str) -> pd.Series | pa.ChunkedArray:
        if name not in self.names:
            raise FormulaError(f"no column {name!r} in the data; {nearest(name, self.names)}")
        if self.names.count(name) > 1:
            raise RecordsError(f"the data has {self.names.count(name)} columns named {name!r}; keep one")
        position = self.names.index(name)
        return (
            self._data.iloc[:, position]
            if isinstance(self._data, pd.DataFrame)
            else self._data.column(position)
        )

    def _as_arrow(self, name: str) -> pa.Array:
        if name not in self._arrow:
            array = self._arrow[name] = _arrow(self._column(name), name)
            if isinstance(self._data, pa.Table):
                # in one piece it takes the place of its pieces, which nobody else may hold
                self._data = self._data.set_column(self.names.index(name), name, array)
        return self._arrow[name]


def _arrow(column: pd.Series | pa.ChunkedArray, name: str) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(column.dtype, pd.PeriodDtype | pd.IntervalDtype):
        column = column.astype("string")
    failed = False
    try:
        array = pa.array(column, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        failed = True  # Arrow's message quotes a value: it must not be chained
    if failed:
        raise RecordsError(
            f"column {name} mixes kinds of values, such as numbers and text",
            hint="give it one type in the SELECT or the data frame",
        )
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    return array


def _arrow_kind(kind: pa.DataType, name: str) -> Kind:
    types = pa.types
    if (
        types.is_dictionary(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
    ):
        return "text"
    if types.is_boolean(kind):
        return "boolean"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind):
        return "number"
    if types.is_date(kind) or types.is_timestamp(kind):
        return "date"
    if types.is_duration(kind):
        return "number"
    raise RecordsError(f"column {name} has the type {kind}, which cannot be used in a model")


def _arrow_numbers(array: pa.Array) -> Floats:
    kind = array.type
    if pa.types.is_boolean(kind):
        array = array.cast(pa.uint8())
    scale = 1.0
    if pa.types.is_date32(kind):
        array = array.cast(pa.int32())
    elif pa.types.is_date64(kind):
        array, scale = array.cast(pa.int64()), _DAY["ms"]
    elif pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        array, scale = array.cast(pa.int64()), _DAY[kind.unit]
    values = array.cast(pa.float64(), safe=False)
    if values.null_count:  # filling would copy what has none
        values = pc.fill_null(values, float("nan"))
    numbers: Floats = values.to_numpy(zero_copy_only=False)
    return numbers if scale == 1.0 else numbers / scale


def _arrow_codes(array: pa.Array, name: str) -> Codes:
    _arrow_kind(array.type, name)
    if pa.types.is_dictionary(array.type):
        codes = pc.fill_null(array.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
        return Codes(codes, tuple(_plain(each) for each in array.dictionary.to_pylist()))
    if pa.types.is_floating(array.type) or pa.types.is_decimal(array.type):
        return _number_codes(_arrow_numbers(array))
    if pa.types.is_integer(array.type) and array.null_count == 0:
        return _number_codes(array.to_numpy())
    encoded = pc.dictionary_encode(array, null_encoding="mask")
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    labels = encoded.dictionary.to_pylist()
    order = sorted(range(len(labels)), key=lambda i: labels[i])
    rank = np.empty(len(labels) + 1, dtype=np.int64)
    rank[order] = np.arange(len(labels))
    rank[-1] = -1  # where code −1 points
    return Codes(rank[codes], tuple(labels[i] for i in order))


def _number_codes(values: NDArray[Any]) -> Codes:
    """Codes of a numeric column; whole numbers stored as doubles get whole labels."""
    codes, uniques = pd.factorize(values, sort=True)
    labels = uniques
    if labels.dtype.kind == "f" and labels.size and np.all(np.isfinite(labels)):
        whole = labels.astype(np.int64)
        labels = whole if np.array_equal(whole, labels) else labels
    return Codes(codes.astype(np.int64), tuple(labels.tolist()))


def _plain(label: Any) -> Hashable:
    """A label as Python has it: a NumPy scalar becomes a Python number, an interval its text."""
    if isinstance(label, np.generic):
        label = label.item()
    return str(label) if isinstance(label, pd.Interval | pd.Period) else label


def label_text(label: Hashable) -> str:
    """A label as it stands in a column's name: R writes TRUE and FALSE, and whole numbers plainly."""
    if isinstance(label, bool):
        return "TRUE" if label else "FALSE"
    if isinstance(label, float):
        return f"{label:.15g}"
    return str(label)


def nested_label(labels: Sequence[Hashable]) -> str:
    """A nested level's label as lme4 writes it, `C1:R1`, with no two levels written alike.

    A label that has a colon of its own stands in quotes, its own quotes doubled: `"St. Mary: North":R1`.
    """
    return ":".join(_part(label_text(label)) for label in labels)


def _part(text: str) -> str:
    if ":" not in text and not text.startswith('"'):
        return text
    return '"' + text.replace('"', '""') + '"'


def as_frame(data: Any) -> Frame:
    """A frame over a pandas DataFrame or a pyarrow Table (or what can turn into one).

    Raises:
        RecordsError: the data is none of them.
    """
    if isinstance(data, Frame):
        return data
    if isinstance(data, pd.DataFrame | pa.Table):
        return Frame(data)
    if isinstance(data, pa.RecordBatch):
        return Frame(pa.Table.from_batches([data]))
    if hasattr(data, "to_arrow_table"):  # a DuckDB relation
        return Frame(data.to_arrow_table())
    raise RecordsError(
        f"cannot read records from a {type(data).__name__}",
        hint="give a pandas DataFrame, a pyarrow Table, a DuckDB relation or a Records handle",
    )
