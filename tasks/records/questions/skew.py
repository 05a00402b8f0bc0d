"""Whether values of an outcome that are never below 0 spread as only skewed ones do."""

from __future__ import annotations

from tasks.network.schema import Network
from tasks.records.questions.aggregates import aggregate
from tasks.records.questions.column_uses import Misfit
from tasks.records.questions.contract import Contract
from tasks.records.sources.records import Records
from tasks.records.sql_text import quoted

_SPREAD = 1.5
"""SD over mean above which values that are never below 0 are skewed: an exponential distribution has 1."""
_SQUARED = "1e150"
"""Below it a number's square is still one."""
_POSITIVE = 'write scale = "log"'
_WITH_ZEROS = (
    'report how often it is 0 as an outcome of its own, and for the rest (0 as NULL) write scale = "log"'
)


def skewed_outcomes(records: Records, network: Network, contract: Contract) -> tuple[Misfit, ...]:
    """Continuous outcomes that would be better analysed as logarithms.

    A mean's interval is symmetric: of amounts of money it reaches below 0, and one record moves the mean.

    Args:
        records: what the network file's SELECT returns.
        network: the network file.
        contract: what the SELECT returns, which fits the network file.

    Raises:
        SourceError: the database went away.
    """
    asked = {
        name: column
        for name, outcome in network.outcomes.items()
        if outcome.kind == "continuous"
        and outcome.scale != "log"
        and (column := network.column(name)) is not None
        and contract.columns[column].kind == "number"
    }
    if not asked:
        return ()
    listed = ", ".join(_asked(i, quoted(column)) for i, column in enumerate(asked.values()))
    (row,) = aggregate(records, f"SELECT {listed} FROM {{records}} AS every").to_pylist()
    found = []
    for i, name in enumerate(asked):
        n, total, squares, negative, none = (float(row[f"{of}{i}"] or 0) for of in _SUMS)
        if not n or negative or total <= 0.0:
            continue
        times = max(squares * n / total**2 - 1.0, 0.0) ** 0.5
        if times > _SPREAD:
            found.append(
                Misfit(
                    ("outcomes", name),
                    f"no value is below 0, and the SD is {times:.1f} times the mean: of values so skewed a "
                    "mean says little, and its interval can reach below 0; "
                    f"{_WITH_ZEROS if none else _POSITIVE}",
                )
            )
    return tuple(found)


_SUMS = ("n", "total", "squares", "negative", "none")


def _asked(i: int, value: str) -> str:
    """Sums of a column, infinities left out, and how many values are below 0 and how many are 0."""
    number = f"CAST({value} AS DOUBLE PRECISION)"  # squares of large decimals have no room
    finite = f"CASE WHEN ABS({number}) < {_SQUARED} THEN {number} END"
    return (
        f"COUNT({finite}) AS n{i}, SUM({finite}) AS total{i}, SUM({finite} * {finite}) AS squares{i}, "
        f"SUM(CASE WHEN {value} < 0 THEN 1 ELSE 0 END) AS negative{i}, "
        f"SUM(CASE WHEN {value} = 0 THEN 1 ELSE 0 END) AS none{i}"
    )
