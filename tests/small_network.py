"""A small real network in a DuckDB file: six clinics, eleven months, three outcomes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb

Run = Callable[..., subprocess.CompletedProcess[str]]

RECORDS = """
CREATE TABLE visits AS
SELECT
    'Clinic ' || chr(CAST(65 + i % 6 AS INTEGER)) AS clinic,
    CASE WHEN i % 6 < 3 THEN 'North' ELSE 'South' END AS region,
    'patient-' || (i % 900) AS patient,
    DATE '2023-01-05' + CAST(30.4 * (i % 11) AS INTEGER) AS visit_date,
    CAST(hash(i * 7 + i % 6) % 100 < 30 + 2 * (i % 6) AS INTEGER) AS vaccinated,
    120 + (i % 6) * 0.8 + (hash(i) % 1000) / 40.0 AS sbp,
    CAST(hash(i + 1) % 5 AS INTEGER) AS emergencies,
    20 + CAST(hash(i + 2) % 60 AS INTEGER) AS age,
    CASE hash(i + 3) % 2 WHEN 0 THEN 'female' ELSE 'male' END AS sex
FROM range(3000) AS numbers(i)
"""

NETWORK = '''
[network]
name = "Six clinics"
time_zone = "America/New_York"

[records]
source = "records.duckdb"
select = """
SELECT clinic, region, patient, visit_date AS date, vaccinated, sbp, emergencies, age, sex
FROM visits
"""

[outcomes.vaccinated]
label = "Vaccinated"
kind = "binary"
direction = "higher"
adjusters = ["age", "sex"]

[outcomes.sbp]
label = "Systolic blood pressure"
kind = "continuous"
unit = "mmHg"
direction = "lower"
adjusters = ["age"]

[outcomes.emergencies]
label = "Emergency visits"
kind = "count"
direction = "lower"

[program]
label = "Outreach"
starts = { "Clinic A" = "2023-04", "Clinic B" = "2023-04", "Clinic C" = "2023-07", "Clinic D" = "2023-07" }
'''
ONE_OUTCOME = NETWORK.split("[outcomes.sbp]")[0]
"""The same network with its first outcome alone and no program, for what does not depend on them."""
MONTH = "2023-11"


def own_slopes(patients: int) -> str:
    """Records of so many patients who come four times, each with a line of their own."""
    return f"""
CREATE TABLE visits AS
SELECT
    'Clinic ' || chr(CAST(65 + i % 6 AS INTEGER)) AS clinic, 'North' AS region, 'patient-' || i AS patient,
    DATE '2023-01-05' + CAST(100 * k AS INTEGER) AS visit_date, 0 AS vaccinated, 0 AS emergencies,
    120 + (hash(i) % 200) / 10.0 + ((hash(i * 3) % 100) / 25.0 - 1.0) * k + (hash(i * 11 + k) % 100) / 50.0
        AS sbp,
    CAST(k AS INTEGER) AS age, 'female' AS sex
FROM range({patients}) AS patients(i), range(4) AS visits(k)
"""


def write_network(directory: Path, records: str = RECORDS, network: str = NETWORK) -> Path:
    """A network file with its records beside it."""
    directory.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(directory / "records.duckdb")) as connection:
        connection.execute(records)
    file = directory / "network.toml"
    file.write_text(network, encoding="utf-8")
    return file
