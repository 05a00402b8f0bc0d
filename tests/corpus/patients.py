"""Patients: numbers that begin anew, that are missing, and one who comes very often."""

from __future__ import annotations

import numpy as np
import pandas as pd
from corpus.case import MEAN, SHOWN, Case, Figure, own_value, records_of
from corpus.names import with_means


def patients_of(clinic: str, number: float | None) -> Figure:
    """A clinic's patients in the release."""
    return Figure(table="clinics", where={"clinic": clinic}, column="n_patients", value=number)


def _restarted() -> pd.DataFrame:
    """Six clinics of 20 patients seen three times, numbered from 1 in each."""
    rows = with_means({f"K{i}": 10.0 * (i + 1) for i in range(6)}, 60)
    rows["patient"] = [1 + i % 60 // 3 for i in range(len(rows))]
    return rows.assign(record=range(len(rows)), y=rows["y"] + rows["patient"] % 5 - 2.0)


def _unnumbered() -> pd.DataFrame:
    """J sends no numbers, and every third visit to I is a walk-in without one, 30 above the others."""
    rows = []
    for clinic in "ABCDEFGHIJ":
        for i in range(60):
            walk_in = clinic == "I" and i % 3 == 0
            number = None if walk_in or clinic == "J" else f"{clinic}{i // 3}"
            y = 130.0 + 30.0 * walk_in + i % 5 - 2.0
            rows.append((clinic, number, f"{clinic}-{i}", pd.Timestamp(2024, 3, 1 + i % 28), y))
    return pd.DataFrame(rows, columns=["clinic", "patient", "record", "date", "y"])


def _under_one_number() -> pd.DataFrame:
    """The same, walk-ins and J's patients under the number 0."""
    return _unnumbered().fillna({"patient": "0"})


def _one_patient() -> pd.DataFrame:
    """Eight clinics of 60 records; all of H's are one patient's."""
    rows = with_means(dict.fromkeys("ABCDEFGH", 130.0), 60)
    rows["record"] = rows["patient"]
    return rows.assign(
        patient=rows["patient"].where(rows["clinic"] != "H", "H1"),
        y=rows["y"] + np.arange(480) % 7,
    )


def _copies() -> pd.DataFrame:
    """Every record of B is there twice, in all its columns."""
    rows = with_means({"A": 10.0, "B": 20.0, "C": 30.0})
    return pd.concat([rows, rows[rows["clinic"] == "B"]], ignore_index=True)


CASES = (
    Case(
        name="patient numbers that begin anew in each clinic, told",
        source="trial patient_numbers_per_clinic; 20 patients a clinic by hand",
        rows=_restarted,
        network=MEAN + SHOWN,
        records='patient_within = "clinic"',
        month="2024-03",
        figures=(patients_of("K0", 20.0), records_of("K0", 60.0), own_value("K1", 20.0)),
    ),
    Case(
        name="patient numbers that begin anew in each clinic, untold",
        source="trial patient_numbers_per_clinic: check asks whether they do",
        rows=_restarted,
        network=MEAN + SHOWN,
        doubted="every patient number occurs in all 6 clinics",
        month="2024-03",
        figures=(own_value("K1", 20.0),),
    ),
    Case(
        name="visits without a patient number",
        source="trial null_patients: each is a patient of its own; means and counts by hand",
        rows=_unnumbered,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(
            patients_of("J", 60.0),
            patients_of("I", 40.0),  # 20 walk-ins; visits 1 and 2 of each three share a number
            own_value("I", 140.0),
            own_value("J", 130.0),
        ),
    ),
    Case(
        name="nobody's number",
        source="80 of 600 records of patient 0, 2.9 of each other by hand: check asks who that is",
        rows=_under_one_number,
        network=MEAN + SHOWN,
        doubted="one patient number has 80 of 600 records, and the others 2.9 each on average",
        month="2024-03",
        figures=(patients_of("J", 1.0), own_value("J", 130.0)),
    ),
    Case(
        name="nobody's number, told",
        source="NULL is nobody's number; counts by hand",
        rows=_under_one_number,
        select="SELECT clinic, NULLIF(patient, '0') AS patient, record, date, y FROM records",
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(patients_of("J", 60.0), patients_of("I", 40.0), own_value("I", 140.0)),
    ),
    Case(
        name="one patient's clinic",
        source="trial one_patient_published: nothing about 1 to 10 patients may stand there",
        rows=_one_patient,
        network=MEAN,
        month="2024-03",
        figures=(
            own_value("H", None),
            patients_of("H", None),
            Figure(
                table="clinic_estimates",
                where={"outcome": "y", "clinic": "H", "form": "raw"},
                column="status",
                value="suppressed_primary",
            ),
        ),
    ),
    Case(
        name="records that are there twice",
        source="copies of a record count once (sql/screening/duplicates.sql); 30 by hand",
        rows=_copies,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(records_of("A", 30), records_of("B", 30), own_value("B", 20.0)),
    ),
)
