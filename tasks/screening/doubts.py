"""What is not wrong with a network, yet may not be meant: `clinicnet check` says it, nothing is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tasks.network.problems import Problem, in_order
from tasks.network.reading import examine
from tasks.network.schema import Network
from tasks.periods import Period
from tasks.records.questions.column_uses import Misfit
from tasks.records.questions.contract import Contract, require_contract, table_of
from tasks.records.questions.counts_by_rule import by_record_rule, doubted_copies, kept
from tasks.records.questions.numbering import doubted_numbering
from tasks.records.questions.rhythm import doubted_period, newest_day, rhythm
from tasks.records.questions.rules import column_rules, record_rules
from tasks.records.questions.screened_records import ScreenedRecords
from tasks.records.questions.skew import skewed_outcomes
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
        copied, newest = [], newest_day(records, today or date.today())
        if newest is not None:
            copied = doubted_copies(records, _window(reading.network, contract, newest), newest)
        skewed = skewed_outcomes(records, reading.network, contract)
    overdue = _overdue(reading.network, today or date.today())
    said = (*assumed, *doubted, *period, *copied, *skewed, *overdue)
    return in_order(reading.problem(each.place, f"{table_of(each.place)} {each.sentence}") for each in said)


def _window(network: Network, contract: Contract, newest: date) -> ScreenedRecords:
    """The records of the window that ends with the newest period, as a report of it would screen them."""
    window = network.window.ending_with(str(Period.of_day(network.window.period, newest)))
    rules = record_rules(window, clinic_within_region=network.records.clinic_within == "region")
    return ScreenedRecords(network, contract, rules, column_rules(network, contract.columns), window)


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


@dataclass(frozen=True, slots=True)
class Newest:
    """The last period with records, up to today's: the one most likely to be reported first.

    Attributes:
        period: it.
        n_in_window: records of the window that ends with it, which an estimate uses.
        n_dated_before: records before that window.
    """

    period: Period
    n_in_window: int
    n_dated_before: int


def newest_period(network: Network, today: date) -> Newest | None:
    """What a first report would be of; None without a record up to today.

    Args:
        network: a network whose file and records have nothing wrong.
        today: the day that no record can be later than.

    Raises:
        SourceError: the database went away.
    """
    with Records.of(network).held() as records:
        newest = newest_day(records, today)
        if newest is None:
            return None
        screened = _window(network, require_contract(records, network), newest)
        by_rule = by_record_rule(records, screened)
    before = int(by_rule.loc[by_rule["rule"] == "date_before_window", "n"].sum())
    return Newest(Period.of_day(network.window.period, newest), kept(by_rule), before)
