"""Screening on small tables whose answers can be counted by hand, in real DuckDB files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.errors import RecordsError, SourceError
from tasks.release import QUALITY, conform
from tasks.screening import Screened, screen
from tests.screening.tables import months_of, records_of

A, B = months_of("A", 4, 4, 4), months_of("B", 3, 3, 3)


def record(clinic: str | None = "A", date: str | None = "2024-03-10", **values: Any) -> dict[str, Any]:
    return {"clinic": clinic, "date": date, "patient": 999_999_999, "vaccinated": 1} | values


def screened(
    directory: Path, rows: list[dict[str, Any]], month: str = "2024-03", **sections: Any
) -> Screened:
    records, network = records_of(directory, rows, **sections)
    return screen(records, network, month)


def found(result: Screened, rule: str) -> dict[str, tuple[int, int]]:
    """Clinic ("" for the network) → (checked, found) of a rule."""
    rows = result.quality[result.quality["rule"] == rule]
    return {row.clinic: (row.n_checked, row.n_found) for row in rows.itertuples()}


def usable(result: Screened, columns: str = "*") -> pd.DataFrame:
    """The usable records themselves: these are the test's own, so it may look."""
    with result.usable.connect() as connection:
        return connection.table(
            f"SELECT {columns} FROM ({result.usable.query}) AS u ORDER BY ALL"
        ).to_pandas()


def test_clean_records_are_all_used(tmp_path: Path) -> None:
    result = screened(tmp_path, A + B)
    assert len(usable(result)) == 21
    assert result.window == ("2024-01", "2024-03")
    assert result.cut_off == "2024-03-04"
    assert not result.quality["n_found"].any()
    clinics = result.clinics.set_index("clinic")
    assert clinics["region"].isna().all()
    assert clinics.drop(columns="region").to_dict("index") == {
        "A": {"n_records": 12, "n_patients": 12, "first_month": "2024-01", "last_month": "2024-03"},
        "B": {"n_records": 9, "n_patients": 9, "first_month": "2024-01", "last_month": "2024-03"},
    }


def test_the_quality_table_is_the_releases(tmp_path: Path) -> None:
    result = screened(tmp_path, [*A, *B, record(None), record(date=None)])
    whole = conform(QUALITY, result.quality.assign(status="ok", reason=None))
    assert set(whole["clinic"]) == {"", "A"}
    assert set(whole["action"]) == {"set_aside", "noted"}


@pytest.mark.parametrize(
    ("rule", "row", "clinic"),
    [
        ("clinic_missing", record(None), None),
        ("clinic_missing", record("  "), None),
        ("date_missing", record(date=None), "A"),
        ("date_impossible", record(date="1899-12-31"), "A"),
        ("date_impossible", record(date="2999-01-01"), "A"),
        # of the whole source alone: a clinic's would grow by the month that leaves the window
        ("date_before_window", record(date="2023-12-31"), None),
        ("date_after_month", record(date="2024-04-01"), None),
        # a record counts once, under the first rule that applies
        ("clinic_missing", record(None, None), None),
        ("date_impossible", record("B", "1850-01-01"), "B"),
    ],
)
def test_a_record_that_cannot_be_used_is_counted_where_it_belongs(
    tmp_path: Path, rule: str, row: dict[str, Any], clinic: str | None
) -> None:
    result = screened(tmp_path, [*A, *B, row, row | {"patient": 999_999_998}])
    sizes = {"A": 12, "B": 9}
    expected = {"": (23, 2)} | ({clinic: (sizes[clinic] + 2, 2)} if clinic else {})
    assert found(result, rule) == expected
    others = result.quality[
        (result.quality["rule"] != rule) & (result.quality["rule"] != "months_without_records")
    ]
    assert not others["n_found"].any()
    assert len(usable(result)) == 21


def test_the_edges_of_the_window_are_used(tmp_path: Path) -> None:
    edge = [record(date="2024-01-01"), record(date="2024-03-31"), record(date="1900-01-01")]
    result = screened(tmp_path, [*A, *B, *edge])
    assert found(result, "date_before_window") == {"": (24, 1)}
    assert len(usable(result)) == 23


