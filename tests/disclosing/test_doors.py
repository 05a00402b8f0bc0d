"""Ways around the tables by which small counts, and patients' values, could be had; each is tried.

Every network here is reported as a user's would be, up to what is published; the comments say what a reader
worked out before the door was closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import special

from tasks.disclosing import deciding
from tasks.models import glmm
from tasks.release import Release
from tests.disclosing.test_release import published, released

pytestmark = [pytest.mark.attack, pytest.mark.slow]

COLUMNS = ("clinic", "patient", "date", "y", "z", "program")
HEAD = """
[network]
name = "Few"
time_zone = "UTC"

[records]
source = "records.duckdb"
select = "SELECT * FROM records"

[window]
months = {months}
"""
BINARY = '[outcomes.y]\nlabel = "Y"\nkind = "binary"\ndirection = "lower"\n'
MEAN = '[outcomes.z]\nlabel = "Z"\nkind = "continuous"\nunit = "h"\ndirection = "lower"\n'
PROGRAM = '[program]\nlabel = "P"\n'


def network(directory: Path, records: pd.DataFrame, outcomes: str, months: int = 12) -> Path:
    """A network file beside its records."""
    put(directory, records)
    file = directory / "network.toml"
    file.write_text(HEAD.format(months=months) + outcomes, encoding="utf-8")
    return file


def put(directory: Path, records: pd.DataFrame) -> None:
    """Replace the records."""
    place = directory / "records.duckdb"
    place.unlink(missing_ok=True)
    with duckdb.connect(str(place)) as connection:
        connection.register("these", records)
        connection.execute("CREATE TABLE records AS SELECT * REPLACE (CAST(date AS DATE) AS date) FROM these")


def visits(sizes: dict[str, int], month: str = "2024-01", first: int = 0) -> list[tuple[object, ...]]:
    """A visit a patient: four in ten have the event, and values are about 50."""
    rng = np.random.default_rng(8)
    return [
        (clinic, f"{clinic}{first + i}", f"{month}-05", int(i % 5 < 2), float(rng.normal(50, 4)), 0)
        for clinic, n in sizes.items()
        for i in range(n)
    ]


def frame(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS))


SIZES = {"A": 40, "B": 45, "C": 50, "D": 55, "E": 60, "F": 65}


def raw(release: Release, outcome: str) -> pd.DataFrame:
    estimates = release["clinic_estimates"]
    return estimates[(estimates["outcome"] == outcome) & (estimates["form"] == "raw")].set_index("clinic")


def test_many_records_of_one_patient_are_that_patients(tmp_path: Path) -> None:
    # 60 records of one patient of clinic F: their mean was the patient's
    rows = [(clinic, "F0" if clinic == "F" else who, *rest) for clinic, who, *rest in visits(SIZES)]
    release = published(network(tmp_path, frame(rows), BINARY + MEAN), "2024-01")
    for outcome in ("y", "z"):
        of_f = raw(release, outcome).loc["F"]
        assert of_f["status"] == "suppressed_primary" and pd.isna(of_f["value"])
        # and another clinic with it, so that the network's mean does not tell it
        assert raw(release, outcome)["value"].isna().sum() == 2
    clinics = release["clinics"].set_index("clinic")
    assert pd.isna(clinics.loc["F", "n_records"]) and pd.isna(clinics.loc["F", "n_patients"])


def test_many_events_of_a_few_patients_are_theirs(tmp_path: Path) -> None:
    # in clinic F 24 of 65 records have the event, all of them three patients'
    rows = []
    for i, (clinic, who, date, y, *rest) in enumerate(visits(SIZES)):
        few = clinic == "F" and y
        rows.append((clinic, f"F-{i % 3}" if few else who, date, y, *rest))
    of_y = raw(published(network(tmp_path, frame(rows), BINARY + MEAN), "2024-01"), "y")
    assert of_y.loc["F", "status"] == "suppressed_primary"
    assert pd.isna(of_y.loc["F", "numerator"]) and of_y.loc["F", "denominator"] == 65


def test_an_effect_on_one_patient_is_that_patients_value(tmp_path: Path) -> None:
    # one record under the program: the effect is 70 less everybody's mean
    rows = visits(SIZES)
    rows[3] = (*rows[3][:4], 70.0, 1)
    release = published(network(tmp_path, frame(rows), MEAN + PROGRAM + 'column = "program"\n'), "2024-01")
    effects = release["program_effects"]
    assert len(effects) and effects["value"].isna().all()
    assert (effects["status"] != "ok").all()


def test_a_month_since_the_start_of_one_patient_takes_another_month_with_it(tmp_path: Path) -> None:
    # clinic A alone is in its 4th month after the start, with one record of 70; the average of all months
    # less the other months is that month's effect
    months = [f"2024-{m:02d}" for m in range(1, 7)]
    rows = []
    for clinic in "ABCDEFGH":
        for j, month in enumerate(months):
            n = 1 if clinic == "A" and month == "2024-06" else 30
            rows += visits({clinic: n}, month, first=1000 * j)
    rows = [(*row[:4], 70.0, 0) if row[0] == "A" and row[2] == "2024-06-05" else row for row in rows]
    adjusted = f'{MEAN}adjusters = ["y"]\n'
    starts = 'starts = { A = "2024-02", B = "2024-04", C = "2024-04", D = "2024-05" }\n'
    release = published(network(tmp_path, frame(rows), adjusted + PROGRAM + starts), "2024-06")
    effects = release["program_effects"].set_index("term")
    assert effects.loc["month 04", "status"] == "suppressed_primary"
    gone = {
        term for term in effects.index if term.startswith("month") and pd.isna(effects.loc[term, "value"])
    }
    assert {"month 04"} < gone < {f"month {k:02d}" for k in range(5)}
    assert effects.loc["average", "value"].notna().all()


def test_what_lies_before_the_window_does_not_tell_the_month_that_left(tmp_path: Path) -> None:
    # records before a four-month window grew from 25 to 28 from May to June: clinic A had 3 in February
    of_a = {"2024-02": 3, "2024-05": 5}
    rows = []
    for m in range(1, 7):
        month = f"2024-{m:02d}"
        rows += visits({**SIZES, "A": of_a.get(month, 25)}, month, first=1000 * m)
    file = network(tmp_path, frame(rows), MEAN, months=4)
    for month in ("2024-05", "2024-06"):
        quality = published(file, month)["quality"]
        outside = quality[quality["rule"].isin(["date_before_window", "date_after_month"])]
        assert outside["clinic"].tolist() == ["", ""]


def test_days_at_risk_are_records_in_other_units(tmp_path: Path) -> None:
    # 60 days at 30 a record are 2 records
    sizes = {"2024-01": {**SIZES, "A": 2}, "2024-02": {**SIZES, "B": 3}}
    rows = [
        row
        for j, (month, of_month) in enumerate(sizes.items())
        for row in visits(of_month, month, first=1000 * j)
    ]
    records = frame(rows).assign(days=30.0)
    falls = '[outcomes.y]\nlabel = "Y"\nkind = "count"\ndirection = "lower"\nexposure = "days"\n'
    months = published(network(tmp_path, records, falls), "2024-02")["clinic_months"]
    of_clinics = months[months["clinic"] != ""]
    assert of_clinics.loc[of_clinics["clinic"].isin(["A", "B"]), "denominator"].isna().all()
    assert of_clinics.loc[of_clinics["clinic"] == "F", "denominator"].tolist() == [1950.0, 1950.0]


def test_a_part_is_not_the_whole_less_the_other_part(tmp_path: Path) -> None:
    # 24 visits less 20 planned ones are 4 unplanned
    unplanned = {"A": 4, "B": 15, "C": 20, "D": 25, "E": 30, "F": 6}
    rows = visits(dict.fromkeys(unplanned, 90))
    number = np.arange(len(rows)) % 90
    least = np.array([unplanned[str(row[0])] for row in rows])
    records = frame(rows).assign(
        unplanned=(number < least).astype(int),
        planned=((number >= least) & (number < least + 20)).astype(int),
        visit=(number < least + 20).astype(int),
    )
    outcomes = "".join(
        BINARY.replace("outcomes.y", f"outcomes.{name}") for name in ("unplanned", "planned", "visit")
    )
    release = published(network(tmp_path, records, outcomes), "2024-01")
    hidden = {
        name: set(raw(release, name).index[raw(release, name)["numerator"].isna()])
        for name in ("unplanned", "planned", "visit")
    }
    assert {"A", "F"} < hidden["unplanned"] == hidden["planned"]
    assert hidden["visit"] == set()  # the whole tells no part while both parts are hidden
    # were A's planned visits said not to be few, at most 13 of 24 could be unplanned
    for name in ("unplanned", "planned"):
        of_a = raw(release, name).loc["A"]
        assert of_a["status"] == "suppressed_primary"
        assert "of this outcome or of one that adds up with it" in str(of_a["reason"])


def test_the_difference_of_two_numbers_of_patients_may_be_few(tmp_path: Path) -> None:
    # in February clinic A has 3 new patients, the others 15
    new = {clinic: 3 if clinic == "A" else 15 for clinic in SIZES}
    january = visits(SIZES)
    february = [(*row[:2], "2024-02-05", *row[3:]) for row in january if int(str(row[1])[1:]) < 30]
    february += visits(new, "2024-02", first=1000)
    file = network(tmp_path, frame(january), MEAN)
    assert published(file, "2024-01")["clinics"]["n_patients"].notna().all()
    put(tmp_path, frame([*january, *february]))
    patients = published(file, "2024-02")["clinics"].set_index("clinic")["n_patients"]
    assert patients.index[patients.isna()].tolist() == ["A"]


def test_a_corrected_count_is_not_the_total_less_what_was_shown_before(tmp_path: Path) -> None:
    # clinic A's 12 records become 9; all others are known from the first edition
    sizes = {**SIZES, "A": 12}
    file = network(tmp_path, frame(visits(sizes)), MEAN)
    assert published(file, "2024-01")["clinics"]["n_records"].notna().all()
    put(tmp_path, frame(visits({**sizes, "A": 9})))
    second = published(file, "2024-01")
    records = second["clinics"].set_index("clinic")["n_records"]
    assert records.index[records.isna()].tolist() == ["A"]
    assert second["outcomes"]["n_records"].isna().all()
    figures = second["network_figures"].set_index("figure")["value"]
    assert pd.isna(figures.get("mean", np.nan))


def test_an_outcome_that_was_too_rare_stays_unknown_for_its_first_month(tmp_path: Path) -> None:
    # 10 events in January, withheld whole; January and February are 30, so February must not be shown
    events = {"2024-01": [3, 3, 2, 2], "2024-02": [5, 6, 5, 4], "2024-03": [4, 3, 3, 2]}
    rows = []
    for month, numbers in events.items():
        for clinic, n in zip("ABCD", numbers, strict=True):
            of_month = visits({clinic: 60}, month)
            rows += [(*row[:3], int(i < n), *row[4:]) for i, row in enumerate(of_month)]
    records = frame(rows).assign(patient=range(len(rows)))
    file = network(tmp_path, records[records["date"] < "2024-02"], BINARY)
    for month in events:
        put(tmp_path, records[records["date"] <= f"{month}-28"])
        release = published(file, month)
    own = release["clinic_months"].query("clinic == ''").set_index("month")["numerator"]
    assert own[["2024-01", "2024-02"]].isna().all()


def of_events(counts: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Records of clinic → (records, events), one a patient."""
    return frame(
        [
            (clinic, f"{clinic}{i}", "2024-01-05", int(i < events), 50.0, 0)
            for clinic, (n, events) in counts.items()
            for i in range(n)
        ]
    )


