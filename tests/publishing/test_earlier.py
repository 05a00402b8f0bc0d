"""A month is held against what was published before it was, the first time and every time after."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tasks.errors import PublishingError
from tasks.publishing import (
    Earlier,
    Output,
    RunRecord,
    earlier_releases,
    editions,
    latest_before,
    write_feed,
    write_run_record,
)
from tasks.publishing.earlier import connected_releases, in_a_chain, standing_releases, within_reach
from tasks.publishing.pruned import note_pruned
from tasks.release import Release, Since

MakeRelease = Callable[..., Release]


@pytest.fixture
def publish(tmp_path: Path, make_release: MakeRelease) -> Callable[[str, str], None]:
    """Publish a release of a month with a window from another month on, with the record of its run."""
    output, clock = Output(tmp_path), [datetime(2020, 1, 1, tzinfo=UTC)]

    def run(first: str, month: str) -> None:
        release = make_release(id=f"{first}to{month}".replace("-", ""), period=month, window=(first, month))
        with output.staging() as staging:
            write_feed(release, staging.feed)
            published = output.publish(staging, f"{month}-{release.id}", beside=None)
        clock[0] += timedelta(days=1)
        ended = "unchanged" if published.unchanged else "published"
        record = RunRecord("A", "a.toml", month, clock[0], clock[0], ended, release=str(published.directory))  # type: ignore[arg-type]
        write_run_record(record, output.runs)

    return run


def _periods(tmp_path: Path, first: str, month: str, edition: str | None = None) -> int:
    return len(earlier_releases(Output(tmp_path), (first, month), edition))


def _again(tmp_path: Path, first: str, month: str) -> int:
    """How many releases a month that may come out as its first edition is held against."""
    return _periods(tmp_path, first, month, next(iter(editions(Output(tmp_path), month))))


def test_releases_count_that_share_a_month_with_one_that_shares_one() -> None:
    windows = [("2020-01", "2020-02"), ("2020-01", "2020-04"), ("2020-04", "2020-07"), ("2020-06", "2020-09")]
    assert within_reach(windows, ("2020-07", "2020-10")) == [False, True, True, True]
    assert within_reach(windows, ("2020-10", "2020-11")) == [False] * 4


def test_a_chain_of_windows_that_overlap_reaches_back() -> None:
    windows = [("2020-01", "2020-02"), ("2020-01", "2020-04"), ("2020-04", "2020-07"), ("2020-06", "2020-09")]
    assert in_a_chain(windows, ("2020-07", "2020-10")) == [True, True, True, True]
    assert in_a_chain([*windows[:1], *windows[2:]], ("2020-07", "2020-10")) == [False, True, True]


@pytest.mark.slow
def test_releases_beyond_reach_are_read_where_a_chain_leads_to_them(
    tmp_path: Path, publish: Callable[[str, str], None]
) -> None:
    for first, month in (("2019-01", "2019-02"), ("2020-01", "2020-02"), ("2020-01", "2020-04")):
        publish(first, month)
    publish("2020-04", "2020-07")
    (standing,) = standing_releases(Output(tmp_path), ("2020-07", "2020-10"))
    assert [each.since.period for each in standing.earlier] == ["2020-04", "2020-07"]
    assert [each.since.period for each in standing.beyond] == ["2020-02"]


@pytest.mark.slow
def test_a_reader_of_a_release_has_the_whole_chain_and_what_was_pruned_of_it(
    tmp_path: Path, publish: Callable[[str, str], None]
) -> None:
    windows = [("2019-01", "2019-02"), ("2020-01", "2020-02"), ("2020-01", "2020-04"), ("2020-04", "2020-07")]
    for first, month in (*windows, ("2020-07", "2020-10")):
        publish(first, month)
    output = Output(tmp_path)
    note_pruned(output, "2019-12-pruned", ("2019-11", "2020-01"))
    note_pruned(output, "2018-12-pruned", ("2018-11", "2018-12"))
    found = connected_releases(output, ("2020-07", "2020-10"), next(iter(editions(output, "2020-10"))))
    assert [each.since.period for each in found.releases] == ["2020-02", "2020-04", "2020-07"]
    assert (found.near, found.pruned) == (2, ["2019-12-pruned"])


def test_before_anything_was_published_there_is_nothing(tmp_path: Path) -> None:
    assert earlier_releases(Output(tmp_path), ("2020-01", "2020-03")) == []


@pytest.mark.slow
def test_what_was_published_comes_back_as_it_was(
    tmp_path: Path, publish: Callable[[str, str], None], release: Release
) -> None:
    publish("2020-01", "2020-03")
    (earlier,) = earlier_releases(Output(tmp_path), ("2020-02", "2020-04"))
    assert earlier.since == Since("202001to202003", "2020-03")
    assert earlier.policy == "suppress-1-10"
    assert set(earlier.tables) == {
        *("clinics", "outcomes", "clinic_estimates", "network_figures", "clinic_months", "patient_groups"),
    }
    for name, rows in earlier.tables.items():
        if name != "clinic_estimates":  # whose fractions are rounded
            pd.testing.assert_frame_equal(rows, release[name])


@pytest.mark.slow
def test_a_release_is_read_that_knew_fewer_tables_and_columns(
    tmp_path: Path, publish: Callable[[str, str], None]
) -> None:
    publish("2020-01", "2020-03")
    (feed,) = (tmp_path / "releases").glob("*/feed")
    for file in [*feed.glob("changes.*"), *feed.glob("quality.*")]:
        file.unlink()
    months = pd.read_parquet(feed / "clinic_months.parquet")
    months.drop(columns="limits").to_parquet(feed / "clinic_months.parquet")
    (earlier,) = earlier_releases(Output(tmp_path), ("2020-02", "2020-04"))
    assert earlier.tables["clinic_months"]["limits"].isna().all()


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_month_run_again_is_held_against_the_same_as_the_first_time(
    tmp_path: Path, publish: Callable[[str, str], None]
) -> None:
    publish("2020-01", "2020-03")
    publish("2020-02", "2020-04")
    publish("2020-03", "2020-05")
    publish("2020-01", "2020-03")
    assert _again(tmp_path, "2020-02", "2020-04") == 1
    assert _again(tmp_path, "2020-01", "2020-03") == 0
    # published twice, the same release, which counts since it shares months with others that count
    assert _periods(tmp_path, "2020-04", "2020-06") == 3


@pytest.mark.slow
def test_a_month_that_comes_out_otherwise_is_held_against_what_stands(
    tmp_path: Path, publish: Callable[[str, str], None]
) -> None:
    publish("2020-02", "2020-04")
    publish("2020-03", "2020-05")
    publish("2020-03", "2020-04")
    first, second = editions(Output(tmp_path), "2020-04")
    assert _periods(tmp_path, "2020-02", "2020-04", first) == 0
    assert _periods(tmp_path, "2020-02", "2020-04", second) == 2
    assert _periods(tmp_path, "2020-02", "2020-04") == 3


@pytest.mark.slow
def test_a_release_without_its_record_counts(tmp_path: Path, publish: Callable[[str, str], None]) -> None:
    publish("2020-02", "2020-04")
    publish("2020-03", "2020-05")
    assert _again(tmp_path, "2020-02", "2020-04") == 0
    shutil.rmtree(tmp_path / "runs")
    assert _again(tmp_path, "2020-02", "2020-04") == 1


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


def _latest(tmp_path: Path, month: str, policy: str = "suppress-1-10") -> str | None:
    first = str(pd.Period(month, "M") - 2)
    edition = next(iter(editions(Output(tmp_path), month)), None)
    found = latest_before(earlier_releases(Output(tmp_path), (first, month), edition), month, policy)
    return None if found is None else found.since.id


@pytest.mark.slow
def test_a_release_is_compared_with_the_last_of_the_months_before(
    tmp_path: Path, publish: Callable[[str, str], None]
) -> None:
    assert _latest(tmp_path, "2020-05") is None
    publish("2020-02", "2020-04")
    publish("2020-01", "2020-03")
    publish("2020-04", "2020-06")
    assert _latest(tmp_path, "2020-05") == "202002to202004"
    assert _latest(tmp_path, "2020-03") is None, "its own month and later ones are not before it"


@pytest.mark.slow
def test_of_two_releases_of_one_month_the_later_counts_and_does_not_change(
    tmp_path: Path, publish: Callable[[str, str], None]
) -> None:
    publish("2020-02", "2020-04")
    publish("2020-01", "2020-04")
    assert _latest(tmp_path, "2020-05") == "202001to202004"
    publish("2020-02", "2020-04")  # the first again: it is the later one now
    assert _latest(tmp_path, "2020-05") == "202002to202004"
    publish("2020-03", "2020-05")
    publish("2020-01", "2020-04")
    publish("2020-03", "2020-04")
    assert _latest(tmp_path, "2020-05") == "202002to202004"
    assert _latest(tmp_path, "2020-06") == "202003to202005"


def test_what_another_policy_showed_is_not_compared_with() -> None:
    open_to_all = Earlier(Since("a", "2020-04"), "none", {})
    like_now = Earlier(Since("b", "2020-03"), "suppress-1-10", {})
    found = latest_before([open_to_all, like_now], "2020-05", "suppress-1-10")
    assert found is like_now


@pytest.mark.slow
def test_what_is_no_release_is_passed_over(tmp_path: Path, publish: Callable[[str, str], None]) -> None:
    publish("2020-01", "2020-03")
    releases = tmp_path / "releases"
    (releases / "notes.txt").write_text("keep the last three")
    (releases / "old copies").mkdir()
    (releases / "2020-03-notes.txt").write_text("late records came on the 9th")
    assert _periods(tmp_path, "2020-01", "2020-04") == 1