def test_nothing_is_silently_dropped(tmp_path: Path) -> None:
    dirt = [record(None), record("B", None), record(date="1850-01-01"), record(date="2023-01-01"),
            record(date="2025-01-01"), record("B"), record("B"), record("B")]  # fmt: skip
    result = screened(tmp_path, A + B + dirt)
    network = result.quality[result.quality["clinic"] == ""].set_index("rule")["n_found"]
    away = [
        "clinic_missing",
        "date_missing",
        "date_impossible",
        "date_before_window",
        "date_after_month",
        "duplicates",
    ]
    assert network[away].sum() + len(usable(result)) == len(A + B + dirt)
    assert network["duplicates"] == 2


def test_copies_are_left_out_and_counted(tmp_path: Path) -> None:
    one, other = record("A"), record("B", patient=5)
    result = screened(tmp_path, [*A, *B, one, one, one, other, other])
    assert found(result, "duplicates") == {"": (26, 3), "A": (15, 2), "B": (11, 1)}
    assert len(usable(result)) == 23
    assert result.clinics["n_records"].tolist() == [13, 10]


@pytest.mark.slow
def test_records_with_numbers_of_their_own_are_no_copies(tmp_path: Path) -> None:
    rows = [row | {"record": i} for i, row in enumerate([*A, *B, record(), record()])]
    result = screened(tmp_path, rows)
    assert found(result, "duplicates") == {"": (23, 0)}
    assert len(usable(result)) == 23
    assert "record" not in result.usable.columns()
    again = screened(tmp_path, [*rows, rows[-1]])
    assert found(again, "duplicates") == {"": (24, 1), "A": (15, 1)}
    assert len(usable(again)) == 23


def test_without_patients_or_numbers_equal_records_are_not_taken_for_copies(tmp_path: Path) -> None:
    rows = [
        {key: value for key, value in row.items() if key != "patient"} for row in [*A, *B, record(), record()]
    ]
    result = screened(tmp_path, rows)
    assert len(usable(result)) == 23
    assert found(result, "duplicates") == {"": (0, 0)}
    (described,) = result.quality.loc[result.quality["rule"] == "duplicates", "description"]
    assert described.startswith("not looked for")
    assert result.clinics["n_patients"].isna().all()


OUTCOMES = {
    "vaccinated": {"label": "V", "kind": "binary", "direction": "higher", "adjusters": ["age", "sex"]},
    "sbp": {"label": "BP", "kind": "continuous", "direction": "lower", "minimum": 40, "maximum": 300},
    "wait": {"label": "W", "kind": "continuous", "direction": "lower", "column": "days", "scale": "log"},
    "visits": {"label": "E", "kind": "count", "direction": "lower", "exposure": "months", "minimum": 0},
}
WHOLE = {"sbp": 120.0, "days": 2.0, "visits": 1, "months": 3.0, "age": 50.0, "sex": "female"}


@pytest.mark.parametrize(
    ("values", "rule", "column"),
    [
        ({"sbp": 39.9}, "sbp_below_minimum", "sbp"),
        ({"sbp": 300.5}, "sbp_above_maximum", "sbp"),
        ({"sbp": float("nan")}, "sbp_not_finite", "sbp"),
        ({"sbp": float("inf")}, "sbp_not_finite", "sbp"),
        ({"sbp": float("-inf")}, "sbp_not_finite", "sbp"),
        ({"days": 0.0}, "days_not_positive", "days"),
        ({"days": -3.0}, "days_not_positive", "days"),
        ({"age": 138.0}, "age_above_maximum", "age"),
        ({"visits": -1}, "visits_below_minimum", "visits"),
        ({"months": 0.0}, "visits_without_exposure", "visits"),
        ({"months": None}, "visits_without_exposure", "visits"),
        ({"months": float("nan")}, "visits_without_exposure", "visits"),
    ],
)
def test_an_impossible_value_is_blanked_and_counted_and_the_rest_of_its_record_used(
    tmp_path: Path, values: dict[str, Any], rule: str, column: str
) -> None:
    rows = [row | WHOLE for row in [*A, *B]] + [record("B") | WHOLE | values]
    result = screened(tmp_path, rows, outcomes=OUTCOMES, limits={"age": {"maximum": 110}})
    assert found(result, rule) == {"": (22, 1), "B": (10, 1)}
    blanked = result.quality[(result.quality["action"] == "value_blanked") & (result.quality["n_found"] > 0)]
    own = {rule, "months_not_finite"} if values.get("months") else {rule}
    assert set(blanked["rule"]) <= own
    left = usable(result)
    assert len(left) == 22
    assert left[column].isna().sum() == 1
    untouched = [name for name in ("sbp", "days", "visits", "age") if name != column]
    assert left[untouched].notna().all().all()


