"""The key of what is withheld besides: made once, read by its owner, missed where it is gone bad."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.errors import PublishingError
from tasks.publishing.withholding_key import FILE, VARIABLE, withholding_key


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_it_is_made_once_and_stays_its_owners(tmp_path: Path) -> None:
    directory = tmp_path / "output"
    key = withholding_key(directory)
    assert len(key) == 32
    assert withholding_key(directory) == key
    assert withholding_key(tmp_path / "another") != key
    assert stat.S_IMODE((directory / FILE).stat().st_mode) == 0o600
    assert [each.name for each in directory.iterdir()] == [FILE]


def test_of_many_runs_at_once_all_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: withholding_key(tmp_path), range(64)))
    assert len(keys) == 1
    assert [each.name for each in tmp_path.iterdir()] == [FILE]


def test_a_variable_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "of the whole network")
    assert withholding_key(tmp_path) == b"of the whole network"
    assert not (tmp_path / FILE).exists()


def test_what_is_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"short")
    with pytest.raises(PublishingError, match="is no key that clinicnet made: it has 5 bytes"):
        withholding_key(tmp_path)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("a file", encoding="utf-8")
    with pytest.raises(PublishingError, match="cannot be kept in") as caught:
        withholding_key(tmp_path / "output")
    assert VARIABLE in str(caught.value.hint)
    assert [each.name for each in tmp_path.iterdir()] == ["output"]
