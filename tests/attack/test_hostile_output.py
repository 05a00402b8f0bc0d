"""An output directory that somebody prepared: links that lead elsewhere are refused, or harmless."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_network import MONTH, ONE_OUTCOME, write_network

from flows.monthly_job import report_period
from tasks.errors import ClinicnetError
from tests.golden.demo_feeds import undrawn

pytestmark = [pytest.mark.attack, pytest.mark.slow]


def elsewhere(directory: Path) -> Path:
    """A directory of somebody else's, with a file in it."""
    place = directory / "elsewhere"
    place.mkdir()
    (place / "letter.txt").write_text("not ours", encoding="utf-8")
    return place


@pytest.mark.parametrize("link", ["latest", "releases", ".staging", "runs"])
def test_a_link_out_of_the_output_directory_loses_nobody_a_file(tmp_path: Path, link: str) -> None:
    file, place = write_network(tmp_path / "network", network=ONE_OUTCOME), elsewhere(tmp_path)
    output = file.parent / "output"
    output.mkdir()
    (output / link).symlink_to(place, target_is_directory=True)
    try:
        report_period(file, MONTH, undrawn())
    except ClinicnetError as error:
        assert error.exit_code == 2
    assert (place / "letter.txt").read_text(encoding="utf-8") == "not ours"


def test_a_dangling_latest_is_replaced(tmp_path: Path) -> None:
    file = write_network(tmp_path / "network", network=ONE_OUTCOME)
    output = file.parent / "output"
    output.mkdir()
    (output / "latest").symlink_to(tmp_path / "gone")
    reported = report_period(file, MONTH, undrawn())
    assert (output / "latest").resolve() == reported.directory.resolve()
    assert not (tmp_path / "gone").exists()
