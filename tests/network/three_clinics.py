"""A network file that is as it should be, to be made wrong in one place, and what is said of it then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.network.problems import NetworkFileError
from tasks.network.reading import read_network

GOOD = """\
[network]
name = "Three clinics"
time_zone = "Europe/Berlin"

[records]
source = "records.duckdb"
select = "SELECT * FROM visits"

[outcomes.vaccinated]
label = "Vaccinated"
kind = "binary"
direction = "higher"
adjusters = ["age", "ns(age, 3)"]

[outcomes.days]
label = "Days"
kind = "continuous"
column = "waiting_days"
direction = "lower"
minimum = 0
maximum = 400

[limits.age]
maximum = 110

[program]
label = "Outreach"
[program.starts]
"North Clinic" = "2023-05"

[window]
months = 6
"""


def write(directory: Path, text: str) -> Path:
    path = directory / "network.toml"
    path.write_text(text, "utf-8")
    return path


def wrong(directory: Path, text: str) -> list[str]:
    """The problems, each as it is printed."""
    with pytest.raises(NetworkFileError) as caught:
        read_network(write(directory, text))
    assert caught.value.exit_code == 2
    return [str(problem) for problem in caught.value.problems]
