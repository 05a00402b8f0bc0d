"""A secret in a network file is refused, and repeated nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from network.three_clinics import GOOD, write, wrong

from tasks.network.reading import read_network

SECRET = "hunter2"  # noqa: S105 - planted, to see that it is not repeated


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"records.duckdb"', f'"postgresql://me:{SECRET}@db/clinic"', 6),
        ('"records.duckdb"', f'"postgresql://me:{SECRET}/:p@w@db/clinic"', 6),
        ('"records.duckdb"', f'"postgresql://db/clinic?user=me&password={SECRET}"', 6),
        ('"records.duckdb"', f'"postgresql://me@db/clinic"\npassword = "{SECRET}"', 7),
        ('"records.duckdb"', f'"postgresql://me@db/clinic"\ndb_token = "{SECRET}"', 7),
        ('"records.duckdb"', f'"postgresql://me@db/clinic"\npassword_env = "{SECRET}!"', 7),
        ("months = 6", f'months = 6\n[vault]\nsecret = "{SECRET}"', 33),
        ("months = 6", f'months = 6\n[mirror]\ntargets = ["sftp://me:{SECRET}@host/north"]', 34),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(
    tmp_path: Path, old: str, new: str, line: int
) -> None:
    said = wrong(tmp_path, GOOD.replace(old, new))
    assert any(each.startswith(f"line {line}: ") for each in said)
    assert SECRET not in "".join(said)
    assert any("password" in each or "secret" in each for each in said)


@pytest.mark.parametrize("password", ["", ":${DB_PASSWORD}"])
def test_a_url_with_its_password_elsewhere_is_accepted(tmp_path: Path, password: str) -> None:
    text = GOOD.replace('"records.duckdb"', f'"postgresql+psycopg://me{password}@db:5432/clinic"')
    assert read_network(write(tmp_path, text)).records.is_url


def test_two_secrets_do_not_hide_another_mistake_in_the_table(tmp_path: Path) -> None:
    said = wrong(
        tmp_path,
        GOOD.replace(
            '"records.duckdb"', f'"mysql://me:{SECRET}@db/x"\npassword = "{SECRET}"\nselect_file = "b.sql"'
        ),
    )
    assert [each.split(":")[0] for each in said] == ["line 6", "line 7", "line 8"]
