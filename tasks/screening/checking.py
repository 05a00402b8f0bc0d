"""Everything wrong with a network, said before anything runs: the file, the source, and the records in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from tasks.errors import ClinicnetError
from tasks.network.problems import NetworkFileError, Problem, in_order
from tasks.network.reading import Reading, examine
from tasks.network.schema import Network
from tasks.periods import Period
from tasks.records.questions.completeness import says_complete
from tasks.records.questions.contract import examine_records, table_of
from tasks.records.sources.records import BLOCK_PASSWORD, Records
from tasks.screening.font_coverage import undrawable_names


def check_network(path: Path, *, open_later: bool = False) -> Network:
    """The network, once nothing is wrong with its file and its records fit it.

    Goes on to the records with whatever is sound in a faulty file, so that one check says everything.

    Args:
        path: the network file.
        open_later: whether records whose password is in a Prefect block are left to the flow that opens it,
            where otherwise it is a problem that they cannot be looked at.

    Raises:
        NetworkFileError: something is wrong; lists every problem with its line.
        NetworkError: there is no such file, or it cannot be read.
    """
    reading = examine(path)
    problems = list(reading.problems)
    sound = reading.sound
    if sound is not None and not (open_later and sound.records.password_block is not None):
        problems += _problems_with_records(reading, sound)
    if problems or reading.network is None:
        raise NetworkFileError(reading.file, in_order(problems))
    return reading.network


def _problems_with_records(reading: Reading, network: Network) -> list[Problem]:
    select = "select_file" if network.records.select_file is not None else "select"
    place = ("records", "source")
    block = network.records.password_block
    if block is not None and BLOCK_PASSWORD not in os.environ:
        sentence = f"the password is in the Prefect block {block!r}, which a check does not open"
        way_out = f"put it in the environment variable {BLOCK_PASSWORD} to check the records too"
        return [reading.problem(("records", "password_block"), f"[records] {sentence}; {way_out}")]
    try:
        records = Records.of(network)
        with records.held():
            with records.reached():
                place = ("records", select)  # the source itself answers, so what is wrong now is the SELECT
            contract, misfits = examine_records(records, network)
            misfits = (*misfits, *undrawable_names(contract, network))
    except ClinicnetError as error:
        hint = f"; {error.hint}" if error.hint is not None else ""
        return [reading.problem(place, f"[records] {error.message}{hint}")]
    return [
        *_wrong_with_completeness(reading, network, records),
        *(reading.problem(misfit.place, f"{table_of(misfit.place)} {misfit.sentence}") for misfit in misfits),
    ]


def _wrong_with_completeness(reading: Reading, network: Network, records: Records) -> Iterator[Problem]:
    """A SELECT under `[schedule.complete]` that cannot be asked, tried with the period before today's."""
    select = network.schedule.complete.select
    if select is None:
        return
    try:
        says_complete(records, select, Period.of_day(network.window.period, date.today()) + -1)
    except ClinicnetError as error:
        hint = f"; {error.hint}" if error.hint is not None else ""
        yield reading.problem(("schedule", "complete", "select"), f"{error.message}{hint}")
