"""A first network file from a source's own columns."""

from __future__ import annotations

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
