"""A program that reached some of the clinics: what its effect tells of those that are withheld."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from tasks.release import Release
from tests.disclosing.test_release import released

# twelve clinics in six months; one has 7 records in all
RECORDS = """
CREATE TABLE visits AS
SELECT
    'Clinic ' || chr(CAST(65 + clinic AS INTEGER)) AS clinic,
    'patient-' || clinic || '-' || month || '-' || i AS patient,
    DATE '2024-01-15' + INTERVAL (month) MONTH AS date,
    CAST(hash(clinic * 10000 + month * 100 + i) % 10 < 4 AS INTEGER) AS vaccinated
FROM range(12) AS clinics(clinic), range(6) AS months(month), range(60) AS patients(i)
WHERE i < CASE clinic WHEN 0 THEN 1 + CAST(month = 3 AS INTEGER) WHEN 1 THEN 60 ELSE 50 END
"""
NETWORK = """
[network]
name = "Twelve clinics"
time_zone = "UTC"

[records]
source = "records.duckdb"
select = "SELECT clinic, patient, date, vaccinated FROM visits"

[outcomes.vaccinated]
label = "Vaccinated"
kind = "binary"
direction = "higher"

[program]
label = "Reminders"

[program.starts]
{starts}

[window]
months = 12
"""


def release(directory: Path, starts: dict[str, str]) -> Release:
    with duckdb.connect(str(directory / "records.duckdb")) as connection:
        connection.execute(RECORDS)
    file = directory / "network.toml"
    lines = "\n".join(f'"{clinic}" = "{month}"' for clinic, month in starts.items())
    file.write_text(NETWORK.replace("{starts}", lines), encoding="utf-8")
    return released(file, "2024-06")


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release with two clinics under the program, of which one is too small to show."""
    return release(tmp_path_factory.mktemp("pilot"), {"Clinic A": "2024-04", "Clinic B": "2024-03"})


def test_the_clinics_that_the_program_reached_do_not_tell_each_other(pilot: Release) -> None:
    sizes = pilot["clinics"].set_index("clinic")["n_records"]
    assert pd.isna(sizes["Clinic A"])
    assert sizes["Clinic B"] == 360
    # records of A and B together, less those of B: 7
    effects = pilot["program_effects"]
    together = effects.loc[effects["n_clinics"] == 2, "n_records"].dropna()
    assert not (together - 360 <= 10).any()
    assert not (effects["n_records"] == 367).any()


def test_nor_does_a_figure_made_of_their_sums(pilot: Release) -> None:
    naive = pilot["program_effects"].query("model == 'naive'")
    assert len(naive) > 0
    assert naive[["value", "lower", "upper", "p"]].isna().all(axis=None)
    assert set(naive["status"]) == {"suppressed_secondary"}
    assert naive["words"].str.startswith("withheld").all()
    mixed = pilot["program_effects"].query("model == 'mixed' and term == 'effect'")
    assert mixed["value"].notna().all()


def test_a_program_that_reached_every_clinic_has_its_plain_figure(tmp_path: Path) -> None:
    starts = {f"Clinic {chr(65 + i)}": f"2024-0{3 + i % 3}" for i in range(12)}
    effects = release(tmp_path, starts)["program_effects"]
    assert effects.query("model == 'naive'")["value"].notna().all()
