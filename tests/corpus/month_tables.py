"""A month's tables without its PDFs: in the time that a test has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from flows.job_step import Journal
from flows.monthly_job import Estimated, disclosed
from tasks.estimating import estimate_outcome, summarise
from tasks.estimating.clinics import raw_rows
from tasks.estimating.outcome_formulas import question_of
from tasks.network import read_network
from tasks.publishing import Output
from tasks.ranking import rank_outcome
from tasks.records import Records
from tasks.release import Release
from tasks.screening import screen


def month_tables(file: Path, month: str) -> Release:
    """The steps of the monthly job up to the comparison with the last release."""
    network = read_network(file)
    records = Records.of(network)
    with records.in_one_state():
        screened = screen(records, network, month)
        summary = summarise(screened.usable, network)
        estimates, ranks = {}, {}
        for name in network.outcomes:
            estimates[name] = estimate_outcome(screened.usable, network, name, summary)
            ranks[name] = rank_outcome(network, estimates[name])
        output = Output(network.directory / network.output.directory)
        estimated = Estimated(network, screened, summary, estimates, ranks)
        return disclosed(network, month, estimated, output, Journal())


def own_tables(file: Path, month: str) -> Mapping[str, pd.DataFrame]:
    """Counts and sums as the feed's tables have them, before any model."""
    network = read_network(file)
    records = Records.of(network)
    with records.in_one_state():  # as in a run: a file is opened once
        screened = screen(records, network, month)
        summary = summarise(screened.usable, network)
    raw = [raw_rows(question_of(network, name, summary), summary) for name in network.outcomes]
    months = [frame.assign(outcome=name, denominator=frame["n"]) for name, frame in summary.outcomes.items()]
    return {
        "clinics": summary.clinics,
        "quality": screened.quality,
        "clinic_estimates": pd.concat(raw, ignore_index=True),
        "clinic_months": pd.concat(months, ignore_index=True),
    }
