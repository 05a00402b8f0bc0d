"""What would end a run is said before its work; what ends it in the middle is said as what it is."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.errors import PublishingError
from tasks.publishing import Output, Staging, require_ready, write_feed
from tasks.publishing.write_errors import filling
from tasks.release import Release

MakeRelease = Callable[..., Release]

pytestmark = pytest.mark.faults


@pytest.fixture
def output(tmp_path: Path, make_release: MakeRelease) -> Output:
    """An output directory with the releases of two months, each with a window of three."""
    made = Output(tmp_path / "output")
    for first, month in (("2020-02", "2020-04"), ("2020-03", "2020-05")):
        release = make_release(period=month, window=(first, month))
        with made.staging() as staging:
            write_feed(release, staging.feed)
            made.publish(staging, f"{month}-{release.id}", beside=None)
    return made


def refused(output: Output, window: tuple[str, str] | None = None) -> PublishingError:
    with pytest.raises(PublishingError) as caught:
        require_ready(output, window)
    return caught.value


@pytest.mark.slow
def test_an_output_directory_that_is_ready(output: Output, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert require_ready(output) == 2
    # May's shares a period with the window, and April's with May's
    assert require_ready(output, ("2020-05", "2020-07")) == 2
    assert require_ready(output, ("2020-06", "2020-08")) == 0
    assert require_ready(Output(tmp_path / "not/there/yet")) == 0
    assert sorted(tmp_path.rglob("*")) == before, "it leaves nothing behind"


def test_a_release_that_cannot_be_read_is_named(output: Output) -> None:
    april = output.directory / "releases/2020-04-3fa9c1d2e801"
    spoilt = april / "feed/clinic_months.parquet"
    spoilt.write_bytes(spoilt.read_bytes()[:-200])
    assert f"the release in {april} cannot be read" in refused(output).message
    assert f"the release in {april} cannot be read" in refused(output, ("2020-04", "2020-06")).message
    assert require_ready(output, ("2020-06", "2020-08")) == 0, (
        "a window that shares no period does not need it"
    )
    (april / "feed/datapackage.json").write_text("[]")
    assert f"the release in {april} cannot be read" in refused(output).message


def test_a_disk_without_room_for_another_release(output: Output) -> None:
    current = output.current()
    assert current is not None
    (current / "reports").mkdir()
    with (current / "reports/network.pdf").open("wb") as sparse:
        sparse.truncate(8 << 40)  # no disk has room for one more of these
    error = refused(output)
    assert error.message.startswith(f"the disk of {output.directory} has ")
    assert error.message.endswith("MB left, and a release needs some 10,485,760 MB")
    assert "free some space" in (error.hint or "")


@pytest.mark.parametrize("below", ["", "a/b"])
def test_a_file_where_the_directory_goes(below: str, tmp_path: Path) -> None:
    (tmp_path / "output").write_text("a file")
    error = refused(Output(tmp_path / "output" / below))
    assert "could not be written" in error.message
    assert "a file stands where a directory is needed" in (error.hint or "")


def test_a_directory_that_this_user_may_not_write(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir(mode=0o555)
    with _unprivileged(tmp_path):
        error = refused(Output(tmp_path / "output"))
    assert "permission denied" in error.message
    assert "give this user the right to write there" in (error.hint or "")


@contextmanager
def _unprivileged(directory: Path) -> Iterator[None]:
    """As a user without rights: root may write anywhere."""
    if os.geteuid() != 0:
        yield
        return
    above = [each for each in (directory, *directory.parents) if not each.stat().st_mode & 0o001]
    modes = {each: each.stat().st_mode for each in above}
    for each in above:
        each.chmod(modes[each] | 0o001)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        for each, mode in modes.items():
            each.chmod(mode)


def test_a_latest_that_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    assert refused(Output(tmp_path)).message == f"{tmp_path}/latest is not the link that clinicnet makes"


# In the middle of the work ------------------------------------------------------------------------------


def full(staging: Staging, file: str) -> None:
    """Let a file of the release be on a device that is full."""
    target = staging.path / file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to("/dev/full")


@pytest.mark.slow
@pytest.mark.parametrize("file", ["clinics.parquet", "quality.csv", "last_shown.json", "datapackage.json"])
def test_a_disk_that_is_full_while_the_feed_is_written(
    file: str, output: Output, make_release: MakeRelease
) -> None:
    """It was called a bug."""
    good = output.current()
    with pytest.raises(PublishingError) as caught, output.staging() as staging:
        full(staging, f"feed/{file}")
        with staging.filled():
            write_feed(make_release(), staging.feed)
    assert caught.value.message == (
        f"the release could not be written to {output.directory}: no space left on device; "
        "the last good release is as it was"
    )
    assert "free some space" in (caught.value.hint or "")
    assert output.current() == good


@contextmanager
def _small_files(n_bytes: int) -> Iterator[None]:
    """A limit on the size of files stands in for a full disk: the system refuses the write all the same."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_library_that_does_not_hand_on_what_the_system_told_it(tmp_path: Path) -> None:
    """PDFs are drawn in other processes, whose errors come back as text."""
    with _small_files(500_000), pytest.raises(PublishingError) as caught, filling(tmp_path, tmp_path):
        raise RuntimeError("3 reports could not be made")
    assert "file too large" in caught.value.message
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_bug_stays_one(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="3 reports"), filling(tmp_path, tmp_path):
        raise RuntimeError("3 reports could not be made")
    with pytest.raises(FileNotFoundError), filling(tmp_path, tmp_path):
        (tmp_path / "a-font").read_bytes()
