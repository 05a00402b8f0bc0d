"""Moments of every outcome by clinic and month: what raw figures and run charts are made of.

One GROUP BY in the database; what comes back is counts and sums, never a record.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from tasks.estimating.grouped_records import GroupedRecords, grouped_records
from tasks.network.schema import Network
from tasks.records import Records
from tasks.records.questions import clinics_and_months
from tasks.records.questions.outcome_relations import OutcomeRelations, outcome_relations
from tasks.records.questions.patient_counts import patient_counts

COME_AGAIN = 1.2
"""Visits per patient from which patients get an effect of their own."""


@dataclass(frozen=True)
class Summary:
    """Moments by clinic and month.

    Attributes:
        clinics: one row a clinic with any usable record: `clinic`, `region`, `n_records`, `n_patients`,
            `first_month`, `last_month`.
        months: months of the window that have usable records, in order.
        outcomes: outcome → frame with `clinic`, `month`, `n` (values), `mean` and `squares` (Σ(y − mean)²) on
            the scale of analysis, `total` (Σy), `exposure` (Σ exposure e, or n), `total_squares`
            (Σy²) and `exposure_squares` (Σe²).
        returning: continuous outcome → how many values of it a patient has on average; empty where hardly
            anybody comes twice.
        patients: outcome → how much its sums by patient vary, by clinic, on the scale of analysis
            (`clinics_and_months.sums_by_patient`); empty where hardly anybody comes twice.
        people: how many patients stand behind every outcome's records, by clinic and month
            (`tasks.records.questions.patient_counts`).
        related: which outcomes are parts or sides of one another.
        groups: column → what its groups of patients are, and their sums of every outcome.
    """

    clinics: pd.DataFrame
    months: tuple[str, ...]
    outcomes: dict[str, pd.DataFrame]
    returning: dict[str, float] = field(default_factory=dict)
    patients: dict[str, pd.DataFrame] = field(default_factory=dict)
    people: pd.DataFrame = field(default_factory=pd.DataFrame)
    related: OutcomeRelations = field(default_factory=OutcomeRelations)
    groups: dict[str, GroupedRecords] = field(default_factory=dict)

    def without(self, clinics: Collection[str]) -> Summary:
        """What is known of the other clinics' records; of no groups of patients, which are the network's."""

        def others(frame: pd.DataFrame) -> pd.DataFrame:
            if "clinic" in frame:
                return frame[~frame["clinic"].isin(clinics)].reset_index(drop=True)
            return frame[~frame.index.isin(list(clinics))]

        return replace(
            self,
            clinics=others(self.clinics),
            outcomes={name: others(frame) for name, frame in self.outcomes.items()},
            patients={name: others(frame) for name, frame in self.patients.items()},
            people=others(self.people),
            groups={},
        )

    def by_clinic(self, outcome: str) -> pd.DataFrame:
        """The window's moments of each clinic, indexed by clinic."""
        return pool(self.outcomes[outcome], "clinic")

    def by_month(self, outcome: str) -> pd.DataFrame:
        """The network's moments of each month, indexed by month."""
        return pool(self.outcomes[outcome], "month")

    def shares_a_month(self, outcome: str) -> bool:
        """Whether two clinics have values of the outcome in the same month."""
        moments = self.outcomes[outcome]
        return bool(moments.loc[moments["n"] > 0, "month"].duplicated().any())


def pool(moments: pd.DataFrame, by: str) -> pd.DataFrame:
    """Moments added up within `by` (Chan, Golub & LeVeque 1979, eq. 1.5: means and squares about them)."""
    sums = moments.assign(weighted=moments["n"] * moments["mean"].fillna(0.0)).groupby(by, sort=True)
    columns = ["n", "total", "exposure", "weighted", "squares", "total_squares", "exposure_squares"]
    pooled = sums[columns].sum()
    pooled["mean"] = pooled["weighted"] / pooled["n"].where(pooled["n"] > 0)
    apart = moments["mean"] - moments[by].map(pooled["mean"])
    between = (moments["n"] * apart.fillna(0.0) ** 2).groupby(moments[by], sort=True).sum()
    pooled["squares"] += between
    return pooled.drop(columns="weighted")


