"""Moments add up: over months, sites and chunks of rows, each summed where its records are."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.errors import RecordsError
from tasks.records.in_memory.grouping import combine
from tasks.records.moments import Moments

Integers = NDArray[np.int64]


def add(*parts: Moments) -> Moments:
    """The moments of all rows together, from moments of some of them each.

    Groups are matched by their labels, so that a clinic's months become one. Products are brought to the
    first part's reference point before they are added.

    Args:
        parts: moments of the same columns by the same grouping factors, over rows that are in one part each.

    Raises:
        RecordsError: no parts, or their columns or grouping factors differ.
    """
    if not parts:
        raise RecordsError("there are no moments to add")
    first = parts[0]
    for part in parts[1:]:
        if part.columns != first.columns:
            different = sorted(set(part.columns) ^ set(first.columns)) or ["in another order"]
            raise RecordsError(
                f"moments of different columns cannot be added: {', '.join(different)}",
                hint="use one formula for all parts; a factor's levels must occur in each of them",
            )
        if part.factors != first.factors:
            raise RecordsError(f"moments by {part.factors} and by {first.factors} cannot be added")
    if not first.factors:
        total = np.sum([_about(part, first.reference).products for part in parts], axis=0)
        return Moments(first.columns, first.reference, total, (), (), first.codes)
    levels = tuple(_together([part.levels[factor] for part in parts]) for factor in range(len(first.factors)))
    codes = np.vstack([_recoded(part, levels) for part in parts])
    products = np.concatenate([_about(part, first.reference).products for part in parts])
    combined = combine([codes[:, factor] for factor in range(codes.shape[1])], [len(each) for each in levels])
    summed = np.zeros((len(combined.codes), *products.shape[1:]))
    np.add.at(summed, combined.index, products)
    return Moments(first.columns, first.reference, summed, first.factors, levels, combined.codes)


def _about(part: Moments, reference: NDArray[np.float64]) -> Moments:
    return part if np.array_equal(part.reference, reference) else part.about(reference)


def _together(parts: Sequence[tuple[Hashable, ...]]) -> tuple[Hashable, ...]:
    """All labels once: in the parts' own order where they share it, else sorted."""
    union = tuple(dict.fromkeys(label for part in parts for label in part))
    longest = max(parts, key=len)
    if len(longest) == len(union):
        return longest
    try:
        return tuple(sorted(union))  # type: ignore[type-var]
    except TypeError:  # labels of several types
        return tuple(sorted(union, key=str))


def _recoded(part: Moments, levels: Sequence[tuple[Hashable, ...]]) -> Integers:
    columns = []
    for factor, labels in enumerate(levels):
        position = {label: i for i, label in enumerate(labels)}
        table = np.array([position[label] for label in part.levels[factor]], dtype=np.int64)
        columns.append(table[part.codes[:, factor]])
    return np.column_stack(columns)