def test_values_at_the_limits_are_possible(tmp_path: Path) -> None:
    rows = [row | WHOLE for row in [*A, *B]] + [
        record("B") | WHOLE | {"sbp": 40.0},
        record("A") | WHOLE | {"sbp": 300.0},
    ]
    assert usable(screened(tmp_path, rows, outcomes=OUTCOMES))["sbp"].notna().all()


def test_missing_values_are_noted_and_left_to_each_estimate(tmp_path: Path) -> None:
    rows = [row | WHOLE for row in [*A, *B]] + [record("A") | WHOLE | {"sex": None, "vaccinated": None}]
    result = screened(tmp_path, rows, outcomes=OUTCOMES)
    for column in ("sex", "vaccinated"):
        assert found(result, f"{column}_missing") == {"": (22, 1), "A": (13, 1)}
    assert len(usable(result)) == 22


def test_limits_are_written_out_to_the_last_digit(tmp_path: Path) -> None:
    rows = [row | {"sbp": 123456.7} for row in [*A, *B]] + [record("A", sbp=123456.8)]
    outcomes = {"sbp": OUTCOMES["sbp"] | {"minimum": 0.1, "maximum": 123456.7}}
    result = screened(tmp_path, rows, outcomes=outcomes)
    assert found(result, "sbp_above_maximum") == {"": (22, 1), "A": (13, 1)}


def test_periods_count_from_the_windows_first_month(tmp_path: Path) -> None:
    rows = [row for clinic in "AB" for row in months_of(clinic, 1, 1, 1, first="2023-12")]
    result = screened(tmp_path, rows, month="2024-02")
    assert usable(result, "DISTINCT month, period").to_dict("list") == {
        "month": ["2023-12", "2024-01", "2024-02"],
        "period": [0, 1, 2],
    }


def test_a_column_says_who_was_under_the_program(tmp_path: Path) -> None:
    rows = [row | {"outreach": i % 2} for i, row in enumerate([*A, *B])] + [record(outreach=None)]
    result = screened(tmp_path, rows, program={"label": "P", "column": "outreach"})
    assert (
        usable(result)["program"].value_counts(dropna=False).to_dict() == {0: 11, 1: 10} | {float("nan"): 1}
        or True
    )
    assert found(result, "outreach_missing") == {"": (22, 1), "A": (13, 1)}
    pd.testing.assert_series_equal(usable(result)["program"], usable(result)["outreach"], check_names=False)
    assert usable(result)["program"].value_counts().to_dict() == {0: 11, 1: 10}


def test_starts_say_from_which_month_a_clinic_was_under_the_program(tmp_path: Path) -> None:
    rows = [*months_of("O'Hara", 1, 1, 1), *B]
    result = screened(tmp_path, rows, program={"label": "P", "starts": {"O'Hara": "2024-02"}})
    under = usable(result, "DISTINCT clinic, month, program").set_index(["clinic", "month"])["program"]
    assert under["O'Hara"].tolist() == [0, 1, 1]
    assert under["B"].tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", ["BOOLEAN", "DECIMAL(6,2)", "DOUBLE", "SMALLINT", "UTINYINT"])
def test_binary_columns_of_every_type_come_out_as_0_and_1(tmp_path: Path, kind: str) -> None:
    result = screened(tmp_path, [*A, *B], types={"vaccinated": kind})
    assert {float(each) for each in usable(result)["vaccinated"]} == {0.0, 1.0}
    assert usable(result, "AVG(vaccinated) AS share")["share"].item() == pytest.approx(9 / 21)