def summarise(usable: Records, network: Network) -> Summary:
    """Count and sum every outcome by clinic and month, in the database.

    Args:
        usable: the screened records of the window.
        network: the network's description.

    Raises:
        SourceError: the database went away.
    """
    clinics = clinics_and_months.clinics(usable)
    counted = clinics_and_months.counted_by_month(usable)
    months = tuple(sorted(counted["month"].unique()))
    outcomes = {}
    for name, outcome in network.outcomes.items():
        if outcome.counts_records:
            outcomes[name] = _records_per_month(counted, months, network)
        else:
            outcomes[name] = clinics_and_months.moments_by_month(
                usable, outcome.column or name, log=outcome.scale == "log", exposure=outcome.exposure
            )
    found = Summary(
        clinics,
        months,
        outcomes,
        people=_people(usable, network),
        related=_related(usable, network),
        groups=grouped_records(usable, network),
    )
    if clinics["n_records"].sum() <= COME_AGAIN * clinics["n_patients"].sum():
        return found
    again = _values_per_patient(usable, network, outcomes)
    return replace(found, returning=again, patients=_sums_by_patient(usable, network))


def _people(usable: Records, network: Network) -> pd.DataFrame:
    columns = {
        name: outcome.column or name
        for name, outcome in network.outcomes.items()
        if not outcome.counts_records
    }
    return patient_counts(usable, columns, program=network.program is not None)


def _related(usable: Records, network: Network) -> OutcomeRelations:
    columns = {kind: _columns(network, kind) for kind in ("binary", "count")}
    return outcome_relations(usable, columns["binary"], columns["count"])


def _columns(network: Network, kind: str) -> dict[str, str]:
    return {
        name: outcome.column or name
        for name, outcome in network.outcomes.items()
        if outcome.kind == kind and not outcome.counts_records
    }


def _sums_by_patient(usable: Records, network: Network) -> dict[str, pd.DataFrame]:
    return {
        name: clinics_and_months.sums_by_patient(
            usable, outcome.column or name, log=outcome.scale == "log", exposure=outcome.exposure
        )
        for name, outcome in network.outcomes.items()
        if not outcome.counts_records
    }


def _values_per_patient(
    usable: Records, network: Network, outcomes: dict[str, pd.DataFrame]
) -> dict[str, float]:
    columns = {
        name: network.column(name) or name
        for name, outcome in network.outcomes.items()
        if outcome.kind == "continuous"
    }
    patients = clinics_and_months.patients_with_values(usable, tuple(dict.fromkeys(columns.values())))
    return {
        name: float(outcomes[name]["n"].sum()) / patients[column]
        for name, column in columns.items()
        if patients[column]
    }


def _records_per_month(counted: pd.DataFrame, months: tuple[str, ...], network: Network) -> pd.DataFrame:
    """Records of every clinic in every month that it was open; in between 0 counts.

    It was open from its first month with records to its last, and in the months before and after that the
    network file declares. A month with records counts whatever is declared.
    """
    with_records = counted.groupby("clinic", sort=True)["month"].agg(["min", "max"])
    open_in = {
        str(clinic): _open_in(str(clinic), str(first), str(last), network)
        for clinic, first, last in with_records.itertuples()
    }
    every = pd.MultiIndex.from_tuples(
        [
            (clinic, month)
            for clinic, (opened, closed) in open_in.items()
            for month in months
            if opened <= month <= closed
        ],
        names=["clinic", "month"],
    )
    n = counted.set_index(["clinic", "month"])["n"].astype("float64").reindex(every, fill_value=0.0)
    return pd.DataFrame(
        {
            "clinic": every.get_level_values("clinic"),
            "month": every.get_level_values("month"),
            "n": 1.0,
            "mean": n.to_numpy(),
            "squares": np.zeros(len(every)),
            "total": n.to_numpy(),
            "exposure": 1.0,
            "total_squares": n.to_numpy() ** 2.0,
            "exposure_squares": 1.0,
        }
    )


def _open_in(clinic: str, first: str, last: str, network: Network) -> tuple[str, str]:
    """First and last month that a clinic was open, by its records and by what is declared."""
    dates = network.clinics.dated.get(clinic)
    if dates is None:
        return first, last
    kind = network.window.period
    return min(dates.open_from(kind) or first, first), max(dates.open_until(kind) or last, last)
