"""What is not wrong with a network, yet may not be meant: `clinicnet check` says it, nothing is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tasks.network.problems import Problem, in_order
from tasks.network.reading import examine
from tasks.network.schema import Network
from tasks.periods import Period
from tasks.records.questions.column_uses import Misfit
from tasks.records.questions.contract import require_contract, table_of
from tasks.records.questions.numbering import doubted_numbering
from tasks.records.questions.rhythm import doubted_period, newest_day, rhythm
from tasks.records.sources.records import Records


def doubts(path: Path, today: date | None = None) -> tuple[Problem, ...]:
    """What the person who wrote a network file should look at, each with its line.

    Args:
        path: a network file in which `check_network` finds nothing wrong.
        today: the day on which it is looked at.

    Raises:
        SourceError: the database went away.
    """
    reading = examine(path)
    if reading.network is None:
        return ()
    with Records.of(reading.network).held() as records:
        contract = require_contract(records, reading.network)
        doubted = doubted_numbering(records, reading.network, contract)
        assumed = [Misfit(("records", "source"), each) for each in records.assumptions()]
        period = doubted_period(rhythm(records), reading.network.window.period)
    overdue = _overdue(reading.network, today or date.today())
    said = (*assumed, *doubted, *period, *overdue)
    return in_order(reading.problem(each.place, f"{table_of(each.place)} {each.sentence}") for each in said)


def _overdue(network: Network, today: date) -> list[Misfit]:
    """Measures whose definition was to be reviewed by now."""
    due = {name: each.about.next_review for name, each in network.outcomes.items()}
    return [
        Misfit(
            ("outcomes", name, "about", "next_review"),
            f"the definition was due for review on {day}; review it, and set reviewed and next_review anew",
        )
        for name, day in due.items()
        if day is not None and day <= today
    ]


def newest_period(network: Network, today: date) -> Period | None:
    """The last period with records, up to today's: the one most likely to be reported first.

    Args:
        network: a network whose file and records have nothing wrong.
        today: the day that no record can be later than.

    Raises:
        SourceError: the database went away.
    """
    with Records.of(network).held() as records:
        newest = newest_day(records, today)
    return None if newest is None else Period.of_day(network.window.period, newest)
