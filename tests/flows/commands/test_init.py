"""A first network file from a source's own columns."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flows.commands.init import draft_from_source
from tasks.errors import SourceError


@pytest.mark.parametrize(
    "url", ["postgresql://reader:hidden@127.0.0.1/records", "mysql://r:hidden@db/records"]
)
def test_a_password_in_the_url_is_refused_before_it_is_written_or_used(tmp_path: Path, url: str) -> None:
    with pytest.raises(SourceError, match="holds a password") as refused:
        draft_from_source(tmp_path / "network.toml", url, None, None)
    assert "hidden" not in str(refused.value)
    assert "--password-env" in str(refused.value.hint)


@pytest.mark.live
def test_the_draft_names_the_variable_that_holds_the_password(
    tmp_path: Path, postgresql: Any, postgresql_url: str
) -> None:
    engine = sa.create_engine(postgresql.admin_url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS seen"))
        connection.execute(
            sa.text(
                "CREATE TABLE seen AS SELECT 'Clinic ' || (i % 3) AS clinic, DATE '2024-01-01' + i AS date, "
                "i % 2 AS vaccinated FROM generate_series(1, 60) AS numbers(i)"
            )
        )
    engine.dispose()
    draft = draft_from_source(tmp_path / "network.toml", postgresql_url, "seen", "PGPASSWORD_FOR_TESTS")
    assert draft.password_env == "PGPASSWORD_FOR_TESTS"  # noqa: S105 (its name)


@pytest.mark.faults
@pytest.mark.slow
def test_who_stops_it_is_told_that_no_file_is_written(tmp_path: Path) -> None:
    """It said of the questions that the last good release was as it had been."""
    command = [sys.executable, "-m", "flows", "init", "network.toml"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as asking:
        assert asking.stdout is not None and asking.stderr is not None
        while "Where are the records?" not in asking.stdout.readline():
            assert asking.poll() is None
        asking.send_signal(signal.SIGINT)
        assert asking.stderr.read() == "Stopped by Ctrl-C; network.toml is not written.\n"
    assert asking.returncode == 130
    assert not list(tmp_path.iterdir())
