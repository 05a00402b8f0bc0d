"""Whether a column's values are labels or quantities: how other columns' averages go with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.records.questions.aggregates import aggregate
from tasks.records.sources.records import Records

_NOTHING = 1e-9
"""Share of a sum of squares that is rounding."""


def lacks_of_fit(records: Records, others: Sequence[str], *, is_number: bool) -> dict[str, float]:
    """F of how far averages by clinic lie from a line in its number, over what chance makes of them.

    A quantity's averages rise or fall with it; a label's are those of the places that it numbers, in no
    order. Of text there is no line, and F is that of a one-way analysis of variance.

    Args:
        records: their column `clinic` is asked about; c0, c1, … are the others.
        others: names of c0, c1, …
        is_number: whether there is a line.

    Returns:
        Name → F; infinite where the other column is the same within each value and is no line. Those that
        cannot be told are left out.

    Source: the test of lack of fit with replicates, Fisher (1922), JRSS 85:597; Draper & Smith (1998),
    Applied Regression Analysis, §2.1.
    """
    if not others:
        return {}
    x = "CAST(clinic AS DOUBLE PRECISION)" if is_number else "0"
    inner = "".join(
        f", COUNT(c{i}) AS n{i}, SUM(CAST(c{i} AS DOUBLE PRECISION)) AS s{i}, "
        f"SUM(CAST(c{i} AS DOUBLE PRECISION) * CAST(c{i} AS DOUBLE PRECISION)) AS q{i}"
        for i in range(len(others))
    )
    outer = ", ".join(
        f"SUM(n{i}) AS n{i}, SUM(s{i}) AS s{i}, SUM(q{i}) AS q{i}, "
        f"SUM(CASE WHEN n{i} > 0 THEN 1 ELSE 0 END) AS k{i}, SUM(s{i} * s{i} / NULLIF(n{i}, 0)) AS b{i}, "
        f"SUM({x} * n{i}) AS x{i}, SUM({x} * {x} * n{i}) AS xx{i}, SUM({x} * s{i}) AS xy{i}"
        for i in range(len(others))
    )
    (row,) = aggregate(
        records,
        f"SELECT {outer} FROM (SELECT clinic{inner} FROM {{records}} AS every "
        "WHERE clinic IS NOT NULL GROUP BY clinic) AS clinics",
    ).to_pylist()
    found = {name: _lack_of_fit(row, i, is_number) for i, name in enumerate(others)}
    return {name: each for name, each in found.items() if each is not None}


def _lack_of_fit(row: Mapping[str, float | None], i: int, is_number: bool) -> float | None:
    n, k, total, squares, between, x, xx, xy = (
        float(row[f"{each}{i}"] or 0.0) for each in ("n", "k", "s", "q", "b", "x", "xx", "xy")
    )
    df = k - 2.0 if is_number else k - 1.0
    if df < 1.0 or n - k < 1.0:
        return None
    whole, among = squares - total**2 / n, between - total**2 / n
    if not whole > _NOTHING * squares:
        return None
    wide = xx - x**2 / n
    line = (xy - x * total / n) ** 2 / wide if is_number and wide > _NOTHING * xx else 0.0
    off, within = max(among - line, 0.0), whole - among
    if off <= _NOTHING * whole:
        return 0.0
    return float("inf") if within <= _NOTHING * whole else (off / df) / (within / (n - k))
