"""A file whose bytes are not what was written is said to be damaged, whatever its readers make of it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tasks.errors import ClinicnetError, SourceError
from tasks.records import Records
from tasks.records.questions.aggregates import aggregate

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("files")
    with duckdb.connect(str(directory / "visits.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE records AS SELECT 'C' || (i % 40) AS clinic, md5(CAST(i AS TEXT)) AS note, "
            "CAST(hash(i) % 1000000007 AS DOUBLE) AS y FROM range(60000) AS t(i)"
        )
        connection.execute(f"COPY records TO '{directory}/visits.parquet' (COMPRESSION snappy)")
    return directory


def told(source: str, directory: Path) -> ClinicnetError:
    records = Records(source, directory=str(directory))
    with pytest.raises(ClinicnetError) as refused:
        aggregate(records, "SELECT clinic, sum(y) AS total, count(note) AS n FROM {records} GROUP BY clinic")
    return refused.value


def spoilt(whole: bytes, first: int, last: int) -> bytes:
    return whole[:first] + b"\xff" * (last - first) + whole[last:]


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_duckdb_file_that_was_cut_short(share: float, files: Path, tmp_path: Path) -> None:
    """It "cannot be opened", and there was no hint."""
    whole = (files / "visits.duckdb").read_bytes()
    (tmp_path / "cut.duckdb").write_bytes(whole[: int(len(whole) * share)])
    error = told("cut.duckdb", tmp_path)
    assert error.message.endswith("cut.duckdb is damaged, or was cut short")
    assert error.hint == "copy it once more from where it comes, whole"


def test_a_duckdb_file_with_a_bad_block(files: Path, tmp_path: Path) -> None:
    """DuckDB "refused the SELECT (Error)"."""
    whole = (files / "visits.duckdb").read_bytes()
    (tmp_path / "bad.duckdb").write_bytes(spoilt(whole, 20_000, len(whole)))
    assert "bad.duckdb is damaged" in told("bad.duckdb", tmp_path).message


def test_a_parquet_file_with_a_bad_page_is_named_among_many(files: Path, tmp_path: Path) -> None:
    """A value was said not to have "the type that the SELECT gives it"."""
    whole = (files / "visits.parquet").read_bytes()
    (tmp_path / "2024-04.parquet").write_bytes(whole)
    (tmp_path / "2024-05.parquet").write_bytes(spoilt(whole, 1_000, len(whole) - 20_000))
    assert told("2024-*.parquet", tmp_path).message == "2024-05.parquet is damaged, or was cut short"


def test_a_parquet_file_with_a_bad_footer(files: Path, tmp_path: Path) -> None:
    """DuckDB "refused the SELECT (Error)"."""
    whole = (files / "visits.parquet").read_bytes()
    (tmp_path / "bad.parquet").write_bytes(spoilt(whole, len(whole) - 300, len(whole) - 8))
    error = told("bad.parquet", tmp_path)
    assert isinstance(error, SourceError)
    assert error.message == "bad.parquet is damaged, or was cut short"


def test_a_parquet_file_that_was_cut_short(files: Path, tmp_path: Path) -> None:
    whole = (files / "visits.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    assert "check that the file is whole" in str(told("cut.parquet", tmp_path))