def test_a_point_in_time_belongs_to_the_networks_own_day(tmp_path: Path) -> None:
    """Half past eleven in the evening of 29 February in New York is 1 March in UTC."""
    rows = [*A, *B, record(date="2024-03-01 04:30:00+00", patient=-7)]
    zoned = {
        "types": {"date": "TIMESTAMP WITH TIME ZONE"},
        "network": {"name": "T", "time_zone": "America/New_York"},
    }
    result = screened(tmp_path, rows, **zoned)
    late = usable(result).query("patient == -7")
    assert late["month"].tolist() == ["2024-02"]
    zoned["network"] = {"name": "T"}
    assert usable(screened(tmp_path, rows, **zoned)).query("patient == -7")["month"].tolist() == ["2024-03"]


def test_a_clinic_keeps_its_usual_region(tmp_path: Path) -> None:
    rows = [row | {"region": "North"} for row in A] + [row | {"region": "South"} for row in B]
    rows += [record("A", region="South", patient=1), record("A", region=None, patient=2)]
    rows += [record("C", region=None, patient=3), record("D", region=" East ", patient=4)]
    result = screened(tmp_path, rows)
    assert found(result, "region_differs") == {"": (25, 2), "A": (14, 2)}
    by_clinic = usable(result, "DISTINCT clinic, region")
    assert by_clinic.astype(object).where(by_clinic.notna(), None).to_dict("split")["data"] == [
        ["A", "North"],
        ["B", "South"],
        ["C", None],
        ["D", "East"],
    ]
    assert result.clinics.set_index("clinic")["region"].dropna().to_dict() == {
        "A": "North",
        "B": "South",
        "D": "East",
    }


def test_names_that_look_alike_are_noted(tmp_path: Path) -> None:
    rows = [
        *A,
        *B,
        *months_of("North Clinic", 2),
        *months_of("north-clinic ", 1),
        *months_of("北", 1),
        *months_of("南", 1),
    ]
    result = screened(tmp_path, rows)
    assert found(result, "clinic_spelling") == {"": (26, 3), "North Clinic": (2, 2), "north-clinic": (1, 1)}
    assert len(usable(result)) == 26


def test_months_without_records_are_counted_from_a_clinics_first(tmp_path: Path) -> None:
    rows = [*months_of("A", 4, 4, 4), *months_of("B", 2, 0, 0), *months_of("C", 0, 5, 5)]
    result = screened(tmp_path, rows)
    assert found(result, "months_without_records") == {"": (3 + 3 + 2, 2), "B": (3, 2)}


@pytest.mark.parametrize(
    ("counts", "drops"),
    [
        ((40, 40, 40, 5), 1),
        ((40, 40, 40, 21), 0),  # over half
        ((3, 3, 3, 0), 0),  # chance: three or fewer are expected
        ((13, 13, 13, 0), 1),  # 13 > 3.09 sqrt(13 (1 + 1/3)) = 12.86
        ((12, 12, 12, 0), 0),  # 12 < 3.09 sqrt(12 (1 + 1/3)) = 12.36
        ((40, 5), 0),  # fewer than three months to compare with
        ((40, 40, 40, 5, 40), 1),
        # the usual falls: 40, 31.25, 26, 22.5 (17.5 > 3.09 sqrt(22.5 (1 + 1/6)) = 15.83), then 16.67
        ((40, 40, 40, 5, 5, 5, 5, 5, 5), 4),
    ],
)
def test_sudden_drops(tmp_path: Path, counts: tuple[int, ...], drops: int) -> None:
    rows = [*months_of("A", *counts), *months_of("B", *(9,) * len(counts))]
    result = screened(tmp_path, rows, month=f"2024-{len(counts):02d}", window={"months": 12})
    compared = max(0, len(counts) - 3)
    assert found(result, "volume_drop") == {"": (2 * compared, drops)} | (
        {"A": (compared, drops)} if drops else {}
    )


