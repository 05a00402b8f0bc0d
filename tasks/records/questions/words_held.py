"""Which words a column of text holds, of those known (yes and no, good and poor, placebo) or asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tasks.network.drafting.value_words import KNOWN
from tasks.records.questions.aggregates import aggregate
from tasks.records.sources.records import Records
from tasks.records.sql_text import literal, quoted

_AT_ONCE = 30
"""Words told by one sum: powers of two up to here are whole numbers in every database."""


def words_held(
    records: Records, columns: Sequence[str], asked: Collection[int]
) -> dict[int, tuple[tuple[str, ...], int]]:
    """Number of a column → the known words it holds, and how many different values it has.

    Small letters are as good as capitals, and spaces around a value and blank values do not count.

    Args:
        records: the table.
        columns: its columns.
        asked: numbers of columns of text with few values.
    """
    known = ", ".join(f"{_which(start)} AS w{start}" for start in range(0, len(KNOWN), _AT_ONCE))
    found: dict[int, tuple[tuple[str, ...], int]] = {}
    for i in asked:
        # every column's question is one text, which is judged once
        spelt = f"SELECT LOWER(TRIM({quoted(columns[i])})) AS word FROM {{records}} AS every"
        words = records.made_of_these(spelt)
        (row,) = aggregate(
            words, f"SELECT COUNT(DISTINCT NULLIF(word, '')) AS n, {known} FROM {{records}} AS words"
        ).to_pylist()
        found[i] = tuple(word for j, word in enumerate(KNOWN) if _says(row, j)), int(row["n"])
    return found


def words_not_held(records: Records, column: str, words: Sequence[str]) -> tuple[str, ...]:
    """Those of the words that no row has, spaces around a value aside.

    Args:
        records: the table.
        column: one of text.
        words: what somebody says that it holds.
    """
    spelt = records.made_of_these(f"SELECT TRIM({quoted(column)}) AS word FROM {{records}} AS every")
    asked = ", ".join(
        f"SUM(CASE WHEN word = {literal(each)} THEN 1 ELSE 0 END) AS w{i}" for i, each in enumerate(words)
    )
    (row,) = aggregate(spelt, f"SELECT COUNT(*) AS n, {asked} FROM {{records}} AS words").to_pylist()
    return tuple(each for i, each in enumerate(words) if not row[f"w{i}"])


def _which(start: int) -> str:
    """The sum of a power of two for each word that is held, of so many from `start` on."""
    powers = " ".join(
        f"WHEN {literal(word)} THEN {2**j}" for j, word in enumerate(KNOWN[start : start + _AT_ONCE])
    )
    return f"SUM(DISTINCT CASE word {powers} END)"


def _says(sums: Mapping[str, int | None], j: int) -> bool:
    """Whether word `j` of those known is in the sums."""
    place = j % _AT_ONCE
    return bool(int(sums[f"w{j - place}"] or 0) >> place & 1)
