"""A month is held against what was published before it was, the first time and every time after."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tasks.errors import PublishingError
from tasks.publishing import Output, RunRecord, earlier_releases, write_feed, write_run_record
from tasks.release import TABLES, Release

MakeRelease = Callable[..., Release]


@pytest.fixture
def publish(tmp_path: Path, make_release: MakeRelease) -> Callable[[str, str], None]:
    """Publish a release of a month with a window from another month on, with the record of its run."""
    output, clock = Output(tmp_path), [datetime(2020, 1, 1, tzinfo=UTC)]

    def run(first: str, month: str) -> None:
        release = make_release(id=f"{first}to{month}".replace("-", ""), period=month, window=(first, month))
        with output.staging() as staging:
            write_feed(release, staging.feed)
            published = output.publish(staging, f"{month}-{release.id}")
        clock[0] += timedelta(days=1)
        ended = "unchanged" if published.unchanged else "published"
        record = RunRecord("A", "a.toml", month, clock[0], clock[0], ended, release=str(published.directory))  # type: ignore[arg-type]
        write_run_record(record, output.runs)

    return run


def _periods(tmp_path: Path, first: str, month: str) -> int:
    return len(earlier_releases(Output(tmp_path), (first, month)))


def test_before_anything_was_published_there_is_nothing(tmp_path: Path) -> None:
    assert earlier_releases(Output(tmp_path), ("2020-01", "2020-03")) == []


def test_what_was_published_comes_back_as_it_was(
    tmp_path: Path, publish: Callable[[str, str], None], release: Release
) -> None:
    publish("2020-01", "2020-03")
    (tables,) = earlier_releases(Output(tmp_path), ("2020-02", "2020-04"))
    assert set(tables) == {table.name for table in TABLES}
    pd.testing.assert_frame_equal(tables["clinics"], release["clinics"])
    pd.testing.assert_frame_equal(tables["clinic_months"], release["clinic_months"])


def test_windows_that_share_no_month_are_left_out(
    tmp_path: Path, publish: Callable[[str, str], None]
) -> None:
    publish("2019-01", "2019-03")
    publish("2020-01", "2020-03")
    assert _periods(tmp_path, "2020-02", "2020-04") == 1


def test_a_later_month_published_first_counts_as_earlier(
    tmp_path: Path, publish: Callable[[str, str], None]
) -> None:
    publish("2020-03", "2020-05")
    assert _periods(tmp_path, "2020-02", "2020-04") == 1


def test_a_month_run_again_is_held_against_the_same_as_the_first_time(
    tmp_path: Path, publish: Callable[[str, str], None]
) -> None:
    publish("2020-01", "2020-03")
    publish("2020-02", "2020-04")
    publish("2020-03", "2020-05")
    publish("2020-01", "2020-03")
    assert _periods(tmp_path, "2020-02", "2020-04") == 1
    assert _periods(tmp_path, "2020-01", "2020-03") == 0
    assert _periods(tmp_path, "2020-04", "2020-06") == 2  # published twice, the same release


def test_a_release_without_its_record_counts(tmp_path: Path, publish: Callable[[str, str], None]) -> None:
    publish("2020-02", "2020-04")
    publish("2020-03", "2020-05")
    assert _periods(tmp_path, "2020-02", "2020-04") == 0
    shutil.rmtree(tmp_path / "runs")
    assert _periods(tmp_path, "2020-02", "2020-04") == 1


def test_a_release_that_cannot_be_read_stops_the_next(
    tmp_path: Path, publish: Callable[[str, str], None]
) -> None:
    publish("2020-01", "2020-03")
    (file,) = (tmp_path / "releases").glob("*/feed/clinics.parquet")
    file.write_bytes(b"PAR1 and no more")
    with pytest.raises(PublishingError, match="cannot be read") as caught:
        _periods(tmp_path, "2020-02", "2020-04")
    assert caught.value.hint is not None


def test_a_failed_run_published_nothing(tmp_path: Path) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC)
    write_run_record(
        RunRecord("A", "a.toml", "2020-03", now, now, "failed", error="no"), Output(tmp_path).runs
    )
    assert _periods(tmp_path, "2020-02", "2020-04") == 0
