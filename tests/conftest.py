"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def postgresql() -> Iterator[object]:
    """A running PostgreSQL server (tests that use it are marked `live`)."""
    import postgres

    if postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres.running() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql: object, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of the running PostgreSQL, without its password, which is in the variable PGPASSWORD_FOR_TESTS."""
    import postgres

    monkeypatch.setenv("PGPASSWORD_FOR_TESTS", postgres.PASSWORD)
    return postgresql.url  # type: ignore[attr-defined]
