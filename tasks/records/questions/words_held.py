"""Which known words a column of text holds: yes and no, good and poor, placebo; no word that is not known."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tasks.network.drafting.value_words import KNOWN
from tasks.records.questions.aggregates import aggregate
from tasks.records.questions.sql_text import literal, literals, quoted
from tasks.records.sources.records import Records


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
    whole = f"COUNT(DISTINCT NULLIF(word, '')) AS n, {_rows(f'word IN ({literals(KNOWN)})')} AS known"
    each_word = ", ".join(f"{_rows(f'word = {literal(word)}')} AS w{j}" for j, word in enumerate(KNOWN))
    found: dict[int, tuple[tuple[str, ...], int]] = {}
    for i in asked:
        # every column's question is one text, which is judged once
        spelt = f"SELECT LOWER(TRIM({quoted(columns[i])})) AS word FROM {{records}} AS every"
        words = records.made_of_these(spelt)
        (row,) = aggregate(words, f"SELECT {whole} FROM {{records}} AS words").to_pylist()
        held: tuple[str, ...] = ()
        if row["known"]:
            (rows,) = aggregate(words, f"SELECT {each_word} FROM {{records}} AS words").to_pylist()
            held = tuple(word for j, word in enumerate(KNOWN) if rows[f"w{j}"])
        found[i] = held, int(row["n"])
    return found


def _rows(condition: str) -> str:
    return f"SUM(CASE WHEN {condition} THEN 1 ELSE 0 END)"
