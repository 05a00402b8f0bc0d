"""What is not wrong with a network, yet may not be meant: `clinicnet check` says it, nothing is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tasks.network.drafting.profile import Rhythm
from tasks.network.problems import Problem, in_order
from tasks.network.reading import examine
from tasks.network.schema import Network
from tasks.periods import Period
from tasks.records.questions.column_uses import Misfit
from tasks.records.questions.contract import Contract, require_contract, table_of
from tasks.records.questions.counts_by_rule import by_record_rule, copies, copies_rule
from tasks.records.questions.numbering import doubted_numbering
from tasks.records.questions.rhythm import doubted_period, newest_day, rhythm
from tasks.records.questions.rules import column_rules, record_rules
from tasks.records.questions.screened_records import ScreenedRecords
from tasks.records.sources.records import Records

_MANY_COPIES = 0.02
"""Share of records that equal another, from which `check` asks whether they are copies."""


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
        found = rhythm(records)
        period = doubted_period(found, reading.network.window.period)
        copied = _copies(records, reading.network, contract, today or date.today())
    overdue = _overdue(reading.network, today or date.today())
    said = (*assumed, *doubted, *period, *_one_day(found), *copied, *overdue)
    return in_order(reading.problem(each.place, f"{table_of(each.place)} {each.sentence}") for each in said)


def _copies(records: Records, network: Network, contract: Contract, today: date) -> list[Misfit]:
    """So many records that equal another in every column that they may be visits rather than copies."""
    newest = newest_day(records, today)
    if newest is None:
        return []
    window = network.window.ending_with(str(Period.of_day(network.window.period, newest)))
    rules = record_rules(window, clinic_within_region=network.records.clinic_within == "region")
    screened = ScreenedRecords(network, contract, rules, column_rules(network, contract.columns), window)
    if not screened.tells_copies or "record" in contract.columns:
        return []
    n = int(by_record_rule(records, screened).query("rule.isna()")["n"].sum())
    repeated = int(copies(records, screened, copies_rule(screened))["n"].sum())
    if repeated <= _MANY_COPIES * n:
        return []
    return [
        Misfit(
            ("records",),
            f"{repeated:,} of the {n:,} records up to {newest} equal another in every column that is used, "
            "and are set aside as copies; if they are records of their own, return a column `record` that "
            "numbers them",
        )
    ]


def _one_day(found: Rhythm) -> list[Misfit]:
    """Records that all have one date: nothing of a course over time can be said of them."""
    said = "every record has the same date, so all count in one report, and none shows a course over time"
    return [Misfit(("records",), said)] if found.days == 1 else []


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
