"""How often records come: how many different days, weeks, months and quarters their dates are in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from tasks.network.drafting.profile import Rhythm
from tasks.periods import KINDS, PER_YEAR, Kind
from tasks.records.questions.aggregates import aggregate
from tasks.records.questions.column_uses import Misfit
from tasks.records.sources.records import Records

_PARTS = {
    "weeks": ("ISOYEAR", "WEEK"),
    "months": ("YEAR", "MONTH"),
    "quarters": ("YEAR", "QUARTER"),
}


def rhythm(records: Records) -> Rhythm:
    """The rhythm of the records' dates, those aside that cannot be.

    Raises:
        SourceError: the database went away.
    """
    (row,) = aggregate(
        records,
        f"SELECT {', '.join(rhythm_counts('day'))} FROM (SELECT CAST(date AS DATE) AS day FROM {{records}} "
        "AS every) AS days WHERE day >= DATE '1900-01-01' AND day < DATE '2200-01-01'",
    ).to_pylist()
    return counted_rhythm(row)


def newest_day(records: Records, today: date) -> date | None:
    """The last day that has a record, up to today: a later date is a slip of the pen; None without any.

    Raises:
        SourceError: the database went away.
    """
    (row,) = aggregate(
        records,
        "SELECT MAX(day) AS newest FROM (SELECT CAST(date AS DATE) AS day FROM {records} AS every) AS days "
        f"WHERE day <= DATE '{today.isoformat()}'",
    ).to_pylist()
    newest: date | None = row["newest"]
    return newest


def rhythm_counts(day: str, ending: str = "") -> Iterator[str]:
    """Aggregates of a date that `counted_rhythm` reads, their names with that ending."""
    yield f"COUNT(DISTINCT {day}) AS days{ending}"
    yield f"COUNT(DISTINCT EXTRACT(YEAR FROM {day})) AS years{ending}"
    for name, (year, within) in _PARTS.items():
        number = f"100 * EXTRACT({year} FROM {day}) + EXTRACT({within} FROM {day})"
        yield f"COUNT(DISTINCT {number}) AS {name}{ending}"


def counted_rhythm(counts: Mapping[str, int | None], ending: str = "") -> Rhythm:
    """The rhythm from those aggregates."""
    names = ("days", "weeks", "months", "quarters", "years")
    return Rhythm(*(int(counts[f"{name}{ending}"] or 0) for name in names))


def doubted_period(found: Rhythm, by: Kind) -> tuple[Misfit, ...]:
    """Whether most reported periods would be empty: records come by a longer one, or are all of one day."""
    if found.days == 1:
        said = "every record has the same date, so all count in one report, and none shows a course over time"
        return (Misfit(("records",), said),)
    order = sorted(KINDS, key=lambda kind: PER_YEAR[kind])
    if found.period is None or order.index(found.period) >= order.index(by):
        return ()
    have, of = {"quarter": (found.months, "month"), "month": (found.weeks, "week")}[found.period]
    return (
        Misfit(
            ("window", "period"),
            f"all records of a {found.period} are dated in one {of} of it ({have} {of}s in all), and this "
            f'network reports by {by}; if they come by the {found.period}, write period = "{found.period}"',
        ),
    )
