"""Clinics that are renamed, merge, open or close between two reports."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest
from golden.demo_feeds import undrawn
from small_network import NETWORK, RECORDS, write_network

from flows.monthly_job import report_period
from flows.period_reported import PeriodReported

pytestmark = pytest.mark.slow

FIRST, SECOND = "2023-10", "2023-11"
VACCINATED = NETWORK.split("[outcomes.sbp]")[0]
MANY = RECORDS.replace("range(3000)", "range(9000)")


def rows(reported: PeriodReported, table: str) -> pd.DataFrame:
    return duckdb.sql(f"SELECT * FROM '{reported.directory}/feed/{table}.parquet'").df()


def test_the_past_of_a_clinic_follows_its_name(tmp_path: Path) -> None:
    network = write_network(tmp_path / "network", MANY, VACCINATED)
    first = report_period(network, FIRST, undrawn())
    renamed = '[clinics]\nrenamed = { "Clinic A" = "Ash", "Clinic C" = "Clinic B" }\n'
    network.write_text(VACCINATED + renamed, encoding="utf-8")
    second = report_period(network, SECOND, undrawn())
    clinics, before = (rows(each, "clinics").set_index("clinic") for each in (second, first))
    assert clinics.index.tolist() == ["Ash", *(f"Clinic {letter}" for letter in "BDEF")]
    # people have links to its report
    assert clinics.loc["Ash", "slug"] == "clinic-a"
    assert clinics.loc["Clinic B", "n_records"] > 1.9 * before.loc["Clinic B", "n_records"]
    changes = rows(second, "changes")
    assert not changes["change"].isin(["clinic_new", "clinic_gone"]).any()
    # nothing of the clinic that only changed its name was restated; what the merged clinic says was
    assert "Ash" not in set(changes.loc[changes["change"] == "restated", "clinic"])
    assert "Clinic B" in set(changes.loc[changes["change"] == "restated", "clinic"])


def test_months_before_the_opening_and_after_the_closing_do_not_count(tmp_path: Path) -> None:
    volume = (
        VACCINATED
        + '[outcomes.visits]\nlabel = "Visits"\nkind = "count"\ndirection = "neither"\nper = "clinic-month"\n'
    )
    fewer = MANY.replace(
        "FROM range(9000) AS numbers(i)",
        "FROM range(9000) AS numbers(i) WHERE i % 6 <> 5 OR i % 11 BETWEEN 3 AND 6",
    )
    network = write_network(tmp_path / "network", fewer, volume)
    of_f = '[clinics."Clinic F"]\nopened = "2023-03"\nclosed = "2023-08"\n'
    found = {}
    for said in ("", of_f):
        network.write_text(volume + said, encoding="utf-8")
        reported = report_period(network, SECOND, undrawn())
        months = rows(reported, "clinic_months").query("outcome == 'visits' and clinic == 'Clinic F'")
        quality = rows(reported, "quality").query("rule == 'months_without_records'")
        noted = quality.set_index("clinic")["n_found"].reindex(["Clinic F"]).fillna(0).iloc[0]
        found[said] = (months.loc[months["status"] == "ok", "month"].tolist(), noted)
    # from its first month with records to its last, or as declared: in between no records are a zero
    assert found[""][0] == [f"2023-{month:02}" for month in range(4, 8)]
    assert found[of_f][0] == [f"2023-{month:02}" for month in range(3, 9)]
    # without a declaration every month after the last with records is noted as without
    assert found[""][1] == 4
    assert found[of_f][1] == 2
