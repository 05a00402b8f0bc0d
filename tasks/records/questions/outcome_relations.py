"""Which outcomes say something of one another by what they are: parts of a whole, or sides of one thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, permutations

from tasks.records.questions.aggregates import aggregate
from tasks.records.sources.records import Records
from tasks.records.sql_text import quoted


@dataclass(frozen=True, slots=True)
class OutcomeRelations:
    """What records show to hold of every one of them.

    Attributes:
        parts: (part, whole): each record with the event of the part has that of the whole, as an unplanned
            visit is a visit; of counts, where another part makes up the whole.
        sides: two outcomes of which one is there where the other is not, or that are always the same.
    """

    parts: frozenset[tuple[str, str]] = frozenset()
    sides: frozenset[tuple[str, str]] = frozenset()


def outcome_relations(
    records: Records, binary: Mapping[str, str], counts: Mapping[str, str]
) -> OutcomeRelations:
    """The relations among outcomes that no record contradicts.

    Args:
        records: the records.
        binary: binary outcome → its column.
        counts: counted outcome → its column.
    """
    parts: set[tuple[str, str]] = set()
    sides: set[tuple[str, str]] = set()
    asked = _pairs(binary) | _sums(counts)
    if not asked:
        return OutcomeRelations()
    sums = (
        f"COALESCE(SUM(CASE WHEN {found} THEN 1 END), 0) AS s{i}" for i, found in enumerate(asked.values())
    )
    (row,) = aggregate(records, f'SELECT {", ".join(sums)} FROM {{records}} AS "every record"').to_pylist()
    found = {key: int(row[f"s{i}"]) for i, key in enumerate(asked)}
    for one, other in combinations(binary, 2):
        both, only_one, only_other, neither = (found[one, other, each] for each in ("11", "10", "01", "00"))
        if (both and not only_one and not only_other) or (not both and not neither and only_one):
            sides.add((one, other))
        elif both and not only_one:
            parts.add((one, other))
        elif both and not only_other:
            parts.add((other, one))
    for whole, one, other in _triples(counts):
        if found[whole, one, other, "sum"] and not found[whole, one, other, "not"]:
            parts |= {(one, whole), (other, whole)}
    return OutcomeRelations(frozenset(parts), frozenset(sides))


def _pairs(binary: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Two outcomes and the values they have → a condition for that; a missing value is no event."""
    conditions: dict[tuple[str, ...], str] = {}
    for one, other in combinations(binary, 2):
        for ones in "10":
            for others in "10":
                conditions[one, other, ones + others] = (
                    f"{_is(binary[one], ones)} AND {_is(binary[other], others)}"
                )
    return conditions


def _is(column: str, value: str) -> str:
    return f"{quoted(column)} = 1" if value == "1" else f"({quoted(column)} = 0 OR {quoted(column)} IS NULL)"


def _triples(counts: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [
        (whole, one, other)
        for whole, one, other in permutations(counts, 3)
        if list(counts).index(one) < list(counts).index(other)
    ]


def _sums(counts: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """A count and two others → a condition for its being their sum, above zero, and for its not being."""
    conditions: dict[tuple[str, ...], str] = {}
    for whole, one, other in _triples(counts):
        total = f"{quoted(counts[one])} + {quoted(counts[other])}"
        conditions[whole, one, other, "sum"] = f"{quoted(counts[whole])} = {total} AND {total} > 0"
        conditions[whole, one, other, "not"] = f"{quoted(counts[whole])} <> {total}"
    return conditions