def fitting(release: Release, sums: list[tuple[int, int]]) -> list[int]:
    """What the first of two withheld clinics can have, of ways to share out their events, by refitting.

    Whoever tries them has all other clinics' counts, and holds the model's figures against those published.
    """
    counts = raw(release, "y")[["numerator", "denominator"]].astype("float64")
    shown = release["network_figures"].set_index("figure")["value"].astype("float64")
    digits = {name: len(f"{value:.12g}".lstrip("0.").replace(".", "")) for name, value in shown.items()}
    first, second = counts.index[counts["numerator"].isna()]
    found = []
    for events in sums:
        counts.loc[[first, second], "numerator"] = events
        fit = glmm("numerator ~ 1 + (1 | clinic)", counts.reset_index(), trials="denominator")
        figures = {
            "typical": 100.0 * special.expit(fit.coef.iloc[0]),
            "sd_between": fit.varcomp.sd("clinic").iloc[0],
        }
        if all(
            np.isnan(shown[name]) or float(f"{value:.{digits[name]}g}") == shown[name]
            for name, value in figures.items()
        ):
            found.append(events[0])
    return found


def test_a_model_without_adjusters_cannot_be_fitted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A and C have 17 events together, of which A has 1 to 6 (C's are not few): 6 tables, and one of them has
    # the typical clinic and the spread that were published
    counts = {"A": (40, 4), "B": (45, 12), "C": (50, 13), "D": (55, 30), "E": (60, 25)}
    ways = [(few, 17 - few) for few in range(1, 7)]
    file = network(tmp_path, of_events(counts), BINARY, months=1)
    assert fitting(released(file, "2024-01"), ways) == [1, 2, 3, 4, 5, 6]
    monkeypatch.setattr(deciding, "model_digits", lambda *_, **__: None)
    assert fitting(released(file, "2024-01"), ways) == [4]


def test_a_model_that_several_tables_give_is_told(tmp_path: Path) -> None:
    # A and B are of one size: 3 and 8, or 8 and 3, the model is the same, and 5 apart is half of 1 to 10
    counts = {"A": (40, 3), "B": (40, 8), "C": (50, 13), "D": (55, 30), "E": (60, 25)}
    release = released(network(tmp_path, of_events(counts), BINARY, months=1), "2024-01")
    assert fitting(release, [(few, 11 - few) for few in range(1, 11)]) == [3, 8]
    shrunken = release["clinic_estimates"].query("form == 'shrunken'").set_index("clinic")
    assert shrunken.loc[["C", "D", "E"], ["value", "lower", "upper", "p_better"]].notna().all(axis=None)
