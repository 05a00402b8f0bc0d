"""The feed says what the release says, in three formats, the same bytes each time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from frictionless import Package, validate

from reports.wording import languages, say, speaking
from tasks.publishing import write_feed
from tasks.publishing.dictionary import feed_tables
from tasks.release import STATUSES, TABLES, Release, rounded


def test_every_table_is_there_in_three_formats_and_described(release: Release, tmp_path: Path) -> None:
    files = write_feed(release, tmp_path)
    expected = {f"{table.name}.{suffix}" for table in TABLES for suffix in ("parquet", "csv", "json")}
    assert {file.name for file in files if file.parent == tmp_path} == expected | {"datapackage.json"}
    package = json.loads((tmp_path / "datapackage.json").read_text())
    assert {resource["path"] for resource in package["resources"]} == expected
    described = {each["name"]: each["schema"]["fields"] for each in package["resources"] if "schema" in each}
    assert set(described) == {table.name for table in TABLES}
    assert all(field["description"] for fields in described.values() for field in fields)
    assert package["statuses"] == STATUSES


def _as_json(row: dict[str, object]) -> dict[str, object]:
    """A row with dates as JSON has them, and numbers that a reader made decimals."""
    as_text = {name: cell.isoformat() for name, cell in row.items() if isinstance(cell, date)}
    return row | as_text | {name: float(cell) for name, cell in row.items() if isinstance(cell, Decimal)}


@pytest.mark.slow
def test_frictionless_finds_the_package_valid(release: Release, tmp_path: Path) -> None:
    write_feed(release, tmp_path)
    report = validate(str(tmp_path / "datapackage.json"))
    assert report.valid, report.flatten(["title", "fieldName", "rowNumber", "message"])
    assert report.stats["tasks"] == 3 * len(TABLES)


@pytest.mark.slow
@pytest.mark.parametrize("language", languages())
def test_what_an_empty_cell_means_is_said_by_its_label(
    release: Release, tmp_path: Path, language: str
) -> None:
    write_feed(release, tmp_path, language)
    said = json.loads((tmp_path / "datapackage.json").read_text())
    assert said["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"  # 1 has no labels
    with speaking(language):
        none, by_status, of_measures = (say(f"feed.no_value{of}") for of in ("", "_status", "_measures"))
    labels = {}
    for resource in said["resources"]:
        if "schema" not in resource:
            continue
        ((value, label),) = (each.values() for each in resource["schema"]["missingValues"])
        assert value == ""
        assert label.startswith(none)
        statused = any(field["name"] == "status" for field in resource["schema"]["fields"])
        assert (label == by_status) == statused
        labels[resource["name"]] = label
    assert labels["measures"] == of_measures
    assert len(set(labels.values())) == 6
    read = Package(str(tmp_path / "datapackage.json")).get_resource("measures").to_descriptor()
    assert read["schema"]["missingValues"] == [{"value": "", "label": of_measures}]


@pytest.mark.slow
def test_frictionless_reads_the_rows_of_the_release(release: Release, tmp_path: Path) -> None:
    write_feed(release, tmp_path)
    package = Package(str(tmp_path / "datapackage.json"))
    for table in TABLES:
        rows = [_as_json(row.to_dict()) for row in package.get_resource(table.name).read_rows()]
        assert rows == json.loads((tmp_path / f"{table.name}.json").read_text())


@pytest.mark.slow
def test_a_changed_file_is_found_by_its_hash(release: Release, tmp_path: Path) -> None:
    write_feed(release, tmp_path)
    changed = tmp_path / "clinics.csv"
    changed.write_text(changed.read_text().replace("140", "141"))
    report = validate(str(tmp_path / "datapackage.json"))
    assert [row[0] for row in report.flatten(["title"])] == ["Hash Count Error"]


def test_all_formats_hold_the_values_of_the_release(release: Release, tmp_path: Path) -> None:
    write_feed(release, tmp_path)
    for table in feed_tables():
        parquet = pq.read_table(tmp_path / f"{table.name}.parquet").to_pylist()
        assert [*map(_as_json, parquet)] == json.loads((tmp_path / f"{table.name}.json").read_text())
        text = pd.read_csv(tmp_path / f"{table.name}.csv", keep_default_na=False, na_values=[""], dtype=str)
        assert list(text.columns) == [column.name for column in table.columns]
        for row, cells in zip(parquet, text.itertuples(index=False, name=None), strict=True):
            for value, cell in zip(row.values(), cells, strict=True):
                if pd.isna(cell):
                    assert value is None or value == ""
                elif isinstance(value, bool):
                    assert cell == str(value).lower()
                elif isinstance(value, date):
                    assert cell == value.isoformat()
                else:
                    assert type(value)(cell) == value


def test_numbers_are_rounded_and_counts_are_whole(release: Release, tmp_path: Path) -> None:
    write_feed(release, tmp_path)
    rows = {
        (row["clinic"], row["form"]): row
        for row in json.loads((tmp_path / "clinic_estimates.json").read_text())
    }
    assert rows["Ward 1", "raw"]["value"] == 8.5714286
    assert rows["Ward 1", "shrunken"]["value"] == 7.1234568
    assert rows["Ward 1", "raw"]["numerator"] == 12
    withheld = rows['Smith, "Old" & Çelik', "raw"]
    assert withheld["value"] is None
    assert withheld["status"] == "suppressed_primary"


@pytest.mark.slow
def test_the_package_names_the_release_compared_with(
    make_release: Callable[..., Release], release: Release, tmp_path: Path
) -> None:
    write_feed(release, tmp_path / "later")
    write_feed(make_release(since=None), tmp_path / "first")
    compared = [
        json.loads((tmp_path / each / "datapackage.json").read_text())["release"]["compared_with"]
        for each in ("later", "first")
    ]
    assert compared == [{"id": "92855d900e68", "period": "2020-04"}, None]


@pytest.mark.slow
def test_every_row_names_its_release_and_period(release: Release, tmp_path: Path) -> None:
    write_feed(release, tmp_path)
    for table in TABLES:
        for row in pq.read_table(tmp_path / f"{table.name}.parquet").to_pylist():
            assert (row["release"], row["period"]) == ("3fa9c1d2e801", "2020-05")


def test_duckdb_reads_it_in_one_line(release: Release, tmp_path: Path) -> None:
    write_feed(release, tmp_path)
    for suffix in ("parquet", "csv", "json"):
        found = duckdb.sql(
            f"SELECT count(*), avg(value) FROM '{tmp_path}/clinic_estimates.{suffix}'"
        ).fetchall()
        assert found == [(3, pytest.approx(7.8474427, abs=1e-12))]


@pytest.mark.slow
def test_an_empty_table_keeps_its_columns(make_release: Callable[..., Release], tmp_path: Path) -> None:
    tables = {table.name: table.empty() for table in TABLES}
    write_feed(make_release(tables=tables), tmp_path)
    for table in feed_tables():
        read = pq.read_table(tmp_path / f"{table.name}.parquet")
        assert read.num_rows == 0
        assert read.column_names == [column.name for column in table.columns]
        assert json.loads((tmp_path / f"{table.name}.json").read_text()) == []
    assert validate(str(tmp_path / "datapackage.json")).valid


@pytest.mark.slow
def test_the_same_release_gives_the_same_bytes_in_another_process(release: Release, tmp_path: Path) -> None:
    write_feed(release, tmp_path / "here")
    script = (
        "import runpy, sys\nfrom pathlib import Path\nfrom tasks.publishing import write_feed\n"
        f"made = runpy.run_path({str(Path(__file__).with_name('conftest.py'))!r})\n"
        "write_feed(made['_release'](), Path(sys.argv[1]))\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "there")], check=True)
    for file in sorted(each for each in (tmp_path / "here").rglob("*") if each.is_file()):
        assert file.read_bytes() == (tmp_path / "there" / file.relative_to(tmp_path / "here")).read_bytes(), (
            file.name
        )


@pytest.mark.slow
def test_noise_beyond_the_published_digits_changes_nothing(
    make_release: Callable[..., Release], release: Release, tmp_path: Path
) -> None:
    noisy = {name: rows.copy() for name, rows in release.tables.items()}
    noisy["clinic_estimates"]["value"] *= 1 + 1e-13
    noisy["clinic_estimates"] = noisy["clinic_estimates"].sample(frac=1, random_state=1)
    write_feed(release, tmp_path / "one")
    write_feed(make_release(tables=noisy), tmp_path / "other")
    for file in sorted(each for each in (tmp_path / "one").rglob("*") if each.is_file()):
        assert file.read_bytes() == (tmp_path / "other" / file.relative_to(tmp_path / "one")).read_bytes(), (
            file.name
        )


@pytest.mark.parametrize("value", [134.347425, 0.000123456785, -2.5e9 / 7, 12.5, 1 / 3])
def test_noise_does_not_decide_which_way_a_middle_is_rounded(value: float) -> None:
    noisy = pd.DataFrame({"value": [value, value * (1 + 3e-15), value * (1 - 3e-15)]})
    assert len(set(rounded(noisy)["value"])) == 1


def test_an_infinite_number_is_refused_by_column(
    make_release: Callable[..., Release], release: Release, tmp_path: Path
) -> None:
    tables = dict(release.tables)
    tables["network_figures"] = tables["network_figures"].assign(value=float("inf"))
    with pytest.raises(ValueError, match="column value holds an infinite number"):
        write_feed(make_release(tables=tables), tmp_path)


def test_an_undisclosed_release_is_refused(make_release: Callable[..., Release], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="disclosure policy"):
        write_feed(make_release(policy=None), tmp_path)
    assert not list(tmp_path.iterdir())
