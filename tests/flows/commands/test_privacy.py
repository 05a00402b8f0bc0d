"""What `clinicnet privacy` says to whoever answers for a release."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from small_network import Run

from tests.disclosing.test_release import published, written

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with two releases."""
    file = written(tmp_path_factory.mktemp("privacy"))
    ways = "vaccinated, CASE hash(patient) % 3 WHEN 0 THEN 'ambulance' ELSE 'foot' END AS way FROM"
    described = file.read_text(encoding="utf-8").replace("vaccinated FROM", ways)
    file.write_text(f'{described}[groups.way]\nvalues = ["foot", "ambulance"]\n', encoding="utf-8")
    for month in ("2024-02", "2024-03"):
        published(file, month)
    return file


def test_the_latest_release_is_accounted_for(network_file: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("privacy", "--network", network_file)
    assert ended.returncode == 0, ended.stderr
    said = ended.stdout
    assert said.startswith("Release  2024-03-")
    assert "Policy   suppress-1-10: Counts from 1 to 10" in said
    assert "Held against 1 earlier release that shares periods with it." in said
    counted = re.search(r"^Vaccinated, clinics +(\d+) +(\d+) +(\d+)$", said, re.MULTILINE)
    assert counted is not None
    assert sum(map(int, counted.groups())) == 10  # every clinic is small, beside a small one, or shown
    by_way = re.search(r"^Vaccinated, groups: way +(\d+) +(\d+) +(\d+)$", said, re.MULTILINE)
    assert by_way is not None
    assert sum(map(int, by_way.groups())) == 2
    narrowest = re.search(r"(\d+) possible values\.$", said, re.MULTILINE)
    assert narrowest is not None
    assert int(narrowest[1]) >= 5


def test_a_release_is_named_by_what_it_begins_with(network_file: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("privacy", "2024-02", "--network", network_file)
    assert ended.stdout.startswith("Release  2024-02-")


def test_a_release_that_is_not_there_is_a_sentence(network_file: Path, clinicnet_here: Run) -> None:
    ended = clinicnet_here("privacy", "2023", "--network", network_file)
    assert ended.returncode == 2
    assert "there is no release called 2023 in" in ended.stderr
    assert "HINT: there are: 2024-02-" in ended.stderr
