"""Blocks of whole levels have every row once, whatever the labels are and however a database sorts them."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import postgres
import pytest

from tasks.errors import SourceError
from tasks.records import Records, blocks_for, cells_for
from tests.models.estimator_sources import in_duckdb, in_postgresql

_N = 400
_WORDS = ["a", "B", "ä", "Z", "_", "z%", "%%", "it's", "É", "10", "9", "a:b", "ab", "aa", "😀", " a", "a "]


def labels(rng: np.random.Generator) -> dict[str, Any]:
    """A column of every kind that can be a group."""
    pick = rng.integers(0, len(_WORDS), _N)
    return {
        "text": np.array(_WORDS)[pick],
        "whole": (pick - 8) * 10**15,
        "real": (pick - 8) / 7.0,
        "round": (pick - 8).astype(float),
        "true": pick > 7,
        "day": (pd.Timestamp("2024-01-28") + pd.to_timedelta(pick, unit="D")).date,
        "id": [str(uuid.UUID(int=(int(each) * 7919) << 90)) for each in pick],
    }


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    data = pd.DataFrame({**labels(rng), "x": rng.normal(size=_N), "y": rng.integers(0, 2, _N)})
    data.loc[rng.choice(_N, 9, replace=False), "real"] = np.nan
    return data


def assert_whole(records: Records, group: str) -> None:
    formula = f"y ~ x + (0 + x | {group})"
    _, expected = cells_for(formula, records, collapse=False)
    with blocks_for(formula, records, budget=1.0) as found:
        assert found is not None
        blocks = found[1]
        parts = [read() for read in blocks.of_whole_levels]
    assert blocks.levels == expected.levels
    assert len(parts) == len(blocks.levels[0])
    for name in ("fixed", "codes", "total"):
        together = np.concatenate([getattr(cells, name) for cells in parts])
        order = np.lexsort((np.concatenate([cells.fixed[:, 1] for cells in parts]),))
        np.testing.assert_array_equal(
            together[order], getattr(expected, name)[np.argsort(expected.fixed[:, 1])]
        )
    np.testing.assert_array_equal(
        np.concatenate([cells.random[0] for cells in parts])[:, 0],
        np.concatenate([cells.fixed[:, 1] for cells in parts]),
    )
    np.testing.assert_allclose(blocks.squares[0], (expected.fixed[:, 1] ** 2).sum())


@pytest.mark.slow
@pytest.mark.parametrize("group", ["text", "whole", "real", "round", "true", "day", "id"])
def test_levels_of_every_kind_are_whole(group: str, tmp_path: Path) -> None:
    assert_whole(in_duckdb({"visits": frame()}, tmp_path)("visits"), group)


@pytest.mark.parametrize("kind", ["ENUM ('b', 'a', 'c')", "UUID", "DECIMAL(9, 2)", "FLOAT", "HUGEINT"])
def test_duckdb_s_own_kinds_are_whole(kind: str, tmp_path: Path) -> None:
    labels = {"E": ["b", "a", "c"], "U": [str(uuid.UUID(int=each << 60)) for each in (9, 1, 5)]}
    values = labels.get(kind[0], ["-1.25", "0.5", "3"] if kind != "HUGEINT" else ["-5", "0", "7"])
    path = tmp_path / "kinds.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE visits (g {kind}, x DOUBLE, y INTEGER)")
        rows = [(values[i % 3], float(np.sin(i)), i % 2) for i in range(60)]
        connection.executemany("INSERT INTO visits VALUES (?, ?, ?)", rows)
    assert_whole(Records(str(path), "SELECT * FROM visits"), "g")


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.usefixtures("postgresql_url")
def test_postgresql_s_levels_are_whole(postgresql: postgres.PostgreSQL) -> None:
    table = in_postgresql({"visits": frame()}, postgresql)("visits")
    for group in ("text", "whole", "real", "round", "true", "day"):
        assert_whole(table, group)
    for kind in ("uuid", "char(40)"):
        other = Records(
            table.source,
            f"SELECT CAST(id AS {kind}) AS id, x, y FROM ({table.query}) AS visits",
            password_env="PGPASSWORD_FOR_TESTS",  # noqa: S106
        )
        assert_whole(other, "id")


def test_rows_that_come_and_go_end_the_reading(tmp_path: Path) -> None:
    place = in_duckdb({"visits": frame()}, tmp_path)("visits")
    query = f"SELECT * FROM ({place.query}) WHERE random() < 0.9"
    with (
        pytest.raises(SourceError, match="the records are not the same each time they are read"),
        blocks_for("y ~ x + (1 | text)", Records(place.source, query), budget=1.0) as found,
    ):
        assert found is not None
        for read in found[1].of_whole_levels:
            read()