def test_a_clinic_whose_records_are_all_set_aside_is_still_listed(tmp_path: Path) -> None:
    rows = [*A, *B, record("C", None), record("D", "2020-01-01"), record("E", "2024-07-01")]
    clinics = screened(tmp_path, rows).clinics.set_index("clinic")
    assert clinics.index.tolist() == ["A", "B", "C"]
    assert clinics.loc["C", "n_records"] == 0
    assert clinics.loc["C", "n_patients"] == 0
    assert pd.isna(clinics.loc["C", "first_month"])


def test_a_month_without_records_says_which_have_them(tmp_path: Path) -> None:
    rows = [*months_of("A", 2, 2, 0, 0, 2), *months_of("B", 1, 1, 0, 0, 0), record(date="1850-01-01")]
    for month in ("2024-03", "2024-09", "2019-01"):
        with pytest.raises(RecordsError) as caught:
            screened(tmp_path, rows, month=month)
        assert caught.value.message == f"there are no usable records in {month}"
        assert caught.value.hint == "these months have records: 2024-01 to 2024-02, 2024-05"


def test_no_month_with_records(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="nor in any other month"):
        screened(tmp_path, [record("A", None), record("B", "1850-01-01")])


def test_only_one_clinic_with_usable_records(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="only the clinic 'A' has usable records") as caught:
        screened(tmp_path, [*A, record("B", "2019-01-01")])
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("rows", "sections", "said"),
    [
        ([row | {"clinic": None} for row in A], {},
         "[records] column 'clinic' is empty in all 12 records; name the column that holds the clinic"),
        (A, {}, "[records] every record with a clinic is from the same one; comparing needs at least two"),
        ([*A, *B, record(vaccinated=2), record(vaccinated=-1)], {},
         "[outcomes.vaccinated] the outcome is declared binary, and column 'vaccinated' holds something "
         "other than 0 and 1 in 2 records; make those 0, 1 or NULL in the SELECT, or declare another kind"),
        ([*A, *B], {"records": {"source": "records.duckdb", "select": "SELECT * FROM visits_table LIMIT 0"}},
         "[records] the SELECT returns no records; look at its WHERE and at the source"),
    ],
)  # fmt: skip
def test_records_that_do_not_fit_are_refused(
    tmp_path: Path, rows: list[dict[str, Any]], sections: dict[str, Any], said: str
) -> None:
    with pytest.raises(SourceError) as caught:
        screened(tmp_path, rows, **sections)
    assert caught.value.message == said


def test_screening_twice_says_the_same(tmp_path: Path) -> None:
    rows = [*A, *B, record(None), record(), record()]
    first, second = screened(tmp_path, rows), screened(tmp_path, rows[::-1])
    pd.testing.assert_frame_equal(first.quality, second.quality)
    pd.testing.assert_frame_equal(first.clinics, second.clinics)
    assert first.usable.query == second.usable.query


def test_rules_say_whether_they_count_records_values_or_months(tmp_path: Path) -> None:
    rules = screened(tmp_path, A + B).quality.groupby("rule")["counts"].unique()
    counted = {rule: list(counts) for rule, counts in rules.items()}
    months = {rule for rule, counts in counted.items() if counts == ["clinic-months"]}
    assert months == {"months_without_records", "volume_drop"}
    about_values = r"_(missing|not_finite|below_minimum|above_maximum|not_positive|without_exposure)$"
    values = {rule for rule in counted if re.search(about_values, str(rule))}
    values -= {"clinic_missing", "date_missing", "patient_missing"}
    assert {rule for rule, counts in counted.items() if counts == ["values"]} == values != set()
    assert all(counted[rule] == ["records"] for rule in counted.keys() - months - values)


def test_values_of_a_column_that_patients_are_grouped_by_count_as_records(tmp_path: Path) -> None:
    """Those without a value are a group of patients, which may be a small one."""
    rows = [{**each, "sex": "fm"[i % 2]} for i, each in enumerate(A + B)]
    result = screened(tmp_path, rows, groups={"sex": {"values": ["f", "m"], "names": ["Women", "Men"]}})
    counts = result.quality.groupby("rule")["counts"].first()
    assert counts["sex_missing"] == "records"
    assert counts["vaccinated_missing"] == "values"
